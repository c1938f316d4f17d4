"""The tables of the Mappings screen: the purposes, what no rule covers, the rules of one purpose.

What they mean is told by what is handed in; nothing is read or worked out here.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.content import Content

from bcifs_console.base.text import safe_text
from bcifs_console.console import text
from bcifs_console.console.mapping_words import LISTED, purpose_title, when
from bcifs_console.console.widgets.columns import Column
from bcifs_console.console.widgets.lines import BAD, DIM, GOOD, NEW, WARN
from bcifs_console.console.widgets.virtual_table import VirtualTable
from bcifs_console.domain.rules import MappingRule, Purpose
from bcifs_console.operations.mapping_gaps import Gap

PURPOSE_COLUMNS: Final = (
    Column("purpose", "Purpose", 19, grow=1, sortable=False),
    Column("rules", "Rules", 5, align="right", number=True, sortable=False),
    Column("waits", "Waiting", 7, align="right", number=True, sortable=False),
)
GAP_COLUMNS: Final = (
    Column("orders", "Orders", 6, align="right", number=True, sortable=False),
    Column("what", "What", 24, grow=1, sortable=False),
    Column("lacks", "Lacks", 19, from_width=90, sortable=False),
    Column("since", "Age", 7, align="right", sortable=False),
)
RULE_COLUMNS: Final = (
    Column("place", "#", 3, align="right", number=True, sortable=False),
    Column("when", "When", 24, grow=3, sortable=False),
    Column("then", "Then", 14, grow=1, sortable=False),
    Column("ifs", "In IFS", 9, from_width=66, sortable=False),
    Column("note", "", 12, sortable=False),
)
#: The row above the purposes that shows what no rule covers.
NOT_COVERED: Final = -1
#: How IFS answers for what a rule leads to.
_STANDINGS: Final[Mapping[str, tuple[str, str]]] = {
    "ok": ("✓ ok", GOOD),
    "missing": ("✗ missing", BAD),
    "closed": ("! closed", WARN),
    "unknown": ("· unknown", DIM),
}


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule as it is listed."""

    rule: MappingRule
    standing: str = ""  #: how IFS answered for its result; "" while it was not asked
    is_never_used: bool = False
    is_moved: bool = False

    @property
    def is_new(self) -> bool:
        """Whether it is an edit that is not saved."""
        return not self.rule.id


class MappingTable(VirtualTable, inherit_bindings=False):
    """A table without marks: its rows are worked on one at a time. Esc goes back to the purposes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            binding
            for binding in VirtualTable.BINDINGS
            if isinstance(binding, Binding) and binding.action not in ("toggle_mark", "mark_range", "clear_marks")
        ),
        Binding("escape", "screen.leave_list", "Back", show=False, id="mapping.leave"),
    ]


def purpose_cells(
    number: int, rules: int, waiting: int, *, is_edited: bool, standings: Collection[str] = ()
) -> Sequence[Content]:
    """One purpose: how many rules it has, how many orders wait for another; how IFS answered for what they give."""
    if number == NOT_COVERED:
        word = Content.styled("Not covered", f"bold {WARN}") if waiting else Content.styled("Not covered", "bold")
        return word, Content(""), _waiting(waiting)
    name = purpose_title(LISTED[number])
    shown = Content.assemble(name, (" *", NEW)) if is_edited else Content.styled(name, "" if rules else DIM)
    worst = next((word for word in ("missing", "closed") if word in standings), "")
    if worst:
        shown = Content.assemble(shown, " ", _STANDINGS[worst])
    return shown, Content.styled(str(rules), "" if rules else DIM), _waiting(waiting)


def _waiting(orders: int) -> Content:
    return Content.styled(f"! {orders:,}", WARN) if orders else Content.styled("-", DIM)


def gap_cells(gap: Gap, now: datetime, *, is_edited: bool) -> Sequence[Content]:
    """One thing that no rule covers. `is_edited`: an edit that is not saved settles it."""
    lacks = purpose_title(gap.purpose) if gap.purpose is not None else "?"
    if gap.is_covered:
        lacks = "✓ covered since"
    elif gap.culprit is not None:
        lacks = f"by its rule {gap.culprit.position}"
    is_answered = is_edited or gap.is_covered
    what = safe_text(gap.value.message).removesuffix(".")
    return (
        Content.styled(f"{len(gap.value.orders):,}", DIM if is_answered else WARN),
        Content.styled(what, DIM if is_answered else ""),
        Content.styled(lacks, DIM if is_answered else ""),
        Content.styled("✓ edit", NEW) if is_edited else Content.styled(text.age(now, gap.value.since), DIM),
    )


def rule_cells(row: RuleRow, *, is_only: bool) -> Sequence[Content]:
    """One rule. Of a rule without conditions it is said whether anything stands before it."""
    word, colour = _STANDINGS.get(row.standing, ("", DIM))
    return (
        Content.styled(str(row.rule.position), DIM),
        when(row.rule.conditions, is_last=is_only),
        Content.styled(safe_text(row.rule.result), "bold"),
        Content.styled(word, colour),
        _note(row),
    )


def _note(row: RuleRow) -> Content:
    if row.is_never_used:
        return Content.styled("! never used", WARN)
    if row.is_new:
        return Content.styled("+ new", NEW)
    if row.is_moved:
        return Content.styled("↕ moved", NEW)
    return Content.styled("shipped" if row.rule.author == "shipped" else "", DIM)


def purpose_of(number: int) -> Purpose | None:
    """The purpose in this row, None for the row above them."""
    return None if number == NOT_COVERED else LISTED[number]


def row_of(purpose: Purpose | None) -> int:
    """The row of a purpose."""
    return NOT_COVERED if purpose is None else LISTED.index(purpose)
