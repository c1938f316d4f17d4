"""Buyers whom IFS does not know: the order waits, a person decides, IFS then holds what was decided (DESIGN §7)."""

import asyncio
from typing import Any

import pytest

from bcifs_console.operations import decide
from bcifs_console.operations.decide import NoSuchCustomer, NoSuchDecision, OpenDecision
from tests.integration.conftest import MakeWorld
from tests.integration.storefront import address, order
from tests.integration.world import World

TYCHO = order(billing=address("Tycho", "Brahe", "tycho.brahe@example.net"), customer_id=202)
OMAR = order(billing=address("Omar", "Khayyam", "omar.khayyam@example.net"), customer_id=204)
GUEST = order(billing=address("Hypatia", "Alexandria", "hypatia@example.net"))
SHARED = order(billing=address("Buying", "Department", "purchasing@example.org"), customer_id=301)


async def open_decisions(world: World) -> list[OpenDecision]:
    return await asyncio.to_thread(decide.listing, world.context, None)


async def asked_about(world: World, *order_ids: int) -> OpenDecision:
    """The one open question, about exactly these orders."""
    for order_id in order_ids:
        await world.reaches(order_id, "waiting", reason="customer")
    (found,) = await open_decisions(world)
    assert found.orders == order_ids
    return found


async def customers(world: World) -> dict[str, dict[str, Any]]:
    return {row["CustomerId"]: row for row in (await world.ifs_state())["customers"]}


async def test_an_unknown_buyers_order_waits_and_nothing_is_sent(world: World) -> None:
    before = await customers(world)
    order_id = await world.place(TYCHO)
    found = await asked_about(world, order_id)
    view = await world.settles(order_id)
    assert (found.decision.email, found.decision.name) == ("tycho.brahe@example.net", "Tycho Brahe")
    assert found.decision.candidates == ()
    assert "tycho.brahe@example.net" in view.error
    assert "Link" in view.remedy
    assert await world.ifs_orders(order_id) == []
    assert (await customers(world)).keys() == before.keys()


async def test_create_makes_one_customer_for_all_orders_of_the_buyer(world: World) -> None:
    before = await customers(world)
    first, second = await world.place(TYCHO), await world.place(TYCHO)
    found = await asked_about(world, first, second)
    decided = await asyncio.to_thread(decide.create, world.context, found.decision.id, "a new wholesale buyer")
    assert decided.orders == (first, second)
    views = [await world.reaches(order_id, "synced") for order_id in (first, second)]
    (made,) = [row for key, row in (await customers(world)).items() if key not in before]
    assert {view.ifs_customer for view in views} == {made["CustomerId"]}
    assert (made["Name"], made["Cf_Email"]) == ("Tycho Brahe", "tycho.brahe@example.net")
    (home,) = made["addresses"]
    assert (home["AddressId"], home["City"], home["ZipCode"], home["Country"]) == ("01", "Austin", "78701", "US")
    assert {row["AddressTypeCode"] for row in made["address_types"]} == {"Delivery", "Document"}
    (mail,) = made["communication_methods"]
    assert (mail["MethodId"], mail["Value"]) == ("EMail", "tycho.brahe@example.net")
    assert made["order_info"]["CurrencyCode"] == "USD"
    for order_id in (first, second):
        booked = await world.ifs_order(order_id)
        assert (booked["CustomerNo"], booked["Objstate"]) == (made["CustomerId"], "Released")
    assert await open_decisions(world) == []


async def test_link_sends_this_and_later_orders_to_that_customer(world: World) -> None:
    before = await customers(world)
    order_id = await world.place(OMAR)
    found = await asked_about(world, order_id)
    await decide.link(world.context, found.decision.id, "C1005", "same person, other e-mail")
    await world.reaches(order_id, "synced")
    later = await world.place(OMAR)
    await world.reaches(later, "synced")
    assert [(await world.ifs_order(n))["CustomerNo"] for n in (order_id, later)] == ["C1005", "C1005"]
    assert (await customers(world)).keys() == before.keys()


@pytest.mark.parametrize("customer_id", ["C9999", "c1005"])
async def test_link_to_a_customer_ifs_does_not_have_is_refused(world: World, customer_id: str) -> None:
    order_id = await world.place(OMAR)
    found = await asked_about(world, order_id)
    with pytest.raises(NoSuchCustomer, match=customer_id):
        await decide.link(world.context, found.decision.id, customer_id, "")
    assert (await asked_about(world, order_id)).decision.id == found.decision.id
    assert await world.ifs_orders(order_id) == []


async def test_skip_leaves_this_and_later_orders_out(world: World) -> None:
    order_id = await world.place(OMAR)
    found = await asked_about(world, order_id)
    await asyncio.to_thread(decide.skip, world.context, found.decision.id, "test orders of the agency")
    view = await world.reaches(order_id, "skipped")
    later = await world.place(OMAR)
    await world.reaches(later, "skipped")
    assert "test orders of the agency" in view.error
    for skipped in (order_id, later):
        assert await world.ifs_orders(skipped) == []
        again = await world.looked_again(skipped)
        assert again.state == "skipped"
    assert await open_decisions(world) == []


async def test_an_answered_decision_is_not_answered_again(world: World) -> None:
    order_id = await world.place(OMAR)
    number = (await asked_about(world, order_id)).decision.id
    await asyncio.to_thread(decide.skip, world.context, number, "")
    for again in (decide.create, decide.skip):
        with pytest.raises(NoSuchDecision, match="answered already: skip"):
            await asyncio.to_thread(again, world.context, number, "")
    with pytest.raises(NoSuchDecision, match="answered already: skip"):
        await decide.link(world.context, number, "C1001", "")
    with pytest.raises(NoSuchDecision, match="no decision 4711"):
        await asyncio.to_thread(decide.create, world.context, 4711, "")


async def test_two_customers_with_the_buyers_email_are_a_question_never_a_pick(make_world: MakeWorld) -> None:
    async with make_world(unmatched_customer="create") as world:
        order_id = await world.place(SHARED)
        found = await asked_about(world, order_id)
        assert {c["customer_id"] for c in found.decision.candidates} == {"C1101", "C1102"}
        assert all(c["name"] and c["reasons"] for c in found.decision.candidates)
        assert await world.ifs_orders(order_id) == []
        await decide.link(world.context, found.decision.id, "C1102", "")
        await world.reaches(order_id, "synced")
        assert (await world.ifs_order(order_id))["CustomerNo"] == "C1102"


async def test_buyers_without_an_email_are_never_taken_for_one_another(world: World) -> None:
    stranger = order(billing=address("No", "Mail", ""))
    first, second = await world.place(stranger), await world.place(stranger)
    for order_id in (first, second):
        await world.reaches(order_id, "waiting", reason="customer")
    one, other = sorted(await open_decisions(world), key=lambda row: row.orders)
    assert (one.orders, other.orders) == ((first,), (second,))
    await decide.link(world.context, one.decision.id, "C1001", "")
    await world.reaches(first, "synced")
    assert (await world.settles(second)).state == "waiting"


async def test_policy_skip(make_world: MakeWorld) -> None:
    async with make_world(unmatched_customer="skip") as world:
        order_id = await world.place(TYCHO)
        view = await world.reaches(order_id, "skipped")
        assert "policy" in view.error
        assert await world.ifs_orders(order_id) == []
        assert await open_decisions(world) == []


async def test_policy_fixed(make_world: MakeWorld) -> None:
    async with make_world(unmatched_customer="fixed:C1010") as world:
        unknown, known = await world.place(TYCHO), await world.place(order())
        for order_id in (unknown, known):
            await world.reaches(order_id, "synced")
        assert (await world.ifs_order(unknown))["CustomerNo"] == "C1010"
        assert (await world.ifs_order(known))["CustomerNo"] == "C1002"


async def test_policy_fixed_to_a_customer_ifs_does_not_have(make_world: MakeWorld) -> None:
    async with make_world(unmatched_customer="fixed:NOBODY") as world:
        order_id = await world.place(TYCHO)
        view = await world.reaches(order_id, "waiting")
        assert "NOBODY" in view.error
        assert view.remedy
        assert await world.ifs_orders(order_id) == []


async def test_guest_customer_takes_every_guest_and_nobody_else(make_world: MakeWorld) -> None:
    async with make_world(guest_customer="WEBSHOP") as world:
        unknown_guest, known_guest = await world.place(GUEST), await world.place(order())
        registered = await world.place(TYCHO)
        for order_id in (unknown_guest, known_guest):
            await world.reaches(order_id, "synced")
            assert (await world.ifs_order(order_id))["CustomerNo"] == "WEBSHOP"
        await world.reaches(registered, "waiting", reason="customer")


async def test_fifty_first_orders_of_one_buyer_at_once_make_one_customer(make_world: MakeWorld) -> None:
    async with make_world(unmatched_customer="create") as world:
        before = await customers(world)
        await world.erp.control("set", {"latency_ms": 10})  # so that their looks really overlap
        placed = await asyncio.gather(*(world.place(GUEST) for _ in range(50)))
        for order_id in placed:
            await world.reaches(order_id, "synced")
        (made,) = [row for key, row in (await customers(world)).items() if key not in before]
        assert made["Cf_Email"] == "hypatia@example.net"
        assert {(await world.ifs_order(order_id))["CustomerNo"] for order_id in placed} == {made["CustomerId"]}
        assert await world.count("SELECT count(*) FROM document WHERE kind = 'customer'") == 1
