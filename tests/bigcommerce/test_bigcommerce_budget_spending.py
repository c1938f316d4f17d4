"""How a backfill spends the quota: whole windows against the simulator's own quota, on a clock that only waiting moves.

Eight tasks call at once, each call takes a while on its way there and back, and the store counts when it arrives.
"""

import asyncio
import heapq
import itertools
import random
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.bigcommerce.budget import HeaderBudget
from bcifs_console.simulator.bigcommerce.quota import Quota
from tests.bigcommerce.bigcommerce_samples import NOON

WINDOW_S = 30.0
LIMIT = 150
TASKS = 8


class StoreClock:
    """The simulator's clock, driven by ours."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    def seconds(self) -> float:
        return self._clock.monotonic()

    def now(self) -> datetime:
        return self._clock.now()


@dataclass
class Time:
    """Sleeping moves the clock: when every task sleeps, it goes on to the one that wakes first."""

    clock: ManualClock
    _sleepers: list[tuple[float, int, asyncio.Future[None]]] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def sleep(self, seconds: float) -> None:
        waking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.clock.monotonic() + seconds, next(self._numbers), waking))
        await waking

    async def run(self, seconds: float, *work: Awaitable[None]) -> None:
        """Let `work` run for so long."""
        tasks = [asyncio.ensure_future(one) for one in work]
        while self.clock.monotonic() < seconds:
            for _ in range(20):  # whatever the last step set off comes to its own sleep
                await asyncio.sleep(0)
            while self._sleepers and self._sleepers[0][2].done():
                heapq.heappop(self._sleepers)
            at, _, waking = heapq.heappop(self._sleepers)
            self.clock.advance(max(0.0, at - self.clock.monotonic()))
            waking.set_result(None)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Shop:
    """A store with the simulator's quota, and callers that share one budget."""

    def __init__(self, *, limit: int = LIMIT) -> None:
        self.clock = ManualClock(NOON)
        self.time = Time(self.clock)
        self.quota = Quota(StoreClock(self.clock), limit)  # type: ignore[arg-type]  # as much of a clock as it needs
        self.budget = HeaderBudget(self.clock, sleep=self.time.sleep)
        self.random = random.Random(5)
        self.waits: list[float] = []

    async def call(self, *, live: bool) -> None:
        before = self.clock.monotonic()
        await self.budget.acquire(live)
        self.waits.append(self.clock.monotonic() - before)
        await self.time.sleep(self.random.uniform(0.01, 0.2))
        if self.quota.spend():
            headers, status = self.quota.headers(), 200
        else:
            headers, status = self.quota.refusal(b"").headers, 429
        await self.time.sleep(self.random.uniform(0.01, 0.2))
        self.budget.observe(dict(headers), status)

    async def backfill(self) -> None:
        while True:
            await self.call(live=False)


async def spent(shop: Shop, windows: int, *more: Awaitable[None]) -> list[int]:
    """Our calls in each whole window."""
    await shop.time.run(windows * WINDOW_S + 5, *(shop.backfill() for _ in range(TASKS)), *more)
    return shop.quota.windows[:windows]


async def test_a_backfill_uses_the_whole_quota_and_is_never_refused() -> None:
    shop = Shop()
    windows = await spent(shop, 10)
    assert len(windows) == 10
    assert sum(windows) / (10 * LIMIT) >= 0.95, windows
    assert shop.quota.refused == 0


async def test_calls_are_spread_over_the_window() -> None:
    shop = Shop()
    await shop.time.run(40.0, *(shop.backfill() for _ in range(TASKS)))
    first = shop.quota._used
    await shop.time.run(55.0, *(shop.backfill() for _ in range(TASKS)))
    half = shop.quota._used / LIMIT
    assert first / LIMIT < 0.5, "a third of the window, not all of the quota at once"
    assert 0.6 < half < 0.95


async def test_a_live_call_never_waits_for_a_backfill() -> None:
    """One every second, the backfill using up the rest of every window."""
    shop = Shop()
    waits: list[float] = []

    async def live() -> None:
        while True:
            await shop.time.sleep(1.0)
            before = shop.clock.monotonic()
            await shop.call(live=True)
            waits.append(shop.clock.monotonic() - before)

    windows = await spent(shop, 6, live())
    assert sum(windows) / (6 * LIMIT) >= 0.95, windows
    assert shop.quota.refused == 0
    slow = [wait for wait in waits if wait > 0.5]
    assert len(slow) / len(waits) <= 0.05, slow
    assert max(waits) < 2.0


@pytest.mark.parametrize("rate", [1.0, 3.0])
async def test_another_app_takes_its_share_and_we_take_the_rest(rate: float) -> None:
    shop = Shop()
    shop.quota.other_app = rate
    windows = await spent(shop, 6)
    left = LIMIT - rate * WINDOW_S
    assert len(windows) >= 5
    assert min(windows) / left >= 0.95, windows
    assert shop.quota.refused <= 2 * 6, "what the other app took while our last calls of a window were on their way"


async def test_after_the_other_app_has_used_the_window_up_we_wait_and_go_on() -> None:
    shop = Shop()
    shop.quota.other_app = 1000.0
    await shop.time.run(35.0, *(shop.backfill() for _ in range(TASKS)))
    refused = shop.quota.refused
    assert refused >= 1
    shop.quota.other_app = 0.0
    before = sum(shop.quota.windows)
    await shop.time.run(100.0, *(shop.backfill() for _ in range(TASKS)))
    assert sum(shop.quota.windows) - before >= LIMIT
