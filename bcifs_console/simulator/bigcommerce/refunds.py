"""Refunds and quotes: the only truth about money given back, held in v3; v2 keeps saying 0."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from bcifs_console.simulator.bigcommerce import refund_payments
from bcifs_console.simulator.bigcommerce.refund_items import Asked, Item, asked, remaining
from bcifs_console.simulator.bigcommerce.refund_payments import STORE_CREDIT, left_at
from bcifs_console.simulator.bigcommerce.shares import to_ship
from bcifs_console.simulator.bigcommerce.store import Store
from bcifs_console.simulator.bigcommerce.transactions import OFFLINE_NAMES, standing
from bcifs_console.simulator.bigcommerce.wire import StoredOrder
from bcifs_console.simulator.clock import iso
from bcifs_console.simulator.money import ZERO, Json, text4


def refund(store: Store, order: StoredOrder, body: Any) -> Json:
    """`POST payment_actions/refunds`: all or nothing. Raises RefundRefused."""
    wanted = asked(order, body)
    given = body.get("payments")
    if not wanted.items and given is None:
        # A tax adjustment need not name payments (spec), yet the refund has one.
        given = quoted_ways(order, wanted.total.gross)[0]
    ways = refund_payments.checked(order, given, wanted.total.gross)
    row = {
        "id": store.take("refund"),
        "order_id": order.id,
        "user_id": 1,
        "created": iso(store.now()),
        "reason": str(body.get("reason") or ""),
        "total_amount": wanted.total.gross,
        "total_tax": wanted.total.tax,
        "uses_merchant_override_values": wanted.is_override,
        "items": [_item_row(store, order, item) for item in wanted.items],
        "payments": [refund_payments.payment_row(store, way) for way in ways],
    }
    order.refunds.append(row)
    for item in wanted.items:
        _take(order, item)
    if not wanted.is_override:
        _lower_taxes(store, order, wanted)
    refund_payments.begin(store, order, row)
    _aftermath(store, order, row)
    return row


def _item_row(store: Store, order: StoredOrder, item: Item) -> Json:
    """Quantity is filled for PRODUCT only (spec); `requested_amount` of a PRODUCT is a habit."""
    requested = item.requested
    if item.kind == "PRODUCT" and store.habits.requested_amounts != "null":
        gross = store.habits.requested_amounts == "gross"
        requested = item.worth.gross if gross else item.worth.gross - item.worth.tax
    row = {
        "item_type": item.kind,
        "item_id": item.item_id,
        "reason": item.reason,
        "requested_amount": requested,
        "adjustments": list(item.adjustments),
    }
    if item.kind == "PRODUCT":
        row["quantity"] = item.quantity
    return row


def _take(order: StoredOrder, item: Item) -> None:
    """Units that were still to be shipped are given back first."""
    order.given_back[item.key] = order.given_back.get(item.key, ZERO) + item.taken
    if item.kind != "PRODUCT":
        return
    product = next(row for row in order.products if row["id"] == item.item_id)
    held = min(item.quantity, to_ship(order, product))
    if held:
        order.held_back[item.item_id] = order.held_back.get(item.item_id, 0) + held
    product["quantity_refunded"] += item.quantity
    product["is_refunded"] = product["quantity_refunded"] >= product["quantity"]


def _lower_taxes(store: Store, order: StoredOrder, wanted: Asked) -> None:
    """The rows of `/taxes` follow a refund whose tax the store calculated."""
    if store.habits.taxes_after_refund == "gone":
        order.taxes = []
    if store.habits.taxes_after_refund != "reduced":
        return
    for item in wanted.items:
        row = next((row for row in order.taxes if _is_about(row, item)), None)
        if row is not None:
            left = text4(max(ZERO, Decimal(row["line_amount"]) - item.worth.tax))
            row.update(line_amount=left, priority_amount=left)


_TAX_KINDS = {"item": "PRODUCT", "gift-wrapping": "GIFT_WRAPPING", "shipping": "SHIPPING", "handling": "HANDLING"}


def _is_about(row: Json, item: Item) -> bool:
    of_line = row["order_product_id"] in (None, str(item.item_id))
    return _TAX_KINDS.get(row["line_item_type"]) == item.kind and of_line


def _aftermath(store: Store, order: StoredOrder, row: Json) -> None:
    """Status 4 or 14, and three kinds of event."""
    whole = remaining(order) <= 0
    order.order["payment_status"] = "refunded" if whole else "partially refunded"
    data = {"type": "order", "id": order.id, "refund": {"refund_id": row["id"]}}
    store.emit("store/order/refund/created", data, order.id)
    store.set_status(order, 4 if whole else 14)


def quote(order: StoredOrder, body: Any) -> Json:
    """`POST payment_actions/refund_quotes`. Raises RefundRefused."""
    wanted = asked(order, body)
    order_level = sum((item.worth.gross for item in wanted.items if item.kind == "ORDER"), ZERO)
    return {
        "order_id": order.id,
        "total_refund_amount": wanted.total.gross,
        "total_refund_tax_amount": wanted.total.tax,
        "rounding": 0,
        "adjustment": 0,
        "order_level_refund_amount": order_level,
        "tax_inclusive": True,
        "refund_methods": quoted_ways(order, wanted.total.gross),
    }


def quoted_ways(order: StoredOrder, total: Decimal) -> list[list[Json]]:
    """The way back to where the money came from, then store credit, then a mark that it was done elsewhere."""
    methods = []
    if original := original_ways(order, total):
        methods.append(original)
    if order.order["customer_id"] and order.order["default_currency_code"] == "USD":
        methods.append([_option(STORE_CREDIT, total)])
    methods.append([_option("custom", total)])
    return methods


def original_ways(order: StoredOrder, total: Decimal) -> list[Json]:
    """One online provider as far as it reaches, then offline ones and store credit; empty when that is too little."""
    online = [row for row in standing(order.transactions) if row["gateway"] not in (*OFFLINE_NAMES, STORE_CREDIT)]
    online = [row for row in online if row["method"] != "gift_certificate"]
    offline = [row for row in standing(order.transactions) if row["gateway"] in OFFLINE_NAMES]
    names = list(dict.fromkeys(row["gateway"] for row in (*online[:1], *offline)))
    ways, left = [], total
    for name in names:
        amount = min(left, left_at(order, name))
        if amount > 0:
            ways.append(_option(name, amount))
            left -= amount
    credited = any(row["method"] in ("store_credit", "gift_certificate") for row in standing(order.transactions))
    if left and credited and order.order["customer_id"] and order.order["default_currency_code"] == "USD":
        ways.append(_option(STORE_CREDIT, left))
        left = ZERO
    return [] if left else ways


_OFFLINE = {"custom": "Custom", **OFFLINE_NAMES}


def _option(provider: str, amount: Decimal) -> Json:
    offline = provider in _OFFLINE
    return {
        "provider_id": provider,
        "provider_description": _OFFLINE.get(provider, provider),
        "amount": amount,
        "offline": offline,
        "offline_provider": offline,
        "offline_reason": "This is an offline payment provider." if offline else "",
    }
