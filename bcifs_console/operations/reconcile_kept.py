"""What was reconciled before, as it was kept: shown and exported again without asking either side."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from bcifs_console.operations.books import check_days
from bcifs_console.operations.context import Context
from bcifs_console.operations.files import write_whole
from bcifs_console.operations.reconcile import Reconciled, reconciled_csv
from bcifs_console.operations.reconciling import BookKind, Compared, Difference, Verdict, What
from bcifs_console.store import connections, reconciliation
from bcifs_console.store.reconciliation import ReconciledDay


@dataclass(frozen=True, slots=True)
class KeptExport:
    """What an export of kept comparisons wrote."""

    file: str
    days: int
    differences: int


def kept(context: Context, connection_id: int, *, first: date, last: date) -> Reconciled:
    """The comparison as it was found last for these days."""
    check_days(first, last)

    def read(conn: Connection) -> Reconciled:
        rows = reconciliation.between(conn, connection_id, first, last)
        return Reconciled(connections.all_names(conn)[connection_id], tuple(map(_compared, rows)))

    return context.store.database.read_sync(read)


def export_csv(context: Context, path: Path, connection_id: int, *, first: date, last: date) -> KeptExport:
    """Write what was found for these days over `path`, whole, as `reconcile --csv` does.

    Raises UsageProblem where the place cannot be written to.
    """
    found = kept(context, connection_id, first=first, last=last)
    write_whole(path, reconciled_csv(found))
    days = len({row.day for row in found.rows})
    return KeptExport(str(path), days, sum(len(row.differences) for row in found.rows))


def _compared(row: ReconciledDay) -> Compared:
    return Compared(
        row.day,
        row.currency,
        BookKind(row.kind),
        row.store_count,
        row.store_sum,
        row.ifs_count,
        row.ifs_sum,
        tuple(map(difference_of, row.differences)),
    )


def difference_of(kept_as: Mapping[str, Any]) -> Difference:
    """A difference from the JSON it was kept as."""
    store_amount, ifs_amount = kept_as.get("store_amount"), kept_as.get("ifs_amount")
    return Difference(
        what=What(kept_as["what"]),
        key=kept_as.get("key") or "",
        order_id=kept_as.get("order_id"),
        ifs_reference=kept_as.get("ifs_reference") or "",
        store_amount=None if store_amount is None else Decimal(store_amount),
        ifs_amount=None if ifs_amount is None else Decimal(ifs_amount),
        store_day=_day(kept_as.get("store_day")),
        ifs_day=_day(kept_as.get("ifs_day")),
        verdict=Verdict(kept_as["verdict"]),
        explanation=kept_as.get("explanation") or "",
        remedy=kept_as.get("remedy") or "",
    )


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
