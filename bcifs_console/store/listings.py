"""What list pages showed of orders (`order_listing`): kept for a quarter of an hour, for the look that follows.

A listing is an order with its lines, as a list of 250 gives it; what only calls about one order can tell is missing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, select

from bcifs_console.store.database import Tx
from bcifs_console.store.prepared import Prepared
from bcifs_console.store.tables import order_listing, store_order, webhook_delivery

#: How long a look may rest on what a list showed (DESIGN §5).
FRESH: Final = timedelta(minutes=15)
#: An event this long before the list was asked for may not have been in it yet: events come by other ways than reads.
_MARGIN: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Listing:
    """One order as a list showed it: domain JSON, and when the list was asked for."""

    order_id: int
    fetched_at: datetime
    snapshot: str


def put(tx: Tx, connection_id: int, listed: Sequence[Listing]) -> None:
    """Keep these listings in place of older ones, but those of orders that were read since; forget what is too old."""
    tx.conn.execute(delete(order_listing).where(order_listing.c.fetched_at < tx.now - FRESH))
    read = _read_at(tx.conn, connection_id, [listing.order_id for listing in listed])
    rows = [
        (connection_id, each.order_id, _PUT.value(tx, "fetched_at", each.fetched_at), each.snapshot)
        for each in listed
        if (at := read.get(each.order_id)) is None or at < each.fetched_at
    ]
    if rows:
        _PUT.many(tx, rows)


def _read_at(conn: Connection, connection_id: int, order_ids: Sequence[int]) -> dict[int, datetime | None]:
    rows = conn.execute(
        select(store_order.c.order_id, store_order.c.fetched_at).where(
            store_order.c.connection_id == connection_id, store_order.c.order_id.in_(order_ids)
        )
    )
    return {row.order_id: row.fetched_at for row in rows}


def _put(dialect: Any) -> Any:
    insert = dialect.insert(order_listing)
    new = {"fetched_at": insert.excluded.fetched_at, "snapshot": insert.excluded.snapshot}
    return insert.on_conflict_do_update(index_elements=["connection_id", "order_id"], set_=new)


_PUT: Final = Prepared(_put, ("connection_id", "order_id", "fetched_at", "snapshot"))


def drop(tx: Tx, keys: Collection[tuple[int, int]]) -> None:
    """Forget the listings of these orders, by connection and number."""
    if keys:
        tx.conn.execute(_DROP, [{"of_connection": c, "of_order": o} for c, o in keys])


_DROP: Final = delete(order_listing).where(
    order_listing.c.connection_id == bindparam("of_connection"), order_listing.c.order_id == bindparam("of_order")
)


def of_order(conn: Connection, connection_id: int, order_id: int, now: datetime) -> Listing | None:
    """The order's listing where it is fresh and no event of the order came since (DESIGN §5), else None."""
    row = conn.execute(
        select(order_listing.c.fetched_at, order_listing.c.snapshot).where(
            order_listing.c.connection_id == connection_id,
            order_listing.c.order_id == order_id,
            order_listing.c.fetched_at >= now - FRESH,
        )
    ).first()
    if row is None:
        return None
    event = select(webhook_delivery.c.id).where(
        webhook_delivery.c.connection_id == connection_id,
        webhook_delivery.c.order_id == order_id,
        webhook_delivery.c.received_at > row.fetched_at - _MARGIN,
    )
    if conn.execute(event.limit(1)).first() is not None:
        return None
    return Listing(order_id, row.fetched_at, row.snapshot)
