"""The only thing screens get: reading, acting and remembering what was done. No widget is known here."""

import asyncio
import inspect
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeVar, overload

from bcifs_console.base.problems import Problem, ProblemKind
from bcifs_console.operations.context import Context
from bcifs_console.store.views import Connection

T = TypeVar("T")
Undo = Callable[[Context], object]

#: So many lines of the action journal are kept; older ones are in the store's own journal.
_KEPT: Final = 500


class ReadOnly(Problem):
    """The console was opened to look, not to act."""

    kind = ProblemKind.USAGE

    def __init__(self) -> None:
        super().__init__(
            "This console is read-only; nothing was changed.", remedy="Open it without --readonly to act: bcifs console"
        )


class NothingToUndo(Problem):
    """No action is left that can be taken back."""

    kind = ProblemKind.NOT_FOUND

    def __init__(self) -> None:
        super().__init__("There is nothing to undo.", remedy="L shows what was done, and what can be taken back.")


class DeedKind(StrEnum):
    DONE = "done"  #: something was changed
    UNDONE = "undone"  #: it was, and was taken back
    PROBLEM = "problem"  #: it could not be done
    NOTE = "note"  #: something was said


@dataclass(frozen=True, slots=True)
class Deed:
    """One line of the action journal. `undo` is None for what cannot be taken back; `until`: or no more after that."""

    number: int
    at: datetime
    text: str
    kind: DeedKind
    undo: Undo | None = None
    until: str = ""

    @property
    def can_undo(self) -> bool:
        """Whether it can be taken back now."""
        return self.undo is not None and self.kind is DeedKind.DONE

    @property
    def offer(self) -> str:
        """How it is taken back, with the limit where it has one; "" where it cannot be."""
        if not self.can_undo:
            return ""
        return f"u takes it back until {self.until}" if self.until else "u undoes it"


class Gateway:
    """Wraps the open installation for the screens."""

    def __init__(self, context: Context, *, readonly: bool = False) -> None:
        self.context: Final = context
        self.readonly: Final = readonly
        self.deeds: Final[deque[Deed]] = deque(maxlen=_KEPT)
        self._number = 0
        self._under_way: set[asyncio.Task[Any]] = set()
        self._undoing: Final = asyncio.Lock()

    def now(self) -> datetime:
        """The time, aware, UTC."""
        return self.context.clock.now()

    async def read(self, run: Callable[[Connection], T]) -> T:
        """Run a view on a reader thread. Raises what it raises, StoreUnavailable or StoreClosed."""
        return await self.context.store.database.read(run)

    def point(self, run: Callable[[Connection], T]) -> T:
        """Run a view here and now, on the loop: for at most a hundred rows by their ids."""
        return self.context.store.database.read_sync(run)

    @overload
    async def act(self, run: Callable[[Context], Awaitable[T]]) -> T: ...
    @overload
    async def act(self, run: Callable[[Context], T]) -> T: ...
    async def act(self, run: Callable[[Context], Any]) -> Any:
        """Run an operation's verb: a plain one in a thread, an async one on the loop.

        Raises ReadOnly under --readonly, else what the verb raises (Problems, for `app.show_problem`).
        """
        if self.readonly:
            raise ReadOnly
        return await self._run(run)

    @overload
    async def look(self, run: Callable[[Context], Awaitable[T]]) -> T: ...
    @overload
    async def look(self, run: Callable[[Context], T]) -> T: ...
    async def look(self, run: Callable[[Context], Any]) -> Any:
        """`act` for a verb that changes nothing (a preview, an explanation): allowed under --readonly."""
        return await self._run(run)

    async def _run(self, run: Callable[[Context], Any]) -> Any:
        # An async verb called in the thread only makes its coroutine; it is awaited here, on the loop.
        found = await asyncio.to_thread(run, self.context)
        if not inspect.isawaitable(found):
            return found
        task = asyncio.create_task(_awaited(found))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            _end(task)  # nobody waits for it any more; it closes its connections all the same, see `close`
            raise

    async def close(self) -> None:
        """End what is still under way, and wait until it has closed its connections to both systems."""
        for task in self._under_way:
            _end(task)
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def did(self, text: str, undo: Undo | None = None, *, until: str = "") -> Deed:
        """Write a line into the action journal; `undo` takes it back (only until then), None for what cannot be."""
        return self.note(text, DeedKind.DONE, undo, until=until)

    def note(self, text: str, kind: DeedKind, undo: Undo | None = None, *, until: str = "") -> Deed:
        """Write any line into the action journal."""
        self._number += 1
        deed = Deed(self._number, self.now(), text, kind, undo, until)
        self.deeds.append(deed)
        return deed

    def newest_undo(self) -> Deed | None:
        """The newest action that can be taken back."""
        return next((deed for deed in reversed(self.deeds) if deed.can_undo), None)

    async def undo(self, number: int | None = None) -> str:
        """Take back the newest action, or the one with this number, and return what it was.

        It counts as taken back from the start, so that nothing is taken back twice; asked for more, one waits for the
        other. Raises NothingToUndo, ReadOnly, or what taking it back raises: it is left as it was then, and offered
        again unless the problem is final.
        """
        deed = self.newest_undo() if number is None else next((d for d in self.deeds if d.number == number), None)
        if deed is None or not deed.can_undo or deed.undo is None:
            raise NothingToUndo
        self._rewrite(replace(deed, kind=DeedKind.UNDONE))
        try:
            async with self._undoing:
                await self.act(deed.undo)
        except Problem as problem:
            self._rewrite(replace(deed, undo=None) if problem.is_final else deed)
            raise
        return deed.text

    def _rewrite(self, deed: Deed) -> None:
        """Put it in its place in the journal, where it is still kept."""
        for at, kept in enumerate(self.deeds):
            if kept.number == deed.number:
                self.deeds[at] = deed


def _end(task: asyncio.Task[Any]) -> None:
    if not task.cancelling():  # told a second time it would break off its closing
        task.cancel()


async def _awaited(found: Awaitable[T]) -> T:
    return await found
