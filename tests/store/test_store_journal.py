"""The journal's hash chain, the counters and the change feed."""

import json
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, func, insert, select, text, update

from bcifs_console.base.clock import ManualClock
from bcifs_console.domain.states import OrderState
from bcifs_console.store import journal
from bcifs_console.store.database import Database, Tx
from bcifs_console.store.tables import change, counter, journal_seal
from bcifs_console.store.tables import journal as journal_table

if TYPE_CHECKING:
    from tests.store.conftest import Bench

Tamper = Callable[[Tx], Any]


def write(database: Database, *events: str) -> None:
    for event in events:
        database.write_sync(
            partial(journal.write, event=event, actor="me", subject="order:1", connection_id=1, note="Zoë")
        )


def seal(database: Database) -> int:
    return database.write_sync(journal.seal)


def verify(database: Database) -> int | None:
    return database.read_sync(journal.verify)


@pytest.fixture
def sealed(database: Database, clock: ManualClock) -> Database:
    """Three seals over rows 1–2, 3–4 and 5–6."""
    for number in range(3):
        write(database, f"event-{2 * number + 1}", f"event-{2 * number + 2}")
        clock.advance(1.5)
        assert seal(database) == 2
    return database


# -- the chain ---------------------------------------------------------------------------------------------------------


def test_an_untouched_chain_holds(sealed: Database) -> None:
    assert verify(sealed) is None
    assert seal(sealed) == 0
    write(sealed, "event-7")
    assert verify(sealed) is None
    assert seal(sealed) == 1
    assert verify(sealed) is None


def test_an_empty_journal_holds(database: Database) -> None:
    assert seal(database) == 0
    assert verify(database) is None


def test_rows_keep_what_they_were_written_with(database: Database, clock: ManualClock) -> None:
    database.write_sync(lambda tx: journal.write(tx, "a.b", actor="me", after={"x": [1, "ü"]}, at_=clock.now()))
    (row,) = database.read_sync(lambda conn: conn.execute(select(journal_table)).all())
    assert (row.event, row.actor, row.subject, row.connection_id, row.at) == ("a.b", "me", "", None, clock.now())
    assert json.loads(row.detail)["after"] == {"x": [1, "ü"]}


@pytest.mark.parametrize(
    "values",
    [
        {"event": "other"},
        {"actor": "other"},
        {"subject": "order:2"},
        {"connection_id": None},
        {"detail": "{}"},
        {"seal_id": 1},
        {"seal_id": None},
    ],
    ids=lambda v: next(iter(v)) + "=" + str(next(iter(v.values()))),
)
def test_a_changed_row_is_found(sealed: Database, values: dict[str, Any]) -> None:
    sealed.write_sync(lambda tx: tx.conn.execute(update(journal_table).where(journal_table.c.id == 3).values(values)))
    assert verify(sealed) == (1 if values.get("seal_id") == 1 else 2)


def test_a_changed_time_is_found(sealed: Database, clock: ManualClock) -> None:
    sealed.write_sync(
        lambda tx: tx.conn.execute(update(journal_table).where(journal_table.c.id == 3).values(at=clock.now()))
    )
    assert verify(sealed) == 2


def _take_row_away(tx: Tx) -> None:
    tx.conn.execute(delete(journal_table).where(journal_table.c.id == 4))


def _take_row_away_and_say_so(tx: Tx) -> None:
    _take_row_away(tx)
    tx.conn.execute(update(journal_seal).where(journal_seal.c.id == 2).values(rows=1, last_id=3))


def _slip_row_in(tx: Tx) -> None:
    tx.conn.execute(
        insert(journal_table).values(id=99, at=tx.now, actor="x", subject="", event="x", detail="{}", seal_id=2)
    )


def _slip_row_in_and_say_so(tx: Tx) -> None:
    _slip_row_in(tx)
    tx.conn.execute(update(journal_seal).where(journal_seal.c.id == 2).values(rows=3))


def _change_digest(tx: Tx) -> None:
    tx.conn.execute(update(journal_seal).where(journal_seal.c.id == 2).values(digest="0" * 64))


@pytest.mark.parametrize(
    "tamper",
    [_take_row_away, _take_row_away_and_say_so, _slip_row_in, _slip_row_in_and_say_so, _change_digest],
    ids=lambda f: f.__name__.strip("_"),
)
def test_tampering_with_a_sealed_batch_is_found(sealed: Database, tamper: Tamper) -> None:
    sealed.write_sync(tamper)
    assert verify(sealed) == 2


def test_a_batch_taken_out_of_the_middle_is_found_at_the_next_one(sealed: Database) -> None:
    def take_out(tx: Tx) -> None:
        tx.conn.execute(delete(journal_table).where(journal_table.c.seal_id == 2))
        tx.conn.execute(delete(journal_seal).where(journal_seal.c.id == 2))

    sealed.write_sync(take_out)
    assert verify(sealed) == 3


def test_a_batch_sealed_anew_breaks_the_seals_after_it(sealed: Database) -> None:
    """Whoever changes a row must forge every later seal as well."""

    def seal_anew(tx: Tx) -> None:
        tx.conn.execute(update(journal_table).where(journal_table.c.id == 3).values(event="other"))
        rows = tx.conn.execute(
            select(journal_table).where(journal_table.c.seal_id == 2).order_by(journal_table.c.id)
        ).all()
        first = tx.conn.execute(select(journal_seal.c.digest).where(journal_seal.c.id == 1)).scalar_one()
        forged = journal._digest(first, rows)
        tx.conn.execute(update(journal_seal).where(journal_seal.c.id == 2).values(digest=forged))

    sealed.write_sync(seal_anew)
    assert verify(sealed) == 3


@pytest.mark.parametrize(("taken", "found"), [(3, 3), (1, 2)])
def test_seals_taken_away_from_rows_that_stay_are_found(sealed: Database, taken: int, found: int) -> None:
    sealed.write_sync(lambda tx: tx.conn.execute(delete(journal_seal).where(journal_seal.c.id == taken)))
    assert verify(sealed) == found


def test_a_journal_whose_seals_were_all_taken_away_is_found(sealed: Database) -> None:
    sealed.write_sync(lambda tx: tx.conn.execute(delete(journal_seal)))
    assert verify(sealed) == 1


def test_two_services_that_seal_at_once_make_one_chain(
    database: Database, database_url: str, clock: ManualClock
) -> None:
    other = Database(database_url, clock=clock)
    together = threading.Barrier(2)

    def work(mine: Database) -> None:
        together.wait(10)
        for _ in range(25):
            write(mine, "event")
            seal(mine)

    threads = [threading.Thread(target=work, args=(each,)) for each in (database, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    seal(database)
    other.close()
    assert verify(database) is None
    unsealed = select(func.count()).select_from(journal_table).where(journal_table.c.seal_id.is_(None))
    assert database.read_sync(lambda conn: conn.execute(unsealed).scalar()) == 0


# -- counters ----------------------------------------------------------------------------------------------------------


def count(database: Database, label: str, connection_id: int | None, delta: int) -> None:
    database.write_sync(lambda tx: journal.count(tx, "c", label, connection_id=connection_id, delta=delta))


def counts(database: Database) -> dict[tuple[int | None, str], int]:
    return database.read_sync(lambda conn: journal.counts(conn, "c"))


def test_counters_add_up_before_and_after_folding(database: Database) -> None:
    for label, connection_id, delta in (("a", 1, 5), ("a", 1, -2), ("a", None, 7), ("a", None, 1), ("b", 1, 1)):
        count(database, label, connection_id, delta)
    database.write_sync(lambda tx: journal.count(tx, "another", "a", connection_id=1))
    totals = {(1, "a"): 3, (None, "a"): 8, (1, "b"): 1}
    assert counts(database) == totals
    seal(database)
    assert counts(database) == totals
    rows = database.read_sync(lambda conn: conn.execute(select(func.count()).select_from(counter)).scalar())
    assert rows == 4
    count(database, "a", 1, 10)
    seal(database)
    assert counts(database) == totals | {(1, "a"): 13}


def test_nothing_is_counted_twice_or_lost_while_two_services_fold(
    database: Database, database_url: str, clock: ManualClock
) -> None:
    other = Database(database_url, clock=clock)
    together = threading.Barrier(2)

    def work(mine: Database) -> None:
        together.wait(10)
        for _ in range(40):
            count(mine, "a", 1, 1)
            seal(mine)

    threads = [threading.Thread(target=work, args=(each,)) for each in (database, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    other.close()
    assert counts(database) == {(1, "a"): 80}


def test_a_delta_committed_while_the_counters_are_folded_is_kept(postgresql_url: str, clock: ManualClock) -> None:
    """Its row has a lower number than those that are folded, and appears only after they were added up."""
    folding, slow = Database(postgresql_url, clock=clock), Database(postgresql_url, clock=clock)
    written, go = threading.Event(), threading.Event()

    def slow_count(tx: Tx) -> None:
        journal.count(tx, "c", "a", connection_id=1, delta=100)
        written.set()
        assert go.wait(10)

    writing = threading.Thread(target=lambda: slow.write_sync(slow_count))
    writing.start()
    assert written.wait(10)
    count(folding, "a", 1, 1)
    count(folding, "a", 1, 1)

    def fold_while_it_commits(tx: Tx) -> None:
        original = tx.conn.execute

        def execute(statement: Any, *rest: Any) -> Any:
            if statement.is_delete:
                go.set()
                writing.join(10)
            return original(statement, *rest)

        with pytest.MonkeyPatch.context() as patched:  # the moment between two statements
            patched.setattr(tx.conn, "execute", execute)
            journal._fold_counters(tx)

    folding.write_sync(fold_while_it_commits)
    assert counts(folding) == {(1, "a"): 102}
    folding.close()
    slow.close()


# -- the change feed ---------------------------------------------------------------------------------------------------


def test_touching_tells_of_each_subject(bench: "Bench") -> None:
    def changes() -> list[tuple[int | None, str, str]]:
        rows = bench.database.read_sync(lambda conn: conn.execute(select(change).order_by(change.c.id)).all())
        return [(row.connection_id, row.kind, row.subject) for row in rows]

    before = len(changes())
    bench.database.write_sync(lambda tx: journal.touch(tx, "order", [(1, "order:1"), (None, "order:2")]))
    bench.database.write_sync(lambda tx: journal.touch(tx, "order", []))
    assert changes()[before:] == [(1, "order", "order:1"), (None, "order", "order:2")]


def test_marking_and_finishing_tell_the_console(bench: "Bench") -> None:
    bench.put(5001, OrderState.SYNCED)
    subjects = bench.database.read_sync(
        lambda conn: conn.execute(select(change.c.subject).where(change.c.kind == "order")).scalars().all()
    )
    assert set(subjects) == {"order:5001"}
    assert len(subjects) == 2


def test_old_changes_are_dropped_and_the_newest_kept(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_CHANGES_KEPT", 10)
    sqlite_database.write_sync(lambda tx: journal.touch(tx, "order", [(1, f"order:{n}") for n in range(25)]))
    seal(sqlite_database)
    kept = sqlite_database.read_sync(
        lambda conn: conn.execute(select(change.c.subject).order_by(change.c.id)).scalars().all()
    )
    assert kept == [f"order:{n}" for n in range(15, 25)]


def test_the_journal_survives_a_detail_that_is_no_json_by_itself(database: Database, clock: ManualClock) -> None:
    database.write_sync(lambda tx: journal.write(tx, "e", actor="me", at_=clock.now(), who={1}))
    assert database.read_sync(lambda conn: conn.execute(text("SELECT count(*) FROM journal")).scalar()) == 1
