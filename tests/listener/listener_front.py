"""A running listener on loopback with one connection, and a store that signs deliveries with the standardwebhooks
library: the signer here shares no code with the verifier under test."""

import asyncio
import json
import sqlite3
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import OperationalError
from standardwebhooks import Webhook

from bcifs_console.base.clock import ManualClock
from bcifs_console.listener.server import Listener
from bcifs_console.listener.state import ListenerState
from bcifs_console.store.database import Database

#: The secrets and the store that the shared `add_connection` fixture gives each connection.
CLIENT_SECRET = "planted-bc-client-secret"
STORE_HASH = "abc123"

Headers = list[tuple[str, str]]


def event(order_id: int = 272, *, scope: str = "store/order/updated", producer: str = f"stores/{STORE_HASH}") -> bytes:
    """A delivery's body in BigCommerce's compact form."""
    payload = {
        "producer": producer,
        "hash": f"{order_id:040x}",
        "created_at": 1796126399,
        "store_id": "1001197568",
        "scope": scope,
        "data": {"type": "order", "id": order_id},
    }
    return json.dumps(payload, separators=(",", ":")).encode()


def padded(body: bytes, size: int) -> bytes:
    """`body` with blanks behind it, which JSON allows, `size` bytes in all."""
    return body + b" " * (size - len(body))


@dataclass
class Front:
    """What a test talks to."""

    state: ListenerState
    listener: Listener
    client: httpx.AsyncClient
    clock: ManualClock
    connection_id: int
    token: str
    hook_secret: str
    lines: list["Line"] = field(default_factory=list)

    @property
    def database(self) -> Database:
        return self.state.database

    @property
    def path(self) -> str:
        return f"/webhooks/bigcommerce/{self.token}"

    @property
    def public(self) -> str:
        return f"http://127.0.0.1:{self.listener.public_port}"

    @property
    def admin(self) -> str:
        return f"http://127.0.0.1:{self.listener.admin_port}"

    def signed(self, body: bytes, *, secret: str = CLIENT_SECRET, at: datetime | None = None) -> Headers:
        """The headers of a genuine delivery of `body`, sent at `at` (default: now)."""
        moment = at or self.clock.now()
        signer = Webhook(b64encode(secret.encode()).decode())
        return [
            ("x-bcifs-key", self.hook_secret),
            ("webhook-id", "msg-1"),
            ("webhook-timestamp", str(int(moment.timestamp()))),
            ("webhook-signature", signer.sign("msg-1", moment, body.decode("utf-8", "surrogateescape"))),
        ]

    async def post(
        self, body: bytes = b"", headers: Headers | None = None, *, path: str | None = None
    ) -> httpx.Response:
        """Deliver `body`, genuinely unless `headers` say otherwise."""
        body = body or event()
        return await self.client.post(
            self.public + (path or self.path), content=body, headers=self.signed(body) if headers is None else headers
        )

    async def post_raw(self, body: bytes) -> int:
        """Deliver `body` on a connection of its own and return the status; for crowds, where httpx is the slow part."""
        line = await self.dial()
        await line.send(self.head([*self.signed(body), ("content-length", str(len(body)))]) + body)
        return await line.status()

    def on_disk(self, sql: str = "SELECT order_id FROM webhook_delivery ORDER BY order_id") -> list[Any]:
        """The first column of a query, seen by another process: a connection of its own, committed rows only."""
        path = self.database.url.removeprefix("sqlite:///")
        other = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return [row[0] for row in other.execute(sql)]
        finally:
            other.close()

    def metric(self, outcome: str, connection: str = "acme-us") -> float:
        """Deliveries counted with `outcome`."""
        labels = {"connection": connection, "outcome": outcome}
        return self.state.metrics.registry.get_sample_value("bcifs_deliveries_total", labels) or 0.0

    async def dial(self) -> "Line":
        """A raw connection to the public port, closed after the test."""
        line = Line(*await asyncio.open_connection("127.0.0.1", self.listener.public_port))
        self.lines.append(line)
        return line

    async def close(self) -> None:
        """Hang up everywhere and stop the listener."""
        for line in self.lines:
            await line.close()
        await self.client.aclose()
        await self.listener.stop(0.0)

    def head(self, headers: Headers, *, method: str = "POST") -> bytes:
        """A request's head as bytes."""
        lines = [f"{method} {self.path} HTTP/1.1", "host: localhost", *(f"{name}: {value}" for name, value in headers)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


@dataclass
class Line:
    """A raw connection: what no HTTP client would send can be sent."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def status(self) -> int:
        """The status of the next answer."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10)
        return int(head.split(b" ", 2)[1])

    async def is_cut(self) -> bool:
        """Wait for the other side to close, without having sent anything."""
        try:
            return await asyncio.wait_for(self.reader.read(), 10) == b""
        except ConnectionError:
            return True

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            return


def chunked(body: bytes, size: int) -> bytes:
    """`body` in HTTP chunks of `size` bytes."""
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@contextmanager
def failing_commits(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """While inside, the disk is full for every commit."""

    def fail() -> None:
        raise OperationalError("COMMIT", {}, Exception("database or disk is full"))

    with monkeypatch.context() as patch:
        patch.setattr(database, "_before_commit", fail)
        yield


#: `await open_front(**limits)`: a running listener with these limits.
OpenFront = Callable[..., Any]
