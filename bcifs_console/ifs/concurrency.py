"""How many calls to one IFS installation may be under way at once, learned from its answers.

IFS publishes no limit (facts §3); too many calls show as 429 or 503. So the limit is halved by such an answer, once for
all calls that were sent under the same limit, and grows by one for every round of answers without it: additive
increase, multiplicative decrease. No HTTP here; not thread-safe: one event loop.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

#: Statuses that mean too much at once. 503 may mean a system that is away; less at once is right for that too.
_OVERLOADED: Final = frozenset({429, 503})
_LEAST: Final = 1.0


@dataclass(slots=True)
class Place:
    """The right to one call. `era` numbers the limit that it was sent under."""

    limit: "ConcurrencyLimit"
    era: int

    def answered(self, status: int) -> None:
        """Learn from the status of the answer."""
        self.limit.learn(self.era, status)


class ConcurrencyLimit:
    """Lets so many calls through at once; the others wait their turn."""

    def __init__(self, most: int) -> None:
        self._most = float(most)
        self._limit = self._most
        self._era = 0
        self._under_way = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def now(self) -> int:
        """How many calls may be under way now."""
        return int(self._limit)

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[Place]:
        """Wait for a place and hold it."""
        await self._enter()
        try:
            yield Place(self, self._era)
        finally:
            self._under_way -= 1
            self._let_in()

    async def _enter(self) -> None:
        if self._under_way < self.now and not self._waiting:
            self._under_way += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # let in and cancelled in one moment: the place goes on
                self._under_way -= 1
                self._let_in()
            raise

    def _let_in(self) -> None:
        while self._waiting and self._under_way < self.now:
            turn = self._waiting.popleft()
            if not turn.done():
                self._under_way += 1
                turn.set_result(None)

    def learn(self, era: int, status: int) -> None:
        """Take the status of an answer to a call of `era` into account."""
        if status not in _OVERLOADED:
            self._limit = min(self._most, self._limit + 1 / self._limit)
            self._let_in()
        elif era == self._era:
            # Others that were sent under the same limit and are refused too tell nothing new.
            self._limit = max(_LEAST, self._limit / 2)
            self._era += 1
