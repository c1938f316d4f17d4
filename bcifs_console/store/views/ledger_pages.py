"""The ledger as the Ledger screen shows it: documents by page and filter, and what was reconciled, day by day."""

from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, Select, func, or_, select

from bcifs_console.domain.documents import DocumentKind, DocumentState, LedgerDocument
from bcifs_console.domain.states import order_of, order_subject
from bcifs_console.store import ledger
from bcifs_console.store.reconciliation import ReconciledDay as ReconciledDay
from bcifs_console.store.reconciliation import between
from bcifs_console.store.tables import connection, document, reconciliation

_DOC: Final = document.c
_ROW: Final = reconciliation.c
#: Behind every key that begins with the text before it: the last code point there is.
_PAST: Final = "\U0010ffff"
#: The columns of a line; the draft, which is most of a row, stays where it is.
_LINE: Final = (
    _DOC.id,
    _DOC.connection_id,
    _DOC.subject,
    _DOC.kind,
    _DOC.key,
    _DOC.state,
    _DOC.amount,
    _DOC.currency,
    _DOC.reference,
    _DOC.day,
    _DOC.created_at,
    _DOC.confirmed_at,
    _DOC.error,
    _DOC.batch,
)


@dataclass(frozen=True, slots=True)
class LedgerFilter:
    """Which documents are wanted. Empty fields leave nothing out; days are both included."""

    connection_id: int | None = None
    kinds: tuple[DocumentKind, ...] = ()
    states: tuple[DocumentState, ...] = ()
    first: date | None = None
    last: date | None = None
    order_id: int | None = None
    text: str = ""  #: what a document's key begins with, or its IFS reference


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """One line of the document list."""

    id: int
    connection_id: int
    order_id: int | None
    key: str
    kind: DocumentKind
    state: str
    amount: Decimal
    currency: str
    reference: str
    day: date | None
    created_at: datetime
    confirmed_at: datetime | None
    error: str
    batch: int | None


@dataclass(frozen=True, slots=True)
class Books:
    """One connection whose books are shown."""

    connection_id: int
    name: str


def books(conn: Connection) -> list[Books]:
    """The connections in use, as they were added."""
    in_use = select(connection.c.id, connection.c.name).where(connection.c.removed_at.is_(None))
    return [Books(row.id, row.name) for row in conn.execute(in_use.order_by(connection.c.id))]


def document_ids(conn: Connection, wanted: LedgerFilter, *, after: int | None = None) -> "array[int]":
    """The ids of the documents wanted, written down last first. Read out of indexes: no draft is touched.

    `after`: only those written down after the one with this id.
    """
    query = _within(select(_DOC.id), wanted)
    if wanted.connection_id is not None:
        query = query.where(_DOC.connection_id == wanted.connection_id)
    elif after is None:
        # Every connection is named: with it, all there are come out of an index, not out of the rows.
        query = query.where(_DOC.connection_id.in_(list(conn.execute(select(connection.c.id)).scalars())))
    if after is not None:
        query = query.where(_DOC.id > after)
    # Two questions, each along an index of its own; with OR it would be one along none.
    found = [list(conn.execute(part).scalars()) for part in _named(query, wanted.text)]
    return array("q", sorted(found[0] if len(found) == 1 else set().union(*found), reverse=True))


def _within(query: Select[Any], wanted: LedgerFilter) -> Select[Any]:
    if wanted.order_id is not None:
        query = query.where(_DOC.subject == order_subject(wanted.order_id))
    if wanted.states:
        query = query.where(_DOC.state.in_([state.value for state in wanted.states]))
    if wanted.kinds or wanted.first is not None or wanted.last is not None:
        query = query.where(_DOC.kind.in_(_names(wanted.kinds or DocumentKind)))
    if wanted.first is not None:
        query = query.where(_DOC.day >= wanted.first)
    if wanted.last is not None:
        query = query.where(_DOC.day <= wanted.last)
    return query


def _named(query: Select[Any], text: str) -> list[Select[Any]]:
    """The query by key and by reference, where a text is looked for."""
    if not text:
        return [query]
    # Every kind is named: with it, keys that begin so are one stretch of an index for each.
    begins = _DOC.kind.in_(_names(DocumentKind)), _DOC.key >= text, _DOC.key < text + _PAST
    return [query.where(*begins), query.where(_DOC.reference == text)]


def _names(kinds: Collection[DocumentKind] | type[DocumentKind]) -> list[str]:
    return [kind.value for kind in kinds]


def document_lines(conn: Connection, ids: Sequence[int]) -> dict[int, DocumentLine]:
    """The lines of these documents, by id; those that are gone are left out."""
    rows = conn.execute(select(*_LINE).where(_DOC.id.in_(ids)))
    return {
        row.id: DocumentLine(
            id=row.id,
            connection_id=row.connection_id,
            order_id=order_of(row.subject),
            key=row.key,
            kind=DocumentKind(row.kind),
            state=row.state,
            amount=row.amount,
            currency=row.currency,
            reference=row.reference,
            day=row.day,
            created_at=row.created_at,
            confirmed_at=row.confirmed_at,
            error=row.error,
            batch=row.batch,
        )
        for row in rows
    }


def one_document(conn: Connection, document_id: int) -> LedgerDocument | None:
    """A document whole, with its draft and its calls; None where it is gone."""
    row = conn.execute(select(_DOC.connection_id, _DOC.kind, _DOC.key).where(_DOC.id == document_id)).first()
    return None if row is None else ledger.find(conn, row.connection_id, DocumentKind(row.kind), row.key)


def document_by_key(conn: Connection, connection_id: int, key: str) -> LedgerDocument | None:
    """The document with this key, whatever its kind."""
    for kind in DocumentKind:
        found = ledger.find(conn, connection_id, kind, key)
        if found is not None:
            return found
    return None


# -- reconciliation ----------------------------------------------------------------------------------------------------


def voucher_days(conn: Connection, connection_id: int, first: date, last: date) -> dict[date, int]:
    """How many vouchers of ours each of these days has: a day that has some and was never compared is to be."""
    rows = conn.execute(
        select(_DOC.day, func.count())
        .where(
            _DOC.connection_id == connection_id,
            _DOC.kind == DocumentKind.VOUCHER.value,
            _DOC.day >= first,
            _DOC.day <= last,
        )
        .group_by(_DOC.day)
    )
    return {row[0]: int(row[1]) for row in rows}


def written_since(conn: Connection, connection_id: int, made: Mapping[date, datetime]) -> dict[date, int]:
    """Of each day, how many documents were written down or confirmed after the time it is given with."""
    of_day = _DOC.connection_id == connection_id, _DOC.kind.in_([kind.value for kind in DocumentKind])
    found: dict[date, int] = {}
    for day, then in made.items():
        query = select(func.count()).where(*of_day, _DOC.day == day)
        later = query.where(or_(_DOC.created_at > then, _DOC.confirmed_at > then))
        found[day] = int(conn.execute(later).scalar_one())
    return found


def days(
    conn: Connection, connection_id: int, first: date, last: date
) -> tuple[list[ReconciledDay], dict[date, int], dict[date, int]]:
    """What was found last for these days and `voucher_days`; `written_since` of those whose verdict is outdated."""
    found = between(conn, connection_id, first, last)
    since = written_since(conn, connection_id, {row.day: row.made_at for row in found if row.outdated})
    return found, voucher_days(conn, connection_id, first, last), since


def newest_day(conn: Connection, connection_id: int) -> date | None:
    """The last day that was compared or that has a voucher of ours; None where there is neither."""
    compared = conn.execute(select(func.max(_ROW.day)).where(_ROW.connection_id == connection_id)).scalar()
    of_vouchers = _DOC.connection_id == connection_id, _DOC.kind == DocumentKind.VOUCHER.value
    booked = conn.execute(select(func.max(_DOC.day)).where(*of_vouchers)).scalar()
    return max((day for day in (compared, booked) if day is not None), default=None)
