"""Proving totals: the readings a store's figures allow, the cap, and what each line's share is."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bcifs_console.accounting.totals import Proof, prove
from bcifs_console.domain.documents import Figures
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.orders import Charge, ChargeKind, Coupon, LineType, Order, TaxRow
from bcifs_console.domain.plan import Reason
from tests.accounting.building import charge, dec, line, official, order, proven, shipping, totals_blockers


def figures(of: Order) -> Figures:
    (blocker,) = totals_blockers(of)
    assert blocker.figures is not None
    return blocker.figures


def row(line_id: int, rate: str, amount: str) -> TaxRow:
    return TaxRow("VAT", dec(rate), dec(amount), line_type="item", order_line_id=line_id)


def test_the_official_example_leaves_the_goods_what_total_and_charges_say() -> None:
    proof = proven(official())
    (share,) = proof.lines
    (freight,) = proof.charges
    assert (share.net, share.tax, share.gross) == (dec("53.44"), dec("4.40"), dec("57.84"))
    assert (share.net_before, share.gross_before) == (dec("62.68"), dec("67.84"))
    assert (freight.net, freight.tax, freight.gross) == (dec("11.09"), dec("0.91"), dec("12.00"))
    assert (proof.net, proof.tax, proof.gross) == (dec("64.53"), dec("5.31"), dec("69.84"))
    assert (proof.gross_off, proof.tax_off) == (ZERO, ZERO)


def test_ex_plus_tax_must_be_inc_to_the_minor_unit() -> None:
    of = replace(official(), total_tax=dec("5.3200"))
    shown = figures(of)
    assert (shown.store, shown.computed, shown.difference) == (dec("69.84"), dec("69.85"), dec("0.01"))


@pytest.mark.parametrize(
    ("ex", "tax", "inc"),
    [("64.5349", "5.3051", "69.8400"), ("64.5260", "5.3060", "69.8400"), ("64.5340", "5.3040", "69.8400")],
)
def test_four_decimal_figures_agree_as_stated_or_once_rounded(ex: str, tax: str, inc: str) -> None:
    of = replace(official(), total_ex_tax=dec(ex), total_tax=dec(tax), total_inc_tax=dec(inc))
    assert isinstance(prove(of), Proof)


@pytest.mark.parametrize(("currency", "unit"), [("USD", "0.01"), ("JPY", "1"), ("KWD", "0.001")])
@pytest.mark.parametrize("steps", [-6, -5, 5, 6])
def test_lines_may_be_off_by_the_cap_and_not_a_unit_more(currency: str, unit: str, steps: int) -> None:
    off = steps * dec(unit)
    whole = order([line(ex="1000", inc="1200")], inc="1200", tax="200", currency=currency)
    of = replace(whole, total_inc_tax=1200 + off, total_ex_tax=1000 + off)
    if abs(steps) <= 5:
        proof = proven(of)
        assert proof.lines[0].gross == 1200 + off
        assert proof.gross_off == -off
    else:
        shown = figures(of)
        assert (shown.what, shown.store, shown.computed) == ("goods including tax", 1200 + off, dec(1200))


def test_tax_of_lines_off_by_more_than_the_cap_waits_with_both_figures() -> None:
    of = order([line(ex="100", inc="120")], inc="120", tax="20.06")
    shown = figures(of)
    assert (shown.what, shown.store, shown.computed) == ("tax on goods", dec("20.06"), dec("20.00"))


def test_an_overridden_minor_unit_moves_the_cap() -> None:
    of = order([line(ex="100", inc="120")], inc="124", tax="24", currency="XXX")
    assert not isinstance(prove(of), Proof)
    assert isinstance(prove(of, {"XXX": 0}), Proof)


@pytest.mark.parametrize("stated", [None, "97.43"], ids=["unstated", "stated"])
def test_a_discount_before_tax_proves(stated: str | None) -> None:
    of = order(
        [line(ex="100", inc="108.25", discount="10", after=stated)],
        inc="97.43",
        tax="7.43",
        discount_amount=dec("10"),
    )
    (share,) = proven(of).lines
    assert (share.gross, share.tax, share.gross_before, share.net_before) == (
        dec("97.43"),
        dec("7.43"),
        dec("108.25"),
        dec("100"),
    )


def test_a_discount_before_tax_proves_where_the_store_states_the_line_as_if_it_were_after() -> None:
    of = order([line(ex="100", inc="108.25", discount="10")], inc="97.43", tax="7.43", discount_amount=dec("10"))
    assert proven(of).lines[0].gross == dec("97.43")


def test_a_discount_that_leaves_the_tax_alone_proves() -> None:
    of = order([line(ex="100", inc="120", discount="10")], inc="110", tax="20", coupon_discount=dec("10"))
    assert proven(of).lines[0].tax == 20


def test_a_discount_the_lines_do_not_name_is_spread_by_price_before_tax() -> None:
    lines = [line(1, ex="75", inc="90", after=None), line(2, ex="25", inc="30", after=None)]
    of = order(lines, inc="108", tax="18", discount_amount=dec("12"))
    assert [share.gross for share in proven(of).lines] == [81, 27]


def test_a_stated_line_amount_that_the_store_never_filled_is_passed_over() -> None:
    of = order([line(ex="100", inc="120", after="0.0000")], inc="120", tax="20")
    assert proven(of).lines[0].gross == 120


@pytest.mark.parametrize(("total", "tax", "inside"), [("125", "25", True), ("120", "20", False)])
def test_fees_are_read_in_or_out_of_the_total(total: str, tax: str, inside: bool) -> None:
    fee = charge(ChargeKind.FEE, "0", "5", id=7, name="Odd fee")
    proof = proven(order([line(ex="100", inc="120")], inc=total, tax=tax, charges=(fee,)))
    assert [share.charge for share in proof.charges] == ([fee] if inside else [])
    assert proof.outside == (() if inside else (fee,))
    assert proof.lines[0].gross == 120


def test_the_official_examples_fees_are_outside_its_total() -> None:
    fees = (
        Charge(ChargeKind.FEE, ZERO, dec("12.3"), ZERO, "A Fee", 1),
        Charge(ChargeKind.FEE, dec("4"), dec("12"), dec("8"), "B Fee", 2),
    )
    proof = proven(official(charges=(shipping("11.09", "0.91"), *fees)))
    assert proof.outside == fees
    assert proof.lines[0].gross == dec("57.84")


def test_a_shipping_coupon_beside_the_whole_shipping_cost_comes_off_shipping() -> None:
    of = order(
        [line(ex="100", inc="120")],
        inc="120",
        tax="20",
        charges=(shipping("10", "2"),),
        coupon_discount=dec("12"),
        coupons=(Coupon(1, "FREESHIP", 4, dec("12")),),
    )
    proof = proven(of)
    assert proof.charges == ()
    assert (proof.lines[0].gross, proof.lines[0].is_discounted) == (dec(120), False)


def test_a_shipping_coupon_already_off_the_shipping_cost_is_not_taken_off_twice() -> None:
    of = order(
        [line(ex="100", inc="120")],
        inc="126",
        tax="21",
        charges=(shipping("5", "1"),),
        coupons=(Coupon(1, "HALF", 3, dec("6")),),
        coupon_discount=dec("6"),
    )
    proof = proven(of)
    assert [c.gross for c in proof.charges] == [6]
    assert proof.lines[0].gross == 120


def test_a_shipping_coupon_lowers_shipping_and_its_tax_and_no_other_charge() -> None:
    of = order(
        [line(ex="100", inc="120")],
        inc="132",
        tax="22",
        charges=(shipping("10", "2"), charge(ChargeKind.HANDLING, "5", "1")),
        coupon_discount=dec("6"),
        coupons=(Coupon(1, "HALF", 3, dec("6")),),
    )
    proof = proven(of)
    assert [(c.charge.kind, c.gross, c.tax) for c in proof.charges] == [
        (ChargeKind.SHIPPING, dec(6), dec(1)),
        (ChargeKind.HANDLING, dec(6), dec(1)),
    ]
    assert proof.lines[0].gross == 120


def test_what_a_shipping_coupon_took_is_not_spread_over_the_goods() -> None:
    lines = [line(1, ex="75", inc="90", after=None), line(2, ex="25", inc="30", after=None)]
    of = order(
        lines,
        inc="108",
        tax="18",
        charges=(shipping("10", "2"),),
        coupon_discount=dec("24"),
        coupons=(Coupon(1, "FREESHIP", 4, dec("12")), Coupon(2, "TWELVE", 2, dec("12"))),
    )
    proof = proven(of)
    assert proof.charges == ()
    assert [share.gross for share in proof.lines] == [81, 27]


def test_a_shipping_coupon_without_a_shipping_cost_changes_nothing() -> None:
    coupon = Coupon(1, "FREESHIP", 4, dec("12"))
    of = order([line(ex="100", inc="120")], inc="120.02", tax="20", coupons=(coupon,))
    assert proven(of).lines[0].gross == dec("120.02")


def test_tax_rows_decide_over_line_tax() -> None:
    lines = [line(1, ex="100", inc="110"), line(2, ex="100", inc="110")]
    of = order(lines, inc="220", tax="20", taxes=(row(1, "20", "20"), row(2, "0", "0")))
    assert [share.tax for share in proven(of).lines] == [20, 0]


def test_tax_rows_the_store_forgot_fall_back_to_line_tax() -> None:
    of = order([line(ex="100", inc="120")], inc="120", tax="20", taxes=(row(9, "20", "3"),))
    assert proven(of).lines[0].tax == 20


def test_a_tax_row_of_handling_is_no_tax_of_the_line_it_names() -> None:
    lines = [line(1, ex="100", inc="110"), line(2, ex="100", inc="110")]
    handling = replace(row(2, "20", "4"), line_type="handling")
    taxes = (row(1, "20", "20"), row(2, "0", "0"), handling)
    of = order(lines, inc="244", tax="24", taxes=taxes, charges=(charge(ChargeKind.HANDLING, "20", "4"),))
    assert [share.tax for share in proven(of).lines] == [20, 0]


def test_without_any_discount_a_line_stated_a_cent_lower_is_not_discounted() -> None:
    (share,) = proven(order([line(ex="100", inc="120", after="119.98")], inc="119.98", tax="20")).lines
    assert (share.gross_before, share.is_discounted) == (dec("119.98"), False)


def test_several_tax_rows_of_a_line_count_together() -> None:
    of = order([line(ex="100", inc="108")], inc="108", tax="8", taxes=(row(1, "6", "6"), row(1, "2", "2")))
    assert proven(of).lines[0].tax == 8


def test_sixty_lines_of_rounded_tax_are_fitted_to_the_order() -> None:
    lines = [line(n, ex="0.9950", inc="1.0771") for n in range(1, 61)]
    proof = proven(order(lines, inc="64.60", tax="4.90"))
    assert sum((share.gross for share in proof.lines), ZERO) == dec("64.60")
    assert sum((share.tax for share in proof.lines), ZERO) == dec("4.90")
    assert {share.gross for share in proof.lines} == {dec("1.07"), dec("1.08")}
    assert not any(share.is_discounted for share in proof.lines)


def test_a_bundle_child_at_price_zero_takes_nothing() -> None:
    parent, child = line(1, ex="100", inc="120"), line(2, ex="0", inc="0", quantity=3, parent_id=1)
    proof = proven(order([parent, child], inc="120.01", tax="20.01"))
    assert [(share.gross, share.tax) for share in proof.lines] == [(dec("120.01"), dec("20.01")), (ZERO, ZERO)]


def test_an_order_given_away_proves() -> None:
    proof = proven(order([line(ex="50", inc="60", discount="60")], inc="0", tax="0", coupon_discount=dec("60")))
    (share,) = proof.lines
    assert (share.gross, share.tax, share.gross_before) == (ZERO, ZERO, dec(60))


def test_an_order_without_lines_proves_only_without_goods() -> None:
    of = order([], inc="12", tax="2", charges=(shipping("10", "2"),))
    assert proven(of).lines == ()
    assert totals_blockers(replace(of, total_inc_tax=dec("12.01"), total_ex_tax=dec("10.01")))


def test_store_credit_and_redeemed_certificates_take_no_part() -> None:
    of = order([line(ex="100", inc="120")], inc="120", tax="20")
    paid = replace(of, store_credit_amount=dec("50"), gift_certificate_amount=dec("70"))
    assert prove(paid) == prove(of)


@pytest.mark.parametrize("quantity", [0, -1])
def test_a_line_without_units_waits(quantity: int) -> None:
    of = order([line(7, ex="0", inc="0", quantity=quantity)], inc="0", tax="0")
    (blocker,) = totals_blockers(of)
    assert f"quantity {quantity}" in blocker.message
    assert blocker.subject == "line 7"


def test_every_flaw_is_named_at_once() -> None:
    lines = [line(1, ex="0", inc="0", quantity=0), line(2, ex="0", inc="0", quantity=-2)]
    blockers = totals_blockers(order(lines, inc="0", tax="0", currency=""))
    assert [b.subject for b in blockers] == ["currency", "line 1", "line 2"]
    assert all(b.remedy for b in blockers)


def test_tax_on_a_sold_gift_certificate_waits() -> None:
    of = order([line(ex="50", inc="60", type=LineType.GIFT_CERTIFICATE)], inc="60", tax="10")
    (blocker,) = totals_blockers(of)
    assert blocker.reason is Reason.TOTALS
    assert "Gift certificate line 1 carries tax 10" in blocker.message


@pytest.mark.parametrize(
    "more",
    [
        {"charges": (shipping("10", "2"),)},
        {"discount_amount": Decimal(30)},
        {"charges": (charge(ChargeKind.FEE, "10", "0"),)},
    ],
    ids=["uncharged shipping", "discount not taken", "fee of another amount"],
)
def test_where_no_reading_proves_the_order_waits(more: dict[str, Any]) -> None:
    of = order([line(ex="100", inc="120")], inc="121", tax="21", **more)
    assert totals_blockers(of)
