"""The console's order list: which orders, in which order, as ids; and a screenful of them in full, by id.

An id is the order's key in one number (`packed`): connection and order number. The list holds nothing but ids, however
long it is; what is shown of an order is read when it comes into view.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, cast, func, literal, or_, select

from bcifs_console.domain.states import OrderState
from bcifs_console.store.tables import connection, store_order
from bcifs_console.store.views.order_filter import OrderFilter, where

_ORDER: Final = store_order.c
#: Order numbers of BigCommerce are 32 bits; 40 leave room, and 2^23 connections.
_NUMBER_BITS: Final = 40
_NUMBER_MASK: Final = (1 << _NUMBER_BITS) - 1
#: As many keys as one statement is given.
_AT_ONCE: Final = 500
#: States with the most urgent first, to sort by.
_URGENCY: Final = (
    OrderState.FAILED,
    OrderState.WAITING,
    OrderState.WORKING,
    OrderState.DUE,
    OrderState.SYNCED,
    OrderState.SKIPPED,
    OrderState.IGNORED,
)


def packed(connection_id: int, order_id: int) -> int:
    """The order's key as one number."""
    return connection_id << _NUMBER_BITS | order_id


def unpacked(row_id: int) -> tuple[int, int]:
    """`(connection_id, order_id)` of `packed`."""
    return row_id >> _NUMBER_BITS, row_id & _NUMBER_MASK


class SortKey(StrEnum):
    """What the list can be sorted by."""

    PLACED = "placed"
    ORDER = "order"
    CUSTOMER = "customer"
    STATE = "state"
    TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Sorting:
    """By what, and which end first. Equal ones stand newest first; by state, descending is the most urgent first."""

    key: SortKey = SortKey.PLACED
    descending: bool = True


NEWEST_FIRST: Final = Sorting()


@dataclass(frozen=True, slots=True)
class OrderRow:
    """What a line of the list shows of an order. `next_try_at`: of a due order, when it is looked at (again)."""

    connection_id: int
    order_id: int
    connection: str
    placed_at: datetime | None
    first_seen_at: datetime
    buyer_name: str
    email: str
    ifs_customer: str
    ifs_order_no: str
    state: str
    reason: str
    total: Decimal | None
    currency: str
    attempts: int
    next_try_at: datetime | None
    synced_at: datetime | None
    error: str
    remedy: str
    warnings: str  #: JSON; "[]" for none


def ids(
    conn: Connection,
    wanted: OrderFilter,
    sorting: Sorting = NEWEST_FIRST,
    *,
    now: datetime,
    zone: tzinfo | None = None,
    limit: int | None = None,
) -> "array[int]":
    """The ids of the orders that pass the filter, the first `limit` or all. One never read counts as newest."""
    query = select(_PACKED).where(*where(wanted, now=now, zone=zone))
    if sorting.key is SortKey.STATE:
        # One walk along the index for each state: sorted by urgency, no index could serve.
        states = _URGENCY if sorting.descending else _URGENCY[::-1]
        found = array("q")
        for state in states:
            found += _fetched(conn, query.where(_ORDER.state == state.value).order_by(*_newest()))
        return found[:limit]
    return _fetched(conn, query.order_by(*_by(sorting)).limit(limit))


def _fetched(conn: Connection, query: Select[Any]) -> "array[int]":
    """The numbers the query finds, as the driver gives them: a row object for each would take twice as long."""
    cursor = conn.execute(query).cursor
    assert cursor is not None, "a SELECT has one"
    return array("q", [row[0] for row in cursor.fetchall()])


#: The connection's number is 32 bits in PostgreSQL, and so would be what it is multiplied with.
_PACKED: Final = cast(_ORDER.connection_id, BigInteger) * literal(1 << _NUMBER_BITS, BigInteger) + _ORDER.order_id


def _newest() -> Sequence[Any]:
    return _ORDER.placed_at.desc().nulls_first(), _ORDER.order_id.desc(), _ORDER.connection_id.desc()


def _by(sorting: Sorting) -> Sequence[Any]:
    match sorting.key:
        case SortKey.PLACED if sorting.descending:
            return _newest()
        case SortKey.PLACED:
            return _ORDER.placed_at.asc().nulls_last(), _ORDER.order_id.asc(), _ORDER.connection_id.asc()
        case SortKey.ORDER:
            column: Any = _ORDER.order_id
        case SortKey.CUSTOMER:
            column = func.lower(func.coalesce(func.nullif(_ORDER.buyer_name, ""), _ORDER.email))
        case _:
            column = _ORDER.total
    first = column.desc() if sorting.descending else column.asc()
    return first.nulls_last(), *_newest()


@dataclass(frozen=True, slots=True)
class OrderPage:
    """The list as a whole: the ids that pass the filter, and what is said beside them.

    `total` counts all orders; `connections` names them by id, removed ones too; `newest_placed`: None where no order
    was read yet.
    """

    ids: "array[int]"
    total: int
    connections: Mapping[int, str]
    newest_placed: datetime | None


def page(
    conn: Connection,
    wanted: OrderFilter = OrderFilter(),  # noqa: B008 - frozen
    sorting: Sorting = NEWEST_FIRST,
    *,
    now: datetime,
    zone: tzinfo | None = None,
    limit: int | None = None,
) -> OrderPage:
    """The list as a whole, or its first `limit` ids; see `ids`."""
    names = conn.execute(select(connection.c.id, connection.c.name))
    return OrderPage(
        ids=ids(conn, wanted, sorting, now=now, zone=zone, limit=limit),
        total=int(conn.execute(select(func.count()).select_from(store_order)).scalar_one()),
        connections={row.id: row.name for row in names},
        newest_placed=conn.execute(select(func.max(_ORDER.placed_at))).scalar(),
    )


def rows(conn: Connection, row_ids: Iterable[int]) -> dict[int, OrderRow]:
    """These orders in full, by id: at most a hundred. Those there are none of are left out."""
    if not (wanted := list(row_ids)):
        return {}
    query = select(*_SHOWN).join(connection, connection.c.id == _ORDER.connection_id).where(_are(wanted))
    return {packed(row[0], row[1]): OrderRow(*row) for row in conn.execute(query)}


def _are(row_ids: Iterable[int]) -> ColumnElement[bool]:
    """That an order is one of these, of which there is at least one."""
    numbers: defaultdict[int, list[int]] = defaultdict(list)
    for row_id in row_ids:
        connection_id, order_id = unpacked(row_id)
        numbers[connection_id].append(order_id)
    return or_(*((_ORDER.connection_id == c) & _ORDER.order_id.in_(orders) for c, orders in numbers.items()))


_SHOWN: Final = (
    _ORDER.connection_id,
    _ORDER.order_id,
    connection.c.name,
    *(
        _ORDER[field]
        for field in (
            *("placed_at", "first_seen_at", "buyer_name", "email", "ifs_customer", "ifs_order_no", "state", "reason"),
            *("total", "currency", "attempts"),
        )
    ),
    _ORDER.due_at,
    *(_ORDER[field] for field in ("synced_at", "error", "remedy", "warnings")),
)


def totals(conn: Connection, row_ids: Iterable[int]) -> Mapping[str, Decimal]:
    """The sum of the orders' totals by currency, for as many ids as one likes."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    wanted = list(row_ids)
    for start in range(0, len(wanted), _AT_ONCE):
        these = _are(wanted[start : start + _AT_ONCE]), _ORDER.total.is_not(None)
        query = select(_ORDER.currency, func.sum(_ORDER.total)).where(*these).group_by(_ORDER.currency)
        for currency, total in conn.execute(query):
            sums[currency] += total
    return dict(sums)
