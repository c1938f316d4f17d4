"""Alerts: messages for people, written in the transaction of the change they tell of, sent afterwards.

Who takes one to send writes that down first, so that two processes, or one that crashed, send it once. How they are
sent is `sync.alerts`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import or_, select, update

from bcifs_console.store.database import Tx
from bcifs_console.store.tables import alert

#: One that was not taken by its channel is tried again after this long, and so often.
AGAIN_AFTER: Final = timedelta(minutes=5)
ATTEMPTS: Final = 12


@dataclass(frozen=True, slots=True)
class Alert:
    """One message. `level` is `trouble` or `recovered`."""

    id: int
    connection_id: int | None
    at: datetime
    level: str
    title: str
    body: str
    attempts: int
    settled_at: datetime | None
    error: str


def add(tx: Tx, connection_id: int | None, *, level: str, title: str, body: str) -> None:
    """Write a message down to be sent."""
    tx.conn.execute(alert.insert().values(connection_id=connection_id, at=tx.now, level=level, title=title, body=body))


def take(tx: Tx, limit: int = 20) -> list[Alert]:
    """The messages to send now, oldest first; they are ours for `AGAIN_AFTER`."""
    waited = or_(alert.c.tried_at.is_(None), alert.c.tried_at <= tx.now - AGAIN_AFTER)
    due = (
        select(alert)
        .where(alert.c.settled_at.is_(None), waited)
        .order_by(alert.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = [_alert(row) for row in tx.conn.execute(due)]
    if taken:
        ours = alert.c.id.in_([one.id for one in taken])
        tx.conn.execute(update(alert).where(ours).values(tried_at=tx.now, attempts=alert.c.attempts + 1))
    return taken


def sent(tx: Tx, alert_id: int) -> None:
    """Note that the message is out."""
    tx.conn.execute(update(alert).where(alert.c.id == alert_id).values(settled_at=tx.now, error=""))


def failed(tx: Tx, alert_id: int, error: str) -> None:
    """Note that no channel took it; after `ATTEMPTS` it is given up."""
    here = alert.c.id == alert_id
    tx.conn.execute(update(alert).where(here).values(error=error))
    tx.conn.execute(update(alert).where(here, alert.c.attempts >= ATTEMPTS).values(settled_at=tx.now))


def _alert(row: object) -> Alert:
    return Alert(**{name: getattr(row, name) for name in Alert.__dataclass_fields__})
