"""`kill -9` of a real `bcifs serve`: after the restart every order is in IFS once and complete, its payment too.

The simulator holds the chosen call, before or after carrying it out, so that the process is killed exactly there.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from bcifs_console.base.clock import SystemClock
from bcifs_console.base.settings import load_settings
from bcifs_console.operations import connect, hooks
from bcifs_console.operations.connection_file import read_connection_file
from bcifs_console.operations.context import Context
from bcifs_console.store import views
from bcifs_console.store.database import Database
from bcifs_console.store.opening import open_store
from bcifs_console.store.views import OrderView
from tests.chaos.chaos_books import BALANCE, CLEARING, entries
from tests.chaos.chaos_crash import IS_NIGHTLY
from tests.chaos.chaos_upstreams import Upstreams, money, open_upstreams
from tests.integration.bookkeeping import books
from tests.integration.waiting import until
from tests.integration.world import connection_text, environment_of
from tests.ports import free_port

pytestmark = pytest.mark.process

_START_S: Final = 30.0
_ENVIRONMENT: Final = {
    "BCIFS_ADMIN_PORT": "0",
    "BCIFS_REQUEST_DEADLINE_S": "3",
    "BCIFS_RESEND_AFTER_S": "0.3",
    "BCIFS_RETRY_BASE_S": "0.05",
    "BCIFS_RETRY_CAP_S": "0.5",
    "BCIFS_PROBE_INTERVAL_S": "0.2",
}


def _held(match: str, nth: int = 1, *, is_done: bool) -> dict[str, Any]:
    """The call is held for longer than the test lasts, before or after it is carried out."""
    do = "hang_after_commit" if is_done else "slow"
    return {"side": "ifs", "match": match, "nth": nth, "times": 1, "do": do, "seconds": 600}


#: Where the process is killed: the call that is held then.
PLACES: Final[dict[str, dict[str, Any]]] = {
    "after the header": _held(r"^POST .*/CustomerOrderAddresses$", is_done=False),
    "between two lines": _held(r"^POST .*/OrderLinesArray$", 2, is_done=False),
    "after sending the header, before its answer": _held(r"^POST .*/CustomerOrderSet$", is_done=True),
    "after sending a line, before its answer": _held(r"^POST .*/OrderLinesArray$", 2, is_done=True),
    "after sending a charge, before its answer": _held(r"^POST .*/CustomerOrderChargeArray$", is_done=True),
    "before the release": _held(r"^POST .*SetReleased$", is_done=False),
    "after sending the release, before its answer": _held(r"^POST .*SetReleased$", is_done=True),
    "after sending a voucher's header, before its answer": _held(r"^POST .*/VoucherSet$", is_done=True),
    "between two rows of a voucher": _held(r"^POST .*/VoucherRows$", 2, is_done=False),
}
#: Real kills take seconds each; in-process the same is done at every boundary (test_chaos_boundaries, _lives).
_NAMED: Final = ("header, before", "a line, before", "the release, before", "voucher's header", "rows of a voucher")


@dataclass
class Installation:
    """A home with one connection whose webhooks are registered, and the `serve` processes on it."""

    up: Upstreams
    home: Path
    port: int
    serving: asyncio.subprocess.Process | None = None

    async def set_up(self) -> None:
        """`connection add` (by rest, with accounts for everything) and `webhooks register`."""
        clock = SystemClock()
        path = self.home / "connection.toml"
        text = connection_text(self.up.about, public_url=f"http://127.0.0.1:{self.port}", **books())
        path.write_text(text, encoding="utf-8")
        file = read_connection_file(path, now=clock.now(), environment=environment_of(self.up.about))
        settings = load_settings(home=self.home)
        store = open_store(settings, clock)
        try:
            context = Context(settings, store, clock, "tester")
            await asyncio.to_thread(connect.add_file, context, file)
            await hooks.register(context, None)
        finally:
            store.close()
        await self.up.store.control("advance", {"seconds": 60})  # until then a new hook does not fire

    async def serve(self, role: str = "all") -> None:
        """Start `bcifs serve`; returns when it is ready."""
        with (self.home / "serve.log").open("ab") as log:
            self.serving = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bcifs_console", "serve", "--role", role, "--json"),
                env={**os.environ, **_ENVIRONMENT, "BCIFS_HOME": str(self.home), "BCIFS_PORT": str(self.port)},
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self.serving.stdout is not None
        async with asyncio.timeout(_START_S):
            while (line := await self.serving.stdout.readline()).strip() != b"}":
                assert line, (self.home / "serve.log").read_text(encoding="utf-8")

    async def kill(self) -> None:
        await self._end(signal.SIGKILL, -signal.SIGKILL)

    async def stop(self) -> None:
        await self._end(signal.SIGTERM, 0)

    async def _end(self, number: signal.Signals, expected: int) -> None:
        assert self.serving is not None
        self.serving.send_signal(number)
        await self.serving.communicate()
        assert self.serving.returncode == expected
        self.serving = None

    async def placed(self, kind: str = "coupon") -> int:
        """Place an order in the store; its webhook is sent."""
        (order_id,) = await self.up.store.place(kind)
        return order_id

    async def view(self, order_id: int) -> OrderView | None:
        """What our books show of the order; nobody has to serve for that."""
        database = Database(f"sqlite:///{self.home / 'bcifs.db'}", clock=SystemClock())
        try:
            return next((v for v in await database.read(views.orders) if v.order_id == order_id), None)
        finally:
            database.close()

    async def assert_in_ifs_once(self, order_id: int) -> OrderView:
        seen: list[OrderView | None] = []

        async def is_synced() -> bool:
            seen[:] = [await self.view(order_id)]
            return seen[0] is not None and seen[0].state == "synced"

        await until(is_synced, f"order {order_id} is synced", deadline_s=30, show=lambda: seen)
        view = seen[0]
        assert view is not None
        booked = await self.up.booked(order_id)
        booked.assert_equals(await self.up.sold(order_id))
        assert view.ifs_order_no == booked.order["OrderNo"]
        made = await entries(self.up, order_id)
        made.assert_sound()
        total = money((await self.up.sold(order_id)).order["total_inc_tax"])
        assert [key.partition("/")[0] for key in made.keys] == ["PAY"]
        assert made.balances() == {CLEARING: total, BALANCE: -total}
        return view


@pytest.fixture
async def installation(tmp_path: Path) -> AsyncIterator[Installation]:
    home = tmp_path / "home"
    home.mkdir()
    async with open_upstreams() as up:
        installed = Installation(up, home, free_port())
        await installed.set_up()
        yield installed
        if installed.serving is not None:
            with contextlib.suppress(ProcessLookupError):
                installed.serving.kill()
            await installed.serving.communicate()


async def test_killed_after_accepting_a_webhook(installation: Installation) -> None:
    """The store got its 200, nothing has worked on the order yet."""
    await installation.serve("listener")
    order_id = await installation.placed()

    async def is_accepted() -> bool:
        deliveries = (await installation.up.store_state())["deliveries"]
        mine = [d for d in deliveries if d["order_id"] == order_id]
        return bool(mine) and all(d["state"] == "delivered" for d in mine)

    await until(is_accepted, "the webhook is answered with 200")
    await installation.kill()
    assert not (await installation.up.booked(order_id)).orders
    await installation.serve()
    view = await installation.assert_in_ifs_once(order_id)
    assert view.found_by == "webhook"
    await installation.stop()


@pytest.mark.parametrize("place", [p for p in PLACES if IS_NIGHTLY or any(words in p for words in _NAMED)])
async def test_killed_at(place: str, installation: Installation) -> None:
    up, held = installation.up, PLACES[place]
    await up.script(held)
    await installation.serve()
    order_id = await installation.placed()

    async def is_there() -> bool:
        return await up.faults() == {f"ifs.{held['do']}": 1}

    await until(is_there, f"the process is {place}", deadline_s=30)
    await installation.kill()
    view = await installation.view(order_id)
    assert view is not None
    assert view.state == "working"
    await up.script()
    await installation.serve()
    await installation.assert_in_ifs_once(order_id)
    await installation.stop()
