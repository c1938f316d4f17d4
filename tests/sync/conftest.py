"""`make_runtime`: one connection at work on a real database, with stand-ins for the two clients; its breakers."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.base.problems import Problem
from bcifs_console.bigcommerce.budget import HeaderBudget
from bcifs_console.domain.rules import Rules
from bcifs_console.store import connections, views
from bcifs_console.store.database import Database
from bcifs_console.store.vault import Vault
from bcifs_console.sync.breakers import Breakers
from bcifs_console.sync.parts import KnownParts
from bcifs_console.sync.runtime import Runtime, Timing
from tests.conftest import AddConnection
from tests.sync.hook_store import HookStore
from tests.sync.watching import Watch, watching

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


def with_policy(runtime: Runtime, **changes: Any) -> Runtime:
    """The runtime, from now on with these choices of its connection's."""
    runtime.connection = replace(runtime.connection, policy=replace(runtime.policy, **changes))
    return runtime


async def due(runtime: Runtime) -> set[int]:
    """The orders that are due."""
    return {row.order_id for row in await runtime.database.read(lambda conn: views.orders(conn, state="due"))}


class Probed:
    """A client of which only the probe is asked."""

    def __init__(self) -> None:
        self.probes = 0
        self.trouble: Problem | None = None

    async def probe(self, **_wanted: bool) -> None:
        self.probes += 1
        if self.trouble is not None:
            raise self.trouble


@pytest.fixture
def breakers(sqlite_database: Database, runtime: Runtime) -> Breakers:
    """Those of the `runtime` that the test module makes."""
    return Breakers(sqlite_database, runtime.timing)


@pytest.fixture
def hook_store() -> HookStore:
    """A store whose webhooks can be registered."""
    return HookStore()


@pytest.fixture
async def watch(make_runtime: MakeRuntime, hook_store: HookStore, clock: ManualClock) -> Watch:
    """A connection with registered webhooks, and the process that watches them."""
    runtime = make_runtime(store=hook_store)
    return await watching(runtime, hook_store, clock, {runtime.id: runtime})
