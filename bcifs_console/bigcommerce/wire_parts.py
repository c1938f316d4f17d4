"""Parts of an order from wire to domain: lines, addresses, charges, taxes, coupons. Pure; the order is in `wire_order`.

The same reader serves a sub-resource (`/products`: amounts are strings) and what `include=` embeds (amounts are
numbers): facts §3.4, §3.5. Unknown fields are passed over; unknown values of an enumeration read as the plain case.
"""

from decimal import Decimal
from typing import Final

from bcifs_console.bigcommerce.fields import Fields
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.orders import (
    Address,
    AppliedDiscount,
    Charge,
    ChargeKind,
    Coupon,
    LineType,
    OrderLine,
    TaxRow,
)

_LINE_TYPES: Final = {kind.value: kind for kind in LineType}


def parse_line(
    row: object, order_id: int, *, default_type: LineType = LineType.PHYSICAL, default_address_id: int = 0
) -> OrderLine:
    """One row of `/orders/{id}/products`. Raises BadAnswer naming the field.

    Essential are id, quantity and each side of price and total; of a missing tax the difference of the sides is taken.
    `default_type` and `default_address_id` are what the surrounding consignment says, for rows that do not say it.
    """
    order_row = Fields(row, f"a line of order {order_id}", order_id=order_id)
    line_id = order_row.need_whole("id")
    fields = Fields(row, f"order {order_id}, line {line_id}", order_id=order_id)
    price_ex_tax, price_inc_tax, _ = _three(fields, "price_ex_tax", "price_inc_tax", "price_tax")
    total_ex_tax, total_inc_tax, total_tax = _three(fields, "total_ex_tax", "total_inc_tax", "total_tax")
    wrapping = _sides(fields, "wrapping_cost") or (ZERO, ZERO, ZERO)
    return OrderLine(
        id=line_id,
        sku=fields.text("sku"),
        name=fields.text("name", "name_customer", "name_merchant"),
        type=_LINE_TYPES.get(fields.text("type").casefold(), default_type),
        quantity=fields.need_whole("quantity"),
        price_ex_tax=price_ex_tax,
        price_inc_tax=price_inc_tax,
        total_ex_tax=total_ex_tax,
        total_inc_tax=total_inc_tax,
        total_tax=total_tax,
        discounted_total_inc_tax=fields.amount("discounted_total_inc_tax"),
        applied_discounts=tuple(_discount(entry, fields) for entry in fields.rows("applied_discounts")),
        wrapping_inc_tax=wrapping[1],
        wrapping_tax=wrapping[2],
        address_id=fields.whole("order_address_id") or default_address_id,
        parent_id=fields.whole("parent_order_product_id"),
        quantity_shipped=fields.whole("quantity_shipped"),
        quantity_refunded=fields.whole("quantity_refunded"),
    )


def _discount(row: object, line: Fields) -> AppliedDiscount:
    fields = Fields(row, f"{line.what}, applied_discounts", order_id=line.order_id)
    return AppliedDiscount(
        id=fields.text("id"),
        amount=fields.need_amount("amount"),
        name=fields.text("name"),
        code=fields.text("code"),
    )


def parse_address(row: object, order_id: int, *, address_id: int | None = None) -> Address:
    """A billing address, a row of `/shipping_addresses` or a shipping consignment: they share their field names."""
    fields = Fields(row, f"an address of order {order_id}", order_id=order_id)
    return Address(
        id=fields.whole("id") if address_id is None else address_id,
        first_name=fields.text("first_name"),
        last_name=fields.text("last_name"),
        company=fields.text("company"),
        street_1=fields.text("street_1"),
        street_2=fields.text("street_2"),
        city=fields.text("city"),
        state=fields.text("state"),
        zip=fields.text("zip"),
        country=fields.text("country"),
        country_iso2=fields.text("country_iso2"),
        phone=fields.text("phone"),
        email=fields.text("email"),
        shipping_method=fields.text("shipping_method"),
    )


def parse_tax(row: object, order_id: int) -> TaxRow:
    """One row of `/orders/{id}/taxes`; with `details=true` it names its line (facts §3.5)."""
    fields = Fields(row, f"a tax of order {order_id}", order_id=order_id)
    return TaxRow(
        name=fields.text("name"),
        rate=fields.need_amount("rate"),
        amount=fields.need_amount("line_amount"),
        tax_class=fields.text("class"),
        line_type=fields.text("line_item_type"),
        order_line_id=fields.whole_or_none("order_product_id"),
        address_id=fields.whole_or_none("order_address_id"),
        priority=fields.whole("priority"),
    )


def parse_coupon(row: object, order_id: int) -> Coupon:
    """One row of `/orders/{id}/coupons`. `discount` is the money off; `amount` may be a percentage and is not read."""
    fields = Fields(row, f"a coupon of order {order_id}", order_id=order_id)
    return Coupon(
        id=fields.need_whole("id"),
        code=fields.text("code"),
        type=fields.whole("type"),
        discount=fields.need_amount("discount"),
    )


def parse_fee(row: object, order_id: int) -> Charge:
    """One fee. The documentation misspells `cost_ex_tax` as `cost_exc_tax` in places (facts §3.3): both are read."""
    order_row = Fields(row, f"a fee of order {order_id}", order_id=order_id)
    fields = Fields(row, f"order {order_id}, fee {order_row.whole('id')}", order_id=order_id)
    ex_key = "cost_ex_tax" if fields.amount("cost_ex_tax") is not None else "cost_exc_tax"
    ex_tax, inc_tax, tax = _three(fields, ex_key, "cost_inc_tax", "cost_tax")
    return Charge(
        kind=ChargeKind.FEE,
        ex_tax=ex_tax,
        inc_tax=inc_tax,
        tax=tax,
        name=fields.text("display_name_merchant", "display_name_customer"),
        id=fields.whole("id"),
    )


def parse_charge(fields: Fields, kind: ChargeKind, prefix: str, name: str = "") -> Charge | None:
    """The order-level charge whose fields begin with `prefix`, for example `shipping_cost`; None where it is zero."""
    sides = _sides(fields, prefix)
    if sides is None or not any(sides):
        return None
    return Charge(kind=kind, ex_tax=sides[0], inc_tax=sides[1], tax=sides[2], name=name)


def _sides(fields: Fields, prefix: str) -> tuple[Decimal, Decimal, Decimal] | None:
    """`{prefix}_ex_tax`, `_inc_tax`, `_tax`; None where none of the three is set."""
    keys = f"{prefix}_ex_tax", f"{prefix}_inc_tax", f"{prefix}_tax"
    if all(fields.amount(key) is None for key in keys):
        return None
    return _three(fields, *keys)


def _three(fields: Fields, ex_key: str, inc_key: str, tax_key: str) -> tuple[Decimal, Decimal, Decimal]:
    """Net, gross and tax as the store states them. One missing figure follows from the other two; two missing raise.

    Where all three are there they are not made to agree: the store's sums need not (facts §7.13).
    """
    ex_tax, inc_tax, tax = fields.amount(ex_key), fields.amount(inc_key), fields.amount(tax_key)
    if ex_tax is not None and inc_tax is not None:
        return ex_tax, inc_tax, inc_tax - ex_tax if tax is None else tax
    if inc_tax is not None and tax is not None:
        return inc_tax - tax, inc_tax, tax
    if ex_tax is not None and tax is not None:
        return ex_tax, ex_tax + tax, tax
    raise fields.missing(ex_key if ex_tax is None else inc_key)
