"""An order that was edited after it was sent goes on as a person says: keep, adopt, by hand (ACCOUNTING §1)."""

from dataclasses import replace

import pytest

from bcifs_console.accounting.basis import fact_hash
from bcifs_console.accounting.edits import not_adoptable, standing
from bcifs_console.accounting.freeze import basis_of
from bcifs_console.domain.basis import Basis
from bcifs_console.domain.edits import EditAnswer, EditChoice
from bcifs_console.domain.orders import Order
from bcifs_console.domain.plan import Verdict
from bcifs_console.domain.rules import Purpose
from bcifs_console.domain.updates import UpdateKind
from tests.accounting.bookkeeping import (
    BOOK_RULES,
    BOOKS,
    BookLedger,
    amounts,
    codes,
    kept,
    lived,
    looked_at,
    product,
    refund,
    rows_of,
    shipment,
    sums,
    tender,
)
from tests.accounting.building import PLACED, dec, line, order

#: Two shirts and a cap; then three shirts at a lower price, and the cap is gone.
BEFORE = order([line(1, ex="200", inc="240", quantity=2), line(2, ex="50", inc="50")], inc="290", tax="40")
AFTER = order([line(1, ex="270", inc="324", quantity=3)], inc="324", tax="54")
PAID = (tender(44, "290"),)


def basis(of: Order) -> Basis:
    found = basis_of(of, BOOK_RULES, BOOKS)
    assert isinstance(found, Basis)
    return found


def said(choice: EditChoice, of: Order, reference: str = "") -> EditAnswer:
    adopted = basis(of) if choice is EditChoice.ADOPT else None
    return EditAnswer(choice, fact_hash(of), PLACED, "ann", reference, "", adopted)


def edited(*shipped: int) -> BookLedger:
    """The books of the order as it was placed and paid, with so many shirts shipped in each shipment."""
    records = tuple(shipment(60 + number, number, line_1=units) for number, units in enumerate(shipped, start=2))
    return kept(lived(BEFORE, tenders=PAID, shipments=records))


def test_nobody_having_answered_the_edit_waits() -> None:
    found = looked_at(lived(AFTER, tenders=PAID), edited())
    assert (found.verdict, len(found.conflicts)) == (Verdict.WAIT, 1)
    assert "bcifs orders edited 5001 keep | adopt | by-hand" in found.conflicts[0].remedy


def test_kept_the_order_goes_on_as_it_was_sent() -> None:
    books = edited()
    books.answers = (said(EditChoice.KEEP, AFTER),)
    of = lived(AFTER, status_id=11, tenders=PAID, shipments=(shipment(61, 2, line_1=2),))
    found = looked_at(of, books)
    assert (found.verdict, found.conflicts, found.release) == (Verdict.POST, (), True)
    assert "edit_keep" in codes(found)
    assert rows_of(books.voucher("SHIP/61")) == amounts(customer_balance="240", revenue="-200", tax_account="-40")
    assert [update.update_kind for update in found.updates] == [UpdateKind.TRACKING]


def test_adopted_the_new_totals_count_less_what_was_consumed() -> None:
    """One shirt went out at 120; three now cost 324 in all, so the two that are left are worth 204."""
    books = edited(1)
    books.answers = (said(EditChoice.ADOPT, AFTER),)
    of = lived(
        AFTER,
        status_id=2,
        tenders=(*PAID, tender(45, "34", 5)),
        shipments=(shipment(62, 2, line_1=1), shipment(63, 6, line_1=2)),
    )
    found = looked_at(of, books)
    assert (found.verdict, found.conflicts) == (Verdict.POST, ())
    assert rows_of(books.voucher("SHIP/62")) == amounts(customer_balance="120", revenue="-100", tax_account="-20")
    assert rows_of(books.voucher("SHIP/63")) == amounts(customer_balance="204", revenue="-170", tax_account="-34")
    assert found.position is not None
    assert (found.position.held, found.position.is_settled) == (dec(0), True)
    assert Purpose.CUSTOMER_BALANCE not in sums(books.vouchers)


def test_adopted_the_order_in_ifs_is_left_to_a_person() -> None:
    books = edited()
    books.answers = (said(EditChoice.ADOPT, AFTER),)
    given = refund(9, "108", "18", product(1, 1), at=3)
    found = looked_at(lived(AFTER, status_id=11, tenders=PAID, refunds=(given,)), books)
    assert (found.release, found.updates) == (False, ())
    assert "C9001 in IFS is changed, and released, by hand" in found.warnings[0].message
    assert books.voucher("REFUND/9").amount == dec(108)


def test_by_hand_money_goes_on_and_nothing_else_waits_or_is_posted() -> None:
    books = edited()
    books.answers = (said(EditChoice.BY_HAND, AFTER, "M-2026-17"),)
    given = refund(9, "108", "18", product(1, 1), at=3)
    of = lived(
        AFTER,
        status_id=2,
        tenders=(*PAID, tender(45, "34", 5)),
        shipments=(shipment(62, 2, line_1=3),),
        refunds=(given,),
    )
    found = looked_at(of, books)
    assert (found.verdict, found.conflicts, found.pending, found.release) == (Verdict.POST, (), (), False)
    assert [voucher.fact for voucher in found.vouchers] == ["payment 45"]
    assert codes(found) == ["edit_by_hand", "by_hand"]
    assert "M-2026-17" in found.warnings[0].message


@pytest.mark.parametrize("choice", list(EditChoice))
def test_another_edit_is_another_question(choice: EditChoice) -> None:
    books = edited()
    books.answers = (said(choice, AFTER, "M-1"),)
    again = order([line(1, ex="360", inc="432", quantity=4)], inc="432", tax="72")
    found = looked_at(lived(again, tenders=PAID), books)
    assert (found.verdict, len(found.conflicts)) == (Verdict.WAIT, 1)


def test_what_was_adopted_and_then_undone_in_the_store_is_an_edit_again() -> None:
    books = edited()
    books.answers = (said(EditChoice.ADOPT, AFTER),)
    assert looked_at(lived(BEFORE, tenders=PAID), books).verdict is Verdict.WAIT
    books.answers = (*books.answers, said(EditChoice.ADOPT, BEFORE))
    assert looked_at(lived(BEFORE, tenders=PAID), books).verdict is Verdict.POST


def test_an_edit_that_was_kept_and_then_undone_leaves_nothing_to_say() -> None:
    books = edited()
    books.answers = (said(EditChoice.KEEP, AFTER),)
    found = looked_at(lived(BEFORE, tenders=PAID), books)
    assert (found.verdict, codes(found)) == (Verdict.POST, [])


def test_the_last_answer_to_an_edit_counts() -> None:
    answers = (said(EditChoice.BY_HAND, AFTER, "M-1"), said(EditChoice.KEEP, AFTER))
    found = standing(basis(BEFORE), fact_hash(BEFORE), fact_hash(AFTER), answers)
    assert (found.is_edited, found.is_open, found.is_kept, found.is_by_hand) == (True, False, True, False)


@pytest.mark.parametrize(
    ("now", "fault"),
    [
        (order([line(2, ex="50", inc="50")], inc="50", tax="0"), "of line 1 2 units are booked, the order now has 0"),
        (
            order([line(1, ex="100", inc="120")], inc="120", tax="20"),
            "of line 1 2 units are booked, the order now has 1",
        ),
        (
            order([line(1, ex="150", inc="180", quantity=3)], inc="180", tax="30"),
            "of line 1 240.00 USD are booked, the order now has 180.00",
        ),
    ],
)
def test_less_than_is_booked_cannot_be_adopted(now: Order, fault: str) -> None:
    books = edited(2)
    (found,) = not_adoptable(basis(now), books.ledger)
    assert found == fault


def test_more_than_is_booked_can() -> None:
    assert not_adoptable(basis(AFTER), edited(1).ledger) == ()
    assert not_adoptable(basis(AFTER), replace(edited().ledger)) == ()
