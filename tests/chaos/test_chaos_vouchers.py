"""What must not happen to a voucher, case by case: a twin, a wrong amount, a loss, an order that is stuck for ever."""

import asyncio
import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from bcifs_console.accounting.plan import plan
from bcifs_console.domain.codec import decode_order, decode_voucher
from bcifs_console.domain.documents import DocumentKind, DocumentState
from bcifs_console.domain.plan import Plan
from bcifs_console.domain.rules import MappingRule, Purpose, VoucherTransport
from bcifs_console.ifs.voucher_records import VoucherHead
from bcifs_console.store import books, connections, queue, rules
from bcifs_console.sync import looking, outbox
from bcifs_console.sync.carrying import Carrying
from tests.chaos.chaos_books import (
    AWAITING_FULFILLMENT,
    AWAITING_PAYMENT,
    BALANCE,
    Shop,
    assert_books_agree,
    booking_home,
    change,
    entries,
    look_again,
    mark,
    open_shop,
    place,
)
from tests.chaos.chaos_crash import Fuse
from tests.chaos.chaos_life import Life
from tests.chaos.conftest import NewUrl
from tests.integration.bookkeeping import pay, products, ship
from tests.integration.storefront import priced

_MONTH: Final = len("2026-11")


def _error(text: str) -> str:
    return json.dumps({"error": {"code": "DATABASE_ERROR", "message": "…", "details": [{"message": text}]}})


#: A rule of IFS's own said no, and a record that ours refers to does not exist.
REFUSED: Final = _error("ORA-20110: Voucher.SOMERULE: It must not be.")
MISSING: Final = _error("ORA-20111: Thing.FND_RECORD_NOT_EXIST: The Thing does not exist.")


def ifs_fault(match: str, **how: Any) -> dict[str, Any]:
    return {"side": "ifs", "match": match, "nth": 1, "times": 1, **how}


async def state_of(shop: Shop, order_id: int) -> tuple[str, str]:
    view = await shop.life.view(order_id)
    assert view is not None
    return view.state, view.reason


async def paid(shop: Shop, *items: dict[str, Any], **fields: Any) -> int:
    """An order in IFS whose payment is booked."""
    order_id = await place(shop.up, *items, **fields)
    await pay(shop.up, order_id)
    await look_again(shop.life, order_id)
    return order_id


async def start_anew(shop: Shop, home: Any, **how: Any) -> Life:
    await shop.life.end()
    shop.life = Life(home, shop.clock, **how)
    return shop.life


async def open_periods(shop: Shop, *, closed: bool) -> None:
    month = (await shop.up.ifs_state())["now"][:_MONTH]
    await shop.up.erp.control("set", {"ifs": {"close_periods" if closed else "open_periods": [month]}})


async def test_vouchers_of_a_lost_home_are_adopted_row_by_row(new_url: NewUrl, tmp_path: Path) -> None:
    """A home restored from a backup: whatever IFS has of a voucher is found, nothing is added to it twice."""
    wholes = {}
    for rows_there in (0, 1, 2, 3):
        async with open_shop(new_url, tmp_path) as shop:
            order_id = await place(shop.up)
            await pay(shop.up, order_id)
            if rows_there < 3:
                await shop.up.script(ifs_fault("POST .*VoucherRows$", nth=rows_there + 1, times=99, do="status"))
            await mark(shop.life, order_id)
            await shop.life.look_once()
            await shop.up.script()
            with new_url("sqlite") as other:
                shop.clock.advance(2 * 86400.0)
                life = await start_anew(shop, booking_home(other, shop.up, tmp_path, shop.clock))
                await look_again(life, order_id)
                await assert_books_agree(shop.up, life, order_id)
                wholes[rows_there] = (await entries(shop.up, order_id)).balances()
                await life.end()
                shop.life = Life(shop.home, shop.clock)
    assert len({tuple(sorted(w.items())) for w in wholes.values()}) == 1


async def test_a_worker_that_overslept_between_a_closed_period_and_the_next_posts_no_twin(
    new_url: NewUrl, tmp_path: Path
) -> None:
    """IFS refused the voucher's day; before the next open day is tried, another worker has done it."""
    async with open_shop(new_url, tmp_path, policy='closed_period = "next_open"') as shop:
        order_id = await paid(shop, status_id=AWAITING_PAYMENT)
        (line, _) = await products(shop.up, order_id)
        await ship(shop.up, order_id, {line["id"]: 1})
        await open_periods(shop, closed=True)
        stops = await _refused_at(new_url, tmp_path)
        slow = await start_anew(shop, shop.home, fuse=Fuse(stall_at=stops))
        quick = Life(shop.home, shop.clock)
        await mark(slow, order_id)
        looking = asyncio.create_task(slow.look_once())
        stalled = asyncio.create_task(slow.fuse.stalled.wait())
        await asyncio.wait([looking, stalled], return_when=asyncio.FIRST_COMPLETED)
        assert stalled.done(), "it never got there"
        await quick.work()
        slow.fuse.woken.set()
        await looking
        await quick.work()
        await assert_books_agree(shop.up, quick, order_id)
        assert len((await entries(shop.up, order_id)).keys) == 2
        await quick.end()


async def _refused_at(new_url: NewUrl, folder: Path) -> int:
    """The boundary behind the answer that refuses the header."""
    async with open_shop(new_url, folder, policy='closed_period = "next_open"') as shop:
        order_id = await paid(shop, status_id=AWAITING_PAYMENT)
        (line, _) = await products(shop.up, order_id)
        await ship(shop.up, order_id, {line["id"]: 1})
        await open_periods(shop, closed=True)
        life = await start_anew(shop, shop.home)
        await mark(life, order_id)
        await life.look_once()
        return next(
            i for i, n in enumerate(life.fuse.passed) if n.startswith("after POST") and n.endswith("VoucherSet")
        )


async def test_a_voucher_others_were_reckoned_upon_keeps_its_amounts(new_url: NewUrl, tmp_path: Path) -> None:
    """In another currency each step is worth the balance after it less that before it: no step may be reckoned anew."""
    async with open_shop(new_url, tmp_path) as shop:
        item = priced("Odd rate", "SIM-1001", 3, 8.35, 10.02)
        order_id = await place(
            shop.up, item, default_currency_code="EUR", shipping_cost_ex_tax=0, shipping_cost_inc_tax=0
        )
        await look_again(shop.life, order_id)
        await pay(shop.up, order_id)
        (line,) = await products(shop.up, order_id)
        await ship(shop.up, order_id, {line["id"]: 1})
        await shop.up.script(ifs_fault("POST .*VoucherSet$", do="status", status=400, body=REFUSED))
        await look_again(shop.life, order_id)
        assert await state_of(shop, order_id) == ("waiting", "mapping")
        assert [key[:4] for key in (await entries(shop.up, order_id)).keys] == ["SHIP"]
        await look_again(shop.life, order_id)
        await ship(shop.up, order_id, {line["id"]: 2})
        await look_again(shop.life, order_id)
        assert await state_of(shop, order_id) == ("synced", "")
        await assert_books_agree(shop.up, shop.life, order_id)
        made = await entries(shop.up, order_id)
        assert BALANCE not in made.balances()
        assert BALANCE not in made.balances("Amount")


async def test_an_order_cancelled_by_hand_in_ifs_keeps_back_no_payment(new_url: NewUrl, tmp_path: Path) -> None:
    async with open_shop(new_url, tmp_path) as shop:
        order_id = await place(shop.up, status_id=AWAITING_PAYMENT)
        await look_again(shop.life, order_id)
        number = (await shop.up.booked(order_id)).order["OrderNo"]
        await shop.up.erp.log_in()
        etag = (await shop.up.erp.header(number))["@odata.etag"]
        answer = await shop.up.erp.act(number, "SetCancelled", {"CancelReason": "WEB"}, etag)
        assert answer.status_code < 300, answer.text
        tender = await pay(shop.up, order_id)
        await change(shop.up, order_id, status_id=AWAITING_FULFILLMENT)
        for _ in range(2):
            await look_again(shop.life, order_id)
            assert await state_of(shop, order_id) == ("waiting", "conflict")
            assert (await entries(shop.up, order_id)).keys == [f"PAY/{tender}"]


async def test_an_order_that_ifs_does_not_release_keeps_back_no_payment(new_url: NewUrl, tmp_path: Path) -> None:
    """A customer whose credit is blocked, say: the order fails, and when it is retried it goes on."""
    async with open_shop(new_url, tmp_path) as shop:
        await shop.up.script(ifs_fault("POST .*SetReleased$", do="status", status=400, body=REFUSED))
        order_id = await paid(shop)
        assert await state_of(shop, order_id) == ("failed", "")
        assert [key[:4] for key in (await entries(shop.up, order_id)).keys] == ["PAY/"]
        await look_again(shop.life, order_id)
        assert await state_of(shop, order_id) == ("synced", "")


@pytest.mark.parametrize("answer", [{"status": 404}, {"status": 400}, {"status": 400, "body": MISSING}])
async def test_tracking_that_ifs_refuses_keeps_back_no_voucher(
    answer: dict[str, Any], new_url: NewUrl, tmp_path: Path
) -> None:
    async with open_shop(new_url, tmp_path) as shop:
        order_id = await paid(shop)
        await ship(shop.up, order_id, tracking_number="1Z999")
        refusal = {"body": '{"error":{"code":"X","message":"no such property"}}', **answer}
        await shop.up.script(ifs_fault(r"PATCH .*CustomerOrderSet\(", do="status", times=9, **refusal))
        await look_again(shop.life, order_id)
        assert await state_of(shop, order_id) == ("waiting", "conflict")
        assert len((await entries(shop.up, order_id)).keys) == 2
        await shop.up.script()
        await look_again(shop.life, order_id)
        assert await state_of(shop, order_id) == ("synced", "")
        await assert_books_agree(shop.up, shop.life, order_id)


async def test_a_half_made_voucher_that_vanished_in_ifs_waits_and_keeps_back_no_other(
    new_url: NewUrl, tmp_path: Path
) -> None:
    """Whoever removed it may have booked it otherwise: it is never made again by itself."""
    async with open_shop(new_url, tmp_path, customer_balance="9999") as shop:
        order_id = await paid(shop)
        assert await state_of(shop, order_id) == ("waiting", "mapping")
        (key,) = (await entries(shop.up, order_id)).keys
        await shop.up.erp.control("vouchers", {"delete": f"BC-{order_id}/{key}"})
        set_rule(shop, Purpose.CUSTOMER_BALANCE, BALANCE)
        life = await start_anew(shop, shop.home)
        await ship(shop.up, order_id)
        for _ in range(2):
            await look_again(life, order_id)
            assert await state_of(shop, order_id) == ("waiting", "conflict")
            assert [made[:4] for made in (await entries(shop.up, order_id)).keys] == ["SHIP"]
        view = await life.view(order_id)
        assert view is not None
        assert key in view.error
        assert "no longer" in view.error


async def assert_done(life: Life) -> None:
    """Every voucher of the ledger is out of our hands."""
    states = [document.state for document in await life.documents(DocumentKind.VOUCHER)]
    assert set(states) <= {DocumentState.CONFIRMED, DocumentState.NOTHING_TO_POST}, states


def set_transport(shop: Shop, transport: str) -> None:
    """Choose another transport, as `connection set` does."""
    database, connection_id = shop.life.database, shop.home.connection_id
    settings = database.read_sync(lambda conn: connections.settings_of(conn, connection_id))
    policy = replace(settings.policy, voucher_transport=VoucherTransport(transport))
    database.write_sync(lambda tx: connections.save(tx, connection_id, replace(settings, policy=policy)))


def set_rule(shop: Shop, purpose: Purpose, account: str) -> None:
    shop.life.database.write_sync(
        lambda tx: rules.replace(
            tx, shop.home.connection_id, purpose, [MappingRule(purpose, 1, account)], actor="tester", reason="test"
        )
    )


async def test_an_order_edited_while_half_of_it_was_in_ifs_is_completed_as_it_was_sent(
    new_url: NewUrl, tmp_path: Path
) -> None:
    """An edit changes nothing that is posted: the frozen rest is made, it is not released, and payments go on."""
    async with open_shop(new_url, tmp_path) as shop:
        order_id = await place(shop.up)
        await shop.up.script(ifs_fault("POST .*OrderLinesArray$", nth=2, do="locked", times=1))
        await mark(shop.life, order_id)
        await shop.life.look_once()
        (line, _) = await products(shop.up, order_id)
        await change(shop.up, order_id, products=[{"id": line["id"], "quantity": 4}])
        tender = await pay(shop.up, order_id, "10.00")
        await shop.life.work()
        assert await state_of(shop, order_id) == ("waiting", "conflict")
        booked = (await shop.up.booked(order_id)).order
        assert (len(booked["lines"]), booked["Objstate"]) == (2, "Planned")
        assert {row["BuyQtyDue"] for row in booked["lines"]} == {3, 2}
        assert (await entries(shop.up, order_id)).keys == [f"PAY/{tender}"]


async def test_where_orders_are_left_planned_no_look_goes_in_circles(
    new_url: NewUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = tmp_path / "planned.toml"
    profile.write_text('[order]\nrelease_action = ""\n', encoding="utf-8")
    asked: list[int] = []

    def counted(*args: Any, **more: Any) -> Plan:
        asked.append(1)
        return plan(*args, **more)

    monkeypatch.setattr(looking, "plan", counted)
    async with open_shop(new_url, tmp_path, profile=str(profile)) as shop:
        order_id = await paid(shop)
        assert await state_of(shop, order_id) == ("synced", "")
        asked.clear()
        await look_again(shop.life, order_id)
    assert len(asked) == 1


async def test_what_waits_for_its_period_stays_written_down_while_the_store_is_away(
    new_url: NewUrl, tmp_path: Path
) -> None:
    """Drawn up anew it is only once the order was read: an order that is gone by then would take it along."""
    async with open_shop(new_url, tmp_path) as shop:
        order_id = await place(shop.up)
        await look_again(shop.life, order_id)
        await open_periods(shop, closed=True)
        tender = await pay(shop.up, order_id)
        await look_again(shop.life, order_id)
        assert await state_of(shop, order_id) == ("waiting", "period")
        await shop.up.script(
            {"side": "bigcommerce", "match": ".*", "nth": 1, "times": 9, "do": "status", "status": 404}
        )
        await mark(shop.life, order_id)
        await shop.life.look_once()
        (kept,) = await shop.life.documents(DocumentKind.VOUCHER)
        assert kept.key == f"BC-{order_id}/PAY/{tender}"


@pytest.mark.parametrize("refused", ["row", "confirmation"])
async def test_a_period_closed_over_a_half_made_voucher_is_waited_for(
    refused: str, new_url: NewUrl, tmp_path: Path
) -> None:
    async with open_shop(new_url, tmp_path) as shop:
        order_id = await place(shop.up)
        await look_again(shop.life, order_id)
        tender = await pay(shop.up, order_id)
        await shop.up.script(ifs_fault("POST .*VoucherRows$", nth=2, do="locked"))
        await mark(shop.life, order_id)
        await shop.life.look_once()
        await open_periods(shop, closed=True)
        fault = ifs_fault("POST .*VoucherRows$", do="status", status=400, body=REFUSED)
        await shop.up.script(*([fault] if refused == "row" else []))
        await shop.life.work()
        assert await state_of(shop, order_id) == ("waiting", "period")
        await open_periods(shop, closed=False)
        await look_again(shop.life, order_id)
        assert await state_of(shop, order_id) == ("synced", "")
        assert (await entries(shop.up, order_id)).keys == [f"PAY/{tender}"]
        await assert_books_agree(shop.up, shop.life, order_id)


async def test_a_voucher_begun_by_rest_is_finished_by_rest_when_files_are_chosen(
    new_url: NewUrl, tmp_path: Path
) -> None:
    """Else half of it would stand in IFS for ever; and what stands in a batch never goes by rest."""
    async with open_shop(new_url, tmp_path, customer_balance="9999") as shop:
        order_id = await paid(shop)
        assert await state_of(shop, order_id) == ("waiting", "mapping")
        set_rule(shop, Purpose.CUSTOMER_BALANCE, BALANCE)
        set_transport(shop, "external_file")
        life = await start_anew(shop, shop.home)
        await ship(shop.up, order_id)
        await look_again(life, order_id)
        assert [made[:4] for made in (await entries(shop.up, order_id)).keys] == ["PAY/"]
        assert len(await outbox.flush(life.runtime, tmp_path)) == 1
        await assert_done(life)
        (await entries(shop.up, order_id)).assert_sound()


async def test_a_voucher_in_a_batch_never_goes_by_rest(new_url: NewUrl, tmp_path: Path) -> None:
    """The file is finished although rest was chosen meanwhile, and nothing is posted twice."""
    async with open_shop(new_url, tmp_path, transport="external_file") as shop:
        order_id = await paid(shop)
        connection_id = shop.home.connection_id
        await shop.life.database.write(lambda tx: books.assign_batch(tx, connection_id, limit=9))
        set_transport(shop, "rest")
        life = await start_anew(shop, shop.home)
        await look_again(life, order_id)
        assert (await entries(shop.up, order_id)).keys == []
        assert len(await outbox.flush(life.runtime, tmp_path)) == 1
        await assert_done(life)
        await look_again(life, order_id)
        assert (await entries(shop.up, order_id)).keys == []


async def test_a_plan_that_never_ends_fails_the_order_and_says_so(
    new_url: NewUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not synced: what it still wants would be forgotten."""
    monkeypatch.setattr(looking, "_ROUNDS", 1)
    async with open_shop(new_url, tmp_path) as shop:
        order_id = await paid(shop)
        view = await shop.life.view(order_id)
    assert view is not None
    assert view.state == "failed"
    assert "still wants more" in view.error


async def test_a_voucher_is_looked_for_from_the_day_of_its_order(new_url: NewUrl, tmp_path: Path) -> None:
    """A fact that a restored home dates by its own look, days later, stands in IFS with the day of the first one."""
    async with open_shop(new_url, tmp_path) as shop:
        order_id = await paid(shop)
        (document,) = await shop.life.documents(DocumentKind.VOUCHER)
        draft = decode_voucher(document.draft)
        asked: list[date] = []
        usual = shop.life.runtime.ifs.find_vouchers

        async def asking(key: str, day: date) -> list[VoucherHead]:
            asked.append(day)
            return await usual(key, day)

        shop.life.runtime.ifs.find_vouchers = asking  # type: ignore[method-assign]
        late = replace(draft, key=f"BC-{order_id}/SHIP/STATUS/1", day=draft.day + timedelta(days=9))
        order = decode_order(await _snapshot(shop, order_id))
        await mark(shop.life, order_id)
        (claim,) = await shop.life.dispatcher.claim(1, set())
        assert await Carrying(shop.life.runtime, claim, order).vouchers((late,))
    assert asked == [(order.placed_at - timedelta(days=1)).date()]


async def _snapshot(shop: Shop, order_id: int) -> str:
    text = await shop.life.database.read(lambda conn: queue.snapshot(conn, shop.home.connection_id, order_id))
    assert text is not None
    return text
