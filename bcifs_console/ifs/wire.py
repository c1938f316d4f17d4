"""JSON with exact numbers: a Decimal goes out as the number it is, and comes back as a Decimal.

The standard library can read that way but not write it, hence the small encoder. Floats are refused: they have no
place in money. Nothing here knows IFS.
"""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NoReturn

#: One JSON object as it is sent or received.
Record = Mapping[str, Any]


def dumps(value: object) -> bytes:
    """`value` as UTF-8 JSON. Decimal('19.9900') is written 19.99. Raises TypeError on what has no exact form."""
    return _encoded(value).encode()


def _encoded(value: object) -> str:
    if isinstance(value, Decimal):
        return number_text(value)
    if value is None or isinstance(value, bool | int | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_key(k)}:{_encoded(v)}" for k, v in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ",".join(_encoded(v) for v in value) + "]"
    raise TypeError(f"{type(value).__name__} has no exact JSON form")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError("JSON keys are strings")
    return json.dumps(key, ensure_ascii=False)


def number_text(value: Decimal) -> str:
    """`value` as a plain number: no exponent, no needless zeros. Not `normalize()`, which rounds to the context."""
    if not value.is_finite():
        raise TypeError(f"{value} is no JSON number")
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def loads(body: bytes) -> Any:
    """JSON with fractions as Decimal. Raises ValueError on what is no JSON, NaN and Infinity included."""
    return json.loads(body, parse_float=Decimal, parse_constant=_refused)


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")
