"""Conflicts that end, and IFS orders that look like ours but are not."""

from pathlib import Path

from tests.integration.conftest import MakeWorld
from tests.integration.storefront import GRACE, address, order
from tests.integration.test_order_states import AWAITING_FULFILLMENT, AWAITING_PAYMENT, CANCELLED, PENDING, posted
from tests.integration.world import World


async def test_an_order_cancelled_by_hand_on_both_sides_is_done_with(make_world: MakeWorld, tmp_path: Path) -> None:
    profile = tmp_path / "by-hand.toml"
    profile.write_text('[order]\ncancel_action = ""\n', encoding="utf-8")
    async with make_world(profile=str(profile)) as world:
        order_id, before = await posted(world)
        await world.change(order_id, status_id=CANCELLED)
        waiting = await world.reaches(order_id, "waiting", reason="conflict")
        assert before["OrderNo"] in waiting.remedy
        await world.erp.log_in()
        etag = (await world.erp.header(before["OrderNo"]))["@odata.etag"]
        answer = await world.erp.act(before["OrderNo"], "SetCancelled", {"CancelReason": "WEB"}, etag)
        assert answer.status_code < 300, answer.text
        await world.sync(order_id)
        view = await world.reaches(order_id, "skipped")
        assert "cancelled in the store and in IFS" in view.error


async def test_nothing_is_added_to_an_order_with_our_reference_that_holds_strange_lines(world: World) -> None:
    """Another program, or a removed connection, used the reference: even for the same customer, but another order."""
    _, known = await posted(world)
    order_id = await world.place(order(status_id=PENDING))
    await world.reaches(order_id, "ignored")
    await world.erp.log_in()
    theirs = await world.erp.order(CustomerNo=known["CustomerNo"], CustomerPoNo=f"BC-{order_id}")
    await world.erp.line(theirs, CustomerPoLineNo="999")
    await world.change(order_id, status_id=AWAITING_FULFILLMENT)
    view = await world.reaches(order_id, "waiting", reason="conflict")
    assert "not this order's" in view.error
    (only,) = await world.ifs_orders(order_id)
    assert [line["CustomerPoLineNo"] for line in only["lines"]] == ["999"]
    assert only["charges"] == []


async def test_what_was_inexact_at_the_first_look_is_still_said_after_the_next(world: World) -> None:
    addresses = [address("Grace", "Hopper", GRACE[2], city=city) for city in ("Austin", "Boston")]
    order_id = await world.place(order(shipping_addresses=addresses))
    first = await world.reaches(order_id, "synced")
    assert [warning["code"] for warning in first.warnings] == ["several_addresses"]
    assert (await world.looked_again(order_id)).warnings == first.warnings


async def test_units_refunded_before_release_are_taken_out_in_ifs_before_it_is_released(world: World) -> None:
    order_id, _ = await posted(world, status_id=AWAITING_PAYMENT)
    (line,) = (await world.store.get(f"/v2/orders/{order_id}/products")).json()
    refund = {
        "items": [{"item_type": "PRODUCT", "item_id": line["id"], "quantity": 1}],
        "payments": [{"provider_id": "custom", "amount": 5, "offline": True}],
        "merchant_calculated_override": {"total_amount": 5, "total_tax": 0},
    }
    answer = await world.store.post(f"/v3/orders/{order_id}/payment_actions/refunds", refund)
    assert answer.status_code == 201, answer.text
    await world.looked_again(order_id)
    stands = await world.ifs_order(order_id)
    assert [row["BuyQtyDue"] for row in stands["lines"]] == [1]
    assert stands["Objstate"] == "Released"
