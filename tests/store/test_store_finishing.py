"""How a look ends: the outcome is shown, the order is free, and nothing that happened meanwhile is missed."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from bcifs_console.domain.buyers import Buyer
from bcifs_console.domain.documents import Figures
from bcifs_console.domain.orders import Address
from bcifs_console.domain.plan import Blocker, PlanWarning, Reason
from bcifs_console.domain.states import OrderState, Outcome
from bcifs_console.store import customers, queue, views
from bcifs_console.store.database import OrderKey

if TYPE_CHECKING:
    from tests.store.conftest import Bench


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
    (shown,) = bench.database.read_sync(lambda conn: views.orders(conn))
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
    assert (event.event, event.actor, event.detail) == ("order.waits", "service", {"for": "totals", "look": held.look})
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


def test_attempts_are_burnt_only_where_the_outcome_says_so_and_forgotten_on_success_or_a_new_chance(
    bench: "Bench",
) -> None:
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
    assert seen == [0, 1, 1, 2, 0, 1, 0, 1]  # marked due after it failed, it starts anew
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
    bench.database.write_sync(lambda tx: queue.save_snapshot(tx, held, '{"v": 1}', tx.now))
    bench.clock.advance(5)
    bench.database.write_sync(lambda tx: queue.save_snapshot(tx, held, '{"v": 2}', tx.now))
    assert bench.database.read_sync(lambda conn: queue.snapshot(conn, bench.connection_id, 5001)) == '{"v": 2}'
    assert bench.row(5001).fetched_at == bench.clock.now()


def test_whether_an_order_is_settled_is_kept_until_a_look_says_otherwise(bench: "Bench") -> None:
    bench.put(5001, OrderState.SYNCED)
    assert bench.row(5001).settled is None, "nobody knows while no vouchers are made"
    for said, kept in ((False, False), (None, False), (True, True), (None, True)):
        bench.mark(5001)
        bench.finish(bench.claim_one(5001), OrderState.SYNCED, settled=said)
        (view,) = bench.database.read_sync(views.orders)
        assert view.settled is kept
