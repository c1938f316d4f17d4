"""The listener's fixtures: `open_front` starts one with limits of the test's choice, `front` is the usual one."""

from collections.abc import AsyncIterator

import httpx
import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.base.metrics import Metrics
from bcifs_console.listener.readiness import standard_checks
from bcifs_console.listener.server import Listener
from bcifs_console.listener.state import Endpoint, Limits, ListenerState
from bcifs_console.store import connections
from bcifs_console.store.database import Database
from bcifs_console.store.vault import Vault
from tests.conftest import AddConnection
from tests.listener.listener_front import Front, OpenFront


@pytest.fixture
async def open_front(
    sqlite_database: Database, clock: ManualClock, vault: Vault, add_connection: AddConnection
) -> AsyncIterator[OpenFront]:
    """Start a listener; it is stopped after the test. Refusals are flushed only when the test or `stop` says so."""
    opened: list[Front] = []

    async def start(database: Database | None = None, **limits: float) -> Front:
        store = database or sqlite_database
        added = add_connection(store)
        connection = await store.read(lambda conn: connections.load(conn, vault, added))
        state = ListenerState(
            store,
            Metrics(),
            limits=Limits(**({"flush_s": 3600.0} | limits)),  # type: ignore[arg-type]  # ints and floats by name
            checks=standard_checks(store),
        )
        state.replace({connection.token: Endpoint.of(connection)})
        listener = Listener(state, host="127.0.0.1", port=0, admin_port=0)
        await listener.start()
        client = httpx.AsyncClient(timeout=20.0, limits=httpx.Limits(max_connections=50))
        front = Front(state, listener, client, clock, connection.id, connection.token, connection.hook_secret.reveal())
        opened.append(front)
        return front

    yield start
    for front in opened:
        await front.close()


@pytest.fixture
async def front(open_front: OpenFront) -> Front:
    """A running listener with the usual limits."""
    started: Front = await open_front()
    return started
