"""What every verb about one order may have to answer: there is none of that number, or it is being worked on."""

from typing import Final

from bcifs_console.base.problems import Problem, ProblemKind
from bcifs_console.domain.states import OrderState
from bcifs_console.store import queue
from bcifs_console.store.database import Tx

SEEN: Final = "seen"
READ: Final = "read"


class NoSuchOrder(Problem):
    """We have never seen an order of that number, or never read it."""

    kind = ProblemKind.NOT_FOUND

    def __init__(self, order_id: int, what: str = SEEN) -> None:
        super().__init__(
            f"Order {order_id} was never {what} here.",
            remedy=f"If the store has it, run: bcifs orders sync {order_id} --wait",
        )


class OrderBusy(Problem):
    """The order is being looked at: nobody can say yet what will have been sent, or booked."""

    kind = ProblemKind.CONFLICT

    def __init__(self, order_id: int) -> None:
        super().__init__(f"Order {order_id} is being worked on right now.", remedy="Try again in a moment.")


def hold(tx: Tx, connection_id: int, order_id: int) -> OrderState | None:
    """The order's state; no look at it is under way or begins before this transaction ends. None: it was never seen.

    Raises OrderBusy.
    """
    found = queue.hold(tx, connection_id, order_id)
    if found is OrderState.WORKING:
        raise OrderBusy(order_id)
    return found
