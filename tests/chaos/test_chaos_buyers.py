"""Two first orders of one stranger, worked on at the same time: one customer, complete, with both orders on it.

One worker has asked what we know of the buyer and looks in IFS only when the other, stopped at a boundary of its own,
has begun to create the customer there.
"""

import asyncio
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.domain.states import OrderState
from tests.chaos.chaos_books import mark
from tests.chaos.chaos_crash import Fuse
from tests.chaos.chaos_life import Home, Life, all_at_once, new_home
from tests.chaos.chaos_upstreams import Booked, Upstreams, open_upstreams
from tests.chaos.conftest import NewUrl
from tests.integration.storefront import address, order, product

_SHARDS: Final = 2
_STRANGER: Final = address("Nora", "New", "nora.new@example.net")
#: What another program sends for a customer of its own.
_OTHER: Final = {
    "Name": "Other Ltd",
    "CreationDate": "2026-12-01",
    "Country": "US",
    "CountryCode": "US",
    "DefaultLanguage": "en",
    "PartyType": "Customer",
    "DefaultDomain": True,
}
_MARKING: Final = 2  #: marking an order due is a commit of its own, with its two boundaries
_HEADER: Final = "CustomerOrderHandling.svc/CustomerOrderSet"


async def _place(up: Upstreams) -> int:
    answer = await up.store.post("/v2/orders", order(product(101, 2), product(113), billing=_STRANGER, customer_id=0))
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def _home(url: str, up: Upstreams, folder: Path, clock: ManualClock) -> Home:
    return new_home(url, up.about, folder, now=clock.now(), unmatched_customer="create")


async def _undisturbed(new_url: NewUrl, folder: Path) -> list[str]:
    """What one look passes that creates the customer and books the order."""
    with new_url("sqlite") as url:
        async with open_upstreams() as up:
            clock = ManualClock(datetime.now(UTC))
            life = Life(await _home(url, up, folder, clock), clock)
            order_id = await _place(up)
            await mark(life, order_id)
            before = len(life.fuse.passed)
            await life.look_once()
            await life.end()
    return life.fuse.passed[before:]


async def _stopped(life: Life, order_id: int) -> "asyncio.Task[int]":
    """A look at the order, come as far as it is to come for now."""
    await mark(life, order_id)
    return await life.look_until_stalled()


async def _both(up: Upstreams, url: str, folder: Path, *, creating_stops_at: int, asking_stops_at: int) -> None:
    clock = ManualClock(datetime.now(UTC))
    home = await _home(url, up, folder, clock)
    creating = Life(home, clock, Fuse(stall_at=creating_stops_at))
    asking = Life(home, clock, Fuse(stall_at=asking_stops_at))
    placed = [await _place(up), await _place(up)]
    asks = await _stopped(asking, placed[0])
    creates = await _stopped(creating, placed[1])
    asking.fuse.woken.set()
    await asks
    creating.fuse.woken.set()
    await creates
    await asking.work()
    state = await up.ifs_state()
    (customer,) = [row for row in state["customers"] if row["CustomerId"].startswith("BC")]
    children = [len(customer[name]) for name in ("addresses", "address_types", "communication_methods", "invoice_info")]
    assert (children, bool(customer["order_info"])) == ([1, 2, 1, 1], True)
    for order_id in placed:
        booked = Booked.of(state, order_id)
        booked.assert_equals(await up.sold(order_id))
        assert booked.customer_no == customer["CustomerId"]
        view = await asking.view(order_id)
        assert view is not None
        assert view.state == OrderState.SYNCED
    await creating.end()
    await asking.end()


@pytest.mark.parametrize("shard", range(_SHARDS))
async def test_one_customer_for_two_first_orders(shard: int, new_url: NewUrl, tmp_path: Path) -> None:
    passed = await _undisturbed(new_url, tmp_path)
    asked = _MARKING + next(i for i, name in enumerate(passed) if name.startswith("after POST /auth/"))
    header = next(i for i, name in enumerate(passed) if name.endswith(_HEADER))
    stops = [i for i, name in enumerate(passed[:header]) if name.startswith("after ")][shard::_SHARDS]
    assert stops

    async def case(stop: int) -> None:
        with new_url("sqlite") as url:
            async with open_upstreams() as up:
                await _both(up, url, tmp_path, creating_stops_at=_MARKING + stop, asking_stops_at=asked)

    await all_at_once((passed[i], partial(case, i)) for i in stops)


async def test_the_id_of_a_new_customer_is_taken_meanwhile(new_url: NewUrl, tmp_path: Path) -> None:
    """Another program gives our free id to a customer of its own before we send ours: ours gets the next one."""
    with new_url("sqlite") as url:
        async with open_upstreams() as up:
            passed = await _undisturbed(new_url, tmp_path)
            looked = _MARKING + next(i for i, name in enumerate(passed) if name.endswith("(CustomerId='BC1')"))
            clock = ManualClock(datetime.now(UTC))
            life = Life(await _home(url, up, tmp_path, clock), clock, Fuse(stall_at=looked + 1))
            order_id = await _place(up)
            looking = await _stopped(life, order_id)
            await up.erp.log_in()
            await up.erp.made("CustomerHandling.svc/CustomerInfoSet", {**_OTHER, "CustomerId": "BC1"})
            life.fuse.woken.set()
            await looking
            await life.work()
            state = await up.ifs_state()
            await life.end()
    rows = {row["CustomerId"]: row for row in state["customers"] if row["CustomerId"].startswith("BC")}
    assert {number: row["Name"] for number, row in rows.items()} == {"BC1": "Other Ltd", "BC2": "Nora New"}
    assert (rows["BC1"]["addresses"], rows["BC1"]["communication_methods"]) == ([], [])
    assert Booked.of(state, order_id).customer_no == "BC2"
