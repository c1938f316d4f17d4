"""Which accounts and code parts the rows of a voucher get, and what waits where no rule says."""

from bcifs_console.domain.plan import Reason
from bcifs_console.domain.rules import Condition, ConditionField, MappingRule, Purpose, Rules
from tests.accounting.bookkeeping import (
    ACCOUNTS,
    BOOK_RULES,
    ONE,
    PAID,
    BookLedger,
    lived,
    looked_at,
    product,
    refund,
    settled,
    shipment,
    tender,
    without,
)
from tests.accounting.building import dec, line, order, rule


def test_a_missing_rule_keeps_back_one_voucher_and_those_that_build_on_it() -> None:
    rules = without(Purpose.TAX_ACCOUNT)
    given = refund(9, "120", "20", product(1, 1), at=5)
    of = lived(
        ONE,
        tenders=(*PAID, tender(45, "1", 7)),
        shipments=(shipment(61, 2, line_1=1),),
        refunds=(given,),
    )
    found = looked_at(of, rules=rules)
    assert [v.fact for v in found.vouchers] == ["payment 44", "payment 45"]
    (blocker,) = found.pending
    assert (blocker.reason, blocker.subject) == (Reason.MAPPING, "tax_account S")
    assert "[mapping.accounts]" in blocker.remedy
    assert "tax_account" in blocker.remedy


def test_a_missing_clearing_account_is_named_by_method_gateway_and_currency() -> None:
    rules = without(Purpose.CLEARING)
    found = looked_at(lived(ONE, tenders=PAID, shipments=(shipment(61, 2, line_1=1),)), rules=rules)
    assert [b.subject for b in found.pending] == ["clearing credit_card/stripe/USD"]
    assert [v.fact for v in found.vouchers] == ["shipment 61"]


def test_a_blocked_voucher_follows_once_the_rule_is_there() -> None:
    rules = without(Purpose.TAX_ACCOUNT)
    of = lived(ONE, tenders=PAID, shipments=(shipment(61, 2, line_1=1),))
    books = BookLedger()
    looked_at(of, books, rules=rules)
    looked_at(of, books)
    assert [v.fact for v in books.vouchers] == ["payment 44", "shipment 61", "closing"]
    settled(books)


def test_code_parts_of_other_purposes_need_a_rule_that_names_the_purpose() -> None:
    rules = Rules(
        (
            *BOOK_RULES.rules,
            rule(Purpose.CODE_PART_B, "SALES", 1),
            MappingRule(Purpose.CODE_PART_C, 1, "BANK", (Condition(ConditionField.PURPOSE, ("clearing",)),)),
        )
    )
    found = looked_at(lived(ONE, tenders=PAID, shipments=(shipment(61, 2, line_1=1),)), rules=rules)
    parts = {row.purpose: row.code_parts for v in found.vouchers for row in v.rows}
    assert parts[Purpose.REVENUE] == (("B", "SALES"),)
    assert parts[Purpose.CLEARING] == (("C", "BANK"),)
    assert parts[Purpose.CUSTOMER_BALANCE] == ()


def test_revenue_is_split_by_account_and_tax_code() -> None:
    rules = Rules(
        (
            rule(Purpose.REVENUE, "4010", 0, sku="sku-2"),
            *ACCOUNTS,
            rule(Purpose.TAX_ACCOUNT, "2620", 0, tax_code="R"),
            rule(Purpose.TAX, "code:R", 1, sku="sku-2"),
            rule(Purpose.TAX, "code:S", 2),
        )
    )
    of = order(
        [line(1, ex="100", inc="120"), line(2, ex="50", inc="55"), line(3, ex="10", inc="12")], inc="187", tax="27"
    )
    found = looked_at(lived(of, shipments=(shipment(61, 2, line_1=1, line_2=1, line_3=1),)), rules=rules)
    (voucher,) = found.vouchers
    assert {(r.purpose, r.account, r.tax_code, r.amount) for r in voucher.rows} == {
        (Purpose.CUSTOMER_BALANCE, "2420", "", dec(187)),
        (Purpose.REVENUE, "4000", "S", dec(-110)),
        (Purpose.REVENUE, "4010", "R", dec(-50)),
        (Purpose.TAX_ACCOUNT, "2610", "S", dec(-22)),
        (Purpose.TAX_ACCOUNT, "2620", "R", dec(-5)),
    }
