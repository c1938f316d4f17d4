"""What the Jobs screen asks of the store: what is due, under way and planned, what is paused, what goes one first.

Lists are bounded and each walks an index; the whole numbers stand beside them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, false, func, or_, select, true

from bcifs_console.domain.states import OrderState
from bcifs_console.store import backfills, connections, group_retries, health, pauses
from bcifs_console.store.due import in_state
from bcifs_console.store.group_retries import Group, RetryState
from bcifs_console.store.health import Breaker
from bcifs_console.store.mapping_releases import ReleaseState
from bcifs_console.store.pauses import Pause
from bcifs_console.store.tables import backfill, mapping_release, store_order

#: Rows of each list; whoever wants more filters the order list.
MOST_LISTED: Final = 200
#: How long a backfill that has ended is still shown.
_SHOWN_AFTER: Final = timedelta(hours=12)
_ORDER: Final = store_order.c


@dataclass(frozen=True, slots=True)
class Job:
    """An order that is due or being worked on. `at`: when it is due, or until when its lease runs."""

    connection_id: int
    connection: str
    order_id: int
    state: str
    at: datetime
    attempts: int
    background: bool
    owner: str
    reason: str
    error: str


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many orders are due. `planned` are those whose time is still to come."""

    due: int
    in_background: int
    planned: int
    working: int


@dataclass(frozen=True, slots=True)
class Release:
    """Orders that go one first and the rest behind it. `group` is None where a saved mapping rule let them go."""

    connection_id: int
    connection: str
    title: str
    canary: int | None
    waiting: int
    is_stopped: bool
    note: str
    actor: str
    since: datetime
    group: Group | None = None


@dataclass(frozen=True, slots=True)
class BackfillView:
    """A backfill: what it was asked for, what it read, and how the orders stand that it named."""

    id: int
    connection: str
    since: datetime | None
    until: datetime | None
    named: int  #: asked for by number; 0: asked for by date
    seen: int
    marked: int
    states: Mapping[OrderState, int]
    started_at: datetime
    ended_at: datetime | None

    @property
    def done(self) -> int:
        """Orders it named that are neither due nor being worked on any more."""
        pending = (OrderState.DUE, OrderState.WORKING)
        return sum(number for state, number in self.states.items() if state not in pending)

    @property
    def total(self) -> int:
        return sum(self.states.values())


@dataclass(frozen=True, slots=True)
class Quota:
    """What is left of a store's calls, as the service said at its last beat. None: not known."""

    connection_id: int
    connection: str
    left: int | None
    of: int | None


@dataclass(frozen=True, slots=True)
class Jobs:
    """Everything on the screen but the groups of problems."""

    at: datetime
    backlog: Backlog
    working: tuple[Job, ...]
    due: tuple[Job, ...]
    planned: tuple[Job, ...]
    releases: tuple[Release, ...]
    backfills: tuple[BackfillView, ...]
    breakers: tuple[Breaker, ...]
    pauses: tuple[Pause, ...]
    quotas: tuple[Quota, ...]
    connections: Mapping[str, int]


def jobs(conn: Connection, now: datetime, *, limit: int = MOST_LISTED) -> Jobs:
    """What there is to do at `now`."""
    return Jobs(
        at=now,
        backlog=backlog(conn, now),
        working=tuple(working(conn, limit)),
        due=tuple(due(conn, now, limit)),
        planned=tuple(planned(conn, now, limit)),
        releases=tuple(releases(conn)),
        backfills=tuple(backfills_shown(conn, now)),
        breakers=tuple(breaker for breaker in health.breakers(conn) if breaker.is_open),
        pauses=tuple(pauses.every(conn)),
        quotas=tuple(quotas(conn, now)),
        connections=connections.names(conn),
    )


# -- the queue -------------------------------------------------------------------------------------------------------


_IS_DUE: Final = in_state(OrderState.DUE)
_LIVE: Final = _ORDER.background == false()
_IN_BACKGROUND: Final = _ORDER.background == true()


def backlog(conn: Connection, now: datetime) -> Backlog:
    """The numbers of the queue."""

    def count(*where: Any) -> int:
        return int(conn.execute(select(func.count()).where(*where)).scalar_one())

    live = count(_IS_DUE, _LIVE, _ORDER.due_at <= now)
    in_background = count(_IS_DUE, _IN_BACKGROUND, _ORDER.due_at <= now)
    planned_ = count(_IS_DUE, _LIVE, _ORDER.due_at > now) + count(_IS_DUE, _IN_BACKGROUND, _ORDER.due_at > now)
    return Backlog(live + in_background, in_background, planned_, count(in_state(OrderState.WORKING)))


_COLUMNS: Final = (
    *(_ORDER.connection_id, _ORDER.order_id, _ORDER.state, _ORDER.due_at, _ORDER.lease_until, _ORDER.lease_owner),
    *(_ORDER.attempts, _ORDER.background, _ORDER.reason, _ORDER.error),
)


def working(conn: Connection, limit: int = MOST_LISTED) -> list[Job]:
    """The orders being worked on, the lease that runs out first on top."""
    query = select(*_COLUMNS).where(in_state(OrderState.WORKING)).order_by(_ORDER.lease_until).limit(limit)
    return _jobs(conn, conn.execute(query).all())


def due(conn: Connection, now: datetime, limit: int = MOST_LISTED) -> list[Job]:
    """The orders that are due, as a worker will take them: longest first, those without hurry after all others."""
    return _first(conn, _ORDER.due_at <= now, limit)


def planned(conn: Connection, now: datetime, limit: int = MOST_LISTED) -> list[Job]:
    """The orders whose next attempt is still to come, soonest first."""
    return sorted(_first(conn, _ORDER.due_at > now, 2 * limit), key=lambda job: job.at)[:limit]


def _first(conn: Connection, when: Any, limit: int) -> list[Job]:
    # Two queries: each walks its own stretch of the index, with both at once everything due would be sorted.
    rows: list[Any] = []
    for hurry in (_LIVE, _IN_BACKGROUND):
        query = select(*_COLUMNS).where(_IS_DUE, hurry, when).order_by(_ORDER.due_at).limit(limit - len(rows))
        rows += conn.execute(query).all()
    return _jobs(conn, rows)


def _jobs(conn: Connection, rows: Sequence[Any]) -> list[Job]:
    names = connections.all_names(conn)
    return [
        Job(
            connection_id=row.connection_id,
            connection=names[row.connection_id],
            order_id=row.order_id,
            state=row.state,
            at=row.lease_until if row.state == OrderState.WORKING.value else row.due_at,
            attempts=row.attempts,
            background=row.background,
            owner=row.lease_owner,
            reason=row.reason,
            error=row.error,
        )
        for row in rows
    ]


# -- one first, then the rest ----------------------------------------------------------------------------------------


def releases(conn: Connection) -> list[Release]:
    """Releases of saved mapping rules and retries of groups, those that stopped first, then the oldest."""
    names = connections.names(conn)
    by_id = {number: name for name, number in names.items()}
    found = [*_mapping_releases(conn, by_id), *_group_retries(conn, by_id)]
    return sorted(found, key=lambda release: (not release.is_stopped, release.since))


def _mapping_releases(conn: Connection, names: Mapping[int, str]) -> list[Release]:
    row = mapping_release.c
    said = (row.connection_id, row.state, row.actor, row.reason, row.saved_at, row.canary, row.orders, row.note)
    return [
        Release(
            connection_id=found.connection_id,
            connection=names[found.connection_id],
            title=f"Mapping rule saved: {found.reason}" if found.reason else "Mapping rule saved",
            canary=found.canary,
            waiting=len(json.loads(found.orders)),
            is_stopped=found.state == ReleaseState.STOPPED.value,
            note=found.note,
            actor=found.actor,
            since=found.saved_at,
        )
        for found in conn.execute(select(*said))
        if found.connection_id in names
    ]


def _group_retries(conn: Connection, names: Mapping[int, str]) -> list[Release]:
    return [
        Release(
            connection_id=retry.group.connection_id,
            connection=names[retry.group.connection_id],
            title=f"Retry of {retry.group.cause or retry.group.kind}",
            canary=retry.canary,
            waiting=len(retry.orders),
            is_stopped=retry.state is RetryState.STOPPED,
            note=retry.note,
            actor=retry.actor,
            since=retry.asked_at,
            group=retry.group,
        )
        for retry in group_retries.every(conn)
        if retry.group.connection_id in names
    ]


# -- backfills and quotas --------------------------------------------------------------------------------------------


def backfills_shown(conn: Connection, now: datetime) -> list[BackfillView]:
    """The backfills that read, or ended lately, newest first."""
    names = connections.all_names(conn)
    is_recent = or_(backfill.c.ended_at.is_(None), backfill.c.ended_at > now - _SHOWN_AFTER)
    rows = conn.execute(select(backfill).where(is_recent).order_by(backfill.c.id.desc()))
    return [
        BackfillView(
            id=row.id,
            connection=names[row.connection_id],
            since=row.since,
            until=row.until,
            named=len(json.loads(row.orders)),
            seen=row.seen,
            marked=row.marked,
            states=backfills.states(conn, row.id),
            started_at=row.started_at,
            ended_at=row.ended_at,
        )
        for row in rows
    ]


def quotas(conn: Connection, now: datetime) -> list[Quota]:
    """What is left of each store's calls, as the living worker last said."""
    told: dict[str, Any] = {}
    for beat in health.living(conn, now):
        told |= beat.detail.get("quotas", {})
    unknown: dict[str, Any] = {}
    return [
        Quota(number, name, told.get(str(number), unknown).get("left"), told.get(str(number), unknown).get("of"))
        for name, number in connections.names(conn).items()
    ]
