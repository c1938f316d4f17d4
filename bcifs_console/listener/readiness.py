"""The checks behind `/readyz` that every service wants; a service may add its own to the state."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, text

from bcifs_console.listener.state import Check
from bcifs_console.store import health
from bcifs_console.store.database import Database
from bcifs_console.store.migrate import HEAD

#: Roles of processes that work on orders (`bcifs serve --role`).
WORKER_ROLES: Final = frozenset({"worker", "all"})


def standard_checks(database: Database) -> Mapping[str, Check]:
    """`store`: a write commits; `schema`: it is at head; `worker`: one has a fresh heartbeat (DESIGN §9)."""

    async def store() -> str | None:
        # An empty transaction still takes the write lock; that the disk has room is what the heartbeats show.
        await database.write(lambda _tx: None)
        return None

    async def schema() -> str | None:
        found = await database.read(_schema_version)
        return None if found == HEAD else f"The schema is {found or 'missing'}, this program needs {HEAD}."

    async def worker() -> str | None:
        living = await database.read(lambda conn: health.living(conn, database.clock.now()))
        if any(heartbeat.role in WORKER_ROLES for heartbeat in living):
            return None
        return f"No worker has given a sign of life within {health.FRESH.total_seconds():.0f} s."

    return {"store": store, "schema": schema, "worker": worker}


def _schema_version(conn: Connection) -> Any:
    return conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
