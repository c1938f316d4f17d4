"""Giving an answer about a buyer: ask, do it, tell, and keep the way back. Used by the Decisions screen.

Each question is one worker, of which a newer one takes the place; an answer once given is carried out by the app. The
screen goes on meanwhile, and what the store then holds comes by the change feed.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from bcifs_console.base.problems import Problem
from bcifs_console.console.gateway import Undo
from bcifs_console.console.screens.decide_answer import DecideAnswerScreen
from bcifs_console.console.screens.decide_rule import DecideRuleScreen
from bcifs_console.console.screens.decide_search import DecideSearchScreen
from bcifs_console.console.screens.note import AskScreen
from bcifs_console.console.widgets.decision_lines import counted, money_text
from bcifs_console.console.widgets.lines import DIM, Lines, paragraph
from bcifs_console.console.widgets.preview_lines import preview_lines
from bcifs_console.operations import decide
from bcifs_console.operations.context import Context
from bcifs_console.operations.decide import Decided
from bcifs_console.store.views.decisions import BuyerView, CandidateView

if TYPE_CHECKING:
    from bcifs_console.console.screens.decisions import DecisionsScreen

_UNDONE: Final = "taken back in the console"
#: How long an answer can be taken back.
_SENT: Final = "it is sent"
_SENT_SOON: Final = "The service sends the orders within seconds; from then on it cannot be undone."


class Deciding:
    """The answers of one screen, about the buyer under its cursor."""

    def __init__(self, screen: "DecisionsScreen") -> None:
        self._screen: Final = screen

    def link(self, candidate: CandidateView) -> None:
        """The buyer is this customer."""
        self._begin(partial(self._link, candidate=candidate))

    def create(self) -> None:
        """The buyer becomes a new customer."""
        self._begin(self._create)

    def search(self) -> None:
        """Search IFS, then link."""
        self._begin(self._search)

    def skip(self) -> None:
        """The buyer is left out."""
        self._begin(self._skip)

    def rule(self) -> None:
        """All buyers of a kind become one customer."""
        self._begin(self._rule)

    def remark(self) -> None:
        """A note on the question."""
        self._begin(self._remark)

    def look_again(self) -> None:
        """Gather candidates anew."""
        self._begin(self._look_again)

    def reopen(self) -> None:
        """Take the answer back."""
        self._begin(self._reopen)

    def _begin(self, work: Callable[[BuyerView], Awaitable[None]]) -> None:
        found = self._screen.chosen
        if found is not None:
            self._screen.run_worker(self._guarded(work, found), group="decisions.act", exclusive=True)

    async def _guarded(self, work: Callable[[BuyerView], Awaitable[None]], found: BuyerView) -> None:
        try:
            await work(found)
        except Problem as problem:
            self._screen.desk.show_problem(problem)
        self._screen.reload()

    # -- the answers -------------------------------------------------------------------------------------------------

    async def _link(self, found: BuyerView, candidate: CandidateView) -> None:
        def said(width: int) -> Lines:
            lines = paragraph(
                f"{_orders(found)} {_goes(found.orders)} to IFS for {candidate.customer_id}, and all later ones.", width
            )
            return [*lines, *paragraph(_SENT_SOON, width, style=DIM)]

        title = f"{found.name} is {candidate.customer_id} {candidate.name}?".replace(" ?", "?")
        note = await self._ask(DecideAnswerScreen(title, said, yes="Link", note=found.note))
        if note is None:
            return
        verb = partial(decide.link, decision_id=found.id, customer_id=candidate.customer_id, note=note)
        await self._answer(
            verb, lambda done: f"{found.name} is IFS customer {done.customer_id}; {_go_on(done)}.", until=_SENT
        )

    async def _create(self, found: BuyerView) -> None:
        from bcifs_console.operations.decide_preview import preview  # with both clients: loaded when first needed

        self._screen.desk.say("Asking IFS what would be created …")
        made = await self._screen.gateway.look(partial(preview, decision_id=found.id))
        if not self._screen.is_current:
            # Over another screen a key meant for that one would answer it.
            self._screen.desk.say(f"IFS has answered: press n again to see what is created for {found.name}.")
            return
        title = f"Create an IFS customer for {found.name}? {_orders(found)} {_goes(found.orders)} to IFS."
        asked = DecideAnswerScreen(
            title,
            lambda width: preview_lines(made, width),
            yes="Create",
            note=found.note,
            warning="Once it is created, it cannot be undone here.",
        )
        note = await self._ask(asked)
        if note is None:
            return
        verb = partial(decide.create, decision_id=found.id, note=note)
        await self._answer(verb, lambda done: f"{found.name} becomes a new IFS customer; {_go_on(done)}.", until=_SENT)

    async def _search(self, found: BuyerView) -> None:
        from bcifs_console.operations.decide_search import search

        async def look(wanted: str) -> tuple[CandidateView, ...]:
            return await self._screen.gateway.look(partial(search, decision_id=found.id, text=wanted))

        chosen = await self._screen.app.push_screen_wait(DecideSearchScreen(found.name, look))
        if chosen is not None:
            await self._link(found, chosen)

    async def _skip(self, found: BuyerView) -> None:
        def said(width: int) -> Lines:
            return paragraph(f"{_orders(found)} left out of IFS, and all later ones. It can be taken back.", width)

        note = await self._ask(DecideAnswerScreen(f"Leave {found.name} out?", said, yes="Leave out", note=found.note))
        if note is None:
            return
        verb = partial(decide.skip, decision_id=found.id, note=note)
        await self._answer(verb, lambda done: f"{found.name} is left out, with {counted(len(done.orders), 'order')}.")

    async def _rule(self, found: BuyerView) -> None:
        from bcifs_console.operations.decide_rule import MadeRule, Wanted, make, suggested

        detail, against = self._screen.detail, self._screen.against
        conditions = suggested(detail.buyer) if detail is not None and detail.buyer is not None else ()

        async def try_it(wanted: Wanted) -> MadeRule:
            verb = partial(make, connection_id=found.connection_id, wanted=wanted, note="", dry_run=True)
            return await self._screen.gateway.look(verb)

        customer_id = against.customer_id if against is not None else ""
        asked = DecideRuleScreen(found.name, conditions, customer_id, try_it)
        answer = await self._screen.app.push_screen_wait(asked)
        if answer is None:
            return
        verb = partial(make, connection_id=found.connection_id, wanted=answer.wanted, note=answer.note)

        def tell(made: MadeRule) -> None:
            released = counted(len(made.released), "waiting order")
            self._tell(f"Saved rule {made.rule.label} → {made.rule.result}; {released} let go, one first.")

        await self._screen.desk.carry_out(verb, tell)

    async def _remark(self, found: BuyerView) -> None:
        why = "For whoever looks next; it goes with the answer. Empty takes it away."
        note = await self._screen.app.push_screen_wait(AskScreen(f"A note on {found.name}", why, value=found.note))
        if note is None or note.strip() == found.note:
            return
        verb = partial(decide.remark, decision_id=found.id, text=note, instead_of=found.note)
        back = partial(decide.remark, decision_id=found.id, text=found.note, instead_of=note)
        await self._screen.desk.carry_out(verb, lambda _noted: self._tell(f"Noted on {found.name}.", back))

    async def _look_again(self, found: BuyerView) -> None:
        self._screen.desk.say("Asking IFS who this buyer may be …")
        await self._screen.gateway.act(partial(decide.gather_candidates, decision_id=found.id))

    async def _reopen(self, found: BuyerView) -> None:
        def tell(done: Decided) -> None:
            orders = counted(len(done.orders), "order")
            self._tell(f"The question about {found.name} is open again; {orders} looked at again.")

        await self._screen.desk.carry_out(partial(decide.undo, decision_id=found.id, note=_UNDONE), tell)

    # -- asking and telling ------------------------------------------------------------------------------------------

    async def _ask(self, question: DecideAnswerScreen) -> str | None:
        return await self._screen.app.push_screen_wait(question)

    async def _answer(
        self,
        verb: Callable[[Context], Awaitable[Decided]] | Callable[[Context], Decided],
        said: Callable[[Decided], str],
        *,
        until: str = "",
    ) -> None:
        """Give the answer; it can be taken back as long as it is the one that was given."""

        def tell(done: Decided) -> None:
            back = partial(decide.undo, decision_id=done.decision.id, note=_UNDONE, answer=done)
            self._screen.desk.notify_done(said(done), undo=back, until=until)

        await self._screen.desk.carry_out(verb, tell)

    def _tell(self, said: str, undo: Undo | None = None) -> None:
        self._screen.desk.notify_done(said, undo)


def _orders(found: BuyerView) -> str:
    """`2 orders worth 144.20 USD`."""
    worth = f" worth {money_text(found.money)}" if found.money else ""
    return f"{counted(found.orders, 'order')}{worth}"


def _go_on(done: Decided) -> str:
    return f"{counted(len(done.orders), 'order')} {_goes(len(done.orders))} on"


def _goes(number: int) -> str:
    return "goes" if number == 1 else "go"
