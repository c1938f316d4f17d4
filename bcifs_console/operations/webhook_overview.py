"""How each connection's webhooks are, for the console: the store's facts against BigCommerce's own terms.

From the store alone; nothing here asks BigCommerce. What may be done about it is `operations.hooks`.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from bcifs_console.bigcommerce.delivery_terms import GIVES_UP_AFTER, IDLE_AFTER, RATIO_FLOOR, RATIO_LINE, RATIO_WINDOW
from bcifs_console.domain.webhooks import WebhookState, worst
from bcifs_console.operations.webhook_summary import AckTimes, ack_times, as_seen
from bcifs_console.store.health import HookRecord
from bcifs_console.store.views import webhooks as views
from bcifs_console.store.views.webhooks import WebhookFacts
from bcifs_console.store.webhooks import Compared, WebhookHealth
from bcifs_console.sync.diagnosis import RECENT, Acks, silence_of

__all__ = ["RATIO_FLOOR", "RATIO_LINE", "HookLine", "Refusals", "Trouble", "WebhookOverview", "overview", "redacted"]


@dataclass(frozen=True, slots=True)
class HookLine:
    """One registration as last seen. `hook_id` is None where the store has none."""

    scope: str
    hook_id: int | None
    destination: str
    state: WebhookState
    cause: str
    since: datetime | None
    action: str  #: what was done about it last
    last_delivery_at: datetime | None
    idle_off_at: datetime | None  #: BigCommerce switches it off then, unless an event comes before
    last_hour: int = 0  #: deliveries
    missed: int = 0  #: of what happened within a day, what it should have told of and did not
    heard: int = 0


@dataclass(frozen=True, slots=True)
class Refusals:
    """Deliveries that were refused for one reason."""

    kind: str
    recent: int  #: within ten minutes
    total: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong, and what a person is to do; "" where nothing is."""

    text: str
    remedy: str = ""
    mended_at: datetime | None = None  #: it is over: the look that found it put it right


@dataclass(frozen=True, slots=True)
class WebhookOverview:
    """One connection's webhooks. Ratios are shares from 0 to 1, None where nothing was counted."""

    connection_id: int
    name: str
    registered: bool
    state: WebhookState
    troubles: tuple[Trouble, ...]  #: what is wrong, the worst first; what was put right at the last look
    since: datetime | None
    action: str
    looked_at: datetime | None
    window: Acks  #: BigCommerce's two minutes
    day: Acks
    failing_since: datetime | None
    gives_up_at: datetime | None  #: when the first delivery that fails has been tried for the last time
    refusals: tuple[Refusals, ...]
    accepted: int
    duplicates: int
    missed: int
    heard: int
    hooks: tuple[HookLine, ...]
    ack: AckTimes | None = None

    @property
    def miss_rate(self) -> float | None:
        """Of the changes that the poll saw, the share that no webhook had told of."""
        compared = self.missed + self.heard
        return self.missed / compared if compared else None


def overview(conn: Connection, now: datetime, *, stale_after: timedelta) -> list[WebhookOverview]:
    """How the webhooks of every connection are, by name. `stale_after`: looked at longer ago, they are unknown."""
    found = views.facts(conn, now, window=RATIO_WINDOW, recent=RECENT)
    ack = ack_times(conn, now)
    return [replace(_overview(each, now, stale_after), ack=ack) for each in found]


def _overview(facts: WebhookFacts, now: datetime, stale_after: timedelta) -> WebhookOverview:
    health = facts.health.after_repairs
    hooks = tuple(_line(record, facts) for record in facts.hooks)
    state, cause, remedy = as_seen(health, now, stale_after)
    worst_hook = worst(hook.state for hook in hooks)
    troubles = [Trouble(finding.text, finding.remedy) for finding in health.findings]
    mended = [
        Trouble(finding.text, finding.remedy, health.repaired_at)
        for finding in facts.health.findings
        if finding.is_mended
    ]
    if (state, cause) != (health.state, health.cause):
        troubles = [Trouble(cause, remedy)]  # nobody looks: what was found once is not known to be so still
    elif worst_hook.severity > state.severity:
        ill = sum(1 for hook in hooks if hook.state is not WebhookState.HEALTHY)
        seen = f"{ill} of {len(hooks)} webhooks are not in order, as somebody saw since the last look."
        state = worst_hook
        troubles.insert(0, Trouble(seen, "Nothing to do: the service's next look repairs them."))
    else:
        troubles += mended
    kinds = {*facts.refused, *(set(facts.recent) & _KINDS_NOT_COUNTED)}
    refusals = [Refusals(kind, facts.recent.get(kind, 0), facts.refused.get(kind, 0)) for kind in kinds]
    return WebhookOverview(
        connection_id=facts.connection_id,
        name=facts.name,
        registered=health.registered,
        state=state,
        troubles=tuple(troubles),
        since=health.since,
        action=health.action,
        looked_at=health.looked_at,
        window=Acks.of(facts.window),
        day=Acks.of(facts.day),
        failing_since=health.failing_since,
        gives_up_at=health.failing_since + GIVES_UP_AFTER if health.failing_since else None,
        refusals=tuple(sorted(refusals, key=lambda each: (-each.recent, -each.total, each.kind))),
        accepted=facts.counted.get("accepted", 0),
        duplicates=facts.counted.get("duplicate", 0),
        missed=facts.compared.get("missed", 0),
        heard=facts.compared.get("heard", 0),
        hooks=tuple(_or_silent(hook, health) for hook in hooks),
    )


#: Failures that the listener samples and does not count as refusals: we have them, or nobody waits for an answer.
_KINDS_NOT_COUNTED: Final = frozenset({"late", "disconnected"})


def idle_off_at(record: HookRecord) -> datetime | None:
    """When BigCommerce switches the hook off unless an event is delivered before, as far as we know of one."""
    known = record.last_delivery_at or record.since
    return known + IDLE_AFTER if known and record.hook_id else None


def _line(record: HookRecord, facts: WebhookFacts) -> HookLine:
    compared = facts.by_scope.get(record.scope, Compared())
    return HookLine(
        scope=record.scope,
        hook_id=record.hook_id or None,
        destination=record.destination,
        state=WebhookState(record.state or WebhookState.UNKNOWN),
        cause=record.cause if record.state != WebhookState.HEALTHY else "",
        since=record.since,
        action=record.action,
        last_delivery_at=record.last_delivery_at,
        idle_off_at=idle_off_at(record),
        last_hour=facts.last_hour.get(record.scope, 0),
        missed=compared.missed,
        heard=compared.heard,
    )


def _or_silent(hook: HookLine, health: WebhookHealth) -> HookLine:
    """A hook that is in order at the store, and silent as the watcher found."""
    silence = silence_of(health, hook.scope)
    if silence is None or hook.state is not WebhookState.HEALTHY:
        return hook
    return replace(hook, state=WebhookState.SILENT, cause=silence[0])


# -- what a delivery says ----------------------------------------------------------------------------------------------

#: What stands in payloads and is no secret (facts §2.2). Words under any other name are not shown.
_SHOWN: Final = frozenset(
    {"producer", "hash", "scope", "store_id", "type", "id", "order_id", "orderId", "resource_id", "namespace"}
    | {"transaction_id", "transaction_status", "transaction_type", "code", "error_code", "message"}
)
_HIDDEN: Final = "•••"


def redacted(body: str) -> object:
    """A delivery's body to look at: its JSON, without words that no documented field holds."""
    try:
        return _without_secrets(json.loads(body), "")
    except ValueError:
        return f"({len(body)} characters that are no JSON)"


def _without_secrets(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _without_secrets(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_secrets(each, name) for each in value]
    return _HIDDEN if isinstance(value, str) and value and name not in _SHOWN else value
