"""The text form of a filter: what an operator types in the filter bar, and what is shown of a filter set by a key.

    acme                       the text anywhere: buyer, e-mail, customer and order numbers
    state:failed,waiting       one of a few words; the beginning of a word is enough
    total>100  placed:today    compared; days as 2026-11-01, today, yesterday, or 7d for the last seven days
    -reason:mapping            not
    "two words"                text with spaces, or with a colon in it

Pure: text in, values out (`store.views.order_filter`), and back: `parse(write(f)) == f`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from bcifs_console.base.problems import Problem, ProblemKind
from bcifs_console.domain.plan import Reason
from bcifs_console.domain.states import OrderState
from bcifs_console.store.views.order_filter import (
    PROBLEMS,
    Condition,
    Contains,
    Day,
    Named,
    OneOf,
    OrderFilter,
    Placed,
    Relation,
    Searched,
    Total,
)


class FilterProblem(Problem):
    """The text is no filter. `remedy` says what would be."""

    kind = ProblemKind.USAGE


_FIELDS: Final = (
    "state",
    "reason",
    "customer",
    "problem",
    "total",
    "placed",
    "connection",
    "currency",
    "order",
    "cause",
)
_WORDS: Final[Mapping[Named, tuple[str, ...]]] = {
    Named.STATE: tuple(state.value for state in OrderState),
    Named.REASON: tuple(reason.value for reason in Reason),
}
#: A field asked for that there is not, and the one that does it.
_INSTEAD: Final = {"sku": "problem:", "email": "customer:", "date": "placed:", "status": "state:", "id": "order:"}
_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
_TOKEN: Final = re.compile(
    rf'(?P<not>-)?(?:(?P<field>[A-Za-z_]+)(?P<relation>:?[<>]=?|:))?(?P<value>(?:{_QUOTED}|[^\s"])*)'
)
_PART: Final = re.compile(rf"({_QUOTED})|([^,]+)")
_PLAIN: Final = re.compile(r"[^\s\"\\,:<>=-][^\s\"\\,:<>]*")
_DAYS: Final = re.compile(r"(\d{1,4})d")


def parse(text: str) -> OrderFilter:
    """The filter that `text` says; nothing but spaces is every order. Raises FilterProblem."""
    return OrderFilter(tuple(_condition(token) for token in _tokens(text)))


def write(wanted: OrderFilter) -> str:
    """The filter as text, as short as it can be said."""
    return " ".join(_text(condition) for condition in wanted.conditions)


def toggled(wanted: OrderFilter, condition: Condition) -> OrderFilter:
    """The filter with the condition, or without it where it has it."""
    rest = tuple(each for each in wanted.conditions if each != condition)
    return OrderFilter(rest if len(rest) < len(wanted.conditions) else (*rest, condition))


# -- reading -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Token:
    """One piece of the text between spaces; `field` is empty for text that is looked for anywhere."""

    negated: bool
    field: str
    relation: Relation
    value: str


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = _TOKEN.match(text, at)
        assert found is not None, "the pattern matches the empty text, too"
        if text[found.end() : found.end() + 1] == '"':
            raise FilterProblem('A " is open.', remedy='Close it with another ", or leave it out.')
        relation = (found["relation"] or ":").removeprefix(":") or ":"
        yield _Token(bool(found["not"]), (found["field"] or "").lower(), Relation(relation), found["value"])
        at = found.end()


def _condition(token: _Token) -> Condition:
    if not token.field:
        if not (text := _unquoted(token.value)):
            raise FilterProblem("There is nothing after the -.", remedy="-acme leaves out what acme finds.")
        return Contains(Searched.ANY, text, token.negated)
    read = _READERS.get(token.field)
    if read is None:
        raise _no_such_field(token)
    if not token.value.strip('"'):
        raise FilterProblem(f"{token.field}: what?", remedy=_EXAMPLES[token.field])
    return replace(read(token), negated=token.negated)


def _no_such_field(token: _Token) -> FilterProblem:
    near = _INSTEAD.get(token.field)
    remedy = f"{near} finds it." if near else f"There are {', '.join(_FIELDS)}."
    return FilterProblem(
        f"Orders have no field {token.field}.", remedy=f'{remedy} To look for text with a colon: "{token.field}:…"'
    )


def _one_of(token: _Token) -> Condition:
    field = Named(token.field)
    _only_colon(token)
    values: list[str] = []
    for part in _parts(token.value):
        for value in _named_values(field, part):
            if value not in values:
                values.append(value)
    return OneOf(field, tuple(values))


def _named_values(field: Named, part: str) -> tuple[str, ...]:
    if field in _WORDS:
        if field is Named.STATE and part.lower() in ("problem", "problems"):
            return PROBLEMS.values
        return (_word(field, part.lower()),)
    if field is Named.ORDER:
        digits = part.lstrip("#")
        # Whatever is longer than the longest number has no place in a query.
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= 12):
            raise FilterProblem(f"{part} is no order number.", remedy=_EXAMPLES["order"])
        return (str(int(digits)),)
    return (part.upper() if field is Named.CURRENCY else part,)


def _word(field: Named, beginning: str) -> str:
    words = _WORDS[field]
    if beginning in words:
        return beginning
    meant = [word for word in words if word.startswith(beginning)]
    if len(meant) == 1:
        return meant[0]
    among = " or ".join(meant) if meant else ", ".join(words)
    raise FilterProblem(
        f"{field.value}:{beginning} could be {among}." if meant else f"No {field.value} is {beginning}.",
        remedy=f"Type more of it: {among}." if meant else f"There are {among}.",
    )


def _contains(token: _Token) -> Condition:
    _only_colon(token)
    return Contains(Searched(token.field), _unquoted(token.value))


def _total(token: _Token) -> Condition:
    try:
        amount = Decimal(token.value.replace(",", ""))
    except InvalidOperation:
        amount = Decimal("NaN")
    exponent = amount.as_tuple().exponent
    if not amount.is_finite() or not isinstance(exponent, int) or exponent < -4 or abs(amount) >= 10**12:
        raise FilterProblem(f"{token.value} is no amount.", remedy=_EXAMPLES["total"])
    return Total(token.relation, amount)


def _placed(token: _Token) -> Condition:
    value = token.value.lower()
    day: date | Day | int
    if value in (Day.TODAY, Day.YESTERDAY):
        day = Day(value)
    elif found := _DAYS.fullmatch(value):
        day = int(found[1])
    else:
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise FilterProblem(f"{token.value} is no day.", remedy=_EXAMPLES["placed"]) from None
    return Placed(token.relation, day)


def _only_colon(token: _Token) -> None:
    if token.relation is not Relation.IS:
        raise FilterProblem(
            f"{token.field} has no more or less: {token.field}{token.relation.value}…", remedy=_EXAMPLES[token.field]
        )


def _parts(value: str) -> Iterator[str]:
    for found in _PART.finditer(value):
        if part := _unquoted(found[0]):
            yield part


def _unquoted(value: str) -> str:
    """The value without its quotes, wherever in it they are."""
    return re.sub(_QUOTED, lambda found: re.sub(r"\\(.)", r"\1", found[0][1:-1]), value)


_READERS: Final[Mapping[str, Callable[[_Token], OneOf | Contains | Total | Placed]]] = {
    **{field.value: _one_of for field in Named},
    "customer": _contains,
    "problem": _contains,
    "total": _total,
    "placed": _placed,
}
_EXAMPLES: Final = {
    "state": f"state: {', '.join(_WORDS[Named.STATE])}; state:problem is failed or waiting.",
    "reason": f"reason: {', '.join(_WORDS[Named.REASON])}.",
    "customer": "customer:acme finds the buyer's name, e-mail and IFS customer.",
    "problem": "problem:SKU-7 finds what an order's problem says.",
    "total": "total>100, total<=99.95, total:20",
    "placed": "placed:today, placed:7d, placed:2026-11-01, placed>2026-11-01",
    "connection": "connection:NAME, as in: bcifs connection list",
    "currency": "currency:EUR,USD",
    "order": "order:1042,1043",
    "cause": 'cause:"mapping:SKU-7", as in: bcifs problems list',
}


# -- writing -----------------------------------------------------------------------------------------------------------


def _text(condition: Condition) -> str:
    sign = "-" if condition.negated else ""
    match condition:
        case OneOf(field, values):
            return f"{sign}{field.value}:{','.join(_quoted(value) for value in values)}"
        case Contains(Searched.ANY, text):
            return f"{sign}{_quoted(text)}"
        case Contains(field, text):
            return f"{sign}{field.value}:{_quoted(text)}"
        case Total(relation, amount):
            return f"{sign}total{relation.value}{amount:f}"
        case Placed(relation, day):
            return f"{sign}placed{relation.value}{_day(day)}"


def _day(day: date | Day | int) -> str:
    return f"{day}d" if isinstance(day, int) else day.value if isinstance(day, Day) else day.isoformat()


def _quoted(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
