"""The worked checks of ACCOUNTING §2 and 3 and of the issue, to the cent."""

from dataclasses import replace

from bcifs_console.domain.buyers import Unknown
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.movements import RefundItemType
from bcifs_console.domain.orders import ChargeKind, LineType
from bcifs_console.domain.plan import Reason, Verdict
from bcifs_console.domain.rules import Purpose, TaxPoint
from tests.accounting.bookkeeping import (
    BOOKS,
    INVOICED,
    ONE,
    PAID,
    WITH_SHIPPING,
    BookLedger,
    amounts,
    codes,
    hours,
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
from tests.accounting.building import charge, dec, line, official, order, shipping


def test_the_official_example_posts_exactly_what_was_paid() -> None:
    of = lived(official(), tenders=(tender(44, "69.84"),), shipments=(shipment(61, 2, line_1=4),))
    books = kept(of)
    assert books.keys[-3:] == ["PAY/44", "SHIP/61", "CLOSE"]
    assert rows_of(books.voucher("PAY/44")) == amounts(clearing="69.84", customer_balance="-69.84")
    assert rows_of(books.voucher("SHIP/61")) == amounts(
        customer_balance="69.84", revenue="-53.44", shipping_income="-11.09", tax_account="-5.31"
    )
    assert books.voucher("SHIP/61").amount == dec("69.84")
    settled(books)


def test_a_payment_is_held_until_the_goods_leave() -> None:
    found = looked_at(lived(ONE, tenders=PAID))
    (voucher,) = found.vouchers
    assert (voucher.key, voucher.fact, voucher.at) == ("BC-5001/PAY/44", "payment 44", hours(1))
    assert [(r.purpose, r.account, r.debit, r.credit) for r in voucher.rows] == [
        (Purpose.CLEARING, "1910", dec(120), ZERO),
        (Purpose.CUSTOMER_BALANCE, "2420", ZERO, dec(120)),
    ]
    assert found.position is not None
    assert (found.position.held, found.position.paid, found.position.is_settled) == (dec(120), dec(120), False)


def test_thirds_of_a_line_sum_to_it_whatever_the_order() -> None:
    of = order([line(ex="10", inc="10", quantity=3)], inc="10", tax="0")
    shipments = (shipment(61, 2, line_1=1), shipment(62, 3, line_1=1), shipment(63, 4, line_1=1))
    books = kept(*(lived(of, tenders=(tender(44, "10"),), shipments=shipments[:n]) for n in (1, 3)))
    shipped = [books.voucher(f"SHIP/{n}").amount for n in (61, 62, 63)]
    assert shipped == [dec("3.33"), dec("3.34"), dec("3.33")]
    settled(books)


def test_shipping_more_than_remains_recognises_what_remains_and_an_empty_record_nothing() -> None:
    of = lived(ONE, tenders=PAID, shipments=(shipment(61, 2, line_1=5), shipment(62, 3, line_1=1)))
    books = kept(of)
    assert books.voucher("SHIP/61").amount == dec(120)
    assert (books.voucher("SHIP/62").rows, books.voucher("SHIP/62").takes) == ((), ())


def test_the_first_shipment_takes_the_charges() -> None:
    of = order([line(ex="100", inc="100", quantity=2)], inc="111", tax="1", charges=(shipping("10", "1"),))
    shipments = (shipment(61, 2, line_1=1), shipment(62, 3, line_1=1))
    books = kept(lived(of, tenders=(tender(44, "111"),), shipments=shipments))
    assert rows_of(books.voucher("SHIP/61")) == amounts(
        customer_balance="61", revenue="-50", shipping_income="-10", tax_account="-1"
    )
    assert rows_of(books.voucher("SHIP/62")) == amounts(customer_balance="50", revenue="-50")


def test_wrapping_goes_with_its_line() -> None:
    lines = [
        line(1, ex="20", inc="20", quantity=2, wrapping_inc_tax=dec(5)),
        line(2, ex="10", inc="10", wrapping_inc_tax=dec(1)),
    ]
    of = order(lines, inc="36", tax="0", charges=(charge(ChargeKind.WRAPPING, "6", "0"),))
    shipments = (shipment(61, 2, line_1=1), shipment(62, 3, line_2=1), shipment(63, 4, line_1=1))
    books = kept(lived(of, tenders=(tender(44, "36"),), shipments=shipments))
    wrapped = [rows_of(books.voucher(f"SHIP/{n}"))[Purpose.WRAPPING_INCOME] for n in (61, 62, 63)]
    assert wrapped == [dec("-2.50"), dec("-1"), dec("-2.50")]
    settled(books)


def test_authorised_then_voided_is_nothing() -> None:
    tenders = (tender(44, "120", 1, "authorization"), tender(45, "120", 2, "void", reference_id=44))
    found = looked_at(lived(ONE, status_id=7, tenders=tenders))
    assert (found.vouchers, found.pending) == ((), ())


def test_a_gift_certificate_sold_with_a_shirt_ends_at_zero() -> None:
    lines = [line(1, ex="100", inc="108"), line(2, ex="50", inc="50", type=LineType.GIFT_CERTIFICATE)]
    of = order(lines, inc="158", tax="8")
    books = kept(lived(of, tenders=(tender(44, "158"),), shipments=(shipment(61, 2, line_1=1),)))
    assert [v.fact for v in books.vouchers] == ["payment 44", "gift certificates", "shipment 61", "closing"]
    assert rows_of(books.voucher("GIFT")) == amounts(customer_balance="50", gift_certificate_liability="-50")
    assert books.voucher("GIFT").at == hours(1)
    settled(books)


def test_cancelled_after_capture_and_refunded_a_week_later_books_cash_once_each_way() -> None:
    paid = lived(ONE, tenders=PAID)
    cancelled = replace(paid, status_id=5)
    refunded = replace(cancelled, refunds=(refund(9, "120", "20", product(1, 1), at=170),))
    books = BookLedger()
    looked_at(paid, books)
    held = looked_at(cancelled, books)
    assert (held.vouchers, codes(held)) == ((), ["money_held"])
    assert held.position is not None
    assert held.position.held == dec(120)
    looked_at(refunded, books)
    assert [v.key for v in books.vouchers] == ["BC-5001/PAY/44", "BC-5001/REFUND/9", "BC-5001/CLOSE"]
    cash = [row.amount for v in books.vouchers for row in v.rows if row.purpose is Purpose.CLEARING]
    assert cash == [dec(120), dec(-120)]
    settled(books)


def test_a_cancelled_order_that_ifs_never_got_has_its_money_booked() -> None:
    of = lived(ONE, status_id=5, tenders=PAID, refunds=(refund(9, "120", "20", product(1, 1)),))
    found = looked_at(of, customer=Unknown())
    assert (found.verdict, found.documents, found.blockers) == (Verdict.POST, (), ())
    assert [v.key for v in found.vouchers] == ["BC-5001/PAY/44", "BC-5001/REFUND/9"]


def test_a_gated_order_that_holds_money_waits_for_its_status() -> None:
    found = looked_at(lived(ONE, status_id=1, tenders=PAID))
    (blocker,) = found.blockers
    assert (found.verdict, blocker.reason) == (Verdict.WAIT, Reason.STATUS)
    voided = (*PAID, tender(45, "120", 2, "void", reference_id=44))
    assert looked_at(lived(ONE, status_id=1, tenders=voided)).verdict is Verdict.IGNORE
    assert looked_at(lived(ONE, status_id=1)).verdict is Verdict.IGNORE


def test_a_shipment_deleted_and_recreated() -> None:
    first = lived(ONE, tenders=PAID, shipments=(shipment(61, 2, line_1=1),))
    gone = replace(first, shipments=())
    again = replace(first, shipments=(shipment(62, 5, line_1=1),))
    books = kept(first, gone, again)
    assert [v.key.removeprefix("BC-5001/") for v in books.vouchers] == [
        "PAY/44",
        "SHIP/61",
        "CLOSE",
        "SHIP/61/REV",
        "SHIP/62",
    ]
    shipped, undone = books.voucher("SHIP/61"), books.voucher("SHIP/61/REV")
    assert rows_of(undone) == {purpose: -amount for purpose, amount in rows_of(shipped).items()}
    assert undone.at == hours(1001)
    assert sums(books.vouchers) == amounts(clearing="120", revenue="-100", tax_account="-20")


def test_units_of_a_vanished_shipment_are_not_recognised_by_status() -> None:
    first = lived(ONE, tenders=PAID, shipments=(shipment(61, 2, line_1=1),))
    books = kept(first, replace(first, shipments=(), status_id=2))
    assert "SHIP/61/REV" in books.keys
    assert not any(key.startswith("SHIP/STATUS") for key in books.keys)


def test_a_vanished_shipment_whose_goods_were_refunded_is_a_conflict() -> None:
    given = refund(9, "120", "20", product(1, 1))
    first = lived(ONE, tenders=PAID, shipments=(shipment(61, 2, line_1=1),), refunds=(given,))
    books = kept(first)
    found = looked_at(replace(first, shipments=()), books)
    assert [(b.reason, b.subject) for b in found.pending] == [(Reason.CONFLICT, "shipment 61")]
    assert found.vouchers == ()


def test_an_outage_that_shows_a_refunded_order_first() -> None:
    given = refund(9, "110", "10", product(1, 1))
    books = kept(lived(WITH_SHIPPING, status_id=4, tenders=(tender(44, "121"),), refunds=(given,)))
    assert books.keys == ["LINE/1/0", "PAY/44", "REFUND/9", "CLOSE"]
    assert sums(books.vouchers) == amounts(clearing="11", shipping_income="-10", tax_account="-1")


def test_status_ships_what_no_record_ships() -> None:
    of = order([line(1, ex="10", inc="10", quantity=3)], inc="10", tax="0")
    of = lived(of, tenders=(tender(44, "10"),), shipments=(shipment(61, 5, line_1=1),), status_id=2)
    books = kept(replace(of, shipped_at=hours(4)))
    assert books.voucher("SHIP/STATUS/1").amount == dec("6.67")
    assert books.voucher("SHIP/STATUS/1").at == hours(4)
    assert books.voucher("SHIP/61").amount == dec("3.33")
    settled(books)


def test_digital_goods_are_delivered_at_full_capture_only() -> None:
    of = order([line(ex="100", inc="120", type=LineType.DIGITAL)], inc="120", tax="20")
    part = lived(of, tenders=(tender(44, "60"),))
    assert [v.fact for v in looked_at(part).vouchers] == ["payment 44"]
    full = replace(part, tenders=(tender(44, "60"), tender(45, "60", 7)))
    books = kept(part, full)
    assert books.keys == ["PAY/44", "PAY/45", "DIGITAL", "CLOSE"]
    assert books.voucher("DIGITAL").at == hours(7)
    assert rows_of(books.voucher("DIGITAL")) == amounts(customer_balance="120", revenue="-100", tax_account="-20")


def test_a_cancelled_order_delivers_nothing_that_was_not_delivered_before() -> None:
    of = order([line(ex="100", inc="120", type=LineType.DIGITAL)], inc="120", tax="20")
    books = kept(lived(of), lived(of, status_id=5, tenders=PAID, shipped_at=hours(2)))
    assert [v.fact for v in books.vouchers] == ["payment 44"]


def test_an_unpaid_order_stays_open_even_with_charges_to_recognise() -> None:
    sold = line(ex="100", inc="120", type=LineType.DIGITAL)
    of = order([sold], inc="125", tax="20", charges=(charge(ChargeKind.FEE, "5", "0", id=7),))
    unpaid = lived(of, status_id=10)
    books = kept(unpaid)
    assert [v.fact for v in books.vouchers] == ["digital goods"]
    looked_at(replace(unpaid, tenders=(tender(44, "124.99", 2000),)), books)
    assert rows_of(books.voucher("CLOSE")) == amounts(customer_balance="4.99", fee_income="-5", rounding="0.01")
    settled(books)


def test_a_bundle_ships_as_its_least_shipped_child() -> None:
    lines = [
        line(1, ex="100", inc="100", quantity=2),
        line(2, ex="0", inc="0", quantity=4, parent_id=1),
        line(3, ex="0", inc="0", quantity=2, parent_id=1),
    ]
    of = order(lines, inc="100", tax="0")
    shipments = (shipment(61, 2, line_2=3), shipment(62, 3, line_3=2), shipment(63, 4, line_2=1))
    books = kept(lived(of, tenders=(tender(44, "100"),), shipments=shipments))
    assert [books.voucher(f"SHIP/{n}").amount for n in (61, 62, 63)] == [ZERO, dec(50), dec(50)]
    settled(books)


def test_an_underpayment_within_the_cap_is_rounded_off_and_more_stays_open() -> None:
    shipped = (shipment(61, 2, line_1=1),)
    books = kept(lived(ONE, tenders=(tender(44, "119.97"),), shipments=shipped))
    assert rows_of(books.voucher("CLOSE")) == amounts(customer_balance="-0.03", rounding="0.03")
    owing = lived(ONE, tenders=(tender(44, "100"),), shipments=shipped)
    books = kept(owing)
    assert "CLOSE" not in books.keys
    found = looked_at(replace(owing, tenders=(tender(44, "100"), tender(45, "19.98", 9))), books)
    assert found.position is not None
    assert found.position.is_settled
    assert rows_of(books.voucher("CLOSE")) == amounts(customer_balance="-0.02", rounding="0.02")


def test_a_few_cents_that_nobody_paid_are_a_receivable_and_no_rounding() -> None:
    tiny = order([line(ex="0.03", inc="0.03")], inc="0.03", tax="0")
    unpaid = lived(tiny, shipments=(shipment(61, 2, line_1=1),))
    books = kept(unpaid)
    assert [v.fact for v in books.vouchers] == ["shipment 61"]
    looked_at(replace(unpaid, tenders=(tender(44, "0.03", 9),)), books)
    assert [v.fact for v in books.vouchers] == ["shipment 61", "payment 44", "closing"]
    settled(books)


def test_an_order_on_terms_is_a_receivable() -> None:
    found = looked_at(lived(ONE, shipments=(shipment(61, 2, line_1=1),)))
    assert [v.fact for v in found.vouchers] == ["shipment 61"]
    assert found.position is not None
    assert (found.position.held, found.position.is_consumed, found.position.is_settled) == (dec(-120), True, False)


def test_facts_before_the_start_consume_and_are_never_posted() -> None:
    of = order([line(ex="10", inc="10", quantity=3)], inc="10", tax="0")
    of = lived(of, tenders=(tender(44, "10"),), shipments=(shipment(61, 2, line_1=1), shipment(62, 6, line_1=2)))
    policy = replace(BOOKS, post_from=hours(4))
    books = BookLedger()
    found = looked_at(of, books, policy=policy)
    assert [v.fact for v in found.vouchers] == ["shipment 62", "closing"]
    assert books.voucher("SHIP/62").amount == dec("6.67")
    assert "before_start" in codes(found)
    assert found.position is not None
    assert (found.position.held, found.position.before_start, found.position.is_settled) == (ZERO, dec("6.67"), True)
    assert looked_at(of, books, policy=policy).vouchers == ()


def test_tax_is_declared_at_payment_and_used_by_the_shipment() -> None:
    policy = replace(BOOKS, tax_point=TaxPoint.PAYMENT)
    of = lived(ONE, tenders=(tender(44, "60"), tender(45, "60", 3)), shipments=(shipment(61, 4, line_1=1),))
    books = kept(of, policy=policy)
    assert rows_of(books.voucher("PAY/44")) == amounts(
        clearing="60", customer_balance="-60", tax_on_prepayments="10", tax_account="-10"
    )
    assert rows_of(books.voucher("SHIP/61")) == amounts(
        customer_balance="120", revenue="-100", tax_on_prepayments="-20"
    )
    assert sums(books.vouchers) == amounts(clearing="120", revenue="-100", tax_account="-20")


def test_tax_on_goods_that_left_unpaid_is_not_declared_again_when_they_are_paid() -> None:
    policy = replace(BOOKS, tax_point=TaxPoint.PAYMENT)
    books = kept(lived(ONE, tenders=(tender(44, "120", 9),), shipments=(shipment(61, 4, line_1=1),)), policy=policy)
    assert sums(books.vouchers) == amounts(clearing="120", revenue="-100", tax_account="-20")


def test_a_void_takes_declared_tax_back() -> None:
    policy = replace(BOOKS, tax_point=TaxPoint.PAYMENT)
    books = kept(lived(ONE, tenders=(*PAID, tender(45, "120", 2, "void", reference_id=44))), policy=policy)
    assert [v.fact for v in books.vouchers] == ["payment 44", "void 45"]
    assert sums(books.vouchers) == {}


def test_where_ifs_invoices_only_money_is_booked() -> None:
    given = refund(9, "121", "0", item(RefundItemType.ORDER, "121", 5001))
    of = lived(WITH_SHIPPING, tenders=(tender(44, "121"),), shipments=(shipment(61, 2, line_1=1),), refunds=(given,))
    books = kept(replace(of, status_id=4), policy=INVOICED)
    assert [v.fact for v in books.vouchers] == ["payment 44", "refund 9"]
    assert rows_of(books.voucher("REFUND/9")) == amounts(customer_balance="121", clearing="-121")


def test_an_edit_keeps_shipments_back_and_lets_money_go_on() -> None:
    two = order([line(1, ex="100", inc="120"), line(2, ex="50", inc="50")], inc="170", tax="20")
    books = kept(lived(two, tenders=(tender(44, "170"),)))
    dearer = line(2, ex="60", inc="60")
    edited = order([line(1, ex="100", inc="120"), dearer], inc="180", tax="20")
    of = lived(
        edited,
        tenders=(tender(44, "170"), tender(45, "10", 5)),
        shipments=(shipment(61, 6, line_2=1),),
        refunds=(refund(9, "120", "20", product(1, 1), at=7),),
    )
    found = looked_at(of, books)
    assert (found.verdict, len(found.conflicts)) == (Verdict.WAIT, 1)
    assert [v.fact for v in found.vouchers] == ["payment 45", "refund 9"]
    assert found.updates == ()
    of = replace(of, refunds=(*(of.refunds or ()), refund(10, "50", "0", product(2, 1), at=8)))
    (blocker,) = looked_at(of, books).pending
    assert (blocker.reason, blocker.subject) == (Reason.CONFLICT, "refund 10, line 2")


def test_a_posted_fact_that_changed_in_the_store_is_shown() -> None:
    books = kept(lived(ONE, tenders=PAID))
    found = looked_at(lived(ONE, tenders=(tender(44, "110"),)), books)
    assert found.vouchers == ()
    assert [(b.reason, b.subject) for b in found.pending] == [(Reason.CONFLICT, "BC-5001/PAY/44")]


def test_vouchers_off_or_without_a_choice_of_revenue_makes_none() -> None:
    of = lived(ONE, tenders=PAID, shipments=(shipment(61, 2, line_1=1),))
    found = looked_at(of, policy=replace(BOOKS, revenue_posting=None))
    assert (found.vouchers, found.pending, found.position) == ((), (), None)


def test_the_voucher_day_is_the_facts_own_in_the_connections_time_zone() -> None:
    found = looked_at(lived(ONE, tenders=(tender(44, "120", 4),)), policy=replace(BOOKS, time_zone="America/Chicago"))
    (voucher,) = found.vouchers
    assert (voucher.at.isoformat(), voucher.day.isoformat()) == ("2026-03-06T01:40:11+00:00", "2026-03-05")
