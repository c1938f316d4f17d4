"""Buyers: links, questions and their answers, leases and numbers."""

import threading
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from bcifs_console.base.clock import ManualClock
from bcifs_console.domain.buyers import Buyer, Known, Skipped
from bcifs_console.domain.orders import Address
from bcifs_console.domain.states import OrderState
from bcifs_console.store import customers
from bcifs_console.store.customers import Decision
from bcifs_console.store.database import Database
from bcifs_console.store.errors import DecidedMeanwhile
from bcifs_console.store.tables import journal

if TYPE_CHECKING:
    from tests.conftest import AddConnection
    from tests.store.conftest import Bench

ANN = Buyer("customer:17", "ann@example.com", "Ann Lee", "", is_guest=False, address=Address())
CANDIDATES = ({"customer_id": "C1", "name": "Ann Lee", "score": 97, "reasons": ["e-mail"]},)
MINUTE = timedelta(minutes=1)


def link_of(bench: "Bench", key: str = ANN.key) -> Known | Skipped | None:
    return bench.database.read_sync(lambda conn: customers.link_of(conn, bench.connection_id, key))


def ask(bench: "Bench", buyer: Buyer = ANN, question: str = "who is it?", candidates: Any = CANDIDATES) -> int:
    return bench.database.write_sync(lambda tx: customers.ask(tx, bench.connection_id, buyer, question, candidates))


def decision(bench: "Bench", decision_id: int) -> Decision:
    found = bench.database.read_sync(lambda conn: customers.decision_by_id(conn, decision_id))
    assert found is not None
    return found


def decide(bench: "Bench", found: Decision, action: str, customer_id: str = "", note: str = "") -> list[int]:
    return bench.database.write_sync(
        lambda tx: customers.decide(tx, found, action, actor="me", customer_id=customer_id, note=note)
    )


def open_ids(bench: "Bench") -> list[int]:
    return [d.id for d in bench.database.read_sync(customers.open_decisions)]


# -- links -------------------------------------------------------------------------------------------------------------


def test_a_link_is_remembered_and_replaced(bench: "Bench") -> None:
    assert link_of(bench) is None
    for customer_id, source in (("C1", "lookup"), ("C2", "decision")):
        bench.database.write_sync(
            partial(
                customers.link,
                connection_id=bench.connection_id,
                buyer_key=ANN.key,
                customer_id=customer_id,
                source=source,
            )
        )
    assert link_of(bench) == Known("C2", "decision")
    assert link_of(bench, "customer:18") is None


def test_two_workers_may_link_the_same_buyer_at_once(bench: "Bench", database_url: str, clock: ManualClock) -> None:
    other = Database(database_url, clock=clock)
    together = threading.Barrier(2)
    problems: list[BaseException] = []

    def work(database: Database) -> None:
        together.wait(10)
        try:
            for number in range(20):
                write = partial(
                    customers.link,
                    connection_id=bench.connection_id,
                    buyer_key=f"customer:{number}",
                    customer_id="C1",
                    source="lookup",
                )
                database.write_sync(write)
        except Exception as error:  # noqa: BLE001 - the error is what the test looks at
            problems.append(error)

    threads = [threading.Thread(target=work, args=(database,)) for database in (bench.database, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    other.close()
    assert problems == []


# -- questions ---------------------------------------------------------------------------------------------------------


def test_a_question_is_open_with_its_candidates(bench: "Bench") -> None:
    decision_id = ask(bench)
    assert decision(bench, decision_id) == Decision(
        id=decision_id,
        connection_id=bench.connection_id,
        buyer_key=ANN.key,
        email=ANN.email,
        name=ANN.name,
        question="who is it?",
        candidates=CANDIDATES,
        action="",
        customer_id="",
        note="",
        asked_at=bench.clock.now(),
        decided_at=None,
    )
    assert open_ids(bench) == [decision_id]
    by_buyer = bench.database.read_sync(lambda c: customers.decision_of_buyer(c, bench.connection_id, ANN.key))
    assert by_buyer is not None
    assert by_buyer.id == decision_id


def test_asking_again_is_the_same_question_brought_up_to_date(bench: "Bench") -> None:
    first = ask(bench)
    asked_at = bench.clock.now()
    bench.clock.advance(60)
    assert ask(bench, replace(ANN, name="Ann Lee-Smith"), "several customers", ()) == first
    again = decision(bench, first)
    assert (again.name, again.question, again.candidates, again.asked_at) == (
        "Ann Lee-Smith",
        "several customers",
        (),
        asked_at,
    )
    assert open_ids(bench) == [first]


def test_an_answer_stands_where_a_slower_worker_asks_again(bench: "Bench") -> None:
    decision_id = ask(bench)
    decide(bench, decision(bench, decision_id), "create")
    ask(bench)
    assert decision(bench, decision_id).action == "create"
    assert open_ids(bench) == []


def test_questions_are_listed_oldest_first_and_by_connection(bench: "Bench", add_connection: "AddConnection") -> None:
    other = add_connection(bench.database, "acme-eu")
    late = ask(bench, replace(ANN, key="customer:1"))
    bench.clock.advance(-60)
    early = ask(bench, replace(ANN, key="customer:2"))
    there = bench.database.write_sync(lambda tx: customers.ask(tx, other, ANN, "who?", ()))
    listed = bench.database.read_sync(lambda conn: customers.open_decisions(conn, bench.connection_id))
    assert [d.id for d in listed] == [early, late]
    assert sorted(open_ids(bench)) == sorted([early, late, there])


# -- answers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "linked"),
    [("link", Known("C1", "decision")), ("skip", Skipped("a test order")), ("create", None)],
)
def test_a_decision_makes_every_waiting_order_of_the_buyer_due(
    bench: "Bench", action: str, linked: Known | Skipped | None
) -> None:
    bench.put(5001, OrderState.WAITING, facts=bench.facts())
    bench.put(5002, OrderState.WAITING, facts=bench.facts())
    bench.put(5003, OrderState.WAITING, facts=bench.facts(buyer_key="customer:18"))
    bench.put(5004, OrderState.SYNCED, facts=bench.facts())
    decision_id = ask(bench)
    bench.clock.advance(60)
    customer_id = "C1" if action == "link" else ""
    assert decide(bench, decision(bench, decision_id), action, customer_id, "a test order") == [5001, 5002]
    assert sorted(held.order_id for held in bench.claim()) == [5001, 5002]
    assert link_of(bench) == linked
    answered = decision(bench, decision_id)
    assert (answered.action, answered.note, answered.decided_at) == (action, "a test order", bench.clock.now())
    assert open_ids(bench) == []


def test_a_decision_is_in_the_journal_with_who_what_and_why(bench: "Bench") -> None:
    decide(bench, decision(bench, ask(bench)), "link", "C1", "she called")
    (row,) = bench.database.read_sync(
        lambda conn: conn.execute(select(journal).where(journal.c.event == "decision.link")).all()
    )
    assert (row.actor, row.subject) == ("me", "buyer:customer:17")
    assert '"customer": "C1"' in row.detail
    assert '"note": "she called"' in row.detail


def test_two_people_who_answer_the_same_question_do_not_both_win(bench: "Bench") -> None:
    seen = decision(bench, ask(bench))
    decide(bench, seen, "create")
    with pytest.raises(DecidedMeanwhile):
        decide(bench, seen, "link", "C1")
    assert decision(bench, seen.id).action == "create"
    assert link_of(bench) is None


def test_an_answer_may_be_changed_by_one_who_has_seen_it(bench: "Bench") -> None:
    decision_id = ask(bench)
    decide(bench, decision(bench, decision_id), "skip")
    decide(bench, decision(bench, decision_id), "link", "C1")
    assert link_of(bench) == Known("C1", "decision")


def test_a_question_that_answered_itself_is_closed_and_an_answered_one_is_left(bench: "Bench") -> None:
    opened, answered = ask(bench), ask(bench, replace(ANN, key="customer:18"))
    decide(bench, decision(bench, answered), "skip")
    for key in (ANN.key, "customer:18"):
        bench.database.write_sync(
            partial(
                customers.close_decision,
                connection_id=bench.connection_id,
                buyer_key=key,
                action="link",
                customer_id="C9",
            )
        )
    assert (decision(bench, opened).action, decision(bench, opened).customer_id) == ("link", "C9")
    assert decision(bench, answered).action == "skip"


# -- leases and numbers ------------------------------------------------------------------------------------------------


def take(bench: "Bench", owner: str, name: str = "buyer:1:customer:17") -> bool:
    return bench.database.write_sync(lambda tx: customers.take_lease(tx, name, owner, MINUTE))


def test_a_lease_is_held_by_one_until_it_is_given_back_or_runs_out(bench: "Bench") -> None:
    assert take(bench, "w1")
    assert not take(bench, "w2")
    assert take(bench, "w2", "buyer:1:customer:18")
    bench.clock.advance(50)
    assert take(bench, "w1")  # runs on
    bench.clock.advance(50)
    assert not take(bench, "w2")
    bench.clock.advance(10)
    assert take(bench, "w2")
    assert not take(bench, "w1")


def test_only_its_holder_gives_a_lease_back(bench: "Bench") -> None:
    take(bench, "w1")
    bench.database.write_sync(lambda tx: customers.drop_lease(tx, "buyer:1:customer:17", "w2"))
    assert not take(bench, "w2")
    bench.database.write_sync(lambda tx: customers.drop_lease(tx, "buyer:1:customer:17", "w1"))
    assert take(bench, "w2")


def both(bench: "Bench", other: Database, work: Any) -> None:
    """Run `work(database, owner)` in two threads at once, as two services would."""
    together = threading.Barrier(2)

    def run(database: Database, owner: str) -> None:
        together.wait(10)
        work(database, owner)

    threads = [threading.Thread(target=run, args=pair) for pair in ((bench.database, "w1"), (other, "w2"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def test_two_services_never_hold_the_same_lease(bench: "Bench", database_url: str, clock: ManualClock) -> None:
    other = Database(database_url, clock=clock)
    winners: list[tuple[int, str]] = []

    def work(database: Database, owner: str) -> None:
        for number in range(30):
            name = f"buyer:1:customer:{number}"
            if database.write_sync(partial(customers.take_lease, name=name, owner=owner, duration=MINUTE)):
                winners.append((number, owner))

    both(bench, other, work)
    other.close()
    assert sorted(number for number, _ in winners) == list(range(30))


def test_numbers_are_given_out_once(bench: "Bench", database_url: str, clock: ManualClock) -> None:
    other = Database(database_url, clock=clock)
    given: list[int] = []

    def work(database: Database, owner: str) -> None:
        given.extend(
            database.write_sync(lambda tx: customers.next_number(tx, bench.connection_id, "customer"))
            for _ in range(30)
        )

    both(bench, other, work)
    other.close()
    assert sorted(given) == list(range(1, 61))


def test_each_connection_and_name_counts_by_itself(bench: "Bench", add_connection: "AddConnection") -> None:
    other = add_connection(bench.database, "acme-eu")

    def number(connection_id: int, name: str) -> int:
        return bench.database.write_sync(lambda tx: customers.next_number(tx, connection_id, name))

    here = bench.connection_id
    assert [number(here, "a"), number(here, "a"), number(here, "b"), number(other, "a")] == [1, 2, 1, 1]
