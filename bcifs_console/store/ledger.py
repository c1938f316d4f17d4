"""The ledger: which IFS documents exist or may exist, and how far each of their calls got.

State of a part: *intended → sent → confirmed | unknown | failed*. A call is written down as `sent`, committed, and only
then made; its answer and the next call's `sent` share one commit. So after a crash every call that may have reached
IFS stands in the ledger, and nothing else does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, and_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bcifs_console.domain.documents import (
    DocumentKind,
    DocumentState,
    Ledger,
    LedgerDocument,
    LedgerPart,
    PartState,
)
from bcifs_console.domain.states import Claim
from bcifs_console.store import journal, queue
from bcifs_console.store.database import Tx
from bcifs_console.store.errors import LeaseLost
from bcifs_console.store.tables import document, document_part


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document to write down before anything is sent."""

    connection_id: int
    subject: str
    key: str
    kind: DocumentKind
    fact_hash: str
    amount: Decimal
    currency: str
    draft: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class PartChange:
    """What became of one call. None leaves a field as it is."""

    name: str
    ordinal: int
    state: PartState
    reference: str | None = None
    deadline_at: datetime | None = None
    looked_up: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """What became of the document with it. None leaves a field as it is."""

    state: DocumentState | None = None
    reference: str | None = None
    etag: str | None = None
    error: str | None = None


NO_CHANGE: Final = DocumentChange()


def of_subject(conn: Connection, connection_id: int, subject: str) -> Ledger:
    """Every document of one order or buyer, with its parts."""
    where = and_(document.c.connection_id == connection_id, document.c.subject == subject)
    rows = conn.execute(select(document).where(where).order_by(document.c.id)).all()
    return Ledger(tuple(_document(conn, row) for row in rows))


def find(conn: Connection, connection_id: int, kind: DocumentKind, key: str) -> LedgerDocument | None:
    """The document with this key, or None."""
    row = conn.execute(
        select(document).where(
            document.c.connection_id == connection_id, document.c.kind == kind.value, document.c.key == key
        )
    ).first()
    return None if row is None else _document(conn, row)


def _document(conn: Connection, row: Any) -> LedgerDocument:
    parts = conn.execute(
        select(document_part).where(document_part.c.document_id == row.id).order_by(document_part.c.ordinal)
    ).all()
    return LedgerDocument(
        id=row.id,
        connection_id=row.connection_id,
        subject=row.subject,
        key=row.key,
        kind=DocumentKind(row.kind),
        state=DocumentState(row.state),
        fact_hash=row.fact_hash,
        amount=row.amount,
        currency=row.currency,
        reference=row.reference,
        etag=row.etag,
        draft=row.draft,
        created_at=row.created_at,
        confirmed_at=row.confirmed_at,
        error=row.error,
        parts=tuple(
            LedgerPart(
                name=p.name,
                ordinal=p.ordinal,
                state=PartState(p.state),
                reference=p.reference,
                sent_at=p.sent_at,
                deadline_at=p.deadline_at,
                look_ups=p.look_ups,
                error=p.error,
            )
            for p in parts
        ),
    )


def intend(tx: Tx, new: NewDocument) -> int:
    """Write the document down as intended and return its id; one that exists already is left as it is."""
    values = {
        "connection_id": new.connection_id,
        "subject": new.subject,
        "key": new.key,
        "kind": new.kind.value,
        "state": DocumentState.INTENDED.value,
        "fact_hash": new.fact_hash,
        "amount": new.amount,
        "currency": new.currency,
        "reference": new.reference,
        "draft": new.draft,
        "created_at": tx.now,
    }
    insert = (sqlite if tx.is_sqlite else postgresql).insert(document).values(values)
    tx.conn.execute(insert.on_conflict_do_nothing(index_elements=["connection_id", "kind", "key"]))
    found = tx.conn.execute(
        select(document.c.id).where(
            document.c.connection_id == new.connection_id,
            document.c.kind == new.kind.value,
            document.c.key == new.key,
        )
    ).scalar_one()
    return int(found)


def withdraw(tx: Tx, held: Claim, document_id: int) -> bool:
    """Delete a document of which surely nothing reached IFS, so that it may be drawn up anew. Returns whether it was.

    Raises LeaseLost where another worker has the order.
    """
    queue.prove(tx, held)
    reached = tx.conn.execute(
        select(document_part.c.name).where(
            document_part.c.document_id == document_id,
            document_part.c.state.not_in([PartState.INTENDED.value, PartState.FAILED.value]),
        )
    ).first()
    if reached is not None:
        return False
    tx.conn.execute(document_part.delete().where(document_part.c.document_id == document_id))
    done = tx.conn.execute(document.delete().where(document.c.id == document_id))
    return done.rowcount == 1


def replace_draft(tx: Tx, document_id: int, draft: str) -> None:
    """Put another draft in place of the frozen one; the caller has made sure that the money is the same."""
    tx.conn.execute(update(document).where(document.c.id == document_id).values(draft=draft))


def record(
    tx: Tx,
    held: Claim | None,
    document_id: int,
    parts: Sequence[PartChange],
    change: DocumentChange = NO_CHANGE,
    *,
    lease: timedelta | None = None,
) -> None:
    """Write what became of calls, in one commit, as the holder of `held`; extends the lease by `lease`.

    Raises LeaseLost where another worker has the order: then nothing is written and nothing may be sent.
    """
    if held is not None:
        queue.extend(tx, held, lease or timedelta(seconds=120))
    for part in parts:
        _write_part(tx, document_id, part)
    values: dict[str, Any] = {}
    newly_confirmed = change.state is DocumentState.CONFIRMED and not _is_confirmed(tx, document_id)
    if change.state is not None:
        values["state"] = change.state.value
    if newly_confirmed:
        values["confirmed_at"] = tx.now
    if change.reference is not None:
        values["reference"] = change.reference
    if change.etag is not None:
        values["etag"] = change.etag
    if change.error is not None:
        values["error"] = change.error
    if values:
        tx.conn.execute(update(document).where(document.c.id == document_id).values(values))
    if newly_confirmed:
        which = select(document.c.connection_id, document.c.kind).where(document.c.id == document_id)
        row = tx.conn.execute(which).one()
        journal.count(tx, "documents", row.kind, connection_id=row.connection_id)


def _is_confirmed(tx: Tx, document_id: int) -> bool:
    state = tx.conn.execute(select(document.c.state).where(document.c.id == document_id)).scalar()
    return bool(state == DocumentState.CONFIRMED.value)


def _write_part(tx: Tx, document_id: int, part: PartChange) -> None:
    insert = (
        (sqlite if tx.is_sqlite else postgresql)
        .insert(document_part)
        .values(
            document_id=document_id,
            name=part.name,
            ordinal=part.ordinal,
            state=part.state.value,
            reference=part.reference or "",
            sent_at=tx.now if part.state is PartState.SENT else None,
            deadline_at=part.deadline_at,
            look_ups=1 if part.looked_up else 0,
            error=part.error,
        )
    )
    changed: dict[str, Any] = {"state": part.state.value, "error": part.error}
    if part.reference is not None:
        changed["reference"] = part.reference
    if part.state is PartState.SENT:
        changed |= {"sent_at": tx.now, "deadline_at": part.deadline_at, "look_ups": 0}
    if part.looked_up:
        changed["look_ups"] = document_part.c.look_ups + 1
    # A confirmed call is never opened again: who would send it works with an old picture, and must stop.
    is_open = document_part.c.state != PartState.CONFIRMED.value
    guard = None if part.state is PartState.CONFIRMED else is_open
    written = tx.conn.execute(
        insert.on_conflict_do_update(index_elements=["document_id", "name"], set_=changed, where=guard).returning(
            document_part.c.name
        )
    ).first()
    if written is None:
        raise LeaseLost(f"{part.name} of document {document_id}")
