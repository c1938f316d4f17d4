"""What the Overview screen asks of the store: how much came and went, what is well and what needs a person.

Every number comes from a stretch of an index, never from the whole order table: it is asked for twice a second. What
is said about it, and in which order, is the console's.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, literal, select

from bcifs_console.domain.states import OrderState, Side
from bcifs_console.domain.webhooks import WebhookState
from bcifs_console.store import connections, health, pauses, webhooks
from bcifs_console.store.columns import UtcTime
from bcifs_console.store.due import in_state
from bcifs_console.store.health import Breaker
from bcifs_console.store.pauses import Pause
from bcifs_console.store.tables import cursor, decision, reconciliation, store_order
from bcifs_console.store.views import problems
from bcifs_console.store.views.jobs import Release, releases
from bcifs_console.store.views.problems import ProblemGroup

#: What "received" looks back on: a rolling day, so that no time zone decides.
DAY: Final = timedelta(hours=24)
#: Minutes that the orders-per-minute line shows.
MINUTES: Final = 60
_NEWEST: Final = 5
_ORDER: Final = store_order.c


@dataclass(frozen=True, slots=True)
class Pulse:
    """Orders in numbers. `received` and `synced` are of the last day, the others are all there are now."""

    received: int
    synced: int
    due: int
    working: int
    waiting: int
    failed: int
    oldest: datetime | None  #: when the oldest order was placed that waits or failed


@dataclass(frozen=True, slots=True)
class Process:
    """The listener or the worker. `since`: when it started; `seen_at`: its last beat; both None where it is down."""

    name: str
    is_up: bool
    since: datetime | None = None
    seen_at: datetime | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True)
class ConnectionHealth:
    """How one connection is. A side that is not in `paused` works as far as we know."""

    id: int
    name: str
    paused: Mapping[Side, Breaker]
    by_hand: Pause | None
    answered: Mapping[Side, datetime]  #: when a side last answered well; one that is not there was not asked yet
    webhooks: WebhookState
    webhooks_since: datetime | None
    webhooks_cause: str
    webhooks_registered: bool
    webhooks_looked_at: datetime | None


@dataclass(frozen=True, slots=True)
class OpenQuestions:
    """The buyers of one connection that somebody has to decide on, who has waited longest first."""

    connection_id: int
    connection: str
    buyers: tuple[str, ...]
    since: datetime


@dataclass(frozen=True, slots=True)
class RedDay:
    """A day on which the books do not agree."""

    connection_id: int
    connection: str
    day: date
    kinds: tuple[str, ...]
    outdated: bool


@dataclass(frozen=True, slots=True)
class Trouble:
    """An order that waits or failed, for the list of the newest."""

    connection_id: int
    connection: str
    order_id: int
    placed_at: datetime
    state: str
    buyer: str
    error: str


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the screen but the line of orders per minute."""

    at: datetime
    pulse: Pulse
    processes: tuple[Process, ...]
    connections: tuple[ConnectionHealth, ...]
    questions: tuple[OpenQuestions, ...] = ()
    groups: tuple[ProblemGroup, ...] = ()
    red_days: tuple[RedDay, ...] = ()
    stopped: tuple[Release, ...] = ()
    newest: tuple[Trouble, ...] = field(default=())


def overview(conn: Connection, now: datetime) -> Overview:
    """How the installation is at `now`."""
    return Overview(
        at=now,
        pulse=pulse(conn, now),
        processes=processes(conn, now),
        connections=tuple(connection_healths(conn)),
        questions=tuple(open_questions(conn)),
        groups=tuple(problems.groups(conn)),
        red_days=tuple(red_days(conn)),
        stopped=tuple(release for release in releases(conn) if release.is_stopped),
        newest=tuple(newest_troubles(conn)),
    )


# -- numbers ---------------------------------------------------------------------------------------------------------


_OPEN: Final = (OrderState.DUE, OrderState.WORKING, OrderState.WAITING, OrderState.FAILED)
_IN_STATE: Final = {state: select(func.count()).where(in_state(state)) for state in OrderState}
_SINCE: Final = {state: query.where(_ORDER.placed_at >= bindparam("since")) for state, query in _IN_STATE.items()}
_UNREAD: Final = {state: query.where(_ORDER.placed_at.is_(None)) for state, query in _IN_STATE.items()}
_OLDEST: Final = {
    state: select(func.min(_ORDER.placed_at)).where(in_state(state))
    for state in (OrderState.WAITING, OrderState.FAILED)
}


def pulse(conn: Connection, now: datetime) -> Pulse:
    """The numbers at `now`. An order that was never read counts as received: its number is all we know of it."""
    since = {"since": now - DAY}
    lately = {state: conn.execute(query, since).scalar_one() for state, query in _SINCE.items()}
    unread = sum(conn.execute(_UNREAD[state]).scalar_one() for state in _OPEN)
    standing = {state: conn.execute(_IN_STATE[state]).scalar_one() for state in _OPEN}
    oldest = [conn.execute(query).scalar() for query in _OLDEST.values()]
    return Pulse(
        received=sum(lately.values()) + unread,
        synced=lately[OrderState.SYNCED],
        due=standing[OrderState.DUE],
        working=standing[OrderState.WORKING],
        waiting=standing[OrderState.WAITING],
        failed=standing[OrderState.FAILED],
        oldest=min((moment for moment in oldest if moment is not None), default=None),
    )


def _placed_in(minute: int) -> Any:
    # One statement with a column for each minute: each is a short stretch of the index on `placed_at`.
    starts, ends = bindparam(f"m{minute}", type_=UtcTime()), bindparam(f"m{minute + 1}", type_=UtcTime())
    counted = select(func.count()).select_from(store_order).where(_ORDER.placed_at >= starts, _ORDER.placed_at < ends)
    return counted.scalar_subquery()


_PER_MINUTE: Final = select(*(_placed_in(minute).label(f"n{minute}") for minute in range(MINUTES)))


def orders_per_minute(conn: Connection, now: datetime) -> tuple[int, ...]:
    """How many orders were placed in each of the last sixty minutes, oldest first; the last one is still running."""
    this = now.replace(second=0, microsecond=0)
    bounds = {f"m{minute}": this + timedelta(minutes=minute - MINUTES + 1) for minute in range(MINUTES + 1)}
    return tuple(conn.execute(_PER_MINUTE, bounds).one())


def newest_troubles(conn: Connection, limit: int = _NEWEST) -> list[Trouble]:
    """The orders placed last that wait or failed, newest first."""
    names = connections.all_names(conn)
    columns = (_ORDER.connection_id, _ORDER.order_id, _ORDER.placed_at, _ORDER.state)
    words = (_ORDER.buyer_name, _ORDER.email, _ORDER.error)
    rows: list[Any] = []
    for state in (OrderState.WAITING, OrderState.FAILED):
        query = select(*columns, *words).where(in_state(state), _ORDER.placed_at.is_not(None))
        rows += conn.execute(query.order_by(_ORDER.placed_at.desc()).limit(limit))
    rows.sort(key=lambda row: row.placed_at, reverse=True)
    return [
        Trouble(
            connection_id=row.connection_id,
            connection=names[row.connection_id],
            order_id=row.order_id,
            placed_at=row.placed_at,
            state=row.state,
            buyer=row.buyer_name or row.email,
            error=row.error,
        )
        for row in rows[:limit]
    ]


# -- health ----------------------------------------------------------------------------------------------------------


def processes(conn: Connection, now: datetime) -> tuple[Process, Process]:
    """The listener and the worker: one process as a rule, or one each."""
    beats = health.living(conn, now)

    def one(name: str) -> Process:
        beat = health.of_role(beats, name)
        if beat is None:
            return Process(name, is_up=False)
        return Process(name, True, beat.started_at, beat.beat_at, beat.detail.get("port"))

    return one("listener"), one("worker")


def connection_healths(conn: Connection) -> list[ConnectionHealth]:
    """How each connection is, the oldest first."""
    open_sides: dict[int, dict[Side, Breaker]] = defaultdict(dict)
    for breaker in health.breakers(conn):
        if breaker.is_open:
            open_sides[breaker.connection_id][breaker.side] = breaker
    by_hand = {pause.connection_id: pause for pause in pauses.every(conn)}
    hooks = webhooks.healths(conn)
    polled = select(cursor.c.connection_id, cursor.c.updated_at).where(cursor.c.name == health.POLLED)
    polled_at = {row.connection_id: row.updated_at for row in conn.execute(polled)}
    answered = health.answered(conn)
    found = []
    for name, number in connections.names(conn).items():
        sides = answered.get(number, {})
        if (at := polled_at.get(number)) is not None:  # that one outlives the service
            sides[Side.BIGCOMMERCE] = max(at, sides.get(Side.BIGCOMMERCE, at))
        hook = hooks.get(number, webhooks.WebhookHealth(number)).after_repairs
        found.append(
            ConnectionHealth(
                id=number,
                name=name,
                paused=open_sides[number],
                by_hand=by_hand.get(number),
                answered=sides,
                webhooks=hook.state,
                webhooks_since=hook.since,
                webhooks_cause=hook.cause,
                webhooks_registered=hook.registered,
                webhooks_looked_at=hook.looked_at,
            )
        )
    return found


# -- what needs a person ---------------------------------------------------------------------------------------------


def open_questions(conn: Connection) -> list[OpenQuestions]:
    """The buyers to decide on, by connection."""
    names = connections.names(conn)
    columns = (decision.c.connection_id, decision.c.name, decision.c.email, decision.c.asked_at)
    rows = conn.execute(select(*columns).where(decision.c.action == "").order_by(decision.c.asked_at))
    asked: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        asked[row.connection_id].append(row)
    return [
        OpenQuestions(number, name, tuple(row.name or row.email for row in asked[number]), asked[number][0].asked_at)
        for name, number in names.items()
        if asked[number]
    ]


_RED: Final = reconciliation.c.verdict == literal("red", literal_execute=True)


def red_days(conn: Connection) -> list[RedDay]:
    """The days on which the books did not agree when they were compared last, oldest first."""
    row = reconciliation.c
    query = select(row.connection_id, row.day, row.kind, row.outdated).where(_RED).order_by(row.connection_id, row.day)
    days: dict[tuple[int, date], list[Any]] = defaultdict(list)
    for found in conn.execute(query):
        days[found.connection_id, found.day].append(found)
    names = connections.names(conn)
    by_id = {number: name for name, number in names.items()}
    return sorted(
        (_red_day(by_id[number], number, day, rows) for (number, day), rows in days.items() if number in by_id),
        key=lambda red: (red.day, red.connection),
    )


def _red_day(name: str, number: int, day: date, rows: Sequence[Any]) -> RedDay:
    kinds = tuple(dict.fromkeys(row.kind for row in rows))
    return RedDay(number, name, day, kinds, any(row.outdated for row in rows))
