"""Refunds: the only truth about money given back, held in v3; v2 keeps saying 0."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from bcifs_console.simulator.bigcommerce.drafts import Payment
from bcifs_console.simulator.bigcommerce.store import Store
from bcifs_console.simulator.bigcommerce.wire import StoredOrder
from bcifs_console.simulator.clock import iso
from bcifs_console.simulator.money import ZERO, Json, decimal_of, rounded

_ITEM_TYPES = frozenset(["PRODUCT", "GIFT_WRAPPING", "SHIPPING", "HANDLING", "ORDER", "FEE"])


class RefundRefused(Exception):
    """422 with the reason."""


def refund(store: Store, order: StoredOrder, body: Any) -> Json:
    """The tax share follows the item; an ORDER item carries none, and an override bypasses the calculation."""
    if not isinstance(body, dict) or not isinstance(body.get("items", []), list) or not body.get("payments"):
        raise RefundRefused("Items and payments are required")
    items, total, tax = [], ZERO, ZERO
    for item in body.get("items", []):
        row, amount, share = _item(order, item)
        items.append(row)
        total += amount
        tax += share
    override = body.get("merchant_calculated_override")
    if isinstance(override, dict):
        total = decimal_of(override.get("total_amount")) or ZERO
        tax = decimal_of(override.get("total_tax")) or ZERO
    paid = [_payment(store, order, payment) for payment in body["payments"]]
    if sum((row["amount"] for row in paid), ZERO) != total:
        raise RefundRefused(f"The payments must add up to {total}")
    row = {
        "id": store.take("refund"),
        "order_id": order.id,
        "user_id": 1,
        "created": iso(store.clock.now()),
        "reason": str(body.get("reason") or ""),
        "total_amount": total,
        "total_tax": tax,
        "uses_merchant_override_values": isinstance(override, dict),
        "items": items,
        "payments": paid,
    }
    order.refunds.append(row)
    _aftermath(store, order, row)
    return row


def _item(order: StoredOrder, item: Any) -> tuple[Json, Decimal, Decimal]:
    kind = item.get("item_type") if isinstance(item, dict) else None
    if kind not in _ITEM_TYPES:
        raise RefundRefused("The item_type is not known")
    quantity = int(item.get("quantity") or 1)
    if kind == "PRODUCT":
        amount, tax = _product_share(order, item.get("item_id"), quantity)
    else:
        asked = decimal_of(item.get("amount"))
        amount, tax = (asked, ZERO) if asked is not None else _charge(order, kind)
    row = {
        "item_type": kind,
        "item_id": item.get("item_id"),
        "reason": str(item.get("reason") or ""),
        "quantity": quantity,
        "requested_amount": amount,
        "adjustments": [],
    }
    return row, amount, tax


def _product_share(order: StoredOrder, number: object, quantity: int) -> tuple[Decimal, Decimal]:
    for line, own, product in zip(order.draft.pricing.lines, order.numbers.products, order.products, strict=True):
        if own != number:
            continue
        if not 0 < quantity <= line.draft.quantity - product["quantity_refunded"]:
            raise RefundRefused("The quantity is larger than what is left to refund")
        part = Decimal(quantity) / line.draft.quantity
        product["quantity_refunded"] += quantity
        product["is_refunded"] = product["quantity_refunded"] >= line.draft.quantity
        currency = order.draft.pricing.currency
        return rounded(line.discounted_inc * part, currency), rounded(line.tax_after * part, currency)
    raise RefundRefused("The item does not belong to this order")


def _charge(order: StoredOrder, kind: str) -> tuple[Decimal, Decimal]:
    pricing = order.draft.pricing
    amount = {"SHIPPING": pricing.shipping, "HANDLING": pricing.handling, "GIFT_WRAPPING": pricing.wrapping}.get(kind)
    if amount is None:
        raise RefundRefused("An amount is required")
    return amount.inc, amount.tax


def _payment(store: Store, order: StoredOrder, payment: Any) -> Json:
    amount = decimal_of(payment.get("amount")) if isinstance(payment, dict) else None
    if amount is None or amount < 0:
        raise RefundRefused("The payment's amount is not valid")
    if payment.get("provider_id") == "storecredit" and not order.order["customer_id"]:
        raise RefundRefused("Store credit cannot be given to a guest")
    offline = bool(payment.get("offline", False))
    return {
        "id": store.take("refund"),
        "provider_id": str(payment.get("provider_id") or ""),
        "amount": amount,
        "offline": offline,
        "is_declined": False,
        "declined_message": "",
        "transaction_id": "",
    }


def _aftermath(store: Store, order: StoredOrder, row: Json) -> None:
    """Status 4 or 14, a refund transaction per online payment, and three kinds of event."""
    for payment in row["payments"]:
        if payment["offline"]:
            continue
        card = next((t for t in order.transactions if t["event"] in ("purchase", "capture")), None)
        entry = store.pay(
            order, Payment("refund", card["method"] if card else "custom", payment["provider_id"], payment["amount"])
        )
        entry["reference_transaction_id"] = card["id"] if card else None
        payment["transaction_id"] = str(entry["id"])
    refunded = sum((r["total_amount"] for r in order.refunds), ZERO)
    whole = refunded >= order.draft.pricing.total_inc
    order.order["payment_status"] = "refunded" if whole else "partially refunded"
    data = {"type": "order", "id": order.id, "refund": {"refund_id": row["id"]}}
    store.deliverer.emit("store/order/refund/created", data, order.id)
    store.set_status(order, 4 if whole else 14)
