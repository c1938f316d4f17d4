"""Vouchers for the accounting tests: accounts for every purpose, a ledger that posts what is planned, sums of rows."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bcifs_console.accounting.mapping import default_rules
from bcifs_console.accounting.plan import plan
from bcifs_console.domain.buyers import Customer
from bcifs_console.domain.codec import decode_voucher, encode
from bcifs_console.domain.documents import (
    CustomerOrderDraft,
    DocumentKind,
    DocumentState,
    Ledger,
    LedgerDocument,
    LedgerPart,
    PartState,
)
from bcifs_console.domain.edits import EditAnswer
from bcifs_console.domain.marks import BY_HAND
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.movements import (
    Refund,
    RefundItem,
    RefundItemType,
    RefundPayment,
    Shipment,
    ShippedItem,
    Tender,
)
from bcifs_console.domain.orders import Order
from bcifs_console.domain.plan import Plan
from bcifs_console.domain.rules import Policy, Purpose, RevenuePosting, Rules, VoucherTransport
from bcifs_console.domain.updates import OrderUpdateDraft
from bcifs_console.domain.vouchers import Rate, VoucherDraft
from tests.accounting.building import KNOWN, PLACED, POLICY, REVENUE, dec, line, order, rule, shipping

BOOKS = replace(POLICY, voucher_transport=VoucherTransport.REST, revenue_posting=RevenuePosting.VOUCHER)
INVOICED = replace(BOOKS, revenue_posting=RevenuePosting.IFS_INVOICE)

#: One account for every purpose; the clearing account by gateway, the tax account by code.
ACCOUNTS = (
    REVENUE,
    rule(Purpose.CUSTOMER_BALANCE, "2420"),
    rule(Purpose.CLEARING, "1910", 1, gateway="stripe"),
    rule(Purpose.CLEARING, "1920", 2),
    rule(Purpose.GIFT_CERTIFICATE_LIABILITY, "2430"),
    rule(Purpose.STORE_CREDIT_LIABILITY, "2440"),
    rule(Purpose.TAX_ACCOUNT, "2610"),
    rule(Purpose.TAX_ON_PREPAYMENTS, "1480"),
    rule(Purpose.RETURNS, "4900"),
    rule(Purpose.SHIPPING_INCOME, "4100"),
    rule(Purpose.HANDLING_INCOME, "4110"),
    rule(Purpose.WRAPPING_INCOME, "4120"),
    rule(Purpose.FEE_INCOME, "4130"),
    rule(Purpose.RETAINED_INCOME, "4800"),
    rule(Purpose.GOODWILL, "6100"),
    rule(Purpose.ROUNDING, "7990"),
)
BOOK_RULES = Rules((*ACCOUNTS, rule(Purpose.TAX, "code:S"), *default_rules()))


def hours(count: float) -> datetime:
    """So many hours after the order was placed."""
    return PLACED + timedelta(hours=count)


def tender(id: int, amount: str | Decimal, at: float = 1, event: str = "purchase", **more: Any) -> Tender:
    made = Tender(id, event, "credit_card", "stripe", dec(amount), "USD", "ok", hours(at))
    return replace(made, **more)


def shipment(id: int, at: float, **units: int) -> Shipment:
    """`shipment(61, 2, line_1=2)`: two units of line 1, two hours after the order."""
    items = tuple(ShippedItem(int(name.removeprefix("line_")), count) for name, count in units.items())
    return Shipment(id, hours(at), items)


def product(line_id: int, quantity: int, amount: str | None = None, adjustment: str = "0") -> RefundItem:
    return RefundItem(
        RefundItemType.PRODUCT, line_id, quantity, None if amount is None else dec(amount), dec(adjustment)
    )


def item(type: RefundItemType, amount: str | None, item_id: int = 1) -> RefundItem:
    return RefundItem(type, item_id, amount=None if amount is None else dec(amount))


def refund(id: int, total: str, tax: str, *items: RefundItem, at: float = 3, **more: Any) -> Refund:
    """A refund paid at the desk, so that it needs no transaction."""
    payment = RefundPayment(id, "stripe", dec(total), is_offline=True)
    made = Refund(id, 5001, hours(at), dec(total), dec(tax), items, (payment,))
    return replace(made, **more)


def lived(of: Order, **more: Any) -> Order:
    """The order with everything read: no tenders, shipments and refunds but those given."""
    whole = {"tenders": (), "shipments": (), "refunds": (), **more}
    return replace(of, **whole)


SHIRT = line(ex="100", inc="120")
ONE = order([SHIRT], inc="120", tax="20")
WITH_SHIPPING = order([line(ex="100", inc="110")], inc="121", tax="11", charges=(shipping("10", "1"),))
PAID = (tender(44, "120"),)


class BookLedger:
    """A ledger in memory in which whatever is planned is posted at once; every `by_hand`-th document, where it is a
    voucher, is booked in IFS by a person."""

    def __init__(self, by_hand: int = 0) -> None:
        self._by_hand = by_hand
        self._documents: list[LedgerDocument] = []
        self.answers: tuple[EditAnswer, ...] = ()

    @property
    def ledger(self) -> Ledger:
        return Ledger(tuple(self._documents), self.answers)

    @property
    def vouchers(self) -> tuple[VoucherDraft, ...]:
        return tuple(decode_voucher(d.draft) for d in self._documents if d.kind is DocumentKind.VOUCHER)

    @property
    def keys(self) -> list[str]:
        return [document.key.removeprefix("BC-5001/") for document in self._documents if "/" in document.key]

    def voucher(self, name: str) -> VoucherDraft:
        return next(v for v in self.vouchers if v.key == f"BC-5001/{name}")

    def post(self, found: Plan) -> None:
        for document in found.documents:
            self._add(document, DocumentKind.CUSTOMER_ORDER, "C9001", document.total_inc_tax, document.currency)
        for update in found.updates:
            self._add(update, DocumentKind.ORDER_UPDATE, "C9001", update.gross, update.currency)
        for voucher in found.vouchers:
            self._add(voucher, DocumentKind.VOUCHER, "V1", voucher.amount, voucher.currency)

    def _add(
        self,
        draft: CustomerOrderDraft | OrderUpdateDraft | VoucherDraft,
        kind: DocumentKind,
        reference: str,
        amount: Decimal,
        currency: str,
    ) -> None:
        is_empty = isinstance(draft, VoucherDraft) and not draft.rows
        number = len(self._documents) + 1
        is_by_hand = bool(self._by_hand) and number % self._by_hand == 0 and kind is DocumentKind.VOUCHER
        self._documents.append(
            LedgerDocument(
                id=number,
                connection_id=1,
                subject="order:5001",
                key=draft.key,
                kind=kind,
                state=DocumentState.NOTHING_TO_POST if is_empty or is_by_hand else DocumentState.CONFIRMED,
                fact_hash=draft.fact_hash,
                amount=amount,
                currency=currency,
                reference=reference,
                etag="",
                draft=encode(draft),
                created_at=PLACED,
                parts=(LedgerPart(BY_HAND, 0, PartState.CONFIRMED, f"M-{number}"),) if is_by_hand else (),
            )
        )


def looked_at(
    of: Order,
    books: BookLedger | None = None,
    *,
    policy: Policy = BOOKS,
    rules: Rules = BOOK_RULES,
    seen_at: datetime | None = None,
    rate: Rate | None = None,
    customer: Customer = KNOWN,
) -> Plan:
    """One look: the plan, whose documents are posted to `books`."""
    ledger = books.ledger if books else Ledger()
    found = plan(of, customer, rules, policy, ledger, seen_at=seen_at or hours(1000), rate=rate)
    if books is not None:
        books.post(found)
    return found


def kept(*looks: Order, policy: Policy = BOOKS, rules: Rules = BOOK_RULES, **more: Any) -> BookLedger:
    """The books after each of these looks."""
    books = BookLedger()
    for number, of in enumerate(looks):
        looked_at(of, books, policy=policy, rules=rules, seen_at=hours(1000 + number), **more)
    return books


def rows_of(voucher: VoucherDraft) -> dict[Purpose, Decimal]:
    """What a voucher books by purpose, debit positive."""
    return sums([voucher])


def sums(vouchers: Iterable[VoucherDraft]) -> dict[Purpose, Decimal]:
    """What vouchers book by purpose, debit positive; purposes that come to nothing are left out."""
    found: dict[Purpose, Decimal] = {}
    for voucher in vouchers:
        for row in voucher.rows:
            found[row.purpose] = found.get(row.purpose, ZERO) + row.amount
    return {purpose: amount for purpose, amount in found.items() if amount}


def amounts(**by_purpose: str) -> dict[Purpose, Decimal]:
    """`amounts(revenue="-100")`."""
    return {Purpose(name): dec(amount) for name, amount in by_purpose.items()}


def settled(books: BookLedger) -> None:
    """The customer balance is 0.00, and every voucher balances."""
    assert Purpose.CUSTOMER_BALANCE not in sums(books.vouchers)
    assert all(v.debits == v.credits for v in books.vouchers)


def without(*purposes: Purpose, rules: Rules = BOOK_RULES) -> Rules:
    """`rules` without those of these purposes."""
    return Rules(tuple(each for each in rules.rules if each.purpose not in purposes))


def codes(found: Plan) -> list[str]:
    return [warning.code for warning in found.warnings]
