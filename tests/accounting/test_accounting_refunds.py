"""Units refunded before IFS may deliver them: such an order is never released as it stands."""

from dataclasses import replace

import pytest

from bcifs_console.domain.documents import DocumentState, Ledger, PartState
from bcifs_console.domain.plan import Plan, Reason, Verdict
from tests.accounting.building import followed, line, order, planned, released, sent, units, with_part


def test_a_line_refunded_in_full_is_left_out_and_the_rest_is_released() -> None:
    gone = line(1, ex="10", inc="10", quantity_refunded=1)
    answer = planned(order([gone, line(2, ex="10", inc="10")], inc="20", tax="0"))
    assert answer.release
    assert [w.code for w in answer.warnings] == ["refunded_lines"]


def test_a_line_refunded_in_part_is_posted_unreleased_with_a_warning() -> None:
    answer = planned(units(refunded=2))
    assert (answer.verdict, answer.release, answer.conflicts) == (Verdict.POST, False, ())
    assert answer.documents[0].lines[0].quantity == 3
    (warning,) = answer.warnings
    assert warning.code == "refunded_units"
    assert "2 of 3 units of SKU sku-1 (line 1)" in warning.message


@pytest.mark.parametrize("refunded", [1, 2])
def test_units_refunded_after_it_was_sent_and_before_release_are_a_conflict(refunded: int) -> None:
    answer = followed(units(), units(refunded=refunded))
    assert (answer.verdict, answer.release) == (Verdict.WAIT, False)
    (found,) = answer.conflicts
    assert (found.reason, found.subject) == (Reason.CONFLICT, "C9001")
    assert f"{refunded} of 3 units of SKU sku-1 (line 1) were refunded" in found.message
    assert "IFS order C9001 still has them" in found.message
    assert "lower the quantity or cancel the line, then release it there" in found.remedy


def test_an_order_refunded_whole_before_its_release_is_simply_never_released() -> None:
    answer = followed(units(), units(refunded=3))
    assert (answer.verdict, answer.release, answer.conflicts) == (Verdict.POST, False, ())
    assert [warning.code for warning in answer.warnings] == ["refunded_units"]


def test_units_refunded_after_the_release_change_nothing() -> None:
    assert planned(units(refunded=2), ledger=released(sent(units()))) == Plan(Verdict.POST, release=True)


@pytest.mark.parametrize("state", [state for state in PartState if state is not PartState.CONFIRMED])
def test_a_release_that_may_not_have_happened_does_not_count(state: PartState) -> None:
    answer = planned(units(refunded=2), ledger=with_part(sent(units()), "release", state))
    assert (answer.verdict, answer.release, len(answer.conflicts)) == (Verdict.WAIT, False, 1)


def test_a_line_that_ifs_never_got_may_be_refunded() -> None:
    gone, kept = line(1, ex="10", inc="10", quantity_refunded=1), line(2, ex="10", inc="10")
    of = order([gone, kept], inc="20", tax="0")
    assert followed(of, of) == Plan(Verdict.POST, release=True)


def test_an_order_broken_off_is_completed_unreleased_before_its_refund_is_asked_about() -> None:
    """Released by hand, half an order would be a wrong amount."""
    whole = sent(units())
    broken = Ledger((replace(whole.documents[0], state=DocumentState.SENT),))
    answer = planned(units(refunded=2), ledger=broken)
    assert (answer.verdict, answer.release, answer.conflicts) == (Verdict.POST, False, ())
    assert [w.code for w in answer.warnings] == ["refunded_units"]
    read_back = with_part(broken, "read_back", PartState.CONFIRMED)
    assert planned(units(refunded=2), ledger=read_back).verdict is Verdict.WAIT


def test_a_cancelled_order_with_refunds_is_to_be_cancelled_not_released() -> None:
    (found,) = followed(units(), replace(units(refunded=3), status_id=5)).conflicts
    assert "was cancelled" in found.message
