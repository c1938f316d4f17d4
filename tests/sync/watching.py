"""One connection whose webhooks are watched, minute by minute, against a stand-in for its store."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import select

from bcifs_console.base.clock import ManualClock
from bcifs_console.store import health, webhooks
from bcifs_console.store.tables import journal
from bcifs_console.store.webhooks import WebhookHealth
from bcifs_console.sync import hooks
from bcifs_console.sync.alerts import Alerts
from bcifs_console.sync.breakers import Breakers
from bcifs_console.sync.runtime import Runtime
from bcifs_console.sync.watcher import Watcher
from tests.sync.hook_store import HookStore

INTERVAL = timedelta(minutes=1)


@dataclass
class Watch:
    """One connection with registered webhooks, and the process that watches them."""

    runtime: Runtime
    store: HookStore
    clock: ManualClock
    watcher: Watcher
    breakers: Breakers
    told: list[tuple[str, str, str]] = field(default_factory=list)
    polls: int = 0
    listens: bool = True
    owner: str = "w1"

    async def minute(self, minutes: int = 1) -> WebhookHealth:
        """Let so many minutes pass, with a look at the end of each."""
        for _ in range(minutes):
            self.clock.advance(60)
            await self.look()
        return await self.health()

    async def look(self) -> WebhookHealth:
        if self.listens:
            await self.runtime.database.write(lambda tx: health.beat(tx, self.owner, "all", {}))
        await self.watcher.cycle()
        return await self.health()

    async def health(self) -> WebhookHealth:
        return await self.runtime.database.read(lambda conn: webhooks.health_of(conn, self.runtime.id))

    async def sampled(self, **outcomes: int) -> None:
        """The listener counts deliveries."""
        for outcome, number in outcomes.items():
            sample = partial(webhooks.add_sample, connection_id=self.runtime.id, outcome=outcome, number=number)
            await self.runtime.database.write(sample)

    async def journal(self, event: str = "webhooks.state") -> list[dict[str, Any]]:
        query = select(journal.c.detail).where(journal.c.event == event, journal.c.actor == "watcher")
        ordered = query.order_by(journal.c.id)
        read = self.runtime.database.read
        return [json.loads(text) for text in await read(lambda conn: list(conn.execute(ordered).scalars()))]


async def watching(
    runtime: Runtime, store: HookStore, clock: ManualClock, runtimes: dict[int, Runtime], *, registered: bool = True
) -> Watch:
    breakers = Breakers(runtime.database, runtime.timing)
    made: list[Watch] = []

    async def send(title: str, body: str, level: str) -> bool:
        made[0].told.append((level, title, body))
        return True

    def poll() -> None:
        made[0].polls += 1

    alerts = Alerts(runtime.database, send)
    watcher = Watcher(runtime.database, runtimes, breakers, alerts, interval=INTERVAL, on_gap=poll)
    made.append(Watch(runtime, store, clock, watcher, breakers))
    if registered:
        await hooks.register(runtime, actor="tester")
        await made[0].look()
        store.done.clear()
    return made[0]
