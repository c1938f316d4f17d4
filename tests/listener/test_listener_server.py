"""Sockets: which are opened, what is said where they cannot be, and how they are closed."""

import asyncio
import signal

import httpx
import pytest

from bcifs_console.base.metrics import Metrics
from bcifs_console.listener.errors import ListenerProblem
from bcifs_console.listener.server import Listener, bind
from bcifs_console.listener.state import ListenerState
from bcifs_console.store import journal
from bcifs_console.store.database import Database
from tests.listener.listener_front import Front, event
from tests.ports import free_port


async def is_open(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def listener_on(database: Database, **where: object) -> Listener:
    places: dict[str, object] = {"host": "127.0.0.1", "port": 0, "admin_port": 0} | where
    return Listener(ListenerState(database, Metrics()), **places)  # type: ignore[arg-type]  # places by name


async def test_port_0_takes_free_ports_and_says_which(front: Front) -> None:
    assert 0 < front.listener.public_port != front.listener.admin_port > 0
    assert front.state.is_bound


async def test_a_port_in_use_is_named_with_the_option_that_changes_it(front: Front) -> None:
    taken = front.listener.public_port
    with pytest.raises(ListenerProblem, match=rf"Port {taken} is in use on 127\.0\.0\.1.*--port"):
        await listener_on(front.database, port=taken).start()


async def test_an_admin_port_in_use_leaves_the_public_one_closed(front: Front) -> None:
    public = free_port()
    with pytest.raises(ListenerProblem, match="--admin-port"):
        await listener_on(front.database, port=public, admin_port=front.listener.admin_port).start()
    bind("127.0.0.1", public, option="--port").close()


def test_a_host_that_is_none_of_ours_is_said_so() -> None:
    with pytest.raises(ListenerProblem, match=r"no address of this machine.*--host"):
        bind("203.0.113.1", 0, option="--port")


async def test_the_admin_port_is_open_on_loopback_only(sqlite_database: Database) -> None:
    listener = listener_on(sqlite_database, host="0.0.0.0")
    await listener.start()
    try:
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"http://127.0.0.2:{listener.public_port}/")).status_code == 404
            with pytest.raises(httpx.ConnectError):
                await client.get(f"http://127.0.0.2:{listener.admin_port}/healthz")
    finally:
        await listener.stop(0.0)


async def test_signal_handlers_are_left_alone(sqlite_database: Database) -> None:
    before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    listener = listener_on(sqlite_database)
    await listener.start()
    during = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    await listener.stop(0.0)
    assert during == before


async def test_stopping_refuses_new_connections_and_writes_the_last_counts(front: Front) -> None:
    await front.post(event(), [])
    await front.listener.stop(1.0)

    assert not front.state.is_bound
    with pytest.raises(httpx.ConnectError):
        await front.client.get(f"{front.public}/")
    counts = await front.database.read(lambda conn: journal.counts(conn, "deliveries"))
    assert counts == {(front.connection_id, "refused:missing_secret_header"): 1}


async def test_stopping_lets_a_delivery_in_progress_end(front: Front) -> None:
    body = event()
    line = await front.dial()
    await line.send(front.head([*front.signed(body), ("content-length", str(len(body))), ("expect", "100-continue")]))
    assert await line.status() == 100
    stopping = asyncio.create_task(front.listener.stop(10.0))
    while await is_open(front.listener.public_port):
        continue

    await line.send(body)
    assert await line.status() == 200
    await stopping
    assert front.on_disk() == [272]


async def test_stopping_waits_for_a_slow_sender_only_so_long(front: Front) -> None:
    line = await front.dial()
    await line.send(front.head([("content-length", "10"), ("expect", "100-continue")]))
    assert await line.status() == 100
    await asyncio.wait_for(front.listener.stop(0.1), 5)
    assert await line.is_cut()


async def test_stopping_twice_or_unstarted_is_no_error(sqlite_database: Database) -> None:
    listener = listener_on(sqlite_database)
    await listener.stop(0.0)
    await listener.start()
    port = listener.public_port
    assert await is_open(port)
    await listener.stop(0.0)
    await listener.stop(0.0)
    assert not await is_open(port)


async def test_a_stopped_listener_can_be_started_again(front: Front) -> None:
    await front.listener.stop(0.0)
    await front.listener.start()
    await front.post(event(), [])
    await front.listener.stop(0.0)
    counts = await front.database.read(lambda conn: journal.counts(conn, "deliveries"))
    assert counts == {(front.connection_id, "refused:missing_secret_header"): 1}


async def test_waiting_ends_when_the_listener_stops(front: Front) -> None:
    waiting = asyncio.create_task(front.listener.wait())
    await front.post()
    assert not waiting.done()
    await front.listener.stop(0.0)
    await asyncio.wait_for(waiting, 5)
