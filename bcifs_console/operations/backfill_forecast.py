"""What a backfill would do: every order wanted is read and planned as if it were named; nothing is stored or posted."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Final

import structlog

from bcifs_console.accounting.gates import ignored_because
from bcifs_console.accounting.mapping import needs_taxes
from bcifs_console.accounting.plan import plan
from bcifs_console.bigcommerce.errors import BadAnswer, OrderNotFound
from bcifs_console.domain.buyers import Known, buyer_of
from bcifs_console.domain.orders import Order
from bcifs_console.domain.plan import Blocker, Verdict
from bcifs_console.domain.states import Side, order_subject
from bcifs_console.operations.backfill import Request
from bcifs_console.operations.context import Context
from bcifs_console.store import ledger
from bcifs_console.sync.backfill import Reading, Step, patiently
from bcifs_console.sync.loading import with_movements
from bcifs_console.sync.matching import Match, Matching
from bcifs_console.sync.runtime import Runtime

_PLANNED_AT_ONCE: Final = 8
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Forecast:
    """What a backfill would do: orders by outcome, sums of the new ones by currency, and what would wait, for what."""

    connection: str
    seen: int = 0
    calls: int = 0
    elapsed_s: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    sums: dict[str, Decimal] = field(default_factory=dict)
    waiting: Counter[tuple[str, str, str]] = field(default_factory=Counter)  #: by reason, message and remedy


async def forecast(
    context: Context, connection: str | None, request: Request, *, on_step: Callable[[Step], None] | None = None
) -> Forecast:
    """Plan every order that is asked for. Raises UsageProblem, and the errors of both clients that do not pass."""
    started = context.clock.monotonic()
    runtime = context.runtime(context.connection_id(connection))
    found = Forecast(runtime.connection.name)
    forecaster = _Forecaster(runtime, found)
    try:
        wanted = request.wanted(runtime.policy.time_zone)
        if wanted.order_ids:
            await forecaster.add_numbers(wanted.order_ids)
        else:
            reading = Reading(runtime, wanted)
            reached, is_last = 0, False
            while not is_last:
                page = await reading.after(reached)
                reached, is_last = page.reached, page.is_last
                await forecaster.add(page.orders)
                for number in page.unreadable:
                    forecaster.add_unreadable(number)
                if on_step is not None:
                    on_step(Step(found.seen, 0, max((order.placed_at for order in page.orders), default=None)))
    finally:
        await runtime.aclose()
    found.calls = runtime.calls.get(Side.BIGCOMMERCE, 0)
    found.elapsed_s = round(context.clock.monotonic() - started, 3)
    return found


@dataclass(slots=True)
class _Forecaster:
    """Plans orders and adds up what would come of them."""

    runtime: Runtime
    found: Forecast
    _matches: dict[tuple[str, int, str, str], "asyncio.Future[Match]"] = field(default_factory=dict)

    async def add_numbers(self, numbers: tuple[int, ...]) -> None:
        orders = []
        for number in numbers:
            try:
                orders.append(await patiently(partial(self.runtime.store.order, number, live=False), asyncio.sleep))
            except (OrderNotFound, BadAnswer):
                self.add_unreadable(number)
        await self.add(tuple(orders))

    def add_unreadable(self, number: int) -> None:
        self.found.seen += 1
        self.found.outcomes["unreadable"] += 1
        _log.warning("backfill_unreadable", order=number)

    async def add(self, orders: tuple[Order, ...]) -> None:
        turns = asyncio.Semaphore(_PLANNED_AT_ONCE)

        async def one(order: Order) -> None:
            async with turns:
                await self._plan(order)

        await asyncio.gather(*(one(order) for order in orders))

    async def _plan(self, order: Order) -> None:
        runtime, found = self.runtime, self.found
        policy = runtime.policy.for_named()
        subject = order_subject(order.id)
        held = await runtime.database.read(lambda conn: ledger.of_subject(conn, runtime.id, subject))
        if held.customer_order() is None:
            listed = order
            with_taxes = needs_taxes(runtime.rules)
            order = await patiently(
                lambda: runtime.store.completed(listed, with_taxes=with_taxes, live=False), asyncio.sleep
            )
        whole = order
        order = await patiently(lambda: with_movements(runtime, whole, held, policy, live=False), asyncio.sleep)
        match = Match(Known(""))
        if held.customer_order() is None and not ignored_because(order, policy):
            match = await self._match(order)
        planned = plan(order, match.customer, runtime.rules, policy, held, seen_at=runtime.clock.now())
        found.seen += 1
        if planned.verdict in (Verdict.IGNORE, Verdict.SKIP):
            found.outcomes["ignored" if planned.verdict is Verdict.IGNORE else "skipped"] += 1
            return
        if planned.stops:
            self._waits(planned.stops[0])
        elif held.customer_order() is None:
            found.outcomes["new"] += 1
            found.sums[order.currency] = found.sums.get(order.currency, Decimal(0)) + order.total_inc_tax
        else:
            found.outcomes["in_ifs"] += 1

    def _waits(self, first: Blocker) -> None:
        self.found.outcomes["waiting"] += 1
        self.found.waiting[first.reason.value, first.message, first.remedy] += 1

    async def _match(self, order: Order) -> Match:
        """The buyer's customer, asked for once for all orders of that buyer."""
        buyer = buyer_of(order)
        key = buyer.key, buyer.channel_id, buyer.country, buyer.currency  # customer rules may tell them apart
        asked = self._matches.get(key)
        if asked is None:
            asked = asyncio.ensure_future(Matching(self.runtime).resolve(buyer, None))
            self._matches[key] = asked
        return await asked
