"""A home and the lives of the program on it: the real store, clients, worker and posting, driven step by step.

The clock is moved by hand to whatever falls due next: waiting costs nothing, and every life takes the same steps.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from bcifs_console.base.clock import Clock, ManualClock
from bcifs_console.domain.documents import DocumentKind, LedgerDocument
from bcifs_console.domain.rules import Purpose
from bcifs_console.domain.states import Side
from bcifs_console.operations.connection_file import read_connection_file
from bcifs_console.store import connections, intake, ledger, queue, rules, views
from bcifs_console.store.database import Database, Tx
from bcifs_console.store.intake import Delivery
from bcifs_console.store.tables import document
from bcifs_console.store.vault import MasterKey, Vault
from bcifs_console.store.views import OrderView
from bcifs_console.sync.breakers import Breakers
from bcifs_console.sync.dispatch.embedded import EmbeddedDispatcher
from bcifs_console.sync.poller import poll
from bcifs_console.sync.runtime import Timing, build_runtime
from bcifs_console.sync.worker import Worker
from tests.chaos.chaos_crash import CrashingDatabase, CrashingTransport, Fuse
from tests.integration.waiting import until
from tests.integration.world import connection_text, environment_of

TIMING: Final = Timing(
    request_deadline=timedelta(seconds=5),
    resend_after=timedelta(seconds=1),
    lease=timedelta(seconds=60),
    retry_base=timedelta(milliseconds=100),
    probe_interval=timedelta(seconds=1),
)
#: More claims than any life here needs: who gets there goes round in circles.
_MANY: Final = 300
_AT_ONCE: Final = 3


@dataclass(frozen=True)
class Home:
    """What outlives a process: the database and the key to its secrets."""

    url: str
    connection_id: int
    vault: Vault

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith("sqlite")


def new_home(url: str, about: Mapping[str, Any], folder: Path, *, now: datetime, **policy: str) -> Home:
    """Put a connection to the simulator that announced `about` into the database, from a connection file."""
    path = folder / "connection.toml"
    path.write_text(connection_text(about, public_url="http://127.0.0.1:9", **policy), encoding="utf-8")
    file = read_connection_file(path, now=now, environment=environment_of(about))
    vault = Vault(MasterKey(bytes(range(32)), "test"))

    def write(tx: Tx) -> int:
        added = connections.add(tx, vault, file.name, file.settings, file.secrets, "tester")
        for purpose in Purpose:
            mine = [rule for rule in file.rules if rule.purpose is purpose]
            rules.replace(tx, added, purpose, mine, actor="tester", reason="test")
        return added

    database = Database(url, clock=ManualClock(now))
    try:
        return Home(url, database.write_sync(write), vault)
    finally:
        database.close()


_lives = itertools.count(1)


class Life:
    """One process on a home, from its start to its end or crash. Make it inside the running loop."""

    def __init__(self, home: Home, clock: Clock, fuse: Fuse | None = None, *, timing: Timing = TIMING) -> None:
        self.home = home
        self.clock = clock
        self.fuse = fuse or Fuse()
        self._owner = f"life-{next(_lives)}"
        self.database = CrashingDatabase(home.url, clock=clock, fuse=self.fuse)
        connection, in_force = self.database.read_sync(
            lambda conn: (
                connections.load(conn, home.vault, home.connection_id),
                rules.in_force(conn, home.connection_id),
            )
        )
        self._transports = {side: CrashingTransport(self.fuse) for side in Side}
        self.runtime = build_runtime(
            connection,
            in_force,
            database=self.database,
            timing=timing,
            owner=self._owner,
            transports=self._transports,
        )
        self.breakers = Breakers(self.database, timing)
        self.dispatcher = EmbeddedDispatcher(self.database, self._owner, timing.lease)
        self.worker = Worker(
            self.database,
            self.dispatcher,
            {connection.id: self.runtime},
            self.breakers,
            timing,
            concurrency=8,
        )

    # -- what a process does -----------------------------------------------------------------------------------------

    async def void_leases(self) -> None:
        """What `serve` does when it gets the home's lock; on PostgreSQL nobody may, and leases run out."""
        if self.home.is_sqlite:
            await self.database.write(queue.void_leases)

    async def deliver(self, order_id: int, event: str = "created") -> None:
        """Accept a webhook of the order, as the listener does before it answers."""
        delivery = Delivery(
            self.home.connection_id, f"{order_id}/{event}", f"store/order/{event}", order_id, self.clock.now(), "{}"
        )
        await intake.accept(self.database, delivery)
        self.fuse.reach("after commit of a delivery")

    async def poll(self) -> None:
        await poll(
            self.runtime,
            overlap=timedelta(minutes=2),
            refund_overlap=timedelta(hours=2),
            hook_grace=timedelta(seconds=60),
        )

    async def look_once(self) -> int:
        """Claim what is due and look at it; returns how many orders that were."""
        claims = await self.dispatcher.claim(8, self.breakers.paused())
        for claim in claims:
            await self.worker.look(claim)
        return len(claims)

    async def look_until_stalled(self) -> "asyncio.Task[int]":
        """Begin `look_once` and come as far as the fuse lets it; it goes on when the fuse is woken."""
        looking = asyncio.create_task(self.look_once())
        stalled = asyncio.create_task(self.fuse.stalled.wait())
        await asyncio.wait([looking, stalled], return_when=asyncio.FIRST_COMPLETED)
        stalled.cancel()
        assert self.fuse.stalled.is_set() or self.fuse.stall_at is None, "it never got there"
        return looking

    async def work(self) -> None:
        """Until no order is due and none is leased; the clock goes on to the next moment where something is."""
        assert isinstance(self.clock, ManualClock)
        for _ in range(_MANY):
            if await self.look_once():
                continue
            due_at = await self.database.read(queue.next_due_at)
            if due_at is None:
                return
            self.clock.advance(max(0.0, (due_at - self.clock.now()).total_seconds()))
        raise AssertionError(f"no end of work: {await self.database.read(views.orders)}")

    async def end(self) -> None:
        """Let go of everything. A dead process writes nothing: what was queued is rolled back."""

        async def silent() -> bool:
            return not any(transport.in_flight for transport in self._transports.values())

        await until(silent, "the calls under way have ended")
        await self.dispatcher.close()
        await self.runtime.aclose()
        self.database.close()

    # -- what it knows -----------------------------------------------------------------------------------------------

    async def view(self, order_id: int) -> OrderView | None:
        found = await self.database.read(lambda conn: views.orders_by_id(conn, self.home.connection_id, [order_id]))
        return found[0] if found else None

    async def documents(self, kind: DocumentKind) -> list[LedgerDocument]:
        """Every document of the kind in the ledger."""

        def read(conn: Any) -> list[LedgerDocument]:
            keys = conn.execute(select(document.c.key).where(document.c.kind == kind.value).order_by(document.c.id))
            found = [ledger.find(conn, self.home.connection_id, kind, key) for (key,) in keys]
            return [one for one in found if one is not None]

        return await self.database.read(read)


async def all_at_once(cases: Iterable[tuple[str, Callable[[], Awaitable[None]]]], at_once: int = _AT_ONCE) -> None:
    """Run the named cases, a few at a time; every one that fails is reported with its name."""
    room = asyncio.Semaphore(at_once)

    async def one(name: str, case: Callable[[], Awaitable[None]]) -> Exception | None:
        async with room:
            try:
                await case()
            except Exception as error:  # noqa: BLE001 - reported below, with the others
                error.add_note(f"case: {name}")
                return error
        return None

    failures = [error for error in await asyncio.gather(*(one(*case) for case in cases)) if error is not None]
    if failures:
        raise ExceptionGroup(f"{len(failures)} cases", failures)
