"""The real processes: simulator, `connection add`, `webhooks register`, `serve`, orders over the store's own API."""

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.comparing import assert_equal_to_store
from tests.integration.storefront import PLACED, order
from tests.integration.waiting import until
from tests.integration.world import connection_text, environment_of
from tests.ports import free_port

pytestmark = pytest.mark.process

#: `(*words, env=...)` → a process of ours and the first line it printed, ended after the test.
Start = Callable[..., Coroutine[Any, Any, tuple[Process, dict[str, Any]]]]


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "bcifs_console", *(str(word) for word in words)]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start a lasting command and read the JSON line, or document, that it prints when it is ready."""
    started: list[Process] = []

    async def begin(*words: object) -> tuple[Process, dict[str, Any]]:
        process = await asyncio.create_subprocess_exec(*command(*words), stdout=PIPE, stderr=PIPE)
        started.append(process)
        assert process.stdout is not None
        text = ""
        while line := (await process.stdout.readline()).decode():
            text += line
            if line.startswith("}") or line.rstrip().endswith("}}"):
                return process, json.loads(text)
        assert process.stderr is not None
        raise AssertionError((await process.stderr.read()).decode())

    yield begin
    for process in started:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def run(*words: object, code: int = 0, environment: Mapping[str, str] | None = None) -> tuple[str, str]:
    """Run a command to its end; what it printed."""
    ran = await asyncio.create_subprocess_exec(
        *command(*words), stdout=PIPE, stderr=PIPE, env={**os.environ, **(environment or {})}
    )
    out, err = await ran.communicate()
    assert ran.returncode == code, err.decode()
    return out.decode(), err.decode()


async def add_connection(home: Path, about: dict[str, Any], port: int) -> None:
    path = home.parent / "connection.toml"
    path.write_text(connection_text(about, public_url=f"http://127.0.0.1:{port}"))
    await run("--home", home, "connection", "add", path, environment=environment_of(about))


async def test_from_an_empty_folder_to_a_released_order(start: Start, tmp_path: Path) -> None:
    home, port = tmp_path / "home", free_port()
    _, about = await start("simulator", "--seed", "11", "--quota", "off")
    await add_connection(home, about, port)
    out, _ = await run("--home", home, "webhooks", "register", "--json")
    assert {row["action"] for row in json.loads(out)} == {"created"}
    serve, ready = await start("--home", home, "serve", "--port", port, "--admin-port", "0", "--json")
    assert (ready["port"], ready["role"]) == (port, "all")
    store, erp = about["bigcommerce"], about["ifs"]
    async with httpx.AsyncClient(trust_env=False, headers={"X-Auth-Token": store["access_token"]}) as http:
        await http.post(f"{store['api_url']}/_sim/advance", json={"seconds": 60})
        url = f"{store['api_url']}/stores/{store['store_hash']}/v2/orders"
        placed = {}
        for kind in ("guest", "tax_inclusive", "discount", "jpy", "kwd", "sixty_lines"):
            answer = await http.post(url, json=PLACED[kind][0])
            assert answer.status_code == 201, answer.text
            placed[f"BC-{answer.json()['id']}"] = answer.json()

        async def released() -> dict[str, Any]:
            state = (await http.get(f"{erp['base_url']}/_sim/state")).json()
            found = {o["CustomerPoNo"]: o for o in state["customer_orders"] if o["Objstate"] == "Released"}
            return found if found.keys() == placed.keys() else {}

        booked = await until(released, "every order is released in IFS")
        products = (await http.get(f"{store['api_url']}/_sim/state")).json()["products"]
        for reference, sold in placed.items():
            assert_equal_to_store(sold, products[str(sold["id"])], booked[reference])
        admin = f"http://127.0.0.1:{ready['admin_port']}"
        assert (await http.get(f"{admin}/readyz")).status_code == 200
    out, _ = await run("--home", home, "status", "--json")
    assert json.loads(out)["orders"]["synced"] == len(placed)
    _, err = await run("--home", home, "serve", "--port", "0", "--admin-port", "0", code=1)
    assert "Another bcifs process works on" in err
    assert "→" in err
    serve.send_signal(signal.SIGTERM)
    _, log = await serve.communicate()
    assert serve.returncode == 0
    assert b"Traceback" not in log
    for secret in environment_of(about).values():
        assert secret.encode() not in log
    out, _ = await run("--home", home, "status", "--json")
    assert json.loads(out)["worker"]["state"] == "down"


async def test_a_port_in_use_is_a_message(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for option in ("--port", "--admin-port"):
            words = ["--port", "0", "--admin-port", "0"]
            words[words.index(option) + 1] = str(port)
            out, err = await run("--home", tmp_path / "home", "serve", *words, code=1)
            assert out == ""
            assert f"Port {port} is in use" in err
            assert option in err
            assert "Traceback" not in err


async def test_listener_and_worker_as_processes_of_their_own(start: Start, tmp_path: Path) -> None:
    """One takes deliveries in, the other works on them; neither does the other's part."""
    home, port = tmp_path / "home", free_port()
    _, about = await start("simulator", "--seed", "12", "--quota", "off")
    await add_connection(home, about, port)
    await run("--home", home, "webhooks", "register")
    await start("--home", home, "serve", "--role", "listener", "--port", port, "--admin-port", "0", "--json")
    store, erp = about["bigcommerce"], about["ifs"]
    async with httpx.AsyncClient(trust_env=False, headers={"X-Auth-Token": store["access_token"]}) as http:
        await http.post(f"{store['api_url']}/_sim/advance", json={"seconds": 60})
        url = f"{store['api_url']}/stores/{store['store_hash']}/v2/orders"
        assert (await http.post(url, json=order())).status_code == 201
        await http.post(f"{store['api_url']}/_sim/settle", json={})
        out, _ = await run("--home", home, "orders", "list", "--json")
        assert [row["state"] for row in json.loads(out)] == ["due"]
        _, ready = await start("--home", home, "serve", "--role", "worker", "--json")
        assert (ready["port"], ready["role"]) == (None, "worker")

        async def booked() -> list[Any]:
            state = (await http.get(f"{erp['base_url']}/_sim/state")).json()
            return [o for o in state["customer_orders"] if o["Objstate"] == "Released"]

        assert len(await until(booked, "the order is released")) == 1
