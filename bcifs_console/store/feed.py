"""The change feed: what was changed since the last look, by kind, so that a screen rereads just that.

Every write adds rows to `change` in its own transaction (`journal.touch`). `Feed` tails them for one reader: on SQLite
by number, on PostgreSQL also behind the newest number, where a slower transaction may still commit a lower one.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, func, select, text

from bcifs_console.store.tables import change

#: More changes than this at once are no longer told one by one.
LIMIT: Final = 2_000

Subject = tuple[int | None, str]


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """What changed, up to change number `upto`: by kind, the `(connection_id, subject)` touched.

    `resync`: too much to tell one by one; read everything anew, `subjects` is empty.
    """

    upto: int
    subjects: Mapping[str, frozenset[Subject]] = field(default_factory=dict)
    resync: bool = False

    def touches(self, kinds: frozenset[str]) -> bool:
        """Whether anything of these kinds changed (no kinds: anything at all)."""
        return self.resync or not kinds or not kinds.isdisjoint(self.subjects)


class Feed:
    """Tails the changes for one reader; not for several threads at once."""

    def __init__(self) -> None:
        self._floor: int | None = None  # every change up to here was told
        self._told: set[int] = set()  # changes above the floor that were told (PostgreSQL)
        # A number that was seen, and the transactions that could come before it, once they are known (PostgreSQL).
        self._newest: tuple[int, int | None] | None = None

    def poll(self, conn: Connection) -> ChangeSet | None:
        """What changed since the last poll, None where nothing did. The first poll begins at the present."""
        if self._floor is None:
            self._floor = conn.execute(select(func.coalesce(func.max(change.c.id), 0))).scalar_one()
            return None
        # Before the rows: what has ended by now is among them for sure. Afterwards one could end in between, unseen.
        running = None if conn.dialect.name == "sqlite" else conn.execute(_SNAPSHOT).one()
        rows = self._after_floor(conn)
        if len(rows) > LIMIT:
            return self._resync(conn)
        fresh = [row for row in rows if row.id not in self._told]
        if running is None:
            self._floor = rows[-1].id if rows else self._floor  # one writer: numbers are committed in order
        else:
            self._told.update(row.id for row in fresh)
            self._raise_floor(int(running[0]), int(running[1]), rows)
        if not fresh:
            return None
        subjects: defaultdict[str, set[Subject]] = defaultdict(set)
        for row in fresh:
            subjects[row.kind].add((row.connection_id, row.subject))
        return ChangeSet(fresh[-1].id, {kind: frozenset(found) for kind, found in subjects.items()})

    def _after_floor(self, conn: Connection) -> Sequence[Any]:
        query = select(change.c.id, change.c.connection_id, change.c.kind, change.c.subject)
        return conn.execute(query.where(change.c.id > self._floor).order_by(change.c.id).limit(LIMIT + 1)).all()

    def _resync(self, conn: Connection) -> ChangeSet:
        self._floor = conn.execute(select(func.max(change.c.id))).scalar_one()
        self._told.clear()
        self._newest = None
        return ChangeSet(self._floor or 0, resync=True)

    def _raise_floor(self, oldest: int, next_one: int, rows: Sequence[Any]) -> None:
        """Forget what can have no unseen change below it: all transactions of back then have ended.

        Numbers are given out before the commit, so a change may appear below one that was told already. Once the
        oldest transaction that ran before `rows` were read is newer than every one that ran when a number had been
        seen, nothing can: a transaction shows itself before it takes a number (`journal.touch`).
        """
        if self._newest is not None:
            number, behind = self._newest
            if behind is None:
                self._newest = (number, next_one)
            elif oldest >= behind:
                self._floor = number
                self._told = {told for told in self._told if told > number}
                self._newest = None
        if self._newest is None and rows:
            self._newest = (rows[-1].id, None)


_SNAPSHOT: Final = text(
    "SELECT pg_snapshot_xmin(pg_current_snapshot())::text, pg_snapshot_xmax(pg_current_snapshot())::text"
)
