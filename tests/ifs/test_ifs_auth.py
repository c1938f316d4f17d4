"""The token: asked for as IFS wants it, renewed ahead of its end and after a 401, by one task for all."""

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import httpx
import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.base.problems import ProblemKind
from bcifs_console.base.secret import Secret
from bcifs_console.ifs.auth import ClientCredentials
from bcifs_console.ifs.client import IfsClient
from bcifs_console.ifs.errors import AuthenticationFailed, NotSent, Transient

if TYPE_CHECKING:
    from tests.ifs.conftest import FakeIfs

EMPTY: dict[str, object] = {"value": []}
REFUSED = {"error": "invalid_client", "error_description": "Invalid client or Invalid client credentials"}


def page() -> httpx.Response:
    return httpx.Response(200, json=EMPTY)


async def ask(client: IfsClient) -> None:
    """One call of any kind."""
    await client.customers_by_email("ann@example.com")


async def test_asks_with_the_secret_in_the_form_and_sends_the_token_as_bearer(
    client: IfsClient, fake: "FakeIfs"
) -> None:
    fake.script(page())
    await ask(client)
    (request,) = fake.token_requests
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in request.headers
    assert parse_qs(request.content.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["BC_INTEGRATION"],
        "client_secret": ["planted-client-secret"],
        "scope": ["openid microprofile-jwt"],
    }
    assert fake.bearers == ["Bearer token-1"]


@pytest.mark.parametrize(
    ("expires_in", "still_used_at", "renewed_at"),
    [
        (180, 149.0, 150.0),  # 30 s early
        (5, 3.9, 4.0),  # a fifth of a short lifetime early
        (86400, 3569.0, 3570.0),  # never trusted longer than 60 minutes
        (None, 47.0, 48.0),  # not said: a minute
        ("soon", 47.0, 48.0),
    ],
)
async def test_a_token_is_renewed_ahead_of_its_end(
    client: IfsClient,
    fake: "FakeIfs",
    clock: ManualClock,
    expires_in: object,
    still_used_at: float,
    renewed_at: float,
) -> None:
    fake.expires_in = expires_in
    fake.script(page(), page(), page())
    await ask(client)
    clock.advance(still_used_at)
    await ask(client)
    assert len(fake.token_requests) == 1
    clock.advance(renewed_at - still_used_at)
    await ask(client)
    assert fake.bearers == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


async def test_a_401_renews_once_and_repeats_the_call(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(httpx.Response(401), page())
    await ask(client)
    assert fake.bearers == ["Bearer token-1", "Bearer token-2"]
    assert [status for _, status, _ in fake.calls] == [200]


async def test_a_401_after_renewal_is_an_authentication_failure(client: IfsClient, fake: "FakeIfs") -> None:
    gateway = {"statusCode": 401, "message": "Invalid JWT."}
    fake.script(httpx.Response(401, json=gateway), httpx.Response(401, json=gateway))
    with pytest.raises(AuthenticationFailed, match=r"Invalid JWT\.") as caught:
        await ask(client)
    assert caught.value.kind is ProblemKind.CONNECTION
    assert caught.value.status == 401


async def test_twenty_tasks_with_a_401_share_one_renewal(client: IfsClient, fake: "FakeIfs") -> None:
    def by_token(request: httpx.Request) -> httpx.Response:
        return httpx.Response(401) if request.headers["authorization"] == "Bearer token-1" else page()

    fake.script(page(), *[by_token] * 40)
    await ask(client)
    await asyncio.gather(*(ask(client) for _ in range(20)))
    assert len(fake.token_requests) == 2
    assert len(fake.requests) == 1 + 40


async def test_twenty_tasks_without_a_token_share_one_request(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(*[page() for _ in range(20)])
    await asyncio.gather(*(ask(client) for _ in range(20)))
    assert len(fake.token_requests) == 1


async def test_tasks_that_wait_for_a_refused_renewal_share_the_refusal(client: IfsClient, fake: "FakeIfs") -> None:
    fake.token_replies = [httpx.Response(401, json=REFUSED)]
    outcomes = await asyncio.gather(*(ask(client) for _ in range(20)), return_exceptions=True)
    assert {type(o) for o in outcomes} == {AuthenticationFailed}
    assert len(fake.token_requests) == 1
    fake.script(page())
    await ask(client)  # a later call asks again: the secret may have been put right


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(401, json=REFUSED),
        httpx.Response(400, json={"error": "unauthorized_client", "error_description": "Client not enabled"}),
        httpx.Response(404, json={"error": "Realm does not exist"}),
    ],
)
async def test_a_refused_token_names_the_cause_and_never_the_secret(
    client: IfsClient, fake: "FakeIfs", reply: httpx.Response
) -> None:
    fake.token_replies = [reply]
    with pytest.raises(AuthenticationFailed) as caught:
        await client.release("C1", 'W/"1"')
    document = reply.json()
    assert document.get("error_description", document["error"]) in str(caught.value)
    assert caught.value.status == reply.status_code
    assert "planted-client-secret" not in f"{caught.value!r}{caught.value}"
    assert "IAM client" in caught.value.remedy
    assert fake.requests == []


@pytest.mark.parametrize(
    "reply", [httpx.Response(503), httpx.Response(200, text="<html>"), httpx.Response(200, json={})]
)
async def test_a_token_address_in_trouble_is_transient_even_for_a_write(
    client: IfsClient, fake: "FakeIfs", reply: httpx.Response
) -> None:
    fake.token_replies = [reply]
    with pytest.raises(Transient):
        await client.release("C1", 'W/"1"')


async def test_a_lost_token_request_leaves_the_write_surely_not_sent(client: IfsClient, fake: "FakeIfs") -> None:
    fake.token_replies = [httpx.ReadTimeout("slow")]
    with pytest.raises(NotSent):
        await client.release("C1", 'W/"1"')


async def test_a_renewal_lost_after_a_401_leaves_the_write_surely_not_done(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(page(), httpx.Response(401))
    await ask(client)
    fake.token_replies = [httpx.ReadError("gone")]
    with pytest.raises(NotSent):
        await client.release("C1", 'W/"1"')


def credentials(base_url: str, clock: ManualClock) -> ClientCredentials:
    return ClientCredentials(
        base_url=httpx.URL(base_url),
        token_path="/token",
        client_id="id",
        client_secret=Secret("planted-client-secret"),
        scope="",
        clock=clock,
    )


async def test_no_other_host_gets_the_token(clock: ManualClock) -> None:
    auth = credentials("https://acme.ifs.cloud", clock)
    for other in ("https://evil.example/x", "http://acme.ifs.cloud/x", "https://acme.ifs.cloud:8443/x"):
        with pytest.raises(ValueError, match="another host"):
            await anext(auth.async_auth_flow(httpx.Request("GET", other)))


def test_the_secret_is_in_no_repr(clock: ManualClock) -> None:
    assert "planted" not in repr(credentials("https://acme.ifs.cloud", clock))
