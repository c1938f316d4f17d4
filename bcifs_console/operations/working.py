"""Doing work for a command: through the living service, or here and now where there is none."""

import asyncio
import os
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from bcifs_console.domain.states import OrderState
from bcifs_console.operations.context import Context
from bcifs_console.store import health, queue, views
from bcifs_console.store.opening import home_lock
from bcifs_console.store.views import OrderView
from bcifs_console.sync.breakers import Breakers
from bcifs_console.sync.dispatch.embedded import EmbeddedDispatcher
from bcifs_console.sync.runtime import timing_of
from bcifs_console.sync.worker import Worker

#: States in which nothing more happens by itself.
SETTLED: Final = frozenset(
    {OrderState.SYNCED, OrderState.WAITING, OrderState.FAILED, OrderState.SKIPPED, OrderState.IGNORED}
)
_LOOK_S: Final = 0.1


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
    """Wait until the orders are settled, doing the work here where no service lives."""
    if service_lives(context):
        return await _watch(context, connection_id, order_ids, timeout_s)
    with home_lock(context.settings.home):
        context.store.database.write_sync(queue.void_leases)
        return await _work(context, connection_id, order_ids, timeout_s)


def _views(context: Context, connection_id: int, order_ids: Collection[int]) -> tuple[OrderView, ...]:
    wanted = set(order_ids)
    rows = context.store.database.read_sync(lambda conn: views.orders_by_id(conn, connection_id, sorted(wanted)))
    return tuple(rows)


async def _watch(context: Context, connection_id: int, order_ids: Collection[int], timeout_s: float) -> Waited:
    end = context.clock.monotonic() + timeout_s
    while True:
        found = _views(context, connection_id, order_ids)
        if all(OrderState(order.state) in SETTLED for order in found):
            return Waited(found, timed_out=False)
        if context.clock.monotonic() >= end:
            return Waited(found, timed_out=True)
        await asyncio.sleep(_LOOK_S)


async def _work(context: Context, connection_id: int, order_ids: Collection[int], timeout_s: float) -> Waited:
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
        watched = await _watch(context, connection_id, order_ids, timeout_s)
    finally:
        await worker.stop(timing.request_deadline.total_seconds())
        await task
        await dispatcher.close()
        await runtime.aclose()
    return watched
