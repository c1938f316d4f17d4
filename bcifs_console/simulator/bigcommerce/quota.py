"""The store's shared request quota: one window of thirty seconds, told in four headers."""

from __future__ import annotations

import math

from bcifs_console.simulator.clock import Clock
from bcifs_console.simulator.web import Reply

WINDOW_MS = 30_000
# What an unlimited plan shows: the headers come all the same.
UNLIMITED = 1_000_000


class Quota:
    def __init__(self, clock: Clock, limit: int | None) -> None:
        self._clock = clock
        self.limit = limit
        self._ends = 0.0
        self._used = 0

    def spend(self) -> bool:
        """False when the window's quota is used up; a refused call costs nothing."""
        now = self._clock.seconds()
        if now >= self._ends:
            self._ends = now + WINDOW_MS / 1000
            self._used = 0
        if self.limit is not None and self._used >= self.limit:
            return False
        self._used += 1
        return True

    def headers(self, *, longest_ms: int = WINDOW_MS) -> list[tuple[str, str]]:
        quota = UNLIMITED if self.limit is None else self.limit
        left_ms = min(longest_ms, max(0, math.ceil((self._ends - self._clock.seconds()) * 1000)))
        return [
            ("X-Rate-Limit-Time-Window-Ms", str(WINDOW_MS)),
            ("X-Rate-Limit-Time-Reset-Ms", str(left_ms)),
            ("X-Rate-Limit-Requests-Quota", str(quota)),
            ("X-Rate-Limit-Requests-Left", str(max(0, quota - self._used))),
        ]

    def refusal(self, body: bytes, *, longest_s: int = WINDOW_MS // 1000) -> Reply:
        """A 429 that asks to wait for the window's end, or `longest_s` where an injected fault must pass sooner."""
        seconds = min(longest_s, max(1, math.ceil(self._ends - self._clock.seconds())))
        headers = [*self.headers(longest_ms=longest_s * 1000), ("X-Retry-After", str(seconds))]
        return Reply(429, body, headers)
