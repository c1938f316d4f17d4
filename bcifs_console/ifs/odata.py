"""OData text: literals, keys, filters and the addresses of projections (facts §2). Pure; `transport.py` sends.

Values never reach a URL unquoted: strings go through `literal` (quotes doubled), and httpx percent-encodes the query.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final
from urllib.parse import quote

from bcifs_console.ifs.wire import number_text

NAMESPACE: Final = "IfsApp"

Value = str | int | Decimal | bool | date


class Raw(str):
    """OData text that is a literal already, for example an enum literal."""

    __slots__ = ()


def literal(value: Value) -> str:
    """`value` as an OData literal: `'O''Brien'`, `12`, `19.99`, `true`, `2026-12-31`."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    return number_text(Decimal(value))


def enum_literal(projection: str, enum: str, member: str) -> Raw:
    """An enum value in a filter. It must be qualified: plain `'Released'` answers 400 (facts §2)."""
    return Raw(f"{NAMESPACE}.{projection}.{enum}{literal(member)}")


def key(**parts: Value) -> str:
    """A key segment, percent-encoded for a path: `(OrderNo='C1',LineItemNo=0)`.

    A slash inside a value is encoded too, else it would split the path.
    """
    inner = ",".join(f"{name}={quote(literal(value), safe=_KEY_SAFE)}" for name, value in parts.items())
    return f"({inner})"


_KEY_SAFE: Final = "'*.-_~"


def eq(prop: str, value: Value) -> str:
    """`prop eq value`."""
    return f"{prop} eq {literal(value)}"


def at_least(prop: str, value: Value) -> str:
    """`prop ge value`."""
    return f"{prop} ge {literal(value)}"


def at_most(prop: str, value: Value) -> str:
    """`prop le value`."""
    return f"{prop} le {literal(value)}"


def above(prop: str, value: Value) -> str:
    """`prop gt value`."""
    return f"{prop} gt {literal(value)}"


def folded_contains(prop: str, value: str) -> str:
    """`prop` contains `value` whatever the case."""
    return f"contains(tolower({prop}),{literal(value.lower())})"


def folded_ends_with(prop: str, value: str) -> str:
    """`prop` ends with `value` whatever the case."""
    return f"endswith(tolower({prop}),{literal(value.lower())})"


def starts_with(prop: str, value: str) -> str:
    """`prop` begins with `value`."""
    return f"startswith({prop},{literal(value)})"


def folded_eq(prop: str, value: str) -> str:
    """`prop` equals `value` whatever the case."""
    return f"tolower({prop}) eq {literal(value.lower())}"


def all_of(conditions: Sequence[str]) -> str:
    """The conditions joined by `and`; each must be complete in itself."""
    return " and ".join(conditions)


def any_of(conditions: Sequence[str]) -> str:
    """The conditions joined by `or`; put brackets around it beside anything else."""
    return " or ".join(conditions)


def projection_url(layer: str, projection: str) -> str:
    """Path of a projection, without host: `/main/ifsapplications/projection/v1/X.svc`."""
    return f"/{layer}/ifsapplications/projection/v1/{projection}.svc"


def action_segment(projection: str, action: str) -> str:
    """Last path segment of a bound action; the profile names it `CustomerOrder_SetReleased`."""
    return f"{NAMESPACE}.{projection}.{action}"


def compact(record: Mapping[str, object]) -> dict[str, object]:
    """`record` without nulls and empty texts: IFS wants them omitted on POST (facts §3)."""
    return {name: value for name, value in record.items() if value is not None and value != ""}
