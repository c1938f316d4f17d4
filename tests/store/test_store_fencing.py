"""A worker that lost its lease can write nothing any more, whatever it was about to write."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from bcifs_console.domain.documents import DocumentKind
from bcifs_console.domain.states import Claim, OrderState, Outcome
from bcifs_console.store import ledger, queue
from bcifs_console.store.database import Tx
from bcifs_console.store.errors import LeaseLost
from bcifs_console.store.ledger import NewDocument

if TYPE_CHECKING:
    from tests.store.conftest import Bench

LEASE = timedelta(seconds=60)


# -- fencing: every writer stops when its lease is another's -----------------------------------------------------------


def _document(tx: Tx, held: Claim) -> int:
    new = NewDocument(
        held.connection_id, held.subject, "BC-5001", DocumentKind.CUSTOMER_ORDER, "hash", Decimal(1), "USD", "{}"
    )
    return ledger.intend(tx, new).id


WRITERS: dict[str, Callable[[Tx, Claim], object]] = {
    "extend": lambda tx, held: queue.extend(tx, held, LEASE),
    "prove": queue.prove,
    "save_snapshot": lambda tx, held: queue.save_snapshot(tx, held, "{}", tx.now),
    "finish": lambda tx, held: queue.finish(tx, held, Outcome(OrderState.SYNCED), actor="test"),
    "record": lambda tx, held: ledger.record(tx, held, _document(tx, held), []),
    "withdraw": lambda tx, held: ledger.withdraw(tx, held, _document(tx, held)),
}


def _taken_over(bench: "Bench", held: Claim) -> None:
    bench.clock.advance(61)
    assert len(bench.claim("w2")) == 1


def _finished(bench: "Bench", held: Claim) -> None:
    bench.finish(held, OrderState.SYNCED)


def _voided(bench: "Bench", held: Claim) -> None:
    bench.database.write_sync(queue.void_leases)


def _voided_and_taken_by_the_same_name(bench: "Bench", held: Claim) -> None:
    _voided(bench, held)
    assert len(bench.claim(held.owner)) == 1


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("loss", [_taken_over, _finished, _voided, _voided_and_taken_by_the_same_name])
def test_a_worker_that_lost_its_lease_can_write_nothing(
    sqlite_bench: "Bench", write: Callable[[Tx, Claim], object], loss: Callable[["Bench", Claim], None]
) -> None:
    sqlite_bench.mark(5001)
    (held,) = sqlite_bench.claim("w1")
    loss(sqlite_bench, held)
    before = sqlite_bench.row(5001)
    with pytest.raises(LeaseLost):
        sqlite_bench.database.write_sync(lambda tx: write(tx, held))
    assert sqlite_bench.row(5001) == before
    assert (
        sqlite_bench.database.read_sync(lambda c: ledger.of_subject(c, held.connection_id, held.subject)).documents
        == ()
    )


def _snapshot(bench: "Bench") -> str | None:
    return bench.database.read_sync(lambda conn: queue.snapshot(conn, bench.connection_id, 5001))


def _keys(bench: "Bench", held: Claim) -> list[str]:
    found = bench.database.read_sync(lambda conn: ledger.of_subject(conn, held.connection_id, held.subject))
    return [document.key for document in found.documents]


#: What shows of each write afterwards, ten seconds after the claim.
SHOWS: dict[str, Callable[["Bench", Claim], bool]] = {
    "extend": lambda bench, held: bench.row(5001).lease_until == bench.clock.now() + LEASE,
    "prove": lambda bench, held: bench.row(5001).lease_owner == held.owner,
    "save_snapshot": lambda bench, held: _snapshot(bench) == "{}",
    "finish": lambda bench, held: bench.row(5001).state == OrderState.SYNCED,
    "record": lambda bench, held: _keys(bench, held) == ["BC-5001"],
    "withdraw": lambda bench, held: _keys(bench, held) == [],
}


@pytest.mark.parametrize("name", WRITERS)
def test_the_holder_of_the_lease_can_write(bench: "Bench", name: str) -> None:
    bench.mark(5001)
    (held,) = bench.claim("w1")
    bench.clock.advance(10)
    bench.database.write_sync(lambda tx: WRITERS[name](tx, held))
    assert SHOWS[name](bench, held)


def test_a_lease_that_ran_out_but_was_not_taken_still_counts(bench: "Bench") -> None:
    bench.mark(5001)
    (held,) = bench.claim()
    bench.clock.advance(3600)
    assert bench.finish(held, OrderState.SYNCED) is OrderState.SYNCED


def test_extending_runs_the_lease_from_now(bench: "Bench") -> None:
    bench.mark(5001)
    (held,) = bench.claim("w1")
    bench.clock.advance(50)
    bench.database.write_sync(lambda tx: queue.extend(tx, held, LEASE))
    bench.clock.advance(59)
    assert bench.claim("w2") == []
    bench.clock.advance(1)
    assert len(bench.claim("w2")) == 1
