"""Senders that are slow, silent, greedy or gone, on raw connections; and the ASGI messages of the same cases."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from starlette.types import Message

from bcifs_console.listener import protocol
from bcifs_console.listener.app import public_app
from tests.listener.listener_front import Front, Headers, OpenFront, chunked, event, padded

CHUNKED = ("transfer-encoding", "chunked")


def length(body: bytes) -> tuple[str, str]:
    return ("content-length", str(len(body)))


async def test_a_body_that_does_not_end_in_time_is_408_and_the_line_closed(open_front: OpenFront) -> None:
    front: Front = await open_front(body_s=0.05)
    body = event()
    line = await front.dial()
    await line.send(front.head([*front.signed(body), length(body)]) + body[:-1])

    assert await line.status() == 408
    assert await line.is_cut()
    assert front.metric("too_slow") == 1
    assert front.on_disk() == []


async def test_a_body_that_never_begins_is_408(open_front: OpenFront) -> None:
    front: Front = await open_front(body_s=0.05)
    line = await front.dial()
    await line.send(front.head([*front.signed(event()), length(event())]))
    assert await line.status() == 408


async def test_a_body_in_parts_is_put_together(front: Front) -> None:
    body = event()
    line = await front.dial()
    await line.send(front.head([*front.signed(body), length(body), ("expect", "100-continue")]))
    assert await line.status() == 100  # so the application is waiting for the body now
    await line.send(body[:50])
    await line.send(body[50:])
    assert await line.status() == 200
    assert front.on_disk() == [272]


async def test_a_too_large_body_is_refused_before_the_sender_is_told_to_continue(front: Front) -> None:
    line = await front.dial()
    await line.send(front.head([*front.signed(event()), ("content-length", "65537"), ("expect", "100-continue")]))
    assert await line.status() == 413


async def test_chunks_are_counted_as_they_come(front: Front) -> None:
    body = padded(event(), 65_537)
    line = await front.dial()
    await line.send(front.head([*front.signed(body), CHUNKED]) + chunked(body, 4_000)[:-5])  # without its end

    assert await line.status() == 413
    assert front.on_disk() == []


async def test_a_body_of_the_largest_size_in_chunks_of_one_byte_is_taken(front: Front) -> None:
    body = padded(event(), 65_536)
    line = await front.dial()
    await line.send(front.head([*front.signed(body), CHUNKED]) + chunked(body, 1))
    assert await line.status() == 200


async def test_one_connection_carries_many_deliveries_refused_ones_between(front: Front) -> None:
    line = await front.dial()
    for order_id, credentials, status in ((1, True, 200), (2, False, 401), (3, True, 200)):
        body = event(order_id)
        headers: Headers = front.signed(body) if credentials else []
        await line.send(front.head([*headers, length(body)]) + body)
        assert await line.status() == status
    assert front.on_disk() == [1, 3]


async def test_a_connection_that_says_nothing_is_cut(open_front: OpenFront) -> None:
    front: Front = await open_front(head_s=0.05)
    assert await (await front.dial()).is_cut()


async def test_headers_that_do_not_end_are_cut(open_front: OpenFront) -> None:
    front: Front = await open_front(head_s=0.05)
    line = await front.dial()
    await line.send(front.head([])[:-2] + b"x-more: ")
    assert await line.is_cut()


async def test_a_connection_that_is_idle_for_long_is_cut(open_front: OpenFront) -> None:
    front: Front = await open_front(keep_alive_s=0.05)
    body = event()
    line = await front.dial()
    await line.send(front.head([*front.signed(body), length(body)]) + body)
    assert await line.status() == 200
    assert await line.is_cut()


async def test_a_waiting_body_outlives_the_time_for_headers(open_front: OpenFront) -> None:
    front: Front = await open_front(head_s=0.05)
    body = event()
    line, silent = await front.dial(), await front.dial()
    await line.send(front.head([*front.signed(body), length(body)]) + body[:-1])
    assert await silent.is_cut()  # the sweep has passed
    await line.send(body[-1:])
    assert await line.status() == 200


async def test_headers_without_measure_are_cut(open_front: OpenFront) -> None:
    front: Front = await open_front(wire_bytes=20_000)
    line = await front.dial()
    await line.send(front.head([("x-much", "y" * 30_000)])[:-2])
    assert await line.is_cut()


async def test_chunk_marks_and_trailers_without_measure_are_cut(open_front: OpenFront) -> None:
    front: Front = await open_front(wire_bytes=20_000)
    body = event()
    line = await front.dial()
    trailer = b"x-much: " + b"y" * 30_000
    await line.send(front.head([*front.signed(body), CHUNKED]) + chunked(body, 100)[:-2] + trailer)
    assert await line.is_cut()
    assert front.on_disk() == []


async def test_what_is_no_http_is_400_and_does_no_harm(front: Front) -> None:
    line = await front.dial()
    await line.send(b"\x16\x03\x01 hello\r\n\r\n")
    assert await line.status() == 400
    assert (await front.post()).status_code == 200


async def test_two_lengths_that_differ_are_refused_before_anything_is_read(front: Front) -> None:
    body = event()
    line = await front.dial()
    await line.send(front.head([*front.signed(body), length(body), ("content-length", "5")]) + body)
    assert await line.status() == 400
    assert front.on_disk() == []


async def test_connections_beyond_the_limit_are_503_and_far_beyond_it_cut(open_front: OpenFront) -> None:
    front: Front = await open_front(connections=2)
    body = event()
    request = front.head([*front.signed(body), length(body)]) + body
    for _ in range(2):
        line = await front.dial()
        await line.send(request)
        assert await line.status() == 200

    beyond = await front.dial()
    await beyond.send(request)
    assert await beyond.status() == 503
    await beyond.reader.read()  # its end: such a connection is not kept

    await front.dial()
    assert await (await front.dial()).is_cut()


async def test_one_strange_address_holds_only_its_share_of_connections(
    open_front: OpenFront, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "_is_loopback", lambda _address: False)
    front: Front = await open_front(connections_per_source=2)
    body = event()
    request = front.head([*front.signed(body), length(body), ("connection", "close")]) + body
    first, _ = await front.dial(), await front.dial()
    assert await (await front.dial()).is_cut()

    await first.send(request)
    assert await first.status() == 200
    assert await first.is_cut()  # by its own wish; its place is free again
    third = await front.dial()
    await third.send(request)
    assert await third.status() == 200


@pytest.mark.parametrize(
    ("address", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:203.0.113.9", False),
        ("2001:db8::1", False),
        ("", True),
        ("203.0.113.9", False),
        ("10.0.0.1", False),
    ],
)
def test_loopback_is_where_a_reverse_proxy_is(address: str, is_loopback: bool) -> None:
    assert protocol._is_loopback(address) is is_loopback


# -- the same endpoint without a server: what it does with each ASGI message ------------------------------------------


async def call(front: Front, messages: Iterable[Message], headers: Headers) -> list[Message]:
    """What the application sends when it receives `messages`."""
    waiting = iter(messages)
    sent: list[Message] = []

    async def receive() -> Message:
        return next(waiting)

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": front.path,
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }
    await public_app(front.state)(scope, receive, send)
    return sent


async def test_a_sender_that_leaves_gets_no_answer_and_nothing_is_stored(front: Front) -> None:
    part = {"type": "http.request", "body": event()[:20], "more_body": True}
    gone = {"type": "http.disconnect"}

    assert await call(front, [gone], front.signed(event())) == []
    assert await call(front, [part, gone], front.signed(event())) == []

    assert front.metric("disconnected") == 2
    assert front.on_disk() == []
    await front.state.outcomes.flush()
    assert front.on_disk("SELECT count(*) FROM counter") == [0]  # nobody was refused
    assert front.on_disk("SELECT number FROM hook_sample WHERE outcome = 'disconnected'") == [2]


async def test_the_parts_of_a_body_may_come_as_any_messages(front: Front) -> None:
    body = event()
    messages: list[Message] = [
        {"type": "http.request", "body": b"", "more_body": True},
        {"type": "http.request", "more_body": True},
        {"type": "http.request", "body": body[:9], "more_body": True},
        {"type": "http.request", "body": body[9:]},
    ]
    sent = await call(front, messages, front.signed(body))
    assert [message.get("status") for message in sent] == [200, None]


async def test_reading_stops_at_the_limit(front: Front) -> None:
    read = 0

    def endless() -> Iterable[Message]:
        nonlocal read
        while True:
            read += 1
            yield {"type": "http.request", "body": b"x" * 40_000, "more_body": True}

    sent = await call(front, endless(), front.signed(event()))
    assert sent[0]["status"] == 413
    assert read == 2


async def test_a_body_that_came_while_it_was_not_awaited_loses_nothing(front: Front) -> None:
    """The first look at `receive` is given up where it would wait; it must not have taken a message with it."""
    body = event()
    arrived = asyncio.Event()
    looks = 0

    async def receive() -> Message:
        nonlocal looks
        looks += 1
        await arrived.wait()
        return {"type": "http.request", "body": body}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": front.path,
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in front.signed(body)],
    }
    asyncio.get_running_loop().call_soon(arrived.set)
    await public_app(front.state)(scope, receive, send)
    assert sent[0]["status"] == 200
    assert looks == 2
