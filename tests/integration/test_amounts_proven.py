"""Never a wrong amount: what does not add up is not sent, and what IFS holds is read back before it is released."""

from decimal import Decimal
from typing import Any

import pytest

from bcifs_console.domain.rules import MappingRule, Purpose
from bcifs_console.operations import order_accept
from tests.integration.comparing import money
from tests.integration.storefront import order, product
from tests.integration.test_order_states import AWAITING_FULFILLMENT, AWAITING_PAYMENT
from tests.integration.waiting import until
from tests.integration.world import World

RELEASE = "POST .*CustomerOrder_SetReleased"


async def test_totals_that_do_not_add_up_wait_with_both_figures_and_nothing_is_sent(world: World) -> None:
    order_id = await world.place_kind("totals_off")
    view = await world.reaches(order_id, "waiting", reason="totals")
    (problem,) = view.problems
    figures = problem["figures"]
    store, computed = Decimal(figures["store"]), Decimal(figures["computed"])
    products = (await world.store_state())["products"][str(order_id)]
    assert computed == sum(money(line["total_inc_tax"]) for line in products)
    assert (store - computed, figures["currency"]) == (Decimal("0.37"), "USD")
    for figure in (store, computed):
        assert f"{figure:.2f}" in view.error
    assert view.remedy
    assert await world.ifs_orders(order_id) == []
    assert not [call for call in (await world.ifs_state())["calls"] if call.startswith("POST /main")]


async def test_a_total_the_api_caller_overrode_waits(world: World) -> None:
    order_id = await world.place(order(product(101, 2), total_ex_tax=30, total_inc_tax=32))
    view = await world.reaches(order_id, "waiting", reason="totals")
    assert "32" in view.error
    assert await world.ifs_orders(order_id) == []


async def test_corrected_totals_go_on(world: World) -> None:
    order_id = await world.place(order(product(101, 2), total_ex_tax=30, total_inc_tax=32))
    await world.reaches(order_id, "waiting", reason="totals")
    sold = await world.change(order_id, products=[{"product_id": 125, "quantity": 1}])
    await world.reaches(order_id, "synced")
    assert money((await world.ifs_order(order_id))["TotalGrossInclChrgCurr"]) == money(sold["total_inc_tax"])


async def test_a_total_that_ifs_computes_otherwise_is_not_released(world: World) -> None:
    """IFS taxes the lines by a code of another rate: what stands there is not what the buyer paid."""
    await world.set_rules(Purpose.TAX, MappingRule(Purpose.TAX, 1, "code:VAT20"))
    order_id = await world.place(order(product(113)))
    view = await world.reaches(order_id, "waiting", reason="totals")
    booked = await world.ifs_order(order_id)
    sold = next(row for row in (await world.store_state())["orders"] if row["id"] == order_id)
    assert booked["Objstate"] == "Planned"
    (problem,) = view.problems
    figures = problem["figures"]
    assert Decimal(figures["store"]) == money(sold["total_inc_tax"])
    assert Decimal(figures["computed"]) == money(booked["TotalGrossInclChrgCurr"])
    assert booked["OrderNo"] in view.error
    assert "tax" in view.remedy


async def test_a_total_accepted_as_ifs_shows_it_is_released_and_another_is_asked_anew(world: World) -> None:
    await world.set_rules(Purpose.TAX, MappingRule(Purpose.TAX, 1, "code:VAT20"))
    order_id = await world.place(order(product(113), status_id=AWAITING_PAYMENT))
    view = await world.reaches(order_id, "waiting", reason="totals")
    assert f"bcifs orders accept {order_id}" in view.remedy
    assert "cancel it there" in view.remedy
    found = order_accept.accept(world.context, order_id, "the buyer is exempt", connection=None)
    shown = money((await world.ifs_order(order_id))["TotalGrossInclChrgCurr"])
    assert f"{shown}" in found.what
    view = await world.settles(order_id)
    assert (view.state, [w["code"] for w in view.warnings]) == ("synced", ["answered"])
    order_accept.taken_back(world.context, order_id, "", connection=None)
    assert (await world.settles(order_id)).reason == "totals"
    order_accept.accept(world.context, order_id, "the buyer is exempt", connection=None)
    assert (await world.settles(order_id)).state == "synced"
    await world.erp.log_in()
    (line,) = (await world.ifs_order(order_id))["lines"]
    path = f"{world.erp.order_path(line['OrderNo'])}/OrderLinesArray(OrderNo='{line['OrderNo']}',LineNo='1',RelNo='1'"
    etag = (await world.erp.get(f"{path},LineItemNo=0)")).json()["@odata.etag"]
    dearer = await world.erp.call("PATCH", f"{path},LineItemNo=0)", {"BuyQtyDue": 2}, etag)
    assert dearer.status_code == 200, dearer.text
    await world.change(order_id, status_id=AWAITING_FULFILLMENT)
    view = await world.reaches(order_id, "waiting", reason="totals")
    booked = await world.ifs_order(order_id)
    assert f"{money(booked['TotalGrossInclChrgCurr'])}" in view.error, "it is not the one that was accepted"
    assert booked["Objstate"] == "Planned"
    order_accept.accept(world.context, order_id, "two for one", connection=None)
    assert (await world.settles(order_id)).state == "synced"
    assert (await world.ifs_order(order_id))["Objstate"] == "Released"
    with pytest.raises(order_accept.NothingToAccept, match="was released"):
        order_accept.taken_back(world.context, order_id, "", connection=None)


async def added_during_release(world: World, **line: Any) -> int:
    """An order to which somebody in IFS adds a line after our read-back and before our release."""
    await world.erp.log_in()
    await world.script({"side": "ifs", "match": RELEASE, "do": "slow", "seconds": 0.5})
    order_id = await world.place(order(product(113)))

    async def releasing() -> bool:
        calls: dict[str, int] = (await world.ifs_state())["calls"]
        return any("SetReleased" in call for call in calls)

    await until(releasing, "the release is under way")
    await world.erp.line((await world.ifs_order(order_id))["OrderNo"], **line)
    return order_id


async def test_a_line_added_in_ifs_before_the_release_is_a_conflict(world: World) -> None:
    order_id = await added_during_release(world, CatalogNo="SIM-1002", SaleUnitPrice=24.95, UnitPriceInclTax=24.95)
    view = await world.reaches(order_id, "waiting", reason="conflict")
    booked = await world.ifs_order(order_id)
    assert (booked["Objstate"], len(booked["lines"])) == ("Planned", 2)
    assert "2 lines" in view.error
    assert booked["OrderNo"] in view.error
    assert view.remedy
    again = await world.looked_again(order_id)
    assert (again.state, again.reason) == ("waiting", "conflict")
    assert (await world.ifs_order(order_id))["Objstate"] == "Planned"


async def test_the_conflict_is_over_when_the_line_is_removed_in_ifs(world: World) -> None:
    order_id = await added_during_release(world, CatalogNo="SIM-1002")
    await world.reaches(order_id, "waiting", reason="conflict")
    unsure = "SELECT count(*) FROM document_part WHERE state IN ('sent', 'unknown')"
    assert await world.count(unsure) == 0, "IFS answered: nothing is to be waited for before the release is sent again"
    number = (await world.ifs_order(order_id))["OrderNo"]
    path = f"{world.erp.order_path(number)}/OrderLinesArray(OrderNo='{number}',LineNo='2',RelNo='1',LineItemNo=0)"
    etag = (await world.erp.get(path)).json()["@odata.etag"]
    assert (await world.erp.call("DELETE", path, etag=etag)).status_code == 204
    assert (await world.looked_again(order_id)).state == "synced"
    assert (await world.ifs_order(order_id))["Objstate"] == "Released"


@pytest.mark.parametrize("times", [1, 2])
async def test_a_stale_etag_alone_is_read_again_and_released(world: World, times: int) -> None:
    await world.script({"side": "ifs", "match": RELEASE, "do": "stale", "times": times})
    order_id = await world.place(order())
    await world.reaches(order_id, "synced")
    assert (await world.ifs_order(order_id))["Objstate"] == "Released"


async def test_no_order_is_sent_twice_when_an_answer_is_lost(world: World) -> None:
    """Every first write of each sort is carried out and its answer lost; look-ups find it."""
    parts = (
        "CustomerOrderSet$",
        "CustomerOrderAddresses",
        "OrderLinesArray",
        "Distribution",
        "ChargeArray",
        "SetReleased",
    )
    await world.script(*({"side": "ifs", "match": f"POST .*{p}", "do": "drop_after_commit"} for p in parts))
    order_id = await world.place(order(product(113), product(125), shipping_cost_ex_tax=5, shipping_cost_inc_tax=5.41))
    await world.reaches(order_id, "synced")
    booked = await world.ifs_order(order_id)
    sold = next(row for row in (await world.store_state())["orders"] if row["id"] == order_id)
    assert (len(booked["lines"]), len(booked["charges"]), booked["Objstate"]) == (2, 2, "Released")
    assert money(booked["TotalGrossInclChrgCurr"]) == money(sold["total_inc_tax"])
    faults = (await world.ifs_state())["faults"]
    assert faults == {"ifs.drop_after_commit": len(parts)}
