"""One question of the set-up form on one line: its label, where it is answered, and how the answer stands."""

from typing import Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.events import DescendantFocus, Key
from textual.message import Message
from textual.widgets import Input, Select, Static

from bcifs_console.base.secret import Secret
from bcifs_console.base.text import safe_text
from bcifs_console.console import text
from bcifs_console.console.set_up import Verdict
from bcifs_console.console.widgets.lines import DIM
from bcifs_console.console.widgets.safe_input import SafeInput
from bcifs_console.operations.first_run_questions import Question

_QUIET: Final = {
    "needed": ("·", DIM, "needed"),
    "optional": ("·", DIM, "optional"),
    "noted": ("·", DIM, "noted"),
    "testing": ("◑", "$accent", "testing"),
    "unknown": ("!", "$text-warning", "not sure"),
}


class AnswerRow(Horizontal):
    """A question and its answer."""

    class Answered(Message):
        """The answer has changed."""

        def __init__(self, key: str, answer: str | Secret) -> None:
            super().__init__()
            self.key = key
            self.answer = answer

    class Reached(Message):
        """The person is at this question."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, question: Question) -> None:
        super().__init__(id=row_id(question.key))
        self.question = question
        self._shown: Verdict | None = None

    def compose(self) -> ComposeResult:
        question = self.question
        yield Static(question.label, classes="label", markup=False)
        if question.choices:
            options = [(Content(meaning), value) for value, meaning in question.choices]
            chosen = question.default or Select.NULL
            yield Select(options, prompt="choose", value=chosen, allow_blank=not question.default, compact=True)
        else:
            yield SafeInput(question.default, password=question.is_secret, compact=True)
        yield Static("", classes="verdict", markup=False)
        yield Static("", classes="detail", markup=False)

    def clear(self) -> None:
        """Forget what was typed."""
        for field in self.query(Input):
            field.value = ""

    def show_verdict(self, verdict: Verdict) -> None:
        """Say how the answer stands, on the rest of the line; where that is short the details stand beside the form."""
        if verdict == self._shown:
            return  # every key comes by here: nothing is drawn that stands there already
        self._shown = verdict
        if verdict.state in _QUIET:
            glyph, colour, word = _QUIET[verdict.state]
            said = Content.styled(f"{glyph} {word}", colour)
        else:
            said = text.state(verdict.state, _WORDS.get(verdict.state, ""))
        self.query_one(".verdict", Static).update(said, layout=False)
        self.query_one(".detail", Static).update(Content.styled(safe_text(verdict.text), DIM), layout=False)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        answer = Secret(event.value.strip()) if self.question.is_secret else event.value
        self.post_message(self.Answered(self.question.key, answer))

    @on(Input.Submitted)
    def _next(self, event: Input.Submitted) -> None:
        event.stop()
        self.screen.focus_next()

    @on(Select.Changed)
    def _chosen(self, event: Select.Changed) -> None:
        event.stop()
        self.post_message(self.Answered(self.question.key, "" if event.value is Select.NULL else str(event.value)))

    def on_key(self, event: Key) -> None:
        """Esc leaves the question, so that the keys of the console work again."""
        if event.key == "escape":
            event.stop()
            self.screen.set_focus(None)

    def on_descendant_focus(self, _event: DescendantFocus) -> None:
        self.post_message(self.Reached(self.question.key))


_WORDS: Final = {"failed": "wrong", "forbidden": "refused", "missing": "not there", "ok": "right"}


def row_id(key: str) -> str:
    """The id of a question's row: dots cannot stand in one."""
    return "answer-" + key.replace(".", "-").replace("_", "-")
