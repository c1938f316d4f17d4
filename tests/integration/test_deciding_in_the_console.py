"""The user task of the Decisions screen, whole: from an order that waits to decided and synced, at the keyboard."""

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from textual.pilot import Pilot

from bcifs_console.console.app import ConsoleApp
from bcifs_console.console.screens.decide_answer import DecideAnswerScreen
from bcifs_console.console.screens.decide_rule import DecideRuleScreen
from bcifs_console.console.screens.decide_search import DecideSearchScreen
from bcifs_console.console.screens.decisions import DecisionsScreen
from bcifs_console.console.widgets.candidate_list import CandidateList
from bcifs_console.console.widgets.sheet import Sheet
from bcifs_console.operations import decide
from tests.integration.storefront import address, order
from tests.integration.test_buyers import GUEST, TYCHO, customers
from tests.integration.waiting import until
from tests.integration.world import World

MURRAY = order(billing=address("Grace", "Hopper-Murray", "g.hopper@example.net", zip="10036"), customer_id=203)


@contextlib.asynccontextmanager
async def at_the_keyboard(world: World) -> AsyncIterator[Pilot[None]]:
    """The console on the world's store, in front of the decisions."""
    app = ConsoleApp(world.context)
    app.animation_level = "none"
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("3")
        await shows(pilot, lambda: isinstance(app.screen, DecisionsScreen), "the decisions are in front")
        await shows(pilot, lambda: decisions(pilot).detail is not None, "a buyer is shown")
        yield pilot


async def shows(pilot: Pilot[Any], look: Callable[[], object], what: str) -> None:
    """Wait until the console shows it."""

    async def looked() -> object:
        await pilot.pause()
        return look()

    await until(looked, what)


def decisions(pilot: Pilot[Any]) -> DecisionsScreen:
    (found,) = [screen for screen in pilot.app.screen_stack if isinstance(screen, DecisionsScreen)]
    return found


def in_front(pilot: Pilot[Any], kind: type[Any]) -> Callable[[], bool]:
    return lambda: isinstance(pilot.app.screen, kind)


async def test_create_from_waiting_to_synced(world: World) -> None:
    before = await customers(world)
    order_id = await world.place(TYCHO)
    await world.reaches(order_id, "waiting", reason="customer")
    async with at_the_keyboard(world) as pilot:
        await pilot.press("n")
        await shows(pilot, in_front(pilot, DecideAnswerScreen), "what would be created is shown")
        shown = pilot.app.screen.query_one(Sheet).text
        assert "Tycho Brahe" in shown
        assert "ZipCode" in shown
        assert (await customers(world)).keys() == before.keys()
        await pilot.press("m", *"new one", "enter", "y")
        await world.reaches(order_id, "synced")
        await shows(pilot, lambda: decisions(pilot).chosen is None, "nobody waits any more")
    (made,) = [row for key, row in (await customers(world)).items() if key not in before]
    assert made["CustomerId"] in shown
    assert (await world.ifs_order(order_id))["CustomerNo"] == made["CustomerId"]
    assert decide.find(world.context, 1).note == "new one"


async def test_search_in_ifs_and_link(world: World) -> None:
    order_id = await world.place(TYCHO)
    await world.reaches(order_id, "waiting", reason="customer")
    async with at_the_keyboard(world) as pilot:
        await pilot.press("slash")
        await shows(pilot, in_front(pilot, DecideSearchScreen), "the search is open")
        await pilot.press(*"gauss", "enter")
        found = pilot.app.screen.query_one(CandidateList)
        await shows(pilot, lambda: found.chosen is not None and found.has_focus, "somebody was found")
        assert found.chosen is not None
        assert (found.chosen.customer_id, found.chosen.name) == ("C1019", "Carl Gauss")
        await pilot.press("a")
        await shows(pilot, in_front(pilot, DecideAnswerScreen), "it is asked")
        await pilot.press("y")
        await world.reaches(order_id, "synced")
    assert (await world.ifs_order(order_id))["CustomerNo"] == "C1019"


async def test_link_to_the_candidate_and_undo_comes_too_late(world: World) -> None:
    order_id = await world.place(MURRAY)
    await world.reaches(order_id, "waiting", reason="customer")
    async with at_the_keyboard(world) as pilot:
        assert decisions(pilot).against is not None
        await pilot.press("enter", "enter")
        await shows(pilot, in_front(pilot, DecideAnswerScreen), "it is asked")
        await pilot.press("y")
        await world.reaches(order_id, "synced")
        await pilot.press("u")
        await shows(
            pilot,
            lambda: any("cannot be undone" in deed.text for deed in decisions(pilot).gateway.deeds),
            "it says why",
        )
    assert (await world.ifs_order(order_id))["CustomerNo"] == "C1002"
    assert decide.find(world.context, 1).action == "link"


async def test_a_rule_lets_the_guests_go(world: World) -> None:
    order_id = await world.place(GUEST)
    await world.reaches(order_id, "waiting", reason="customer")
    async with at_the_keyboard(world) as pilot:
        await pilot.press("r")
        await shows(pilot, in_front(pilot, DecideRuleScreen), "the rule is open")
        await pilot.press(*"WEBSHOP", "enter")
        asked = pilot.app.screen
        assert isinstance(asked, DecideRuleScreen)
        await shows(pilot, lambda: asked.tried is not None, "it was tried")
        assert f"{order_id}" in asked.query_one(Sheet).text
        await pilot.press("y")
        await world.reaches(order_id, "synced")
    assert (await world.ifs_order(order_id))["CustomerNo"] == "WEBSHOP"
    assert await world.count("SELECT count(*) FROM mapping_rule WHERE purpose = 'customer'") == 1
