"""A crowd of orders at once against a simulator without latency: how many a second the service brings into IFS.

The yardstick is the bare script of `latency`, as many at once as the service works on. Service and simulator share the
machine's processors, and so do script and simulator.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Final

from bcifs_console.base.settings import Settings
from tests.benchmarks.latency import ORDER, Recording, recorded, script
from tests.benchmarks.results import Benchmark, Effort, Measured, Row, Workplace
from tests.benchmarks.stage import SimulatorProcess, Stage, profiled_during, stage

_ORDERS: Final = {Effort.FULL: 300, Effort.QUICK: 80, Effort.TINY: 3}
_AT_ONCE: Final = int(Settings.model_fields["concurrency"].default)
#: Orders placed side by side: enough for a crowd, few enough for one client's connections.
_PLACED_AT_ONCE: Final = 20


async def run(workplace: Workplace) -> Measured:
    orders = _ORDERS[workplace.effort]
    recording = await recorded(workplace)
    async with stage(workplace.folder_for("throughput")) as on:
        await _crowd(on, 3)
        before = on.service.cpu_s()
        seconds = await _crowd(on, orders)
        cpu_ms = (on.service.cpu_s() - before) / orders * 1000
    bare = await _bare(workplace, recording, orders)
    row = Row(
        f"{orders} orders at once, no latency", orders / seconds, " orders/s", orders / bare, "bare script, same calls"
    )
    note = (
        f"{_AT_ONCE} orders under way at once on both sides. The service spends {cpu_ms:.0f} ms of processor time on "
        "an order, its second look after `updated` included, which the script does not have."
    )
    return Measured((row,), (note,))


async def _placed(fakes: SimulatorProcess, orders: int) -> list[int]:
    """Place `orders` alike, as fast as the store takes them; their ids."""
    placed: list[int] = []
    while len(placed) < orders:
        count = min(_PLACED_AT_ONCE, orders - len(placed))
        placed += await asyncio.gather(*(fakes.place(ORDER) for _ in range(count)))
    return placed


async def _crowd(on: Stage, orders: int) -> float:
    """Seconds from the first of `orders` being placed until all of them are in IFS."""
    made = on.made
    known = made.known()
    began = time.time()
    await _placed(on.fakes, orders)
    synced = "SELECT count(*) FROM store_order WHERE ifs_order_no != '' AND state = 'synced'"
    await made.until(lambda: made.rows(synced)[0][0] >= known + orders, f"{orders} orders are in IFS", 300)
    last = made.rows("SELECT max(confirmed_at) FROM document")[0][0]
    seconds = datetime.fromisoformat(last).timestamp() - began
    await on.fakes.control("settle", {})
    await made.until(lambda: not made.moving(), "every order is at rest")
    return seconds


async def _bare(workplace: Workplace, recording: Recording, orders: int) -> float:
    async with script(recording, workplace.folder_for("throughput-bare")) as (bare, fakes):
        began = time.perf_counter()
        waiting: asyncio.Queue[int] = asyncio.Queue()

        async def work() -> None:
            while not waiting.empty():
                await bare.bring(waiting.get_nowait())

        for order_id in await _placed(fakes, orders):
            waiting.put_nowait(order_id)
        await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
        return time.perf_counter() - began


async def profile(workplace: Workplace) -> str:
    """Where the service's time goes while it works on many orders at once."""
    return await profiled_during(workplace, "throughput", lambda on: _crowd(on, _ORDERS[workplace.effort]))


BENCHMARK: Final = Benchmark("throughput", run, profile)
