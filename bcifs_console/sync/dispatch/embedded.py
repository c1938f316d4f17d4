"""The embedded engine: leases straight from the store's queue, no second system.

Woken at once by a commit of this process, and within a tenth of a second by another process's commit: on SQLite
`PRAGMA data_version` is watched (2 µs a look), elsewhere the queue itself is asked a few times a second.
"""

import asyncio
import math
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final

from bcifs_console.domain.states import Claim
from bcifs_console.store import queue
from bcifs_console.store.database import Database, OrderKey

_WATCH_S: Final = 0.1
_ASK_S: Final = 0.25
_LONGEST_WAIT_S: Final = 5.0


class EmbeddedDispatcher:
    """Dispatcher on the store's own queue. Make it inside the running loop."""

    def __init__(
        self,
        database: Database,
        owner: str,
        lease: timedelta,
        *,
        only: Collection[OrderKey] | None = None,
        backfill: int | None = None,
    ) -> None:
        """`only` and `backfill` limit it to the named orders, for a command that works on those alone."""
        self._only = only
        self._backfill = backfill
        self._database = database
        self._owner = owner
        self._lease = lease
        self._bell = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._version = database.data_version()
        database.after_commit.append(self._ring)

    async def claim(self, limit: int, paused: Collection[int], *, background: int | None = None) -> list[Claim]:
        """See Dispatcher."""
        self._bell.clear()
        return await self._database.write(
            lambda tx: queue.claim(
                tx,
                self._owner,
                limit=limit,
                lease=self._lease,
                paused=paused,
                only=self._only,
                backfill=self._backfill,
                background=background,
            )
        )

    async def wait(self, paused: Collection[int], *, background: bool = True) -> None:
        """See Dispatcher. Never longer than five seconds, so that nothing rests on a bell alone."""
        clock = self._database.clock
        end = clock.monotonic() + _LONGEST_WAIT_S
        until = min(end, await self._due_at(paused, background=background))
        while not self._bell.is_set():
            left = until - clock.monotonic()
            if left <= 0:
                return
            step = _WATCH_S if self._database.is_sqlite else _ASK_S
            try:
                async with asyncio.timeout(min(step, left)):
                    await self._bell.wait()
            except TimeoutError:
                # Most commits, a heartbeat among them, make no order due: a look is cheaper than a claim in vain.
                if self._changed_elsewhere():
                    until = min(end, await self._due_at(paused, background=background))

    async def _due_at(self, paused: Collection[int], *, background: bool) -> float:
        """When the next order falls due, by the monotonic clock."""
        clock = self._database.clock
        due_at = await self._database.read(
            lambda conn: queue.next_due_at(conn, paused, self._only, self._backfill, background=background)
        )
        return math.inf if due_at is None else clock.monotonic() + (due_at - clock.now()).total_seconds()

    def _changed_elsewhere(self) -> bool:
        """Whether another process has committed since the last look; always yes where nothing tells."""
        version = self._database.data_version()
        changed = version is None or version != self._version
        self._version = version
        return changed

    def wake(self) -> None:
        """See Dispatcher."""
        self._ring(())

    def _ring(self, _keys: Sequence[OrderKey]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._bell.set)

    async def close(self) -> None:
        """See Dispatcher."""
        self._database.after_commit.remove(self._ring)
