"""The watcher: every minute it looks at each connection's webhooks, repairs what it can, and says how they are.

What it sees is weighed in `sync.diagnosis`; a change of it goes to the journal and, once, to the alert channels. It
touches webhooks only where a person registered them.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Connection as SqlConnection

from bcifs_console.base.clock import iso
from bcifs_console.base.problems import Problem
from bcifs_console.bigcommerce.delivery_terms import GIVES_UP_AFTER, IDLE_AFTER, RATIO_WINDOW
from bcifs_console.bigcommerce.scopes import DELIVERY_EXCEPTION_SCOPE
from bcifs_console.domain.states import Side
from bcifs_console.domain.webhooks import WebhookState
from bcifs_console.store import alerts as alert_rows
from bcifs_console.store import connections, customers, health, journal, webhooks
from bcifs_console.store.database import Database, Tx
from bcifs_console.store.webhooks import Finding, WebhookHealth
from bcifs_console.sync import hooks
from bcifs_console.sync.alerts import Alerts
from bcifs_console.sync.breakers import Breakers
from bcifs_console.sync.diagnosis import (
    RECENT,
    Acks,
    Evidence,
    Failing,
    Gap,
    clock_of,
    diagnose,
    notice_codes,
    said_at,
    state_of,
)
from bcifs_console.sync.hook_look import LISTENING, host_of
from bcifs_console.sync.hook_plan import FLAWS
from bcifs_console.sync.hook_repair import Repaired, repair, told
from bcifs_console.sync.runtime import Runtime

_ACTOR: Final = "watcher"
#: A store that cannot be asked for this long: how its webhooks are is not known any more.
_UNKNOWN_AFTER: Final = timedelta(minutes=5)
#: Changes since so long ago are compared with the poll; none of an outage, which the poll judges a little later.
_COMPARED_OVER: Final = timedelta(hours=1)
_EXCUSED_FOR: Final = timedelta(minutes=10)
#: A listener that was away for less was restarted.
_GAP_FROM: Final = timedelta(seconds=30)
#: Retries of deliveries from before a renewal of the secret have ended by then.
_SECRET_KEPT: Final = GIVES_UP_AFTER + timedelta(hours=1)
_MISSING_EVENTS: Final = frozenset({WebhookState.DEACTIVATED, WebhookState.BLOCKED, WebhookState.SILENT})
_FOUND_AT_THE_STORE: Final = frozenset({*FLAWS, "blocked", "unfinished"})
_log = structlog.get_logger(__name__)


class Watcher:
    """Looks at the webhooks of every connection this process works on."""

    def __init__(
        self,
        database: Database,
        runtimes: Mapping[int, Runtime],
        breakers: Breakers,
        alerts: Alerts,
        *,
        interval: timedelta,
        on_gap: Callable[[], None],
    ) -> None:
        """`on_gap` is called where events may have been missed: the poll is to look at once."""
        self._database = database
        self._runtimes = runtimes
        self._breakers = breakers
        self._alerts = alerts
        self._interval = interval
        self._on_gap = on_gap
        self._name = f"watcher:{secrets.token_hex(4)}"

    async def cycle(self) -> None:
        """One look at every connection, side by side, trouble with one keeping back no other; then the alerts."""
        await asyncio.gather(*(self._look_calmly(runtime) for runtime in tuple(self._runtimes.values())))
        try:
            await self._alerts.flush()
        except Problem as problem:
            _log.warning("alerts", error=str(problem))

    async def _look_calmly(self, runtime: Runtime) -> None:
        try:
            with runtime.in_use():
                await self.look(runtime)
        except Problem as problem:
            _log.warning("watch", connection=runtime.connection.name, error=str(problem))

    async def look(self, runtime: Runtime) -> WebhookHealth | None:
        """One look at one connection, with the repairs; how it was found. None where it is not ours to look at.

        Raises store errors; that BigCommerce does not answer is a finding.
        """
        before = await self._database.write(lambda tx: self._begin(tx, runtime.id))
        if before is None:
            return None
        repaired, problem = await self._repair(runtime)
        found = await self._database.write(lambda tx: self._conclude(tx, runtime, before, repaired, problem))
        if found.repaired_at != before.repaired_at or found.state in _MISSING_EVENTS:
            self._on_gap()
        return found

    def _begin(self, tx: Tx, connection_id: int) -> WebhookHealth | None:
        """What was known, where the webhooks are registered and no other process watches them."""
        found = webhooks.health_of(tx.conn, connection_id)
        if not found.registered:
            return None
        return found if customers.take_lease(tx, f"watcher:{connection_id}", self._name, 2 * self._interval) else None

    async def _repair(self, runtime: Runtime) -> tuple[Repaired | None, Problem | None]:
        if self._breakers.is_paused(runtime.id, Side.BIGCOMMERCE):
            paused = await self._database.read(health.breakers)
            causes = [b.cause for b in paused if b.connection_id == runtime.id and b.side is Side.BIGCOMMERCE]
            return None, Problem(f"BigCommerce is paused: {' '.join(causes)}")
        try:
            repaired = await repair(runtime)
        except Problem as problem:
            return None, problem
        return repaired, repaired.problem

    # -- what comes of it ------------------------------------------------------------------------------------------

    def _conclude(
        self, tx: Tx, runtime: Runtime, known: WebhookHealth, repaired: Repaired | None, problem: Problem | None
    ) -> WebhookHealth:
        """Weigh the evidence and write down what it comes to."""
        # A person may have registered or removed them meanwhile: what they wrote stands.
        before = webhooks.health_of(tx.conn, runtime.id)
        if not before.registered:
            return before
        subject = hooks.subject_of(runtime)
        evidence = self._evidence(tx.conn, runtime, known, repaired, tx.now)
        findings = diagnose(evidence)
        changes = repaired.changes if repaired else ()
        is_interrupted = bool(changes) or evidence.gap is not None
        if repaired is not None:
            hooks.note(tx, runtime, repaired, actor=_ACTOR)
        if evidence.gap is not None:
            self._journal_gap(tx, runtime, evidence.gap)
        if repaired is not None and problem is None:
            findings = tuple(replace(found, is_mended=found.kind in FLAWS) for found in findings)
        if problem is not None:
            findings = _with_problem(findings, before, repaired, problem, tx.now)
        after = replace(
            before,
            state=state_of(findings),
            findings=findings,
            action=_action(told(changes), evidence, state_of(findings)) or (before.action if findings else ""),
            looked_at=tx.now,
            checked_at=before.checked_at if repaired is None else tx.now,
            listener_seen_at=tx.now if evidence.has_listener else before.listener_seen_at,
            failing_since=evidence.failing.since if evidence.failing else None,
            failed_at=evidence.failing.until if evidence.failing else None,
            repaired_at=tx.now if is_interrupted or evidence.blocked else before.repaired_at,
        )
        if webhooks.set_health(tx, after, subject=subject, actor=_ACTOR) and self._alerts.are_wanted:
            self._alert(tx, runtime, before, after)
        webhooks.drop_old_samples(tx, runtime.id)
        if connections.forget_previous_hook_secret(tx, runtime.id, older_than=tx.now - _SECRET_KEPT):
            journal.write(tx, "webhooks.secret_forgotten", actor=_ACTOR, connection_id=runtime.id, subject=subject)
        return after

    def _evidence(
        self, conn: SqlConnection, runtime: Runtime, known: WebhookHealth, repaired: Repaired | None, now: datetime
    ) -> Evidence:
        window = self._window(conn, runtime, now)
        listeners = [beat.started_at for beat in health.living(conn, now) if beat.role in LISTENING]
        has_listener = bool(listeners)
        gap = self._gap(known, min(listeners)) if listeners else None
        last_look = known.looked_at or now - self._interval
        return Evidence(
            now=now,
            steps=repaired.look.steps if repaired else (),
            blocked=repaired.look.blocked if repaired else None,
            window=window,
            domain=sum((self._window(conn, other, now) for other in self._neighbours(runtime)), window),
            recent=webhooks.sampled(conn, runtime.id, now - RECENT),
            compared=self._compared(conn, known, now),
            unheard=webhooks.unheard(conn, runtime.id, self._unheard_since(known, now)),
            failing=self._failing(conn, known, gap, has_listener, now),
            has_listener=has_listener,
            gap=gap,
            idle=self._idle(conn, runtime, now),
            notices=notice_codes(webhooks.bodies_without_order(conn, runtime.id, DELIVERY_EXCEPTION_SCOPE, last_look)),
        )

    @staticmethod
    def _idle(conn: SqlConnection, runtime: Runtime, now: datetime) -> frozenset[str]:
        """Scopes whose hooks the 90-day clock has run out for, as far as we know of their last event."""
        quiet = {record.scope: record.last_delivery_at or record.since for record in health.hooks(conn, runtime.id)}
        return frozenset(scope for scope, heard_at in quiet.items() if heard_at and now - heard_at >= IDLE_AFTER)

    def _neighbours(self, runtime: Runtime) -> list[Runtime]:
        """The other connections whose webhooks come to the same host: BigCommerce counts a whole domain together."""
        host = host_of(runtime.connection.bigcommerce.public_url)
        return [
            other
            for other in self._runtimes.values()
            if other.id != runtime.id and host_of(other.connection.bigcommerce.public_url) == host
        ]

    @staticmethod
    def _window(conn: SqlConnection, runtime: Runtime, now: datetime) -> Acks:
        return Acks.of(webhooks.sampled(conn, runtime.id, now - RATIO_WINDOW))

    def _gap(self, known: WebhookHealth, started_at: datetime) -> Gap | None:
        """The time without a listener that ended when the oldest that lives was started.

        It began some time within the interval after a listener was last seen; less than that was a restart.
        """
        seen = known.listener_seen_at
        return Gap(seen, started_at) if seen is not None and started_at - seen > self._interval + _GAP_FROM else None

    def _failing(
        self, conn: SqlConnection, known: WebhookHealth, gap: Gap | None, has_listener: bool, now: datetime
    ) -> Failing | None:
        """The 48-hour clock: refused deliveries and times without a listener start it."""
        before = Failing(known.failing_since, known.failed_at or now) if known.failing_since else None
        last_look = max(known.looked_at or now - self._interval, now - RECENT)
        failed_from: datetime | None = None
        if gap is not None:
            failed_from = gap.since
        elif not has_listener:
            failed_from = known.listener_seen_at or now
        elif Acks.of(webhooks.sampled(conn, known.connection_id, last_look)).bad:
            failed_from = last_look
        return clock_of(before, failed_from=failed_from, now=now)

    @staticmethod
    def _compared(conn: SqlConnection, known: WebhookHealth, now: datetime) -> dict[str, int]:
        """Changes that the poll saw lately; those of an outage that we know of prove nothing new."""
        since = now - _COMPARED_OVER
        if known.repaired_at is not None:
            since = max(since, known.repaired_at + _EXCUSED_FOR)
        return webhooks.sampled(conn, known.connection_id, since)

    @staticmethod
    def _unheard_since(known: WebhookHealth, now: datetime) -> datetime:
        """From when on what a hook misses speaks against it: what it missed before the last repair is explained."""
        oldest = now - webhooks.SAMPLES_KEPT
        return oldest if known.repaired_at is None else max(oldest, known.repaired_at)

    @staticmethod
    def _journal_gap(tx: Tx, runtime: Runtime, gap: Gap) -> None:
        journal.write(
            tx,
            "webhooks.gap",
            actor=_ACTOR,
            connection_id=runtime.id,
            subject=hooks.subject_of(runtime),
            since=iso(gap.since),
            until=iso(gap.until),
            hours=round(gap.length.total_seconds() / 3600, 2),
        )

    @staticmethod
    def _alert(tx: Tx, runtime: Runtime, before: WebhookHealth, after: WebhookHealth) -> None:
        name = runtime.connection.name
        is_well = after.state is WebhookState.HEALTHY
        if is_well and before.since is None:
            return  # the first look ever: nothing has recovered
        lines = [after.cause, after.action and f"Done: {after.action}.", after.remedy]
        if is_well:
            since = said_at(before.since) if before.since else ""
            lines = [f"They were {before.state.value} since {since}: {before.cause}", *lines[1:]]
        alert_rows.add(
            tx,
            runtime.id,
            level="recovered" if is_well else "trouble",
            title=f"{name}: webhooks are {after.state.value}" + (" again" if is_well else ""),
            body="\n".join(line for line in lines if line),
        )


def _with_problem(
    findings: tuple[Finding, ...], before: WebhookHealth, repaired: Repaired | None, problem: Problem, now: datetime
) -> tuple[Finding, ...]:
    """The findings where the store could not be asked, or where a repair ended before its time.

    Trouble of a minute changes nothing that is known: what was found at the store stays until it has lasted.
    """
    if repaired is not None:
        text = f"The repair did not get through: {problem.message}"
        return (Finding("unfinished", WebhookState.DEACTIVATED, text, problem.remedy), *findings)
    answered = before.checked_at or before.since or now
    if now - answered >= _UNKNOWN_AFTER:
        text = f"The store cannot be asked: {problem.message}"
        return (*findings, Finding("unasked", WebhookState.UNKNOWN, text, problem.remedy))
    return (*(finding for finding in before.findings if finding.kind in _FOUND_AT_THE_STORE), *findings)


def _action(done: str, evidence: Evidence, state: WebhookState) -> str:
    """What was done, in words."""
    parts = [done] if done else []
    if evidence.gap is not None or state in _MISSING_EVENTS:
        parts.append("polled for what changed meanwhile")
    return "; ".join(parts)
