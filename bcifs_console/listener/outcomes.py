"""How deliveries ended, counted by kind: a refused one is never stored (DESIGN §9).

Whoever can reach the port can cause refusals, so none of them may cost a write. They are added up in memory, and the
sums go to the store about once a second, one write at a time: refusals as counters, and all that concerns a connection
as samples, of which the watcher makes its success ratio. The keys are our own words, never something that was sent, so
the memory is bounded too. A crash loses at most the last second's counts.
"""

import asyncio
from collections import Counter
from typing import Final

import structlog

from bcifs_console.store import health, journal, webhooks
from bcifs_console.store.database import Database, Tx
from bcifs_console.store.errors import StoreProblem

#: Counted as samples only: accepted ones are counted where they are stored, the others were not refused by us.
ACCEPTED: Final = "accepted"
LATE: Final = "late"
DISCONNECTED: Final = "disconnected"
_NOT_REFUSED: Final = frozenset({ACCEPTED, LATE, DISCONNECTED})

_log = structlog.get_logger(__name__)


class Outcomes:
    """Sums that have not reached the store yet, by connection (None: no known token) and outcome."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pending: Counter[tuple[int | None, str]] = Counter()
        self._stopping = asyncio.Event()

    def add(self, connection_id: int | None, outcome: str) -> None:
        """Count one delivery. Never waits."""
        self._pending[connection_id, outcome] += 1

    async def flush(self) -> None:
        """Write what has been counted; what the store does not take now is kept for the next time."""
        if not self._pending:
            return
        sums, self._pending = self._pending, Counter()
        refused = {key: number for key, number in sums.items() if key[1] not in _NOT_REFUSED}

        def write(tx: Tx) -> None:
            for (connection_id, kind), delta in refused.items():
                journal.count(tx, health.DELIVERIES, health.REFUSED + kind, connection_id=connection_id, delta=delta)
            for (connection_id, outcome), number in sums.items():
                if connection_id is not None:
                    webhooks.add_sample(tx, connection_id, outcome, number)

        for (connection_id, kind), number in refused.items():
            _log.warning("deliveries_refused", connection=connection_id, kind=kind, number=number)
        try:
            await self._database.write(write)
        except StoreProblem:
            self._pending.update(sums)

    async def run(self, every_s: float) -> None:
        """Flush every `every_s` seconds until `stop`, and once more then."""
        while not self._stopping.is_set():
            try:
                async with asyncio.timeout(every_s):
                    await self._stopping.wait()
            except TimeoutError:
                pass
            await self.flush()
        self._stopping.clear()

    def stop(self) -> None:
        """Let `run` end after a last flush."""
        self._stopping.set()
