"""Vouchers of money that came in and of voids, with tax on prepayments where it is due at payment (ACCOUNTING §3)."""

from decimal import ROUND_HALF_UP, Decimal

from bcifs_console.accounting.consumption import TAX_SUBJECT
from bcifs_console.accounting.repayments import clearing_name
from bcifs_console.accounting.sheet import Sheet
from bcifs_console.accounting.tenders import Voided, liability_of
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.movements import Tender
from bcifs_console.domain.rules import Purpose
from bcifs_console.domain.vouchers import Take, TakeKind


def pay(tender: Tender, sheet: Sheet) -> Decimal:
    """A counted tender: money held for the buyer. The answer is its amount in minor units."""
    amount = _rounded(tender.amount, sheet)
    _move(tender, amount, sheet)
    return amount


def void(voided: Voided, sheet: Sheet) -> Decimal:
    """The undoing of a counted tender, on the account it came by."""
    amount = _rounded(voided.amount, sheet)
    _move(voided.of, -amount, sheet)
    sheet.amount = amount
    return amount


def declare_tax(sheet: Sheet, paid: Decimal) -> None:
    """Declare tax on what was paid in advance, when `paid` in all; take back what a void leaves undue.

    Cumulative for each kind of tax: the order's tax in proportion to what was paid, less what shipments took before
    anything was paid for them. What a shipment has used is never taken back.
    """
    books = sheet.books
    total = books.basis.gross
    if total <= 0:
        return
    reached = min(max(paid, ZERO), total)
    taken = books.tax_taken()
    changes = []
    for position, whole in enumerate(books.tax_totals):
        at_supply = taken[position] - books.used[position]
        target = max(ZERO, _rounded(whole * reached / total, sheet) - at_supply)
        change = target - books.declared[position]
        if sheet.held < 0:  # money goes back: nothing new is declared, and only what is unused is taken back
            change = -min(max(-change, ZERO), max(books.declared_left(position), ZERO))
        changes.append(change if sheet.held < 0 else max(change, ZERO))
    for position, change in enumerate(changes):
        sheet.declare(position, change)
    if any(changes):
        sheet.note(Take(TakeKind.DECLARE_TAX, TAX_SUBJECT, tax=sum(changes, ZERO), taxes=tuple(changes)))


def _move(tender: Tender, amount: Decimal, sheet: Sheet) -> None:
    liability = liability_of(tender.method, tender.gateway)
    named = "" if liability else clearing_name(tender.method, tender.gateway, sheet.books.basis.currency)
    facts = sheet.subjects.tender(tender.method, tender.gateway)
    sheet.held += amount
    sheet.amount = amount
    sheet.post(liability or Purpose.CLEARING, amount, facts, subject=f"tender:{tender.id}", named=named)


def _rounded(amount: Decimal, sheet: Sheet) -> Decimal:
    return amount.quantize(sheet.books.unit, rounding=ROUND_HALF_UP)
