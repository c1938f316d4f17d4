"""What must not happen to a voucher, case by case: a twin, a wrong amount, a loss."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from bcifs_console.domain.codec import decode_order, decode_voucher
from bcifs_console.domain.documents import DocumentKind
from bcifs_console.domain.rules import Purpose
from bcifs_console.ifs.voucher_records import VoucherHead
from bcifs_console.store import books, queue
from bcifs_console.sync import outbox
from bcifs_console.sync.carrying import Carrying
from tests.chaos.chaos_books import (
    AWAITING_PAYMENT,
    BALANCE,
    assert_books_agree,
    booking_home,
    entries,
    look_again,
    mark,
    place,
)
from tests.chaos.chaos_crash import Fuse
from tests.chaos.chaos_life import Life
from tests.chaos.chaos_shop import (
    REFUSED,
    Shop,
    assert_done,
    ifs_fault,
    open_periods,
    open_shop,
    paid,
    set_rule,
    set_transport,
    start_anew,
    state_of,
)
from tests.chaos.conftest import NewUrl
from tests.integration.bookkeeping import pay, products, ship
from tests.integration.storefront import priced


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
