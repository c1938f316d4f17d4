"""Nothing rests on webhooks alone: orders are found that came while we were down, or whose delivery was lost."""

from pathlib import Path

from bcifs_console.operations import hooks
from tests.integration.conftest import MakeWorld
from tests.integration.storefront import order
from tests.integration.waiting import until
from tests.integration.world import HOOK_START_S, World, open_world


async def test_a_poll_at_start_finds_what_arrived_while_we_were_down(world: World) -> None:
    before = await world.place(order())
    await world.reaches(before, "synced")
    await world.stop()
    missed = [await world.place(order()) for _ in range(3)]
    for order_id in missed:
        assert await world.view(order_id) is None
    await world.start()
    for order_id in missed:
        view = await world.reaches(order_id, "synced")
        assert view.found_by == "poll"
        assert (await world.ifs_order(order_id))["Objstate"] == "Released"
    assert len(await world.ifs_orders(before)) == 1


async def test_the_stores_retries_bring_what_we_missed_and_double_nothing(world: World) -> None:
    await world.stop()
    order_id = await world.place(order())
    await world.store.control("settle", {})
    deliveries = (await world.store_state())["deliveries"]
    assert {d["state"] for d in deliveries} == {"retrying"}
    await world.start()
    await world.reaches(order_id, "synced")
    booked = await world.ifs_order(order_id)
    await world.advance(600)
    deliveries = (await world.store_state())["deliveries"]
    assert {d["state"] for d in deliveries} == {"delivered"}
    await world.settles(order_id)
    assert await world.ifs_order(order_id) == booked


async def test_a_lost_delivery_is_found_by_the_next_poll(make_world: MakeWorld) -> None:
    async with make_world(settings={"poll_interval_s": 0.3}) as world:
        order_id = await world.place_kind("plain", deliver=False)
        view = await world.reaches(order_id, "synced")
        assert view.found_by == "poll"


async def test_a_status_change_of_which_no_webhook_tells_is_found_by_poll(world: World) -> None:
    order_id = await world.place(order(status_id=1))
    await world.reaches(order_id, "ignored")
    for hook in (await world.store_state())["hooks"]:
        answer = await world.store.http.delete(f"{world.store.path}/v3/hooks/{hook['id']}")
        assert answer.status_code == 200
    await world.advance(5)  # date_modified has whole seconds
    await world.change(order_id, status_id=11)
    assert (await world.settles(order_id)).state == "ignored"
    ((_, polled),) = await hooks.poll_now(world.context, None)
    assert polled.marked == 1
    await world.reaches(order_id, "synced")


async def test_a_second_poll_finds_nothing_new(world: World) -> None:
    placed = [await world.place(order()) for _ in range(3)]
    for order_id in placed:
        await world.reaches(order_id, "synced")
    ((name, first),) = await hooks.poll_now(world.context, None)
    ((_, second),) = await hooks.poll_now(world.context, None)
    assert name == "acme-us"
    assert (first.marked, second.marked) == (0, 0)
    assert first.seen >= 3
    assert first.calls >= 1


async def test_a_poll_of_many_orders_finds_every_one(make_world: MakeWorld) -> None:
    """More than two pages of 250, all modified within a second or two, which no cursor of whole seconds tells apart."""
    async with make_world(policy="import_statuses = [10]") as world:
        placed = await world.store.place("plain", count=600, deliver=False)
        ((_, polled),) = await hooks.poll_now(world.context, None)
        assert polled.marked == len(placed)
        assert polled.calls <= len(placed) // 20  # by pages, not by orders, over however many seconds
        assert await world.count("SELECT count(*) FROM store_order") == len(placed)


async def test_orders_from_before_the_start_are_not_found(world: World) -> None:
    """Touched today, placed long before go-live."""
    old = await world.place_kind("plain", deliver=False, backdate_seconds=30 * 86_400)
    new = await world.place_kind("plain", deliver=False)
    await world.change(old, staff_notes="touched")  # tells by webhook too
    await world.settles(old)
    ((_, polled),) = await hooks.poll_now(world.context, None)
    await world.reaches(new, "synced")
    view = await world.view(old)
    assert view is not None
    assert (view.state, view.error) == ("ignored", "before start")
    assert polled.marked == 1


async def test_orders_placed_before_a_new_hook_fires_are_found_by_poll(tmp_path: Path) -> None:
    """A new hook may need a minute (facts §2.1): what is placed in it tells nobody. Each order stands once."""
    async with open_world(tmp_path) as world:
        await world.add_connection()
        await hooks.register(world.context, None)
        early = await world.place_kind("plain", deliver=False)
        await world.advance(HOOK_START_S)
        late = await world.place(order())
        assert (await world.reaches(late, "synced")).found_by == "webhook"
        ((_, polled),) = await hooks.poll_now(world.context, None)
        assert polled.marked == 1
        assert (await world.reaches(early, "synced")).found_by == "poll"
        for order_id in (early, late):
            assert len(await world.ifs_orders(order_id)) == 1


async def test_storm_every_order_stands_once(make_world: MakeWorld) -> None:
    """Lost, doubled, shuffled deliveries, lost answers, 429, 5xx, 412: every order in IFS once, equal to the cent."""
    async with make_world(settings={"request_deadline_s": 2.0, "resend_after_s": 0.5, "max_attempts": 40}) as world:
        await world.store.control("faults", {"profile": "storm"})
        placed = await world.store.place("plain", "coupon", "jpy", "gift_wrapping", "multi_line", "digital", count=24)

        async def all_known() -> bool:
            return await world.count("SELECT count(*) FROM store_order") == len(placed)

        if not await all_known():
            assert world.service is not None
            world.service.poll_soon()
        await until(all_known, "every order is known", deadline_s=40)
        await world.store.control("faults", {"profile": "none"})
        sold = {row["id"]: row for row in (await world.store_state())["orders"]}
        for order_id in placed:
            await world.reaches(order_id, "synced")
            booked = await world.ifs_order(order_id)
            assert booked["Objstate"] == "Released"
            assert f"{booked['TotalGrossInclChrgCurr']:.4f}" == f"{float(sold[order_id]['total_inc_tax']):.4f}"
