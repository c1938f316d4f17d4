"""BigCommerce calls for each new order: the simulator counts them over a crowd of orders and all of their events."""

from __future__ import annotations

import re
from typing import Final

from tests.benchmarks.processes import Failed
from tests.benchmarks.results import Benchmark, Effort, Goal, Measured, Row, Workplace
from tests.benchmarks.stage import Stage, stage

GOAL: Final = Goal(4.0, on_ratio=False)
#: Order, products, shipping addresses, coupons, transactions, refunds, shipments: one call each.
_NAIVE: Final = 7.0
_ORDERS: Final = {Effort.FULL: 100, Effort.QUICK: 40, Effort.TINY: 4}
_SPREAD_S: Final = {Effort.FULL: 25, Effort.QUICK: 8, Effort.TINY: 0}


async def run(workplace: Workplace) -> Measured:
    orders = _ORDERS[workplace.effort]
    async with stage(workplace.folder_for("calls")) as on:
        before = await on.fakes.calls()
        events = await _place(on, orders, _SPREAD_S[workplace.effort])
        after = await on.fakes.calls()
        states = dict(on.made.rows("SELECT state, count(*) FROM store_order GROUP BY state"))
    made_calls = {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
    total = made_calls.pop("total", 0)
    row = Row("BigCommerce calls for each new order", total / orders, "calls", _NAIVE, "naive client", GOAL)
    by_kind = ", ".join(
        f"{name.partition(' ')[0]} …/{re.split('/v[23]/', name)[-1]}: {count}"
        for name, count in sorted(made_calls.items(), key=lambda item: -item[1])
    )
    note = (
        f"{orders} orders of the simulator's usual mix (coupons, gift wrap, 60 lines, unknown buyers …) over "
        f"{_SPREAD_S[workplace.effort]} s, with all of their {events} deliveries (created, updated, statusUpdated, "
        f"transaction): {total} calls ({by_kind}); the orders ended {_in_words(states)}. Calls before the first order "
        "(webhooks, first poll) are not counted."
    )
    return Measured((row,), (note,))


async def _place(on: Stage, orders: int, spread_s: int) -> int:
    """Place the orders, wait until every event is delivered and every order is at rest; returns the deliveries."""
    made, fakes = on.made, on.fakes
    await fakes.control("orders", {"count": orders, "spread_seconds": spread_s})
    await made.until(lambda: made.known() >= orders, f"{orders} orders are known", spread_s + 60)
    await fakes.control("settle", {})
    await made.until(lambda: not made.moving(), "every order is at rest")
    deliveries = (await fakes.control("state"))["deliveries"]
    stored = made.rows("SELECT count(*) FROM webhook_delivery")[0][0]
    undelivered = [delivery for delivery in deliveries if delivery["state"] != "delivered"]
    if undelivered or stored != len(deliveries):
        raise Failed(f"{len(deliveries)} deliveries, {len(undelivered)} of them not delivered, {stored} stored")
    return len(deliveries)


def _in_words(states: dict[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(states.items()))


BENCHMARK: Final = Benchmark("calls", run)
