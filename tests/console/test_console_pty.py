"""The console in a real terminal: it starts, lives, is told to end, and leaves the terminal as it was."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bcifs_console.base.clock import SystemClock
from bcifs_console.base.settings import Settings
from bcifs_console.operations import connect, hooks
from bcifs_console.operations.connection_file import read_connection_file
from bcifs_console.operations.context import Context, opened
from bcifs_console.store import customers, views
from tests.console import scene as scenes
from tests.console.scene_goods import HOSTILE
from tests.console.terminals import Terminal
from tests.integration.waiting import until_sync
from tests.integration.world import connection_text, environment_of
from tests.ports import free_port

pytestmark = pytest.mark.process

#: What a name of `HOSTILE` would do if it got through: set the clipboard, colour, C1 (as UTF-8), turn text round.
WEAPONS = (b"\x1b]52", b"\x1b[31m\x07", b"\xc2\x9b", b"\xc2\x9d", b"\xc2\x85", "\u202e".encode(), "\u2066".encode())


@pytest.fixture(scope="module")
def hostile_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene whose buyers' names are weapons."""
    home = tmp_path_factory.mktemp("hostile") / "home"
    scenes.build(home, hostile=True).store.close()
    return home


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_in_order_and_gives_the_terminal_back(hostile_home: Path, number: signal.Signals) -> None:
    with Terminal.bcifs("--home", str(hostile_home), "console") as terminal:
        terminal.shows("Overview", "help")
        terminal.signal(number)
        assert terminal.ends() == 0
        assert terminal.is_restored()
        assert b"Traceback" not in terminal.raw


def test_no_name_of_a_buyer_reaches_the_terminal_raw(hostile_home: Path) -> None:
    with Terminal.bcifs("--home", str(hostile_home), "console", "--readonly") as terminal:
        terminal.shows("Overview")
        terminal.press("2")
        terminal.shows("Orders", "Acme [/b]", "Mallory \\x1", "Invoice \\u2")
        terminal.press("3")
        terminal.shows("Decisions", "Acme [/b]", "\\x9b31m")
        terminal.press("\x1b[F")  # End: the last buyer
        terminal.shows("\\u202egnp.exe")
        terminal.press("o")
        terminal.shows("Decisions › Order 112473")
        terminal.press("8")
        terminal.shows("Log")
        terminal.press("q")
        assert terminal.ends() == 0
        assert terminal.is_restored()
        assert [weapon for weapon in WEAPONS if weapon in terminal.raw] == []


def test_the_search_for_weapons_finds_them_where_they_are_let_through() -> None:
    """The control: the same names, printed as they are."""
    names = "".join(buyer.address.name for buyer in HOSTILE)
    with Terminal([sys.executable, "-c", f"print({names!r})"], {"PYTHONIOENCODING": "utf-8"}) as terminal:
        assert terminal.ends() == 0
        assert [weapon for weapon in WEAPONS if weapon not in terminal.raw] == [b"\x1b[31m\x07"]


def test_a_port_in_use_is_a_state_and_no_end(tmp_path: Path) -> None:
    home = tmp_path / "home"
    scenes.build_empty(home).store.close()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with Terminal.bcifs("--home", str(home), "run", port=port, admin_port="0") as terminal:
            terminal.shows("Set-up")
            terminal.shows(port, "in use")
            assert terminal.is_alive
            terminal.signal(signal.SIGTERM)
            assert terminal.ends() == 0
            assert terminal.is_restored()


# -- an order comes in -----------------------------------------------------------------------------------------------


@pytest.fixture
def simulated() -> Iterator[dict[str, Any]]:
    """A simulator in a process of its own; what it announced."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bcifs_console.simulator", "--quota", "off", "--behind-s", "60"], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def test_an_order_comes_by_webhook_and_its_buyer_is_decided(tmp_path: Path, simulated: dict[str, Any]) -> None:
    home, port = tmp_path / "home", free_port()
    settings = Settings(home=home, port=port, admin_port=0)
    with opened(settings, clock=SystemClock(), actor="tester") as context:
        _connect(context, simulated, port)
        with Terminal.bcifs("--home", str(home), "run", port=str(port), admin_port="0") as terminal:
            terminal.shows("Overview", f"listener :{port}")
            asyncio.run(hooks.register(context, None))
            order_id = _order_of_a_stranger(simulated)
            terminal.shows("decide", "Grace Hopper-Murray")
            terminal.press("3")
            terminal.shows("Who it may be in IFS")
            terminal.press("n")
            terminal.shows("Create an IFS customer for")
            terminal.press("y")
            view = until_sync(
                lambda: _synced(context, order_id), f"order {order_id} is in IFS", show=lambda: terminal.text
            )
            assert view.ifs_customer.startswith("BC")
            terminal.press("q")
            terminal.shows("Leave the console?")
            terminal.press("s")
            assert terminal.ends() == 0
            assert terminal.is_restored()
        (decision,) = context.store.database.read_sync(lambda conn: [customers.decision_by_id(conn, 1)])
        assert decision is not None
        assert decision.action == "create"


def _connect(context: Context, simulated: dict[str, Any], port: int) -> None:
    path = context.settings.home / "connection.toml"
    path.write_text(connection_text(simulated, public_url=f"http://127.0.0.1:{port}"), encoding="utf-8")
    file = read_connection_file(path, now=context.clock.now(), environment=environment_of(simulated))
    connect.add_file(context, file)


def _order_of_a_stranger(simulated: dict[str, Any]) -> int:
    url = simulated["bigcommerce"]["api_url"]
    with httpx.Client(trust_env=False, timeout=30) as http:
        http.post(f"{url}/_sim/advance", json={"seconds": 60}).raise_for_status()
        made = http.post(f"{url}/_sim/orders", json={"count": 1, "kinds": ["unknown_buyer"]}).json()
    (order_id,) = made["orders"]
    return int(order_id)


def _synced(context: Context, order_id: int) -> views.OrderView | None:
    found = context.store.database.read_sync(lambda conn: views.orders_by_id(conn, 1, [order_id]))
    return next((order for order in found if order.state == "synced"), None)
