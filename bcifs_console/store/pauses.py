"""Connections that a person paused. Deliveries are still accepted and stores still polled; no order is taken up.

Not to be confused with a breaker (`health`), which opens and closes by itself: a pause lasts until a person ends it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from bcifs_console.store import journal
from bcifs_console.store.database import Tx
from bcifs_console.store.tables import pause as paused_rows

SUBJECT: Final = "worker"


@dataclass(frozen=True, slots=True)
class Pause:
    """Who paused a connection, since when and why."""

    connection_id: int
    actor: str
    note: str
    since: datetime


# Made once: every claim asks for it.
_PAUSED: Final = select(paused_rows.c.connection_id)


def paused(conn: Connection) -> frozenset[int]:
    """The connections of which no order is to be taken up."""
    return frozenset(conn.execute(_PAUSED).scalars())


def every(conn: Connection) -> list[Pause]:
    """The pauses of all connections."""
    rows = conn.execute(select(paused_rows).order_by(paused_rows.c.connection_id))
    return [Pause(row.connection_id, row.actor, row.note, row.since) for row in rows]


def pause(tx: Tx, connection_id: int, *, actor: str, note: str = "") -> bool:
    """Pause the connection. False where it was paused already: who paused it first stands."""
    insert = (sqlite if tx.is_sqlite else postgresql).insert(paused_rows)
    values = {"connection_id": connection_id, "actor": actor, "note": note, "since": tx.now}
    put = insert.values(values).on_conflict_do_nothing(index_elements=["connection_id"])
    if tx.conn.execute(put.returning(paused_rows.c.connection_id)).first() is None:
        return False
    _say(tx, "worker.paused", connection_id, actor, note=note)
    return True


def resume(tx: Tx, connection_id: int, *, actor: str) -> bool:
    """Take up orders of the connection again. False where it was not paused."""
    gone = delete(paused_rows).where(paused_rows.c.connection_id == connection_id).returning(paused_rows.c.since)
    since = tx.conn.execute(gone).scalar()
    if since is None:
        return False
    _say(tx, "worker.resumed", connection_id, actor, paused_since=since.isoformat())
    return True


def _say(tx: Tx, event: str, connection_id: int, actor: str, **detail: object) -> None:
    journal.write(tx, event, actor=actor, connection_id=connection_id, subject=SUBJECT, **detail)
    journal.touch(tx, "pause", [(connection_id, SUBJECT)])
