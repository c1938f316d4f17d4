"""The last look before rules are saved: what goes and comes, whom it lets go, what past orders would have become.

Cancel is in front; `y` saves, Enter never does. The answer is why it is saved, or None.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from bcifs_console.base.problems import Problem
from bcifs_console.base.text import safe_text
from bcifs_console.console import text
from bcifs_console.console.mapping_words import Standings, purpose_title, rule_title, when
from bcifs_console.console.screens import BREAKPOINTS
from bcifs_console.console.widgets.lines import BAD, DIM, GOOD, STRONG, WARN
from bcifs_console.console.widgets.safe_input import SafeInput
from bcifs_console.operations.mapping import Imported
from bcifs_console.operations.mapping_gaps import Freed
from bcifs_console.operations.time_machine import Tried

#: Orders named before "and N more".
_NAMED: Final = 6
_ACCOUNTS: Final = 6
#: What is said of a result that IFS answered so for.
_LACKING: Final = {"missing": "is not in IFS", "closed": "is closed in IFS"}


@dataclass(frozen=True, slots=True)
class Questions:
    """What the review asks, each answered in its own time."""

    freed: Callable[[], Awaitable[Freed]]
    tried: Callable[[], Awaitable[Tried]]
    days: int  #: how far back past orders are replayed
    standings: Callable[[], Standings]  #: how IFS answered so far
    check: Callable[[], Awaitable[object]]  #: asks IFS about everything the rules lead to


class MappingReviewScreen(ModalScreen[str | None]):
    """Shows `found` and its effects; the reason where it shall be saved."""

    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", "save"),
        Binding("w", "why", "say why"),
        Binding("v", "check", "check in IFS"),
        Binding("n,escape", "no", "cancel"),
    ]

    def __init__(self, found: Imported, questions: Questions) -> None:
        super().__init__()
        self.found: Final = found
        self.questions: Final = questions
        self.freed: Content = Content.styled("… looking who waits for it", DIM)
        self.asking: Content = Content.styled("v first asks whether IFS has what the new rules give", "$accent")
        self.tried: Content = Content.styled(f"… replaying the orders of the last {questions.days} days", DIM)

    def compose(self) -> ComposeResult:
        with Vertical(classes="mapping-dialog"):
            yield Static(Content(f"Save the mapping of {safe_text(self.found.connection)}?"), classes="dialog-title")
            with VerticalScroll(id="review-scroll", can_focus=False):
                yield Static(id="review-text")
            with Horizontal(id="review-why"):
                yield Label(Content("Why"))
                yield SafeInput(placeholder="w: say why; kept with the rules", id="review-reason", compact=True)
            with Horizontal(classes="dialog-buttons"):
                yield Button(Content("Cancel (Esc)"), id="review-no")
                yield Button(Content("Save (y)"), id="review-yes", variant="primary")

    def on_mount(self) -> None:
        """Cancel is in front; the questions are asked side by side."""
        self.query_one("#review-no").focus()
        self.show()
        self.ask_freed()
        self.ask_tried()

    # -- what is shown -----------------------------------------------------------------------------------------------

    def show(self) -> None:
        """The difference, what is to be said of it, and the effects as far as they are known."""
        parts = [difference(self.found)]
        said = [*(f"{each.message}." for each in self.found.findings), *self.found.notes]
        parts += [Content.styled(f"! {safe_text(each)}", WARN) for each in said]
        parts += self.in_ifs()
        parts += [Content(""), self.freed, self.tried]
        parts.append(Content.styled("What was posted stays as it is.", DIM))
        self.query_one("#review-text", Static).update(Content("\n").join(parts))

    def in_ifs(self) -> list[Content]:
        """What IFS lacks of what the new rules give; how to ask where it was not asked."""
        known = self.questions.standings()
        new = [change.rule for change in self.found.changes if change.sign == "+"]
        answers = {(rule.purpose, rule.result): rule for rule in new}
        lines = [
            Content.styled(f"! {safe_text(rule.result)} {_LACKING[word]} ({rule_title(rule)})", WARN)
            for key, rule in answers.items()
            if (word := known.get(key, ("", ""))[0]) in _LACKING
        ]
        return [*lines, self.asking] if answers.keys() - known.keys() else lines

    @work(group="review.check", exclusive=True)
    async def action_check(self) -> None:
        """Ask IFS about what the rules lead to; who becomes ready may be others then."""
        self.asking = Content.styled("◑ asking IFS …", "$accent")
        self.show()
        try:
            await self.questions.check()
        except Problem as problem:
            self.asking = text.problem(problem)
        else:
            self.asking = Content.styled("· IFS was asked and does not say it of all", DIM)
            self.ask_freed()
        self.show()

    @work(group="review.freed", exclusive=True)
    async def ask_freed(self) -> None:
        """Who waits for these rules."""
        try:
            self.freed = freed_words(await self.questions.freed())
        except Problem as problem:
            self.freed = text.problem(problem)
        self.show()

    @work(group="review.tried")
    async def ask_tried(self) -> None:
        """What past orders would have become."""
        try:
            self.tried = tried_words(await self.questions.tried(), self.questions.days)
        except Problem as problem:
            self.tried = text.problem(problem)
        self.show()

    # -- the answer --------------------------------------------------------------------------------------------------

    @on(Input.Submitted, "#review-reason")
    def leave_why(self) -> None:
        """Enter ends the reason; it saves nothing."""
        self.query_one("#review-no").focus()

    def action_why(self) -> None:
        """Say why."""
        self.query_one("#review-reason").focus()

    @on(Button.Pressed, "#review-yes")
    def action_yes(self) -> None:
        """Save."""
        self.dismiss(self.query_one("#review-reason", Input).value.strip())

    @on(Button.Pressed, "#review-no")
    def action_no(self) -> None:
        """Save nothing."""
        self.dismiss(None)


def difference(found: Imported) -> Content:
    """What goes and comes, under each purpose."""
    lines: list[Content] = []
    for purpose in found.purposes:
        lines.append(Content.styled(purpose_title(purpose), STRONG))
        for change in found.changes:
            if change.rule.purpose is not purpose:
                continue
            colour = GOOD if change.sign == "+" else BAD
            lines.append(
                Content.assemble(
                    (f"{change.sign} {change.rule.position:>2}  ", colour),
                    when(change.rule.conditions),
                    ("  →  ", DIM),
                    (safe_text(change.rule.result), f"bold {colour}"),
                )
            )
    return Content("\n").join(lines)


def freed_words(found: Freed) -> Content:
    """Whom a save lets go."""
    if not found.count:
        return Content.styled("No waiting order becomes ready.", DIM)
    lines = []
    if found.ready:
        count = "1 waiting order becomes" if len(found.ready) == 1 else f"{len(found.ready):,} waiting orders become"
        lines.append(Content.styled(f"✓ {count} ready: {_named(found.ready)}", GOOD))
    if found.refused:
        count = "1 order goes" if len(found.refused) == 1 else f"{len(found.refused):,} orders go"
        lines.append(Content.styled(f"! {count} on waiting, for what IFS lacks: {_named(found.refused)}", WARN))
    if found.nearer:
        count = "1 order is" if len(found.nearer) == 1 else f"{len(found.nearer):,} orders are"
        lines.append(Content.styled(f"◔ {count} settled in part and wait on for something else", WARN))
    lines.append(Content.styled(f"Order {found.first} goes first; the others follow once it is through.", DIM))
    return Content("\n").join(lines)


def _named(orders: tuple[int, ...]) -> str:
    shown = ", ".join(str(order_id) for order_id in orders[:_NAMED])
    return f"{shown} and {len(orders) - _NAMED:,} more" if len(orders) > _NAMED else shown


def tried_words(tried: Tried, days: int) -> Content:
    """How past orders would have fared, and what accounts would have held."""
    counts = {effect.value: count for effect, count in tried.effects.items()}
    parts: list[tuple[str, str]] = [(f"Last {days} days, {tried.orders:,} orders: ", "")]
    shown = (("same", DIM), ("different", WARN), ("newly_blocked", BAD), ("newly_free", GOOD))
    for number, (name, colour) in enumerate(shown):
        count = counts.get(name, 0)
        if number and not count:
            continue
        parts += [(" · ", DIM)] if number else []
        parts.append((f"{count:,} {name.replace('_', ' ')}", colour if count else DIM))
    lines = [Content.assemble(*parts)]
    for each in tried.accounts[:_ACCOUNTS]:
        way = "debited" if each.amount > 0 else "credited"
        orders = "1 order" if each.orders == 1 else f"{each.orders:,} orders"
        amount = f"{abs(each.amount):>14,f} {safe_text(each.currency)}"
        lines.append(Content.styled(f"  account {safe_text(each.account):<10}{amount} more {way}, {orders}", DIM))
    if len(tried.accounts) > _ACCOUNTS:
        lines.append(Content.styled(f"  and {len(tried.accounts) - _ACCOUNTS} more accounts", DIM))
    return Content("\n").join(lines)
