"""What the rules say of an IFS customer order: sales parts, taxes, accounts, terms; what waits where none does."""

from dataclasses import replace

import pytest

from bcifs_console.domain.money import ZERO
from bcifs_console.domain.orders import AppliedDiscount, ChargeKind, Order, TaxRow
from bcifs_console.domain.plan import Blocker, Reason, Verdict
from bcifs_console.domain.rules import Allocation, Purpose, Rules
from tests.accounting.building import (
    DEFAULT_TAX,
    HOME,
    POLICY,
    REVENUE,
    RULES,
    charges_of,
    dec,
    drafted,
    line,
    official,
    order,
    planned,
    rule,
    shipping,
)

BY_RATE = Rules(
    (
        rule(Purpose.TAX, "code:S", 1, tax_rate="20"),
        rule(Purpose.TAX, "code:Z", 2, tax_rate="0"),
        *RULES.of(Purpose.CHARGE_TYPE),
        REVENUE,
    )
)


def item_tax(line_id: int, rate: str, amount: str, name: str = "VAT") -> TaxRow:
    return TaxRow(name, dec(rate), dec(amount), line_type="item", order_line_id=line_id)


def missing(of: Order, rules: Rules = RULES) -> tuple[Blocker, ...]:
    answer = planned(of, rules)
    assert answer.verdict is Verdict.WAIT
    assert answer.documents == ()
    assert {b.reason for b in answer.blockers} == {Reason.MAPPING}
    assert all(b.remedy and b.subject for b in answer.blockers)
    return answer.blockers


def test_only_what_is_discounted_is_in_the_discount() -> None:
    sold = [
        line(1, ex="100", inc="120", applied_discounts=(AppliedDiscount("c", dec(12), code="ONE"),), after="108"),
        line(2, ex="10", inc="10"),
    ]
    taxes = (item_tax(1, "20", "18"), item_tax(2, "0", "0"))
    draft = drafted(order(sold, inc="118", tax="18", coupon_discount=dec(12), taxes=taxes), BY_RATE)
    (discount,) = charges_of(draft, ChargeKind.DISCOUNT)
    assert (discount.tax.code, discount.ex_tax, discount.inc_tax) == ("S", dec(-10), dec(-12))
    assert discount.description == "Discount ONE"


def test_bundle_children_are_lines_at_price_zero_taxed_as_their_parent() -> None:
    sold = [line(1, ex="100", inc="120"), line(2, ex="0", inc="0", parent_id=1, quantity=2)]
    draft = drafted(order(sold, inc="120", tax="20", taxes=(item_tax(1, "20", "20"),)), BY_RATE)
    child = draft.lines[1]
    assert (child.net, child.gross, child.unit_price_ex_tax, child.quantity) == (ZERO, ZERO, ZERO, dec(2))
    assert child.tax.code == "S"


def test_a_custom_item_goes_by_its_sku_or_by_a_rule_on_its_name() -> None:
    custom = line(ex="10", inc="10", sku="", name="Engraving")
    of = order([custom], inc="10", tax="0")
    (blocker,) = missing(of)
    assert blocker.subject == "item 'Engraving'"
    named = Rules((rule(Purpose.SALES_PART, "SERVICE", name="engrav*"), *RULES.rules))
    assert drafted(of, named).lines[0].catalog_no == "SERVICE"


@pytest.mark.parametrize(("sku", "part"), [(" abc-1 ", "ABC-1"), ("x" * 25, "X" * 25)])
def test_the_sku_is_the_sales_part_trimmed_and_upper_cased(sku: str, part: str) -> None:
    assert drafted(order([line(ex="1", inc="1", sku=sku)], inc="1", tax="0")).lines[0].catalog_no == part


def test_a_sales_part_over_25_characters_waits() -> None:
    (blocker,) = missing(order([line(ex="1", inc="1", sku="x" * 26)], inc="1", tax="0"))
    assert "26 characters" in blocker.message


def test_an_unmapped_line_that_is_not_created_blocks_nothing() -> None:
    sold = [line(1, ex="100", inc="120", sku="", quantity_refunded=1), line(2, ex="50", inc="60")]
    assert planned(order(sold, inc="180", tax="30")).verdict is Verdict.POST


def test_a_discount_on_lines_that_are_not_created_needs_no_rule() -> None:
    sold = [line(1, ex="100", inc="120", discount="12", quantity_refunded=1), line(2, ex="50", inc="60")]
    rules = Rules(tuple(r for r in DEFAULT_TAX.rules if r.result != "PROMO"))
    assert drafted(order(sold, inc="168", tax="28", discount_amount=dec(12)), rules).charges == ()


def test_tax_codes_follow_the_stores_tax_rows() -> None:
    sold = [line(1, ex="100", inc="120"), line(2, ex="50", inc="50")]
    taxes = (item_tax(1, "20.0000", "20"), TaxRow("VAT", dec("20"), dec("2"), line_type="shipping"))
    draft = drafted(order(sold, inc="182", tax="22", taxes=taxes, charges=(shipping("10", "2"),)), BY_RATE)
    assert [li.tax.code for li in draft.lines] == ["S", "Z"]
    assert [c.tax.code for c in draft.charges] == ["S"]


def test_a_zero_rated_charge_has_the_rate_0() -> None:
    sold = line(ex="100", inc="120")
    of = order([sold], inc="130", tax="20", taxes=(item_tax(1, "20", "20"),), charges=(shipping("10", "0"),))
    assert [c.tax.code for c in drafted(of, BY_RATE).charges] == ["Z"]


def test_a_taxed_line_whose_tax_rows_are_gone_matches_no_rule_on_tax() -> None:
    (blocker,) = missing(order([line(ex="100", inc="120")], inc="120", tax="20", taxes=()), BY_RATE)
    assert blocker.message == "No tax rule for line SKU sku-1."


def test_taxes_of_one_line_that_are_mapped_differently_wait() -> None:
    taxes = (item_tax(1, "6", "6", "State"), item_tax(1, "2", "2", "County"))
    rules = Rules((rule(Purpose.TAX, "code:A", 1, tax_name="state"), rule(Purpose.TAX, "code:B", 2), *RULES.rules))
    (blocker,) = missing(order([line(ex="100", inc="108")], inc="108", tax="8", taxes=taxes), rules)
    assert "State 6 %" in blocker.message
    assert "County 2 %" in blocker.message
    alike = Rules((rule(Purpose.TAX, "code:A", 1, tax_name="state"), rule(Purpose.TAX, "code:A", 2), *RULES.rules))
    draft = drafted(order([line(ex="100", inc="108")], inc="108", tax="8", taxes=taxes), alike)
    assert draft.lines[0].tax.code == "A"


@pytest.mark.parametrize("result", ["", "code:", "charge: ", "S", "default:X"])
def test_a_tax_rule_that_says_no_treatment_waits(result: str) -> None:
    (blocker,) = missing(
        order([line(ex="1", inc="1")], inc="1", tax="0"), Rules((rule(Purpose.TAX, result), *RULES.rules))
    )
    assert blocker.subject == "rule tax#1 v1"


def test_every_missing_rule_is_named_at_once_and_once() -> None:
    sold = [
        line(1, ex="10", inc="10", sku="a"),
        line(2, ex="10", inc="10", sku="a"),
        line(3, ex="10", inc="10", sku="b"),
    ]
    of = order(sold, inc="35", tax="0", charges=(shipping("10", "0"),), discount_amount=dec(5))
    of = replace(of, lines=(*sold[:2], replace(sold[2], discounted_total_inc_tax=dec(5))))
    subjects = [b.subject for b in missing(of, Rules((rule(Purpose.TAX, "default", sku="a"),)))]
    assert subjects == [
        "SKU a",
        "SKU b",
        "tax on line SKU b, 0 %",
        "charge shipping",
        "tax on charge shipping, 0 %",
        "charge discount",
    ]


def test_posting_control_needs_no_account_and_sets_none() -> None:
    rules = Rules((rule(Purpose.CODE_PART_B, "SALES"), *RULES.rules))
    under_control = replace(POLICY, allocation=Allocation.POSTING_CONTROL)
    draft = drafted(official(), Rules(tuple(r for r in rules.rules if r is not REVENUE)), under_control)
    assert (draft.lines[0].account, draft.lines[0].code_parts) == ("", ())
    assert "posting control" in {t.rule for t in draft.traces}


def test_code_parts_payment_terms_and_ship_via_come_from_their_rules() -> None:
    rules = Rules(
        (
            rule(Purpose.CODE_PART_B, "SALES"),
            rule(Purpose.CODE_PART_J, "WEB", sku="sku-*"),
            rule(Purpose.CODE_PART_C, "NEVER", sku="other"),
            rule(Purpose.PAY_TERM, "30", payment_method="net*"),
            rule(Purpose.SHIP_VIA, "UPS", shipping_method="ups*"),
            *RULES.rules,
        )
    )
    of = official(payment_method="Net 30", shipping=(replace(HOME, shipping_method="UPS Ground"),))
    draft = drafted(of, rules)
    assert draft.lines[0].code_parts == (("B", "SALES"), ("J", "WEB"))
    assert (draft.pay_term, draft.ship_via) == ("30", "UPS")
