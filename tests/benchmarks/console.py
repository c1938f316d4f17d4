"""The console over a long list of orders that changes a hundred times a second: first paint, key to paint, loop lag.

The console runs in a process of its own (`console_probe`), without a terminal; the changes are written from here, as
the service would: four of five touch an order that is there, one of five is new.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

from bcifs_console.base.clock import SystemClock
from bcifs_console.base.secret import Secret
from bcifs_console.base.settings import load_settings
from bcifs_console.domain.rules import Policy, RevenuePosting
from bcifs_console.domain.states import order_subject
from bcifs_console.store import connections, intake, journal
from bcifs_console.store.connections import ConnectionSettings
from bcifs_console.store.database import Database, Tx
from bcifs_console.store.opening import Store, open_store
from bcifs_console.store.tables import store_order
from tests.benchmarks.processes import Child, child
from tests.benchmarks.results import Benchmark, Effort, Goal, Measured, Row, Workplace

FIRST_PAINT_GOAL: Final = Goal(250.0, on_ratio=False)
KEY_GOAL: Final = Goal(50.0, on_ratio=False)
LAG_GOAL: Final = Goal(16.0, on_ratio=False)
_ORDERS: Final = {Effort.FULL: 100_000, Effort.QUICK: 100_000, Effort.TINY: 500}
_WINDOW_S: Final = {Effort.FULL: 20.0, Effort.QUICK: 10.0, Effort.TINY: 0.5}
_STARTS: Final = {Effort.FULL: 5, Effort.QUICK: 3, Effort.TINY: 1}
_CHANGES_A_SECOND: Final = 100
_NEW_OF_TEN: Final = 2
_STATES: Final = ("synced",) * 12 + ("due", "waiting", "failed", "ignored")
_NAMES: Final = ("Rosa Hale", "David Okafor", "Ana Lindqvist", "Jonas Weiß", "Bean Barn Roasters & Sons Limited")


async def run(workplace: Workplace) -> Measured:
    effort = workplace.effort
    home = workplace.folder_for("console")
    with contextlib.closing(open_store(load_settings(home=home), SystemClock())) as store:
        connection_id = await asyncio.to_thread(_fill, store, _ORDERS[effort])
        first = [await _start_alone(home) for _ in range(_STARTS[effort] - 1)]
        async with _console(home) as probe:
            first.append(probe.said["first_paint_s"])
            writing = asyncio.create_task(_change(store.database, connection_id, _ORDERS[effort]))
            answer = await probe.ask({"seconds": _WINDOW_S[effort]})
            writing.cancel()
            written = await writing
    taken, late = answer["keys_s"], answer["late_s"]
    orders = f"{_ORDERS[effort]:,} orders"
    rows = (
        Row(f"console, {orders}: first paint", 1000 * statistics.median(first), "ms", goal=FIRST_PAINT_GOAL),
        Row(f"console, {_CHANGES_A_SECOND} changes/s: key to paint p95", _ms(taken, 95), "ms", goal=KEY_GOAL),
        Row(f"console, {_CHANGES_A_SECOND} changes/s: loop lag p99", _ms(late, 99), "ms", goal=LAG_GOAL),
    )
    return Measured(rows, (_note(answer, first, written, orders),))


def _note(answer: dict[str, Any], first: list[float], written: tuple[int, float], orders: str) -> str:
    changes, seconds = written
    keys, late = answer["keys_s"], answer["late_s"]
    return (
        f"{orders} in SQLite, 120x36, no terminal (its bytes are encoded). First paint: from the key to the list, "
        f"median of {len(first)} starts, slowest {1000 * max(first):.0f} ms. Changes: {changes / seconds:.0f}/s for "
        f"{seconds:.0f} s by another process, a fifth of them new orders; {len(keys)} keys, median "
        f"{_ms(keys, 50):.0f} ms, slowest {_ms(keys, 100):.0f} ms; lag p50 {_ms(late, 50):.1f} ms, at most "
        f"{_ms(late, 100):.0f} ms; {100 * answer['cpu']:.0f} % of a core."
    )


def _ms(seconds: list[float], percent: int) -> float:
    ranked = sorted(seconds)
    return 1000 * ranked[min(len(ranked) - 1, len(ranked) * percent // 100)]


@contextlib.asynccontextmanager
async def _console(home: Path) -> AsyncIterator[Child]:
    command = (sys.executable, "-m", "tests.benchmarks.console_probe", str(home))
    async with child(*command, log=home / "console.log") as probe:
        yield probe


async def _start_alone(home: Path) -> float:
    async with _console(home) as probe:
        return float(probe.said["first_paint_s"])


# -- the store ---------------------------------------------------------------------------------------------------------


def _fill(store: Store, orders: int) -> int:
    """One connection and its orders, a minute apart. Returns the connection's id."""
    settings = ConnectionSettings(
        bigcommerce={"store_hash": "bench", "client_id": "bench", "public_url": "https://hooks.example.com"},
        ifs={"base_url": "https://ifs.example.com", "realm": "r", "client_id": "c", "company": "10", "site": "100"},
        policy=Policy(start_at=datetime(2020, 1, 1, tzinfo=UTC), revenue_posting=RevenuePosting.VOUCHER),
    )
    secrets = {
        name: Secret("bench")
        for name in (connections.BC_CLIENT_SECRET, connections.BC_ACCESS_TOKEN, connections.IFS_CLIENT_SECRET)
    }
    dice = random.Random(7)

    def write(tx: Tx) -> int:
        connection_id = connections.add(tx, store.vault, "bench", settings, secrets, actor="bench")
        tx.conn.execute(store_order.insert(), [_order(dice, connection_id, n, orders, tx.now) for n in range(orders)])
        return connection_id

    return store.database.write_sync(write)


def _order(dice: random.Random, connection_id: int, number: int, orders: int, now: datetime) -> dict[str, Any]:
    state = _STATES[number % len(_STATES)]
    placed = now - timedelta(minutes=orders - number)
    return {
        "connection_id": connection_id,
        "order_id": 1_000 + number,
        "state": state,
        "reason": "mapping" if state == "waiting" else "",
        "error": "No rule matches the SKU MUG-7." if state in ("waiting", "failed") else "",
        "first_seen_at": placed,
        "placed_at": placed,
        "buyer_key": f"customer:{number // 3}",
        "buyer_name": dice.choice(_NAMES),
        "email": f"buyer{number // 3}@example.com",
        "ifs_customer": f"C{number // 3}",
        "ifs_order_no": f"S{number}" if state == "synced" else "",
        "total": Decimal(dice.randint(100, 500_000)) / 100,
        "currency": "USD",
    }


async def _change(database: Database, connection_id: int, orders: int) -> tuple[int, float]:
    """Change orders until cancelled, each in a commit of its own. Returns how many, in how many seconds."""
    dice = random.Random(11)
    began = time.perf_counter()
    done = 0
    newest = 1_000 + orders
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            if done % 10 < _NEW_OF_TEN:
                newest += 1
                await database.write(partial(_place, connection_id=connection_id, order_id=newest))
            else:
                # Most of what changes is what came last: every second change is in view.
                order_id = newest - dice.randrange(40 if done % 2 else orders)
                await database.write(partial(_touch, connection_id=connection_id, order_id=order_id))
            done += 1
            await asyncio.sleep(max(0.0, began + done / _CHANGES_A_SECOND - time.perf_counter()))
    return done, time.perf_counter() - began


def _place(tx: Tx, *, connection_id: int, order_id: int) -> None:
    intake.mark_due(tx, connection_id, [order_id], found_by="webhook")


def _touch(tx: Tx, *, connection_id: int, order_id: int) -> None:
    mine = store_order.c.connection_id == connection_id, store_order.c.order_id == order_id
    tx.conn.execute(store_order.update().where(*mine).values(placed_at=tx.now, attempts=store_order.c.attempts + 1))
    journal.touch(tx, "order", [(connection_id, order_subject(order_id))])


BENCHMARK: Final = Benchmark("console", run)
