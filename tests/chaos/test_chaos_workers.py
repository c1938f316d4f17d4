"""Several workers on one store: each order once, whoever works on it; one that slept through its lease is fenced."""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from bcifs_console.base.clock import ManualClock, SystemClock
from bcifs_console.domain.documents import DocumentKind, DocumentState
from bcifs_console.domain.states import OrderState
from bcifs_console.store import books as batches
from bcifs_console.store import ledger, queue
from bcifs_console.store.database import Tx
from tests.chaos.chaos_books import (
    AWAITING_FULFILLMENT,
    AWAITING_PAYMENT,
    BALANCE,
    assert_books_agree,
    change,
    look_again,
    mark,
    place,
)
from tests.chaos.chaos_crash import Fuse, behind_changes
from tests.chaos.chaos_life import Life, all_at_once, new_home
from tests.chaos.chaos_shop import open_shop
from tests.chaos.chaos_upstreams import Booked, Upstreams, open_upstreams
from tests.chaos.conftest import NewUrl
from tests.integration.bookkeeping import books, pay
from tests.integration.waiting import until

_SHARDS: Final = 4
_HEADER: Final = ".svc/CustomerOrderSet"

KINDS: Final = (
    "plain",
    "multi_line",
    "coupon",
    "tax_inclusive",
    "unknown_buyer",
    "gift_wrapping",
    "jpy",
    "unknown_buyer",
)
EVENTS: Final = ("created", "updated", "statusUpdated")
#: Whole lives after which nothing is owed on either side (docs/simulator.md).
LIVES: Final = (
    "shipped_in_parts",
    "units_before_shipping",
    "units_after_shipping",
    "all_before_shipping",
    "unit_by_unit",
    "refund_amid_shipping",
    "all_after_shipping",
    "cancelled_then_refunded",
    "recreated",
    "shipped",
)


async def test_two_workers_share_thirty_orders(new_url: NewUrl, tmp_path: Path) -> None:
    """Deliveries come twice and in any order, to both processes; strangers among the buyers order more than once."""
    dice = random.Random(7)
    with new_url("postgresql") as url:
        async with open_upstreams() as up:
            placed = [await up.place(KINDS[i % len(KINDS)]) for i in range(30)]
            home = new_home(url, up.about, tmp_path, now=datetime.now(UTC), unmatched_customer="create")
            lives = [Life(home, SystemClock()) for _ in range(2)]
            working = [asyncio.create_task(life.worker.run()) for life in lives]
            deliveries = [(order_id, event) for order_id in placed for event in EVENTS] * 2
            dice.shuffle(deliveries)
            for order_id, event in deliveries:
                await dice.choice(lives).deliver(order_id, event)

            async def is_done() -> bool:
                states = await lives[0].database.read(queue.states)
                return states == {(home.connection_id, OrderState.SYNCED): len(placed)}

            await until(is_done, "all thirty orders are in IFS", deadline_s=60)
            for life in lives:
                await life.worker.stop(10)
            await asyncio.gather(*working)
            for life in lives:
                await life.end()
            state = await up.ifs_state()
            for order_id in placed:
                Booked.of(state, order_id).assert_equals(await up.sold(order_id))
    created = [row for row in state["customers"] if row["CustomerId"].startswith("BC")]
    assert created
    assert set(Counter(row["Name"] for row in created).values()) == {1}, "a stranger was created more than once"
    for row in created:
        children = [len(row[name]) for name in ("addresses", "address_types", "communication_methods", "invoice_info")]
        assert children == [1, 2, 1, 1], row
        assert row["order_info"], row
    headers = [
        sum(1 for name in life.fuse.passed if name.endswith(_HEADER) and "before POST" in name) for life in lives
    ]
    assert sum(headers) == len(placed)
    assert min(headers) > 0, "one worker did everything"


async def _take_over(url: str, folder: Path, stall_at: int) -> list[str]:
    """One worker stops at a boundary until its lease has run out and another has done its work; then it wakes up.

    Returns what it passed from then on.
    """
    async with open_upstreams() as up:
        clock = ManualClock(datetime.now(UTC))
        order_id = await up.place("coupon")
        home = new_home(url, up.about, folder, now=clock.now())
        slow, quick = Life(home, clock, Fuse(stall_at=stall_at)), Life(home, clock)
        await slow.deliver(order_id)
        looking = await slow.look_until_stalled()
        passed = len(slow.fuse.passed)
        await quick.work()
        slow.fuse.woken.set()
        await looking
        booked = await up.booked(order_id)
        booked.assert_equals(await up.sold(order_id))
        (document,) = await quick.documents(DocumentKind.CUSTOMER_ORDER)
        assert (document.state, document.reference) == (DocumentState.CONFIRMED, booked.order["OrderNo"])
        view = await quick.view(order_id)
        assert view is not None
        assert view.state == OrderState.SYNCED
        await slow.end()
        await quick.end()
        return slow.fuse.passed[passed:]


async def _boundaries(new_url: NewUrl, folder: Path, engine: str) -> list[int]:
    """Behind each answer and each commit of an undisturbed look."""
    with new_url(engine) as url:
        async with open_upstreams() as up:
            clock = ManualClock(datetime.now(UTC))
            life = Life(new_home(url, up.about, folder, now=clock.now()), clock)
            await life.deliver(await up.place("coupon"))
            before = len(life.fuse.passed)
            await life.look_once()
            await life.end()
    return [i for i, name in enumerate(life.fuse.passed) if i >= before and name.startswith("after ")]


@pytest.mark.parametrize("shard", range(_SHARDS))
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
async def test_a_worker_that_overslept_its_lease_sends_nothing_more(
    engine: str, shard: int, new_url: NewUrl, tmp_path: Path
) -> None:
    """Wherever it was stopped: behind any answer, behind any commit."""
    stops = (await _boundaries(new_url, tmp_path, engine))[shard::_SHARDS]
    assert stops

    async def case(stall_at: int) -> None:
        with new_url(engine) as url:
            later = await _take_over(url, tmp_path, stall_at)
        assert [name for name in later if name.startswith("before POST /main/")] == []

    await all_at_once((str(i), partial(case, i)) for i in stops)


async def test_two_workers_book_the_same_orders(new_url: NewUrl, tmp_path: Path) -> None:
    """Whole lives in every order, told twice and to both processes while they work: each fact is booked once."""
    dice = random.Random(11)
    with new_url("postgresql") as url:
        async with open_upstreams() as up:
            placed = [await up.place("multi_line") for _ in LIVES]
            home = new_home(url, up.about, tmp_path, now=datetime.now(UTC), **books())
            lives = [Life(home, SystemClock()) for _ in range(2)]
            working = [asyncio.create_task(life.worker.run()) for life in lives]

            async def tell(events: Sequence[str]) -> None:
                told = [(order_id, event) for order_id in placed for event in events] * 2
                dice.shuffle(told)
                for order_id, event in told:
                    await dice.choice(lives).deliver(order_id, event)

            async def is_calm() -> bool:
                states = await lives[0].database.read(queue.states)
                return not {state for _, state in states} & {OrderState.DUE, OrderState.WORKING}

            await tell(EVENTS)
            done = await up.store.control("lives", {"orders": placed, "seed": 3, "kinds": LIVES, "deliver": False})
            assert done["done"] == dict.fromkeys(LIVES, 1)
            await tell(("refund/created", "transaction/created", "updated/2"))
            await until(is_calm, "nothing moves any more", deadline_s=60)
            await tell(("updated/3",))
            await until(is_calm, "nothing moves any more", deadline_s=60)
            for life in lives:
                await life.worker.stop(10)
            await asyncio.gather(*working)
            standing = await assert_books_agree(up, lives[0], *placed)
            for life in lives:
                await life.end()
    for order_id, (_, made) in zip(placed, standing.orders, strict=True):
        assert BALANCE not in made.balances(), f"order {order_id}"
    assert {key.partition("/")[0] for _, made in standing.orders for key in made.keys} >= {"PAY", "SHIP", "REFUND"}
    assert min(_headers(life, "VoucherSet") for life in lives) > 0, "one worker did everything"


def _headers(life: Life, name: str) -> int:
    return sum(1 for passed in life.fuse.passed if passed.startswith("before POST") and passed.endswith(f".svc/{name}"))


async def _paid(up: Upstreams, life: Life) -> int:
    """An order that IFS has, and whose payment is known to the store."""
    order_id = await place(up, status_id=AWAITING_PAYMENT)
    await look_again(life, order_id)
    await pay(up, order_id)
    await change(up, order_id, status_id=AWAITING_FULFILLMENT)
    return order_id


async def _booking_taken_over(url: str, folder: Path, stall_at: int | None) -> list[str]:
    """As `_take_over`, for the voucher of a payment. Without `stall_at` nobody stops; returns what was passed."""
    async with open_upstreams() as up:
        clock = ManualClock(datetime.now(UTC))
        home = new_home(url, up.about, folder, now=clock.now(), **books())
        quick = Life(home, clock)
        order_id = await _paid(up, quick)
        slow = Life(home, clock, Fuse(stall_at=stall_at))
        await mark(slow, order_id)
        looking = await slow.look_until_stalled()
        passed = 0 if stall_at is None else len(slow.fuse.passed)
        await quick.work()
        slow.fuse.woken.set()
        await looking
        standing = await assert_books_agree(up, quick, order_id)
        assert [key.partition("/")[0] for key in standing.orders[0][1].keys] == ["PAY"]
        await slow.end()
        await quick.end()
        return slow.fuse.passed[passed:]


@pytest.mark.parametrize(("engine", "every"), [("sqlite", 1), ("postgresql", 4)])
async def test_a_worker_that_overslept_its_lease_books_nothing_more(
    engine: str, every: int, new_url: NewUrl, tmp_path: Path
) -> None:
    with new_url(engine) as url:
        passed = await _booking_taken_over(url, tmp_path, None)
    begun = passed.index("before commit of EmbeddedDispatcher.claim.<lambda>")
    stops = [i for i in behind_changes(passed) if i > begun][:-1:every]
    assert len(stops) > 2

    async def case(stall_at: int) -> None:
        with new_url(engine) as url:
            later = await _booking_taken_over(url, tmp_path, stall_at)
        assert [name for name in later if name.startswith("before POST /main/")] == []

    await all_at_once((passed[i], partial(case, i)) for i in stops)


async def test_a_voucher_that_is_being_put_into_a_batch_is_not_drawn_up_anew(new_url: NewUrl, tmp_path: Path) -> None:
    """Else it would stand in the file, and once more in the next one."""
    async with open_shop(new_url, tmp_path, engine="postgresql", transport="external_file") as shop:
        order_id = await place(shop.up)
        await pay(shop.up, order_id)
        await look_again(shop.life, order_id)
        (voucher,) = await shop.life.documents(DocumentKind.VOUCHER)
        other = Life(shop.home, shop.clock)
        assigned, go = threading.Event(), threading.Event()

        def assign(tx: Tx) -> None:
            batches.assign_batch(tx, shop.home.connection_id, limit=9)
            assigned.set()
            assert go.wait(30)

        batching = asyncio.create_task(other.database.write(assign))
        await asyncio.to_thread(assigned.wait, 30)
        await mark(shop.life, order_id)
        (claim,) = await shop.life.dispatcher.claim(1, set())
        withdrawing = asyncio.create_task(shop.life.database.write(lambda tx: ledger.withdraw(tx, claim, voucher.id)))

        async def is_blocked() -> bool:
            waiting = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            return bool(await shop.life.database.read(lambda conn: conn.exec_driver_sql(waiting).scalar_one()))

        await until(is_blocked, "one waits for the other")
        go.set()
        await batching
        assert await withdrawing is False
        (kept,) = await other.documents(DocumentKind.VOUCHER)
        assert (kept.id, kept.batch) == (voucher.id, 1)
        await other.end()
