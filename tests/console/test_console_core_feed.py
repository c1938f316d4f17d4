"""The change feed: each change is told once, in whatever order it is committed; too many become one resync."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine, text

from bcifs_console.base.clock import ManualClock
from bcifs_console.store import journal
from bcifs_console.store.database import Database, Tx
from bcifs_console.store.feed import LIMIT, ChangeSet, Feed

DatabaseOn = Callable[[str], Database]


@pytest.fixture
def database_on(clock: ManualClock) -> Iterator[DatabaseOn]:
    """Open as many databases on a URL as a test wants."""
    opened: list[Database] = []

    def open_one(url: str) -> Database:
        opened.append(Database(url, clock=clock))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


def _touch(database: Database, kind: str, *subjects: str) -> None:
    def write(tx: Tx) -> None:
        journal.touch(tx, kind, [(1, subject) for subject in subjects])

    database.write_sync(write)


def _touch_often(database: Database, writer: int) -> None:
    for number in range(40):
        _touch(database, "order", f"{writer}:{number}")


def _begun(database: Database) -> Feed:
    feed = Feed()
    assert database.read_sync(feed.poll) is None
    return feed


def test_what_changed_is_told_once_by_kind(database: Database) -> None:
    _touch(database, "order", "order:1")
    feed = _begun(database)
    assert database.read_sync(feed.poll) is None, "what was there before is no change"
    _touch(database, "order", "order:2", "order:3")
    _touch(database, "hook", "store/order/created")
    found = database.read_sync(feed.poll)
    assert found is not None
    assert found.subjects == {
        "order": frozenset({(1, "order:2"), (1, "order:3")}),
        "hook": frozenset({(1, "store/order/created")}),
    }
    assert not found.resync
    assert [database.read_sync(feed.poll) for _ in range(3)] == [None, None, None]


def test_more_than_can_be_told_becomes_a_resync_and_goes_on_behind_it(database: Database) -> None:
    feed = _begun(database)
    _touch(database, "order", *(f"order:{number}" for number in range(LIMIT + 1)))
    found = database.read_sync(feed.poll)
    assert found is not None
    assert found.resync
    assert found.subjects == {}
    _touch(database, "order", "order:7")
    after = database.read_sync(feed.poll)
    assert after is not None
    assert after.subjects == {"order": frozenset({(1, "order:7")})}


def test_a_change_committed_late_below_a_newer_one_is_told(postgresql_url: str, database_on: DatabaseOn) -> None:
    database = database_on(postgresql_url)
    feed = _begun(database)
    insert = text("INSERT INTO change (at, connection_id, kind, subject) VALUES (now(), 1, 'order', :subject)")
    engine = create_engine(postgresql_url)
    told: list[str] = []

    def poll() -> None:
        found = database.read_sync(feed.poll)
        told.extend(subject for _, subject in (found.subjects["order"] if found else ()))

    with engine.connect() as slow, engine.connect() as quick:
        slow.execute(insert, {"subject": "slow"})  # has its number, is not committed
        quick.execute(insert, {"subject": "quick"})
        quick.commit()
        poll()
        poll()
        assert told == ["quick"]
        slow.commit()
        poll()
        assert told == ["quick", "slow"]
        for number in range(3):
            quick.execute(insert, {"subject": f"later{number}"})
            quick.commit()
            poll()
        poll()
    engine.dispose()
    assert told == ["quick", "slow", "later0", "later1", "later2"]
    assert len(feed._told) <= 2, "what is settled is forgotten"


def test_changes_of_many_writers_are_all_told(postgresql_url: str, database_on: DatabaseOn) -> None:
    reader = database_on(postgresql_url)
    writers = [database_on(postgresql_url) for _ in range(3)]
    feed = _begun(reader)
    told: list[str] = []
    with ThreadPoolExecutor(3) as pool:
        work = [pool.submit(_touch_often, writer, number) for number, writer in enumerate(writers)]
        while not all(each.done() for each in work):
            told += _subjects(reader.read_sync(feed.poll))
    for _ in range(3):
        told += _subjects(reader.read_sync(feed.poll))
    assert sorted(told) == sorted(f"{n}:{i}" for n in range(3) for i in range(40))


def _subjects(found: ChangeSet | None) -> list[str]:
    return [] if found is None else [subject for _, subject in found.subjects["order"]]


def test_a_screen_is_concerned_by_its_kinds_by_a_resync_and_by_all_where_it_names_none() -> None:
    changes = ChangeSet(1, {"order": frozenset({(1, "order:1")})})
    assert changes.touches(frozenset({"order", "hook"}))
    assert changes.touches(frozenset())
    assert not changes.touches(frozenset({"hook"}))
    assert ChangeSet(1, resync=True).touches(frozenset({"hook"}))
