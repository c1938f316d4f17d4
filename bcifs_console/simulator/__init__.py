"""A faithful fake BigCommerce store and a fake IFS Cloud over real HTTP, with faults.

Shares no code with the rest of the package, so that one misreading of an API cannot hide in both ends.
`docs/simulator.md` describes its world and its control interface.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from bcifs_console.simulator.bigcommerce.side import BigCommerceSide
from bcifs_console.simulator.clock import Clock
from bcifs_console.simulator.control import Controls
from bcifs_console.simulator.faults import Faults
from bcifs_console.simulator.ifs.side import IfsSide
from bcifs_console.simulator.options import COMPANY, SITE, SimulatorOptions, credentials
from bcifs_console.simulator.serving import Front
from bcifs_console.simulator.web import Server

__all__ = ["Simulator", "SimulatorOptions", "run"]

_DEFAULTS = SimulatorOptions()


class Simulator:
    """Both fakes on two ports of one event loop."""

    def __init__(self, options: SimulatorOptions = _DEFAULTS) -> None:
        self._options = options
        self._keys = credentials(options.seed)
        clock = Clock(options.behind_s)
        faults = Faults(options.faults, options.seed)
        self._store = BigCommerceSide(options, self._keys, clock, faults)
        self._erp = IfsSide(options, self._keys, clock, faults)
        fronts = [Front(side, faults, options.latency_ms) for side in (self._store, self._erp)]
        self._controls = Controls(clock, faults, self._store.deliverer.advance, self._set_quota)
        self._controls.fronts = {"bigcommerce": fronts[0], "ifs": fronts[1]}
        self._controls.sides = {"bigcommerce": self._store, "ifs": self._erp}
        self._fronts = fronts
        self._servers: list[Server] = []

    def _set_quota(self, quota: int | None) -> None:
        self._store.quota.limit = quota

    async def start(self) -> None:
        """Binds both ports; returns when both answer."""
        ports = (self._options.bigcommerce_port, self._options.ifs_port)
        try:
            for port, front in zip(ports, self._fronts, strict=True):
                self._servers.append(Server(self._options.host, port, front.handle))
        except OSError:
            await self.stop()
            raise
        self._store.attach(self._controls, self._servers[0].url)
        self._erp.attach(self._controls, self._servers[1].url)
        await self._store.deliverer.start()
        for server in self._servers:
            await server.start()

    async def stop(self) -> None:
        await self._store.deliverer.stop()
        await asyncio.gather(*(server.stop() for server in self._servers))
        self._servers.clear()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def announcement(self) -> dict[str, Any]:
        """What a client must know; complete once the simulator has started."""
        store, erp = self._servers
        keys = self._keys
        return {
            "bigcommerce": {
                "api_url": store.url,
                "store_hash": keys.store_hash,
                "access_token": keys.access_token,
                "client_id": keys.client_id,
                "client_secret": keys.client_secret,
            },
            "ifs": {
                "base_url": erp.url,
                "realm": keys.realm,
                "client_id": keys.ifs_client_id,
                "client_secret": keys.ifs_client_secret,
                "company": COMPANY,
                "site": SITE,
            },
        }


async def _serve(options: SimulatorOptions) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with Simulator(options) as simulator:
        sys.stdout.write(json.dumps(simulator.announcement()) + "\n")
        sys.stdout.flush()
        await ended.wait()


def run(options: SimulatorOptions) -> None:
    """Blocking: prints one JSON line when both ports answer, ends at SIGINT or SIGTERM."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(options))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it exists: benchmarks drive this process."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop
