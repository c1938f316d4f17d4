"""Every cent of every document is accounted for: store field, rule, IFS field (DESIGN §8, promise 5)."""

import re
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given, settings

from bcifs_console.accounting.explain import NO_RULE, Explained, explain, unexplained
from bcifs_console.accounting.mapping import default_rules
from bcifs_console.domain.codec import decode_customer_order, decode_order_update, decode_voucher, encode
from bcifs_console.domain.documents import CustomerOrderDraft, DocumentKind, Draft
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.orders import LineType, Order
from bcifs_console.domain.rules import Purpose, Rules
from bcifs_console.domain.vouchers import VoucherDraft
from tests.accounting.bookkeeping import (
    ACCOUNTS,
    BOOK_RULES,
    BookLedger,
    kept,
    lived,
    looked_at,
    product,
    refund,
    shipment,
    tender,
)
from tests.accounting.building import (
    TAX_RULES,
    ci,
    coherent_orders,
    dec,
    drafted,
    line,
    official,
    order,
    rule,
    rule_sets,
    units,
)
from tests.accounting.lives import Life, lives

#: How the store's own names look: a field, of a line or record in brackets, sums of them, or a thing in words.
STORE_FIELD = re.compile(
    r"[a-z_]+(\[[\w/]+\])?(\.[a-z_]+)*( \(-?\d+ units?\)| that is no longer there)?( \+ .*)?|[a-z][a-z_ ',]+"
)
LABEL = re.compile(r"[a-z_]+#\d+ v\d+")


def drafts_of(books: BookLedger) -> list[Draft]:
    """Every document of a ledger, read back from what was stored."""
    decoders: dict[DocumentKind, Callable[[str], Draft]] = {
        DocumentKind.CUSTOMER_ORDER: decode_customer_order,
        DocumentKind.VOUCHER: decode_voucher,
        DocumentKind.ORDER_UPDATE: decode_order_update,
    }
    return [decoders[document.kind](document.draft) for document in books.ledger.documents]


def by_document(draft: Draft) -> list[tuple[str, str, str]]:
    """(amount, store field, rule) of each amount."""
    return [(f"{each.amount.normalize():f}", each.store_field, each.rule) for each in explain(draft)]


def voucher(books: BookLedger, name: str) -> dict[tuple[str, str], Explained]:
    """A voucher's amounts by (account, store field)."""
    found = explain(books.voucher(name))
    return {(each.ifs_field.rpartition(" ")[2], each.store_field): each for each in found}


# -- every cent ------------------------------------------------------------------------------------------------------


@settings(max_examples=500)
@given(coherent_orders(), rule_sets)
def test_every_cent_of_500_random_customer_orders_is_accounted_for(of: Order, rules: Rules) -> None:
    draft = drafted(of, rules)
    assert unexplained(draft) == {}
    amounts = explain(draft)
    assert sum((each.amount for each in amounts), ZERO) == draft.total_inc_tax
    assert all(each.document == draft.key and each.currency == of.currency and each.store_field for each in amounts)


@settings(max_examples=500)
@given(lives())
def test_every_cent_of_every_document_of_500_random_lives_is_accounted_for(life: Life) -> None:
    books = BookLedger()
    for of, seen_at in life.looks:
        looked_at(of, books, rules=BOOK_RULES, seen_at=seen_at, rate=life.rate)
    for draft in drafts_of(books):
        assert unexplained(draft) == {}
        for each in explain(draft):
            assert STORE_FIELD.fullmatch(each.store_field), each.store_field
            assert each.rule == NO_RULE or all(LABEL.fullmatch(label) for label in each.rule.split(", ")), each.rule


@ci
@given(lives())
def test_an_account_holds_what_is_explained_of_it(life: Life) -> None:
    books = kept(life.end, rate=life.rate)
    for draft in books.vouchers:
        wanted: dict[str, Decimal] = defaultdict(Decimal)
        explained: dict[str, Decimal] = defaultdict(Decimal)
        for row in draft.rows:
            wanted[row.account] += row.amount
        for each in explain(draft):
            explained[each.ifs_field.rpartition(" ")[2]] += each.amount
        assert explained == wanted


def test_a_cent_that_nothing_explains_is_found() -> None:
    draft = drafted(official())
    assert unexplained(draft) == {}
    short = draft.traces[1:]
    changed = CustomerOrderDraft(
        **{name: getattr(draft, name) for name in draft.__dataclass_fields__} | {"traces": short}
    )
    lost = draft.traces[0]
    assert unexplained(changed) == {lost.ifs_field.rpartition(".")[0]: lost.amount}


# -- what is said ----------------------------------------------------------------------------------------------------


def test_the_official_example_says_of_each_amount_where_it_comes_from() -> None:
    rules = Rules((*ACCOUNTS, *TAX_RULES[0], *default_rules()))
    draft = drafted(official(), rules)
    fields = {each.store_field for each in explain(draft)}
    assert {"products[1].total_ex_tax", "products[1].total_tax", "discount_amount + coupon_discount"} <= fields
    assert {"shipping_cost_ex_tax", "shipping_cost_tax"} <= fields
    goods = next(each for each in explain(draft) if each.store_field == "products[1].total_ex_tax")
    assert (goods.rule, goods.ifs_field, goods.document) == ("revenue#1 v1", "line:1.SaleUnitPrice", "BC-5001")


def test_a_shipment_names_units_charges_taxes_and_the_shipment_itself() -> None:
    of = lived(official(), tenders=(tender(44, "69.84"),), shipments=(shipment(61, 2, line_1=4),))
    found = voucher(kept(of), "SHIP/61")
    assert found["2420", "shipments[61].items"].amount == dec("69.84")
    assert found["4000", "products[1].total_ex_tax (4 units)"].rule == "revenue#1 v1"
    assert found["4100", "shipping_cost_ex_tax"].amount == dec("-11.09")
    assert {"products[1].total_tax (4 units)", "shipping_cost_tax"} <= {field for _, field in found}
    assert all(each.ifs_field.startswith("row:") for each in found.values())


def test_a_payment_and_a_refund_name_their_records() -> None:
    of = lived(units(), tenders=(tender(44, "36"),), refunds=(refund(9, "12", "2", product(1, 1)),))
    books = kept(of)
    assert voucher(books, "PAY/44").keys() == {("1910", "transactions[44].amount"), ("2420", "transactions[44].amount")}
    refunded = voucher(books, "REFUND/9")
    assert refunded["1910", "refunds[9].payments.amount"].amount == dec("-12")
    assert refunded["2420", "refunds[9].items"].rule == "customer_balance#1 v1"


def test_a_row_of_several_lines_is_explained_line_by_line_each_with_its_own_rule() -> None:
    """Two rules lead to one account: IFS gets one row, a person sees both lines and both rules."""
    rules = Rules(
        (
            rule(Purpose.REVENUE, "4000", 1, sku="sku-1"),
            rule(Purpose.REVENUE, "4000", 2),
            *(account for account in ACCOUNTS if account.purpose is not Purpose.REVENUE),
            rule(Purpose.TAX, "code:S"),
            *default_rules(),
        )
    )
    lines = [line(1, ex="10", inc="12"), line(2, ex="20", inc="24")]
    of = lived(
        order(lines, inc="36", tax="6"), tenders=(tender(44, "36"),), shipments=(shipment(61, 2, line_1=1, line_2=1),)
    )
    draft = kept(of, rules=rules).voucher("SHIP/61")
    (revenue,) = [row for row in draft.rows if row.account == "4000"]
    assert (revenue.credit, revenue.rule) == (dec("30"), "revenue#1 v1, revenue#2 v1")
    assert [(s.subject, s.amount, s.rule) for s in revenue.shares] == [
        ("line:1", dec("-10"), "revenue#1 v1"),
        ("line:2", dec("-20"), "revenue#2 v1"),
    ]
    said = [(each.amount, each.store_field, each.rule) for each in explain(draft) if "account 4000" in each.ifs_field]
    assert said == [
        (dec("-10"), "products[1].total_ex_tax (1 unit)", "revenue#1 v1"),
        (dec("-20"), "products[2].total_ex_tax (1 unit)", "revenue#2 v1"),
    ]


def test_a_shipment_that_vanished_is_undone_share_by_share() -> None:
    lines = [line(1, ex="10", inc="12"), line(2, ex="20", inc="24")]
    whole = order(lines, inc="36", tax="6")
    there = lived(whole, tenders=(tender(44, "36"),), shipments=(shipment(61, 2, line_1=1, line_2=1),))
    books = kept(there, lived(whole, tenders=(tender(44, "36"),)))
    (undone,) = [row for row in books.voucher("SHIP/61/REV").rows if row.account == "4000"]
    assert [share.amount for share in undone.shares] == [dec("10"), dec("20")]
    assert unexplained(books.voucher("SHIP/61/REV")) == {}


def test_a_gift_certificate_that_was_sold_is_a_liability_at_its_face_value() -> None:
    sold = line(1, ex="25", inc="25", type=LineType.GIFT_CERTIFICATE)
    of = lived(order([sold], inc="25", tax="0"), tenders=(tender(44, "25"),))
    assert ("2430", "products[1].total_inc_tax (1 unit)") in voucher(kept(of), "GIFT")


def test_a_row_of_an_older_version_that_kept_no_shares_names_all_it_merged() -> None:
    lines = [line(1, ex="10", inc="12"), line(2, ex="20", inc="24")]
    of = lived(
        order(lines, inc="36", tax="6"), tenders=(tender(44, "36"),), shipments=(shipment(61, 2, line_1=1, line_2=1),)
    )
    text = encode(kept(of).voucher("SHIP/61"))
    old = decode_voucher(re.sub(r',"shares":\[[^]]*\]', "", text))
    assert isinstance(old, VoucherDraft)
    assert unexplained(old) == {}
    assert (
        "-30",
        "products[1].total_ex_tax (1 unit) + products[2].total_ex_tax (1 unit)",
        "revenue#1 v1",
    ) in by_document(old)


@pytest.mark.parametrize("refunded", [1, 3])
def test_units_taken_out_of_the_ifs_order_are_named_by_their_refund(refunded: int) -> None:
    of = lived(units(), tenders=(tender(44, "36"),))
    after = lived(
        units(refunded=refunded),
        tenders=(tender(44, "36"),),
        refunds=(refund(9, str(12 * refunded), str(2 * refunded), product(1, refunded)),),
    )
    updates = [d for d in drafts_of(kept(of, after)) if not isinstance(d, CustomerOrderDraft | VoucherDraft)]
    assert [by_document(draft) for draft in updates] == [
        [(str(dec(-12) * refunded), "products[1].quantity_refunded", NO_RULE)]
    ]
