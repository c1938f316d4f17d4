"""The ledger by day and order, and batches: whatever happens, a voucher stands in at most one of them."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bcifs_console.domain.documents import DocumentKind, DocumentState, LedgerDocument, PartState
from bcifs_console.store import books, ledger
from bcifs_console.store.books import BatchState, VoucherBatch
from bcifs_console.store.ledger import DocumentChange, NewDocument, PartChange

if TYPE_CHECKING:
    from tests.conftest import AddConnection
    from tests.store.conftest import Bench

FIRST = date(2026, 12, 1)


def intend(bench: "Bench", key: str, **changes: Any) -> int:
    new = NewDocument(
        connection_id=bench.connection_id,
        subject=f"order:{key.split('/')[0].removeprefix('BC-')}",
        key=key,
        kind=DocumentKind.VOUCHER if "/" in key else DocumentKind.CUSTOMER_ORDER,
        fact_hash="",
        amount=Decimal("69.84"),
        currency="USD",
        draft="{}",
        day=FIRST if "/" in key else None,
    )
    wanted = replace(new, **changes)
    return bench.database.write_sync(lambda tx: ledger.intend(tx, wanted)).id


def confirm(bench: "Bench", document_id: int, **how: Any) -> None:
    change = DocumentChange(state=DocumentState.CONFIRMED, **how)
    bench.database.write_sync(lambda tx: ledger.record(tx, None, document_id, [], change))


def listed(bench: "Bench", connections: Sequence[int] | None = None, **which: Any) -> list[str]:
    ids = connections or [bench.connection_id]
    return [d.key for d in bench.database.read_sync(lambda conn: books.documents(conn, ids, **which))]


# -- reading -----------------------------------------------------------------------------------------------------------


def test_documents_are_listed_last_written_first_and_by_what_is_asked(bench: "Bench") -> None:
    intend(bench, "BC-5001")
    confirm(bench, intend(bench, "BC-5001/PAY/1"))
    intend(bench, "BC-5002/PAY/2", day=FIRST + timedelta(days=1))
    intend(bench, "BC-5002/SHIP/3", day=FIRST + timedelta(days=2))
    assert listed(bench) == ["BC-5002/SHIP/3", "BC-5002/PAY/2", "BC-5001/PAY/1", "BC-5001"]
    assert listed(bench, limit=2) == ["BC-5002/SHIP/3", "BC-5002/PAY/2"]
    assert listed(bench, order_id=5001) == ["BC-5001/PAY/1", "BC-5001"]
    assert listed(bench, order_id=5001, kinds=[DocumentKind.CUSTOMER_ORDER]) == ["BC-5001"]
    assert listed(bench, kinds=[DocumentKind.CUSTOMER_ORDER]) == ["BC-5001"]
    assert listed(bench, state=DocumentState.CONFIRMED) == ["BC-5001/PAY/1"]
    assert listed(bench, first=FIRST, last=FIRST) == ["BC-5001/PAY/1"]
    assert listed(bench, first=FIRST + timedelta(days=1)) == ["BC-5002/SHIP/3", "BC-5002/PAY/2"]
    assert listed(bench, last=FIRST - timedelta(days=1)) == []


def test_a_document_comes_whole_but_for_its_calls(bench: "Bench") -> None:
    document_id = intend(bench, "BC-5001/PAY/1")
    part = PartChange("header", 1, PartState.CONFIRMED, reference="W-1")
    bench.database.write_sync(lambda tx: ledger.record(tx, None, document_id, [part]))
    confirm(bench, document_id, reference="W-2026-1", etag='W/"1"')
    (found,) = bench.database.read_sync(lambda conn: books.documents(conn, [bench.connection_id]))
    assert found == LedgerDocument(
        id=document_id,
        connection_id=bench.connection_id,
        subject="order:5001",
        key="BC-5001/PAY/1",
        kind=DocumentKind.VOUCHER,
        state=DocumentState.CONFIRMED,
        fact_hash="",
        amount=Decimal("69.84"),
        currency="USD",
        reference="W-2026-1",
        etag='W/"1"',
        draft="{}",
        created_at=bench.clock.now(),
        confirmed_at=bench.clock.now(),
        day=FIRST,
    )


def test_connections_keep_their_books_apart(bench: "Bench", add_connection: "AddConnection") -> None:
    other = add_connection(bench.database, "acme-eu")
    intend(bench, "BC-5001/PAY/1")
    intend(bench, "BC-5001/PAY/2", connection_id=other)
    assert listed(bench) == ["BC-5001/PAY/1"]
    assert listed(bench, [other]) == ["BC-5001/PAY/2"]
    assert listed(bench, [bench.connection_id, other]) == ["BC-5001/PAY/2", "BC-5001/PAY/1"]
    found = bench.database.read_sync(lambda conn: books.of_orders(conn, other, [5001]))
    assert [d.key for d in found[5001]] == ["BC-5001/PAY/2"]


def test_vouchers_come_by_day_and_only_those_in_the_books(bench: "Bench") -> None:
    later = intend(bench, "BC-5001/SHIP/9", day=FIRST + timedelta(days=3))
    first, second = intend(bench, "BC-5002/PAY/2"), intend(bench, "BC-5003/PAY/3")
    intend(bench, "BC-5004/PAY/4")
    for document_id in (later, second, first):
        confirm(bench, document_id)

    def keys(**which: Any) -> list[str]:
        return bench.database.read_sync(
            lambda conn: [d.key for d in books.vouchers_by_day(conn, bench.connection_id, **which)]
        )

    assert keys() == ["BC-5002/PAY/2", "BC-5003/PAY/3", "BC-5001/SHIP/9"]
    assert keys(first=FIRST + timedelta(days=1)) == ["BC-5001/SHIP/9"]
    assert keys(last=FIRST) == ["BC-5002/PAY/2", "BC-5003/PAY/3"]


def test_the_documents_of_many_orders_come_in_one_answer(bench: "Bench") -> None:
    intend(bench, "BC-5001")
    intend(bench, "BC-5001/PAY/1")
    intend(bench, "buyer", subject="buyer:customer:17", kind=DocumentKind.CUSTOMER, day=None)
    found = bench.database.read_sync(lambda conn: books.of_orders(conn, bench.connection_id, range(1, 20_001)))
    assert {number: [d.key for d in documents] for number, documents in found.items() if documents} == {
        5001: ["BC-5001", "BC-5001/PAY/1"]
    }
    assert len(found) == 20_000


# -- batches -----------------------------------------------------------------------------------------------------------


def assign(bench: "Bench", limit: int = 100) -> VoucherBatch | None:
    return bench.database.write_sync(lambda tx: books.assign_batch(tx, bench.connection_id, limit=limit))


def of_batch(bench: "Bench", number: int) -> list[str]:
    return bench.database.read_sync(lambda conn: [d.key for d in books.of_batch(conn, bench.connection_id, number)])


def test_what_is_due_goes_into_the_next_batch_oldest_first(bench: "Bench") -> None:
    intend(bench, "BC-5001")
    confirm(bench, intend(bench, "BC-5001/PAY/1"))
    for number in (2, 3, 4):
        intend(bench, f"BC-5001/PAY/{number}")
    first = assign(bench, limit=2)
    assert first == VoucherBatch(bench.connection_id, 1, BatchState.ASSIGNED, "", "", bench.clock.now())
    assert of_batch(bench, 1) == ["BC-5001/PAY/2", "BC-5001/PAY/3"]
    second = assign(bench)
    assert second is not None
    assert second.number == 2
    assert of_batch(bench, 2) == ["BC-5001/PAY/4"]
    assert assign(bench) is None
    assert bench.database.read_sync(lambda c: [b.number for b in books.batches(c, bench.connection_id)]) == [1, 2]


def test_a_batch_is_written_then_loaded_and_never_goes_back(bench: "Bench") -> None:
    intend(bench, "BC-5001/PAY/1")
    assign(bench)

    def state() -> VoucherBatch:
        (found,) = bench.database.read_sync(lambda conn: books.batches(conn, bench.connection_id))
        return found

    def loaded(number: int = 1) -> bool:
        return bench.database.write_sync(lambda tx: books.batch_loaded(tx, bench.connection_id, number))

    def written(name: str) -> None:
        bench.database.write_sync(
            lambda tx: books.batch_written(tx, bench.connection_id, 1, file_name=name, sha256="ab")
        )

    assert not loaded(), "its file is not there yet"
    written("000001.txt")
    assert (state().state, state().file_name, state().sha256) == (BatchState.WRITTEN, "000001.txt", "ab")
    assert loaded()
    assert loaded(), "saying it twice is no mistake"
    assert not loaded(2)
    written("again.txt")
    assert (state().state, state().file_name) == (BatchState.LOADED, "000001.txt")
    found = bench.database.read_sync(lambda conn: books.batches(conn, bench.connection_id, BatchState.WRITTEN))
    assert found == []


def test_each_connection_numbers_its_own_batches(bench: "Bench", add_connection: "AddConnection") -> None:
    other = add_connection(bench.database, "acme-eu")
    intend(bench, "BC-5001/PAY/1")
    intend(bench, "BC-5001/PAY/1", connection_id=other)
    assign(bench)
    theirs = bench.database.write_sync(lambda tx: books.assign_batch(tx, other, limit=9))
    assert theirs is not None
    assert (theirs.connection_id, theirs.number) == (other, 1)
    assert of_batch(bench, 1) == ["BC-5001/PAY/1"]


def test_a_voucher_in_a_batch_is_not_withdrawn(bench: "Bench") -> None:
    document_id = intend(bench, "BC-5001/PAY/1")
    bench.mark(5001)
    held = bench.claim_one(5001)
    assign(bench)
    assert not bench.database.write_sync(lambda tx: ledger.withdraw(tx, held, document_id))
    assert of_batch(bench, 1) == ["BC-5001/PAY/1"]


def test_an_assignment_that_breaks_off_leaves_no_batch(bench: "Bench", monkeypatch: pytest.MonkeyPatch) -> None:
    intend(bench, "BC-5001/PAY/1")
    due = books.due_for_batch

    def and_one_that_is_gone(conn: Any, connection_id: int, *, limit: int) -> list[LedgerDocument]:
        found = due(conn, connection_id, limit=limit)
        return [*found, replace(found[0], id=999)]

    with monkeypatch.context() as patched:
        patched.setattr(books, "due_for_batch", and_one_that_is_gone)
        with pytest.raises(books.BatchTorn) as caught:
            assign(bench)
    assert caught.value.remedy
    assert bench.database.read_sync(lambda conn: books.batches(conn, bench.connection_id)) == []
    batch = assign(bench)
    assert batch is not None
    assert batch.number == 1


def test_two_processes_never_give_one_voucher_to_two_batches(bench: "Bench") -> None:
    for number in range(40):
        intend(bench, f"BC-5001/PAY/{number}")
    other = type(bench.database)(bench.database.url, clock=bench.clock)
    problems: list[BaseException] = []
    together = threading.Barrier(2)

    def draw_up(database: Any) -> None:
        try:
            together.wait(10)
            while database.write_sync(lambda tx: books.assign_batch(tx, bench.connection_id, limit=3)):
                pass
        except BaseException as problem:  # noqa: BLE001 - told in the main thread
            problems.append(problem)

    threads = [threading.Thread(target=draw_up, args=[database]) for database in (bench.database, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    other.close()
    assert problems == []
    numbers = bench.database.read_sync(lambda conn: [b.number for b in books.batches(conn, bench.connection_id)])
    assert numbers == list(range(1, len(numbers) + 1))
    keys = [key for number in numbers for key in of_batch(bench, number)]
    assert len(keys) == len(set(keys)) == 40


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=st.lists(st.one_of(st.just("voucher"), st.integers(1, 4)), max_size=20))
def test_every_voucher_ends_in_exactly_one_batch(sqlite_bench: "Bench", steps: list[str | int]) -> None:
    """Vouchers arrive and batches are cut in any order; at the end everything is in one batch, in ledger order."""
    made: list[str] = []
    start = len(sqlite_bench.database.read_sync(lambda c: books.batches(c, sqlite_bench.connection_id)))
    for step in steps:
        if isinstance(step, int):
            assign(sqlite_bench, limit=step)
        else:
            made.append(f"BC-{len(made)}/PAY/{start}-{len(made)}")
            intend(sqlite_bench, made[-1], subject="order:1")
    while assign(sqlite_bench, limit=3):
        pass
    newest = len(sqlite_bench.database.read_sync(lambda c: books.batches(c, sqlite_bench.connection_id)))
    assert [key for number in range(start + 1, newest + 1) for key in of_batch(sqlite_bench, number)] == made
