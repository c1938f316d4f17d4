"""The ledger: written before the call, told the outcome after it; what may be in IFS is never forgotten."""

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from bcifs_console.domain.documents import DocumentKind, DocumentState, LedgerDocument, LedgerPart, PartState
from bcifs_console.domain.states import Claim
from bcifs_console.store import journal, ledger, views
from bcifs_console.store.errors import StoreFault
from bcifs_console.store.ledger import NO_CHANGE, DocumentChange, NewDocument, PartChange

if TYPE_CHECKING:
    from tests.store.conftest import Bench


@pytest.fixture
def held(bench: "Bench") -> Claim:
    bench.mark(5001)
    return bench.claim_one(5001)


def new_document(bench: "Bench", key: str = "BC-5001", kind: DocumentKind = DocumentKind.CUSTOMER_ORDER) -> NewDocument:
    return NewDocument(
        connection_id=bench.connection_id,
        subject="order:5001",
        key=key,
        kind=kind,
        fact_hash="facts-1",
        amount=Decimal("69.84"),
        currency="USD",
        draft='{"key": "BC-5001"}',
    )


def intend(bench: "Bench", new: NewDocument | None = None) -> int:
    wanted = new or new_document(bench)
    return bench.database.write_sync(lambda tx: ledger.intend(tx, wanted)).id


def record(
    bench: "Bench", held: Claim, document_id: int, *parts: PartChange, change: DocumentChange = NO_CHANGE
) -> None:
    bench.database.write_sync(lambda tx: ledger.record(tx, held, document_id, parts, change))


def document(bench: "Bench", key: str = "BC-5001") -> LedgerDocument:
    found = bench.database.read_sync(
        lambda conn: ledger.find(conn, bench.connection_id, DocumentKind.CUSTOMER_ORDER, key)
    )
    assert found is not None
    return found


def header(state: PartState, **fields: object) -> PartChange:
    return PartChange("header", 1, state, **fields)  # type: ignore[arg-type] # fields of a PartChange


# -- intending ---------------------------------------------------------------------------------------------------------


def test_an_intended_document_keeps_its_frozen_draft_and_facts(bench: "Bench") -> None:
    document_id = intend(bench)
    assert document(bench) == LedgerDocument(
        id=document_id,
        connection_id=bench.connection_id,
        subject="order:5001",
        key="BC-5001",
        kind=DocumentKind.CUSTOMER_ORDER,
        state=DocumentState.INTENDED,
        fact_hash="facts-1",
        amount=Decimal("69.84"),
        currency="USD",
        reference="",
        etag="",
        draft='{"key": "BC-5001"}',
        created_at=bench.clock.now(),
    )


def test_intending_the_same_key_again_is_the_same_document_unchanged(bench: "Bench") -> None:
    first = intend(bench)
    other = NewDocument(
        bench.connection_id, "order:1", "BC-5001", DocumentKind.CUSTOMER_ORDER, "facts-2", Decimal(1), "EUR", "{}"
    )
    assert intend(bench, other) == first
    kept = document(bench)
    assert (kept.subject, kept.fact_hash, kept.amount, kept.draft) == (
        "order:5001",
        "facts-1",
        Decimal("69.84"),
        '{"key": "BC-5001"}',
    )


def test_a_key_is_taken_by_kind_and_connection(bench: "Bench") -> None:
    assert intend(bench) != intend(bench, new_document(bench, kind=DocumentKind.CUSTOMER))
    held = bench.database.read_sync(lambda conn: ledger.of_subject(conn, bench.connection_id, "order:5001"))
    assert [d.kind for d in held.documents] == [DocumentKind.CUSTOMER_ORDER, DocumentKind.CUSTOMER]
    assert bench.database.read_sync(lambda conn: ledger.of_subject(conn, 999, "order:5001")).documents == ()
    assert bench.database.read_sync(lambda c: ledger.find(c, 999, DocumentKind.CUSTOMER, "BC-5001")) is None


# -- the life of a call ------------------------------------------------------------------------------------------------


def test_a_call_is_written_down_as_sent_with_its_deadline(bench: "Bench", held: Claim) -> None:
    document_id, deadline = intend(bench), bench.clock.now() + timedelta(seconds=30)
    sent = DocumentChange(state=DocumentState.SENT)
    record(bench, held, document_id, header(PartState.SENT, deadline_at=deadline), change=sent)
    found = document(bench)
    assert found.state is DocumentState.SENT
    now = bench.clock.now()
    assert found.parts == (LedgerPart("header", 1, PartState.SENT, sent_at=now, deadline_at=deadline, sends=1),)


def test_an_answer_and_the_next_call_share_one_commit(bench: "Bench", held: Claim) -> None:
    document_id = intend(bench)
    record(bench, held, document_id, header(PartState.SENT))
    first_sent = bench.clock.now()
    bench.clock.advance(2)
    record(
        bench,
        held,
        document_id,
        header(PartState.CONFIRMED, reference="*1234"),
        PartChange("line:17", 2, PartState.SENT),
        change=DocumentChange(reference="*1234", etag='W/"1"'),
    )
    found = document(bench)
    assert (found.reference, found.etag, found.state) == ("*1234", 'W/"1"', DocumentState.INTENDED)
    first, second = found.parts
    assert (first.state, first.reference, first.sent_at) == (PartState.CONFIRMED, "*1234", first_sent)
    assert (second.name, second.state, second.sent_at) == ("line:17", PartState.SENT, bench.clock.now())
    assert found.is_confirmed("header")
    assert not found.is_confirmed("line:17")


def test_what_a_change_leaves_out_stays(bench: "Bench", held: Claim) -> None:
    document_id = intend(bench)
    change = DocumentChange(reference="*1234", etag='W/"1"', error="odd")
    record(bench, held, document_id, header(PartState.CONFIRMED, reference="*1234"), change=change)
    record(bench, held, document_id, header(PartState.CONFIRMED), change=DocumentChange(state=DocumentState.SENT))
    found = document(bench)
    assert (found.reference, found.etag, found.error, found.parts[0].reference) == ("*1234", 'W/"1"', "odd", "*1234")


def test_look_ups_of_an_unknown_call_are_counted_until_it_is_sent_again(bench: "Bench", held: Claim) -> None:
    document_id = intend(bench)
    first = bench.clock.now() + timedelta(seconds=30)
    record(bench, held, document_id, header(PartState.SENT, deadline_at=first))
    record(bench, held, document_id, header(PartState.UNKNOWN, error="timed out"))
    for _ in range(3):
        record(bench, held, document_id, header(PartState.UNKNOWN, looked_up=True, error="timed out"))
    (part,) = document(bench).parts
    assert (part.state, part.look_ups, part.deadline_at, part.error) == (PartState.UNKNOWN, 3, first, "timed out")
    bench.clock.advance(60)
    again = bench.clock.now() + timedelta(seconds=30)
    record(bench, held, document_id, header(PartState.SENT, deadline_at=again))
    (part,) = document(bench).parts
    assert (part.state, part.look_ups, part.deadline_at, part.sent_at, part.error) == (
        PartState.SENT,
        0,
        again,
        bench.clock.now(),
        "",
    )


def test_a_call_found_by_look_up_is_confirmed_with_the_look_up_counted(bench: "Bench", held: Claim) -> None:
    document_id = intend(bench)
    record(bench, held, document_id, header(PartState.SENT))
    record(bench, held, document_id, header(PartState.CONFIRMED, reference="*1234", looked_up=True))
    (part,) = document(bench).parts
    assert (part.state, part.reference, part.look_ups) == (PartState.CONFIRMED, "*1234", 1)


def test_parts_are_listed_in_the_order_of_their_calls(bench: "Bench", held: Claim) -> None:
    document_id = intend(bench)
    for ordinal, name in ((3, "charge:FREIGHT#1"), (1, "header"), (2, "line:17")):
        record(bench, held, document_id, PartChange(name, ordinal, PartState.SENT))
    assert [part.name for part in document(bench).parts] == ["header", "line:17", "charge:FREIGHT#1"]


def test_recording_extends_the_lease(bench: "Bench", held: Claim) -> None:
    document_id = intend(bench)
    bench.clock.advance(50)
    bench.database.write_sync(lambda tx: ledger.record(tx, held, document_id, [], lease=timedelta(seconds=200)))
    assert bench.row(5001).lease_until == bench.clock.now() + timedelta(seconds=200)


def test_a_buyers_document_is_recorded_without_an_orders_lease(bench: "Bench") -> None:
    document_id = intend(bench)
    bench.database.write_sync(lambda tx: ledger.record(tx, None, document_id, [header(PartState.SENT)]))
    assert document(bench).parts[0].state is PartState.SENT


def test_a_part_of_no_document_is_refused(bench: "Bench", held: Claim) -> None:
    with pytest.raises(StoreFault):
        record(bench, held, 999, header(PartState.SENT))


def test_a_document_is_confirmed_and_counted_once(bench: "Bench", held: Claim) -> None:
    document_id = intend(bench)
    confirmed = DocumentChange(state=DocumentState.CONFIRMED)
    first = bench.clock.now()
    record(bench, held, document_id, header(PartState.CONFIRMED), change=confirmed)
    bench.clock.advance(30)
    record(bench, held, document_id, PartChange("release", 9, PartState.CONFIRMED), change=confirmed)
    assert document(bench).confirmed_at == first
    counted = bench.database.read_sync(lambda conn: journal.counts(conn, "documents"))
    assert counted == {(bench.connection_id, "customer_order"): 1}


def test_the_documents_of_an_order_are_shown_with_their_calls(bench: "Bench", held: Claim) -> None:
    document_id = intend(bench)
    record(bench, held, document_id, header(PartState.FAILED, error="no such site"), change=DocumentChange(error="bad"))
    (shown,) = bench.database.read_sync(lambda conn: views.documents(conn, bench.connection_id, 5001))
    assert (shown.key, shown.kind, shown.state, shown.amount, shown.currency, shown.error) == (
        "BC-5001",
        "customer_order",
        "intended",
        Decimal("69.84"),
        "USD",
        "bad",
    )
    assert shown.parts == ({"part": "header", "state": "failed", "reference": "", "error": "no such site"},)


# -- withdrawing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [None, *PartState])
def test_a_document_is_withdrawn_only_where_surely_nothing_reached_ifs(
    bench: "Bench", held: Claim, state: PartState | None
) -> None:
    document_id = intend(bench)
    if state is not None:
        record(bench, held, document_id, header(state))
    may = state in (None, PartState.INTENDED, PartState.FAILED)
    assert bench.database.write_sync(lambda tx: ledger.withdraw(tx, held, document_id)) is may
    left = bench.database.read_sync(lambda conn: ledger.of_subject(conn, bench.connection_id, "order:5001")).documents
    assert len(left) == (0 if may else 1)


def test_one_call_that_may_have_reached_ifs_keeps_the_whole_document(bench: "Bench", held: Claim) -> None:
    document_id = intend(bench)
    record(bench, held, document_id, header(PartState.UNKNOWN), PartChange("line:1", 2, PartState.FAILED))
    assert not bench.database.write_sync(lambda tx: ledger.withdraw(tx, held, document_id))
    assert len(document(bench).parts) == 2


def test_what_is_withdrawn_can_be_intended_anew(bench: "Bench", held: Claim) -> None:
    document_id = intend(bench)
    record(bench, held, document_id, header(PartState.FAILED))
    bench.database.write_sync(lambda tx: ledger.withdraw(tx, held, document_id))
    intend(bench)
    assert document(bench).parts == ()


def test_another_draft_takes_the_place_of_the_frozen_one(bench: "Bench") -> None:
    document_id = intend(bench)
    bench.database.write_sync(lambda tx: ledger.replace_draft(tx, document_id, '{"key": "new"}'))
    assert document(bench).draft == '{"key": "new"}'
