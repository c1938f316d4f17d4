"""An order that a person leaves out is not sent, whatever the store tells of it, until it is taken in again."""

from bcifs_console.operations import order_skip
from tests.integration.storefront import order, priced
from tests.integration.world import World


async def test_an_order_left_out_is_not_sent_until_it_is_taken_in_again(world: World) -> None:
    world_id = world.connection_id
    order_id = await world.place(order(priced("Prototype", "NO-SUCH-PART", 1, 10.0, 10.8)))
    await world.reaches(order_id, "waiting", reason="mapping")
    order_skip.skip(world.context, world_id, order_id, "a test order of our own")
    left = await world.reaches(order_id, "skipped")
    assert left.error == "a test order of our own"

    world.add_sales_part("NO-SUCH-PART")
    await world.change(order_id, staff_notes="changed")  # the store tells of it, and it stays left out
    assert (await world.looked_again(order_id)).state == "skipped"
    assert await world.ifs_orders(order_id) == []

    order_skip.unskip(world.context, world_id, order_id)
    await world.reaches(order_id, "synced")
    assert len(await world.ifs_orders(order_id)) == 1
