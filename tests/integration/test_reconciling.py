"""`bcifs reconcile` beside a running service: tampering in IFS is found, and what is known is explained."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from bcifs_console.domain.documents import DocumentKind
from bcifs_console.operations import books as ledger_of
from bcifs_console.operations import reconcile as reconciliation
from bcifs_console.operations.reconcile import Reconciled
from bcifs_console.operations.reconcile_reasons import MOVED
from bcifs_console.operations.reconciling import Difference, Verdict, What
from bcifs_console.store import reconciliation as kept
from tests.integration.bookkeeping import books, pay, products, refund, ship, vouchers
from tests.integration.conftest import MakeWorld
from tests.integration.storefront import SHIPPING, order, product
from tests.integration.world import World

#: The connection's own (DESIGN §12's file as the tests write it): facts are of its days.
ZONE: Final = ZoneInfo("America/Chicago")


def days() -> tuple[date, date]:
    """Enough days for everything a test does, and for a midnight."""
    today = datetime.now(UTC).date()
    return today - timedelta(days=2), today + timedelta(days=2)


async def compared(world: World, first: date | None = None, last: date | None = None) -> Reconciled:
    """What `reconcile` finds, asked of the operation."""
    return await reconciliation.reconcile(
        world.context, connection=None, first=first or days()[0], last=last or days()[1]
    )


def differences(found: Reconciled, verdict: Verdict | None = None) -> list[Difference]:
    every = (difference for row in found.rows for difference in row.differences)
    return [difference for difference in every if verdict in (None, difference.verdict)]


async def by_command(world: World) -> tuple[int, list[dict[str, Any]]]:
    """The exit code and the rows of `bcifs reconcile --json`, run as a process of its own."""
    first, last = days()
    words = ["--home", str(world.settings.home), "reconcile", "--from", f"{first}", "--to", f"{last}", "--json"]
    ran = await asyncio.create_subprocess_exec(sys.executable, "-m", "bcifs_console", *words, stdout=PIPE, stderr=PIPE)
    out, err = await ran.communicate()
    assert ran.returncode in (0, 1), err.decode()
    rows: list[dict[str, Any]] = json.loads(out)
    return ran.returncode, rows


def red(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Red differences by what they are, each of which there may be one of."""
    found = [d for row in rows for d in row["differences"] if d["verdict"] == "red"]
    assert len({d["what"] for d in found}) == len(found), found
    return {d["what"]: d for d in found}


def reference(said: Mapping[str, Any]) -> str:
    """How a voucher that the simulator speaks of is named here."""
    return f"{said['VoucherType']}-{said['AccountingYear']}-{said['VoucherNo']}"


async def traded(world: World) -> int:
    """A day's trade, all of it booked: paid, shipped in two parts, one unit refunded. Answers with the order."""
    order_id = await world.place(order(product(101, 3), product(113), **SHIPPING))
    await world.reaches(order_id, "synced")
    await pay(world, order_id)
    tee, vice = await products(world, order_id)
    await ship(world, order_id, {tee["id"]: 2})
    await ship(world, order_id, {tee["id"]: 1, vice["id"]: 1})
    one = {"item_type": "PRODUCT", "item_id": tee["id"], "quantity": 1}
    share = Decimal(tee["total_inc_tax"]) / 3
    await refund(world, order_id, one, amount=f"{share:.2f}")
    await world.looked_again(order_id)
    return order_id


@pytest.mark.process
async def test_what_was_deleted_changed_and_added_in_ifs_is_found_and_nothing_else(booked: World) -> None:
    order_id = await traded(booked)
    waiting = await booked.place_kind("unknown_buyer")
    await pay(booked, waiting)
    await booked.reaches(waiting, "waiting", reason="customer")
    code, rows = await by_command(booked)
    assert (code, red(rows)) == (0, {})
    made = await vouchers(booked, order_id)
    deleted = next(f"BC-{order_id}/{name}" for name in made if name.startswith("PAY/"))
    changed = next(f"BC-{order_id}/{name}" for name in made if name.startswith("SHIP/"))
    tamper = booked.erp.control
    gone = (await tamper("vouchers", {"delete": deleted}))["deleted"]
    other = (await tamper("vouchers", {"change": changed, "amount": "500.00"}))["changed"]
    stray = {
        "amount": "9.99",
        "debit_account": "4910",
        "credit_account": "1910",
        "date": f"{datetime.now(ZONE):%Y-%m-%d}",
    }
    added = (await tamper("vouchers", {"add": {"reference": "RENT-11", **stray}}))["added"]
    code, rows = await by_command(booked)
    found = red(rows)
    assert code == 1
    assert set(found) == {"missing", "amount", "stray"}
    assert (found["missing"]["key"], found["missing"]["order_id"]) == (deleted, order_id)
    assert f"posted as {reference(gone)}" in found["missing"]["explanation"]
    assert found["missing"]["ifs_reference"] == reference(gone)
    assert (found["amount"]["key"], found["amount"]["ifs_reference"]) == (changed, reference(other))
    assert found["amount"]["ifs_amount"] == "500.00"
    assert (found["stray"]["key"], found["stray"]["ifs_reference"]) == ("RENT-11", reference(added))
    waits = [d for row in rows for d in row["differences"] if d["order_id"] == waiting]
    assert {d["verdict"] for d in waits} == {"explained"}
    assert {d["what"] for d in waits} == {"missing"}
    assert {d["key"] for d in waits} >= {f"BC-{waiting}"}
    assert all("customer" in d["explanation"] for d in waits)


async def test_a_late_voucher_outdates_its_day_until_it_is_compared_again(booked: World) -> None:
    order_id = await booked.place(order())
    await booked.reaches(order_id, "synced")

    async def outdated() -> set[bool]:
        rows = await booked.opened.database.read(lambda conn: kept.between(conn, booked.connection_id, *days()))
        return {row.outdated for row in rows}

    await compared(booked)
    assert await outdated() == {False}
    await pay(booked, order_id)
    await booked.looked_again(order_id)
    assert True in await outdated()
    assert not (await compared(booked)).is_red
    assert await outdated() == {False}


async def test_out_of_a_closed_period_a_voucher_moves_into_the_next_and_is_explained(make_world: MakeWorld) -> None:
    async with make_world(**books(policy='closed_period = "next_open"')) as world:
        order_id = await world.place(order())
        await world.reaches(order_id, "synced")
        today = datetime.now(ZONE).date()
        await world.erp.control("set", {"ifs": {"close_periods": [f"{today:%Y-%m}"]}})
        tender = await pay(world, order_id)
        shipment = await ship(world, order_id)
        assert (await world.looked_again(order_id)).state == "synced"
        made = await vouchers(world, order_id)
        assert set(made) == {f"PAY/{tender}", f"SHIP/{shipment}"}
        later = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
        entries = {
            entry.key: entry for entry in ledger_of.listing(world.context, connection=None, kind=DocumentKind.VOUCHER)
        }
        for name, voucher in made.items():
            entry = entries[f"BC-{order_id}/{name}"]
            assert entry.voucher is not None
            own = entry.voucher.day
            assert (voucher["VoucherDate"][:10], entry.day) == (f"{later}", later)
            assert f"{own:%Y-%m}" == f"{today:%Y-%m}"
            assert {row["Text"].rpartition(" ")[2] for row in voucher["rows"]} == {f"({own})"}
        own_days = await compared(world)
        assert not own_days.is_red
        moved = [d for d in differences(own_days) if d.what is What.DAY]
        booked = {f"BC-{order_id}/{name}" for name in made}
        assert {(d.key, d.ifs_day, d.explanation) for d in moved} == {(key, later, MOVED) for key in booked}
        next_month = await compared(world, later, later)
        assert not next_month.is_red
        assert {d.key for d in differences(next_month)} == booked


async def test_a_shipment_made_again_and_an_order_cancelled_with_its_money_are_explained(booked: World) -> None:
    order_id = await booked.place(order())
    await booked.reaches(order_id, "synced")
    await pay(booked, order_id)
    shipment = await ship(booked, order_id)
    await booked.looked_again(order_id)
    gone = await booked.store.http.delete(f"{booked.store.path}/v2/orders/{order_id}/shipments/{shipment}")
    assert gone.status_code == 204, gone.text
    await booked.looked_again(order_id)
    await ship(booked, order_id)
    await booked.looked_again(order_id)
    cancelled = await booked.place(order())
    await booked.reaches(cancelled, "synced")
    await pay(booked, cancelled)
    await booked.looked_again(cancelled)
    await booked.change(cancelled, status_id=5)
    await booked.looked_again(cancelled)
    found = await compared(booked)
    assert differences(found, Verdict.RED) == []
    said = {d.key: d.explanation for d in differences(found)}
    assert said[f"BC-{order_id}/SHIP/{shipment}"].endswith(f"BC-{order_id}/SHIP/{shipment}/REV takes it back.")
    assert "cancelled in the store and in IFS" in said[f"BC-{cancelled}"]
