"""Every kind of order adds up to the cent, in every place where its figures stand."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from bcifs_console.simulator.bigcommerce.kinds import DECK, KINDS
from tests.simulator.clients import StoreClient

CHARGES = ("shipping_cost", "handling_cost", "wrapping_cost")


def total(rows: list[dict[str, Any]], field: str) -> Decimal:
    return sum((Decimal(row[field]) for row in rows), Decimal(0))


def money(order: dict[str, Any], field: str) -> Decimal:
    return Decimal(order[field])


async def whole(store: StoreClient, number: int) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    order = (await store.get(f"/v2/orders/{number}")).json()
    parts = {name: await store.rows(f"/v2/orders/{number}/{name}") for name in ("products", "fees", "coupons")}
    parts["taxes"] = await store.rows(f"/v2/orders/{number}/taxes", details="true")
    return order, parts


async def test_every_kind_is_coherent(store: StoreClient) -> None:
    await store.control("set", {"quota": None})
    kinds = [kind for kind in KINDS if kind != "totals_off"]
    for number in await store.place(*kinds, *kinds):
        order, parts = await whole(store, number)
        products, fees = parts["products"], parts["fees"]
        charges_inc = sum((money(order, f"{name}_inc_tax") for name in CHARGES), total(fees, "cost_inc_tax"))
        charges_tax = sum((money(order, f"{name}_tax") for name in CHARGES), total(fees, "cost_tax"))
        goods_inc = money(order, "total_inc_tax") - charges_inc
        goods_tax = money(order, "total_tax") - charges_tax

        assert total(products, "discounted_total_inc_tax") == goods_inc
        items = [row for row in parts["taxes"] if row["line_item_type"] == "item"]
        assert total(items, "line_amount") == goods_tax == money(order, "subtotal_tax")
        assert money(order, "total_ex_tax") + money(order, "total_tax") == money(order, "total_inc_tax")
        assert total(products, "total_inc_tax") == money(order, "subtotal_inc_tax")
        assert total(products, "total_ex_tax") == money(order, "subtotal_ex_tax")
        assert total(products, "wrapping_cost_inc_tax") == money(order, "wrapping_cost_inc_tax")
        assert sum(product["quantity"] for product in products) == order["items_total"]


async def test_discounts_are_spread_and_subtracted_tax_included(store: StoreClient) -> None:
    for number in await store.place("coupon", "manual_discount", "manual_discount", "coupon"):
        order, parts = await whole(store, number)
        given = money(order, "discount_amount") + money(order, "coupon_discount")
        applied = [row for product in parts["products"] for row in product["applied_discounts"]]
        assert total(applied, "amount") == given > 0
        for product in parts["products"]:
            off = total(product["applied_discounts"], "amount")
            assert money(product, "total_inc_tax") - off == money(product, "discounted_total_inc_tax")
        coupons = sum((Decimal(str(row["discount"])) for row in parts["coupons"]), Decimal(0))
        assert coupons == money(order, "coupon_discount")


async def test_totals_off_is_off_by_more_than_five_minor_units(store: StoreClient) -> None:
    (number,) = await store.place("totals_off")
    order, parts = await whole(store, number)
    parts_sum = total(parts["products"], "discounted_total_inc_tax") + money(order, "shipping_cost_inc_tax")
    assert abs(money(order, "total_inc_tax") - parts_sum) > Decimal("0.05")
    assert money(order, "total_ex_tax") + money(order, "total_tax") == money(order, "total_inc_tax")


@pytest.mark.parametrize(("kind", "digits"), [("jpy", 0), ("kwd", 3), ("eur", 2)])
async def test_minor_units_of_the_currency_in_four_decimal_strings(store: StoreClient, kind: str, digits: int) -> None:
    (number,) = await store.place(kind)
    order, _ = await whole(store, number)
    text = order["total_inc_tax"]
    assert len(text.partition(".")[2]) == 4
    assert Decimal(text) == round(Decimal(text), digits)
    assert order["default_currency_code"] == kind.upper()


async def test_tender_pays_the_order(store: StoreClient) -> None:
    for number in await store.place("plain", "gift_certificate_tender", "jpy", "tax_inclusive"):
        order = (await store.get(f"/v2/orders/{number}")).json()
        rows = (await store.get(f"/v3/orders/{number}/transactions")).json()["data"]
        paid = sum((Decimal(str(row["amount"])) for row in rows), Decimal(0))
        assert paid == money(order, "total_inc_tax")
        assert all(isinstance(row["amount"], float | int) and row["order_id"] == str(number) for row in rows)


async def test_documented_example(store: StoreClient) -> None:
    """67.84 + 12.00 - 5.00 - 5.00 = 69.84, tax 5.31, of which goods 4.40."""
    body = {
        "billing_address": {"zip": "78108", "email": "jane@example.com"},
        "products": [{"name": "Goods", "quantity": 1, "price_ex_tax": 62.6793, "price_inc_tax": 67.84}],
        "shipping_cost_ex_tax": "11.0900",
        "shipping_cost_inc_tax": "12.0000",
        "discount_amount": 10,
    }
    answer = await store.post("/v2/orders", body)
    order = answer.json()
    assert answer.status_code == 201
    assert order["subtotal_ex_tax"] == "62.6793"
    assert order["subtotal_tax"] == "4.4000"
    assert (order["total_ex_tax"], order["total_tax"], order["total_inc_tax"]) == ("64.5300", "5.3100", "69.8400")


async def test_consignments_hold_the_lines_and_numbers(store: StoreClient) -> None:
    numbers = await store.place("sixty_lines", "digital", "gift_certificate_sold")
    listed = await store.rows("/v2/orders", include="consignments.line_items", consignment_structure="object", limit=2)
    assert [order["id"] for order in listed] == numbers
    for order in listed:
        groups = order["consignments"]
        shipping = groups["shipping"]
        digital = [*groups["downloads"], *groups["email"]["gift_certificates"]]
        lines = [line for group in (*shipping, *digital) for line in group["line_items"]]
        products = await store.rows(f"/v2/orders/{order['id']}/products")
        assert sorted(line["id"] for line in lines) == sorted(product["id"] for product in products)
        for group in shipping:
            assert Decimal(str(group["cost_inc_tax"])) == Decimal(order["shipping_cost_inc_tax"])


async def test_default_mix(store: StoreClient) -> None:
    numbers = await store.place(count=200, deliver=False)
    state = await store.control("state")
    kinds = Counter(state["kinds"][str(number)] for number in numbers)
    assert kinds == Counter(DECK)
    assert kinds["unknown_buyer"] == 12
    assert kinds["unmapped_sku"] == 2
    assert {order["status_id"] for order in state["orders"]} <= {7, 8, 9, 11}


async def test_the_same_seed_places_the_same_orders(store: StoreClient) -> None:
    numbers = await store.place(count=20, deliver=False)
    totals = [order["total_inc_tax"] for order in (await store.control("state"))["orders"]]
    assert numbers[0] == 5001
    assert len(set(totals)) > 5


async def test_gated_orders_hold_no_money(store: StoreClient) -> None:
    placed = await store.control("orders", {"count": 0, "gated": 5})
    statuses = [(await store.get(f"/v2/orders/{number}")).json()["status_id"] for number in placed["gated"]]
    assert sorted(statuses) == [0, 1, 5, 6, 12]
    for number in placed["gated"]:
        answer = await store.get(f"/v3/orders/{number}/transactions")
        rows = [] if answer.status_code == 204 else answer.json()["data"]
        assert all(row["event"] == "authorization" for row in rows)
