"""Doing work for a command: through the living service, or here and now where there is none."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog
from sqlalchemy import Connection

from bcifs_console.base.problems import Problem, ProblemKind
from bcifs_console.domain.states import OrderState
from bcifs_console.operations.context import Context
from bcifs_console.store import connections, health, pauses, queue, views
from bcifs_console.store.errors import HomeInUse
from bcifs_console.store.opening import home_lock
from bcifs_console.store.views import OrderView
from bcifs_console.sync.breakers import Breakers
from bcifs_console.sync.dispatch.embedded import EmbeddedDispatcher
from bcifs_console.sync.outbox import flush
from bcifs_console.sync.runtime import Runtime, timing_of
from bcifs_console.sync.worker import Worker

T = TypeVar("T")
#: The outcome waited for once there is nothing more to wait for, None while there is.
Look = Callable[[], Awaitable[T | None]]

#: States in which nothing more happens by itself.
SETTLED: Final = frozenset(
    {OrderState.SYNCED, OrderState.WAITING, OrderState.FAILED, OrderState.SKIPPED, OrderState.IGNORED}
)
_LOOK_S: Final = 0.1
#: A service that was killed leaves its heartbeat behind, which looks alive for ten seconds more.
_LIVENESS_S: Final = 1.0
_PROBE_S: Final = 1.0
_log = structlog.get_logger(__name__)


class Paused(Problem):
    """No order of the connection is taken up now."""

    kind = ProblemKind.CONNECTION


@dataclass(frozen=True, slots=True)
class Waited:
    """How the orders waited for stand now. `timed_out` where some are still under way."""

    orders: tuple[OrderView, ...]
    timed_out: bool
    paused: tuple[Paused, ...] = ()  #: what kept those that are still under way

    @property
    def is_good(self) -> bool:
        """Whether none of them waits, failed or is under way."""
        bad = {OrderState.WAITING, OrderState.FAILED, OrderState.DUE, OrderState.WORKING}
        return not self.timed_out and not any(OrderState(order.state) in bad for order in self.orders)


def service_lives(context: Context) -> bool:
    """Whether a worker of a running service beats."""
    now = context.clock.now()
    beats = context.store.database.read_sync(lambda conn: health.living(conn, now))
    return health.of_role(beats, "worker") is not None


def paused_now(conn: Connection, connection_id: int) -> tuple[Paused, ...]:
    """Why no order of the connection is taken up now; empty where orders are."""
    name = connections.all_names(conn)[connection_id]
    found = [
        Paused(f"{name} is paused: {breaker.cause}", remedy=breaker.remedy)
        for breaker in health.breakers(conn)
        if breaker.is_open and breaker.connection_id == connection_id
    ]
    found += [
        Paused(f"{each.actor} paused {name}{f' ({each.note})' if each.note else ''}.", remedy="bcifs connection resume")
        for each in pauses.every(conn)
        if each.connection_id == connection_id
    ]
    return tuple(found)


async def wait_for(context: Context, connection_id: int, order_ids: Collection[int], timeout_s: float) -> Waited:
    """Wait until the orders are settled, doing the work here where no service lives, or none does any more.

    Raises HomeInUse where another command does work on this home.
    """
    database, end = context.store.database, context.clock.monotonic() + timeout_s
    wanted = sorted(set(order_ids))

    async def look() -> Waited | None:
        found = tuple(await database.read(lambda conn: views.orders_by_id(conn, connection_id, wanted)))
        if all(OrderState(order.state) in SETTLED for order in found):
            return Waited(found, timed_out=False)
        if context.clock.monotonic() < end:
            return None
        return Waited(found, True, await database.read(lambda conn: paused_now(conn, connection_id)))

    return await served_or_worked(context, connection_id, look, only={(connection_id, order_id) for order_id in wanted})


async def served_or_worked(
    context: Context,
    connection_id: int,
    look: Look[T],
    *,
    only: Collection[tuple[int, int]] | None = None,
    backfill: int | None = None,
    every_s: float = _LOOK_S,
) -> T:
    """Look until there is an outcome, while the service does the work; or do it here, where none lives any more.

    `only` and `backfill` say which orders are worked on here. Raises HomeInUse where another command does work on this
    home.
    """
    was_served = service_lives(context)
    while True:
        if was_served:
            found = await _watch(context, look, lambda: service_lives(context), every_s)
            if found is not None:
                return found
        try:
            with _as_sole_worker(context):
                async with _working(context, connection_id, only, backfill) as worker:
                    found = await _watch(context, look, lambda: not worker.done(), every_s)
            assert found is not None, "a worker that ended has raised"
            return found
        except HomeInUse:
            if not was_served:
                raise
            _log.info("home_in_use")  # one that starts in the dead one's place and does not beat yet: watch on


async def _watch(context: Context, look: Look[T], is_served: Callable[[], bool], every_s: float) -> T | None:
    """Look until there is an outcome; None where nobody does the work any more."""
    check_at = context.clock.monotonic() + _LIVENESS_S
    while True:
        found = await look()
        if found is not None:
            return found
        now = context.clock.monotonic()
        if now >= check_at:
            if not is_served():
                return None
            check_at = now + _LIVENESS_S
        await asyncio.sleep(every_s)


@contextlib.contextmanager
def _as_sole_worker(context: Context) -> Iterator[None]:
    """On SQLite one process works on a home: hold it, and take over what a dead one left. Elsewhere there may be
    several, and leases run out by themselves (DESIGN §4)."""
    if not context.store.database.is_sqlite:
        yield
        return
    with home_lock(context.settings.home):
        context.store.database.write_sync(queue.void_leases)
        yield


@contextlib.asynccontextmanager
async def _working(
    context: Context, connection_id: int, only: Collection[tuple[int, int]] | None, backfill: int | None
) -> AsyncIterator[asyncio.Task[None]]:
    """A worker of our own for the length of the block, with what the service does for its own. Raises what ends it."""
    timing = timing_of(context.settings)
    database = context.store.database
    breakers = Breakers(database, timing)
    await breakers.load()
    async with contextlib.AsyncExitStack() as ending:
        runtime = context.runtime(connection_id)
        ending.push_async_callback(runtime.aclose)
        ending.push_async_callback(flush, runtime, context.settings.home)
        runtimes = {connection_id: runtime}
        owner = f"command:{os.getpid()}"
        dispatcher = EmbeddedDispatcher(database, owner, timing.lease, only=only, backfill=backfill)
        ending.push_async_callback(dispatcher.close)
        places = context.settings.concurrency
        # Only what was asked for is worked on: no other order could want a place.
        worker = Worker(database, dispatcher, runtimes, breakers, timing, concurrency=places, most_in_background=places)
        working = asyncio.create_task(worker.run())
        probing = asyncio.create_task(_probe_forever(breakers, runtimes, dispatcher))
        try:
            yield working
        finally:
            probing.cancel()
            await asyncio.gather(probing, return_exceptions=True)
            await worker.stop(timing.request_deadline.total_seconds())
            await working


async def _probe_forever(breakers: Breakers, runtimes: dict[int, Runtime], dispatcher: EmbeddedDispatcher) -> None:
    """Try a side that is paused: at once, for a person who waits, then as the service does."""
    at_once = True
    while True:
        try:
            if await breakers.probe(runtimes, at_once=at_once):
                dispatcher.wake()
        except Problem as problem:
            _log.warning("probe", error=str(problem))
        at_once = False
        await asyncio.sleep(_PROBE_S)
