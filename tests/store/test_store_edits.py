"""Answers to edited orders: kept in their order, read with the ledger of an order that was sent, both databases."""

from decimal import Decimal

from sqlalchemy import create_engine, text

from bcifs_console.base.clock import ManualClock
from bcifs_console.domain.basis import Basis, BasisLine, TaxShare
from bcifs_console.domain.documents import DocumentKind
from bcifs_console.domain.edits import EditAnswer, EditChoice
from bcifs_console.domain.orders import LineType
from bcifs_console.domain.states import order_subject
from bcifs_console.store import edits, ledger
from bcifs_console.store.database import Database
from bcifs_console.store.ledger import NewDocument

BASIS = Basis(
    "USD",
    Decimal("324.00"),
    Decimal("54.00"),
    (BasisLine(1, LineType.PHYSICAL, 3, Decimal("324.00"), Decimal("54.00"), (TaxShare(Decimal("54.00"), "S"),)),),
)


def said(clock: ManualClock, choice: EditChoice, basis: Basis | None = None) -> EditAnswer:
    return EditAnswer(choice, "facts-2", clock.now(), "ann", "M-17", "by phone", basis)


def test_answers_come_back_whole_and_oldest_first(database: Database, clock: ManualClock, connection_id: int) -> None:
    first, second = said(clock, EditChoice.BY_HAND), said(clock, EditChoice.ADOPT, BASIS)
    for order_id, answer in ((5001, first), (5002, first), (5001, second)):
        database.write_sync(lambda tx, o=order_id, a=answer: edits.save(tx, connection_id, o, a))  # type: ignore[misc]
    assert database.read_sync(lambda conn: edits.of_order(conn, connection_id, 5001)) == (first, second)
    assert database.read_sync(lambda conn: edits.of_order(conn, connection_id, 5003)) == ()
    every = database.read_sync(lambda conn: edits.of_connection(conn, connection_id))
    assert every == {5001: (first, second), 5002: (first,)}


def test_the_ledger_of_an_order_that_was_sent_carries_them(
    database: Database, clock: ManualClock, connection_id: int
) -> None:
    answer = said(clock, EditChoice.KEEP)
    subject = order_subject(5001)
    database.write_sync(lambda tx: edits.save(tx, connection_id, 5001, answer))
    assert database.read_sync(lambda conn: ledger.of_subject(conn, connection_id, subject)).answers == ()
    new = NewDocument(
        connection_id, subject, "BC-5001", DocumentKind.CUSTOMER_ORDER, "facts-1", Decimal(1), "USD", "{}"
    )
    database.write_sync(lambda tx: ledger.intend(tx, new))
    assert database.read_sync(lambda conn: ledger.of_subject(conn, connection_id, subject)).answers == (answer,)


def test_they_are_read_by_an_index(sqlite_url: str) -> None:
    query = "EXPLAIN QUERY PLAN SELECT answer FROM edit_answer WHERE connection_id = 1 AND order_id = 2 ORDER BY id"
    with create_engine(sqlite_url).connect() as conn:
        steps = [row[3] for row in conn.execute(text(query))]
    assert any("ix_edit_answer_order" in step for step in steps), steps
    assert not any("TEMP B-TREE" in step for step in steps), steps
