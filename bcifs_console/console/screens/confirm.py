"""The question before what is hard to take back: Cancel is in front, `y` says yes, Enter never does."""

from collections.abc import Sequence
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from bcifs_console.base.text import safe_text
from bcifs_console.console.widgets.safe_input import SafeInput

#: More things than this at once: their number is typed.
TYPED_ABOVE: Final = 20


class CountInput(SafeInput):
    """Takes digits only, so that `y` and `n` answer the question here too."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "screen.yes", "yes", show=False, priority=True),
        Binding("n", "screen.no", "cancel", show=False, priority=True),
    ]


class ConfirmScreen(ModalScreen[bool]):
    """Asks whether to do `title`; `lines` say what happens. `danger`: it cannot be taken back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", "yes"),
        Binding("n,escape", "no", "cancel"),
    ]

    def __init__(self, title: str, lines: Sequence[str], *, danger: bool = False, count: int = 1) -> None:
        super().__init__()
        self.question: Final = safe_text(title)
        self.lines: Final = [safe_text(line) for line in lines]
        self.danger: Final = danger
        self.count: Final = count

    @property
    def must_type(self) -> bool:
        """Whether the number of things has to be typed."""
        return self.count > TYPED_ABOVE

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -danger" if self.danger else "dialog"):
            yield Static(Content(self.question), classes="dialog-title")
            yield Static(Content("\n".join(self.lines)), classes="dialog-text")
            if self.danger:
                yield Static(Content("! This cannot be undone."), classes="irreversible")
            if self.must_type:
                yield Static(Content(f"{self.count} at once: type {self.count}, then press y."), classes="dialog-text")
                yield CountInput(id="typed", placeholder=str(self.count), restrict="[0-9]*")
            with Horizontal(classes="dialog-buttons"):
                yield Button(Content("Cancel (Esc)"), id="no")
                yield Button(Content("Yes (y)"), id="yes", variant="error" if self.danger else "primary")

    def on_mount(self) -> None:
        self.query_one("#typed" if self.must_type else "#no").focus()
        self.query_one("#yes", Button).disabled = self.must_type

    @on(Input.Changed, "#typed")
    def watch_typed(self, event: Input.Changed) -> None:
        """Yes is open once the number is right."""
        self.query_one("#yes", Button).disabled = event.value.strip() != str(self.count)

    @on(Button.Pressed, "#no")
    def action_no(self) -> None:
        """Leave everything as it is."""
        self.dismiss(False)

    @on(Button.Pressed, "#yes")
    def action_yes(self) -> None:
        """Go on, where Yes is open: `y`, a click, or Enter on Yes itself."""
        if not self.query_one("#yes", Button).disabled:
            self.dismiss(True)
