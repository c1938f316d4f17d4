"""Backfill: a period or single orders, also from before the start, into IFS once each and cheaply, killed or not."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest

from bcifs_console.domain.states import OrderState
from bcifs_console.operations import backfill, backfill_forecast
from bcifs_console.operations.backfill import Marked, Request
from tests.integration.bookkeeping import books, vouchers
from tests.integration.conftest import MakeWorld
from tests.integration.storefront import order
from tests.integration.waiting import until
from tests.integration.world import World

DAY_S = 86_400
PATIENCE_S = 60.0


def last_days(days: int) -> Request:
    """Everything placed in so many days up to now."""
    return Request(since=(datetime.now(UTC) - timedelta(days=days)).replace(tzinfo=None))


async def marked(world: World, request: Request) -> Marked:
    return await backfill.mark(world.context, None, request)


async def done(world: World, found: Marked) -> dict[OrderState, int]:
    """Wait until the backfill's orders are settled; how many are in each state."""
    waited = await backfill.wait_for(world.context, world.connection_id, found.id, PATIENCE_S)
    assert not waited.timed_out, waited
    return waited.states


async def calls(world: World) -> int:
    return int((await world.store_state())["calls"].get("total", 0))


async def stands_once(world: World, order_ids: Sequence[int]) -> None:
    """Each of the orders is in IFS once, and nothing else is."""
    booked = [each["CustomerPoNo"] for each in (await world.ifs_state())["customer_orders"]]
    assert sorted(booked) == sorted(f"BC-{number}" for number in order_ids)


async def test_plain_orders_cost_hardly_more_than_one_call_each(make_world: MakeWorld) -> None:
    """Lists bring all but the transactions; refunds of a page come with one call."""
    async with make_world(**books()) as world:
        placed = await world.store.place("plain", count=40, deliver=False)
        before = await calls(world)
        found = await marked(world, last_days(1))
        assert (found.seen, found.marked) == (40, 40)
        assert await done(world, found) == {OrderState.SYNCED: 40}
        await stands_once(world, placed)
        assert (await calls(world) - before) / 40 <= 1.3
        assert {"PAY"} <= {key.partition("/")[0] for key in await vouchers(world, placed[0])}
        again = await marked(world, last_days(1))
        assert (again.seen, again.calls) == (40, 2), "one list of orders, one of refunds"
        assert again.marked == 0
        await stands_once(world, placed)


async def test_orders_from_before_the_start_are_imported_and_their_old_facts_stay_unposted(
    make_world: MakeWorld,
) -> None:
    async with make_world(**books()) as world:
        old = await world.store.place("plain", count=3, deliver=False, backdate_seconds=90 * DAY_S)
        found = await marked(world, last_days(100))
        assert found.marked == 3
        assert await done(world, found) == {OrderState.SYNCED: 3}
        await stands_once(world, old)
        for number in old:
            assert await vouchers(world, number) == {}
        named = await world.place(order())
        assert (await world.looked_again(old[0])).state == "synced", "a later look still counts it"
        await world.reaches(named, "synced")


async def test_single_orders_are_backfilled_by_number(world: World) -> None:
    old, other = await world.store.place("plain", count=2, deliver=False, backdate_seconds=90 * DAY_S)
    found = await marked(world, Request(order_ids=(old,)))
    assert (found.seen, found.marked) == (1, 1)
    assert await done(world, found) == {OrderState.SYNCED: 1}
    await stands_once(world, [old])
    assert await world.view(other) is None


async def test_an_order_placed_meanwhile_goes_first(make_world: MakeWorld) -> None:
    """The quota is the limit: 60 orders are due without hurry; one that is placed now is in IFS long before them."""
    async with make_world(settings={"concurrency": 4}, **books()) as world:
        await world.store.place("plain", count=60, deliver=False)
        await world.store.control("set", {"quota": 40})
        found = await marked(world, last_days(1))
        live = await world.place(order())
        await world.reaches(live, "synced")
        states = (await backfill.wait_for(world.context, world.connection_id, found.id, 0)).states
        assert states[OrderState.DUE] >= 20, states
        assert (await world.store_state())["quota"]["refused"] == 0


async def test_a_forecast_tells_what_would_come_and_stores_nothing(make_world: MakeWorld) -> None:
    async with make_world() as world:
        await world.stop()
        old = await world.store.place("plain", count=3, deliver=False, backdate_seconds=90 * DAY_S)
        await world.place(order(buyer=("Nobody", "Known", "nobody.known@example.net")))
        await world.place(order(status_id=1))
        sold = (await world.store_state())["orders"]
        found = await backfill_forecast.forecast(world.context, None, last_days(100))
        assert found.outcomes == {"new": 3, "waiting": 1, "ignored": 1}
        assert found.sums == {"USD": sum(Decimal(row["total_inc_tax"]) for row in sold if row["id"] in old)}
        ((reason, message, remedy),) = found.waiting
        assert reason == "customer"
        assert message
        assert remedy
        assert await world.count("SELECT count(*) FROM store_order") == 0
        assert await world.count("SELECT count(*) FROM order_listing") == 0
        assert (await world.ifs_state())["customer_orders"] == []


@pytest.mark.process
async def test_killed_three_times_each_order_stands_once(make_world: MakeWorld) -> None:
    """`bcifs backfill --wait` without a service, killed in the middle of its work, and started again."""
    async with make_world(**books()) as world:
        await world.stop()
        placed = await world.store.place("plain", count=36, deliver=False)
        command = [sys.executable, "-m", "bcifs_console", "--home", str(world.settings.home), "backfill", "--json"]
        command += ["--since", f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%d}", "--wait", "60"]
        environment = {
            **os.environ,
            "BCIFS_REQUEST_DEADLINE_S": "5",
            "BCIFS_RESEND_AFTER_S": "0.5",
            "BCIFS_CONCURRENCY": "4",
        }

        async def in_ifs(number: int) -> bool:
            return len((await world.ifs_state())["customer_orders"]) >= number

        for number in (6, 14, 22):
            running = await asyncio.create_subprocess_exec(
                *command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            await until(partial(in_ifs, number), f"{number} orders are in IFS")
            running.kill()
            await running.wait()
        last = await asyncio.create_subprocess_exec(
            *command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        out, err = await last.communicate()
        assert last.returncode == 0, err.decode()
        (row,) = json.loads(out)
        assert row["orders"] == {"synced": row["marked"]}
        assert row.keys() >= {"seen", "marked", "calls", "elapsed_s"}
        await stands_once(world, placed)
        for number in placed:
            keys = await vouchers(world, number)
            assert [key for key in keys if key.startswith("PAY/")], keys
