"""The ledger as accountants read it: its documents by day, kind, state and order; and the batches of vouchers.

What becomes of a document and its calls is `ledger`; here documents come without their calls.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, func, select, update

from bcifs_console.domain.documents import DocumentKind, DocumentState, LedgerDocument
from bcifs_console.domain.states import order_of, order_subject
from bcifs_console.store import journal, ledger, marks, reconciliation
from bcifs_console.store.database import Tx
from bcifs_console.store.errors import StoreProblem
from bcifs_console.store.tables import connection, document, voucher_batch

_DOC: Final = document.c
#: How many ids stand in one query; SQLite takes 32,766, PostgreSQL 65,535.
_CHUNK: Final = 5_000
_EVERY_KIND: Final = tuple(DocumentKind)


class BatchState(StrEnum):
    ASSIGNED = "assigned"  #: its vouchers are fixed; the file may or may not be whole
    WRITTEN = "written"  #: the file stands in the outbox, whole
    LOADED = "loaded"  #: a person, or a look into IFS, says that IFS has taken it


@dataclass(frozen=True, slots=True)
class VoucherBatch:
    """One file of the outbox."""

    connection_id: int
    number: int
    state: BatchState
    file_name: str
    sha256: str
    made_at: datetime


class BatchTorn(StoreProblem):
    """A voucher was taken away while its batch was drawn up; nothing was assigned."""


def documents(
    conn: Connection,
    connection_ids: Collection[int],
    *,
    kinds: Sequence[DocumentKind] = _EVERY_KIND,
    state: DocumentState | None = None,
    order_id: int | None = None,
    first: date | None = None,
    last: date | None = None,
    limit: int | None = None,
) -> list[LedgerDocument]:
    """Documents of these connections, written down last first; `first` and `last` are days, both included."""
    query = select(_DOC.id).where(_DOC.connection_id.in_(connection_ids)).order_by(_DOC.id.desc())
    if order_id is not None:
        query = query.where(_DOC.subject == order_subject(order_id))
    if state is not None:
        query = query.where(_DOC.state == state.value)
    if order_id is None or set(kinds) != set(_EVERY_KIND):
        # Named even when it is every kind: with it, days and connections are one stretch of an index each.
        query = query.where(_DOC.kind.in_([kind.value for kind in kinds]))
    if limit is not None:
        query = query.limit(limit)
    # First the numbers alone, out of an index: sorting whole rows would carry every draft along.
    ids = list(conn.execute(_within(query, first, last)).scalars())
    return [found for chunk in _chunks(ids) for found in _by_id(conn, chunk)]


def _within(query: Select[Any], first: date | None, last: date | None) -> Select[Any]:
    if first is not None:
        query = query.where(_DOC.day >= first)
    if last is not None:
        query = query.where(_DOC.day <= last)
    return query


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))


def _by_id(conn: Connection, ids: Sequence[int]) -> list[LedgerDocument]:
    rows = {row.id: ledger.from_row(row) for row in conn.execute(select(document).where(_DOC.id.in_(ids)))}
    return [rows[document_id] for document_id in ids]


def vouchers_by_day(
    conn: Connection,
    connection_id: int,
    *,
    first: date | None = None,
    last: date | None = None,
) -> Iterator[LedgerDocument]:
    """The connection's confirmed vouchers by voucher date, then as written down; read as they are asked for."""
    query = (
        select(document)
        .where(
            _DOC.connection_id == connection_id,
            _DOC.kind == DocumentKind.VOUCHER.value,
            _DOC.state == DocumentState.CONFIRMED.value,
        )
        .order_by(_DOC.day, _DOC.id)
    )
    return (ledger.from_row(row) for row in conn.execute(_within(query, first, last)))


def of_orders(conn: Connection, connection_id: int, order_ids: Collection[int]) -> dict[int, list[LedgerDocument]]:
    """Every document of these orders with its marks, in the order they were written down."""
    found: dict[int, list[LedgerDocument]] = {order_id: [] for order_id in order_ids}
    for chunk in _chunks(sorted(found)):
        subjects = [order_subject(order_id) for order_id in chunk]
        query = select(document).where(_DOC.connection_id == connection_id, _DOC.subject.in_(subjects))
        rows = conn.execute(query.order_by(_DOC.id)).all()
        borne = marks.of_documents(conn, [row.id for row in rows])
        for row in rows:
            order_id = order_of(row.subject)
            if order_id is not None:
                found[order_id].append(replace(ledger.from_row(row), parts=borne.get(row.id, ())))
    return found


# -- batches of vouchers ----------------------------------------------------------------------------------------------


def due_for_batch(conn: Connection, connection_id: int, *, limit: int) -> list[LedgerDocument]:
    """Vouchers written down that stand in no batch yet, oldest first."""
    return [ledger.from_row(row) for row in conn.execute(_DUE, {"of_connection": connection_id, "room": limit})]


_DUE: Final = (
    select(document)
    .where(
        _DOC.connection_id == bindparam("of_connection"),
        _DOC.state == DocumentState.INTENDED.value,
        _DOC.kind == DocumentKind.VOUCHER.value,
        _DOC.batch.is_(None),
    )
    .order_by(_DOC.id)
    .limit(bindparam("room"))
)


def assign_batch(tx: Tx, connection_id: int, *, limit: int) -> VoucherBatch | None:
    """Give the vouchers that are due the next number, in this transaction; None where none is due.

    From then on they are this batch's for good: a file broken off is written again from `of_batch`, the same vouchers
    in the same order, so no voucher ever stands in two files. Raises BatchTorn where a voucher was taken away.
    """
    # One process at a time draws up a batch of this connection (SQLite has one writer anyway).
    tx.conn.execute(select(connection.c.id).where(connection.c.id == connection_id).with_for_update())
    ids = [booked.id for booked in due_for_batch(tx.conn, connection_id, limit=limit)]
    if not ids:
        return None
    newest = select(func.max(voucher_batch.c.number)).where(voucher_batch.c.connection_id == connection_id)
    number = (tx.conn.execute(newest).scalar() or 0) + 1
    batch = VoucherBatch(connection_id, number, BatchState.ASSIGNED, "", "", tx.now)
    tx.conn.execute(
        voucher_batch.insert().values(
            connection_id=connection_id, number=number, state=batch.state.value, made_at=batch.made_at
        )
    )
    taken = 0
    for chunk in _chunks(ids):
        free = _DOC.id.in_(chunk), _DOC.batch.is_(None), _DOC.state == DocumentState.INTENDED.value
        taken += tx.conn.execute(update(document).where(*free).values(batch=number)).rowcount
    if taken != len(ids):
        raise BatchTorn(
            f"A voucher was taken away while batch {number} was drawn up.",
            remedy="Nothing to do: it is drawn up again.",
        )
    return batch


def of_batch(conn: Connection, connection_id: int, number: int) -> list[LedgerDocument]:
    """The vouchers of a batch, in the order they were written down."""
    query = select(document).where(_DOC.connection_id == connection_id, _DOC.batch == number).order_by(_DOC.id)
    return [ledger.from_row(row) for row in conn.execute(query)]


def batches(conn: Connection, connection_id: int, state: BatchState | None = None) -> list[VoucherBatch]:
    """The connection's batches by number."""
    query = select(voucher_batch).where(voucher_batch.c.connection_id == connection_id)
    if state is not None:
        query = query.where(voucher_batch.c.state == state.value)
    return [
        VoucherBatch(row.connection_id, row.number, BatchState(row.state), row.file_name, row.sha256, row.made_at)
        for row in conn.execute(query.order_by(voucher_batch.c.number))
    ]


def batch_written(tx: Tx, connection_id: int, number: int, *, file_name: str, sha256: str) -> None:
    """The batch's file stands whole in the outbox. A batch that was loaded already stays so."""
    here = voucher_batch.c.connection_id == connection_id, voucher_batch.c.number == number
    open_ = voucher_batch.c.state != BatchState.LOADED.value
    values = {"state": BatchState.WRITTEN.value, "file_name": file_name, "sha256": sha256}
    tx.conn.execute(update(voucher_batch).where(*here, open_).values(values))
    _confirm_batch(tx, connection_id, number, file_name)


def _confirm_batch(tx: Tx, connection_id: int, number: int, file_name: str) -> None:
    """Its vouchers are out of our hands: confirmed, with the file as their reference."""
    ours = _DOC.connection_id == connection_id, _DOC.batch == number, _DOC.state == DocumentState.INTENDED.value
    days = set(tx.conn.execute(select(_DOC.day).where(*ours)).scalars())
    values = {"state": DocumentState.CONFIRMED.value, "confirmed_at": tx.now, "reference": file_name}
    done = tx.conn.execute(update(document).where(*ours).values(values))
    if done.rowcount:
        reconciliation.mark_outdated(tx, connection_id, sorted(day for day in days if day is not None))
        journal.count(tx, "documents", DocumentKind.VOUCHER.value, connection_id=connection_id, delta=done.rowcount)


def batch_loaded(tx: Tx, connection_id: int, number: int) -> bool:
    """IFS has taken the file in; returns whether there was a written one of that number."""
    done = tx.conn.execute(
        update(voucher_batch)
        .where(
            voucher_batch.c.connection_id == connection_id,
            voucher_batch.c.number == number,
            voucher_batch.c.state.in_([BatchState.WRITTEN.value, BatchState.LOADED.value]),
        )
        .values(state=BatchState.LOADED.value)
    )
    return done.rowcount == 1
