"""The rounds of a worker: what it does again and again beside the orders that are due, over every connection.

A round never ends by itself. Trouble that has a name is logged and tried again at the next turn; a fault of ours ends
the round, and with it the service (`bcifs_console.service`, which runs them).
"""

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping
from datetime import timedelta
from typing import Any, Final

import structlog

from bcifs_console.base.problems import Problem
from bcifs_console.base.settings import Settings
from bcifs_console.domain.states import Side
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
            for runtime in tuple(self._runtimes.values()):
                if self._breakers.is_paused(runtime.id, Side.BIGCOMMERCE):
                    continue
                try:
                    with runtime.in_use():
                        await poll(runtime, **poll_times(self._settings))
                except Problem as problem:
                    _log.warning("poll", connection=runtime.connection.name, error=str(problem))
                    await self._breakers.failed(runtime.id, problem)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.poll_interval_s):
                    await self._poll_now.wait()

    async def look_again(self) -> None:
        """Every minute: orders that are in IFS and not settled, when their time has come."""
        while True:
            for runtime in tuple(self._runtimes.values()):
                if runtime.id in self._breakers.paused():
                    continue
                try:
                    await revisit(runtime)
                except Problem as problem:
                    _log.warning("revisiting", connection=runtime.connection.name, error=str(problem))
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
            for runtime in tuple(self._runtimes.values()):
                try:
                    with runtime.in_use():
                        await flush(runtime, self._settings.home)
                except Problem as problem:
                    _log.warning("outbox", connection=runtime.connection.name, error=str(problem))
            await asyncio.sleep(self._settings.outbox_interval_s)

    async def let_go(self) -> None:
        """Every second: orders that waited for a rule which is saved by now, and groups that a person retries."""
        while True:
            for runtime in tuple(self._runtimes.values()):
                try:
                    await release_step(runtime)
                    await group_retry_step(self._database, runtime.id)
                except Problem as problem:
                    _log.warning("releasing", connection=runtime.connection.name, error=str(problem))
            await asyncio.sleep(_AT_ONCE_S)

    async def read_customers(self) -> None:
        """Every second: whether the directory of a connection's customers is to be read, or read on; the directories
        of all connections at once."""
        while True:
            is_good = await asyncio.gather(*(self._read_directory(each) for each in tuple(self._runtimes.values())))
            await asyncio.sleep(_AT_ONCE_S if all(is_good) else _LOOK_AGAIN_S)

    async def _read_directory(self, runtime: Runtime) -> bool:
        """Read one connection's directory where that is due. False where it failed: not again at once."""
        if self._breakers.is_paused(runtime.id, Side.IFS):
            return True
        try:
            with runtime.in_use():
                if await is_due(runtime):
                    await crawl(runtime)
        except CrawlUnderWay:
            return True  # a command, or another service, is at it
        except Problem as problem:
            _log.warning("directory", connection=runtime.connection.name, error=str(problem))
            await self._breakers.failed(runtime.id, problem)
            return False
        return True
