"""An order that was edited after it was sent goes on as a person says: keep, adopt, by hand (ACCOUNTING §1)."""

from dataclasses import replace

import pytest

from bcifs_console.accounting.adopting import not_adoptable
from bcifs_console.accounting.basis import fact_hash
from bcifs_console.accounting.edits import edit_state
from bcifs_console.accounting.freeze import basis_of
from bcifs_console.domain.basis import Basis
from bcifs_console.domain.edits import EditAnswer, EditChoice
from bcifs_console.domain.orders import LineType, Order, TaxRow
from bcifs_console.domain.plan import Verdict
from bcifs_console.domain.rules import Purpose, TaxPoint
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
from tests.accounting.building import PLACED, dec, line, order, shipping

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


def test_by_hand_a_payment_changed_after_its_voucher_is_still_asked_about() -> None:
    books = edited()
    books.answers = (said(EditChoice.BY_HAND, AFTER, "M-2026-17"),)
    found = looked_at(lived(AFTER, tenders=(tender(44, "280"),)), books)
    assert [blocker.subject for blocker in found.pending] == ["BC-5001/PAY/44"]


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
    found = edit_state(basis(BEFORE), fact_hash(BEFORE), fact_hash(AFTER), answers)
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


# -- what an adopted basis must agree with ---------------------------------------------------------------------------


def test_a_line_that_is_booked_whole_cannot_become_dearer() -> None:
    """Nothing more of it would ever ship, so that what was paid for it in addition would stay held for ever."""
    dearer = order([line(1, ex="250", inc="300", quantity=2), line(2, ex="50", inc="50")], inc="350", tax="50")
    (found,) = not_adoptable(basis(dearer), edited(2).ledger)
    assert found == "all of line 1 is booked, as 240.00 USD with 40.00 tax; the order now has 300.00 with 50.00"
    assert not_adoptable(basis(dearer), edited(1).ledger) == ()


def test_a_line_that_is_booked_whole_cannot_bear_another_tax() -> None:
    untaxed = order([line(1, ex="240", inc="240", quantity=2), line(2, ex="50", inc="50")], inc="290", tax="0")
    (found,) = not_adoptable(basis(untaxed), edited(2).ledger)
    assert found == "all of line 1 is booked, as 240.00 USD with 40.00 tax; the order now has 240.00 with 0"


def test_a_cent_of_a_line_that_is_booked_whole_is_rounded_off_at_the_end() -> None:
    now = order([line(1, ex="200.01", inc="240.01", quantity=2), line(2, ex="50", inc="50")], inc="290.01", tax="40")
    books = edited(2)
    assert not_adoptable(basis(now), books.ledger) == ()
    books.answers = (said(EditChoice.ADOPT, now),)
    shipped = (shipment(62, 2, line_1=2), shipment(63, 3, line_2=1))
    found = looked_at(lived(now, tenders=(*PAID, tender(45, "0.01", 5)), shipments=shipped), books)
    assert rows_of(books.voucher("CLOSE")) == amounts(customer_balance="0.01", rounding="-0.01")
    assert found.position is not None
    assert found.position.is_settled


def test_a_charge_cannot_be_added_once_the_order_is_closed() -> None:
    shipped = (shipment(62, 2, line_1=2), shipment(63, 3, line_2=1))
    closed = kept(lived(BEFORE, tenders=PAID, shipments=shipped))
    assert "CLOSE" in closed.keys
    charged = replace(order(list(BEFORE.lines), inc="300", tax="40"), charges=(shipping("10", "0"),))
    (found,) = not_adoptable(basis(charged), closed.ledger)
    assert "all of shipping is booked" in found
    cent_more = kept(lived(BEFORE, tenders=(tender(44, "290.02"),), shipments=shipped))
    longer = order([*BEFORE.lines, line(3, ex="0.02", inc="0.02")], inc="290.02", tax="40")
    assert not_adoptable(basis(longer), closed.ledger) == ()
    assert not_adoptable(basis(longer), cent_more.ledger) == ("its closing has rounded 0.02 USD off already",)


def test_another_currency_cannot_be_adopted() -> None:
    euros = replace(AFTER, currency="EUR")
    assert not_adoptable(basis(euros), edited(1).ledger) == ("it is booked in USD, the order is now in EUR",)


def test_tax_of_another_kind_cannot_be_adopted() -> None:
    """Takes name their taxes by position: state tax booked may not become county tax."""

    def taxed(*names: str) -> Order:
        rows = tuple(TaxRow(name, dec(10), dec(20), "Default", "item", 1, 1) for name in names)
        return replace(order([line(1, ex="200", inc="240", quantity=2)], inc="240", tax="40"), taxes=rows)

    before, now = taxed("State", "County"), taxed("County", "State")
    shipped = lived(before, tenders=(tender(44, "240"),), shipments=(shipment(62, 2, line_1=1),))
    found = not_adoptable(basis(now), kept(shipped).ledger, before=basis(before))
    assert found == ("tax of line 1 is booked, and is of another kind now",)
    prepaid = replace(BOOKS, tax_point=TaxPoint.PAYMENT)
    paid = kept(lived(before, tenders=(tender(44, "240"),)), policy=prepaid)
    found = not_adoptable(basis(now), paid.ledger, before=basis(before))
    assert found == ("tax was declared on its payments, and is of other kinds now",)


def test_digital_goods_added_after_the_first_were_delivered_are_delivered_as_well() -> None:
    song = replace(line(1, ex="10", inc="10"), type=LineType.DIGITAL)
    one, two = order([song], inc="10", tax="0"), order([song, replace(song, id=2)], inc="20", tax="0")
    books = kept(lived(one, tenders=(tender(44, "10"),)))
    books.answers = (said(EditChoice.ADOPT, two),)
    found = looked_at(lived(two, tenders=(tender(44, "10"), tender(45, "10", 5))), books)
    assert rows_of(books.voucher("DIGITAL/2")) == amounts(customer_balance="10", revenue="-10")
    assert found.position is not None
    assert found.position.is_settled


def test_tax_declared_on_a_payment_is_taken_back_where_the_adopted_order_bears_less() -> None:
    prepaid = replace(BOOKS, tax_point=TaxPoint.PAYMENT)
    cheaper = order([line(1, ex="200", inc="220", quantity=2), line(2, ex="70", inc="70")], inc="290", tax="20")
    books = kept(lived(BEFORE, tenders=PAID), policy=prepaid)
    books.answers = (said(EditChoice.ADOPT, cheaper),)
    shipped = (shipment(62, 2, line_1=2, line_2=1),)
    looked_at(lived(cheaper, tenders=PAID, shipments=shipped), books, policy=prepaid)
    booked = sums(books.vouchers)
    assert Purpose.TAX_ON_PREPAYMENTS not in booked
    assert booked[Purpose.TAX_ACCOUNT] == dec(-20)


def test_what_a_person_may_have_changed_in_ifs_is_not_released_when_the_edit_is_undone() -> None:
    books = edited()
    books.answers = (said(EditChoice.ADOPT, AFTER), said(EditChoice.ADOPT, BEFORE))
    found = looked_at(lived(BEFORE, status_id=11, tenders=PAID), books)
    assert (found.verdict, found.release) == (Verdict.POST, False)


def test_what_was_booked_by_hand_is_not_booked_again_when_the_edit_is_undone() -> None:
    """The shirts that went out while a person booked by hand are in the books already: a person must say so."""
    books = edited()
    books.answers = (said(EditChoice.BY_HAND, AFTER, "M-1"),)
    undone = lived(BEFORE, status_id=11, tenders=PAID, shipments=(shipment(62, 2, line_1=2),))
    found = looked_at(undone, books)
    assert (found.verdict, found.vouchers, found.release) == (Verdict.WAIT, (), False)
    assert "booked by hand since" in found.conflicts[0].message
    books.answers = (*books.answers, said(EditChoice.KEEP, BEFORE))
    assert [voucher.fact for voucher in looked_at(undone, books).vouchers] == ["shipment 62"]


def test_a_refund_of_a_changed_line_keeps_no_refund_of_another_back() -> None:
    now = order([line(1, ex="270", inc="324", quantity=3), line(2, ex="50", inc="50")], inc="374", tax="54")
    books = edited()
    books.answers = (said(EditChoice.BY_HAND, now, "M-1"),)
    given = (refund(9, "108", "18", product(1, 1), at=3), refund(10, "50", "0", product(2, 1), at=4))
    found = looked_at(lived(now, tenders=PAID, refunds=given), books)
    assert [voucher.fact for voucher in found.vouchers] == ["refund 10"]
