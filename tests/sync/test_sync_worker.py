"""The worker: one order's trouble is its own, the others go on, and nothing that it finds is lost."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.base.problems import Problem
from bcifs_console.domain.plan import Blocker, Reason
from bcifs_console.domain.states import Claim, OrderState, Outcome
from bcifs_console.ifs.errors import AuthenticationFailed
from bcifs_console.store import intake, views
from bcifs_console.store.database import Database
from bcifs_console.store.errors import LeaseLost, StoreFault, StoreUnavailable
from bcifs_console.store.views import OrderView
from bcifs_console.sync import worker as worker_module
from bcifs_console.sync.breakers import Breakers
from bcifs_console.sync.dispatch.embedded import EmbeddedDispatcher
from bcifs_console.sync.looking import Progress
from bcifs_console.sync.retry import Waiting
from bcifs_console.sync.runtime import Runtime, Timing
from bcifs_console.sync.worker import Worker
from tests.integration.waiting import until
from tests.sync.conftest import MakeRuntime

TIMING = Timing(lease=timedelta(seconds=90))
SYNCED = Outcome(OrderState.SYNCED, ifs_order_no="P1")

#: What a look at an order does: returns how it ended, or raises.
Ending = Callable[[], Awaitable[Outcome]]


@dataclass
class Office:
    """A worker whose looks end as the test says, instead of asking two systems."""

    database: Database
    runtime: Runtime
    breakers: Breakers
    dispatcher: EmbeddedDispatcher
    worker: Worker
    endings: dict[int, Ending] = field(default_factory=dict)
    looks: Counter[int] = field(default_factory=Counter)
    told: list[tuple[int, OrderState]] = field(default_factory=list)
    task: "asyncio.Task[None] | None" = None

    def ends(self, order_id: int, *, with_: Outcome | BaseException) -> None:
        async def ending() -> Outcome:
            if isinstance(with_, BaseException):
                raise with_
            return with_

        self.endings[order_id] = ending

    async def mark(self, *order_ids: int) -> None:
        await self.database.write(lambda tx: intake.mark_due(tx, self.runtime.id, order_ids, found_by="webhook"))

    async def view(self, order_id: int) -> OrderView:
        (found,) = await self.database.read(lambda conn: views.orders_by_id(conn, self.runtime.id, [order_id]))
        return found

    async def reaches(self, order_id: int, state: OrderState) -> OrderView:
        async def look() -> OrderView | None:
            found = await self.view(order_id)
            return found if found.state == state else None

        return await until(look, f"order {order_id} is {state}", deadline_s=5)

    def begin(self) -> None:
        self.task = asyncio.create_task(self.worker.run())


@pytest.fixture
async def office(
    sqlite_database: Database, make_runtime: MakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Office]:
    runtime = make_runtime(timing=TIMING)
    breakers = Breakers(sqlite_database, TIMING)
    dispatcher = EmbeddedDispatcher(sqlite_database, "worker-1", TIMING.lease)
    told: list[tuple[int, OrderState]] = []
    worker = Worker(
        sqlite_database,
        dispatcher,
        {runtime.id: runtime},
        breakers,
        TIMING,
        concurrency=4,
        on_outcome=lambda claim, state: told.append((claim.order_id, state)),
    )
    made = Office(sqlite_database, runtime, breakers, dispatcher, worker, told=told)

    class Look:
        """Stands in for the real look."""

        def __init__(self, _runtime: Runtime, claim: Claim) -> None:
            self._claim = claim
            self.progress = Progress(ifs_order_no="P-half")

        async def run(self) -> Outcome:
            made.looks[self._claim.order_id] += 1
            return await made.endings[self._claim.order_id]()

    monkeypatch.setattr(worker_module, "Look", Look)
    yield made
    await worker.stop(0.1)
    if made.task is not None:
        await made.task
    await dispatcher.close()


async def test_an_unexpected_exception_fails_that_order_visibly_and_the_others_go_on(office: Office) -> None:
    office.ends(1, with_=KeyError("no such thing"))
    for good in (2, 3, 4, 5, 6):
        office.ends(good, with_=SYNCED)
    office.begin()
    await office.mark(1, 2, 3)
    failed = await office.reaches(1, OrderState.FAILED)
    assert "fault in this program" in failed.error
    assert "no such thing" in failed.error
    assert failed.ifs_order_no == "P-half", "how far it came is not forgotten"
    for good in (2, 3):
        assert (await office.reaches(good, OrderState.SYNCED)).ifs_order_no == "P1"
    await office.mark(4, 5, 6)
    for good in (4, 5, 6):
        await office.reaches(good, OrderState.SYNCED)
    assert sorted(office.told) == [(1, "failed"), *((n, "synced") for n in (2, 3, 4, 5, 6))]
    assert office.looks[1] == 1, "what failed is not tried again by itself"


@pytest.mark.parametrize(
    "error", [RecursionError("deep"), MemoryError(), AssertionError("never"), ValueError("\x1b[31m")]
)
async def test_no_exception_of_a_look_ends_the_worker(office: Office, error: Exception) -> None:
    office.ends(1, with_=error)
    office.ends(2, with_=SYNCED)
    office.begin()
    await office.mark(1)
    assert (await office.reaches(1, OrderState.FAILED)).error
    await office.mark(2)
    await office.reaches(2, OrderState.SYNCED)


async def test_a_waiting_order_keeps_its_reasons(office: Office) -> None:
    blocker = Blocker(Reason.MAPPING, "no part", "make one", "part X")
    office.ends(1, with_=Waiting(Reason.MAPPING, (blocker,)))
    office.begin()
    await office.mark(1)
    view = await office.reaches(1, OrderState.WAITING)
    assert (view.reason, view.error, view.remedy) == ("mapping", "no part", "make one")
    assert [p["subject"] for p in view.problems] == ["part X"]


async def test_a_paused_connection_is_left_alone(office: Office) -> None:
    office.ends(1, with_=AuthenticationFailed("wrong secret"))
    office.begin()
    await office.mark(1)

    async def paused() -> bool:
        return office.breakers.paused() == {office.runtime.id}

    await until(paused, "the connection is paused", deadline_s=5)
    view = await office.reaches(1, OrderState.DUE)
    assert (view.reason, view.attempts, view.error) == ("connection", 0, "wrong secret")
    office.ends(2, with_=SYNCED)
    await office.mark(2)
    office.dispatcher.wake()
    await office.database.read(lambda conn: None)
    assert (await office.view(2)).state == "due"
    assert office.looks == {1: 1}


async def test_more_orders_than_places_all_get_their_turn_and_never_more_at_once(office: Office) -> None:
    most = 0

    async def slow() -> Outcome:
        nonlocal most
        most = max(most, office.worker.busy)
        await asyncio.sleep(0)
        return SYNCED

    office.endings = dict.fromkeys(range(1, 31), slow)
    office.begin()
    await office.mark(*range(1, 31))
    for number in range(1, 31):
        await office.reaches(number, OrderState.SYNCED)
    assert most <= 4
    assert set(office.looks.values()) == {1}


async def test_an_order_marked_while_it_is_looked_at_is_looked_at_again(office: Office) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def held() -> Outcome:
        begun.set()
        await go_on.wait()
        return SYNCED

    office.endings[1] = held
    office.begin()
    await office.mark(1)
    await begun.wait()
    await office.mark(1)
    go_on.set()

    async def twice() -> bool:
        return office.looks[1] == 2 and (await office.view(1)).state == "synced"

    await until(twice, "a second look", deadline_s=5)
    assert office.told == [(1, OrderState.DUE), (1, OrderState.SYNCED)]
    assert (await office.view(1)).ifs_order_no == "P1"


@pytest.mark.parametrize("error", [LeaseLost("order 1"), StoreUnavailable("away")])
async def test_without_a_lease_or_a_store_nothing_is_decided(
    office: Office, clock: ManualClock, error: Problem
) -> None:
    """Whoever has the order now decides; else its lease runs out and it is looked at again."""
    office.ends(1, with_=error)
    office.begin()
    await office.mark(1)

    async def looked() -> bool:
        return office.looks[1] == 1 and office.worker.busy == 0

    await until(looked, "the look ended", deadline_s=5)
    assert (await office.view(1)).state == "working"
    assert office.told == []
    office.ends(1, with_=SYNCED)
    clock.advance(TIMING.lease.total_seconds())
    office.dispatcher.wake()
    await office.reaches(1, OrderState.SYNCED)
    assert office.told == [(1, OrderState.SYNCED)]


async def test_what_the_database_refuses_is_shown_on_the_order(office: Office) -> None:
    office.ends(1, with_=StoreFault("no such column", remedy="Report this."))
    office.begin()
    await office.mark(1)
    view = await office.reaches(1, OrderState.FAILED)
    assert (view.error, view.remedy) == ("no such column", "Report this.")


async def test_an_order_of_a_connection_that_is_not_loaded_stays_due(office: Office, make_runtime: MakeRuntime) -> None:
    """Added a moment ago, or unusable: no fault of the order."""
    other = make_runtime(name="acme-eu")
    office.begin()
    await office.database.write(lambda tx: intake.mark_due(tx, other.id, [9], found_by="webhook"))

    async def explained() -> OrderView | None:
        (view,) = await office.database.read(lambda conn: views.orders_by_id(conn, other.id, [9]))
        return view if view.state == "due" and view.error else None

    view = await until(explained, "the order says what it waits for", deadline_s=5)
    assert (view.reason, view.attempts) == ("connection", 0)
    assert view.remedy
    assert view.next_try_at is not None
    assert view.next_try_at > office.database.clock.now()


async def test_stop_lets_looks_end_and_cancels_those_that_do_not(office: Office) -> None:
    begun: list[asyncio.Event] = [asyncio.Event(), asyncio.Event()]
    go_on = asyncio.Event()

    async def ends_in_time() -> Outcome:
        begun[0].set()
        await go_on.wait()
        return SYNCED

    async def never_ends() -> Outcome:
        begun[1].set()
        await asyncio.Event().wait()
        raise AssertionError

    office.endings = {1: ends_in_time, 2: never_ends}
    office.begin()
    await office.mark(1, 2)
    await asyncio.gather(*(event.wait() for event in begun))
    go_on.set()
    await office.worker.stop(0.2)
    assert (await office.view(1)).state == "synced"
    assert (await office.view(2)).state == "working", "its lease runs out, or the next start voids it"
    await office.mark(3)
    assert office.task is not None
    await office.task
    assert office.looks == {1: 1, 2: 1}


async def test_stop_does_not_wait_for_a_free_place(office: Office) -> None:
    all_begun = asyncio.Barrier(5)

    async def never_ends() -> Outcome:
        await all_begun.wait()
        await asyncio.Event().wait()
        raise AssertionError

    office.endings = dict.fromkeys((1, 2, 3, 4), never_ends)
    office.begin()
    await office.mark(1, 2, 3, 4)
    await all_begun.wait()
    async with asyncio.timeout(2):
        await office.worker.stop(0.1)
    assert office.worker.busy == 0


async def test_a_store_that_does_not_answer_is_waited_for(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither reads nor writes work for a while; the worker is still there afterwards."""
    refused = 0
    read, write = office.database.read, office.database.write

    async def away(*_: object) -> None:
        nonlocal refused
        refused += 1
        raise StoreUnavailable("away")

    office.ends(1, with_=SYNCED)
    await office.mark(1)
    monkeypatch.setattr(office.database, "read", away)
    monkeypatch.setattr(office.database, "write", away)
    office.begin()

    async def tried() -> bool:
        return refused >= 2

    await until(tried, "the worker tried twice", deadline_s=5)
    monkeypatch.setattr(office.database, "read", read)
    monkeypatch.setattr(office.database, "write", write)
    view = await office.reaches(1, OrderState.SYNCED)
    assert (view.ifs_order_no, office.looks) == ("P1", {1: 1})
