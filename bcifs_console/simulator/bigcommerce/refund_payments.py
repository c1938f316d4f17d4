"""How a refund is paid: what the request may name, and the transactions that carry it out, at once or later."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bcifs_console.simulator.bigcommerce.drafts import Payment
from bcifs_console.simulator.bigcommerce.refund_items import RefundRefused
from bcifs_console.simulator.bigcommerce.store import Store
from bcifs_console.simulator.bigcommerce.transactions import OFFLINE_NAMES, standing
from bcifs_console.simulator.bigcommerce.wire import StoredOrder
from bcifs_console.simulator.money import ZERO, Json, decimal_of

STORE_CREDIT = "storecredit"
_STORE_CURRENCY = "USD"


@dataclass(frozen=True)
class Way:
    """One payment of a refund."""

    provider: str
    amount: Decimal
    offline: bool


def checked(order: StoredOrder, rows: Any, total: Decimal) -> list[Way]:
    """Raises RefundRefused: sums that differ, providers that cannot give back, credit for guests."""
    if not isinstance(rows, list) or not rows:
        raise RefundRefused("Payments are required")
    ways = [_way(row) for row in rows]
    if sum((way.amount for way in ways), ZERO) != total:
        raise RefundRefused(f"The payments must add up to {total}")
    for way in ways:
        if way.provider == STORE_CREDIT:
            _check_credit(order)
        elif not way.offline and way.amount > left_at(order, way.provider):
            raise RefundRefused(f"The provider {way.provider} cannot give back {way.amount} on this order")
    if len({way.provider for way in ways if not way.offline and way.provider != STORE_CREDIT}) > 1:
        raise RefundRefused("Multiple online refunds are not available")
    return ways


def _way(row: Any) -> Way:
    amount = decimal_of(row.get("amount")) if isinstance(row, dict) else None
    if amount is None or amount < 0:
        raise RefundRefused("The payment's amount is not valid")
    provider = str(row.get("provider_id") or "")
    if not provider:
        raise RefundRefused("The payment's provider_id is required")
    offline = row.get("offline", False)
    if not isinstance(offline, bool):
        raise RefundRefused("The payment's offline mark is not valid")
    if provider in OFFLINE_NAMES and not offline:
        raise RefundRefused("This is an offline payment provider.")
    return Way(provider, amount, offline)


def _check_credit(order: StoredOrder) -> None:
    if not order.order["customer_id"]:
        raise RefundRefused("Unable to provide store credit for a guest customer.")
    if order.order["default_currency_code"] != _STORE_CURRENCY:
        raise RefundRefused("Store credit is kept in the store's default currency only")


def left_at(order: StoredOrder, provider: str) -> Decimal:
    """What a provider took for this order and has not given back."""
    took = sum((row["amount"] for row in standing(order.transactions) if row["gateway"] == provider), ZERO)
    payments = [payment for refund in order.refunds for payment in refund["payments"]]
    gave = [p["amount"] for p in payments if p["provider_id"] == provider and not p["offline"] and not p["is_declined"]]
    return Decimal(took - sum(gave, ZERO))


def payment_row(store: Store, way: Way) -> Json:
    return {
        "id": store.take("refund_payment"),
        "provider_id": way.provider,
        "amount": way.amount,
        "offline": way.offline,
        "is_declined": False,
        "declined_message": "",
        "transaction_id": "",
    }


def begin(store: Store, order: StoredOrder, refund: Json) -> None:
    """The payments run asynchronously (documented): how long that takes and how it ends is a habit of the store."""
    mode = store.habits.refund_payments
    if mode == "ok":
        complete(store, order, refund)
        return
    if mode == "declined":
        decline(store, order, refund)
        return
    if mode == "pending":
        for payment in _online(refund):
            _carry_out(store, order, payment, "pending")
    if store.habits.refund_delay is not None:
        due = store.clock.seconds() + store.habits.refund_delay
        store.deliverer.at(due, lambda: complete(store, order, refund))


def complete(store: Store, order: StoredOrder, refund: Json) -> None:
    for payment in _online(refund):
        _carry_out(store, order, payment, "ok")


def decline(store: Store, order: StoredOrder, refund: Json) -> None:
    for payment in _online(refund):
        payment["is_declined"] = True
        payment["declined_message"] = "The payment was declined by the provider."
        _carry_out(store, order, payment, "error")


def is_paid(order: StoredOrder, refund: Json) -> bool:
    """Money has gone: each payment is offline, or has a refund transaction that is ok."""
    fine = {str(row["id"]) for row in order.transactions if row["event"] == "refund" and row["status"] == "ok"}
    return all(p["offline"] or (not p["is_declined"] and p["transaction_id"] in fine) for p in refund["payments"])


def _online(refund: Json) -> list[Json]:
    return [payment for payment in refund["payments"] if not payment["offline"] and not payment["is_declined"]]


def _carry_out(store: Store, order: StoredOrder, payment: Json, status: str) -> None:
    """The refund transaction: made, or brought to its end when it was pending."""
    row = next((row for row in order.transactions if str(row["id"]) == payment["transaction_id"]), None)
    if row is not None:
        if row["status"] != status:
            row["status"] = status
            store.transaction_changed(order, row)
        return
    provider = payment["provider_id"]
    source = next((one for one in standing(order.transactions) if one["gateway"] == provider), None)
    method = "store_credit" if provider == STORE_CREDIT else source["method"] if source else "custom"
    reference = None if source is None else source["id"]
    made = store.pay(order, Payment("refund", method, provider, payment["amount"], status=status, reference=reference))
    payment["transaction_id"] = str(made["id"])
