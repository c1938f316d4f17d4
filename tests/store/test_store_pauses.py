"""A person's pause: no order of the connection is claimed, on either database, until it is resumed."""

from typing import TYPE_CHECKING

from bcifs_console.domain.states import OrderState
from bcifs_console.store import connections, journal, pauses, queue
from bcifs_console.store.pauses import Pause
from bcifs_console.store.tables import change
from bcifs_console.store.tables import journal as journal_rows

if TYPE_CHECKING:
    from bcifs_console.store.vault import Vault
    from tests.conftest import AddConnection
    from tests.store.conftest import Bench


def pause(bench: "Bench", connection_id: int | None = None, note: str = "") -> bool:
    number = connection_id or bench.connection_id
    return bench.database.write_sync(lambda tx: pauses.pause(tx, number, actor="dana", note=note))


def resume(bench: "Bench") -> bool:
    return bench.database.write_sync(lambda tx: pauses.resume(tx, bench.connection_id, actor="dana"))


def test_orders_of_a_paused_connection_are_not_claimed_and_those_of_others_are(
    bench: "Bench", add_connection: "AddConnection"
) -> None:
    other = add_connection(bench.database, "acme-eu")
    bench.mark(5001)
    bench.mark(5002, connection_id=other)
    assert pause(bench)
    assert [(claim.connection_id, claim.order_id) for claim in bench.claim()] == [(other, 5002)]
    assert resume(bench)
    assert [claim.order_id for claim in bench.claim()] == [5001]


def test_a_worker_does_not_wait_for_an_order_it_may_not_claim(bench: "Bench") -> None:
    """Else it would ask again and again without a rest."""
    bench.mark(5001)
    assert bench.database.read_sync(queue.next_due_at) == bench.clock.now()
    pause(bench)
    assert bench.database.read_sync(queue.next_due_at) is None


def test_a_look_that_is_under_way_when_the_pause_begins_ends_as_always(bench: "Bench") -> None:
    bench.mark(5001)
    held = bench.claim_one(5001)
    pause(bench)
    assert bench.finish(held, OrderState.SYNCED) is OrderState.SYNCED


def test_who_paused_first_stands_and_both_are_journalled_once(bench: "Bench") -> None:
    assert pause(bench, note="stock-taking")
    bench.clock.advance(60)
    assert not pause(bench, note="again")
    (found,) = bench.database.read_sync(pauses.every)
    assert found == Pause(bench.connection_id, "dana", "stock-taking", found.since)
    assert (bench.clock.now() - found.since).total_seconds() == 60
    assert resume(bench)
    assert not resume(bench)
    events = bench.database.read_sync(
        lambda conn: [row.event for row in conn.execute(journal_rows.select()) if row.event.startswith("worker.")]
    )
    assert events == ["worker.paused", "worker.resumed"]
    kinds = bench.database.read_sync(lambda conn: [row.kind for row in conn.execute(change.select())])
    assert kinds.count("pause") == 2


def test_the_journal_stays_whole(bench: "Bench") -> None:
    pause(bench)
    bench.database.write_sync(journal.seal)
    assert bench.database.read_sync(journal.verify) is None


def test_a_connection_that_is_removed_is_paused_no_more(bench: "Bench", vault: "Vault") -> None:
    pause(bench)
    bench.database.write_sync(lambda tx: connections.remove(tx, vault, bench.connection_id, actor="me"))
    assert bench.database.read_sync(pauses.every) == []
