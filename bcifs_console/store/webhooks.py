"""How webhooks fare: samples of how deliveries ended, and the state of each connection's webhooks as a whole.

What a state means and when it changes is decided by the watcher (`sync.watcher`). Single registrations are in `health`.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, delete, func, literal, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from bcifs_console.domain.webhooks import WebhookState, registered_as, worst
from bcifs_console.store import journal
from bcifs_console.store.database import Tx
from bcifs_console.store.prepared import Prepared
from bcifs_console.store.tables import hook, hook_sample, webhook_delivery, webhook_health

#: One sample sums up so many seconds: BigCommerce's window is two minutes, twelve of them.
SAMPLE_S: Final = 10
SAMPLES_KEPT: Final = timedelta(days=1)
#: The poll's outcomes: a webhook told of a change, or none did.
HEARD: Final = "heard"
MISSED: Final = "missed"
_OF_SCOPE: Final = ":"


def add_sample(tx: Tx, connection_id: int, outcome: str, number: int, *, at: datetime | None = None) -> None:
    """Count `number` deliveries that ended with `outcome` in the sample of `at`, or in the present one."""
    moment = (at or tx.now).timestamp() // SAMPLE_S * SAMPLE_S
    _ADD.once(tx, connection_id=connection_id, at=datetime.fromtimestamp(moment, UTC), outcome=outcome, number=number)


def _add(dialect: Any) -> Any:
    insert = dialect.insert(hook_sample)
    return insert.on_conflict_do_update(
        index_elements=["connection_id", "at", "outcome"],
        set_={"number": hook_sample.c.number + insert.excluded.number},
    )


_ADD: Final = Prepared(_add, ("connection_id", "at", "outcome", "number"))


def sampled(conn: Connection, connection_id: int, since: datetime) -> dict[str, int]:
    """How many deliveries ended how since `since`, to the length of a sample. Outcomes are the listener's words, and
    the poll's of all changes; those of single scopes are `compared_by_scope`."""
    sample = hook_sample.c
    rows = conn.execute(
        select(sample.outcome, func.sum(sample.number))
        .where(
            sample.connection_id == connection_id,
            sample.at > since - timedelta(seconds=SAMPLE_S),
            sample.outcome.not_like(f"%{_OF_SCOPE}%"),
        )
        .group_by(sample.outcome)
    )
    return {row[0]: int(row[1]) for row in rows}


def of_scope(outcome: str, scope: str) -> str:
    """The outcome `HEARD` or `MISSED` of one hook's scope; its samples stand at the time of what happened."""
    return f"{outcome}{_OF_SCOPE}{scope}"


@dataclass(frozen=True, slots=True)
class Compared:
    """What should have come by one hook, by whether it did."""

    missed: int = 0
    heard: int = 0


def compared_by_scope(conn: Connection, connection_id: int, since: datetime) -> dict[str, Compared]:
    """By the scope of the hook: what happened since `since` and was told of or not."""
    sample = hook_sample.c
    rows = conn.execute(
        select(sample.outcome, func.sum(sample.number))
        .where(sample.connection_id == connection_id, sample.at > since, sample.outcome.like(f"%{_OF_SCOPE}%"))
        .group_by(sample.outcome)
    )
    sums = {outcome: int(number) for outcome, number in rows}
    scopes = {outcome.partition(_OF_SCOPE)[2] for outcome in sums}
    return {
        scope: Compared(sums.get(of_scope(MISSED, scope), 0), sums.get(of_scope(HEARD, scope), 0)) for scope in scopes
    }


@dataclass(frozen=True, slots=True)
class Unheard:
    """What one hook should have told of since its last event, and did not. `heard_at`: None where none ever came."""

    scope: str
    missed: int
    heard_at: datetime | None


def unheard(conn: Connection, connection_id: int, since: datetime) -> list[Unheard]:
    """The hooks that missed something after `since` and after the last event that came by them."""
    sample = hook_sample.c
    is_its = (sample.connection_id == hook.c.connection_id) & (
        sample.outcome == literal(f"{MISSED}{_OF_SCOPE}").concat(hook.c.scope)
    )
    rows = conn.execute(
        select(hook.c.scope, func.sum(sample.number), hook.c.last_delivery_at)
        .join(hook_sample, is_its)
        .where(
            hook.c.connection_id == connection_id,
            sample.at > since,
            or_(hook.c.last_delivery_at.is_(None), sample.at > hook.c.last_delivery_at),
        )
        .group_by(hook.c.scope, hook.c.last_delivery_at)
        .order_by(hook.c.scope)
    )
    return [Unheard(scope, int(missed), heard_at) for scope, missed, heard_at in rows]


def drop_old_samples(tx: Tx, connection_id: int) -> None:
    """Samples are for the present: the counters keep the sums."""
    old = hook_sample.c.at < tx.now - SAMPLES_KEPT
    tx.conn.execute(delete(hook_sample).where(hook_sample.c.connection_id == connection_id, old))


def bodies_without_order(conn: Connection, connection_id: int, scope: str, since: datetime) -> list[str]:
    """The bodies of deliveries of `scope`, one that tells of no order, that came after `since`; oldest first."""
    rows = conn.execute(
        select(webhook_delivery.c.body)
        .where(
            webhook_delivery.c.connection_id == connection_id,
            webhook_delivery.c.order_id.is_(None),
            webhook_delivery.c.scope == scope,
            webhook_delivery.c.received_at > since,
        )
        .order_by(webhook_delivery.c.id)
    )
    return [str(row[0]) for row in rows]


def delivered(conn: Connection, since: datetime) -> dict[int, dict[str, int]]:
    """How many deliveries came after `since`, by connection and by the scope of the hook that brings such events.

    By their time of receipt alone: 100,000 of them take 0.3 s on SQLite.
    """
    at = webhook_delivery.c
    rows = conn.execute(
        select(at.connection_id, at.scope, func.count())
        .where(at.received_at > since)
        .group_by(at.connection_id, at.scope)
    )
    found: dict[int, dict[str, int]] = {}
    for connection_id, event, number in rows:
        sums = found.setdefault(connection_id, {})
        for scope in registered_as(event):
            sums[scope] = sums.get(scope, 0) + number
    return found


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `kind` stays the same while it lasts; numbers in `text` may change."""

    kind: str
    state: WebhookState
    text: str
    remedy: str = ""
    is_mended: bool = False  #: the look that found it put it right


@dataclass(frozen=True, slots=True)
class WebhookHealth:
    """A connection's webhooks as a whole, as last seen. Times are None where that never was."""

    connection_id: int
    registered: bool = False  #: a person wanted them: only then they are watched over and repaired
    state: WebhookState = WebhookState.UNKNOWN
    findings: tuple[Finding, ...] = ()
    action: str = ""  #: what was done about it
    since: datetime | None = None
    looked_at: datetime | None = None  #: the watcher's last look
    checked_at: datetime | None = None  #: the last look that the store answered
    listener_seen_at: datetime | None = None
    failing_since: datetime | None = None  #: the first failure of those BigCommerce may still be repeating
    failed_at: datetime | None = None  #: the last one
    repaired_at: datetime | None = None

    @property
    def cause(self) -> str:
        """What is wrong, in words; "" where nothing is."""
        return " ".join(finding.text for finding in self.findings)

    @property
    def remedy(self) -> str:
        """What a person is to do; "" where nothing is."""
        return " ".join(dict.fromkeys(finding.remedy for finding in self.findings if finding.remedy))

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset(finding.kind for finding in self.findings)

    @property
    def after_repairs(self) -> "WebhookHealth":
        """How they are now that the look has put right what it could: without what is mended."""
        left = tuple(finding for finding in self.findings if not finding.is_mended)
        if len(left) == len(self.findings):
            return self
        state = worst(each.state for each in left)
        since = self.since if state is self.state else self.repaired_at
        return replace(self, findings=left, state=state, since=since)


def healths(conn: Connection) -> dict[int, WebhookHealth]:
    """By connection; one that never registered webhooks is not among them."""
    return {row.connection_id: _health(row) for row in conn.execute(select(webhook_health))}


def health_of(conn: Connection, connection_id: int) -> WebhookHealth:
    """The health of one connection's webhooks."""
    row = conn.execute(select(webhook_health).where(webhook_health.c.connection_id == connection_id)).first()
    return WebhookHealth(connection_id) if row is None else _health(row)


def _health(row: Any) -> WebhookHealth:
    values = row._asdict()
    findings = tuple(
        Finding(**(found | {"state": WebhookState(found["state"])})) for found in json.loads(values.pop("findings"))
    )
    state = WebhookState(values.pop("state") or WebhookState.UNKNOWN)
    return WebhookHealth(**values, state=state, findings=findings)


def set_health(tx: Tx, health: WebhookHealth, *, subject: str, actor: str) -> bool:
    """Keep `health`; returns whether it is another than before: in state, or in what is wrong.

    A change goes to the journal, and `since` is its time; else it stays that of the last change.
    """
    before = health_of(tx.conn, health.connection_id)
    # With "" the row says that it was never looked at: the first state found is where the story begins.
    is_new = (before.state, before.kinds) != (health.state, health.kinds) or before.since is None
    health = replace(health, since=tx.now if is_new else before.since)
    insert = (sqlite if tx.is_sqlite else postgresql).insert(webhook_health)
    values = {name: getattr(health, name) for name in health.__dataclass_fields__ if name != "connection_id"}
    values |= {"state": health.state.value, "findings": _findings_json(health.findings)}
    tx.conn.execute(
        insert.values(connection_id=health.connection_id, **values).on_conflict_do_update(
            index_elements=["connection_id"], set_=values
        )
    )
    if not is_new:
        return False
    journal.write(
        tx,
        "webhooks.state",
        actor=actor,
        connection_id=health.connection_id,
        subject=subject,
        before=before.state.value,
        after=health.state.value,
        cause=health.cause,
        action=health.action,
    )
    journal.touch(tx, "webhooks", [(health.connection_id, subject)])
    return True


def _findings_json(findings: Iterable[Finding]) -> str:
    return json.dumps([asdict(finding) for finding in findings], ensure_ascii=False)
