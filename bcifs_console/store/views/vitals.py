"""What every screen's status bar shows: what needs a person, what is under way, who lives, what is paused.

Read twice a second at most; every number is from a stretch of an index.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from bcifs_console.domain.states import Side
from bcifs_console.store import connections, health
from bcifs_console.store.views import overview

#: A heartbeat this old, in seconds, is said to be old: the service beats once a second.
LATE_S: Final = 3


@dataclass(frozen=True, slots=True)
class PausedSide:
    """A side of a connection that is paused, since when and why."""

    connection: str
    side: Side
    since: datetime | None
    cause: str


@dataclass(frozen=True, slots=True)
class Vitals:
    """How the installation is, in one line."""

    at: datetime
    needs_you: int  #: orders that wait or failed
    under_way: int  #: orders due or worked on
    listener: overview.Process
    worker: overview.Process
    connections: int
    paused: tuple[PausedSide, ...]

    @property
    def is_down(self) -> bool:
        """Whether neither the listener nor the worker lives."""
        return not (self.listener.is_up or self.worker.is_up)

    @property
    def late_s(self) -> int | None:
        """How many seconds ago the service beat last, where that is longer than it should be."""
        seen = [process.seen_at for process in (self.listener, self.worker) if process.seen_at is not None]
        late = int((self.at - max(seen)).total_seconds()) if seen else 0
        return late if late >= LATE_S else None


def vitals(conn: Connection, now: datetime) -> Vitals:
    """How the installation is at `now`."""
    names = {number: name for name, number in connections.names(conn).items()}
    numbers = overview.pulse(conn, now)
    found = {process.name: process for process in overview.processes(conn, now)}
    return Vitals(
        at=now,
        needs_you=numbers.waiting + numbers.failed,
        under_way=numbers.due + numbers.working,
        listener=found["listener"],
        worker=found["worker"],
        connections=len(names),
        paused=tuple(
            PausedSide(names[each.connection_id], each.side, each.opened_at, each.cause)
            for each in health.breakers(conn)
            if each.is_open and each.connection_id in names
        ),
    )


def has_connections(conn: Connection) -> bool:
    """Whether any store is connected."""
    return bool(connections.names(conn))
