"""Refunds by voucher: held and recognised goods, charges, order-level, tax only; when they post (ACCOUNTING §2, 3)."""

from dataclasses import replace

import pytest

from bcifs_console.domain.movements import Refund, RefundItem, RefundItemType, RefundPayment, Shipment
from bcifs_console.domain.orders import LineType
from bcifs_console.domain.plan import Reason, Verdict
from bcifs_console.domain.rules import Purpose, TaxPoint
from tests.accounting.bookkeeping import (
    BOOKS,
    ONE,
    PAID,
    WITH_SHIPPING,
    amounts,
    codes,
    item,
    kept,
    lived,
    looked_at,
    product,
    refund,
    rows_of,
    settled,
    shipment,
    sums,
    tender,
)
from tests.accounting.building import dec, line, order, shipping


def test_goods_refunded_while_shipping_is_kept_and_nothing_ships() -> None:
    """−110 + 100 + 10 = 0: the shipping that was kept becomes income when the order closes."""
    of = order([line(ex="100", inc="100")], inc="110", tax="0", charges=(shipping("10", "0"),))
    books = kept(lived(of, status_id=4, tenders=(tender(44, "110"),), refunds=(refund(9, "100", "0", product(1, 1)),)))
    moved = [books.voucher(key).balance for key in ("PAY/44", "REFUND/9", "CLOSE")]
    assert moved == [dec(110), dec(-100), dec(-10)]
    assert rows_of(books.voucher("CLOSE")) == amounts(customer_balance="10", shipping_income="-10")
    settled(books)


def test_an_order_level_refund_of_a_whole_unshipped_order_leaves_no_goodwill_and_no_income() -> None:
    given = refund(9, "121", "0", item(RefundItemType.ORDER, "121", 5001))
    of = lived(WITH_SHIPPING, status_id=4, tenders=(tender(44, "121"),), refunds=(given,))
    books = kept(of)
    assert rows_of(books.voucher("REFUND/9")) == amounts(goodwill="121", clearing="-121")
    assert rows_of(books.voucher("CLOSE")) == amounts(customer_balance="121", goodwill="-121")
    assert sums(books.vouchers) == {}


def test_such_a_refund_takes_back_the_tax_that_was_declared_at_payment() -> None:
    given = refund(9, "121", "0", item(RefundItemType.ORDER, "121", 5001))
    of = lived(WITH_SHIPPING, status_id=4, tenders=(tender(44, "121"),), refunds=(given,))
    books = kept(of, policy=replace(BOOKS, tax_point=TaxPoint.PAYMENT))
    assert rows_of(books.voucher("CLOSE")) == amounts(
        customer_balance="121", goodwill="-121", tax_account="11", tax_on_prepayments="-11"
    )
    assert sums(books.vouchers) == {}


def test_an_order_level_refund_of_goods_that_shipped_stays_goodwill() -> None:
    given = refund(9, "20", "0", item(RefundItemType.ORDER, "20", 5001))
    books = kept(lived(ONE, tenders=PAID, shipments=(shipment(61, 2, line_1=1),), refunds=(given,)))
    assert sums(books.vouchers) == amounts(clearing="100", goodwill="20", revenue="-100", tax_account="-20")


def test_a_restocking_fee_is_retained_and_its_tax_kept() -> None:
    given = refund(9, "100", "16.67", product(1, 1, "100"))
    books = kept(lived(ONE, tenders=PAID, refunds=(given,)))
    assert rows_of(books.voucher("REFUND/9")) == amounts(
        customer_balance="120", clearing="-100", tax_account="-3.33", retained_income="-16.67"
    )
    settled(books)


def test_a_restocking_fee_stated_as_an_adjustment_is_the_same() -> None:
    given = refund(9, "100", "16.67", product(1, 1, "120", adjustment="-20"))
    books = kept(lived(ONE, tenders=PAID, refunds=(given,)))
    assert rows_of(books.voucher("REFUND/9"))[Purpose.RETAINED_INCOME] == dec("-16.67")


def test_more_than_the_share_is_goodwill() -> None:
    given = refund(9, "144", "24", product(1, 1, "144"))
    books = kept(lived(ONE, tenders=(tender(44, "144"),), refunds=(given,)))
    assert rows_of(books.voucher("REFUND/9")) == amounts(
        customer_balance="120", tax_account="4", goodwill="20", clearing="-144"
    )


def test_a_mixed_refund_of_shipped_taxed_and_unshipped_zero_rated_goods() -> None:
    """The law's own example: Dr returns 100, tax 20, balance 50; Cr clearing 170."""
    of = order([line(1, ex="100", inc="120"), line(2, ex="50", inc="50")], inc="170", tax="20")
    given = refund(9, "170", "20", product(1, 1), product(2, 1))
    books = kept(lived(of, tenders=(tender(44, "170"),), shipments=(shipment(61, 2, line_1=1),), refunds=(given,)))
    assert rows_of(books.voucher("REFUND/9")) == amounts(
        returns="100", tax_account="20", customer_balance="50", clearing="-170"
    )
    settled(books)


def test_a_sold_gift_certificate_given_back_lowers_its_liability() -> None:
    of = order([line(1, ex="50", inc="50", type=LineType.GIFT_CERTIFICATE)], inc="50", tax="0")
    given = refund(9, "50", "0", product(1, 1))
    books = kept(lived(of, tenders=(tender(44, "50"),), refunds=(given,)))
    assert rows_of(books.voucher("REFUND/9")) == amounts(gift_certificate_liability="50", clearing="-50")
    assert sums(books.vouchers) == {}


def test_a_tax_adjustment_lowers_the_tax() -> None:
    books = kept(lived(ONE, tenders=PAID, refunds=(refund(9, "20", "20"),)))
    assert rows_of(books.voucher("REFUND/9")) == amounts(tax_account="20", clearing="-20")
    wrong = looked_at(lived(ONE, tenders=PAID, refunds=(refund(9, "20", "10"),)))
    assert [b.reason for b in wrong.pending] == [Reason.TOTALS]


def test_a_refund_to_store_credit_and_a_gift_certificate_credits_their_liabilities() -> None:
    payments = (RefundPayment(1, "storecredit", dec(70), True), RefundPayment(2, "giftcertificates", dec(50), True))
    given = refund(9, "120", "20", product(1, 1), payments=payments)
    books = kept(lived(ONE, tenders=PAID, refunds=(given,)))
    assert rows_of(books.voucher("REFUND/9")) == amounts(
        customer_balance="120", store_credit_liability="-70", gift_certificate_liability="-50"
    )


def test_charges_are_refunded_by_amount_held_first_and_then_from_income() -> None:
    of = lived(WITH_SHIPPING, tenders=(tender(44, "121"),))
    held = refund(9, "5.50", "0.50", item(RefundItemType.SHIPPING, "5.50"), at=2)
    shipped = (shipment(61, 3, line_1=1),)
    back = refund(10, "5.50", "0.50", item(RefundItemType.SHIPPING, "5.50"), at=4)
    books = kept(replace(of, refunds=(held,), shipments=shipped), replace(of, refunds=(held, back), shipments=shipped))
    assert rows_of(books.voucher("REFUND/9")) == amounts(customer_balance="5.50", clearing="-5.50")
    assert rows_of(books.voucher("SHIP/61"))[Purpose.SHIPPING_INCOME] == dec("-5.00")
    assert rows_of(books.voucher("REFUND/10")) == amounts(shipping_income="5.00", tax_account="0.50", clearing="-5.50")
    settled(books)


def test_a_full_refund_off_by_a_cent_uses_the_share_and_rounds() -> None:
    given = refund(9, "120.01", "20", product(1, 1, "120.01"))
    books = kept(lived(ONE, tenders=PAID, refunds=(given,)))
    assert rows_of(books.voucher("REFUND/9")) == amounts(customer_balance="120", rounding="0.01", clearing="-120.01")


@pytest.mark.parametrize(
    ("total", "tax", "amount"),
    [("100", "20", "120"), ("120", "10", "120"), ("120", "20", "100")],
)
def test_a_refund_that_does_not_prove_waits(total: str, tax: str, amount: str) -> None:
    found = looked_at(lived(ONE, tenders=PAID, refunds=(refund(9, total, tax, product(1, 1, amount)),)))
    assert [v.fact for v in found.vouchers] == ["payment 44"]
    (blocker,) = found.pending
    assert (blocker.reason, blocker.subject) == (Reason.TOTALS, "refund 9")
    assert blocker.figures is not None
    assert found.verdict is Verdict.POST


def test_an_order_with_a_refund_kept_back_is_not_settled() -> None:
    """It was paid and shipped and its balance is zero, but money that was given back is in no voucher."""
    whole = lived(ONE, status_id=2, tenders=PAID, shipments=(shipment(61, 2, line_1=1),))
    closed = looked_at(whole)
    assert closed.position is not None
    assert closed.position.is_settled
    kept_back = looked_at(replace(whole, refunds=(refund(9, "100", "20", product(1, 1, "120")),)))
    assert kept_back.position is not None
    assert (kept_back.position.held, kept_back.position.is_settled) == (dec(0), False)


@pytest.mark.parametrize("shipped", [(), (shipment(61, 2, line_1=1),)])
def test_more_units_than_remain_cannot_be_refunded(shipped: tuple[Shipment, ...]) -> None:
    given = refund(9, "240", "40", product(1, 2))
    found = looked_at(lived(ONE, tenders=PAID, shipments=shipped, refunds=(given,)))
    (blocker,) = found.pending
    assert (blocker.reason, blocker.subject) == (Reason.CONFLICT, "refund 9, line 1")
    assert "2 units of line 1, of which 1 remain" in blocker.message


def test_a_charge_gives_back_no_more_than_it_was() -> None:
    given = refund(9, "20", "1.82", item(RefundItemType.SHIPPING, "20"))
    found = looked_at(lived(WITH_SHIPPING, tenders=(tender(44, "121"),), refunds=(given,)))
    assert [(b.reason, b.subject) for b in found.pending] == [(Reason.TOTALS, "refund 9")]


@pytest.mark.parametrize(
    "given",
    [
        refund(9, "5", "0", item(RefundItemType.FEE, "5", 7)),
        refund(9, "5", "0", RefundItem("SOMETHING_NEW", 1, amount=dec(5))),
        refund(9, "5", "0", product(1, 0, "5")),
        refund(9, "5", "0", product(99, 1, "5")),
    ],
)
def test_a_refund_without_a_rule_waits_for_a_person(given: Refund) -> None:
    found = looked_at(lived(ONE, tenders=PAID, refunds=(given,)))
    assert [v.fact for v in found.vouchers] == ["payment 44"]
    assert [b.reason for b in found.pending] == [Reason.CONFLICT]


def test_a_refund_posts_when_its_payment_is_done() -> None:
    waiting = refund(9, "120", "20", product(1, 1), payments=(RefundPayment(1, "stripe", dec(120)),))
    of = lived(ONE, tenders=PAID, refunds=(waiting,))
    found = looked_at(of)
    assert ([v.fact for v in found.vouchers], codes(found)) == (["payment 44"], ["refund_pending"])
    done = replace(of, tenders=(*PAID, tender(50, "120", 9, "refund", reference_id=44)))
    assert [v.fact for v in looked_at(done).vouchers] == ["payment 44", "refund 9", "closing"]


def test_one_refund_transaction_pays_one_refund() -> None:
    of = order([line(ex="200", inc="240", quantity=2)], inc="240", tax="40")
    first, second = (
        refund(n, "120", "20", product(1, 1), at=n, payments=(RefundPayment(n, "stripe", dec(120)),)) for n in (9, 10)
    )
    named = replace(second, payments=(replace(second.payments[0], transaction_id="50"),))
    tenders = (tender(44, "240"), tender(50, "120", 9, "refund"))
    assert [v.fact for v in looked_at(lived(of, tenders=tenders, refunds=(first, second))).vouchers] == [
        "payment 44",
        "refund 9",
    ]
    assert [v.fact for v in looked_at(lived(of, tenders=tenders, refunds=(first, named))).vouchers] == [
        "payment 44",
        "refund 10",
    ]


def test_a_declined_refund_is_shown_and_never_posted() -> None:
    payment = RefundPayment(1, "stripe", dec(120), is_declined=True, declined_message="no funds")
    found = looked_at(lived(ONE, tenders=PAID, refunds=(refund(9, "120", "20", product(1, 1), payments=(payment,)),)))
    assert [v.fact for v in found.vouchers] == ["payment 44"]
    (blocker,) = found.pending
    assert blocker.reason is Reason.CONFLICT
    assert "no funds" in blocker.message


def test_a_held_refund_takes_declared_tax_back_as_far_as_it_is_given_back() -> None:
    policy = replace(BOOKS, tax_point=TaxPoint.PAYMENT)
    given = refund(9, "100", "16.67", product(1, 1, "100"))
    books = kept(lived(ONE, tenders=PAID, refunds=(given,)), policy=policy)
    assert rows_of(books.voucher("REFUND/9")) == amounts(
        customer_balance="120",
        clearing="-100",
        tax_on_prepayments="-20",
        tax_account="16.67",
        retained_income="-16.67",
    )
