"""What a refund asks for, and what that comes to: each kind of item with its gross and its tax. Changes nothing.

Amounts of SHIPPING, HANDLING, FEE and ORDER items are what a payment provider gives back (spec), thus tax included.
A line's units and a charge's amounts are taken cumulatively, so that several refunds of it sum to it to the cent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bcifs_console.simulator.bigcommerce.shares import (
    Worth,
    fee_worth,
    handling_worth,
    line_worth,
    shipping_worth,
    wrapping_worth,
)
from bcifs_console.simulator.bigcommerce.wire import StoredOrder
from bcifs_console.simulator.money import ZERO, Json, decimal_of, rounded
from bcifs_console.simulator.words import words

Key = tuple[str, int]

_UNIT_KINDS = frozenset(["PRODUCT", "GIFT_WRAPPING"])
_AMOUNT_KINDS: dict[str, Callable[[Json], Worth]] = {
    "SHIPPING": shipping_worth,
    "HANDLING": handling_worth,
    "FEE": fee_worth,
}
_BODY = frozenset(words("order_id items payments merchant_calculated_override tax_adjustment_amount reason"))


class RefundRefused(Exception):
    """422 with the reason."""


@dataclass(frozen=True)
class Item:
    """One item priced. `taken`: units, or gross of a charge, that count against what is left of it."""

    kind: str
    item_id: int
    taken: Decimal
    worth: Worth
    quantity: int = 0
    requested: Decimal | None = None
    adjustments: tuple[Json, ...] = ()
    reason: str = ""

    @property
    def key(self) -> Key:
        return self.kind, self.item_id


@dataclass(frozen=True)
class Asked:
    """The whole request priced. No items: a tax adjustment."""

    items: tuple[Item, ...]
    total: Worth
    is_override: bool = False


def remaining(order: StoredOrder) -> Decimal:
    """What may still be given back: the order's total less its refunds."""
    total = Decimal(order.order["total_inc_tax"])
    return total - sum((row["total_amount"] for row in order.refunds), ZERO)


def asked(order: StoredOrder, body: Any) -> Asked:
    """Raises RefundRefused for anything the store would not accept."""
    if not isinstance(body, dict):
        raise RefundRefused("The request body must be an object")
    unknown = sorted(set(body) - _BODY)
    if unknown:
        raise RefundRefused(f"The field {unknown[0]} is not supported")
    adjustment = _number(body, "tax_adjustment_amount")
    rows = body.get("items") or []
    if not isinstance(rows, list) or (not rows and not adjustment):
        raise RefundRefused("Items or a tax adjustment are required")
    if rows and adjustment:
        raise RefundRefused("Items and a tax adjustment cannot be refunded together")
    before = dict(order.given_back)
    items = []
    for row in rows:
        item = _item(order, row, before)
        before[item.key] = before.get(item.key, ZERO) + item.taken
        items.append(item)
    total = _total(items, adjustment, body.get("merchant_calculated_override"))
    if total.gross > remaining(order):
        raise RefundRefused("Refund amount exceeds remaining amount")
    if not items and total.gross > _tax_left(order):
        raise RefundRefused("The tax adjustment is larger than the tax that was charged")
    return Asked(tuple(items), total, body.get("merchant_calculated_override") is not None)


def _tax_left(order: StoredOrder) -> Decimal:
    return Decimal(order.order["total_tax"]) - sum((row["total_tax"] for row in order.refunds), ZERO)


def _total(items: list[Item], adjustment: Decimal, override: Any) -> Worth:
    if override is not None:
        return _override(override)
    if not items:
        if adjustment < 0:
            raise RefundRefused("The tax adjustment is not valid")
        return Worth(adjustment, adjustment)
    gross = sum((item.worth.gross for item in items), ZERO)
    if gross <= 0:
        raise RefundRefused("The refund amount must be greater than zero")
    return Worth(gross, sum((item.worth.tax for item in items), ZERO))


def _override(override: Any) -> Worth:
    """The merchant's own figures. The spec requires `total_tax`; one of its examples writes `tax_amount`."""
    given = override if isinstance(override, dict) else {}
    total = decimal_of(given.get("total_amount"))
    tax = decimal_of(given.get("total_tax", given.get("tax_amount")))
    if total is None or tax is None or total < 0:
        raise RefundRefused("merchant_calculated_override needs total_amount and total_tax")
    return Worth(total, tax)


def _number(body: Json, name: str) -> Decimal:
    if body.get(name) is None:
        return ZERO
    number = decimal_of(body[name])
    if number is None:
        raise RefundRefused(f"{name} is not valid")
    return number


def _item(order: StoredOrder, row: Any, before: dict[Key, Decimal]) -> Item:
    kind = row.get("item_type") if isinstance(row, dict) else None
    number = row.get("item_id") if isinstance(row, dict) else None
    if isinstance(number, bool) or not isinstance(number, int):
        raise RefundRefused("The item_id is required")
    if kind in _UNIT_KINDS:
        return _units(order, row, kind, number, before.get((kind, number), ZERO))
    if row.get("adjustments"):
        raise RefundRefused("Adjustments are supported for PRODUCT only")
    amount = decimal_of(row.get("amount"))
    if kind in (*_AMOUNT_KINDS, "ORDER") and (amount is None or amount <= 0):
        raise RefundRefused("An amount is required")
    if kind == "ORDER" and amount is not None:
        if number != order.id:
            raise RefundRefused("The item does not belong to this order")
        return Item(kind, number, amount, Worth(amount), requested=amount, reason=_reason(row))
    if kind in _AMOUNT_KINDS and amount is not None:
        return _charge(order, row, kind, number, amount, before.get((kind, number), ZERO))
    raise RefundRefused("The item_type is not supported")


def _units(order: StoredOrder, row: Json, kind: str, number: int, before: Decimal) -> Item:
    product = next((product for product in order.products if product["id"] == number), None)
    if product is None:
        raise RefundRefused("The item does not belong to this order")
    quantity = row.get("quantity")
    if isinstance(quantity, bool) or not isinstance(quantity, int) or quantity < 1:
        raise RefundRefused("The quantity is required")
    if before + quantity > product["quantity"]:
        raise RefundRefused("The quantity is larger than what is left to refund")
    whole = line_worth(order, number) if kind == "PRODUCT" else wrapping_worth(product)
    if kind == "GIFT_WRAPPING" and not whole.gross:
        raise RefundRefused("The item is not wrapped")
    currency = order.draft.pricing.currency
    worth = whole.part(before, before + quantity, Decimal(product["quantity"]), currency)
    adjustments = _adjustments(row, kind)
    worth = _reduced(worth, sum((entry["amount"] for entry in adjustments), ZERO), currency)
    requested = worth.gross if kind == "GIFT_WRAPPING" else None
    return Item(kind, number, Decimal(quantity), worth, quantity, requested, adjustments, _reason(row))


def _adjustments(row: Json, kind: str) -> tuple[Json, ...]:
    given = row.get("adjustments") or []
    if not isinstance(given, list) or (given and kind != "PRODUCT"):
        raise RefundRefused("Adjustments are supported for PRODUCT only")
    found = []
    for entry in given:
        amount = decimal_of(entry.get("amount")) if isinstance(entry, dict) else None
        if amount is None or amount >= 0:
            raise RefundRefused("An adjustment must be negative")
        found.append({"amount": amount, "description": str(entry.get("description") or "")})
    return tuple(found)


def _reduced(worth: Worth, adjustment: Decimal, currency: str) -> Worth:
    """A deduction takes its share of the tax with it (not documented)."""
    gross = worth.gross + adjustment
    if gross < 0:
        raise RefundRefused("The adjustments are larger than the item")
    if not adjustment or not worth.gross:
        return worth
    return Worth(gross, rounded(worth.tax * gross / worth.gross, currency))


def _charge(order: StoredOrder, row: Json, kind: str, number: int, amount: Decimal, before: Decimal) -> Item:
    places = order.fees if kind == "FEE" else order.shipping_addresses
    place = next((place for place in places if place["id"] == number), None)
    if place is None:
        raise RefundRefused("The item does not belong to this order")
    whole = _AMOUNT_KINDS[kind](place)
    if before + amount > whole.gross:
        raise RefundRefused("Refund amount exceeds remaining amount")
    tax = whole.part(before, before + amount, whole.gross, order.draft.pricing.currency).tax
    return Item(kind, number, amount, Worth(amount, tax), requested=amount, reason=_reason(row))


def _reason(row: Json) -> str:
    return str(row.get("reason") or "")
