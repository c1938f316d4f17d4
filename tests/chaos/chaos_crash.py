"""A process that dies at a chosen boundary: before or after any upstream request, before or after any commit.

Death is a `BaseException` that no handler of the program takes for trouble it could deal with. After it nothing works
any more: no request leaves, no commit is made, no answer is read. Boundaries are counted as they are reached, so that a
first life without a crash lists them all.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import httpx
from sqlalchemy import Connection

from bcifs_console.base.clock import Clock
from bcifs_console.store.database import Database, Tx

T = TypeVar("T")

#: Whether this is the long run of the night, which dies where nothing new is expected, too.
IS_NIGHTLY: Final = os.environ.get("BCIFS_HYPOTHESIS") == "nightly"
#: What boundaries are called that stand right behind a change, in IFS or in our books.
_CHANGES: Final = ("after POST /main", "after PATCH /main", "after commit")


def behind_changes(passed: Sequence[str]) -> list[int]:
    """The boundaries right behind a change."""
    return [i for i, name in enumerate(passed) if name.startswith(_CHANGES)]


def that_differ(passed: Sequence[str]) -> list[int]:
    """Every boundary that leaves the world as no other does: the first, and each behind a change.

    To die behind a read is the same as to die behind the change before it; nightly runs do it all the same. One before
    something that comes right behind another never differs.
    """
    if not IS_NIGHTLY:
        return sorted({0, *behind_changes(passed)})
    pairs = zip(("", *passed), passed, strict=False)
    return [i for i, (last, name) in enumerate(pairs) if not (last.startswith("after ") and name.startswith("before "))]


class Crash(BaseException):
    """The process died here."""


class Fuse:
    """Counts the boundaries that are passed and blows at the one asked for (the first is 0), if any.

    With `stall_at` the process stops there instead, as a paused machine does, until it is woken.
    """

    def __init__(self, blow_at: int | None = None, *, stall_at: int | None = None) -> None:
        self.passed: list[str] = []
        self.is_blown = False
        self.stalled = asyncio.Event()
        self.woken = asyncio.Event()
        self.stall_at = stall_at
        self._blow_at = blow_at
        self._lock = threading.Lock()

    def reach(self, boundary: str) -> None:
        """Go on, or die. Called by the event loop and by the database's writer."""
        with self._lock:
            self._still_alive()
            self.passed.append(boundary)
            if len(self.passed) - 1 == self._blow_at:
                self.is_blown = True
                raise Crash(boundary)

    async def reach_and_rest(self, boundary: str) -> None:
        """`reach`, and stand still there where that was asked for. For boundaries behind something that happened."""
        self.reach(boundary)
        if len(self.passed) - 1 == self.stall_at:
            self.stalled.set()
            await self.woken.wait()

    def still_alive(self) -> None:
        """Raise Crash where the process has died already."""
        with self._lock:
            self._still_alive()

    def _still_alive(self) -> None:
        if self.is_blown:
            raise Crash("dead already")


class CrashingTransport(httpx.AsyncBaseTransport):
    """The network, with a boundary before each request leaves and after the other side has done its work."""

    def __init__(self, fuse: Fuse) -> None:
        self._fuse = fuse
        self._network = httpx.AsyncHTTPTransport(verify=False)
        self.in_flight = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        call = f"{request.method} {request.url.path}"
        self._fuse.reach(f"before {call}")
        self.in_flight += 1
        try:
            response = await self._network.handle_async_request(request)
        finally:
            self.in_flight -= 1
        try:
            await self._fuse.reach_and_rest(f"after {call}")
        except Crash:
            await response.aclose()
            raise
        return response

    async def aclose(self) -> None:
        await self._network.aclose()


class CrashingDatabase(Database):
    """The store, with a boundary before each commit and after it, before the caller goes on."""

    def __init__(self, url: str, *, clock: Clock, fuse: Fuse) -> None:
        self.fuse = fuse
        self._last = ""
        super().__init__(url, clock=clock)

    def _before_commit(self) -> None:
        self.fuse.reach(f"before commit of {self._last}")

    async def write(self, run: Callable[[Tx], T]) -> T:
        self.fuse.still_alive()
        name = self._last = run.__qualname__.replace(".<locals>", "")
        result = await super().write(run)
        await self.fuse.reach_and_rest(f"after commit of {name}")
        return result

    async def read(self, run: Callable[[Connection], T]) -> T:
        self.fuse.still_alive()
        return await super().read(run)
