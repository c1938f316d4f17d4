"""Which orders a list shows: a filter as values, and as conditions of a query. Its text form is `console.filters`.

A filter is a number of conditions that all hold. Text is looked for anywhere and without regard to case (of letters
without accents on SQLite, of all letters on PostgreSQL).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Text, and_, cast, false, not_, or_, select

from bcifs_console.domain.states import OrderState
from bcifs_console.store.tables import connection, store_order

_ORDER: Final = store_order.c
#: What is searched by words: the buyer and the numbers on both sides.
_SEARCHED: Final = (_ORDER.buyer_name, _ORDER.email, _ORDER.ifs_customer, _ORDER.ifs_order_no)
_OF_CUSTOMER: Final = (_ORDER.buyer_name, _ORDER.email, _ORDER.ifs_customer)
_OF_PROBLEM: Final = (_ORDER.error, _ORDER.cause, _ORDER.problems)
#: States in which an order may carry a problem.
_TROUBLED: Final = (OrderState.WAITING, OrderState.FAILED, OrderState.DUE)


class Relation(StrEnum):
    """How a value compares."""

    IS = ":"
    ABOVE = ">"
    FROM = ">="
    BELOW = "<"
    UP_TO = "<="


class Named(StrEnum):
    """Fields that have one of a few values."""

    STATE = "state"
    REASON = "reason"
    CONNECTION = "connection"
    CURRENCY = "currency"
    ORDER = "order"
    CAUSE = "cause"


class Searched(StrEnum):
    """Fields in which text is looked for; ANY is the buyer and the numbers on both sides."""

    ANY = ""
    CUSTOMER = "customer"
    PROBLEM = "problem"


class Day(StrEnum):
    """Days that move."""

    TODAY = "today"
    YESTERDAY = "yesterday"


@dataclass(frozen=True, slots=True)
class OneOf:
    """The field has one of the values (as they are stored; of ORDER the digits)."""

    field: Named
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Contains:
    """The text stands in the field."""

    field: Searched
    text: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Total:
    """The order's total compares like this, whatever its currency. An order never read has none."""

    relation: Relation
    amount: Decimal
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """The order was placed on, before or after this day; a number counts the days back from now."""

    relation: Relation
    day: date | Day | int
    negated: bool = False


Condition = OneOf | Contains | Total | Placed


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Conditions that all hold; none: every order."""

    conditions: tuple[Condition, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.conditions)


#: What needs a person.
PROBLEMS: Final = OneOf(Named.STATE, (OrderState.FAILED.value, OrderState.WAITING.value))


def where(wanted: OrderFilter, *, now: datetime, zone: tzinfo | None = None) -> Sequence[ColumnElement[bool]]:
    """The filter as conditions of a query. Days begin at midnight in `zone` (None: the system's)."""
    return [_sql(condition, now, zone) for condition in wanted.conditions]


def _sql(condition: Condition, now: datetime, zone: tzinfo | None) -> ColumnElement[bool]:
    match condition:
        case OneOf(field, values):
            found = _one_of(field, values)
        case Contains(field, text):
            found = _contains(field, text)
        case Total(relation, amount):
            found = and_(_ORDER.total.is_not(None), _compared(_ORDER.total, relation, amount))
        case Placed(relation, day):
            found = and_(_ORDER.placed_at.is_not(None), *_placed(relation, day, now, zone))
    return not_(found) if condition.negated else found


def _one_of(field: Named, values: Sequence[str]) -> ColumnElement[bool]:
    match field:
        case Named.CONNECTION:
            of_name = select(connection.c.id).where(connection.c.name.in_(values))
            return _ORDER.connection_id.in_(of_name)
        case Named.ORDER:
            # Every connection by name: the index begins with it.
            return _ORDER.connection_id.in_(select(connection.c.id)) & _ORDER.order_id.in_([int(v) for v in values])
        case Named.STATE:
            return _ORDER.state.in_(values)
        case Named.REASON:
            return _ORDER.reason.in_(values)
        case Named.CURRENCY:
            return _ORDER.currency.in_(values)
        case Named.CAUSE:
            return and_(_is_troubled(), _ORDER.cause.in_(values))


def _contains(field: Searched, text: str) -> ColumnElement[bool]:
    match field:
        case Searched.ANY:
            number = cast(_ORDER.order_id, Text).startswith(text, autoescape=True) if text.isdecimal() else false()
            return or_(number, *(_has(column, text) for column in _SEARCHED))
        case Searched.CUSTOMER:
            return or_(*(_has(column, text) for column in _OF_CUSTOMER))
        case Searched.PROBLEM:
            return and_(_is_troubled(), or_(*(_has(column, text) for column in _OF_PROBLEM)))


def _is_troubled() -> ColumnElement[bool]:
    """The states first: such orders are few, and the states are indexed."""
    return _ORDER.state.in_([state.value for state in _TROUBLED])


def _has(column: Any, text: str) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column.icontains(text, autoescape=True)
    return found


def _compared(column: Any, relation: Relation, value: Any) -> ColumnElement[bool]:
    found: dict[Relation, ColumnElement[bool]] = {
        Relation.IS: column == value,
        Relation.ABOVE: column > value,
        Relation.FROM: column >= value,
        Relation.BELOW: column < value,
        Relation.UP_TO: column <= value,
    }
    return found[relation]


def _placed(
    relation: Relation, day: date | Day | int, now: datetime, zone: tzinfo | None
) -> Sequence[ColumnElement[bool]]:
    column = _ORDER.placed_at
    if isinstance(day, int):
        since = now - timedelta(days=day)
        return [column < since if relation in (Relation.BELOW, Relation.UP_TO) else column >= since]
    named = _date_of(day, now, zone)
    start, end = _midnight(named, zone), _midnight(named + timedelta(days=1), zone)
    match relation:
        case Relation.IS:
            return [column >= start, column < end]
        case Relation.ABOVE:
            return [column >= end]
        case Relation.FROM:
            return [column >= start]
        case Relation.BELOW:
            return [column < start]
        case Relation.UP_TO:
            return [column < end]


def _date_of(day: date | Day, now: datetime, zone: tzinfo | None) -> date:
    today = now.astimezone(zone).date()
    match day:
        case Day.TODAY:
            return today
        case Day.YESTERDAY:
            return today - timedelta(days=1)
        case _:
            return day


def _midnight(day: date, zone: tzinfo | None) -> datetime:
    # A naive time is taken as the system's own, with the offset of that day: summer time and all.
    return datetime.combine(day, time.min, tzinfo=zone).astimezone()
