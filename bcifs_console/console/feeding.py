"""The loop behind the console: looks for changes ten times a second, reads the vitals, notices a service that ended.

Looking is cheap (`PRAGMA data_version`, 2 µs). Where taking over changes costs too much, it looks less often until that
has passed.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from bcifs_console.base.problems import Problem
from bcifs_console.console.gateway import Gateway
from bcifs_console.store.feed import ChangeSet, Feed
from bcifs_console.store.views.vitals import Vitals, vitals

#: Between two looks, in seconds, while all is calm; without `data_version` each look asks the database.
LOOK_S: Final = 0.1
_LOOK_WITHOUT_VERSION_S: Final = 0.25
_SLOWEST_S: Final = 0.8
#: Taking over changes and painting them for longer than this, in seconds of work, halves the rate.
_HEAVY_S: Final = 0.03
#: The vitals are read this often where nothing changes, and at most so often where much does.
_VITALS_S: Final = 1.0
_VITALS_BUSY_S: Final = 0.5


class Feeding:
    """Looks for changes and hands them on. `on_vitals` gets what was read, or None and why the store cannot be read."""

    def __init__(
        self,
        gateway: Gateway,
        *,
        on_changes: Callable[[ChangeSet], None],
        on_vitals: Callable[[Vitals | None, str], None],
    ) -> None:
        self._gateway: Final = gateway
        self._database: Final = gateway.context.store.database
        self._on_changes: Final = on_changes
        self._on_vitals: Final = on_vitals
        self._feed: Final = Feed()
        self._calm_s: Final = LOOK_S if self._database.is_sqlite else _LOOK_WITHOUT_VERSION_S
        self._pause_s = self._calm_s
        self._version: int | None = None
        self._cost_s = 0.0
        self._is_vitals_due = True
        self._vitals_at = 0.0

    @property
    def pause_s(self) -> float:
        """Seconds between two looks now."""
        return self._pause_s

    def took(self, seconds: float) -> None:
        """A screen says how long the loop worked to take over changes and to paint them."""
        self._cost_s = max(self._cost_s, seconds)

    async def run(self) -> None:
        """Look until cancelled. A store that cannot be read is said and tried again."""
        while True:
            await self.look()
            self._adapt()
            await asyncio.sleep(self._pause_s)

    async def look(self) -> None:
        """One look: changes, and the vitals where they are due."""
        try:
            await self._look_for_changes()
            await self._look_at_vitals()
        except Problem as problem:
            self._on_vitals(None, problem.message)

    async def _look_for_changes(self) -> None:
        version = self._database.data_version()
        if version is not None and version == self._version:
            return
        # The version of before the read: what is committed meanwhile is found by the next look.
        changes = await self._gateway.read(self._feed.poll)
        self._version = version
        if changes is not None:
            self._is_vitals_due = True
            self._on_changes(changes)

    async def _look_at_vitals(self) -> None:
        waited = time.monotonic() - self._vitals_at
        if waited < (_VITALS_BUSY_S if self._is_vitals_due else _VITALS_S):
            return
        self._is_vitals_due = False
        self._vitals_at = time.monotonic()
        self._on_vitals(await self._gateway.read(partial(vitals, now=self._gateway.now())), "")

    def _adapt(self) -> None:
        if self._cost_s > _HEAVY_S:
            self._pause_s = min(self._pause_s * 2, _SLOWEST_S)
        else:
            self._pause_s = max(self._pause_s / 2, self._calm_s)
        self._cost_s = 0.0
