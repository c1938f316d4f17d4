"""Journal (audit and activity), the console's change feed, and counters. All insert-only; the sealer folds and chains.

Each sealed batch of journal rows is hashed together with the digest of the seal before it, so that a changed, removed
or inserted row breaks every later seal (DESIGN §4, §14).
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, select, update

from bcifs_console.store.database import Tx
from bcifs_console.store.prepared import Prepared
from bcifs_console.store.tables import change, counter, journal, journal_seal

_SEAL_LIMIT: Final = 5_000
_DROPPED_AT_ONCE: Final = 10_000
_CHANGES_KEPT: Final = 50_000
_SEALER_LOCK: Final = 0x5345414C


def write(
    tx: Tx, event: str, *, actor: str, subject: str = "", connection_id: int | None = None, **detail: object
) -> None:
    """Append one journal row. `detail` must be JSON values and never a secret."""
    tx.conn.execute(
        journal.insert().values(
            at=tx.now,
            actor=actor,
            connection_id=connection_id,
            subject=subject,
            event=event,
            detail=json.dumps(detail, ensure_ascii=False, default=str, sort_keys=True),
        )
    )


def touch(tx: Tx, kind: str, subjects: Iterable[tuple[int | None, str]]) -> None:
    """Tell the console that these `(connection_id, subject)` have changed."""
    at = _INSERT_CHANGE.value(tx, "at", tx.now)
    rows = [(at, connection_id, kind, subject) for connection_id, subject in subjects]
    if not rows:
        return
    if not tx.is_sqlite:
        # Before it takes numbers the transaction shows itself: `feed.Feed` waits for the older ones that it sees.
        tx.conn.execute(_SHOW_ITSELF)
    _INSERT_CHANGE.many(tx, rows)


_SHOW_ITSELF: Final = select(func.pg_current_xact_id())
_INSERT_CHANGE: Final = Prepared(lambda _dialect: change.insert(), ("at", "connection_id", "kind", "subject"))


def count(tx: Tx, name: str, label: str = "", *, connection_id: int | None = None, delta: int = 1) -> None:
    """Add `delta` to a counter, by a new row."""
    _INSERT_COUNT.once(tx, name=name, label=label, connection_id=connection_id, delta=delta)


_INSERT_COUNT: Final = Prepared(lambda _dialect: counter.insert(), ("name", "label", "connection_id", "delta"))


def counts(conn: Connection, name: str) -> dict[tuple[int | None, str], int]:
    """The totals of a counter by `(connection_id, label)`."""
    rows = conn.execute(
        select(counter.c.connection_id, counter.c.label, func.sum(counter.c.delta))
        .where(counter.c.name == name)
        .group_by(counter.c.connection_id, counter.c.label)
    )
    return {(row[0], row[1]): int(row[2]) for row in rows}


# Made once: a service seals each second.
_CHANGES: Final = select(func.min(change.c.id), func.max(change.c.id))
_UNSEALED: Final = select(journal).where(journal.c.seal_id.is_(None)).order_by(journal.c.id).limit(_SEAL_LIMIT)
_COUNTED: Final = counter.c.name, counter.c.label, counter.c.connection_id
_CROWDED: Final = select(*_COUNTED).group_by(*_COUNTED).having(func.count() > 1)


def seal(tx: Tx) -> int:
    """Chain the journal rows that are not sealed yet, fold counters, drop old changes. Returns the rows sealed.

    On PostgreSQL one process does it at a time: two would chain the same rows twice, which looks like tampering.
    """
    if not tx.is_sqlite and not tx.conn.execute(select(func.pg_try_advisory_xact_lock(_SEALER_LOCK))).scalar():
        return 0
    sealed = _seal_rows(tx)
    _fold_counters(tx)
    _drop_old_changes(tx)
    return sealed


def _drop_old_changes(tx: Tx) -> None:
    """Keep the newest changes. Only so many go at a time: who acknowledges deliveries waits for this commit too."""
    oldest, newest = tx.conn.execute(_CHANGES).one()
    if newest is None or newest - oldest < _CHANGES_KEPT:
        return
    until = min(newest - _CHANGES_KEPT, oldest + _DROPPED_AT_ONCE)
    tx.conn.execute(delete(change).where(change.c.id <= until))


def _seal_rows(tx: Tx) -> int:
    rows = tx.conn.execute(_UNSEALED).all()
    if not rows:
        return 0
    last = tx.conn.execute(select(journal_seal.c.digest).order_by(journal_seal.c.id.desc()).limit(1)).scalar()
    seal_id = tx.conn.execute(
        journal_seal.insert()
        .values(at=tx.now, first_id=rows[0].id, last_id=rows[-1].id, rows=len(rows), digest=_digest(last or "", rows))
        .returning(journal_seal.c.id)
    ).scalar_one()
    tx.conn.execute(
        update(journal).where(journal.c.id == bindparam("row_id")).values(seal_id=seal_id),
        [{"row_id": row.id} for row in rows],
    )
    return len(rows)


def _digest(previous: str, rows: Sequence[Any]) -> str:
    digest = hashlib.sha256(previous.encode())
    for row in rows:
        line = (row.id, row.at.isoformat(), row.actor, row.connection_id, row.subject, row.event, row.detail)
        digest.update(json.dumps(line, ensure_ascii=False).encode())
    return digest.hexdigest()


def verify(conn: Connection) -> int | None:
    """The id of the first seal that does not agree with its rows, or None where the whole chain holds."""
    previous, newest = "", 0
    for found in conn.execute(select(journal_seal).order_by(journal_seal.c.id)).all():
        rows = conn.execute(select(journal).where(journal.c.seal_id == found.id).order_by(journal.c.id)).all()
        if len(rows) != found.rows or _digest(previous, rows) != found.digest:
            return int(found.id)
        previous = found.digest
        newest = found.id
    orphan = select(func.min(journal.c.seal_id)).where(journal.c.seal_id > newest)
    unsealed: int | None = conn.execute(orphan).scalar()  # rows whose seal was taken away
    return unsealed


def _fold_counters(tx: Tx) -> None:
    crowded = tx.conn.execute(_CROWDED).all()
    for name, label, connection_id in crowded:
        same = counter.c.connection_id.is_(None) if connection_id is None else counter.c.connection_id == connection_id
        # What is added up is exactly what is deleted, whoever commits another delta meanwhile.
        gone = delete(counter).where(counter.c.name == name, counter.c.label == label, same).returning(counter.c.delta)
        total = sum(int(row[0]) for row in tx.conn.execute(gone))
        count(tx, name, label, connection_id=connection_id, delta=total)
