"""Orders due without hurry, looks that nobody asked for, listings, and backfills as rows."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from bcifs_console.domain.states import OrderState
from bcifs_console.store import backfills, intake, listings, queue
from bcifs_console.store.backfills import Backfill, Wanted
from bcifs_console.store.intake import Delivery
from bcifs_console.store.listings import FRESH, Listing

if TYPE_CHECKING:
    from tests.store.conftest import Bench

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def mark_in_background(bench: "Bench", *order_ids: int) -> None:
    bench.database.write_sync(
        lambda tx: intake.mark_due(tx, bench.connection_id, order_ids, found_by="test", background=True)
    )


def claimed(bench: "Bench", limit: int = 10, background: int | None = None) -> list[int]:
    return [held.order_id for held in bench.claim(limit=limit, background=background)]


def test_others_go_first_however_long_those_without_hurry_have_been_due(bench: "Bench") -> None:
    mark_in_background(bench, 1, 2, 3)
    bench.clock.advance(60)
    bench.mark(4)
    assert claimed(bench, limit=2) == [4, 1]


def test_only_so_many_without_hurry_are_claimed(bench: "Bench") -> None:
    mark_in_background(bench, 1, 2, 3)
    assert claimed(bench, background=2) == [1, 2]
    assert claimed(bench, background=0) == []
    next_due = bench.database.read_sync(lambda conn: queue.next_due_at(conn, background=False))
    assert next_due is not None, "the leases of those claimed"
    assert next_due > bench.clock.now()


def test_a_mark_with_hurry_wins_whichever_comes_first(bench: "Bench") -> None:
    mark_in_background(bench, 1)
    bench.mark(1, 2)
    mark_in_background(bench, 2)
    assert [bench.row(number).background for number in (1, 2)] == [False, False]


def test_the_hurry_of_an_event_during_a_look_is_kept_for_the_next(bench: "Bench") -> None:
    mark_in_background(bench, 1)
    held = bench.claim_one(1)
    assert held.background
    bench.mark(1)
    assert bench.finish(held, OrderState.SYNCED) is OrderState.DUE
    assert not bench.claim_one(1).background


def test_a_retry_stays_without_hurry_and_an_end_forgets_it(bench: "Bench") -> None:
    mark_in_background(bench, 1)
    bench.finish(bench.claim_one(1), OrderState.DUE)
    held = bench.claim_one(1)
    assert held.background
    bench.finish(held, OrderState.SYNCED)
    assert not bench.row(1).background


def test_the_oldest_due_is_one_in_a_hurry(bench: "Bench") -> None:
    mark_in_background(bench, 1)
    assert bench.database.read_sync(lambda conn: intake.oldest_due(conn, bench.clock.now())) is None


# -- looks that nobody asked for ---------------------------------------------------------------------------------------


def look_again(bench: "Bench", at_once: int = 10) -> int:
    return bench.database.write_sync(lambda tx: queue.look_again(tx, bench.connection_id, at_once=at_once))


def test_an_order_in_ifs_is_looked_at_again_on_schedule(bench: "Bench") -> None:
    came = bench.clock.now()
    bench.put(1, OrderState.SYNCED, ifs_order_no="P1", settled=False)
    assert bench.row(1).look_at == came + HOUR
    bench.clock.advance(3599)
    assert look_again(bench) == 0
    bench.clock.advance(1)
    assert look_again(bench) == 1
    held = bench.claim_one(1)
    assert held.background
    bench.finish(held, OrderState.SYNCED)
    assert bench.row(1).look_at == came + 6 * HOUR
    bench.clock.advance(3 * DAY.total_seconds())
    assert look_again(bench) == 1
    bench.finish(bench.claim_one(1), OrderState.WAITING)
    assert bench.row(1).look_at == came + 4 * DAY
    bench.clock.advance(61 * DAY.total_seconds())
    assert look_again(bench) == 1
    bench.finish(bench.claim_one(1), OrderState.SYNCED)
    assert bench.row(1).look_at is None


@pytest.mark.parametrize(
    ("state", "more"),
    [
        (OrderState.SYNCED, {"ifs_order_no": "P1", "settled": True}),
        (OrderState.SYNCED, {}),
        (OrderState.IGNORED, {}),
        (OrderState.WAITING, {}),
        (OrderState.FAILED, {"ifs_order_no": "P1"}),
    ],
)
def test_others_are_not(bench: "Bench", state: OrderState, more: dict[str, object]) -> None:
    bench.put(1, state, **more)
    assert bench.row(1).look_at is None
    bench.clock.advance(DAY.total_seconds())
    assert look_again(bench) == 0


def test_one_that_settles_is_left_alone_from_then_on(bench: "Bench") -> None:
    bench.put(1, OrderState.SYNCED, ifs_order_no="P1", settled=False)
    bench.mark(1)
    bench.finish(bench.claim_one(1), OrderState.SYNCED, settled=True)
    assert bench.row(1).look_at is None


def test_one_that_has_failed_meanwhile_keeps_its_fault(bench: "Bench") -> None:
    bench.put(1, OrderState.SYNCED, ifs_order_no="P1")
    bench.mark(1)
    bench.finish(bench.claim_one(1), OrderState.FAILED, error="no", burn_attempt=True)
    bench.clock.advance(DAY.total_seconds())
    assert look_again(bench) == 0
    assert (bench.row(1).state, bench.row(1).attempts) == ("failed", 1)


def test_only_so_many_are_due_at_once(bench: "Bench") -> None:
    for number in range(1, 6):
        bench.put(number, OrderState.SYNCED, ifs_order_no=f"P{number}")
    bench.clock.advance(HOUR.total_seconds())
    assert look_again(bench, at_once=2) == 2
    assert look_again(bench, at_once=3) == 1
    assert look_again(bench, at_once=3) == 0


# -- listings ----------------------------------------------------------------------------------------------------------


def put_listing(bench: "Bench", order_id: int, *, fetched_at: datetime | None = None) -> None:
    listing = Listing(order_id, fetched_at or bench.clock.now(), "{}")
    bench.database.write_sync(lambda tx: listings.put(tx, bench.connection_id, [listing]))


def listed(bench: "Bench", order_id: int) -> Listing | None:
    now = bench.clock.now()
    return bench.database.read_sync(lambda conn: listings.of_order(conn, bench.connection_id, order_id, now))


def test_a_listing_serves_for_a_quarter_of_an_hour(bench: "Bench") -> None:
    bench.mark(1)
    put_listing(bench, 1)
    bench.clock.advance(FRESH.total_seconds())
    assert listed(bench, 1) == Listing(1, bench.clock.now() - FRESH, "{}")
    bench.clock.advance(1)
    assert listed(bench, 1) is None
    put_listing(bench, 2)
    count = "SELECT count(*) FROM order_listing"
    assert bench.database.read_sync(lambda conn: conn.exec_driver_sql(count).scalar()) == 1, "old ones are forgotten"


async def test_an_event_that_came_since_ends_it(bench: "Bench") -> None:
    bench.mark(1, 2)
    put_listing(bench, 1)
    put_listing(bench, 2)
    bench.clock.advance(1)
    await intake.accept(bench.database, Delivery(bench.connection_id, "d", "store/order/updated", 1, None, "{}"))
    assert listed(bench, 1) is None
    assert listed(bench, 2) is not None


def test_a_mark_ends_it(bench: "Bench") -> None:
    bench.mark(1)
    put_listing(bench, 1)
    bench.mark(1)
    assert listed(bench, 1) is None


def test_one_that_is_older_than_our_own_reading_is_not_kept(bench: "Bench") -> None:
    asked_at = bench.clock.now()
    bench.clock.advance(10)
    bench.mark(1)
    held = bench.claim_one(1)
    bench.database.write_sync(lambda tx: queue.save_snapshot(tx, held, "{}", bench.clock.now()))
    put_listing(bench, 1, fetched_at=asked_at)
    assert listed(bench, 1) is None


# -- backfills ---------------------------------------------------------------------------------------------------------


def begin(bench: "Bench", wanted: Wanted) -> Backfill:
    return bench.database.write_sync(lambda tx: backfills.begin(tx, bench.connection_id, wanted, actor="ann"))


def advance(bench: "Bench", job: Backfill, *due: int, seen: int) -> None:
    kept = [Listing(number, bench.clock.now(), "{}") for number in due]
    bench.database.write_sync(lambda tx: backfills.advance(tx, job, due, kept, reached=max(due), seen=seen, calls=2))


def test_one_that_was_cut_short_is_gone_on_with(bench: "Bench") -> None:
    wanted = Wanted(since=bench.clock.now(), until=None)
    job = begin(bench, wanted)
    advance(bench, job, 5, 7, seen=3)
    again = begin(bench, wanted)
    assert (again.id, again.reached, again.seen, again.marked, again.calls) == (job.id, 7, 3, 2, 2)
    assert begin(bench, Wanted(order_ids=(5,))).id != job.id
    done = bench.database.write_sync(lambda tx: backfills.end(tx, job, actor="ann"))
    assert (done.seen, done.marked, done.ended_at) == (3, 2, bench.clock.now())
    assert begin(bench, wanted).reached == 0, "what is done is done anew"


def test_what_it_marks_is_named_due_without_hurry_and_listed(bench: "Bench") -> None:
    job = begin(bench, Wanted(order_ids=(5, 7)))
    advance(bench, job, 5, 7, seen=2)
    assert listed(bench, 5) is not None
    bench.mark(9)
    assert claimed(bench, limit=1) == [9]
    held = bench.claim(backfill=job.id)
    assert [(each.order_id, each.named, each.background) for each in held] == [(5, True, True), (7, True, True)]
    bench.finish(held[0], OrderState.SYNCED)
    states = bench.database.read_sync(lambda conn: backfills.states(conn, job.id))
    assert states == {OrderState.SYNCED: 1, OrderState.WORKING: 1}
    bench.mark(5)
    assert bench.claim_one(5).named, "for good"


# -- refunds that a store-wide look named ------------------------------------------------------------------------------


def test_a_refund_makes_its_order_due_once(bench: "Bench") -> None:
    bench.put(1, OrderState.SYNCED)

    def note(refunds: dict[int, set[int]]) -> set[int]:
        return bench.database.write_sync(lambda tx: intake.note_refunds(tx, bench.connection_id, refunds))

    assert note({1: {9}, 2: {10}}) == {1}, "an order never seen comes with the orders"
    assert bench.row(1).state == "due"
    assert bench.database.read_sync(lambda conn: intake.heard_of_refund(conn, bench.connection_id, 1))
    assert note({1: {9}}) == set()
    assert note({1: {9, 11}}) == {1}
