"""The clock as a value that is passed in, so that tests decide what time it is. Times are UTC and aware."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall time for records, monotonic seconds for measuring."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


@dataclass(frozen=True)
class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class ManualClock:
    """A clock that stands still until it is moved; for tests and seeded demos."""

    def __init__(self, start: datetime, on_advance: Callable[[], None] | None = None) -> None:
        self._now = start
        self._monotonic = 0.0
        self._on_advance = on_advance

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Move both clocks forward by `seconds`."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds
        if self._on_advance:
            self._on_advance()


def iso(moment: datetime | None) -> str | None:
    """`moment` as ISO 8601 UTC with a `Z`, the form every `--json` answer uses; None stays None."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
