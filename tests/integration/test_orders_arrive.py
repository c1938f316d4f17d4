"""The main job: an order placed in the store stands in IFS, released, equal to the cent (issue 2, *must show*)."""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from tests.integration.storefront import order, priced, product
from tests.integration.world import World

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


def money(value: object) -> Decimal:
    return Decimal(str(value))


def assert_equal_to_store(
    sold: Mapping[str, Any], products: list[dict[str, Any]], booked: Mapping[str, Any], *, account: str = "4000"
) -> None:
    """Every line of the store's order stands in IFS, each on the account, and both sides total the same."""
    wanted = {
        str(p["id"]): (p["sku"].strip().upper(), money(p["quantity"]))
        for p in products
        if p["type"] != "giftcertificate"
    }
    found = {line["CustomerPoLineNo"]: (line["CatalogNo"], money(line["BuyQtyDue"])) for line in booked["lines"]}
    assert found == wanted
    assert len(booked["lines"]) == len(wanted)
    assert {line["Account"] for line in booked["lines"]} == {account}
    assert booked["CurrencyCode"] == sold["default_currency_code"]
    assert money(booked["TotalGrossInclChrgCurr"]) == money(sold["total_inc_tax"])
    parts = [money(row["GrossAmountCurr"]) for row in booked["lines"]]
    parts += [money(row["GrossAmtCurr"]) for row in booked["charges"]]
    assert sum(parts) == money(sold["total_inc_tax"])


def assert_charges_equal_store(sold: Mapping[str, Any], booked: Mapping[str, Any]) -> None:
    """Each charge carries what the store says of it; the store's tax is a charge where prices exclude tax."""
    by_type: Counter[str] = Counter()
    side = "inc" if sold["is_tax_inclusive_pricing"] else "ex"
    for charge in booked["charges"]:
        by_type[charge["ChargeType"]] += money(charge["GrossAmtCurr"])  # type: ignore[assignment]  # a sum of Decimals
    expected = {
        "FREIGHT": money(sold[f"shipping_cost_{side}_tax"]),
        "HANDLING": money(sold[f"handling_cost_{side}_tax"]),
        "WRAPPING": money(sold[f"wrapping_cost_{side}_tax"]),
        "SALESTAX": money(sold["total_tax"]) if side == "ex" else Decimal(0),
    }
    for kind, amount in expected.items():
        assert money(by_type[kind]) == amount, kind


@pytest.mark.parametrize("kind", PLACED)
async def test_an_order_placed_over_the_api_stands_in_ifs(world: World, kind: str) -> None:
    body, charge_types = PLACED[kind]
    order_id = await world.place(body)
    view = await world.reaches(order_id, "synced")
    state = await world.store_state()
    sold = next(row for row in state["orders"] if row["id"] == order_id)
    booked = await world.ifs_order(order_id)
    assert_equal_to_store(sold, state["products"][str(order_id)], booked)
    assert_charges_equal_store(sold, booked)
    assert {charge["ChargeType"] for charge in booked["charges"]} == charge_types
    assert booked["Objstate"] == "Released"
    assert booked["CustomerNo"] == "C1002"
    assert (view.ifs_order_no, view.ifs_customer) == (booked["OrderNo"], "C1002")


#: The kinds that only a shop front makes, and what must become of each: state, reason, charge types beside the tax.
KINDS: dict[str, tuple[str, set[str]]] = {
    "plain": ("synced", {"FREIGHT"}),
    "multi_line": ("synced", {"FREIGHT"}),
    "guest": ("synced", {"FREIGHT"}),
    "tax_inclusive": ("synced", {"FREIGHT"}),
    "coupon": ("synced", {"FREIGHT", "PROMO"}),
    "manual_discount": ("synced", {"FREIGHT", "PROMO"}),
    "free_shipping": ("synced", set()),
    "gift_wrapping": ("synced", {"FREIGHT", "WRAPPING"}),
    "digital": ("synced", set()),
    "sixty_lines": ("synced", {"FREIGHT"}),
    "jpy": ("synced", {"FREIGHT"}),
    "kwd": ("synced", {"FREIGHT"}),
    "eur": ("synced", {"FREIGHT"}),
    "custom_item": ("synced", {"FREIGHT"}),
    "handling_fee": ("synced", {"FREIGHT", "HANDLING", "FEE"}),
    "bundle": ("synced", {"FREIGHT"}),
    "zero_rated": ("synced", {"FREIGHT"}),
    "gift_certificate_tender": ("synced", {"FREIGHT"}),
    "gift_certificate_sold": ("synced", {"FREIGHT", "GIFTCERT"}),
    "awaiting_payment": ("synced", {"FREIGHT"}),
    "unknown_buyer": ("waiting: customer", set()),
    "shared_email": ("waiting: customer", set()),
    "unmapped_sku": ("waiting: mapping", set()),
    "totals_off": ("waiting: totals", set()),
}


async def test_every_kind_of_order_a_shop_front_makes(world: World) -> None:
    placed = dict(zip(KINDS, await world.store.place(*KINDS), strict=True))
    assert set(KINDS) == set(await world.store.control("kinds")), "the simulator has other kinds than this test"
    views = {kind: await world.settles(order_id) for kind, order_id in placed.items()}
    became = {k: v.state if v.state == "synced" else f"{v.state}: {v.reason}" for k, v in views.items()}
    assert became == {kind: state for kind, (state, _) in KINDS.items()}
    state = await world.store_state()
    sold = {row["id"]: row for row in state["orders"]}
    for kind, order_id in placed.items():
        if became[kind] != "synced":
            assert await world.ifs_orders(order_id) == [], kind
            continue
        booked = await world.ifs_order(order_id)
        assert_equal_to_store(sold[order_id], state["products"][str(order_id)], booked)
        assert_charges_equal_store(sold[order_id], booked)
        assert {c["ChargeType"] for c in booked["charges"]} - {"SALESTAX"} == KINDS[kind][1], kind
        assert booked["Objstate"] == ("Planned" if kind == "awaiting_payment" else "Released"), kind
    assert len((await world.ifs_state())["customer_orders"]) == list(became.values()).count("synced")
