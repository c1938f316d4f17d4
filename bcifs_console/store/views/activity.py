"""What the Log screen asks of the store: the journal from its end, filtered within a bounded stretch of it.

The journal has no index on its text, and must not get one: it is written with every order. A filter looks through the
newest `WINDOW` rows along the primary key, which takes a moment in a reader thread and never longer.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from bcifs_console.store import connections
from bcifs_console.store.tables import journal

#: How many rows of the journal the list goes back.
WINDOW: Final = 100_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows are wanted: `events` are event names or, ending in a dot, families of them; `text` stands anywhere."""

    events: tuple[str, ...] = ()
    but: tuple[str, ...] = ()  #: events that are left out
    connection_id: int | None = None
    text: str = ""


EVERYTHING: Final = Wanted()


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the journal."""

    id: int
    at: datetime
    actor: str
    connection_id: int | None
    connection: str
    subject: str
    event: str
    detail: Mapping[str, Any]


def newest(conn: Connection) -> int:
    """The number of the newest row, 0 where there is none."""
    return int(conn.execute(select(func.max(journal.c.id))).scalar() or 0)


def ids(conn: Connection, wanted: Wanted = EVERYTHING, *, after: int = 0, window: int = WINDOW) -> list[int]:
    """The numbers of the wanted rows after row `after`, newest first, among the newest `window` rows."""
    from_ = max(after, newest(conn) - window)
    query: Select[Any] = select(journal.c.id).where(journal.c.id > from_, *_conditions(wanted))
    return list(conn.execute(query.order_by(journal.c.id.desc())).scalars())


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.events:
        found.append(or_(*(_is(event) for event in wanted.events)))
    if wanted.but:
        found.append(and_(*(~_is(event) for event in wanted.but)))
    if wanted.connection_id is not None:
        found.append(journal.c.connection_id == wanted.connection_id)
    found += [_says(word) for word in wanted.text.split()]
    return found


def _is(event: str) -> ColumnElement[bool]:
    return journal.c.event.startswith(event, autoescape=True) if event.endswith(".") else journal.c.event == event


def _says(word: str) -> ColumnElement[bool]:
    columns = (journal.c.subject, journal.c.event, journal.c.actor, journal.c.detail)
    return or_(*(column.icontains(word, autoescape=True) for column in columns))


def entries(conn: Connection, wanted: Collection[int] | Sequence[int]) -> dict[int, Entry]:
    """The rows of these numbers, by number; at most a screenful at a time."""
    names = connections.all_names(conn)
    rows = conn.execute(select(journal).where(journal.c.id.in_(list(wanted))))
    return {
        row.id: Entry(
            id=row.id,
            at=row.at,
            actor=row.actor,
            connection_id=row.connection_id,
            connection=names.get(row.connection_id, ""),
            subject=row.subject,
            event=row.event,
            detail=json.loads(row.detail),
        )
        for row in rows
    }


def connection_names(conn: Connection) -> dict[str, int]:
    """The connections by name, to filter by."""
    return connections.names(conn)
