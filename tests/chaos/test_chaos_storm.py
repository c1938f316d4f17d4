"""A storm on both sides at once: nothing fails, nothing is doubled, nothing is lost, every amount is right."""

from collections import Counter
from pathlib import Path
from typing import Final

from bcifs_console.domain.states import OrderState
from bcifs_console.store import queue, views
from tests.chaos.chaos_upstreams import Booked, Sold
from tests.integration.waiting import until
from tests.integration.world import World, open_world

#: Every kind that is imported and released, but for the long one, whose sixty lines only take time.
GOOD: Final = (
    *("plain", "multi_line", "guest", "tax_inclusive", "coupon", "manual_discount", "free_shipping", "gift_wrapping"),
    *("digital", "jpy", "kwd", "eur", "custom_item", "handling_fee", "bundle", "zero_rated", "gift_certificate_tender"),
)
#: Those that wait for a person, and for what.
WAITING: Final = {
    "unknown_buyer": "customer",
    "shared_email": "customer",
    "unmapped_sku": "mapping",
    "totals_off": "totals",
}
_TIMES: Final[dict[str, object]] = {"retry_cap_s": 0.5, "max_attempts": 60}


async def _is_calm(world: World, expected: int) -> bool:
    """Whether every order is known and none moves; where deliveries got lost, the poll finds what they were about."""
    states = await world.opened.database.read(queue.states)
    moving = sum(number for (_, state), number in states.items() if state in (OrderState.DUE, OrderState.WORKING))
    if moving:
        return False
    if sum(states.values()) < expected:
        assert world.service is not None
        world.service.poll_soon()
        return False
    return True


async def test_forty_two_orders_in_a_storm(tmp_path: Path) -> None:
    async with open_world(tmp_path, **_TIMES) as world:
        await world.add_connection()
        await world.register_hooks()
        await world.store.control("faults", {"profile": "storm"})
        placed = await world.store.place(*GOOD, *WAITING, count=2 * (len(GOOD) + len(WAITING)))

        async def is_calm() -> bool:
            return await _is_calm(world, len(placed))

        await until(is_calm, "the storm has been weathered", deadline_s=100)
        await world.store.control("faults", {"profile": "none"})
        struck = (await world.ifs_state())["faults"]
        assert struck["ifs.drop_after_commit"] > 0
        assert struck["bigcommerce.drop_after_commit"] > 0
        found = {view.order_id: view for view in await world.opened.database.read(views.orders)}
        state, sold = await world.ifs_state(), await world.store_state()
    assert Counter(view.state for view in found.values()) == {"synced": 2 * len(GOOD), "waiting": 2 * len(WAITING)}
    booked = Counter(order["CustomerPoNo"] for order in state["customer_orders"])
    assert set(booked.values()) == {1}, "an order stands in IFS twice"
    orders = {order["id"]: order for order in sold["orders"]}
    for order_id in placed:
        kind = sold["kinds"][str(order_id)]
        if kind in WAITING:
            assert (found[order_id].reason, booked[f"BC-{order_id}"]) == (WAITING[kind], 0), kind
        else:
            Booked.of(state, order_id).assert_equals(Sold(orders[order_id], sold["products"][str(order_id)]))
