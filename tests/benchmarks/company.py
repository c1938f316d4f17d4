"""How late acknowledgements come in company: the worker busy and a console open, against the listener by itself.

The store sends at a fixed rate about the same orders again and again, so that the worker always has some to look at,
and a console shows their list while somebody presses keys. Nothing is pinned: all share the machine, as they would.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Final

from tests.benchmarks.acks import Load, Range, Target, load_generator
from tests.benchmarks.credentials import secrets_of
from tests.benchmarks.latency import ORDER
from tests.benchmarks.processes import child
from tests.benchmarks.results import Benchmark, Effort, Goal, Measured, Row, Workplace
from tests.benchmarks.stage import Stage, stage

GOAL: Final = Goal(3.0)
_RATE: Final = 300.0
_SECONDS: Final = {Effort.FULL: 20.0, Effort.QUICK: 8.0, Effort.TINY: 0.5}
_ORDERS: Final = {Effort.FULL: 200, Effort.QUICK: 100, Effort.TINY: 3}
_PATH: Final = "/webhooks/bigcommerce/"


async def run(workplace: Workplace) -> Measured:
    seconds, orders = _SECONDS[workplace.effort], _ORDERS[workplace.effort]
    deliveries = int(_RATE * seconds)
    load = Load(32, events=-(-deliveries // orders))
    async with load_generator(workplace) as generator:
        async with stage(workplace.folder_for("company")) as on:
            first = await _place(on, 2 * orders)
            secrets = secrets_of(on.made.home)
            crowded = Target(on.service, on.made.port, _PATH + secrets.token)
            before = await on.fakes.calls()
            console = (sys.executable, "-m", "tests.benchmarks.console_probe", str(on.made.home))
            async with child(*console, log=workplace.folder / "console.log") as probe:
                pressing = asyncio.create_task(probe.ask({"seconds": seconds}))
                in_company = await Range(generator, secrets, first).shoot(
                    crowded, deliveries, load, rate=_RATE, keep=False
                )
                keys = (await pressing)["keys_s"]
            looks = (await on.fakes.calls())["total"] - before["total"]
            home = on.made
        async with home.serve(role="listener") as listener:
            alone = Target(listener, home.port, _PATH + secrets.token)
            shots = Range(generator, secrets, first + orders)
            await shots.shoot(alone, orders, Load(32, events=1), rate=_RATE, keep=False)  # it has just been started
            by_itself = await shots.shoot(alone, deliveries, load, rate=_RATE, keep=False)
    row = Row(
        f"ack p99 at {_RATE:g}/s, worker busy and console open",
        in_company["p99"] * 1000,
        "ms",
        by_itself["p99"] * 1000,
        "the same listener, nothing else running",
        GOAL,
    )
    note = (
        f"{deliveries:,} deliveries about {orders} orders over {seconds:g} s; meanwhile the worker made {looks} calls "
        f"to the store and the console took {len(keys)} keys. Simulator and load generator share the processors too."
    )
    return Measured((row,), (note,))


async def _place(on: Stage, orders: int) -> int:
    """Place the orders and wait until all are in IFS. Returns the first one's number; the others follow on it."""
    placed = [await on.fakes.place(ORDER) for _ in range(orders)]
    await on.made.until(lambda: on.made.known() >= orders, "all orders are known")
    await on.fakes.control("settle", {})
    await on.made.until(lambda: not on.made.moving(), "every order is at rest")
    return placed[0]


BENCHMARK: Final = Benchmark("company", run)
