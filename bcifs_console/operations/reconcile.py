"""`reconcile`: whether the store and IFS agree, day by day; what differs and why (DESIGN §9). Posts nothing."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from bcifs_console.domain.documents import DocumentKind, LedgerDocument
from bcifs_console.domain.marks import CREDITED, INVOICED, said
from bcifs_console.domain.rules import RevenuePosting, VoucherTransport
from bcifs_console.domain.states import order_of
from bcifs_console.ifs.records import OrderHead
from bcifs_console.ifs.voucher_records import BookedVoucher
from bcifs_console.operations.books import check_days, voucher_of
from bcifs_console.operations.context import Context
from bcifs_console.operations.files import csv_text
from bcifs_console.operations.reconcile_accounts import Accounts
from bcifs_console.operations.reconcile_facts import side_of
from bcifs_console.operations.reconcile_ifs import (
    Company,
    booked_orders,
    booked_vouchers,
    cancelled_keys,
    orders_named,
    states_to_note,
)
from bcifs_console.operations.reconcile_reading import (
    IfsReader,
    OnProgress,
    Pause,
    Progress,
    Span,
    StoreBooks,
    StoreReader,
    StoreSide,
    unheard,
)
from bcifs_console.operations.reconcile_reasons import Frame, OrderRecord
from bcifs_console.operations.reconciling import Compared, Expected, Reasoned, Verdict, compare
from bcifs_console.operations.voucher_keys import parse_key
from bcifs_console.store import books, connections, edits, marks, reconciliation, views
from bcifs_console.store.database import Database, Tx
from bcifs_console.store.reconciliation import ReconciledDay
from bcifs_console.store.views import OrderView
from bcifs_console.sync.backfill import patiently

_CHUNK: Final = 5_000
_CSV_HEADINGS: Final = (
    "connection",
    "day",
    "currency",
    "kind",
    "store_count",
    "store_sum",
    "ifs_count",
    "ifs_sum",
    "verdict",
    "difference",
    "key",
    "order_id",
    "ifs_reference",
    "store_amount",
    "ifs_amount",
    "explanation",
    "remedy",
)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a comparison found. `notes`: what could not be compared."""

    connection: str
    rows: tuple[Compared, ...]
    unread: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_red(self) -> bool:
        """Whether something differs that nothing explains, or could not be read."""
        return bool(self.unread) or any(row.verdict is Verdict.RED for row in self.rows)


async def reconcile(
    context: Context, *, connection: str | None, first: date, last: date, on_progress: OnProgress = unheard
) -> Reconciled:
    """Compare the days from `first` to `last` on both sides and keep what was found.

    Cancelled before its end it keeps nothing: what was found before stays. `on_progress` is called on the loop. Raises
    UsageProblem, NoSuchConnection, UnreadableDocument and the errors of both clients that do not pass.
    """
    check_days(first, last)
    runtime = context.runtime(context.connection_id(connection))
    database = context.store.database
    try:
        others = database.read_sync(lambda conn: connections.other_references(conn, runtime.id))
        company = Company(
            runtime.id,
            runtime.connection.name,
            runtime.policy,
            runtime.rules,
            tuple(others),
            frozenset(runtime.ifs.profile.order.cancelled_states),
        )
        comparison = Comparison(company, runtime.store, runtime.ifs, database, first, last, on_progress=on_progress)
        return await comparison.run()
    finally:
        await runtime.aclose()


class Comparison:
    """One comparison of some days, from reading to keeping what was found."""

    def __init__(
        self,
        company: Company,
        store: StoreReader,
        ifs: IfsReader,
        database: Database,
        first: date,
        last: date,
        *,
        pause: Pause = asyncio.sleep,
        on_progress: OnProgress = unheard,
    ) -> None:
        self._company = company
        self._policy = company.policy
        self._ifs = ifs
        self._database = database
        self._span = Span(first, last, ZoneInfo(company.policy.time_zone))
        self._store = StoreSide(store, self._span, pause=pause, on_progress=on_progress)
        self._on_progress = on_progress
        self._pause = pause

    async def run(self) -> Reconciled:
        """Read, compare, keep. Raises the errors of both clients that do not pass, and UnreadableDocument."""
        made_at = self._database.clock.now()
        with_vouchers = await self._read(self._orders_with_vouchers)
        await self._store.sweep()
        self._on_progress(Progress("reading IFS"))
        heads = await self._heads(made_at)
        vouchers = await self._vouchers(self._span.first, self._span.last, bool(with_vouchers))
        named = {*with_vouchers, *orders_named(self._company, heads, vouchers)}
        named |= {*self._store.books.orders, *self._store.books.refunds, *self._store.books.unread}
        documents = await self._read(lambda conn: books.of_orders(conn, self._company.connection_id, named))
        await self._note_loaded(documents, vouchers)
        await self._store.complete(named, documents)
        self._on_progress(Progress("comparing"))
        rows = await self._compare(documents, heads, vouchers)
        await self._keep(rows, made_at)
        await self._note_invoiced(documents, heads)
        unread = tuple(f"Order {number}: {why}" for number, why in sorted(self._store.books.unread.items()))
        return Reconciled(self._company.name, tuple(rows), unread, self._notes())

    async def _read(self, run: "Callable[[Connection], Any]") -> Any:
        return await self._database.read(run)

    def _orders_with_vouchers(self, conn: Connection) -> set[int]:
        """Orders of which our ledger has a voucher on these days."""
        found = books.documents(
            conn,
            [self._company.connection_id],
            kinds=[DocumentKind.VOUCHER],
            first=self._span.first,
            last=self._span.last,
        )
        return {number for number in (order_of(document.subject) for document in found) if number is not None}

    # -- IFS ---------------------------------------------------------------------------------------------------------

    async def _heads(self, now: datetime) -> list[OrderHead]:
        """Customer orders of ours that came in since these days began: an order may get there days after it was
        placed."""
        today = now.astimezone(self._span.zone).date() + timedelta(days=1)
        contract, prefix = self._policy.contract, self._company.prefix
        return await patiently(
            lambda: self._ifs.orders_between(self._span.first, max(today, self._span.last), contract, prefix),
            self._pause,
        )

    async def _vouchers(self, first: date, last: date, has_some: bool) -> list[BookedVoucher]:
        """What is booked; not asked where vouchers are off and we never posted one on these days."""
        if self._policy.voucher_transport is VoucherTransport.OFF and not has_some:
            return []
        return await patiently(lambda: self._ifs.vouchers_between(first, last), self._pause)

    async def _note_loaded(
        self, documents: Mapping[int, Sequence[LedgerDocument]], vouchers: Iterable[BookedVoucher]
    ) -> None:
        """A batch file of which IFS shows a voucher was loaded: what IFS lacks of it is missing for good."""
        keys = {voucher.key for voucher in vouchers}
        every = chain.from_iterable(documents.values())
        numbers = {document.batch for document in every if document.batch is not None and document.key in keys}

        def write(tx: Tx) -> None:
            for number in sorted(numbers):
                books.batch_loaded(tx, self._company.connection_id, number)

        if numbers:
            await self._database.write(write)

    async def _note_invoiced(
        self, documents: Mapping[int, Sequence[LedgerDocument]], heads: Sequence[OrderHead]
    ) -> None:
        """An invoice on an order whose revenue vouchers book is that order's problem: its next look says so."""
        states = states_to_note(self._company, heads, chain.from_iterable(documents.values()))
        if states:
            connection_id = self._company.connection_id
            await self._database.write(lambda tx: marks.note_states(tx, connection_id, states))

    # -- comparing ---------------------------------------------------------------------------------------------------

    async def _compare(
        self,
        documents: Mapping[int, Sequence[LedgerDocument]],
        heads: Sequence[OrderHead],
        vouchers: Sequence[BookedVoucher],
    ) -> list[Compared]:
        frame = await self._frame(documents, heads, vouchers)
        seen = await self._read(lambda conn: _views(conn, self._company.connection_id, sorted(documents)))
        # In a thread: a month's arithmetic must not keep the console's keys waiting.
        expected, strays = await asyncio.to_thread(self._sides, documents, seen, frame)
        moved = await self._moved(expected)
        strays |= await self._booked_by_hand(vouchers)
        known = {number for number, of_order in documents.items() if self._is_known(number, of_order)}
        every = chain.from_iterable(documents.values())
        credited = {document.key for document in every if said(document, INVOICED) == CREDITED}
        wanted = {fact.key for fact in expected}
        booked = [
            *booked_orders(self._company, heads, wanted, known, self._span.first, credited),
            *booked_vouchers(self._company, [*vouchers, *moved], frame.accounts),
        ]
        return await asyncio.to_thread(compare, expected, booked, self._span.first, self._span.last, strays)

    async def _booked_by_hand(self, vouchers: Iterable[BookedVoucher]) -> dict[str, Reasoned]:
        """By IFS's reference, what is known of vouchers without a key of ours: a person may have named them."""
        without_key = {voucher.reference for voucher in vouchers if parse_key(voucher.key) is None}
        connection_id = self._company.connection_id
        named = await self._read(lambda conn: marks.by_hand(conn, connection_id, without_key))
        return {reference: Reasoned(f"A person booked {key} by hand as this.") for reference, key in named.items()}

    def _sides(
        self, documents: Mapping[int, Sequence[LedgerDocument]], seen: Mapping[int, OrderView], frame: Frame
    ) -> tuple[list[Expected], dict[str, Reasoned]]:
        """What the store says of every order, and what is known of keys that it does not show."""
        expected: list[Expected] = []
        strays: dict[str, Reasoned] = {}
        for order_id, of_order in documents.items():
            side = side_of(_record(order_id, self._store.books, seen.get(order_id), of_order), frame)
            expected += side.expected
            strays.update(side.gone)
        return expected, strays

    async def _frame(
        self,
        documents: Mapping[int, Sequence[LedgerDocument]],
        heads: Sequence[OrderHead],
        vouchers: Sequence[BookedVoucher],
    ) -> Frame:
        every = chain.from_iterable(documents.values())
        posted = (voucher_of(document) for document in every if document.kind is DocumentKind.VOUCHER)
        connection_id = self._company.connection_id
        batches = await self._read(lambda conn: books.batches(conn, connection_id))
        answers = await self._read(lambda conn: edits.of_connection(conn, connection_id))
        return Frame(
            policy=self._policy,
            accounts=Accounts.of(self._company.rules, chain.from_iterable(draft.rows for draft in posted)),
            first=self._span.first,
            last=self._span.last,
            batches={batch.number: batch.state for batch in batches},
            cancelled_in_ifs=cancelled_keys(self._company, heads, vouchers),
            answers=answers,
        )

    def _is_known(self, order_id: int, documents: Iterable[LedgerDocument]) -> bool:
        """Whether an order is ours by our ledger or by the store, so that IFS may have it."""
        has_document = any(document.kind is DocumentKind.CUSTOMER_ORDER for document in documents)
        return has_document or order_id in self._store.books.orders

    async def _moved(self, expected: Iterable[Expected]) -> list[BookedVoucher]:
        """Vouchers of these days' facts that are booked on other days, as our ledger says."""
        first, last = self._span.first, self._span.last
        moved = {fact.key: fact.moved_to for fact in expected if fact.moved_to is not None}
        days = [day for day in moved.values() if not first <= day <= last]
        found: list[BookedVoucher] = []
        for before in (True, False):
            outside = [day for day in days if (day < first) is before]
            if outside:
                found += await self._vouchers(min(outside), max(outside), has_some=True)
        return [voucher for voucher in found if voucher.key in moved]

    # -- keeping -----------------------------------------------------------------------------------------------------

    async def _keep(self, rows: Iterable[Compared], made_at: datetime) -> None:
        kept = [
            ReconciledDay(
                day=row.day,
                currency=row.currency,
                kind=row.kind.value,
                store_count=row.store_count,
                store_sum=row.store_sum,
                ifs_count=row.ifs_count,
                ifs_sum=row.ifs_sum,
                verdict=row.verdict.value,
                made_at=made_at,
                differences=tuple(difference.as_json() for difference in row.differences),
            )
            for row in rows
        ]
        first, last, connection_id = self._span.first, self._span.last, self._company.connection_id
        await self._database.write(lambda tx: reconciliation.replace(tx, connection_id, first, last, kept))

    def _notes(self) -> tuple[str, ...]:
        if self._policy.voucher_transport is VoucherTransport.OFF:
            return ("Vouchers are off for this connection: only orders are compared.",)
        if self._policy.revenue_posting is RevenuePosting.VOUCHER:
            return ("An IFS invoice is known by the state of its order alone; invoices themselves are not read.",)
        return ()


def _record(
    order_id: int, store: StoreBooks, view: OrderView | None, documents: Sequence[LedgerDocument]
) -> OrderRecord:
    return OrderRecord(
        order_id=order_id,
        order=store.orders.get(order_id),
        view=view,
        documents=tuple(documents),
        refunds=store.refunds.get(order_id, ()),
        unread=store.unread.get(order_id, ""),
    )


def _views(conn: Connection, connection_id: int, order_ids: Sequence[int]) -> dict[int, OrderView]:
    found: dict[int, OrderView] = {}
    for start in range(0, len(order_ids), _CHUNK):
        chunk = list(order_ids[start : start + _CHUNK])
        found |= {view.order_id: view for view in views.orders_by_id(conn, connection_id, chunk)}
    return found


def row_json(connection: str, row: Compared) -> dict[str, Any]:
    """One row of `reconcile --json` (DESIGN §12)."""
    return {
        "connection": connection,
        "day": row.day.isoformat(),
        "currency": row.currency,
        "kind": row.kind.value,
        "store_count": row.store_count,
        "store_sum": row.store_sum,
        "ifs_count": row.ifs_count,
        "ifs_sum": row.ifs_sum,
        "verdict": row.verdict.value,
        "differences": [difference.as_json() for difference in row.differences],
    }


def reconciled_csv(found: Reconciled) -> str:
    """A line for each day, currency and kind, and one more for each of its differences."""
    return csv_text(_CSV_HEADINGS, [line for row in found.rows for line in _csv_rows(found.connection, row)])


def _csv_rows(connection: str, row: Compared) -> list[tuple[object, ...]]:
    place: tuple[object, ...] = (connection, row.day, row.currency, row.kind.value)
    sums = (row.store_count, row.store_sum, row.ifs_count, row.ifs_sum, row.verdict.value)
    blank = (None,) * (len(_CSV_HEADINGS) - len(place) - len(sums))
    return [
        (*place, *sums, *blank),
        *(
            (
                *place,
                *(None,) * (len(sums) - 1),
                found.verdict.value,
                found.what.value,
                found.key,
                found.order_id,
                found.ifs_reference,
                found.store_amount,
                found.ifs_amount,
                found.explanation,
                found.remedy,
            )
            for found in row.differences
        ),
    ]
