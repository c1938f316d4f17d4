"""Minor units and rounding. Amounts are `Decimal` beside an ISO 4217 currency code, never float.

ACCOUNTING §2: minor unit from ISO 4217 (overridable per currency), half-up; the cap is five minor units an order.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from babel.core import get_global

ZERO: Final = Decimal(0)

#: How many minor units an order's figures may be off before it waits (ACCOUNTING §2).
CAP_MINOR_UNITS: Final = 5

NO_OVERRIDES: Final[Mapping[str, int]] = MappingProxyType({})


@lru_cache(maxsize=512)
def _iso_digits(currency: str) -> int:
    fractions = get_global("currency_fractions")
    return int(fractions.get(currency, fractions["DEFAULT"])[0])


def digits(currency: str, overrides: Mapping[str, int] = NO_OVERRIDES) -> int:
    """Decimal places of `currency`: 2 for USD, 0 for JPY, 3 for KWD."""
    found = overrides.get(currency)
    return _iso_digits(currency) if found is None else found


def minor_unit(currency: str, overrides: Mapping[str, int] = NO_OVERRIDES) -> Decimal:
    """The smallest amount of `currency`, for example 0.01."""
    return Decimal(1).scaleb(-digits(currency, overrides))


def cap(currency: str, overrides: Mapping[str, int] = NO_OVERRIDES) -> Decimal:
    """The largest difference an order may carry without waiting: five minor units."""
    return CAP_MINOR_UNITS * minor_unit(currency, overrides)


def rounded(amount: Decimal, currency: str, overrides: Mapping[str, int] = NO_OVERRIDES) -> Decimal:
    """`amount` to the currency's minor unit, half-up (away from zero on ties)."""
    return amount.quantize(minor_unit(currency, overrides), rounding=ROUND_HALF_UP)
