"""What the store says should stand in IFS, order by order. Pure.

The store's facts are taken from what was just read; from our ledger come only the frozen basis, what was recognised
before, and how far each document got. What happens to an order in IFS alone (digital goods, closings, reversals) has
no fact in the store: there the ledger says what should be booked. Why something may be missing is `reconcile_reasons`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from bcifs_console.accounting.consumption import Books, line_subject
from bcifs_console.accounting.repayments import Stage, repayments
from bcifs_console.accounting.tenders import cash_of
from bcifs_console.domain.codec import decode_customer_order, decode_order_update
from bcifs_console.domain.documents import DocumentKind, DocumentState, LedgerDocument
from bcifs_console.domain.marks import BY_HAND, accepted_total, said
from bcifs_console.domain.money import ZERO, cap, minor_unit, rounded
from bcifs_console.domain.movements import Shipment
from bcifs_console.domain.orders import LineType, Order
from bcifs_console.domain.rules import RevenuePosting
from bcifs_console.domain.updates import UpdateKind
from bcifs_console.domain.vouchers import TakeKind, VoucherDraft, VoucherKind
from bcifs_console.operations.books import read_draft, voucher_of
from bcifs_console.operations.reconcile_accounts import amount_of, entries_of
from bcifs_console.operations.reconcile_reasons import MOVED, Frame, OrderRecord, Reasons
from bcifs_console.operations.reconciling import Allowance, BookKind, Expected, Reasoned
from bcifs_console.operations.voucher_keys import parse_key

KIND_OF: Final[Mapping[VoucherKind, BookKind]] = MappingProxyType(
    {
        VoucherKind.PAYMENT: BookKind.PAYMENTS,
        VoucherKind.VOID: BookKind.VOIDS,
        VoucherKind.REFUND: BookKind.REFUNDS,
        VoucherKind.SHIPMENT: BookKind.SHIPMENTS,
    }
)
_WORDS: Final = {
    VoucherKind.PAYMENT: "tender",
    VoucherKind.VOID: "void",
    VoucherKind.REFUND: "refund",
    VoucherKind.SHIPMENT: "shipment",
}
_PENDING: Final = {
    Stage.PENDING: Reasoned("The refund is not paid yet; it is posted once its payment is done."),
    Stage.DECLINED: Reasoned("A payment of the refund was declined.", "Refund the buyer again in the store."),
}
_STATUS: Final = "STATUS/"


@dataclass(frozen=True, slots=True)
class Side:
    """The store's side of one order; `gone`: keys of our ledger that the store no longer shows, and what is known."""

    expected: tuple[Expected, ...]
    gone: Mapping[str, Reasoned]


def side_of(record: OrderRecord, frame: Frame) -> Side:
    """Everything of one order that should stand in IFS on the days compared, or is booked on one of them.

    Raises UnreadableDocument where the ledger cannot be read.
    """
    reading = _Reading(record, frame)
    expected = {fact.key: fact for fact in reading.facts() if frame.has(fact.day)}
    gone: dict[str, Reasoned] = {}
    for voucher in reading.vouchers:
        key, is_of_the_days = voucher.draft.key, frame.has(voucher.draft.day)
        if key in expected or voucher.moves_nothing or not (is_of_the_days or frame.has(voucher.day)):
            continue
        if is_of_the_days and voucher.is_of_the_store:
            gone[key] = reading.no_longer_shown(voucher)
        else:
            expected[key] = reading.as_posted(voucher)
    return Side(tuple(expected.values()), gone)


@dataclass(frozen=True, slots=True)
class _Voucher:
    """A voucher of the ledger."""

    document: LedgerDocument
    draft: VoucherDraft

    @property
    def day(self) -> date:
        """The date it bears in IFS."""
        return self.document.day or self.draft.day

    @property
    def moves_nothing(self) -> bool:
        """Recorded so that it is not looked at again; IFS has nothing of it, by us or by a person."""
        is_done = self.document.state is DocumentState.NOTHING_TO_POST and not said(self.document, BY_HAND)
        return is_done or not self.draft.rows

    @property
    def is_of_the_store(self) -> bool:
        """Whether the store has a record of what it is for: a transaction, a refund, a shipment record."""
        parsed = parse_key(self.draft.key)
        return parsed is not None and parsed.kind in KIND_OF and not parsed.fact.startswith(_STATUS)

    @property
    def entries(self) -> Mapping[str, Decimal]:
        return entries_of((row.account, row.debit, row.credit) for row in self.draft.rows)


class _Reading:
    """One order while it is taken apart."""

    def __init__(self, record: OrderRecord, frame: Frame) -> None:
        self._record = record
        self._frame = frame
        self._policy = frame.policy
        self._reasons = Reasons(record, frame)
        self._reference = frame.policy.order_reference.format(order_id=record.order_id)
        self._sent = next((d for d in record.documents if d.kind is DocumentKind.CUSTOMER_ORDER), None)
        self.vouchers = tuple(
            _Voucher(document, voucher_of(document))
            for document in record.documents
            if document.kind is DocumentKind.VOUCHER
        )
        self._by_key = {voucher.draft.key: voucher for voucher in self.vouchers}

    # -- facts -------------------------------------------------------------------------------------------------------

    def facts(self) -> Iterator[Expected]:
        """The order, its payments, voids and refunds, its shipments."""
        order = self._record.order
        if order is None:
            return
        yield self._order(order)
        for fact in self._movements(order):
            voucher = self._by_key.get(fact.key)
            if voucher is None or not voucher.moves_nothing:
                yield fact

    def _order(self, order: Order) -> Expected:
        return Expected(
            key=self._reference,
            kind=BookKind.ORDERS,
            day=self._frame.day(order.placed_at),
            currency=order.currency,
            amount=self._rounded(order.total_inc_tax, order.currency),
            order_id=order.id,
            absent=self._reasons.order_absent(order, self._sent, self._reference),
            reference=self._sent.reference if self._sent else "",
            allowances=self._order_allowances(order),
            tolerance=cap(order.currency, self._policy.minor_units),
            any_day=True,
        )

    def _order_allowances(self, order: Order) -> tuple[Allowance, ...]:
        """What IFS rightly shows: the order as it was frozen, or a total that a person accepted; less the lines that
        were lowered since."""
        if self._sent is None:
            return ()
        accepted = accepted_total(self._sent)
        lowered = ZERO
        for document in self._record.documents:
            if document.kind is DocumentKind.ORDER_UPDATE and document.state is DocumentState.CONFIRMED:
                update = read_draft(document, decode_order_update)
                lowered += update.gross if update.update_kind is UpdateKind.LINE_QUANTITY else ZERO
        reasons = []
        if self._sent.amount != order.total_inc_tax:
            reasons.append("It stands as it was when it was sent; lines refunded before and edits since are not in it.")
        if lowered:
            reasons.append(f"Its lines were lowered by {lowered:f} {order.currency} after refunds.")
        allowed = [Allowance(self._sent.amount - lowered, " ".join(reasons))] if reasons else []
        if accepted is not None:
            reasons.insert(0, "A person accepted the total that IFS shows.")
            # Lines may have been lowered before it was accepted, or after.
            allowed += [Allowance(total, " ".join(reasons)) for total in (accepted, accepted - lowered)]
        return tuple(allowed)

    def _movements(self, order: Order) -> Iterator[Expected]:
        cash = cash_of(order, self._policy)
        for tender in cash.counted:
            yield self._fact(VoucherKind.PAYMENT, tender.id, tender.created_at, tender.amount)
        for voided in cash.voids:
            yield self._fact(VoucherKind.VOID, voided.void.id, voided.void.created_at, voided.amount)
        paid = repayments(self._record.refunds, order.tenders or ())
        for refund in self._record.refunds:
            amount = sum((payment.amount for payment in refund.payments), ZERO) or refund.total_amount
            pending = _PENDING.get(paid[refund.id].stage)
            yield self._fact(VoucherKind.REFUND, refund.id, refund.created_at, amount, pending)
        if self._policy.revenue_posting is RevenuePosting.VOUCHER:
            shares = self._shares(order)
            for shipment in order.shipments or ():
                share = shares.get(shipment.id, ZERO)
                yield self._fact(VoucherKind.SHIPMENT, shipment.id, shipment.created_at, share)

    def _fact(
        self, kind: VoucherKind, number: int, at: datetime, amount: Decimal, pending: Reasoned | None = None
    ) -> Expected:
        order = self._record.order
        assert order is not None, "only an order that was read has facts"
        key = f"{self._reference}/{kind.value}/{number}"
        voucher = self._by_key.get(key)
        if voucher is None:
            absent = self._reasons.fact_absent(at, f"{_WORDS[kind]} {number}", pending)
        else:
            absent = self._reasons.voucher_absent(voucher.document)
        return Expected(
            key=key,
            kind=KIND_OF[kind],
            day=self._frame.day(at),
            currency=order.currency,
            amount=self._rounded(amount, order.currency),
            order_id=order.id,
            absent=absent,
            entries=voucher.entries if voucher else None,
            moved_to=voucher.day if voucher else None,
            moved_because=MOVED,
            unfinished=_unfinished(voucher, absent),
            reference=voucher.document.reference if voucher else "",
        )

    def _rounded(self, amount: Decimal, currency: str) -> Decimal:
        """The store states four decimals; the books have the currency's own."""
        return rounded(amount, currency, self._policy.minor_units)

    # -- shipments on the frozen basis -------------------------------------------------------------------------------

    def _shares(self, order: Order) -> dict[int, Decimal]:
        """What each shipment record is worth on the frozen basis, in the order in which they were, or will be, posted.

        By the store's own quantities, as far as units remained; charges and bundles as the voucher took them. A
        shipment without a voucher takes what is left now. Nothing where the order has no basis.
        """
        basis = self._frame.adopted(self._record.order_id)
        if basis is None:
            basis = read_draft(self._sent, decode_customer_order).basis if self._sent else None
        if basis is None:
            return {}
        books = Books.of(basis, minor_unit(order.currency, self._policy.minor_units))
        records = {f"{self._reference}/{VoucherKind.SHIPMENT.value}/{s.id}": s for s in order.shipments or ()}
        shares: dict[int, Decimal] = {}
        for voucher in self.vouchers:
            record = records.pop(voucher.draft.key, None)
            if record is not None:
                shares[record.id] = _share(books, record) + _beside(books, record, voucher.draft)
            books.apply(voucher.draft.takes, by_record=voucher.draft.voucher_kind is VoucherKind.SHIPMENT)
        for record in records.values():
            shares[record.id] = _share(books, record)
        return shares

    # -- what only the ledger knows ----------------------------------------------------------------------------------

    def as_posted(self, voucher: _Voucher) -> Expected:
        """A voucher for which the store has no record, or whose record is of another day than those compared."""
        draft = voucher.draft
        rows = ((row.account, row.debit, row.credit) for row in draft.rows)
        return Expected(
            key=draft.key,
            kind=KIND_OF.get(draft.voucher_kind, BookKind.OTHER),
            day=draft.day,
            currency=draft.currency,
            amount=amount_of(draft.voucher_kind, rows, self._frame.accounts),
            order_id=self._record.order_id,
            absent=(absent := self._reasons.voucher_absent(voucher.document)),
            entries=voucher.entries,
            moved_to=voucher.day,
            moved_because=MOVED,
            unfinished=_unfinished(voucher, absent),
            reference=voucher.document.reference,
        )

    def no_longer_shown(self, voucher: _Voucher) -> Reasoned:
        """What is known of a voucher whose transaction, refund or shipment the store has no more."""
        reversal = f"{voucher.draft.key}/{VoucherKind.REVERSAL.value}"
        fact = voucher.draft.fact or voucher.draft.key
        return self._reasons.no_longer_shown(fact, reversal if reversal in self._by_key else "")


def _shipped(books: Books, record: Shipment) -> dict[int, int]:
    """The physical units a record names, by line. A bundle's own line goes by its children."""
    found: dict[int, int] = {}
    lines = {line.id for line, _ in books.lines if line.type is LineType.PHYSICAL and line.id not in books.children}
    for item in record.items:
        if item.order_line_id in lines:
            found[item.order_line_id] = found.get(item.order_line_id, 0) + item.quantity
    return found


def _share(books: Books, record: Shipment) -> Decimal:
    """What a record's units take on these books, as far as units remain."""
    parts = ((books.parts[line_subject(line_id)], units) for line_id, units in _shipped(books, record).items())
    return sum((part.step(min(units, part.left_units)).gross for part, units in parts), ZERO)


def _beside(books: Books, record: Shipment, draft: VoucherDraft) -> Decimal:
    """What its voucher recognised beside the record's own lines: charges, wrapping, bundles."""
    own = {line_subject(line_id) for line_id in _shipped(books, record)}
    takes = (take for take in draft.takes if take.kind is TakeKind.RECOGNISE and take.subject not in own)
    return sum((take.gross for take in takes), ZERO)


def _unfinished(voucher: "_Voucher | None", absent: Reasoned) -> Reasoned | None:
    """Why IFS may have only a part of a voucher: it is being posted, or waits half-way."""
    if voucher is None or voucher.document.state in (DocumentState.CONFIRMED, DocumentState.NOTHING_TO_POST):
        return None
    return Reasoned(f"It is posted only in part. {absent.text}", absent.remedy, is_good=absent.is_good)
