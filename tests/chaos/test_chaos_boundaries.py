"""Every boundary of an order's way is crashed at, one life each; afterwards the order is in IFS once and complete.

A first life without a crash lists the boundaries: before and after each upstream request and each commit. The simulator
is seeded, so every further life takes the same steps and its result can be compared with the undisturbed one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.domain.documents import DocumentKind, DocumentState
from tests.chaos.chaos_crash import Crash, Fuse
from tests.chaos.chaos_life import Life, new_home
from tests.chaos.chaos_upstreams import Booked, Upstreams, open_upstreams
from tests.chaos.conftest import NewUrl

_AT_ONCE: Final = 3
_SHARDS: Final = 6


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
                home = new_home(
                    url, up.about, folder, now=clock.now(), unmatched_customer=scenario.unmatched_customer
                )
                life = Life(home, clock)
                await live(life, scenario, order_id)
                await life.end()
                booked = await up.booked(order_id)
                booked.assert_equals(await up.sold(order_id))
        _undisturbed[scenario, engine] = Undisturbed(tuple(life.fuse.passed), booked)
    return _undisturbed[scenario, engine]


async def assert_in_ifs_once(up: Upstreams, life: Life, order_id: int, expected: Booked) -> None:
    """IFS holds what an undisturbed life leaves, and our own books say so."""
    booked = await up.booked(order_id)
    booked.assert_equals(await up.sold(order_id))
    assert booked == expected
    view = await life.view(order_id)
    assert view is not None
    assert (view.state, view.reason, view.ifs_order_no) == ("synced", "", booked.order["OrderNo"])
    (document,) = await life.documents(DocumentKind.CUSTOMER_ORDER)
    assert (document.state, document.reference) == (DocumentState.CONFIRMED, booked.order["OrderNo"])
    for created in await life.documents(DocumentKind.CUSTOMER):
        assert (created.state, created.reference) == (DocumentState.CONFIRMED, booked.customer_no)


async def crash_and_recover(
    scenario: Scenario, url: str, folder: Path, blow_at: int, expected: Booked, *, other_url: str | None = None
) -> None:
    """Live until boundary `blow_at`, die, come back (with `other_url`: with all our books lost), and do it properly."""
    async with open_upstreams() as up:
        clock = ManualClock(datetime.now(UTC))
        order_id = await up.place(scenario.kind)
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
        if await second.view(order_id) is None and scenario.is_delivered:
            await second.deliver(order_id)  # it got no 200, so BigCommerce delivers it again
        elif await second.view(order_id) is None:
            await second.poll()
        await second.work()
        await assert_in_ifs_once(up, second, order_id, expected)
        written = await up.writes()
        await second.deliver(order_id)
        await second.deliver(order_id, "updated")
        await second.poll()
        await second.work()
        assert await up.writes() == written, "one more look at a finished order wrote to IFS"
        await assert_in_ifs_once(up, second, order_id, expected)
        await second.end()


async def all_of(cases: Iterable[tuple[str, Callable[[], Coroutine[Any, Any, None]]]]) -> None:
    """Run the named cases, some at once; every one that fails is reported with its name."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(name: str, case: Callable[[], Awaitable[None]]) -> Exception | None:
        async with room:
            try:
                await case()
            except Exception as error:  # noqa: BLE001 - reported below, with the others
                error.add_note(f"crashed at: {name}")
                return error
        return None

    failures = [error for error in await asyncio.gather(*(one(*case) for case in cases)) if error is not None]
    if failures:
        raise ExceptionGroup(f"{len(failures)} boundaries", failures)


def _numbered(found: Undisturbed, shard: int, shards: int) -> list[tuple[int, str]]:
    return [(i, name) for i, name in enumerate(found.boundaries) if i % shards == shard]


@pytest.mark.parametrize("shard", range(_SHARDS))
@pytest.mark.parametrize("scenario", [KNOWN, STRANGER], ids=lambda s: s.name)
async def test_a_crash_at_any_boundary(scenario: Scenario, shard: int, new_url: NewUrl, tmp_path: Path) -> None:
    found = await undisturbed(scenario, "sqlite", new_url, tmp_path)

    def case(number: int) -> Callable[[], Coroutine[Any, Any, None]]:
        async def run() -> None:
            with new_url("sqlite") as url:
                await crash_and_recover(scenario, url, tmp_path, number, found.booked)

        return run

    await all_of((f"{i} {name}", case(i)) for i, name in _numbered(found, shard, _SHARDS))
