"""What a person sees before deciding, and what becomes of it: previews, undoing, rules, the directory (DESIGN §7)."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bcifs_console.base.problems import UsageProblem
from bcifs_console.domain.rules import Condition, ConditionField
from bcifs_console.operations import decide, decide_rule, directory
from bcifs_console.operations.decide import NoSuchCustomer, NoSuchDecision
from bcifs_console.operations.decide_preview import preview
from bcifs_console.operations.decide_rule import Wanted
from bcifs_console.store.errors import BuyerSent
from tests.integration.conftest import MakeWorld
from tests.integration.storefront import address, order
from tests.integration.test_buyers import GUEST, SHARED, TYCHO, asked_about, customers, open_decisions
from tests.integration.waiting import until
from tests.integration.world import World

MURRAY = order(billing=address("Grace", "Hopper-Murray", "g.hopper@example.net", zip="10036"), customer_id=203)
WITH_DIRECTORY = '[customer.lookup]\nkind = "directory"\n'
WITH_TEMPLATE = '[customer.creation]\ntemplate_id = "TEMPLATE-WEB"\n'


def profile(folder: Path, text: str) -> str:
    path = folder / "profile.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


# -- candidates --------------------------------------------------------------------------------------------------------


async def test_who_looks_like_the_buyer_is_suggested_with_the_reasons(world: World) -> None:
    order_id = await world.place(MURRAY)
    found = await asked_about(world, order_id)
    best = found.decision.candidates[0]
    assert (best["customer_id"], best["name"]) == ("C1002", "Grace Hopper")
    assert best["score"] >= 25
    assert any("alike" in reason for reason in best["reasons"])


async def test_those_with_the_email_stand_first_and_a_later_look_keeps_them(world: World) -> None:
    order_id = await world.place(SHARED)
    first = await asked_about(world, order_id)
    assert [c["customer_id"] for c in first.decision.candidates[:2]] == ["C1101", "C1102"]
    assert all("same e-mail" in c["reasons"] for c in first.decision.candidates[:2])
    await world.looked_again(order_id)
    assert (await asked_about(world, order_id)).decision.candidates == first.decision.candidates


async def test_whom_a_buyer_like_this_became_before_is_suggested(world: World) -> None:
    ours = address("Omar", "Khayyam", "omar@nishapur.example")
    first = await asked_about(world, await world.place(order(billing=ours, customer_id=204)))
    await decide.link(world.context, first.decision.id, "C1019", "his agent")
    colleague = order(billing=address("Zaynab", "Nishapuri", "zaynab@nishapur.example"), customer_id=0)
    order_id = await world.place(colleague)
    asked = await asked_about(world, order_id)
    ids = {c["customer_id"]: c for c in asked.decision.candidates}
    assert ids["C1019"]["name"] == "Carl Gauss"
    assert "chosen before for a buyer like this" in ids["C1019"]["reasons"]


# -- preview -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", WITH_TEMPLATE])
async def test_what_is_shown_is_what_is_created(make_world: MakeWorld, tmp_path: Path, text: str) -> None:
    async with make_world(profile=profile(tmp_path, text) if text else "default") as world:
        found = await asked_about(world, await world.place(TYCHO))
        before = await customers(world)
        shown = await preview(world.context, found.decision.id)
        assert await customers(world) == before
        assert shown.template_id == ("TEMPLATE-WEB" if text else "")
        decided = await asyncio.to_thread(decide.create, world.context, found.decision.id, "")
        await world.reaches(decided.orders[0], "synced")
        (made,) = [row for key, row in (await customers(world)).items() if key not in before]
    assert (made["CustomerId"], made["Name"]) == (shown.customer_id, shown.name)
    bodies = {call.step: call.body for call in shown.calls}
    assert bodies["address"].items() <= made["addresses"][0].items()
    assert bodies["communication"].items() <= made["communication_methods"][0].items()
    if text:
        assert bodies["copy_template"]["NewId"] == made["CustomerId"]
        assert "order_info" not in bodies
    else:
        assert bodies["info"].items() <= made.items()
        assert bodies["order_info"].items() <= made["order_info"].items()


async def test_what_a_person_should_know_before_is_said(make_world: MakeWorld, tmp_path: Path) -> None:
    async with make_world(profile=profile(tmp_path, WITH_TEMPLATE.replace("TEMPLATE-WEB", "NOBODY"))) as world:
        found = await asked_about(world, await world.place(SHARED))
        shown = await preview(world.context, found.decision.id)
        said = " ".join(shown.warnings)
        assert "NOBODY" in said
        assert "C1101" in said
        await asyncio.to_thread(decide.skip, world.context, found.decision.id, "")
        with pytest.raises(NoSuchDecision, match="answered already"):
            await preview(world.context, found.decision.id)


# -- undo --------------------------------------------------------------------------------------------------------------


async def test_a_skip_is_undone_and_the_buyer_is_asked_about_again(world: World) -> None:
    order_id = await world.place(TYCHO)
    number = (await asked_about(world, order_id)).decision.id
    await asyncio.to_thread(decide.skip, world.context, number, "")
    await world.reaches(order_id, "skipped")
    undone = await asyncio.to_thread(decide.unskip, world.context, number, "a real buyer after all")
    assert (undone.action, undone.orders) == (decide.UNDO, (order_id,))
    await world.reaches(order_id, "waiting", reason="customer")
    assert (await asked_about(world, order_id)).decision.id == number
    with pytest.raises(NoSuchDecision, match="is open"):
        await asyncio.to_thread(decide.undo, world.context, number, "")
    with pytest.raises(NoSuchDecision, match="only a skip"):
        await asyncio.to_thread(decide.unskip, world.context, number, "")


async def test_a_link_is_undone_before_it_was_used_and_not_after(world: World) -> None:
    order_id = await world.place(TYCHO)
    number = (await asked_about(world, order_id)).decision.id
    await world.stop()
    await decide.link(world.context, number, "C1005", "")
    await asyncio.to_thread(decide.undo, world.context, number, "the wrong one")
    await world.start()
    await world.reaches(order_id, "waiting", reason="customer")
    assert await world.ifs_orders(order_id) == []
    await decide.link(world.context, number, "C1007", "")
    await world.reaches(order_id, "synced")
    with pytest.raises(BuyerSent, match=f"BC-{order_id}"):
        await asyncio.to_thread(decide.undo, world.context, number, "")
    assert (await world.ifs_order(order_id))["CustomerNo"] == "C1007"


# -- rules -------------------------------------------------------------------------------------------------------------


async def test_a_rule_covers_past_orders_and_lets_the_waiting_ones_go(world: World) -> None:
    guests = [await world.place(GUEST) for _ in range(2)]
    known = await world.place(order())
    registered = await world.place(TYCHO)
    for order_id in (*guests, registered):
        await world.reaches(order_id, "waiting", reason="customer")
    await world.reaches(known, "synced")
    number = next(row.decision.id for row in await open_decisions(world) if guests[0] in row.orders)
    connection_id, conditions = await asyncio.to_thread(decide_rule.conditions_for, world.context, number)
    assert [condition.field for condition in conditions] == [ConditionField.GUEST, ConditionField.CHANNEL]
    wanted = Wanted("WEBSHOP", conditions)
    tried = await decide_rule.make(world.context, connection_id, wanted, "", dry_run=True)
    assert {each.order_id: each.customer_id for each in tried.covered} == {known: "C1002"} | dict.fromkeys(guests, "")
    assert (tried.is_saved, tried.released) == (False, tuple(guests))
    made = await decide_rule.make(world.context, connection_id, wanted, "all guests")
    assert (made.is_saved, made.covered, made.released) == (True, tried.covered, tuple(guests))
    for order_id in guests:
        await world.reaches(order_id, "synced")
        assert (await world.ifs_order(order_id))["CustomerNo"] == "WEBSHOP"
    view = await world.view(registered)
    assert view is not None
    assert view.state == "waiting"
    assert [row.orders for row in await open_decisions(world)] == [(registered,)]
    explained = await world.count("SELECT count(*) FROM decision WHERE action = 'rule' AND customer_id = 'WEBSHOP'")
    assert explained == 1


async def test_a_rule_that_cannot_be_is_refused_and_nothing_is_saved(world: World) -> None:
    guests = (Condition(ConditionField.GUEST, ("true",)),)
    here = world.connection_id
    with pytest.raises(NoSuchCustomer, match="NOBODY"):
        await decide_rule.make(world.context, here, Wanted("NOBODY", guests), "")
    with pytest.raises(UsageProblem, match="every buyer"):
        await decide_rule.make(world.context, here, Wanted("C1001", ()), "")
    never = (Condition(ConditionField.SKU, ("x",)),)
    with pytest.raises(UsageProblem, match="never asked with sku"):
        await decide_rule.make(world.context, here, Wanted("C1001", never), "")
    assert await world.count("SELECT count(*) FROM mapping_rule WHERE purpose = 'customer'") == 0


async def test_a_rule_behind_one_that_takes_its_buyers_is_said(world: World) -> None:
    guests = (Condition(ConditionField.GUEST, ("true",)),)
    await decide_rule.make(world.context, world.connection_id, Wanted("WEBSHOP", guests), "")
    narrower = (*guests, Condition(ConditionField.CHANNEL, ("2",)))
    behind = await decide_rule.make(world.context, world.connection_id, Wanted("C1001", narrower), "", dry_run=True)
    assert behind.warnings
    before = await decide_rule.make(world.context, world.connection_id, Wanted("C1001", narrower, position=1), "")
    assert (before.warnings, before.rule.position) == ((), 1)
    labels = await world.count("SELECT count(*) FROM mapping_rule WHERE purpose = 'customer' AND retired_at IS NULL")
    assert labels == 2


# -- the directory -----------------------------------------------------------------------------------------------------


async def test_with_a_directory_the_service_reads_it_and_orders_find_their_customer_in_it(
    make_world: MakeWorld, tmp_path: Path
) -> None:
    async with make_world(profile=profile(tmp_path, WITH_DIRECTORY)) as world:

        async def whole() -> Any:
            found = await asyncio.to_thread(directory.status, world.context, None)
            return found if found.crawl is not None and found.crawl.is_usable else None

        read = await until(whole, "the directory is read")
        assert (read.is_kept, read.crawl.customers) == (True, len(await customers(world)))
        known, shared, unknown = [await world.place(body) for body in (order(), SHARED, TYCHO)]
        await world.reaches(known, "synced")
        assert (await world.ifs_order(known))["CustomerNo"] == "C1002"
        for order_id in (shared, unknown):
            await world.reaches(order_id, "waiting", reason="customer")
        asked = {row.orders: row.decision for row in await open_decisions(world)}
        assert [c["customer_id"] for c in asked[shared,].candidates[:2]] == ["C1101", "C1102"]
        await asyncio.to_thread(decide.create, world.context, asked[unknown,].id, "")
        await world.reaches(unknown, "synced")
        again = await world.place(order(billing=address("Tycho", "Brahe", "tycho.brahe@example.net"), customer_id=0))
        await world.reaches(again, "synced")
        both = [(await world.ifs_order(order_id))["CustomerNo"] for order_id in (unknown, again)]
        assert both[0] == both[1]
