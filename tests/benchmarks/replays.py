"""The time machine: 10,000 stored orders, three in four of them posted, under proposed rules beside those in force."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import Final

from bcifs_console.accounting.mapping import default_rules
from bcifs_console.accounting.replay import Effect
from bcifs_console.base.clock import SystemClock
from bcifs_console.base.settings import load_settings
from bcifs_console.domain.rules import Policy, Purpose, RevenuePosting, Rules, VoucherTransport
from bcifs_console.operations.context import Context
from bcifs_console.operations.mapping_text import mapping_toml
from bcifs_console.operations.time_machine import try_file
from bcifs_console.store import connections, rules
from bcifs_console.store.opening import make_home, open_store
from tests.accounting.bookkeeping import ACCOUNTS
from tests.accounting.building import rule
from tests.benchmarks.results import Benchmark, Effort, Goal, Measured, Row, Workplace
from tests.operations.stored_orders import keep, past_orders

_ORDERS: Final = {Effort.FULL: 10_000, Effort.QUICK: 2_000, Effort.TINY: 40}
_LONG_AGO: Final = datetime(2020, 1, 1, tzinfo=UTC)
#: Seconds for 10,000 orders on two cores (issue 4).
GOAL: Final = Goal(30.0, on_ratio=False)
_POLICY: Final = Policy(
    start_at=_LONG_AGO,
    revenue_posting=RevenuePosting.VOUCHER,
    order_type_never_invoices=True,
    voucher_transport=VoucherTransport.REST,
    contract="100",
)
_NOW: Final = Rules((*ACCOUNTS, *default_rules()))
_THEN: Final = Rules(
    (
        rule(Purpose.REVENUE, "4010", 0, sku=("SKU-0*", "SKU-1*")),
        rule(Purpose.CLEARING, "1585", 0, gateway="paypal*"),
        *_NOW.rules,
    )
)


async def run(workplace: Workplace) -> Measured:
    """Fill a store, then ask; only the asking is timed."""
    orders, folder = _ORDERS[workplace.effort], workplace.folder_for("replays")
    settings = load_settings(home=folder / "home")
    make_home(settings.home)
    store = open_store(settings, SystemClock())
    try:
        shop = {"store_hash": "abc", "client_id": "x", "public_url": "https://hooks.example.com"}
        erp = {"base_url": "https://acme.ifs.cloud", "realm": "r", "client_id": "x", "company": "10", "site": "100"}
        given = connections.ConnectionSettings(shop, erp, _POLICY)
        connection_id = store.database.write_sync(
            lambda tx: connections.add(tx, store.vault, "acme", given, {}, "bench")
        )
        store.database.write_sync(
            lambda tx: rules.save(tx, connection_id, _NOW, expected=Rules(), actor="bench", reason="")
        )
        past = list(past_orders(orders))
        keep(store.database, connection_id, past[: orders * 3 // 4], _NOW, _POLICY)
        keep(store.database, connection_id, past[orders * 3 // 4 :], _NOW, _POLICY, posted=False)
        file = folder / "proposed.toml"
        file.write_text(mapping_toml(_THEN, "acme"), encoding="utf-8")
        context = Context(settings, store, SystemClock(), "bench")
        began = time.perf_counter()
        tried = try_file(context, None, file, since=_LONG_AGO)
        seconds = time.perf_counter() - began
    finally:
        store.close()
    assert tried.orders == orders, f"{tried.orders} of {orders} orders were replayed"
    row = Row(f"{orders:,} stored orders replayed under two sets of rules", seconds, "s", goal=GOAL)
    counts = ", ".join(f"{tried.effects[effect]} {effect.replace('_', ' ')}" for effect in Effect)
    note = f"{os.cpu_count()} processors, {seconds / orders * 1000:.1f} ms an order; {counts}. Nothing is called."
    return Measured((row,), (note,))


BENCHMARK: Final = Benchmark("replays", run)
