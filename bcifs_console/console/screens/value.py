"""One value in full, to be selected and copied by hand where the clipboard cannot be reached."""

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from bcifs_console.base.text import safe_text


class ValueScreen(ModalScreen[None]):
    """The value alone on the screen, without borders that would be selected with it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter", "dismiss(None)", "close")]

    def __init__(self, title: str, value: str) -> None:
        super().__init__()
        self.about: Final = safe_text(title)
        self.value: Final = "\n".join(safe_text(line) for line in value.splitlines())

    def compose(self) -> ComposeResult:
        yield Static(
            Content(f"{self.about} · select it with the mouse (in most terminals with Shift held) · Esc closes")
        )
        with VerticalScroll(id="value"):
            yield Static(Content(self.value))
