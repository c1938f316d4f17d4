"""`bcifs demo` on a terminal: the console in front of a shop that is open, until the person leaves.

The simulator and the service are processes of their own, as in a real installation; all of it ends with the console.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

import httpx
import structlog

from bcifs_console.base.clock import SystemClock
from bcifs_console.base.problems import Problem
from bcifs_console.base.settings import Settings
from bcifs_console.cli.demo_hints import Seen, hint
from bcifs_console.cli.demo_traffic import HOOK_START_S, Traffic
from bcifs_console.cli.demo_world import WATCH_S, connect_to, simulator
from bcifs_console.console.app import ConsoleApp
from bcifs_console.domain.documents import DocumentKind
from bcifs_console.domain.plan import Reason
from bcifs_console.domain.states import OrderState
from bcifs_console.domain.webhooks import WebhookState
from bcifs_console.operations import hooks
from bcifs_console.operations.context import Context, acting_user, opened
from bcifs_console.operations.serving import start_service
from bcifs_console.store import connections, customers, health, journal, queue, reconciliation, rules, views, webhooks

_LOOK_S: Final = 0.1
_HINT_S: Final = 0.5
_START_S: Final = 30.0
#: From one accident with a webhook until the service's next look but one, so that most of the time all is well.
_ACCIDENT_S: Final = 2.5 * WATCH_S
_log: Final = structlog.get_logger(__name__)


async def live(settings: Settings, *, morning: int, rate: float, seed: int, faults: str) -> None:
    """Open the shop and show it. `morning`: orders that are there at first; `rate`: orders a second after that.

    Raises Problem where one of the processes does not start, or the home is in use.
    """
    with opened(settings, clock=SystemClock(), actor=acting_user()) as context:
        async with (
            simulator(seed, behind_s=HOOK_START_S) as access,
            _served(context) as address,
            httpx.AsyncClient(timeout=60) as control,
        ):
            await asyncio.to_thread(connect_to, context, access, address, by_sku=True)
            await _taken_over(context)
            await hooks.register(context, None)
            url = access["bigcommerce"]["api_url"]
            await control.post(f"{url}/_sim/faults", json={"profile": faults})
            traffic = Traffic(control, access, seed, pause_s=1 / rate)
            app = ConsoleApp(context)
            happening = (_day(traffic, morning), accidents(traffic, context), _Guide(app, context).run())
            beside = [asyncio.create_task(each) for each in happening]
            try:
                await app.run_async()
            finally:
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)


@contextlib.asynccontextmanager
async def _served(context: Context) -> AsyncIterator[str]:
    """A service on this home; gives the address it listens on. It ends with the block."""
    process = start_service(context.settings)
    try:
        async with asyncio.timeout(_START_S):
            while (port := await _port(context)) is None:
                if not process.is_running:
                    raise Problem(
                        f"The service did not start: {process.reason()}.",
                        remedy="Without the console it needs none: bcifs demo --headless",
                    )
                await asyncio.sleep(_LOOK_S)
        yield f"http://{context.settings.host}:{port}"
    finally:
        await asyncio.to_thread(process.stop)


async def _port(context: Context) -> int | None:
    now = context.clock.now()
    for beat in await context.store.database.read(lambda conn: health.living(conn, now)):
        if port := beat.detail.get("port"):
            return int(port)
    return None


async def _taken_over(context: Context) -> None:
    """Wait until the service works with the connection: its listener would refuse what comes before."""
    wanted = await context.store.database.read(connections.digest)
    async with asyncio.timeout(_START_S):
        while True:
            now = context.clock.now()
            beats = await context.store.database.read(lambda conn, now=now: health.living(conn, now))  # type: ignore[misc]
            if any(beat.detail.get("connections") == wanted for beat in beats):
                return
            await asyncio.sleep(_LOOK_S)


async def _day(traffic: Traffic, morning: int) -> None:
    """The shop's day; that the simulator does not answer for once spoils none of it."""
    is_morning = True
    while True:
        try:
            if is_morning:
                await traffic.morning(morning)
                is_morning = False
            await traffic.go_on()
        except httpx.HTTPError as error:
            _log.warning("demo", error=str(error))
            await asyncio.sleep(traffic.pause_s)


async def accidents(traffic: Traffic, context: Context, *, pause_s: float = _ACCIDENT_S) -> None:
    """Now and then a webhook is switched off, just after the service looked: a person can repair it before it does.

    The demo looks at once, for the person could see nothing of it before somebody did.
    """
    looked_at = await _looked_at(context)
    while True:
        await asyncio.sleep(_HINT_S)
        if await _looked_at(context) == looked_at:
            continue
        try:
            await traffic.switch_a_hook_off()
            await hooks.status(context, None)
        except (httpx.HTTPError, Problem) as error:
            _log.warning("demo", error=str(error))
        await asyncio.sleep(pause_s)
        looked_at = await _looked_at(context)


async def _looked_at(context: Context) -> datetime | None:
    """When the webhooks were looked at last."""
    found = await context.store.database.read(webhooks.healths)
    return max((each.looked_at for each in found.values() if each.looked_at), default=None)


@dataclass
class _Guide:
    """Follows what there is and what the person has tried, and says what to try next."""

    app: ConsoleApp
    context: Context
    visited: set[str] = field(default_factory=set)
    asked: set[int] = field(default_factory=set)
    decided: set[int] = field(default_factory=set)
    _rules: frozenset[int] | None = None
    _were_broken: bool = False

    async def run(self) -> None:
        while True:
            self.app.hint = hint(await self.look())
            await asyncio.sleep(_HINT_S)

    async def look(self) -> Seen:
        """How the demo stands now."""
        front = self.app.front
        in_order = front is not None and front.SECTION == "order"
        section = str(self.app.current_mode)
        self.visited |= {section, *(("order",) if in_order else ())}
        return await self.context.store.database.read(lambda conn: self._read(conn, section, in_order))

    def _read(self, conn: Any, section: str, in_order: bool) -> Seen:
        (connection_id,) = connections.names(conn).values()
        waiting = views.orders(conn, state=OrderState.WAITING.value)
        found = customers.open_decisions(conn)
        self._follow_decisions(conn, {one.id for one in found})
        in_force = frozenset(rule.id for rule in rules.in_force(conn, connection_id).rules)
        self._rules = self._rules or in_force
        broken = sum(1 for one in health.hooks(conn) if one.state == WebhookState.DEACTIVATED)
        self._were_broken = self._were_broken or broken > 0
        documents = {label: number for (_, label), number in journal.counts(conn, "documents").items()}
        return Seen(
            section=section,
            in_order=in_order,
            visited=frozenset(self.visited),
            orders=sum(queue.states(conn).values()),
            waiting=len(waiting),
            open_decisions=len(found),
            decided=len(self.decided),
            unmapped=sum(1 for order in waiting if order.reason == Reason.MAPPING.value),
            mapped=in_force != self._rules,
            broken_hooks=broken,
            repaired=self._were_broken and not broken,
            compared=bool(reconciliation.between(conn, connection_id, date.min, date.max)),
            vouchers=documents.get(DocumentKind.VOUCHER.value, 0),
        )

    def _follow_decisions(self, conn: Any, open_now: set[int]) -> None:
        """Who answered the questions that are open no more: only a person's answer counts."""
        for gone in self.asked - open_now:
            answered = customers.decision_by_id(conn, gone)
            if answered is not None and answered.actor == self.context.actor:
                self.decided.add(gone)
        self.asked = open_now
