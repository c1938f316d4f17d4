"""The schedule of further looks: after an hour, after six, daily, for sixty days."""

from datetime import UTC, datetime, timedelta

import pytest

from bcifs_console.domain.revisits import next_look

CAME = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(0), HOUR),
        (HOUR - timedelta(seconds=1), HOUR),
        (HOUR, 6 * HOUR),
        (5 * HOUR, 6 * HOUR),
        (6 * HOUR, DAY),
        (DAY, 2 * DAY),
        (DAY + HOUR, 2 * DAY),
        (59 * DAY, 60 * DAY),
        (60 * DAY, None),
        (400 * DAY, None),
    ],
)
def test_the_next_look(age: timedelta, expected: timedelta | None) -> None:
    assert next_look(CAME, CAME + age) == (None if expected is None else CAME + expected)


def test_sixty_two_looks_in_all() -> None:
    looks, at = 0, next_look(CAME, CAME)
    while at is not None:
        looks, at = looks + 1, next_look(CAME, at)
    assert looks == 62
