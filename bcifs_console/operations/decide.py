"""Decisions: what becomes of a buyer whom IFS does not know, or knows more than once.

What `create` would make is shown by `decide_preview`; an answer for many buyers at once is a rule (`decide_rule`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection

from bcifs_console.base.problems import Problem, ProblemKind, UsageProblem
from bcifs_console.domain.buyers import Buyer, buyer_of
from bcifs_console.domain.codec import encode
from bcifs_console.domain.states import OrderState
from bcifs_console.operations.context import Context
from bcifs_console.store import connections, customers, directory, past, queue
from bcifs_console.store.customers import Decision
from bcifs_console.store.errors import DecidedMeanwhile


class NoSuchDecision(Problem):
    """There is no question of that number, it was answered already, or it was not answered yet."""

    kind = ProblemKind.NOT_FOUND


class NoSuchCustomer(Problem):
    """IFS has no customer of that id."""

    kind = ProblemKind.NOT_FOUND


@dataclass(frozen=True, slots=True)
class OpenDecision:
    """A question with the orders that wait for its answer."""

    decision: Decision
    connection: str
    orders: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DecisionDetail:
    """One question, open or answered, with all the buyer's orders and the buyer as the newest of them shows him."""

    decision: Decision
    connection: str
    orders: tuple[int, ...]
    waiting: tuple[int, ...]
    buyer: Buyer | None  #: None where no order of his was kept


@dataclass(frozen=True, slots=True)
class Decided:
    """An answered question: what was decided and which orders go on with it."""

    decision: Decision
    action: str
    customer_id: str
    orders: tuple[int, ...]


UNDO: Final = "undo"


def listing(context: Context, connection: str | None) -> list[OpenDecision]:
    """The open questions, oldest first."""
    connection_id = context.connection_id(connection) if connection is not None else None

    def read(conn: Connection) -> list[OpenDecision]:
        names = connections.all_names(conn)
        return [
            OpenDecision(found, names[found.connection_id], _orders(conn, found, [OrderState.WAITING]))
            for found in customers.open_decisions(conn, connection_id)
        ]

    return context.store.database.read_sync(read)


def _orders(conn: Connection, found: Decision, states: Iterable[OrderState]) -> tuple[int, ...]:
    return tuple(queue.orders_of_buyer(conn, found.connection_id, found.buyer_key, list(states)))


def show(context: Context, decision_id: int) -> DecisionDetail:
    """One question, open or answered. Raises NoSuchDecision."""
    found = find(context, decision_id)

    def read(conn: Connection) -> DecisionDetail:
        return DecisionDetail(
            found,
            connections.all_names(conn)[found.connection_id],
            _orders(conn, found, OrderState),
            _orders(conn, found, [OrderState.WAITING]),
            buyer_in(conn, found),
        )

    return context.store.database.read_sync(read)


async def gather_candidates(context: Context, decision_id: int) -> None:
    """Look for candidates anew, in IFS too, and keep them with the question.

    Raises NoSuchDecision where it is not open, and what the look-up raises.
    """
    # Both clients and the scoring come with it: listing does not pay for their import.
    from bcifs_console.sync.candidate_reading import candidates
    from bcifs_console.sync.lookup import holders_of

    found = find_open(context, decision_id)
    buyer = context.store.database.read_sync(lambda conn: buyer_in(conn, found))
    if buyer is None:
        return
    runtime = context.runtime(found.connection_id)
    try:
        holders = await holders_of(runtime, buyer.email, fresh=True)
        ranked = await candidates(runtime, buyer, holders.found)
    finally:
        await runtime.aclose()
    rows = tuple(candidate.as_json for candidate in ranked)
    await context.store.database.write(lambda tx: customers.ask(tx, found.connection_id, buyer, found.question, rows))


def buyer_in(conn: Connection, found: Decision) -> Buyer | None:
    """The buyer as the newest order shows him that was kept and can be read; waiting ones first. None where none is."""
    waiting = _orders(conn, found, [OrderState.WAITING])
    for order_id in (*reversed(waiting), *reversed(_orders(conn, found, OrderState))):
        for kept in past.of_orders(conn, found.connection_id, [order_id]):
            order = kept.order()
            if order is not None:
                # The order's own key where it has none; the question's counts.
                return replace(buyer_of(order), key=found.buyer_key)
    return None


def find(context: Context, decision_id: int) -> Decision:
    """The question, open or answered. Raises NoSuchDecision."""
    found = context.store.database.read_sync(lambda conn: customers.decision_by_id(conn, decision_id))
    if found is None:
        raise NoSuchDecision(f"There is no decision {decision_id}.", remedy="See: bcifs decisions list")
    return found


def find_open(context: Context, decision_id: int) -> Decision:
    """The question, which nobody has answered yet. Raises NoSuchDecision."""
    found = find(context, decision_id)
    if found.action:
        raise NoSuchDecision(
            f"Decision {decision_id} was answered already: {found.action} {found.customer_id}".rstrip() + ".",
            remedy=f"To decide anew while nothing was sent: bcifs decisions undo {decision_id}",
        )
    return found


def create(context: Context, decision_id: int, note: str) -> Decided:
    """The buyer is to become a new IFS customer, as `decide_preview` shows it now; the worker creates it with the next
    look. Raises NoSuchDecision."""
    from bcifs_console.sync.creating import customer_draft

    found = find_open(context, decision_id)
    buyer = context.store.database.read_sync(lambda conn: buyer_in(conn, found))
    draft = encode(customer_draft(buyer, "", context.clock.now())) if buyer is not None else ""
    return _decide(context, found, "create", note, draft=draft)


async def link(context: Context, decision_id: int, customer_id: str, note: str) -> Decided:
    """The buyer is this IFS customer, which must exist. Raises NoSuchDecision, NoSuchCustomer and IFS errors."""
    found = find_open(context, decision_id)
    confirmed = await existing_customer(context, found.connection_id, customer_id)
    return _decide(context, found, "link", note, customer_id=confirmed)


async def existing_customer(context: Context, connection_id: int, customer_id: str) -> str:
    """The id as IFS has it. Raises UsageProblem for an empty one, NoSuchCustomer, and IFS errors."""
    if not customer_id.strip():
        raise UsageProblem("A customer id is needed.", remedy="bcifs decisions link ID CUSTOMER")
    runtime = context.runtime(connection_id)
    try:
        customer = await runtime.ifs.customer(customer_id.strip())
    finally:
        await runtime.aclose()
    if customer is None:
        raise NoSuchCustomer(f"IFS has no customer {customer_id!r}.", remedy="Check the id in IFS; case matters.")
    return customer.customer_id


def skip(context: Context, decision_id: int, note: str) -> Decided:
    """The buyer's orders are not sent. Raises NoSuchDecision."""
    return _decide(context, find_open(context, decision_id), customers.SKIP, note)


def undo(context: Context, decision_id: int, note: str, *, answer: Decided | None = None) -> Decided:
    """Take the answer back: the question is open again. A skip can be taken back whenever (it sent nothing).

    `answer`: one that was given here; another one, given since, is left alone. Raises NoSuchDecision where nobody has
    answered it, or it answered itself; BuyerSent, BuyerBeingSent, DecidedMeanwhile.
    """
    found = find(context, decision_id)
    if answer is not None and found.action and not _is(found, answer, context.actor):
        raise DecidedMeanwhile(found.name)
    if not found.action:
        raise NoSuchDecision(f"Decision {decision_id} is open: nothing is to be undone.", remedy="bcifs decisions list")
    if found.actor == customers.SERVICE:
        raise NoSuchDecision(
            f"Decision {decision_id} answered itself ({found.action} {found.customer_id}).",
            remedy="Change what answered it: the customer's e-mail in IFS, the customer rule, or the policy.",
        )
    orders = context.store.database.write_sync(lambda tx: customers.undo(tx, found, actor=context.actor, note=note))
    return Decided(found, UNDO, found.customer_id, tuple(orders))


def _is(found: Decision, answer: Decided, actor: str) -> bool:
    # A customer that was created has an id by now, which the answer did not know.
    is_same = found.action != "link" or found.customer_id == answer.customer_id
    return (found.action, found.actor) == (answer.action, actor) and is_same


def unskip(context: Context, decision_id: int, note: str) -> Decided:
    """Take a buyer in again who was left out. Raises NoSuchDecision where nobody left him out, else as `undo`."""
    found = find(context, decision_id)
    if found.action != customers.SKIP:
        was = f"answered otherwise: {found.action} {found.customer_id}".rstrip() if found.action else "open"
        raise NoSuchDecision(
            f"Decision {decision_id} is {was}; only a skip is taken back by this.",
            remedy=f"See: bcifs decisions show {decision_id}",
        )
    return undo(context, decision_id, note)


def remark(context: Context, decision_id: int, text: str, *, instead_of: str | None = None) -> None:
    """Leave a note on an open question, or take it away. `instead_of`: the note there is thought to be; another one
    is left alone. Raises NoSuchDecision, NotedMeanwhile, DecidedMeanwhile."""
    found = find_open(context, decision_id)
    context.store.database.write_sync(
        lambda tx: customers.remark(tx, found, text.strip(), actor=context.actor, instead_of=instead_of)
    )


def _decide(
    context: Context, found: Decision, action: str, note: str, *, customer_id: str = "", draft: str = ""
) -> Decided:
    def read(conn: Connection) -> frozenset[directory.Key]:
        buyer = buyer_in(conn, found)
        return frozenset() if buyer is None else directory.keys_of_buyer(buyer)

    keys = context.store.database.read_sync(read)
    said = note.strip() or found.note  # a note that was left on the question goes with the answer
    orders = context.store.database.write_sync(
        lambda tx: customers.decide(
            tx, found, action, actor=context.actor, customer_id=customer_id, note=said, draft=draft, keys=keys
        )
    )
    return Decided(found, action, customer_id, tuple(orders))
