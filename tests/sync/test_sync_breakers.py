"""Breakers: which trouble pauses a connection, which does not, and how it comes back."""

from collections.abc import Sequence

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.base.problems import Problem
from bcifs_console.bigcommerce import errors as bigcommerce
from bcifs_console.domain.states import Side
from bcifs_console.ifs import errors as ifs
from bcifs_console.store import health
from bcifs_console.store.database import Database
from bcifs_console.sync.breakers import Breakers
from bcifs_console.sync.retry import BuyerBusy
from bcifs_console.sync.runtime import Runtime
from tests.sync.conftest import TIMING, MakeRuntime, Probed

IN_A_ROW = 8


@pytest.fixture
def sides() -> tuple[Probed, Probed]:
    return Probed(), Probed()


@pytest.fixture
def runtime(make_runtime: MakeRuntime, sides: tuple[Probed, Probed]) -> Runtime:
    return make_runtime(store=sides[0], ifs=sides[1])


async def rows(database: Database) -> Sequence[health.Breaker]:
    return await database.read(health.breakers)


@pytest.mark.parametrize(
    ("problem", "side"),
    [
        (ifs.AuthenticationFailed("no token"), Side.IFS),
        (ifs.PermissionDenied("not granted"), Side.IFS),
        (bigcommerce.AuthenticationFailed(), Side.BIGCOMMERCE),
        (bigcommerce.PermissionMissing("GET /v2/orders", "store_v2_orders"), Side.BIGCOMMERCE),
    ],
)
async def test_credentials_and_permissions_pause_at_once(
    sqlite_database: Database, runtime: Runtime, breakers: Breakers, problem: Problem, side: Side
) -> None:
    await breakers.failed(runtime.id, problem)
    assert breakers.paused() == {runtime.id}
    (row,) = await rows(sqlite_database)
    assert (row.side, row.is_open, row.cause, row.remedy) == (side, True, problem.message, problem.remedy)
    assert row.probe_at == sqlite_database.clock.now() + TIMING.probe_interval


async def test_passing_trouble_pauses_after_some_in_a_row(runtime: Runtime, breakers: Breakers) -> None:
    for _ in range(IN_A_ROW - 1):
        await breakers.failed(runtime.id, ifs.Transient("down"))
    assert breakers.paused() == set()
    await breakers.failed(runtime.id, ifs.Transient("down"))
    assert breakers.paused() == {runtime.id}


async def test_one_success_between_begins_anew(runtime: Runtime, breakers: Breakers) -> None:
    for _ in range(3):
        for _ in range(IN_A_ROW - 1):
            await breakers.failed(runtime.id, bigcommerce.Unavailable("down"))
        breakers.succeeded(runtime.id)
    assert breakers.paused() == set()


async def test_the_sides_are_counted_apart(runtime: Runtime, breakers: Breakers) -> None:
    for _ in range(IN_A_ROW - 1):
        await breakers.failed(runtime.id, ifs.Transient("down"))
        await breakers.failed(runtime.id, bigcommerce.Unavailable("down"))
    assert breakers.paused() == set()


@pytest.mark.parametrize(
    "problem",
    [
        bigcommerce.RateLimited(5),
        ifs.BusinessRule("no"),
        ifs.MissingMasterData("no"),
        ifs.Conflict("changed"),
        ifs.BadRequest("what?"),
        ifs.OutcomeUnknown("lost"),
        bigcommerce.OrderNotFound(1),
        BuyerBusy("Ann"),
        Problem("a fault of ours"),
    ],
    ids=lambda problem: type(problem).__name__,
)
async def test_trouble_of_one_order_pauses_nothing(
    sqlite_database: Database, runtime: Runtime, breakers: Breakers, problem: Problem
) -> None:
    for _ in range(3 * IN_A_ROW):
        await breakers.failed(runtime.id, problem)
    assert breakers.paused() == set()
    assert await rows(sqlite_database) == []


async def test_a_pause_is_one_connections_own(make_runtime: MakeRuntime, runtime: Runtime, breakers: Breakers) -> None:
    other = make_runtime(name="acme-eu")
    await breakers.failed(runtime.id, ifs.AuthenticationFailed("no token"))
    assert breakers.paused() == {runtime.id}
    breakers.succeeded(other.id)
    assert breakers.paused() == {runtime.id}


async def test_a_late_success_does_not_end_a_pause(runtime: Runtime, breakers: Breakers) -> None:
    """An order that was read before the secret changed may still end well."""
    await breakers.failed(runtime.id, ifs.AuthenticationFailed("no token"))
    breakers.succeeded(runtime.id)
    assert breakers.paused() == {runtime.id}


async def test_a_probe_ends_the_pause_when_its_time_has_come(
    sqlite_database: Database, clock: ManualClock, runtime: Runtime, breakers: Breakers, sides: tuple[Probed, Probed]
) -> None:
    store, erp = sides
    await breakers.failed(runtime.id, ifs.AuthenticationFailed("no token"))
    clock.advance(59)
    assert not await breakers.probe({runtime.id: runtime})
    assert (erp.probes, breakers.paused()) == (0, {runtime.id})
    clock.advance(1)
    assert await breakers.probe({runtime.id: runtime})
    assert (store.probes, erp.probes, breakers.paused()) == (0, 1, set())
    (row,) = await rows(sqlite_database)
    assert (row.is_open, row.cause, row.opened_at) == (False, "", None)
    assert not await breakers.probe({runtime.id: runtime})
    assert erp.probes == 1


async def test_a_probe_that_fails_keeps_the_pause_and_tells_the_newest_cause(
    sqlite_database: Database, clock: ManualClock, runtime: Runtime, breakers: Breakers, sides: tuple[Probed, Probed]
) -> None:
    store, _ = sides
    opened_at = clock.now()
    await breakers.failed(runtime.id, bigcommerce.AuthenticationFailed())
    store.trouble = bigcommerce.PermissionMissing("GET /v2/orders", "store_v2_orders")
    clock.advance(60)
    assert not await breakers.probe({runtime.id: runtime})
    (row,) = await rows(sqlite_database)
    assert (row.is_open, row.cause) == (True, store.trouble.message)
    assert (row.opened_at, row.probe_at) == (opened_at, clock.now() + TIMING.probe_interval)
    assert breakers.paused() == {runtime.id}


async def test_both_sides_must_work_again(
    clock: ManualClock, runtime: Runtime, breakers: Breakers, sides: tuple[Probed, Probed]
) -> None:
    store, _ = sides
    await breakers.failed(runtime.id, bigcommerce.AuthenticationFailed())
    await breakers.failed(runtime.id, ifs.AuthenticationFailed("no token"))
    store.trouble = bigcommerce.AuthenticationFailed()
    clock.advance(60)
    assert await breakers.probe({runtime.id: runtime})
    assert breakers.paused() == {runtime.id}
    store.trouble = None
    clock.advance(60)
    assert await breakers.probe({runtime.id: runtime})
    assert breakers.paused() == set()


async def test_after_a_pause_counting_begins_anew(
    clock: ManualClock, runtime: Runtime, breakers: Breakers, sides: tuple[Probed, Probed]
) -> None:
    for _ in range(IN_A_ROW):
        await breakers.failed(runtime.id, ifs.Transient("down"))
    clock.advance(60)
    assert await breakers.probe({runtime.id: runtime})
    await breakers.failed(runtime.id, ifs.Transient("down"))
    assert breakers.paused() == set()


async def test_a_restart_takes_the_pause_over(
    sqlite_database: Database, clock: ManualClock, runtime: Runtime, breakers: Breakers, sides: tuple[Probed, Probed]
) -> None:
    await breakers.failed(runtime.id, ifs.AuthenticationFailed("no token"))
    later = Breakers(sqlite_database, TIMING)
    assert later.paused() == set()
    await later.load()
    assert later.paused() == {runtime.id}
    clock.advance(60)
    assert await later.probe({runtime.id: runtime})
    assert later.paused() == set()


async def test_a_removed_connection_is_not_probed(
    clock: ManualClock, runtime: Runtime, breakers: Breakers, sides: tuple[Probed, Probed]
) -> None:
    await breakers.failed(runtime.id, ifs.AuthenticationFailed("no token"))
    clock.advance(60)
    assert not await breakers.probe({})
    assert sides[1].probes == 0


async def test_opening_and_closing_are_journalled_once(
    sqlite_database: Database, clock: ManualClock, runtime: Runtime, breakers: Breakers
) -> None:
    for _ in range(5):
        await breakers.failed(runtime.id, ifs.AuthenticationFailed("no token"))
    clock.advance(60)
    await breakers.probe({runtime.id: runtime})
    events = await sqlite_database.read(
        lambda conn: conn.exec_driver_sql("SELECT event FROM journal WHERE event LIKE 'breaker.%' ORDER BY id").all()
    )
    assert [row.event for row in events] == ["breaker.opened", "breaker.closed"]
