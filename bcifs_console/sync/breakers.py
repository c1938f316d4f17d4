"""Breakers: a side of a connection that does not work is paused with its cause, and probed until it does.

A wrong secret or a missing permission opens it at once; trouble that may pass opens it after a few orders in a row had
it. Orders of a paused connection stay due and keep their attempts (DESIGN §4, §10). When a side works again, one look
at a time goes out at first, then twice as many with each that succeeds: what has gathered is no stampede.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import structlog

from bcifs_console.base.problems import Problem, ProblemKind
from bcifs_console.bigcommerce.errors import RateLimited
from bcifs_console.domain.rules import VoucherTransport
from bcifs_console.domain.states import Side
from bcifs_console.store import health
from bcifs_console.store.database import Database
from bcifs_console.sync.retry import side_of
from bcifs_console.sync.runtime import Runtime, Timing

_PASSING_TROUBLE: Final = 8  #: failures in a row that may pass before the side is paused
_FIRST_LOOKS: Final = 1  #: looks at once after a pause; doubled by each that succeeds
_ALL_LOOKS: Final = 64  #: so many at once are no start any more, but business as usual
_log = structlog.get_logger(__name__)


class Blame(StrEnum):
    """Who a failure is put down to."""

    SIDE = "side"
    ORDER = "order"


@dataclass(slots=True)
class _Side:
    failures: int = 0
    is_open: bool = False
    culprit: int = 0  #: the order whose look paused the side last
    looks: int | None = None  #: how many looks may be under way while the side starts again; None: any number

    def grow(self) -> None:
        """A look was answered while the side starts again."""
        if self.looks is not None:
            self.looks = None if self.looks >= _ALL_LOOKS else 2 * self.looks


class Breakers:
    """The breakers of every connection this process works on, backed by rows that all processes see."""

    def __init__(self, database: Database, timing: Timing) -> None:
        self._database = database
        self._timing = timing
        self._sides: dict[tuple[int, Side], _Side] = {}

    async def load(self) -> list[health.Breaker]:
        """Take over what the rows say: after a restart, and what other processes paused or freed since."""
        rows = await self._database.read(health.breakers)
        for row in rows:
            side = self._sides.setdefault((row.connection_id, row.side), _Side())
            if side.is_open != row.is_open:
                side.is_open, side.failures = row.is_open, row.failures
                side.looks = None if row.is_open else _FIRST_LOOKS
        return rows

    def paused(self) -> set[int]:
        """Connections of which a side is paused."""
        return {connection_id for (connection_id, _), side in self._sides.items() if side.is_open}

    def is_paused(self, connection_id: int, side: Side) -> bool:
        """Whether this side of the connection is paused."""
        state = self._sides.get((connection_id, side))
        return state is not None and state.is_open

    def starting(self) -> dict[int, int]:
        """How many looks may be under way at once, for each connection that starts again after a pause."""
        limits: dict[int, int] = {}
        for (connection_id, _), side in self._sides.items():
            if side.looks is not None and not side.is_open:
                limits[connection_id] = min(side.looks, limits.get(connection_id, side.looks))
        return limits

    def succeeded(self, connection_id: int) -> None:
        """A look at an order of this connection went through on both sides."""
        for state in self._working(connection_id):
            state.failures = 0
            state.grow()

    def _answered(self, connection_id: int) -> None:
        """A look ended for a reason of our own, such as a decision that is wanted: no side failed."""
        for state in self._working(connection_id):
            state.grow()

    def _working(self, connection_id: int) -> list[_Side]:
        """The sides of the connection that were heard of and are not paused."""
        return [side for (of, _), side in self._sides.items() if of == connection_id and not side.is_open]

    async def failed(self, connection_id: int, problem: Problem, order_id: int = 0) -> Blame:
        """Count a failure; pause the side where that is called for. `order_id` 0 stands for a poll.

        The order that paused a side, failing in the same way again after the probe found the side working, is to
        blame itself: it must not pause everybody else's orders every minute.
        """
        side = side_of(problem)
        if side is None:
            self._answered(connection_id)
        if side is None or isinstance(problem, RateLimited):
            return Blame.SIDE
        state = self._sides.setdefault((connection_id, side), _Side())
        if problem.kind is ProblemKind.CONNECTION:
            if order_id and state.culprit == order_id and not state.is_open:
                return Blame.ORDER
            await self._open(connection_id, side, problem, order_id)
        elif problem.kind is not ProblemKind.TRANSIENT:
            state.grow()  # refused for a reason of its own: the side works
        else:
            # A start does not grow by it and is not begun anew: a few calls that fail must not keep it at one.
            state.failures += 1
            if state.failures >= _PASSING_TROUBLE:
                await self._open(connection_id, side, problem)
        return Blame.SIDE

    async def _open(self, connection_id: int, side: Side, problem: Problem, culprit: int = 0) -> None:
        """Pause the side: first where everybody sees it, then here. A pause nobody could see would never be probed."""
        state = self._sides.setdefault((connection_id, side), _Side())
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
        state.is_open = True
        state.culprit = culprit or state.culprit
        _log.warning("paused", connection=connection_id, side=side.value, cause=problem.message)

    async def probe(self, runtimes: Mapping[int, Runtime], *, at_once: bool = False) -> bool:
        """Try the paused sides whose time has come, or all of them; returns whether one works again."""
        now = self._database.clock.now()
        freed = False
        for row in await self.load():
            runtime = runtimes.get(row.connection_id)
            is_early = not at_once and row.probe_at is not None and row.probe_at > now
            if not row.is_open or runtime is None or is_early:
                continue
            try:
                if row.side is Side.IFS:
                    transport = runtime.policy.voucher_transport
                    await runtime.ifs.probe(vouchers=transport is VoucherTransport.REST)
                else:
                    await runtime.store.probe(movements=runtime.policy.makes_vouchers)
            except Problem as problem:
                await self._open(row.connection_id, row.side, problem)
                continue
            await self._close(row.connection_id, row.side)
            freed = True
        return freed

    async def _close(self, connection_id: int, side: Side) -> None:
        culprit = self._sides.setdefault((connection_id, side), _Side()).culprit
        self._sides[connection_id, side] = _Side(culprit=culprit, looks=_FIRST_LOOKS)
        await self._database.write(lambda tx: health.set_breaker(tx, connection_id, side, is_open=False))
        _log.info("resumed", connection=connection_id, side=side.value)
