"""“Make this a rule”: whom it is for, which customer they become, and what it would have meant for past orders.

Nothing is saved before it was tried: Enter in a field tries the rule, `y` saves what was tried.
"""

from collections.abc import Awaitable, Callable, Sequence
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
from bcifs_console.console.screens import BREAKPOINTS
from bcifs_console.console.widgets.lines import DIM, STRONG, WARN, Lines, heading, line, paragraph
from bcifs_console.console.widgets.safe_input import SafeInput
from bcifs_console.console.widgets.sheet import Sheet
from bcifs_console.console.widgets.text_table import table_lines
from bcifs_console.domain.rules import Condition, ConditionField
from bcifs_console.operations.decide_rule import MadeRule, Wanted

Try = Callable[[Wanted], Awaitable[MadeRule]]

_CUSTOMER: Final = "rule-customer"
_FIELDS: Final = (
    (ConditionField.GUEST, "Guests", "true: guests only, false: registered only"),
    (ConditionField.CHANNEL, "Channel", "the channel's number in the store"),
    (ConditionField.EMAIL_DOMAIN, "E-mail domain", "as example.com; * is wild"),
    (ConditionField.COUNTRY, "Country", "where the goods go, as US"),
    (ConditionField.CURRENCY, "Currency", "as USD"),
)
#: Past orders shown before "and N more".
_SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class RuleAnswer:
    """The rule that was tried, and why it is made."""

    wanted: Wanted
    note: str


class DecideRuleScreen(ModalScreen[RuleAnswer | None]):
    """A customer rule, begun from one buyer; the answer is what shall be saved."""

    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", "save"),
        Binding("escape", "no", "cancel"),
    ]

    def __init__(self, whom: str, conditions: Sequence[Condition], customer_id: str, try_it: Try) -> None:
        super().__init__()
        self.whom: Final = safe_text(whom)
        self.given: Final = {condition.field: ", ".join(condition.patterns) for condition in conditions}
        self.customer_id: Final = customer_id
        self.try_it: Final = try_it
        self.tried: Wanted | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="decide-dialog"):
            yield Static(Content(f"A rule for buyers like {self.whom}"), classes="dialog-title")
            for field, label, hint in _FIELDS:
                with Horizontal(classes="decide-field"):
                    yield Label(Content(label))
                    yield SafeInput(self.given.get(field, ""), placeholder=hint, id=f"rule-{field.value}", compact=True)
            with Horizontal(classes="decide-field"):
                yield Label(Content("→ IFS customer"))
                yield SafeInput(self.customer_id, placeholder="whom they all become", id=_CUSTOMER, compact=True)
            with Horizontal(classes="decide-field"):
                yield Label(Content("Why"))
                yield SafeInput(placeholder="kept with the rule", id="rule-note", compact=True)
            with VerticalScroll(id="rule-scroll", can_focus=False):
                yield Sheet(_untried, id="rule-tried")
            with Horizontal(classes="dialog-buttons"):
                yield Button(Content("Cancel (Esc)"), id="rule-no")
                yield Button(Content("Save (y)"), id="rule-yes", variant="primary", disabled=True)

    def on_mount(self) -> None:
        """Where nothing is missing, it is tried at once."""
        self.query_one(f"#{_CUSTOMER}").focus()
        if self.customer_id and self.given:
            self.try_now()

    def wanted(self) -> Wanted:
        """What the fields say."""
        found = []
        for field, _, _ in _FIELDS:
            typed = self.query_one(f"#rule-{field.value}", Input).value.split(",")
            patterns = tuple(part.strip() for part in typed if part.strip())
            if patterns:
                found.append(Condition(field, patterns))
        return Wanted(self.query_one(f"#{_CUSTOMER}", Input).value.strip(), tuple(found))

    @on(Input.Changed)
    def changed(self, event: Input.Changed) -> None:
        """Another rule is another question; the reason is not part of it."""
        if event.input.id != "rule-note" and self.tried is not None and self.wanted() != self.tried:
            self.tried = None
            self.query_one("#rule-yes", Button).disabled = True
            self.query_one(Sheet).show(_untried)

    @on(Input.Submitted)
    def submitted(self) -> None:
        """Try it."""
        self.try_now()

    @work(exclusive=True, group="try")
    async def try_now(self) -> None:
        """Ask what the rule would cover."""
        wanted, sheet = self.wanted(), self.query_one(Sheet)
        self.query_one("#rule-yes", Button).disabled = True
        sheet.show(lambda width: paragraph("… looking which past orders it covers", width, style=DIM))
        try:
            made = await self.try_it(wanted)
        except Problem as problem:
            said = text.problem(problem)
            sheet.show(lambda width: said.wrap(width))
            return
        sheet.show(lambda width: tried_lines(made, width))
        self.tried = wanted
        self.query_one("#rule-yes", Button).disabled = False
        self.query_one("#rule-no").focus()

    @on(Button.Pressed, "#rule-yes")
    def action_yes(self) -> None:
        """Save what was tried."""
        if self.tried is not None:
            self.dismiss(RuleAnswer(self.tried, self.query_one("#rule-note", Input).value.strip()))

    @on(Button.Pressed, "#rule-no")
    def action_no(self) -> None:
        """Save nothing."""
        self.dismiss(None)


def _untried(width: int) -> Lines:
    return paragraph("Enter tries it: which past orders it would have covered, and who is let go.", width, style=DIM)


def tried_lines(made: MadeRule, width: int) -> Lines:
    """What the rule would cover."""
    released, covered = len(made.released), len(made.covered)
    lines = [heading("What it would have meant", width)]
    lines.append(line((f"{covered:,}", STRONG), f" past order{'' if covered == 1 else 's'} covered, "))
    lines[-1] = line(lines[-1], (f"{released:,}", STRONG), " waiting now: let go when saved, one first.")
    for warning in made.warnings:
        lines += paragraph(warning, width, style=WARN, lead="! ")
    rows = [
        (f"{each.order_id}", f"{each.placed_at:%Y-%m-%d}", each.name, each.customer_id or "not booked")
        for each in made.covered[:_SHOWN]
    ]
    lines += table_lines(("order>", "placed", "buyer", "booked on"), rows, width)
    if covered > _SHOWN:
        lines.append(line((f" … and {covered - _SHOWN:,} more", DIM)))
    return lines
