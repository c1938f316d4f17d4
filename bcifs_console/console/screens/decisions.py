"""Decisions: buyers whom IFS does not know, or knows more than once, beside the customers they may be.

Left the buyers, oldest question first; right what is known of one, and the candidates with the reasons for each. What
is shown is worded in `widgets.decision_lines`; asking before an answer is given is `decide_answer`'s and its
neighbours' business, giving it `screens.deciding`'s.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar, Final

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content

from bcifs_console.base.problems import Problem
from bcifs_console.console.screens.base import ConsoleScreen
from bcifs_console.console.screens.deciding import Deciding
from bcifs_console.console.widgets.candidate_list import CandidateList
from bcifs_console.console.widgets.decision_lines import (
    ANSWERED_COLUMNS,
    WAITING_COLUMNS,
    answered_cells,
    buyer_lines,
    candidates_heading,
    comparison_lines,
    summary,
    waiting_cells,
)
from bcifs_console.console.widgets.lines import DIM, heading
from bcifs_console.console.widgets.sheet import Sheet
from bcifs_console.console.widgets.virtual_table import VirtualTable
from bcifs_console.operations import decide
from bcifs_console.operations.decide import DecisionDetail
from bcifs_console.store.views import decisions as views
from bcifs_console.store.views.decisions import BuyerView, CandidateView

_NOBODY_WAITS: Final = Content("✓ Nobody waits for a decision.\nw shows the questions that were answered.")
_NONE_ANSWERED: Final = Content("No question was answered yet.\nw goes back to those that wait.")
_NO_CANDIDATE: Final = Content.styled(
    "Nobody in IFS looks like this buyer.\n/ searches IFS · n creates a new customer · x leaves the buyer out",
    DIM,
)


class DecisionsScreen(ConsoleScreen):
    """Buyers on the left, the one under the cursor and his candidates on the right; in a narrow terminal either."""

    SECTION = "decisions"
    TITLE_TEXT = "Decisions"
    KINDS: ClassVar[frozenset[str]] = frozenset({"decision", "order", "connection"})

    def __init__(self) -> None:
        super().__init__()
        self.shows_answered = False
        self.detail: DecisionDetail | None = None
        self._read_id: int | None = None  #: whose `detail` it is
        self._found: Mapping[int, BuyerView] = {}
        self._later: set[int] = set()
        self._against: CandidateView | None = None
        self._sought: Mapping[str, object] = {}
        self._deciding = Deciding(self)

    def compose_body(self) -> ComposeResult:
        """List and detail."""
        with Horizontal(id="decisions"):
            with Vertical(id="decision-list"):
                yield Sheet(id="decision-title")
                yield VirtualTable(WAITING_COLUMNS, id="decision-waiting")
                yield VirtualTable(ANSWERED_COLUMNS, id="decision-answered")
            with VerticalScroll(id="decision-detail", can_focus=False):
                yield Sheet(id="decision-buyer")
                yield Sheet(id="decision-comparison")
                yield Sheet(id="decision-candidates-title")
                yield CandidateList(empty=_NO_CANDIDATE, id="decision-candidates")

    @property
    def crumbs(self) -> tuple[str, ...]:
        """With the buyer, where the list is not seen."""
        found = self.chosen if self.is_mounted and self.has_class("-detail") else None
        return (self.TITLE_TEXT,) if found is None else (self.TITLE_TEXT, found.name)

    # -- what is shown -----------------------------------------------------------------------------------------------

    @property
    def table(self) -> VirtualTable:
        """The list that is shown."""
        return self.query_one("#decision-answered" if self.shows_answered else "#decision-waiting", VirtualTable)

    @property
    def candidates(self) -> CandidateList:
        return self.query_one(CandidateList)

    @property
    def chosen(self) -> BuyerView | None:
        """The buyer under the cursor."""
        number = self.table.cursor_id
        return None if number is None else self._found.get(number)

    @property
    def against(self) -> CandidateView | None:
        """The candidate under the cursor."""
        return self._against

    async def load(self) -> None:
        """Read the questions, and the one under the cursor in full."""
        found = await self.gateway.read(views.answered if self.shows_answered else views.waiting)
        self._found = {each.id: each for each in found}
        self._later &= self._found.keys()
        self._show_list(found)
        if self._sought:
            sought, self._sought = self._sought, {}
            self._move_to(sought)
        await self._load_detail()

    def _show_list(self, found: Sequence[BuyerView]) -> None:
        for number in ("#decision-waiting", "#decision-answered"):
            table = self.query_one(number, VirtualTable)
            table.display = table is self.table
        ids = [each.id for each in found if each.id not in self._later]
        ids += [each.id for each in found if each.id in self._later]
        table = self.table
        table.message = _NONE_ANSWERED if self.shows_answered else _NOBODY_WAITS
        table.refill(ids, self._rows)
        self._show_title(found)

    def _show_title(self, found: Sequence[BuyerView]) -> None:
        told = f"newest {len(found)} · w: those that wait" if found else "w: those that wait"
        is_answered = self.shows_answered
        self.query_one("#decision-title", Sheet).show(
            lambda width: [heading("Answered", width, told)] if is_answered else summary(found, width)
        )

    def _rows(self, ids: Sequence[int]) -> Mapping[int, Sequence[Content]]:
        now = self.gateway.now()
        if self.shows_answered:
            return {number: answered_cells(self._found[number], now) for number in ids if number in self._found}
        return {
            number: waiting_cells(self._found[number], now, is_later=number in self._later)
            for number in ids
            if number in self._found
        }

    @work(exclusive=True, group="decision")
    async def load_detail(self) -> None:
        """Read the question under the cursor in full."""
        await self._load_detail()

    async def _load_detail(self) -> None:
        found = self.chosen
        self.candidates.show(found.candidates if found is not None and not self.shows_answered else ())
        if found is None or found.id != self._read_id:
            self.detail, self._read_id = None, None
            self.show_detail()  # what the list knows of the buyer already, until the rest is there
        if found is not None:
            try:
                self.detail = await self.gateway.look(partial(decide.show, decision_id=found.id))
                self._read_id = found.id
            except Problem as problem:
                self.desk.show_problem(problem)
        self.show_detail()
        self.desk.show_status()

    def show_detail(self) -> None:
        """Show what was read of the buyer under the cursor."""
        found, detail, now = self.chosen, self.detail, self.gateway.now()
        self.set_class(found is None, "-nobody")
        if found is None:
            return
        buyer = None if detail is None else detail.buyer
        against = None if self.shows_answered else self._against
        self.query_one("#decision-buyer", Sheet).show(lambda width: buyer_lines(found, detail, now, width))
        self.query_one("#decision-comparison", Sheet).show(lambda width: comparison_lines(buyer, against, width))
        self.query_one("#decision-candidates-title", Sheet).show(
            lambda width: candidates_heading(len(found.candidates), width, has_focus=self.candidates.has_focus)
        )
        for name in ("#decision-candidates-title", "#decision-candidates"):
            self.query_one(name).display = not self.shows_answered

    # -- moving about ------------------------------------------------------------------------------------------------

    def go_to(self, **focus: object) -> None:
        """`decision` (its number), or `connection_id` with `buyer_key`: that question, wherever it stands; a
        `connection_id` alone: the oldest of that connection."""
        if not self._move_to(focus) and not focus.keys().isdisjoint(("decision", "buyer_key")):
            self.shows_answered = not self.shows_answered
            self._sought = focus
            self.reload()

    def _move_to(self, focus: Mapping[str, object]) -> bool:
        """To the question that is meant, where it is in the list that is shown."""
        for each in self._found.values():
            stands_for = {"decision": each.id, "connection_id": each.connection_id, "buyer_key": each.buyer_key}
            if all(stands_for.get(name) == value for name, value in focus.items()):
                self.table.move_to(each.id)
                return True
        return False

    @on(VirtualTable.Highlighted)
    def another_buyer(self) -> None:
        """Another buyer is under the cursor."""
        self.load_detail()

    @on(VirtualTable.Opened)
    def into_candidates(self) -> None:
        """To the candidates of the buyer."""
        self.add_class("-detail")
        if not self.shows_answered:
            self.candidates.focus()
        self.desk.show_status()

    @on(CandidateList.Left)
    def back_to_list(self) -> None:
        """Back to the buyers."""
        self.remove_class("-detail")
        self.table.focus()
        self.desk.show_status()

    def close_detail(self) -> bool:
        """Esc: from the detail to the list."""
        if not self.has_class("-detail"):
            return False
        self.back_to_list()
        return True

    def on_descendant_focus(self) -> None:
        """How to choose depends on where one is."""
        self.show_detail()

    @on(CandidateList.Highlighted)
    def another_candidate(self, event: CandidateList.Highlighted) -> None:
        """The comparison is with the candidate under the cursor."""
        self._against = event.candidate
        self.show_detail()

    def action_toggle_answered(self) -> None:
        """Those that wait, or those that were answered."""
        self.shows_answered = not self.shows_answered
        self.remove_class("-detail")
        self._found = {}
        self.reload()
        self.call_after_refresh(self.table.focus)

    def action_later(self) -> None:
        """To the end of the list, and on to the next one."""
        found = self.chosen
        if found is not None:
            self._later ^= {found.id}
            self._show_list(list(self._found.values()))
            self.desk.say(f"{found.name}: {'later' if found.id in self._later else 'in its place again'}.")

    def action_open_order(self) -> None:
        """The newest of the buyer's orders."""
        detail = self.detail
        orders = () if detail is None else (detail.waiting or detail.orders)
        if detail is not None and orders:
            self.desk.open_order(detail.decision.connection_id, orders[-1])

    # -- acting ------------------------------------------------------------------------------------------------------

    def why_not(self, action_id: str) -> str | None:
        """Why an action cannot be done now."""
        name = action_id.rpartition(".")[2]
        if name == "toggle_answered":
            return None
        if self.chosen is None:
            return "there is no buyer"
        if name == "reopen":
            return self._why_not_reopened()
        if name == "open_order":
            return None if self.detail is None or self.detail.orders else "no order of this buyer is known"
        if self.shows_answered:
            return "this question was answered; t takes the answer back"
        return None

    def _why_not_reopened(self) -> str | None:
        if not self.shows_answered:
            return "this question is open; w shows those that were answered"
        found = self.chosen
        return "it answered itself" if found is not None and found.actor == "service" else None

    @on(CandidateList.Chosen)
    def link_to_candidate(self, event: CandidateList.Chosen) -> None:
        """The buyer is this customer."""
        if (reason := self.reason_against("decisions.search")) is not None:
            self.desk.say(f"Choose: {reason}", severity="warning")
            return
        self._deciding.link(event.candidate)

    def action_create(self) -> None:
        """A new customer."""
        self._deciding.create()

    def action_search(self) -> None:
        """Search IFS for the customer."""
        self._deciding.search()

    def action_skip(self) -> None:
        """Leave the buyer out."""
        self._deciding.skip()

    def action_rule(self) -> None:
        """Make a rule of it."""
        self._deciding.rule()

    def action_remark(self) -> None:
        """Leave a note."""
        self._deciding.remark()

    def action_look_again(self) -> None:
        """Look for candidates anew."""
        self._deciding.look_again()

    def action_reopen(self) -> None:
        """Take an answer back."""
        self._deciding.reopen()
