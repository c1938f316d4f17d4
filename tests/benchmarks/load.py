"""The load generator, a process of its own: pre-signed deliveries over keep-alive connections, each answer timed.

`python -m tests.benchmarks.load`; each line on stdin is one job, each line on stdout its outcome. It writes and reads
bytes and nothing else (an answer has no body, so its end is the end of its headers), so that the server under test is
the bottleneck: `busy`, its own share of a processor, says whether that was so. Signing is done before the clock starts.

Jobs either keep every connection busy (no `rate`) or send at fixed times (`rate` a second), and then an answer's time
counts from when its request should have gone out, whether or not it could.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import sys
import time
from base64 import b64encode
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

_OK: Final = b"HTTP/1.1 200 "
_END: Final = b"\r\n\r\n"
_SCOPES: Final = ("store/order/created", "store/order/updated", "store/order/statusUpdated")


@dataclass(frozen=True, slots=True)
class Job:
    """`count` deliveries over `connections` connections to one address, of orders from `first` on.

    `events` of them are about one order and follow each other, as a store sends them for a new order.
    """

    port: int
    path: str
    store_hash: str
    client_secret: str
    hook_secret: str
    first: int
    count: int
    connections: int
    events: int
    rate: float | None = None


def _requests(job: Job) -> deque[bytes]:
    """Every request whole, no two alike, signed as the store signs (Standard Webhooks)."""
    now = int(time.time())
    key = hmac.new(job.client_secret.encode(), digestmod="sha256")
    made: deque[bytes] = deque()
    for number in range(job.count):
        order = job.first + number // job.events
        scope = _SCOPES[number % job.events % len(_SCOPES)]
        identity = f"{order:032x}{number % job.events:08x}"
        body = json.dumps(
            {
                "producer": f"stores/{job.store_hash}",
                "hash": identity,
                "created_at": now,
                "store_id": "1001",
                "scope": scope,
                "data": {"type": "order", "id": order},
            },
            separators=(",", ":"),
        ).encode()
        mac = key.copy()
        mac.update(f"{identity}.{now}.".encode() + body)
        head = (
            f"POST {job.path} HTTP/1.1\r\nhost: 127.0.0.1:{job.port}\r\ncontent-type: application/json\r\n"
            f"user-agent: akka-http/10.0.5\r\ncontent-length: {len(body)}\r\nx-bcifs-key: {job.hook_secret}\r\n"
            f"webhook-id: {identity}\r\nwebhook-timestamp: {now}\r\n"
            f"webhook-signature: v1,{b64encode(mac.digest()).decode()}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


class _Shooter:
    """Hands requests to idle connections and keeps the times of their answers."""

    def __init__(self, requests: deque[bytes]) -> None:
        self.requests = requests
        self.wanted = len(requests)
        self.idle: list[_Connection] = []
        self.overdue: deque[float] = deque()  #: with a rate: when requests that found no idle connection were meant
        self.took: list[float] = []
        self.refused = 0
        self.lost = 0
        self.is_closed_loop = True
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def answered(self, connection: _Connection, began: float, *, is_ok: bool) -> None:
        self.took.append(time.perf_counter() - began)
        self.refused += not is_ok
        self._count()
        if self.overdue:
            connection.send(self.requests.popleft(), self.overdue.popleft())
        elif self.is_closed_loop and self.requests:
            connection.send(self.requests.popleft(), time.perf_counter())
        else:
            self.idle.append(connection)

    def broken(self) -> None:
        self.lost += 1
        self._count()

    def _count(self) -> None:
        if len(self.took) + self.lost >= self.wanted and not self.done.done():
            self.done.set_result(None)

    def start(self) -> None:
        """Keep every connection busy."""
        for connection in self.idle:
            if self.requests:
                connection.send(self.requests.popleft(), time.perf_counter())
        self.idle = []

    async def keep_time(self, rate: float) -> None:
        """Send one request each `1 / rate` seconds, through whichever connection is free."""
        self.is_closed_loop = False
        began = time.perf_counter()
        for number in range(self.wanted):
            due = began + number / rate
            if (ahead := due - time.perf_counter()) > 0:
                await asyncio.sleep(ahead)
            if self.idle:
                self.idle.pop().send(self.requests.popleft(), due)
            else:
                self.overdue.append(due)


class _Connection(asyncio.Protocol):
    def __init__(self, shooter: _Shooter) -> None:
        self._shooter = shooter
        self._received = b""
        self._began = 0.0
        self._is_waiting = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self.transport = transport  # type: ignore[assignment]  # uvloop's own class
        self._shooter.idle.append(self)

    def send(self, request: bytes, began: float) -> None:
        assert self.transport is not None, "only connected ones are idle"
        self._began = began
        self._is_waiting = True
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._received.endswith(_END):
            is_ok = self._received.startswith(_OK)
            self._received = b""
            self._is_waiting = False
            self._shooter.answered(self, self._began, is_ok=is_ok)

    def connection_lost(self, exc: Exception | None) -> None:
        if self in self._shooter.idle:  # the server closed it for being idle
            self._shooter.idle.remove(self)
        if self._is_waiting:
            self._shooter.broken()


def _at(times: list[float], share: float) -> float:
    return times[min(len(times) - 1, int(share * len(times)))] if times else 0.0


async def _shoot(job: Job) -> dict[str, Any]:
    shooter = _Shooter(_requests(job))
    loop = asyncio.get_running_loop()
    connections = [
        (await loop.create_connection(lambda: _Connection(shooter), "127.0.0.1", job.port))[1]
        for _ in range(job.connections)
    ]
    cpu, began = time.process_time(), time.perf_counter()
    if job.rate:
        await shooter.keep_time(job.rate)
    else:
        shooter.start()
    await shooter.done
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    for connection in connections:
        if connection.transport is not None:
            connection.transport.close()
    times = sorted(shooter.took)
    return {
        "answered": len(times),
        "refused": shooter.refused,
        "lost": shooter.lost,
        "seconds": seconds,
        "rate": len(times) / seconds,
        "p50": _at(times, 0.5),
        "p99": _at(times, 0.99),
        "max": times[-1] if times else 0.0,
        "busy": cpu / seconds,
    }


async def _main() -> None:
    loop = asyncio.get_running_loop()
    sys.stdout.write('{"ready": true}\n')
    sys.stdout.flush()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        outcome = await _shoot(Job(**json.loads(line)))
        sys.stdout.write(json.dumps(outcome) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_main())
