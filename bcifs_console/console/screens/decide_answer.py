"""The last look before an answer about a buyer is given: what it means, or every call it makes. Cancel is in front.

`y` gives the answer, Enter never does; the result is the note that goes with it, or None.
"""

from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from bcifs_console.base.text import safe_text
from bcifs_console.console.screens import BREAKPOINTS
from bcifs_console.console.widgets.safe_input import SafeInput
from bcifs_console.console.widgets.sheet import Layout, Sheet


class DecideAnswerScreen(ModalScreen[str | None]):
    """Asks whether to answer so; `layout` says what happens then. The note where yes."""

    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", "yes"),
        Binding("m", "remark", "note"),
        Binding("n,escape", "no", "cancel"),
        Binding("up,k", "scroll(-1)", "Up", show=False),
        Binding("down,j", "scroll(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
    ]

    def __init__(self, title: str, layout: Layout, *, yes: str, note: str = "", warning: str = "") -> None:
        super().__init__()
        self.question: Final = safe_text(title)
        self.layout_of: Final = layout
        self.yes: Final = yes
        self.note: Final = note
        self.warning: Final = safe_text(warning)

    def compose(self) -> ComposeResult:
        with Vertical(classes="decide-dialog"):
            yield Static(Content(self.question), classes="dialog-title")
            with VerticalScroll(id="answer-scroll", can_focus=False):
                yield Sheet(self.layout_of, id="answer-text")
            if self.warning:
                yield Static(Content.styled(self.warning, "$text-warning"), id="answer-warning")
            with Horizontal(id="answer-field", classes="decide-field"):
                yield Label(Content("Note"))
                yield SafeInput(
                    self.note, placeholder="m: say why; kept with the answer", id="answer-note", compact=True
                )
            with Horizontal(classes="dialog-buttons"):
                yield Button(Content("Cancel (Esc)"), id="answer-no")
                yield Button(Content(f"{self.yes} (y)"), id="answer-yes", variant="primary")

    def on_mount(self) -> None:
        """Cancel is in front."""
        self.query_one("#answer-no").focus()

    @on(Input.Submitted, "#answer-note")
    def leave_note(self) -> None:
        """Enter ends the note; it answers nothing."""
        self.query_one("#answer-no").focus()

    def action_remark(self) -> None:
        """Write the note."""
        self.query_one("#answer-note").focus()

    def action_scroll(self, by: int) -> None:
        """See what does not fit."""
        self.query_one("#answer-scroll").scroll_relative(y=by, animate=False)

    def action_page(self, by: int) -> None:
        """A page of it further, one line of the page before still in sight."""
        scroll = self.query_one("#answer-scroll")
        scroll.scroll_relative(y=by * max(1, scroll.size.height - 1), animate=False)

    @on(Button.Pressed, "#answer-yes")
    def action_yes(self) -> None:
        """Answer."""
        self.dismiss(self.query_one("#answer-note", Input).value.strip())

    @on(Button.Pressed, "#answer-no")
    def action_no(self) -> None:
        """From the note back to the question; from there leave everything as it is."""
        self.dismiss(None)
