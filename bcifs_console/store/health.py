"""Heartbeats of our processes and the breakers of connections, as rows: every process and the console see the same."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bcifs_console.domain.states import Side
from bcifs_console.store import journal, webhooks
from bcifs_console.store.database import Tx
from bcifs_console.store.prepared import Prepared
from bcifs_console.store.tables import breaker, cursor, heartbeat, hook

#: The counter of deliveries: `accepted`, `duplicate`, and by kind, after `REFUSED`, those the listener refused.
DELIVERIES: Final = "deliveries"
REFUSED: Final = "refused:"
#: The cursor of the poll, up to when changes were asked for: when it moved last, the store answered.
POLLED: Final = "orders_modified"
#: The counter of changes the poll saw, by whether a webhook had told of them: `heard`, `missed`.
CHANGES: Final = "changes"
FRESH: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    owner: str
    role: str
    started_at: datetime
    beat_at: datetime
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Breaker:
    """A side of a connection that is paused, with the cause; `probe_at` is when it is tried again."""

    connection_id: int
    side: Side
    is_open: bool
    cause: str
    remedy: str
    failures: int
    opened_at: datetime | None
    probe_at: datetime | None


def of_role(beats: Iterable[Heartbeat], role: str) -> Heartbeat | None:
    """The process that is the `listener` or the `worker`, by itself or with all the rest."""
    return next((beat for beat in beats if beat.role in ("all", role)), None)


def beat(tx: Tx, owner: str, role: str, detail: dict[str, Any]) -> None:
    """Say that the process `owner` lives."""
    text = json.dumps(detail, ensure_ascii=False)
    _beat().once(tx, owner=owner, role=role, started_at=tx.now, beat_at=tx.now, detail=text)


@cache
def _beat() -> Prepared:
    def build(dialect: Any) -> Any:
        new = dialect.insert(heartbeat)
        again = {"beat_at": new.excluded.beat_at, "detail": new.excluded.detail}
        return new.on_conflict_do_update(index_elements=["owner"], set_=again)

    return Prepared(build, ("owner", "role", "started_at", "beat_at", "detail"))


def leave(tx: Tx, owner: str) -> None:
    """Take the heartbeat of a process back when it ends in order."""
    tx.conn.execute(delete(heartbeat).where(heartbeat.c.owner == owner))


def living(conn: Connection, now: datetime) -> list[Heartbeat]:
    """The processes that beat within the last ten seconds."""
    rows = conn.execute(select(heartbeat).where(heartbeat.c.beat_at > now - FRESH).order_by(heartbeat.c.owner))
    return [Heartbeat(r.owner, r.role, r.started_at, r.beat_at, json.loads(r.detail)) for r in rows]


def answered(conn: Connection) -> dict[int, dict[Side, datetime]]:
    """When each side of a connection last answered well, by connection; of what our processes told with their beats.

    A process that was killed is believed still; one that ended in order, or was started anew, has asked nothing.
    """
    newest: dict[int, dict[Side, datetime]] = {}
    for text in conn.execute(select(heartbeat.c.detail)).scalars():
        for number, sides in json.loads(text).get("answered", {}).items():
            known = newest.setdefault(int(number), {})
            for name, told in sides.items():
                side, at = Side(name), datetime.fromisoformat(told)
                known[side] = max(at, known.get(side, at))
    return newest


def forget_dead(tx: Tx) -> None:
    """Drop heartbeats that are long stale."""
    tx.conn.execute(_FORGET, {"stale": tx.now - 6 * FRESH})


# These are made once: a service runs them each second.
_FORGET: Final = delete(heartbeat).where(heartbeat.c.beat_at < bindparam("stale"))
_BREAKERS: Final = select(breaker).order_by(breaker.c.connection_id, breaker.c.side)


def breakers(conn: Connection) -> list[Breaker]:
    """Every breaker that was ever touched, open or closed."""
    rows = conn.execute(_BREAKERS)
    return [
        Breaker(
            r.connection_id, Side(r.side), r.state == "open", r.cause, r.remedy, r.failures, r.opened_at, r.probe_at
        )
        for r in rows
    ]


def set_breaker(
    tx: Tx,
    connection_id: int,
    side: Side,
    *,
    is_open: bool,
    cause: str = "",
    remedy: str = "",
    failures: int = 0,
    probe_at: datetime | None = None,
) -> None:
    """Open or close a breaker; a change of state or cause goes to the journal."""
    here = (breaker.c.connection_id == connection_id) & (breaker.c.side == side.value)
    before = tx.conn.execute(select(breaker.c.state, breaker.c.cause, breaker.c.opened_at).where(here)).first()
    state = "open" if is_open else "closed"
    was_open = before is not None and before.state == "open"
    values = {
        "state": state,
        "cause": cause,
        "remedy": remedy,
        "failures": failures,
        "opened_at": (before.opened_at if was_open and before is not None else tx.now) if is_open else None,
        "probe_at": probe_at,
    }
    insert = (sqlite if tx.is_sqlite else postgresql).insert(breaker)
    tx.conn.execute(
        insert.values(connection_id=connection_id, side=side.value, **values).on_conflict_do_update(
            index_elements=["connection_id", "side"], set_=values
        )
    )
    if is_open != was_open or (is_open and before is not None and before.cause != cause):
        journal.write(
            tx,
            "breaker.opened" if is_open else "breaker.closed",
            actor="service",
            connection_id=connection_id,
            subject=f"breaker:{side.value}",
            cause=cause,
        )
        journal.touch(tx, "breaker", [(connection_id, side.value)])


def get_cursor(conn: Connection, connection_id: int, name: str) -> str | None:
    """How far a poller has read, or None where it never did."""
    found: str | None = conn.execute(
        select(cursor.c.value).where(cursor.c.connection_id == connection_id, cursor.c.name == name)
    ).scalar()
    return found


def set_cursor(tx: Tx, connection_id: int, name: str, value: str) -> None:
    """Remember how far a poller has read."""
    insert = (sqlite if tx.is_sqlite else postgresql).insert(cursor)
    tx.conn.execute(
        insert.values(connection_id=connection_id, name=name, value=value, updated_at=tx.now).on_conflict_do_update(
            index_elements=["connection_id", "name"], set_={"value": value, "updated_at": tx.now}
        )
    )


@dataclass(frozen=True, slots=True)
class HookRecord:
    """A webhook registration as last seen."""

    connection_id: int
    scope: str
    hook_id: int
    destination: str
    is_active: bool
    state: str
    cause: str
    last_delivery_at: datetime | None
    checked_at: datetime | None
    since: datetime | None = None  #: when it came into this state
    action: str = ""  #: what we did about it last


def hooks(conn: Connection, connection_id: int | None = None) -> list[HookRecord]:
    """The registrations last seen, by connection and scope."""
    query = select(hook).order_by(hook.c.connection_id, hook.c.scope)
    if connection_id is not None:
        query = query.where(hook.c.connection_id == connection_id)
    return [
        HookRecord(
            r.connection_id,
            r.scope,
            r.hook_id,
            r.destination,
            r.is_active,
            r.state,
            r.cause,
            r.last_delivery_at,
            r.checked_at,
            r.since,
            r.action,
        )
        for r in conn.execute(query)
    ]


def save_hook(tx: Tx, record: HookRecord) -> None:
    """Insert or replace what is known of one registration.

    The last delivery is kept; `since` is that of the state, and what was done last stays until something else is.
    """
    here = (hook.c.connection_id == record.connection_id) & (hook.c.scope == record.scope)
    before = tx.conn.execute(select(hook.c.state, hook.c.since).where(here)).first()
    is_as_before = before is not None and before.state == record.state
    values = {
        "hook_id": record.hook_id,
        "destination": record.destination,
        "is_active": record.is_active,
        "state": record.state,
        "cause": record.cause,
        "checked_at": tx.now,
        "since": before.since if is_as_before and before is not None else tx.now,
    }
    if record.action:
        values["action"] = record.action
    if before is None:
        tx.conn.execute(hook.insert().values(connection_id=record.connection_id, scope=record.scope, **values))
    else:
        tx.conn.execute(update(hook).where(here).values(values))
    journal.touch(tx, "hook", [(record.connection_id, record.scope)])


def drop_hooks(tx: Tx, connection_id: int, *, keep: Collection[str]) -> None:
    """Forget the registrations of scopes that are not wanted any more."""
    tx.conn.execute(delete(hook).where(hook.c.connection_id == connection_id, hook.c.scope.not_in(keep)))


def note_missed(tx: Tx, connection_id: int, *, seen_by_poll_only: int, seen_by_hook: int, at: datetime) -> None:
    """Count changes of orders that the poll saw by `at`, by whether a webhook had told of them: the true miss rate."""
    for label, number in (("missed", seen_by_poll_only), ("heard", seen_by_hook)):
        if number:
            journal.count(tx, CHANGES, label, connection_id=connection_id, delta=number)
            webhooks.add_sample(tx, connection_id, label, number)
    set_cursor(tx, connection_id, "hooks_compared", at.isoformat())
