"""What waits or failed, grouped by cause: a few rows however many orders there are, from an index of its own.

Used by the Overview and Jobs screens and by `bcifs problems`.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, select

from bcifs_console.domain.states import OrderState
from bcifs_console.store import connections
from bcifs_console.store.due import in_state
from bcifs_console.store.group_retries import FAILED, Group
from bcifs_console.store.tables import store_order

__all__ = ["FAILED", "MOST_GROUPS", "Group", "ProblemGroup", "groups"]

#: Groups whose words are read; those with fewer orders are left out.
MOST_GROUPS: Final = 200
_AT_ONCE: Final = 200
_ORDER: Final = store_order.c


@dataclass(frozen=True, slots=True)
class ProblemGroup:
    """Orders of one connection that wait or failed for one cause. `error` and `remedy` are those of the oldest."""

    group: Group
    connection: str
    orders: int
    since: datetime  #: when the first of them was seen here first
    first_order: int
    error: str
    remedy: str

    @property
    def kind(self) -> str:
        return self.group.kind


def groups(conn: Connection, *, limit: int | None = MOST_GROUPS) -> list[ProblemGroup]:
    """The groups, most orders first, at most `limit`; None: all of them."""
    counted = (func.count().label("orders"), func.min(_ORDER.first_seen_at).label("since"))
    oldest = func.min(_ORDER.order_id).label("first_order")
    by_reason = (_ORDER.connection_id, _ORDER.reason, _ORDER.cause)
    waiting = select(*by_reason, *counted, oldest).where(in_state(OrderState.WAITING)).group_by(*by_reason)
    by_cause = (_ORDER.connection_id, _ORDER.cause)
    failed = select(*by_cause, *counted, oldest).where(in_state(OrderState.FAILED)).group_by(*by_cause)
    found = [(Group(row.connection_id, row.reason, row.cause), row) for row in conn.execute(waiting)]
    found += [(Group(row.connection_id, FAILED, row.cause), row) for row in conn.execute(failed)]
    found.sort(key=lambda pair: (-pair[1].orders, pair[1].since, pair[0].kind, pair[0].cause))
    found = found[:limit]
    words = _words(conn, ((group.connection_id, row.first_order) for group, row in found))
    names = connections.all_names(conn)
    return [
        ProblemGroup(
            group=group,
            connection=names[group.connection_id],
            orders=row.orders,
            since=row.since,
            first_order=row.first_order,
            error=words[group.connection_id, row.first_order].error or group.cause,
            remedy=words[group.connection_id, row.first_order].remedy,
        )
        for group, row in found
    ]


def _words(conn: Connection, keys: Iterable[tuple[int, int]]) -> dict[tuple[int, int], Any]:
    # Connection by connection: SQLite answers a list of pairs by reading the whole table.
    numbers: dict[int, list[int]] = defaultdict(list)
    for connection_id, order_id in keys:
        numbers[connection_id].append(order_id)
    found: dict[tuple[int, int], Any] = {}
    for connection_id, order_ids in numbers.items():
        for start in range(0, len(order_ids), _AT_ONCE):
            query = select(_ORDER.order_id, _ORDER.error, _ORDER.remedy).where(
                _ORDER.connection_id == connection_id, _ORDER.order_id.in_(order_ids[start : start + _AT_ONCE])
            )
            found |= {(connection_id, row.order_id): row for row in conn.execute(query)}
    return found
