"""How the installation is: orders by state, open questions, problems by cause, who lives, what is paused."""

import shlex
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from bcifs_console.domain.plan import Reason
from bcifs_console.domain.states import OrderState, Side
from bcifs_console.operations.context import Context
from bcifs_console.operations.webhook_summary import webhook_summary
from bcifs_console.store import (
    connections,
    customers,
    group_retries,
    health,
    intake,
    journal,
    mapping_releases,
    pauses,
    queue,
)
from bcifs_console.store.group_retries import GroupRetry, RetryState
from bcifs_console.store.mapping_releases import MappingRelease
from bcifs_console.store.pauses import Pause
from bcifs_console.store.views import problems as grouped


def status(context: Context) -> dict[str, Any]:
    """The whole installation in one answer (DESIGN §12)."""
    now = context.clock.now()

    def read(conn: Connection) -> dict[str, Any]:
        counted: Counter[str] = Counter()
        for (_, state), number in queue.states(conn).items():
            counted[state] += number
        beats = health.living(conn, now)
        oldest = intake.oldest_due(conn, now)
        return {
            "orders": {state.value: counted.get(state.value, 0) for state in OrderState},
            "decisions": len(customers.open_decisions(conn)),
            "problems": counted.get(OrderState.WAITING.value, 0) + counted.get(OrderState.FAILED.value, 0),
            "oldest_due_s": None if oldest is None else round((now - oldest).total_seconds(), 1),
            "listener": _process(beats, "listener"),
            "worker": _process(beats, "worker"),
            "connections": _connections(conn, now, context.settings.stale_after),
            "refused": _refused(conn),
            "home": str(context.settings.home),
        }

    return context.store.database.read_sync(read)


def _refused(conn: Connection) -> dict[str, int]:
    """Deliveries the listener refused since counting began, by kind."""
    totals: Counter[str] = Counter()
    for (_, label), number in journal.counts(conn, health.DELIVERIES).items():
        kind = label.removeprefix(health.REFUSED)
        if kind != label:
            totals[kind] += number
    return dict(totals)


def _process(beats: list[health.Heartbeat], role: str) -> dict[str, Any]:
    beat = health.of_role(beats, role)
    if beat is None:
        return {"state": "down", "since": None}
    return {"state": "up", "since": beat.started_at, **beat.detail}


def _connections(conn: Connection, now: datetime, stale_after: timedelta) -> list[dict[str, Any]]:
    paused: dict[int, dict[Side, str]] = defaultdict(dict)
    for breaker in health.breakers(conn):
        if breaker.is_open:
            paused[breaker.connection_id][breaker.side] = breaker.cause
    by_hand = {pause.connection_id: pause for pause in pauses.every(conn)}
    return [
        {
            "name": name,
            "bigcommerce": paused[connection_id].get(Side.BIGCOMMERCE) or "ok",
            "ifs": paused[connection_id].get(Side.IFS) or "ok",
            "paused": _pause(by_hand.get(connection_id)),
            "webhooks": webhook_summary(conn, connection_id, now, stale_after),
        }
        for name, connection_id in connections.names(conn).items()
    ]


def _pause(pause: Pause | None) -> dict[str, Any] | None:
    """Who paused the connection by hand, since when and why; None where nobody did."""
    return None if pause is None else {"by": pause.actor, "since": pause.since, "note": pause.note or None}


def problems(context: Context) -> list[dict[str, Any]]:
    """What waits or failed, grouped by cause, most orders first; paused connections and stopped releases on top.

    `key` is what `problems retry` takes; None where orders go on by themselves once the cause is gone.
    """

    def read(conn: Connection) -> list[dict[str, Any]]:
        names = connections.all_names(conn)
        rows = [
            {
                "connection": names[b.connection_id],
                "cause": b.cause,
                "class": "connection",
                "orders": queue.states(conn).get((b.connection_id, OrderState.DUE.value), 0),
                "since": b.opened_at,
                "remedy": b.remedy,
                "key": None,
            }
            for b in health.breakers(conn)
            if b.is_open
        ]
        rows += [_stopped(release, names) for release in mapping_releases.stopped(conn)]
        rows += [_stopped_retry(each, names) for each in group_retries.every(conn) if each.state is RetryState.STOPPED]
        return rows + _grouped(conn)

    return context.store.database.read_sync(read)


def _stopped(release: MappingRelease, names: dict[int, str]) -> dict[str, Any]:
    """Orders that wait on because the first that was let go after a change of the mapping did not get through."""
    return {
        "connection": names[release.connection_id],
        "cause": release.note,
        "class": Reason.MAPPING.value,
        "orders": len(release.orders),
        "since": release.saved_at,
        "remedy": "Correct the mapping and import it, or put right what keeps the order and run: "
        f"bcifs orders sync {release.canary}. The rest follow once it is through.",
        "key": None,
    }


def _stopped_retry(retry: GroupRetry, names: dict[int, str]) -> dict[str, Any]:
    """Orders that wait on because the first that was tried again did not get through."""
    return {
        "connection": names[retry.group.connection_id],
        "cause": retry.note,
        "class": retry.group.kind,
        "orders": len(retry.orders),
        "since": retry.asked_at,
        "remedy": f"Put right what keeps the order, then run: bcifs problems retry {shlex.quote(retry.group.cause)}",
        "key": retry.group.cause,
    }


def _grouped(conn: Connection) -> list[dict[str, Any]]:
    return [
        {
            "connection": each.connection,
            "cause": each.error,
            "class": each.kind,
            "orders": each.orders,
            "since": each.since,
            "remedy": each.remedy,
            "key": each.group.cause,
        }
        for each in grouped.groups(conn, limit=None)
    ]
