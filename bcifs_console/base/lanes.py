"""`Lanes`: an httpx transport of single connections. Knows no API.

httpx's own pool looks at every connection it keeps, down to a system call each, before and after every request. With
sixteen orders under way that was a third of this program's processor time (docs/benchmarks.md). Here a request takes
the connection that was given back last, and nobody looks at the others.
"""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final
from urllib.request import getproxies

import httpx

_IDLE_S: Final = 30.0  #: an unused connection is closed after this long, when another is given back


def lanes(*, limit: int, verify: ssl.SSLContext | bool = True, trust_env: bool = True) -> "Lanes | None":
    """Lanes for at most `limit` requests at once, `verify` and `trust_env` as for `httpx.AsyncClient`.

    None where the environment names a proxy: finding it is httpx's business.
    """
    if trust_env and getproxies():
        return None
    context = httpx.create_ssl_context(verify, trust_env=trust_env)  # one for all: making one takes 20 ms

    def make() -> httpx.AsyncBaseTransport:
        one = httpx.Limits(max_connections=1, max_keepalive_connections=1)
        return httpx.AsyncHTTPTransport(verify=context, limits=one)

    return Lanes(make, limit)


class Lanes(httpx.AsyncBaseTransport):
    """A transport that gives each request a whole transport of its own, made by `make`, and keeps them."""

    def __init__(self, make: Callable[[], httpx.AsyncBaseTransport], limit: int) -> None:
        self._make = make
        self._room = asyncio.Semaphore(limit)
        self._idle: deque[tuple[float, httpx.AsyncBaseTransport]] = deque()
        self._is_closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self._room.acquire()
        lane = self._idle.pop()[1] if self._idle else self._make()
        try:
            response = await lane.handle_async_request(request)
        except BaseException:
            await self._give_back(lane)
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream), "an asynchronous transport answers with such"
        response.stream = _Loan(response.stream, lambda: self._give_back(lane))
        return response

    async def _give_back(self, lane: httpx.AsyncBaseTransport) -> None:
        self._room.release()
        if self._is_closed:
            await lane.aclose()
            return
        now = time.monotonic()
        self._idle.append((now, lane))
        while self._idle and self._idle[0][0] < now - _IDLE_S:
            await self._idle.popleft()[1].aclose()

    async def aclose(self) -> None:
        """Close what is idle; what is under way closes when it is given back."""
        self._is_closed = True
        while self._idle:
            await self._idle.pop()[1].aclose()


class _Loan(httpx.AsyncByteStream):
    """An answer's body; its end gives the lane back, once."""

    def __init__(self, body: httpx.AsyncByteStream, give_back: Callable[[], Awaitable[None]]) -> None:
        self._body = body
        self._give_back: Callable[[], Awaitable[None]] | None = give_back

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._body:
            yield part

    async def aclose(self) -> None:
        give_back, self._give_back = self._give_back, None
        try:
            await self._body.aclose()
        finally:
            if give_back is not None:
                await give_back()
