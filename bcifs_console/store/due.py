"""Which orders are due: the queries that a claim and the wait for one walk along. Who takes them is `queue`'s."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, bindparam, false, func, literal, select, true, tuple_

from bcifs_console.domain.states import OrderState
from bcifs_console.store.tables import connection, store_order

_ORDER: Final = store_order.c


@dataclass(frozen=True, slots=True)
class Within:
    """Which orders a claim, or the wait for one, is about.

    With something paused there is one query for each other connection: each walks its own stretch of the index, and
    the backlog of the paused ones, however long, is never read.
    """

    conn: Connection
    paused: Collection[int]
    only: Collection[tuple[int, int]] | None
    backfill: int | None

    def limited(self, query: Select[Any]) -> list[Select[Any]]:
        """`query`, for these orders alone."""
        if self.only is not None:
            query = query.where(tuple_(_ORDER.connection_id, _ORDER.order_id).in_(self.only))
        if self.backfill is not None:
            query = query.where(_ORDER.backfill == self.backfill)
        if not self.paused:
            return [query]
        others = self.conn.execute(select(connection.c.id).where(connection.c.id.not_in(self.paused))).scalars()
        return [query.where(_ORDER.connection_id == connection_id) for connection_id in others]

    def first(self, queries: Iterable[Select[Any]], now: datetime, room: int) -> list[Any]:
        """The rows that have been due longest, at most `room`."""
        found: list[Any] = []
        for query in queries:
            for limited in self.limited(query):
                found += self.conn.execute(limited, {"now": now, "room": room})
        return sorted(found, key=lambda row: row.due_at)[:room]

    def earliest(self, among: Iterable[Select[Any]]) -> datetime | None:
        """When the next of them falls due or its lease runs out."""
        queries = [limited for query in among for limited in self.limited(query)]
        moments = [self.conn.execute(query).scalar() for query in queries]
        return min((moment for moment in moments if moment is not None), default=None)


def _claimable(since: ColumnElement[Any], *where: ColumnElement[bool]) -> Select[Any]:
    """Orders whose time has come, longest first."""
    columns = (_ORDER.connection_id, _ORDER.order_id, _ORDER.lease_fence, _ORDER.generation, _ORDER.attempts)
    query = select(*columns, _ORDER.due_at, _ORDER.background, _ORDER.backfill).where(*where, since <= bindparam("now"))
    return query.order_by(since).limit(bindparam("room")).with_for_update(skip_locked=True)


def in_state(state: OrderState) -> ColumnElement[bool]:
    """Orders in a state, written out in the statement for its partial index to be used: PostgreSQL plans a prepared
    statement without knowing its values, and then reads too much."""
    return _ORDER.state == literal(state.value, literal_execute=True)


IS_DUE: Final = _ORDER.state == OrderState.DUE.value
_IS_WORKING: Final = _ORDER.state == OrderState.WORKING.value
# Made once: this is asked whenever something may be due, and making a query takes longer than carrying it out.
LAPSED: Final = _claimable(_ORDER.lease_until, _IS_WORKING)
DUE: Final = _claimable(_ORDER.due_at, IS_DUE, _ORDER.background == false())
DUE_IN_BACKGROUND: Final = _claimable(_ORDER.due_at, IS_DUE, _ORDER.background == true())
NEXT: Final = (
    select(func.min(_ORDER.due_at)).where(IS_DUE, _ORDER.background == false()),
    select(func.min(_ORDER.lease_until)).where(_IS_WORKING),
)
NEXT_IN_BACKGROUND: Final = select(func.min(_ORDER.due_at)).where(IS_DUE, _ORDER.background == true())
