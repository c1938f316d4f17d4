"""CLOSE: what is done once, when nothing more can be shipped or refunded (ACCOUNTING §3, close).

Charges that no shipment recognised become income, goodwill of order-level refunds is balanced with what is still
held, and a remainder within the cap is rounded off. More than that stays on the customer balance, visible.
"""

from decimal import Decimal

from bcifs_console.accounting.consumption import ORDER_SUBJECT, Books
from bcifs_console.accounting.sheet import Sheet
from bcifs_console.domain.money import CAP_MINOR_UNITS, ZERO
from bcifs_console.domain.rules import Purpose
from bcifs_console.domain.vouchers import Take, TakeKind


def close(held: Decimal, paid: Decimal, sheet: Sheet) -> bool:
    """Write the closing of an order that holds `held`, of `paid` in all; whether it may be closed now.

    Not while the buyer owes more than the cap, or anything of an order on which nothing was paid: a payment that comes
    later must still be rounded off. Nor while more than the cap is held and there is nothing to book.
    """
    books = sheet.books
    cap = CAP_MINOR_UNITS * books.unit
    if books.goodwill >= held > 0 and not _has_income(books):
        # An order-level refund of a whole order of which nothing was shipped: no income was ever made (the tax that
        # was declared on its payment is taken back with it).
        _balance_goodwill(held, sheet)
        _take_back_declared(sheet)
    else:
        for _, part in books.charges:
            if part.has_left:
                sheet.recognise(part, part.rest())
        _balance_goodwill(min(books.goodwill, max(held + sheet.held, ZERO)), sheet)
    remainder = held + sheet.held
    if remainder < (-cap if paid > 0 else ZERO):
        return False
    if abs(remainder) <= cap:
        sheet.held -= remainder
        sheet.post(Purpose.ROUNDING, -remainder)
        remainder = ZERO
    sheet.amount = abs(sheet.held)
    if remainder and not any(True for _ in sheet.entries()):
        return False
    if books.is_consumed:
        # More than all goods bear: an order that was adopted with less tax than its payments had declared.
        _take_back_declared(sheet)
    return True


def _has_income(books: Books) -> bool:
    return any(part.recognised_units for _, part in books.lines)


def _take_back_declared(sheet: Sheet) -> None:
    """Tax that was declared on payments and that nothing used."""
    for position, key in enumerate(sheet.books.tax_keys):
        left = sheet.books.declared_left(position)
        sheet.use_declared(position, left)
        sheet.tax_of(key, left)


def _balance_goodwill(amount: Decimal, sheet: Sheet) -> None:
    if amount <= 0:
        return
    sheet.held -= amount
    sheet.post(Purpose.GOODWILL, -amount)
    sheet.note(Take(TakeKind.GOODWILL, ORDER_SUBJECT, gross=-amount))
