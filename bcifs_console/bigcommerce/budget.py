"""The rate budget of one store: when a call may go out, learned from the `X-Rate-Limit-*` headers (facts §5).

`RateBudget` is what the client needs; `HeaderBudget` keeps it in this process for all tasks. The quota belongs to the
store, other apps draw on it too, so what the headers say always wins over our own counting.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from bcifs_console.base.clock import Clock
from bcifs_console.bigcommerce.errors import RateLimited

#: The documented window; used until a header says otherwise.
WINDOW_S: Final = 30.0
#: Share of the quota that background calls leave to live ones at the start of a window; it falls in a straight line to
#: 0 at the window's end. So they are spread over the window, at most a tenth of the quota ahead of an even pace.
RESERVE: Final = 0.9
#: Calls under way while nothing is known of the quota yet: few, in case another process has just used it up.
FIRST_CALLS: Final = 4
#: Longest a call waits for the budget before it is given back to its row as RateLimited: two windows.
MAX_WAIT_S: Final = 60.0
#: A 429 without headers means platform load: back off on our own, doubling (facts §5).
BACKOFF_FIRST_S: Final = 2.0
BACKOFF_MAX_S: Final = 60.0
#: The longest pause that a header can ask for; a nonsensical value must not stop a connection for good.
PAUSE_MAX_S: Final = 3600.0
#: Never wait less, so that rounding cannot make a busy loop.
_TICK_S: Final = 0.01
#: How long to wait where only an answer can change things; every answer ends the wait anyway.
_LOOK_AGAIN_S: Final = 1.0


class RateBudget(Protocol):
    """When a call may go out. Each `acquire` is followed by exactly one `observe`, whatever became of the call."""

    @property
    def quota(self) -> int | None:
        """Calls that a whole window has; None where unknown."""
        ...

    @property
    def quota_left(self) -> int | None:
        """Calls left in this window as far as known; None where unknown."""
        ...

    @property
    def pause_left_s(self) -> float:
        """Seconds until calls may go out again after a 429; 0 where there is no pause."""
        ...

    async def acquire(self, live: bool) -> None:
        """Wait until a call may go out. Raises RateLimited where that is too far off to wait for."""
        ...

    def observe(self, headers: Mapping[str, str], status: int) -> None:
        """Learn from an answer. `status` 0: there was none."""
        ...


class HeaderBudget:
    """A budget for one process, shared by its tasks.

    Live calls go while the window has calls left, and wait for its reset when it has none. Background calls are spent
    evenly: what they leave to live ones shrinks with the window's remaining time, so that a backfill uses the whole
    quota by the end of each window and an order that is placed meanwhile finds calls left at any moment of it. Not
    thread-safe: one event loop.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        reserve: float = RESERVE,
        max_wait_s: float = MAX_WAIT_S,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._reserve = reserve
        self._max_wait_s = max_wait_s
        self._quota = 0  #: 0: the store has named none
        self._left = 0  #: by the store's count: the lowest that an answer of this window has said
        self._window_s = WINDOW_S
        self._reset_at = 0.0
        self._in_flight = 0
        self._answered = False
        self._paused_until = 0.0
        self._backoff_s = 0.0
        self._changed = asyncio.Event()

    @property
    def quota(self) -> int | None:
        return self._quota or None

    @property
    def quota_left(self) -> int | None:
        if not self._quota:
            return None
        return max(0, self._available(self._clock.monotonic()))

    @property
    def pause_left_s(self) -> float:
        return max(0.0, self._paused_until - self._clock.monotonic())

    async def acquire(self, live: bool) -> None:
        give_up_at = self._clock.monotonic() + self._max_wait_s
        while (wait := self._wait_s(live)) > 0:
            if self._clock.monotonic() + wait > give_up_at:
                raise RateLimited(wait, status=0)
            await self._pause(wait)
        self._in_flight += 1

    def observe(self, headers: Mapping[str, str], status: int) -> None:
        now = self._clock.monotonic()
        known = {name.lower(): value for name, value in headers.items() if name.lower().startswith("x-")}
        self._in_flight = max(0, self._in_flight - 1)
        self._answered = self._answered or status != 0
        self._count(known, now)
        if status == 429:
            self._pause_after_429(known, now)
        elif 200 <= status < 400 and now >= self._paused_until:
            self._backoff_s = 0.0
        self._changed.set()
        self._changed = asyncio.Event()

    def _count(self, headers: Mapping[str, str], now: float) -> None:
        left = _number(headers.get("x-rate-limit-requests-left"))
        quota = _number(headers.get("x-rate-limit-requests-quota"))
        reset_ms = _number(headers.get("x-rate-limit-time-reset-ms"))
        if left is None or reset_ms is None or not quota:
            self._left -= 1  # a DELETE's 204 carries no headers and counts all the same (facts §5)
            return
        self._window_s = (_number(headers.get("x-rate-limit-time-window-ms")) or 0) / 1000 or self._window_s
        reset_at = now + reset_ms / 1000
        # The moment of reset, reckoned from each answer, wanders by the answers' travel times only; a window's length
        # tells a neighbouring window from that. Answers of a window that is over say nothing about this one.
        if not self._quota or reset_at > self._reset_at + self._window_s / 2:
            self._left, self._reset_at = left, reset_at
        elif reset_at > self._reset_at - self._window_s / 2:
            self._left, self._reset_at = min(self._left, left), min(self._reset_at, reset_at)
        self._quota = quota

    def _pause_after_429(self, headers: Mapping[str, str], now: float) -> None:
        asked = max(
            float(_number(headers.get("x-retry-after")) or 0),
            (_number(headers.get("x-rate-limit-time-reset-ms")) or 0) / 1000,
        )
        if asked > 0:
            self._backoff_s = 0.0
        elif now >= self._paused_until:
            # One that arrives during a pause was sent before it: the same incident, no reason to back off further.
            self._backoff_s = min(self._backoff_s * 2 or BACKOFF_FIRST_S, BACKOFF_MAX_S)
            asked = self._backoff_s
        self._paused_until = max(self._paused_until, now + min(asked, PAUSE_MAX_S))

    def _available(self, now: float) -> int:
        """Calls that may still go out in this window. Those under way may not have been counted by the store yet."""
        return (self._quota if now >= self._reset_at else self._left) - self._in_flight

    def _wait_s(self, live: bool) -> float:
        """Seconds to wait before looking again; 0: go."""
        now = self._clock.monotonic()
        if now < self._paused_until:
            return max(self._paused_until - now, _TICK_S)
        if not self._quota:
            return 0.0 if self._answered or self._in_flight < FIRST_CALLS else _LOOK_AGAIN_S
        available = self._available(now)
        until_reset = self._reset_at - now
        if until_reset <= 0:
            return 0.0 if available > 0 else _LOOK_AGAIN_S
        if available <= 0:
            return max(until_reset, _TICK_S)
        if live:
            return 0.0
        kept_back = self._reserve * self._quota * min(1.0, until_reset / self._window_s)
        if available > kept_back:
            return 0.0
        # The reserve falls in a straight line to 0 at the reset: when it will have fallen below what is left.
        until_free = until_reset - self._window_s * available / (self._reserve * self._quota)
        return max(until_free, _TICK_S)

    async def _pause(self, seconds: float) -> None:
        """Sleep, or less where an answer comes in meanwhile: it may have changed what is known."""
        waits = asyncio.ensure_future(self._sleep(seconds)), asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)


def _number(text: str | None) -> int | None:
    """A header's number, None where it is missing or no plain number."""
    if text is None:
        return None
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else None
