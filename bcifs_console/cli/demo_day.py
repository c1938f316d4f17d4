"""One day in the demo's shop: orders, payments, shipments and refunds on simulated systems, to the end of all work.

The live one is in `demo_live.py`; the simulator and the connection to it are in `demo_world.py`.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import httpx

from bcifs_console.base.clock import SystemClock
from bcifs_console.base.settings import Settings
from bcifs_console.cli.demo_world import connect_to, simulator
from bcifs_console.domain.documents import DocumentKind, DocumentState
from bcifs_console.domain.states import OrderState
from bcifs_console.operations import hooks
from bcifs_console.operations import reconcile as books
from bcifs_console.operations.context import Context, acting_user
from bcifs_console.service import Service, running
from bcifs_console.store import books as ledger_books
from bcifs_console.store import connections, intake, queue, views
from bcifs_console.store.database import Tx

_LONGEST_S: Final = 1800.0
_LOOK_S: Final = 0.1
_GATED_EVERY: Final = 20


@dataclass(frozen=True, slots=True)
class Summary:
    """What a headless demo ends with (DESIGN §12)."""

    orders: int
    in_ifs: int
    waiting: int
    failed: int
    skipped: int
    ignored: int
    vouchers: int
    duplicates: int
    books: str | None
    elapsed_s: float


async def run_day(settings: Settings, orders: int, rate: float, seed: int, faults: str) -> Summary:
    """Live through one day and say how it ended. Raises TimeoutError where it does not end, Problem."""
    clock = SystemClock()
    started = clock.monotonic()
    async with simulator(seed) as access, running(settings, clock) as service:
        context = Context(settings, service.store, clock, acting_user())
        address = f"http://{service.address.host}:{service.address.port}"
        await asyncio.to_thread(connect_to, context, access, address)
        await service.reload()
        await hooks.register(context, None)
        async with httpx.AsyncClient(timeout=60) as control, asyncio.timeout(_LONGEST_S):
            url = access["bigcommerce"]["api_url"]
            # A new hook needs up to a minute before it fires; the simulator's clock is moved past it.
            await control.post(f"{url}/_sim/advance", json={"seconds": 60})
            await control.post(f"{url}/_sim/faults", json={"profile": faults})
            shop = _Shop(control, url, context, service)
            expected = await shop.until_done(asyncio.create_task(shop.place(orders, rate)))
            await control.post(f"{url}/_sim/lives", json={"orders": None, "seed": seed})
            await shop.until_done()
            await shop.look_again()
            await control.post(f"{url}/_sim/faults", json={"profile": "none"})
            duplicates = await _duplicates(control, access["ifs"]["base_url"])
            verdict = await _books(context)
        return _summary(context, expected, duplicates, verdict, clock.monotonic() - started)


@dataclass(slots=True)
class _Shop:
    """The shop's day, and what our service makes of it."""

    control: httpx.AsyncClient
    url: str
    context: Context
    service: Service

    async def place(self, orders: int, rate: float) -> set[int]:
        """Place the orders, and beside them some that do not pass the status gate. Returns every number."""
        placed: set[int] = set()
        step = orders if not rate else max(1, round(rate / 2))
        for start in range(0, orders, step):
            count = min(step, orders - start)
            gated = (start + count) // _GATED_EVERY - start // _GATED_EVERY
            answer = await self.control.post(f"{self.url}/_sim/orders", json={"count": count, "gated": gated})
            answer.raise_for_status()
            made = answer.json()
            placed |= {*made["orders"], *made["gated"]}
            if rate:
                await asyncio.sleep(count / rate)
        return placed

    async def until_done(self, placing: asyncio.Task[set[int]] | None = None) -> set[int]:
        """Wait until every order placed is known, no delivery is under way and none is due or being worked on."""
        polled = False
        while True:
            states = await self.context.store.database.read(queue.states)
            moving = sum(n for (_, state), n in states.items() if state in (OrderState.DUE, OrderState.WORKING))
            expected = placing.result() if placing is not None and placing.done() else set()
            if not moving and (placing is None or placing.done()):
                if polled and sum(states.values()) >= len(expected):
                    return expected
                if not polled:
                    # Deliveries may have been lost on the way: the fallback poll finds what they were about.
                    await self.control.post(f"{self.url}/_sim/settle", json={})
                    self.service.poll_soon()
                    await asyncio.sleep(_LOOK_S)
                    polled = True
                    continue
            elif moving:
                polled = False
            await asyncio.sleep(_LOOK_S)

    async def look_again(self) -> None:
        """Look once more at what is not settled: a transaction need not move an order's date (DESIGN §9)."""
        database = self.context.store.database
        done = (OrderState.SYNCED.value, OrderState.WAITING.value, OrderState.SKIPPED.value)
        left = [o for o in await database.read(views.orders) if o.state in done and not o.settled]

        def mark(tx: Tx) -> None:
            for connection_id in {order.connection_id for order in left}:
                own = [order.order_id for order in left if order.connection_id == connection_id]
                intake.mark_due(tx, connection_id, own, found_by="poll")

        await database.write(mark)
        await self.until_done()


async def _duplicates(control: httpx.AsyncClient, ifs_url: str) -> int:
    """How many orders and vouchers stand in IFS more often than once, from the simulator's own truth."""
    truth = (await control.get(f"{ifs_url}/_sim/state", params={"only": "customer_orders,vouchers"})).json()
    standing = [o["CustomerPoNo"] for o in truth["customer_orders"] if o["Objstate"] != "Cancelled"]
    booked = [v.get("VoucherText") for v in truth["vouchers"] if v["Objstate"] != "Cancelled"]
    return sum(n - 1 for n in (*Counter(standing).values(), *Counter(booked).values()))


async def _books(context: Context) -> str:
    """Whether store and IFS agree about every day of the demo: green or red."""
    today = context.clock.now().date()
    found = await books.reconcile(
        context, connection=None, first=today - timedelta(days=1), last=today + timedelta(days=1)
    )
    return "red" if found.is_red else "green"


def _summary(context: Context, expected: set[int], duplicates: int, verdict: str, elapsed_s: float) -> Summary:
    database = context.store.database
    counted = {state.value: 0 for state in OrderState}
    for (_, state), number in database.read_sync(queue.states).items():
        counted[state] += number
    (connection,) = database.read_sync(connections.names).values()
    vouchers = database.read_sync(
        lambda conn: ledger_books.documents(
            conn, [connection], kinds=[DocumentKind.VOUCHER], state=DocumentState.CONFIRMED
        )
    )
    return Summary(
        orders=len(expected) - counted["ignored"],
        in_ifs=counted["synced"],
        waiting=counted["waiting"],
        failed=counted["failed"],
        skipped=counted["skipped"],
        ignored=counted["ignored"],
        vouchers=len(vouchers),
        duplicates=duplicates,
        books=verdict if vouchers else None,
        elapsed_s=round(elapsed_s, 2),
    )
