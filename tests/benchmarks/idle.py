"""What `bcifs serve` costs while nothing happens: processor time and memory, all roles, one connection."""

from __future__ import annotations

import asyncio
from typing import Final

from tests.benchmarks.latency import ORDER
from tests.benchmarks.results import Benchmark, Effort, Goal, Measured, Row, Workplace
from tests.benchmarks.stage import Stage, profiled_during, stage

CPU_GOAL: Final = Goal(1.0, on_ratio=False)
MEMORY_GOAL: Final = Goal(150.0, on_ratio=False)
_WINDOW_S: Final = {Effort.FULL: 30.0, Effort.QUICK: 10.0, Effort.TINY: 1.0}
_SETTLE_S: Final = {Effort.FULL: 5.0, Effort.QUICK: 2.0, Effort.TINY: 0.1}


async def run(workplace: Workplace) -> Measured:
    window = _WINDOW_S[workplace.effort]
    async with stage(workplace.folder_for("idle")) as on:
        # One order first, so that all that is loaded late is loaded.
        await on.fakes.place(ORDER)
        await on.made.until(lambda: on.made.known() > 0 and not on.made.moving(), "the first order is in IFS")
        await asyncio.sleep(_SETTLE_S[workplace.effort])
        before = on.service.cpu_s()
        await asyncio.sleep(window)
        used = on.service.cpu_s() - before
        memory, highest, threads = on.service.memory_mb(), on.service.memory_mb("VmHWM"), on.service.threads()
    rows = (
        Row("`serve` idle: processor", 100 * used / window, "% of a core", goal=CPU_GOAL),
        Row("`serve` idle: memory (VmRSS)", memory, "MB", goal=MEMORY_GOAL),
    )
    note = f"Over {window:g} s after one order; memory at its highest {highest:.0f} MB; {threads} threads."
    return Measured(rows, (note,))


async def profile(workplace: Workplace) -> str:
    """What runs while nothing happens."""

    async def nothing(_on: Stage) -> None:
        await asyncio.sleep(_WINDOW_S[workplace.effort])

    return await profiled_during(workplace, "idle", nothing)


BENCHMARK: Final = Benchmark("idle", run, profile)
