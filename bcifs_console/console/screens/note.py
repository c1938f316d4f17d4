"""A short text a person is asked for before something is done: a note, a file, days. Esc leaves everything as it is."""

from collections.abc import Callable
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from bcifs_console.base.problems import UsageProblem
from bcifs_console.base.text import safe_text
from bcifs_console.console.widgets.safe_input import SafeInput

#: Says what is wrong with a text by raising UsageProblem.
Check = Callable[[str], object]


class AskScreen(ModalScreen[str | None]):
    """Asks for one line; Enter goes on with it where `check` has nothing against it, Esc answers None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "cancel")]

    def __init__(
        self, title: str, why: str, *, value: str = "", placeholder: str = "", check: Check | None = None
    ) -> None:
        super().__init__()
        self.question: Final = safe_text(title)
        self.why: Final = safe_text(why)
        self.value: Final = value
        self.placeholder: Final = placeholder
        self.check: Final = check

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Content(self.question), classes="dialog-title")
            yield Static(Content(self.why), classes="dialog-text")
            yield SafeInput(self.value, id="answer", placeholder=self.placeholder)
            yield Static(id="wrong", classes="dialog-wrong")
            yield Static(Content("Enter goes on, Esc leaves everything as it is."), classes="dialog-hint")

    @on(Input.Submitted, "#answer")
    def go_on(self, event: Input.Submitted) -> None:
        """Answer with the text, or say what is wrong with it."""
        wrong = self.query_one("#wrong", Static)
        try:
            if self.check is not None:
                self.check(event.value)
        except UsageProblem as problem:
            wrong.update(Content.styled(safe_text(str(problem)), "$text-error"))
            return
        self.dismiss(event.value)

    def action_leave(self) -> None:
        """Leave everything as it is."""
        self.dismiss(None)
