"""Which transactions are money: counted tenders, voids, evidence (ACCOUNTING §3)."""

from dataclasses import replace
from typing import Any

import pytest

from bcifs_console.accounting.tenders import Cash, cash_of, liability_of
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.movements import Tender
from bcifs_console.domain.plan import Reason
from bcifs_console.domain.rules import Purpose
from tests.accounting.bookkeeping import BOOKS, ONE, amounts, hours, kept, lived, looked_at, rows_of, tender
from tests.accounting.building import dec


def cash(*tenders: Tender) -> Cash:
    return cash_of(lived(ONE, tenders=tenders), BOOKS)


def counted(*tenders: Tender) -> list[int]:
    return [found.id for found in cash(*tenders).counted]


def test_purchases_and_captures_count_and_the_rest_is_evidence() -> None:
    events = ["purchase", "capture", "authorization", "pending", "refund", "something new"]
    assert counted(*(tender(n, "10", n, event) for n, event in enumerate(events, 1))) == [1, 2]


def test_what_failed_or_is_a_test_does_not_count() -> None:
    assert counted(tender(1, "10", status="error"), tender(2, "10", is_test=True)) == []
    of = lived(ONE, tenders=(tender(2, "10", is_test=True),))
    assert [t.id for t in cash_of(of, replace(BOOKS, count_test_tenders=True)).counted] == [2]


def test_settled_counts_unless_it_refers_to_money_that_counts() -> None:
    assert counted(tender(1, "10"), tender(2, "10", 2, "settled", reference_id=1)) == [1]
    assert counted(tender(1, "10", event="pending"), tender(2, "10", 2, "settled", reference_id=1)) == [2]
    assert counted(tender(2, "10", 2, "settled")) == [2]


def test_settled_through_a_chain_or_twice_counts_once() -> None:
    pending = tender(2, "10", 2, "pending", reference_id=1)
    assert counted(tender(1, "10"), pending, tender(3, "10", 3, "settled", reference_id=2)) == [1]
    first, second = (tender(n, "10", n, "settled", reference_id=2) for n in (3, 4))
    assert counted(replace(pending, reference_id=None), first, second) == [3]


def test_a_transaction_that_refers_to_itself_ends() -> None:
    assert counted(tender(1, "10", event="settled", reference_id=1)) == [1]


def test_a_void_takes_back_the_tender_it_names() -> None:
    found = cash(tender(1, "10"), tender(2, "10"), tender(3, "10", 2, "void", reference_id=2))
    assert [(v.void.id, v.of.id, v.amount) for v in found.voids] == [(3, 2, dec(10))]
    assert found.paid == dec(10)


def test_a_tender_is_voided_once() -> None:
    voids = (tender(3, "10", 2, "void", reference_id=1), tender(4, "10", 3, "void", reference_id=1))
    assert cash(tender(1, "10"), *voids).paid == ZERO


def test_a_void_without_a_reference_means_the_one_tender_it_fits() -> None:
    void = tender(3, "10", 2, "void")
    assert [v.of.id for v in cash(tender(1, "10"), tender(2, "11"), void).voids] == [1]
    unclear = cash(tender(1, "10"), tender(2, "10"), void)
    assert (unclear.voids, [b.subject for b in unclear.unclear]) == ((), ["void 3"])


def test_a_void_of_an_authorisation_beside_other_money_is_nothing() -> None:
    gift = tender(1, "50", method="gift_certificate", gateway="giftcertificate")
    found = cash(gift, tender(2, "70", 1, "authorization"), tender(3, "70", 2, "void"))
    assert (found.voids, found.unclear) == ((), ())


def test_an_unclear_void_is_shown_and_keeps_nothing_else_back() -> None:
    found = looked_at(lived(ONE, tenders=(tender(1, "60"), tender(2, "60"), tender(3, "60", 2, "void"))))
    assert [v.fact for v in found.vouchers] == ["payment 1", "payment 2"]
    assert [(b.reason, b.subject) for b in found.pending] == [(Reason.CONFLICT, "void 3")]


def test_when_an_order_was_paid_in_full() -> None:
    tenders = [tender(1, "60", 1), tender(2, "60", 5), tender(3, "60", 6, "void", reference_id=2), tender(4, "60", 8)]
    assert [cash(*tenders[:n]).full_at(dec(120), "USD") for n in (1, 2, 3, 4)] == [None, hours(5), None, hours(8)]
    assert cash(replace(tenders[0], amount=dec(120), currency="EUR")).full_at(dec(120), "USD") is None


@pytest.mark.parametrize(
    ("words", "purpose"),
    [
        (("gift_certificate", "x"), Purpose.GIFT_CERTIFICATE_LIABILITY),
        (("giftcertificates",), Purpose.GIFT_CERTIFICATE_LIABILITY),
        (("custom", "storecredit"), Purpose.STORE_CREDIT_LIABILITY),
        (("Store Credit",), Purpose.STORE_CREDIT_LIABILITY),
        (("credit_card", "stripe"), None),
    ],
)
def test_gift_certificates_and_store_credit_are_liabilities(words: tuple[str, ...], purpose: Purpose | None) -> None:
    assert liability_of(*words) is purpose


def split(**more: Any) -> tuple[Tender, ...]:
    gift = tender(1, "50", method="gift_certificate", gateway="giftcertificate")
    credit = tender(2, "30", method="store_credit", gateway="storecredit")
    return (replace(gift, **more), credit, tender(3, "40"))


def test_a_split_payment_draws_on_each_liability() -> None:
    books = kept(lived(ONE, tenders=split(), gift_certificate_amount=dec(50), store_credit_amount=dec("30.0000")))
    assert rows_of(books.voucher("PAY/1")) == amounts(gift_certificate_liability="50", customer_balance="-50")
    assert rows_of(books.voucher("PAY/2")) == amounts(store_credit_liability="30", customer_balance="-30")


def test_a_gift_certificate_that_disagrees_with_the_order_waits_alone() -> None:
    of = lived(ONE, tenders=split(), gift_certificate_amount=dec(60), store_credit_amount=dec(30))
    found = looked_at(of)
    assert [v.fact for v in found.vouchers] == ["payment 2", "payment 3"]
    (blocker,) = found.pending
    assert (blocker.reason, blocker.subject) == (Reason.TOTALS, "gift certificates")
    assert blocker.figures is not None
    assert (blocker.figures.store, blocker.figures.computed) == (dec(60), dec(50))


def test_store_credit_without_any_transaction_is_never_made_up() -> None:
    spent = lived(ONE, store_credit_amount=dec(30))
    assert looked_at(spent).pending == ()
    found = looked_at(replace(spent, payment_status="paid"))
    assert (found.vouchers, [b.subject for b in found.pending]) == ((), ["store credit"])


def test_a_tender_in_another_currency_waits() -> None:
    found = looked_at(lived(ONE, tenders=(tender(1, "120", currency="EUR"), tender(2, "5"))))
    assert [v.fact for v in found.vouchers] == ["payment 2"]
    assert [(b.reason, b.subject) for b in found.pending] == [(Reason.TOTALS, "tender 1")]
