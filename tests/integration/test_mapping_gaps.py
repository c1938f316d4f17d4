"""What the mapping does not cover, and what IFS does not have: the order waits, says what to do, and goes on."""

from bcifs_console.domain.rules import Condition, ConditionField, MappingRule, Purpose
from tests.integration.conftest import MakeWorld
from tests.integration.storefront import order, priced, product
from tests.integration.waiting import until
from tests.integration.world import World

LEGACY = order(product(113), product(199))


async def test_without_a_revenue_account_nothing_is_sent(make_world: MakeWorld) -> None:
    async with make_world(mapping="") as world:
        order_id = await world.place(order(product(113), product(125)))
        view = await world.reaches(order_id, "waiting", reason="mapping")
        assert {p["subject"] for p in view.problems} == {"SKU SIM-1001", "SKU MUG-GRY"}
        assert "revenue account" in view.error
        assert "revenue_account" in view.remedy
        assert await world.ifs_orders(order_id) == []
        await world.set_rules(Purpose.REVENUE, MappingRule(Purpose.REVENUE, 1, "4010"))
        assert (await world.looked_again(order_id)).state == "synced"
        assert {line["Account"] for line in (await world.ifs_order(order_id))["lines"]} == {"4010"}


async def test_an_unknown_sales_part_waits_until_ifs_has_it(world: World) -> None:
    order_id = await world.place(LEGACY)
    view = await world.reaches(order_id, "waiting", reason="mapping")
    assert "LEGACY-0815" in view.error
    assert "bcifs orders sync" in view.remedy
    assert await world.ifs_orders(order_id) == []
    world.add_sales_part("LEGACY-0815")
    assert (await world.looked_again(order_id)).state == "synced"
    assert len((await world.ifs_order(order_id))["lines"]) == 2


async def test_an_unknown_sales_part_is_mapped_to_another(world: World) -> None:
    order_id = await world.place(LEGACY)
    await world.reaches(order_id, "waiting", reason="mapping")
    only_legacy = (Condition(ConditionField.SKU, ("LEGACY-*",)),)
    await world.set_rules(Purpose.SALES_PART, MappingRule(Purpose.SALES_PART, 1, "SIM-1012", only_legacy))
    assert (await world.looked_again(order_id)).state == "synced"
    booked = await world.ifs_order(order_id)
    assert [line["CatalogNo"] for line in booked["lines"]] == ["SIM-1001", "SIM-1012"]
    assert booked["Objstate"] == "Released"


async def test_items_without_a_sku_or_with_too_long_a_one_wait(world: World) -> None:
    long = "A-VERY-LONG-STOCK-KEEPING-UNIT"
    order_id = await world.place(order(priced("Engraving", "", 1, 25, 27.06), priced("Oddity", long, 1, 5, 5.41)))
    view = await world.reaches(order_id, "waiting", reason="mapping")
    messages = " ".join(p["message"] for p in view.problems)
    assert "Engraving" in messages
    assert long in messages
    assert all(p["remedy"] for p in view.problems)
    assert await world.ifs_orders(order_id) == []


async def test_a_closed_account_waits_and_is_completed_under_another(make_world: MakeWorld) -> None:
    """IFS refuses the pre-posting when header and line stand already; the rest follows under the new account."""
    async with make_world(mapping='revenue_account = "4999"') as world:
        order_id = await world.place(order(product(113), product(125)))
        view = await world.reaches(order_id, "waiting", reason="mapping")
        assert "4999" in view.error
        assert view.remedy
        assert (await world.ifs_order(order_id))["Objstate"] == "Planned"
        await world.set_rules(Purpose.REVENUE, MappingRule(Purpose.REVENUE, 1, "4000"))
        assert (await world.looked_again(order_id)).state == "synced"
        booked = await world.ifs_order(order_id)
        assert (booked["Objstate"], {line["Account"] for line in booked["lines"]}) == ("Released", {"4000"})
        assert [len(line["PrePosting"]) for line in booked["lines"]] == [1, 1]


async def test_an_unknown_charge_type_waits_and_is_completed_under_another(make_world: MakeWorld) -> None:
    rules = '[[mapping.rules]]\npurpose = "charge_type"\nwhen = { charge = "*" }\nresult = "PORTO"'
    async with make_world(mapping='revenue_account = "4000"\n' + rules) as world:
        order_id = await world.place(order(product(113), shipping_cost_ex_tax=5, shipping_cost_inc_tax=5.41))
        view = await world.reaches(order_id, "waiting", reason="mapping")
        assert "PORTO" in view.error
        assert view.remedy
        half = await world.ifs_order(order_id)
        assert (half["Objstate"], half["charges"]) == ("Planned", [])
        await world.set_rules(Purpose.CHARGE_TYPE, MappingRule(Purpose.CHARGE_TYPE, 1, "FREIGHT"))
        assert (await world.looked_again(order_id)).state == "synced"
        whole = await world.ifs_order(order_id)
        assert (whole["OrderNo"], whole["Objstate"]) == (half["OrderNo"], "Released")
        assert [c["ChargeType"] for c in whole["charges"]] == ["FREIGHT", "SALESTAX"]


async def test_rules_by_sku_and_currency_decide_the_account_of_each_line(make_world: MakeWorld) -> None:
    rules = """
[[mapping.rules]]
purpose = "revenue"
when = { sku = ["MUG-*", "LAMP-DESK"], currency = "USD" }
result = "4020"
[[mapping.rules]]
purpose = "code_part_b"
when = { sku = "SIM-*" }
result = "WEB"
"""
    async with make_world(mapping='revenue_account = "4000"\n' + rules) as world:
        order_id = await world.place(order(product(113), product(125), product(128)))
        await world.reaches(order_id, "synced")
        lines = (await world.ifs_order(order_id))["lines"]
        assert {line["CatalogNo"]: line["Account"] for line in lines} == {
            "SIM-1001": "4000",
            "MUG-GRY": "4020",
            "LAMP-DESK": "4020",
        }
        assert {line["CatalogNo"]: line["PrePosting"][0].get("CodenoB") for line in lines} == {
            "SIM-1001": "WEB",
            "MUG-GRY": None,
            "LAMP-DESK": None,
        }


async def test_allocation_by_posting_control_leaves_the_account_to_ifs(make_world: MakeWorld) -> None:
    async with make_world(policy='allocation = "posting_control"') as world:
        order_id = await world.place(order(product(113), product(125)))
        await world.reaches(order_id, "synced")
        lines = (await world.ifs_order(order_id))["lines"]
        assert {line["CatalogNo"]: line["Account"] for line in lines} == {"SIM-1001": "4010", "MUG-GRY": "4020"}
        assert [line["PrePosting"] for line in lines] == [[], []]


async def test_a_running_service_takes_new_rules_over_within_a_second(world: World) -> None:
    """Another process changes the rules; nobody tells the service."""
    rule = MappingRule(Purpose.REVENUE, 1, "4030")
    service, world.service = world.service, None  # the rules go to the store without a reload
    assert service is not None
    before = service._runtimes[world.connection_id]
    try:
        await world.set_rules(Purpose.REVENUE, rule)

        async def taken_over() -> bool:
            return service._runtimes[world.connection_id] is not before

        await until(taken_over, "the new rule is in force", deadline_s=2.5)
    finally:
        if world._own is not None:
            world._own.close()
            world._own = None
        world.service = service
    order_id = await world.place(order())
    await world.reaches(order_id, "synced")
    assert {line["Account"] for line in (await world.ifs_order(order_id))["lines"]} == {"4030"}
