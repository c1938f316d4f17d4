"""`T`: the colours, seen while choosing; Enter keeps them, Esc brings the old ones back."""

from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from bcifs_console.console import themes


class ThemeScreen(ModalScreen[str | None]):
    """Answers with the theme chosen, None where the old one stays."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "restore", "close")]

    def __init__(self, current: str) -> None:
        super().__init__()
        self.before: Final = current

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -small"):
            yield Static(Content("Colours"), classes="dialog-title")
            yield OptionList(*(Option(Content(name), id=name) for name in themes.NAMES), id="choices")
            yield Static(Content("↑ ↓ try   Enter keep   Esc back"), classes="dialog-hint")

    def on_mount(self) -> None:
        choices = self.query_one(OptionList)
        choices.highlighted = themes.NAMES.index(self.before) if self.before in themes.NAMES else 0

    @on(OptionList.OptionHighlighted)
    def preview(self, event: OptionList.OptionHighlighted) -> None:
        """Put the theme on."""
        if event.option_id:
            self.app.theme = event.option_id

    @on(OptionList.OptionSelected)
    def keep(self, event: OptionList.OptionSelected) -> None:
        """Keep it."""
        self.dismiss(event.option_id)

    def action_restore(self) -> None:
        """Back to what it was."""
        self.app.theme = self.before
        self.dismiss(None)
