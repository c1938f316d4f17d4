"""The unit price of an IFS order line: quantity times it must round to the line's amount, on each tax side.

IFS multiplies; the store states both the unit price and the line, and they need not agree to the minor unit.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

#: IFS prices carry at most this many decimals; enough for any quantity below 5 · 10⁶ even at three-decimal currencies.
PRICE_DECIMALS: Final = 10


def unit_price(amount: Decimal, quantity: int, stored: Decimal, unit: Decimal) -> Decimal:
    """A price such that `quantity` times it rounds (half-up, to `unit`) to `amount`.

    The store's own price when it does that; else `amount / quantity` with as few decimals as do it, at least those
    of the currency and at most `PRICE_DECIMALS`.
    """
    if _rounded(stored * quantity, unit) == amount:
        return stored
    exact = amount / quantity
    price = _rounded(exact, unit)
    step = unit
    while _rounded(price * quantity, unit) != amount and step > Decimal(1).scaleb(-PRICE_DECIMALS):
        step = step.scaleb(-1)
        price = _rounded(exact, step)
    return price


def _rounded(amount: Decimal, step: Decimal) -> Decimal:
    return amount.quantize(step, rounding=ROUND_HALF_UP)
