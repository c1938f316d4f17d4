"""The ledger: which IFS documents exist or may exist, and how far each of their calls got.

State of a part: *intended → sent → confirmed | unknown | failed*. A call is written down as `sent`, committed, and only
then made; its answer and the next call's `sent` share one commit. So after a crash every call that may have reached
IFS stands in the ledger, and nothing else does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bcifs_console.domain.documents import (
    DocumentKind,
    DocumentState,
    Ledger,
    LedgerDocument,
    LedgerPart,
    PartState,
)
from bcifs_console.domain.states import Claim, order_of
from bcifs_console.store import edits, journal, queue, reconciliation
from bcifs_console.store.database import Tx
from bcifs_console.store.errors import LeaseLost
from bcifs_console.store.prepared import Prepared
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
    warnings: str = "[]"
    day: date | None = None  #: of a voucher its date, by which it is reconciled
    state: DocumentState = DocumentState.INTENDED  #: or NOTHING_TO_POST


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
    warnings: str | None = None
    day: date | None = None


NO_CHANGE: Final = DocumentChange()


def of_subject(conn: Connection, connection_id: int, subject: str) -> Ledger:
    """Every document of one order or buyer, with its parts; of an order that was sent, the answers to its edits too."""
    rows = conn.execute(_OF_SUBJECT, {"of_connection": connection_id, "of_subject": subject}).all()
    found = Ledger(tuple(_document(conn, row) for row in rows))
    order_id = order_of(subject)
    if order_id is None or found.customer_order() is None:
        return found
    return replace(found, answers=edits.of_order(conn, connection_id, order_id))


# Made once: making a query takes longer than carrying it out, and every look at an order asks these.
_OF_SUBJECT: Final = (
    select(document)
    .where(document.c.connection_id == bindparam("of_connection"), document.c.subject == bindparam("of_subject"))
    .order_by(document.c.id)
)
_PARTS: Final = (
    select(document_part)
    .where(document_part.c.document_id == bindparam("of_document"))
    .order_by(document_part.c.ordinal)
)


def find(conn: Connection, connection_id: int, kind: DocumentKind, key: str) -> LedgerDocument | None:
    """The document with this key, or None."""
    row = conn.execute(
        select(document).where(
            document.c.connection_id == connection_id, document.c.kind == kind.value, document.c.key == key
        )
    ).first()
    return None if row is None else _document(conn, row)


def _document(conn: Connection, row: Any) -> LedgerDocument:
    parts = conn.execute(_PARTS, {"of_document": row.id}).all()
    return replace(from_row(row), parts=tuple(_part(part) for part in parts))


def from_row(row: Any) -> LedgerDocument:
    """A row of `document` as it is, without its parts."""
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
        warnings=row.warnings,
        day=row.day,
        batch=row.batch,
    )


def _part(row: Any) -> LedgerPart:
    return LedgerPart(
        name=row.name,
        ordinal=row.ordinal,
        state=PartState(row.state),
        reference=row.reference,
        sent_at=row.sent_at,
        deadline_at=row.deadline_at,
        look_ups=row.look_ups,
        sends=row.sends,
        error=row.error,
    )


def intend(tx: Tx, new: NewDocument) -> LedgerDocument:
    """Write the document down as intended and return it; one that exists already is left as it is.

    A new one with a day makes what was reconciled of that day out of date.
    """
    values = {
        "connection_id": new.connection_id,
        "subject": new.subject,
        "key": new.key,
        "kind": new.kind.value,
        "state": new.state.value,
        "fact_hash": new.fact_hash,
        "amount": new.amount,
        "currency": new.currency,
        "reference": new.reference,
        "draft": new.draft,
        "warnings": new.warnings,
        "day": new.day,
        "created_at": tx.now,
    }
    insert = (sqlite if tx.is_sqlite else postgresql).insert(document).values(values)
    tx.conn.execute(insert.on_conflict_do_nothing(index_elements=["connection_id", "kind", "key"]))
    if new.day is not None:
        reconciliation.mark_outdated(tx, new.connection_id, [new.day])
    found = find(tx.conn, new.connection_id, new.kind, new.key)
    assert found is not None, "it was just written"
    return found


def withdraw(tx: Tx, held: Claim, document_id: int) -> bool:
    """Delete a document of which surely nothing reached IFS, so that it may be drawn up anew. Returns whether it was.

    A voucher that was given to a batch stays: it stands, or will stand, in a file.
    Raises LeaseLost where another worker has the order.
    """
    queue.prove(tx, held)
    # Locked: one that another process is putting into a batch in this moment must be seen to stand in it.
    mine = select(document.c.batch).where(document.c.id == document_id).with_for_update()
    batch = tx.conn.execute(mine).scalar()
    reached = tx.conn.execute(
        select(document_part.c.name).where(
            document_part.c.document_id == document_id,
            document_part.c.state.not_in([PartState.INTENDED.value, PartState.FAILED.value]),
        )
    ).first()
    if reached is not None or batch is not None:
        return False
    tx.conn.execute(document_part.delete().where(document_part.c.document_id == document_id))
    done = tx.conn.execute(document.delete().where(document.c.id == document_id))
    return done.rowcount == 1


def replace_draft(tx: Tx, document_id: int, draft: str) -> None:
    """Put another draft in place of the frozen one; the caller has made sure that the money is the same."""
    tx.conn.execute(update(document).where(document.c.id == document_id).values(draft=draft))


@cache
def _part_statement(state: PartState, brings_reference: bool, looked_up: bool) -> Prepared:
    """Insert a call, or change it where it is written down already, unless it is confirmed and the change is not."""

    def build(dialect: Any) -> Any:
        insert = dialect.insert(document_part)
        new = insert.excluded
        changed: dict[str, Any] = {"state": new.state, "error": new.error}
        if brings_reference:
            changed["reference"] = new.reference
        if state is PartState.SENT:
            changed |= {"sent_at": new.sent_at, "deadline_at": new.deadline_at, "look_ups": 0}
            changed["sends"] = document_part.c.sends + 1
        if looked_up:
            changed["look_ups"] = document_part.c.look_ups + 1
        is_open = document_part.c.state != PartState.CONFIRMED.value
        guard = None if state is PartState.CONFIRMED else is_open
        return insert.on_conflict_do_update(index_elements=["document_id", "name"], set_=changed, where=guard)

    return Prepared(build, _PART_VALUES)


_PART_VALUES: Final = (
    "document_id",
    "name",
    "ordinal",
    "state",
    "reference",
    "sent_at",
    "deadline_at",
    "look_ups",
    "sends",
    "error",
)


@cache
def _document_statement(*changed: str) -> Prepared:
    """Change the named columns of one document."""
    values = {name: bindparam(name, type_=document.c[name].type) for name in changed}
    change = update(document).where(document.c.id == bindparam("of_document")).values(values)
    return Prepared(lambda _dialect: change, ("of_document", *changed))


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

    A document that is confirmed by it, or gets another day, makes what was reconciled of its days out of date.
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
    if change.warnings is not None:
        values["warnings"] = change.warnings
    if change.day is not None:
        _outdate(tx, document_id)  # the day it leaves
        values["day"] = change.day
    if values:
        _document_statement(*values).once(tx, of_document=document_id, **values)
    if change.day is not None:
        _outdate(tx, document_id)
    if newly_confirmed:
        kind, connection_id = _outdate(tx, document_id)
        journal.count(tx, "documents", kind, connection_id=connection_id)


def _outdate(tx: Tx, document_id: int) -> tuple[str, int]:
    """Mark the document's day as changed since it was reconciled. Returns its kind and connection."""
    which = select(document.c.connection_id, document.c.kind, document.c.day).where(document.c.id == document_id)
    row = tx.conn.execute(which).one()
    if row.day is not None:
        reconciliation.mark_outdated(tx, row.connection_id, [row.day])
    return row.kind, row.connection_id


def _is_confirmed(tx: Tx, document_id: int) -> bool:
    state = tx.conn.execute(select(document.c.state).where(document.c.id == document_id)).scalar()
    return bool(state == DocumentState.CONFIRMED.value)


def _write_part(tx: Tx, document_id: int, part: PartChange) -> None:
    written = _part_statement(part.state, part.reference is not None, part.looked_up).once(
        tx,
        document_id=document_id,
        name=part.name,
        ordinal=part.ordinal,
        state=part.state.value,
        reference=part.reference or "",
        sent_at=tx.now if part.state is PartState.SENT else None,
        deadline_at=part.deadline_at,
        look_ups=1 if part.looked_up else 0,
        sends=1 if part.state is PartState.SENT else 0,
        error=part.error,
    )
    # A confirmed call is never opened again: who would send it works with an old picture, and must stop.
    if not written:
        raise LeaseLost(f"{part.name} of document {document_id}")
