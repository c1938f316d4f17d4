"""One exchange: what a broken call means, how lists are paged, which headers go out, what is never followed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from bcifs_console.base.clock import ManualClock, SystemClock
from bcifs_console.base.problems import ConfigurationProblem
from bcifs_console.domain.connections import IfsAccess
from bcifs_console.ifs import errors, transport
from bcifs_console.ifs.client import IfsClient
from bcifs_console.ifs.errors import IfsError
from bcifs_console.ifs.profile import IfMatch, Profile

if TYPE_CHECKING:
    from tests.ifs.conftest import FakeIfs, MakeClient

URL = "https://acme.ifs.cloud/main/ifsapplications/projection/v1/P.svc/ThingSet"
ETAG = 'W/"Vy8i"'


def page(*numbers: int, next_link: str = "") -> httpx.Response:
    body: dict[str, object] = {"value": [{"N": n} for n in numbers]}
    if next_link:
        body["@odata.nextLink"] = next_link
    return httpx.Response(200, json=body)


async def write(client: IfsClient) -> object:
    return await client.odata.write("write it", "POST", URL, {"A": 1})


async def read(client: IfsClient) -> object:
    return await client.odata.get("read it", URL)


# what a broken call means


@pytest.mark.parametrize(
    "failure", [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), httpx.PoolTimeout("full")]
)
async def test_without_a_connection_nothing_was_sent(
    client: IfsClient, fake: "FakeIfs", failure: httpx.RequestError
) -> None:
    fake.script(failure)
    with pytest.raises(errors.NotSent):
        await write(client)
    assert fake.calls == [("write it", 0, 0.0)]


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ReadTimeout("slow"),
        httpx.WriteTimeout("slow"),
        httpx.ReadError("reset"),
        httpx.WriteError("reset"),
        httpx.RemoteProtocolError("closed"),
    ],
)
async def test_a_write_that_breaks_after_sending_has_an_unknown_outcome(
    client: IfsClient, fake: "FakeIfs", failure: httpx.RequestError
) -> None:
    fake.script(failure, failure)
    with pytest.raises(errors.OutcomeUnknown):
        await write(client)
    with pytest.raises(errors.Transient):
        await read(client)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(502, html="<html>Bad Gateway</html>"),
        httpx.Response(504),
        httpx.Response(500, json={"error": {"code": "X", "message": "no ORA number"}}),
        httpx.Response(200, html="<html>Please log in</html>"),
        httpx.Response(201, text='{"OrderNo": "C1'),
        httpx.Response(201, json=["not", "a", "record"]),
        httpx.Response(201, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"not gzip")),
    ],
)
async def test_a_write_without_a_usable_answer_has_an_unknown_outcome(
    client: IfsClient, fake: "FakeIfs", answer: httpx.Response
) -> None:
    fake.script(answer)
    with pytest.raises(errors.OutcomeUnknown):
        await write(client)


@pytest.mark.parametrize("answer", [httpx.Response(502, html="<html>"), httpx.Response(200, html="<html>")])
async def test_a_read_without_a_usable_answer_is_tried_again(
    client: IfsClient, fake: "FakeIfs", answer: httpx.Response
) -> None:
    fake.script(answer)
    with pytest.raises(errors.Transient):
        await read(client)


async def test_throttling_says_how_long_to_wait(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(httpx.Response(429, headers={"Retry-After": "7"}), httpx.Response(503, headers={"Retry-After": "9"}))
    with pytest.raises(errors.Transient) as throttled:
        await write(client)
    assert throttled.value.retry_after_s == 7
    with pytest.raises(errors.OutcomeUnknown):  # a 503 does not say that nothing was done
        await write(client)


async def test_an_answer_too_large_is_not_swallowed(
    client: IfsClient, fake: "FakeIfs", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_BODY_BYTES", 100)
    fake.script(httpx.Response(200, content=b"x" * 101), httpx.Response(201, content=b"x" * 101))
    with pytest.raises(errors.BadRequest):
        await read(client)
    with pytest.raises(errors.OutcomeUnknown):
        await write(client)


async def test_neither_secret_nor_token_is_in_an_error(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(httpx.ReadError("gone"))
    with pytest.raises(errors.OutcomeUnknown) as caught:
        await write(client)
    shown = f"{caught.value!r} {caught.value} {caught.value.__cause__!r} {client.odata!r}"
    assert "planted" not in shown
    assert "token-1" not in shown


# the real network


TOKEN = b'{"access_token":"t","expires_in":180}'
Handler = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[str]:
    """A loopback server that gives each request's head to `handler`."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    (int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length")), 0
                )
                await reader.readexactly(length)
                await handler(head, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        for writer in writers:
            writer.close()
        server.close()


def answer(writer: asyncio.StreamWriter, body: bytes) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)


async def over_network(access: IfsAccess, profile: Profile, base_url: str, deadline_s: float = 0.2) -> IfsError:
    async with IfsClient(
        replace(access, base_url=base_url), profile, clock=SystemClock(), deadline_s=deadline_s
    ) as client:
        url = client.odata.url("P", "ThingSet")
        with pytest.raises(IfsError) as caught:
            await client.odata.write("write it", "POST", url, {})
        return caught.value


async def test_a_closed_port_is_not_sent(access: IfsAccess, profile: Profile) -> None:
    async with listening(lambda head, writer: asyncio.sleep(0)) as base_url:
        pass
    assert type(await over_network(access, profile, base_url)) is errors.NotSent


async def test_silence_after_a_write_is_unknown_when_the_deadline_ends(access: IfsAccess, profile: Profile) -> None:
    async def handler(head: bytes, writer: asyncio.StreamWriter) -> None:
        if b"/token " in head:
            answer(writer, TOKEN)

    async with listening(handler) as base_url:
        error = await over_network(access, profile, base_url)
    assert type(error) is errors.OutcomeUnknown
    assert "no answer within 0.2 s" in error.message


async def test_an_answer_that_trickles_ends_at_the_total_deadline(access: IfsAccess, profile: Profile) -> None:
    async def handler(head: bytes, writer: asyncio.StreamWriter) -> None:
        if b"/token " in head:
            answer(writer, TOKEN)
            return
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)  # each byte comes well within a read time-out

    async with listening(handler) as base_url:
        error = await over_network(access, profile, base_url)
    assert type(error) is errors.OutcomeUnknown


async def test_silence_at_the_token_address_leaves_the_write_not_sent(access: IfsAccess, profile: Profile) -> None:
    async with listening(lambda head, writer: asyncio.sleep(0)) as base_url:
        assert type(await over_network(access, profile, base_url)) is errors.NotSent


async def test_a_connection_cut_after_the_write_arrived_is_unknown(access: IfsAccess, profile: Profile) -> None:
    async def handler(head: bytes, writer: asyncio.StreamWriter) -> None:
        if b"/token " in head:
            answer(writer, TOKEN)
        else:
            writer.close()

    async with listening(handler) as base_url:
        error = await over_network(access, profile, base_url, deadline_s=5)
    assert type(error) is errors.OutcomeUnknown


# lists


async def pages(client: IfsClient) -> list[object]:
    return [row["N"] for row in await client.odata.get_all("list", URL, {"$orderby": "N"})]


@pytest.fixture
def small_pages(make_client: "MakeClient", profile: Profile) -> IfsClient:
    return make_client(profile=replace(profile, page_size=2))


async def test_next_links_are_followed_relative_or_absolute(small_pages: IfsClient, fake: "FakeIfs") -> None:
    fake.script(
        page(1, 2, next_link="ThingSet?$skiptoken=2&$orderby=N"),
        page(3, next_link=f"{URL}?$skiptoken=3"),  # a short page with a next link is not the end
        page(4, 5),
        page(),
    )
    assert await pages(small_pages) == [1, 2, 3, 4, 5]
    assert str(fake.requests[1].url) == f"{URL}?$skiptoken=2&$orderby=N"
    assert str(fake.requests[2].url) == f"{URL}?$skiptoken=3"
    assert fake.requests[3].url.params["$skip"] == "5"


async def test_without_next_link_a_list_ends_at_the_first_short_page(small_pages: IfsClient, fake: "FakeIfs") -> None:
    fake.script(page(1, 2), page(3, 4), page(5))
    assert await pages(small_pages) == [1, 2, 3, 4, 5]
    assert [(r.url.params["$top"], r.url.params.get("$skip")) for r in fake.requests] == [
        ("2", None),
        ("2", "2"),
        ("2", "4"),
    ]


async def test_pages_cut_by_the_server_without_a_next_link_lose_nothing(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(page(*range(100)), page(*range(100, 130)), page())  # 500 were asked for
    assert await pages(client) == list(range(130))
    assert [r.url.params.get("$skip") for r in fake.requests] == [None, "100", "130"]


async def test_next_links_end_where_top_ends_but_the_list_goes_on(
    make_client: "MakeClient", profile: Profile, fake: "FakeIfs"
) -> None:
    fake.script(page(1, 2, next_link="ThingSet?$skiptoken=2&$top=1"), page(3), page(4))  # 3 were asked for
    assert await pages(make_client(profile=replace(profile, page_size=3))) == [1, 2, 3, 4]
    assert fake.requests[2].url.params["$skip"] == "3"


async def test_a_relative_next_link_of_a_child_list_starts_at_the_service(client: IfsClient, fake: "FakeIfs") -> None:
    root, child = URL.removesuffix("ThingSet"), "ThingSet(No='1')/Lines"
    fake.script(page(1, next_link=f"{child}?$skiptoken=1"), page(2))
    await client.odata.get_all("list", root + child)
    assert fake.requests[1].url == httpx.URL(f"{root}{child}?$skiptoken=1")


@pytest.mark.parametrize(
    "link", ["https://evil.example/ThingSet?$skiptoken=2", "//evil.example/x", "http://acme.ifs.cloud/x"]
)
async def test_a_next_link_to_another_host_is_refused(small_pages: IfsClient, fake: "FakeIfs", link: str) -> None:
    fake.script(page(1, 2, next_link=link))
    with pytest.raises(errors.BadRequest):
        await pages(small_pages)


async def test_a_next_link_that_goes_round_in_a_circle_ends(small_pages: IfsClient, fake: "FakeIfs") -> None:
    fake.script(page(1, 2, next_link="ThingSet?$skiptoken=2"), page(3, 4, next_link="ThingSet?$skiptoken=2"))
    with pytest.raises(errors.BadRequest):
        await pages(small_pages)


# addresses and headers


async def test_a_redirect_is_not_followed(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(httpx.Response(302, headers={"Location": "https://evil.example/"}))
    with pytest.raises(errors.BadRequest, match="302"):
        await read(client)


async def test_cookies_are_never_kept(client: IfsClient, fake: "FakeIfs") -> None:
    fake.token_replies = [httpx.Response(200, json={"access_token": "t"}, headers={"Set-Cookie": "KEYCLOAK=1; Path=/"})]
    cookie = {"Set-Cookie": "JSESSIONID=1; Path=/"}
    fake.script(httpx.Response(200, json={}, headers=cookie), httpx.Response(200, json={}, headers=cookie))
    await read(client)
    await read(client)
    assert not any("cookie" in request.headers for request in fake.requests)


async def test_writes_are_json_and_reads_carry_no_content_type(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(httpx.Response(204), httpx.Response(200, json={}))
    assert await write(client) is None
    await read(client)
    assert fake.requests[0].headers["content-type"] == "application/json"
    assert fake.requests[0].content == b'{"A":1}'
    assert "content-type" not in fake.requests[1].headers
    assert "x-ifs-time-zone-aware-request" not in fake.requests[1].headers


async def test_the_time_zone_header_is_sent_when_the_profile_says_so(
    make_client: "MakeClient", profile: Profile, fake: "FakeIfs"
) -> None:
    fake.script(httpx.Response(200, json={}))
    await read(make_client(profile=replace(profile, tz_aware_header=True)))
    assert fake.requests[0].headers["x-ifs-time-zone-aware-request"] == "true"


@pytest.mark.parametrize(
    ("policy", "etag", "sent"),
    [
        (IfMatch.REQUIRED, ETAG, ETAG),
        (IfMatch.OPTIONAL, ETAG, ETAG),
        (IfMatch.OPTIONAL, "", None),
        (IfMatch.STAR, ETAG, "*"),
    ],
)
async def test_actions_carry_if_match_by_policy(
    make_client: "MakeClient", profile: Profile, fake: "FakeIfs", policy: IfMatch, etag: str, sent: str | None
) -> None:
    fake.script(httpx.Response(204))
    await make_client(profile=replace(profile, if_match=policy)).odata.action("act", URL, {}, etag)
    assert fake.requests[0].headers.get("if-match") == sent


async def test_an_action_without_an_etag_is_not_sent_where_one_is_required(client: IfsClient) -> None:
    with pytest.raises(errors.Conflict):
        await client.odata.action("act", URL, {}, "")


async def test_layer_and_gateway_stand_in_front_of_the_projection(make_client: "MakeClient", profile: Profile) -> None:
    client = make_client(profile=replace(profile, gateway_prefix="/apim/", layers={"P": "int"}))
    assert client.odata.url("P", "S") == "https://acme.ifs.cloud/apim/int/ifsapplications/projection/v1/P.svc/S"
    assert client.odata.url("Q").endswith("/main/ifsapplications/projection/v1/Q.svc")


@pytest.mark.parametrize("base_url", ["http://acme.ifs.cloud", "acme.ifs.cloud", "ftp://x", "https://", "http://[::1"])
def test_an_address_without_tls_is_refused(make_client: "MakeClient", access: IfsAccess, base_url: str) -> None:
    with pytest.raises(ConfigurationProblem):
        make_client(access=replace(access, base_url=base_url))


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:2"])
def test_this_machine_may_be_reached_in_the_clear(make_client: "MakeClient", access: IfsAccess, base_url: str) -> None:
    client = make_client(access=replace(access, base_url=base_url))
    assert client.odata.url("P", "S").startswith(f"{base_url}/main/")


def test_a_certificate_file_that_cannot_be_used_is_named(
    make_client: "MakeClient", access: IfsAccess, tmp_path: Path
) -> None:
    broken = tmp_path / "ca.pem"
    broken.write_text("no certificate", encoding="utf-8")
    for path in (broken, tmp_path / "absent.pem"):
        with pytest.raises(ConfigurationProblem, match=path.name):
            make_client(access=replace(access, ca_file=str(path)))


def test_an_unknown_time_zone_is_refused(make_client: "MakeClient") -> None:
    with pytest.raises(ConfigurationProblem, match="Mars/Olympus"):
        make_client(time_zone="Mars/Olympus")


async def test_calls_are_reported_with_status_and_seconds(
    client: IfsClient, fake: "FakeIfs", clock: ManualClock
) -> None:
    def slow(request: httpx.Request) -> httpx.Response:
        clock.advance(1.5)
        return httpx.Response(403, text="Insufficient privileges.")

    fake.script(slow)
    with pytest.raises(errors.PermissionDenied, match="Insufficient privileges"):
        await read(client)
    assert fake.calls == [("read it", 403, 1.5)]
