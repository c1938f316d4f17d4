"""How fast the listener answered lately: from the histogram's buckets, over some minutes, and nothing older."""

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.base.metrics import Metrics
from bcifs_console.listener.acks import AckTimes, quantile
from tests.listener.listener_front import Front, event

INFINITY = float("inf")


@pytest.mark.parametrize(
    ("share", "counts", "seconds"),
    [
        (0.5, (100, 100, 100), 0.5),  # half of the first bucket
        (0.99, (100, 100, 100), 0.99),
        (0.5, (0, 10, 10), 1.5),
        (0.5, (50, 100, 100), 1.0),
        (0.99, (0, 0, 1), 2.0),  # no more is known than that it took longer
    ],
)
def test_a_quantile_lies_within_its_bucket(share: float, counts: tuple[int, ...], seconds: float) -> None:
    assert quantile(share, (1.0, 2.0, INFINITY), counts) == pytest.approx(seconds)


def test_the_last_minutes_alone_count(clock: ManualClock) -> None:
    histogram = Metrics().ack_seconds
    for _ in range(1_000):
        histogram.observe(4)  # by another listener of this process, before
    acks = AckTimes(histogram, clock)
    assert acks.lately() is None
    for _ in range(100):
        histogram.observe(0.0008)
    assert acks.lately() == {"p50_ms": 0.5, "p99_ms": 1.0, "number": 100}
    clock.advance(200)
    acks.lately()
    for _ in range(900):
        histogram.observe(0.02)
    assert acks.lately() == {"p50_ms": 16.7, "p99_ms": 24.8, "number": 1_000}
    clock.advance(300)
    assert acks.lately() == {"p50_ms": 17.5, "p99_ms": 24.9, "number": 900}
    clock.advance(300)
    assert acks.lately() is None
    for _ in range(1_000):
        clock.advance(1)
        acks.lately()
    assert len(acks._seen) <= 22


async def test_each_answer_counts_and_no_refusal(front: Front) -> None:
    await front.post(event(1))
    await front.post(event(2), [])
    lately = front.state.acks.lately()
    assert lately is not None
    assert (lately["number"], 0 < lately["p50_ms"] <= lately["p99_ms"]) == (1, True)
