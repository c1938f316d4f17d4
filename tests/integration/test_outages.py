"""One side does not work: the connection is paused with its cause, its orders stay due, and go on after the repair."""

import asyncio
from typing import Any

from bcifs_console.domain.states import Side
from bcifs_console.operations import connect, status
from bcifs_console.store import connections, health
from tests.integration.conftest import MakeWorld
from tests.integration.storefront import order
from tests.integration.waiting import until
from tests.integration.world import World


async def paused(world: World, side: Side) -> health.Breaker:
    """Wait until this side of the connection is paused."""

    async def look() -> health.Breaker | None:
        rows = await world.opened.database.read(health.breakers)
        return next((row for row in rows if row.side is side and row.is_open), None)

    return await until(look, f"{side} is paused")


async def what_people_see(world: World) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The connection's row of `bcifs status`, and `bcifs problems list`."""
    context = world.context
    shown = await asyncio.to_thread(status.status, context)
    problems = await asyncio.to_thread(status.problems, context)
    return shown["connections"][0], problems


async def stays_due(world: World, order_id: int) -> None:
    """The order is due because of its connection, with its attempts whole."""
    view = await world.reaches(order_id, "due", reason="connection")
    assert view.attempts == 0
    assert view.error
    assert view.remedy


async def set_secret(world: World, field: str, value: str) -> None:
    """`bcifs connection set acme-us FIELD env:NEW_SECRET`."""
    await asyncio.to_thread(
        connect.set_secret, world.context, "acme-us", field, "env:NEW_SECRET", {"NEW_SECRET": value}
    )


async def test_a_wrong_ifs_secret(world: World) -> None:
    await world.knobs("ifs", client_secret="changed-in-ifs", expire_tokens=True)
    order_id = await world.place(order())
    breaker = await paused(world, Side.IFS)
    await stays_due(world, order_id)
    assert "client_secret" in breaker.remedy
    connection, problems = await what_people_see(world)
    assert (connection["bigcommerce"], connection["ifs"]) == ("ok", breaker.cause)
    (row,) = problems
    assert (row["class"], row["orders"], row["cause"], row["remedy"]) == (
        "connection",
        1,
        breaker.cause,
        breaker.remedy,
    )
    await set_secret(world, connections.IFS_CLIENT_SECRET, "changed-in-ifs")
    await world.reaches(order_id, "synced")
    assert (await world.ifs_order(order_id))["Objstate"] == "Released"
    connection, problems = await what_people_see(world)
    assert (connection["ifs"], problems) == ("ok", [])


async def test_a_wrong_secret_that_is_not_repaired_is_not_hammered(make_world: MakeWorld) -> None:
    """Twenty orders due, the secret wrong: IFS is asked a few times, not twenty times twelve."""
    async with make_world(settings={"probe_interval_s": 3600.0}) as world:
        await world.knobs("ifs", client_secret="changed-in-ifs", expire_tokens=True)
        placed = [await world.place(order()) for _ in range(20)]
        await paused(world, Side.IFS)
        before = (await world.ifs_state())["calls"]["total"]
        for order_id in placed:
            view = await world.reaches(order_id, "due")
            assert view.attempts == 0
        await world.place(order())
        await world.store.control("settle", {})
        assert (await world.ifs_state())["calls"]["total"] - before <= 20


async def test_a_missing_ifs_permission(world: World) -> None:
    await world.knobs("ifs", revoke_grants=["CustomerOrderHandling", "CustomerOrdersHandling"])
    order_id = await world.place(order())
    breaker = await paused(world, Side.IFS)
    await stays_due(world, order_id)
    assert "permission set" in breaker.remedy
    assert await world.ifs_orders(order_id) == []
    await world.knobs("ifs", revoke_grants=[])
    await world.reaches(order_id, "synced")


async def test_a_permission_missing_for_one_projection_only(world: World) -> None:
    """What the probe reads is granted, what the posting needs is not: still no order fails (DESIGN §4)."""
    await world.knobs("ifs", revoke_grants=["SalesPartHandling"])
    placed = [await world.place(order()) for _ in range(2)]
    await paused(world, Side.IFS)

    async def denied_again() -> bool:
        calls: dict[str, int] = (await world.ifs_state())["calls"]
        return sum(count for call, count in calls.items() if "SalesPartSet" in call) >= 6

    await until(denied_again, "it was tried again after probes that found nothing wrong")
    for order_id in placed:
        view = await world.reaches(order_id, "due", reason="connection")
        assert (view.state, view.attempts) == ("due", 0)
    await world.knobs("ifs", revoke_grants=[])
    for order_id in placed:
        await world.reaches(order_id, "synced")


async def test_a_site_the_service_user_may_not_use(world: World) -> None:
    """IFS hides the rows of a site that is not allowed: it looks as if nothing were there, and the remedy says so."""
    await world.knobs("ifs", allowed_sites=["200"])
    order_id = await world.place(order())
    view = await world.reaches(order_id, "waiting", reason="mapping")
    assert "allow the service user site 100" in view.remedy
    assert await world.ifs_orders(order_id) == []
    await world.knobs("ifs", allowed_sites=None)
    await world.looked_again(order_id)
    assert (await world.ifs_order(order_id))["Objstate"] == "Released"


async def test_ifs_down(world: World) -> None:
    await world.script({"side": "ifs", "match": ".", "times": 1_000_000, "do": "drop_before"})
    placed = [await world.place(order()) for _ in range(4)]
    breaker = await paused(world, Side.IFS)
    assert breaker.cause
    for order_id in placed:
        view = await world.reaches(order_id, "due")
        assert view.attempts < 12
        assert view.error
    await world.script()
    for order_id in placed:
        await world.reaches(order_id, "synced")
        assert (await world.ifs_order(order_id))["Objstate"] == "Released"


async def test_ifs_down_for_long_fails_no_order(make_world: MakeWorld) -> None:
    """More failures than an order has attempts: the breaker stands between."""
    async with make_world(settings={"max_attempts": 3}) as world:
        await world.script({"side": "ifs", "match": ".", "times": 1_000_000, "do": "status", "status": 503})
        placed = [await world.place(order()) for _ in range(12)]
        await paused(world, Side.IFS)

        async def probed() -> bool:
            rows = await world.opened.database.read(health.breakers)
            calls: dict[str, int] = (await world.ifs_state())["calls"]
            return all(row.is_open for row in rows) and calls["total"] - before >= 3

        before = (await world.ifs_state())["calls"]["total"]
        await until(probed, "three probes failed")
        for order_id in placed:
            assert (await world.reaches(order_id, "due")).state == "due"
        await world.script()
        for order_id in placed:
            await world.reaches(order_id, "synced")


async def test_one_order_that_ifs_cannot_take_is_given_up_and_the_others_go_on(make_world: MakeWorld) -> None:
    """Whatever is done with one order number, IFS answers 503: that order fails after its attempts, visibly."""
    async with make_world(settings={"max_attempts": 3, "request_deadline_s": 0.5}) as world:
        await world.script({"side": "ifs", "match": "P10001", "times": 1_000_000, "do": "status", "status": 503})
        bad = await world.place(order())
        view = await world.reaches(bad, "failed")
        assert (view.attempts, view.ifs_order_no) == (3, "P10001")
        assert view.error
        assert view.remedy
        good = await world.place(order())
        await world.reaches(good, "synced")
        _, problems = await what_people_see(world)
        assert [(row["class"], row["orders"]) for row in problems] == [("failed", 1)]
        await world.script()
        assert (await world.looked_again(bad)).state == "synced"
        assert (await world.ifs_order(bad))["Objstate"] == "Released"


async def test_the_bigcommerce_token_is_revoked(world: World) -> None:
    order_id = await world.place_kind("plain", deliver=False)
    await world.knobs("bigcommerce", access_token="a-new-token")
    await world.sync(order_id)
    breaker = await paused(world, Side.BIGCOMMERCE)
    await stays_due(world, order_id)
    assert "access token" in breaker.remedy
    connection, problems = await what_people_see(world)
    assert (connection["bigcommerce"], connection["ifs"]) == (breaker.cause, "ok")
    assert [row["remedy"] for row in problems] == [breaker.remedy]
    await set_secret(world, connections.BC_ACCESS_TOKEN, "a-new-token")
    await world.reaches(order_id, "synced")


async def test_a_bigcommerce_scope_is_missing(world: World) -> None:
    order_id = await world.place_kind("plain", deliver=False)
    await world.knobs("bigcommerce", revoke_scopes=["orders"])
    await world.sync(order_id)
    breaker = await paused(world, Side.BIGCOMMERCE)
    await stays_due(world, order_id)
    assert "store_v2_orders_read_only" in breaker.cause + breaker.remedy
    await world.knobs("bigcommerce", revoke_scopes=[])
    await world.reaches(order_id, "synced")


async def test_a_pause_outlives_the_service(world: World) -> None:
    """A restart does not forget that the secret is wrong, nor the orders that wait for it."""
    await world.knobs("ifs", client_secret="changed-in-ifs", expire_tokens=True)
    order_id = await world.place(order())
    await paused(world, Side.IFS)
    await stays_due(world, order_id)
    await world.stop()
    await world.start()
    assert (await paused(world, Side.IFS)).is_open
    await set_secret(world, connections.IFS_CLIENT_SECRET, "changed-in-ifs")
    await world.reaches(order_id, "synced")


async def test_a_used_up_quota_is_waited_for_without_burning_attempts(world: World) -> None:
    order_id = await world.place_kind("plain", deliver=False)
    await world.script({"side": "bigcommerce", "match": f"GET .*/orders/{order_id}", "do": "too_many"})
    await world.sync(order_id)

    async def refused() -> bool:
        view = await world.view(order_id)
        return view is not None and "quota" in view.error

    await until(refused, "the order says that the quota is used up")
    view = await world.reaches(order_id, "due", "synced")
    assert view.attempts == 0
    assert not any(row.is_open for row in await world.opened.database.read(health.breakers))
    await world.reaches(order_id, "synced")
