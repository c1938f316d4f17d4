"""Which of an order's movements are worth a call, by what the order itself shows (DESIGN §5). Pure.

A word or status nobody knows asks: a call too many costs quota, one too few hides money. What an order cannot show is
its caller's to know: a refund whose order went on to another status, facts that the ledger already holds.
"""

from dataclasses import dataclass
from typing import Final

from bcifs_console.domain.orders import LineType, Order

_INCOMPLETE, _PENDING, _DECLINED, _AWAITING_PAYMENT = 0, 1, 6, 7
_SHIPPED, _PARTIALLY_SHIPPED, _COMPLETED = 2, 3, 10
_REFUNDED, _PARTIALLY_REFUNDED = 4, 14

#: Payment statuses under which no money has come. Empty is that of orders made by hand and of cash on delivery, which
#: say nothing about their payment, paid or not (facts §3.3).
_NOTHING_PAID: Final = frozenset({"", "declined"})
#: Order statuses that mean no money either; with any other the order goes on, so somebody may have paid.
_NOT_PAID_YET: Final = frozenset({_INCOMPLETE, _PENDING, _DECLINED, _AWAITING_PAYMENT})

#: The documented payment statuses under which nothing was given back.
_NOTHING_REFUNDED: Final = _NOTHING_PAID | {
    "authorized",
    "captured",
    "capture pending",
    "held for review",
    "paid",
    "pending",
    "void",
    "void pending",
}
_REFUND_STATUSES: Final = frozenset({_REFUNDED, _PARTIALLY_REFUNDED})
#: Statuses reached by shipping, or by hand in its place (facts §7.17).
_SHIPPING_STATUSES: Final = frozenset({_SHIPPED, _PARTIALLY_SHIPPED, _COMPLETED})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which movements there may be."""

    tenders: bool
    shipments: bool
    refunds: bool


def movements_wanted(order: Order) -> Wanted:
    """What to read beside the order.

    A new order paid by card asks for its tenders alone. Facts: §3.3 (payment_status, amounts redeemed, items_shipped),
    §3.7 (statuses), §4 (an ORDER-level refund shows in status and payment_status only).
    """
    return Wanted(
        tenders=_may_have_tenders(order), shipments=_may_have_shipments(order), refunds=_may_be_refunded(order)
    )


def _may_have_tenders(order: Order) -> bool:
    """Redeemed gift certificates and store credit are transactions whatever the rest of the payment came to."""
    if order.gift_certificate_amount or order.store_credit_amount:
        return True
    return _payment_status(order) not in _NOTHING_PAID or order.status_id not in _NOT_PAID_YET


def _may_have_shipments(order: Order) -> bool:
    """By units counted as shipped; where only a status or a date says so, there must be something to ship."""
    if order.items_shipped or any(line.quantity_shipped for line in order.lines):
        return True
    if order.status_id not in _SHIPPING_STATUSES and order.shipped_at is None:
        return False
    return any(line.type is LineType.PHYSICAL for line in order.lines)


def _may_be_refunded(order: Order) -> bool:
    """`refunded_amount` is always 0 and says nothing (facts §3.3)."""
    if order.status_id in _REFUND_STATUSES or any(line.quantity_refunded for line in order.lines):
        return True
    return _payment_status(order) not in _NOTHING_REFUNDED


def _payment_status(order: Order) -> str:
    return order.payment_status.strip().casefold()
