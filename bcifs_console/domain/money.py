"""Minor units and rounding. Amounts are `Decimal` beside an ISO 4217 currency code, never float.

ACCOUNTING §2: minor unit from ISO 4217 (overridable per currency), half-up; the cap is five minor units an order.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType
from typing import Final

ZERO: Final = Decimal(0)

#: How many minor units an order's figures may be off before it waits (ACCOUNTING §2).
CAP_MINOR_UNITS: Final = 5

#: ISO 4217: the currencies in use whose minor unit is not a hundredth. Not CLDR's table, which is about display and has
#: none for currencies whose coins fell out of use (RSD, ALL, IQD …): a store still states their hundredths.
_ISO_DIGITS: Final[Mapping[int, str]] = MappingProxyType(
    {
        0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
        3: "BHD IQD JOD KWD LYD OMR TND",
        4: "CLF UYW",
    }
)
_USUAL_DIGITS: Final = 2

NO_OVERRIDES: Final[Mapping[str, int]] = MappingProxyType({})


def digits(currency: str, overrides: Mapping[str, int] = NO_OVERRIDES) -> int:
    """Decimal places of `currency`: 2 for USD, 0 for JPY, 3 for KWD."""
    found = overrides.get(currency)
    if found is not None:
        return found
    return next((places for places, those in _ISO_DIGITS.items() if currency in those.split()), _USUAL_DIGITS)


def minor_unit(currency: str, overrides: Mapping[str, int] = NO_OVERRIDES) -> Decimal:
    """The smallest amount of `currency`, for example 0.01."""
    return Decimal(1).scaleb(-digits(currency, overrides))


def cap(currency: str, overrides: Mapping[str, int] = NO_OVERRIDES) -> Decimal:
    """The largest difference an order may carry without waiting: five minor units."""
    return CAP_MINOR_UNITS * minor_unit(currency, overrides)


def rounded(amount: Decimal, currency: str, overrides: Mapping[str, int] = NO_OVERRIDES) -> Decimal:
    """`amount` to the currency's minor unit, half-up (away from zero on ties)."""
    return amount.quantize(minor_unit(currency, overrides), rounding=ROUND_HALF_UP)


def padded(amount: Decimal, currency: str) -> Decimal:
    """The same amount written out to the currency's minor unit: 500 USD as 500.00. Never rounded."""
    unit = minor_unit(currency)
    return amount.quantize(unit) if amount == amount.quantize(unit, rounding=ROUND_HALF_UP) else amount
