"""Every boundary of an order's way is crashed at, one life each; afterwards the order is in IFS once and complete.

A first life without a crash lists the boundaries: before and after each upstream request and each commit. The simulator
is seeded, so every further life takes the same steps and its result can be compared with the undisturbed one.
"""

from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.domain.documents import DocumentKind, DocumentState
from tests.chaos.chaos_crash import Crash, Fuse, behind_changes, that_differ
from tests.chaos.chaos_life import Life, all_at_once, new_home
from tests.chaos.chaos_upstreams import Booked, Sold, Upstreams, open_upstreams, writes_in
from tests.chaos.conftest import NewUrl

_SHARDS: Final = 3
_SHARDS_POSTGRESQL: Final = 4


@dataclass(frozen=True)
class Scenario:
    """What is lived through again and again."""

    name: str
    kind: str
    unmatched_customer: str
    is_delivered: bool  #: by a webhook; else only the poll finds it


#: Two lines, freight, a coupon's discount, tax; the poll afterwards finds nothing new.
KNOWN: Final = Scenario("known buyer", "coupon", "ask", is_delivered=True)
#: A buyer whom IFS does not know, and who is created with everything that hangs on a customer.
STRANGER: Final = Scenario("stranger", "unknown_buyer", "create", is_delivered=False)


@dataclass(frozen=True)
class Undisturbed:
    """What a life without a crash passed and left behind."""

    boundaries: tuple[str, ...]
    booked: Booked


_undisturbed: dict[tuple[Scenario, str], Undisturbed] = {}


async def live(life: Life, scenario: Scenario, order_id: int) -> None:
    """All that happens to one order: its webhook, the work, the poll."""
    if scenario.is_delivered:
        await life.deliver(order_id)
        await life.work()
    await life.poll()
    await life.work()


async def undisturbed(scenario: Scenario, engine: str, new_url: NewUrl, folder: Path) -> Undisturbed:
    """The scenario without a crash; lived once for each process of the test run."""
    if (scenario, engine) not in _undisturbed:
        with new_url(engine) as url:
            async with open_upstreams() as up:
                clock = ManualClock(datetime.now(UTC))
                order_id = await up.place(scenario.kind)
                home = new_home(url, up.about, folder, now=clock.now(), unmatched_customer=scenario.unmatched_customer)
                life = Life(home, clock)
                await live(life, scenario, order_id)
                await life.end()
                booked = await up.booked(order_id)
                booked.assert_equals(await up.sold(order_id))
        _undisturbed[scenario, engine] = Undisturbed(tuple(life.fuse.passed), booked)
    return _undisturbed[scenario, engine]


async def assert_in_ifs_once(up: Upstreams, life: Life, sold: Sold, expected: Booked) -> Counter[str]:
    """IFS holds what an undisturbed life leaves, and our own books say so. Returns the writes that IFS has seen."""
    order_id = sold.order["id"]
    state = await up.ifs_state()
    booked = Booked.of(state, order_id)
    booked.assert_equals(sold)
    assert booked == expected
    view = await life.view(order_id)
    assert view is not None
    assert (view.state, view.reason, view.ifs_order_no) == ("synced", "", booked.order["OrderNo"])
    (document,) = await life.documents(DocumentKind.CUSTOMER_ORDER)
    assert (document.state, document.reference) == (DocumentState.CONFIRMED, booked.order["OrderNo"])
    for created in await life.documents(DocumentKind.CUSTOMER):
        assert (created.state, created.reference) == (DocumentState.CONFIRMED, booked.customer_no)
    return writes_in(state)


async def crash_and_recover(
    scenario: Scenario, url: str, folder: Path, blow_at: int, expected: Booked, *, other_url: str | None = None
) -> None:
    """Live until boundary `blow_at`, die, come back (with `other_url`: to an empty home), and bring it to its end."""
    async with open_upstreams() as up:
        clock = ManualClock(datetime.now(UTC))
        order_id = await up.place(scenario.kind)
        sold = await up.sold(order_id)
        policy = {"unmatched_customer": scenario.unmatched_customer}
        home = new_home(url, up.about, folder, now=clock.now(), **policy)
        first = Life(home, clock, Fuse(blow_at))
        with pytest.raises(Crash):
            await live(first, scenario, order_id)
        await first.end()
        if other_url is not None:
            home = new_home(other_url, up.about, folder, now=clock.now(), **policy)
        second = Life(home, clock)
        await second.void_leases()
        if await second.view(order_id) is None:
            await (second.deliver(order_id) if scenario.is_delivered else second.poll())  # no 200: delivered again
        await second.work()
        written = await assert_in_ifs_once(up, second, sold, expected)
        await second.deliver(order_id)
        await second.deliver(order_id, "updated")
        await second.poll()
        await second.work()
        again = await assert_in_ifs_once(up, second, sold, expected)
        assert again == written, "one more look at a finished order wrote to IFS"
        await second.end()


Crashing = Callable[[int, NewUrl, Path, Booked], Coroutine[Any, Any, None]]


async def crash_at_each(
    crash: Crashing, found: Undisturbed, numbers: Iterable[int], new_url: NewUrl, folder: Path
) -> None:
    """`crash` at each of the numbered boundaries; fails where there is none."""
    chosen = sorted(numbers)
    assert chosen, "nothing to crash at"
    await all_at_once((f"{i} {found.boundaries[i]}", partial(crash, i, new_url, folder, found.booked)) for i in chosen)


@pytest.mark.parametrize("shard", range(_SHARDS))
@pytest.mark.parametrize("scenario", [KNOWN, STRANGER], ids=lambda s: s.name)
async def test_a_crash_at_any_boundary(scenario: Scenario, shard: int, new_url: NewUrl, tmp_path: Path) -> None:
    found = await undisturbed(scenario, "sqlite", new_url, tmp_path)

    async def crash(number: int, new_url: NewUrl, folder: Path, expected: Booked) -> None:
        with new_url("sqlite") as url:
            await crash_and_recover(scenario, url, folder, number, expected)

    await crash_at_each(crash, found, that_differ(found.boundaries)[shard::_SHARDS], new_url, tmp_path)


@pytest.mark.parametrize("shard", range(_SHARDS_POSTGRESQL))
async def test_a_crash_on_postgresql(shard: int, new_url: NewUrl, tmp_path: Path) -> None:
    """Nobody voids leases there: the order is taken over when the dead worker's lease has run out.

    Only where something has just changed, in IFS or in our books: between two such places nothing does.
    """
    found = await undisturbed(KNOWN, "postgresql", new_url, tmp_path)
    changed = behind_changes(found.boundaries)

    async def crash(number: int, new_url: NewUrl, folder: Path, expected: Booked) -> None:
        with new_url("postgresql") as url:
            await crash_and_recover(KNOWN, url, folder, number, expected)

    await crash_at_each(crash, found, changed[shard::_SHARDS_POSTGRESQL], new_url, tmp_path)


async def test_our_books_are_lost_half_way(new_url: NewUrl, tmp_path: Path) -> None:
    """A home restored from a backup older than the order: what IFS has is found by its reference and completed."""
    found = await undisturbed(KNOWN, "sqlite", new_url, tmp_path)
    written = [i for i, name in enumerate(found.boundaries) if name.startswith("after POST /main/")]

    async def crash(number: int, new_url: NewUrl, folder: Path, expected: Booked) -> None:
        with new_url("sqlite") as url, new_url("sqlite") as other_url:
            await crash_and_recover(KNOWN, url, folder, number, expected, other_url=other_url)

    await crash_at_each(crash, found, written, new_url, tmp_path)
