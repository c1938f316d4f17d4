"""Writes of vouchers and order updates whose outcome is unclear, and events that come doubled, late or in any order.

For every kind of write that follows an order, the simulator's fault script hits exactly the first such call. In the end
IFS holds what it holds when nothing goes wrong.
"""

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from tests.chaos.chaos_books import (
    AWAITING_PAYMENT,
    Entries,
    Standing,
    a_while,
    assert_books_agree,
    entries,
    ifs_books,
    look_again,
    mark,
    place,
)
from tests.chaos.chaos_life import TIMING, all_at_once
from tests.chaos.chaos_shop import Shop, ifs_fault, open_shop
from tests.chaos.chaos_upstreams import Upstreams
from tests.chaos.conftest import NewUrl
from tests.chaos.test_chaos_outcomes import UNCLEAR
from tests.integration.bookkeeping import pay, products, refund, ship
from tests.integration.waiting import until

HEADER: Final = r"^POST .*/VoucherSet$"
ROW: Final = r"^POST .*/VoucherRows$"
CONFIRM: Final = r"^POST .*Voucher_Confirm$"
LINE: Final = r"^PATCH .*/OrderLinesArray\(.*\)$"
TRACKING: Final = r"^PATCH .*/CustomerOrderSet\([^/]*\)$"
WRITES: Final = (HEADER, ROW, CONFIRM, LINE, TRACKING)
VOUCHER_WRITES: Final = (HEADER, ROW, CONFIRM)
#: What is written again anyway: the same text over the same text.
HARMLESS: Final = (TRACKING,)


async def happens(up: Upstreams, order_id: int) -> None:
    """All that asks for every kind of write: paid, one unit refunded, the rest shipped."""
    await pay(up, order_id)
    await a_while(up)
    _, hammers = await products(up, order_id)
    item = {"item_type": "PRODUCT", "item_id": hammers["id"], "quantity": 1}
    await refund(up, order_id, item, amount="21.65")
    await a_while(up)
    await ship(up, order_id, tracking_number="1Z-ALL")


async def writes(up: Upstreams) -> Counter[str]:
    """The writing calls that reached IFS so far."""
    calls: Mapping[str, int] = (await up.erp.control("state?only=calls"))["calls"]
    return Counter(
        {name: n for name, n in calls.items() if name.startswith(("POST ", "PATCH ")) and "/auth/" not in name}
    )


Live = Callable[[Shop, int], Awaitable[None]]
_usual: list[tuple[Standing, Counter[str]]] = []


async def _shop(new_url: NewUrl, folder: Path, live: Live, *, timing: Any = TIMING) -> None:
    """An order in IFS to which all has happened, due; then `live(shop, order_id)`, after which the books must agree."""
    async with open_shop(new_url, folder, timing=timing) as shop:
        order_id = await place(shop.up, status_id=AWAITING_PAYMENT)
        await look_again(shop.life, order_id)
        await happens(shop.up, order_id)
        await mark(shop.life, order_id)
        await live(shop, order_id)
        await assert_books_agree(shop.up, shop.life, order_id)
        view = await shop.life.view(order_id)
        assert view is not None
        assert (view.state, view.settled) == ("synced", True)


@pytest.fixture
async def usual(new_url: NewUrl, tmp_path: Path) -> tuple[Standing, Counter[str]]:
    """What the order becomes when nothing goes wrong, and the writes that takes; lived once."""

    async def live(shop: Shop, order_id: int) -> None:
        await shop.life.work()
        _usual.append((await Standing.of(shop.up, order_id), await writes(shop.up)))

    if not _usual:
        await _shop(new_url, tmp_path, live)
    return _usual[0]


@pytest.mark.parametrize("outcome", UNCLEAR)
async def test_a_voucher_carried_out_but_unclear(
    outcome: str, usual: tuple[Standing, Counter[str]], new_url: NewUrl, tmp_path: Path
) -> None:
    """It is looked up and found: nothing is sent again, and nothing is waited for."""

    async def case(write: str) -> None:
        async def live(shop: Shop, order_id: int) -> None:
            await shop.up.script(ifs_fault(write, **UNCLEAR[outcome]))
            before = shop.clock.now()
            await shop.life.work()
            assert sum((await shop.up.faults()).values()) == 1
            assert await Standing.of(shop.up, order_id) == usual[0]
            if write not in HARMLESS:
                assert await writes(shop.up) == usual[1]
                assert shop.clock.now() == before

        await _shop(new_url, tmp_path, live)

    # Of a text that is changed nobody says that it is known already.
    chosen = VOUCHER_WRITES if outcome == "known already" else WRITES
    await all_at_once((write, partial(case, write)) for write in chosen)


async def test_the_answer_to_a_voucher_never_comes(
    usual: tuple[Standing, Counter[str]], new_url: NewUrl, tmp_path: Path
) -> None:
    """The request's hard deadline ends the wait; what was carried out is found."""
    timing = replace(TIMING, request_deadline=timedelta(seconds=1))

    async def case(write: str) -> None:
        async def live(shop: Shop, order_id: int) -> None:
            await shop.up.script(ifs_fault(write, do="hang_after_commit", seconds=2))
            await shop.life.work()
            assert await shop.up.faults() == {"ifs.hang_after_commit": 1}
            assert (await Standing.of(shop.up, order_id), await writes(shop.up)) == usual

        await _shop(new_url, tmp_path, live, timing=timing)

    await all_at_once(((write, partial(case, write)) for write in VOUCHER_WRITES), at_once=6)


async def test_no_voucher_is_sent_again_before_its_time(
    usual: tuple[Standing, Counter[str]], new_url: NewUrl, tmp_path: Path
) -> None:
    """Not carried out, but we cannot know: looked up until `resend_after` past its deadline, then sent once more."""
    timing = replace(TIMING, request_deadline=timedelta(seconds=5), resend_after=timedelta(seconds=2))

    async def case(write: str) -> None:
        async def live(shop: Shop, order_id: int) -> None:
            await shop.up.script(ifs_fault(write, do="drop_before"))
            again_at = shop.clock.now() + timing.request_deadline + timing.resend_after
            await shop.life.look_once()
            first = await writes(shop.up)
            while shop.clock.now() < again_at - timedelta(milliseconds=1):
                view = await shop.life.view(order_id)
                assert view is not None
                assert (view.state, view.reason, view.attempts) == ("due", "unknown_outcome", 0)
                await shop.life.look_once()
                assert await writes(shop.up) == first, f"sent again {again_at - shop.clock.now()} too early"
                left = (again_at - shop.clock.now()).total_seconds()
                shop.clock.advance(min(1.5, max(left - 0.001, 0.0005)))
            await shop.life.work()
            assert shop.clock.now() == again_at
            assert await Standing.of(shop.up, order_id) == usual[0]
            assert sum((await writes(shop.up)).values()) == sum(usual[1].values()) + 1

        await _shop(new_url, tmp_path, live, timing=timing)

    await all_at_once((write, partial(case, write)) for write in VOUCHER_WRITES)


async def test_a_voucher_that_commits_late_is_found(
    usual: tuple[Standing, Counter[str]], new_url: NewUrl, tmp_path: Path
) -> None:
    """IFS carries the call out after we gave it up: the next look finds it, and it is never sent again."""
    timing = replace(TIMING, request_deadline=timedelta(seconds=1), resend_after=timedelta(seconds=30))

    async def case(write: str) -> None:
        async def live(shop: Shop, order_id: int) -> None:
            await shop.up.script(ifs_fault(write, do="slow", seconds=2))
            await shop.life.look_once()
            view = await shop.life.view(order_id)
            assert view is not None
            assert (view.state, view.reason) == ("due", "unknown_outcome")
            given_up = await ifs_books(shop.up)

            async def is_carried_out() -> bool:
                return await ifs_books(shop.up) != given_up

            await until(is_carried_out, f"IFS carries {write} out late")
            await shop.life.work()
            assert (await Standing.of(shop.up, order_id), await writes(shop.up)) == usual

        await _shop(new_url, tmp_path, live, timing=timing)

    await all_at_once(((write, partial(case, write)) for write in VOUCHER_WRITES), at_once=6)


@pytest.mark.parametrize("seed", range(3))
async def test_however_events_come_the_books_are_the_same(seed: int, new_url: NewUrl, tmp_path: Path) -> None:
    """Doubled, of long ago, none at all, in any order between the facts; the last look sees it all."""
    dice = random.Random(seed)

    async def told(shop: Shop, order_id: int) -> None:
        """Some events, of what happened just now or before, and perhaps a look."""
        for _ in range(dice.randrange(4)):
            await shop.life.deliver(order_id, dice.choice(("updated", "statusUpdated", f"refund/created/{seed}")))
        if dice.random() < 0.5:
            await shop.life.work()

    async def lived(*, in_order: bool) -> Entries:
        async with open_shop(new_url, tmp_path) as shop:
            order_id = await place(shop.up)
            await shop.life.deliver(order_id)

            async def between() -> None:
                await a_while(shop.up)
                await (look_again(shop.life, order_id) if in_order else told(shop, order_id))

            vices, hammers = await products(shop.up, order_id)
            await pay(shop.up, order_id, "60.00")
            await between()
            await ship(shop.up, order_id, {vices["id"]: 1})
            await between()
            item = {"item_type": "PRODUCT", "item_id": hammers["id"], "quantity": 1}
            await refund(shop.up, order_id, item, amount="21.65")
            await between()
            await pay(shop.up, order_id, "102.37")
            await between()
            await ship(shop.up, order_id, {vices["id"]: 1, hammers["id"]: 1})
            await between()
            await refund(shop.up, order_id, {**item, "item_id": vices["id"], "quantity": 2}, amount="72.16")
            await between()
            await shop.life.deliver(order_id, f"refund/created/last/{seed}")
            await look_again(shop.life, order_id)
            await assert_books_agree(shop.up, shop.life, order_id)
            return await entries(shop.up, order_id)

    assert await lived(in_order=False) == await lived(in_order=True)
