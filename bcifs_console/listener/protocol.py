"""HTTP/1.1 for strangers: uvicorn's protocol with the limits it lacks. No routes and no answers here.

uvicorn waits forever for a connection's first bytes and for the end of a request's headers, takes headers of any size,
and lets a byte now and then hold a connection open. Each connection therefore has a deadline, which a sweep looks at
once a second (no timer per request), and a budget of bytes per request. What breaks them is cut without an answer.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from math import ceil, inf
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from bcifs_console.listener.state import Limits


class GuardedConfig(uvicorn.Config):
    """uvicorn's configuration for a port of ours, with the limits and the count of connections by source.

    No access log, no Server and Date headers (BigCommerce discourages headers: facts §2.5), no trust in forwarded
    addresses, and of uvicorn's own log only errors, so that strangers cannot fill it.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.limits = limits
        self.sources: Counter[str] = Counter()
        super().__init__(
            app,
            http=GuardedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            limit_concurrency=limits.connections + 1,  # uvicorn refuses from this many on
            timeout_keep_alive=ceil(limits.keep_alive_s),
        )


class GuardedProtocol(HttpToolsProtocol):
    """One connection, with a deadline and a budget of bytes for the request it is on."""

    config: GuardedConfig

    def __init__(
        self,
        config: GuardedConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.deadline = inf  #: by the loop's clock
        self._arriving = 0  #: bytes of the piece that is being parsed
        self._received = 0  #: bytes of the current request, whole pieces
        self._is_head_open = False  #: whether headers have begun and not ended
        self._is_complete = True  #: whether the last request has been read to its end
        self._source: str | None = None  #: the address it counts for

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        limits = self.config.limits
        self.deadline = self.loop.time() + limits.head_s
        source = self.client[0] if self.client else ""
        if not _is_loopback(source):
            self._source = source
            self.config.sources[source] += 1
        crowded = len(self.connections) > limits.connections + limits.connections // 2
        if crowded or (self._source is not None and self.config.sources[source] > limits.connections_per_source):
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._source is not None:
            self.config.sources[self._source] -= 1
            if not self.config.sources[self._source]:
                del self.config.sources[self._source]
            self._source = None

    def data_received(self, data: bytes) -> None:
        self._arriving = len(data)
        self._received += self._arriving
        super().data_received(data)
        # The rest of a body that is answered already is only thrown away: it costs time, which the deadline limits.
        if self._received > self.config.limits.wire_bytes and (self._is_head_open or not self.cycle.response_complete):
            self.transport.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._received = self._arriving
        self._is_head_open = True
        self._is_complete = False
        self.deadline = self.loop.time() + self.config.limits.head_s

    def on_headers_complete(self) -> None:
        self._is_head_open = False
        self.deadline = inf  # from here the application watches the time, and answers 408
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._is_complete = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        limits = self.config.limits
        # A body that was refused early is read on for a while, so that the sender sees the answer and not a reset.
        patience = limits.keep_alive_s if self._is_complete else limits.head_s
        self.deadline = self.loop.time() + patience
        super().on_response_complete()


def _is_loopback(address: str) -> bool:
    """Whether the peer is this machine, usually a reverse proxy, which all senders share; so is one without address."""
    try:
        peer = ip_address(address)
    except ValueError:
        return True
    mapped = peer.ipv4_mapped if isinstance(peer, IPv6Address) else None
    return (mapped or peer).is_loopback


def cut_late(connections: Iterable[Any], now: float) -> None:
    """Cut the connections whose deadline is not after `now` (the loop's time; infinity cuts them all)."""
    for connection in list(connections):
        if isinstance(connection, GuardedProtocol) and connection.deadline <= now:
            connection.transport.abort()
