"""Backfills as rows: what was asked for and how far each has read, so that one that was killed goes on from there."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from bcifs_console.domain.states import OrderState
from bcifs_console.store import intake, journal, listings
from bcifs_console.store.database import Tx
from bcifs_console.store.listings import Listing
from bcifs_console.store.tables import backfill, store_order

FOUND_BY = "backfill"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a backfill is asked for: orders placed from `since` on and before `until` (None: no end), or by number."""

    since: datetime | None = None
    until: datetime | None = None
    order_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Backfill:
    """One backfill. `reached` is the highest order number it is done with; `calls` are those for reading lists."""

    id: int
    connection_id: int
    wanted: Wanted
    reached: int
    seen: int
    marked: int
    calls: int
    started_at: datetime
    ended_at: datetime | None


def begin(tx: Tx, connection_id: int, wanted: Wanted, *, actor: str) -> Backfill:
    """The unfinished backfill of the same orders, where there is one, else a new one."""
    numbers = json.dumps(list(wanted.order_ids))
    unfinished = tx.conn.execute(
        select(backfill)
        .where(
            backfill.c.connection_id == connection_id,
            backfill.c.ended_at.is_(None),
            backfill.c.since.is_not_distinct_from(wanted.since),
            backfill.c.until.is_not_distinct_from(wanted.until),
            backfill.c.orders == numbers,
        )
        .order_by(backfill.c.id.desc())
        .limit(1)
    ).first()
    if unfinished is not None:
        return _backfill(unfinished)
    values = {"since": wanted.since, "until": wanted.until, "orders": numbers, "actor": actor, "started_at": tx.now}
    made = tx.conn.execute(
        insert(backfill).values(connection_id=connection_id, **values).returning(backfill.c.id)
    ).scalar_one()
    journal.write(
        tx,
        "backfill.started",
        actor=actor,
        subject=f"backfill:{made}",
        connection_id=connection_id,
        since=wanted.since,
        until=wanted.until,
        orders=list(wanted.order_ids),
    )
    return Backfill(int(made), connection_id, wanted, 0, 0, 0, 0, tx.now, None)


def _backfill(row: object) -> Backfill:
    r = row._mapping  # type: ignore[attr-defined]
    wanted = Wanted(r["since"], r["until"], tuple(json.loads(r["orders"])))
    counted = (r["reached"], r["seen"], r["marked"], r["calls"])
    return Backfill(r["id"], r["connection_id"], wanted, *counted, r["started_at"], r["ended_at"])


def advance(
    tx: Tx, job: Backfill, due: Collection[int], listed: Sequence[Listing], *, reached: int, seen: int, calls: int
) -> None:
    """Make the orders in `due` due in the background, named by this backfill, and remember how far it has read.

    `reached`, `seen` and `calls` are its new totals. `listed` is what the list showed of orders in `due`.
    """
    numbers = sorted(due)
    marked = intake.mark_due(tx, job.connection_id, numbers, found_by=FOUND_BY, background=True)
    tx.conn.execute(
        update(store_order)
        .where(store_order.c.connection_id == job.connection_id, store_order.c.order_id.in_(numbers))
        .values(backfill=job.id)
    )
    listings.put(tx, job.connection_id, listed)
    counted = {"reached": reached, "seen": seen, "marked": backfill.c.marked + marked, "calls": calls}
    tx.conn.execute(update(backfill).where(backfill.c.id == job.id).values(counted))


def end(tx: Tx, job: Backfill, *, actor: str) -> Backfill:
    """Everything wanted is marked. Returns the backfill with its totals."""
    tx.conn.execute(update(backfill).where(backfill.c.id == job.id).values(ended_at=tx.now))
    done = _backfill(tx.conn.execute(select(backfill).where(backfill.c.id == job.id)).one())
    journal.write(
        tx,
        "backfill.read",
        actor=actor,
        subject=f"backfill:{job.id}",
        connection_id=job.connection_id,
        seen=done.seen,
        marked=done.marked,
    )
    return done


def has_named(conn: Connection, connection_id: int, order_id: int) -> bool:
    """Whether a backfill named the order, so that it counts whenever it was placed."""
    of_order = store_order.c.connection_id == connection_id, store_order.c.order_id == order_id
    named = select(store_order.c.order_id).where(*of_order, store_order.c.backfill.is_not(None))
    return conn.execute(named).first() is not None


def states(conn: Connection, backfill_id: int) -> dict[OrderState, int]:
    """How many of the orders that this backfill named last are in each state."""
    rows = conn.execute(
        select(store_order.c.state, func.count())
        .where(store_order.c.backfill == backfill_id)
        .group_by(store_order.c.state)
    )
    return {OrderState(row[0]): int(row[1]) for row in rows}
