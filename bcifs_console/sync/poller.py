"""The fallback poll: asks the store which orders changed, so that nothing rests on webhooks alone.

`min_date_modified` with an overlap, because its resolution is a second and pages shift while orders change (facts
§3.2). Orders come by time of modification, so the cursor moves with each page that is marked: a poll cut short goes on
from there. Refunds are asked for by a list of their own, since whether one moves its order is undocumented. What no
list shows is looked at again from time to time: `revisiting`.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypedDict

import structlog

from bcifs_console.base.settings import Settings
from bcifs_console.bigcommerce.errors import BadAnswer
from bcifs_console.domain.codec import encode
from bcifs_console.domain.orders import Order
from bcifs_console.domain.states import OrderState, Side
from bcifs_console.store import health, intake, listings, views
from bcifs_console.store.database import Tx
from bcifs_console.store.listings import Listing
from bcifs_console.store.views import LastRead
from bcifs_console.sync.runtime import Runtime
from bcifs_console.sync.witness import Witness

_REFUNDS: Final = "refunds_created"
_BATCH: Final = 250
_TAIL: Final = 5
_log = structlog.get_logger(__name__)


class PollTimes(TypedDict):
    """The settings of `poll`."""

    overlap: timedelta
    #: how far back refunds are read again: one may be dated before others that were listed earlier (facts §7.15)
    refund_overlap: timedelta
    hook_grace: timedelta  #: how long a webhook may take before its order counts as found by the poll alone


def poll_times(settings: Settings) -> PollTimes:
    """The times of an installation's polls."""
    return PollTimes(
        overlap=timedelta(seconds=settings.poll_overlap_s),
        refund_overlap=timedelta(seconds=settings.refund_overlap_s),
        hook_grace=timedelta(seconds=settings.hook_grace_s),
    )


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll found: orders seen, orders made due, calls made, seconds taken; and which orders those are."""

    seen: int
    marked: int
    calls: int
    elapsed_s: float
    orders: tuple[int, ...] = ()


async def poll(runtime: Runtime, *, overlap: timedelta, refund_overlap: timedelta, hook_grace: timedelta) -> Polled:
    """Make every order due that changed, or has a new refund, since the last poll and that we have not read since.

    One call where nothing changed; one more where vouchers are made, for the refunds. Raises the client's errors and
    the store's.
    """
    clock = runtime.clock
    started = clock.monotonic()
    calls_before = runtime.calls.get(Side.BIGCOMMERCE, 0)
    value = await runtime.database.read(lambda conn: health.get_cursor(conn, runtime.id, health.POLLED))
    newest = reached = datetime.fromisoformat(value) if value else runtime.policy.start_at
    since = newest - overlap if value else newest
    seen = 0
    due: set[int] = set()
    page = _Page(asked_at=clock.now())
    witness = Witness(runtime.database, runtime.id, runtime.facts, until=clock.now() - hook_grace)

    def asks() -> None:
        page.asked_at = clock.now()

    async for order in runtime.store.orders_modified_since(since, on_unreadable=page.cannot_read, on_page=asks):
        seen += 1
        newest = max(newest, order.modified_at)
        witness.saw(order)
        page.add(order)
        if len(page.orders) >= _BATCH:
            reached = max(reached, page.reached)
            due |= await _mark(runtime, page, reached)
            page.clear()
    due |= await _mark(runtime, page, newest)
    await witness.testify()
    if runtime.policy.makes_vouchers:
        due |= await _poll_refunds(runtime, refund_overlap)
    calls = runtime.calls.get(Side.BIGCOMMERCE, 0) - calls_before
    if due:
        _log.info("polled", connection=runtime.connection.name, seen=seen, marked=len(due))
    return Polled(seen, len(due), calls, round(clock.monotonic() - started, 3), tuple(sorted(due)))


@dataclass(slots=True)
class _Page:
    """Orders that came and are not marked yet, each with when it was asked for; ids of those that cannot be read."""

    asked_at: datetime
    orders: list[Order] = field(default_factory=list)
    fetched_at: dict[int, datetime] = field(default_factory=dict)
    unreadable: list[int] = field(default_factory=list)

    def add(self, order: Order) -> None:
        self.orders.append(order)
        self.fetched_at[order.id] = self.asked_at

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

    def listed(self, wanted: Collection[int]) -> list[Listing]:
        """What the page showed of the orders in `wanted`; of one that came twice, what came last."""
        found = {order.id: order for order in self.orders if order.id in wanted}
        return [Listing(order.id, self.fetched_at[order.id], encode(order)) for order in found.values()]

    def clear(self) -> None:
        self.orders.clear()
        self.fetched_at.clear()
        self.unreadable.clear()


async def _mark(runtime: Runtime, page: _Page, reached: datetime) -> set[int]:
    """Make those of `page` due that are new, newer than what we have read, or unreadable; remember how far we read."""
    orders, unreadable = list(page.orders), list(page.unreadable)

    def write(tx: Tx) -> set[int]:
        known = views.last_read(tx.conn, runtime.id, [*(order.id for order in orders), *unreadable])
        due = {order.id for order in orders if _is_news(order, known, runtime.policy.start_at)}
        due |= {order_id for order_id in unreadable if _is_worth_a_look(known.get(order_id))}
        health.set_cursor(tx, runtime.id, health.POLLED, reached.isoformat())
        intake.mark_due(tx, runtime.id, due, found_by="poll")
        listings.put(tx, runtime.id, page.listed(due))
        return due

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


async def _poll_refunds(runtime: Runtime, overlap: timedelta) -> set[int]:
    """Make the orders due whose refunds the store lists and we do not know; they are journalled, so that loading reads
    their refunds even where the order itself shows none."""
    value = await runtime.database.read(lambda conn: health.get_cursor(conn, runtime.id, _REFUNDS))
    newest = datetime.fromisoformat(value) if value else None
    since = runtime.policy.posts_from if newest is None else newest - overlap
    found: dict[int, set[int]] = {}

    def cannot_read(problem: BadAnswer) -> None:
        _log.warning("poll_unreadable_refund", order=problem.order_id, error=problem.message)

    async for refund in runtime.store.refunds_between(since, on_unreadable=cannot_read):
        found.setdefault(refund.order_id, set()).add(refund.id)
        newest = refund.created_at if newest is None else max(newest, refund.created_at)
    if newest is None:
        return set()
    reached = newest

    def write(tx: Tx) -> set[int]:
        health.set_cursor(tx, runtime.id, _REFUNDS, reached.isoformat())
        return intake.note_refunds(tx, runtime.id, found)

    return await runtime.database.write(write)
