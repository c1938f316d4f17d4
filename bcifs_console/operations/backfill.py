"""Backfill as a command: make the orders of a period, or the named ones, due; and wait for them.

Reading and marking are `sync.backfill`'s; the orders are then the worker's, of the running service or one of our own.
What would come of it: `backfill_forecast`.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from bcifs_console.base.problems import Problem, UsageProblem
from bcifs_console.domain.states import OrderState
from bcifs_console.operations.context import Context
from bcifs_console.operations.working import SETTLED, service_lives
from bcifs_console.store import backfills, queue
from bcifs_console.store.backfills import Wanted
from bcifs_console.store.errors import HomeInUse
from bcifs_console.store.opening import home_lock
from bcifs_console.sync.backfill import Marking, Step
from bcifs_console.sync.breakers import Breakers
from bcifs_console.sync.dispatch.embedded import EmbeddedDispatcher
from bcifs_console.sync.outbox import flush
from bcifs_console.sync.runtime import Runtime, timing_of
from bcifs_console.sync.worker import Worker

_LOOK_S: Final = 0.5
#: Outcomes that leave nothing to do: the command is content with them.
_GOOD: Final = frozenset({OrderState.SYNCED, OrderState.SKIPPED, OrderState.IGNORED})
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Marked:
    """What a backfill marked. `id` names it; `seen`, `marked` and `calls` are its totals, over every run of it."""

    connection: str
    id: int
    seen: int
    marked: int
    calls: int
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Awaited:
    """How the orders of a backfill stand. `timed_out` where some are still under way."""

    states: dict[OrderState, int]
    timed_out: bool

    @property
    def is_good(self) -> bool:
        """Whether none of them waits, failed or is under way."""
        return not self.timed_out and all(state in _GOOD for state in self.states)


@dataclass(frozen=True, slots=True)
class Request:
    """Which orders a person asked for: placed from day `since` to day `until`, both included (None: no end), or by
    number. Days and times are those of the connection's zone."""

    since: datetime | None = None
    until: datetime | None = None
    order_ids: tuple[int, ...] = ()

    def wanted(self, time_zone: str) -> Wanted:
        """As moments. Raises UsageProblem where neither a period nor orders are named, or both."""
        if bool(self.order_ids) == bool(self.since) or (self.until and not self.since):
            raise UsageProblem("Say which orders: --since DAY (and --until DAY), or --order NUMBER, not both.")
        if self.since is None:
            return Wanted(order_ids=tuple(sorted(set(self.order_ids))))
        zone = ZoneInfo(time_zone)
        end = self.until
        if end is not None:
            end = (end + timedelta(days=1) if end.time() == time.min else end).replace(tzinfo=zone)
        start = self.since.replace(tzinfo=zone)
        if end is not None and end <= start:
            raise UsageProblem("The period ends before it begins: --until lies before --since.")
        return Wanted(since=start.astimezone(UTC), until=None if end is None else end.astimezone(UTC))


async def mark(
    context: Context, connection: str | None, request: Request, *, on_step: Callable[[Step], None] | None = None
) -> Marked:
    """Make the orders due, without hurry. One that was cut short is gone on with.

    Raises UsageProblem, and BigCommerce's errors that do not pass.
    """
    started = context.clock.monotonic()
    runtime = context.runtime(context.connection_id(connection))
    try:
        wanted = request.wanted(runtime.policy.time_zone)
        job = await Marking(runtime, context.actor, on_step).run(wanted)
    finally:
        await runtime.aclose()
    elapsed_s = round(context.clock.monotonic() - started, 3)
    return Marked(runtime.connection.name, job.id, job.seen, job.marked, job.calls, elapsed_s)


# -- waiting for the orders --------------------------------------------------------------------------------------------


async def wait_for(
    context: Context,
    connection_id: int,
    backfill_id: int,
    timeout_s: float,
    *,
    on_progress: Callable[[dict[OrderState, int]], None] | None = None,
) -> Awaited:
    """Wait until the backfill's orders are settled, doing the work here where no service lives, or none does any more.

    Raises HomeInUse where another command does work on this home.
    """
    watch = _Watch(context, backfill_id, context.clock.monotonic() + timeout_s, on_progress)
    while service_lives(context):
        found = await watch.until(lambda: service_lives(context))
        if found is not None:
            return found
    try:
        with home_lock(context.settings.home):
            context.store.database.write_sync(queue.void_leases)
            return await _work(context, connection_id, backfill_id, watch)
    except HomeInUse:
        if not service_lives(context):
            raise
        _log.info("home_in_use")  # a service that starts in the dead one's place
        return await wait_for(
            context, connection_id, backfill_id, watch.end - context.clock.monotonic(), on_progress=on_progress
        )


@dataclass(slots=True)
class _Watch:
    context: Context
    backfill_id: int
    end: float
    on_progress: Callable[[dict[OrderState, int]], None] | None

    async def until(self, is_served: Callable[[], bool]) -> Awaited | None:
        """Look until the orders are settled or the time is over; None where nobody works on them any more."""
        database, clock = self.context.store.database, self.context.clock
        while True:
            states = await database.read(lambda conn: backfills.states(conn, self.backfill_id))
            if self.on_progress is not None:
                self.on_progress(states)
            if all(state in SETTLED for state in states):
                return Awaited(states, timed_out=False)
            if clock.monotonic() >= self.end:
                return Awaited(states, timed_out=True)
            if not is_served():
                return None
            await asyncio.sleep(_LOOK_S)


async def _work(context: Context, connection_id: int, backfill_id: int, watch: _Watch) -> Awaited:
    """Run a worker of our own on these orders until they are settled."""
    runtime = context.runtime(connection_id)
    timing = timing_of(context.settings)
    database = context.store.database
    breakers = Breakers(database, timing)
    await breakers.load()
    runtimes = {connection_id: runtime}
    dispatcher = EmbeddedDispatcher(database, f"backfill:{os.getpid()}", timing.lease, backfill=backfill_id)
    worker = Worker(database, dispatcher, runtimes, breakers, timing, concurrency=context.settings.concurrency)
    working = asyncio.create_task(worker.run())
    probing = asyncio.create_task(_probe_forever(breakers, runtimes, dispatcher))
    try:
        found = await watch.until(lambda: not working.done())
    finally:
        probing.cancel()
        await asyncio.gather(probing, return_exceptions=True)
        await worker.stop(timing.request_deadline.total_seconds())
        await working
        await dispatcher.close()
        await flush(runtime, context.settings.home)
        await runtime.aclose()
    assert found is not None, "a worker that ended has raised"
    return found


async def _probe_forever(breakers: Breakers, runtimes: dict[int, Runtime], dispatcher: EmbeddedDispatcher) -> None:
    """Try a side that was paused meanwhile, as the service does."""
    while True:
        await asyncio.sleep(1.0)
        try:
            if await breakers.probe(runtimes):
                dispatcher.wake()
        except Problem as problem:
            _log.warning("probe", error=str(problem))
