"""What becomes of refusals, broken answers and broken connections, and that the token shows in none of it."""

import asyncio
import traceback
from typing import Any

import httpx
import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.base.problems import ConfigurationProblem, Problem, ProblemKind
from bcifs_console.base.secret import Secret
from bcifs_console.bigcommerce.budget import HeaderBudget
from bcifs_console.bigcommerce.client import BigCommerceClient
from bcifs_console.bigcommerce.errors import (
    AuthenticationFailed,
    BadAnswer,
    BigCommerceError,
    InvalidRequest,
    NotFound,
    PermissionMissing,
    RateLimited,
    Unavailable,
)
from bcifs_console.bigcommerce.refusals import complaints
from tests.bigcommerce.bigcommerce_samples import (
    NOON,
    TOKEN,
    FakeStore,
    access,
    client_of,
    link,
    no_sleep,
    wire_address,
    wire_line,
    wire_order,
)


async def failure(answer: httpx.Response | Exception, **options: Any) -> BigCommerceError:
    """What `time()` raises when the store answers so."""

    def handler(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(BigCommerceError) as caught:
        await client_of(handler, **options).time()
    return caught.value


V2_ERROR = [{"status": 0, "message": "said by v2"}]
V3_ERROR = {"status": 0, "title": "said by v3", "type": "https://x", "errors": {"destination": "error.path.missing."}}


@pytest.mark.parametrize(
    ("status", "kind", "problem"),
    [
        (400, InvalidRequest, ProblemKind.CONFIGURATION),
        (401, AuthenticationFailed, ProblemKind.CONNECTION),
        (403, PermissionMissing, ProblemKind.CONNECTION),
        (404, NotFound, ProblemKind.NOT_FOUND),
        (405, InvalidRequest, ProblemKind.CONFIGURATION),
        (408, Unavailable, ProblemKind.TRANSIENT),
        (409, InvalidRequest, ProblemKind.CONFLICT),
        (413, InvalidRequest, ProblemKind.CONFIGURATION),
        (422, InvalidRequest, ProblemKind.CONFIGURATION),
        (423, Unavailable, ProblemKind.TRANSIENT),
        (429, RateLimited, ProblemKind.TRANSIENT),
        (500, Unavailable, ProblemKind.TRANSIENT),
        (501, InvalidRequest, ProblemKind.CONFIGURATION),
        (502, Unavailable, ProblemKind.TRANSIENT),
        (503, Unavailable, ProblemKind.TRANSIENT),
        (504, Unavailable, ProblemKind.TRANSIENT),
        (507, Unavailable, ProblemKind.TRANSIENT),
        (301, BadAnswer, ProblemKind.TRANSIENT),
    ],
)
@pytest.mark.parametrize("body", [V2_ERROR, V3_ERROR, None, "<html>"])
async def test_each_status_is_its_error_whatever_the_body(
    status: int, kind: type[BigCommerceError], problem: ProblemKind, body: Any
) -> None:
    answer = httpx.Response(status, text=body) if isinstance(body, str) else httpx.Response(status, json=body)
    error = await failure(answer)
    assert type(error) is kind
    assert error.kind is problem
    assert error.status == status
    assert error.message
    assert error.remedy


async def test_v2_and_v3_error_texts_are_shown() -> None:
    assert "said by v2" in str(await failure(httpx.Response(500, json=V2_ERROR)))
    error = await failure(httpx.Response(422, json=V3_ERROR))
    assert isinstance(error, InvalidRequest)
    assert error.complaints == ("said by v3", "destination: error.path.missing.")


async def test_a_missing_permission_names_the_scope() -> None:
    error = await failure(httpx.Response(403, json=V3_ERROR))
    assert isinstance(error, PermissionMissing)
    assert error.scope == "store_v2_information_read_only"
    assert "store_v2_information_read_only" in error.remedy


def test_complaints_of_nested_shapes_are_found_and_outside_text_is_tamed() -> None:
    payload = {
        "title": "bad\x1b[31m\n",
        "errors": {"a": {"b": ["x", "y"]}, "long": "z" * 1000, "number": 5},
        "data": [{"title": "inside data"}],
    }
    found = complaints(payload)
    assert found[0] == "bad [31m"
    assert "a.b: x" in found
    assert "inside data" in found
    assert max(map(len, found)) == 300
    assert complaints([{"message": str(n)} for n in range(100)]) == tuple(map(str, range(10)))
    assert complaints(None) == complaints("x") == complaints(5) == ()


def test_deep_or_odd_error_bodies_end() -> None:
    deep: Any = "x"
    for _ in range(100):
        deep = {"errors": deep}
    assert complaints(deep) == ()


@pytest.mark.parametrize(
    ("content", "kind", "says"),
    [
        (b"<!DOCTYPE html><title>Bad gateway</title>", "text/html", "a web page (text/html)"),
        (b'{"time": 17672', "application/json", "cut short"),
        (b"OK", "text/plain", "no valid JSON"),
        (b'{"time": NaN}', "application/json", "no valid JSON"),
        (b"\xff\xff", "application/json", "no valid JSON"),
    ],
)
async def test_a_success_that_is_no_json_is_a_bad_answer(content: bytes, kind: str, says: str) -> None:
    error = await failure(httpx.Response(200, content=content, headers={"content-type": kind}))
    assert isinstance(error, BadAnswer)
    assert says in error.message


async def test_a_damaged_compression_is_no_answer() -> None:
    response = httpx.Response(
        200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"this is no gzip stream")
    )
    assert isinstance(await failure(response), Unavailable)


@pytest.mark.parametrize(
    "broken",
    [httpx.ConnectError("refused"), httpx.ReadTimeout(""), httpx.RemoteProtocolError("gone"), httpx.ReadError("")],
)
async def test_a_broken_connection_is_unavailable(broken: Exception) -> None:
    error = await failure(broken)
    assert isinstance(error, Unavailable)
    assert error.status == 0
    assert type(broken).__name__ in error.message


async def test_the_deadline_is_for_the_call_as_a_whole() -> None:
    async def trickle() -> Any:
        yield b"{"
        await asyncio.Event().wait()

    error = await failure(httpx.Response(200, content=trickle()), deadline_s=0.01)
    assert isinstance(error, Unavailable)
    assert "0.01 s" in error.message


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(401, json={"title": f"bad token {TOKEN}"}),
        httpx.Response(422, json={"errors": {"x": f"{TOKEN}"}}),
        httpx.Response(500, text=TOKEN),
        httpx.Response(200, text=f"<{TOKEN}>"),
        httpx.ConnectError("refused"),
        httpx.LocalProtocolError(f"Illegal header value {TOKEN}"),
    ],
)
async def test_the_token_shows_in_no_error_and_in_none_of_its_causes(answer: httpx.Response | Exception) -> None:
    error = await failure(answer)
    assert TOKEN not in "".join(traceback.format_exception(error))
    cause: BaseException | None = error
    while cause is not None:
        assert not hasattr(cause, "request")
        cause = cause.__cause__ or cause.__context__


async def test_a_hooks_secret_is_not_echoed_by_a_refusal() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(422, json={"errors": {"headers": f"too odd: {request.content.decode()}"}})

    with pytest.raises(InvalidRequest) as caught:
        await client_of(handler).create_hook("store/order/created", "https://x", {"X-BCIFS-Key": Secret("planted")})
    assert "planted" not in str(caught.value)


async def test_a_429_tells_the_budget_and_says_when_to_come_back() -> None:
    clock = ManualClock(NOON)
    budget = HeaderBudget(clock, sleep=no_sleep)
    headers = {
        "X-Retry-After": "90",
        "X-Rate-Limit-Time-Reset-Ms": "8000",
        "X-Rate-Limit-Requests-Left": "35",
        "X-Rate-Limit-Requests-Quota": "150",
    }
    error = await failure(httpx.Response(429, headers=headers), budget=budget, clock=clock)
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == pytest.approx(90)
    assert budget.pause_left_s == pytest.approx(90)


async def test_a_bare_429_backs_off_on_its_own() -> None:
    error = await failure(httpx.Response(429))
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == pytest.approx(2)


async def test_a_call_that_the_budget_gives_back_is_not_made() -> None:
    clock = ManualClock(NOON)
    budget = HeaderBudget(clock, sleep=no_sleep)
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(429, headers={"x-retry-after": "600"})

    client = client_of(handler, budget=budget, clock=clock)
    for _ in range(2):
        with pytest.raises(RateLimited):
            await client.time()
    assert len(asked) == 1


async def test_every_call_is_told_with_its_route_and_status() -> None:
    told: list[tuple[str, int, float]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/time"):
            raise httpx.ConnectError("refused")
        return httpx.Response(404)

    client = client_of(handler, on_call=lambda *call: told.append(call))
    for call in (client.order(5001), client.time()):
        with pytest.raises(BigCommerceError):
            await call
    assert told == [("GET /v2/orders/{id}", 404, 0.0), ("GET /v2/time", 0, 0.0)]


async def test_a_call_that_is_cancelled_or_fails_gives_its_place_in_the_budget_back() -> None:
    clock = ManualClock(NOON)
    budget = HeaderBudget(clock, sleep=no_sleep)
    started = asyncio.Event()

    async def hang(request: httpx.Request) -> httpx.Response:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError

    await budget.acquire(live=True)
    budget.observe(
        {"x-rate-limit-requests-left": "9", "x-rate-limit-requests-quota": "10", "x-rate-limit-time-reset-ms": "9000"},
        200,
    )
    task = asyncio.create_task(client_of(hang, budget=budget, clock=clock).time())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    clock.advance(10)
    assert budget.quota_left == 10


@pytest.mark.parametrize(
    "api_url", ["https://api.bigcommerce.com", "http://127.0.0.1:8001", "http://[::1]:1", "http://localhost/"]
)
async def test_https_anywhere_and_http_to_this_machine_are_called(api_url: str) -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, json={"time": 1767225600})

    clock = ManualClock(NOON)
    transport = httpx.MockTransport(handler)
    client = BigCommerceClient(access(api_url=api_url), budget=HeaderBudget(clock), clock=clock, transport=transport)
    await client.time()
    assert asked == [f"{api_url.rstrip('/')}/stores/abc123/v2/time"]


@pytest.mark.parametrize(
    "changes",
    [
        {"api_url": "http://api.bigcommerce.com"},
        {"api_url": "http://10.0.0.1"},
        {"api_url": "http://localhost.evil.example"},
        {"api_url": "ftp://127.0.0.1"},
        {"api_url": "https://user:pw@api.bigcommerce.com"},
        {"api_url": ""},
        {"api_url": "https://[bad"},
        {"api_url": "https://api.bigcommerce.com?x=1"},
        {"store_hash": ""},
        {"store_hash": "../x"},
        {"access_token": Secret("")},
        {"access_token": Secret(f"{TOKEN}\n")},
        {"access_token": Secret(f"{TOKEN}ü")},
    ],
)
def test_access_data_that_cannot_be_used_safely_is_refused(changes: dict[str, Any]) -> None:
    clock = ManualClock(NOON)
    with pytest.raises(ConfigurationProblem) as caught:
        BigCommerceClient(access(**changes), budget=HeaderBudget(clock), clock=clock)
    assert TOKEN not in "".join(traceback.format_exception(caught.value))
    assert "pw" not in str(caught.value)


async def test_an_answer_too_large_to_be_one_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bcifs_console.bigcommerce.calls.MAX_ANSWER_BYTES", 10)
    assert isinstance(await failure(httpx.Response(200, content=b'{"time": 1767225600}')), BadAnswer)


async def test_redirects_are_not_followed() -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(302, headers={"location": "https://evil.example/"})

    with pytest.raises(Problem):
        await client_of(handler).time()
    assert asked == ["api.bigcommerce.com"]


PARTS: dict[str, list[Any]] = {
    "products": [wire_line()],
    "shipping_addresses": [wire_address()],
    "fees": [],
    "taxes": [],
    "coupons": [],
}


@pytest.mark.parametrize("missing", PARTS)
async def test_a_missing_part_is_not_a_missing_order(missing: str) -> None:
    """An order that is there must not be taken for deleted because one resource of it answers 404."""
    path = "/v2/orders/5001"
    whole = wire_order(consignments=None, fees=link(f"{path}/fees"), coupon_discount="5.0000")
    answers = {f"{path}/{part}": rows for part, rows in PARTS.items() if part != missing}
    with pytest.raises(BadAnswer, match=f"order 5001 but answers 404 for its {missing}") as caught:
        await client_of(FakeStore({path: whole, **answers})).order(5001, with_taxes=True)
    assert (caught.value.order_id, caught.value.field, caught.value.status) == (5001, missing, 404)
