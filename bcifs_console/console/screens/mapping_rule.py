"""The form for one mapping rule: a field for each fact it may test, what follows, and what is wrong with it."""

from collections.abc import Sequence
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from bcifs_console.base.text import safe_text
from bcifs_console.console.mapping_words import field_title, patterns_of, purpose_title, result_hint, typed, when
from bcifs_console.console.screens import BREAKPOINTS
from bcifs_console.console.widgets.lines import BAD, DIM, GOOD
from bcifs_console.console.widgets.safe_input import SafeInput
from bcifs_console.domain.rules import CODE_PART_PURPOSES, Condition, ConditionField, MappingRule, Rules
from bcifs_console.operations import mapping
from bcifs_console.operations.mapping_gaps import Gap

_ANY: Final = "any"
_SHOWN_VALUES: Final = 5


class RuleFormScreen(ModalScreen[MappingRule | None]):
    """Asks for one rule, beginning with `rule`; None where it was given up. Only a rule that can hold is taken over."""

    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "cancel")]

    def __init__(self, rule: MappingRule, gaps: Sequence[Gap] = ()) -> None:
        super().__init__()
        self.rule: Final = rule
        self.gaps: Final = gaps
        self._given: Final = {condition.field: condition.patterns for condition in rule.conditions}

    @property
    def tested(self) -> tuple[ConditionField, ...]:
        """The facts there is a field for: those the rule tests come first."""
        known = mapping.facts_to_test(self.rule.purpose, tests_purpose=self.rule.purpose in CODE_PART_PURPOSES)
        return tuple(sorted(known, key=lambda field: field not in self._given))

    def compose(self) -> ComposeResult:
        title = purpose_title(self.rule.purpose)
        what = f"change rule {self.rule.position}" if self.rule.result else "a new rule"
        with Vertical(id="rule-form", classes="mapping-dialog"):
            yield Static(Content(f"{title}: {what}"), classes="dialog-title")
            yield Static(
                Content("Empty: does not matter. * is any text, ? one character, a | b either."),
                classes="dialog-hint",
            )
            with VerticalScroll(id="rule-facts", can_focus=False):
                for field in self.tested:
                    yield from self.fact(field)
            with Horizontal(id="rule-then", classes="rule-fact"):
                yield Label(Content("Then"))
                yield SafeInput(
                    self.rule.result, placeholder=result_hint(self.rule.purpose), id="rule-result", compact=True
                )
            yield Static(id="rule-says")
            with Horizontal(classes="dialog-buttons"):
                yield Button(Content("Cancel (Esc)"), id="rule-cancel")
                yield Button(Content("Take over (Enter)"), id="rule-take", variant="primary")

    def fact(self, field: ConditionField) -> ComposeResult:
        """The field of one fact."""
        values = mapping.known_values(field)
        hint = " | ".join(values) if 0 < len(values) <= _SHOWN_VALUES else _ANY
        with Horizontal(classes="rule-fact"):
            yield Label(Content(field_title(field)))
            yield SafeInput(typed(self._given.get(field, ())), placeholder=hint, id=f"fact-{field.value}", compact=True)

    def on_mount(self) -> None:
        """Begin where something is missing."""
        is_begun = bool(self.rule.conditions) or bool(self.rule.result)
        self.query_one("#rule-result" if is_begun else f"#fact-{self.tested[0].value}").focus()
        self.say()

    # -- what was typed ----------------------------------------------------------------------------------------------

    @property
    def written(self) -> MappingRule:
        """The rule as it stands in the form."""
        conditions = tuple(
            Condition(field, patterns) for field in ConditionField if (patterns := self.patterns(field)) is not None
        )
        ordered = sorted(
            conditions,
            key=lambda condition: (
                list(self._given).index(condition.field) if condition.field in self._given else len(self._given)
            ),
        )
        result = self.query_one("#rule-result", Input).value.strip()
        return MappingRule(self.rule.purpose, self.rule.position, result, tuple(ordered))

    def patterns(self, field: ConditionField) -> tuple[str, ...] | None:
        """What is typed for the fact; untouched patterns stay as they were, to the last space."""
        found = self.query(f"#fact-{field.value}").results(Input)
        value = next((each.value for each in found), "")
        given = self._given.get(field)
        if given is not None and value == typed(given):
            return given
        return patterns_of(value) or None

    @on(Input.Changed)
    def say(self) -> None:
        """The rule as a sentence, and what is wrong with it or whom it would serve."""
        written = self.written
        faults = mapping.faults(written) if written.result else ()
        says = Content.assemble(
            when(written.conditions), ("  →  ", DIM), Content.styled(safe_text(written.result) or "?", "bold")
        )
        self.query_one("#rule-says", Static).update(Content.assemble(says, "\n", self.verdict(written, faults)))
        self.query_one("#rule-take", Button).disabled = not written.result or bool(faults)

    def verdict(self, written: MappingRule, faults: Sequence[str]) -> Content:
        """What is wrong with it; else how much of what waits it covers."""
        if faults:
            return Content("\n").join(Content.styled(f"✗ {safe_text(fault)}", BAD) for fault in faults)
        if not written.result:
            return Content.styled(f"Then: {result_hint(written.purpose)}.", DIM)
        covered = [gap for gap in self.gaps if gap.answer(Rules((written,))) is not None]
        orders = {order_id for gap in covered for order_id in gap.value.orders}
        if not orders:
            return Content("")
        return Content.styled(
            f"✓ covers what {len(orders):,} waiting order{'' if len(orders) == 1 else 's'} lack", GOOD
        )

    # -- the end -----------------------------------------------------------------------------------------------------

    @on(Button.Pressed, "#rule-take")
    @on(Input.Submitted)
    def take(self) -> None:
        """Take the rule over, where it can be."""
        if not self.query_one("#rule-take", Button).disabled:
            self.dismiss(self.written)

    @on(Button.Pressed, "#rule-cancel")
    def action_cancel(self) -> None:
        """Leave everything as it is."""
        self.dismiss(None)
