"""`BulkInsert`: one INSERT for many rows, past SQLAlchemy's work for each parameter. No table is known here.

Measured on accepted deliveries: that work takes as long as SQLite takes for the rows themselves. So the statement is
compiled once, and on SQLite the rows go to the driver as they are. PostgreSQL takes the usual way: there the network
is what costs.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, Final

from sqlalchemy.dialects import postgresql, sqlite

from bcifs_console.store.columns import UtcTime, time_text
from bcifs_console.store.database import Tx

_SQLITE: Final = sqlite.dialect()


class BulkInsert:
    """An INSERT whose rows come as mappings from bind names to values; every row names the same."""

    def __init__(self, build: Callable[[Any], Any], names: Sequence[str]) -> None:
        """`build` makes the statement, given a dialect's module; `names` are the values that the rows bring."""
        self._postgresql = build(postgresql)
        compiled = build(sqlite).compile(dialect=_SQLITE, column_keys=list(names))
        assert not compiled.insert_prefetch, "a default made in Python would be left out"
        self._sql: Final = str(compiled)
        self._constants: Final = {k: v for k, v in compiled.params.items() if k not in names}
        self._row: Final = itemgetter(*compiled.positiontup)
        self._times: Final = [name for name in names if isinstance(compiled.binds[name].type, UtcTime)]

    def execute(self, tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert `rows`, at least one."""
        if not tx.is_sqlite:
            tx.conn.execute(self._postgresql, [dict(row) for row in rows])
            return
        texts: dict[int, str] = {}  # by identity: the same few moments stand in every row
        tx.conn.exec_driver_sql(self._sql, [self._row(self._plain(row, texts)) for row in rows])

    def _plain(self, row: Mapping[str, Any], texts: dict[int, str]) -> dict[str, Any]:
        values = {**self._constants, **row}
        for name in self._times:
            moment: datetime | None = row[name]
            if moment is not None:
                text = texts.get(id(moment))
                values[name] = text or texts.setdefault(id(moment), time_text(moment))
        return values
