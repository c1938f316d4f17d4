"""`Listener`: opens the public and the admin socket and runs their HTTP servers in the loop it is started in.

Signals are not touched; whoever composes the service decides when to stop.
"""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator
from math import ceil, inf
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from bcifs_console.listener.admin import admin_app
from bcifs_console.listener.app import public_app
from bcifs_console.listener.errors import ListenerProblem
from bcifs_console.listener.protocol import GuardedConfig, cut_late
from bcifs_console.listener.state import Limits, ListenerState

ADMIN_HOST: Final = "127.0.0.1"
_BACKLOG: Final = 2048
_TICKS_PER_SECOND: Final = 10  #: of uvicorn's main loop


class Listener:
    """The two HTTP servers. Port 0 takes any free port; `public_port` and `admin_port` say which."""

    def __init__(self, state: ListenerState, *, host: str, port: int, admin_port: int) -> None:
        self._state = state
        self._host = host
        self._port = port
        self._admin_port = admin_port
        self._servers: list[_Server] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.public_port = 0
        self.admin_port = 0

    async def start(self) -> None:
        """Open both sockets and serve. Raises ListenerProblem where a port cannot be had; then neither is open."""
        public = bind(self._host, self._port, option="--port")
        try:
            admin = bind(ADMIN_HOST, self._admin_port, option="--admin-port")
        except ListenerProblem:
            public.close()
            raise
        self.public_port = public.getsockname()[1]
        self.admin_port = admin.getsockname()[1]
        for app, sock in ((public_app(self._state), public), (admin_app(self._state), admin)):
            server = _Server(app, self._state.limits)
            self._servers.append(server)
            self._tasks.append(await server.begin(sock))
        self._tasks.append(asyncio.create_task(self._state.outcomes.run(self._state.limits.flush_s)))
        self._state.is_bound = True

    async def wait(self) -> None:
        """Return when the listener has stopped; raises what ended one of its servers, if something did."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def stop(self, grace_s: float = 10.0) -> None:
        """Accept no more, let requests in progress end for up to `grace_s` seconds, then write the last counts."""
        if not self._tasks:
            return
        self._state.is_bound = False
        for server in self._servers:
            server.end(grace_s)
        servers, flusher = self._tasks[: len(self._servers)], self._tasks[len(self._servers) :]
        try:
            await asyncio.gather(*servers)
        finally:
            self._state.outcomes.stop()
            await asyncio.gather(*flusher)
            self._servers, self._tasks = [], []


class _Server(uvicorn.Server):
    """One uvicorn server that is a guest in our process: no signal handlers, and it sweeps its connections."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        super().__init__(GuardedConfig(app, limits))
        self._ready = asyncio.Event()
        self._cut: asyncio.TimerHandle | None = None

    async def begin(self, sock: socket.socket) -> asyncio.Task[None]:
        """Serve `sock`; returns once connections are accepted. Raises what kept it from that."""
        task = asyncio.create_task(self.serve(sockets=[sock]))
        task.add_done_callback(lambda _task: self._ready.set())
        await self._ready.wait()
        if task.done():
            task.result()
        return task

    def end(self, grace_s: float) -> None:
        """Stop in order; the task that `begin` returned ends when it is done.

        Senders still talking after `grace_s` seconds are cut. What is then still being committed gets uvicorn's own
        time-out, a second later.
        """
        self.config.timeout_graceful_shutdown = ceil(grace_s) + 1
        self._cut = asyncio.get_running_loop().call_later(grace_s, cut_late, self.server_state.connections, inf)
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        if self._cut is not None:
            self._cut.cancel()

    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS_PER_SECOND == 0:
            cut_late(self.server_state.connections, asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(host: str, port: int, *, option: str) -> socket.socket:
    """A listening socket. Raises ListenerProblem, whose remedy names the command-line `option`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise ListenerProblem(
            f"{host!r} is no address to listen on: {error.strerror}.", remedy="Choose another with --host."
        ) from error
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(_BACKLOG)  # here, not in the server: a port may turn out to be taken only now
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise _bind_problem(error, host, port, option) from error
    return sock


def _bind_problem(error: OSError, host: str, port: int, option: str) -> ListenerProblem:
    if error.errno == errno.EADDRINUSE:
        return ListenerProblem(
            f"Port {port} is in use on {host}.",
            remedy=f"Stop the program that uses it, or choose another with {option}.",
        )
    if error.errno == errno.EACCES:
        return ListenerProblem(
            f"Port {port} may not be opened by this user.", remedy=f"Choose one above 1023 with {option}."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return ListenerProblem(f"{host} is no address of this machine.", remedy="Choose another with --host.")
    return ListenerProblem(
        f"Port {port} on {host} could not be opened: {error.strerror}.", remedy=f"Choose another with {option}."
    )
