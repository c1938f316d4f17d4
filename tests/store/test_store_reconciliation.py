"""What reconciling found is kept by day, replaced whole, and known to be out of date once the day changed."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bcifs_console.domain.documents import DocumentKind, DocumentState
from bcifs_console.store import ledger, reconciliation
from bcifs_console.store.ledger import DocumentChange, NewDocument
from bcifs_console.store.reconciliation import ReconciledDay

if TYPE_CHECKING:
    from tests.conftest import AddConnection
    from tests.store.conftest import Bench

DAY = date(2026, 12, 1)
DIFFERENCE = {"key": "BC-5001/PAY/44", "verdict": "red", "store_amount": "69.84"}


def row(day: date = DAY, **changes: Any) -> ReconciledDay:
    values: dict[str, Any] = {
        "currency": "USD",
        "kind": "payments",
        "store_count": 2,
        "store_sum": Decimal("139.68"),
        "ifs_count": 1,
        "ifs_sum": Decimal("69.84"),
        "verdict": "red",
        "made_at": datetime(2026, 12, 2, tzinfo=UTC),
        "differences": (DIFFERENCE,),
    }
    return ReconciledDay(day=day, **(values | changes))


def put(bench: "Bench", *rows: ReconciledDay, last: date = DAY, made_at: datetime | None = None) -> None:
    made = [replace(each, made_at=made_at or bench.clock.now()) for each in rows]
    bench.database.write_sync(lambda tx: reconciliation.replace(tx, bench.connection_id, DAY, last, made))


def kept(bench: "Bench", connection_id: int | None = None) -> list[ReconciledDay]:
    where = connection_id or bench.connection_id
    return bench.database.read_sync(
        lambda conn: reconciliation.between(conn, where, DAY - timedelta(days=9), DAY + timedelta(days=9))
    )


def outdated(bench: "Bench") -> list[date]:
    return [found.day for found in kept(bench) if found.outdated]


def intend(bench: "Bench", day: date | None = DAY, key: str = "BC-5001/PAY/44") -> int:
    new = NewDocument(
        bench.connection_id, "order:5001", key, DocumentKind.VOUCHER, "", Decimal(1), "USD", "{}", day=day
    )
    return bench.database.write_sync(lambda tx: ledger.intend(tx, new)).id


def change(bench: "Bench", document_id: int, **how: Any) -> None:
    bench.database.write_sync(lambda tx: ledger.record(tx, None, document_id, [], DocumentChange(**how)))


def test_a_compared_day_comes_back_as_it_was_found(bench: "Bench") -> None:
    big = row(currency="KWD", kind="shipments", store_sum=Decimal("1234567.125"), verdict="green", differences=())
    put(bench, big, row())
    found = kept(bench)
    assert [(f.day, f.currency, f.kind) for f in found] == [(DAY, "KWD", "shipments"), (DAY, "USD", "payments")]
    assert (found[0].store_sum, found[0].verdict, found[0].differences) == (Decimal("1234567.125"), "green", ())
    assert (found[1].store_count, found[1].ifs_count, found[1].ifs_sum) == (2, 1, Decimal("69.84"))
    assert found[1].differences == (DIFFERENCE,)
    assert (found[1].made_at, found[1].outdated) == (bench.clock.now(), False)


def test_comparing_again_replaces_the_days_asked_for_and_no_others(
    bench: "Bench", add_connection: "AddConnection"
) -> None:
    other = add_connection(bench.database, "acme-eu")
    tomorrow = DAY + timedelta(days=1)
    bench.database.write_sync(lambda tx: reconciliation.replace(tx, other, DAY, DAY, [row()]))
    put(bench, row(), row(kind="refunds"), row(tomorrow), last=tomorrow)
    put(bench, row(verdict="green"))
    assert [(f.day, f.kind, f.verdict) for f in kept(bench)] == [
        (DAY, "payments", "green"),
        (tomorrow, "payments", "red"),
    ]
    put(bench)
    assert [f.day for f in kept(bench)] == [tomorrow]
    assert len(kept(bench, other)) == 1


def test_a_document_written_later_makes_its_day_out_of_date(bench: "Bench") -> None:
    tomorrow = DAY + timedelta(days=1)
    put(bench, row(), row(tomorrow), last=tomorrow)
    bench.clock.advance(60)
    document_id = intend(bench)
    assert outdated(bench) == [DAY]
    put(bench, row(), row(tomorrow), last=tomorrow)
    assert outdated(bench) == []
    bench.clock.advance(60)
    change(bench, document_id, state=DocumentState.CONFIRMED)
    assert outdated(bench) == [DAY], "it was explained before and is in the books now"


def test_a_voucher_that_moves_to_another_day_makes_both_out_of_date(bench: "Bench") -> None:
    document_id, later = intend(bench), DAY + timedelta(days=3)
    bench.clock.advance(60)
    put(bench, row(), row(later), last=later)
    bench.clock.advance(60)
    change(bench, document_id, day=later)
    assert outdated(bench) == [DAY, later]


def test_documents_without_a_day_and_of_other_days_leave_it_alone(
    bench: "Bench", add_connection: "AddConnection"
) -> None:
    other = add_connection(bench.database, "acme-eu")
    put(bench, row())
    bench.clock.advance(60)
    intend(bench, None)
    intend(bench, DAY + timedelta(days=1), "BC-5001/PAY/45")
    new = NewDocument(other, "order:1", "EU-1/PAY/1", DocumentKind.VOUCHER, "", Decimal(1), "USD", "{}", day=DAY)
    bench.database.write_sync(lambda tx: ledger.intend(tx, new))
    assert outdated(bench) == []


def test_a_day_that_changed_while_it_was_read_is_out_of_date_from_the_start(bench: "Bench") -> None:
    began = bench.clock.now()
    bench.clock.advance(5)
    document_id = intend(bench)
    put(bench, row(), made_at=began)
    assert outdated(bench) == [DAY]
    bench.clock.advance(5)
    put(bench, row())
    assert outdated(bench) == []
    began = bench.clock.now()
    bench.clock.advance(5)
    change(bench, document_id, state=DocumentState.CONFIRMED)
    put(bench, row(), made_at=began)
    assert outdated(bench) == [DAY]


def test_mark_outdated_names_the_days(bench: "Bench") -> None:
    tomorrow = DAY + timedelta(days=1)
    put(bench, row(), row(kind="refunds"), row(tomorrow), last=tomorrow)
    bench.database.write_sync(lambda tx: reconciliation.mark_outdated(tx, bench.connection_id, [DAY]))
    assert outdated(bench) == [DAY, DAY]
