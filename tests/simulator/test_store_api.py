"""The store's v2 and v3 manners: paging, 204, errors, writes, scopes, quota."""

from __future__ import annotations

from typing import Any

from bcifs_console.simulator import Simulator
from tests.simulator.clients import StoreClient

BILLING = {"first_name": "Jane", "zip": "78751", "email": "jane@example.com", "country_iso2": "US"}


async def made(store: StoreClient, **fields: Any) -> dict[str, Any]:
    body = {"billing_address": BILLING, "products": [{"product_id": 113, "quantity": 2}], **fields}
    answer = await store.post("/v2/orders", body)
    assert answer.status_code == 201, answer.text
    order: dict[str, Any] = answer.json()
    return order


async def test_lists_page_and_end_with_204(store: StoreClient) -> None:
    assert (await store.get("/v2/orders")).status_code == 204
    numbers = await store.place("plain", count=120, deliver=False)
    assert len((await store.get("/v2/orders")).json()) == 50
    assert len((await store.get("/v2/orders", limit=999)).json()) == 120
    assert (await store.get("/v2/orders", page=4, limit=50)).content == b""
    assert [order["id"] for order in await store.rows("/v2/orders", limit=50)] == numbers
    newest = (await store.get("/v2/orders", sort="id:desc", limit=1)).json()[0]
    assert newest["id"] == numbers[-1]


async def test_filters(store: StoreClient) -> None:
    numbers = await store.place("plain", "guest", "awaiting_payment")
    wanted = (await store.get(f"/v2/orders/{numbers[1]}")).json()
    email = wanted["billing_address"]["email"]
    assert numbers[1] in [row["id"] for row in await store.rows("/v2/orders", email=email.upper())]
    assert [row["id"] for row in await store.rows("/v2/orders", status_id=7)] == [numbers[2]]
    assert [row["id"] for row in await store.rows("/v2/orders", min_id=numbers[1], max_id=numbers[1])] == [numbers[1]]
    assert len(await store.rows("/v2/orders", no_such_filter="x")) == 3
    await store.control("advance", {"seconds": 3600})
    assert (await store.get("/v2/orders", min_date_modified="2999-01-01")).status_code == 204
    before = wanted["date_modified"]
    await store.put(f"/v2/orders/{numbers[1]}", {"staff_notes": "seen"})
    after = (await store.get(f"/v2/orders/{numbers[1]}")).json()["date_modified"]
    assert after != before
    assert [row["id"] for row in await store.rows("/v2/orders", min_date_modified=after)] == [numbers[1]]
    assert (await store.get("/v2/orders", min_date_modified="never")).status_code == 400


async def test_missing_order_is_an_array_error(store: StoreClient) -> None:
    answer = await store.get("/v2/orders/999")
    assert answer.status_code == 404
    assert answer.json() == [{"status": 404, "message": "The requested resource was not found."}]
    assert (await store.get("/v3/orders/999/transactions")).json()["status"] == 404


async def test_sub_lists_page_by_fifty(store: StoreClient) -> None:
    (number,) = await store.place("sixty_lines")
    assert len((await store.get(f"/v2/orders/{number}/products")).json()) == 50
    assert len((await store.get(f"/v2/orders/{number}/products", page=2)).json()) == 10
    assert (await store.get(f"/v2/orders/{number}/products", page=3)).status_code == 204
    assert (await store.get(f"/v2/orders/{number}/shipments")).status_code == 204
    assert (await store.get(f"/v2/orders/{number}/coupons")).status_code == 204


async def test_post_takes_catalogue_and_custom_products(store: StoreClient) -> None:
    order = await made(
        store,
        products=[
            {"product_id": 113, "quantity": 2},
            {"name": "Engraving", "quantity": 1, "price_ex_tax": 10, "price_inc_tax": 10.98, "sku": "CUSTOM-ENGRAVING"},
        ],
        customer_id=1,
        status_id=11,
        external_order_id="X-1",
        staff_notes="hello",
        fees=[{"type": "custom_fee", "display_name_customer": "Fee", "cost_ex_tax": "4.00", "cost_tax": "1.00"}],
    )
    assert (order["status_id"], order["external_order_id"], order["staff_notes"]) == (11, "X-1", "hello")
    products = await store.rows(f"/v2/orders/{order['id']}/products")
    assert [product["product_id"] for product in products] == [113, 0]
    assert products[0]["price_ex_tax"] == "129.0000"
    assert (await store.rows(f"/v2/orders/{order['id']}/fees"))[0]["cost_inc_tax"] == "5.0000"
    assert order["order_source"] == "external"
    assert (await made(store))["status_id"] == 1


_REFUSED: list[dict[str, Any]] = [
    {"total_tax": "1.00"},
    {"id": 7},
    {"nonsense": 1},
    {"shipping_cost_ex_tax": "1.00"},
    {"discount_amount": -1},
    {"status_id": 99},
    {"channel_id": 5},
    {"products": []},
    {"products": [{"name": "no price", "quantity": 1}]},
    {"products": [{"product_id": 4711, "quantity": 1}]},
    {"billing_address": {"email": "x@example.com"}},
    {"default_currency_code": "XXX"},
    {"customer_id": 4711},
]


async def test_post_refuses(store: StoreClient) -> None:
    for wrong in _REFUSED:
        body = {"billing_address": BILLING, "products": [{"product_id": 113, "quantity": 1}], **wrong}
        answer = await store.post("/v2/orders", body)
        assert answer.status_code == 400, wrong
        assert answer.json()[0]["status"] == 400


async def test_total_override_is_taken_over(store: StoreClient) -> None:
    order = await made(store, total_ex_tax="90.00", total_inc_tax="100.00")
    assert (order["total_inc_tax"], order["total_tax"]) == ("100.0000", "10.0000")


async def test_put_changes_lines_and_clears_discounts(store: StoreClient) -> None:
    order = await made(store, discount_amount="10.00")
    (product,) = await store.rows(f"/v2/orders/{order['id']}/products")
    answer = await store.put(f"/v2/orders/{order['id']}", {"products": [{"id": product["id"], "quantity": 1}]})
    changed = answer.json()
    assert changed["discount_amount"] == "0.0000"
    assert changed["subtotal_ex_tax"] == "129.0000"
    (again,) = await store.rows(f"/v2/orders/{order['id']}/products")
    assert (again["id"], again["quantity"], again["applied_discounts"]) == (product["id"], 1, [])
    added = await store.put(f"/v2/orders/{order['id']}", {"products": [{"product_id": 114, "quantity": 1}]})
    assert added.json()["items_total"] == 2
    assert (await store.put(f"/v2/orders/{order['id']}", {"products": [{"id": 1, "quantity": 1}]})).status_code == 400


async def test_shipments_move_counts_and_status(store: StoreClient) -> None:
    order = await made(store)
    (product,) = await store.rows(f"/v2/orders/{order['id']}/products")
    body = {
        "order_address_id": product["order_address_id"],
        "items": [{"order_product_id": product["id"], "quantity": 1}],
        "tracking_number": "T1",
    }
    assert (await store.post(f"/v2/orders/{order['id']}/shipments", body)).status_code == 201
    assert (await store.get(f"/v2/orders/{order['id']}")).json()["status_id"] == 3
    await store.post(f"/v2/orders/{order['id']}/shipments", body)
    shipped = (await store.get(f"/v2/orders/{order['id']}")).json()
    assert (shipped["status_id"], shipped["items_shipped"]) == (2, 2)
    assert shipped["date_shipped"]
    assert (await store.post(f"/v2/orders/{order['id']}/shipments", body)).status_code == 400
    assert len((await store.control("state"))["shipments"]) == 2


async def test_refunds_live_in_v3_only(store: StoreClient) -> None:
    (number,) = await store.place("plain")
    product = (await store.rows(f"/v2/orders/{number}/products"))[0]
    amount = float(product["discounted_total_inc_tax"])
    body = {
        "items": [{"item_type": "PRODUCT", "item_id": product["id"], "quantity": product["quantity"]}],
        "payments": [{"provider_id": "custom", "amount": amount, "offline": True}],
    }
    answer = await store.post(f"/v3/orders/{number}/payment_actions/refunds", body)
    assert answer.status_code == 201
    refund = answer.json()["data"]
    assert refund["total_amount"] == amount
    assert refund["total_tax"] > 0
    order = (await store.get(f"/v2/orders/{number}")).json()
    assert (order["refunded_amount"], order["status_id"]) == ("0.0000", 14)
    listed = (await store.get("/v3/orders/payment_actions/refunds", order_id__in=str(number))).json()["data"]
    assert [row["id"] for row in listed] == [refund["id"]]
    wrong = {"items": [{"item_type": "ORDER", "item_id": number, "amount": 1}], "payments": [{"amount": 2}]}
    assert (await store.post(f"/v3/orders/{number}/payment_actions/refunds", wrong)).status_code == 422


async def test_customers_by_id_and_email(store: StoreClient) -> None:
    rows = (await store.get("/v3/customers", id__in="1,2", include="addresses")).json()["data"]
    assert [row["email"] for row in rows] == ["ada.lovelace@example.com", "grace.hopper@example.com"]
    assert rows[0]["addresses"][0]["country_code"] == "US"
    assert (await store.get("/v3/customers", email__in="nobody@example.com")).json()["data"] == []


async def test_store_time_currencies_statuses(store: StoreClient) -> None:
    assert (await store.get("/v2/store")).json()["timezone"]["name"] == "America/Chicago"
    assert (await store.get("/v2/time")).json()["time"] > 1_700_000_000
    digits = {row["currency_code"]: row["decimal_places"] for row in (await store.get("/v2/currencies")).json()}
    assert digits == {"USD": 2, "EUR": 2, "GBP": 2, "JPY": 0, "KWD": 3}
    assert len((await store.get("/v2/order_statuses")).json()) == 15
    await store.place("plain", "awaiting_payment")
    assert (await store.get("/v2/orders/count")).json()["count"] == 2


async def test_archived_orders_leave_the_lists(store: StoreClient) -> None:
    (number,) = await store.place("plain")
    assert (await store.http.delete(f"{store.path}/v2/orders/{number}")).status_code == 204
    assert (await store.get("/v2/orders")).status_code == 204
    assert (await store.get(f"/v2/orders/{number}")).json()["is_deleted"] is True


async def test_wrong_token_and_missing_scope(store: StoreClient) -> None:
    bad = {"X-Auth-Token": "wrong"}
    assert (await store.http.get(f"{store.path}/v2/orders", headers=bad)).status_code == 401
    assert (await store.http.get(f"{store.path}/v3/hooks", headers=bad)).json()["status"] == 401
    (number,) = await store.place("plain")
    await store.control("set", {"bigcommerce": {"revoke_scopes": ["transactions"]}})
    assert (await store.get(f"/v3/orders/{number}/transactions")).status_code == 403
    assert (await store.get(f"/v2/orders/{number}")).status_code == 200
    await store.control("set", {"bigcommerce": {"access_token": "renewed"}})
    assert (await store.get(f"/v2/orders/{number}")).status_code == 401


async def test_quota_is_told_refused_and_renewed(store: StoreClient) -> None:
    await store.control("set", {"quota": 3})
    left = [int((await store.get("/v2/time")).headers["X-Rate-Limit-Requests-Left"]) for _ in range(3)]
    assert left == [2, 1, 0]
    refused = await store.get("/v2/time")
    assert refused.status_code == 429
    assert refused.headers["X-Rate-Limit-Requests-Quota"] == "3"
    assert 1 <= int(refused.headers["X-Retry-After"]) <= 30
    assert 0 < int(refused.headers["X-Rate-Limit-Time-Reset-Ms"]) <= 30_000
    await store.control("advance", {"seconds": 30})
    assert (await store.get("/v2/time")).status_code == 200
    await store.control("set", {"quota": None})
    assert int((await store.get("/v2/time")).headers["X-Rate-Limit-Requests-Left"]) > 1000


async def test_unknown_fields_turn_up_now_and_then(store: StoreClient) -> None:
    (number,) = await store.place("plain")
    seen = [(await store.get(f"/v2/orders/{number}")).json() for _ in range(50)]
    assert sum("x_future_field" in order for order in seen) == 1


async def test_calls_are_counted(store: StoreClient) -> None:
    (number,) = await store.place("plain")
    await store.get(f"/v2/orders/{number}")
    calls = (await store.control("state"))["calls"]
    assert calls["total"] == 1
    assert [name for name in calls if name.endswith("/v2/orders/{}")]


async def test_nonsense_for_the_control_is_refused(simulator: Simulator, store: StoreClient) -> None:
    for name, body in (
        ("orders", {"kinds": ["no such kind"]}),
        ("orders", {"count": -1}),
        ("faults", {"profile": "hurricane"}),
        ("set", {"no such knob": 1}),
        ("set", {"bigcommerce": {"no such knob": 1}}),
        ("faults", {"script": [{"side": "ifs", "do": "explode"}]}),
    ):
        assert (await store.http.post(f"{store.url}/_sim/{name}", json=body)).status_code == 400
    assert simulator.announcement()["bigcommerce"]["api_url"] == store.url


async def test_spread_orders_come_one_after_the_other(store: StoreClient) -> None:
    numbers = await store.place("plain", count=4, spread_seconds=400)
    found = [(await store.get(f"/v2/orders/{number}")).status_code for number in numbers]
    assert found == [404, 404, 404, 404] or found == [200, 404, 404, 404]
    await store.control("advance", {"seconds": 400})
    found = [(await store.get(f"/v2/orders/{number}")).status_code for number in numbers]
    assert found == [200] * 4
    created = {(await store.get(f"/v2/orders/{number}")).json()["date_created"] for number in numbers}
    assert len(created) == 4


async def test_backdated_orders_were_placed_in_the_past(store: StoreClient) -> None:
    numbers = await store.place("plain", count=3, backdate_seconds=30 * 86400, deliver=False)
    created = [(await store.get(f"/v2/orders/{number}")).json()["date_created"] for number in numbers]
    assert len(set(created)) == 3
