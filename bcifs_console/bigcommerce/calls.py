"""One HTTP call to one store: budget, deadline, headers, and typed errors. What to call is in `client`.

Nothing is retried here: retries are rows elsewhere (DESIGN §10). The access token goes into one request header and
nowhere else: not into errors, not into their causes (httpx's exceptions hold the request), not into a repr.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import version
from typing import Any, Final

import httpx

from bcifs_console.base.clock import Clock
from bcifs_console.base.hosts import is_loopback
from bcifs_console.base.lanes import lanes
from bcifs_console.base.problems import ConfigurationProblem
from bcifs_console.bigcommerce.budget import RateBudget
from bcifs_console.bigcommerce.errors import BadAnswer, BigCommerceError, RateLimited, Unavailable
from bcifs_console.bigcommerce.fields import parse_json
from bcifs_console.bigcommerce.refusals import refusal
from bcifs_console.domain.connections import BigCommerceAccess

#: The largest answer that is read; 250 orders with their lines stay far below.
MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
_CONNECT_S: Final = 10.0
_MAX_CONNECTIONS: Final = 32
_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,253}|[0-9A-Fa-f:.]{2,45}", re.ASCII)
_STORE_HASH: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,512}", re.ASCII)

#: Told after each call: route (`GET /v2/orders/{id}`), HTTP status (0: no answer), seconds.
OnCall = Callable[[str, int, float], None]


class Caller:
    """Makes calls to one store. Raises ConfigurationProblem where the access data cannot be used safely."""

    def __init__(
        self,
        access: BigCommerceAccess,
        *,
        budget: RateBudget,
        clock: Clock,
        deadline_s: float,
        transport: httpx.AsyncBaseTransport | None = None,
        on_call: OnCall | None = None,
    ) -> None:
        self._budget = budget
        self._clock = clock
        self._deadline_s = deadline_s
        self._on_call = on_call
        base_url, is_this_machine = _store_url(access)
        token = access.access_token.reveal()
        if not _TOKEN.fullmatch(token):
            raise ConfigurationProblem(
                "The BigCommerce access token is empty or holds characters that no token has.",
                remedy="Enter it again without blanks or line ends.",
            )
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers={
                "X-Auth-Token": token,
                "Accept": "application/json",
                "User-Agent": f"bcifs-console/{version('bcifs-console')}",
            },
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=())),
            follow_redirects=False,
            timeout=httpx.Timeout(deadline_s, connect=min(deadline_s, _CONNECT_S)),
            limits=httpx.Limits(max_connections=_MAX_CONNECTIONS),
            trust_env=not is_this_machine,  # a proxy from the environment is for the world outside
            transport=transport or lanes(limit=_MAX_CONNECTIONS, trust_env=not is_this_machine),
        )

    async def call(
        self,
        method: str,
        path: str,
        *,
        route: str,
        live: bool,
        params: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        """The parsed answer; None where it has no body (204: facts §3.1).

        `path` begins behind the store (`/v2/orders/17`); `route` is the same with names in place of values, the form
        that metrics and errors show. The deadline covers one call from sending to the last byte, not the wait for the
        budget. Raises RateLimited, Unavailable, BadAnswer, AuthenticationFailed, PermissionMissing, NotFound,
        InvalidRequest.
        """
        shown = f"{method} {route}"
        await self._budget.acquire(live)
        started = self._clock.monotonic()
        status, headers = 0, httpx.Headers()
        failure: BigCommerceError | None = None
        content = b""
        try:
            async with (
                asyncio.timeout(self._deadline_s),
                self._http.stream(method, path.lstrip("/"), params=params, json=body) as response,
            ):
                status, headers = response.status_code, response.headers
                content = await _read(response, shown)
        except TimeoutError:
            failure = _no_answer(shown, f"no full answer within {self._deadline_s:g} s")
        except httpx.RequestError as error:
            failure = _no_answer(shown, _reason(error))
        finally:
            self._budget.observe(headers, status)
            if self._on_call:
                self._on_call(shown, status, self._clock.monotonic() - started)
        # Raised here and not in the handlers, so that httpx's exception, which holds the token, is not its context.
        if failure:
            raise failure
        if status == 429:
            raise RateLimited(self._budget.pause_left_s)
        if not 200 <= status < 300:
            content = self._without_secrets(content, body)
        return _answer(shown, status, headers, content)

    def _without_secrets(self, content: bytes, body: Mapping[str, Any] | None) -> bytes:
        """The body of a refusal, which ends up in errors, without the token or header values that it may echo."""
        sent = [self._http.headers["X-Auth-Token"], *((body or {}).get("headers") or {}).values()]
        for secret in filter(None, sent):
            content = content.replace(str(secret).encode(), b"***")
        return content

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _answer(shown: str, status: int, headers: httpx.Headers, content: bytes) -> Any:
    """The parsed body of a success, None where there is none. Raises what stands for any other status."""
    is_success = 200 <= status < 300
    if is_success and (status == 204 or not content.strip()):
        return None
    try:
        payload = parse_json(content)
    except ValueError as error:
        if is_success:
            raise BadAnswer(_not_json(shown, headers, content, error), status=status) from None
        payload = None
    if is_success:
        return payload
    raise refusal(shown, status, payload)


async def _read(response: httpx.Response, shown: str) -> bytes:
    parts, size = [], 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            raise BadAnswer(f"BigCommerce's answer to {shown} is larger than {MAX_ANSWER_BYTES:,} bytes.")
        parts.append(part)
    return b"".join(parts)


def _store_url(access: BigCommerceAccess) -> tuple[str, bool]:
    """The store's base URL and whether it is this machine. https only, http to loopback (DESIGN §14)."""
    try:
        url = httpx.URL(access.api_url)
    except httpx.InvalidURL:
        url = httpx.URL("")
    is_this_machine = is_loopback(url.host)
    is_plain = _HOST.fullmatch(url.host) and not (url.userinfo or url.query or url.fragment)
    if not is_plain or not (url.scheme == "https" or (url.scheme == "http" and is_this_machine)):
        raise ConfigurationProblem(
            "The BigCommerce api_url must be a plain https address (http only for this machine itself).",
            remedy="Leave api_url out to use https://api.bigcommerce.com.",
        )
    if not _STORE_HASH.fullmatch(access.store_hash):
        raise ConfigurationProblem(
            "The BigCommerce store_hash is not one.",
            remedy="It is the part behind /stores/ in the API path that the control panel shows with the API account.",
        )
    return f"{str(url).rstrip('/')}/stores/{access.store_hash}/", is_this_machine


def _no_answer(shown: str, why: str) -> Unavailable:
    return Unavailable(
        f"BigCommerce gives no answer to {shown}: {why}.",
        remedy="It is tried again by itself. Check the network and status.bigcommerce.com.",
    )


def _reason(error: httpx.RequestError) -> str:
    """What happened, for people. Only a connection's own error text is shown: others may quote what was sent."""
    detail = str(error) if isinstance(error, httpx.ConnectError) else ""
    return f"{type(error).__name__}{f' ({detail})' if detail else ''}"


def _not_json(shown: str, headers: httpx.Headers, content: bytes, error: ValueError) -> str:
    kind = headers.get("content-type", "no content type").partition(";")[0]
    if content.lstrip()[:1] == b"<":
        return f"BigCommerce answers {shown} with a web page ({kind}) in place of JSON."
    where = "cut short or damaged" if content.lstrip()[:1] in (b"{", b"[") else "something else"
    return f"BigCommerce answers {shown} with no valid JSON ({kind}, {where}: {type(error).__name__})."
