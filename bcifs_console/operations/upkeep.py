"""Keeping the database sound: schema upgrade, copies, checks."""

from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url

from bcifs_console.base.clock import Clock
from bcifs_console.base.problems import UsageProblem
from bcifs_console.base.settings import Settings
from bcifs_console.operations.context import Context
from bcifs_console.store import journal, migrate
from bcifs_console.store.opening import home_lock


def upgrade(settings: Settings, clock: Clock) -> tuple[str, str]:
    """Bring the schema to head, after a copy where it is SQLite. Returns the versions before and after.

    Raises HomeInUse while a service works on the home, SchemaProblem where the database is newer.
    """
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with home_lock(settings.home):
        before = migrate.current(settings.url)
        if before and before != migrate.HEAD and settings.url.startswith("sqlite"):
            back_up(settings, clock, None)
        migrate.upgrade(settings.url)
        return before, migrate.current(settings.url)


def back_up(settings: Settings, clock: Clock, folder: Path | None) -> Path:
    """Copy the SQLite database into `folder`. Raises UsageProblem on PostgreSQL or where there is none yet."""
    url = make_url(settings.url)
    if url.get_backend_name() != "sqlite" or not url.database:
        raise UsageProblem("This installation is on PostgreSQL.", remedy="Use pg_dump.")
    database = Path(url.database)
    if not database.exists():
        raise UsageProblem(f"There is no database at {database} yet.", remedy="Check --home.")
    return migrate.back_up(database, folder or settings.home / "backups", now=clock.now())


def check(context: Context) -> list[dict[str, str]]:
    """The secrets open (opening the store proved it), the journal's chain holds, SQLite finds its file whole."""

    def read(conn: Connection) -> list[dict[str, str]]:
        broken = journal.verify(conn)
        rows = [
            {"check": "secrets", "verdict": "ok", "detail": f"open with the {context.store.vault.master.source}"},
            {
                "check": "journal",
                "verdict": "ok" if broken is None else "failed",
                "detail": "every seal holds" if broken is None else f"seal {broken} does not agree with its rows",
            },
        ]
        if context.store.database.is_sqlite:
            found = str(conn.execute(text("PRAGMA quick_check")).scalar())
            rows.append({"check": "file", "verdict": "ok" if found == "ok" else "failed", "detail": found})
        return rows

    return context.store.database.read_sync(read)
