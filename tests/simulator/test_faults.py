"""Faults: scripted ones hit exactly, profiles misbehave, and neither touches the truth."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest

from bcifs_console.simulator import Simulator, SimulatorOptions
from tests.simulator.clients import HEADER, ErpClient, StoreClient, erp_client, store_client

ORDER_SET = "CustomerOrderHandling.svc/CustomerOrderSet"


async def script(client: StoreClient | ErpClient, **entry: Any) -> None:
    side = "ifs" if isinstance(client, ErpClient) else "bigcommerce"
    await client.control("faults", {"script": [{"side": side, **entry}]})


async def test_an_answer_lost_after_commit(erp: ErpClient) -> None:
    await script(erp, match="POST .*CustomerOrderSet$", nth=2, do="drop_after_commit")
    await erp.order(CustomerPoNo="BC-1")
    with pytest.raises(httpx.RemoteProtocolError):
        await erp.order(CustomerPoNo="BC-2")
    await erp.order(CustomerPoNo="BC-3")
    orders = (await erp.control("state"))["customer_orders"]
    assert [order["CustomerPoNo"] for order in orders] == ["BC-1", "BC-2", "BC-3"]


async def test_a_call_lost_before_it_arrived(erp: ErpClient) -> None:
    await script(erp, match="POST .*CustomerOrderSet$", do="drop_before")
    with pytest.raises(httpx.RemoteProtocolError):
        await erp.order()
    assert (await erp.control("state"))["customer_orders"] == []


async def test_an_answer_that_never_comes(erp: ErpClient) -> None:
    await script(erp, match="POST", do="hang_after_commit", seconds=30)
    with pytest.raises(httpx.ReadTimeout):
        await erp.http.post(
            erp.projections + ORDER_SET,
            json=HEADER,
            headers={"Authorization": f"Bearer {erp.token}"},
            timeout=0.2,
        )
    assert len((await erp.control("state"))["customer_orders"]) == 1


async def test_a_chosen_answer(store: StoreClient) -> None:
    await script(
        store, match="GET .*/v2/time", times=2, do="status", status=503, headers={"X-Retry-After": "7"}, body="down"
    )
    for _ in range(2):
        answer = await store.get("/v2/time")
        assert (answer.status_code, answer.headers["X-Retry-After"], answer.text) == (503, "7", "down")
    assert (await store.get("/v2/time")).status_code == 200


async def test_both_flavours_of_429(store: StoreClient) -> None:
    await script(store, match="/v2/time", do="too_many")
    assert "X-Rate-Limit-Requests-Left" in (await store.get("/v2/time")).headers
    await script(store, match="/v2/time", do="too_many_bare")
    bare = await store.get("/v2/time")
    assert bare.status_code == 429
    assert not [name for name in bare.headers if name.startswith("x-rate-limit")]


async def test_gateway_page_lock_and_stale(erp: ErpClient) -> None:
    await script(erp, match="GET", do="html_502")
    page = await erp.get(ORDER_SET)
    assert (page.status_code, page.headers["content-type"]) == (502, "text/html")
    await script(erp, match="POST", do="locked")
    assert "ORA-20113" in (await erp.call("POST", ORDER_SET, HEADER)).text
    number = await erp.order()
    await erp.line(number)
    await script(erp, match="SetReleased", do="stale")
    assert (await erp.act(number, "SetReleased", etag="*")).status_code == 412
    assert (await erp.act(number, "SetReleased", etag="*")).status_code == 204


async def test_control_is_never_hit(store: StoreClient) -> None:
    await script(store, match=".", times=1000, do="drop_before")
    await store.control("state")
    with pytest.raises(httpx.RemoteProtocolError):
        await store.get("/v2/time")


async def test_storm_misbehaves_and_keeps_the_truth(http: httpx.AsyncClient) -> None:
    async with Simulator(SimulatorOptions(faults="storm", seed=5, quota=None)) as simulator:
        store, erp = store_client(simulator, http), erp_client(simulator, http)
        numbers = await store.place("plain", count=10, deliver=False)
        outcomes = await asyncio.gather(*(outcome(store, number) for number in numbers * 20))
        assert {200, 429, "dropped"} <= set(outcomes)
        assert outcomes.count(200) > 150
        for _ in range(20):
            answer = await asyncio.gather(erp.ask_token(), return_exceptions=True)
            if isinstance(answer[0], httpx.Response) and answer[0].status_code == 200:
                assert answer[0].json()["expires_in"] == 5
                break
        state = await store.control("state")
        assert [order["id"] for order in state["orders"]] == numbers
        assert state["faults"]


async def outcome(store: StoreClient, number: int) -> object:
    try:
        return (await store.get(f"/v2/orders/{number}")).status_code
    except httpx.RemoteProtocolError:
        return "dropped"


async def test_light_is_light(http: httpx.AsyncClient) -> None:
    async with Simulator(SimulatorOptions(faults="light", quota=None)) as simulator:
        store = store_client(simulator, http)
        (number,) = await store.place("plain")
        outcomes = [await outcome(store, number) for _ in range(400)]
    assert 0.95 < outcomes.count(200) / 400 < 1


async def test_latency(store: StoreClient) -> None:
    await store.control("set", {"latency_ms": 50})
    began = time.perf_counter()
    await store.get("/v2/time")
    assert time.perf_counter() - began >= 0.05
