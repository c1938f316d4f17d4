"""Breakers: a side of a connection that does not work is paused with its cause, and probed until it does.

A wrong secret or a missing permission opens it at once; trouble that may pass opens it after a few orders in a row had
it. Orders of a paused connection stay due and keep their attempts (DESIGN §4, §10).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from bcifs_console.base.problems import Problem, ProblemKind
from bcifs_console.bigcommerce.errors import RateLimited
from bcifs_console.domain.states import Side
from bcifs_console.store import health
from bcifs_console.store.database import Database
from bcifs_console.sync.retry import side_of
from bcifs_console.sync.runtime import Runtime, Timing

_PASSING_TROUBLE: Final = 8  #: failures in a row that may pass before the side is paused
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Side:
    failures: int = 0
    is_open: bool = False


class Breakers:
    """The breakers of every connection this process works on, backed by rows that all processes see."""

    def __init__(self, database: Database, timing: Timing) -> None:
        self._database = database
        self._timing = timing
        self._sides: dict[tuple[int, Side], _Side] = {}

    async def load(self) -> None:
        """Take over what the rows say, for example after a restart."""
        for row in await self._database.read(health.breakers):
            self._sides[row.connection_id, row.side] = _Side(row.failures, row.is_open)

    def paused(self) -> set[int]:
        """Connections of which a side is paused."""
        return {connection_id for (connection_id, _), side in self._sides.items() if side.is_open}

    async def succeeded(self, connection_id: int) -> None:
        """A look at an order of this connection went through on both sides."""
        for side in Side:
            state = self._sides.get((connection_id, side))
            if state is not None and state.failures and not state.is_open:
                state.failures = 0

    async def failed(self, connection_id: int, problem: Problem) -> None:
        """Count a failure; pause the side where that is called for."""
        side = side_of(problem)
        if side is None or isinstance(problem, RateLimited):
            return
        if problem.kind is ProblemKind.CONNECTION:
            await self._open(connection_id, side, problem)
        elif problem.kind is ProblemKind.TRANSIENT:
            state = self._sides.setdefault((connection_id, side), _Side())
            state.failures += 1
            if state.failures >= _PASSING_TROUBLE:
                await self._open(connection_id, side, problem)

    async def _open(self, connection_id: int, side: Side, problem: Problem) -> None:
        state = self._sides.setdefault((connection_id, side), _Side())
        state.is_open = True
        probe_at = self._database.clock.now() + self._timing.probe_interval
        await self._database.write(
            lambda tx: health.set_breaker(
                tx,
                connection_id,
                side,
                is_open=True,
                cause=problem.message,
                remedy=problem.remedy,
                failures=state.failures,
                probe_at=probe_at,
            )
        )
        _log.warning("paused", connection=connection_id, side=side.value, cause=problem.message)

    async def probe(self, runtimes: Mapping[int, Runtime]) -> bool:
        """Try the paused sides whose time has come; returns whether one works again."""
        now = self._database.clock.now()
        freed = False
        for row in await self._database.read(health.breakers):
            runtime = runtimes.get(row.connection_id)
            if not row.is_open or runtime is None or (row.probe_at is not None and row.probe_at > now):
                continue
            try:
                if row.side is Side.IFS:
                    await runtime.ifs.probe()
                else:
                    await runtime.store.probe()
            except Problem as problem:
                await self._open(row.connection_id, row.side, problem)
                continue
            await self._close(row.connection_id, row.side)
            freed = True
        return freed

    async def _close(self, connection_id: int, side: Side) -> None:
        self._sides[connection_id, side] = _Side()
        await self._database.write(lambda tx: health.set_breaker(tx, connection_id, side, is_open=False))
        _log.info("resumed", connection=connection_id, side=side.value)
