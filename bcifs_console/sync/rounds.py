"""The rounds of a worker: what it does again and again beside the orders that are due, over every connection.

A round never ends by itself. Trouble that has a name is logged and tried again at the next turn; a fault of ours ends
the round, and with it the service (`bcifs_console.service`, which runs them).
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import timedelta
from typing import Any, Final

import structlog

from bcifs_console.base.problems import Problem
from bcifs_console.base.settings import Settings
from bcifs_console.domain.states import Side
from bcifs_console.store import group_retries, mapping_releases
from bcifs_console.store.database import Database
from bcifs_console.sync.alerts import Alerts
from bcifs_console.sync.breakers import Breakers
from bcifs_console.sync.directory import CrawlUnderWay, crawl, is_due
from bcifs_console.sync.group_retrying import group_retry_step
from bcifs_console.sync.outbox import flush
from bcifs_console.sync.poller import poll, poll_times
from bcifs_console.sync.releasing import release_step
from bcifs_console.sync.revisiting import revisit
from bcifs_console.sync.runtime import Runtime
from bcifs_console.sync.watcher import Watcher

_AT_ONCE_S: Final = 1.0
_LOOK_AGAIN_S: Final = 60.0
_Step = Callable[[Runtime], Awaitable[object]]
_log = structlog.get_logger(__name__)


class Rounds:
    """The rounds over the connections of `runtimes`, which the owner may change at any time."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        runtimes: Mapping[int, Runtime],
        breakers: Breakers,
        alerts: Alerts,
        poll_now: asyncio.Event,
    ) -> None:
        """`poll_now`: set by whoever wants the stores polled before the next interval."""
        self._settings = settings
        self._database = database
        self._runtimes = runtimes
        self._breakers = breakers
        self._alerts = alerts
        self._poll_now = poll_now

    def all(self) -> dict[str, Coroutine[Any, Any, None]]:
        """Every round by its name, to be run side by side."""
        return {
            "poller": self.poll(),
            "revisiting": self.look_again(),
            "watcher": self.watch(),
            "outbox": self.write_files(),
            "releasing": self.let_go(),
            "directory": self.read_customers(),
        }

    async def poll(self) -> None:
        """At the start, every interval, and when asked: what webhooks did not bring is found here."""
        while True:
            self._poll_now.clear()
            await self._each("poll", lambda runtime: poll(runtime, **poll_times(self._settings)), Side.BIGCOMMERCE)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.poll_interval_s):
                    await self._poll_now.wait()

    async def look_again(self) -> None:
        """Every minute: orders that are in IFS and not settled, when their time has come."""

        async def step(runtime: Runtime) -> None:
            if runtime.id not in self._breakers.paused():
                await revisit(runtime)

        while True:
            await self._each("revisiting", step)
            await asyncio.sleep(_LOOK_AGAIN_S)

    async def watch(self) -> None:
        """At the start and every minute: how the webhooks of each connection are, and what to do about it."""
        watcher = Watcher(
            self._database,
            self._runtimes,
            self._breakers,
            self._alerts,
            interval=timedelta(seconds=self._settings.watch_interval_s),
            on_gap=self._poll_now.set,
        )
        while True:
            await watcher.cycle()
            await asyncio.sleep(self._settings.watch_interval_s)

    async def write_files(self) -> None:
        """Put the vouchers of connections that send them by file into files, at every interval."""
        while True:
            await self._each("outbox", lambda runtime: flush(runtime, self._settings.home))
            await asyncio.sleep(self._settings.outbox_interval_s)

    async def let_go(self) -> None:
        """Every second: orders that waited for a rule which is saved by now, and groups that a person retries."""

        async def step(runtime: Runtime) -> None:
            is_released, is_retried = await self._database.read(
                lambda conn: (mapping_releases.find(conn, runtime.id), group_retries.every(conn, runtime.id))
            )
            if is_released:
                await release_step(runtime)
            if is_retried:
                await group_retry_step(self._database, runtime.id)

        while True:
            await self._each("releasing", step)
            await asyncio.sleep(_AT_ONCE_S)

    async def read_customers(self) -> None:
        """Every second: whether the directory of a connection's customers is to be read, or read on; the directories
        of all connections at once."""

        async def step(runtime: Runtime) -> None:
            if await is_due(runtime):
                with contextlib.suppress(CrawlUnderWay):  # a command, or another service, is at it
                    await crawl(runtime)

        while True:
            runtimes = tuple(self._runtimes.values())
            is_good = await asyncio.gather(*(self._calmly("directory", each, step, Side.IFS) for each in runtimes))
            await asyncio.sleep(_AT_ONCE_S if all(is_good) else _LOOK_AGAIN_S)  # what failed: not again at once

    async def _each(self, round_name: str, step: _Step, side: Side | None = None) -> None:
        """One step for every connection, one after the other; trouble with one keeps back no other."""
        for runtime in tuple(self._runtimes.values()):
            await self._calmly(round_name, runtime, step, side)

    async def _calmly(self, round_name: str, runtime: Runtime, step: _Step, side: Side | None = None) -> bool:
        """One step for one connection, where `side`, which it works on, is not paused; False where it had trouble."""
        if side is not None and self._breakers.is_paused(runtime.id, side):
            return True
        try:
            with runtime.in_use():
                await step(runtime)
        except Problem as problem:
            _log.warning(round_name, connection=runtime.connection.name, error=str(problem))
            if side is not None:
                await self._breakers.failed(runtime.id, problem)
            return False
        return True
