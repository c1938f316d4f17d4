"""Schema versions: run by itself on SQLite (after a backup copy), by command on PostgreSQL.

Alembic is imported only when there is something to do; the usual start compares one row with `HEAD`.
"""

import sqlite3
import time
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, select, text
from sqlalchemy.engine import make_url

from bcifs_console.store.errors import SchemaProblem

HEAD: Final = "0010"

#: The advisory lock that one upgrading process holds on PostgreSQL.
_LOCK: Final = 0x42434946
_PATIENCE_S: Final = 10.0


def current(url: str) -> str:
    """The schema version the database has, "" for an empty one."""
    engine = create_engine(url)
    try:
        with engine.connect() as conn:
            return _version(conn)
    finally:
        engine.dispose()


def _version(conn: Connection) -> str:
    if not inspect(conn).has_table("alembic_version"):
        return ""
    row = conn.execute(text("SELECT version_num FROM alembic_version")).first()
    return "" if row is None else str(row[0])


def upgrade(url: str) -> None:
    """Bring the schema to `HEAD`, whole or not at all; processes that start together do it once.

    Raises SchemaProblem where the database is newer than this program.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    engine = _upgrading_engine(url)
    try:
        with engine.begin() as conn:
            if conn.dialect.name != "sqlite":
                conn.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            found = _version(conn)  # only now: another process may have done it while this one waited
            _refuse_newer(found)
            if found != HEAD:
                config.attributes["connection"] = conn
                command.upgrade(config, "head")
    finally:
        engine.dispose()


def _refuse_newer(found: str) -> None:
    if found > HEAD:
        raise SchemaProblem(
            f"The database has schema {found}, this program knows {HEAD}.",
            remedy="Install the newer release of bcifs-console that wrote it.",
        )


def _upgrading_engine(url: str) -> Engine:
    """An engine whose transactions hold the database for themselves; on SQLite schema changes roll back with them."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(url)
    _to_wal(parsed.database or "")
    engine = create_engine(url, connect_args={"isolation_level": None, "timeout": _PATIENCE_S})
    event.listen(engine, "begin", lambda conn: conn.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _to_wal(path: str) -> None:
    """Put the file into WAL mode for good. SQLite does not wait for a lock here by itself."""
    patience = time.monotonic() + _PATIENCE_S
    opened = sqlite3.connect(path, isolation_level=None)
    try:
        while True:
            try:
                opened.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError:
                if time.monotonic() > patience:
                    raise
                time.sleep(0.01)
    finally:
        opened.close()


def ensure(url: str, *, now: datetime, backups: Path | None = None) -> None:
    """Make sure the schema is at `HEAD`.

    SQLite is upgraded here, after a backup copy into `backups` when there is anything to back up. PostgreSQL is
    upgraded only when it is empty; otherwise SchemaProblem says which command to run.
    """
    found = current(url)
    if found == HEAD:
        return
    _refuse_newer(found)
    parsed = make_url(url)
    if found and parsed.get_backend_name() != "sqlite":
        raise SchemaProblem(
            f"The database has schema {found}, this program needs {HEAD}.",
            remedy="Stop every bcifs process, back the database up and run: bcifs db upgrade",
        )
    if found and backups is not None and parsed.database:
        back_up(Path(parsed.database), backups, now=now)
    upgrade(url)


def back_up(database: Path, backups: Path, *, now: datetime) -> Path:
    """A consistent copy of the SQLite file, through its own backup API. Returns the copy's path."""
    backups.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = backups / f"{database.stem}-{now:%Y%m%dT%H%M%S}.db"
    source = sqlite3.connect(database)
    copy = sqlite3.connect(target)
    try:
        source.backup(copy)
    finally:
        copy.close()
        source.close()
    target.chmod(0o600)
    return target
