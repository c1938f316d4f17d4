"""`PUT /orders/{id}` with money in it: lines added, changed and removed, fees replaced, a discount set."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bcifs_console.simulator.bigcommerce.answers import Refused
from bcifs_console.simulator.bigcommerce.creating import (
    ADDRESS_TEXTS,
    address,
    fees_of,
    money,
    override,
    product_line,
    side,
)
from bcifs_console.simulator.bigcommerce.pricing import Amount, Discount, LineDraft, price
from bcifs_console.simulator.bigcommerce.shipping import recount
from bcifs_console.simulator.bigcommerce.store import Store
from bcifs_console.simulator.bigcommerce.wire import StoredOrder, stored
from bcifs_console.simulator.money import Json, rounded

# What a rebuilt order keeps from its former self.
_KEPT_ON_LINES = ("quantity_shipped", "quantity_refunded", "is_refunded")
_MONEY_FAMILIES = (
    "subtotal",
    "total",
    "discount_amount",
    "coupon_discount",
    "items_total",
    "order_is_digital",
    "shipping_cost",
    "handling_cost",
    "wrapping_cost",
)


def reprice(store: Store, order: StoredOrder, fields: Json) -> None:
    """Touching lines clears the discounts (documented); fees are replaced as a whole."""
    old = order.draft.pricing
    lines = list(zip(order.numbers.products, (line.draft for line in old.lines), strict=True))
    discounts = list(old.discounts)
    if "products" in fields:
        lines = _changed_lines(store, lines, fields["products"], old.currency)
        discounts = []
    if "discount_amount" in fields:
        off = rounded(money(fields, "discount_amount"), old.currency)
        discounts = [d for d in discounts if d.code is not None] + ([Discount(off)] if off else [])
    pricing = price(
        [line for _, line in lines],
        currency=old.currency,
        inclusive=old.inclusive,
        discounts=discounts,
        shipping=_charge(fields, "shipping_cost", old.shipping),
        handling=_charge(fields, "handling_cost", old.handling),
        wrapping=side(fields, "wrapping_cost") if "wrapping_cost_ex_tax" in fields else None,
        fees=fees_of(fields) if "fees" in fields else old.fees,
    )
    draft = replace(
        order.draft,
        pricing=pricing,
        total_override=override(fields, "total"),
        subtotal_override=override(fields, "subtotal"),
    )
    numbers = replace(
        order.numbers,
        products=tuple(number for number, _ in lines),
        tax=store.take("tax", len(lines) * 2 + 2),
        fee=store.take("fee", len(pricing.fees) or 1) if "fees" in fields else order.numbers.fee,
    )
    _take_over(order, stored(draft, numbers, store.clock.now(), store.api))


def _charge(fields: Json, family: str, old: Amount) -> Amount:
    return side(fields, family) if f"{family}_ex_tax" in fields else old


def _changed_lines(
    store: Store, lines: list[tuple[int, LineDraft]], products: Any, currency: str
) -> list[tuple[int, LineDraft]]:
    """With an id a line is changed (quantity 0 removes it), without one it is added."""
    if not isinstance(products, list):
        raise Refused(400, "The field 'products' is invalid.")
    by_id = dict(lines)
    for product in products:
        number = product.get("id") if isinstance(product, dict) else None
        if number is None:
            by_id[store.take("product")] = product_line(product, currency)
        elif number not in by_id:
            raise Refused(400, f"The order product {number} does not exist.")
        elif product.get("quantity") == 0:
            del by_id[number]
        else:
            by_id[number] = _changed(by_id[number], product, currency)
    if not by_id:
        raise Refused(400, "An order needs at least one product.")
    return list(by_id.items())


def _changed(line: LineDraft, product: Json, currency: str) -> LineDraft:
    asked = {name: value for name, value in product.items() if name != "id"}
    base: Json = {"name": line.name, "sku": line.sku, "quantity": line.quantity, "product_id": line.product_id}
    new = product_line({**base, "price_ex_tax": 0, "price_inc_tax": 0, **asked}, currency)
    if "price_ex_tax" in asked:
        return replace(new, parent=line.parent, kind=line.kind)
    return replace(line, name=new.name, sku=new.sku, quantity=new.quantity)


def _take_over(order: StoredOrder, new: StoredOrder) -> None:
    kept = {product["id"]: {name: product[name] for name in _KEPT_ON_LINES} for product in order.products}
    for product in new.products:
        product.update(kept.get(product["id"], {}))
    for name, value in new.order.items():
        if name.startswith(_MONEY_FAMILIES):
            order.order[name] = value
    order.products, order.taxes, order.fees, order.coupons = new.products, new.taxes, new.fees, new.coupons
    order.shipping_addresses, order.consignments = new.shipping_addresses, new.consignments
    order.draft, order.numbers = new.draft, new.numbers
    recount(order)


def change_address(order: StoredOrder, where: Any) -> None:
    """An address in place, by its id; editing one does not price the order again."""
    number = where.get("id") if isinstance(where, dict) else None
    rows = [r for r in (*order.shipping_addresses, *order.consignments["shipping"]) if r["id"] == number]
    if not rows:
        raise Refused(400, "The field 'shipping_addresses.id' is invalid.")
    for row in rows:
        kept = {name: value for name, value in row.items() if name in ADDRESS_TEXTS}
        row.update(address({**kept, **where}, "shipping_addresses"))
