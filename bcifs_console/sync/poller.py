"""The fallback poll: asks the store which orders changed, so that nothing rests on webhooks alone.

`min_date_modified` with an overlap, because its resolution is a second and pages shift while orders change (facts
§3.2). The cursor moves only when a poll came to its end; a poll cut short is simply done again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from bcifs_console.bigcommerce.errors import BadAnswer
from bcifs_console.domain.orders import Order
from bcifs_console.domain.states import OrderState, Side
from bcifs_console.store import health, intake, views
from bcifs_console.store.database import Tx
from bcifs_console.store.views import LastRead
from bcifs_console.sync.runtime import Runtime

_CURSOR: Final = "orders_modified"
_BATCH: Final = 250
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll found: orders seen, orders made due, calls made, seconds taken."""

    seen: int
    marked: int
    calls: int
    elapsed_s: float


async def poll(runtime: Runtime, *, overlap: timedelta) -> Polled:
    """Make every order due that changed since the last poll and that we have not read since. Raises store errors."""
    clock = runtime.clock
    started = clock.monotonic()
    calls_before = runtime.calls.get(Side.BIGCOMMERCE, 0)
    value = await runtime.database.read(lambda conn: health.get_cursor(conn, runtime.id, _CURSOR))
    newest = datetime.fromisoformat(value) if value else runtime.policy.start_at
    since = newest - overlap if value else newest
    seen = marked = 0
    page: list[Order] = []
    async for order in runtime.store.orders_modified_since(since, on_unreadable=_unreadable):
        seen += 1
        newest = max(newest, order.modified_at)
        page.append(order)
        if len(page) >= _BATCH:
            marked += await _mark(runtime, page)
            page = []
    marked += await _mark(runtime, page)
    await runtime.database.write(lambda tx: health.set_cursor(tx, runtime.id, _CURSOR, newest.isoformat()))
    polled = Polled(
        seen, marked, runtime.calls.get(Side.BIGCOMMERCE, 0) - calls_before, round(clock.monotonic() - started, 3)
    )
    if marked:
        _log.info("polled", connection=runtime.connection.name, seen=seen, marked=marked)
    return polled


def _unreadable(problem: BadAnswer) -> None:
    """One order that cannot be read must not hide the others; its own webhook or sync shows what is wrong with it."""
    _log.warning("poll_unreadable", order=problem.order_id, error=problem.message)


async def _mark(runtime: Runtime, orders: list[Order]) -> int:
    """Make those of `orders` due that are new, or newer than what we have read."""
    if not orders:
        return 0

    def write(tx: Tx) -> int:
        known = views.last_read(tx.conn, runtime.id, [order.id for order in orders])
        due = [order.id for order in orders if _is_news(order, known, runtime.policy.start_at)]
        return intake.mark_due(tx, runtime.id, due, found_by="poll")

    return await runtime.database.write(write)


def _is_news(order: Order, known: dict[int, LastRead], start_at: datetime) -> bool:
    """Whether the order is worth a look: new, or modified since we read it. One that is due already is not."""
    found = known.get(order.id)
    if found is None:
        return order.placed_at >= start_at
    if found.modified_at is None:
        return found.state not in (OrderState.DUE, OrderState.WORKING)
    return order.modified_at > found.modified_at
