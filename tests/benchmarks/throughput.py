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
from tests.benchmarks.latency import ORDER, Recording, record, script
from tests.benchmarks.profiling import profiled, top
from tests.benchmarks.results import Benchmark, Effort, Measured, Row, Workplace
from tests.benchmarks.stage import Installation, SimulatorProcess, installation, register, simulator

_ORDERS: Final = {Effort.FULL: 300, Effort.QUICK: 80, Effort.TINY: 3}
_AT_ONCE: Final = int(Settings.model_fields["concurrency"].default)


async def run(workplace: Workplace) -> Measured:
    orders = _ORDERS[workplace.effort]
    recording = await record(workplace.folder_for("throughput-recording"))
    folder = workplace.folder_for("throughput")
    async with simulator(folder) as fakes:
        made = await installation(folder, fakes.access)
        async with made.serve() as service:
            await register(made, fakes)
            await _crowd(made, fakes, 3)
            before = service.cpu_s()
            seconds = await _crowd(made, fakes, orders)
            cpu_ms = (service.cpu_s() - before) / orders * 1000
    bare = await _bare(workplace, recording, orders)
    row = Row(
        f"{orders} orders at once, no latency", orders / seconds, " orders/s", orders / bare, "bare script, same calls"
    )
    note = (
        f"{_AT_ONCE} orders under way at once on both sides. The service spends {cpu_ms:.0f} ms of processor time on "
        "an order, its second look after `updated` included, which the script does not have."
    )
    return Measured((row,), (note,))


async def _crowd(made: Installation, fakes: SimulatorProcess, orders: int) -> float:
    """Seconds from the first of `orders` being placed until all of them are in IFS."""
    known = made.known()
    began = time.time()
    for start in range(0, orders, 20):
        await asyncio.gather(*(fakes.place(ORDER) for _ in range(min(20, orders - start))))
    synced = "SELECT count(*) FROM store_order WHERE ifs_order_no != '' AND state = 'synced'"
    await made.until(lambda: made.rows(synced)[0][0] >= known + orders, f"{orders} orders are in IFS", 300)
    last = made.rows("SELECT max(confirmed_at) FROM document")[0][0]
    seconds = datetime.fromisoformat(last).timestamp() - began
    await fakes.control("settle", {})
    await made.until(lambda: not made.moving(), "every order is at rest")
    return seconds


async def _bare(workplace: Workplace, recording: Recording, orders: int) -> float:
    async with script(recording, workplace.folder_for("throughput-bare")) as (bare, fakes):
        began = time.perf_counter()
        waiting: asyncio.Queue[int] = asyncio.Queue()

        async def work() -> None:
            while not waiting.empty():
                await bare.bring(waiting.get_nowait())

        for start in range(0, orders, 20):
            for order_id in await asyncio.gather(*(fakes.place(ORDER) for _ in range(min(20, orders - start)))):
                waiting.put_nowait(order_id)
        await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
        return time.perf_counter() - began


async def profile(workplace: Workplace) -> str:
    """Where the service's time goes while it works on many orders at once."""
    folder = workplace.folder_for("throughput-profile")
    output = folder / "throughput.prof"
    async with simulator(folder) as fakes:
        made = await installation(folder, fakes.access)
        async with made.serve(profiler=profiled(output)):
            await register(made, fakes)
            await _crowd(made, fakes, _ORDERS[workplace.effort])
    return top(output)


BENCHMARK: Final = Benchmark("throughput", run, profile)
