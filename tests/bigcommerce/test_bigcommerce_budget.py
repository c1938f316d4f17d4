"""When the budget lets a call go, waits, or gives it back. Time is a clock that only sleeping moves."""

import asyncio

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.bigcommerce.budget import FIRST_CALLS, HeaderBudget
from bcifs_console.bigcommerce.errors import RateLimited
from tests.bigcommerce.bigcommerce_samples import NOON, no_sleep


def headers(left: int, *, reset_ms: int = 30_000, quota: int = 150) -> dict[str, str]:
    return {
        "X-Rate-Limit-Requests-Left": str(left),
        "X-Rate-Limit-Time-Reset-Ms": str(reset_ms),
        "x-rate-limit-requests-quota": str(quota),
        "X-RATE-LIMIT-TIME-WINDOW-MS": "30000",
    }


class Rig:
    """A budget whose sleeping moves its clock; `slept` are the waits."""

    def __init__(self, **options: float) -> None:
        self.clock = ManualClock(NOON)
        self.slept: list[float] = []
        self.budget = HeaderBudget(self.clock, sleep=self._sleep, **options)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds)

    async def call(self, answer: dict[str, str] | None = None, status: int = 200, *, live: bool = True) -> None:
        await self.budget.acquire(live)
        self.budget.observe(answer or {}, status)


async def test_calls_go_at_once_while_plenty_is_left() -> None:
    rig = Rig()
    for left in range(149, 100, -1):
        await rig.call(headers(left))
    assert rig.slept == []
    assert rig.budget.quota_left == 101


async def test_nothing_is_known_before_the_first_answer() -> None:
    rig = Rig()
    assert rig.budget.quota_left is None
    await rig.call(headers(149))
    assert rig.budget.quota_left == 149


async def test_a_used_up_window_is_waited_out() -> None:
    rig = Rig()
    await rig.call(headers(0, reset_ms=12_000))
    await rig.call(headers(149))
    assert sum(rig.slept) == pytest.approx(12)


async def test_calls_under_way_count_against_the_window() -> None:
    rig = Rig()
    await rig.call(headers(2))
    await rig.budget.acquire(live=True)
    await rig.budget.acquire(live=True)
    assert rig.budget.quota_left == 0
    await rig.budget.acquire(live=True)
    assert sum(rig.slept) == pytest.approx(30)


async def test_an_answer_that_arrives_late_does_not_raise_the_count() -> None:
    rig = Rig()
    await rig.call(headers(100))
    await rig.budget.acquire(live=True)
    await rig.budget.acquire(live=True)
    rig.budget.observe(headers(98), 200)
    rig.budget.observe(headers(99), 200)
    assert rig.budget.quota_left == 98


async def test_what_other_apps_spend_is_believed() -> None:
    rig = Rig()
    await rig.call(headers(100))
    await rig.call(headers(20, reset_ms=29_000))
    assert rig.budget.quota_left == 20


async def test_background_calls_leave_the_reserve_to_live_ones() -> None:
    rig = Rig()
    await rig.call(headers(30))
    await rig.budget.acquire(live=True)
    assert rig.slept == []
    await rig.budget.acquire(live=False)
    assert rig.slept[0] > 0


async def test_the_reserve_melts_so_that_a_backfill_uses_the_whole_window() -> None:
    rig = Rig()
    await rig.call(headers(149))
    left = 149
    while rig.clock.monotonic() < 29.9 and left:
        await rig.budget.acquire(live=False)
        if rig.clock.monotonic() >= 30:
            break
        left -= 1
        rig.budget.observe(headers(left, reset_ms=int(30_000 - rig.clock.monotonic() * 1000)), 200)
    assert left <= 150 * 0.05


async def test_a_new_window_starts_full() -> None:
    rig = Rig()
    await rig.call(headers(0, reset_ms=10_000))
    rig.clock.advance(11)
    assert rig.budget.quota_left == 150
    await rig.call(headers(149, reset_ms=29_000))
    assert rig.slept == []
    assert rig.budget.quota_left == 149


async def test_an_answer_of_the_window_before_says_nothing_about_this_one() -> None:
    rig = Rig()
    await rig.call(headers(5, reset_ms=1_000))
    await rig.budget.acquire(live=True)
    rig.clock.advance(2)
    await rig.call(headers(149, reset_ms=29_000))
    rig.budget.observe(headers(3, reset_ms=0), 200)
    assert rig.budget.quota_left == 149


async def test_an_answer_without_rate_headers_counts_as_one_call() -> None:
    rig = Rig()
    await rig.call(headers(100))
    await rig.call({}, 204)
    assert rig.budget.quota_left == 99


async def test_without_rate_headers_there_is_no_limit() -> None:
    rig = Rig()
    await rig.call({})
    for _ in range(500):
        await rig.budget.acquire(live=False)
    assert rig.slept == []


async def test_only_a_few_calls_go_before_anything_is_known() -> None:
    clock = ManualClock(NOON)
    asleep = asyncio.Event()

    async def sleep(seconds: float) -> None:
        asleep.set()
        await asyncio.Event().wait()

    budget = HeaderBudget(clock, sleep=sleep)
    for _ in range(FIRST_CALLS):
        await budget.acquire(live=True)
    waiting = asyncio.create_task(budget.acquire(live=True))
    await asleep.wait()
    assert not waiting.done()
    budget.observe(headers(100), 200)
    await waiting
    assert budget.quota_left == 100 - FIRST_CALLS


async def test_a_429_pauses_for_the_longer_of_both_headers() -> None:
    rig = Rig()
    await rig.call(headers(35, reset_ms=8_000) | {"X-Retry-After": "15"}, 429)
    assert rig.budget.pause_left_s == pytest.approx(15)
    await rig.call(headers(149))
    assert sum(rig.slept) == pytest.approx(15)


async def test_the_reset_is_the_pause_where_it_is_longer() -> None:
    rig = Rig()
    await rig.call(headers(0, reset_ms=20_000) | {"X-Retry-After": "1"}, 429)
    assert rig.budget.pause_left_s == pytest.approx(20)


async def test_bare_429s_back_off_further_each_time_and_start_again_after_a_success() -> None:
    rig = Rig()
    pauses = []
    for _ in range(7):
        await rig.call({}, 429)
        pauses.append(rig.budget.pause_left_s)
    assert pauses == pytest.approx([2, 4, 8, 16, 32, 60, 60])
    await rig.call(headers(100), 200)
    await rig.call({}, 429)
    assert rig.budget.pause_left_s == pytest.approx(2)


async def test_several_429s_of_calls_sent_together_are_one_incident() -> None:
    rig = Rig()
    await rig.call(headers(100))
    for _ in range(5):
        await rig.budget.acquire(live=True)
    for _ in range(5):
        rig.budget.observe({}, 429)
    assert rig.budget.pause_left_s == pytest.approx(2)


async def test_a_pause_too_long_to_wait_for_gives_the_call_back() -> None:
    clock = ManualClock(NOON)
    budget = HeaderBudget(clock, sleep=no_sleep)
    await budget.acquire(live=True)
    budget.observe({"x-retry-after": "300"}, 429)
    with pytest.raises(RateLimited) as caught:
        await budget.acquire(live=True)
    assert caught.value.retry_after_s == pytest.approx(300)


@pytest.mark.parametrize("value", ["99999999999", "soon", "-5", "٣", ""])
async def test_a_nonsensical_retry_after_never_stops_the_connection_for_good(value: str) -> None:
    rig = Rig()
    await rig.call({"x-retry-after": value}, 429)
    assert 0 < rig.budget.pause_left_s <= 3600


async def test_a_cancelled_wait_takes_nothing() -> None:
    async def never_wakes(seconds: float) -> None:
        await asyncio.Event().wait()

    budget = HeaderBudget(ManualClock(NOON), sleep=never_wakes)
    await budget.acquire(live=True)
    budget.observe(headers(0), 200)
    waiting = asyncio.create_task(budget.acquire(live=True))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert budget.quota_left == 0
