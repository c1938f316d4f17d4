"""Decimal arithmetic shared by both fakes: minor units, rounding, allocation, and JSON with exact numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

Json = dict[str, Any]

ZERO = Decimal(0)
ONE = Decimal(1)

# ISO 4217: everything not listed has two decimals.
_MINOR_UNITS = {"JPY": 0, "KRW": 0, "CLP": 0, "VND": 0, "KWD": 3, "BHD": 3, "OMR": 3, "TND": 3, "JOD": 3}


@lru_cache(maxsize=64)
def quantum(currency: str) -> Decimal:
    return ONE.scaleb(-_MINOR_UNITS.get(currency, 2))


def minor_units(currency: str) -> int:
    return _MINOR_UNITS.get(currency, 2)


def rounded(amount: Decimal, currency: str) -> Decimal:
    return amount.quantize(quantum(currency), ROUND_HALF_UP)


def allocate(total: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """Spread a total over weights by largest remainder, so that the shares sum to it exactly."""
    unit = quantum(currency)
    whole = sum(weights, ZERO)
    if not whole:
        return [ZERO for _ in weights]
    exact = [total * weight / whole for weight in weights]
    shares = [(share // unit) * unit for share in exact]
    missing = int((total - sum(shares, ZERO)) / unit)
    step = unit if missing >= 0 else -unit
    order = sorted(range(len(exact)), key=lambda i: abs(exact[i] - shares[i]), reverse=True)
    for index in order[: abs(missing)]:
        shares[index] += step
    return shares


def text4(amount: Decimal) -> str:
    """Money on v2: a string with four decimals, whatever the currency."""
    return f"{amount:.4f}"


def decimal_of(value: object) -> Decimal | None:
    """A number as clients send it (number or string); None when it is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _number(value: object) -> object:
    """Decimals as JSON numbers.

    The shortest text that reads back as a float is the decimal's own text up to 15 significant digits, far beyond
    any amount here, so nothing is lost on the wire.
    """
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_number)


def dump(value: object) -> bytes:
    return _encoder.encode(value).encode()


def load(body: bytes) -> Any:
    """JSON with exact numbers; raises ValueError."""
    return json.loads(body, parse_float=Decimal)
