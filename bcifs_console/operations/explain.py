"""`mapping explain`: where every amount of an order's documents comes from and why it is where it is (promise 5)."""

from dataclasses import dataclass

from bcifs_console.accounting.explain import Explained
from bcifs_console.operations.case_view import case
from bcifs_console.operations.context import Context
from bcifs_console.operations.order_faults import READ, NoSuchOrder


@dataclass(frozen=True, slots=True)
class Explanation:
    """Every amount of every document of one order. `planned`: keys of those that are not in the ledger yet."""

    order_id: int
    amounts: tuple[Explained, ...]
    planned: frozenset[str]
    blockers: tuple[str, ...]  #: what keeps further documents back
    answers: tuple[str, ...]  #: what a person said of single documents
    unreadable: tuple[str, ...]  #: what of it can no longer be read: keys of documents, and the order's own text


def explanation(context: Context, order_id: int, *, connection: str | None) -> Explanation:
    """Explain what stands in the ledger as it was frozen, and what is still to come as the order was last read.

    Nothing is called. Raises NoSuchOrder for an order that was never read.
    """
    connection_id = context.connection_id(connection)
    found = context.store.database.read_sync(lambda conn: case(conn, connection_id=connection_id, order_id=order_id))
    if found is None or found.read_at is None:
        raise NoSuchOrder(order_id, READ)
    return Explanation(
        order_id=order_id,
        amounts=found.amounts,
        planned=frozenset(document.key for document in found.planned),
        blockers=tuple(problem.message for problem in found.problems),
        answers=found.answers,
        unreadable=(*found.unreadable, *(() if found.read is not None else (f"What was read of order {order_id}",))),
    )
