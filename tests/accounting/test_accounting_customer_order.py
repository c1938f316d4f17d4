"""Worked examples: store orders and the IFS customer orders they become, figure by figure."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bcifs_console.domain.documents import ChargeDraft, CustomerOrderDraft, TaxTreatment
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.orders import Address, ChargeKind, Coupon, LineType
from bcifs_console.domain.rules import Purpose, Rules
from tests.accounting.building import (
    DEFAULT_TAX,
    HOME,
    POLICY,
    RULES,
    charge,
    charges_of,
    dec,
    drafted,
    ex_sum,
    inc_sum,
    line,
    official,
    order,
    planned,
    rule,
    shipping,
)

UNTAXED = TaxTreatment()


def sides(charges: list[ChargeDraft]) -> list[tuple[str, Decimal, Decimal]]:
    return [(c.key, c.ex_tax, c.inc_tax) for c in charges]


def figures(*rows: tuple[str, str, str]) -> list[tuple[str, Decimal, Decimal]]:
    return [(key, dec(ex), dec(inc)) for key, ex, inc in rows]


def assert_agrees(draft: CustomerOrderDraft, inc: str, tax: str) -> None:
    assert (draft.total_inc_tax, draft.total_tax) == (dec(inc), dec(tax))
    assert inc_sum(draft) == dec(inc)
    assert ex_sum(draft) == dec(inc) - dec(tax)
    assert sum((t.amount for t in draft.traces), ZERO) == dec(inc)


def test_official_example_with_ifs_tax() -> None:
    draft = drafted(official(), DEFAULT_TAX)
    (sold,) = draft.lines
    assert (sold.net, sold.gross) == (dec("62.68"), dec("67.84"))
    assert (sold.unit_price_ex_tax, sold.unit_price_inc_tax) == (dec("15.6698"), dec("16.96"))
    assert (sold.quantity, sold.catalog_no, sold.account) == (dec(4), "SKU-1", "4000")
    assert sides(charges_of(draft, ChargeKind.SHIPPING)) == figures(("FREIGHT#1", "11.09", "12.00"))
    assert sides(charges_of(draft, ChargeKind.DISCOUNT)) == figures(("PROMO#1", "-9.24", "-10.00"))
    assert charges_of(draft, ChargeKind.TAX) == []
    assert {c.tax for c in draft.charges} | {sold.tax} == {TaxTreatment(from_defaults=True)}
    assert_agrees(draft, "69.84", "5.31")


def test_official_example_with_tax_as_a_charge() -> None:
    draft = drafted(official())
    (sold,) = draft.lines
    assert (sold.net, sold.gross) == (dec("62.68"), dec("62.68"))
    assert sold.unit_price_ex_tax == sold.unit_price_inc_tax == dec("15.6698")
    assert sides(list(draft.charges)) == figures(
        ("FREIGHT#1", "11.09", "11.09"), ("PROMO#1", "-9.24", "-9.24"), ("SALESTAX#1", "5.31", "5.31")
    )
    assert {c.tax for c in draft.charges} | {sold.tax} == {UNTAXED}
    assert not draft.price_includes_tax
    assert_agrees(draft, "69.84", "5.31")


def test_official_example_over_two_lines_of_two_tax_codes() -> None:
    rules = Rules((rule(Purpose.TAX, "code:A", 1, sku="sku-1"), rule(Purpose.TAX, "code:B", 2), *RULES.rules))
    sold = [
        line(1, ex="40.0000", inc="43.2935", discount="6.3816"),
        line(2, ex="22.6793", inc="24.5465", discount="3.6184"),
    ]
    of = replace(official(), lines=tuple(sold))
    draft = drafted(of, rules)
    discounts = charges_of(draft, ChargeKind.DISCOUNT)
    assert [c.tax.code for c in discounts] == ["A", "B"]
    assert [c.key for c in discounts] == ["PROMO#1", "PROMO#2"]
    assert sum((c.ex_tax for c in discounts), ZERO) == dec("-9.24")
    assert_agrees(draft, "69.84", "5.31")


def test_the_header_says_whose_order_it_is() -> None:
    policy = replace(POLICY, order_reference="ACME/{order_id}", contract="200")
    of = official(customer_message="  Leave in backyard ")
    draft = drafted(of, policy=policy)
    assert (draft.key, draft.order_id, draft.customer_id, draft.contract) == ("ACME/5001", 5001, "C100", "200")
    assert (draft.currency, draft.placed_at, draft.ship_to) == ("USD", of.placed_at, HOME)
    assert (draft.note, draft.pay_term, draft.ship_via) == ("Leave in backyard", "", "")
    assert len(draft.fact_hash) == 64


def test_tax_inclusive_prices_lead_on_that_side() -> None:
    sold = line(ex="49.9917", inc="59.9900", price_inc_tax=dec("59.99"), price_ex_tax=dec("49.9917"))
    draft = drafted(order([sold], inc="59.99", tax="10.00", tax_inclusive=True))
    assert draft.price_includes_tax
    assert (draft.lines[0].unit_price_inc_tax, draft.lines[0].gross, draft.lines[0].net) == (
        dec("59.99"),
        dec("59.99"),
        dec("49.99"),
    )
    assert_agrees(draft, "59.99", "10.00")


def test_tax_as_a_charge_makes_even_an_inclusive_order_lead_by_nets() -> None:
    sold = line(ex="49.9917", inc="59.9900")
    rules = Rules((rule(Purpose.TAX, "charge:VAT"), *RULES.rules))
    draft = drafted(order([sold], inc="59.99", tax="10.00", tax_inclusive=True), rules)
    assert not draft.price_includes_tax
    assert (draft.lines[0].net, draft.lines[0].gross) == (dec("49.99"), dec("49.99"))
    assert sides(list(draft.charges)) == figures(("VAT#1", "10.00", "10.00"))
    assert_agrees(draft, "59.99", "10.00")


def test_modes_may_be_mixed_and_each_tax_charge_gathers_its_own() -> None:
    rules = Rules(
        (
            rule(Purpose.TAX, "charge:CITY", 1, sku="sku-1"),
            rule(Purpose.TAX, "charge:STATE", 2, sku="sku-2"),
            rule(Purpose.TAX, "code:S", 3, sku="sku-3"),
            rule(Purpose.TAX, "charge:CITY", 4, charge="shipping"),
            *RULES.rules,
        )
    )
    sold = [line(n, ex="100", inc="120") for n in (1, 2, 3)]
    draft = drafted(order(sold, inc="372", tax="62", charges=(shipping("10", "2"),), tax_inclusive=True), rules)
    assert not draft.price_includes_tax
    assert [(li.net, li.gross, li.tax.code) for li in draft.lines] == [
        (dec(100), dec(100), ""),
        (dec(100), dec(100), ""),
        (dec(100), dec(120), "S"),
    ]
    assert sides(charges_of(draft, ChargeKind.TAX)) == figures(("CITY#1", "22", "22"), ("STATE#1", "20", "20"))
    assert_agrees(draft, "372", "62")


@pytest.mark.parametrize("rules", [RULES, DEFAULT_TAX], ids=["charge", "default"])
def test_yen_have_no_decimals(rules: Rules) -> None:
    sold = line(ex="1000.0000", inc="1100.0000", quantity=3, discount="110")
    of = order(
        [sold], inc="1540", tax="140", currency="JPY", discount_amount=dec("110"), charges=(shipping("500", "50"),)
    )
    draft = drafted(of, rules)
    assert all(a == a.to_integral_value() for c in draft.charges for a in (c.ex_tax, c.inc_tax))
    assert draft.lines[0].net == 1000
    assert (draft.lines[0].unit_price_ex_tax * 3).quantize(dec(1)) == 1000
    assert_agrees(draft, "1540", "140")


def test_dinars_have_three_decimals() -> None:
    sold = line(ex="10.1235", inc="10.6297", quantity=7)
    draft = drafted(order([sold], inc="10.630", tax="0.506", currency="KWD"), DEFAULT_TAX)
    assert (draft.lines[0].net, draft.lines[0].gross) == (dec("10.124"), dec("10.630"))
    assert_agrees(draft, "10.630", "0.506")


def test_without_a_discount_a_fitted_cent_is_no_discount() -> None:
    sold = [line(n, ex="0.9950", inc="1.0771") for n in range(1, 61)]
    draft = drafted(order(sold, inc="64.60", tax="4.90"), DEFAULT_TAX)
    assert len(draft.lines) == 60
    assert draft.charges == ()
    assert_agrees(draft, "64.60", "4.90")


def test_a_coupon_before_tax_gives_each_side_its_own_discount() -> None:
    sold = line(ex="100", inc="108.25", discount="10", after="97.43")
    of = order([sold], inc="97.43", tax="7.43", coupon_discount=dec(10), coupons=(Coupon(1, "SAVE10", 0, dec(10)),))
    (discount,) = charges_of(drafted(of, DEFAULT_TAX), ChargeKind.DISCOUNT)
    assert (discount.ex_tax, discount.inc_tax) == (dec("-10.00"), dec("-10.82"))
    assert discount.description == "Discount SAVE10"


def test_free_shipping_leaves_no_charge() -> None:
    draft = drafted(order([line(ex="100", inc="120")], inc="120", tax="20", charges=(shipping("0", "0"),)))
    assert charges_of(draft, ChargeKind.SHIPPING) == []


def test_wrapping_handling_and_fees_are_charges_of_their_types() -> None:
    extras = (
        charge(ChargeKind.HANDLING, "3", "0.60"),
        charge(ChargeKind.WRAPPING, "5", "1"),
        charge(ChargeKind.FEE, "2", "0", name="Insurance", id=1),
        charge(ChargeKind.FEE, "1", "0", name="Recycling", id=2),
    )
    draft = drafted(order([line(ex="100", inc="120")], inc="132.60", tax="21.60", charges=extras), DEFAULT_TAX)
    assert sides(list(draft.charges)) == figures(
        ("HANDLING#1", "3", "3.60"), ("WRAPPING#1", "5", "6"), ("FEE#1", "2", "2"), ("FEE#2", "1", "1")
    )
    assert [c.description for c in draft.charges[2:]] == ["Insurance", "Recycling"]
    assert_agrees(draft, "132.60", "21.60")


def test_a_fee_outside_the_total_is_not_sent_but_named() -> None:
    fee = charge(ChargeKind.FEE, "2", "0")
    answer = planned(order([line(ex="100", inc="120")], inc="120", tax="20", charges=(fee,)))
    (draft,) = answer.documents
    assert charges_of(draft, ChargeKind.FEE) == []
    assert [w.code for w in answer.warnings] == ["fees_outside_total"]


def test_a_sold_gift_certificate_is_an_untaxed_charge_at_its_face_value() -> None:
    card = line(2, ex="50", inc="50", type=LineType.GIFT_CERTIFICATE, sku="", name="Gift Certificate")
    draft = drafted(order([line(ex="100", inc="120"), card], inc="170", tax="20", tax_inclusive=True))
    assert [li.order_line_id for li in draft.lines] == [1]
    (charged,) = charges_of(draft, ChargeKind.GIFT_CERTIFICATE)
    assert (charged.key, charged.ex_tax, charged.inc_tax, charged.tax) == ("GIFTCERT#1", dec(50), dec(50), UNTAXED)
    assert charged.description == "Gift Certificate"
    assert draft.price_includes_tax
    assert_agrees(draft, "170", "20")


def test_a_discounted_gift_certificate_keeps_its_face_value() -> None:
    card = line(ex="50", inc="50", type=LineType.GIFT_CERTIFICATE, discount="5")
    draft = drafted(order([card], inc="45", tax="0", discount_amount=dec(5)))
    assert sides(list(draft.charges)) == figures(("GIFTCERT#1", "50", "50"), ("PROMO#1", "-5", "-5"))
    assert_agrees(draft, "45", "0")


def test_a_digital_order_ships_nowhere() -> None:
    of = order([line(ex="10", inc="12", type=LineType.DIGITAL)], inc="12", tax="2")
    answer = planned(of)
    assert answer.documents[0].ship_to is None
    assert answer.warnings == ()


def test_goods_without_a_shipping_address_are_warned_about() -> None:
    answer = planned(official(shipping=()))
    assert answer.documents[0].ship_to is None
    assert [w.code for w in answer.warnings] == ["no_shipping_address"]


def test_of_several_shipping_addresses_the_first_is_used_and_the_others_named() -> None:
    other = Address(2, "John", "Roe", city="Toronto", country_iso2="CA")
    answer = planned(official(shipping=(HOME, other)))
    assert answer.documents[0].ship_to == HOME
    (warning,) = answer.warnings
    assert warning.code == "several_addresses"
    assert "John Roe, Toronto, CA" in warning.message


def test_lines_refunded_in_full_when_first_seen_are_not_created() -> None:
    sold = [
        line(1, ex="100", inc="120", quantity=2, quantity_refunded=2),
        line(2, ex="50", inc="60", quantity=2, quantity_refunded=1),
    ]
    answer = planned(order(sold, inc="192", tax="32", charges=(shipping("10", "2"),), status_id=14))
    (draft,) = answer.documents
    assert [li.order_line_id for li in draft.lines] == [2]
    assert_agrees(draft, "72", "12")
    assert [w.code for w in answer.warnings] == ["refunded_lines", "refunded_units"]


def test_each_amount_says_where_it_comes_from_and_by_which_rule() -> None:
    traces = [(str(t.amount), t.store_field, t.rule, t.ifs_field) for t in drafted(official()).traces]
    assert traces == [
        ("11.09", "shipping_cost_ex_tax", "charge_type#1000 v1", "charge:FREIGHT#1.ChargeAmount"),
        ("62.68", "products[1].total_ex_tax", "revenue#1 v1", "line:1.SaleUnitPrice"),
        ("-9.24", "discount_amount + coupon_discount", "charge_type#1004 v1", "charge:PROMO#1.ChargeAmount"),
        ("0.91", "shipping_cost_tax", "tax#1001 v1", "charge:SALESTAX#1.ChargeAmount"),
        ("4.40", "products[1].total_tax", "tax#1001 v1", "charge:SALESTAX#1.ChargeAmount"),
    ]
