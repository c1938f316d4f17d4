"""The question at the end, where this console started the service: does it go on without the console?"""

from enum import StrEnum
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static


class Leaving(StrEnum):
    KEEP = "keep"  #: the service goes on
    STOP = "stop"  #: it ends with the console


class LeaveScreen(ModalScreen[Leaving | None]):
    """Answers with what becomes of the service, None to stay."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "leave('keep')", "keep serving"),
        Binding("s", "leave('stop')", "stop"),
        Binding("escape,c", "dismiss(None)", "cancel"),
    ]

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Content("Leave the console?"), classes="dialog-title")
            yield Static(
                Content(
                    "The service was started by this console. Kept, it goes on receiving webhooks and posting orders; "
                    "bcifs console looks at it again, bcifs status tells how it is."
                ),
                classes="dialog-text",
            )
            with Horizontal(classes="dialog-buttons"):
                yield Button(Content("Keep serving (k)"), id="keep", variant="primary")
                yield Button(Content("Stop it (s)"), id="stop")
                yield Button(Content("Cancel (Esc)"), id="cancel")

    def on_mount(self) -> None:
        self.query_one("#keep").focus()

    @on(Button.Pressed)
    def press(self, event: Button.Pressed) -> None:
        """A button was pressed."""
        self.dismiss(None if event.button.id == "cancel" else Leaving(event.button.id or ""))

    def action_leave(self, how: str) -> None:
        """Leave, and say what becomes of the service."""
        self.dismiss(Leaving(how))
