"""Voucher rows in the company's accounting currency, at the order's one frozen rate (ACCOUNTING §3, currency).

Every voucher balances in both currencies, and an order whose customer balance is zero in its own currency has zero in
the accounting currency too: the balance row is worth what the cumulative balance is worth after it, less before it.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

from bcifs_console.domain.money import ZERO
from bcifs_console.domain.rules import Purpose
from bcifs_console.domain.vouchers import Rate, VoucherRow


def accounted(rows: Sequence[VoucherRow], rate: Rate | None, currency: str, before: Decimal) -> tuple[VoucherRow, ...]:
    """The rows with their accounting amounts. `before`: the customer balance by all vouchers so far, credit positive.

    Without a rate, or at home, they equal the amounts. Rows other than the balance are rounded one by one; what is
    then missing is put on the largest. No row changes sides by it: a row on the side of what is missing takes any
    amount, and where all are on the other side the balance, which is worth no less than nothing, bounds it.
    """
    if rate is None or rate.is_one(currency):
        return tuple(_set(row, row.amount) for row in rows)
    signed = [_balance_worth(row, rate, before) for row in rows]
    others = [index for index, row in enumerate(rows) if row.purpose is not Purpose.CUSTOMER_BALANCE]
    residue = -sum(signed, ZERO)
    for index in sorted(others, key=lambda i: -abs(rows[i].amount)):
        if not residue:
            break
        carried = _carried(rows[index], signed[index], residue)
        signed[index] += carried
        residue -= carried
    return tuple(_set(row, amount) for row, amount in zip(rows, signed, strict=True))


def worth(amount: Decimal, rate: Rate) -> Decimal:
    """`amount` of the order's currency in the accounting currency, to its minor unit."""
    return (amount * rate.rate / rate.factor).quantize(rate.accounting_unit, rounding=ROUND_HALF_UP)


def _balance_worth(row: VoucherRow, rate: Rate, before: Decimal) -> Decimal:
    if row.purpose is not Purpose.CUSTOMER_BALANCE:
        return worth(row.amount, rate)
    return worth(before, rate) - worth(before - row.amount, rate)


def _carried(row: VoucherRow, worth_of_it: Decimal, residue: Decimal) -> Decimal:
    """How much of `residue` a row can take without changing sides: all of it on its own side."""
    if row.amount * residue > 0 or abs(residue) <= abs(worth_of_it):
        return residue
    return -worth_of_it


def _set(row: VoucherRow, amount: Decimal) -> VoucherRow:
    return replace(row, accounting_debit=max(amount, ZERO), accounting_credit=max(-amount, ZERO))
