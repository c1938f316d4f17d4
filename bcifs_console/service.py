"""The composition root of `serve`: settings → store, listener, clients, dispatcher, worker, poller, probes; signals.

Everything is made here and handed down; nothing below reaches up. Connections and mapping rules that change in the
store are taken over within a second.
"""

import asyncio
import contextlib
import gc
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Literal

import structlog

from bcifs_console.base.clock import Clock
from bcifs_console.base.metrics import Metrics
from bcifs_console.base.problems import Problem
from bcifs_console.base.settings import Settings
from bcifs_console.domain.states import Claim, OrderState, Side
from bcifs_console.listener.readiness import standard_checks
from bcifs_console.listener.server import Listener
from bcifs_console.listener.state import Endpoint, ListenerState
from bcifs_console.store import connections, health, journal, queue, rules
from bcifs_console.store.database import Tx
from bcifs_console.store.errors import StoreProblem
from bcifs_console.store.opening import Store, home_lock, make_home, open_store
from bcifs_console.sync.alerts import Alerts, Send, apprise_channels
from bcifs_console.sync.breakers import Breakers
from bcifs_console.sync.dispatch.embedded import EmbeddedDispatcher
from bcifs_console.sync.rounds import Rounds
from bcifs_console.sync.runtime import Runtime, build_runtime, timing_of
from bcifs_console.sync.worker import Worker

Role = Literal["all", "listener", "worker"]
_HOUSEKEEPING_S: Final = 1.0
_GRACE_S: Final = 10.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Address:
    """Where the service listens; None where its role has no listener."""

    host: str
    port: int | None
    admin_port: int | None


class Service:
    """One running installation. `start`, then `wait` until `ask_to_stop`, then `stop`."""

    def __init__(self, settings: Settings, clock: Clock, *, role: Role = "all") -> None:
        self._settings = settings
        self._clock = clock
        self._role: Role = role
        self._timing = timing_of(settings)
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._metrics = Metrics()
        self._runtimes: dict[int, Runtime] = {}
        self._retired: list[Runtime] = []
        self._signature = ""
        self._stop_asked = asyncio.Event()
        self._fault: BaseException | None = None
        self._cleanup = contextlib.AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self._poll_now = asyncio.Event()
        self._send: Send | None = None
        self._store: Store | None = None
        self._breakers: Breakers | None = None
        self._listener: Listener | None = None
        self._listener_state: ListenerState | None = None
        self._dispatcher: EmbeddedDispatcher | None = None
        self._outcomes: list[Callable[[Claim, OrderState], None]] = []

    @property
    def store(self) -> Store:
        """The open store; only between `start` and `stop`."""
        assert self._store is not None, "the service is not started"
        return self._store

    @property
    def address(self) -> Address:
        """Where it listens, with the ports the system chose where 0 was asked for."""
        listener = self._listener
        return Address(
            self._settings.host,
            listener.public_port if listener else None,
            listener.admin_port if listener else None,
        )

    def on_outcome(self, tell: Callable[[Claim, OrderState], None]) -> None:
        """Call `tell` after each look at an order."""
        self._outcomes.append(tell)

    # -- life ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open everything and begin to work.

        Raises HomeInUse, VaultProblem, SchemaProblem, ListenerProblem (a port in use), AlertsUnavailable, each with
        what to do.
        """
        try:
            await self._start()
        except BaseException:
            await self._cleanup.aclose()
            raise

    async def _start(self) -> None:
        works = self._role in ("all", "worker")
        urls = self._settings.alert_urls.split()
        self._send = apprise_channels(urls) if urls and works else None
        make_home(self._settings.home)
        is_sole_worker = works and self._settings.url.startswith("sqlite")
        if is_sole_worker:
            self._cleanup.enter_context(home_lock(self._settings.home))
        self._store = open_store(self._settings, self._clock)
        self._cleanup.callback(self._store.close)
        self._cleanup.push_async_callback(self._leave)
        if is_sole_worker:
            voided = await self.store.database.write(queue.void_leases)
            if voided:
                _log.info("resuming", orders=voided)
        self._breakers = Breakers(self.store.database, self._timing)
        await self._breakers.load()
        self._cleanup.push_async_callback(self._close_runtimes)
        if self._role in ("all", "listener"):
            self._listener_state = ListenerState(
                self.store.database, self._metrics, checks=standard_checks(self.store.database)
            )
        await self.reload()
        await self._beat()
        if self._listener_state is not None:
            self._listener = Listener(
                self._listener_state,
                host=self._settings.host,
                port=self._settings.port,
                admin_port=self._settings.admin_port,
            )
            await self._listener.start()
            self._cleanup.push_async_callback(self._listener.stop)
            await self._beat()  # again, now that the ports are known: `status` tells them from the first moment
        self._cleanup.push_async_callback(self._end_tasks)
        if works:
            await self._start_worker()
        self._spawn(self._keep_house_forever(), "housekeeping")

    async def _start_worker(self) -> None:
        assert self._breakers is not None, "made before"
        dispatcher = EmbeddedDispatcher(self.store.database, self._owner, self._timing.lease)
        self._dispatcher = dispatcher
        worker = Worker(
            self.store.database,
            dispatcher,
            self._runtimes,
            self._breakers,
            self._timing,
            concurrency=self._settings.concurrency,
            on_outcome=self._tell_outcome,
        )
        self._spawn(worker.run(), "worker")

        async def end() -> None:
            await worker.stop(_GRACE_S)
            await dispatcher.close()

        self._cleanup.push_async_callback(end)
        alerts = Alerts(self.store.database, self._send)
        rounds = Rounds(
            self._settings, self.store.database, self._runtimes, self._breakers, alerts, poll_now=self._poll_now
        )
        for name, work in rounds.all().items():
            self._spawn(work, name)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run `work` beside everything else. Should it die, the service ends: half a service is worse than none."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._noticed)
        self._tasks.append(task)

    def _noticed(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        _log.critical("background_task_died", task=task.get_name(), exc_info=error)
        self._fault = error
        self.ask_to_stop()

    def _tell_outcome(self, claim: Claim, state: OrderState) -> None:
        for tell in self._outcomes:
            tell(claim, state)

    async def wait(self) -> None:
        """Return when somebody asked to stop; raises what ended a part of the service by itself."""
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(self._stop_asked.wait())]
        if self._listener is not None:
            waits.append(asyncio.create_task(self._listener.wait()))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        if self._fault is not None:
            raise self._fault

    def ask_to_stop(self) -> None:
        """Ask for an orderly end; callable from a signal handler."""
        self._stop_asked.set()

    def poll_soon(self) -> None:
        """Poll the stores now instead of at the next interval."""
        self._poll_now.set()

    async def stop(self) -> None:
        """End in order: no new deliveries, looks under way finished, everything written, the heartbeat taken back."""
        await self._cleanup.aclose()

    async def _leave(self) -> None:
        """Take the heartbeat back, after everything else has ended: until then the watcher would miss a listener."""
        with contextlib.suppress(StoreProblem):
            await self.store.database.write(lambda tx: health.leave(tx, self._owner))

    async def _end_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- connections -------------------------------------------------------------------------------------------------

    async def reload(self) -> None:
        """Take over connections, secrets and rules where the store has other ones than we work with."""
        database, vault = self.store.database, self.store.vault
        signature = await database.read(connections.signature)
        if signature == self._signature:
            return
        found = await database.read(
            lambda conn: [(c, rules.in_force(conn, c.id)) for c in connections.load_all(conn, vault)]
        )
        runtimes: dict[int, Runtime] = {}
        endpoints: dict[str, Endpoint] = {}
        for connection, in_force in found:
            try:
                runtimes[connection.id] = build_runtime(
                    connection,
                    in_force,
                    database=database,
                    timing=self._timing,
                    owner=self._owner,
                    on_call=self._count_call,
                    on_document=lambda kind, outcome: self._metrics.documents.labels(kind, outcome).inc(),
                )
                endpoints[connection.token] = Endpoint.of(connection)
            except Problem as problem:
                _log.error("connection_unusable", connection=connection.name, error=str(problem))
        # Looks under way go on with the clients they began with.
        self._retired += self._runtimes.values()
        self._runtimes.clear()
        self._runtimes.update(runtimes)
        if self._listener_state is not None:
            self._listener_state.replace(endpoints)
        self._signature = signature
        self.poll_soon()
        _log.info("connections", names=[r.connection.name for r in runtimes.values()])

    def _count_call(self, side: Side, status: int, seconds: float) -> None:
        self._metrics.upstream_requests.labels(side.value, str(status) if status else "error").inc()
        self._metrics.upstream_seconds.labels(side.value).observe(seconds)

    async def _close_retired(self) -> None:
        """Close the clients that were replaced and that no look or poll uses any more."""
        for runtime in [retired for retired in self._retired if not retired.users]:
            self._retired.remove(runtime)
            await runtime.aclose()

    async def _close_runtimes(self) -> None:
        for runtime in (*self._retired, *self._runtimes.values()):
            await runtime.aclose()

    # -- background --------------------------------------------------------------------------------------------------

    async def _keep_house_forever(self) -> None:
        """Once a second; trouble that has a name is logged and tried again."""
        while True:
            try:
                await self._keep_house()
            except Problem as problem:
                _log.warning("housekeeping", error=str(problem))
            await asyncio.sleep(_HOUSEKEEPING_S)

    async def _beat(self) -> None:
        address = self.address
        detail = {
            "host": address.host,
            "port": address.port,
            "admin_port": address.admin_port,
            "pid": os.getpid(),
            "connections": connections.digest_of(self._signature),
            "ack": self._listener_state.acks.lately() if self._listener_state else None,
            "quotas": {
                number: {"left": left, "of": runtime.budget.quota}
                for number, runtime in self._runtimes.items()
                if (left := runtime.budget.quota_left) is not None
            },
            "answered": {
                number: {side.value: at.isoformat() for side, at in runtime.answered.items()}
                for number, runtime in self._runtimes.items()
            },
        }

        def write(tx: Tx) -> None:
            health.beat(tx, self._owner, self._role, detail)
            health.forget_dead(tx)
            journal.seal(tx)

        await self.store.database.write(write)

    async def _keep_house(self) -> None:
        await self._beat()
        await self.reload()
        await self._close_retired()
        if self._breakers is not None and self._dispatcher is not None:
            for runtime in self._runtimes.values():
                if (left := runtime.budget.quota_left) is not None:
                    self._metrics.quota_left.labels(runtime.connection.name).set(left)
            if await self._breakers.probe(self._runtimes):
                self._dispatcher.wake()
                self.poll_soon()  # what changed while a side was paused


@contextlib.asynccontextmanager
async def running(settings: Settings, clock: Clock, *, role: Role = "all") -> AsyncIterator[Service]:
    """A started service that is stopped in order at the end of the block."""
    service = Service(settings, clock, role=role)
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


async def serve(settings: Settings, clock: Clock, *, role: Role, on_ready: Callable[[Address], None]) -> None:
    """Run until SIGTERM, SIGINT or SIGHUP. Raises what `Service.start` raises."""
    service = Service(settings, clock, role=role)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, service.ask_to_stop)
    await service.start()
    # What is loaded now stays. Without this the collector goes through all of it again and again: pauses of 60 ms,
    # during which no delivery is answered (docs/benchmarks.md).
    gc.collect()
    gc.freeze()
    try:
        on_ready(service.address)
        await service.wait()
    finally:
        await service.stop()
