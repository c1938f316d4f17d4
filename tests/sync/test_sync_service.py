"""`Service`: half a service is worse than none, and what changes in the store is taken over within a second."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from bcifs_console import service as service_module
from bcifs_console.base.clock import SystemClock
from bcifs_console.base.secret import Secret
from bcifs_console.domain.rules import Policy, RevenuePosting
from bcifs_console.service import Service
from bcifs_console.store import connections, health
from bcifs_console.store.connections import ConnectionSettings
from bcifs_console.store.database import Database, Tx
from bcifs_console.store.errors import HomeInUse
from bcifs_console.store.opening import Store, open_store
from bcifs_console.store.vault import Vault
from bcifs_console.sync import rounds
from bcifs_console.sync.dispatch.embedded import EmbeddedDispatcher
from tests.integration.waiting import until
from tests.integration.world import quick_settings


@contextlib.asynccontextmanager
async def started(home: Path) -> AsyncIterator[Service]:
    service = Service(quick_settings(home), SystemClock())
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


@pytest.fixture
def other_process(tmp_path: Path) -> Iterator[Store]:
    """The same installation as another process has it open."""
    store = open_store(quick_settings(tmp_path), SystemClock())
    yield store
    store.close()


async def broken(*_: object, **__: object) -> None:
    raise RuntimeError("a fault of ours")


@pytest.mark.parametrize("part", ["housekeeping", "poller", "worker"])
async def test_the_death_of_a_part_ends_the_service_with_its_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    async with started(tmp_path) as service:
        if part == "housekeeping":
            monkeypatch.setattr(Service, "_keep_house", broken)
        elif part == "poller":
            service._spawn(broken(), "poller")
        else:
            monkeypatch.setattr(EmbeddedDispatcher, "claim", broken)
            assert service._dispatcher is not None
            service._dispatcher.wake()
        with pytest.raises(RuntimeError, match="a fault of ours"):
            await service.wait()


async def test_asked_to_stop_it_ends_in_order(tmp_path: Path, other_process: Store) -> None:
    async with started(tmp_path) as service:
        service.ask_to_stop()
        await service.wait()
        port = service.address.port
    beats = await other_process.database.read(lambda conn: conn.exec_driver_sql("SELECT * FROM heartbeat").all())
    assert beats == []
    async with httpx.AsyncClient(trust_env=False) as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(f"http://127.0.0.1:{port}/healthz")


async def test_a_second_service_on_the_same_home_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    async with started(tmp_path):
        with pytest.raises(HomeInUse, match="Another bcifs process works on"):
            await Service(quick_settings(tmp_path), SystemClock()).start()
    async with started(tmp_path) as again:
        assert again.address.port


async def test_a_start_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(service_module, "EmbeddedDispatcher", broken_dispatcher)
        with pytest.raises(RuntimeError, match="a fault of ours"):
            await Service(quick_settings(tmp_path), SystemClock()).start()
    async with started(tmp_path) as service:
        assert service.address.port


def broken_dispatcher(*_: object, **__: object) -> None:
    raise RuntimeError("a fault of ours")


async def answers(service: Service, token: str) -> int:
    async with httpx.AsyncClient(trust_env=False) as http:
        url = f"http://127.0.0.1:{service.address.port}/webhooks/bigcommerce/{token}"
        return (await http.post(url, content=b"{}")).status_code


async def test_connections_of_another_process_are_taken_over_within_a_second(
    tmp_path: Path, other_process: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "poll", no_poll)
    database, vault = other_process.database, other_process.vault
    async with started(tmp_path) as service:
        added = put_connection(database, vault)
        token = database.read_sync(lambda conn: connections.load(conn, vault, added)).token

        async def known() -> bool:
            return await answers(service, token) == 401  # the address exists; nothing was signed

        await until(known, "the new connection's address answers", deadline_s=2.5)
        assert await answers(service, "another") == 404
        database.write_sync(lambda tx: connections.remove(tx, vault, added, actor="tester"))

        async def gone() -> bool:
            return await answers(service, token) == 404

        await until(gone, "the removed connection's address is gone", deadline_s=2.5)
        assert await answers(service, token) == 404, "and stays away"


async def no_poll(*_: object, **__: object) -> None:
    """The store of that connection does not exist."""


def put_connection(database: Database, vault: Vault) -> int:
    settings = ConnectionSettings(
        bigcommerce={"store_hash": "abc123", "client_id": "bc", "public_url": "https://hooks.example.com"},
        ifs={
            "base_url": "https://acme.ifs.cloud",
            "realm": "acmeprod",
            "client_id": "ifs",
            "company": "10",
            "site": "100",
        },
        policy=Policy(start_at=datetime(2026, 11, 1, tzinfo=UTC), revenue_posting=RevenuePosting.IFS_INVOICE),
    )
    secrets = dict.fromkeys(connections.REQUIRED_SECRETS, Secret("planted"))
    return database.write_sync(lambda tx: connections.add(tx, vault, "acme-us", settings, secrets, actor="tester"))


async def test_its_heartbeat_is_taken_back_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watcher, which takes a missing heartbeat for a missing listener, must have ended by then."""
    left: list[bool] = []
    leave = health.leave

    def noted(tx: Tx, owner: str) -> None:
        left.append(all(task.done() for task in tasks))
        leave(tx, owner)

    monkeypatch.setattr(health, "leave", noted)
    async with started(tmp_path) as service:
        tasks = list(service._tasks)
    assert left == [True]
