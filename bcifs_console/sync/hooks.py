"""Our webhook registrations at the store: register the wanted scopes, adopt what is ours, say how each one is.

All on one destination, each with our secret header (DESIGN §5). Nothing of another destination is ever touched.
"""

from dataclasses import dataclass

from bcifs_console.base.secret import Secret
from bcifs_console.bigcommerce.hooks import Hook
from bcifs_console.bigcommerce.scopes import HOOK_HEADER, WANTED_SCOPES
from bcifs_console.domain.connections import Connection
from bcifs_console.store import health, journal
from bcifs_console.store.database import Tx
from bcifs_console.store.health import HookRecord
from bcifs_console.sync.runtime import Runtime

WEBHOOK_PATH = "/webhooks/bigcommerce/"


@dataclass(frozen=True, slots=True)
class HookAction:
    """What was done about one scope: created, adopted, reactivated or kept."""

    scope: str
    hook_id: int
    action: str


def destination_of(connection: Connection) -> str:
    """Where BigCommerce is to send this connection's events."""
    return connection.bigcommerce.public_url.rstrip("/") + WEBHOOK_PATH + connection.token


async def register(runtime: Runtime, *, actor: str) -> list[HookAction]:
    """Make sure every wanted scope is registered, active and carries our secret. Raises BigCommerce errors."""
    destination = destination_of(runtime.connection)
    headers = {HOOK_HEADER: runtime.connection.hook_secret}
    ours = {hook.scope: hook for hook in await runtime.store.hooks() if hook.destination == destination}
    actions = [await _ensure(runtime, scope, ours.get(scope), destination, headers) for scope in WANTED_SCOPES]

    def write(tx: Tx) -> None:
        for action in actions:
            health.save_hook(tx, _record(runtime, action.scope, action.hook_id, destination, "healthy", ""))
        journal.write(
            tx,
            "webhooks.registered",
            actor=actor,
            connection_id=runtime.id,
            subject=f"connection:{runtime.connection.name}",
            actions={a.scope: a.action for a in actions},
        )

    await runtime.database.write(write)
    return actions


async def _ensure(
    runtime: Runtime, scope: str, found: Hook | None, destination: str, headers: dict[str, Secret]
) -> HookAction:
    if found is None:
        made = await runtime.store.create_hook(scope, destination, headers)
        return HookAction(scope, made.id, "created")
    if not found.is_active:
        await runtime.store.update_hook(found.id, is_active=True, headers=headers)
        return HookAction(scope, found.id, "reactivated")
    if found.carries(HOOK_HEADER, headers[HOOK_HEADER]):
        return HookAction(scope, found.id, "kept")
    # Adopting starts with our secret: until it carries it, the listener refuses what this hook delivers.
    await runtime.store.update_hook(found.id, headers=headers)
    return HookAction(scope, found.id, "adopted")


async def check(runtime: Runtime) -> list[HookRecord]:
    """Read the registrations from the store and keep what was seen. Raises BigCommerce errors."""
    destination = destination_of(runtime.connection)
    found = {hook.scope: hook for hook in await runtime.store.hooks() if hook.destination == destination}
    records = []
    for scope in WANTED_SCOPES:
        hook = found.get(scope)
        if hook is None:
            records.append(_record(runtime, scope, 0, destination, "missing", "not registered at the store"))
        elif not hook.is_active:
            cause = "BigCommerce has switched it off"
            records.append(_record(runtime, scope, hook.id, destination, "deactivated", cause, is_active=False))
        else:
            records.append(_record(runtime, scope, hook.id, destination, "healthy", ""))

    def write(tx: Tx) -> None:
        for record in records:
            health.save_hook(tx, record)

    await runtime.database.write(write)
    return await runtime.database.read(lambda conn: health.hooks(conn, runtime.id))


async def remove(runtime: Runtime, *, actor: str) -> list[HookAction]:
    """Delete our registrations at the store. Raises BigCommerce errors."""
    destination = destination_of(runtime.connection)
    actions = []
    for hook in await runtime.store.hooks():
        if hook.destination == destination:
            await runtime.store.delete_hook(hook.id)
            actions.append(HookAction(hook.scope, hook.id, "deleted"))

    def write(tx: Tx) -> None:
        for action in actions:
            cause = "removed by us"
            health.save_hook(tx, _record(runtime, action.scope, 0, destination, "missing", cause, is_active=False))
        journal.write(tx, "webhooks.removed", actor=actor, connection_id=runtime.id, subject="", hooks=len(actions))

    await runtime.database.write(write)
    return actions


def _record(
    runtime: Runtime, scope: str, hook_id: int, destination: str, state: str, cause: str, *, is_active: bool = True
) -> HookRecord:
    return HookRecord(
        connection_id=runtime.id,
        scope=scope,
        hook_id=hook_id,
        destination=destination,
        is_active=is_active and hook_id != 0,
        state=state,
        cause=cause,
        last_delivery_at=None,
        checked_at=None,
    )
