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
