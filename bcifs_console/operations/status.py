"""How the installation is: orders by state, open questions, problems by cause, who lives, what is paused."""

from collections import Counter, defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from bcifs_console.domain.states import OrderState, Side
from bcifs_console.operations.context import Context
from bcifs_console.store import connections, customers, health, intake, journal, queue, views


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
            "listener": _process(beats, ("all", "listener"), now),
            "worker": _process(beats, ("all", "worker"), now),
            "connections": _connections(conn),
            "refused": _refused(conn),
            "home": str(context.settings.home),
        }

    return context.store.database.read_sync(read)


def _refused(conn: Connection) -> dict[str, int]:
    """Deliveries the listener refused since counting began, by kind."""
    totals: Counter[str] = Counter()
    for (_, label), number in journal.counts(conn, "deliveries").items():
        kind = label.removeprefix("refused:")
        if kind != label:
            totals[kind] += number
    return dict(totals)


def _process(beats: list[health.Heartbeat], roles: tuple[str, ...], now: datetime) -> dict[str, Any]:
    beat = next((b for b in beats if b.role in roles), None)
    if beat is None:
        return {"state": "down", "since": None}
    return {"state": "up", "since": beat.started_at, **beat.detail}


def _connections(conn: Connection) -> list[dict[str, Any]]:
    paused: dict[int, dict[Side, str]] = defaultdict(dict)
    for breaker in health.breakers(conn):
        if breaker.is_open:
            paused[breaker.connection_id][breaker.side] = breaker.cause
    return [
        {
            "name": name,
            "bigcommerce": paused[connection_id].get(Side.BIGCOMMERCE) or "ok",
            "ifs": paused[connection_id].get(Side.IFS) or "ok",
        }
        for name, connection_id in connections.names(conn).items()
    ]


def problems(context: Context) -> list[dict[str, Any]]:
    """What waits or failed, grouped by cause, most orders first; paused connections on top."""

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
            }
            for b in health.breakers(conn)
            if b.is_open
        ]
        return rows + _grouped(conn)

    return context.store.database.read_sync(read)


def _grouped(conn: Connection) -> list[dict[str, Any]]:
    groups: dict[tuple[str, str, str], list[views.OrderView]] = defaultdict(list)
    for state in (OrderState.WAITING, OrderState.FAILED):
        for order in views.orders(conn, state=state.value):
            groups[order.connection, order.cause, order.reason or order.state].append(order)
    rows = [
        {
            "connection": connection,
            "cause": members[0].error or cause,
            "class": reason,
            "orders": len(members),
            "since": min(m.first_seen_at for m in members),
            "remedy": members[0].remedy,
        }
        for (connection, cause, reason), members in groups.items()
    ]
    return sorted(rows, key=lambda row: -int(str(row["orders"])))
