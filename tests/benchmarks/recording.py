"""A recording gate between `bcifs serve` and the simulator: forwards each call and keeps it, with its answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.ports import free_port

_METHODS: Final = ["GET", "POST", "PUT", "PATCH", "DELETE"]
#: What a client's own library says anew for each call.
_PER_CALL: Final = frozenset({"host", "content-length", "connection", "accept-encoding", "user-agent", "authorization"})
_NOT_FORWARDED: Final = frozenset({"content-length", "transfer-encoding", "connection", "date", "server"})


@dataclass(frozen=True, slots=True)
class Call:
    """One call as it went over the wire. `side` is `store` or `ifs`; `path` has its query."""

    side: str
    method: str
    path: str
    headers: dict[str, str] = field(repr=False)
    body: bytes
    status: int
    answer: bytes = field(repr=False)


@dataclass(slots=True)
class Gate:
    """One side's recording gate."""

    side: str
    url: str
    upstream: str
    calls: list[Call]
    http: httpx.AsyncClient

    async def forward(self, request: Request) -> Response:
        body = await request.body()
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        sent = {name: value for name, value in request.headers.items() if name != "host"}
        answer = await self.http.request(request.method, self.upstream + path, headers=sent, content=body)
        kept = {name: value for name, value in request.headers.items() if name not in _PER_CALL}
        self.calls.append(Call(self.side, request.method, path, kept, body, answer.status_code, answer.content))
        headers = {name: value for name, value in answer.headers.items() if name not in _NOT_FORWARDED}
        return Response(answer.content, answer.status_code, headers)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]  # a generator as uvicorn has it
        yield


@contextlib.asynccontextmanager
async def gate(side: str, upstream: str, calls: list[Call]) -> AsyncIterator[Gate]:
    """A gate in front of `upstream` that adds what passes to `calls`."""
    port = free_port()
    async with httpx.AsyncClient(timeout=60) as http:
        opened = Gate(side, f"http://127.0.0.1:{port}", upstream, calls, http)
        app = Starlette(routes=[Route("/{path:path}", opened.forward, methods=_METHODS)])
        config = uvicorn.Config(
            app, host="127.0.0.1", port=port, log_config=None, log_level="error", access_log=False, lifespan="off"
        )
        server = _Server(config)
        task = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield opened
        finally:
            server.should_exit = True
            await task
