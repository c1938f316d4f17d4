"""Spreading an amount over weights so that the shares sum to it exactly (ACCOUNTING §2).

Here: the largest-remainder method at a currency's minor unit. What is spread over what is decided in `totals`.
"""

from collections.abc import Sequence
from decimal import Decimal

from bcifs_console.domain.money import ZERO


def allocate(amount: Decimal, weights: Sequence[Decimal], unit: Decimal) -> tuple[Decimal, ...]:
    """Spread `amount` over `weights` in proportion, in whole multiples of `unit` (0.01, 1, 0.001 …).

    Each share is the exact proportion rounded towards zero; the units left over go to the largest remainders, the
    earlier one on a tie, so equal input gives equal output and no share is a whole unit off its proportion. A zero
    weight gets nothing, unless all are zero: then all count alike. A negative amount is spread as its mirror image.

    Raises ValueError on what only a programmer can cause: an amount finer than `unit`, a negative weight, or
    something to spread and nothing to spread it over.
    """
    units = amount / unit
    if units != units.to_integral_value():
        raise ValueError(f"{amount} is not a multiple of {unit}")
    if any(weight < 0 for weight in weights):
        raise ValueError("a weight is negative")
    if not weights:
        if amount:
            raise ValueError(f"nothing to spread {amount} over")
        return ()
    shares = _largest_remainder(abs(int(units)), _as_integers(weights))
    signed = -unit if units < 0 else unit
    return tuple(share * signed if share else ZERO for share in shares)


def _as_integers(weights: Sequence[Decimal]) -> list[int]:
    """The weights as whole numbers in the same proportion: integer arithmetic has no rounding to explain."""
    exponents = [exponent for weight in weights if isinstance(exponent := weight.as_tuple().exponent, int)]
    finest = min(0, *exponents)
    whole = [int(weight.scaleb(-finest)) for weight in weights]
    return whole if any(whole) else [1] * len(whole)


def _largest_remainder(units: int, weights: Sequence[int]) -> list[int]:
    total = sum(weights)
    shares = [units * weight // total for weight in weights]
    remainders = [units * weight % total for weight in weights]
    left_over = units - sum(shares)
    for index in sorted(range(len(weights)), key=lambda i: -remainders[i])[:left_over]:
        shares[index] += 1
    return shares
