"""What happened to one order, and which orders stand beside it: what the Order screen asks of the store."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, or_, select

from bcifs_console.domain.states import left_out_key, order_subject
from bcifs_console.store.tables import customer_link, decision, journal, store_order, webhook_delivery

_ORDER: Final = store_order.c
#: How many deliveries and journal rows of one order are shown, the newest of them.
MOST_SHOWN: Final = 500


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One webhook delivery about the order. `event_at`: by the store's clock, None where it does not say."""

    received_at: datetime
    event_at: datetime | None
    scope: str


@dataclass(frozen=True, slots=True)
class JournalView:
    """One journal row about the order or its buyer."""

    at: datetime
    event: str
    actor: str
    subject: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An order beside another in the list of all orders."""

    connection_id: int
    order_id: int


def deliveries(conn: Connection, connection_id: int, order_id: int) -> list[DeliveryView]:
    """The newest deliveries about an order, oldest first."""
    rows = conn.execute(
        select(webhook_delivery.c.received_at, webhook_delivery.c.event_at, webhook_delivery.c.scope)
        .where(webhook_delivery.c.connection_id == connection_id, webhook_delivery.c.order_id == order_id)
        .order_by(webhook_delivery.c.id.desc())
        .limit(MOST_SHOWN)
    ).all()
    return [DeliveryView(row.received_at, row.event_at, row.scope) for row in reversed(rows)]


def journal_of(conn: Connection, connection_id: int, order_id: int, buyer_key: str = "") -> list[JournalView]:
    """The newest journal rows about an order and, with `buyer_key`, about its buyer; oldest first."""
    subjects = [order_subject(order_id), *([f"buyer:{buyer_key}"] if buyer_key else [])]
    found: list[Any] = []
    for subject in subjects:  # one stretch of the index each
        found += conn.execute(
            select(journal)
            .where(journal.c.connection_id == connection_id, journal.c.subject == subject)
            .order_by(journal.c.id.desc())
            .limit(MOST_SHOWN)
        ).all()
    return [
        JournalView(row.at, row.event, row.actor, row.subject, json.loads(row.detail))
        for row in sorted(found, key=lambda row: row.id)
    ]


def decision_of(conn: Connection, connection_id: int, buyer_key: str) -> int | None:
    """The number of the question about a buyer, open or answered; None where there never was one."""
    found: int | None = conn.execute(
        select(decision.c.id).where(decision.c.connection_id == connection_id, decision.c.buyer_key == buyer_key)
    ).scalar()
    return found


def newer_neighbour(conn: Connection, connection_id: int, order_id: int) -> Neighbour | None:
    """The order above this one in the list of all orders, newest first; one that was never read counts as newest."""
    placed = _placed(conn, connection_id, order_id)
    if placed is None:
        later = and_(_ORDER.placed_at.is_(None), _behind(connection_id, order_id, newer=True))
        return _first(conn, later, newest_first=False)
    same = and_(_ORDER.placed_at == placed, _behind(connection_id, order_id, newer=True))
    beside = _first(conn, same, newest_first=False) or _first(conn, _ORDER.placed_at > placed, newest_first=False)
    return beside or _first(conn, _ORDER.placed_at.is_(None), newest_first=False)


def older_neighbour(conn: Connection, connection_id: int, order_id: int) -> Neighbour | None:
    """The order below this one in the list of all orders."""
    placed = _placed(conn, connection_id, order_id)
    if placed is None:
        unread = and_(_ORDER.placed_at.is_(None), _behind(connection_id, order_id, newer=False))
        return _first(conn, unread, newest_first=True) or _first(conn, _ORDER.placed_at.is_not(None), newest_first=True)
    same = and_(_ORDER.placed_at == placed, _behind(connection_id, order_id, newer=False))
    return _first(conn, same, newest_first=True) or _first(conn, _ORDER.placed_at < placed, newest_first=True)


def _placed(conn: Connection, connection_id: int, order_id: int) -> datetime | None:
    of_order = _ORDER.connection_id == connection_id, _ORDER.order_id == order_id
    placed: datetime | None = conn.execute(select(_ORDER.placed_at).where(*of_order)).scalar()
    return placed


def _behind(connection_id: int, order_id: int, *, newer: bool) -> Any:
    """Orders placed in the same moment: by number, then by connection."""
    if newer:
        return or_(_ORDER.order_id > order_id, and_(_ORDER.order_id == order_id, _ORDER.connection_id > connection_id))
    return or_(_ORDER.order_id < order_id, and_(_ORDER.order_id == order_id, _ORDER.connection_id < connection_id))


def _first(conn: Connection, condition: Any, *, newest_first: bool) -> Neighbour | None:
    columns = (_ORDER.placed_at, _ORDER.order_id, _ORDER.connection_id)
    by = [column.desc() if newest_first else column.asc() for column in columns]
    row = conn.execute(select(_ORDER.connection_id, _ORDER.order_id).where(condition).order_by(*by).limit(1)).first()
    return None if row is None else Neighbour(row.connection_id, row.order_id)


def left_out(conn: Connection, connection_id: int, order_id: int) -> str | None:
    """The note with which a person left this very order out; None where nobody did."""
    note: str | None = conn.execute(
        select(customer_link.c.note).where(
            customer_link.c.connection_id == connection_id,
            customer_link.c.buyer_key == left_out_key(order_id),
            customer_link.c.source == "skip",
        )
    ).scalar()
    return note
