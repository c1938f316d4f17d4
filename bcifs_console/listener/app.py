"""The public application: takes webhook deliveries in, durably, and answers. What an event means is not decided here.

The order of the checks and the answers are DESIGN §9's. Every answer has an empty body; BigCommerce looks at the
status only and discourages the rest (facts §2.5). Messages of ASGI are read and written by hand, without Request and
Response objects, because acknowledging is the one thing that must be as fast as the machine allows (DESIGN §17).
"""

import asyncio
from dataclasses import dataclass
from hashlib import sha256
from time import perf_counter
from typing import Final

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bcifs_console.bigcommerce.events import Event, MalformedEvent, parse_event
from bcifs_console.bigcommerce.scopes import EXCEPTIONS_SUFFIX, WEBHOOK_PATH
from bcifs_console.bigcommerce.signatures import Headers, RefusalKind, Refused
from bcifs_console.listener.state import Endpoint, ListenerState
from bcifs_console.store.errors import StoreProblem
from bcifs_console.store.intake import Delivery, accept

_ROUTE: Final = WEBHOOK_PATH + "{token}"


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, the word it is counted under, and the ASGI message that begins it."""

    status: int
    outcome: str
    start: Message


def _answer(status: int, outcome: str, *headers: tuple[bytes, bytes]) -> Answer:
    start = {"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0"), *headers]}
    return Answer(status, outcome, start)


# Made once and sent as they are.
_EMPTY_BODY: Final[Message] = {"type": "http.response.body", "body": b""}
_ACCEPTED: Final = _answer(200, "accepted")
_NOT_POST: Final = _answer(405, "method", (b"allow", b"POST"))
_TOO_LARGE: Final = _answer(413, "too_large")
_UNKNOWN_TOKEN: Final = _answer(404, "unknown_token")
_TOO_SLOW: Final = _answer(408, "too_slow", (b"connection", b"close"))
_UNAUTHORISED: Final = {kind: _answer(401, kind.value) for kind in RefusalKind}
_NO_EVENT: Final = _answer(400, "no_event")
_OTHER_STORE: Final = _answer(403, "other_store")
_UNAVAILABLE: Final = _answer(503, "unavailable")


def public_app(state: ListenerState) -> ASGIApp:
    """The application of the public port: the webhook addresses and nothing else."""
    webhooks = WebhookEndpoint(state)
    app = Starlette(routes=[Route(_ROUTE, webhooks), Route(_ROUTE + EXCEPTIONS_SUFFIX, webhooks)])
    app.router.redirect_slashes = False  # an address is right or it is 404; senders do not follow redirects

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        """Known addresses are found in their table; Starlette's layers and routes would take as long as the rest."""
        token = scope.get("path", "").removeprefix(WEBHOOK_PATH)
        if scope["type"] == "http" and token in state.endpoints:
            scope["path_params"] = {"token": token}
            await webhooks(scope, receive, send)
        else:
            await app(scope, receive, send)

    return front


class WebhookEndpoint:
    """An ASGI application: one delivery in, one answer out."""

    def __init__(self, state: ListenerState) -> None:
        self._state = state
        self._clock = state.database.clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = perf_counter()
        endpoint = self._state.endpoints.get(scope["path_params"]["token"])
        answer = await self._handle(endpoint, scope, receive)
        if answer is None:
            self._state.count_disconnected(endpoint)
            return
        await send(answer.start)
        await send(_EMPTY_BODY)
        if answer is _ACCEPTED and endpoint is not None:
            self._state.count_accepted(endpoint, perf_counter() - began)
        else:
            self._state.count_refused(endpoint, answer.outcome)

    async def _handle(self, endpoint: Endpoint | None, scope: Scope, receive: Receive) -> Answer | None:
        """The answer to one request, None where the sender left before it was complete."""
        if scope["method"] != "POST":
            return _NOT_POST
        headers: Headers = scope["headers"]
        if _declared_length(headers) > self._state.limits.body_bytes:
            return _TOO_LARGE
        if endpoint is None:
            return _UNKNOWN_TOKEN
        body = await self._read(receive)
        if not isinstance(body, bytes):
            return body
        verdict = endpoint.verifier.check(headers, body, self._clock.now())
        if isinstance(verdict, Refused):
            return _UNAUTHORISED[verdict.kind]
        return await self._take_in(endpoint, body)

    async def _take_in(self, endpoint: Endpoint, body: bytes) -> Answer:
        """The answer to a genuine body: 200 only once it is on disk. A repeated one is accepted like the first."""
        try:
            event = parse_event(body)
        except MalformedEvent:
            return _NO_EVENT
        if event.store_hash != endpoint.store_hash:
            return _OTHER_STORE
        delivery = Delivery(
            connection_id=endpoint.connection_id,
            dedupe=_dedupe(event, body),
            scope=event.scope,
            order_id=event.order_id,
            event_at=event.created_at,
            body=body.decode(),
        )
        try:
            await accept(self._state.database, delivery)
        except StoreProblem:
            return _UNAVAILABLE
        return _ACCEPTED

    async def _read(self, receive: Receive) -> bytes | Answer | None:
        """The whole body; or the answer to one that is too large or too slow; None where the sender left.

        The body is nearly always there when we are called, and then `receive` ends without waiting. So it is first
        tried, and the timer (7 µs, a tenth of a whole acknowledgement) is armed only for a body that is not.
        """
        limits = self._state.limits
        first: Message | None = None
        attempt = receive().__await__()
        try:
            next(attempt)
        except StopIteration as done:
            first = done.value
        else:
            attempt.close()  # it would wait, and has taken nothing yet
        if first is not None and first["type"] == "http.request" and not first.get("more_body", False):
            body: bytes = first.get("body", b"")
            return body if len(body) <= limits.body_bytes else _TOO_LARGE
        try:
            async with asyncio.timeout(limits.body_s):
                return await _read_in_parts(receive, first, limits.body_bytes)
        except TimeoutError:
            return _TOO_SLOW


async def _read_in_parts(receive: Receive, first: Message | None, limit: int) -> bytes | Answer | None:
    body = bytearray()
    message = first or await receive()
    while True:
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > limit:
            return _TOO_LARGE
        if not message.get("more_body", False):
            return bytes(body)
        message = await receive()


def _dedupe(event: Event, body: bytes) -> str:
    """Equal for equal bytes, which are the same event for certain; BigCommerce's own hash has an unpublished recipe.

    Time and order come first so that new keys stand side by side in their index: keys in random order make each
    delivery rewrite an index page of its own (measured: 8.6 KB written for one delivery, 3.5 KB this way).
    """
    seconds = int(event.created_at.timestamp()) if event.created_at else 0
    return f"{seconds:010x}-{event.order_id or 0:010x}-{sha256(body).hexdigest()}"


def _declared_length(headers: Headers) -> int:
    """The Content-Length, 0 where there is none: the bytes are counted as they come in any case."""
    for name, value in headers:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
