"""The simulator's clock: real time, or so much behind it, plus an offset that only ever grows."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import format_datetime


class Clock:
    def __init__(self, behind_s: float = 0.0) -> None:
        self._offset = -behind_s

    def seconds(self) -> float:
        return time.time() + self._offset

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds(), UTC)

    def move_to(self, seconds: float) -> None:
        """Never backwards: what has been stamped stays in the past."""
        self._offset += max(0.0, seconds - self.seconds())


def rfc2822(moment: datetime) -> str:
    """`Tue, 05 Mar 2019 21:40:11 +0000`, the form of every date in v2."""
    return format_datetime(moment.replace(microsecond=0))


def iso(moment: datetime) -> str:
    return moment.replace(microsecond=0, tzinfo=None).isoformat() + "+00:00"


def iso_z(moment: datetime) -> str:
    return moment.replace(microsecond=0, tzinfo=None).isoformat() + "Z"
