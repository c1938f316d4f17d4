"""Taking an answer about a buyer back: possible while IFS has, and may have, nothing of it."""

from collections.abc import Collection
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from bcifs_console.domain.buyers import Known
from bcifs_console.domain.documents import DocumentKind, PartState
from bcifs_console.domain.states import OrderState
from bcifs_console.store import customers, directory, ledger
from bcifs_console.store.customers import Decision
from bcifs_console.store.errors import BuyerBeingSent, BuyerSent, DecidedMeanwhile
from bcifs_console.store.ledger import NewDocument, PartChange
from bcifs_console.store.tables import journal
from tests.store.test_store_customers import ANN, ask, decide, decision, link_of, open_ids

if TYPE_CHECKING:
    from tests.store.conftest import Bench


@pytest.fixture
def asked(bench: "Bench") -> int:
    """Two orders of Ann's wait; one of somebody else's does, too."""
    bench.put(5001, OrderState.WAITING, facts=bench.facts())
    bench.put(5002, OrderState.WAITING, facts=bench.facts())
    bench.put(5003, OrderState.WAITING, facts=bench.facts(buyer_key="customer:18"))
    return ask(bench)


def undo(bench: "Bench", found: Decision) -> list[int]:
    return bench.database.write_sync(lambda tx: customers.undo(tx, found, actor="me", note="a mistake"))


def document(bench: "Bench", kind: DocumentKind, key: str, subject: str, state: PartState) -> None:
    """A document whose first call stands in `state`."""
    new = NewDocument(bench.connection_id, subject, key, kind, "", Decimal(0), "USD", "{}")
    number = bench.database.write_sync(lambda tx: ledger.intend(tx, new)).id
    bench.mark(9000)
    held = bench.claim_one(9000)
    part = PartChange("header", 1, state)
    bench.database.write_sync(lambda tx: ledger.record(tx, held, number, [part], ledger.NO_CHANGE))
    bench.finish(held, OrderState.SYNCED)


def settle(bench: "Bench", state: OrderState, order_ids: Collection[int] = (5001, 5002)) -> None:
    for order_id in order_ids:
        bench.finish(bench.claim_one(order_id), state)


@pytest.mark.parametrize(("action", "customer_id"), [("link", "C1"), ("skip", ""), ("create", "")])
def test_an_answer_is_taken_back_and_the_question_is_as_it_was(
    bench: "Bench", asked: int, action: str, customer_id: str
) -> None:
    before = decision(bench, asked)
    decide(bench, before, action, customer_id, "as agreed")
    assert undo(bench, decision(bench, asked)) == [5001, 5002]
    assert decision(bench, asked) == before
    assert open_ids(bench) == [asked]
    assert link_of(bench) is None
    assert {bench.row(n).state for n in (5001, 5002)} == {"due"}
    assert bench.row(5003).state == "waiting"


def test_a_skip_is_taken_back_after_its_orders_were_left_out(bench: "Bench", asked: int) -> None:
    decide(bench, decision(bench, asked), "skip")
    settle(bench, OrderState.SKIPPED)
    assert undo(bench, decision(bench, asked)) == [5001, 5002]


@pytest.mark.parametrize("state", [PartState.SENT, PartState.UNKNOWN, PartState.CONFIRMED])
@pytest.mark.parametrize("kind", [DocumentKind.CUSTOMER_ORDER, DocumentKind.CUSTOMER])
def test_what_ifs_has_or_may_have_cannot_be_taken_back(
    bench: "Bench", asked: int, kind: DocumentKind, state: PartState
) -> None:
    decide(bench, decision(bench, asked), "create")
    is_order = kind is DocumentKind.CUSTOMER_ORDER
    key, subject = ("BC-5001", "order:5001") if is_order else (ANN.key, f"buyer:{ANN.key}")
    document(bench, kind, key, subject, state)
    with pytest.raises(BuyerSent, match=key):
        undo(bench, decision(bench, asked))
    assert decision(bench, asked).action == "create"


def test_a_customer_that_was_only_intended_is_given_up(bench: "Bench", asked: int) -> None:
    decide(bench, decision(bench, asked), "create")
    document(bench, DocumentKind.CUSTOMER, ANN.key, f"buyer:{ANN.key}", PartState.FAILED)
    undo(bench, decision(bench, asked))
    left = bench.database.read_sync(lambda c: ledger.find(c, bench.connection_id, DocumentKind.CUSTOMER, ANN.key))
    assert left is None


def test_another_buyers_documents_do_not_stand_in_the_way(bench: "Bench", asked: int) -> None:
    decide(bench, decision(bench, asked), "link", "C1")
    document(bench, DocumentKind.CUSTOMER_ORDER, "BC-5003", "order:5003", PartState.CONFIRMED)
    assert undo(bench, decision(bench, asked)) == [5001, 5002]


def test_nothing_is_taken_back_while_an_order_is_being_looked_at(bench: "Bench", asked: int) -> None:
    decide(bench, decision(bench, asked), "link", "C1")
    held = bench.claim_one(5002)
    with pytest.raises(BuyerBeingSent):
        undo(bench, decision(bench, asked))
    assert link_of(bench) == Known("C1", "decision")
    bench.finish(held, OrderState.WAITING, facts=bench.facts())
    undo(bench, decision(bench, asked))


def test_only_the_answer_that_was_seen_is_taken_back(bench: "Bench", asked: int) -> None:
    decide(bench, decision(bench, asked), "skip")
    seen = decision(bench, asked)
    bench.clock.advance(1)
    decide(bench, seen, "link", "C1")
    with pytest.raises(DecidedMeanwhile):
        undo(bench, seen)
    assert link_of(bench) == Known("C1", "decision")


def test_what_the_answer_taught_is_forgotten(bench: "Bench", asked: int) -> None:
    keys = directory.keys_of_buyer(ANN)
    found = decision(bench, asked)
    bench.database.write_sync(lambda tx: customers.decide(tx, found, "link", actor="me", customer_id="C1", keys=keys))

    def likely() -> list[directory.Likely]:
        return bench.database.read_sync(lambda c: directory.likely(c, bench.connection_id, keys, limit=5))

    assert [(one.customer_id, one.decided) for one in likely()] == [("C1", True)]
    undo(bench, decision(bench, asked))
    assert likely() == []


def test_who_took_what_back_and_why_is_in_the_journal(bench: "Bench", asked: int) -> None:
    decide(bench, decision(bench, asked), "link", "C1")
    undo(bench, decision(bench, asked))
    query = select(journal).where(journal.c.event == "decision.undone")
    (row,) = bench.database.read_sync(lambda conn: conn.execute(query).all())
    assert (row.actor, row.subject) == ("me", "buyer:customer:17")
    for said in ('"was": "link"', '"customer": "C1"', '"note": "a mistake"', '"decided_by": "me"'):
        assert said in row.detail
