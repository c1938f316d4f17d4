"""The fallback poll: asks the store which orders changed, so that nothing rests on webhooks alone.

`min_date_modified` with an overlap, because its resolution is a second and pages shift while orders change (facts
§3.2). Orders come by time of modification, so the cursor moves with each page that is marked: a poll cut short goes on
from there.
"""

from dataclasses import dataclass, field
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
_TAIL: Final = 5
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
    newest = reached = datetime.fromisoformat(value) if value else runtime.policy.start_at
    since = newest - overlap if value else newest
    seen = marked = 0
    page = _Page()
    async for order in runtime.store.orders_modified_since(since, on_unreadable=page.cannot_read):
        seen += 1
        newest = max(newest, order.modified_at)
        page.orders.append(order)
        if len(page.orders) >= _BATCH:
            reached = max(reached, page.reached)
            marked += await _mark(runtime, page, reached)
            page.clear()
    marked += await _mark(runtime, page, newest)
    polled = Polled(
        seen, marked, runtime.calls.get(Side.BIGCOMMERCE, 0) - calls_before, round(clock.monotonic() - started, 3)
    )
    if marked:
        _log.info("polled", connection=runtime.connection.name, seen=seen, marked=marked)
    return polled


@dataclass(slots=True)
class _Page:
    """Orders that came and are not marked yet, and the ids of those that could not be read."""

    orders: list[Order] = field(default_factory=list)
    unreadable: list[int] = field(default_factory=list)

    def cannot_read(self, problem: BadAnswer) -> None:
        """One order that cannot be read must not hide the others; its own look shows what is wrong with it."""
        _log.warning("poll_unreadable", order=problem.order_id, error=problem.message)
        if problem.order_id is not None:
            self.unreadable.append(problem.order_id)

    @property
    def reached(self) -> datetime:
        """How far in time a full page surely got: an order modified while the list was made carries a later time than
        its neighbours, and what lies between is still to come."""
        return min(order.modified_at for order in self.orders[-_TAIL:])

    def clear(self) -> None:
        self.orders.clear()
        self.unreadable.clear()


async def _mark(runtime: Runtime, page: _Page, reached: datetime) -> int:
    """Make those of `page` due that are new, newer than what we have read, or unreadable; remember how far we read."""
    orders, unreadable = list(page.orders), list(page.unreadable)

    def write(tx: Tx) -> int:
        known = views.last_read(tx.conn, runtime.id, [*(order.id for order in orders), *unreadable])
        due = {order.id for order in orders if _is_news(order, known, runtime.policy.start_at)}
        due |= {order_id for order_id in unreadable if _is_worth_a_look(known.get(order_id))}
        health.set_cursor(tx, runtime.id, _CURSOR, reached.isoformat())
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


def _is_worth_a_look(found: LastRead | None) -> bool:
    """Whether an order that cannot be read is to be looked at. One that failed shows its fault already: no new try."""
    return found is None or found.state not in (OrderState.DUE, OrderState.WORKING, OrderState.FAILED)
