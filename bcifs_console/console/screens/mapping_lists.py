"""The lists of the Mappings screen: what no rule covers, the purposes, the rules of one of them, one rule in full.

What a person does with them is `mappings.MappingsScreen`'s. How rules are worded is `mapping_words`, how they are
listed `widgets.mapping_table`, what is told of one `widgets.mapping_detail`.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from bcifs_console.console.mapping_draft import MappingDraft
from bcifs_console.console.mapping_words import LISTED, Standings
from bcifs_console.console.screens.base import ConsoleScreen
from bcifs_console.console.widgets.lines import heading
from bcifs_console.console.widgets.mapping_detail import gap_lines, head_lines, list_title, no_rules, rule_lines
from bcifs_console.console.widgets.mapping_table import (
    GAP_COLUMNS,
    NOT_COVERED,
    PURPOSE_COLUMNS,
    RULE_COLUMNS,
    MappingTable,
    RuleRow,
    gap_cells,
    purpose_cells,
    purpose_of,
    row_of,
    rule_cells,
)
from bcifs_console.console.widgets.status_bar import StatusBar
from bcifs_console.console.widgets.virtual_table import VirtualTable
from bcifs_console.domain.rules import MappingRule, Purpose
from bcifs_console.operations import mapping
from bcifs_console.operations.mapping_gaps import Gap, Mapped, mapped
from bcifs_console.store.feed import ChangeSet
from bcifs_console.store.views import mappings as views

_COVERED: Final = Content(
    "✓ No order waits for a rule. Choose a purpose to see or change its rules; v checks them in IFS."
)
_NO_CONNECTION: Final = Content("No connection yet. :setup makes one; or run: bcifs connection add FILE")
_AT_ONCE: Final = frozenset({"mapping", "connection"})
#: Seconds before orders that changed are looked at.
_ORDERS_S: Final = 2.0
#: As in styles/mappings.tcss.
_PURPOSES_WIDTH: Final = 43


class MappingLists(ConsoleScreen):
    """Shows the mapping of one connection at a time, with the edits that are not saved."""

    KINDS = _AT_ONCE | {"order"}

    def __init__(self) -> None:
        super().__init__()
        self._names: Sequence[tuple[int, str]] = ()
        self._chosen = 0  #: whose mapping is shown: a connection's id
        self._asked_for: int | None = None  #: whose mapping is to be shown as soon as it is read
        self._found: Mapped | None = None
        self._gap_numbers: dict[tuple[int, str, str], int] = {}
        self._gaps: Mapping[int, Gap] = {}  #: by their number in the list
        self._drafts: dict[int, MappingDraft] = {}
        self._standings: dict[int, Standings] = {}
        self._purpose: Purpose | None = None  #: whose rules are shown; None: what no rule covers
        self._busy = ""
        self._soon: Timer | None = None

    def compose_body(self) -> ComposeResult:
        """What is said of the connection; the purposes; beside them the rules of one, and one rule in full."""
        yield Static("", id="mapping-head", markup=False)
        with Horizontal(id="mapping-body"):
            with Vertical(id="mapping-purposes"):
                yield MappingTable(PURPOSE_COLUMNS, id="mapping-purpose-table")
            with Vertical(id="mapping-rules"):
                yield Static("", id="mapping-title", markup=False)
                yield MappingTable(GAP_COLUMNS, id="mapping-gap-table")
                yield MappingTable(RULE_COLUMNS, id="mapping-rule-table")
                yield Static("", id="mapping-detail", markup=False)

    # -- what is shown -----------------------------------------------------------------------------------------------

    @property
    def purposes(self) -> MappingTable:
        return self.query_one("#mapping-purpose-table", MappingTable)

    @property
    def listed(self) -> MappingTable:
        """The table beside the purposes."""
        name = "#mapping-gap-table" if self._purpose is None else "#mapping-rule-table"
        return self.query_one(name, MappingTable)

    @property
    def draft(self) -> MappingDraft | None:
        """The rules under edit; None without a connection."""
        return self._drafts.get(self._chosen)

    @property
    def gaps(self) -> Sequence[Gap]:
        return self._found.gaps if self._found is not None else ()

    @property
    def room(self) -> int:
        """Cells for a line beside the purposes, or in their place."""
        return self.app.size.width - (_PURPOSES_WIDTH + 4 if self.has_class("-wide") else 3)

    @property
    def connection(self) -> str:
        """The name of the connection that is shown."""
        return dict(self._names).get(self._chosen, "")

    @property
    def gap(self) -> Gap | None:
        """What is under the cursor among what no rule covers."""
        number = self.listed.cursor_id if self._purpose is None else None
        return None if number is None else self._gaps.get(number)

    @property
    def index(self) -> int | None:
        """The place, from 0, of the rule under the cursor."""
        return None if self._purpose is None else self.listed.cursor_id

    @property
    def crumbs(self) -> tuple[str, ...]:
        return (self.TITLE_TEXT, self.connection) if self.connection else (self.TITLE_TEXT,)

    async def load(self) -> None:
        """Read the mapping; at first of the connection of which most orders wait."""
        names = await self.gateway.read(views.names)
        wanted = self._chosen if self._asked_for is None else self._asked_for
        found: Mapped | None
        if wanted in dict(names):
            found = await self.gateway.read(partial(mapped, connection_id=wanted))
        else:
            every = [await self.gateway.read(partial(mapped, connection_id=number)) for number, _ in names]
            found = max(every, key=lambda each: each.waiting, default=None)
        is_first = self._found is None
        self._take(names, found)
        self.show()
        if is_first and self.gaps and self._purpose is None:
            self.work_on_list()

    def _take(self, names: Sequence[tuple[int, str]], found: Mapped | None) -> None:
        """What was read, whose it is and where edits of it go: all at once."""
        self._names, self._found, self._asked_for = names, found, None
        self._chosen = found.view.connection_id if found is not None else 0
        if found is not None:
            in_force = found.view.rules
            self._drafts.setdefault(self._chosen, MappingDraft(in_force)).follow(in_force)
        numbers = self._gap_numbers
        keys = ((self._chosen, gap.value.subject, gap.value.message) for gap in self.gaps)
        self._gaps = {numbers.setdefault(key, len(numbers)): gap for key, gap in zip(keys, self.gaps, strict=True)}

    def work_on_list(self) -> None:
        """Go to the list beside the purposes; in a narrow terminal it takes their place."""
        self.add_class("-list")
        self.listed.focus()

    def apply_changes(self, changes: ChangeSet) -> None:
        """Rules are read anew at once; of orders, which change all the time, a look every other second is enough."""
        if changes.touches(_AT_ONCE):
            self.reload_soon()
        elif self._soon is None:
            self._soon = self.set_timer(_ORDERS_S, self.look_for_orders)

    def look_for_orders(self) -> None:
        """Read what waits now."""
        self._soon = None
        self.reload_soon()

    def go_to(self, **focus: Any) -> None:
        """Another connection (`connection_id`), a `purpose`, or among what waits a `cause` (`mapping:SKU X`)."""
        chosen = focus.pop("connection_id", None)
        if chosen is not None and chosen != self._chosen:
            self._asked_for, self._wanted = int(chosen), focus  # the rest once its mapping is read
            self.reload()
            return
        if chosen is not None:
            self._asked_for = None
        if (purpose := focus.get("purpose")) is not None:
            self.choose(Purpose(purpose))
        if (cause := focus.get("cause")) is not None:
            self.choose(None)
            subject = str(cause).removeprefix("mapping:")
            at = next((place for place, gap in enumerate(self.gaps) if gap.value.subject == subject), 0)
            self.listed.move_to_index(at)
            self.work_on_list()

    def show(self) -> None:
        """Show what was read, with the edits."""
        if not self.query("#mapping-head"):
            return  # the console is closing
        self.query_one(StatusBar).crumbs = self.desk.crumbs()
        found, draft = self._found, self.draft
        head = self.query_one("#mapping-head", Static)
        if found is None or draft is None:
            head.update(_NO_CONNECTION)
            return
        many = len(self._names) > 1
        head.update(head_lines(found, draft, self._busy, many=many, readonly=self.gateway.readonly))
        self.show_purposes(found, draft)
        self.show_list(draft)

    def show_purposes(self, found: Mapped, draft: MappingDraft) -> None:
        waiting = dict.fromkeys(LISTED, 0)
        for gap in found.lacking:
            if gap.purpose is not None:
                waiting[gap.purpose] += len(gap.value.orders)
        edited = {purpose for purpose in LISTED if _says(draft.of(purpose)) != _says(draft.base.of(purpose))}
        rows = {NOT_COVERED: purpose_cells(NOT_COVERED, 0, found.waiting, is_edited=False)}
        for number, purpose in enumerate(LISTED):
            rules = draft.of(purpose)
            standings = {self.standing(rule)[0] for rule in rules}
            rows[number] = purpose_cells(
                number, len(rules), waiting[purpose], is_edited=purpose in edited, standings=standings
            )
        self.purposes.refill(rows, lambda _ids: rows)

    def show_list(self, draft: MappingDraft) -> None:
        """The rules of the purpose, or what no rule covers, and what is under the cursor."""
        for name in ("#mapping-gap-table", "#mapping-rule-table"):
            table = self.query_one(name, MappingTable)
            table.display = table is self.listed
        title, told = list_title(self._purpose, self.gaps, len(draft.of(self._purpose)) if self._purpose else 0)
        self.query_one("#mapping-title", Static).update(heading(title, self.room, told))
        if self._purpose is None:
            now = self.gateway.now()
            self.listed.message = _COVERED
            rows = {
                number: gap_cells(gap, now, is_edited=gap.is_answered(draft.wanted))
                for number, gap in self._gaps.items()
            }
        else:
            self.listed.message = no_rules(self._purpose)
            rules = self.rule_rows(self._purpose, draft)
            rows = {at: rule_cells(rule, is_only=at == 0) for at, rule in enumerate(rules)}
        self.listed.refill(rows, lambda _ids: rows)
        self.show_detail()

    def standing(self, rule: MappingRule) -> tuple[str, str]:
        """How IFS answered for what the rule leads to, and its words; empty while it was not asked."""
        return self._standings.get(self._chosen, {}).get((rule.purpose, rule.result), ("", ""))

    def rule_rows(self, purpose: Purpose, draft: MappingDraft) -> list[RuleRow]:
        never_used = mapping.remarks(draft.wanted)
        places = {rule.id: rule.position for rule in draft.base.of(purpose)}
        return [
            RuleRow(
                rule,
                standing=self.standing(rule)[0],
                is_never_used=(purpose, rule.position) in never_used,
                is_moved=bool(rule.id) and places.get(rule.id) != rule.position,
            )
            for rule in draft.of(purpose)
        ]

    def show_detail(self) -> None:
        """What is under the cursor, in full."""
        detail, draft = self.query_one("#mapping-detail", Static), self.draft
        width, now = self.room, self.gateway.now()
        if self.gap is not None:
            detail.update(gap_lines(self.gap, now, width, readonly=self.gateway.readonly))
        elif draft is not None and self._purpose is not None and (at := self.index) is not None:
            rules = draft.of(self._purpose)
            remark = mapping.remarks(draft.wanted).get((self._purpose, at + 1))
            standing = self.standing(rules[at])
            detail.update(rule_lines(rules, at, now, width, standing, remark.message if remark else ""))
        else:
            detail.update("")

    # -- moving about ------------------------------------------------------------------------------------------------

    @on(VirtualTable.Highlighted, "#mapping-purpose-table")
    def purpose_highlighted(self, event: VirtualTable.Highlighted) -> None:
        """Another purpose is under the cursor: its rules are shown beside."""
        if event.row_id is not None and purpose_of(event.row_id) is not self._purpose:
            self.choose(purpose_of(event.row_id))

    @on(VirtualTable.Opened, "#mapping-purpose-table")
    def purpose_opened(self) -> None:
        """Work on its rules."""
        self.work_on_list()

    @on(VirtualTable.Highlighted, "#mapping-gap-table")
    @on(VirtualTable.Highlighted, "#mapping-rule-table")
    def row_highlighted(self, event: VirtualTable.Highlighted) -> None:
        """Another rule is under the cursor."""
        if event.table is self.listed:
            self.show_detail()
            self.refresh_bindings()

    @on(VirtualTable.Opened, "#mapping-gap-table")
    @on(VirtualTable.Opened, "#mapping-rule-table")
    def row_opened(self) -> None:
        """Edit it, or make the rule that is missing."""
        reason = self.reason_against("mappings.edit")
        if reason is None:
            self.edit_row()
        else:
            self.desk.say(reason, severity="warning")

    def edit_row(self) -> None:
        """Edit what is under the cursor."""

    def choose(self, purpose: Purpose | None) -> None:
        """Show the rules of a purpose, or what no rule covers."""
        had_focus = self.listed.has_focus
        self._purpose = purpose
        self.purposes.move_to(row_of(purpose))
        if self.draft is not None:
            self.show_list(self.draft)
        if had_focus:
            self.listed.focus()
        self.refresh_bindings()

    async def action_leave_list(self) -> None:
        """From the rules back to the purposes."""
        if self.purposes.has_focus:
            await self.desk.action_back()
            return
        self.remove_class("-list")
        self.purposes.focus()

    def on_resize(self) -> None:
        """Titles and texts reach to the edge."""
        if self._found is not None:
            self.call_after_refresh(self.show)

    def action_next_connection(self) -> None:
        """The next connection's mapping."""
        self._step(1)

    def action_previous_connection(self) -> None:
        """The mapping of the connection before."""
        self._step(-1)

    def _step(self, by: int) -> None:
        ids = [number for number, _ in self._names]
        if len(ids) > 1:
            here = self._chosen if self._asked_for not in ids else self._asked_for
            self._asked_for = ids[(ids.index(here) + by) % len(ids)]
            self.reload()

    def action_open_order(self) -> None:
        """The oldest order that waits for what is under the cursor."""
        if self.gap is not None:
            self.desk.open_order(self._chosen, self.gap.value.orders[0])


def _says(rules: Sequence[MappingRule]) -> list[object]:
    return [rule.says for rule in rules]
