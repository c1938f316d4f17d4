"""Pausing and resuming by hand: no order of a paused connection is taken up; deliveries are accepted all the same.

Looks under way are finished: stopping one between two calls would leave a document half made.
"""

from collections.abc import Collection

from sqlalchemy import Connection

from bcifs_console.operations.context import Context
from bcifs_console.store import connections, pauses
from bcifs_console.store.database import Tx


def pause(context: Context, connection_ids: Collection[int] | None = None, *, note: str = "") -> list[int]:
    """Pause these connections, or all of them. Returns those that were not paused before."""

    def write(tx: Tx) -> list[int]:
        meant = _meant(tx.conn, connection_ids)
        return [number for number in meant if pauses.pause(tx, number, actor=context.actor, note=note.strip())]

    return context.store.database.write_sync(write)


def resume(context: Context, connection_ids: Collection[int] | None = None) -> list[int]:
    """Take up the orders of these connections again, or of all. Returns those that were paused."""

    def write(tx: Tx) -> list[int]:
        meant = _meant(tx.conn, connection_ids)
        return [number for number in meant if pauses.resume(tx, number, actor=context.actor)]

    return context.store.database.write_sync(write)


def _meant(conn: Connection, connection_ids: Collection[int] | None) -> list[int]:
    return sorted(connections.names(conn).values() if connection_ids is None else connection_ids)
