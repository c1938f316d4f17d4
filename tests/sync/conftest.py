"""`make_runtime`: one connection at work on a real database, with stand-ins for the two clients."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.bigcommerce.budget import HeaderBudget
from bcifs_console.domain.rules import Rules
from bcifs_console.store import connections
from bcifs_console.store.database import Database
from bcifs_console.store.vault import Vault
from bcifs_console.sync.parts import KnownParts
from bcifs_console.sync.runtime import Runtime, Timing
from tests.conftest import AddConnection

TIMING: Final = Timing()
#: `(store=..., ifs=..., name="acme-us", timing=TIMING) -> Runtime`
MakeRuntime = Callable[..., Runtime]


@pytest.fixture
def make_runtime(
    sqlite_database: Database, clock: ManualClock, vault: Vault, add_connection: AddConnection
) -> MakeRuntime:
    def make(*, store: Any = None, ifs: Any = None, name: str = "acme-us", timing: Timing = TIMING) -> Runtime:
        added = add_connection(sqlite_database, name)
        connection = sqlite_database.read_sync(lambda conn: connections.load(conn, vault, added))
        return Runtime(
            connection=connection,
            store=store,
            ifs=ifs,
            rules=Rules(),
            database=sqlite_database,
            clock=clock,
            timing=timing,
            owner="tester",
            parts=KnownParts(clock),
            budget=HeaderBudget(clock),
        )

    return make
