"""Units refunded before IFS may deliver them: the lines are lowered in IFS, and only then is the order released."""

from dataclasses import replace

import pytest

from bcifs_console.domain.documents import DocumentKind, DocumentState, Ledger, LedgerDocument, PartState
from bcifs_console.domain.plan import Plan, Reason, Verdict
from tests.accounting.building import PLACED, dec, followed, line, order, planned, released, sent, units, with_part


def updated(ledger: Ledger, key: str, state: DocumentState = DocumentState.CONFIRMED) -> Ledger:
    """The ledger with an order update written down."""
    update = LedgerDocument(
        id=len(ledger.documents) + 1,
        connection_id=1,
        subject="order:5001",
        key=key,
        kind=DocumentKind.ORDER_UPDATE,
        state=state,
        fact_hash="",
        amount=ledger.documents[0].amount,
        currency="USD",
        reference="C9001",
        etag="",
        draft="{}",
        created_at=PLACED,
    )
    return Ledger((*ledger.documents, update))


def test_a_line_refunded_in_full_is_left_out_and_the_rest_is_released() -> None:
    gone = line(1, ex="10", inc="10", quantity_refunded=1)
    answer = planned(order([gone, line(2, ex="10", inc="10")], inc="20", tax="0"))
    assert answer.release
    assert [w.code for w in answer.warnings] == ["refunded_lines"]
    assert answer.updates == ()


def test_a_line_refunded_in_part_is_posted_whole_with_an_update_and_not_released_yet() -> None:
    answer = planned(units(refunded=2))
    assert (answer.verdict, answer.release, answer.conflicts) == (Verdict.POST, False, ())
    assert answer.documents[0].lines[0].quantity == 3
    (warning,) = answer.warnings
    assert warning.code == "refunded_units"
    assert "2 of 3 units of SKU sku-1 (line 1)" in warning.message
    (update,) = answer.updates
    assert (update.key, update.order_no) == ("BC-5001/LINE/1/1", "")
    assert (update.quantity, update.was_quantity, update.gross) == (dec(1), dec(3), dec(20))


@pytest.mark.parametrize("refunded", [1, 2])
def test_units_refunded_after_it_was_sent_lower_the_line_before_it_is_released(refunded: int) -> None:
    answer = followed(units(), units(refunded=refunded))
    assert (answer.verdict, answer.release, answer.conflicts) == (Verdict.POST, False, ())
    (update,) = answer.updates
    assert (update.key, update.order_no) == (f"BC-5001/LINE/1/{3 - refunded}", "C9001")
    lowered = updated(sent(units()), update.key)
    assert planned(units(refunded=refunded), ledger=lowered) == Plan(Verdict.POST, release=True)


@pytest.mark.parametrize("state", [DocumentState.INTENDED, DocumentState.SENT, DocumentState.UNKNOWN])
def test_an_update_that_may_not_have_happened_does_not_release(state: DocumentState) -> None:
    answer = planned(units(refunded=2), ledger=updated(sent(units()), "BC-5001/LINE/1/1", state))
    assert (answer.verdict, answer.release, answer.updates) == (Verdict.POST, False, ())


def test_a_refused_update_is_a_conflict() -> None:
    answer = planned(units(refunded=2), ledger=updated(sent(units()), "BC-5001/LINE/1/1", DocumentState.FAILED))
    assert (answer.verdict, answer.release, answer.updates) == (Verdict.WAIT, False, ())
    (found,) = answer.conflicts
    assert (found.reason, found.subject) == (Reason.CONFLICT, "C9001")
    assert "2 of 3 units of part SKU-1 (line 1) were refunded" in found.message
    assert "lower the quantity or cancel the line, then release it there" in found.remedy


def test_a_second_refund_lowers_from_what_the_first_left() -> None:
    answer = planned(units(refunded=2), ledger=updated(sent(units()), "BC-5001/LINE/1/2"))
    (update,) = answer.updates
    assert update.key == "BC-5001/LINE/1/1"
    assert (update.was_quantity, update.quantity, update.gross) == (dec(2), dec(1), dec(10))
    assert not answer.release


def test_a_later_update_that_ifs_took_settles_a_refused_one() -> None:
    refused = updated(sent(units(4)), "BC-5001/LINE/1/3", DocumentState.FAILED)
    answer = planned(units(4, refunded=2), ledger=updated(refused, "BC-5001/LINE/1/2"))
    assert (answer.verdict, answer.release, answer.conflicts, answer.updates) == (Verdict.POST, True, (), ())


def test_units_refunded_once_shipped_lower_nothing() -> None:
    open_line = line(2, ex="10", inc="10")
    before = order([line(1, ex="10", inc="10"), open_line], inc="20", tax="0")
    returned = line(1, ex="10", inc="10", quantity_shipped=1, quantity_refunded=1)
    answer = followed(before, replace(before, lines=(returned, open_line)))
    assert (answer.updates, answer.release) == ((), True)


def test_an_order_refunded_whole_is_lowered_and_never_released() -> None:
    answer = followed(units(), units(refunded=3))
    assert (answer.verdict, answer.release, answer.conflicts) == (Verdict.POST, False, ())
    assert [update.key for update in answer.updates] == ["BC-5001/LINE/1/0"]


def test_units_refunded_after_the_release_are_lowered_too() -> None:
    answer = planned(units(refunded=2), ledger=released(sent(units())))
    assert (answer.verdict, answer.release, answer.warnings) == (Verdict.POST, True, ())
    assert [update.key for update in answer.updates] == ["BC-5001/LINE/1/1"]


@pytest.mark.parametrize("state", [state for state in PartState if state is not PartState.CONFIRMED])
def test_a_release_that_may_not_have_happened_does_not_count(state: PartState) -> None:
    answer = planned(units(refunded=2), ledger=with_part(sent(units()), "release", state))
    assert (answer.verdict, answer.release, len(answer.updates)) == (Verdict.POST, False, 1)


def test_a_line_that_ifs_never_got_may_be_refunded() -> None:
    gone, kept = line(1, ex="10", inc="10", quantity_refunded=1), line(2, ex="10", inc="10")
    of = order([gone, kept], inc="20", tax="0")
    assert followed(of, of) == Plan(Verdict.POST, release=True)


def test_a_cancelled_order_with_refunds_is_cancelled_not_lowered() -> None:
    answer = followed(units(), replace(units(refunded=3), status_id=5))
    assert [update.key for update in answer.updates] == ["BC-5001/CANCEL"]
    cancelled = updated(sent(units()), "BC-5001/CANCEL")
    assert planned(replace(units(refunded=3), status_id=5), ledger=cancelled) == Plan(Verdict.POST)


def test_a_refused_cancellation_and_a_reopened_order_are_conflicts() -> None:
    refused = updated(sent(units()), "BC-5001/CANCEL", DocumentState.FAILED)
    (found,) = planned(replace(units(), status_id=5), ledger=refused).conflicts
    assert "IFS refused to cancel it" in found.message
    (found,) = planned(units(), ledger=updated(sent(units()), "BC-5001/CANCEL")).conflicts
    assert "reopened" in found.message
