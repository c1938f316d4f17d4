"""V3 transactions in wire shape, and what an order's transactions come to: counted, voided, still only authorised.

Pure. Who makes them, and which events follow, is `store.py` and `payments.py`.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from bcifs_console.simulator.bigcommerce.drafts import Payment
from bcifs_console.simulator.clock import iso
from bcifs_console.simulator.money import ZERO, Json

# What a shop calls the ways to pay outside of it.
OFFLINE_NAMES = {
    "bankdeposit": "Bank Deposit",
    "cheque": "Check",
    "cod": "Cash on Delivery",
    "instore": "Pay in Store",
    "moneyorder": "Money Order",
}
_MONEY_EVENTS = ("purchase", "capture", "settled")


def transaction(number: int, order_id: int, currency: str, payment: Payment, moment: datetime) -> Json:
    card = payment.method == "credit_card"
    gift = payment.method == "gift_certificate"
    offline = payment.method == "offline"
    credit = payment.method == "store_credit"
    name = payment.label or OFFLINE_NAMES.get(payment.gateway, payment.gateway)
    return {
        "id": number,
        "order_id": str(order_id),
        "event": payment.event,
        "method": payment.method,
        "amount": payment.amount,
        "currency": currency,
        "gateway": payment.gateway,
        "gateway_transaction_id": None if gift or offline or credit else f"ch_{number:08d}",
        "date_created": iso(moment),
        "test": payment.test,
        "status": payment.status,
        "fraud_review": False,
        "reference_transaction_id": payment.reference,
        "offline": {"display_name": name} if offline else None,
        "custom": {"payment_method": name} if payment.method == "custom" else None,
        "payment_method_id": f"{payment.gateway}.card" if card else payment.gateway,
        "payment_instrument_token": None,
        "avs_result": {"code": "", "message": "", "street_match": "", "postal_match": ""},
        "cvv_result": {"code": "", "message": ""},
        "credit_card": _card() if card else None,
        "gift_certificate": _gift(payment.amount) if gift else None,
        "store_credit": {"remaining_balance": 0} if credit else None,
    }


def _card() -> Json:
    return {
        "card_type": "visa",
        "card_iin": "411111",
        "card_last4": "1111",
        "card_expiry_month": 12,
        "card_expiry_year": 2030,
    }


def _gift(amount: Decimal) -> Json:
    return {
        "code": "GIFT-10-SIM",
        "original_balance": amount,
        "starting_balance": amount,
        "remaining_balance": 0,
        "status": "active",
    }


def counted(rows: list[Json], *, with_tests: bool = False) -> list[Json]:
    """The rows that brought money in: purchases, captures, and what was settled without having been counted before."""
    found: list[Json] = []
    for row in rows:
        if row["status"] != "ok" or row["event"] not in _MONEY_EVENTS or (row["test"] and not with_tests):
            continue
        told = row["event"] == "settled" and any(row["reference_transaction_id"] == one["id"] for one in found)
        if not told:
            found.append(row)
    return found


def voids(rows: list[Json]) -> list[Json]:
    """Voids of money that had been counted."""
    money = {row["id"] for row in counted(rows)}
    return [
        row
        for row in rows
        if row["event"] == "void" and row["status"] == "ok" and row["reference_transaction_id"] in money
    ]


def standing(rows: list[Json]) -> list[Json]:
    """Counted and not voided."""
    gone = {row["reference_transaction_id"] for row in voids(rows)}
    return [row for row in counted(rows) if row["id"] not in gone]


def paid(rows: list[Json]) -> Decimal:
    return sum((row["amount"] for row in standing(rows)), ZERO)


def _followed(rows: list[Json], *events: str) -> set[int | None]:
    return {row["reference_transaction_id"] for row in rows if row["event"] in events and row["status"] == "ok"}


def authorised(rows: list[Json]) -> list[Json]:
    """Authorisations that were neither captured nor voided."""
    done = _followed(rows, "capture", "void")
    return [r for r in rows if r["event"] == "authorization" and r["status"] == "ok" and r["id"] not in done]


def awaited(rows: list[Json]) -> list[Json]:
    """Money on its way: pending and not settled yet."""
    done = _followed(rows, "settled", "capture", "void")
    return [r for r in rows if r["event"] == "pending" and r["status"] == "ok" and r["id"] not in done]
