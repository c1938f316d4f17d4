"""The webhook address of a running service: only genuine deliveries make work, whatever else knocks (DESIGN §9)."""

import base64
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from tests.integration.storefront import order
from tests.integration.world import World

LIMIT = 65_536


def event(world: World, order_id: int, **changes: Any) -> bytes:
    """A delivery as BigCommerce writes it."""
    store_hash = world.about["bigcommerce"]["store_hash"]
    payload = {
        "producer": f"stores/{store_hash}",
        "hash": "ab" * 20,
        "created_at": int(time.time()),
        "store_id": "1001",
        "scope": "store/order/updated",
        "data": {"type": "order", "id": order_id},
        **changes,
    }
    return json.dumps(payload, separators=(",", ":")).encode()


def signed(world: World, body: bytes, *, secret: str | None = None, age_s: int = 0) -> dict[str, str]:
    """The headers of a genuine delivery; signed by the standardwebhooks library, not by our code."""
    assert world.connection is not None
    key = secret or world.about["bigcommerce"]["client_secret"]
    moment = datetime.fromtimestamp(int(time.time()) - age_s, UTC)
    signer = Webhook(base64.b64encode(key.encode()).decode())
    return {
        "content-type": "application/json",
        "X-BCIFS-Key": world.connection.hook_secret.reveal(),
        "webhook-id": "msg-1",
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": signer.sign("msg-1", moment, body.decode()),
    }


async def knock(world: World, body: bytes, headers: Mapping[str, str], *, url: str = "") -> int:
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(url or world.webhook_url, content=body, headers=dict(headers))
    assert answer.content == b""
    return answer.status_code


async def stored(world: World) -> tuple[int, int]:
    """How many deliveries and orders the store holds."""
    return (
        await world.count("SELECT count(*) FROM webhook_delivery"),
        await world.count("SELECT count(*) FROM store_order"),
    )


async def silent_order(world: World) -> int:
    """An order of which no webhook tells."""
    return await world.place_kind("plain", deliver=False)


async def test_a_genuine_delivery_brings_the_order(world: World) -> None:
    order_id = await silent_order(world)
    body = event(world, order_id)
    assert await knock(world, body, signed(world, body)) == 200
    await world.reaches(order_id, "synced")


async def test_a_wrong_secret_is_401_and_nothing_is_stored(world: World) -> None:
    body = event(world, await silent_order(world))
    assert await knock(world, body, signed(world, body, secret="not-the-stores-secret")) == 401
    assert await stored(world) == (0, 0)


@pytest.mark.parametrize("missing", ["X-BCIFS-Key", "webhook-signature", "webhook-timestamp", "webhook-id"])
async def test_a_delivery_without_one_of_its_headers_is_401(world: World, missing: str) -> None:
    body = event(world, await silent_order(world))
    headers = signed(world, body)
    del headers[missing]
    assert await knock(world, body, headers) == 401
    assert await stored(world) == (0, 0)


async def test_a_forged_body_under_a_genuine_signature_is_401(world: World) -> None:
    order_id = await silent_order(world)
    genuine = event(world, order_id)
    forged = genuine.replace(str(order_id).encode(), b"9999")
    assert await knock(world, forged, signed(world, genuine)) == 401
    assert await stored(world) == (0, 0)


@pytest.mark.parametrize("age_s", [301, -301])
async def test_an_expired_or_postdated_delivery_is_401(world: World, age_s: int) -> None:
    body = event(world, await silent_order(world))
    assert await knock(world, body, signed(world, body, age_s=age_s + (3 if age_s > 0 else -3))) == 401
    assert await stored(world) == (0, 0)


async def test_a_replayed_delivery_is_harmless(world: World) -> None:
    order_id = await silent_order(world)
    body = event(world, order_id)
    headers = signed(world, body)
    assert await knock(world, body, headers) == 200
    await world.reaches(order_id, "synced")
    before = await world.ifs_order(order_id)
    assert [await knock(world, body, headers) for _ in range(3)] == [200, 200, 200]
    await world.settles(order_id)
    assert await world.count("SELECT count(*) FROM webhook_delivery") == 1
    assert await world.ifs_order(order_id) == before


async def test_another_stores_event_is_403(world: World) -> None:
    body = event(world, await silent_order(world), producer="stores/someoneelse")
    assert await knock(world, body, signed(world, body)) == 403
    assert await stored(world) == (0, 0)


async def test_a_body_over_64_kb_is_413(world: World) -> None:
    body = event(world, await silent_order(world))
    long = body + b" " * (LIMIT + 1 - len(body))
    assert await knock(world, long, signed(world, long)) == 413
    assert await stored(world) == (0, 0)
    full = body + b" " * (LIMIT - len(body))
    assert await knock(world, full, signed(world, full)) == 200


@pytest.mark.parametrize("cut", [1, 20, 60])
async def test_truncated_json_is_400(world: World, cut: int) -> None:
    body = event(world, await silent_order(world))[:-cut]
    assert await knock(world, body, signed(world, body)) == 400
    assert await stored(world) == (0, 0)


@pytest.mark.parametrize("body", [b"", b"[]", b'"text"', b"null", b'{"scope": 5}', b"\xff\xfe"])
async def test_what_is_no_event_is_400(world: World, body: bytes) -> None:
    headers = signed(world, b"placeholder")
    if body.isascii():
        headers = signed(world, body)
        assert await knock(world, body, headers) == 400
    else:
        assert await knock(world, body, headers) == 401  # a signature of other bytes: never parsed
    assert await stored(world) == (0, 0)


async def test_unknown_addresses_and_methods(world: World) -> None:
    body = event(world, 5001)
    elsewhere = world.webhook_url[:-1] + ("0" if world.webhook_url[-1] != "0" else "1")
    assert await knock(world, body, signed(world, body), url=elsewhere) == 404
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(world.webhook_url)).status_code == 405
    assert await stored(world) == (0, 0)


async def test_an_event_without_an_order_is_kept_and_makes_no_work(world: World) -> None:
    body = event(world, 0, scope="store/customer/created", data={"type": "customer", "id": 7})
    assert await knock(world, body, signed(world, body)) == 200
    assert await stored(world) == (1, 0)


async def test_an_event_of_an_order_the_store_does_not_have(world: World) -> None:
    body = event(world, 77_777)
    assert await knock(world, body, signed(world, body)) == 200
    view = await world.settles(77_777)
    assert (view.state, "77777" in view.error) == ("ignored", True)
    assert await world.ifs_orders(77_777) == []


@pytest.mark.parametrize("form", ["hex", "base64"])
async def test_a_store_that_signs_with_x_bc_signature_too(world: World, form: str) -> None:
    await world.knobs("bigcommerce", x_bc_signature=form)
    order_id = await world.place(order())
    await world.reaches(order_id, "synced")
    deliveries = (await world.store_state())["deliveries"]
    assert {d["state"] for d in deliveries} == {"delivered"}


async def test_health_readiness_and_metrics_of_a_running_service(world: World) -> None:
    order_id = await world.place(order())
    await world.reaches(order_id, "synced")
    assert world.service is not None
    admin = f"http://127.0.0.1:{world.service.address.admin_port}"
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"{admin}/healthz")).status_code == 200
        assert (await http.get(f"{admin}/readyz")).status_code == 200
        text = (await http.get(f"{admin}/metrics")).text
        assert (await http.get(f"http://127.0.0.1:{world.service.address.port}/metrics")).status_code == 404
    assert 'bcifs_deliveries_total{connection="acme-us",outcome="accepted"}' in text
    assert 'bcifs_upstream_requests_total{side="ifs",status="201"}' in text
    assert 'bcifs_upstream_requests_total{side="bigcommerce",status="200"}' in text
