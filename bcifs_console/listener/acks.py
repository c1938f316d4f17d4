"""How long acknowledging took lately: quantiles of the last minutes.

They come from the histogram that counts every acknowledgement anyway (`base.metrics`): whoever asks compares its
buckets with those of some minutes ago. A delivery costs nothing more, and the memory is a few dozen small tuples.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from prometheus_client import Histogram

from bcifs_console.base.clock import Clock

#: The quantiles are of so many seconds, give or take `_EVERY_S`.
LATELY_S: Final = 300.0
_EVERY_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class _Seen:
    """The histogram at one moment: how many took at most as long as each of its bounds."""

    at: float
    counts: tuple[int, ...]


class AckTimes:
    """The times of one listener, from when it was made."""

    def __init__(self, histogram: Histogram, clock: Clock) -> None:
        self._histogram = histogram
        self._clock = clock
        self._bounds, counts = _read(histogram)
        self._seen = deque([_Seen(clock.monotonic(), counts)])

    def lately(self) -> dict[str, float] | None:
        """`p50_ms` and `p99_ms` of the last minutes, `number` of acknowledgements; None where there was none.

        Ask often: what is compared is what was seen at earlier questions.
        """
        now = self._clock.monotonic()
        _, counts = _read(self._histogram)
        while len(self._seen) > 1 and self._seen[1].at <= now - LATELY_S:
            self._seen.popleft()
        before = self._seen[0]
        if now - self._seen[-1].at >= _EVERY_S:
            self._seen.append(_Seen(now, counts))
        since = [count - earlier for count, earlier in zip(counts, before.counts, strict=True)]
        if not since[-1]:
            return None
        p50, p99 = (round(1000 * quantile(share, self._bounds, since), 1) for share in (0.5, 0.99))
        return {"p50_ms": p50, "p99_ms": p99, "number": since[-1]}


def _read(histogram: Histogram) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """The bounds in seconds, infinity the last, and how many took at most so long."""
    (metric,) = histogram.collect()
    buckets = [sample for sample in metric.samples if sample.name.endswith("_bucket")]
    return tuple(float(bucket.labels["le"]) for bucket in buckets), tuple(int(bucket.value) for bucket in buckets)


def quantile(share: float, bounds: Sequence[float], counts: Sequence[int]) -> float:
    """The time that `share` of them did not exceed, even spread within a bucket assumed, as Prometheus does.

    `counts`: how many took at most as long as each of `bounds`; the last has all of them, at least one.
    """
    rank = share * counts[-1]
    for (low, below), (high, upto) in pairwise(zip((0.0, *bounds), (0, *counts), strict=True)):
        if upto >= rank and upto > below:
            return low if math.isinf(high) else low + (high - low) * (rank - below) / (upto - below)
    raise ValueError("nothing was counted")
