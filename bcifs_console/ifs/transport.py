"""`ODataClient`: one HTTP exchange with IFS at a time, with its deadline, and paging over lists.

Decides whether a broken call was surely not carried out, may have been, or was refused (DESIGN §6, *unknown outcomes*).
Knows no business object: those are in `orders.py` and `customers.py`.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final
from urllib.parse import quote

import httpx

from bcifs_console.base.clock import Clock
from bcifs_console.base.hosts import is_loopback
from bcifs_console.base.lanes import lanes
from bcifs_console.base.problems import ConfigurationProblem
from bcifs_console.domain.connections import IfsAccess
from bcifs_console.ifs.auth import ClientCredentials, origin
from bcifs_console.ifs.concurrency import ConcurrencyLimit
from bcifs_console.ifs.errors import (
    Answer,
    BadRequest,
    Conflict,
    IfsError,
    NotSent,
    OutcomeUnknown,
    Transient,
    error_of,
    read_answer,
    retry_after,
)
from bcifs_console.ifs.odata import projection_url
from bcifs_console.ifs.profile import IfMatch, Profile
from bcifs_console.ifs.wire import Record, dumps, loads

#: Largest answer that is read, `$metadata` included.
MAX_BODY_BYTES: Final = 20 * 1024 * 1024
#: No server cuts its pages shorter than this.
_SMALLEST_LIMIT: Final = 20
_CONNECT_S: Final = 10.0
_MAX_CONNECTIONS: Final = 32

_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_PROGRESS: Final = "bcifs_progress"

#: Told after each exchange: what was done, the HTTP status (0 without an answer), seconds.
OnCall = Callable[[str, int, float], None]


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    headers: httpx.Headers
    body: bytes


class _Progress:
    """Whether the bytes of a call may have left us. Token requests carry none, so they never count as the call."""

    def __init__(self, *, is_traced: bool) -> None:
        self._is_traced = is_traced
        self.may_be_sent = False

    async def on_trace(self, event: str, _: Mapping[str, Any]) -> None:
        """From httpcore, real connections only: waiting for the pool or connecting does not count as sent."""
        if event.endswith("send_request_headers.started"):
            self.may_be_sent = True

    def on_handed(self) -> None:
        if not self._is_traced:
            self.may_be_sent = True

    def on_rejected(self) -> None:
        """A 401 was not carried out; the call is sent again with a new token, if one can be had."""
        self.may_be_sent = False


async def _note_request(request: httpx.Request) -> None:
    progress = request.extensions.get(_PROGRESS)
    if isinstance(progress, _Progress):
        progress.on_handed()


async def _note_response(response: httpx.Response) -> None:
    progress = response.request.extensions.get(_PROGRESS)
    if isinstance(progress, _Progress) and response.status_code == httpx.codes.UNAUTHORIZED:
        progress.on_rejected()


class ODataClient:
    """Sends to the projections of one IFS installation. Close it with `aclose()`.

    `deadline_s` bounds each exchange as a whole, waiting for a token included. `transport` replaces the network in
    tests. Raises ConfigurationProblem for an address or a certificate file that cannot be used.
    """

    def __init__(
        self,
        access: IfsAccess,
        profile: Profile,
        *,
        clock: Clock,
        deadline_s: float,
        transport: httpx.AsyncBaseTransport | None = None,
        on_call: OnCall | None = None,
    ) -> None:
        base = _checked_base(access.base_url)
        self._root = str(base).rstrip("/") + profile.gateway_prefix.rstrip("/")
        self._origin = origin(base)
        self._profile = profile
        self._clock = clock
        self._deadline_s = deadline_s
        self._on_call = on_call
        self._limit = ConcurrencyLimit(_MAX_CONNECTIONS)
        self._is_traced = transport is None
        auth = ClientCredentials(
            base_url=base,
            token_path=profile.token_path.format(realm=quote(access.realm, safe="")),
            client_id=access.client_id,
            client_secret=access.client_secret,
            scope=profile.scope,
            clock=clock,
        )
        tls, trust_env = _tls(access.ca_file), not is_loopback(base.host)
        self._http = httpx.AsyncClient(
            auth=auth,
            verify=tls,
            transport=transport or lanes(limit=_MAX_CONNECTIONS, verify=tls, trust_env=trust_env),
            timeout=httpx.Timeout(deadline_s, connect=min(_CONNECT_S, deadline_s)),
            limits=httpx.Limits(max_connections=_MAX_CONNECTIONS),
            # Cookies would start a session that demands CSRF tokens (facts §3): none is ever kept.
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=False,
            trust_env=trust_env,
            event_hooks={"request": [_note_request], "response": [_note_response]},
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    def url(self, projection: str, *segments: str) -> str:
        """Address of something inside a projection; segments are percent-encoded already."""
        layer = self._profile.layers.get(projection, self._profile.layer)
        return "/".join((self._root + projection_url(layer, projection), *segments))

    def path_of(self, url: str) -> str:
        """What of `url` stands behind the host and the gateway: how a call is shown to people."""
        return url.removeprefix(self._root)

    async def get(self, what: str, url: str, query: Mapping[str, str] | None = None) -> Record:
        """One record. Raises NotFound where there is none."""
        reply = await self._exchange(what, "GET", with_query(url, query))
        record = self._record(what, reply, is_write=False)
        if record is None:
            raise Transient(f"{what}: IFS answered without a body.", answer=Answer(reply.status))
        return record

    async def get_all(self, what: str, url: str, query: Mapping[str, str] | None = None) -> list[Record]:
        """A whole list: follows `@odata.nextLink`, else goes on by `$skip` until a short page (facts §2).

        IFS may cut pages at a limit of its own, below `$top` and without a next link; so a page counts as the last
        only if it is shorter than any such limit, or empty. Give `$orderby` in `query`, or pages may overlap.
        Raises BadRequest for a next link to another host.
        """
        size = self._profile.page_size
        wanted = {**(query or {}), "$top": str(size)}
        rows: list[Record] = []
        seen: set[str] = set()
        asked_from = 0  # `$top` counts over all pages that next links lead to from here
        at = with_query(url, wanted)
        while True:
            seen.add(at)
            page = await self.get(what, at)
            values = page.get("value")
            found = [v for v in values if isinstance(v, dict)] if isinstance(values, list) else []
            rows += found
            link = page.get("@odata.nextLink")
            if isinstance(link, str) and link:
                at = self._next(what, at, link, seen)
            elif not found or (len(found) < _SMALLEST_LIMIT and len(rows) - asked_from < size):
                return rows
            else:
                asked_from = len(rows)
                at = with_query(url, {**wanted, "$skip": str(asked_from)})

    async def write(self, what: str, method: str, url: str, body: Record, *, etag: str | None = None) -> Record | None:
        """POST or PATCH. The answer's record, or None where IFS answered 204 (read it back). `etag` → If-Match.

        Raises OutcomeUnknown where the call went out and no usable answer came back; NotSent where it surely did not.
        """
        headers = {"If-Match": etag} if etag else {}
        reply = await self._exchange(what, method, url, content=dumps(body), headers=headers)
        return self._record(what, reply, is_write=True)

    async def action(self, what: str, url: str, parameters: Record, etag: str) -> Record | None:
        """A bound action. If-Match by the profile's policy; under `required` an empty `etag` is refused unsent."""
        return await self.write(what, "POST", url, parameters, etag=self._if_match(what, etag))

    async def patch(self, what: str, url: str, changes: Record, etag: str) -> Record | None:
        """Change properties of a record, with If-Match as for an action: nothing is overwritten unseen."""
        return await self.write(what, "PATCH", url, changes, etag=self._if_match(what, etag))

    def _if_match(self, what: str, etag: str) -> str | None:
        if self._profile.if_match is IfMatch.STAR:
            return "*"
        if not etag and self._profile.if_match is IfMatch.REQUIRED:
            raise Conflict(f"{what}: the record's ETag is not known, so it was not sent.")
        return etag or None

    async def metadata(self, projection: str) -> bytes:
        """The `$metadata` document of a projection, as it came."""
        what = f"read $metadata of {projection}"
        reply = await self._exchange(what, "GET", self.url(projection, "$metadata"), accept="application/xml")
        if not 200 <= reply.status < 300:
            raise self._refusal(what, reply, is_write=False)
        return reply.body

    async def _exchange(
        self,
        what: str,
        method: str,
        url: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        accept: str = "application/json",
    ) -> _Reply:
        progress = _Progress(is_traced=self._is_traced)
        extensions: dict[str, Any] = {_PROGRESS: progress}
        if self._is_traced:
            extensions["trace"] = progress.on_trace
        all_headers = {"Accept": accept, **self._fixed_headers(content), **(headers or {})}
        request = self._http.build_request(method, url, content=content, headers=all_headers, extensions=extensions)
        started = self._clock.monotonic()
        status = 0
        try:
            async with asyncio.timeout(self._deadline_s):
                async with self._limit.place() as place:  # waiting for one counts towards the deadline, as for a token
                    response = await self._http.send(request, stream=True)
                    try:
                        status = response.status_code
                        place.answered(status)
                        body = await self._read(response, what, is_write=method != "GET")
                    finally:
                        await response.aclose()
        except (httpx.RequestError, TimeoutError) as error:
            raise self._broken(what, progress, error, is_write=method != "GET") from error
        finally:
            if self._on_call:
                self._on_call(what, status, self._clock.monotonic() - started)
        return _Reply(status, response.headers, body)

    def _fixed_headers(self, content: bytes | None) -> dict[str, str]:
        headers = {"Content-Type": "application/json"} if content is not None else {}
        if self._profile.tz_aware_header:
            headers["X-Ifs-Time-Zone-Aware-Request"] = "true"
        return headers

    async def _read(self, response: httpx.Response, what: str, *, is_write: bool) -> bytes:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                text = f"{what}: the answer is larger than {MAX_BODY_BYTES // 2**20} MB."
                kind = OutcomeUnknown if is_write and response.is_success else BadRequest
                raise kind(text, answer=Answer(response.status_code))
        return bytes(body)

    def _record(self, what: str, reply: _Reply, *, is_write: bool) -> Record | None:
        if not 200 <= reply.status < 300:
            raise self._refusal(what, reply, is_write=is_write)
        if reply.status == httpx.codes.NO_CONTENT or not reply.body.strip():
            return None
        try:
            document = loads(reply.body)
        except ValueError:
            document = None
        if isinstance(document, dict):
            return document
        kind = OutcomeUnknown if is_write else Transient
        raise kind(f"{what}: the answer is not a JSON object.", answer=Answer(reply.status))

    def _refusal(self, what: str, reply: _Reply, *, is_write: bool) -> IfsError:
        answer = read_answer(reply.status, reply.body, reply.headers.get("content-type", ""))
        wait = retry_after(reply.headers.get("retry-after"), self._clock.now())
        return error_of(answer, what, is_write=is_write, retry_after_s=wait)

    def _broken(self, what: str, progress: _Progress, error: Exception, *, is_write: bool) -> IfsError:
        cause = f"no answer within {self._deadline_s:g} s" if _is_timeout(error) else _cause(error)
        if isinstance(error, _NEVER_SENT) or not progress.may_be_sent:
            return NotSent(f"{what}: not sent: {cause}.")
        if is_write:
            return OutcomeUnknown(f"{what}: sent, but {cause}.")
        return Transient(f"{what}: {cause}.")

    def _next(self, what: str, at: str, link: str, seen: set[str]) -> str:
        # A relative link is relative to the service (OData JSON §4.3: to the context URL), not to the page.
        service, mark, _ = at.partition(".svc/")
        target = httpx.URL(service + mark).join(link)
        if origin(target) != self._origin:
            raise BadRequest(f"{what}: the next page is on another host ({target.host}); it was not followed.")
        if str(target) in seen:
            raise BadRequest(f"{what}: IFS names a page as next that was read already.")
        return str(target)


def with_query(url: str, query: Mapping[str, str] | None) -> str:
    """`url` with `query`, blanks as %20: Olingo takes a plus sign for a plus sign."""
    if not query:
        return url
    return url + "?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())


def _checked_base(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text.strip())
    except httpx.InvalidURL as error:
        raise ConfigurationProblem(f"base_url is no address: {error}.") from error
    if url.scheme == "https" and url.host:
        return url
    if url.scheme == "http" and is_loopback(url.host):
        return url
    raise ConfigurationProblem(
        "base_url of IFS must begin with https://.", remedy="Plain http is allowed to this machine only."
    )


def _tls(ca_file: str) -> ssl.SSLContext | bool:
    if not ca_file:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigurationProblem(
            f"The certificate file {ca_file} cannot be used: {error}.", remedy="Set ca_file to a PEM file."
        ) from error


def _is_timeout(error: Exception) -> bool:
    return isinstance(error, TimeoutError | httpx.TimeoutException)


def _cause(error: Exception) -> str:
    return f"the connection broke ({str(error) or type(error).__name__})".rstrip(".")
