"""Bringing in a past period: how near it comes to what latency and quota allow, and what it costs in calls.

Twice the same orders: once with a latency on both systems and no quota, where calls × latency ÷ orders at once is the
yardstick; once with BigCommerce's quota and no latency, where whole windows are.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from bcifs_console.base.settings import Settings
from tests.benchmarks.processes import BCIFS, Failed, command
from tests.benchmarks.results import Benchmark, Effort, Goal, Measured, Row, Workplace
from tests.benchmarks.stage import SimulatorProcess, installation, simulator

TIME_GOAL: Final = Goal(1.2)
CALLS_GOAL: Final = Goal(2.1, on_ratio=False)
QUOTA_GOAL: Final = Goal(95.0, at_least=True, on_ratio=False)
_ORDERS: Final = {Effort.FULL: 1000, Effort.QUICK: 200, Effort.TINY: 3}
#: A plan's quota for 30 seconds, the smallest there is (facts: 150).
_QUOTA: Final = 150
_LATENCY_MS: Final = 100
_AT_ONCE: Final = int(Settings.model_fields["concurrency"].default)
_GIVE_UP_S: Final = "1200"


@dataclass(frozen=True, slots=True)
class _Brought:
    """One backfill: how long it took, the calls to both sides, and the store's quota: windows that ended, refusals."""

    seconds: float
    store_calls: int
    ifs_calls: int
    windows: list[int]
    refused: int


async def run(workplace: Workplace) -> Measured:
    orders = _ORDERS[workplace.effort]
    slow = await _bring(workplace, orders, latency_ms=_LATENCY_MS)
    short = await _bring(workplace, orders, quota=_QUOTA)
    ideal = (slow.store_calls + slow.ifs_calls) * _LATENCY_MS / 1000 / _AT_ONCE
    used = 100 * sum(short.windows) / (_QUOTA * len(short.windows)) if short.windows else 100.0
    what = f"backfill of {orders:,} paid orders"
    rows = (
        Row(
            f"{what}, {_LATENCY_MS} ms upstream latency",
            slow.seconds,
            "s",
            ideal,
            "calls × latency ÷ orders at once",
            TIME_GOAL,
        ),
        Row("BigCommerce calls for each order of a backfill", short.store_calls / orders, "calls", goal=CALLS_GOAL),
        Row(f"{what}, {_QUOTA} calls per 30 s: used of the windows that ended", used, "%", goal=QUOTA_GOAL),
    )
    note = (
        f"With latency: {slow.store_calls:,} calls to BigCommerce and {slow.ifs_calls:,} to IFS, {_AT_ONCE} orders at "
        f"once; the command's own start is in it. With the quota: {short.seconds:.0f} s, calls in each window "
        f"{', '.join(map(str, short.windows)) or 'none ended'}; {short.refused} refused. Each order and each payment's "
        "voucher stand in IFS once."
    )
    return Measured(rows, (note,))


async def _bring(workplace: Workplace, orders: int, *, latency_ms: int = 0, quota: int | None = None) -> _Brought:
    folder = workplace.folder_for("backfill")
    async with simulator(folder) as fakes:
        made = await installation(folder, fakes.access, vouchers=True)
        await fakes.control("orders", {"count": orders, "kinds": ["plain"], "deliver": False})
        # A window of the quota begins with the first call after this.
        await fakes.control("advance", {"seconds": 60})
        await fakes.control("set", {"latency_ms": latency_ms, "quota": quota})
        store_before, ifs_before = await _calls(fakes)
        before = await _quota(fakes)
        since = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
        began = time.perf_counter()
        await command(BCIFS, "--home", str(made.home), "backfill", "--since", since, "--wait", _GIVE_UP_S, "--json")
        seconds = time.perf_counter() - began
        await fakes.control("set", {"latency_ms": 0})
        store_after, ifs_after = await _calls(fakes)
        after = await _quota(fakes)
        await _check(fakes, orders, folder)
    # A window that was open before the backfill began is not its own.
    windows = after["windows"][len(before["windows"]) + bool(before["used"]) :]
    refused = after["refused"] - before["refused"]
    return _Brought(seconds, store_after - store_before, ifs_after - ifs_before, windows, refused)


async def _check(fakes: SimulatorProcess, orders: int, folder: Path) -> None:
    """What was to be brought in must be there, once, or the figures mean nothing."""
    there = await fakes.control("state?only=customer_orders,vouchers", url=fakes.ifs_url)
    for what, names in (
        ("orders", [order["CustomerPoNo"] for order in there["customer_orders"]]),
        ("vouchers", [voucher["VoucherText"] for voucher in there["vouchers"]]),
    ):
        if not len(names) == len(set(names)) == orders:
            raise Failed(f"{orders} {what} were to be in IFS, {len(set(names))} are, {len(names)} times; see {folder}")


async def _quota(fakes: SimulatorProcess) -> dict[str, Any]:
    found: dict[str, Any] = (await fakes.control("state?only=quota"))["quota"]
    return found


async def _calls(fakes: SimulatorProcess) -> tuple[int, int]:
    """Calls so far to the store and to IFS."""
    store = await fakes.calls()
    ifs = (await fakes.control("state?only=calls", url=fakes.ifs_url))["calls"]
    return store.get("total", 0), ifs.get("total", 0)


BENCHMARK: Final = Benchmark("backfill", run)
