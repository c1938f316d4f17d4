"""The one writer: group commit, its failures, its limits; and the readers."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import select, text

from bcifs_console.base.clock import ManualClock
from bcifs_console.store import health
from bcifs_console.store.database import Database, OrderKey, Tx
from bcifs_console.store.errors import StoreBusy, StoreClosed, StoreFault, StoreUnavailable
from bcifs_console.store.tables import heartbeat


class PowerCut(BaseException):
    """Not an Exception: what a crash between the last statement and the commit looks like."""


class CountingDatabase(Database):
    """Counts commits, and fails the one that is told to."""

    commits = 0
    cut: BaseException | None = None

    def _before_commit(self) -> None:
        if self.cut is not None:
            cut, self.cut = self.cut, None
            raise cut
        self.commits += 1


@pytest.fixture
def counting(database_url: str, clock: ManualClock) -> Iterator[CountingDatabase]:
    opened = CountingDatabase(database_url, clock=clock)
    yield opened
    opened.close()


@contextlib.contextmanager
def writer_held(database: Database) -> Iterator[None]:
    """Keep the writer busy, so that whatever is queued meanwhile lands in one batch."""
    entered, leave = threading.Event(), threading.Event()

    def hold(_tx: Tx) -> None:
        entered.set()
        assert leave.wait(30)

    holder = threading.Thread(target=lambda: database.write_sync(hold))
    holder.start()
    assert entered.wait(30)
    try:
        yield
    finally:
        leave.set()
        holder.join()


async def together(database: Database, *runs: Callable[[Tx], Any]) -> list[Any]:
    """Write `runs` in one batch and return their results and errors."""
    with writer_held(database):
        tasks = [asyncio.ensure_future(database.write(run)) for run in runs]
        await asyncio.sleep(0)  # lets every task queue its write
    return await asyncio.gather(*tasks, return_exceptions=True)


def add(name: str) -> Callable[[Tx], str]:
    """A write that inserts one row named `name`, and fails where there is one already."""

    def run(tx: Tx) -> str:
        tx.conn.execute(heartbeat.insert().values(owner=name, role="test", started_at=tx.now, beat_at=tx.now))
        return name

    return run


def add_then_fail(name: str) -> Callable[[Tx], str]:
    def run(tx: Tx) -> str:
        add(name)(tx)
        raise KeyError(name)

    return run


def ring(*keys: OrderKey) -> Callable[[Tx], None]:
    def run(tx: Tx) -> None:
        for connection_id, order_id in keys:
            tx.ring(connection_id, order_id)

    return run


def rows(database: Database) -> list[str]:
    return database.read_sync(lambda conn: sorted(row[0] for row in conn.execute(select(heartbeat.c.owner))))


# -- group commit ------------------------------------------------------------------------------------------------------


async def test_a_write_returns_its_result_once_the_change_can_be_read(database: Database) -> None:
    assert await database.write(add("a")) == "a"
    assert rows(database) == ["a"]


def test_a_write_without_a_loop_returns_its_result(database: Database) -> None:
    assert database.write_sync(add("a")) == "a"
    assert rows(database) == ["a"]


async def test_everything_queued_shares_one_commit_and_runs_in_order(counting: CountingDatabase) -> None:
    seen: list[int] = []

    def note(number: int) -> Callable[[Tx], int]:
        def run(tx: Tx) -> int:
            seen.append(number)
            return number

        return run

    results = await together(counting, *[note(n) for n in range(20)])
    assert results == list(range(20))
    assert seen == list(range(20))
    assert counting.commits == 2  # the one that held the writer, and the batch


async def test_writes_of_one_batch_see_one_time(database: Database, clock: ManualClock) -> None:
    times = await together(database, lambda tx: tx.now, lambda tx: tx.now)
    assert times == [clock.now(), clock.now()]


async def test_a_failing_function_is_undone_alone(database: Database) -> None:
    first, failed, last = await together(database, add("a"), add_then_fail("b"), add("c"))
    assert (first, last) == ("a", "c")
    assert isinstance(failed, KeyError)
    assert rows(database) == ["a", "c"]


async def test_a_statement_the_database_refuses_fails_its_own_caller_only(database: Database) -> None:
    first, refused, last = await together(database, add("a"), add("a"), add("c"))
    assert (first, last) == ("a", "c")
    assert isinstance(refused, StoreFault)
    assert rows(database) == ["a", "c"]


@pytest.mark.parametrize("cut", [PowerCut(), OSError("no disk"), KeyboardInterrupt()], ids=lambda e: type(e).__name__)
async def test_a_failure_before_the_commit_fails_everyone_and_leaves_nothing(
    counting: CountingDatabase, cut: BaseException
) -> None:
    with writer_held(counting):
        futures = [threading_write(counting, add(name)) for name in "abc"]
        while counting._jobs.qsize() < 3:
            await asyncio.sleep(0)
        counting_cut_after_hold(counting, cut)
    assert [type(await asyncio.wrap_future(f)) for f in futures] == [type(cut)] * 3
    assert rows(counting) == []
    assert await counting.write(add("d")) == "d"
    assert rows(counting) == ["d"]


def counting_cut_after_hold(database: CountingDatabase, cut: BaseException) -> None:
    """Let the commit that holds the writer pass, and fail the one after it."""
    original = database._before_commit

    def pass_once() -> None:
        database._before_commit = original  # type: ignore[method-assign] # the hook takes itself back
        original()
        database.cut = cut

    database._before_commit = pass_once  # type: ignore[method-assign] # what chaos tests do


def threading_write(database: Database, run: Callable[[Tx], Any]) -> Any:
    """Write from a thread of its own; the future's result is the value or the exception raised."""
    from concurrent.futures import Future

    future: Future[Any] = Future()

    def work() -> None:
        try:
            future.set_result(database.write_sync(run))
        except BaseException as error:  # noqa: BLE001 - the error is what the test looks at
            future.set_result(error)

    threading.Thread(target=work, daemon=True).start()
    return future


async def test_a_commit_the_database_refuses_fails_everyone_and_leaves_nothing(database: Database) -> None:
    def make_tables(tx: Tx) -> None:
        tx.conn.execute(text("CREATE TABLE parent (id INTEGER PRIMARY KEY)"))
        tx.conn.execute(
            text("CREATE TABLE child (parent INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)")
        )

    def orphan(tx: Tx) -> None:
        tx.conn.execute(text("INSERT INTO child VALUES (1)"))

    await database.write(make_tables)
    results = await together(database, add("a"), orphan, add("c"))
    assert [type(result) for result in results] == [StoreFault] * 3
    assert rows(database) == []
    assert await database.write(add("d")) == "d"


async def test_nobody_is_told_it_is_written_when_sqlite_rolls_the_whole_transaction_back(
    sqlite_database: Database,
) -> None:
    """A full disk makes SQLite end the transaction by itself: the savepoint is gone, and so is all before it."""

    def fill_the_disk(tx: Tx) -> None:
        pages = tx.conn.execute(text("PRAGMA page_count")).scalar_one()
        tx.conn.execute(text(f"PRAGMA max_page_count = {pages}"))
        try:
            health.beat(tx, "big", "test", {"text": "x" * 1_000_000})
        finally:
            tx.conn.execute(text("PRAGMA max_page_count = 1000000"))

    results = await together(sqlite_database, add("a"), fill_the_disk, add("c"))
    told = {name for name, result in zip("abc", results, strict=True) if result == name}
    assert set(rows(sqlite_database)) == told
    assert isinstance(results[1], StoreUnavailable)
    assert await sqlite_database.write(add("d")) == "d"


async def test_a_lost_connection_fails_the_batch_and_the_next_write_connects_again(
    postgresql_url: str, clock: ManualClock
) -> None:
    database = Database(postgresql_url, clock=clock)

    def pull_the_plug(tx: Tx) -> None:
        tx.conn.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    results = await together(database, add("a"), pull_the_plug, add("c"))
    assert [type(result) for result in results] == [StoreUnavailable] * 3
    assert rows(database) == []
    assert await database.write(add("d")) == "d"
    database.close()


async def test_two_services_that_lock_rows_crosswise_both_get_their_writes_done(
    postgresql_url: str, clock: ManualClock
) -> None:
    """PostgreSQL ends a deadlock by failing one statement; that write is done again, not given up."""
    one, two = Database(postgresql_url, clock=clock), Database(postgresql_url, clock=clock)
    one.write_sync(lambda tx: [add(name)(tx) for name in ("x", "y")])
    both_hold_one = threading.Barrier(2)

    def touch(name: str, *, wait: bool = False) -> Callable[[Tx], None]:
        waits = [wait]

        def run(tx: Tx) -> None:
            tx.conn.execute(heartbeat.update().where(heartbeat.c.owner == name).values(role="touched"))
            if waits.pop() if waits else False:
                both_hold_one.wait(10)

        return run

    with writer_held(one), writer_held(two):
        tasks = [
            asyncio.ensure_future(database.write(run))
            for database, first, second in ((one, "x", "y"), (two, "y", "x"))
            for run in (touch(first, wait=True), touch(second))
        ]
        await asyncio.sleep(0)
    assert await asyncio.gather(*tasks, return_exceptions=True) == [None] * 4
    one.close()
    two.close()


# -- who is told, and when ---------------------------------------------------------------------------------------------


async def test_the_bells_ring_inside_and_after_the_commit_for_what_was_kept(database: Database) -> None:
    inside: list[OrderKey] = []
    after: list[OrderKey] = []
    database.doorbell = lambda tx, keys: inside.extend(keys)
    database.after_commit.append(after.extend)

    def ring_then_fail(tx: Tx) -> None:
        tx.ring(1, 2)
        raise KeyError

    await together(database, ring((1, 1)), ring_then_fail, ring((1, 3), (1, 4)))
    assert inside == after == [(1, 1), (1, 3), (1, 4)]


async def test_nobody_is_rung_where_nothing_is_due(database: Database) -> None:
    rung: list[Sequence[OrderKey]] = []
    database.doorbell = lambda tx, keys: rung.append(keys)
    database.after_commit.append(rung.append)
    await database.write(add("a"))
    assert rung == []


async def test_after_commit_is_not_called_where_the_commit_failed(counting: CountingDatabase) -> None:
    rung: list[Sequence[OrderKey]] = []
    counting.after_commit.append(rung.append)
    counting.cut = PowerCut()
    with pytest.raises(PowerCut):
        await counting.write(ring((1, 1)))
    assert rung == []


async def test_a_doorbell_that_fails_fails_the_commit(database: Database) -> None:
    def broken(tx: Tx, keys: Sequence[OrderKey]) -> None:
        raise LookupError("the engine's table is gone")

    def add_and_ring(tx: Tx) -> None:
        add("a")(tx)
        tx.ring(1, 1)

    database.doorbell = broken
    with pytest.raises(LookupError):
        await database.write(add_and_ring)
    assert rows(database) == []


async def test_a_broken_bell_after_the_commit_neither_stops_the_writer_nor_hides_the_result(
    database: Database,
) -> None:
    def broken(_keys: Sequence[OrderKey]) -> None:
        raise RuntimeError("Event loop is closed")

    after: list[OrderKey] = []
    database.after_commit += [broken, after.extend]
    await asyncio.wait_for(database.write(ring((1, 1))), 10)
    assert after == [(1, 1)]
    assert await asyncio.wait_for(database.write(add("a")), 10) == "a"


async def test_a_caller_that_gave_up_does_not_disturb_the_others(database: Database) -> None:
    with writer_held(database):
        given_up = asyncio.ensure_future(database.write(add("a")))
        patient = asyncio.ensure_future(database.write(add("b")))
        await asyncio.sleep(0)
        given_up.cancel()
    assert await patient == "b"
    assert rows(database) == ["a", "b"]


def test_a_loop_that_was_closed_meanwhile_does_not_stop_the_writer(database: Database) -> None:
    loop = asyncio.new_event_loop()

    async def queue_only() -> "asyncio.Future[None]":
        return database.write_batched(lambda tx, items: None, "item")

    with writer_held(database):
        loop.run_until_complete(queue_only())
        loop.close()
    assert database.write_sync(add("a")) == "a"


# -- batches -----------------------------------------------------------------------------------------------------------


async def test_a_handler_gets_every_item_queued_for_it_at_once(database: Database) -> None:
    calls: list[list[str]] = []

    def handler(tx: Tx, items: Sequence[Any]) -> None:
        calls.append(list(items))

    with writer_held(database):
        futures = [database.write_batched(handler, item) for item in "abc"]
    await asyncio.gather(*futures)
    assert calls == [["a", "b", "c"]]


async def test_a_handler_that_fails_fails_its_items_and_nothing_else(database: Database) -> None:
    def handler(tx: Tx, items: Sequence[Any]) -> None:
        add("lost")(tx)
        raise KeyError

    with writer_held(database):
        futures = [database.write_batched(handler, item) for item in "ab"]
        function = asyncio.ensure_future(database.write(add("kept")))
        await asyncio.sleep(0)
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert [type(result) for result in results] == [KeyError, KeyError]
    assert await function == "kept"
    assert rows(database) == ["kept"]


# -- limits and the end ------------------------------------------------------------------------------------------------


async def test_a_full_queue_refuses_at_once_and_takes_work_again_when_it_is_empty(
    database_url: str, clock: ManualClock
) -> None:
    database = Database(database_url, clock=clock, queue_limit=3)
    with writer_held(database):
        accepted = [database.write_batched(lambda tx, items: None, n) for n in range(3)]
        with pytest.raises(StoreBusy):
            database.write_batched(lambda tx, items: None, 4)
        with pytest.raises(StoreBusy):
            await database.write(add("a"))
    await asyncio.gather(*accepted)
    assert await database.write(add("b")) == "b"
    assert rows(database) == ["b"]
    database.close()


async def test_close_finishes_what_is_queued(database_url: str, clock: ManualClock) -> None:
    database = Database(database_url, clock=clock)
    with writer_held(database):
        writes = [asyncio.ensure_future(database.write(add(name))) for name in "abc"]
        await asyncio.sleep(0)
        closing = threading.Thread(target=database.close)
        closing.start()
    closing.join(30)
    assert await asyncio.gather(*writes) == ["a", "b", "c"]
    again = Database(database_url, clock=clock)
    assert rows(again) == ["a", "b", "c"]
    again.close()


async def test_a_closed_store_says_so(database_url: str, clock: ManualClock) -> None:
    database = Database(database_url, clock=clock)
    database.close()
    database.close()
    with pytest.raises(StoreClosed):
        await database.write(add("a"))
    with pytest.raises(StoreClosed):
        database.write_sync(add("a"))
    with pytest.raises(StoreClosed):
        await database.read(lambda conn: None)
    with pytest.raises(StoreClosed):
        database.read_sync(lambda conn: None)
