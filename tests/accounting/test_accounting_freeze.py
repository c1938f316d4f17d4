"""The priced basis: all lines, charges split, taxes by share, accounts frozen (ACCOUNTING §1, 2)."""

from dataclasses import replace

from hypothesis import given

from bcifs_console.accounting.consumption import Books
from bcifs_console.accounting.freeze import basis_of
from bcifs_console.accounting.mapping import needs_taxes
from bcifs_console.domain.basis import Basis, BasisCharge, BasisLine, TaxShare
from bcifs_console.domain.codec import decode_customer_order, encode
from bcifs_console.domain.money import ZERO, minor_unit
from bcifs_console.domain.orders import ChargeKind, Order, TaxRow
from bcifs_console.domain.plan import Reason
from bcifs_console.domain.rules import Allocation, Purpose, Rules
from tests.accounting.bookkeeping import BOOK_RULES, BOOKS, lived, looked_at, shipment
from tests.accounting.building import (
    POLICY,
    charge,
    ci,
    coherent_orders,
    dec,
    drafted,
    line,
    official,
    order,
    rule,
    shipping,
)


def frozen(of: Order, rules: Rules = BOOK_RULES) -> Basis:
    basis = drafted(of, rules).basis
    assert basis is not None
    return basis


def test_the_official_example() -> None:
    basis = frozen(official())
    (sold,), (freight,) = basis.lines, basis.charges
    assert (basis.gross, basis.tax) == (dec("69.84"), dec("5.31"))
    assert (sold.gross, sold.tax, sold.net) == (dec("57.84"), dec("4.40"), dec("53.44"))
    assert (freight.key, freight.gross, freight.tax) == ("shipping", dec("12.00"), dec("0.91"))
    assert (sold.account, sold.rule, sold.taxes) == ("4000", "revenue#1 v1", (TaxShare(dec("4.40"), "S"),))


@ci
@given(coherent_orders())
def test_every_basis_adds_up_and_survives_being_frozen(of: Order) -> None:
    draft = drafted(of, BOOK_RULES)
    basis = draft.basis
    assert basis is not None
    assert basis.is_consistent
    assert (basis.gross, basis.tax) == (of.total_inc_tax, of.total_tax)
    parts: list[BasisLine | BasisCharge] = [*basis.lines, *basis.charges]
    for part in parts:
        assert sum((share.amount for share in part.taxes), ZERO) == part.tax
    assert decode_customer_order(encode(draft)).basis == basis


def test_lines_refunded_in_full_when_first_seen_are_in_the_basis_only() -> None:
    gone = line(1, ex="10", inc="12", quantity_refunded=1)
    draft = drafted(order([gone, line(2, ex="10", inc="12")], inc="24", tax="4"), BOOK_RULES)
    assert [li.order_line_id for li in draft.lines] == [2]
    assert draft.basis is not None
    assert [li.id for li in draft.basis.lines] == [1, 2]
    assert (draft.basis.gross, draft.basis.lines[0].account) == (dec(24), "4000")


def test_taxes_are_shared_by_the_stores_rows() -> None:
    rows = (
        TaxRow("State", dec("6.2500"), dec("6.25"), "Default", "item", 1, 1),
        TaxRow("City", dec("2"), dec("2.00"), "Default", "item", 1, 1),
    )
    basis = frozen(order([line(ex="100", inc="108.25")], inc="108.25", tax="8.25", taxes=rows))
    assert basis.lines[0].taxes == (
        TaxShare(dec("6.25"), "S", "State", "Default", "6.25"),
        TaxShare(dec("2.00"), "S", "City", "Default", "2"),
    )


def test_steps_of_a_line_give_every_tax_share_exactly() -> None:
    rows = tuple(TaxRow(name, dec(1), dec("0.01"), "", "item", 1, 1) for name in "ABC")
    basis = frozen(order([line(ex="1", inc="1.03", quantity=7)], inc="1.03", tax="0.03", taxes=rows))
    books = Books.of(basis, minor_unit("USD"))
    part = books.parts["line:1"]
    steps = [part.step(units).taxes for units in range(1, 8)]
    assert steps[-1] == (dec("0.01"),) * 3
    assert all(tax in {ZERO, dec("0.01")} for step in steps for tax in step)


def test_wrapping_is_split_over_the_lines_it_wraps() -> None:
    lines = [
        line(1, ex="10", inc="10", wrapping_inc_tax=dec("2"), wrapping_tax=dec("0")),
        line(2, ex="10", inc="10", wrapping_inc_tax=dec("1"), wrapping_tax=dec("0")),
        line(3, ex="10", inc="10"),
    ]
    basis = frozen(order(lines, inc="33.01", tax="0.31", charges=(charge(ChargeKind.WRAPPING, "2.70", "0.31"),)))
    assert [(c.key, c.line_id, c.gross, c.tax) for c in basis.charges] == [
        ("wrapping:1", 1, dec("2.01"), dec("0.21")),
        ("wrapping:2", 2, dec("1.00"), dec("0.10")),
    ]


def test_wrapping_that_no_line_states_goes_like_shipping() -> None:
    of = order([line(ex="10", inc="10")], inc="12", tax="0", charges=(charge(ChargeKind.WRAPPING, "2", "0"),))
    assert [(c.key, c.line_id) for c in frozen(of).charges] == [("wrapping", 0)]


def test_charges_of_one_kind_have_keys_of_their_own() -> None:
    charges = (
        charge(ChargeKind.FEE, "1", "0", id=7),
        charge(ChargeKind.FEE, "2", "0", id=8),
        shipping("3", "0"),
        shipping("4", "0"),
    )
    basis = frozen(order([line(ex="10", inc="10")], inc="20", tax="0", charges=charges))
    assert [c.key for c in basis.charges] == ["fee:7", "fee:8", "shipping", "shipping#2"]


def test_under_posting_control_the_rules_are_asked_with_the_voucher() -> None:
    policy = replace(BOOKS, allocation=Allocation.POSTING_CONTROL)
    of = lived(order([line(ex="100", inc="120")], inc="120", tax="20"), shipments=(shipment(61, 2, line_1=1),))
    found = looked_at(of, policy=policy)
    assert found.documents[0].basis is not None
    assert found.documents[0].basis.lines[0].account == ""
    (voucher,) = found.vouchers
    assert [row.account for row in voucher.rows if row.purpose is Purpose.REVENUE] == ["4000"]


def test_an_order_that_ifs_never_got_has_a_basis_without_asking_for_parts() -> None:
    of = order([line(ex="100", inc="120", sku="")], inc="120", tax="20")
    basis = basis_of(of, Rules(), POLICY)
    assert isinstance(basis, Basis)
    assert basis.lines[0].account == ""
    broken = basis_of(replace(of, total_tax=dec(30)), Rules(), POLICY)
    assert not isinstance(broken, Basis)
    assert {blocker.reason for blocker in broken} == {Reason.TOTALS}


def test_tax_account_rules_that_test_rates_need_the_stores_taxes() -> None:
    assert not needs_taxes(BOOK_RULES)
    assert needs_taxes(Rules((*BOOK_RULES.rules, rule(Purpose.TAX_ACCOUNT, "2611", 0, tax_rate="8.25"))))
