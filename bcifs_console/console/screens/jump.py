"""`:` — go somewhere by name: `orders failed`, `order 1042`, `ledger`."""

from functools import partial
from typing import ClassVar, Final

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from bcifs_console.base.text import safe_text
from bcifs_console.console import jumps, text
from bcifs_console.console.gateway import Gateway
from bcifs_console.console.jumps import Jump
from bcifs_console.console.sections import SECTIONS
from bcifs_console.console.widgets.choices import ChoiceInput
from bcifs_console.console.widgets.lines import DIM
from bcifs_console.store.views.finding import FoundOrder, orders_numbered

Target = Jump | FoundOrder

_EXAMPLES: Final = "orders failed   order 1042   decisions   log refused"


class JumpScreen(ModalScreen[Target | None]):
    """Answers with where to go, None where it is closed."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "close")]

    def __init__(self, gateway: Gateway) -> None:
        super().__init__()
        self.gateway: Final = gateway
        self.targets: list[Target] = []

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield ChoiceInput(placeholder=_EXAMPLES, id="filter")
            yield OptionList(id="choices")
            yield Static(Content("↑ ↓ choose   Enter go   Esc close"), classes="dialog-hint")

    def on_mount(self) -> None:
        self.show_targets([*jumps.parse("")])

    @on(Input.Changed, "#filter")
    def take_text(self, event: Input.Changed) -> None:
        """Show where the text leads."""
        found = jumps.parse(event.value)
        if found and found[0].digits:
            self.look_for_orders(found[0].digits)
        else:
            self.workers.cancel_group(self, "finding")
            self.show_targets([*found])

    @work(exclusive=True, group="finding")
    async def look_for_orders(self, digits: str) -> None:
        """Show the orders whose number begins like this."""
        self.show_targets([*await self.gateway.read(partial(orders_numbered, digits=digits))], none="No such order.")

    def show_targets(self, targets: list[Target], *, none: str = "No such place.") -> None:
        """Fill the list, best first."""
        self.targets = targets
        choices = self.query_one(OptionList)
        choices.clear_options()
        choices.add_options([Option(_line(target)) for target in targets] or [Option(Content(none), disabled=True)])
        choices.action_first()

    @on(OptionList.OptionSelected)
    def choose(self, event: OptionList.OptionSelected) -> None:
        """A click, or Enter in the list."""
        self.dismiss(self.targets[event.option_index])

    @on(Input.Submitted)
    def choose_highlighted(self) -> None:
        """Enter in the line goes where the highlight is."""
        highlighted = self.query_one(OptionList).highlighted
        if highlighted is not None and highlighted < len(self.targets):
            self.dismiss(self.targets[highlighted])


def _line(target: Target) -> Content:
    if isinstance(target, Jump):
        rest = f" {safe_text(target.rest)}" if target.focus else ""
        return Content.assemble(SECTIONS[target.section][0], Content.styled(rest, DIM))
    told = f"  {safe_text(target.connection)}  {safe_text(target.buyer)}  "
    return Content.assemble(f"Order {target.order_id}", Content.styled(told, DIM), text.state(target.state))
