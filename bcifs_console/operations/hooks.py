"""Webhook registrations and their health, and the poll, as commands. Trying the way to us out is `hook_trial`."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from bcifs_console.base.problems import Problem, ProblemKind
from bcifs_console.bigcommerce.delivery_terms import RATIO_WINDOW
from bcifs_console.bigcommerce.errors import BigCommerceError
from bcifs_console.domain.webhooks import WebhookState
from bcifs_console.operations.context import Context
from bcifs_console.operations.webhook_overview import idle_off_at
from bcifs_console.operations.webhook_summary import AckTimes, ack_times
from bcifs_console.store import connections, health, journal, webhooks
from bcifs_console.store.database import Tx
from bcifs_console.store.health import HookRecord
from bcifs_console.sync import hooks
from bcifs_console.sync.diagnosis import Acks, Failing, silence_of
from bcifs_console.sync.hook_look import destinations_of, listeners_are_up_to_date, look
from bcifs_console.sync.hook_repair import HookAction, told
from bcifs_console.sync.poller import Polled, poll, poll_times
from bcifs_console.sync.runtime import Runtime

#: Listeners take new secrets over within a second; one that has not by then is in trouble.
_PATIENCE_S: Final = 15.0
_LOOK_S: Final = 0.1
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_log = structlog.get_logger(__name__)


class ListenerBehind(Problem):
    """A listener that lives does not work with the new secret yet."""

    kind = ProblemKind.TRANSIENT


def _ids(context: Context, connection: str | None) -> list[int]:
    if connection is not None:
        return [context.connection_id(connection)]
    return list(context.store.database.read_sync(connections.names).values())


async def register(context: Context, connection: str | None, *, new_secret: bool = False) -> Sequence[HookAction]:
    """Make sure every wanted scope is registered; from now on the service watches over them.

    `new_secret`: with a new secret header, without a gap: the hooks get it when every listener accepts both. Raises
    BigCommerce errors, UsageProblem where the last renewal is not through yet, ListenerBehind.
    """
    connection_id = context.connection_id(connection)
    if new_secret:
        await _renew_secret(context, connection_id)
    runtime = context.runtime(connection_id)
    try:
        return await hooks.register(runtime, actor=context.actor)
    finally:
        await runtime.aclose()


@dataclass(frozen=True, slots=True)
class PlannedRepair:
    """What a repair would do to one registration, and why. `hook_id` is None where there is none yet."""

    scope: str
    hook_id: int | None
    action: str
    cause: str


async def preview(context: Context, connection: str | None) -> list[PlannedRepair]:
    """What `repair` would do now; nothing is changed. Raises BigCommerce errors."""
    runtime = context.runtime(context.connection_id(connection))
    try:
        looked = await look(runtime, insist=True)
    finally:
        await runtime.aclose()
    return [
        PlannedRepair(step.scope, step.hook.id if step.hook else None, step.action, step.cause)
        for step in looked.steps
        if not step.is_kept
    ]


def in_words(actions: Sequence[HookAction]) -> str:
    """What was done, in words: `reactivated 2 webhooks, created 1`; "" where nothing was."""
    return told([action for action in actions if action.action not in ("kept", "refused")])


async def repair(context: Context, connection: str | None) -> Sequence[HookAction]:
    """Bring the registrations into order, then poll where events may have been missed. Raises BigCommerce errors."""
    runtime = context.runtime(context.connection_id(connection))
    try:
        actions = await hooks.register(runtime, actor=context.actor)
        if any(action.action not in ("kept", "refused", "deleted") for action in actions):
            await _catch_up(context, runtime)
    finally:
        await runtime.aclose()
    return actions


async def _catch_up(context: Context, runtime: Runtime) -> None:
    """Poll for what happened meanwhile. The repair stands where that fails: the service polls again."""
    try:
        await poll(runtime, **poll_times(context.settings))
    except BigCommerceError as problem:
        _log.warning("poll", connection=runtime.connection.name, error=str(problem))


async def _renew_secret(context: Context, connection_id: int) -> None:
    """Make a new secret for the header and wait until every living listener accepts it beside the present one."""
    database, vault = context.store.database, context.store.vault
    runtime = context.runtime(connection_id)
    try:
        await hooks.refuse_second_renewal(runtime)
    finally:
        await runtime.aclose()

    def write(tx: Tx) -> None:
        connections.renew_hook_secret(tx, vault, connection_id)
        subject = hooks.subject_of(runtime)
        journal.write(tx, "webhooks.secret_renewed", actor=context.actor, connection_id=connection_id, subject=subject)

    await database.write(write)
    until = time.monotonic() + _PATIENCE_S
    while not await database.read(lambda conn: listeners_are_up_to_date(conn, context.clock.now())):
        if time.monotonic() > until:
            raise ListenerBehind(
                "The new secret is stored, and a listener that runs has not taken it over.",
                remedy="The webhooks keep the present one until it has; then run: bcifs webhooks repair",
            )
        await asyncio.sleep(_LOOK_S)


async def remove(context: Context, connection: str | None) -> Sequence[HookAction]:
    """Delete our registrations. Raises BigCommerce errors."""
    runtime = context.runtime(context.connection_id(connection))
    try:
        return await hooks.remove(runtime, actor=context.actor)
    finally:
        await runtime.aclose()


# -- how they are ----------------------------------------------------------------------------------------------------


async def status(context: Context, connection: str | None) -> list[dict[str, Any]]:
    """Every wanted scope as the store has it now, with what our listener saw of it (DESIGN §12, and more keys).

    Where the store cannot be asked, each is `unknown` with what was seen last.
    """
    rows: list[dict[str, Any]] = []
    for connection_id in _ids(context, connection):
        runtime = context.runtime(connection_id)
        unasked: Problem | None = None
        try:
            records = await hooks.check(runtime)
        except BigCommerceError as problem:
            unasked = problem
            records = await _last_seen(runtime)
        finally:
            await runtime.aclose()
        rows += _rows(context, runtime, records, unasked)
    return rows


async def _last_seen(runtime: Runtime) -> list[HookRecord]:
    known = await runtime.database.read(lambda conn: {r.scope: r for r in health.hooks(conn, runtime.id)})
    unseen = {
        scope: HookRecord(runtime.id, scope, 0, destination, False, "", "", None, None)
        for scope, destination in destinations_of(runtime.connection).items()
    }
    return [known.get(scope, unseen[scope]) for scope in sorted(unseen)]


@dataclass(frozen=True, slots=True)
class _Known:
    """What the listener and the poll saw of one connection's webhooks."""

    health: webhooks.WebhookHealth
    window: Acks  #: BigCommerce's two minutes
    day: Acks
    last_hour: Mapping[str, int]  #: deliveries by scope
    by_scope: Mapping[str, webhooks.Compared]  #: what each hook told of within a day, and what not
    ack: AckTimes | None


def _rows(
    context: Context, runtime: Runtime, records: Iterable[HookRecord], unasked: Problem | None
) -> list[dict[str, Any]]:
    now = context.clock.now()

    def read(conn: Connection) -> _Known:
        return _Known(
            health=webhooks.health_of(conn, runtime.id),
            window=Acks.of(webhooks.sampled(conn, runtime.id, now - RATIO_WINDOW)),
            day=Acks.of(webhooks.sampled(conn, runtime.id, now - _DAY)),
            last_hour=webhooks.delivered(conn, now - _HOUR).get(runtime.id, {}),
            by_scope=webhooks.compared_by_scope(conn, runtime.id, now - _DAY),
            ack=ack_times(conn, now),
        )

    known = context.store.database.read_sync(read)
    found, window, day = known.health, known.window, known.day
    failing = Failing(found.failing_since, found.failed_at or now) if found.failing_since else None
    return [
        {
            "connection": runtime.connection.name,
            "scope": record.scope,
            "hook_id": record.hook_id or None,
            "destination": record.destination,
            "state": state,
            "is_active": record.is_active,
            "success_ratio": window.ratio if window.ratio is not None else day.ratio,
            "last_delivery_at": record.last_delivery_at,
            "cause": cause or None,
            "since": record.since,
            "action": record.action or None,
            "window_deliveries": window.total,
            "gives_up_at": failing.gives_up_at if failing else None,
            "idle_off_at": idle_off_at(record),
            "remedy": remedy or None,
            "last_hour": known.last_hour.get(record.scope, 0),
            "missed": compared.missed,
            "heard": compared.heard,
            "ack_p50_ms": known.ack.p50_ms if known.ack else None,
            "ack_p99_ms": known.ack.p99_ms if known.ack else None,
        }
        for record in records
        for state, cause, remedy in [_said(record, found, unasked)]
        for compared in [known.by_scope.get(record.scope, webhooks.Compared())]
    ]


def _said(record: HookRecord, found: webhooks.WebhookHealth, unasked: Problem | None) -> tuple[str, str, str]:
    """The state, its cause and what to do: what was never registered is not known to be wrong."""
    if unasked is not None:
        return WebhookState.UNKNOWN.value, unasked.message, unasked.remedy
    if not found.registered and not record.hook_id:
        return WebhookState.UNKNOWN.value, record.cause, "Run: bcifs webhooks register"
    if record.state == WebhookState.HEALTHY and (silence := silence_of(found, record.scope)) is not None:
        return WebhookState.SILENT.value, *silence
    is_well = record.state in (WebhookState.HEALTHY, WebhookState.BLOCKED)  # a block ends by itself
    return record.state, record.cause, "" if is_well else "Run: bcifs webhooks repair"


async def poll_now(context: Context, connection: str | None) -> list[tuple[str, Polled]]:
    """Poll at once. Raises BigCommerce errors."""
    polled = []
    for connection_id in _ids(context, connection):
        runtime = context.runtime(connection_id)
        try:
            polled.append((runtime.connection.name, await poll(runtime, **poll_times(context.settings))))
        finally:
            await runtime.aclose()
    return polled
