"""What the endpoint answers when the store is slow, full, failing or closed; and many deliveries at once."""

import asyncio
import threading

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.store import intake, journal
from bcifs_console.store.database import Database, Tx
from tests.listener.listener_front import Front, OpenFront, event, failing_commits


class Gate:
    """A write that holds the store's writer until it is opened."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._reached = threading.Event()

    def hold(self, _tx: Tx) -> None:
        self._reached.set()
        assert self._open.wait(30)

    async def reached(self) -> None:
        assert await asyncio.to_thread(self._reached.wait, 30)

    def open(self) -> None:
        self._open.set()


async def test_no_answer_is_given_before_the_commit(front: Front) -> None:
    gate = Gate()
    holding = asyncio.create_task(front.database.write(gate.hold))
    await gate.reached()
    delivering = asyncio.create_task(front.post())
    other = await front.client.get(f"{front.admin}/healthz")  # the loop itself is not held up

    assert other.status_code == 200
    assert not delivering.done()
    assert front.on_disk() == []
    gate.open()
    await holding
    assert (await delivering).status_code == 200
    assert front.on_disk() == [272]


async def test_a_failed_commit_is_503_with_nothing_stored_and_the_retry_is_taken(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    with failing_commits(front.database, monkeypatch):
        answer = await front.post()
    assert (answer.status_code, answer.content) == (503, b"")
    assert dict(answer.headers) == {"content-length": "0"}
    assert front.on_disk() == []
    assert front.metric("unavailable") == 1

    assert (await front.post()).status_code == 200
    assert front.on_disk() == [272]


async def test_a_full_queue_is_503_and_passes(sqlite_url: str, clock: ManualClock, open_front: OpenFront) -> None:
    database = Database(sqlite_url, clock=clock, queue_limit=1)
    try:
        front: Front = await open_front(database)
        gate = Gate()
        holding = asyncio.create_task(database.write(gate.hold))
        await gate.reached()
        first = intake.accept(database, intake.Delivery(front.connection_id, "1", "store/order/created", 1, None, "{}"))

        assert (await front.post(event(2))).status_code == 503

        gate.open()
        await holding
        await first
        assert (await front.post(event(2))).status_code == 200
        assert front.on_disk() == [1, 2]
    finally:
        database.close()


async def test_a_closed_store_is_503(front: Front) -> None:
    await asyncio.to_thread(front.database.close)
    assert (await front.post()).status_code == 503


async def test_refusals_that_the_store_did_not_take_are_written_later(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    await front.post(event(), [])
    with failing_commits(front.database, monkeypatch):
        await front.state.outcomes.flush()
        await front.post(event(), [])
    await front.state.outcomes.flush()
    await front.state.outcomes.flush()

    counts = await front.database.read(lambda conn: journal.counts(conn, "deliveries"))
    assert counts == {(front.connection_id, "refused:missing_secret_header"): 2}


async def test_refusals_reach_the_store_by_themselves(open_front: OpenFront) -> None:
    front: Front = await open_front(flush_s=0.01)
    written = asyncio.Event()
    loop = asyncio.get_running_loop()
    original = front.database.write

    async def watched(run):  # type: ignore[no-untyped-def]  # passes anything on
        result = await original(run)
        loop.call_soon(written.set)
        return result

    front.database.write = watched  # type: ignore[method-assign]  # a spy
    await front.post(event(), [])
    await asyncio.wait_for(written.wait(), 10)
    assert front.on_disk("SELECT label FROM counter") == ["refused:missing_secret_header"]


async def test_200_deliveries_at_once_are_one_row_each(front: Front) -> None:
    answers = await asyncio.gather(*(front.post_raw(event(order_id)) for order_id in range(1, 201)))
    assert answers == [200] * 200
    assert front.on_disk() == list(range(1, 201))
    assert front.on_disk("SELECT count(*) FROM store_order WHERE state = 'due'") == [200]


async def test_one_delivery_200_times_at_once_is_one_row(front: Front) -> None:
    answers = await asyncio.gather(*(front.post_raw(event()) for _ in range(200)))
    assert answers == [200] * 200
    assert front.on_disk() == [272]
    counts = await front.database.read(lambda conn: journal.counts(conn, "deliveries"))
    assert counts == {(front.connection_id, "accepted"): 1, (front.connection_id, "duplicate"): 199}
