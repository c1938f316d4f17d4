"""How a connection's webhooks are in a few words, from the store alone: `bcifs status` must not load the clients."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from bcifs_console.domain.webhooks import WebhookState
from bcifs_console.store import health, journal, webhooks
from bcifs_console.store.webhooks import WebhookHealth


@dataclass(frozen=True, slots=True)
class AckTimes:
    """How long a listener took lately (some five minutes) from a delivery's headers to its 200."""

    p50_ms: float
    p99_ms: float
    number: int  #: of deliveries


def ack_times(conn: Connection, now: datetime) -> AckTimes | None:
    """Those of the slowest listener that lives; None where none has had a delivery lately."""
    told = [ack for beat in health.living(conn, now) if (ack := beat.detail.get("ack"))]
    times = [AckTimes(ack["p50_ms"], ack["p99_ms"], ack["number"]) for ack in told]
    return max(times, key=lambda each: each.p99_ms, default=None)


def as_seen(found: WebhookHealth, now: datetime, stale_after: timedelta) -> tuple[WebhookState, str, str]:
    """The state, its cause and what to do; unknown where they are not registered or nobody looked lately."""
    if not found.registered:
        return WebhookState.UNKNOWN, found.cause or "Not registered.", found.remedy or "Run: bcifs webhooks register"
    if found.looked_at is None or now - found.looked_at > stale_after:
        return WebhookState.UNKNOWN, "Nobody has looked at them lately.", "Run: bcifs serve"
    return found.state, found.cause, found.remedy


def webhook_summary(conn: Connection, connection_id: int, now: datetime, stale_after: timedelta) -> dict[str, Any]:
    """How a connection's webhooks are as the service saw them last.

    `missed` and `heard`: changes that the poll saw, by whether a webhook had told of them: the true miss rate.
    """
    found = webhooks.health_of(conn, connection_id)
    changes = {label: n for (of, label), n in journal.counts(conn, health.CHANGES).items() if of == connection_id}
    missed, heard = changes.get("missed", 0), changes.get("heard", 0)
    state, cause, remedy = as_seen(found, now, stale_after)
    return {
        "state": state.value,
        "cause": cause or None,
        "remedy": remedy or None,
        "since": found.since,
        "action": found.action or None,
        "checked_at": found.looked_at,
        "missed": missed,
        "heard": heard,
        "miss_rate": round(missed / (missed + heard), 4) if missed + heard else None,
    }
