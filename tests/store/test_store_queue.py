"""The due queue: one worker to an order; nothing due is lost whatever happens to its worker."""

import threading
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.domain.states import Claim, OrderState
from bcifs_console.store import customers, intake, queue
from bcifs_console.store.database import Database

if TYPE_CHECKING:
    from tests.conftest import AddConnection
    from tests.store.conftest import Bench

LEASE = timedelta(seconds=60)


# -- claiming ----------------------------------------------------------------------------------------------------------


def test_the_order_due_longest_is_claimed_first(bench: "Bench") -> None:
    for order_id in (5003, 5001, 5002):
        bench.mark(order_id)
        bench.clock.advance(1)
    assert [held.order_id for held in bench.claim(limit=2)] == [5003, 5001]
    assert [held.order_id for held in bench.claim(limit=2)] == [5002]


def test_a_claim_says_what_its_holder_needs_to_know(bench: "Bench") -> None:
    bench.mark(5001)
    bench.mark(5001)
    (held,) = bench.claim("w1")
    assert held == Claim(bench.connection_id, 5001, "w1", 1, 2, 0, bench.clock.now() + LEASE)
    assert held.subject == "order:5001"


def test_what_is_claimed_is_not_claimed_again(bench: "Bench") -> None:
    bench.mark(5001)
    assert len(bench.claim("w1")) == 1
    assert bench.claim("w2") == bench.claim("w1") == []


def test_an_order_whose_lease_ran_out_is_claimed_again_with_a_higher_fence(bench: "Bench") -> None:
    bench.mark(5001)
    (first,) = bench.claim("w1")
    bench.clock.advance(LEASE.total_seconds() - 0.001)
    assert bench.claim("w2") == []
    bench.clock.advance(0.001)
    (second,) = bench.claim("w2")
    assert (second.owner, second.fence) == ("w2", first.fence + 1)


def test_a_lapsed_order_and_a_due_one_come_in_the_order_they_fell_due(bench: "Bench") -> None:
    bench.mark(5001)
    bench.claim("gone")
    bench.clock.advance(30)
    bench.mark(5002)
    bench.clock.advance(60)
    bench.mark(5003)
    assert [held.order_id for held in bench.claim("w2", limit=2)] == [5001, 5002]


@pytest.mark.parametrize(
    "state", [OrderState.WAITING, OrderState.SYNCED, OrderState.FAILED, OrderState.SKIPPED, OrderState.IGNORED]
)
def test_only_due_orders_are_claimed(bench: "Bench", state: OrderState) -> None:
    bench.put(5001, state)
    bench.clock.advance(86_400)
    assert bench.claim() == []


def test_a_paused_connection_is_left_alone_and_its_orders_stay_due(
    bench: "Bench", add_connection: "AddConnection"
) -> None:
    other = add_connection(bench.database, "acme-eu")
    bench.mark(5001)
    bench.mark(5002, connection_id=other)
    assert [held.order_id for held in bench.claim(paused={bench.connection_id})] == [5002]
    assert [held.order_id for held in bench.claim()] == [5001]


def test_a_claim_may_be_limited_to_named_orders(bench: "Bench") -> None:
    bench.mark(5001, 5002, 5003)
    named = [(bench.connection_id, 5002), (bench.connection_id, 5003), (bench.connection_id, 9999)]
    assert sorted(held.order_id for held in bench.claim(only=named)) == [5002, 5003]
    assert bench.claim(only=[]) == []
    assert [held.order_id for held in bench.claim()] == [5001]


def test_two_claimers_never_get_the_same_order(bench: "Bench", database_url: str, clock: ManualClock) -> None:
    other = Database(database_url, clock=clock)
    bench.mark(*range(1, 201))
    together = threading.Barrier(2)
    got: dict[str, list[int]] = {"w1": [], "w2": []}

    def work(database: Database, owner: str) -> None:
        together.wait(10)
        while claims := database.write_sync(lambda tx: queue.claim(tx, owner, limit=7, lease=LEASE)):
            got[owner] += [held.order_id for held in claims]

    threads = [threading.Thread(target=work, args=pair) for pair in ((bench.database, "w1"), (other, "w2"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    other.close()
    assert sorted(got["w1"] + got["w2"]) == list(range(1, 201))
    assert set(got["w1"]).isdisjoint(got["w2"])


# -- many at once ------------------------------------------------------------------------------------------------------


def test_voiding_leases_makes_what_was_worked_on_due_and_nothing_else(bench: "Bench") -> None:
    bench.put(5001, OrderState.WORKING)
    bench.put(5002, OrderState.WORKING)
    bench.put(5003, OrderState.SYNCED)
    bench.clock.advance(1)
    assert bench.database.write_sync(queue.void_leases) == 2
    assert sorted((h.order_id, h.fence) for h in bench.claim("w2")) == [(5001, 3), (5002, 3)]
    assert bench.row(5003).state == "synced"


def test_voiding_leases_ends_the_leases_on_buyers_too(bench: "Bench") -> None:
    """Who was creating a customer is gone with the rest; the next worker must not wait for its lease to run out."""

    def take(owner: str) -> bool:
        return bench.database.write_sync(
            lambda tx: customers.take_lease(tx, "buyer:1:customer:17", owner, timedelta(hours=1))
        )

    assert take("gone")
    assert not take("w2")
    bench.database.write_sync(queue.void_leases)
    assert take("w2")


def test_the_orders_of_a_buyer_are_found_by_state(bench: "Bench") -> None:
    bench.put(5001, OrderState.WAITING, facts=bench.facts())
    bench.put(5002, OrderState.SYNCED, facts=bench.facts())
    bench.put(5003, OrderState.WAITING, facts=bench.facts(buyer_key="customer:18"))

    def of(*states: OrderState) -> list[int]:
        return bench.database.read_sync(
            lambda conn: queue.orders_of_buyer(conn, bench.connection_id, "customer:17", states)
        )

    assert of(OrderState.WAITING) == [5001]
    assert of(OrderState.WAITING, OrderState.SYNCED) == [5001, 5002]


def test_the_next_moment_is_that_of_the_next_due_order_or_lease(
    bench: "Bench", add_connection: "AddConnection"
) -> None:
    other = add_connection(bench.database, "acme-eu")
    now = bench.clock.now()

    def moment(*paused: int) -> object:
        return bench.database.read_sync(lambda conn: queue.next_due_at(conn, paused))

    assert moment() is None
    bench.mark(5001, at=now + timedelta(seconds=90))
    assert moment() == now + timedelta(seconds=90)
    bench.put(5002, OrderState.WORKING)
    assert moment() == now + LEASE
    bench.mark(5003, connection_id=other, at=now + timedelta(seconds=10))
    assert moment() == now + timedelta(seconds=10)
    assert moment(bench.connection_id) == now + timedelta(seconds=10)
    assert moment(other) == now + LEASE
    assert moment(bench.connection_id, other) is None


def test_states_are_counted_by_connection(bench: "Bench", add_connection: "AddConnection") -> None:
    other = add_connection(bench.database, "acme-eu")
    bench.put(5001, OrderState.SYNCED)
    bench.put(5002, OrderState.SYNCED)
    bench.put(5003, OrderState.WAITING)
    bench.mark(5001, connection_id=other)
    assert bench.database.read_sync(queue.states) == {
        (bench.connection_id, "synced"): 2,
        (bench.connection_id, "waiting"): 1,
        (other, "due"): 1,
    }


def test_marking_and_finishing_crosswise_loses_no_mark(bench: "Bench", database_url: str, clock: ManualClock) -> None:
    """A listener marks while a worker claims and finishes: after the dust has settled the last mark was looked at."""
    listener = Database(database_url, clock=clock)
    orders = list(range(1, 9))
    bench.mark(*orders)
    stop = threading.Event()

    def mark_on() -> None:
        for round_ in range(60):
            ids = orders if round_ % 2 else orders[::-1]
            listener.write_sync(
                partial(intake.mark_due, connection_id=bench.connection_id, order_ids=ids, found_by="webhook")
            )
        stop.set()

    marking = threading.Thread(target=mark_on)
    marking.start()
    while not stop.is_set() or bench.claim_and_finish_all():
        bench.claim_and_finish_all()
    marking.join(60)
    listener.close()
    for order_id in orders:
        row = bench.row(order_id)
        assert (row.state, row.generation, row.done_generation) == ("synced", 61, 61)
