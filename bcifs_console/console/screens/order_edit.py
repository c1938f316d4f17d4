"""How does an order go on that the store edited after it was sent: keep, adopt, or by hand (ACCOUNTING §1)?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from bcifs_console.base.text import safe_text
from bcifs_console.console.widgets.lines import DIM, Lines, line, paragraph
from bcifs_console.console.widgets.safe_input import SafeInput
from bcifs_console.console.widgets.sheet import Sheet
from bcifs_console.domain.edits import EditChoice

#: The choices: key, title, what it means.
_CHOICES: Final = (
    ("k", "Keep", "IFS and the vouchers go on by the order as it was sent, whatever the store says now."),
    ("a", "Adopt", "The books go on by the order as it is now; you change the IFS order by hand."),
    ("h", "By hand", "You book the difference; of the edited goods nothing more is posted. Needs a reference."),
)
_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said."""

    choice: EditChoice
    reference: str = ""
    note: str = ""


class EditScreen(ModalScreen[Answer | None]):
    """Asks how the order goes on; Esc answers None. By hand asks for the reference of what was booked."""

    AUTO_FOCUS = ""  # nothing is typed before one has chosen
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "choose('keep')", "keep"),
        Binding("a", "choose('adopt')", "adopt"),
        Binding("h", "by_hand", "by hand"),
        Binding("escape", "leave", "cancel"),
    ]

    def __init__(self, order_id: int, changes: Sequence[str]) -> None:
        super().__init__()
        self.order_id: Final = order_id
        self.changes: Final = list(changes)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            title = f"Order {self.order_id} was edited after it was sent"
            yield Static(Content(title), classes="dialog-title")
            yield Sheet(self._changes)
            yield Sheet(_choices)
            yield SafeInput(id="reference", placeholder="where the difference is booked, as M-2026-17")
            yield Static(id="wrong", classes="dialog-wrong")
            yield Static(Content("! This cannot be undone."), classes="irreversible")
            yield Static(Content("k, a or h answers; Esc leaves it open."), classes="dialog-hint")

    def on_mount(self) -> None:
        self.query_one("#reference").display = False

    def _changes(self, width: int) -> Lines:
        lines: Lines = []
        for change in self.changes[:_SHOWN]:
            lines += paragraph(change, width, lead="~ ")
        left = len(self.changes) - _SHOWN
        return [*lines, *([line(f"and {left} more")] if left > 0 else []), Content("")]

    def action_choose(self, choice: str) -> None:
        """Answer."""
        self.dismiss(Answer(EditChoice(choice)))

    def action_by_hand(self) -> None:
        """Ask where it is booked."""
        field = self.query_one("#reference", Input)
        field.display = True
        field.focus()

    @on(Input.Submitted, "#reference")
    def go_on(self, event: Input.Submitted) -> None:
        """Answer by hand, with the reference."""
        if event.value.strip():
            self.dismiss(Answer(EditChoice.BY_HAND, safe_text(event.value.strip())))
        else:
            self.query_one("#wrong", Static).update(Content.styled("A reference is needed.", "$text-error"))

    def action_leave(self) -> None:
        """Leave the edit open."""
        self.dismiss(None)


def _choices(width: int) -> Lines:
    lines: Lines = []
    for key, title, means in _CHOICES:
        lines.append(line((f" {key} ", "bold reverse"), (f" {title}", "bold")))
        lines += paragraph(means, width, indent=4, style=DIM)
    return lines
