"""Backfill: make the orders of a period, or the named ones, due, with what their list already showed.

Lists are read 250 orders at a time by number; refunds of a whole page come with one call. What each page showed is kept
for the looks that follow (`store.listings`), which then ask only for what no list gives. Each page is one commit
together with how far was read: a backfill that was killed goes on behind it. The orders are due without hurry; who
looks at them is the worker, as at any other.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

import structlog

from bcifs_console.base.problems import Problem, ProblemKind
from bcifs_console.bigcommerce.errors import BadAnswer
from bcifs_console.bigcommerce.sweep import OrderPage
from bcifs_console.domain.codec import encode
from bcifs_console.domain.orders import Order
from bcifs_console.domain.states import OrderState, Side
from bcifs_console.store import backfills, views
from bcifs_console.store.backfills import Backfill, Wanted
from bcifs_console.store.database import Tx
from bcifs_console.store.listings import Listing
from bcifs_console.store.views import LastRead
from bcifs_console.sync.runtime import Runtime

T = TypeVar("T")
#: An unsettled order that was read so lately is not read again.
_JUST_NOW: Final = timedelta(hours=1)
_TRIES: Final = 12
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 60.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """How far a backfill has read: orders seen and made due, when the last one seen was placed."""

    seen: int
    marked: int
    placed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Listed:
    """One page: its orders, with refunds where vouchers are made; ids of those that cannot be read."""

    orders: tuple[Order, ...]
    unreadable: tuple[int, ...]
    reached: int
    is_last: bool
    asked_at: datetime


@dataclass(slots=True)
class Reading:
    """Reads the orders that are wanted, page by page."""

    runtime: Runtime
    wanted: Wanted
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def after(self, number: int) -> Listed:
        """The page behind order `number`. Raises the client's errors that do not pass."""
        runtime = self.runtime
        asked_at = runtime.clock.now()
        unreadable: list[int] = []

        def cannot_read(problem: BadAnswer) -> None:
            _log.warning("backfill_unreadable", order=problem.order_id, error=problem.message)
            if problem.order_id is not None:
                unreadable.append(problem.order_id)

        def ask() -> Awaitable[OrderPage]:
            unreadable.clear()
            return runtime.store.orders_placed(
                number, since=self.wanted.since, until=self.wanted.until, on_unreadable=cannot_read
            )

        page = await patiently(ask, self.pause)
        orders = page.orders
        if runtime.policy.makes_vouchers and orders:
            numbers = [order.id for order in orders]
            refunds = await patiently(lambda: runtime.store.refunds_of(numbers), self.pause)
            orders = tuple(replace(order, refunds=refunds[order.id]) for order in orders)
        return Listed(orders, tuple(unreadable), page.reached, page.is_last, asked_at)


async def patiently(call: Callable[[], Awaitable[T]], pause: Callable[[float], Awaitable[None]]) -> T:
    """The answer of `call`, which only reads: made again, with growing pauses, while it fails with what may pass."""
    wait_s = _FIRST_PAUSE_S
    for left in range(_TRIES - 1, -1, -1):
        try:
            return await call()
        except Problem as problem:
            if problem.kind is not ProblemKind.TRANSIENT or not left:
                raise
            asked_s = float(getattr(problem, "retry_after_s", None) or 0.0)
            await pause(min(max(wait_s, asked_s), _LONGEST_PAUSE_S))
            wait_s *= 2
    raise AssertionError("the last try has answered or raised")


@dataclass(slots=True)
class Marking:
    """One run of a backfill, from where an earlier one of the same orders was cut short."""

    runtime: Runtime
    actor: str
    on_step: Callable[[Step], None] | None = None
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    _calls: int = field(default=0, init=False)

    async def run(self, wanted: Wanted) -> Backfill:
        """Make everything wanted due. Raises the client's errors that do not pass, and store errors."""
        runtime, actor = self.runtime, self.actor
        job = await runtime.database.write(lambda tx: backfills.begin(tx, runtime.id, wanted, actor=actor))
        self._calls = job.calls - runtime.calls.get(Side.BIGCOMMERCE, 0)
        if wanted.order_ids:
            numbers = wanted.order_ids
            reached = max(numbers)
            await self._advance(job, Listed((), numbers, reached, True, runtime.clock.now()), seen=len(numbers))
        else:
            await self._read(job)
        return await runtime.database.write(lambda tx: backfills.end(tx, job, actor=actor))

    async def _read(self, job: Backfill) -> None:
        reading = Reading(self.runtime, job.wanted, self.pause)
        reached, seen, marked = job.reached, job.seen, job.marked
        while True:
            page = await reading.after(reached)
            seen += len(page.orders) + len(page.unreadable)
            marked += await self._advance(job, page, seen=seen)
            reached = page.reached
            if self.on_step is not None:
                placed = max((order.placed_at for order in page.orders), default=None)
                self.on_step(Step(seen, marked, placed))
            if page.is_last:
                return

    async def _advance(self, job: Backfill, page: Listed, *, seen: int) -> int:
        """Commit one page; returns how many of its orders were made due."""
        runtime = self.runtime
        calls = self._calls + runtime.calls.get(Side.BIGCOMMERCE, 0)

        def write(tx: Tx) -> int:
            known = views.last_read(tx.conn, runtime.id, [order.id for order in page.orders])
            due = {order.id: order for order in page.orders if is_wanted(order, known.get(order.id), tx.now)}
            listed = [Listing(order.id, page.asked_at, encode(order)) for order in due.values()]
            numbers = [*due, *page.unreadable]
            backfills.advance(tx, job, numbers, listed, reached=page.reached, seen=seen, calls=calls)
            return len(numbers)

        return await runtime.database.write(write)


def is_wanted(order: Order, found: LastRead | None, now: datetime) -> bool:
    """Whether a look at the order may find something to do.

    Not at one that is done with and unchanged since we read it: a backfill that is run twice costs hardly more than
    its lists. What an unsettled one's own date does not show is looked for when that was not done just now.
    """
    if found is None or found.modified_at is None or order.modified_at > found.modified_at:
        return True
    if found.state not in (OrderState.SYNCED, OrderState.SKIPPED):
        return True
    return found.settled is False and (found.read_at is None or found.read_at < now - _JUST_NOW)
