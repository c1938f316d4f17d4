"""The line above a list where a filter is typed; beside it how much is shown and in which order.

It knows text, not what it means: the screen parses it, and tells a mistake back (`complain`), which is shown below
while the list stays as it was.
"""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from bcifs_console.base.text import safe_text
from bcifs_console.console.widgets.safe_input import SafeInput


class FilterInput(SafeInput):
    """Where the filter is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,down", "to_list", "to the list", id="filter.to_list"),
        Binding("escape", "leave", "clear, then to the list", id="filter.leave"),
    ]

    def action_leave(self) -> None:
        """Empty the filter; where it is empty, go back to the list."""
        if self.value:
            self.value = ""
        else:
            self.action_to_list()

    def action_to_list(self) -> None:
        """Keep the filter and go to the list."""
        self.post_message(FilterBar.Left())


class FilterBar(Vertical):
    """`/ state:failed acme                    37 of 12,481  ▼ placed`, and a line for a mistake."""

    DEFAULT_CSS = """
    FilterBar {
        height: auto;
        & > Horizontal { height: 1; background: $surface; padding: 0 1; }
        & .filter-sign { width: 2; color: $primary; text-style: bold; }
        & FilterInput {
            width: 1fr; height: 1; border: none; padding: 0; background: $surface;
            &:focus { background: $boost; }
        }
        & #filter-told { width: auto; padding: 0 0 0 2; }
        & > #filter-mistake { height: auto; padding: 0 1 0 3; color: $text-warning; background: $surface; }
    }
    """

    class Changed(Message):
        """Another text stands in the bar; not yet parsed."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """The person is done typing: the list gets the keys."""

    def __init__(self, *, hint: str) -> None:
        super().__init__()
        self._hint = hint
        self._told = 0

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static(Content("/"), classes="filter-sign")
            yield FilterInput(placeholder=self._hint, compact=True, select_on_focus=False)
            yield Static(id="filter-told")
        yield Static(id="filter-mistake")

    def on_mount(self) -> None:
        self.query_one("#filter-mistake").display = False

    @property
    def text(self) -> str:
        """What stands in the bar."""
        return self.query_one(FilterInput).value

    def put(self, text: str) -> None:
        """Write another filter into the bar; `Changed` follows."""
        field = self.query_one(FilterInput)
        field.value = safe_text(text)
        field.cursor_position = len(field.value)

    def start_typing(self) -> None:
        """Give the keys to the field; what is typed stands apart from what is there."""
        field = self.query_one(FilterInput)
        if field.value and not field.value.endswith(" "):
            field.value += " "
        field.cursor_position = len(field.value)
        field.focus()

    def tell(self, told: Content) -> None:
        """Show how much is shown, at the right."""
        shown = self.query_one("#filter-told", Static)
        # Laid out anew only where it takes another room: it changes with every order that comes.
        shown.update(told, layout=told.cell_length != self._told)
        self._told = told.cell_length

    def complain(self, mistake: Content | None) -> None:
        """Show what is wrong with the text; None: nothing is."""
        line = self.query_one("#filter-mistake", Static)
        line.display = mistake is not None
        if mistake is not None:
            line.update(mistake)

    @on(Input.Changed)
    def pass_on(self, event: Input.Changed) -> None:
        """Tell the screen."""
        event.stop()
        self.post_message(self.Changed(event.value))
