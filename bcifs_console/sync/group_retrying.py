"""Following the retry of a group: when its canary got through the rest goes, when it did not the rest stays.

A step at a time, asked for by the service every second and by `problems retry --wait`; the state between is in
`store.group_retries`, so a crash loses nothing. Nothing is called here.
"""

from typing import Final

import structlog
from sqlalchemy import Connection

from bcifs_console.domain.states import OrderState
from bcifs_console.store import group_retries, views
from bcifs_console.store.database import Database
from bcifs_console.store.group_retries import FAILED, GroupRetry, RetryState
from bcifs_console.store.views import OrderView
from bcifs_console.sync.releasing import ELSEWHERE, Fate

_log = structlog.get_logger(__name__)
_ACTOR: Final = "service"


async def group_retry_step(database: Database, connection_id: int) -> None:
    """Go one step on with each retry of the connection. Raises StoreProblem."""

    def read(conn: Connection) -> list[tuple[GroupRetry, OrderView]]:
        retries = group_retries.every(conn, connection_id)
        orders = views.orders_by_id(conn, connection_id, [retry.canary for retry in retries]) if retries else []
        by_id = {order.order_id: order for order in orders}
        return [(retry, by_id[retry.canary]) for retry in retries if retry.canary in by_id]

    for retry, canary in await database.read(read):
        await _follow(database, retry, canary)


async def _follow(database: Database, retry: GroupRetry, canary: OrderView) -> None:
    """See how the canary fared. One that was stuck and got through after all lets the rest go, too."""
    match fate(retry, canary):
        case Fate.THROUGH:
            await database.write(lambda tx: group_retries.let_go(tx, retry, actor=_ACTOR))
        case Fate.ELSEWHERE:
            await database.write(lambda tx: group_retries.send_next(tx, retry, actor=_ACTOR))
        case Fate.STUCK if retry.group.kind in ELSEWHERE:
            # It waits for a person or the store, as before: nothing that anybody has to be told of.
            await database.write(lambda tx: group_retries.give_up(tx, retry.group, actor=_ACTOR))
        case Fate.STUCK if retry.state is RetryState.CANARY:
            note = f"Order {canary.order_id} did not get through: {canary.error}"
            if await database.write(lambda tx: group_retries.stop(tx, retry, note, actor=_ACTOR)):
                _log.warning("retry_stopped", canary=canary.order_id, waiting=len(retry.orders), error=canary.error)
        case _:
            pass


def fate(retry: GroupRetry, canary: OrderView) -> Fate:
    """How the canary fares. It is through when it is in IFS; an order that has the group's own cause again is stuck."""
    state = OrderState(canary.state)
    if state in (OrderState.DUE, OrderState.WORKING):
        return Fate.UNDER_WAY
    if state is OrderState.SYNCED:
        return Fate.THROUGH
    if state in (OrderState.SKIPPED, OrderState.IGNORED):
        return Fate.ELSEWHERE
    kind = FAILED if state is OrderState.FAILED else canary.reason
    if (kind, canary.cause) == (retry.group.kind, retry.group.cause):
        return Fate.STUCK
    return Fate.ELSEWHERE if kind in ELSEWHERE else Fate.STUCK
