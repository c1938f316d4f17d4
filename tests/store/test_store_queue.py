"""The due queue: one worker to an order, fenced; nothing due is lost whatever happens to its worker."""

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.domain.buyers import Buyer
from bcifs_console.domain.documents import DocumentKind, Figures
from bcifs_console.domain.orders import Address
from bcifs_console.domain.plan import Blocker, PlanWarning, Reason
from bcifs_console.domain.states import Claim, OrderState, Outcome
from bcifs_console.store import customers, intake, ledger, queue, views
from bcifs_console.store.database import Database, OrderKey, Tx
from bcifs_console.store.errors import LeaseLost
from bcifs_console.store.ledger import NewDocument

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


# -- fencing: every writer stops when its lease is another's -----------------------------------------------------------


def _document(tx: Tx, held: Claim) -> int:
    new = NewDocument(
        held.connection_id, held.subject, "BC-5001", DocumentKind.CUSTOMER_ORDER, "hash", Decimal(1), "USD", "{}"
    )
    return ledger.intend(tx, new)


WRITERS: dict[str, Callable[[Tx, Claim], object]] = {
    "extend": lambda tx, held: queue.extend(tx, held, LEASE),
    "prove": queue.prove,
    "save_snapshot": lambda tx, held: queue.save_snapshot(tx, held, "{}"),
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


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_the_holder_of_the_lease_can_write(bench: "Bench", write: Callable[[Tx, Claim], object]) -> None:
    bench.mark(5001)
    (held,) = bench.claim("w1")
    bench.database.write_sync(lambda tx: write(tx, held))


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


# -- finishing ---------------------------------------------------------------------------------------------------------


def test_a_finished_order_shows_its_outcome_and_is_free(bench: "Bench") -> None:
    bench.mark(5001)
    (held,) = bench.claim()
    figures = Figures("gross", Decimal("69.84"), Decimal("69.79"), "USD")
    outcome = Outcome(
        OrderState.WAITING,
        reason=Reason.TOTALS,
        error="the figures differ",
        remedy="look at the order",
        cause="totals:gross",
        blockers=(Blocker(Reason.TOTALS, "the figures differ", "look at the order", "gross", figures),),
        warnings=(PlanWarning("fallback", "a fallback account was used"),),
        ifs_customer="CUST-17",
        ifs_order_no="*1234",
        facts=bench.facts(),
        events=(("order.waits", {"for": "totals"}),),
    )
    assert bench.database.write_sync(lambda tx: queue.finish(tx, held, outcome, actor="service")) is OrderState.WAITING
    (shown,) = bench.database.read_sync(lambda conn: views.orders(conn, order_id=5001))
    assert (shown.state, shown.reason, shown.error, shown.remedy, shown.cause) == (
        "waiting",
        "totals",
        "the figures differ",
        "look at the order",
        "totals:gross",
    )
    assert (shown.total, shown.currency, shown.email, shown.buyer_name, shown.status_id) == (
        Decimal("69.84"),
        "USD",
        "ann@example.com",
        "Ann Lee",
        11,
    )
    assert (shown.ifs_customer, shown.ifs_order_no, shown.placed_at) == ("CUST-17", "*1234", bench.facts().placed_at)
    assert shown.problems[0]["figures"] == {
        "what": "gross",
        "store": "69.84",
        "computed": "69.79",
        "currency": "USD",
    }
    assert queue.warnings_from(json.dumps(shown.warnings)) == outcome.warnings
    (event,) = bench.database.read_sync(lambda conn: views.timeline(conn, bench.connection_id, 5001))
    assert (event.event, event.actor, event.detail) == ("order.waits", "service", {"for": "totals"})
    row = bench.row(5001)
    assert (row.lease_owner, row.lease_until, row.due_at, row.done_generation) == ("", None, None, 1)


def test_what_an_outcome_does_not_know_stays_as_it_was(bench: "Bench") -> None:
    bench.put(5001, OrderState.SYNCED, facts=bench.facts(), ifs_customer="42", ifs_order_no="*9")
    bench.put(5001, OrderState.SYNCED)
    row = bench.row(5001)
    assert (row.email, row.total, row.ifs_customer, row.ifs_order_no) == (
        "ann@example.com",
        Decimal("69.84"),
        "42",
        "*9",
    )


def test_an_order_that_is_well_again_shows_no_old_problem(bench: "Bench") -> None:
    blocker = Blocker(Reason.MAPPING, "no part", "map it")
    bench.put(5001, OrderState.WAITING, reason=Reason.MAPPING, error="x", remedy="y", cause="z", blockers=(blocker,))
    bench.put(5001, OrderState.SYNCED)
    row = bench.row(5001)
    assert (row.reason, row.error, row.remedy, row.cause, row.problems) == ("", "", "", "", "[]")


def test_synced_at_is_when_it_was_synced_first(bench: "Bench") -> None:
    bench.put(5001, OrderState.SYNCED)
    first = bench.clock.now()
    bench.clock.advance(60)
    bench.put(5001, OrderState.SYNCED)
    assert bench.row(5001).synced_at == first


@pytest.mark.parametrize("state", [s for s in OrderState if s is not OrderState.WORKING])
def test_an_order_marked_while_it_was_looked_at_is_due_again_at_once_whatever_the_outcome(
    bench: "Bench", state: OrderState
) -> None:
    bench.mark(5001)
    (held,) = bench.claim()
    rung: list[OrderKey] = []
    bench.database.after_commit.append(rung.extend)
    bench.mark(5001)
    bench.clock.advance(5)
    later = bench.clock.now() + timedelta(hours=1) if state is OrderState.DUE else None
    rung.clear()
    assert bench.finish(held, state, due_at=later) is OrderState.DUE
    row = bench.row(5001)
    assert (row.state, row.due_at, row.done_generation, row.generation) == ("due", bench.clock.now(), 1, 2)
    assert rung == [(bench.connection_id, 5001)]
    (again,) = bench.claim()
    assert bench.finish(again, OrderState.SYNCED) is OrderState.SYNCED


def test_an_order_that_is_to_be_tried_later_is_due_then(bench: "Bench") -> None:
    bench.mark(5001)
    (held,) = bench.claim()
    bench.finish(held, OrderState.DUE, due_at=bench.clock.now() + timedelta(seconds=30))
    assert bench.claim() == []
    bench.clock.advance(30)
    assert len(bench.claim()) == 1


def test_an_order_that_is_due_without_a_time_is_due_now_and_not_forgotten(bench: "Bench") -> None:
    bench.mark(5001)
    (held,) = bench.claim()
    bench.finish(held, OrderState.DUE)
    assert [again.order_id for again in bench.claim()] == [5001]


def test_attempts_are_burnt_only_where_the_outcome_says_so_and_forgotten_on_success(bench: "Bench") -> None:
    bench.mark(5001)
    seen = []
    looks: list[dict[str, Any]] = [
        {"state": OrderState.DUE, "burn_attempt": True},
        {"state": OrderState.DUE, "burn_attempt": False},
        {"state": OrderState.DUE, "burn_attempt": True},
        {"state": OrderState.FAILED, "burn_attempt": True},
        {"state": OrderState.DUE, "burn_attempt": True},
        {"state": OrderState.WAITING},
        {"state": OrderState.DUE, "burn_attempt": True},
        {"state": OrderState.SYNCED},
    ]
    for how in looks:
        bench.mark(5001)
        (held,) = bench.claim()
        seen.append(held.attempts)
        bench.finish(held, **how)
    assert seen == [0, 1, 1, 2, 3, 4, 0, 1]
    assert bench.row(5001).attempts == 0


def test_a_lapsed_lease_burns_no_attempt(bench: "Bench") -> None:
    bench.mark(5001)
    bench.claim("w1")
    bench.clock.advance(61)
    assert bench.claim("w2")[0].attempts == 0


# -- waiting for a customer --------------------------------------------------------------------------------------------

ANN = Buyer("customer:17", "ann@example.com", "Ann Lee", "", is_guest=False, address=Address())
NO_CUSTOMER: dict[str, Any] = {
    "reason": Reason.CUSTOMER,
    "blockers": (Blocker(Reason.CUSTOMER, "IFS does not know Ann Lee", "decide"),),
}


@pytest.mark.parametrize("action", ["create", "link", "skip"])
def test_a_decision_made_while_the_order_was_looked_at_is_not_missed(bench: "Bench", action: str) -> None:
    """The decision finds no waiting order, since this one is being worked on; yet it must not wait forever."""
    bench.mark(5001)
    (held,) = bench.claim()
    asked = bench.database.write_sync(lambda tx: customers.ask(tx, bench.connection_id, ANN, "who is it?", ()))
    found = bench.database.read_sync(lambda conn: customers.decision_by_id(conn, asked))
    assert found is not None
    assert bench.database.write_sync(lambda tx: customers.decide(tx, found, action, actor="me", customer_id="C1")) == []
    assert bench.finish(held, OrderState.WAITING, facts=bench.facts(), **NO_CUSTOMER) is OrderState.DUE
    assert len(bench.claim()) == 1


def test_an_order_without_a_decision_waits_for_it(bench: "Bench") -> None:
    bench.mark(5001)
    (held,) = bench.claim()
    bench.database.write_sync(lambda tx: customers.ask(tx, bench.connection_id, ANN, "who is it?", ()))
    assert bench.finish(held, OrderState.WAITING, facts=bench.facts(), **NO_CUSTOMER) is OrderState.WAITING


def test_an_order_that_waits_for_something_else_does_not_care_about_the_buyer(bench: "Bench") -> None:
    bench.mark(5001)
    (held,) = bench.claim()
    bench.database.write_sync(lambda tx: customers.link(tx, bench.connection_id, ANN.key, "C1", source="lookup"))
    blocker = Blocker(Reason.MAPPING, "no part", "map it")
    done = bench.finish(held, OrderState.WAITING, reason=Reason.MAPPING, blockers=(blocker,), facts=bench.facts())
    assert done is OrderState.WAITING


# -- snapshots ---------------------------------------------------------------------------------------------------------


def test_the_newest_snapshot_is_kept_and_its_time_is_on_the_order(bench: "Bench") -> None:
    bench.mark(5001)
    (held,) = bench.claim()
    assert bench.database.read_sync(lambda conn: queue.snapshot(conn, bench.connection_id, 5001)) is None
    bench.database.write_sync(lambda tx: queue.save_snapshot(tx, held, '{"v": 1}'))
    bench.clock.advance(5)
    bench.database.write_sync(lambda tx: queue.save_snapshot(tx, held, '{"v": 2}'))
    assert bench.database.read_sync(lambda conn: queue.snapshot(conn, bench.connection_id, 5001)) == '{"v": 2}'
    assert bench.row(5001).fetched_at == bench.clock.now()


# -- many at once ------------------------------------------------------------------------------------------------------


def test_voiding_leases_makes_what_was_worked_on_due_and_nothing_else(bench: "Bench") -> None:
    bench.put(5001, OrderState.WORKING)
    bench.put(5002, OrderState.WORKING)
    bench.put(5003, OrderState.SYNCED)
    bench.clock.advance(1)
    assert bench.database.write_sync(queue.void_leases) == 2
    assert sorted((h.order_id, h.fence) for h in bench.claim("w2")) == [(5001, 3), (5002, 3)]
    assert bench.row(5003).state == "synced"


def test_releasing_makes_the_orders_that_wait_for_it_due_and_no_others(
    bench: "Bench", add_connection: "AddConnection"
) -> None:
    bench.put(5001, OrderState.WAITING, reason=Reason.MAPPING, cause="mapping:sku A")
    bench.put(5002, OrderState.WAITING, reason=Reason.MAPPING, cause="mapping:sku B")
    bench.put(5003, OrderState.WAITING, reason=Reason.TOTALS)
    bench.put(5004, OrderState.FAILED)

    def release(**which: Any) -> list[int]:
        return bench.database.write_sync(
            lambda tx: queue.release_where(tx, bench.connection_id, found_by="mapping", **which)
        )

    assert release(reason="mapping", cause="mapping:sku B") == [5002]
    (second,) = bench.claim()
    assert second.order_id == 5002
    bench.finish(second, OrderState.SYNCED)
    assert release(reason="mapping") == [5001]
    assert [held.order_id for held in bench.claim()] == [5001]


def test_an_order_looked_at_while_its_like_are_released_is_looked_at_again(bench: "Bench") -> None:
    """Its look may have begun with the old mapping; it would then wait for what is there already."""
    bench.mark(5001)
    (held,) = bench.claim()
    bench.database.write_sync(
        lambda tx: queue.release_where(tx, bench.connection_id, reason="mapping", found_by="mapping")
    )
    assert bench.finish(held, OrderState.WAITING, reason=Reason.MAPPING) is OrderState.DUE


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
