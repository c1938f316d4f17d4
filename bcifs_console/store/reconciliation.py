"""What reconciling found, a row for each connection, day, currency and kind. How it is found is not known here."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, or_, select, update

from bcifs_console.domain.documents import DocumentKind
from bcifs_console.store import journal
from bcifs_console.store.database import Tx
from bcifs_console.store.prepared import Prepared
from bcifs_console.store.tables import document, reconciliation

_ROW: Final = reconciliation.c


@dataclass(frozen=True, slots=True)
class ReconciledDay:
    """One compared day. Sums in `currency`; `differences` are JSON objects as `reconcile --json` shows them."""

    day: date
    currency: str
    kind: str
    store_count: int
    store_sum: Decimal
    ifs_count: int
    ifs_sum: Decimal
    verdict: str  #: green, explained or red
    made_at: datetime  #: when the reading began
    differences: tuple[Mapping[str, Any], ...] = ()
    outdated: bool = False  #: a document of that day was written since

    @property
    def off(self) -> Decimal:
        """What IFS has more than the store, to the cent; less where it is negative."""
        return self.ifs_sum - self.store_sum


def replace(tx: Tx, connection_id: int, first: date, last: date, rows: Sequence[ReconciledDay]) -> None:
    """Put `rows`, found by one reading, in place of all that was found before for the days from `first` to `last`.

    A day whose documents changed while it was read is out of date from the start.
    """
    days = _ROW.connection_id == connection_id, _ROW.day >= first, _ROW.day <= last
    tx.conn.execute(delete(reconciliation).where(*days))
    journal.touch(tx, "reconciliation", [(connection_id, f"day:{first}")])
    if not rows:
        return
    tx.conn.execute(reconciliation.insert(), [_values(connection_id, row) for row in rows])
    made_at = min(row.made_at for row in rows)
    changed = tx.conn.execute(
        select(document.c.day)
        .where(
            document.c.connection_id == connection_id,
            document.c.kind.in_([kind.value for kind in DocumentKind]),
            document.c.day >= first,
            document.c.day <= last,
            or_(document.c.created_at > made_at, document.c.confirmed_at > made_at),
        )
        .distinct()
    )
    mark_outdated(tx, connection_id, [row.day for row in changed])


def _values(connection_id: int, row: ReconciledDay) -> dict[str, Any]:
    return {
        "connection_id": connection_id,
        "day": row.day,
        "currency": row.currency,
        "kind": row.kind,
        "store_count": row.store_count,
        "store_sum": row.store_sum,
        "ifs_count": row.ifs_count,
        "ifs_sum": row.ifs_sum,
        "verdict": row.verdict,
        "differences": json.dumps([dict(difference) for difference in row.differences], ensure_ascii=False),
        "made_at": row.made_at,
        "outdated": False,
    }


def between(conn: Connection, connection_id: int, first: date, last: date) -> list[ReconciledDay]:
    """What was found last for the days from `first` to `last`, by day, currency and kind."""
    rows = conn.execute(
        select(reconciliation)
        .where(_ROW.connection_id == connection_id, _ROW.day >= first, _ROW.day <= last)
        .order_by(_ROW.day, _ROW.currency, _ROW.kind)
    )
    return [
        ReconciledDay(
            day=row.day,
            currency=row.currency,
            kind=row.kind,
            store_count=row.store_count,
            store_sum=row.store_sum,
            ifs_count=row.ifs_count,
            ifs_sum=row.ifs_sum,
            verdict=row.verdict,
            differences=tuple(json.loads(row.differences)),
            made_at=row.made_at,
            outdated=row.outdated,
        )
        for row in rows
    ]


def mark_outdated(tx: Tx, connection_id: int, days: Iterable[date]) -> None:
    """Something of these days was written: what was found of them no longer tells how they are."""
    for day in days:
        _outdate().once(tx, of_connection=connection_id, of_day=day)


@cache
def _outdate() -> Prepared:
    """Prepared: it runs whenever a voucher is written down or confirmed."""
    change = (
        update(reconciliation)
        .where(_ROW.connection_id == bindparam("of_connection"), _ROW.day == bindparam("of_day", type_=_ROW.day.type))
        .values(outdated=True)
    )
    return Prepared(lambda _dialect: change, ("of_connection", "of_day"))
