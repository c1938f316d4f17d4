"""What the evidence about a connection's webhooks comes to: findings, and the worst of them is the state. Pure.

The evidence is gathered by `sync.watcher`; BigCommerce's own limits are `bigcommerce.delivery_terms` (facts §2.5).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from bcifs_console.bigcommerce.delivery_terms import (
    GIVES_UP_AFTER,
    IDLE_AFTER,
    RATIO_FLOOR,
    RATIO_LINE,
    attempted_again_by,
)
from bcifs_console.bigcommerce.hooks import BlockedDomain
from bcifs_console.bigcommerce.signatures import RefusalKind
from bcifs_console.domain.webhooks import WebhookState, worst
from bcifs_console.store.webhooks import HEARD, MISSED, Finding, Unheard, WebhookHealth
from bcifs_console.sync.hook_plan import FLAWS, Step, findings_by_flaw

#: Refusals of one kind within `RECENT` that make a pattern of it: one may be a stranger's.
BURST: Final = 3
RECENT: Final = timedelta(minutes=10)
#: Over this share of failed deliveries the connection is degraded; BigCommerce blocks at a tenth.
_FAILING_SHARE: Final = 0.1
#: Changes that the poll alone saw, without any that a webhook told of: nothing arrives, or nothing by this one hook.
_SILENT_AFTER: Final = 3
#: How many changes must have been compared, and what share of them missed, for a finding.
_COMPARED: Final = 20
_MISSED_SHARE: Final = 0.05
_MARGIN: Final = timedelta(minutes=2)  #: an attempt may come a little after its time

_RENEW: Final = "Who changed it knows our secret header now; renew it: bcifs webhooks register --new-secret"

_ACCEPTED: Final = "accepted"
#: Samples that say nothing about how a delivery of BigCommerce ended: it only ever POSTs, and the poll's are others.
_NO_DELIVERY: Final = frozenset({"method", MISSED, HEARD})


@dataclass(frozen=True, slots=True)
class Acks:
    """How deliveries ended in some period."""

    good: int = 0
    bad: int = 0

    @classmethod
    def of(cls, sampled: Mapping[str, int]) -> Self:
        """From sums by outcome. What was answered too late is a failure to BigCommerce, though we have it."""
        every = sum(number for outcome, number in sampled.items() if outcome not in _NO_DELIVERY)
        good = sampled.get(_ACCEPTED, 0)
        return cls(good, every - good)

    @property
    def total(self) -> int:
        return self.good + self.bad

    @property
    def ratio(self) -> float | None:
        """The share that went well, None where nothing came."""
        return round(self.good / self.total, 4) if self.total else None

    def __add__(self, other: "Acks") -> "Acks":
        return Acks(self.good + other.good, self.bad + other.bad)


@dataclass(frozen=True, slots=True)
class Failing:
    """The 48-hour clock: since when deliveries fail that BigCommerce may still be trying again, and until when."""

    since: datetime
    until: datetime

    @property
    def gives_up_at(self) -> datetime:
        """When the first of them is given up and takes its hook along, unless it is taken before."""
        return self.since + GIVES_UP_AFTER

    @property
    def over_at(self) -> datetime:
        """When the last attempt of those that failed has been made, where nothing fails any more."""
        return self.since + attempted_again_by(self.until - self.since) + _MARGIN


def clock_of(before: Failing | None, *, failed_from: datetime | None, now: datetime) -> Failing | None:
    """The 48-hour clock now. `failed_from`: since when deliveries failed, where some did since the last look."""
    if failed_from is not None:
        return Failing(min(before.since, failed_from) if before else failed_from, now)
    return before if before is not None and now < before.over_at else None


@dataclass(frozen=True, slots=True)
class Gap:
    """No listener of ours was there."""

    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        return self.until - self.since


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known about a connection's webhooks at one look."""

    now: datetime
    steps: Sequence[Step] = ()
    blocked: BlockedDomain | None = None
    window: Acks = field(default_factory=Acks)  #: this connection's, of the last two minutes
    domain: Acks = field(default_factory=Acks)  #: the same of every connection on this host
    recent: Mapping[str, int] = field(default_factory=dict)  #: sums by outcome of the last ten minutes
    compared: Mapping[str, int] = field(default_factory=dict)  #: `missed` and `heard`: changes that the poll saw
    failing: Failing | None = None
    has_listener: bool = True
    gap: Gap | None = None
    unheard: Sequence[Unheard] = ()  #: by hook: what it should have told of since its last event
    idle: frozenset[str] = frozenset()  #: scopes without an event for so long that their hooks are given up
    notices: Sequence[int] = ()  #: codes that BigCommerce's exceptions' hook sent since the last look


def state_of(findings: Sequence[Finding]) -> WebhookState:
    """The worst state that is found."""
    return worst(finding.state for finding in findings)


def diagnose(evidence: Evidence) -> tuple[Finding, ...]:
    """What is wrong, the worst first; nothing where all is well."""
    found = [*_registrations(evidence), *_domain(evidence), *_refusals(evidence), *_missing_events(evidence)]
    if all(finding.state is not WebhookState.SILENT for finding in found):  # else every hook is: said once
        found += _silent_hooks(evidence)
    return tuple(sorted(found, key=lambda finding: -finding.state.severity))


def _registrations(evidence: Evidence) -> list[Finding]:
    wanted = sum(1 for step in evidence.steps if step.action != "deleted")
    findings = []
    for flaw, steps in findings_by_flaw(evidence.steps).items():
        state = worst(step.state for step in steps)
        if state is not WebhookState.HEALTHY:
            scopes = ", ".join(dict.fromkeys(step.scope for step in steps))
            why = _why_given_up(steps, evidence) if flaw == "deactivated" else ""
            said = FLAWS[flaw][1] + why
            text = f"{said[0].upper()}{said[1:]}: {len(steps)} of {wanted} webhooks ({scopes})."
            findings.append(Finding(flaw, state, text, _RENEW if flaw == "elsewhere" else ""))
    return findings


def _why_given_up(steps: Sequence[Step], evidence: Evidence) -> str:
    """What made BigCommerce deactivate them, where our own clocks tell (facts §2.1, §2.5)."""
    if evidence.failing is not None and evidence.failing.gives_up_at <= evidence.now:
        return " after the last attempt of a delivery failed"
    if all(step.scope in evidence.idle for step in steps):
        return f" after {IDLE_AFTER.days} days without an event"
    return ""


def _domain(evidence: Evidence) -> list[Finding]:
    findings = []
    if (blocked := evidence.blocked) is not None:
        why = "; ".join(blocked.reasons)
        text = f"BigCommerce sends nothing to {blocked.destination} for another {blocked.time_left_s} s" + (
            f": {why}." if why else "."
        )
        remedy = "Look at what the listener refused: bcifs status"
        findings.append(Finding("blocked", WebhookState.BLOCKED, text, remedy))
    for name, acks in (("this connection", evidence.window), ("all connections on this host", evidence.domain)):
        if acks.total >= RATIO_FLOOR and acks.good < RATIO_LINE * acks.total:
            text = (
                f"Of the last two minutes' {acks.total} deliveries to {name}, {acks.good / acks.total:.0%} went well; "
                f"under {RATIO_LINE:.0%} BigCommerce blocks the domain."
            )
            findings.append(Finding("ratio", WebhookState.DEGRADED, text))
            break
    if not evidence.has_listener:
        text = "No listener of ours runs: deliveries fail and are tried again for 48 hours." + _deadline(evidence)
        findings.append(Finding("no_listener", WebhookState.SILENT, text, "Run: bcifs serve"))
    elif evidence.gap is not None:
        text = f"No listener of ours ran from {said_at(evidence.gap.since)} to {said_at(evidence.gap.until)}."
        text += _deadline(evidence)
        findings.append(Finding("gap", WebhookState.DEGRADED, text))
    if told := [_NOTICES[code] for code in dict.fromkeys(evidence.notices) if code in _NOTICES]:
        findings.append(Finding("notice", WebhookState.DEGRADED, f"BigCommerce reports: {'; '.join(told)}."))
    return findings


#: Codes of `store/hook/deliveryException` (facts §2.5).
_NOTICES: Final[Mapping[int, str]] = {
    90001: "a delivery failed and will be tried again",
    90002: "every attempt of a delivery failed, its webhook is being deactivated",
    90003: "our domain is blocked for a while",
}


def _deadline(evidence: Evidence) -> str:
    if evidence.failing is None:
        return ""
    at = evidence.failing.gives_up_at
    return f" BigCommerce {'gives up' if at > evidence.now else 'began to give up'} at {said_at(at)}."


def said_at(moment: datetime) -> str:
    """A time as it stands in what people read."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


#: What a burst of refusals of one kind means, and what is to be done.
_BURSTS: Final[Mapping[str, tuple[str, str]]] = {
    RefusalKind.WRONG_SIGNATURE: (
        "were signed with another client secret than ours: the connection's is wrong",
        "Set the secret of the API account that registered them: bcifs connection set NAME bigcommerce.client_secret",
    ),
    RefusalKind.MISSING_SIGNATURE: (
        "carried our secret header and no signature that this connection enables",
        "See whether a proxy takes headers away; else set signature_schemes as BigCommerce signs.",
    ),
    RefusalKind.EXPIRED: (
        "were signed at another time than our clock's: this machine's clock is wrong",
        "Synchronise the clock, then: bcifs connection test",
    ),
    RefusalKind.MALFORMED: ("had a signature that cannot be read", "See whether a proxy changes headers."),
    RefusalKind.DUPLICATE_HEADER: ("carried a signature header twice", "See whether a proxy doubles headers."),
    RefusalKind.WRONG_SECRET_HEADER: (
        "carried another secret header than ours",
        "Run: bcifs webhooks repair. If it stays, somebody else knows this address.",
    ),
    RefusalKind.MISSING_SECRET_HEADER: (
        "came without our secret header",
        "Run: bcifs webhooks repair. If it stays, a proxy takes the header away or somebody else knows this address.",
    ),
    "other_store": (
        "were genuine and of another store",
        "The store hash of this connection is wrong, or two stores' hooks deliver to one address.",
    ),
    "no_event": ("were genuine and no event that we can read", "Report this with the log."),
    "too_large": ("were larger than an event ever is", "See what sends them: bcifs serve logs each."),
    "too_slow": ("did not arrive whole within ten seconds", "Look at the network and the proxy in front of us."),
    "late": (
        "were answered so late that BigCommerce tries them again",
        "Look at the disk and the database: an answer waits for its commit.",
    ),
    "disconnected": ("were broken off before they were answered", "Look at the network and the proxy in front of us."),
    "unavailable": (
        "could not be stored and were answered 503",
        "Look at the disk and the database: bcifs db check",
    ),
}


def _refusals(evidence: Evidence) -> list[Finding]:
    findings = []
    for kind, (text, remedy) in _BURSTS.items():
        number = evidence.recent.get(kind, 0)
        if number >= BURST:
            said = f"{number} deliveries of the last ten minutes {text}."
            findings.append(Finding(f"refused:{kind}", WebhookState.DEGRADED, said, remedy))
    acks = Acks.of(evidence.recent)
    if findings and evidence.failing and acks.bad > _FAILING_SHARE * acks.total:
        findings[0] = Finding(
            findings[0].kind, findings[0].state, findings[0].text + _deadline(evidence), findings[0].remedy
        )
    return findings


def _missing_events(evidence: Evidence) -> list[Finding]:
    missed, heard = evidence.compared.get(MISSED, 0), evidence.compared.get(HEARD, 0)
    if heard == 0 and missed >= _SILENT_AFTER:
        text = f"The poll found {missed} changed orders; webhooks told of none of them."
        remedy = "See whether our address can be reached from outside: bcifs webhooks test"
        return [Finding("silent", WebhookState.SILENT, text, remedy)]
    if missed + heard >= _COMPARED and missed > _MISSED_SHARE * (missed + heard):
        text = f"Of {missed + heard} changed orders that the poll saw, webhooks told of {heard} only."
        return [Finding("missed", WebhookState.DEGRADED, text, "The poll brings them; see: bcifs webhooks test")]
    return []


#: The kinds of findings about one hook begin so; its scope follows.
_SILENT_HOOK: Final = "silent:"


def _silent_hooks(evidence: Evidence) -> list[Finding]:
    """Hooks that are in order at the store and bring nothing, while others on the same address do."""
    flawed = {step.scope for step in evidence.steps if step.flaws}
    findings = []
    for hook in evidence.unheard:
        if hook.missed >= _SILENT_AFTER and hook.scope not in flawed:
            last = "and none ever came"
            if hook.heard_at is not None:
                last = f"since its last one came ({said_at(hook.heard_at)})"
            text = f"{hook.scope} is registered and silent: {hook.missed} events are missing {last}."
            remedy = (
                "Register anew: bcifs webhooks remove, then: bcifs webhooks register. The poll sees what it misses."
            )
            findings.append(Finding(_SILENT_HOOK + hook.scope, WebhookState.DEGRADED, text, remedy))
    return findings


def silence_of(health: WebhookHealth, scope: str) -> tuple[str, str] | None:
    """What is missing by the hook of this scope and what is to be done, where it was found to be silent."""
    for finding in health.findings:
        if finding.kind == _SILENT_HOOK + scope:
            return finding.text.partition(": ")[2], finding.remedy
    return None


def notice_codes(bodies: Sequence[str]) -> tuple[int, ...]:
    """The codes in deliveries of the exceptions' hook; what cannot be read is left out."""
    codes = []
    for body in bodies:
        data = json.loads(body).get("data")  # the listener takes in JSON objects only
        code = data.get("error_code") if isinstance(data, dict) else None
        if isinstance(code, int):
            codes.append(code)
    return tuple(codes)
