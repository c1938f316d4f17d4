"""Readers beside the writer, and SQLite's settings."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select, text

from bcifs_console.base.clock import ManualClock
from bcifs_console.store.database import Database, Tx
from bcifs_console.store.errors import StoreClosed, StoreProblem, StoreUnavailable
from bcifs_console.store.tables import heartbeat


def add(name: str) -> Callable[[Tx], str]:
    """A write that inserts one row named `name`, and fails where there is one already."""

    def run(tx: Tx) -> str:
        tx.conn.execute(heartbeat.insert().values(owner=name, role="test", started_at=tx.now, beat_at=tx.now))
        return name

    return run


def rows(database: Database) -> list[str]:
    return database.read_sync(lambda conn: sorted(row[0] for row in conn.execute(select(heartbeat.c.owner))))


# -- reading -----------------------------------------------------------------------------------------------------------


async def test_a_reader_does_not_wait_for_the_writer_and_does_not_see_half_of_it(database: Database) -> None:
    written, leave = threading.Event(), threading.Event()

    def slow(tx: Tx) -> None:
        add("a")(tx)
        written.set()
        assert leave.wait(30)

    task = asyncio.ensure_future(database.write(slow))
    await asyncio.to_thread(written.wait, 30)
    before = await database.read(lambda conn: conn.execute(select(heartbeat.c.owner)).all())
    leave.set()
    await task
    assert before == []
    assert rows(database) == ["a"]


async def test_a_read_that_the_database_refuses_is_a_typed_problem(database: Database) -> None:
    with pytest.raises(StoreProblem):
        await database.read(lambda conn: conn.execute(text("SELECT * FROM nowhere")).all())


async def test_what_a_read_function_raises_reaches_its_caller(database: Database) -> None:
    def fail(_conn: Any) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await database.read(fail)


async def test_reads_run_side_by_side(database: Database) -> None:
    meet = threading.Barrier(2)
    places = await asyncio.gather(
        database.read(lambda conn: meet.wait(10)),
        database.read(lambda conn: meet.wait(10)),
    )
    assert sorted(places) == [0, 1], "each was in its read while the other was"


def test_data_version_changes_when_anyone_commits(sqlite_url: str, clock: ManualClock) -> None:
    watching, other = Database(sqlite_url, clock=clock), Database(sqlite_url, clock=clock)
    first = watching.data_version()
    assert watching.data_version() == first
    other.write_sync(add("a"))
    second = watching.data_version()
    watching.write_sync(add("b"))
    assert len({first, second, watching.data_version()}) == 3
    watching.close()
    other.close()


def test_trouble_with_the_data_version_is_a_problem_of_the_store(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def execute(self, _statement: str) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        def close(self) -> None:
            pass

    monkeypatch.setattr(sqlite_database, "_version_probe", Broken())
    with pytest.raises(StoreUnavailable, match=r"OperationalError: disk I/O error\."):
        sqlite_database.data_version()
    sqlite_database.close()
    with pytest.raises(StoreClosed):
        sqlite_database.data_version()


def test_postgresql_has_no_data_version(postgresql_url: str, clock: ManualClock) -> None:
    database = Database(postgresql_url, clock=clock)
    assert database.data_version() is None
    database.close()


# -- SQLite's settings (DESIGN §4) -------------------------------------------------------------------------------------

PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


@pytest.mark.parametrize(("name", "value"), PRAGMAS.items())
def test_sqlite_is_durable_checked_and_patient(sqlite_database: Database, name: str, value: object) -> None:
    assert sqlite_database.read_sync(lambda conn: conn.execute(text(f"PRAGMA {name}")).scalar()) == value
    assert sqlite_database.write_sync(lambda tx: tx.conn.execute(text(f"PRAGMA {name}")).scalar()) == value


def test_a_write_waits_for_another_process_instead_of_failing(sqlite_database: Database, sqlite_url: str) -> None:
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    threads = ThreadPoolExecutor(1)
    waiting = threads.submit(sqlite_database.write_sync, add("a"))
    with pytest.raises(TimeoutError):
        waiting.result(timeout=0.05)
    other.execute("COMMIT")
    assert waiting.result(timeout=10) == "a"
    threads.shutdown()
    other.close()
