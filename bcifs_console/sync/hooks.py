"""Our webhook registrations: register, check, remove them, and what is written down about them.

What is ours and what is wrong with it is `sync.hook_plan`, the calls are in `hook_look` and `hook_repair`; who looks
every minute is `sync.watcher`.
"""

from dataclasses import replace
from typing import Final

from bcifs_console.base.problems import UsageProblem
from bcifs_console.bigcommerce.hooks import Hook
from bcifs_console.bigcommerce.scopes import DELIVERY_EXCEPTION_SCOPE
from bcifs_console.domain.webhooks import WebhookState, worst
from bcifs_console.store import health, journal, webhooks
from bcifs_console.store.database import Tx
from bcifs_console.store.health import HookRecord
from bcifs_console.store.webhooks import Finding
from bcifs_console.sync.hook_look import REFUSED, Look, destinations_of, look
from bcifs_console.sync.hook_plan import FLAWS
from bcifs_console.sync.hook_repair import HookAction, Repaired, repair, told
from bcifs_console.sync.runtime import Runtime

_SECRET_FLAWS: Final = frozenset({"wrong_secret", "old_secret"})
_NOT_WANTED: Final = "not_registered"
_OVER_WITH_A_REPAIR: Final = frozenset({*FLAWS, _NOT_WANTED, "unfinished", "unasked"})


async def register(runtime: Runtime, *, actor: str) -> list[HookAction]:
    """Make sure every wanted scope is registered, active and carries our secret; from now on they are watched over.

    Raises BigCommerce errors; what was done before one is kept and noted.
    """
    repaired = await repair(runtime, insist=True)
    await runtime.database.write(lambda tx: _note_by_hand(tx, runtime, repaired, actor))
    if repaired.problem is not None:
        raise repaired.problem
    return list(repaired.actions)


def note(tx: Tx, runtime: Runtime, repaired: Repaired, *, actor: str, event: str = "webhooks.repaired") -> None:
    """Keep what a repair found and did: a row for each registration, and one of the journal where anything was done."""
    done = {action.scope: action for action in repaired.actions if action.action != "deleted"}
    thinned = {action.scope for action in repaired.actions if action.action == "deleted"}
    for record in _records(runtime, repaired.look):
        action = done.get(record.scope)
        if action is None:  # it was not come to
            health.save_hook(tx, record)
        elif action.hook_id is not None:
            health.save_hook(tx, _mended(runtime, record, action, is_thinned=record.scope in thinned))
    refused = any(action.action == "refused" for action in repaired.actions)
    if refused:
        health.set_cursor(tx, runtime.id, REFUSED, tx.now.isoformat())
    unwanted = {DELIVERY_EXCEPTION_SCOPE} if refused else set()
    health.drop_hooks(tx, runtime.id, keep=set(destinations_of(runtime.connection)) - unwanted)
    if not repaired.changes and event == "webhooks.repaired":
        return
    causes = {step.scope: step.cause for step in repaired.look.steps if step.flaws}
    journal.write(
        tx,
        event,
        actor=actor,
        connection_id=runtime.id,
        subject=subject_of(runtime),
        actions=[
            {"scope": a.scope, "hook_id": a.hook_id, "action": a.action, "cause": causes.get(a.scope, "")}
            for a in repaired.actions
        ],
        problem=str(repaired.problem) if repaired.problem else "",
    )


def _mended(runtime: Runtime, record: HookRecord, action: HookAction, *, is_thinned: bool) -> HookRecord:
    """The registration after `action`; what had been wrong with it stays as its cause until the next look.

    `is_thinned`: it was registered twice, and the second is deleted.
    """
    if action.action == "kept":
        is_over = is_thinned and record.state == FLAWS["duplicate"][0]
        return replace(record, state=WebhookState.HEALTHY.value) if is_over else record
    return replace(
        record,
        hook_id=action.hook_id or 0,
        destination=destinations_of(runtime.connection)[record.scope],
        is_active=True,
        state=WebhookState.HEALTHY.value,
        action=action.action,
    )


def _note_by_hand(tx: Tx, runtime: Runtime, repaired: Repaired, actor: str) -> None:
    """After a repair that a person asked for: what was wrong with registrations is over; what else is wrong stays."""
    note(tx, runtime, repaired, actor=actor, event="webhooks.registered")
    before = webhooks.health_of(tx.conn, runtime.id)
    left = tuple(finding for finding in before.findings if finding.kind not in _OVER_WITH_A_REPAIR)
    if repaired.problem is not None:
        left = (*left, Finding("unfinished", WebhookState.DEACTIVATED, str(repaired.problem)))
    state = worst(finding.state for finding in left)
    after = replace(
        before,
        registered=True,
        state=state,
        findings=left,
        action=told(repaired.changes) or before.action,
        checked_at=tx.now,
        looked_at=tx.now,
        repaired_at=tx.now if repaired.changes else before.repaired_at,
    )
    webhooks.set_health(tx, after, subject=subject_of(runtime), actor=actor)


def subject_of(runtime: Runtime) -> str:
    """The journal's name for the connection."""
    return f"connection:{runtime.connection.name}"


# -- looking, removing -----------------------------------------------------------------------------------------------


async def check(runtime: Runtime) -> list[HookRecord]:
    """Read the registrations from the store and keep what was seen; nothing is changed. Raises BigCommerce errors."""
    records = _records(runtime, await look(runtime))

    def write(tx: Tx) -> list[HookRecord]:
        for record in records:
            health.save_hook(tx, record)
        scopes = {record.scope for record in records}
        return [record for record in health.hooks(tx.conn, runtime.id) if record.scope in scopes]

    return await runtime.database.write(write)


async def remove(runtime: Runtime, *, actor: str) -> list[HookAction]:
    """Delete our registrations at the store; they are not watched over any more. Raises BigCommerce errors."""
    # No more repairs from here on: the watcher would put back what is being removed.
    await runtime.database.write(lambda tx: _unwatch(tx, runtime, actor))
    actions = []
    looked = await look(runtime, insist=True)
    for step in looked.steps:
        if step.hook is not None:
            await runtime.store.delete_hook(step.hook.id)
            actions.append(HookAction(step.scope, step.hook.id, "deleted"))

    def write(tx: Tx) -> None:
        destinations = destinations_of(runtime.connection)
        for scope in (record.scope for record in health.hooks(tx.conn, runtime.id)):
            gone = _record(runtime, scope, None, destinations.get(scope, ""), WebhookState.DEACTIVATED, "Removed by us")
            health.save_hook(tx, replace(gone, action="deleted"))
        journal.write(
            tx,
            "webhooks.removed",
            actor=actor,
            connection_id=runtime.id,
            subject=subject_of(runtime),
            hooks=len(actions),
        )

    await runtime.database.write(write)
    return actions


def _unwatch(tx: Tx, runtime: Runtime, actor: str) -> None:
    before = webhooks.health_of(tx.conn, runtime.id)
    finding = Finding(
        _NOT_WANTED,
        WebhookState.UNKNOWN,
        "The webhooks were removed.",
        "Run: bcifs webhooks register, to have them again.",
    )
    after = replace(before, registered=False, state=WebhookState.UNKNOWN, findings=(finding,), action="")
    webhooks.set_health(tx, after, subject=subject_of(runtime), actor=actor)


def _records(runtime: Runtime, looked: Look) -> list[HookRecord]:
    """How each wanted registration is, as it was found."""
    destinations = destinations_of(runtime.connection)
    twice = {step.scope for step in looked.steps if "duplicate" in step.flaws}
    records = []
    for step in looked.steps:
        if step.action == "deleted":
            continue
        state, cause = step.state, step.cause
        if step.scope in twice and not step.flaws:
            state, cause = FLAWS["duplicate"][0], "Is registered twice"
        elif looked.blocked is not None and state is WebhookState.HEALTHY:
            state, cause = WebhookState.BLOCKED, f"BigCommerce sends nothing for {looked.blocked.time_left_s} s"
        record = _record(runtime, step.scope, step.hook, destinations[step.scope], state, cause)
        records.append(record)
    return records


def _record(
    runtime: Runtime, scope: str, hook: Hook | None, destination: str, state: WebhookState, cause: str
) -> HookRecord:
    return HookRecord(
        connection_id=runtime.id,
        scope=scope,
        hook_id=hook.id if hook else 0,
        destination=hook.destination if hook else destination,
        is_active=hook is not None and hook.is_active,
        state=state.value,
        cause=cause,
        last_delivery_at=None,
        checked_at=None,
    )


# -- the secret ------------------------------------------------------------------------------------------------------


async def refuse_second_renewal(runtime: Runtime) -> None:
    """Raise UsageProblem where hooks do not carry the present secret yet: renewing it now would shut them out."""
    looked = await look(runtime)
    late = [step.scope for step in looked.steps if _SECRET_FLAWS & set(step.flaws)]
    if late:
        raise UsageProblem(
            f"{len(late)} webhooks do not carry the present secret yet.", remedy="Run first: bcifs webhooks repair"
        )
