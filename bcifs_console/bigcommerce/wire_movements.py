"""Transactions, shipments and refunds from wire to domain. Pure; which of them count is no question of this side.

Of a transaction only what the books need is read: card, token, verification and balance fields are never looked at
(facts §4), so they cannot get into a log, an error or the store. What decides about money must be there and readable;
words the store made up since (events, methods, item types) pass as they are.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, TypeVar

from bcifs_console.bigcommerce.errors import BadAnswer
from bcifs_console.bigcommerce.fields import Fields
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

#: Where a shop's own name for a payment stands, by the object that holds it.
_NAMES: Final = (("offline", "display_name"), ("custom", "payment_method"))
#: Items that are about an order line, whose `item_id` therefore matters.
_OF_A_LINE: Final = frozenset({RefundItemType.PRODUCT, RefundItemType.GIFT_WRAPPING})


_Movement = TypeVar("_Movement", Tender, Shipment, Refund)


def by_id(values: Iterable[_Movement]) -> tuple[_Movement, ...]:
    """`values` by ascending id, each id once: a list that shifts between two pages shows a row twice."""
    found = {value.id: value for value in values}
    return tuple(found[number] for number in sorted(found))


def parse_tender(row: object, order_id: int) -> Tender:
    """One row of `/v3/orders/{id}/transactions`. Raises BadAnswer naming the field and the order.

    Essential are id, event, method, amount, currency, status and time: without one of them it cannot be said whether
    it counts. The gateway may be missing; a rule that needs it will not match then.
    """
    fields = _numbered(row, "transaction", order_id)
    return Tender(
        id=fields.need_whole("id"),
        event=fields.need_text("event").strip().casefold(),
        method=fields.need_text("method").strip().casefold(),
        gateway=fields.text("gateway").strip(),
        amount=_not_negative(fields, "amount"),
        currency=fields.need_text("currency").strip().upper(),
        status=fields.need_text("status").strip().casefold(),
        created_at=fields.need_moment("date_created"),
        is_test=fields.flag("test"),
        reference_id=_reference(fields),
        gateway_reference=fields.text("gateway_transaction_id"),
        name=_name(fields),
    )


def _reference(fields: Fields) -> int | None:
    """`reference_transaction_id`: a number or null; the guide shows {} for none (facts §4)."""
    key = "reference_transaction_id"
    if fields.raw(key) in ({}, []):
        return None
    return fields.whole_or_none(key) or None


def _name(fields: Fields) -> str:
    for holder, key in _NAMES:
        value = fields.raw(holder)
        if isinstance(value, dict) and (name := Fields(value, fields.what).text(key)):
            return name
    return ""


def parse_shipment(row: object, order_id: int) -> Shipment:
    """One row of `/v2/orders/{id}/shipments`. Raises BadAnswer naming the field and the order.

    Essential are id, time and the items with line and quantity.
    """
    fields = _numbered(row, "shipment", order_id)
    return Shipment(
        id=fields.need_whole("id"),
        created_at=fields.need_moment("date_created"),
        items=tuple(_shipped(item, fields) for item in fields.need_rows("items")),
        address_id=fields.whole("order_address_id"),
        method=fields.text("shipping_method"),
        provider=fields.text("shipping_provider"),
        carrier=fields.text("tracking_carrier"),
        tracking_number=fields.text("tracking_number"),
    )


def _shipped(row: object, shipment: Fields) -> ShippedItem:
    fields = Fields(row, f"{shipment.what}, items", order_id=shipment.order_id)
    quantity = fields.need_whole("quantity")
    if quantity < 0:
        raise fields.bad("quantity", "negative")
    return ShippedItem(order_line_id=fields.need_whole("order_product_id"), quantity=quantity)


def parse_refund(row: object, order_id: int | None = None) -> Refund:
    """One refund, of `order_id` where given. Raises BadAnswer naming the field and the order.

    Essential are id, order, time, total and tax, and that `items` and `payments` are lists: an empty `items` says that
    the refund is a tax adjustment (facts §4), which a missing one must not pass for. Whether its parts add up to the
    total is for the accounts to say.
    """
    number = Fields(row, "a refund").need_whole("order_id") if order_id is None else order_id
    fields = _numbered(row, "refund", number)
    return Refund(
        id=fields.need_whole("id"),
        order_id=number,
        created_at=fields.need_moment("created"),
        total_amount=_not_negative(fields, "total_amount"),
        total_tax=fields.need_amount("total_tax"),
        items=tuple(_refunded(item, fields) for item in fields.need_rows("items")),
        payments=tuple(_payment(payment, fields) for payment in fields.need_rows("payments")),
        reason=fields.text("reason"),
    )


def _refunded(row: object, refund: Fields) -> RefundItem:
    """One item. `quantity` is documented for PRODUCT alone and `requested_amount` may be null: 0 and None then."""
    fields = Fields(row, f"{refund.what}, items", order_id=refund.order_id)
    kind = fields.need_text("item_type").strip().upper()
    quantity = fields.whole("quantity")
    if quantity < 0:
        raise fields.bad("quantity", "negative")
    return RefundItem(
        type=kind,
        item_id=fields.need_whole("item_id") if kind in _OF_A_LINE else fields.whole("item_id"),
        quantity=quantity,
        amount=None if fields.amount("requested_amount") is None else _not_negative(fields, "requested_amount"),
        adjustment=sum((_adjustment(entry, fields) for entry in fields.rows("adjustments")), ZERO),
    )


def _adjustment(row: object, item: Fields) -> Decimal:
    fields = Fields(row, f"{item.what}, adjustments", order_id=item.order_id)
    amount = fields.need_amount("amount")
    if amount > 0:
        raise fields.bad("amount", "positive, where an adjustment takes something off")
    return amount


def _payment(row: object, refund: Fields) -> RefundPayment:
    fields = Fields(row, f"{refund.what}, payments", order_id=refund.order_id)
    return RefundPayment(
        id=fields.whole("id"),
        provider=fields.text("provider_id"),
        amount=_not_negative(fields, "amount"),
        is_offline=fields.flag("offline"),
        is_declined=fields.flag("is_declined"),
        declined_message=fields.text("declined_message"),
        transaction_id=fields.text("transaction_id"),
    )


def _numbered(row: object, noun: str, order_id: int) -> Fields:
    """`row`, named by its id in errors. Raises BadAnswer where it has none, or says it is another order's."""
    unnamed = Fields(row, f"a {noun} of order {order_id}", order_id=order_id)
    fields = Fields(row, f"order {order_id}, {noun} {unnamed.need_whole('id')}", order_id=order_id)
    if fields.whole("order_id", order_id) != order_id:
        raise BadAnswer(
            f"BigCommerce lists a {noun} of another order under order {order_id}.", field="order_id", order_id=order_id
        )
    return fields


def _not_negative(fields: Fields, key: str) -> Decimal:
    amount = fields.need_amount(key)
    if amount < 0:
        raise fields.bad(key, "negative")
    return amount
