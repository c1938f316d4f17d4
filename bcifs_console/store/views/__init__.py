"""Frozen snapshots for the command line and the console: what the screens show, each from an indexed query."""

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection as Connection  # the type of what views read from, for the console too
from sqlalchemy import select

from bcifs_console.domain.states import order_subject
from bcifs_console.store import ledger
from bcifs_console.store.tables import connection, journal, store_order, webhook_delivery


@dataclass(frozen=True, slots=True)
class OrderView:
    """One row of the order list."""

    connection: str
    connection_id: int
    order_id: int
    placed_at: datetime | None
    email: str
    buyer_name: str
    ifs_customer: str
    total: Decimal | None
    currency: str
    state: str
    reason: str
    ifs_order_no: str
    attempts: int
    next_try_at: datetime | None
    error: str
    remedy: str
    cause: str
    problems: tuple[dict[str, Any], ...]
    warnings: tuple[dict[str, Any], ...]
    synced_at: datetime | None
    first_seen_at: datetime
    found_by: str
    status_id: int | None
    settled: bool | None = None  #: None: not known, as while no vouchers are made


@dataclass(frozen=True, slots=True)
class DocumentView:
    """One ledger row with its calls."""

    id: int
    key: str
    kind: str
    state: str
    amount: Decimal
    currency: str
    ifs_reference: str
    created_at: datetime
    confirmed_at: datetime | None
    error: str
    parts: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class TimelineView:
    """One thing that happened to an order."""

    at: datetime
    event: str
    actor: str
    detail: dict[str, Any]


def orders(
    conn: Connection,
    *,
    connection_id: int | None = None,
    state: str | None = None,
    limit: int | None = None,
) -> list[OrderView]:
    """The orders, newest first; all of them unless `limit`. One that was never read counts as newest."""
    query = (
        select(store_order, connection.c.name.label("connection_name"))
        .join(connection, connection.c.id == store_order.c.connection_id)
        .order_by(store_order.c.placed_at.desc().nulls_first(), store_order.c.order_id.desc())
    )
    if connection_id is not None:
        query = query.where(store_order.c.connection_id == connection_id)
    if state is not None:
        query = query.where(store_order.c.state == state)
    if limit is not None:
        query = query.limit(limit)
    return [_order(row) for row in conn.execute(query)]


def orders_by_id(conn: Connection, connection_id: int, order_ids: list[int]) -> list[OrderView]:
    """The named orders of one connection, by number."""
    query = (
        select(store_order, connection.c.name.label("connection_name"))
        .join(connection, connection.c.id == store_order.c.connection_id)
        .where(store_order.c.connection_id == connection_id, store_order.c.order_id.in_(order_ids))
        .order_by(store_order.c.order_id)
    )
    return [_order(row) for row in conn.execute(query)]


def _order(row: Any) -> OrderView:
    return OrderView(
        connection=row.connection_name,
        connection_id=row.connection_id,
        order_id=row.order_id,
        placed_at=row.placed_at,
        email=row.email,
        buyer_name=row.buyer_name,
        ifs_customer=row.ifs_customer,
        total=row.total,
        currency=row.currency,
        state=row.state,
        reason=row.reason,
        ifs_order_no=row.ifs_order_no,
        attempts=row.attempts,
        next_try_at=row.due_at,
        error=row.error,
        remedy=row.remedy,
        cause=row.cause,
        problems=tuple(json.loads(row.problems)),
        warnings=tuple(json.loads(row.warnings)),
        synced_at=row.synced_at,
        first_seen_at=row.first_seen_at,
        found_by=row.found_by,
        status_id=row.status_id,
        settled=row.settled,
    )


def documents(conn: Connection, connection_id: int, order_id: int) -> list[DocumentView]:
    """The ledger of one order."""
    return [
        DocumentView(
            id=d.id,
            key=d.key,
            kind=d.kind.value,
            state=d.state.value,
            amount=d.amount,
            currency=d.currency,
            ifs_reference=d.reference,
            created_at=d.created_at,
            confirmed_at=d.confirmed_at,
            error=d.error,
            parts=tuple(
                {"part": p.name, "state": p.state.value, "reference": p.reference, "error": p.error} for p in d.parts
            ),
        )
        for d in ledger.of_subject(conn, connection_id, order_subject(order_id)).documents
    ]


def timeline(conn: Connection, connection_id: int, order_id: int) -> list[TimelineView]:
    """What happened to an order, oldest first: its deliveries, its journal and its documents."""
    rows = [
        TimelineView(r.received_at, "delivery", "bigcommerce", {"scope": r.scope})
        for r in conn.execute(
            select(webhook_delivery.c.received_at, webhook_delivery.c.scope).where(
                webhook_delivery.c.connection_id == connection_id, webhook_delivery.c.order_id == order_id
            )
        )
    ]
    rows += [
        TimelineView(r.at, r.event, r.actor, json.loads(r.detail))
        for r in conn.execute(
            select(journal)
            .where(journal.c.connection_id == connection_id, journal.c.subject == order_subject(order_id))
            .order_by(journal.c.id)
        )
    ]
    return sorted(rows, key=lambda row: row.at)


@dataclass(frozen=True, slots=True)
class LastRead:
    """An order we know: its state, when it was modified as we last read it (None: never read), whether it is settled
    (None: not known), and when we read it."""

    state: str
    modified_at: datetime | None
    settled: bool | None = None
    read_at: datetime | None = None


def last_read(conn: Connection, connection_id: int, order_ids: list[int]) -> dict[int, LastRead]:
    """What we know of those of the orders that we have seen."""
    known = store_order.c
    columns = (known.order_id, known.state, known.modified_at, known.settled, known.fetched_at)
    rows = conn.execute(select(*columns).where(known.connection_id == connection_id, known.order_id.in_(order_ids)))
    return {row.order_id: LastRead(row.state, row.modified_at, row.settled, row.fetched_at) for row in rows}
