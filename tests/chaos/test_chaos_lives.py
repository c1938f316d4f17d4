"""Every boundary of what happens to orders after they were placed is crashed at; the books are right all the same.

Two orders live through payment, refund before shipment, shipment in parts with tracking, refund after it, cancellation
and a refund of all of it: a stage each, by a process of its own. One life of both orders crashes at the n-th boundary
of every stage, and after each stage IFS must hold what it holds when nothing crashes; so there are as many lives as the
longest stage has boundaries.
"""

import functools
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.chaos.chaos_books import (
    AWAITING_PAYMENT,
    BALANCE,
    CANCELLED,
    CLEARING,
    Standing,
    a_while,
    assert_books_agree,
    booking_home,
    change,
    manual_clock,
    place,
)
from tests.chaos.chaos_crash import Crash, Fuse, behind_changes, that_differ
from tests.chaos.chaos_life import Life, all_at_once
from tests.chaos.chaos_upstreams import Upstreams, money, open_upstreams, writes_in
from tests.chaos.conftest import NewUrl
from tests.integration.bookkeeping import pay, products, refund, ship, store_order

_SHARDS: Final = 4
#: On the second database every so many of those behind a change, in IFS or in our books.
_EVERY: Final = 5


@dataclass
class Pair:
    """The two orders."""

    up: Upstreams
    sold: int = 0  #: is shipped in parts
    lost: int = 0  #: is cancelled

    async def placed(self) -> None:
        self.sold = await place(self.up, status_id=AWAITING_PAYMENT)
        self.lost = await place(self.up)

    async def paid(self) -> None:
        await pay(self.up, self.sold)
        await change(self.up, self.sold, status_id=11)

    async def refunded_before_shipping(self) -> None:
        await self._refunded(1, "21.65")

    async def shipped_in_part(self) -> None:
        line, _ = await products(self.up, self.sold)
        await ship(self.up, self.sold, {line["id"]: 2}, tracking_number="1Z-FIRST")

    async def shipped(self) -> None:
        await ship(self.up, self.sold, tracking_number="1Z-LAST")

    async def refunded_after_shipping(self) -> None:
        await self._refunded(0, "36.08")

    async def paid_and_cancelled(self) -> None:
        await pay(self.up, self.lost)
        await change(self.up, self.lost, status_id=CANCELLED)

    async def all_refunded(self) -> None:
        total = (await store_order(self.up, self.lost))["total_inc_tax"]
        item = {"item_type": "ORDER", "item_id": self.lost, "amount": float(total)}
        await refund(self.up, self.lost, item, amount=total)

    async def _refunded(self, position: int, amount: str) -> None:
        line = (await products(self.up, self.sold))[position]
        await refund(self.up, self.sold, {"item_type": "PRODUCT", "item_id": line["id"], "quantity": 1}, amount=amount)


@dataclass(frozen=True)
class Stage:
    """Something happens to one of the orders, and the store tells of it."""

    happen: Callable[[Pair], Awaitable[None]]
    order: Callable[[Pair], int]
    event: str = "updated"

    @property
    def name(self) -> str:
        return self.happen.__name__

    async def tell(self, life: Life, pair: Pair) -> None:
        await life.deliver(self.order(pair), f"{self.event}/{self.name}")


def _sold(pair: Pair) -> int:
    return pair.sold


def _lost(pair: Pair) -> int:
    return pair.lost


STAGES: Final = (
    Stage(Pair.paid, _sold),
    Stage(Pair.refunded_before_shipping, _sold, "refund/created"),
    Stage(Pair.shipped_in_part, _sold),
    Stage(Pair.shipped, _sold),
    Stage(Pair.refunded_after_shipping, _sold, "refund/created"),
    Stage(Pair.paid_and_cancelled, _lost),
    Stage(Pair.all_refunded, _lost, "refund/created"),
)


@dataclass
class Undisturbed:
    """What each stage passes and leaves behind when nothing crashes."""

    boundaries: list[list[str]] = field(default_factory=list)
    standing: list[Standing] = field(default_factory=list)

    def all_points(self) -> list[list[int]]:
        """Every boundary of each stage that leaves the world as no other does."""
        return [that_differ(passed) for passed in self.boundaries]

    def some_points(self, every: int) -> list[list[int]]:
        """Each stage's boundaries right behind a change, in IFS or in our books; one of `every`."""
        found = [behind_changes(passed) for passed in self.boundaries]
        return [points[number % every :: every] for number, points in enumerate(found)]


async def live(new_url: NewUrl, folder: Path, engine: str, usual: Undisturbed, crash_at: Sequence[int | None]) -> None:
    """Both orders through all stages; in each the process dies at that boundary, if any, and another one goes on."""
    with new_url(engine) as url:
        async with open_upstreams() as up:
            clock = manual_clock()
            home = booking_home(url, up, folder, clock)
            pair = Pair(up)
            await _imported(Life(home, clock), pair)
            for number, stage in enumerate(STAGES):
                await a_while(up)
                await stage.happen(pair)
                if crash_at[number] is not None:
                    await _die(Life(home, clock, Fuse(crash_at[number])), stage, pair)
                life = Life(home, clock)
                if crash_at[number] is not None:
                    await life.void_leases()
                await _told(stage, life, pair)
                standing = await assert_books_agree(up, life, pair.sold, pair.lost)
                if len(usual.standing) == number:
                    usual.boundaries.append(life.fuse.passed)
                    usual.standing.append(standing)
                assert standing == usual.standing[number], stage.name
                await life.end()
            await _assert_done(up, Life(home, clock), pair)


async def _imported(life: Life, pair: Pair) -> None:
    await pair.placed()
    for order_id in (pair.sold, pair.lost):
        await life.deliver(order_id)
    await life.work()
    await life.end()


async def _die(life: Life, stage: Stage, pair: Pair) -> None:
    with pytest.raises(Crash):
        await _told(stage, life, pair)
    await life.end()


async def _told(stage: Stage, life: Life, pair: Pair) -> None:
    await stage.tell(life, pair)
    await life.work()


async def _assert_done(up: Upstreams, life: Life, pair: Pair) -> None:
    """The sold order is settled, the lost one's money given back; one more look at either writes nothing."""
    before = await up.ifs_state()
    for stage in (Stage(Pair.shipped, _sold, "again"), Stage(Pair.all_refunded, _lost, "again")):
        await _told(stage, life, pair)
    assert writes_in(await up.ifs_state()) == writes_in(before)
    sold, lost = await life.view(pair.sold), await life.view(pair.lost)
    assert sold is not None
    assert lost is not None
    assert (sold.state, sold.settled, lost.state) == ("synced", True, "synced")
    (order, sold_books), (cancelled, lost_books) = (await Standing.of(up, pair.sold, pair.lost)).orders
    quantities = sorted(money(line["BuyQtyDue"]) for line in order.order["lines"])
    assert order.order["Objstate"] == "Released"
    assert quantities == [1, 3]
    assert "1Z-LAST" in order.order["NoteText"]
    assert cancelled.order["Objstate"] == "Cancelled"
    for name in ("CurrencyAmount", "Amount"):
        assert BALANCE not in sold_books.balances(name)
        assert CLEARING not in lost_books.balances(name)
    total = money((await store_order(up, pair.sold))["total_inc_tax"])
    assert sold_books.balances()[CLEARING] == total - money("21.65") - money("36.08")
    await life.end()


_usual: dict[str, Undisturbed] = {}


async def usual_of(engine: str, new_url: NewUrl, folder: Path) -> Undisturbed:
    """The lives without a crash; lived once for each process of the test run."""
    if engine not in _usual:
        found = Undisturbed()
        await live(new_url, folder, engine, found, [None] * len(STAGES))
        _usual[engine] = found
    return _usual[engine]


async def crash_at_each(
    points: list[list[int]], shard: int, shards: int, die: Callable[[Sequence[int | None]], Awaitable[None]]
) -> None:
    """One life for the first point of every stage, one for the second, and so on."""
    lives = list(itertools.zip_longest(*points))[shard::shards]
    assert lives
    await all_at_once((str(crash_at), functools.partial(die, crash_at)) for crash_at in lives)


@pytest.mark.parametrize("shard", range(_SHARDS))
async def test_a_crash_at_any_boundary_of_what_follows(shard: int, new_url: NewUrl, tmp_path: Path) -> None:
    usual = await usual_of("sqlite", new_url, tmp_path)
    die = functools.partial(live, new_url, tmp_path, "sqlite", usual)
    await crash_at_each(usual.all_points(), shard, _SHARDS, die)


async def test_a_crash_behind_some_changes_on_postgresql(new_url: NewUrl, tmp_path: Path) -> None:
    """Nobody voids leases there: the orders are taken over when the dead worker's lease has run out."""
    usual = await usual_of("postgresql", new_url, tmp_path)
    die = functools.partial(live, new_url, tmp_path, "postgresql", usual)
    await crash_at_each(usual.some_points(_EVERY), 0, 1, die)
