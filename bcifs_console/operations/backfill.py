"""Backfill as a command: make the orders of a period, or the named ones, due; and wait for them.

Reading and marking are `sync.backfill`'s; the orders are then the worker's, of the running service or one of our own.
What would come of it: `backfill_forecast`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from bcifs_console.base.problems import UsageProblem
from bcifs_console.domain.states import OrderState
from bcifs_console.operations.context import Context
from bcifs_console.operations.working import SETTLED, Paused, paused_now, served_or_worked
from bcifs_console.store import backfills
from bcifs_console.store.backfills import Wanted
from bcifs_console.sync.backfill import Marking, Step

_LOOK_S: Final = 0.5
#: Outcomes that leave nothing to do: the command is content with them.
_GOOD: Final = frozenset({OrderState.SYNCED, OrderState.SKIPPED, OrderState.IGNORED})


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
    paused: tuple[Paused, ...] = ()  #: what kept those that are still under way

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
    database, end = context.store.database, context.clock.monotonic() + timeout_s

    async def look() -> Awaited | None:
        states = await database.read(lambda conn: backfills.states(conn, backfill_id))
        if on_progress is not None:
            on_progress(states)
        if all(state in SETTLED for state in states):
            return Awaited(states, timed_out=False)
        if context.clock.monotonic() < end:
            return None
        return Awaited(states, True, await database.read(lambda conn: paused_now(conn, connection_id)))

    return await served_or_worked(context, connection_id, look, backfill=backfill_id, every_s=_LOOK_S)
