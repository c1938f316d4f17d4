"""`;`: a letter on everything that can be focused; pressing it goes there."""

from string import ascii_lowercase
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Static

#: Near the fingers first.
LETTERS: Final = "asdfghjkl" + "".join(letter for letter in ascii_lowercase if letter not in "asdfghjkl")


class JumpModeScreen(ModalScreen[Widget | None]):
    """Answers with the widget chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,semicolon", "dismiss(None)", "close")]

    def __init__(self, below: Screen[object]) -> None:
        super().__init__()
        seen = [widget for widget in below.focus_chain if widget.region.area and below.region.overlaps(widget.region)]
        self.targets: Final = dict(zip(LETTERS, seen, strict=False))

    def compose(self) -> ComposeResult:
        for letter, widget in self.targets.items():
            label = Static(Content(f" {letter} "), classes="jump-letter")
            label.styles.offset = (widget.region.x, widget.region.y)
            yield label

    def on_key(self, event: events.Key) -> None:
        """A letter goes to its widget, any other key closes."""
        if event.key == "escape":
            return
        event.stop()
        self.dismiss(self.targets.get(event.key))
