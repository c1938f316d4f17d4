"""`Database`: one writer thread that group-commits, and reader threads. No table is known here.

Plain functions are queued and run in order inside one transaction, a savepoint each; one commit answers all of their
callers, and a commit that fails fails all of them. Items of a *batch* (webhook deliveries) are handed to their handler
together. SQLite writes begin IMMEDIATE, so no write ever fails half-way on a lock.
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

import structlog
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    ProgrammingError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.pool import StaticPool

from bcifs_console.base.clock import Clock
from bcifs_console.store.errors import StoreBusy, StoreClosed, StoreFault, StoreProblem, StoreUnavailable

T = TypeVar("T")
OrderKey = tuple[int, int]
BatchHandler = Callable[["Tx", Sequence[Any]], None]

_BUSY_TIMEOUT_MS: Final = 10_000
_BATCH_LIMIT: Final = 1_000
#: After so many writes in one commit the next one waits this long for company, so that more of them share what a
#: commit costs whatever is in it. Measured twice, eight turns each in alternation: a fifth less processor time a
#: delivery; 22 % more deliveries a second from 32 connections, 6 to 16 % more from 64.
_CROWD: Final = 8
_GATHER_S: Final = 0.0005
#: How often a write that PostgreSQL sacrificed to end a deadlock is done again.
_DEADLOCK_RETRIES: Final = 3
_DEADLOCK: Final = "40P01"
#: What the database says of a statement or a value that will be as wrong the next time.
_OURS: Final = (IntegrityError, DataError, ProgrammingError, ArgumentError)

_log: Final = structlog.get_logger(__name__)


@dataclass(slots=True)
class Tx:
    """What a write function gets: the open transaction, its time, and the bell for orders it made due."""

    conn: Connection
    now: datetime
    rung: list[OrderKey] = field(default_factory=list)

    @property
    def is_sqlite(self) -> bool:
        return self.conn.dialect.name == "sqlite"

    def ring(self, connection_id: int, order_id: int) -> None:
        """Tell the dispatchers, once this is committed, that the order is due."""
        self.rung.append((connection_id, order_id))


@dataclass(slots=True)
class _Job:
    """One queued write: a function, or an item for a batch handler; and who waits for it."""

    run: Callable[[Tx], Any] | None
    handler: BatchHandler | None
    item: Any
    future: "asyncio.Future[Any] | Future[Any]"
    loop: asyncio.AbstractEventLoop | None
    result: Any = None
    error: BaseException | None = None


class Database:
    """The store's database. `url` is a SQLAlchemy URL of SQLite (a file) or PostgreSQL."""

    def __init__(self, url: str, *, clock: Clock, queue_limit: int = 10_000, readers: int = 4) -> None:
        self.url: Final = url
        self.clock: Final = clock
        self.is_sqlite: Final = url.startswith("sqlite")
        #: called inside the transaction with the orders made due: an engine may write its own rows there
        self.doorbell: Callable[[Tx, Sequence[OrderKey]], None] | None = None
        #: called in the writer thread after the commit, with the same orders
        self.after_commit: list[Callable[[Sequence[OrderKey]], None]] = []
        self._limit = queue_limit
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed = False
        self._lock = threading.Lock()
        self._writer_engine = _engine(url, writer=True)
        self._reader_engine = _engine(url, writer=False, readers=readers)
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="store-read")
        self._writer = threading.Thread(target=self._write_loop, name="store-write", daemon=True)
        self._writer.start()
        self._version_probe: sqlite3.Connection | None = None

    # -- writing ---------------------------------------------------------------------------------------------------

    async def write(self, run: Callable[[Tx], T]) -> T:
        """Run `run` in the writer and return its result once it is committed.

        `run` may be called again where the database undid it to end a deadlock: it keeps no state outside the database.
        Raises what `run` raises (its changes are undone), StoreBusy, StoreUnavailable or StoreClosed.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._put(_Job(run, None, None, future, loop))
        return await future

    def write_sync(self, run: Callable[[Tx], T]) -> T:
        """`write` for code without a loop."""
        future: Future[T] = Future()
        self._put(_Job(run, None, None, future, None))
        return future.result()

    def write_batched(self, handler: BatchHandler, item: object) -> "asyncio.Future[None]":
        """Queue `item`; `handler` gets every item queued for it at once. The future is done after the commit."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._put(_Job(None, handler, item, future, loop))
        return future

    def _put(self, job: _Job) -> None:
        if self._jobs.qsize() >= self._limit:
            raise StoreBusy
        with self._lock:
            if self._closed:
                raise StoreClosed
            self._jobs.put(job)

    def _write_loop(self) -> None:
        crowd = 0
        while (first := self._jobs.get()) is not None:
            if crowd >= _CROWD:
                time.sleep(_GATHER_S)  # under load: the callers just answered are about to write again
            batch = [first]
            stop = False
            while len(batch) < _BATCH_LIMIT:
                try:
                    job = self._jobs.get_nowait()
                except Empty:
                    break
                if job is None:
                    stop = True
                    break
                batch.append(job)
            crowd = len(batch)
            self._commit_batch(batch)
            if stop:
                break

    def _commit_batch(self, batch: list[_Job]) -> None:
        """Run and commit `batch`, then answer everyone in it. Never raises: whatever happens reaches the callers."""
        self._commit(batch)
        for _ in range(_DEADLOCK_RETRIES):
            # The commit has given back the locks that took part in the deadlock; the victims hold none now.
            victims = [job for job in batch if _is_deadlock(job.error)]
            if not victims:
                break
            for job in victims:
                job.error = None
            self._commit(victims)
        _answer(batch)

    def _commit(self, batch: list[_Job]) -> None:
        rung: list[OrderKey] = []
        try:
            with self._writer_engine.connect() as conn, conn.begin():
                tx = Tx(conn, self.clock.now())
                self._run_batch(tx, batch)
                rung = tx.rung
                if rung and self.doorbell:
                    self.doorbell(tx, rung)
                self._before_commit()
        except BaseException as error:  # noqa: BLE001 - a failed commit is every caller's failure, whatever it was
            failure = _unavailable(error)
            for job in batch:
                job.error = job.error or failure
        else:
            self._ring(rung)

    def _ring(self, rung: list[OrderKey]) -> None:
        for bell in self.after_commit if rung else ():
            try:
                bell(rung)
            except Exception:  # noqa: BLE001 - the orders are due on disk, a sweep finds them; the writer must go on
                _log.exception("bell_failed")

    def _before_commit(self) -> None:
        """Called when everything is written and nothing is committed; chaos tests crash here."""

    def _run_batch(self, tx: Tx, batch: list[_Job]) -> None:
        handlers: dict[BatchHandler, list[_Job]] = {}
        for job in batch:
            if job.handler is not None:
                handlers.setdefault(job.handler, []).append(job)
        works: list[tuple[list[_Job], Callable[[], Any]]] = [
            (jobs, partial(handler, tx, [job.item for job in jobs])) for handler, jobs in handlers.items()
        ]
        works += [([job], partial(job.run, tx)) for job in batch if job.run is not None]
        if len(works) == 1:
            # Alone in its transaction it needs no savepoint: where it fails, nothing is committed.
            jobs, run = works[0]
            result = run()
            for job in jobs:
                job.result = result
            return
        for jobs, run in works:
            self._in_savepoint(tx, jobs, run)

    @staticmethod
    def _in_savepoint(tx: Tx, jobs: list[_Job], run: Callable[[], Any]) -> None:
        rung = len(tx.rung)
        try:
            with tx.conn.begin_nested():
                result = run()
        except Exception as error:
            del tx.rung[rung:]
            for job in jobs:
                job.error = _unavailable(error) if isinstance(error, SQLAlchemyError) else error
            if (isinstance(error, DBAPIError) and error.connection_invalidated) or not _in_transaction(tx.conn):
                raise
        else:
            for job in jobs:
                job.result = result

    # -- reading ---------------------------------------------------------------------------------------------------

    async def read(self, run: Callable[[Connection], T]) -> T:
        """Run `run` on a reader thread with a read transaction and return its result.

        Raises what `run` raises, StoreUnavailable or StoreClosed.
        """
        if self._closed:
            raise StoreClosed
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_sync, run)

    def read_sync(self, run: Callable[[Connection], T]) -> T:
        """`read` for code without a loop."""
        if self._closed:
            raise StoreClosed
        try:
            with self._reader_engine.connect() as conn:
                return run(conn)
        except DBAPIError as error:
            raise _unavailable(error) from error

    def data_version(self) -> int | None:
        """A number that changes when anyone commits (SQLite; 2 µs a look); None where the engine has none.

        Raises StoreUnavailable or StoreClosed.
        """
        if not self.is_sqlite:
            return None
        if self._closed:
            raise StoreClosed
        try:
            if self._version_probe is None:
                path = self._writer_engine.url.database or ""
                self._version_probe = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            row = self._version_probe.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error as error:
            raise _does_not_answer(error) from error
        return int(row[0])

    # -- life ------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Finish what is queued, then close. Safe to call twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._jobs.put(None)
        self._writer.join()
        self._readers.shutdown(wait=True)
        if self._version_probe is not None:
            self._version_probe.close()
        self._reader_engine.dispose()
        self._writer_engine.dispose()


def _answer(batch: list[_Job]) -> None:
    """Tell everyone, with one wake-up per event loop."""
    loops: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in batch:
        if job.loop is None:
            _resolve(job)
        else:
            loops.setdefault(job.loop, []).append(job)
    for loop, jobs in loops.items():
        try:
            loop.call_soon_threadsafe(_resolve_all, jobs)
        except RuntimeError:
            # The loop was closed while its write was on the way: nobody is left to tell, and the commit stands.
            continue


def _resolve_all(jobs: list[_Job]) -> None:
    for job in jobs:
        _resolve(job)


def _resolve(job: _Job) -> None:
    if job.future.done():
        return
    if job.error is not None:
        job.future.set_exception(job.error)
    else:
        job.future.set_result(job.result)


def _unavailable(error: BaseException) -> BaseException:
    if isinstance(error, SQLAlchemyError):
        problem: StoreProblem
        if isinstance(error, _OURS) or (isinstance(error, StatementError) and not isinstance(error, DBAPIError)):
            problem = StoreFault(_refused(error), remedy="Report this with the log; nothing was written.")
        else:
            problem = _does_not_answer(error)
        problem.__cause__ = error
        return problem
    return error


def _does_not_answer(error: Exception) -> StoreUnavailable:
    remedy = "Check the disk and the database server; the work is tried again."
    return StoreUnavailable(_refused(error), remedy=remedy)


def _refused(error: Exception) -> str:
    return f"The database refused the work: {error.__class__.__name__}: {str(error).splitlines()[0]}."


def _is_deadlock(error: BaseException | None) -> bool:
    cause = error.__cause__ if error is not None else None
    return isinstance(cause, DBAPIError) and getattr(cause.orig, "sqlstate", None) == _DEADLOCK


def _in_transaction(conn: Connection) -> bool:
    """Whether SQLite still has the transaction open: a full disk ends it, and all that was written before it is gone.

    Going on would commit the rest alone and answer callers whose changes are lost. PostgreSQL never does this.
    """
    driver = conn.connection.dbapi_connection
    return driver.in_transaction if isinstance(driver, sqlite3.Connection) else True


def _engine(url: str, *, writer: bool, readers: int = 1) -> Engine:
    if not url.startswith("sqlite"):
        size = 1 if writer else readers
        return create_engine(url, pool_size=size, max_overflow=2, pool_pre_ping=True, hide_parameters=True)
    arguments = {"isolation_level": None, "check_same_thread": False, "timeout": _BUSY_TIMEOUT_MS / 1000}
    if writer:
        engine = create_engine(url, connect_args=arguments, poolclass=StaticPool, hide_parameters=True)
    else:
        engine = create_engine(url, connect_args=arguments, pool_size=readers, max_overflow=4, hide_parameters=True)
    begin = "BEGIN IMMEDIATE" if writer else "BEGIN"

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.execute("PRAGMA cache_size=-16000")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(conn: Connection) -> None:
        conn.exec_driver_sql(begin)

    return engine
