"""Schema versions: the migrations give what the tables say, and an upgrade is whole, backed up and never backwards."""

import sqlite3
import threading
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.pool import NullPool

from bcifs_console.base.clock import ManualClock
from bcifs_console.store import books, migrate, tables, views, webhooks
from bcifs_console.store.database import Database
from bcifs_console.store.errors import SchemaProblem


def stamp(url: str, version: str) -> None:
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})


def table_names(url: str) -> set[str]:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as conn:
        return set(inspect(conn).get_table_names())


def schema(conn: Connection) -> dict[str, Any]:
    """Everything the database says about every table, in a form that compares."""
    found = inspect(conn)
    return {
        name: {
            "columns": [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in found.get_columns(name)],
            "primary key": found.get_pk_constraint(name)["constrained_columns"],
            "unique": sorted(tuple(u["column_names"]) for u in found.get_unique_constraints(name)),
            "foreign": sorted(
                (tuple(f["constrained_columns"]), f["referred_table"]) for f in found.get_foreign_keys(name)
            ),
            "indexes": sorted((i["name"] or "", tuple(i["column_names"])) for i in found.get_indexes(name)),
        }
        for name in sorted(set(found.get_table_names()) - {"alembic_version"})
    }


def test_the_migrations_give_exactly_the_tables_that_the_code_defines(empty_url: str) -> None:
    engine = create_engine(empty_url, poolclass=NullPool)
    tables.metadata.create_all(engine)
    with engine.connect() as conn:
        defined = schema(conn)
    tables.metadata.drop_all(engine)
    migrate.upgrade(empty_url)
    with engine.connect() as conn:
        migrated = schema(conn)
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []
    assert migrated == {
        name: table | {"columns": sorted_like(table["columns"], migrated[name]["columns"])}
        for name, table in defined.items()
    }


def sorted_like(columns: list[Any], model: list[Any]) -> list[Any]:
    """A later migration appends columns at the end, so their order may differ from the class's."""
    order = [column[0] for column in model]
    return sorted(columns, key=lambda c: order.index(c[0]) if c[0] in order else len(order))


def test_the_program_knows_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == migrate.HEAD


def upgrade_to(url: str, version: str) -> None:
    """Bring an empty database to an older schema."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, version)


def test_what_the_first_schema_held_is_there_after_the_upgrade(empty_url: str, clock: ManualClock) -> None:
    upgrade_to(empty_url, "0001")
    at = "2026-12-01T08:00:00.000000Z"
    engine = create_engine(empty_url, poolclass=NullPool)
    with engine.begin() as conn:
        for statement in (
            "INSERT INTO connection (id, name, token, config, created_at) VALUES (1, 'acme-us', 't', '{}', :at)",
            "INSERT INTO store_order (connection_id, order_id, state, first_seen_at) VALUES (1, 5001, 'synced', :at)",
            "INSERT INTO document (connection_id, subject, kind, key, state, amount, created_at)"
            " VALUES (1, 'order:5001', 'customer_order', 'BC-5001', 'confirmed', 698400, :at)",
        ):
            conn.execute(text(statement), {"at": at})
    migrate.upgrade(empty_url)
    assert migrate.current(empty_url) == migrate.HEAD
    database = Database(empty_url, clock=clock)
    (order,) = database.read_sync(views.orders)
    (document,) = database.read_sync(lambda conn: books.documents(conn, [1]))
    database.close()
    assert (order.order_id, order.state, order.settled) == (5001, "synced", None)
    assert (document.key, document.amount, document.day, document.batch) == ("BC-5001", Decimal("69.84"), None, None)


def test_who_had_registered_webhooks_has_them_watched_over(empty_url: str, clock: ManualClock) -> None:
    upgrade_to(empty_url, "0003")
    engine = create_engine(empty_url, poolclass=NullPool)
    with engine.begin() as conn:
        for number, hook_id in ((1, 17), (2, 0), (3, None)):
            row = {"number": number, "name": f"c{number}", "at": "2026-12-01T08:00:00.000000Z", "hook": hook_id}
            conn.execute(
                text(
                    "INSERT INTO connection (id, name, token, config, created_at)"
                    " VALUES (:number, :name, :name, '{}', :at)"
                ),
                row,
            )
            if hook_id is not None:
                conn.execute(
                    text(
                        "INSERT INTO hook (connection_id, scope, hook_id, is_active)"
                        " VALUES (:number, 'store/order/created', :hook, TRUE)"
                    ),
                    row,
                )
    migrate.upgrade(empty_url)
    database = Database(empty_url, clock=clock)
    found = database.read_sync(webhooks.healths)
    database.close()
    assert {number: (health.registered, health.state, health.since) for number, health in found.items()} == {
        1: (True, "unknown", None)
    }


def test_an_empty_database_is_set_up_on_both_engines(empty_url: str, clock: ManualClock) -> None:
    assert migrate.current(empty_url) == ""
    migrate.ensure(empty_url, now=clock.now())
    assert migrate.current(empty_url) == migrate.HEAD
    assert table_names(empty_url) == {*tables.metadata.tables, "alembic_version"}


def test_a_database_at_the_newest_schema_is_left_alone(database_url: str, clock: ManualClock, tmp_path: Path) -> None:
    migrate.ensure(database_url, now=clock.now(), backups=tmp_path / "backups")
    migrate.upgrade(database_url)
    assert migrate.current(database_url) == migrate.HEAD
    assert not (tmp_path / "backups").exists()


def test_a_set_up_that_breaks_off_leaves_nothing_and_can_be_done_again(
    empty_url: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Operations.create_table

    def break_off(self: Operations, name: str, *columns: Any, **options: Any) -> object:
        if name == "journal":
            raise KeyboardInterrupt
        return original(self, name, *columns, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Operations, "create_table", break_off)
        with pytest.raises(KeyboardInterrupt):
            migrate.ensure(empty_url, now=clock.now())
    assert migrate.current(empty_url) == ""
    migrate.ensure(empty_url, now=clock.now())
    assert migrate.current(empty_url) == migrate.HEAD


def test_two_processes_that_start_at_once_set_the_database_up_once(empty_url: str, clock: ManualClock) -> None:
    """`bcifs run` starts the service and the console side by side."""
    together = threading.Barrier(2)
    problems: list[BaseException] = []

    def start() -> None:
        together.wait(10)
        try:
            migrate.ensure(empty_url, now=clock.now())
        except BaseException as error:  # noqa: BLE001 - the error is what the test looks at
            problems.append(error)

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert problems == []
    assert migrate.current(empty_url) == migrate.HEAD


def test_a_newer_schema_is_refused_and_nothing_is_touched(
    database_url: str, clock: ManualClock, tmp_path: Path
) -> None:
    stamp(database_url, "9999")
    attempts: list[Callable[[], None]] = [
        lambda: migrate.upgrade(database_url),
        lambda: migrate.ensure(database_url, now=clock.now(), backups=tmp_path / "backups"),
    ]
    for attempt in attempts:
        with pytest.raises(SchemaProblem) as caught:
            attempt()
        assert "newer release" in caught.value.remedy
    assert migrate.current(database_url) == "9999"
    assert not (tmp_path / "backups").exists()


def test_an_older_sqlite_database_is_backed_up_before_it_is_upgraded(
    sqlite_url: str, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(sqlite_url, clock=clock)
    database.write_sync(
        lambda tx: tx.conn.execute(
            tables.heartbeat.insert().values(owner="me", role="test", started_at=tx.now, beat_at=tx.now)
        )
    )
    stamp(sqlite_url, "0000")
    order: list[str] = []
    back_up = migrate.back_up

    def noted(source: Path, backups: Path, *, now: datetime) -> Path:
        order.append("backup")
        return back_up(source, backups, now=now)

    monkeypatch.setattr(migrate, "back_up", noted)
    monkeypatch.setattr(migrate, "upgrade", lambda url: order.append("upgrade"))
    migrate.ensure(sqlite_url, now=clock.now(), backups=tmp_path / "backups")
    assert order == ["backup", "upgrade"]
    (copy,) = (tmp_path / "backups").iterdir()
    database.close()
    opened = sqlite3.connect(copy)
    assert opened.execute("SELECT owner FROM heartbeat").fetchall() == [("me",)]
    opened.close()
    assert copy.stat().st_mode & 0o777 == 0o600
    assert copy.parent.stat().st_mode & 0o777 == 0o700


def test_an_older_postgresql_database_is_upgraded_by_command_only(postgresql_url: str, clock: ManualClock) -> None:
    stamp(postgresql_url, "0000")
    with pytest.raises(SchemaProblem) as caught:
        migrate.ensure(postgresql_url, now=clock.now())
    assert "bcifs db upgrade" in caught.value.remedy
    assert migrate.current(postgresql_url) == "0000"


def test_a_new_sqlite_file_is_in_wal_mode_before_anyone_opens_it(tmp_path: Path, clock: ManualClock) -> None:
    """Changing to WAL later needs the file alone: a second process that opens it then fails at once."""
    path = tmp_path / "new.db"
    migrate.ensure(f"sqlite:///{path}", now=clock.now())
    opened = sqlite3.connect(path)
    assert opened.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    opened.close()
