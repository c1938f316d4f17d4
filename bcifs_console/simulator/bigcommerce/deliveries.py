"""Webhook deliveries: signing, the retry ladder on the simulator's clock, the blocklist, deactivation.

Everything with a due time waits in one heap, placements of later orders included, so that `advance` can go through it
step by step and answer only when all that fell due is done.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import heapq
import hmac
import itertools
import ssl
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

import httpx
from standardwebhooks import Webhook

from bcifs_console.simulator.bigcommerce.hooks import EXCEPTION_SCOPE, Hook, Hooks
from bcifs_console.simulator.clock import Clock, iso_z
from bcifs_console.simulator.faults import Faults
from bcifs_console.simulator.money import Json, dump

# Documented delays; each counts from the attempt before, which alone gives the documented 48 hours.
LADDER = (60.0, 180.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 21600.0, 50400.0, 86400.0)

RATIO_WINDOW = 120.0
RATIO_FLOOR = 100
RATIO_LINE = 0.9
BLOCK_SECONDS = 180.0
EXCEPTION_NOTICE = 600.0

KEPT = 10_000
_CONCURRENT = 32


@cache
def _tls() -> ssl.SSLContext:
    """Reading the certificates takes longer than everything else at a start, so it is done once."""
    return ssl.create_default_context()


@dataclass
class Delivery:
    hook: Hook
    scope: str
    order_id: int | None
    webhook_id: str
    body: bytes
    attempts: list[Json] = field(default_factory=list)
    state: str = "pending"  # pending, delivered, retrying, failed
    deactivations: int = 0  # the hook's, when this was made: a later one takes it along

    def wire(self) -> Json:
        return {
            "hook_id": self.hook.id,
            "scope": self.scope,
            "order_id": self.order_id,
            "webhook_id": self.webhook_id,
            "attempts": self.attempts,
            "state": self.state,
        }


@dataclass
class Destination:
    """What BigCommerce knows of one domain: recent outcomes, and until when it is blocked."""

    outcomes: deque[tuple[float, bool]] = field(default_factory=deque)
    failures: int = 0
    blocked_until: float = 0.0
    noticed: float = 0.0

    def record(self, now: float, ok: bool) -> bool:
        """True when this outcome gets the domain blocked."""
        self.outcomes.append((now, ok))
        self.failures += not ok
        while self.outcomes[0][0] <= now - RATIO_WINDOW:
            self.failures -= not self.outcomes.popleft()[1]
        sent = len(self.outcomes)
        return sent >= RATIO_FLOOR and (sent - self.failures) / sent < RATIO_LINE


class Deliverer:
    def __init__(self, store_hash: str, store_id: str, clock: Clock, faults: Faults, hooks: Hooks, seed: int) -> None:
        self._producer = f"stores/{store_hash}"
        self._store_id = store_id
        self._clock = clock
        self._faults = faults
        self._hooks = hooks
        self._seed = seed
        self._count = itertools.count(1)
        self._sequence = itertools.count()
        self._due: list[tuple[float, int, Delivery | Callable[[], None]]] = []
        self._wake = asyncio.Event()
        self._flying: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_CONCURRENT)
        self._client: httpx.AsyncClient | None = None
        self._runner: asyncio.Task[None] | None = None
        self.log: deque[Delivery] = deque(maxlen=KEPT)
        # Events that a hook wanted and no delivery was ever made of, because the hook was not active.
        self.lost: deque[Json] = deque(maxlen=KEPT)
        self.destinations: dict[str, Destination] = {}
        self.secrets: dict[str, str] = {}  # client id -> client secret
        self.timeout = 10.0
        self.x_bc_signature: str | None = None  # "hex" or "base64": folklore, see the facts

    async def start(self) -> None:
        limits = httpx.Limits(max_connections=_CONCURRENT, max_keepalive_connections=_CONCURRENT)
        self._client = httpx.AsyncClient(timeout=self.timeout, limits=limits, trust_env=False, verify=_tls())
        self._runner = asyncio.create_task(self._run())

    async def stop(self) -> None:
        tasks = [task for task in (self._runner, *self._flying) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    def at(self, due: float, action: Callable[[], None]) -> None:
        """Do something at a time of the simulator's clock."""
        self._push(due, action)

    def emit(self, scope: str, data: Json, order_id: int | None, client_id: str | None = None) -> None:
        """One event: one body, one hash, sent to every active hook that wants it. Others never hear of it."""
        now = self._clock.seconds()
        self._hooks.expire(now)
        wanting = [h for h in self._hooks.rows.values() if h.wants(scope) and client_id in (None, h.client_id)]
        hooks = [h for h in wanting if h.is_active]
        self.lost.extend(
            {"hook_id": h.id, "scope": scope, "order_id": order_id, "at": iso_z(self._clock.now())}
            for h in wanting
            if not h.is_active
        )
        if not hooks:
            return
        digest = hashlib.sha1(f"{self._seed}/{next(self._count)}".encode(), usedforsecurity=False).hexdigest()
        body = dump(
            {
                "producer": self._producer,
                "hash": digest,
                "created_at": int(now),
                "store_id": self._store_id,
                "scope": scope,
                "data": data,
            }
        )
        for hook in hooks:
            self._enqueue(hook, scope, order_id, digest, body, now)

    def _enqueue(self, hook: Hook, scope: str, order_id: int | None, digest: str, body: bytes, now: float) -> None:
        habits, dice = self._faults.deliveries, self._faults.random
        copies = 2 if habits.doubled and dice.random() < habits.doubled else 1
        for copy in range(copies):
            delivery = Delivery(hook, scope, order_id, digest, body, deactivations=hook.deactivations)
            self.log.append(delivery)
            # A doubled event came half a second after the first one (observed on a live store).
            delay = 0.5 * copy + (dice.random() * habits.shuffle_seconds if habits.shuffle_seconds else 0.0)
            if habits.first_dropped and dice.random() < habits.first_dropped:
                delivery.attempts.append({"at": iso_z(self._clock.now()), "status": None, "error": "lost on the way"})
                delivery.state = "retrying"
                delay += self._delays()[0]
            self._push(now + delay, delivery)

    def _delays(self) -> tuple[float, ...]:
        return self._faults.deliveries.retry_delays or LADDER

    def _push(self, due: float, item: Delivery | Callable[[], None]) -> None:
        heapq.heappush(self._due, (due, next(self._sequence), item))
        self._wake.set()

    async def _run(self) -> None:
        while True:
            self._launch()
            self._wake.clear()
            pause = self._due[0][0] - self._clock.seconds() if self._due else 3600.0
            try:
                async with asyncio.timeout(max(pause, 0.001)):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _launch(self) -> None:
        """Start everything that is due, first in first out."""
        now = self._clock.seconds()
        while self._due and self._due[0][0] <= now:
            _, _, item = heapq.heappop(self._due)
            if isinstance(item, Delivery):
                task = asyncio.create_task(self._attempt(item))
                self._flying.add(task)
                task.add_done_callback(self._flying.discard)
            else:
                item()

    async def settle(self) -> None:
        """Until nothing is due and nothing is under way."""
        self._launch()
        while self._flying:
            await asyncio.wait(self._flying, return_when=asyncio.FIRST_COMPLETED)
            self._launch()

    async def advance(self, seconds: float) -> None:
        target = self._clock.seconds() + seconds
        while True:
            await self.settle()
            if not self._due or self._due[0][0] > target:
                break
            self._clock.move_to(self._due[0][0])
        self._clock.move_to(target)
        await self.settle()

    async def _attempt(self, delivery: Delivery) -> None:
        async with self._slots:
            hook = delivery.hook
            if not hook.is_active or hook.id not in self._hooks.rows or hook.deactivations != delivery.deactivations:
                # Whether a deactivated hook's events are kept is not documented; the safe reading: they are lost,
                # also where it is active again by now.
                delivery.state = "failed"
                return
            hook.active_at = self._clock.seconds()
            domain = self.destinations.setdefault(delivery.hook.domain, Destination())
            if domain.blocked_until > self._clock.seconds():
                self._failed(delivery, domain, None, "blocked")
                return
            status, error = await self._post(delivery)
        ok = status is not None and 200 <= status < 300
        if domain.record(self._clock.seconds(), ok):
            self._block(delivery, domain)
        if ok:
            delivery.attempts.append({"at": iso_z(self._clock.now()), "status": status})
            delivery.state = "delivered"
        else:
            self._failed(delivery, domain, status, error)

    async def _post(self, delivery: Delivery) -> tuple[int | None, str]:
        if self._client is None:
            return None, "stopped"
        headers = self._headers(delivery)
        try:
            answer = await self._client.post(
                delivery.hook.destination, content=delivery.body, headers=headers, timeout=self.timeout
            )
        except httpx.TimeoutException:
            return None, "timeout"
        except httpx.HTTPError as error:
            return None, type(error).__name__
        return answer.status_code, ""

    def _headers(self, delivery: Delivery) -> dict[str, str]:
        """Signed per attempt with real time, whatever the simulator's clock says: receivers check against theirs."""
        secret = self.secrets[delivery.hook.client_id]
        moment = datetime.fromtimestamp(int(time.time()), UTC)
        signer = Webhook(base64.b64encode(secret.encode()).decode())
        headers = {
            "content-type": "application/json",
            "user-agent": "pekko-http/1.3.0",
            "accept-encoding": "gzip",
            **(delivery.hook.headers or {}),
            "webhook-id": delivery.webhook_id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": signer.sign(delivery.webhook_id, moment, delivery.body.decode()),
        }
        if self.x_bc_signature is not None:
            mac = hmac.new(secret.encode(), delivery.body, hashlib.sha256)
            as_hex = self.x_bc_signature == "hex"
            headers["X-BC-Signature"] = mac.hexdigest() if as_hex else base64.b64encode(mac.digest()).decode()
        return headers

    def _failed(self, delivery: Delivery, domain: Destination, status: int | None, error: str) -> None:
        delivery.attempts.append({"at": iso_z(self._clock.now()), "status": status, "error": error or "refused"})
        delays = self._delays()
        retry = len(delivery.attempts) - 1
        if retry < len(delays):
            delivery.state = "retrying"
            self._push(self._clock.seconds() + delays[retry], delivery)
            self._notice(delivery, domain, 90001, "The delivery failed and will be retried")
            return
        delivery.state = "failed"
        delivery.hook.deactivate(self._clock.seconds())
        self._notice(delivery, domain, 90002, "All attempts failed; the webhook is being disabled")

    def _block(self, delivery: Delivery, domain: Destination) -> None:
        block = BLOCK_SECONDS if self._faults.deliveries.retry_delays is None else 2.0
        domain.blocked_until = self._clock.seconds() + block
        self._notice(delivery, domain, 90003, "The domain is blocked for a while")

    def _notice(self, delivery: Delivery, domain: Destination, code: int, message: str) -> None:
        """To the exception hook of the same client, if there is one; 90001 at most once in ten minutes per domain."""
        if delivery.scope == EXCEPTION_SCOPE:
            return
        now = self._clock.seconds()
        if code == 90001:
            if now - domain.noticed < EXCEPTION_NOTICE:
                return
            domain.noticed = now
        data = {"type": "webhook", "id": delivery.hook.id, "error_code": code, "message": message}
        self.emit(EXCEPTION_SCOPE, data, None, delivery.hook.client_id)

    def blocked(self) -> list[Json]:
        now = self._clock.seconds()
        return [
            {
                "destination": name,
                "time_left": int(domain.blocked_until - now) + 1,
                "reasons": [
                    {"failure_description": "HTTP failures", "count": domain.failures, "timestamp": int(now)},
                ],
            }
            for name, domain in self.destinations.items()
            if domain.blocked_until > now
        ]
