"""Webhooks that get lost, doubled and out of order on their way: every order once, and the miss rate is the truth."""

import asyncio
import random
from datetime import timedelta
from typing import Any

import httpx

from bcifs_console.store import journal
from bcifs_console.sync.poller import Polled, poll
from tests.integration.waiting import until
from tests.integration.world import World
from tests.simulator.clients import Receiver, receiver

DROPPED, DOUBLED = 0.3, 0.2
ORDERS = 60
#: Beside the drop of single events, so that some orders lose all of theirs.
SILENT = 0.1


async def redirect(world: World, to: Receiver) -> None:
    """Let the store deliver to the unreliable way in place of our listener."""
    for hook in (await world.store_state())["hooks"]:
        url = f"{world.store.path}/v3/hooks/{hook['id']}"
        answer = await world.store.http.put(url, json={"destination": to.url})
        assert answer.status_code == 200, answer.text


async def deliver(world: World, requests: list[Any], dice: random.Random) -> set[int]:
    """Bring the events to the listener, some never, some twice, all shuffled; the orders that were told of."""
    silent = {number for number in sorted({order_of(r) for r in requests}) if dice.random() < SILENT}
    kept = [r for r in requests if order_of(r) not in silent and dice.random() >= DROPPED]
    assert len(kept) / len(requests) <= 1 - DROPPED + 0.05
    sent = kept + [request for request in kept if dice.random() < DOUBLED]
    dice.shuffle(sent)
    turns = asyncio.Semaphore(8)

    async with httpx.AsyncClient(trust_env=False) as http:

        async def send(request: Any) -> None:
            async with turns:
                headers = {k: v for k, v in request.headers.items() if k not in ("host", "content-length")}
                answer = await http.post(world.webhook_url, content=request.body, headers=headers)
                assert answer.status_code == 200, answer.text

        await asyncio.gather(*(send(request) for request in sent))
    return {order_of(request) for request in kept}


def order_of(request: Any) -> int:
    data = request.json()["data"]
    return int(data.get("order_id") or data.get("orderId") or data["id"])


async def polled(world: World) -> Polled:
    """A poll at a time when every webhook has had its grace: the simulator's clock is a minute ahead of ours."""
    runtime = world.context.runtime(world.connection_id)
    try:
        return await poll(runtime, overlap=timedelta(minutes=2), hook_grace=timedelta(minutes=-2))
    finally:
        await runtime.aclose()


async def test_every_order_stands_once_and_the_miss_rate_is_the_truth(world: World) -> None:
    async with receiver() as way:
        await redirect(world, way)
        placed = await world.store.place("plain", count=ORDERS)
        await world.store.control("settle", {})
        told = await deliver(world, list(way.received), random.Random(7))
        missed = set(placed) - told
        assert missed, "the dice must leave some orders without any event"
        found = await polled(world)
        assert set(found.orders) >= missed

        async def synced() -> bool:
            return await world.count("SELECT count(*) FROM store_order WHERE state = 'synced'") == ORDERS

        await until(synced, "every order is synced", deadline_s=60)
        booked = [each["CustomerPoNo"] for each in (await world.ifs_state())["customer_orders"]]
        assert sorted(booked) == sorted(f"BC-{number}" for number in placed)
        counts = await world.opened.database.read(lambda conn: journal.counts(conn, "changes"))
        assert counts == {
            (world.connection_id, "missed"): len(missed),
            (world.connection_id, "heard"): ORDERS - len(missed),
        }
