"""Lanes: a connection for each request under way, kept for the next one, given back however a request ends."""

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from bcifs_console.base import lanes as module
from bcifs_console.base.lanes import Lanes, lanes


class Lane(httpx.AsyncBaseTransport):
    """Answers, fails or hangs as its path says, and knows what became of it."""

    def __init__(self) -> None:
        self.served: list[str] = []
        self.is_closed = False
        self.go_on = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.served.append(request.url.path)
        if request.url.path == "/fails":
            raise httpx.ConnectError("no")
        if request.url.path == "/hangs":
            await self.go_on.wait()
        return httpx.Response(200, stream=_Body())

    async def aclose(self) -> None:
        self.is_closed = True


class _Body(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"he"
        yield b"llo"


@pytest.fixture
def made() -> list[Lane]:
    return []


@pytest.fixture
async def client(made: list[Lane]) -> AsyncIterator[httpx.AsyncClient]:
    def make() -> Lane:
        made.append(Lane())
        return made[-1]

    async with httpx.AsyncClient(transport=Lanes(make, limit=2), base_url="http://127.0.0.1") as opened:
        yield opened


async def test_one_after_the_other_use_the_same_connection(client: httpx.AsyncClient, made: list[Lane]) -> None:
    assert [(await client.get(path)).text for path in ("/a", "/b")] == ["hello", "hello"]
    assert [lane.served for lane in made] == [["/a", "/b"]]


async def test_at_once_each_has_its_own_and_no_more_than_the_limit(client: httpx.AsyncClient, made: list[Lane]) -> None:
    under_way = [asyncio.create_task(client.get("/hangs")) for _ in range(3)]
    await _until(lambda: len(made) == 2 and all(lane.served for lane in made))
    assert not any(task.done() for task in under_way)
    for lane in made:
        lane.go_on.set()
    assert [answer.status_code for answer in await asyncio.gather(*under_way)] == [200] * 3
    assert len(made) == 2


@pytest.mark.parametrize("ending", ["failed", "cancelled", "left unread"])
async def test_a_connection_comes_back_however_its_request_ends(
    client: httpx.AsyncClient, made: list[Lane], ending: str
) -> None:
    if ending == "failed":
        with pytest.raises(httpx.ConnectError):
            await client.get("/fails")
    elif ending == "cancelled":
        task = asyncio.create_task(client.get("/hangs"))
        await _until(lambda: bool(made and made[0].served))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    else:
        async with client.stream("GET", "/unread"):
            pass
    assert (await client.get("/next")).text == "hello"
    assert len(made) == 1


async def test_one_that_nobody_needed_for_long_is_closed(
    client: httpx.AsyncClient, made: list[Lane], monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [asyncio.create_task(client.get("/hangs")) for _ in range(2)]
    await _until(lambda: len(made) == 2 and all(lane.served for lane in made))
    for lane in made:
        lane.go_on.set()
    await asyncio.gather(*both)
    monkeypatch.setattr(module, "_IDLE_S", -1.0)
    await client.get("/a")
    assert [lane.is_closed for lane in made] == [True, True]
    assert (await client.get("/b")).text == "hello"


async def test_closing_closes_what_is_idle_and_later_what_is_under_way(
    client: httpx.AsyncClient, made: list[Lane]
) -> None:
    await client.get("/a")
    async with client.stream("GET", "/b"):
        await client.aclose()
        assert not made[0].is_closed
    assert made[0].is_closed


def test_a_proxy_of_the_environment_is_left_to_httpx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert lanes(limit=1) is None
    assert lanes(limit=1, trust_env=False) is not None


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)
