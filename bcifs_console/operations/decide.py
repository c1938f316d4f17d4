"""Decisions: what becomes of a buyer whom IFS does not know, or knows more than once."""

from dataclasses import dataclass

from sqlalchemy import Connection

from bcifs_console.base.problems import Problem, ProblemKind, UsageProblem
from bcifs_console.domain.states import OrderState
from bcifs_console.operations.context import Context
from bcifs_console.store import connections, customers, queue
from bcifs_console.store.customers import Decision


class NoSuchDecision(Problem):
    """There is no question of that number, or it was answered already."""

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
class Decided:
    """An answered question: what was decided and which orders go on with it."""

    decision: Decision
    action: str
    customer_id: str
    orders: tuple[int, ...]


def listing(context: Context, connection: str | None) -> list[OpenDecision]:
    """The open questions, oldest first."""
    connection_id = context.connection_id(connection) if connection is not None else None

    def read(conn: Connection) -> list[OpenDecision]:
        names = connections.all_names(conn)
        return [
            OpenDecision(
                found,
                names[found.connection_id],
                tuple(
                    queue.orders_of_buyer(
                        conn,
                        found.connection_id,
                        found.buyer_key,
                        [OrderState.WAITING],
                    )
                ),
            )
            for found in customers.open_decisions(conn, connection_id)
        ]

    return context.store.database.read_sync(read)


def _open(context: Context, decision_id: int) -> Decision:
    found = context.store.database.read_sync(lambda conn: customers.decision_by_id(conn, decision_id))
    if found is None:
        raise NoSuchDecision(f"There is no decision {decision_id}.", remedy="See: bcifs decisions list")
    if found.action:
        raise NoSuchDecision(
            f"Decision {decision_id} was answered already: {found.action} {found.customer_id}".rstrip() + ".",
            remedy="See: bcifs decisions list",
        )
    return found


def create(context: Context, decision_id: int, note: str) -> Decided:
    """The buyer is to become a new IFS customer; the worker creates it with the next look. Raises NoSuchDecision."""
    return _decide(context, _open(context, decision_id), "create", "", note)


async def link(context: Context, decision_id: int, customer_id: str, note: str) -> Decided:
    """The buyer is this IFS customer, which must exist. Raises NoSuchDecision, NoSuchCustomer and IFS errors."""
    found = _open(context, decision_id)
    if not customer_id.strip():
        raise UsageProblem("A customer id is needed.", remedy="bcifs decisions link ID CUSTOMER")
    runtime = context.runtime(found.connection_id)
    try:
        customer = await runtime.ifs.customer(customer_id.strip())
    finally:
        await runtime.aclose()
    if customer is None:
        raise NoSuchCustomer(f"IFS has no customer {customer_id!r}.", remedy="Check the id in IFS; case matters.")
    return _decide(context, found, "link", customer.customer_id, note)


def skip(context: Context, decision_id: int, note: str) -> Decided:
    """The buyer's orders are not sent. Raises NoSuchDecision."""
    return _decide(context, _open(context, decision_id), customers.SKIP, "", note)


def _decide(context: Context, found: Decision, action: str, customer_id: str, note: str) -> Decided:
    orders = context.store.database.write_sync(
        lambda tx: customers.decide(tx, found, action, actor=context.actor, customer_id=customer_id, note=note)
    )
    return Decided(found, action, customer_id, tuple(orders))
