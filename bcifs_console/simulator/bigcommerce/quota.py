"""The store's request quota: one window of thirty seconds, told in four headers, shared with another app."""

from __future__ import annotations

import math

from bcifs_console.simulator.clock import Clock
from bcifs_console.simulator.money import Json
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
        # Calls a second that another app of the same store makes; what of the window it has spent, up to when.
        self.other_app = 0.0
        self._taken = 0.0
        self._taken_until = 0.0
        self.refused = 0
        self.windows: list[int] = []  # calls of ours in each window that is over

    def spend(self) -> bool:
        """False when the window's quota is used up; a refused call costs nothing."""
        now = self._clock.seconds()
        if now >= self._ends:
            if self._used:
                self.windows.append(self._used)
            self._ends = now + WINDOW_MS / 1000
            self._used, self._taken = 0, 0.0
        else:
            self._taken += self.other_app * (now - self._taken_until)
        self._taken_until = now
        if self.limit is not None:
            # The other app is refused like us where nothing is left.
            self._taken = min(self._taken, float(self.limit - self._used))
            if self._used + int(self._taken) >= self.limit:
                self.refused += 1
                return False
        self._used += 1
        return True

    def wire(self) -> Json:
        """For the tests: our calls in each window that is over and in this one, and how many were refused."""
        return {"limit": self.limit, "windows": self.windows, "used": self._used, "refused": self.refused}

    def headers(self, *, longest_ms: int = WINDOW_MS) -> list[tuple[str, str]]:
        quota = UNLIMITED if self.limit is None else self.limit
        left_ms = min(longest_ms, max(0, math.ceil((self._ends - self._clock.seconds()) * 1000)))
        return [
            ("X-Rate-Limit-Time-Window-Ms", str(WINDOW_MS)),
            ("X-Rate-Limit-Time-Reset-Ms", str(left_ms)),
            ("X-Rate-Limit-Requests-Quota", str(quota)),
            ("X-Rate-Limit-Requests-Left", str(max(0, quota - self._used - int(self._taken)))),
        ]

    def refusal(self, body: bytes, *, longest_s: int = WINDOW_MS // 1000) -> Reply:
        """A 429 that asks to wait for the window's end, or `longest_s` where an injected fault must pass sooner."""
        seconds = min(longest_s, max(1, math.ceil(self._ends - self._clock.seconds())))
        headers = [*self.headers(longest_ms=longest_s * 1000), ("X-Retry-After", str(seconds))]
        return Reply(429, body, headers)
