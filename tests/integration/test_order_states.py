"""What happens to an order after it was placed: status gate, release gate, edits, cancellations, a lost database."""

from typing import Any

import pytest

from tests.integration.comparing import money
from tests.integration.conftest import MakeWorld
from tests.integration.storefront import order, product
from tests.integration.world import World

PENDING, AWAITING_PAYMENT, CANCELLED, DECLINED, AWAITING_FULFILLMENT, DISPUTED = 1, 7, 5, 6, 11, 13


async def test_the_apis_default_status_is_gated_and_comes_in_later(world: World) -> None:
    body = order()
    del body["status_id"]
    order_id = await world.place(body)
    view = await world.reaches(order_id, "ignored")
    assert (view.status_id, view.error) == (PENDING, "status 1 Pending")
    assert await world.ifs_orders(order_id) == []
    await world.change(order_id, status_id=AWAITING_FULFILLMENT)
    await world.reaches(order_id, "synced")
    assert (await world.ifs_order(order_id))["Objstate"] == "Released"


@pytest.mark.parametrize("status_id", [0, PENDING, 12, CANCELLED, DECLINED])
async def test_gated_statuses_make_nothing(world: World, status_id: int) -> None:
    order_id = await world.place(order(status_id=status_id))
    assert (await world.settles(order_id)).state == "ignored"
    assert (await world.ifs_state())["customer_orders"] == []


async def test_an_order_placed_before_the_start_is_ignored(world: World) -> None:
    order_id = await world.place(order(date_created="Mon, 02 Mar 2026 10:00:00 +0000"))
    view = await world.settles(order_id)
    assert (view.state, view.error) == ("ignored", "before start")
    assert await world.ifs_orders(order_id) == []


@pytest.mark.parametrize("status_id", [AWAITING_PAYMENT, DISPUTED])
async def test_an_unpaid_or_disputed_order_is_planned_until_its_status_changes(world: World, status_id: int) -> None:
    order_id = await world.place(order(status_id=status_id))
    await world.reaches(order_id, "synced")
    booked = await world.ifs_order(order_id)
    assert (booked["Objstate"], len(booked["lines"])) == ("Planned", 1)
    await world.looked_again(order_id)
    assert (await world.ifs_order(order_id))["Objstate"] == "Planned"
    await world.change(order_id, status_id=AWAITING_FULFILLMENT)
    await world.store.control("settle", {})
    await world.settles(order_id)
    released = await world.ifs_order(order_id)
    assert (released["OrderNo"], released["Objstate"]) == (booked["OrderNo"], "Released")


async def test_no_release_status_leaves_every_order_planned(make_world: MakeWorld) -> None:
    async with make_world(policy="release_statuses = []") as world:
        order_id = await world.place(order())
        await world.reaches(order_id, "synced")
        assert (await world.ifs_order(order_id))["Objstate"] == "Planned"


async def posted(world: World, **fields: Any) -> tuple[int, dict[str, Any]]:
    """An order that stands in IFS, and how it stands there."""
    order_id = await world.place(order(product(113, 2), **fields))
    await world.reaches(order_id, "synced")
    return order_id, await world.ifs_order(order_id)


async def test_an_edited_order_waits_and_ifs_stays_as_it_was(world: World) -> None:
    order_id, before = await posted(world)
    state = await world.store_state()
    (line,) = state["products"][str(order_id)]
    await world.change(order_id, products=[{"id": line["id"], "quantity": 3}])
    view = await world.reaches(order_id, "waiting", reason="conflict")
    assert "edited" in view.error
    assert before["OrderNo"] in view.remedy
    assert (await world.ifs_order(order_id))["lines"] == before["lines"]
    await world.change(order_id, products=[{"id": line["id"], "quantity": 2}])
    await world.reaches(order_id, "synced")
    assert await world.ifs_order(order_id) == before


async def test_an_added_line_is_an_edit(world: World) -> None:
    order_id, before = await posted(world)
    await world.change(order_id, products=[{"product_id": 125, "quantity": 1}])
    view = await world.reaches(order_id, "waiting", reason="conflict")
    assert "edited" in view.error
    assert await world.ifs_order(order_id) == before


async def test_an_edit_before_posting_is_simply_what_is_posted(world: World) -> None:
    order_id = await world.place(order(product(113, 2), status_id=PENDING))
    await world.reaches(order_id, "ignored")
    await world.change(order_id, products=[{"product_id": 125, "quantity": 1}])
    sold = await world.change(order_id, status_id=AWAITING_FULFILLMENT)
    await world.reaches(order_id, "synced")
    booked = await world.ifs_order(order_id)
    assert money(booked["TotalGrossInclChrgCurr"]) == money(sold["total_inc_tax"])
    assert [line["CatalogNo"] for line in booked["lines"]] == ["SIM-1001", "MUG-GRY"]


async def test_a_changed_address_or_note_is_no_edit(world: World) -> None:
    order_id, before = await posted(world)
    await world.change(order_id, staff_notes="call before noon", billing_address={"street_1": "2 New Street"})
    view = await world.looked_again(order_id)
    assert view.state == "synced"
    assert await world.ifs_order(order_id) == before


@pytest.mark.parametrize("status_id", [CANCELLED, DECLINED])
async def test_a_cancellation_after_posting_cancels_the_order_in_ifs(world: World, status_id: int) -> None:
    order_id, _ = await posted(world)
    await world.change(order_id, status_id=status_id)
    view = await world.reaches(order_id, "skipped")
    assert "cancelled in the store and in IFS" in view.error
    assert (await world.ifs_order(order_id))["Objstate"] == "Cancelled"


async def test_an_order_that_ifs_does_not_let_go_waits_for_a_person(world: World) -> None:
    order_id, before = await posted(world)
    await world.erp.control("customer_orders", {"order_no": before["OrderNo"], "state": "Delivered"})
    await world.change(order_id, status_id=CANCELLED)
    view = await world.reaches(order_id, "waiting", reason="conflict")
    assert before["OrderNo"] in view.remedy
    assert (await world.ifs_order(order_id))["Objstate"] == "Delivered"


async def test_an_order_cancelled_in_ifs_is_not_sent_again(world: World) -> None:
    order_id, before = await posted(world, status_id=AWAITING_PAYMENT)
    await world.erp.log_in()
    etag = (await world.erp.header(before["OrderNo"]))["@odata.etag"]
    answer = await world.erp.act(before["OrderNo"], "SetCancelled", {"CancelReason": "WEB"}, etag)
    assert answer.status_code < 300, answer.text
    await world.change(order_id, status_id=AWAITING_FULFILLMENT)
    view = await world.reaches(order_id, "waiting", reason="conflict")
    assert "cancelled in IFS" in view.error
    assert (await world.ifs_order(order_id))["Objstate"] == "Cancelled"


async def test_an_order_is_adopted_when_our_database_was_lost(world: World) -> None:
    """The same store and company, a new installation: it finds the order by its reference and does not double it."""
    order_id, before = await posted(world)
    await world.stop()
    for left in world.settings.home.glob("bcifs.db*"):
        left.unlink()
    await world.start()
    await world.add_connection()
    view = await world.reaches(order_id, "synced")  # found by the first poll
    assert view.ifs_order_no == before["OrderNo"]
    assert await world.ifs_order(order_id) == before


async def test_a_half_made_order_is_completed_when_our_database_was_lost(world: World) -> None:
    """Header and one line are there, the rest is not: only the rest is made."""
    await world.script({"side": "ifs", "match": "POST .*OrderLinesArray", "nth": 2, "times": 1000, "do": "status"})
    order_id = await world.place(order(product(113), product(125, 2), product(131)))
    await world.reaches(order_id, "due")

    await world.stop()
    half = await world.ifs_order(order_id)
    assert len(half["lines"]) == 1
    for left in world.settings.home.glob("bcifs.db*"):
        left.unlink()
    await world.script()
    await world.start()
    await world.add_connection()
    await world.reaches(order_id, "synced")
    whole = await world.ifs_order(order_id)
    assert (whole["OrderNo"], whole["Objstate"]) == (half["OrderNo"], "Released")
    assert sorted(line["CatalogNo"] for line in whole["lines"]) == ["BREWER-1", "MUG-GRY", "SIM-1001"]
    assert {line["Account"] for line in whole["lines"]} == {"4000"}


async def test_a_strangers_order_with_our_reference_is_not_adopted(world: World) -> None:
    """Somebody entered an order for another customer under the very reference that ours will carry."""
    await world.erp.log_in()
    order_id = await world.place(order(status_id=PENDING))
    await world.reaches(order_id, "ignored")
    theirs = await world.erp.order(CustomerNo="C1009", CustomerPoNo=f"BC-{order_id}")
    await world.change(order_id, status_id=AWAITING_FULFILLMENT)
    view = await world.reaches(order_id, "waiting", reason="conflict")
    assert theirs in view.error
    assert "C1009" in view.error
    assert (await world.ifs_order(order_id))["lines"] == []
