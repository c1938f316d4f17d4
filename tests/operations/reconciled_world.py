"""A store, a ledger and an IFS that agree, small enough to be put out of joint one thing at a time.

The store and IFS are fakes in memory; the ledger is a real database; what is booked is planned by the program's own
planner, so that the three agree to begin with.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from bcifs_console.accounting.plan import plan
from bcifs_console.base.clock import ManualClock
from bcifs_console.base.problems import Problem
from bcifs_console.bigcommerce.errors import BadAnswer, OrderNotFound
from bcifs_console.domain.buyers import Known
from bcifs_console.domain.codec import decode_voucher, encode
from bcifs_console.domain.documents import CustomerOrderDraft, DocumentKind, DocumentState
from bcifs_console.domain.edits import EditAnswer, EditChoice
from bcifs_console.domain.movements import (
    Refund,
    RefundItem,
    RefundPayment,
    Shipment,
    ShippedItem,
    Tender,
)
from bcifs_console.domain.orders import Order
from bcifs_console.domain.rules import MappingRule, Policy, Purpose, RevenuePosting, Rules, VoucherTransport
from bcifs_console.domain.states import OrderFacts, OrderState, Outcome
from bcifs_console.domain.vouchers import VoucherDraft
from bcifs_console.ifs.records import OrderHead
from bcifs_console.ifs.voucher_records import BookedVoucher, VoucherRowRecord
from bcifs_console.operations.reconcile import Comparison, Reconciled
from bcifs_console.operations.reconcile_ifs import Company
from bcifs_console.store import edits, intake, ledger, queue
from bcifs_console.store.database import Database
from bcifs_console.store.ledger import DocumentChange, NewDocument
from tests.accounting.building import RULES, line, order, shipping

ZONE = ZoneInfo("America/Chicago")
DAY = date(2026, 12, 1)
LAST = date(2026, 12, 3)
ACCOUNTS = {
    Purpose.CUSTOMER_BALANCE: "2420",
    Purpose.CLEARING: "1580",
    Purpose.GIFT_CERTIFICATE_LIABILITY: "2421",
    Purpose.STORE_CREDIT_LIABILITY: "2422",
    Purpose.TAX_ACCOUNT: "2610",
    Purpose.RETURNS: "4900",
    Purpose.SHIPPING_INCOME: "4100",
    Purpose.RETAINED_INCOME: "4140",
    Purpose.GOODWILL: "4910",
    Purpose.ROUNDING: "7990",
}
BOOKING = Rules((*RULES.rules, *(MappingRule(purpose, 1, account) for purpose, account in ACCOUNTS.items())))
POLICY = Policy(
    start_at=datetime(2026, 11, 1, tzinfo=UTC),
    revenue_posting=RevenuePosting.VOUCHER,
    order_type_never_invoices=True,
    time_zone="America/Chicago",
    contract="100",
    voucher_transport=VoucherTransport.REST,
)


def at(hour: int, day: date = DAY) -> datetime:
    """An hour of the shop's day."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=ZONE).astimezone(UTC)


def two_units(order_id: int = 5001, *, placed: datetime | None = None, **more: Any) -> Order:
    """Two units at 10.00 + 1.00 tax, shipping 5.00: 27.00 in all, tax 2.00."""
    when = placed or at(9)
    made = order([line(17, ex="20", inc="22", quantity=2)], inc="27", tax="2", charges=(shipping("5", "0"),), **more)
    return replace(made, id=order_id, placed_at=when, modified_at=when, status_id=11, payment_status="captured")


@dataclass
class FakeStore:
    """What the store shows. `before_each` may raise; it is called with the name of every call."""

    orders: dict[int, Order] = field(default_factory=dict)
    refunds: list[Refund] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    before_each: Callable[[str], None] = lambda name: None
    unlisted: set[int] = field(default_factory=set)  #: whose modification moves no list

    def _called(self, name: str) -> None:
        self.calls.append(name)
        self.before_each(name)

    async def orders_modified_since(
        self, since: datetime, *, live: bool = False, on_unreadable: Callable[[BadAnswer], None] | None = None
    ) -> AsyncIterator[Order]:
        assert not live, "the reserve of the quota is for new orders"
        self._called("list")
        for found in sorted(self.orders.values(), key=lambda order: order.modified_at):
            if found.modified_at >= since and found.id not in self.unlisted:
                yield replace(found, tenders=None, shipments=None)
                self._called(f"listed {found.id}")

    async def refunds_between(
        self,
        since: datetime,
        until: datetime | None = None,
        *,
        live: bool = False,
        on_unreadable: Callable[[BadAnswer], None] | None = None,
    ) -> AsyncIterator[Refund]:
        self._called("refunds")
        for refund in self.refunds:
            if refund.created_at >= since and (until is None or refund.created_at < until):
                yield refund

    async def order(
        self, order_id: int, *, with_taxes: bool = False, with_coupons: bool = True, live: bool = True
    ) -> Order:
        self._called(f"order {order_id}")
        if order_id not in self.orders:
            raise OrderNotFound(order_id)
        return replace(self.orders[order_id], tenders=None, shipments=None)

    async def tenders(self, order_id: int, live: bool = True) -> tuple[Tender, ...]:
        self._called(f"tenders {order_id}")
        return self.orders[order_id].tenders or ()

    async def shipments(self, order_id: int, live: bool = True) -> tuple[Shipment, ...]:
        self._called(f"shipments {order_id}")
        return self.orders[order_id].shipments or ()


@dataclass
class FakeIfs:
    """What IFS shows."""

    vouchers: dict[str, BookedVoucher] = field(default_factory=dict)
    heads: dict[str, OrderHead] = field(default_factory=dict)
    asked: list[tuple[date, date]] = field(default_factory=list)

    async def vouchers_between(self, first: date, last: date) -> list[BookedVoucher]:
        self.asked.append((first, last))
        return [voucher for voucher in self.vouchers.values() if first <= voucher.day <= last]

    async def orders_between(self, first: date, last: date, contract: str, reference_prefix: str) -> list[OrderHead]:
        assert contract == "100"
        return [
            head
            for head in self.heads.values()
            if head.reference.startswith(reference_prefix) and first <= (head.entered_on or first) <= last
        ]

    def add(self, draft: VoucherDraft, day: date | None = None) -> None:
        self.put(booked(draft, f"M-2026-{len(self.vouchers) + 1}", day))

    def put(self, voucher: BookedVoucher) -> None:
        self.vouchers[voucher.key or voucher.reference] = voucher

    def change(self, key: str, **changes: Any) -> None:
        self.vouchers[key] = replace(self.vouchers[key], **changes)


def booked(draft: VoucherDraft, reference: str, day: date | None = None) -> BookedVoucher:
    """The voucher as IFS shows it when everything went well."""
    rows = [voucher_row(row.account, row.debit, row.credit, draft.currency) for row in draft.rows]
    return BookedVoucher(reference, draft.key, day or draft.day, draft.currency, "Confirmed", tuple(rows))


def voucher_row(account: str, debit: Decimal | str, credit: Decimal | str, currency: str = "USD") -> VoucherRowRecord:
    debits, credits = Decimal(debit), Decimal(credit)
    return VoucherRowRecord(1, account, (), currency, debits, credits, debits, credits, "", "")


@dataclass
class Books:
    """The three together."""

    database: Database
    clock: ManualClock
    connection_id: int
    policy: Policy = POLICY
    others: tuple[str, ...] = ()
    store: FakeStore = field(default_factory=FakeStore)
    ifs: FakeIfs = field(default_factory=FakeIfs)
    paused: list[float] = field(default_factory=list)

    # -- what happens ------------------------------------------------------------------------------------------------

    def place(self, made: Order | None = None) -> Order:
        """A new order, not yet seen by us."""
        new = made or two_units()
        self.store.orders[new.id] = replace(new, tenders=new.tenders or (), shipments=new.shipments or (), refunds=())
        return self.store.orders[new.id]

    def change(self, order_id: int, **changes: Any) -> Order:
        self.store.orders[order_id] = replace(self.store.orders[order_id], **changes)
        return self.store.orders[order_id]

    def pay(self, order_id: int, number: int, amount: str, when: datetime, **more: Any) -> None:
        tender = Tender(number, "purchase", "credit_card", "stripe", Decimal(amount), "USD", "ok", when)
        before = self.store.orders[order_id].tenders or ()
        self.change(order_id, tenders=(*before, replace(tender, **more)))

    def ship(self, order_id: int, number: int, units: int, when: datetime) -> None:
        made = self.store.orders[order_id]
        before = made.shipments or ()
        shipment = Shipment(number, when, (ShippedItem(17, units),))
        self.change(order_id, shipments=(*before, shipment), items_shipped=units, status_id=3)

    def refund(self, order_id: int, number: int, units: int, amount: str, tax: str, when: datetime, **pay: Any) -> None:
        payment = replace(RefundPayment(1, "stripe", Decimal(amount), is_offline=True), **pay)
        items = (RefundItem("PRODUCT", 17, units),)
        refund = Refund(number, order_id, when, Decimal(amount), Decimal(tax), items, (payment,))
        self.store.refunds.append(refund)
        self.change(order_id, refunds=(*(self.store.orders[order_id].refunds or ()), refund))

    # -- what we do --------------------------------------------------------------------------------------------------

    def sync(self, order_id: int, state: OrderState = OrderState.SYNCED, **outcome: Any) -> list[str]:
        """Post what the planner says; answers with the keys of new documents. IFS then has them."""
        new: list[str] = []
        while True:
            held = self.database.read_sync(
                lambda conn: ledger.of_subject(conn, self.connection_id, f"order:{order_id}")
            )
            found = plan(
                self.store.orders[order_id], Known("C100"), BOOKING, self.policy, held, seen_at=self.clock.now()
            )
            assert not found.blockers, found.blockers
            drafts: list[CustomerOrderDraft | VoucherDraft] = [*found.documents, *found.vouchers]
            if not drafts:
                break
            for draft in drafts:
                self.write(draft)
                if isinstance(draft, VoucherDraft):
                    if draft.rows:
                        self.ifs.add(draft)
                else:
                    self.head(draft.key, draft.total_inc_tax)
                new.append(draft.key)
        self.finish(order_id, state, **outcome)
        return new

    def write(self, draft: CustomerOrderDraft | VoucherDraft, state: DocumentState | None = None, **change: Any) -> int:
        """A document of the ledger; by default posted and confirmed."""
        is_voucher = isinstance(draft, VoucherDraft)
        new = NewDocument(
            connection_id=self.connection_id,
            subject=f"order:{draft.order_id}",
            key=draft.key,
            kind=DocumentKind.VOUCHER if is_voucher else DocumentKind.CUSTOMER_ORDER,
            fact_hash=draft.fact_hash,
            amount=draft.amount if isinstance(draft, VoucherDraft) else draft.total_inc_tax,
            currency=draft.currency,
            draft=encode(draft),
            day=draft.day if isinstance(draft, VoucherDraft) else None,
        )
        nothing = isinstance(draft, VoucherDraft) and not draft.rows
        reached = state or (DocumentState.NOTHING_TO_POST if nothing else DocumentState.CONFIRMED)
        document_id = self.database.write_sync(lambda tx: ledger.intend(tx, new)).id
        self.record(document_id, state=reached, reference=f"ref {draft.key}", **change)
        return document_id

    def record(self, document_id: int, **change: Any) -> None:
        self.database.write_sync(lambda tx: ledger.record(tx, None, document_id, [], DocumentChange(**change)))

    def draft(self, key: str) -> VoucherDraft:
        found = self.database.read_sync(lambda conn: ledger.find(conn, self.connection_id, DocumentKind.VOUCHER, key))
        assert found is not None
        return decode_voucher(found.draft)

    def document_id(self, key: str) -> int:
        found = self.database.read_sync(lambda conn: ledger.find(conn, self.connection_id, DocumentKind.VOUCHER, key))
        assert found is not None
        return found.id

    def finish(self, order_id: int, state: OrderState, **outcome: Any) -> None:
        """The order's look ended in `state`."""
        made = self.store.orders[order_id]
        facts = OrderFacts(
            made.placed_at, made.modified_at, made.status_id, "", f"order:{order_id}", "", made.total_inc_tax, "USD"
        )
        key = (self.connection_id, order_id)
        self.database.write_sync(lambda tx: intake.mark_due(tx, *key[:1], [order_id], found_by="test"))
        (held,) = self.database.write_sync(
            lambda tx: queue.claim(tx, "w", limit=1, lease=timedelta(minutes=1), only=[key])
        )
        ended = Outcome(state, facts=facts, **outcome)
        self.database.write_sync(lambda tx: queue.finish(tx, held, ended, actor="test"))

    def answer(self, order_id: int, choice: EditChoice, reference: str = "") -> None:
        """A person's answer to an edit."""
        said = EditAnswer(choice, "", self.clock.now(), "ann", reference)
        self.database.write_sync(lambda tx: edits.save(tx, self.connection_id, order_id, said))

    def head(self, reference: str, gross: Decimal, **more: Any) -> None:
        """A customer order in IFS."""
        made = OrderHead(
            order_no=f"P{len(self.ifs.heads) + 1}",
            etag="",
            state="Released",
            customer_no="C100",
            reference=reference,
            contract="100",
            currency="USD",
            gross=gross,
            tax=None,
            net_base=None,
            entered_on=DAY,
        )
        self.ifs.heads[reference] = replace(made, **more)

    # -- comparing ---------------------------------------------------------------------------------------------------

    async def compare(self, first: date = DAY, last: date = LAST) -> Reconciled:
        company = Company(self.connection_id, "acme-us", self.policy, BOOKING, self.others, frozenset({"Cancelled"}))

        async def pause(seconds: float) -> None:
            self.paused.append(seconds)

        comparison = Comparison(company, self.store, self.ifs, self.database, first, last, pause=pause)
        return await comparison.run()


def failing(times: int, problem: Callable[[], Problem], name: str) -> Callable[[str], None]:
    """A fault: so many calls whose name begins so fail."""
    left = times

    def fail(call: str) -> None:
        nonlocal left
        if left and call.startswith(name):
            left -= 1
            raise problem()

    return fail
