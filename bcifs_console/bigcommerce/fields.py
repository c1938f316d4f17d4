"""Reading single values of BigCommerce's JSON: amounts, numbers, times, texts, flags. Which fields there are: `wire_*`.

v2 serves money as strings with four decimals, v3 and consignments as numbers, both sometimes as integers (facts §3.3,
§3.5); times as RFC 2822 or ISO 8601; "not set" as null, "" or a missing key. All of that is accepted, nothing else.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any, Final

from bcifs_console.bigcommerce.errors import BadAnswer

_AMOUNT: Final = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,2})?", re.ASCII)
_WHOLE: Final = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_ISO_START: Final = re.compile(r"[0-9]{4}-", re.ASCII)
_FOUR_PLACES: Final = Decimal("0.0001")
#: Amounts are stored as ten-thousandths in 64 bits; anything near that size is no amount of an order.
_TOO_LARGE: Final = Decimal(10) ** 14
_TOO_LARGE_ID: Final = 2**63


class Unreadable(ValueError):
    """A value is there and is not what it should be. The message never quotes it."""


def parse_json(body: bytes) -> Any:
    """`body` as JSON with every fraction as an exact Decimal. Raises ValueError on anything else, NaN included."""
    try:
        return json.loads(body, parse_float=_json_decimal, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _json_decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError("a number out of range") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def parse_amount(value: object) -> Decimal | None:
    """An amount from a string or a number, None where it is not set (null or "").

    Equal amounts come out in one form, with at least four decimals, whichever way the store wrote them, so that
    snapshots of one order read over different endpoints are equal as text too. Raises Unreadable on what is no amount.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise Unreadable("not an amount")
    amount = _decimal(value)
    if not amount.is_finite() or amount.adjusted() > 14 or abs(amount) >= _TOO_LARGE:
        raise Unreadable("not an amount")
    exponent = amount.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -30:
        raise Unreadable("not an amount")
    in_four = amount.quantize(_FOUR_PLACES)
    if in_four == amount:
        return in_four or abs(in_four)  # never -0
    return amount


def _decimal(value: str | int | Decimal) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int):
        if abs(value) >= _TOO_LARGE:  # before Decimal: an integer may have any number of digits
            raise Unreadable("not an amount")
        return Decimal(value)
    text = value.strip()
    if not _AMOUNT.fullmatch(text):
        raise Unreadable("not an amount")
    return Decimal(text)


def parse_whole(value: object) -> int | None:
    """A whole number from an int, a number without fraction or a digit string; None where it is not set."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        raise Unreadable("not a whole number")
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        number = int(value)
    elif isinstance(value, int):
        number = value
    elif (
        isinstance(value, Decimal)
        and value.is_finite()
        and value.adjusted() < 19
        and value == value.to_integral_value()
    ):
        number = int(value)
    else:
        raise Unreadable("not a whole number")
    if abs(number) >= _TOO_LARGE_ID:
        raise Unreadable("not a whole number")
    return number


def parse_moment(value: object) -> datetime | None:
    """A time, in UTC, from RFC 2822 (v2), ISO 8601 (v3) or unix seconds (hooks); None where it is not set.

    A time without a zone is UTC: v2 documents its times as always UTC (facts §3.3).
    """
    if value is None or value == "":
        return None
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        text = str(value).strip()
        moment = datetime.fromisoformat(text) if _ISO_START.match(text) else parsedate_to_datetime(text)
        if moment.tzinfo is None:
            return moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError, TypeError, IndexError):
        raise Unreadable("not a time") from None


class Fields:
    """One JSON object, read field by field. `what` names it in errors ("order 5001", "order 5001, line 17").

    `need_*` raise BadAnswer naming the field where it is missing or not set; the others answer a default then. All
    raise BadAnswer where the value is there and unreadable: a wrong amount is never read as none.
    """

    __slots__ = ("_row", "order_id", "what")

    def __init__(self, row: object, what: str, *, order_id: int | None = None) -> None:
        if not isinstance(row, dict):
            raise BadAnswer(f"BigCommerce's answer for {what} is no JSON object.", order_id=order_id)
        self._row: Mapping[str, Any] = row
        self.what = what
        self.order_id = order_id

    def __contains__(self, key: str) -> bool:
        return key in self._row

    def raw(self, key: str) -> Any:
        """The value as it came, None where the key is missing."""
        return self._row.get(key)

    def amount(self, key: str) -> Decimal | None:
        try:
            return parse_amount(self._row.get(key))
        except Unreadable as unreadable:
            raise self.bad(key, str(unreadable)) from None

    def need_amount(self, key: str) -> Decimal:
        amount = self.amount(key)
        if amount is None:
            raise self.missing(key)
        return amount

    def whole(self, key: str, default: int = 0) -> int:
        try:
            number = parse_whole(self._row.get(key))
        except Unreadable as unreadable:
            raise self.bad(key, str(unreadable)) from None
        return default if number is None else number

    def whole_or_none(self, key: str) -> int | None:
        return None if self._row.get(key) in (None, "") else self.whole(key)

    def need_whole(self, key: str) -> int:
        if self._row.get(key) in (None, ""):
            raise self.missing(key)
        return self.whole(key)

    def moment(self, key: str) -> datetime | None:
        try:
            return parse_moment(self._row.get(key))
        except Unreadable as unreadable:
            raise self.bad(key, str(unreadable)) from None

    def need_moment(self, key: str) -> datetime:
        moment = self.moment(key)
        if moment is None:
            raise self.missing(key)
        return moment

    def text(self, *keys: str) -> str:
        """The first of `keys` that holds a text or a number, as text; "" where none does."""
        for key in keys:
            value = self._row.get(key)
            if isinstance(value, str) and value:
                return _storable(value)
            if isinstance(value, int | Decimal) and not isinstance(value, bool):
                return str(value)
        return ""

    def need_text(self, key: str) -> str:
        text = self.text(key)
        if not text:
            raise self.missing(key)
        return text

    def flag(self, key: str, *, default: bool = False) -> bool:
        """A boolean; 0/1 and "true"/"false" are read as one too."""
        value = self._row.get(key)
        if value is None or value == "":
            return default
        if isinstance(value, bool):
            return value
        folded = str(value).strip().casefold()
        if folded in {"true", "1"}:
            return True
        if folded in {"false", "0"}:
            return False
        raise self.bad(key, "not true or false")

    def need_flag(self, key: str) -> bool:
        if self._row.get(key) in (None, ""):
            raise self.missing(key)
        return self.flag(key)

    def rows(self, key: str) -> list[Any]:
        """A list; [] where it is not set (PHP also writes an empty object so)."""
        value = self._row.get(key)
        return value if isinstance(value, list) else []

    def need_rows(self, key: str) -> list[Any]:
        """A list that must be there, empty or not; an empty object is an empty list here too."""
        value = self._row.get(key)
        if value == {}:
            return []
        if not isinstance(value, list):
            raise self.missing(key) if value is None else self.bad(key, "not a list")
        return value

    def missing(self, key: str) -> BadAnswer:
        """The error for a field that must be there."""
        return self.bad(key, "missing")

    def bad(self, key: str, why: str) -> BadAnswer:
        """The error for a field that is there and cannot be used; `why` completes "<key> is …"."""
        return BadAnswer(f"BigCommerce's answer for {self.what}: {key} is {why}.", field=key, order_id=self.order_id)


def _storable(text: str) -> str:
    """`text` without NUL and lone surrogates: no database keeps them, and no name or note needs them."""
    if "\x00" not in text and text.isprintable():
        return text
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
