"""What a voucher is worth, seen from its rows alone. Pure.

The store counts tenders, refunds and shipped goods; a voucher has rows on accounts, with tax, kept amounts and
differences beside them. What corresponds to the store's figure stands on the accounts where money comes in and goes
out, or on the customer balance (ACCOUNTING §3).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from bcifs_console.domain.money import ZERO
from bcifs_console.domain.rules import Purpose, Rules
from bcifs_console.domain.vouchers import VoucherKind, VoucherRow

#: Account, debit, credit.
Row = tuple[str, Decimal, Decimal]
_MONEY = frozenset({Purpose.CLEARING, Purpose.GIFT_CERTIFICATE_LIABILITY, Purpose.STORE_CREDIT_LIABILITY})


@dataclass(frozen=True, slots=True)
class Accounts:
    """Which accounts are the customer balance, and on which money comes in and goes out."""

    balance: frozenset[str] = frozenset()
    money: frozenset[str] = frozenset()

    @classmethod
    def of(cls, rules: Rules, posted: Iterable[VoucherRow] = ()) -> Self:
        """Those that the rules name now, and those that rows were posted on before."""
        found = [(rule.purpose, rule.result) for rule in rules.rules]
        found += [(row.purpose, row.account) for row in posted]
        return cls(
            frozenset(account for purpose, account in found if purpose is Purpose.CUSTOMER_BALANCE),
            frozenset(account for purpose, account in found if purpose in _MONEY),
        )


def amount_of(kind: VoucherKind | None, rows: Iterable[Row], accounts: Accounts) -> Decimal:
    """What rows of a voucher of this kind are worth to the store; of one that is not ours, its debits."""
    taken = tuple(rows)
    match kind:
        case VoucherKind.PAYMENT:
            return sum((debit for account, debit, _ in taken if account in accounts.money), ZERO)
        case VoucherKind.VOID | VoucherKind.REFUND:
            return sum((credit for account, _, credit in taken if account in accounts.money), ZERO)
        case None:
            return sum((debit for _, debit, _ in taken), ZERO)
        case VoucherKind.REVERSAL | VoucherKind.CLOSE:
            return abs(_balance(taken, accounts))
        case _:
            return _balance(taken, accounts)


def _balance(rows: Iterable[Row], accounts: Accounts) -> Decimal:
    return sum((debit - credit for account, debit, credit in rows if account in accounts.balance), ZERO)


def entries_of(rows: Iterable[Row]) -> Mapping[str, Decimal]:
    """The net amount by account, debit positive."""
    net: dict[str, Decimal] = {}
    for account, debit, credit in rows:
        net[account] = net.get(account, ZERO) + debit - credit
    return {account: amount for account, amount in net.items() if amount}
