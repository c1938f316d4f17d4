"""What the Decisions screen lists: who waits with what, and what was answered."""

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from bcifs_console.domain.states import OrderState
from bcifs_console.store import customers
from bcifs_console.store.errors import NotedMeanwhile
from bcifs_console.store.views.decisions import BuyerView, CandidateView, answered, waiting
from tests.store.test_store_customers import ANN, CANDIDATES, ask, decide, decision

if TYPE_CHECKING:
    from tests.conftest import AddConnection
    from tests.store.conftest import Bench


def waits(bench: "Bench") -> list[BuyerView]:
    return bench.database.read_sync(waiting)


def test_who_waits_stands_oldest_first_with_orders_and_money(bench: "Bench") -> None:
    bench.put(5001, OrderState.WAITING, facts=bench.facts(total=Decimal("10.00")))
    bench.put(5002, OrderState.WAITING, facts=bench.facts(total=Decimal("2.50")))
    bench.put(5003, OrderState.WAITING, facts=bench.facts(total=Decimal("99.90"), currency="EUR"))
    bench.put(5004, OrderState.SYNCED, facts=bench.facts(total=Decimal(1000)))
    first = ask(bench)
    bench.clock.advance(60)
    second = ask(bench, replace(ANN, key="customer:18", name="Bob"))
    ann, bob = waits(bench)
    assert (ann.id, ann.orders, ann.money) == (
        first,
        3,
        (("EUR", Decimal("99.90")), ("USD", Decimal("12.50"))),
    )
    assert (bob.id, bob.name, bob.orders, bob.money) == (second, "Bob", 0, ())
    assert ann.candidates == (CandidateView("C1", "Ann Lee", 97, ("e-mail",)),)


def test_what_was_kept_of_a_candidate_is_shown_and_older_ones_had_no_score(bench: "Bench") -> None:
    kept = {**CANDIDATES[0], "score": None, "emails": ["a@b.example"], "phones": ["1"], "postcodes": ["2"]}
    ask(bench, candidates=(kept,))
    (found,) = waits(bench)[0].candidates
    assert (found.score, found.emails, found.phones, found.postcodes) == (0, ("a@b.example",), ("1",), ("2",))


def test_answers_stand_newest_first_and_leave_the_waiting(bench: "Bench") -> None:
    numbers = [ask(bench, replace(ANN, key=f"customer:{n}")) for n in (1, 2, 3)]
    for number, action in zip(numbers, ("link", "skip"), strict=False):
        bench.clock.advance(60)
        decide(bench, decision(bench, number), action, "C1" if action == "link" else "", "why")
    assert [each.id for each in waits(bench)] == [numbers[2]]
    found = bench.database.read_sync(answered)
    assert [(each.id, each.action, each.customer_id, each.actor, each.note) for each in found] == [
        (numbers[1], "skip", "", "me", "why"),
        (numbers[0], "link", "C1", "me", "why"),
    ]
    assert [each.id for each in bench.database.read_sync(lambda conn: answered(conn, limit=1))] == [numbers[1]]


def test_a_note_on_an_open_question_is_shown_and_taken_away(bench: "Bench") -> None:
    found = decision(bench, ask(bench))
    bench.database.write_sync(lambda tx: customers.remark(tx, found, "she calls back", actor="me"))
    assert waits(bench)[0].note == "she calls back"
    ask(bench)  # looked at again meanwhile
    assert waits(bench)[0].note == "she calls back"
    with pytest.raises(NotedMeanwhile, match="she calls back"):  # `found` was read before that note was left
        bench.database.write_sync(lambda tx: customers.remark(tx, found, "mine", actor="me", instead_of=found.note))
    assert waits(bench)[0].note == "she calls back"
    bench.database.write_sync(lambda tx: customers.remark(tx, found, "", actor="me"))
    assert waits(bench)[0].note == ""


def test_each_question_names_its_connection(bench: "Bench", add_connection: "AddConnection") -> None:
    other = add_connection(bench.database, "acme-eu")
    ask(bench)
    bench.database.write_sync(lambda tx: customers.ask(tx, other, ANN, "who?", ()))
    assert {each.connection for each in waits(bench)} == {"acme-us", "acme-eu"}
