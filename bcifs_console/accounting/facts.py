"""The facts of an order that may become vouchers, each with its key and its own time (ACCOUNTING §2, 3).

What a fact is worth is in `payments`, `shipping`, `refunds`; whether it is posted already, and in which order facts are
taken, in `vouchers`.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bcifs_console.accounting.gates import SHIPPED_STATUSES, is_closed
from bcifs_console.accounting.tenders import Cash, Voided
from bcifs_console.domain.basis import Basis
from bcifs_console.domain.movements import Refund, Shipment, Tender
from bcifs_console.domain.orders import Order
from bcifs_console.domain.vouchers import VoucherDraft, VoucherKind

Source = Tender | Voided | Shipment | Refund | VoucherDraft | None

_KINDS: Final = "|".join(kind.value for kind in VoucherKind)
_KEY: Final = re.compile(rf"(?P<prefix>.*?)/(?P<name>(?:{_KINDS})(?:/.*)?)")
_RECORD: Final = re.compile(r"SHIP/(?P<id>\d+)")
_STATUS: Final = re.compile(r"SHIP/STATUS/(?P<number>\d+)")

#: Ties in time: payment, void, then what becomes income (a shipment's undoing before what may use it), then refunds.
_RANKS: Final = {
    VoucherKind.PAYMENT: 0,
    VoucherKind.VOID: 1,
    VoucherKind.SHIPMENT: 2,
    VoucherKind.REVERSAL: 3,
    VoucherKind.DIGITAL: 5,
    VoucherKind.GIFT: 6,
    VoucherKind.REFUND: 7,
}
_STATUS_RANK: Final = 4


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened. `name` is the key without the order's: PAY/44."""

    kind: VoucherKind
    name: str
    what: str  #: in short, for people: payment 44
    at: datetime
    rank: int
    number: int
    source: Source = None
    digest: str = ""  #: of the store facts the voucher is made from; empty where they are no record

    @property
    def place(self) -> tuple[datetime, int, int]:
        """Facts are taken in this order."""
        return (self.at, self.rank, self.number)


def split_key(key: str) -> tuple[str, str]:
    """The order's reference and the fact's name of a voucher's key: `BC-5001`, `PAY/44`."""
    found = _KEY.fullmatch(key)
    return (found["prefix"], found["name"]) if found else ("", key)


def kind_in(key: str) -> VoucherKind | None:
    """What the voucher with this key is for, None where it is no voucher's."""
    found = _KEY.fullmatch(key)
    return VoucherKind(found["name"].partition("/")[0]) if found else None


def is_of_record(name: str) -> bool:
    """Whether a voucher is of a shipment record: not by status, not a shipment's undoing."""
    return _RECORD.fullmatch(name) is not None


def of_money(order: Order, cash: Cash) -> Iterator[Fact]:
    """Payments, voids and refunds: what happens to an order whether or not IFS has it."""
    for tender in cash.counted:
        digest = _digest(tender.amount, tender.currency)
        yield _fact(VoucherKind.PAYMENT, "payment", tender.id, tender.created_at, tender, digest)
    for voided in cash.voids:
        void = voided.void
        digest = _digest(voided.amount, voided.of.id)
        yield _fact(VoucherKind.VOID, "void", void.id, void.created_at, voided, digest)
    for refund in order.refunds or ():
        yield _fact(VoucherKind.REFUND, "refund", refund.id, refund.created_at, refund, _refund_digest(refund))


def of_goods(
    order: Order, cash: Cash, basis: Basis, posted: Mapping[str, VoucherDraft], seen_at: datetime
) -> Iterator[Fact]:
    """Shipments, shipments that vanished, and what ships or is delivered by status or full capture."""
    records = {shipment.id for shipment in order.shipments or ()}
    for shipment in order.shipments or ():
        items = sorted((item.order_line_id, item.quantity) for item in shipment.items)
        digest = _digest(*(number for item in items for number in item))
        yield _fact(VoucherKind.SHIPMENT, "shipment", shipment.id, shipment.created_at, shipment, digest)
    if order.shipments is not None:
        yield from _vanished(records, posted, seen_at)
    if is_closed(order):
        return
    is_shipped = order.status_id in SHIPPED_STATUSES
    if order.shipments is not None and (is_shipped or order.shipped_at is not None):
        number = 1 + max((int(m["number"]) for m in map(_STATUS.fullmatch, posted) if m), default=0)
        name = f"SHIP/STATUS/{number}"
        at = order.shipped_at or seen_at
        yield Fact(VoucherKind.SHIPMENT, name, f"shipment by status {number}", at, _STATUS_RANK, number)
    delivered_at = cash.full_at(basis.gross, basis.currency) or (None if basis.gross else order.placed_at)
    if is_shipped:
        shipped_at = order.shipped_at or seen_at
        delivered_at = min(delivered_at or shipped_at, shipped_at)
    if delivered_at is not None:
        for kind, what in ((VoucherKind.DIGITAL, "digital goods"), (VoucherKind.GIFT, "gift certificates")):
            yield _delivery(kind, what, posted, delivered_at, seen_at)


def _delivery(
    kind: VoucherKind, what: str, posted: Mapping[str, VoucherDraft], at: datetime, seen_at: datetime
) -> Fact:
    """What needs no shipping, once. Again only for what was added to the order since, and adopted: dated when seen."""
    number = 1 + sum(draft.voucher_kind is kind for draft in posted.values())
    if number == 1:
        return Fact(kind, kind.value, what, at, _RANKS[kind], 0)
    return Fact(kind, f"{kind.value}/{number}", f"{what} {number}", seen_at, _RANKS[kind], number)


def _vanished(records: set[int], posted: Mapping[str, VoucherDraft], seen_at: datetime) -> Iterator[Fact]:
    for name, draft in posted.items():
        found = _RECORD.fullmatch(name)
        if found is None or int(found["id"]) in records or not draft.takes:
            continue
        number = int(found["id"])
        rank = _RANKS[VoucherKind.REVERSAL]
        what = f"shipment {number} no longer there"
        yield Fact(VoucherKind.REVERSAL, f"{name}/REV", what, seen_at, rank, number, draft)


def _fact(kind: VoucherKind, what: str, number: int, at: datetime, source: Source, digest: str) -> Fact:
    return Fact(kind, f"{kind.value}/{number}", f"{what} {number}", at, _RANKS[kind], number, source, digest)


def _refund_digest(refund: Refund) -> str:
    items = sorted(
        (item.type, item.item_id, item.quantity, _plain(item.amount), _plain(item.adjustment)) for item in refund.items
    )
    payments = sorted((payment.provider, _plain(payment.amount)) for payment in refund.payments)
    flat = [str(part) for row in (*items, *payments) for part in row]
    return _digest(refund.total_amount, refund.total_tax, *flat)


def _digest(*parts: Decimal | int | str) -> str:
    text = json.dumps([_plain(part) if isinstance(part, Decimal) else part for part in parts])
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(amount: Decimal | None) -> str:
    if amount is None:
        return ""
    return f"{amount.normalize():f}" if amount else "0"
