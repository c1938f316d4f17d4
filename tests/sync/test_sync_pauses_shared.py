"""Pauses as every process sees them, and a store that is away for a moment."""

import asyncio
from collections.abc import Collection
from datetime import timedelta

import pytest

from bcifs_console.domain.states import Claim
from bcifs_console.ifs.errors import PermissionDenied
from bcifs_console.store import health
from bcifs_console.store.database import Database
from bcifs_console.store.errors import StoreUnavailable
from bcifs_console.sync.breakers import Blame, Breakers
from bcifs_console.sync.runtime import Runtime, Timing
from bcifs_console.sync.worker import Worker
from tests.sync.conftest import MakeRuntime, Probed

TIMING = Timing(probe_interval=timedelta(seconds=0))
DENIED = PermissionDenied("not granted")


@pytest.fixture
def runtime(make_runtime: MakeRuntime) -> Runtime:
    return make_runtime(store=Probed(), ifs=Probed())


async def test_a_pause_that_another_process_ended_is_ended_here_too(
    sqlite_database: Database, runtime: Runtime
) -> None:
    here, there = Breakers(sqlite_database, TIMING), Breakers(sqlite_database, TIMING)
    await here.failed(runtime.id, DENIED, 1)
    assert here.paused() == {runtime.id}
    await there.load()
    assert there.paused() == {runtime.id}
    assert await there.probe({runtime.id: runtime})
    await here.load()
    assert here.paused() == set()


class Full(Database):
    """A database whose commits fail while `is_full`."""

    is_full = False

    def _before_commit(self) -> None:
        if self.is_full:
            raise StoreUnavailable("The disk is full.")


async def test_a_pause_that_could_not_be_written_down_is_no_pause(sqlite_database: Database, runtime: Runtime) -> None:
    """Nobody would see it, and nobody would ever probe it."""
    full = Full(sqlite_database.url, clock=sqlite_database.clock)
    breakers = Breakers(full, TIMING)
    try:
        full.is_full = True
        with pytest.raises(StoreUnavailable):
            await breakers.failed(runtime.id, DENIED, 1)
        assert breakers.paused() == set()
        assert await full.read(health.breakers) == []
    finally:
        full.close()


async def test_the_order_that_is_denied_again_after_the_probe_is_to_blame_itself(
    sqlite_database: Database, runtime: Runtime
) -> None:
    breakers = Breakers(sqlite_database, TIMING)
    assert await breakers.failed(runtime.id, DENIED, 1) is Blame.SIDE
    assert await breakers.probe({runtime.id: runtime})
    assert await breakers.failed(runtime.id, DENIED, 1) is Blame.ORDER
    assert breakers.paused() == set()
    assert await breakers.failed(runtime.id, DENIED, 2) is Blame.SIDE


class Interrupted:
    """A dispatcher whose store is away at first; asking it anything more meanwhile is an error."""

    def __init__(self) -> None:
        self.claims = 0
        self.back = asyncio.Event()
        self._woken = asyncio.Event()

    async def claim(self, limit: int, paused: Collection[int], *, background: int | None = None) -> list[Claim]:
        self.claims += 1
        if self.claims == 1:
            raise StoreUnavailable("The database server restarts.")
        self.back.set()
        return []

    async def wait(self, paused: Collection[int], *, background: bool = True) -> None:
        assert self.claims > 1, "the store is away: it must not be asked"
        await self._woken.wait()

    def wake(self) -> None:
        self._woken.set()

    async def close(self) -> None:
        return


async def test_the_worker_outlives_a_store_that_is_away_for_a_moment(
    sqlite_database: Database, runtime: Runtime
) -> None:
    dispatcher = Interrupted()
    breakers = Breakers(sqlite_database, TIMING)
    worker = Worker(sqlite_database, dispatcher, {runtime.id: runtime}, breakers, TIMING, concurrency=1)
    running = asyncio.create_task(worker.run())
    async with asyncio.timeout(10):
        await dispatcher.back.wait()
    assert not running.done()
    await worker.stop(0.1)
    await running
