"""The accounting currency: one frozen rate an order, vouchers that balance in both currencies, a balance that ends."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bcifs_console.accounting.currency import accounted, worth
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.rules import Purpose
from bcifs_console.domain.vouchers import Rate, VoucherRow
from tests.accounting.bookkeeping import BookLedger, hours, kept, lived, looked_at, shipment, tender
from tests.accounting.building import dec, line, order

EUR = Rate(dec("0.9137"), "EUR")
ONE = order([line(ex="10", inc="10", quantity=3)], inc="10", tax="0")
SHIPPED = tuple(shipment(60 + n, n + 1, line_1=1) for n in (1, 2, 3))


def row(purpose: Purpose, amount: Decimal) -> VoucherRow:
    return VoucherRow(purpose, "1", max(amount, ZERO), max(-amount, ZERO))


def test_at_home_and_without_a_rate_the_amounts_are_the_same() -> None:
    for rate in (None, Rate(dec("1"), "USD")):
        books = kept(lived(ONE, tenders=(tender(44, "10"),), shipments=SHIPPED), rate=rate)
        rows = [row for voucher in books.vouchers for row in voucher.rows]
        assert rows
        assert all((r.accounting_debit, r.accounting_credit) == (r.debit, r.credit) for r in rows)


def test_a_closed_balance_is_zero_in_both_currencies() -> None:
    books = kept(lived(ONE, tenders=(tender(44, "10"),), shipments=SHIPPED), rate=EUR)
    balance = [r for v in books.vouchers for r in v.rows if r.purpose is Purpose.CUSTOMER_BALANCE]
    assert [r.accounting_amount for r in balance] == [dec("-9.14"), dec("3.05"), dec("3.05"), dec("3.04")]
    assert sum((r.accounting_amount for r in balance), ZERO) == ZERO


def test_the_rate_of_the_first_voucher_is_kept() -> None:
    books = BookLedger()
    looked_at(lived(ONE, tenders=(tender(44, "10"),)), books, rate=EUR)
    found = looked_at(
        lived(ONE, tenders=(tender(44, "10"),), shipments=SHIPPED),
        books,
        rate=replace(EUR, rate=dec(2)),
        seen_at=hours(99),
    )
    assert {v.rate for v in found.vouchers} == {EUR}


def test_the_conversion_factor_and_the_minor_unit_of_the_accounting_currency_count() -> None:
    assert worth(dec("1000"), Rate(dec("0.6731"), "EUR", dec(100))) == dec("6.73")
    assert worth(dec("1.00"), Rate(dec("149.5"), "JPY", accounting_unit=dec(1))) == dec(150)


def test_what_the_largest_row_cannot_carry_goes_to_the_next() -> None:
    """Four rows of 0.006 round to 0.01 each; the balance is worth 0.02."""
    rows = [row(Purpose.REVENUE, dec("-0.01")) for _ in range(4)]
    rows.append(row(Purpose.CUSTOMER_BALANCE, dec("0.04")))
    done = accounted(rows, Rate(dec("0.6"), "EUR"), "USD", dec("0.04"))
    assert [r.accounting_amount for r in done] == [ZERO, ZERO, dec("-0.01"), dec("-0.01"), dec("0.02")]


@given(
    st.lists(st.integers(-10_000, 10_000).filter(bool), min_size=1, max_size=6),
    st.integers(-50_000, 50_000),
    st.sampled_from(["0.0067", "0.3334", "1.0001", "149.5"]),
)
def test_any_voucher_balances_and_no_row_changes_sides(cents: list[int], before: int, rate: str) -> None:
    unit = dec("0.01")
    rows = [row(Purpose.REVENUE, cent * unit) for cent in cents]
    if sum(cents):
        rows.append(row(Purpose.CUSTOMER_BALANCE, -sum(cents) * unit))
    done = accounted(rows, Rate(dec(rate), "EUR"), "USD", before * unit)
    assert sum((r.accounting_amount for r in done), ZERO) == ZERO
    held = (before + sum(cents)) * unit
    balance = sum((r.accounting_amount for r in done if r.purpose is Purpose.CUSTOMER_BALANCE), ZERO)
    assert all(r.accounting_debit == ZERO or r.debit for r in done)
    assert all(r.accounting_credit == ZERO or r.credit for r in done)
    exact = Rate(dec(rate), "EUR")
    assert balance == worth(before * unit, exact) - worth(held, exact)
