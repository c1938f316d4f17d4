"""After a pause looks go out one at a time, then twice as many with each that is answered; and background looks leave
room for others."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.domain.states import Claim, OrderState, Outcome, Side
from bcifs_console.ifs import errors as ifs
from bcifs_console.store import intake, views
from bcifs_console.store.database import Database
from bcifs_console.sync import worker as worker_module
from bcifs_console.sync.breakers import Breakers
from bcifs_console.sync.dispatch.embedded import EmbeddedDispatcher
from bcifs_console.sync.looking import Progress
from bcifs_console.sync.runtime import Runtime, Timing
from bcifs_console.sync.worker import Worker
from tests.integration.waiting import until
from tests.sync.conftest import MakeRuntime, Probed

TIMING = Timing(probe_interval=timedelta(seconds=60), max_attempts=3)
CONCURRENCY = 16


class Looks:
    """Stands in for `Look`: each look waits until it is let go, and ends as it is told."""

    def __init__(self) -> None:
        self.under_way: dict[int, asyncio.Future[Outcome]] = {}
        self.most = 0

    def make(self, _runtime: Runtime, claim: Claim) -> Any:
        looks = self

        class OneLook:
            progress = Progress()

            async def run(self) -> Outcome:
                looks.under_way[claim.order_id] = asyncio.get_running_loop().create_future()
                looks.most = max(looks.most, len(looks.under_way))
                try:
                    return await looks.under_way[claim.order_id]
                finally:
                    del looks.under_way[claim.order_id]

        return OneLook()

    def end(self, outcome: Outcome | Exception) -> None:
        """End every look that is under way."""
        for look in self.under_way.values():
            if isinstance(outcome, Exception):
                look.set_exception(outcome)
            elif not look.done():
                look.set_result(outcome)

    async def are(self, number: int) -> None:
        async def look() -> bool:
            return len(self.under_way) == number

        await until(look, f"{number} looks are under way", show=lambda: self.under_way)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    made = Looks()
    monkeypatch.setattr(worker_module, "Look", made.make)
    return made


@pytest.fixture
def runtime(make_runtime: MakeRuntime) -> Runtime:
    return make_runtime(store=Probed(), ifs=Probed(), timing=TIMING)


@pytest.fixture
def most_in_background() -> int | None:
    """As by itself; a test may say otherwise."""
    return None


@pytest.fixture
async def worker(
    sqlite_database: Database, runtime: Runtime, breakers: Breakers, looks: Looks, most_in_background: int | None
) -> AsyncIterator[Worker]:
    dispatcher = EmbeddedDispatcher(sqlite_database, "tester", TIMING.lease)
    made = Worker(
        sqlite_database,
        dispatcher,
        {runtime.id: runtime},
        breakers,
        TIMING,
        concurrency=CONCURRENCY,
        most_in_background=most_in_background,
    )
    running = asyncio.create_task(made.run())
    yield made
    looks.end(Outcome(OrderState.SYNCED))
    await made.stop(1.0)
    await running
    await dispatcher.close()


async def mark(runtime: Runtime, numbers: range, *, background: bool = False) -> None:
    await runtime.database.write(
        lambda tx: intake.mark_due(tx, runtime.id, numbers, found_by="test", background=background)
    )


async def pause_and_free(breakers: Breakers, runtime: Runtime, clock: ManualClock) -> None:
    await breakers.failed(runtime.id, ifs.AuthenticationFailed("no token"))
    clock.advance(60)
    assert await breakers.probe({runtime.id: runtime})


async def test_looks_double_with_each_answer_after_a_pause(
    runtime: Runtime, breakers: Breakers, worker: Worker, looks: Looks, clock: ManualClock
) -> None:
    await pause_and_free(breakers, runtime, clock)
    await mark(runtime, range(1, 101))
    for number in (1, 2, 8, CONCURRENCY):
        await looks.are(number)
        looks.end(Outcome(OrderState.SYNCED))


async def test_a_failure_while_starting_keeps_the_number_as_it_is(
    runtime: Runtime, breakers: Breakers, worker: Worker, looks: Looks, clock: ManualClock
) -> None:
    await pause_and_free(breakers, runtime, clock)
    await mark(runtime, range(1, 101))
    await looks.are(1)
    looks.end(Outcome(OrderState.SYNCED))
    await looks.are(2)
    looks.end(ifs.Transient("busy"))
    await looks.are(2)
    assert looks.most == 2


async def test_an_order_that_waits_for_a_person_is_an_answer_too(
    runtime: Runtime, breakers: Breakers, clock: ManualClock
) -> None:
    await pause_and_free(breakers, runtime, clock)
    assert breakers.starting() == {runtime.id: 1}
    for _ in range(8):
        await breakers.failed(runtime.id, ifs.MissingMasterData("no part"))
    assert breakers.starting() == {}


async def test_without_a_pause_nothing_is_held_back(runtime: Runtime, worker: Worker, looks: Looks) -> None:
    await mark(runtime, range(1, 101))
    await looks.are(CONCURRENCY)


async def test_orders_without_hurry_leave_places_to_others(runtime: Runtime, worker: Worker, looks: Looks) -> None:
    await mark(runtime, range(1, 101), background=True)
    await looks.are(12)
    await mark(runtime, range(201, 211))
    await looks.are(CONCURRENCY)
    assert sum(number > 200 for number in looks.under_way) == CONCURRENCY - 12


@pytest.mark.parametrize("most_in_background", [CONCURRENCY])
async def test_where_no_others_can_come_they_take_every_place(runtime: Runtime, worker: Worker, looks: Looks) -> None:
    await mark(runtime, range(1, 101), background=True)
    await looks.are(CONCURRENCY)


async def test_what_pauses_the_side_costs_no_order_an_attempt(
    runtime: Runtime, breakers: Breakers, worker: Worker, looks: Looks
) -> None:
    """Sixteen fail at once: those after the breaker opened keep their attempts, and none has failed."""
    await mark(runtime, range(1, 17))
    await looks.are(16)
    looks.end(ifs.Transient("down"))

    async def ended() -> bool:
        rows = await runtime.database.read(views.orders)
        return all(row.error for row in rows) and breakers.is_paused(runtime.id, Side.IFS)

    await until(ended, "every look has ended")
    rows = await runtime.database.read(views.orders)
    assert {row.state for row in rows} == {"due"}
    assert sum(row.attempts for row in rows) == 7
