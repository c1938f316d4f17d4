"""T-accounts as lines: debits left, credits right, amounts under each other at the decimal point, totals ruled. Pure.

A voucher is shown as one T with its rows on their sides; an account as one T with what all vouchers do to it.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest
from typing import Final

from rich.cells import cell_len
from textual.content import Content

from bcifs_console.base.text import safe_text
from bcifs_console.console.widgets.lines import (
    BAD,
    DIM,
    NEW,
    RULE,
    STRONG,
    Lines,
    aligned,
    amount_text,
    figure,
    fit,
    line,
)
from bcifs_console.domain.money import ZERO, digits
from bcifs_console.domain.vouchers import VoucherDraft

_DEBIT: Final = "Debit"
_CREDIT: Final = "Credit"
#: Narrower than this a T is not readable: numbers would be squeezed out.
NARROWEST: Final = 40


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry on a side: what stands before the amount, and the amount, never negative."""

    lead: str  #: the account's number, or a voucher's key
    name: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class TAccount:
    """Debits and credits of a voucher, or of an account. `ends_even`: both sides must come to the same."""

    debits: tuple[Entry, ...]
    credits: tuple[Entry, ...]
    currency: str
    ends_even: bool = True

    @property
    def debit_sum(self) -> Decimal:
        return sum((entry.amount for entry in self.debits), ZERO)

    @property
    def credit_sum(self) -> Decimal:
        return sum((entry.amount for entry in self.credits), ZERO)

    @property
    def balance(self) -> Decimal:
        """Debit positive."""
        return self.debit_sum - self.credit_sum


def of_voucher(draft: VoucherDraft) -> TAccount:
    """A voucher's rows on their sides."""
    sides: dict[bool, list[Entry]] = {True: [], False: []}
    for row in draft.rows:
        code_parts = "".join(f" {part}:{value}" for part, value in row.code_parts)
        name = row.purpose.value.replace("_", " ") + code_parts
        if row.debit:
            sides[True].append(Entry(row.account, name, row.debit))
        if row.credit:
            sides[False].append(Entry(row.account, name, row.credit))
    return TAccount(tuple(sides[True]), tuple(sides[False]), draft.currency)


def of_accounts(drafts: Iterable[VoucherDraft]) -> list[tuple[str, TAccount]]:
    """What vouchers do to each account: its heading and its T, the accounts by number; one currency each."""
    debits: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    credits: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    names: dict[tuple[str, str], set[str]] = defaultdict(set)
    for draft in drafts:
        short = draft.key.partition("/")[2] or draft.key
        for row in draft.rows:
            place = (row.account, draft.currency)
            names[place].add(row.purpose.value.replace("_", " "))
            if row.debit:
                debits[place].append(Entry(short, "", row.debit))
            if row.credit:
                credits[place].append(Entry(short, "", row.credit))
    return [
        (
            f"{account} {', '.join(sorted(names[account, currency]))}",
            TAccount(tuple(debits[account, currency]), tuple(credits[account, currency]), currency, ends_even=False),
        )
        for account, currency in sorted(names)
    ]


def t_account_lines(account: TAccount, width: int) -> Lines:
    """The T for a width in cells: headings, the bar, the entries side by side, the totals over a double rule."""
    left = right = (max(width, NARROWEST) - 1) // 2
    places = digits(account.currency)
    texts = aligned(
        [
            amount_text(amount, places)
            for amount in (
                *(entry.amount for entry in (*account.debits, *account.credits)),
                account.debit_sum,
                account.credit_sum,
            )
        ]
    )
    count = len(account.debits)
    debits, credits, sums = texts[:count], texts[count:-2], texts[-2:]
    leads = max((cell_len(safe_text(entry.lead)) for entry in (*account.debits, *account.credits)), default=0)
    wide = len(sums[0])
    lines = [
        line((fit(f" {_DEBIT}", left), DIM), " ", (fit(f"{_CREDIT} ", right, "right"), DIM)),
        line(("─" * left + "┬" + "─" * right, RULE)),
    ]
    for debit, credit in zip_longest(
        zip(account.debits, debits, strict=True), zip(account.credits, credits, strict=True)
    ):
        lines.append(line(*_side(debit, left, leads), ("│", RULE), *_side(credit, right, leads)))
    if not account.debits and not account.credits:
        lines.append(line((fit(" nothing to post", left), DIM), ("│", RULE)))
        return lines
    is_even = account.balance == ZERO or not account.ends_even
    style = STRONG if is_even else f"bold {BAD}"
    lines += [
        line(*_ruled("─", left, wide), ("│", RULE), *_ruled("─", right, wide)),
        line(*_sum(sums[0], left, wide, style), ("│", RULE), *_sum(sums[1], right, wide, style)),
        line(*_ruled("═", left, wide), ("│", RULE), *_ruled("═", right, wide)),
    ]
    if not account.ends_even:
        lines.append(_balance_line(account, left, wide, places))
    if not is_even:
        lines.append(line((f" off by {amount_text(abs(account.balance), places)} {account.currency}", BAD)))
    return lines


def _side(found: tuple[Entry, str] | None, width: int, leads: int) -> tuple[str | tuple[str, str], ...]:
    if found is None:
        return (" " * width,)
    entry, amount = found
    number = min(len(amount), width - 2)
    room = width - number - 3  # a blank at both ends, one before the amount
    lead = fit(entry.lead, min(leads, room))
    name = fit(f" {entry.name}" if entry.name else "", room - cell_len(lead))
    return " ", lead, (name, DIM), " ", figure(amount, number), " "


def _balance_line(account: TAccount, width: int, number: int, places: int) -> Content:
    """What is left of an account, on the side that has more; an even one on the left."""
    number = min(number, width - 2)
    text = amount_text(abs(account.balance), places)
    shown = (fit(" balance", width - number - 1), DIM), (figure(text, number), NEW), " "
    blank = (" " * width,)
    left = shown if account.balance >= ZERO else blank
    right = shown if account.balance < ZERO else blank
    return line(*left, ("│", RULE), *right)


def _ruled(rule: str, width: int, number: int) -> tuple[str | tuple[str, str], ...]:
    number = min(number, width - 2)
    return " " * (width - number - 1), (rule * number, RULE), " "


def _sum(text: str, width: int, number: int, style: str) -> tuple[str | tuple[str, str], ...]:
    number = min(number, width - 2)
    return " " * (width - number - 1), (figure(text, number), style), " "
