"""Parts of an order in wire shape that stand beside it: coupons, taxes, fees, consignments."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from bcifs_console.simulator.bigcommerce.drafts import OrderDraft
from bcifs_console.simulator.bigcommerce.pricing import Fee, Tax
from bcifs_console.simulator.money import Json, text4
from bcifs_console.simulator.words import words


@dataclass(frozen=True)
class Numbers:
    """The ids this order's parts get."""

    order: int
    products: tuple[int, ...]
    address: int
    tax: int
    coupon: int
    fee: int


def link(api: str, resource: str) -> Json:
    return {"url": api + resource, "resource": resource}


def coupons(draft: OrderDraft, numbers: Numbers) -> list[Json]:
    return [
        {
            "id": numbers.coupon + i,
            "coupon_id": 1 + i,
            "order_id": numbers.order,
            "code": discount.code,
            "amount": discount.face_value,
            "type": discount.coupon_type,
            "discount": discount.amount,
        }
        for i, discount in enumerate(d for d in draft.pricing.discounts if d.code is not None)
    ]


def taxes(draft: OrderDraft, products: list[Json], numbers: Numbers, address_id: int) -> list[Json]:
    """The detailed rows; `/taxes` without details sums them up. Fees have no line item type, hence no row."""
    pricing = draft.pricing
    rows: list[tuple[Tax, Decimal, str, str | None]] = [
        (line.draft.tax, line.tax_after, "item", str(product["id"]))
        for line, product in zip(pricing.lines, products, strict=True)
        if line.total.inc
    ]
    rows += [
        (line.draft.tax, line.draft.wrapping.tax, "gift-wrapping", None)
        for line in pricing.lines
        if line.draft.wrapping.inc
    ]
    for amount, what in ((pricing.shipping, "shipping"), (pricing.handling, "handling")):
        if amount.inc:
            rows.append((draft.charge_tax, amount.tax, what, None))
    return [
        _tax_row(tax, amount, what, product, numbers.tax + i, numbers.order, address_id)
        for i, (tax, amount, what, product) in enumerate(rows)
    ]


def _tax_row(
    tax: Tax, amount: Decimal, what: str, product: str | None, own: int, order_id: int, address_id: int
) -> Json:
    return {
        "id": own,
        "order_id": order_id,
        "order_address_id": address_id,
        "tax_rate_id": 1,
        "sales_tax_id": f"rate-{tax.percent.normalize():f}",
        "tax_class_id": tax.class_id,
        "name": tax.name,
        "class": tax.class_name,
        "rate": text4(tax.percent),
        "priority": 0,
        "priority_amount": text4(amount),
        "line_amount": text4(amount),
        "order_pickup_method_id": 0,
        "order_product_id": product,
        "line_item_type": what,
    }


def summed_taxes(rows: list[Json]) -> list[Json]:
    """`/taxes` without details: one row per rate and class."""
    sums: dict[tuple[str, str], Json] = {}
    for row in rows:
        key = (row["sales_tax_id"], row["class"])
        if key not in sums:
            sums[key] = {k: v for k, v in row.items() if k not in ("order_product_id", "line_item_type")}
        else:
            amount = text4(Decimal(sums[key]["line_amount"]) + Decimal(row["line_amount"]))
            sums[key].update(line_amount=amount, priority_amount=amount)
    return list(sums.values())


def fee_row(fee: Fee, own: int) -> Json:
    return {
        "id": own,
        "type": "custom_fee",
        "display_name_customer": fee.name,
        "display_name_merchant": fee.name,
        "source": fee.source,
        "base_cost": text4(fee.cost.ex),
        "cost_ex_tax": text4(fee.cost.ex),
        "cost_inc_tax": text4(fee.cost.inc),
        "cost_tax": text4(fee.cost.tax),
        "tax_class_id": fee.tax_class_id,
    }


_NUMERIC = words(
    "base_cost cost_ex_tax cost_inc_tax cost_tax base_handling_cost handling_cost_ex_tax handling_cost_inc_tax "
    "handling_cost_tax"
)


def consignments(order: Json, addresses: list[Json], products: list[Json], api: str) -> Json:
    """The object form. `line_items` hold product ids here; how much of them is shown depends on `include`."""
    shipping = []
    for address in addresses:
        row = {name: value for name, value in address.items() if name != "order_id"}
        row.update({name: Decimal(address[name]) for name in _NUMERIC})
        quotes = f"/orders/{order['id']}/consignments/shipping/{address['id']}/shipping_quotes"
        row["shipping_quotes"] = link(api, quotes)
        row["line_items"] = [p["id"] for p in products if p["order_address_id"] == address["id"]]
        shipping.append(row)
    email = order["billing_address"].get("email", "")
    digital = [p["id"] for p in products if p["type"] == "digital" or (p["type"] == "physical" and not addresses)]
    gifts = [p["id"] for p in products if p["type"] == "giftcertificate"]
    return {
        "pickups": [],
        "shipping": shipping,
        "downloads": [{"recipient_email": email, "line_items": digital}] if digital else [],
        "email": {"gift_certificates": [{"recipient_email": email, "line_items": gifts}] if gifts else []},
    }


def consignments_view(source: Json, products: list[Json], number: int, with_lines: bool, api: str) -> Json:
    """The groups with their lines in full, or as links."""
    by_id = {product["id"]: product for product in products}

    def shown(group: Json) -> Json:
        if with_lines:
            items = [by_id[i] for i in group["line_items"]]
        else:
            items = [link(api, f"/orders/{number}/products/{i}") for i in group["line_items"]]
        return {**group, "line_items": items}

    return {
        "pickups": [],
        "shipping": [shown(group) for group in source["shipping"]],
        "downloads": [shown(group) for group in source["downloads"]],
        "email": {"gift_certificates": [shown(group) for group in source["email"]["gift_certificates"]]},
    }
