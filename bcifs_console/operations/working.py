"""Doing work for a command: through the living service, or here and now where there is none."""

import asyncio
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

import structlog

from bcifs_console.domain.states import OrderState
from bcifs_console.operations.context import Context
from bcifs_console.store import health, queue, views
from bcifs_console.store.errors import HomeInUse
from bcifs_console.store.opening import home_lock
from bcifs_console.store.views import OrderView
from bcifs_console.sync.breakers import Breakers
from bcifs_console.sync.dispatch.embedded import EmbeddedDispatcher
from bcifs_console.sync.outbox import flush
from bcifs_console.sync.runtime import timing_of
from bcifs_console.sync.worker import Worker

#: States in which nothing more happens by itself.
SETTLED: Final = frozenset(
    {OrderState.SYNCED, OrderState.WAITING, OrderState.FAILED, OrderState.SKIPPED, OrderState.IGNORED}
)
_LOOK_S: Final = 0.1
#: A service that was killed leaves its heartbeat behind, which looks alive for ten seconds more.
_LIVENESS_S: Final = 1.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Waited:
    """How the orders waited for stand now. `timed_out` where some are still under way."""

    orders: tuple[OrderView, ...]
    timed_out: bool

    @property
    def is_good(self) -> bool:
        """Whether none of them waits, failed or is under way."""
        bad = {OrderState.WAITING, OrderState.FAILED, OrderState.DUE, OrderState.WORKING}
        return not self.timed_out and not any(OrderState(order.state) in bad for order in self.orders)


def service_lives(context: Context) -> bool:
    """Whether a worker of a running service beats."""
    now = context.clock.now()
    beats = context.store.database.read_sync(lambda conn: health.living(conn, now))
    return any(beat.role in ("all", "worker") for beat in beats)


async def wait_for(context: Context, connection_id: int, order_ids: Collection[int], timeout_s: float) -> Waited:
    """Wait until the orders are settled, doing the work here where no service lives, or none does any more.

    Raises HomeInUse where another command does work on this home.
    """
    end = context.clock.monotonic() + timeout_s
    if not service_lives(context):
        return await _take_over(context, connection_id, order_ids, end)
    while True:
        watched = await _watch(context, connection_id, order_ids, end, is_served=lambda: service_lives(context))
        if watched is not None:
            return watched
        try:
            return await _take_over(context, connection_id, order_ids, end)
        except HomeInUse:
            _log.info("home_in_use")  # one that starts in the dead one's place and does not beat yet: watch on


async def _take_over(context: Context, connection_id: int, order_ids: Collection[int], end: float) -> Waited:
    with home_lock(context.settings.home):
        context.store.database.write_sync(queue.void_leases)
        return await _work(context, connection_id, order_ids, end)


def _views(context: Context, connection_id: int, order_ids: Collection[int]) -> tuple[OrderView, ...]:
    wanted = set(order_ids)
    rows = context.store.database.read_sync(lambda conn: views.orders_by_id(conn, connection_id, sorted(wanted)))
    return tuple(rows)


async def _watch(
    context: Context,
    connection_id: int,
    order_ids: Collection[int],
    end: float,
    *,
    is_served: Callable[[], bool],
) -> Waited | None:
    """Look until the orders are settled or the time is over; None where nobody works on them any more."""
    check_at = context.clock.monotonic() + _LIVENESS_S
    while True:
        found = _views(context, connection_id, order_ids)
        if all(OrderState(order.state) in SETTLED for order in found):
            return Waited(found, timed_out=False)
        now = context.clock.monotonic()
        if now >= end:
            return Waited(found, timed_out=True)
        if now >= check_at:
            if not is_served():
                return None
            check_at = now + _LIVENESS_S
        await asyncio.sleep(_LOOK_S)


async def _work(context: Context, connection_id: int, order_ids: Collection[int], end: float) -> Waited:
    """Run a worker of our own until the orders are settled."""
    runtime = context.runtime(connection_id)
    timing = timing_of(context.settings)
    database = context.store.database
    breakers = Breakers(database, timing)
    keys = {(connection_id, order_id) for order_id in order_ids}
    dispatcher = EmbeddedDispatcher(database, f"command:{os.getpid()}", timing.lease, only=keys)
    worker = Worker(
        database,
        dispatcher,
        {connection_id: runtime},
        breakers,
        timing,
        concurrency=context.settings.concurrency,
    )
    task = asyncio.create_task(worker.run())
    try:
        watched = await _watch(context, connection_id, order_ids, end, is_served=lambda: True)
    finally:
        await worker.stop(timing.request_deadline.total_seconds())
        await task
        await dispatcher.close()
        await flush(runtime, context.settings.home)
        await runtime.aclose()
    assert watched is not None, "we serve them ourselves"
    return watched
