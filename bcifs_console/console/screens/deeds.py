"""`L`: the action journal of this console: what was done and said, newest first, and taking it back."""

from typing import ClassVar, Final

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from bcifs_console.base.problems import Problem
from bcifs_console.base.text import safe_text
from bcifs_console.console.gateway import Deed, DeedKind, Gateway

_GLYPHS: Final = {
    DeedKind.DONE: ("✓", "$text-success"),
    DeedKind.UNDONE: ("↶", "$text-muted"),
    DeedKind.PROBLEM: ("✗", "$text-error"),
    DeedKind.NOTE: ("·", "$text-muted"),
}
_EMPTY: Final = "Nothing was done in this console yet. What you do is written here; bcifs orders show has the rest."


class DeedsScreen(ModalScreen[None]):
    """The lines of the journal; `u` or Enter takes the highlighted one back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,L,q", "dismiss(None)", "close"),
        Binding("u", "take_back", "undo"),
    ]

    def __init__(self, gateway: Gateway) -> None:
        super().__init__()
        self.gateway: Final = gateway

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
        if number is not None:
            self.take_back(int(number))

    @work(exclusive=True)
    async def take_back(self, number: int) -> None:
        """Take one deed back and show the journal anew."""
        try:
            await self.gateway.undo(number)
        except Problem as problem:
            self.gateway.note(str(problem), DeedKind.PROBLEM)
        self.show_deeds()


def _line(deed: Deed) -> Content:
    glyph, style = _GLYPHS[deed.kind]
    after = f"  {deed.offer}" if deed.can_undo else "  undone" if deed.kind is DeedKind.UNDONE else ""
    if deed.kind is DeedKind.DONE and deed.undo is None:
        after = "  cannot be undone"
    return Content.assemble(
        Content.styled(f"{deed.at:%H:%M:%S}  ", "$text-muted"),
        Content.styled(f"{glyph} ", style),
        safe_text(deed.text),
        Content.styled(after, "$text-muted"),
    )
