"""Registrations and deliveries: limits, signatures, the retry ladder, blocklist, deactivation."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json

import httpx
import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from bcifs_console.simulator import Simulator, SimulatorOptions
from bcifs_console.simulator.bigcommerce.deliveries import LADDER
from tests.simulator.clients import Receiver, StoreClient, store_client


async def settled(store: StoreClient) -> None:
    await store.control("settle", {})


async def test_signed_as_standard_webhooks_with_the_raw_client_secret(store: StoreClient, hooks: Receiver) -> None:
    await store.hook("store/order/created", hooks.url, headers={"X-Console-Key": "abc"})
    (number,) = await store.place("plain")
    await settled(store)
    (delivery,) = hooks.received
    verifier = Webhook(base64.b64encode(store.client_secret.encode()).decode())
    event = verifier.verify(delivery.body, delivery.headers)
    assert list(event) == ["producer", "hash", "created_at", "store_id", "scope", "data"]
    assert event["data"] == {"type": "order", "id": number}
    assert event["hash"] == delivery.headers["webhook-id"]
    assert len(event["hash"]) == 40
    assert event["store_id"].isdecimal()
    assert delivery.headers["x-console-key"] == "abc"
    assert delivery.headers["user-agent"] == "pekko-http/1.3.0"
    assert "x-bc-signature" not in delivery.headers
    with pytest.raises(WebhookVerificationError):
        verifier.verify(delivery.body + b" ", delivery.headers)


async def test_folklore_signature_on_request(store: StoreClient, hooks: Receiver) -> None:
    await store.control("set", {"bigcommerce": {"x_bc_signature": "hex"}})
    await store.hook("store/order/created", hooks.url)
    await store.place("plain")
    await settled(store)
    (delivery,) = hooks.received
    expected = hmac.new(store.client_secret.encode(), delivery.body, hashlib.sha256).hexdigest()
    assert delivery.headers["x-bc-signature"] == expected


async def test_one_order_fires_several_events(store: StoreClient, hooks: Receiver) -> None:
    await store.hook("store/order/*", hooks.url)
    (number,) = await store.place("plain")
    await settled(store)
    events = [json.loads(request.body) for request in hooks.received]
    scopes = [event["scope"] for event in events]
    assert sorted(scopes) == [
        "store/order/created",
        "store/order/statusUpdated",
        "store/order/transaction/created",
        "store/order/updated",
    ]
    by_scope = {event["scope"]: event["data"] for event in events}
    status = (await store.get(f"/v2/orders/{number}")).json()["status_id"]
    assert by_scope["store/order/statusUpdated"]["status"] == {"previous_status_id": 0, "new_status_id": status}
    assert by_scope["store/order/transaction/created"]["order_id"] == str(number)


async def test_status_shipment_and_refund_events(store: StoreClient, hooks: Receiver) -> None:
    await store.hook("store/order/statusUpdated", hooks.url)
    await store.hook("store/shipment/created", hooks.url)
    await store.hook("store/order/refund/created", hooks.url)
    (number,) = await store.place("plain", deliver=False)
    product = (await store.rows(f"/v2/orders/{number}/products"))[0]
    body = {
        "order_address_id": product["order_address_id"],
        "items": [{"order_product_id": product["id"], "quantity": product["quantity"]}],
    }
    shipment = (await store.post(f"/v2/orders/{number}/shipments", body)).json()
    refund = {"items": [{"item_type": "ORDER", "item_id": number, "amount": 1}]}
    refund |= {"payments": [{"provider_id": "x", "amount": 1, "offline": True}]}
    await store.post(f"/v3/orders/{number}/payment_actions/refunds", refund)
    await settled(store)
    data = [json.loads(request.body)["data"] for request in hooks.received]
    assert {"type": "shipment", "id": shipment["id"], "orderId": number} in data
    statuses = [row["status"]["new_status_id"] for row in data if "status" in row]
    assert sorted(statuses) == [2, 14]
    assert len([row for row in data if "refund" in row]) == 1


async def test_limits_of_registrations(store: StoreClient) -> None:
    body = {"scope": "store/order/created", "destination": "https://a.example/0"}
    assert (await store.post("/v3/hooks", body)).status_code == 200
    again = await store.post("/v3/hooks", body)
    assert again.status_code == 422
    assert "destination" in again.json()["errors"]
    for i in range(1, 10):
        await store.hook("store/order/created", f"https://a.example/{i}")
    eleventh = await store.post("/v3/hooks", {**body, "destination": "https://a.example/10"})
    assert eleventh.status_code == 422
    await store.hook("store/order/updated", "https://a.example/0")


_REFUSED: list[dict[str, object]] = [
    {"destination": "http://a.example/x"},
    {"destination": "https://a.example:8443/x"},
    {"destination": "nonsense"},
    {"scope": "store/order/exploded"},
    {"is_active": "yes"},
    {"headers": {"a": 1}},
]


async def test_bad_registrations(store: StoreClient) -> None:
    for wrong in _REFUSED:
        body = {"scope": "store/order/created", "destination": "https://a.example/x", **wrong}
        assert (await store.post("/v3/hooks", body)).status_code == 422, wrong


async def test_hooks_are_changed_listed_and_deleted(store: StoreClient) -> None:
    hook = await store.hook("store/order/created", "https://a.example/x")
    path = f"/v3/hooks/{hook['id']}"
    assert (await store.put(path, {"is_active": False})).json()["data"]["is_active"] is False
    assert (await store.put(path, {})).json()["errors"] == {"data": "Update webhook request should not be empty"}
    admin = (await store.get("/v3/hooks/admin")).json()["data"]
    assert [row["status"] for row in admin["hooks_list"]] == ["inactive"]
    assert (await store.get("/v3/hooks", is_active="true")).json()["data"] == []
    assert (await store.get("/v3/hooks")).json()["meta"]["pagination"]["total"] == 1
    assert (await store.http.delete(store.path + path)).json()["data"]["id"] == hook["id"]
    missing = await store.get(path)
    assert (missing.status_code, missing.json()["title"]) == (404, f"Webhook with id [{hook['id']}] not found")


async def test_other_clients_do_not_see_a_hook(store: StoreClient) -> None:
    account = {"access_token": "other", "client_id": "other", "client_secret": "s"}
    await store.control("set", {"bigcommerce": {"add_account": account}})
    hook = await store.hook("store/order/created", "https://a.example/x")
    headers = {"X-Auth-Token": "other"}
    assert (await store.http.get(f"{store.path}/v3/hooks", headers=headers)).json()["data"] == []
    assert (await store.http.get(f"{store.path}/v3/hooks/{hook['id']}", headers=headers)).status_code == 404


async def test_the_whole_ladder_then_deactivation(store: StoreClient, hooks: Receiver) -> None:
    hooks.answer = lambda _: 503
    hook = await store.hook("store/order/created", hooks.url)
    await store.place("plain")
    await settled(store)
    assert len(hooks.received) == 1
    await store.control("advance", {"seconds": 59})
    assert len(hooks.received) == 1
    await store.control("advance", {"seconds": 2})
    assert len(hooks.received) == 2
    await store.control("advance", {"seconds": sum(LADDER)})
    assert len(hooks.received) == 12
    assert len({request.headers["webhook-id"] for request in hooks.received}) == 1
    (delivery,) = (await store.control("state"))["deliveries"]
    assert (delivery["state"], len(delivery["attempts"])) == ("failed", 12)
    assert (await store.get(f"/v3/hooks/{hook['id']}")).json()["data"]["is_active"] is False
    admin = (await store.get("/v3/hooks/admin")).json()["data"]
    assert [row["status"] for row in admin["hooks_list"]] == ["deactivated"]
    hooks.answer = lambda _: 200
    await store.put(f"/v3/hooks/{hook['id']}", {"is_active": True})
    await store.place("plain")
    await settled(store)
    assert len(hooks.received) == 13


async def test_a_retry_that_succeeds_ends_the_ladder(store: StoreClient, hooks: Receiver) -> None:
    hooks.answer = lambda count: 500 if count < 3 else 204
    await store.hook("store/order/created", hooks.url)
    await store.place("plain")
    await store.control("advance", {"seconds": 400_000})
    assert len(hooks.received) == 3
    assert (await store.control("state"))["deliveries"][0]["state"] == "delivered"


async def test_inactive_hooks_lose_events(store: StoreClient, hooks: Receiver) -> None:
    hook = await store.hook("store/order/created", hooks.url, is_active=False)
    await store.place("plain")
    await store.put(f"/v3/hooks/{hook['id']}", {"is_active": True})
    await store.control("advance", {"seconds": 300_000})
    assert hooks.received == []


async def test_what_happens_while_a_hook_is_deactivated_is_lost(store: StoreClient, hooks: Receiver) -> None:
    """Events of that time, and those that waited for another attempt: no reactivation brings them back."""
    hooks.answer = lambda _: 503
    hook = await store.hook("store/order/created", hooks.url)
    (given_up,) = await store.place("plain")
    await store.control("advance", {"seconds": 40 * 3600})
    (waiting,) = await store.place("plain")
    await store.control("advance", {"seconds": 9 * 3600})
    (unheard,) = await store.place("plain")
    await settled(store)
    state = await store.control("state")
    assert {row["order_id"]: row["state"] for row in state["deliveries"]} == {given_up: "failed", waiting: "retrying"}
    assert [(row["hook_id"], row["order_id"]) for row in state["lost"]] == [(hook["id"], unheard)]
    hooks.answer = lambda _: 200
    await store.put(f"/v3/hooks/{hook['id']}", {"is_active": True})
    before = len(hooks.received)
    await store.control("advance", {"seconds": sum(LADDER)})
    assert len(hooks.received) == before
    assert {row["state"] for row in (await store.control("state"))["deliveries"]} == {"failed"}


async def test_a_hook_that_was_idle_for_ninety_days_is_deactivated(store: StoreClient, hooks: Receiver) -> None:
    idle = await store.hook("store/shipment/created", hooks.url)
    busy = await store.hook("store/order/created", hooks.url)
    await store.control("advance", {"seconds": 89 * 86_400})
    await store.place("plain")
    await settled(store)
    await store.control("advance", {"seconds": 86_400})
    admin = (await store.get("/v3/hooks/admin")).json()["data"]
    assert {row["id"]: row["status"] for row in admin["hooks_list"]} == {
        idle["id"]: "deactivated",
        busy["id"]: "active",
    }


async def test_a_store_may_be_held_to_so_many_hooks_in_all(store: StoreClient) -> None:
    await store.control("set", {"bigcommerce": {"hooks_in_all": 2}})
    for scope in ("store/order/created", "store/order/updated"):
        kept = await store.hook(scope, "https://a.example/x")
    third = await store.post("/v3/hooks", {"scope": "store/order/archived", "destination": "https://a.example/x"})
    assert third.status_code == 422
    moved = await store.put(f"/v3/hooks/{kept['id']}", {"destination": "https://a.example/y"})
    assert moved.status_code == 200


async def test_a_registration_from_before_there_was_a_limit(store: StoreClient, hooks: Receiver) -> None:
    hook = await store.hook("store/order/created", hooks.url)
    await store.control("set", {"bigcommerce": {"double_hook": hook["id"]}})
    assert len((await store.get("/v3/hooks")).json()["data"]) == 2
    await store.place("plain")
    await settled(store)
    assert len(hooks.received) == 2


async def test_a_failing_domain_is_blocked_for_three_minutes(store: StoreClient, hooks: Receiver) -> None:
    hooks.answer = lambda count: 200 if count % 5 else 500
    await store.hook("store/order/created", hooks.url)
    await store.place("plain", count=110)
    await settled(store)
    (blocked,) = (await store.get("/v3/hooks/admin")).json()["data"]["blocked_domains"]
    assert blocked["destination"] == "127.0.0.1"
    assert 170 < blocked["time_left"] <= 180
    seen = len(hooks.received)
    await store.place("plain")
    await settled(store)
    assert len(hooks.received) == seen
    await store.control("advance", {"seconds": 400})
    assert len(hooks.received) > seen


async def test_exceptions_are_told_to_their_own_hook(store: StoreClient, hooks: Receiver) -> None:
    hooks.answer = lambda _: 200
    await store.hook("store/order/created", "http://127.0.0.1:9/closed")
    await store.hook("store/hook/deliveryException", hooks.url)
    await store.place("plain", "plain")
    await settled(store)
    (notice,) = [json.loads(request.body)["data"] for request in hooks.received]
    assert notice["error_code"] == 90001
    await store.control("advance", {"seconds": 300_000})
    codes = [json.loads(request.body)["data"]["error_code"] for request in hooks.received]
    assert 90002 in codes


async def test_slow_receivers_time_out(store: StoreClient, hooks: Receiver) -> None:
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(never, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await store.control("set", {"bigcommerce": {"delivery_timeout": 0.1}})
        await store.hook("store/order/created", f"http://127.0.0.1:{port}/slow")
        await store.place("plain")
        await settled(store)
    (delivery,) = (await store.control("state"))["deliveries"]
    assert delivery["attempts"][0]["error"] == "timeout"


async def test_storm_doubles_shuffles_and_still_delivers(hooks: Receiver) -> None:
    async with Simulator(SimulatorOptions(seed=3)) as simulator:
        store = store_client(simulator, httpx.AsyncClient(trust_env=False, verify=False))
        async with store.http:
            await store.hook("store/order/created", hooks.url)
            await store.control("faults", {"profile": "storm"})
            numbers = await store.place("plain", count=60)
            await store.control("advance", {"seconds": 60})
            await store.control("faults", {"profile": "none"})
    seen = [json.loads(request.body)["data"]["id"] for request in hooks.received]
    assert set(seen) == set(numbers)
    assert len(seen) > len(numbers)
    assert seen != sorted(seen)
