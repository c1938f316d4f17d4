"""The stage most benchmarks play on: a simulator as a process, a home with one connection to it, `bcifs serve`."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from bcifs_console.base.settings import load_settings
from bcifs_console.operations import connect, hooks
from bcifs_console.operations.context import opened
from tests.benchmarks.processes import BCIFS, Child, Failed, child
from tests.benchmarks.profiling import profiled, top
from tests.benchmarks.results import Workplace
from tests.integration.bookkeeping import ACCOUNTS
from tests.ports import free_port

#: A look opens the database, which costs a millisecond: looking often would take time from what is measured.
_LOOK_S: Final = 0.1

_CONNECTION: Final = """
name = "bench"
[bigcommerce]
store_hash = "{store_hash}"
client_id = "{client_id}"
client_secret = "{client_secret}"
access_token = "{access_token}"
api_url = "{api_url}"
public_url = "http://127.0.0.1:{port}"
[ifs]
base_url = "{ifs[base_url]}"
realm = "{ifs[realm]}"
client_id = "{ifs[client_id]}"
client_secret = "{ifs[client_secret]}"
company = "{ifs[company]}"
site = "{ifs[site]}"
voucher_transport = "{transport}"
[policy]
unmatched_customer = "ask"
revenue_posting = "voucher"
order_type_never_invoices = true
start_at = 2020-01-01
[mapping]
revenue_account = "4000"
"""
#: For a connection that posts vouchers: accounts of the simulator's chart.
_ACCOUNTS: Final = "\n".join(["[mapping.accounts]", *(f'{name} = "{number}"' for name, number in ACCOUNTS.items())])


@dataclass(slots=True)
class SimulatorProcess:
    """The fake store and the fake IFS, and their controls."""

    child: Child
    http: httpx.AsyncClient

    @property
    def access(self) -> dict[str, Any]:
        return self.child.said

    @property
    def store_url(self) -> str:
        return str(self.access["bigcommerce"]["api_url"])

    @property
    def store_api(self) -> str:
        return f"{self.store_url}/stores/{self.access['bigcommerce']['store_hash']}"

    @property
    def ifs_url(self) -> str:
        return str(self.access["ifs"]["base_url"])

    async def control(self, name: str, body: Mapping[str, Any] | None = None, *, url: str = "") -> Any:
        address = f"{url or self.store_url}/_sim/{name}"
        answer = await (self.http.get(address) if body is None else self.http.post(address, json=body))
        answer.raise_for_status()
        return answer.json()

    async def place(self, order: Mapping[str, Any]) -> int:
        """Place one order over the store's own API."""
        token = self.access["bigcommerce"]["access_token"]
        answer = await self.http.post(f"{self.store_api}/v2/orders", json=order, headers={"X-Auth-Token": token})
        answer.raise_for_status()
        return int(answer.json()["id"])

    async def calls(self) -> dict[str, int]:
        """BigCommerce calls so far, by method and path."""
        calls: dict[str, int] = (await self.control("state"))["calls"]
        return calls


@contextlib.asynccontextmanager
async def simulator(folder: Path, *, seed: int = 7) -> AsyncIterator[SimulatorProcess]:
    """A simulator without quota and faults."""
    arguments = (sys.executable, "-m", "bcifs_console.simulator", "--quota", "off", "--seed", str(seed))
    async with child(*arguments, log=folder / "simulator.log") as process, httpx.AsyncClient(timeout=60) as http:
        yield SimulatorProcess(process, http)


@dataclass(slots=True)
class Installation:
    """A home with one connection. What the benchmarks read of its database they read on their own."""

    home: Path
    port: int

    @property
    def log(self) -> Path:
        return self.home.with_suffix(".log")

    @contextlib.asynccontextmanager
    async def serve(self, *, role: str = "all", profiler: tuple[str, ...] = ()) -> AsyncIterator[Child]:
        """`bcifs serve` as a process, as a user starts it; `profiler` is put in front."""
        start = profiler or (BCIFS,)
        options = ("--home", str(self.home), "serve", "--json", "--role", role)
        ports = ("--port", str(self.port), "--admin-port", "0")
        async with child(*start, *options, *ports, log=self.log) as process:
            yield process

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What the store holds, read without the product's code."""
        with contextlib.closing(sqlite3.connect(f"file:{self.home}/bcifs.db?mode=ro", uri=True)) as database:
            return database.execute(query, values).fetchall()

    async def until(self, condition: Callable[[], bool], what: str, timeout_s: float = 120.0) -> None:
        """Look again and again until `condition` holds."""
        end = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > end:
                raise Failed(f"waited {timeout_s:g} s in vain until {what}; see {self.log}")
            await asyncio.sleep(_LOOK_S)

    def moving(self) -> int:
        """How many orders are due or being looked at."""
        return int(self.rows("SELECT count(*) FROM store_order WHERE state IN ('due', 'working')")[0][0])

    def known(self) -> int:
        return int(self.rows("SELECT count(*) FROM store_order")[0][0])


async def installation(
    folder: Path,
    access: Mapping[str, Any],
    *,
    store_url: str = "",
    ifs_url: str = "",
    name: str = "home",
    vouchers: bool = False,
) -> Installation:
    """A new home with a connection to the simulator of `access`; other addresses put something in between."""
    made = Installation(folder / name, free_port())
    store = {**access["bigcommerce"], **({"api_url": store_url} if store_url else {})}
    ifs = {**access["ifs"], **({"base_url": ifs_url} if ifs_url else {})}
    file = folder / f"{name}.toml"
    file.touch(mode=0o600)
    transport = "rest" if vouchers else "off"
    text = _CONNECTION.format(**store, ifs=ifs, port=made.port, transport=transport)
    file.write_text(text + (_ACCOUNTS if vouchers else ""), encoding="utf-8")
    await asyncio.to_thread(_add, made.home, file)
    file.unlink()
    return made


def _add(home: Path, file: Path) -> None:
    with opened(load_settings(home=home)) as context:
        connect.add(context, file)


async def register(made: Installation, fakes: SimulatorProcess) -> None:
    """Register the webhooks; a new hook needs up to a minute before it fires, so the simulator's clock is moved on."""
    with opened(load_settings(home=made.home)) as context:
        await hooks.register(context, None)
    await fakes.control("advance", {"seconds": 60})


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything at once: the simulator, a home with its webhooks registered, and the service that works on it."""

    fakes: SimulatorProcess
    made: Installation
    service: Child


@contextlib.asynccontextmanager
async def stage(folder: Path, *, profiler: tuple[str, ...] = ()) -> AsyncIterator[Stage]:
    """A stage of its own in `folder`; `profiler` is put in front of the service."""
    async with simulator(folder) as fakes:
        made = await installation(folder, fakes.access)
        async with made.serve(profiler=profiler) as service:
            await register(made, fakes)
            yield Stage(fakes, made, service)


async def lone_home(folder: Path) -> Installation:
    """A home whose simulator has ended: for what asks neither system anything."""
    async with simulator(folder) as fakes:
        return await installation(folder, fakes.access)


async def profiled_during(workplace: Workplace, name: str, play: Callable[[Stage], Awaitable[object]]) -> str:
    """Where the service's time goes during `play` on a stage of its own; its start is in it too."""
    folder = workplace.folder_for(f"{name}-profile")
    output = folder / f"{name}.prof"
    async with stage(folder, profiler=profiled(output)) as set_up:
        await play(set_up)
    return top(output)
