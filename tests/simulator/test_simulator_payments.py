"""Money coming in after an order was placed, and parcels: what the store's records say then."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from tests.simulator.clients import Receiver, StoreClient

SHIPPED, PARTIALLY_SHIPPED, CANCELLED, AWAITING_PAYMENT, COMPLETED, AWAITING_FULFILLMENT = 2, 3, 5, 7, 10, 11


async def transactions(store: StoreClient, number: int) -> list[dict[str, Any]]:
    answer = await store.get(f"/v3/orders/{number}/transactions")
    rows: list[dict[str, Any]] = [] if answer.status_code == 204 else answer.json()["data"]
    return rows


async def order(store: StoreClient, number: int) -> dict[str, Any]:
    row: dict[str, Any] = (await store.get(f"/v2/orders/{number}")).json()
    return row


async def act(store: StoreClient, number: int, action: str) -> int:
    return (await store.post(f"/v3/orders/{number}/payment_actions/{action}", {})).status_code


async def authorised(store: StoreClient) -> int:
    for number in await store.place(*["awaiting_payment"] * 20):
        if [row["event"] for row in await transactions(store, number)] == ["authorization"]:
            return number
    raise AssertionError("no order was authorised")


async def test_a_capture_follows_its_authorisation(store: StoreClient) -> None:
    number = await authorised(store)
    assert await act(store, number, "capture") == 201
    held, captured = await transactions(store, number)
    assert (captured["event"], captured["reference_transaction_id"]) == ("capture", held["id"])
    assert captured["amount"] == held["amount"]
    now = await order(store, number)
    assert (now["payment_status"], now["status_id"]) == ("captured", AWAITING_FULFILLMENT)
    assert await act(store, number, "capture") == 422
    assert await act(store, number, "void") == 422
    assert await act(store, 999, "void") == 404


async def test_a_capture_may_take_its_time(store: StoreClient) -> None:
    await store.control("set", {"bigcommerce": {"payment_delay": 30}})
    number = await authorised(store)
    assert await act(store, number, "capture") == 201
    assert (await order(store, number))["payment_status"] == "capture pending"
    assert len(await transactions(store, number)) == 1
    assert await act(store, number, "capture") == 422
    await store.control("advance", {"seconds": 31})
    assert (await order(store, number))["payment_status"] == "captured"
    assert len(await transactions(store, number)) == 2


async def test_an_authorisation_may_be_voided(store: StoreClient) -> None:
    number = await authorised(store)
    assert await act(store, number, "void") == 201
    held, voided = await transactions(store, number)
    assert (voided["event"], voided["reference_transaction_id"]) == ("void", held["id"])
    now = await order(store, number)
    assert (now["payment_status"], now["status_id"]) == ("void", AWAITING_PAYMENT)


async def test_a_split_tender_is_three_transactions(store: StoreClient) -> None:
    (number,) = await store.place("split_tender")
    rows, sold = await transactions(store, number), await order(store, number)
    assert [row["method"] for row in rows][:2] == ["gift_certificate", "store_credit"]
    amounts = [Decimal(str(row["amount"])) for row in rows]
    assert sum(amounts) == Decimal(sold["total_inc_tax"])
    assert amounts[:2] == [Decimal(sold["gift_certificate_amount"]), Decimal(sold["store_credit_amount"])]
    assert all(amount > 0 for amount in amounts)


async def test_pending_money_settles_by_a_row_of_its_own_or_in_place(store: StoreClient, hooks: Receiver) -> None:
    await store.hook("store/order/transaction/updated", hooks.url)
    apart, in_place = await store.place("bank_deposit", "bank_deposit")
    await store.control("transactions", {"order_id": apart, "settle": True})
    pending, settled = await transactions(store, apart)
    assert (pending["event"], settled["event"]) == ("pending", "settled")
    assert settled["reference_transaction_id"] == pending["id"]
    assert pending["offline"] == {"display_name": "Bank Deposit"}
    await store.control("transactions", {"order_id": in_place, "settle": True, "in_place": True})
    (row,) = await transactions(store, in_place)
    assert row["event"] == "settled"
    await store.control("settle", {})
    assert [json.loads(request.body)["data"]["order_id"] for request in hooks.received] == [str(in_place)]
    assert {(await order(store, number))["status_id"] for number in (apart, in_place)} == {AWAITING_FULFILLMENT}
    again = await store.http.post(f"{store.url}/_sim/transactions", json={"order_id": apart, "settle": True})
    assert again.status_code == 400


async def test_transactions_by_hand(store: StoreClient) -> None:
    (number,) = await store.place("cash_on_delivery")
    assert await transactions(store, number) == []
    body = {"order_id": number, "method": "offline", "gateway": "cod", "amount": "12.50"}
    cash = await store.control("transactions", body)
    assert (cash["offline"], cash["amount"]) == ({"display_name": "Cash on Delivery"}, 12.5)
    void = await store.control(
        "transactions", {"order_id": number, "event": "void", "reference_transaction_id": cash["id"]}
    )
    assert (void["amount"], void["gateway"], void["reference_transaction_id"]) == (12.5, "cod", cash["id"])
    failed = await store.control("transactions", {"order_id": number, "amount": 5, "status": "error", "test": True})
    assert (failed["status"], failed["test"]) == ("error", True)
    (tried,) = await store.place("tender_in_test_mode")
    assert [row["test"] for row in await transactions(store, tried)] == [True]


async def parcel(store: StoreClient, number: int, *units: int) -> dict[str, Any]:
    products = await store.rows(f"/v2/orders/{number}/products")
    items = [
        {"order_product_id": product["id"], "quantity": quantity}
        for product, quantity in zip(products, units, strict=False)
        if quantity
    ]
    body = {"order_address_id": products[0]["order_address_id"], "items": items, "tracking_number": "T1"}
    answer = await store.post(f"/v2/orders/{number}/shipments", body)
    assert answer.status_code == 201, answer.text
    row: dict[str, Any] = answer.json()
    return row


async def several_units(store: StoreClient) -> tuple[int, int]:
    """An order of one line with two units or more."""
    for number in await store.place(*["plain"] * 20):
        (product,) = await store.rows(f"/v2/orders/{number}/products")
        if product["quantity"] > 1:
            return number, int(product["quantity"])
    raise AssertionError("every order had a single unit")


async def test_an_order_is_shipped_when_nothing_is_left_to_ship(store: StoreClient) -> None:
    number, quantity = await several_units(store)
    await parcel(store, number, 1)
    part = await order(store, number)
    assert (part["status_id"], part["date_shipped"]) == (PARTIALLY_SHIPPED, "")
    (product,) = await store.rows(f"/v2/orders/{number}/products")
    refund = {"items": [{"item_type": "PRODUCT", "item_id": product["id"], "quantity": quantity - 1}]}
    quote = await store.post(f"/v3/orders/{number}/payment_actions/refund_quotes", refund)
    amount = quote.json()["data"]["total_refund_amount"]
    refund["payments"] = [{"provider_id": "custom", "amount": amount, "offline": True}]
    await store.post(f"/v3/orders/{number}/payment_actions/refunds", refund)
    assert (await order(store, number))["status_id"] == 14
    other, quantity = await several_units(store)
    await parcel(store, other, quantity)
    whole = await order(store, other)
    assert whole["status_id"] == SHIPPED
    assert whole["date_shipped"].endswith("+0000")


async def test_refunded_units_need_not_be_shipped(store: StoreClient) -> None:
    number, quantity = await several_units(store)
    (product,) = await store.rows(f"/v2/orders/{number}/products")
    override = {"total_amount": 0, "total_tax": 0}
    refund = {
        "items": [{"item_type": "PRODUCT", "item_id": product["id"], "quantity": 1}],
        "merchant_calculated_override": override,
        "payments": [{"provider_id": "custom", "amount": 0, "offline": True}],
    }
    answer = await store.post(f"/v3/orders/{number}/payment_actions/refunds", refund)
    assert answer.status_code == 201, answer.text
    await parcel(store, number, quantity - 1)
    assert (await order(store, number))["status_id"] == SHIPPED


async def test_tracking_changes_and_deleted_shipments(store: StoreClient, hooks: Receiver) -> None:
    await store.hook("store/shipment/*", hooks.url)
    number, quantity = await several_units(store)
    shipment = await parcel(store, number, quantity)
    path = f"/v2/orders/{number}/shipments/{shipment['id']}"
    assert (await store.put(path, {"tracking_number": "T2"})).json()["tracking_number"] == "T2"
    assert (await store.put(path, {"comments": "no event"})).status_code == 200
    assert (await store.http.delete(store.path + path)).status_code == 204
    now = await order(store, number)
    assert (now["status_id"], now["items_shipped"]) == (SHIPPED, 0)
    again = await parcel(store, number, quantity)
    assert again["id"] > shipment["id"]
    await store.control("settle", {})
    assert sorted(json.loads(request.body)["scope"].rpartition("/")[2] for request in hooks.received) == [
        "created",
        "created",
        "deleted",
        "updated",
    ]


async def test_a_status_ships_without_a_record(store: StoreClient) -> None:
    number, _ = await several_units(store)
    await store.put(f"/v2/orders/{number}", {"status_id": COMPLETED})
    assert (await order(store, number))["date_shipped"]
    assert (await store.get(f"/v2/orders/{number}/shipments")).status_code == 204


async def test_a_bundle_has_gone_when_its_parts_have(store: StoreClient) -> None:
    (number,) = await store.place("bundle")
    products = await store.rows(f"/v2/orders/{number}/products")
    await parcel(store, number, 0, *[product["quantity"] for product in products[1:]])
    assert (await order(store, number))["status_id"] == SHIPPED


async def test_cancelling_moves_no_money(store: StoreClient) -> None:
    (number,) = await store.place("plain")
    before = await transactions(store, number)
    await store.put(f"/v2/orders/{number}", {"status_id": CANCELLED})
    assert await transactions(store, number) == before
    assert (await order(store, number))["refunded_amount"] == "0.0000"


async def test_an_edit_keeps_what_was_shipped_and_prices_what_is_refunded(store: StoreClient) -> None:
    number, quantity = await several_units(store)
    await parcel(store, number, 1)
    (product,) = await store.rows(f"/v2/orders/{number}/products")
    edit = {"id": product["id"], "quantity": quantity + 1, "price_ex_tax": 10, "price_inc_tax": 11}
    assert (await store.put(f"/v2/orders/{number}", {"products": [edit]})).status_code == 200
    (edited,) = await store.rows(f"/v2/orders/{number}/products")
    (address,) = await store.rows(f"/v2/orders/{number}/shipping_addresses")
    now = await order(store, number)
    assert (edited["quantity"], edited["quantity_shipped"]) == (quantity + 1, 1)
    assert (address["items_shipped"], now["items_shipped"], now["items_total"]) == (1, 1, quantity + 1)
    item = {"item_type": "PRODUCT", "item_id": product["id"], "quantity": 2}
    quote = await store.post(f"/v3/orders/{number}/payment_actions/refund_quotes", {"items": [item]})
    assert quote.json()["data"]["total_refund_amount"] == 22
    assert quote.json()["data"]["total_refund_tax_amount"] == 2
