"""`until`: the one way these tests wait. A condition is polled until it holds; it fails the test when it never does."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

DEADLINE_S: Final = 20.0
_LOOK_S: Final = 0.02
T = TypeVar("T")


async def until(
    look: Callable[[], Awaitable[T | None]],
    what: str,
    *,
    deadline_s: float = DEADLINE_S,
    show: Callable[[], object] = str,
) -> T:
    """The first answer of `look` that counts as true. Fails after `deadline_s`, naming `what` and what `show` shows."""
    end = time.monotonic() + deadline_s
    while True:
        found = await look()
        if found:
            return found
        if time.monotonic() >= end:
            raise AssertionError(f"after {deadline_s} s still not so: {what}. {show()}")
        await asyncio.sleep(_LOOK_S)


def until_sync(
    look: Callable[[], T | None], what: str, *, deadline_s: float = DEADLINE_S, show: Callable[[], object] = str
) -> T:
    """`until` for tests without an event loop."""
    end = time.monotonic() + deadline_s
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() >= end:
            raise AssertionError(f"after {deadline_s} s still not so: {what}. {show()}")
        time.sleep(_LOOK_S)
