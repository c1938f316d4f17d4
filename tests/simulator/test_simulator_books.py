"""Day totals from the store's own records, held against worked figures."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

import httpx
import pytest

from bcifs_console.simulator import Simulator, SimulatorOptions
from tests.simulator.clients import StoreClient, store_client
from tests.simulator.test_simulator_lives import told

EVER = {"from": "2000-01-01", "to": "2099-12-31"}
BILLING = {"zip": "78751", "email": "jane@example.com", "country_iso2": "US"}


async def books(store: StoreClient, **query: str) -> list[dict[str, Any]]:
    answer = await store.http.get(f"{store.url}/_sim/books", params={**EVER, **query})
    assert answer.status_code == 200, answer.text
    days: list[dict[str, Any]] = answer.json()["days"]
    return days


async def totals(store: StoreClient) -> dict[str, tuple[int, str]]:
    """Kind → count and sum over all days, of the one currency there is."""
    found: dict[str, tuple[int, str]] = {}
    for row in await books(store):
        count, total = found.get(row["kind"], (0, "0"))
        found[row["kind"]] = count + row["count"], f"{Decimal(total) + Decimal(row['sum'])}"
    return found


async def sold(store: StoreClient, **more: Any) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """Three vases at 10.00 gross and shipping of 5.00: the order, its line and its address."""
    body = {
        "billing_address": BILLING,
        "products": [{"name": "Vase", "quantity": 3, "price_ex_tax": 8, "price_inc_tax": 10}],
        "shipping_cost_ex_tax": 4,
        "shipping_cost_inc_tax": 5,
        "status_id": 11,
        **more,
    }
    number = (await store.post("/v2/orders", body)).json()["id"]
    (line,) = await store.rows(f"/v2/orders/{number}/products")
    (address,) = await store.rows(f"/v2/orders/{number}/shipping_addresses")
    return number, line, address


async def ship(store: StoreClient, number: int, line: dict[str, Any], quantity: int) -> int:
    items = [{"order_product_id": line["id"], "quantity": quantity}]
    body = {"order_address_id": line["order_address_id"], "items": items}
    answer = await store.post(f"/v2/orders/{number}/shipments", body)
    assert answer.status_code == 201, answer.text
    await store.control("advance", {"seconds": 2})
    return int(answer.json()["id"])


async def refund(store: StoreClient, number: int, amount: float, *items: dict[str, Any]) -> None:
    payments = [{"provider_id": "custom", "amount": amount, "offline": True}]
    body = {"items": list(items), "payments": payments}
    answer = await store.post(f"/v3/orders/{number}/payment_actions/refunds", body)
    assert answer.status_code == 201, answer.text
    await store.control("advance", {"seconds": 2})


async def test_payments_voids_and_refunds_are_counted_once(store: StoreClient) -> None:
    number, line, _ = await sold(store)
    card = await store.control("transactions", {"order_id": number, "event": "authorization", "amount": 35})
    assert "payments" not in await totals(store)
    await store.control("transactions", {"order_id": number, "event": "void", "reference_transaction_id": card["id"]})
    assert "voids" not in await totals(store)
    paid = await store.control("transactions", {"order_id": number, "event": "purchase", "amount": 35})
    settled = {"order_id": number, "event": "settled", "reference_transaction_id": paid["id"]}
    await store.control("transactions", settled)
    await store.control("transactions", {"order_id": number, "amount": 35, "status": "error"})
    await store.control("transactions", {"order_id": number, "amount": 35, "test": True})
    await refund(store, number, 10, {"item_type": "PRODUCT", "item_id": line["id"], "quantity": 1})
    found = await totals(store)
    assert found["orders"] == (1, "35.00")
    assert found["payments"] == (1, "35.00")
    assert found["refunds"] == (1, "10.00")
    await store.control("transactions", {"order_id": number, "event": "void", "reference_transaction_id": paid["id"]})
    assert (await totals(store))["voids"] == (1, "35.00")


async def test_the_first_shipment_brings_the_charges(store: StoreClient) -> None:
    number, line, _ = await sold(store)
    await ship(store, number, line, 1)
    (row,) = [row for row in await books(store) if row["kind"] == "shipments"]
    assert (row["sum"], row["goods"], row["charges"]) == ("15.00", "10.00", "5.00")
    await ship(store, number, line, 2)
    assert (await totals(store))["shipments"] == (2, "35.00")


async def test_a_refund_takes_unshipped_units_and_charges_away(store: StoreClient) -> None:
    number, line, address = await sold(store)
    await refund(
        store,
        number,
        15,
        {"item_type": "PRODUCT", "item_id": line["id"], "quantity": 1},
        {"item_type": "SHIPPING", "item_id": address["id"], "amount": 5},
    )
    await ship(store, number, line, 2)
    await refund(store, number, 10, {"item_type": "PRODUCT", "item_id": line["id"], "quantity": 1})
    assert (await totals(store))["shipments"] == (1, "20.00")


async def test_units_shipped_by_status_alone_have_a_row_of_their_own(store: StoreClient) -> None:
    number, line, _ = await sold(store)
    await ship(store, number, line, 1)
    await store.put(f"/v2/orders/{number}", {"status_id": 2})
    await store.control("advance", {"seconds": 2})
    await refund(store, number, 10, {"item_type": "PRODUCT", "item_id": line["id"], "quantity": 1})
    found = await totals(store)
    assert (found["shipments"], found["status_shipments"]) == ((1, "15.00"), (1, "20.00"))


async def test_a_removed_shipment_counts_only_when_it_is_made_again(store: StoreClient) -> None:
    number, line, _ = await sold(store)
    made = await ship(store, number, line, 3)
    await store.http.delete(f"{store.path}/v2/orders/{number}/shipments/{made}")
    found = await totals(store)
    assert "shipments" not in found
    assert "status_shipments" not in found
    await ship(store, number, line, 3)
    assert (await totals(store))["shipments"] == (1, "35.00")


async def test_parts_of_a_line_sum_to_it(store: StoreClient) -> None:
    """30.00 less 0.01 in three steps: no cent is lost between them."""
    number, line, _ = await sold(store, discount_amount="0.01")
    for _ in range(3):
        await ship(store, number, line, 1)
    assert (await totals(store))["shipments"] == (3, "34.99")


async def test_days_are_those_of_the_time_zone(store: StoreClient) -> None:
    (number,) = await store.place("plain")
    created = (await store.control("state?only=now"))["now"]
    sums = defaultdict(set)
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        for row in await books(store, time_zone=zone):
            sums[row["kind"]].add(row["day"])
    assert len(sums["orders"]) == 2
    (day,) = {row["day"] for row in await books(store, time_zone="UTC")}
    assert day == created[:10]
    assert await books(store, **{"from": "2000-01-01", "to": "2000-12-31"}) == []
    (row,) = [row for row in await books(store, facts="true") if row["kind"] == "orders"]
    assert row["facts"] == [{"order_id": number, "id": number, "amount": row["sum"]}]


@pytest.mark.parametrize("query", [{"from": "x"}, {"to": ""}, {"time_zone": "Mars/Olympus"}])
async def test_nonsense_is_refused(store: StoreClient, query: dict[str, str]) -> None:
    assert (await store.http.get(f"{store.url}/_sim/books", params={**EVER, **query})).status_code == 400


async def test_books_of_many_lives_equal_the_records(http: httpx.AsyncClient) -> None:
    async with Simulator(SimulatorOptions(seed=21, quota=None)) as simulator:
        store = store_client(simulator, http)
        await store.place(count=200, backdate_seconds=20 * 86400, deliver=False)
        await store.control("lives", {"seed": 2, "spread_seconds": 10 * 86400, "deliver": False})
        orders = (await told(store)).values()
        rows = await books(store)
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[row["currency"], row["kind"]] += Decimal(row["sum"])
    assert len({row["day"] for row in rows}) > 10
    for currency in {one.order["currency_code"] for one in orders}:
        mine = [one for one in orders if one.order["currency_code"] == currency]
        assert sums[currency, "orders"] == sum(one.total for one in mine)
        held = sums[currency, "payments"] - sums[currency, "voids"]
        assert held == sum(one.paid() for one in mine)
        assert sums[currency, "refunds"] == sum(one.refunded() for one in mine)
        gone = [one for one in mine if one.order["date_shipped"] and not one.refunds and one.kind != "digital"]
        assert sums[currency, "shipments"] + sums[currency, "status_shipments"] >= sum(one.total for one in gone)
