"""Looking for a customer in IFS by id, e-mail or words of a name; the answer is the one chosen, or None."""

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, Final

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from bcifs_console.base.problems import Problem
from bcifs_console.base.text import safe_text
from bcifs_console.console import text
from bcifs_console.console.screens import BREAKPOINTS
from bcifs_console.console.widgets.candidate_list import CandidateList
from bcifs_console.console.widgets.lines import DIM
from bcifs_console.console.widgets.safe_input import SafeInput
from bcifs_console.store.views.decisions import CandidateView

Search = Callable[[str], Awaitable[Sequence[CandidateView]]]

_BEGIN: Final = "Enter searches. Then ↓ goes to those found, and Enter there chooses."


class DecideSearchScreen(ModalScreen[CandidateView | None]):
    """Searches while it is open; Esc leaves without a choice."""

    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "cancel"),
        Binding("down", "to_found", "to those found", show=False),
    ]

    def __init__(self, whom: str, search: Search) -> None:
        super().__init__()
        self.whom: Final = safe_text(whom)
        self.search: Final = search

    def compose(self) -> ComposeResult:
        with Vertical(classes="decide-dialog"):
            yield Static(Content(f"Which IFS customer is {self.whom}?"), classes="dialog-title")
            yield SafeInput(placeholder="customer id, e-mail, or words of the name", id="search-for")
            yield Static(Content.styled(_BEGIN, DIM), id="search-said")
            with VerticalScroll(id="search-scroll", can_focus=False):
                yield CandidateList(id="search-found")

    def on_mount(self) -> None:
        """Typing is in front."""
        self.query_one("#search-for").focus()

    @on(Input.Submitted, "#search-for")
    def begin(self, event: Input.Submitted) -> None:
        """Search for what was typed."""
        self.look(event.value)

    @work(exclusive=True, group="search")
    async def look(self, wanted: str) -> None:
        """Ask, and show who was found."""
        self._say(Content.styled("… asking IFS", DIM))
        found: Sequence[CandidateView] = ()
        try:
            found = await self.search(wanted)
        except Problem as problem:
            self._say(text.problem(problem))
        else:
            self._say(_told(len(found)))
        self.query_one(CandidateList).show(found)
        if found:
            self.query_one(CandidateList).focus()

    def _say(self, said: Content) -> None:
        self.query_one("#search-said", Static).update(said)

    @on(CandidateList.Chosen)
    def choose(self, event: CandidateList.Chosen) -> None:
        """This one."""
        event.stop()
        self.dismiss(event.candidate)

    @on(CandidateList.Left)
    def back_to_typing(self, event: CandidateList.Left) -> None:
        """Esc in the list: search for something else."""
        event.stop()
        self.query_one("#search-for").focus()

    @on(CandidateList.Highlighted)
    def keep(self, event: CandidateList.Highlighted) -> None:
        """Not for the screen behind."""
        event.stop()

    def action_to_found(self) -> None:
        """Into the list."""
        if self.query_one(CandidateList).chosen is not None:
            self.query_one(CandidateList).focus()

    def action_leave(self) -> None:
        """Choose nobody."""
        self.dismiss(None)


def _told(number: int) -> Content:
    if not number:
        return Content.styled("! IFS has nobody like that. Try fewer or other words.", "$text-warning")
    return Content.styled(f"{number} found. Enter or the letter chooses; Esc searches anew.", DIM)
