"""Webhook registrations and the poll, as commands."""

from collections.abc import Sequence
from typing import Any

from bcifs_console.operations.context import Context
from bcifs_console.store import connections, journal
from bcifs_console.sync import hooks
from bcifs_console.sync.hooks import HookAction
from bcifs_console.sync.poller import Polled, poll, poll_times


def _ids(context: Context, connection: str | None) -> list[int]:
    if connection is not None:
        return [context.connection_id(connection)]
    return list(context.store.database.read_sync(connections.names).values())


async def register(context: Context, connection: str | None) -> Sequence[HookAction]:
    """Make sure every wanted scope is registered. Raises BigCommerce errors."""
    runtime = context.runtime(context.connection_id(connection))
    try:
        return await hooks.register(runtime, actor=context.actor)
    finally:
        await runtime.aclose()


async def remove(context: Context, connection: str | None) -> Sequence[HookAction]:
    """Delete our registrations. Raises BigCommerce errors."""
    runtime = context.runtime(context.connection_id(connection))
    try:
        return await hooks.remove(runtime, actor=context.actor)
    finally:
        await runtime.aclose()


async def status(context: Context, connection: str | None) -> list[dict[str, Any]]:
    """Every wanted scope as the store has it now, with what our listener saw of it. Raises BigCommerce errors."""
    rows: list[dict[str, Any]] = []
    for connection_id in _ids(context, connection):
        runtime = context.runtime(connection_id)
        try:
            records = await hooks.check(runtime)
        finally:
            await runtime.aclose()
        ratio = context.store.database.read_sync(lambda conn: _accept_ratio(journal.counts(conn, "deliveries")))
        rows += [
            {
                "connection": runtime.connection.name,
                "scope": record.scope,
                "hook_id": record.hook_id or None,
                "destination": record.destination,
                "state": record.state,
                "is_active": record.is_active,
                "success_ratio": ratio.get(connection_id),
                "last_delivery_at": record.last_delivery_at,
                "cause": record.cause or None,
            }
            for record in records
        ]
    return rows


def _accept_ratio(counts: dict[tuple[int | None, str], int]) -> dict[int, float]:
    """Answered 200 over everything that came, by connection, since counting began."""
    good: dict[int, int] = {}
    every: dict[int, int] = {}
    for (connection_id, label), number in counts.items():
        if connection_id is None:
            continue
        every[connection_id] = every.get(connection_id, 0) + number
        if not label.startswith("refused"):
            good[connection_id] = good.get(connection_id, 0) + number
    return {key: round(good.get(key, 0) / total, 4) for key, total in every.items() if total}


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
