"""Payments, shipments and refunds reach the general ledger once, balanced, on the mapped accounts (ACCOUNTING §3)."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bcifs_console.domain.rules import MappingRule, Purpose
from tests.integration.bookkeeping import balances, books, entries, pay, products, refund, ship, store_order, vouchers
from tests.integration.conftest import MakeWorld
from tests.integration.storefront import SHIPPING, order, priced, product
from tests.integration.world import World

D = Decimal
#: Two units at 21.65 each.
TWO = priced("Bench vice", "SIM-1001", 2, 20, 21.65)


async def paid_order(world: World, *items: dict[str, Any], **fields: Any) -> int:
    """An order in IFS whose payment is booked."""
    order_id = await world.place(order(*items, **fields))
    await world.reaches(order_id, "synced")
    await pay(world, order_id)
    await world.looked_again(order_id)
    return order_id


async def test_a_payment_becomes_a_confirmed_voucher_on_clearing_and_customer_balance(booked: World) -> None:
    order_id = await booked.place(order(product(101, 2), **SHIPPING))
    await booked.reaches(order_id, "synced")
    tender = await pay(booked, order_id)
    await booked.looked_again(order_id)
    total = D((await store_order(booked, order_id))["total_inc_tax"])
    made = await vouchers(booked, order_id)
    assert list(made) == [f"PAY/{tender}"]
    voucher = made[f"PAY/{tender}"]
    assert voucher["Objstate"] == "Confirmed"
    assert entries(voucher) == {"1580": total, "2420": -total}
    assert {row["ReferenceNumber"] for row in voucher["rows"]} == {f"BC-{order_id}/PAY/{tender}"}


async def test_a_payment_that_only_its_event_tells_of_is_booked(booked: World) -> None:
    """An order made by hand and awaiting payment shows no payment status; its transaction has an event."""
    order_id = await booked.place(order(TWO, status_id=7))
    await booked.reaches(order_id, "synced")
    tender = await pay(booked, order_id)
    await booked.store.control("settle", {})
    await booked.looked_again(order_id)
    assert list(await vouchers(booked, order_id)) == [f"PAY/{tender}"]


async def test_without_a_transport_nothing_is_booked(make_world: MakeWorld) -> None:
    async with make_world(**books("off")) as world:
        order_id = await paid_order(world)
        await ship(world, order_id)
        assert (await world.looked_again(order_id)).state == "synced"
        assert await vouchers(world, order_id) == {}


async def test_a_paid_and_shipped_order_is_settled_and_its_balance_zero(booked: World) -> None:
    order_id = await paid_order(booked, product(101, 2), product(113), **SHIPPING)
    await ship(booked, order_id)
    view = await booked.looked_again(order_id)
    stands = await store_order(booked, order_id)
    found = await balances(booked, order_id)
    assert "2420" not in found
    assert found["1580"] == D(stands["total_inc_tax"])
    assert found["2610"] == -D(stands["total_tax"])
    assert found["4100"] == -D(stands["shipping_cost_ex_tax"])
    assert sum(found.values()) == 0
    assert (view.state, view.settled) == ("synced", True)


async def test_partial_shipments_add_up_to_the_line(booked: World) -> None:
    order_id = await paid_order(booked, priced("Odd price", "SIM-1001", 3, 33.33, 36.08))
    (line,) = await products(booked, order_id)
    for _ in range(3):
        await ship(booked, order_id, {line["id"]: 1})
        await booked.looked_again(order_id)
    made = await vouchers(booked, order_id)
    assert len([key for key in made if key.startswith("SHIP/")]) == 3
    found = await balances(booked, order_id)
    assert "2420" not in found
    assert -found["4000"] - found["2610"] == D((await store_order(booked, order_id))["total_inc_tax"])


async def test_looking_again_and_again_books_nothing_twice(booked: World) -> None:
    order_id = await paid_order(booked)
    await ship(booked, order_id)
    await booked.looked_again(order_id)
    before = await vouchers(booked, order_id)
    for _ in range(3):
        await booked.looked_again(order_id)
    assert (await vouchers(booked, order_id)).keys() == before.keys()


async def test_a_refund_after_shipment_is_a_return(booked: World) -> None:
    order_id = await paid_order(booked, TWO)
    await ship(booked, order_id)
    await booked.looked_again(order_id)
    (line,) = await products(booked, order_id)
    half = D((await store_order(booked, order_id))["total_inc_tax"]) / 2
    number = await refund(
        booked,
        order_id,
        {"item_type": "PRODUCT", "item_id": line["id"], "quantity": 1},
        amount=f"{half:.2f}",
    )
    await booked.looked_again(order_id)
    booked_refund = entries((await vouchers(booked, order_id))[f"REFUND/{number}"])
    assert booked_refund["1580"] == -half
    assert set(booked_refund) == {"1580", "4900", "2610"}
    assert "2420" not in await balances(booked, order_id)


async def test_units_refunded_before_shipment_are_lowered_in_ifs_and_the_rest_is_released(booked: World) -> None:
    order_id = await booked.place(order(TWO, status_id=7))  # awaiting payment: imported, not released
    await booked.reaches(order_id, "synced")
    await pay(booked, order_id)
    (line,) = await products(booked, order_id)
    half = D((await store_order(booked, order_id))["total_inc_tax"]) / 2
    await refund(booked, order_id, {"item_type": "PRODUCT", "item_id": line["id"], "quantity": 1}, amount=f"{half:.2f}")
    view = await booked.looked_again(order_id)
    stands = await booked.ifs_order(order_id)
    assert view.state == "synced", view
    assert [D(str(row["BuyQtyDue"])) for row in stands["lines"]] == [D(1)]
    assert stands["Objstate"] == "Released"
    assert (await balances(booked, order_id))["2420"] == -half  # what is held for the other unit


async def test_a_cancelled_order_keeps_its_cash_until_it_is_refunded(booked: World) -> None:
    order_id = await paid_order(booked)
    total = D((await store_order(booked, order_id))["total_inc_tax"])
    await booked.change(order_id, status_id=5)
    view = await booked.looked_again(order_id)
    assert (await booked.ifs_order(order_id))["Objstate"] == "Cancelled"
    assert view.state == "skipped"
    assert await balances(booked, order_id) == {"1580": total, "2420": -total}
    await refund(
        booked, order_id, {"item_type": "ORDER", "item_id": order_id, "amount": float(total)}, amount=f"{total}"
    )
    await booked.looked_again(order_id)
    assert "1580" not in await balances(booked, order_id)


async def test_an_edited_order_waits_but_its_payment_is_booked(booked: World) -> None:
    order_id = await booked.place(order(product(101, 2)))
    await booked.reaches(order_id, "synced")
    (line,) = await products(booked, order_id)
    await booked.change(order_id, products=[{"id": line["id"], "quantity": 3}])
    await booked.reaches(order_id, "waiting", reason="conflict")
    tender = await pay(booked, order_id, "10.00")
    view = await booked.looked_again(order_id)
    assert (view.state, view.reason, view.settled) == ("waiting", "conflict", False)
    assert list(await vouchers(booked, order_id)) == [f"PAY/{tender}"]


async def test_a_closed_period_waits_and_goes_on_when_it_is_opened(booked: World) -> None:
    order_id = await booked.place(order())
    await booked.reaches(order_id, "synced")
    month = (await booked.ifs_state())["now"][:7]
    await booked.erp.control("set", {"ifs": {"close_periods": [month]}})
    await pay(booked, order_id)
    view = await booked.looked_again(order_id)
    assert (view.state, view.reason) == ("waiting", "period"), view
    assert await vouchers(booked, order_id) == {}
    await booked.erp.control("set", {"ifs": {"open_periods": [month]}})
    assert (await booked.looked_again(order_id)).state == "synced"
    assert len(await vouchers(booked, order_id)) == 1


async def test_an_unmapped_clearing_account_waits_and_a_rule_frees_it(make_world: MakeWorld) -> None:
    async with make_world(**books(clearing="")) as world:
        order_id = await paid_order(world)
        view = await world.settles(order_id)
        assert (view.state, view.reason) == ("waiting", "mapping")
        assert "clearing" in (view.error + view.remedy)
        assert (await world.ifs_order(order_id))["Objstate"] == "Released"
        await world.set_rules(Purpose.CLEARING, MappingRule(Purpose.CLEARING, 1, "1585"))
        assert (await world.looked_again(order_id)).state == "synced"
        (voucher,) = (await vouchers(world, order_id)).values()
        assert "1585" in entries(voucher)


async def test_an_account_that_ifs_refuses_waits_and_the_same_voucher_is_completed(make_world: MakeWorld) -> None:
    async with make_world(**books(customer_balance="9999")) as world:
        order_id = await paid_order(world)
        view = await world.settles(order_id)
        assert (view.state, view.reason) == ("waiting", "mapping"), view
        assert "9999" in view.error
        await world.set_rules(Purpose.CUSTOMER_BALANCE, MappingRule(Purpose.CUSTOMER_BALANCE, 1, "2420"))
        assert (await world.looked_again(order_id)).state == "synced"
        (voucher,) = (await vouchers(world, order_id)).values()
        assert voucher["Objstate"] == "Confirmed"
        assert set(entries(voucher)) == {"1580", "2420"}


@pytest.mark.parametrize("what", ["POST .*VoucherSet$", "POST .*VoucherRows", "POST .*Voucher_Confirm"])
async def test_an_answer_lost_after_the_commit_makes_no_second_voucher(booked: World, what: str) -> None:
    order_id = await booked.place(order())
    await booked.reaches(order_id, "synced")
    await booked.script({"side": "ifs", "match": what, "nth": 1, "do": "drop_after_commit"})
    tender = await pay(booked, order_id)
    await booked.looked_again(order_id)
    made = await vouchers(booked, order_id)
    assert list(made) == [f"PAY/{tender}"]
    assert made[f"PAY/{tender}"]["Objstate"] == "Confirmed"
    assert len(made[f"PAY/{tender}"]["rows"]) == 2


async def test_a_row_of_automatic_tax_keeps_a_voucher_from_being_confirmed(
    make_world: MakeWorld, tmp_path: Path
) -> None:
    profile = tmp_path / "codes.toml"
    profile.write_text("[voucher]\nsend_tax_code = true\n", encoding="utf-8")
    async with make_world(**books(), profile=str(profile)) as world:
        await world.set_rules(Purpose.TAX, MappingRule(Purpose.TAX, 1, "code:US825"))
        order_id = await paid_order(world, TWO)
        await world.erp.control("set", {"ifs": {"automatic_tax": True}})
        shipment = await ship(world, order_id)
        view = await world.looked_again(order_id)
        assert (view.state, view.reason) == ("waiting", "conflict"), view
        assert "not sent by us" in view.error
        assert (await vouchers(world, order_id))[f"SHIP/{shipment}"]["Objstate"] == "AwaitingApproval"


async def test_an_order_in_another_currency_balances_in_both(make_world: MakeWorld) -> None:
    """Here in a company that keeps its books in whole dollars."""
    async with make_world(**books(policy="minor_units = { USD = 0 }")) as world:
        odd = priced("Odd price", "SIM-1001", 3, 33.33, 36.08)
        order_id = await paid_order(world, odd, default_currency_code="EUR")
        (line,) = await products(world, order_id)
        for _ in range(3):
            await ship(world, order_id, {line["id"]: 1})
            await world.looked_again(order_id)
        accounting = D(0)
        for voucher in (await vouchers(world, order_id)).values():
            assert sum(D(str(row["Amount"])) for row in voucher["rows"]) == 0
            assert {row["CurrencyCode"] for row in voucher["rows"]} == {"EUR"}
            assert all(D(str(row["Amount"])) % 1 == 0 for row in voucher["rows"]), voucher["rows"]
            accounting += sum((D(str(r["Amount"])) for r in voucher["rows"] if r["Account"] == "2420"), D(0))
        assert accounting == 0
        assert "2420" not in await balances(world, order_id)


async def test_tracking_is_noted_on_the_ifs_order(booked: World) -> None:
    order_id = await paid_order(booked)
    await ship(booked, order_id, tracking_number="1Z999", tracking_carrier="ups")
    await booked.looked_again(order_id)
    assert "1Z999" in (await booked.ifs_order(order_id))["NoteText"]
