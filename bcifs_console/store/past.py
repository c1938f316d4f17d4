"""Orders as they were kept, for the time machine: snapshots with what was frozen when each was posted. Reads only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, literal, select, tuple_

from bcifs_console.domain.codec import decode_order
from bcifs_console.domain.documents import DocumentKind
from bcifs_console.domain.orders import Order
from bcifs_console.domain.states import OrderState, order_of, order_subject
from bcifs_console.store.tables import document, order_snapshot, store_order

_ORDER: Final = store_order.c


@dataclass(frozen=True, slots=True)
class KeptOrder:
    """One order as JSON texts (domain.codec): `draft` is its customer order's, empty where none was drawn up."""

    order_id: int
    placed_at: datetime
    fetched_at: datetime
    snapshot: str
    customer_id: str
    is_named: bool  #: a backfill named it
    draft: str = ""

    def order(self) -> Order | None:
        """The order; None where what was kept of it can no longer be read."""
        try:
            return decode_order(self.snapshot)
        except ValueError:
            return None


def since(conn: Connection, connection_id: int, moment: datetime, *, page: int = 500) -> Iterator[list[KeptOrder]]:
    """Every order that was read and was placed from `moment` on, oldest first, by pages.

    Orders that a person or the policy leaves out are left out here, too.
    """
    # `+ 0`: or SQLite sorts every order of the connection for each page instead of walking them by `placed_at`.
    query = (
        _query()
        .where(_ORDER.connection_id + 0 == connection_id)
        .where(_ORDER.placed_at >= moment, _ORDER.state != OrderState.SKIPPED.value)
        .order_by(_ORDER.placed_at, _ORDER.order_id)
        .limit(page)
    )
    reached = query
    while rows := conn.execute(reached).all():
        yield _with_drafts(conn, connection_id, rows)
        last = rows[-1]
        behind = tuple_(literal(last.placed_at, _ORDER.placed_at.type), literal(last.order_id))
        # The moment by itself, too: it is what the index is walked by.
        reached = query.where(_ORDER.placed_at >= last.placed_at, tuple_(_ORDER.placed_at, _ORDER.order_id) > behind)


def of_orders(conn: Connection, connection_id: int, order_ids: Sequence[int], *, page: int = 500) -> list[KeptOrder]:
    """Those of the orders that were read."""
    found: list[KeptOrder] = []
    for start in range(0, len(order_ids), page):
        some = order_ids[start : start + page]
        query = _query().where(_ORDER.connection_id == connection_id, _ORDER.order_id.in_(some))
        found += _with_drafts(conn, connection_id, conn.execute(query.order_by(_ORDER.order_id)).all())
    return found


def _query() -> Select[Any]:
    of_order = (order_snapshot.c.connection_id == _ORDER.connection_id) & (order_snapshot.c.order_id == _ORDER.order_id)
    return select(
        _ORDER.order_id,
        _ORDER.placed_at,
        _ORDER.ifs_customer,
        _ORDER.backfill,
        order_snapshot.c.fetched_at,
        order_snapshot.c.snapshot,
    ).join(order_snapshot, of_order)


def _with_drafts(conn: Connection, connection_id: int, rows: Sequence[Any]) -> list[KeptOrder]:
    if not rows:
        return []
    subjects = [order_subject(row.order_id) for row in rows]
    # `kind + ""`: or SQLite reads every customer order of the connection instead of these orders' documents.
    drafts = {
        order_of(row.subject): row.draft
        for row in conn.execute(
            select(document.c.subject, document.c.draft).where(
                document.c.connection_id == connection_id,
                document.c.subject.in_(subjects),
                document.c.kind + "" == DocumentKind.CUSTOMER_ORDER.value,
            )
        )
    }
    return [
        KeptOrder(
            order_id=row.order_id,
            placed_at=row.placed_at,
            fetched_at=row.fetched_at,
            snapshot=row.snapshot,
            customer_id=row.ifs_customer,
            is_named=row.backfill is not None,
            draft=drafts.get(row.order_id, ""),
        )
        for row in rows
    ]
