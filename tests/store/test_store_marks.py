"""Marks on documents: kept beside the calls, and never in the way of them."""

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from bcifs_console.domain import marks as of
from bcifs_console.domain.documents import DocumentKind, DocumentState, LedgerDocument
from bcifs_console.domain.states import OrderState, order_subject
from bcifs_console.store import books, ledger, marks
from bcifs_console.store.ledger import DocumentChange, NewDocument

if TYPE_CHECKING:
    from tests.store.conftest import Bench

ORDER, VOUCHER = DocumentKind.CUSTOMER_ORDER, DocumentKind.VOUCHER


def intended(bench: "Bench", key: str, kind: DocumentKind, order_id: int = 5001) -> LedgerDocument:
    day = date(2026, 11, 30) if kind is VOUCHER else None
    new = NewDocument(bench.connection_id, order_subject(order_id), key, kind, "f", Decimal(10), "USD", "{}", day=day)
    return bench.database.write_sync(lambda tx: ledger.intend(tx, new))


def found(bench: "Bench", key: str, kind: DocumentKind) -> LedgerDocument:
    document = bench.database.read_sync(lambda conn: ledger.find(conn, bench.connection_id, kind, key))
    assert document is not None
    return document


def note(bench: "Bench", **states: str) -> list[int]:
    seen = {key.replace("_", "-"): state for key, state in states.items()}
    return bench.database.write_sync(lambda tx: marks.note_states(tx, bench.connection_id, seen))


def test_a_voucher_booked_by_hand_is_done_and_as_before_once_that_is_taken_back(bench: "Bench") -> None:
    before = intended(bench, "BC-5001/PAY/1", VOUCHER)
    assert bench.database.write_sync(lambda tx: marks.put_by_hand(tx, before, "M-17"))
    done = found(bench, before.key, VOUCHER)
    assert (done.state, done.reference, of.said(done, of.BY_HAND)) == (DocumentState.NOTHING_TO_POST, "M-17", "M-17")
    assert done.confirmed_at == bench.clock.now()
    (read,) = bench.database.read_sync(lambda conn: books.of_orders(conn, bench.connection_id, [5001]))[5001]
    assert of.said(read, of.BY_HAND) == "M-17", "the comparison sees it"
    assert bench.database.write_sync(lambda tx: books.assign_batch(tx, bench.connection_id, limit=9)) is None
    bench.database.write_sync(lambda tx: marks.take_off_by_hand(tx, done))
    assert found(bench, before.key, VOUCHER) == before


def test_a_voucher_that_a_batch_has_taken_meanwhile_is_not_booked_by_hand(bench: "Bench") -> None:
    seen = intended(bench, "BC-5001/PAY/1", VOUCHER)
    bench.database.write_sync(lambda tx: books.assign_batch(tx, bench.connection_id, limit=9))
    assert not bench.database.write_sync(lambda tx: marks.put_by_hand(tx, seen, "M-17"))
    assert found(bench, seen.key, VOUCHER).parts == ()


def test_an_invoice_is_noted_once_and_makes_its_order_due(bench: "Bench") -> None:
    bench.put(5001, OrderState.SYNCED)
    sent = intended(bench, "BC-5001", ORDER)
    bench.database.write_sync(lambda tx: ledger.record(tx, None, sent.id, [], DocumentChange(reference="C1")))
    assert note(bench, BC_5001="Delivered", BC_9999="Invoiced") == []
    assert note(bench, BC_5001="Invoiced") == [5001]
    assert bench.row(5001).state == "due"
    assert note(bench, BC_5001="Invoiced") == [], "it is known"
    assert of.is_invoiced(found(bench, "BC-5001", ORDER))
    assert note(bench, BC_5001="Delivered") == [5001]
    assert not of.is_invoiced(found(bench, "BC-5001", ORDER))


def test_an_invoice_that_a_person_answered_stays_answered(bench: "Bench") -> None:
    intended(bench, "BC-5001", ORDER)
    note(bench, BC_5001="Invoiced")
    seen = found(bench, "BC-5001", ORDER)
    bench.database.write_sync(lambda tx: marks.put(tx, seen, of.INVOICED, of.CREDITED))
    assert note(bench, BC_5001="Invoiced") == []
    assert note(bench, BC_5001="Delivered") == []
    assert of.told(found(bench, "BC-5001", ORDER)).endswith("the invoice was credited.")
