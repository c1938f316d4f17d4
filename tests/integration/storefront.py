"""Bodies for `POST /v2/orders`, as any program that sells through the store's API would send them."""

from typing import Any, Final

AWAITING_FULFILLMENT: Final = 11

#: Buyers whom IFS knows by e-mail (docs/simulator.md), one for each test that needs one of its own.
GRACE: Final = ("Grace", "Hopper", "grace.hopper@example.com")


def address(first: str, last: str, email: str, **more: str) -> dict[str, str]:
    return {
        "first_name": first,
        "last_name": last,
        "street_1": "1 Test Street",
        "city": "Austin",
        "state": "Texas",
        "zip": "78701",
        "country": "United States",
        "country_iso2": "US",
        "phone": "555-0100",
        "email": email,
        **more,
    }


def order(
    *products: dict[str, Any],
    buyer: tuple[str, str, str] = GRACE,
    billing: dict[str, str] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """An order of `products` (by default two tees), ready to be fulfilled unless `status_id` says otherwise."""
    return {
        "status_id": AWAITING_FULFILLMENT,
        "billing_address": billing or address(*buyer),
        "products": list(products) or [{"product_id": 101, "quantity": 2}],
        **fields,
    }


def product(product_id: int, quantity: int = 1, **fields: Any) -> dict[str, Any]:
    return {"product_id": product_id, "quantity": quantity, **fields}


def priced(name: str, sku: str, quantity: int, ex: float, inc: float) -> dict[str, Any]:
    """A custom item with prices of its own."""
    return {"name": name, "sku": sku, "quantity": quantity, "price_ex_tax": ex, "price_inc_tax": inc}


WRAPPED: dict[str, Any] = {
    "wrapping_id": 1,
    "wrapping_name": "Kraft paper",
    "wrapping_cost_ex_tax": 4.5,
    "wrapping_cost_inc_tax": 4.87,
}
SHIPPING: dict[str, Any] = {"shipping_cost_ex_tax": 10, "shipping_cost_inc_tax": 10.83}
LONDON = {"country": "United Kingdom", "country_iso2": "GB", "city": "London", "zip": "E1 6AN", "state": ""}

#: What a customer sends over `POST /v2/orders`, and the charge types IFS must then show.
PLACED: dict[str, tuple[dict[str, Any], set[str]]] = {
    "registered": (order(product(101, 2), customer_id=2, **SHIPPING), {"FREIGHT", "SALESTAX"}),
    "guest": (order(product(105), product(113, 3), customer_id=0, **SHIPPING), {"FREIGHT", "SALESTAX"}),
    "tax_inclusive": (
        order(
            priced("Coffee mug, grey", "MUG-GRY", 3, 8.33, 10),
            is_tax_inclusive_pricing=True,
            default_currency_code="GBP",
            shipping_cost_ex_tax=5,
            shipping_cost_inc_tax=6,
        ),
        {"FREIGHT"},
    ),
    "discount": (
        order(product(119), product(107, 2), discount_amount=15, **SHIPPING),
        {"FREIGHT", "PROMO", "SALESTAX"},
    ),
    "free_shipping": (
        order(product(106, 2), shipping_cost_ex_tax=0, shipping_cost_inc_tax=0, base_shipping_cost=8.5),
        {"SALESTAX"},
    ),
    "gift_wrapping": (order(product(108, **WRAPPED), product(109), **SHIPPING), {"FREIGHT", "SALESTAX", "WRAPPING"}),
    "digital": (order(product(133), product(134)), {"SALESTAX"}),
    "sixty_lines": (order(*(product(101 + i % 32, 1 + i % 3) for i in range(60)), **SHIPPING), {"FREIGHT", "SALESTAX"}),
    "jpy": (
        order(
            priced("Wool scarf", "SCARF-WOOL", 2, 4800, 5280),
            default_currency_code="JPY",
            is_tax_inclusive_pricing=True,
            shipping_cost_ex_tax=500,
            shipping_cost_inc_tax=550,
        ),
        {"FREIGHT"},
    ),
    "kwd": (
        order(
            priced("Cordless drill", "SIM-1007", 3, 48.813, 51.254),
            default_currency_code="KWD",
            shipping_cost_ex_tax=1.125,
            shipping_cost_inc_tax=1.181,
        ),
        {"FREIGHT", "SALESTAX"},
    ),
    "eur": (
        order(product(128, 2), billing=None, default_currency_code="EUR", discount_amount=3.35, **SHIPPING),
        {"FREIGHT", "PROMO", "SALESTAX"},
    ),
    "handling_and_fee": (
        order(
            product(110),
            handling_cost_ex_tax=3.25,
            handling_cost_inc_tax=3.52,
            fees=[{"display_name_customer": "Insurance", "cost_ex_tax": 2.5, "cost_inc_tax": 2.71}],
        ),
        {"HANDLING", "FEE", "SALESTAX"},
    ),
}
