"""A simulator (and, on demand, a service) in a thread of its own, and the command line run in this process.

Commands begin where the console script begins, `bcifs_console.__main__.main`, so that exit codes and messages are what
a shell would see. A few tests run the real script as a process (`tests/integration/test_processes.py`).
"""

import asyncio
import contextlib
import io
import json
import sys
import threading
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self, TextIO, TypeVar

import httpx
import structlog

from bcifs_console.__main__ import main
from bcifs_console.base.clock import SystemClock
from bcifs_console.service import Service
from bcifs_console.simulator import Simulator, SimulatorOptions
from tests.integration.waiting import until_sync
from tests.integration.world import connection_text, environment_of, quick_settings

T = TypeVar("T")
_START_S: Final = 20.0


class Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` there and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_START_S)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_S)
        self._loop.close()


@dataclass
class Shop:
    """The simulator, as a program outside sees it."""

    loop: Loop
    simulator: Simulator
    http: httpx.Client
    about: dict[str, Any] = field(default_factory=dict)

    @classmethod
    @contextlib.contextmanager
    def opened(cls) -> Iterator[Self]:
        loop = Loop()
        simulator = Simulator(SimulatorOptions(quota=None))
        loop.run(simulator.start())
        try:
            with httpx.Client(trust_env=False, timeout=30) as http:
                yield cls(loop, simulator, http, simulator.announcement())
        finally:
            loop.run(simulator.stop())
            loop.close()

    def control(self, name: str, body: Mapping[str, Any] | None = None, *, side: str = "bigcommerce") -> Any:
        base = self.about["bigcommerce"]["api_url"] if side == "bigcommerce" else self.about["ifs"]["base_url"]
        url = f"{base}/_sim/{name}"
        answer = self.http.get(url) if body is None else self.http.post(url, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """One call of the store's public API."""
        store = self.about["bigcommerce"]
        url = f"{store['api_url']}/stores/{store['store_hash']}{path}"
        answer = self.http.request(method, url, json=body, headers={"X-Auth-Token": store["access_token"]})
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def place(self, body: Mapping[str, Any]) -> int:
        return int(self.call("POST", "/v2/orders", body)["id"])

    def place_kind(self, kind: str) -> int:
        (number,) = self.control("orders", {"count": 1, "kinds": [kind]})["orders"]
        return int(number)

    def ifs_orders(self, order_id: int) -> list[dict[str, Any]]:
        orders = self.control("state", side="ifs")["customer_orders"]
        return [order for order in orders if order.get("CustomerPoNo") == f"BC-{order_id}"]

    @contextlib.contextmanager
    def service(self, home: Path, **settings: object) -> Iterator[Service]:
        """A service on `home`, in the simulator's loop."""

        async def start() -> Service:
            service = Service(quick_settings(home, **settings), SystemClock())
            await service.start()
            return service

        running = self.loop.run(start())
        try:
            yield running
        finally:
            self.loop.run(running.stop())


@dataclass(frozen=True)
class Ran:
    """What one command printed and ended with."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document that stdout holds; anything beside it fails."""
        return json.loads(self.out)

    @property
    def said(self) -> str:
        """What people were told on stderr, as one line: tables and messages are wrapped to the terminal's width."""
        return " ".join(self.err.split())


class _Captured(io.TextIOWrapper):
    """A text stream over memory, as encoded as a real one."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def text(self) -> str:
        self.flush()
        held = self.buffer
        assert isinstance(held, io.BytesIO)
        return held.getvalue().decode()


@dataclass
class Terminal:
    """Runs `bcifs`. `home` is given before the command unless it is None; everything printed is kept in `shown`."""

    home: Path | None
    shown: list[str] = field(default_factory=list)
    stderr: TextIO | None = None  #: where progress and problems go instead of `Ran.err`

    def beside(self, stderr: TextIO) -> "Terminal":
        """The same, with another stderr."""
        return replace(self, stderr=stderr)

    def __call__(self, *words: object, code: int | None = 0, typed: str = "") -> Ran:
        """Run one command; it must end with `code` unless that is None."""
        home = [] if self.home is None else ["--home", str(self.home)]
        ran = self._run([*home, *(str(word) for word in words)], typed)
        self.shown += [ran.out, ran.err]
        assert code is None or ran.code == code, f"exit {ran.code} instead of {code}\n{ran.out}\n{ran.err}"
        return ran

    def _run(self, words: list[str], typed: str) -> Ran:
        out, err = _Captured(), _Captured()
        before = sys.argv, sys.stdin
        sys.argv, sys.stdin = ["bcifs", *words], io.StringIO(typed)
        code: object = 0
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(self.stderr or err):
                main()
        except SystemExit as ended:
            code = ended.code
        finally:
            sys.argv, sys.stdin = before
            structlog.reset_defaults()  # the command sent log lines to a stderr that is gone now
        assert code is None or isinstance(code, int), code
        return Ran(code or 0, out.text(), err.text())

    def json(self, *words: object, code: int | None = 0) -> Any:
        """What the command prints with `--json`."""
        return self(*words, "--json", code=code).json

    def state_of(self, order_id: int) -> str:
        rows = self.json("orders", "list")
        return next((str(row["state"]) for row in rows if row["order_id"] == order_id), "")

    def until_state(self, order_id: int, *states: str) -> None:
        """Wait until a running service has brought the order into one of `states`."""
        until_sync(lambda: self.state_of(order_id) in states, f"order {order_id} is {' or '.join(states)}")


def write_connection(shop: Shop, folder: Path, **changes: str) -> Path:
    """A connection file for the shop; its secrets are in the environment."""
    path = folder / f"{changes.get('name', 'acme-us')}.toml"
    text = connection_text(shop.about, **({"public_url": "http://127.0.0.1:9"} | changes))
    path.write_text(text, encoding="utf-8")
    return path


def secrets_of(shop: Shop) -> dict[str, str]:
    return environment_of(shop.about)
