"""Writes whose outcome is unclear: lost, late, refused as known already. Each ends in IFS exactly once.

For every kind of write that an order and a new customer take; the simulator's fault script hits exactly that call.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.domain.states import OrderState
from tests.chaos.chaos_books import look_again
from tests.chaos.chaos_life import TIMING, Life, all_at_once, new_home
from tests.chaos.chaos_shop import ifs_fault
from tests.chaos.chaos_upstreams import Booked, Upstreams, open_upstreams, writes_in
from tests.chaos.conftest import NewUrl
from tests.integration.waiting import until

#: Every write by the last part of its address.
ORDER_WRITES: Final = (
    "CustomerOrderSet",
    "CustomerOrderAddresses",
    "OrderLinesArray",
    "PreAccountingDistributionArray",
    "CustomerOrderChargeArray",
    "IfsApp.CustomerOrderHandling.CustomerOrder_SetReleased",
)
CUSTOMER_WRITES: Final = (
    "CustomerInfoSet",
    "CustomerInfoAddresses",
    "AddressTypes",
    "CommunicationMethods",
    "CustOrdCustomers",
    "CustomerInvoiceCompanies",
)
#: Opens a pre-posting for editing; harmless, never journalled, and done again with the row it is for.
OPENING: Final = "PreAccountingVirtualSet"
#: How an order and its customer come about, by the kind of order that makes both.
KIND: Final = "unknown_buyer"

_DUPLICATE: Final = (
    '{"error":{"code":"DATABASE_ERROR","message":"Database error occurred",'
    '"details":[{"message":"ORA-20112: CustomerOrder.FND_RECORD_EXIST: The Customer Order already exists."}]}}'
)
#: Carried out, but the answer does not say so.
UNCLEAR: Final[Mapping[str, Mapping[str, Any]]] = {
    "answer lost": {"do": "drop_after_commit"},
    "503 after the commit": {"do": "status_after_commit", "status": 503, "body": "Service Unavailable"},
    "no content": {"do": "no_content"},
    "known already": {"do": "status_after_commit", "status": 400, "body": _DUPLICATE},
}


def fault(write: str, **how: Any) -> dict[str, Any]:
    """A script entry for the first such write."""
    return ifs_fault(rf"^POST .*/{write}$", **how)


def held(state: Mapping[str, Any]) -> tuple[Any, Any]:
    """What IFS holds, to see that it has changed."""
    return state["customers"], state["customer_orders"]


_usual: list[tuple[Booked, Counter[str]]] = []


@pytest.fixture
async def usual(new_url: NewUrl, tmp_path: Path) -> tuple[Booked, Counter[str]]:
    """What an order of a new customer becomes when nothing goes wrong, and the writes that takes; lived once."""

    async def live(up: Upstreams, life: Life, order_id: int) -> None:
        await life.work()
        state = await up.ifs_state()
        _usual.append((Booked.of(state, order_id), writes_in(state)))

    if not _usual:
        await _world(new_url, tmp_path, live)
    return _usual[0]


async def _world(new_url: NewUrl, folder: Path, live: Any, *, timing: Any = TIMING) -> None:
    """A stranger's order, accepted; then `live(upstreams, life, order_id)`, after which it must be settled."""
    with new_url("sqlite") as url:
        async with open_upstreams() as up:
            clock = ManualClock(datetime.now(UTC))
            order_id = await up.place(KIND)
            sold = await up.sold(order_id)
            life = Life(
                new_home(url, up.about, folder, now=clock.now(), unmatched_customer="create"), clock, timing=timing
            )
            await life.deliver(order_id)
            try:
                await live(up, life, order_id)
                (await up.booked(order_id)).assert_equals(sold)
                view = await life.view(order_id)
                assert view is not None
                assert view.state == OrderState.SYNCED
            finally:
                await life.end()


async def test_every_kind_of_write_is_covered_here(usual: tuple[Booked, Counter[str]]) -> None:
    assert set(usual[1]) == {*ORDER_WRITES, *CUSTOMER_WRITES, OPENING}


@pytest.mark.parametrize("outcome", UNCLEAR)
async def test_carried_out_but_unclear(
    outcome: str, usual: tuple[Booked, Counter[str]], new_url: NewUrl, tmp_path: Path
) -> None:
    """It is looked up and found: nothing is sent again, and nothing is waited for."""

    async def case(write: str) -> None:
        async def live(up: Upstreams, life: Life, order_id: int) -> None:
            await up.script(fault(write, **UNCLEAR[outcome]))
            before = life.clock.now()
            await life.work()
            assert sum((await up.faults()).values()) == 1
            state = await up.ifs_state()
            assert (Booked.of(state, order_id), writes_in(state)) == usual
            assert life.clock.now() == before

        await _world(new_url, tmp_path, live)

    await all_at_once((write, partial(case, write)) for write in (*CUSTOMER_WRITES, *ORDER_WRITES))


async def test_the_answer_never_comes(usual: tuple[Booked, Counter[str]], new_url: NewUrl, tmp_path: Path) -> None:
    """The request's hard deadline ends the wait; what was carried out is found."""
    timing = replace(TIMING, request_deadline=timedelta(seconds=1))

    async def case(write: str) -> None:
        async def live(up: Upstreams, life: Life, order_id: int) -> None:
            await up.script(fault(write, do="hang_after_commit", seconds=2))
            await life.work()
            assert await up.faults() == {"ifs.hang_after_commit": 1}
            state = await up.ifs_state()
            assert (Booked.of(state, order_id), writes_in(state)) == usual

        await _world(new_url, tmp_path, live, timing=timing)

    await all_at_once(((write, partial(case, write)) for write in (*CUSTOMER_WRITES, *ORDER_WRITES)), at_once=6)


async def test_nothing_is_sent_again_before_its_time(
    usual: tuple[Booked, Counter[str]], new_url: NewUrl, tmp_path: Path
) -> None:
    """Not carried out, but we cannot know: looked up until `resend_after` past its deadline, then sent once more."""
    timing = replace(TIMING, request_deadline=timedelta(seconds=5), resend_after=timedelta(seconds=2))

    async def case(write: str) -> None:
        async def live(up: Upstreams, life: Life, order_id: int) -> None:
            await up.script(fault(write, do="drop_before"))
            assert isinstance(life.clock, ManualClock)
            again_at = life.clock.now() + timing.request_deadline + timing.resend_after
            await life.look_once()
            first = await up.writes()
            while life.clock.now() < again_at - timedelta(milliseconds=1):
                view = await life.view(order_id)
                assert view is not None
                assert (view.state, view.reason, view.attempts) == ("due", "unknown_outcome", 0)
                await life.look_once()
                assert await up.writes() == first, f"sent again {again_at - life.clock.now()} too early"
                left = (again_at - life.clock.now()).total_seconds()
                life.clock.advance(min(0.5, max(left - 0.001, 0.0005)))
            await life.work()
            assert life.clock.now() == again_at
            state = await up.ifs_state()
            more = Counter({write: 1, OPENING: int(write == "PreAccountingDistributionArray")})
            assert (Booked.of(state, order_id), writes_in(state)) == (usual[0], usual[1] + more)

        await _world(new_url, tmp_path, live, timing=timing)

    await all_at_once((write, partial(case, write)) for write in (*CUSTOMER_WRITES, *ORDER_WRITES))


async def test_a_late_commit_is_found(usual: tuple[Booked, Counter[str]], new_url: NewUrl, tmp_path: Path) -> None:
    """IFS carries the call out after we gave it up: the next look finds it, and it is never sent again."""
    timing = replace(TIMING, request_deadline=timedelta(seconds=1), resend_after=timedelta(seconds=30))

    async def case(write: str) -> None:
        async def live(up: Upstreams, life: Life, order_id: int) -> None:
            await up.script(fault(write, do="slow", seconds=2))
            await life.look_once()
            view = await life.view(order_id)
            assert view is not None
            assert (view.state, view.reason) == ("due", "unknown_outcome")
            given_up = held(await up.ifs_state())

            async def is_carried_out() -> bool:
                return held(await up.ifs_state()) != given_up

            await until(is_carried_out, f"IFS carries {write} out late")
            await life.work()
            state = await up.ifs_state()
            assert (Booked.of(state, order_id), writes_in(state)) == usual

        await _world(new_url, tmp_path, live, timing=timing)

    await all_at_once(((write, partial(case, write)) for write in (*CUSTOMER_WRITES, *ORDER_WRITES)), at_once=6)


async def test_known_already_but_nowhere_to_be_found(
    usual: tuple[Booked, Counter[str]], new_url: NewUrl, tmp_path: Path
) -> None:
    """IFS calls it a duplicate and shows none: the order fails with IFS's words, and goes on when a person retries."""

    async def live(up: Upstreams, life: Life, order_id: int) -> None:
        await up.script(fault("CustomerOrderSet", do="status", status=400, body=_DUPLICATE))
        await life.work()
        view = await life.view(order_id)
        assert view is not None
        assert view.state == OrderState.FAILED
        assert "ORA-20112" in view.error
        assert not (await up.booked(order_id)).orders
        await look_again(life, order_id)
        assert await up.booked(order_id) == usual[0]

    await _world(new_url, tmp_path, live)
