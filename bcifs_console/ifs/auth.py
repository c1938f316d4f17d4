"""`ClientCredentials`: the token of the IFS service user, as an httpx authentication scheme (facts §1).

Renewal, sharing and the one retry on 401 live here. What a refused *call* means lives in `errors.py`.
"""

import asyncio
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

import httpx

from bcifs_console.base.clock import Clock
from bcifs_console.base.secret import Secret
from bcifs_console.ifs.errors import Answer, AuthenticationFailed, IfsError, Transient, read_answer, retry_after
from bcifs_console.ifs.wire import loads

#: No token is trusted longer than this, whatever `expires_in` says (DESIGN §6).
MAX_LIFETIME_S: Final = 3600.0
#: Lifetime assumed where the answer does not say.
ASSUMED_LIFETIME_S: Final = 60.0
#: Renewed this long before its end, or this share of a short lifetime.
AHEAD_S: Final = 30.0
AHEAD_SHARE: Final = 0.2

_REFUSED: Final = frozenset({400, 401, 404})
_WHAT: Final = "ask for a token"


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token and the monotonic second from which on it is renewed."""

    bearer: Secret
    renew_at: float


class ClientCredentials(httpx.Auth):
    """Client-credentials grant. One instance serves all tasks; at most one renewal is under way.

    `base_url` is where the calls go: no other origin ever gets the token, and the token address is on it.
    Raises AuthenticationFailed (the token address answers 400, 401 or 404), Transient (anything else it answers).
    """

    def __init__(
        self, *, base_url: httpx.URL, token_path: str, client_id: str, client_secret: Secret, scope: str, clock: Clock
    ) -> None:
        self._origin = origin(base_url)
        self._token_url = httpx.URL(str(base_url).rstrip("/") + token_path)
        if origin(self._token_url) != self._origin:
            raise ValueError("the token address must be on the host of base_url")
        self._client_id = client_id
        self._client_secret = client_secret
        self._scope = scope
        self._clock = clock
        self._token: Token | None = None
        self._lock = asyncio.Lock()
        self._refusals = 0
        self._last_refusal = Answer()

    def __repr__(self) -> str:
        return f"ClientCredentials({self._token_url}, {self._client_id})"

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Not offered: the lock that keeps renewals single is an asyncio one."""
        raise RuntimeError("IFS is called with an asynchronous client only")

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """A token where none is fresh, the request, and after a 401 both once more (facts §1)."""
        if origin(request.url) != self._origin:
            raise ValueError("a token is never sent to another host")
        rejected: Token | None = None
        while True:
            token = self._usable(rejected)
            if token is None:
                known_refusals = self._refusals
                async with self._lock:
                    token = self._usable(rejected)  # another task may have renewed it while this one waited
                    if token is None:
                        self._raise_refusal_since(known_refusals)
                        asked_at = self._clock.monotonic()
                        answer = yield self._token_request(request)
                        await answer.aread()
                        token = self._token = self._token_of(answer, asked_at)
            request.headers["Authorization"] = f"Bearer {token.bearer.reveal()}"
            response = yield request
            if response.status_code != httpx.codes.UNAUTHORIZED or rejected is not None:
                return
            rejected = token

    def _usable(self, rejected: Token | None) -> Token | None:
        token = self._token
        if token is None or token is rejected or self._clock.monotonic() >= token.renew_at:
            return None
        return token

    def _raise_refusal_since(self, known: int) -> None:
        # Tasks that queued behind a refused renewal share its answer: the same secret fails again.
        if self._refusals > known:
            raise _refusal(self._last_refusal)

    def _token_request(self, request: httpx.Request) -> httpx.Request:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret.reveal(),
        }
        if self._scope:
            form["scope"] = self._scope
        timeouts = {k: v for k, v in request.extensions.items() if k == "timeout"}
        headers = {"Accept": "application/json"}
        return httpx.Request("POST", self._token_url, data=form, headers=headers, extensions=timeouts)

    def _token_of(self, response: httpx.Response, asked_at: float) -> Token:
        if response.status_code != httpx.codes.OK:
            raise self._error_of(response)
        try:
            document = loads(response.content)
        except ValueError as error:
            raise _unusable() from error
        bearer = document.get("access_token") if isinstance(document, dict) else None
        if not isinstance(bearer, str) or not bearer:
            raise _unusable()
        lifetime = min(_seconds(document.get("expires_in")), MAX_LIFETIME_S)
        return Token(Secret(bearer), asked_at + lifetime - min(AHEAD_S, lifetime * AHEAD_SHARE))

    def _error_of(self, response: httpx.Response) -> IfsError:
        answer = read_answer(response.status_code, response.content, response.headers.get("content-type", ""))
        if response.status_code in _REFUSED:
            self._refusals += 1
            self._last_refusal = answer
            return _refusal(answer)
        now: datetime = self._clock.now()
        wait = retry_after(response.headers.get("retry-after"), now)
        return Transient(f"{_WHAT}: HTTP status {answer.status}.", answer=answer, retry_after_s=wait)


def origin(url: httpx.URL) -> tuple[str, str, int | None]:
    """Scheme, host and port of `url`; httpx drops a default port, so equal origins compare equal."""
    return url.scheme, url.host, url.port


def _refusal(answer: Answer) -> AuthenticationFailed:
    detail = answer.text or f"HTTP status {answer.status}"
    return AuthenticationFailed(f"{_WHAT}: {detail.rstrip('.')}.", answer=answer)


def _unusable() -> Transient:
    return Transient(
        f"{_WHAT}: the answer holds no token.",
        remedy="It is tried again by itself; if it stays, check base_url and realm.",
    )


def _seconds(value: object) -> float:
    if isinstance(value, int | Decimal) and not isinstance(value, bool) and value > 0:
        return float(value)
    return ASSUMED_LIFETIME_S
