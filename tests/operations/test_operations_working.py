"""Work done by a command itself: what it takes over, what keeps it from working, and what ends it."""

from datetime import timedelta
from pathlib import Path

import pytest

from bcifs_console.base.clock import SystemClock
from bcifs_console.base.settings import load_settings
from bcifs_console.domain.states import Side
from bcifs_console.operations import working
from bcifs_console.operations.context import Context
from bcifs_console.store import health, intake, pauses, queue, views
from bcifs_console.store.database import Database
from bcifs_console.store.opening import Store
from bcifs_console.store.vault import Vault
from bcifs_console.sync.breakers import Breakers
from bcifs_console.sync.worker import Worker
from tests.conftest import AddConnection


@pytest.fixture
def context(database: Database, vault: Vault, tmp_path: Path, add_connection: AddConnection) -> Context:
    """An installation with one order that somebody else holds."""
    connection_id = add_connection(database)
    database.write_sync(lambda tx: intake.mark_due(tx, connection_id, [5], found_by="test"))
    database.write_sync(lambda tx: queue.claim(tx, "another", limit=1, lease=timedelta(minutes=1)))
    return Context(load_settings(home=tmp_path), Store(tmp_path, database, vault), SystemClock(), "dana")


def state(context: Context) -> str:
    (found,) = context.store.database.read_sync(lambda conn: views.orders_by_id(conn, 1, [5]))
    return found.state


async def test_only_where_one_process_works_is_the_work_of_another_taken_for_a_dead_ones(context: Context) -> None:
    database = context.store.database
    database.write_sync(lambda tx: pauses.pause(tx, 1, actor="ann", note="stock-taking"))
    waited = await working.wait_for(context, 1, [5], 0)
    assert (waited.timed_out, state(context)) == (True, "due" if database.is_sqlite else "working")
    (paused,) = waited.paused
    assert "ann paused acme-us (stock-taking)" in paused.message
    assert paused.remedy == "bcifs connection resume"


async def test_a_side_that_is_paused_is_tried_at_once_and_named(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = context.store.database
    later = database.clock.now() + timedelta(hours=1)
    database.write_sync(
        lambda tx: health.set_breaker(
            tx, 1, Side.IFS, is_open=True, cause="No grant.", remedy="Grant it.", failures=1, probe_at=later
        )
    )
    probed = []

    async def probe(_breakers: Breakers, runtimes: object, *, at_once: bool = False) -> bool:
        probed.append(at_once)
        return False

    monkeypatch.setattr(Breakers, "probe", probe)
    (paused,) = (await working.wait_for(context, 1, [5], 0.15)).paused
    assert (paused.message, paused.remedy) == ("acme-us is paused: No grant.", "Grant it.")
    assert probed == [True]
    assert state(context) == ("due" if database.is_sqlite else "working")


async def test_a_worker_that_dies_ends_the_wait(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    async def dies(_worker: Worker) -> None:
        raise RuntimeError("dead")

    monkeypatch.setattr(Worker, "run", dies)
    monkeypatch.setattr(working, "_LIVENESS_S", 0)
    with pytest.raises(RuntimeError, match="dead"):
        await working.wait_for(context, 1, [5], 30)
