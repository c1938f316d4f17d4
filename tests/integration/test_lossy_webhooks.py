"""Webhooks that get lost, doubled and out of order on their way: every order once, and the miss rate is the truth."""

import asyncio
import random
from datetime import timedelta
from typing import Any

import httpx

from bcifs_console.operations import hooks
from bcifs_console.operations.status import status
from bcifs_console.operations.webhook_overview import overview
from bcifs_console.store import journal
from bcifs_console.sync.poller import Polled, poll
from tests.integration.waiting import until
from tests.integration.world import World
from tests.simulator.clients import Receiver, receiver

CREATED = "store/order/created"
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


async def deliver(world: World, requests: list[Any], dice: random.Random) -> list[Any]:
    """Bring the events to the listener, some never, some twice, all shuffled; those that were brought."""
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
    return kept


def order_of(request: Any) -> int:
    data = request.json()["data"]
    return int(data.get("order_id") or data.get("orderId") or data["id"])


async def polled(world: World) -> Polled:
    """A poll at a time when every webhook has had its grace: the simulator's clock is a minute ahead of ours."""
    runtime = world.context.runtime(world.connection_id)
    try:
        return await poll(
            runtime, overlap=timedelta(minutes=2), refund_overlap=timedelta(0), hook_grace=timedelta(minutes=-2)
        )
    finally:
        await runtime.aclose()


async def test_every_order_stands_once_and_the_miss_rate_is_the_truth(world: World) -> None:
    async with receiver() as way:
        await redirect(world, way)
        placed = await world.store.place("plain", count=ORDERS)
        await world.store.control("settle", {})
        brought = await deliver(world, list(way.received), random.Random(7))
        missed = set(placed) - {order_of(request) for request in brought}
        created = {order_of(request) for request in brought if request.json()["scope"] == CREATED}
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
        await shows(world, missed=len(missed), created=len(created))


async def shows(world: World, *, missed: int, created: int) -> None:
    """`bcifs status`, `bcifs webhooks status` and the console tell the truth."""
    truth = missed / ORDERS
    (connection,) = status(world.context)["connections"]
    assert connection["webhooks"]["miss_rate"] == round(truth, 4)
    now, stale_after = world.context.clock.now(), timedelta(minutes=5)
    (found,) = await world.opened.database.read(lambda conn: overview(conn, now, stale_after=stale_after))
    assert found.miss_rate == truth
    (hook,) = [hook for hook in found.hooks if hook.scope == CREATED]
    assert (hook.missed, hook.heard, hook.last_hour) == (ORDERS - created, created, created)
    (row,) = [row for row in await hooks.status(world.context, None) if row["scope"] == CREATED]
    assert (row["missed"], row["heard"], row["last_hour"]) == (ORDERS - created, created, created)
    assert ORDERS - created > missed, "the other hooks bring what this one misses"
