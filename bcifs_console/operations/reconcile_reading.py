"""Reading both sides for a comparison, afresh: nothing of what was read before is trusted. Only reads; so a call that
fails for a moment is simply made again."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from bcifs_console.bigcommerce.errors import BadAnswer, OrderNotFound
from bcifs_console.bigcommerce.wants import movements_wanted
from bcifs_console.domain.documents import DocumentKind, LedgerDocument
from bcifs_console.domain.movements import Refund, Shipment, Tender
from bcifs_console.domain.orders import Order
from bcifs_console.ifs.records import OrderHead
from bcifs_console.ifs.voucher_records import BookedVoucher
from bcifs_console.sync.backfill import patiently

Pause = Callable[[float], Awaitable[None]]
#: The resolution of `date_modified` is a second, and clocks differ a little.
_OVERLAP: Final = timedelta(minutes=5)
_AT_ONCE: Final = 6


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a comparison is: what it is doing, how much of that is done, and of how much where that is known."""

    doing: str
    done: int = 0
    total: int | None = None


OnProgress = Callable[[Progress], None]


def unheard(_progress: Progress) -> None:
    """Nobody listens."""


class StoreReader(Protocol):
    """What is asked of the store; `BigCommerceClient` is one."""

    def orders_modified_since(
        self, since: datetime, *, live: bool = False, on_unreadable: Callable[[BadAnswer], None] | None = None
    ) -> AsyncIterator[Order]: ...

    def refunds_between(
        self,
        since: datetime,
        until: datetime | None = None,
        *,
        live: bool = False,
        on_unreadable: Callable[[BadAnswer], None] | None = None,
    ) -> AsyncIterator[Refund]: ...

    async def order(
        self, order_id: int, *, with_taxes: bool = False, with_coupons: bool = True, live: bool = True
    ) -> Order: ...

    async def tenders(self, order_id: int, live: bool = True) -> tuple[Tender, ...]: ...

    async def shipments(self, order_id: int, live: bool = True) -> tuple[Shipment, ...]: ...


class IfsReader(Protocol):
    """What is asked of IFS; `IfsClient` is one."""

    async def vouchers_between(self, first: date, last: date) -> list[BookedVoucher]: ...

    async def orders_between(
        self, first: date, last: date, contract: str, reference_prefix: str
    ) -> list[OrderHead]: ...


@dataclass(frozen=True, slots=True)
class Span:
    """The days compared, as moments of the connection's zone: from `start`, before `end`."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def start(self) -> datetime:
        return datetime.combine(self.first, time.min, self.zone)

    @property
    def end(self) -> datetime:
        return datetime.combine(self.last + timedelta(days=1), time.min, self.zone)


@dataclass(slots=True)
class StoreBooks:
    """What the store showed. `unread`: orders it would not show, and why."""

    orders: dict[int, Order] = field(default_factory=dict)
    refunds: dict[int, tuple[Refund, ...]] = field(default_factory=dict)
    unread: dict[int, str] = field(default_factory=dict)


class StoreSide:
    """Reads the store for one comparison. Not in haste: the reserve of the quota is left to new orders."""

    def __init__(
        self, client: StoreReader, span: Span, *, pause: Pause = asyncio.sleep, on_progress: OnProgress = unheard
    ) -> None:
        self._client = client
        self._span = span
        self._pause = pause
        self._on_progress = on_progress
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self.books = StoreBooks()

    async def sweep(self) -> None:
        """Every order that may have a fact of these days: it was modified since they began, or has a refund of them.

        Raises the errors of the client that do not pass.
        """
        await self._changed_orders()
        found: dict[int, Refund] = {}

        async def refunds() -> None:
            reading = self._client.refunds_between(
                self._span.start, self._span.end, live=False, on_unreadable=self._cannot_read
            )
            async for refund in reading:
                found[refund.id] = refund

        await patiently(refunds, self._pause)
        for refund in found.values():
            self.books.refunds[refund.order_id] = (*self.books.refunds.get(refund.order_id, ()), refund)

    async def _changed_orders(self) -> None:
        since = self._span.start - _OVERLAP

        async def orders() -> None:
            nonlocal since
            reading = self._client.orders_modified_since(since, live=False, on_unreadable=self._cannot_read)
            async for order in reading:
                # Orders come by time of modification: a sweep broken off goes on where it was.
                since = max(since, order.modified_at - timedelta(seconds=1))
                if order.placed_at < self._span.end:
                    self.books.orders[order.id] = order
                    self._on_progress(Progress("reading the store's orders", len(self.books.orders)))

        await patiently(orders, self._pause)

    def _cannot_read(self, problem: BadAnswer) -> None:
        if problem.order_id is not None:
            self.books.unread[problem.order_id] = problem.message

    async def complete(self, wanted: Collection[int], documents: Mapping[int, Sequence[LedgerDocument]]) -> None:
        """Read the orders in `wanted` that the sweep did not bring, and the tenders and shipments of all of them.

        Raises the errors of the client that do not pass, but for single orders that cannot be read.
        """
        named = {*self.books.orders, *self.books.unread, *self.books.refunds, *wanted}
        done = itertools.count(1)

        async def complete(order_id: int) -> None:
            await self._complete(order_id, documents.get(order_id, ()))
            self._on_progress(Progress("reading what was paid and sent", next(done), len(named)))

        try:
            async with asyncio.TaskGroup() as group:
                for order_id in sorted(named):
                    group.create_task(complete(order_id))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed  # one of them tells the person what is wrong

    async def _complete(self, order_id: int, documents: Sequence[LedgerDocument]) -> None:
        books = self.books
        async with self._turns:
            try:
                order = books.orders.get(order_id) or await self._order(order_id)
                books.orders[order_id] = await self._with_movements(order, documents)
                books.unread.pop(order_id, None)
            except OrderNotFound:
                books.unread.pop(order_id, None)  # nothing to compare: the store has it no more
            except BadAnswer as problem:
                books.orders.pop(order_id, None)
                books.unread[order_id] = problem.message

    async def _order(self, order_id: int) -> Order:
        return await patiently(
            lambda: self._client.order(order_id, with_taxes=False, with_coupons=False, live=False), self._pause
        )

    async def _with_movements(self, order: Order, documents: Sequence[LedgerDocument]) -> Order:
        """The order with its tenders and shipments, where there may be some or our ledger has some."""
        wanted = movements_wanted(order)
        has_vouchers = any(document.kind is DocumentKind.VOUCHER for document in documents)
        tenders: tuple[Tender, ...] = ()
        shipments: tuple[Shipment, ...] = ()
        if wanted.tenders or has_vouchers:
            tenders = await patiently(lambda: self._client.tenders(order.id, False), self._pause)
        if wanted.shipments or has_vouchers:
            shipments = await patiently(lambda: self._client.shipments(order.id, False), self._pause)
        return replace(order, tenders=tenders, shipments=shipments)
