"""`L`: the action journal of this console: what was done and said, newest first, and taking it back."""

from collections.abc import Callable
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from bcifs_console.base.text import safe_text
from bcifs_console.console.gateway import Deed, DeedKind, Gateway
from bcifs_console.console.widgets.lines import DIM

_GLYPHS: Final = {
    DeedKind.DONE: ("✓", "$text-success"),
    DeedKind.UNDONE: ("↶", DIM),
    DeedKind.PROBLEM: ("✗", "$text-error"),
    DeedKind.NOTE: ("·", DIM),
}
_EMPTY: Final = "Nothing was done in this console yet. What you do is written here; bcifs orders show has the rest."


class DeedsScreen(ModalScreen[None]):
    """The lines of the journal; `u` or Enter takes the highlighted one back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,L,q", "dismiss(None)", "close"),
        Binding("u", "take_back", "undo"),
    ]

    def __init__(self, gateway: Gateway, take_back: Callable[[Deed], object]) -> None:
        super().__init__()
        self.gateway: Final = gateway
        self._take_back: Final = take_back

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -tall"):
            yield Static(Content("Action journal"), classes="dialog-title")
            yield OptionList(id="choices")
            yield Static(Content("u undo the highlighted one   Esc close"), classes="dialog-hint")

    def on_mount(self) -> None:
        self.show_deeds()

    def show_deeds(self) -> None:
        """Fill the list anew."""
        choices = self.query_one(OptionList)
        choices.clear_options()
        lines = [Option(_line(deed), id=str(deed.number)) for deed in reversed(self.gateway.deeds)]
        choices.add_options(lines or [Option(Content(_EMPTY), disabled=True)])
        choices.action_first()

    @on(OptionList.OptionSelected)
    def action_take_back(self) -> None:
        """Take the highlighted one back."""
        choices = self.query_one(OptionList)
        if choices.highlighted is None:
            return
        number = choices.get_option_at_index(choices.highlighted).id
        deed = next((deed for deed in self.gateway.deeds if str(deed.number) == number), None)
        if deed is not None and deed.can_undo:
            self._take_back(deed)


def _line(deed: Deed) -> Content:
    glyph, style = _GLYPHS[deed.kind]
    after = f"  {deed.offer}" if deed.can_undo else "  undone" if deed.kind is DeedKind.UNDONE else ""
    if deed.kind is DeedKind.DONE and deed.undo is None:
        after = "  cannot be undone"
    return Content.assemble(
        Content.styled(f"{deed.at:%H:%M:%S}  ", DIM),
        Content.styled(f"{glyph} ", style),
        safe_text(deed.text),
        Content.styled(after, DIM),
    )
