"""The two ways to make work: accepted deliveries and due marks; both are coalesced and neither loses an order."""

import asyncio
import itertools
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from bcifs_console.base.clock import ManualClock
from bcifs_console.domain.plan import Reason
from bcifs_console.domain.states import OrderState
from bcifs_console.store import health, intake, journal, queue
from bcifs_console.store.database import Database, OrderKey, Tx
from bcifs_console.store.errors import StoreBusy, StoreFault
from bcifs_console.store.health import HookRecord
from bcifs_console.store.intake import Delivery
from bcifs_console.store.tables import webhook_delivery

if TYPE_CHECKING:
    from tests.conftest import AddConnection
    from tests.store.conftest import Bench

numbers = itertools.count(1)


def delivery(bench: "Bench", order_id: int | None = 5001, *, dedupe: str = "", event_age_s: float = 0) -> Delivery:
    """A delivery of an event that happened `event_age_s` seconds ago."""
    return Delivery(
        connection_id=bench.connection_id,
        dedupe=dedupe or f"event-{next(numbers)}",
        scope="store/order/updated",
        order_id=order_id,
        event_at=bench.clock.now() - timedelta(seconds=event_age_s),
        body='{"scope": "store/order/updated"}',
    )


async def accept(bench: "Bench", *deliveries: Delivery) -> None:
    await asyncio.gather(*(intake.accept(bench.database, d) for d in deliveries))


def stored_deliveries(bench: "Bench") -> int:
    count = select(func.count()).select_from(webhook_delivery)
    return bench.database.read_sync(lambda conn: conn.execute(count).scalar_one())


def tally(bench: "Bench") -> dict[str, int]:
    counted = bench.database.read_sync(lambda conn: journal.counts(conn, "deliveries"))
    return {label: total for (connection_id, label), total in counted.items() if connection_id == bench.connection_id}


def state(bench: "Bench", order_id: int) -> str:
    return str(bench.row(order_id).state)


# -- deliveries --------------------------------------------------------------------------------------------------------


async def test_an_accepted_delivery_is_on_disk_with_its_order_due_now(bench: "Bench") -> None:
    await accept(bench, delivery(bench, 5001, dedupe="a"))
    row = bench.row(5001)
    assert (row.state, row.due_at, row.generation, row.found_by) == ("due", bench.clock.now(), 1, "webhook")
    assert row.first_seen_at == bench.clock.now()
    assert (stored_deliveries(bench), tally(bench)) == (1, {"accepted": 1})


async def test_a_delivery_keeps_everything_it_was_sent_with(bench: "Bench") -> None:
    sent = replace(delivery(bench, 5001, dedupe="a", event_age_s=3), body='{"name": "Zoë Ωmega 🙂"}')
    bench.clock.advance(1)
    await accept(bench, sent)
    (row,) = bench.database.read_sync(lambda conn: conn.execute(select(webhook_delivery)).all())
    assert (row.connection_id, row.dedupe, row.scope, row.order_id, row.event_at, row.received_at, row.body) == (
        sent.connection_id,
        "a",
        "store/order/updated",
        5001,
        sent.event_at,
        bench.clock.now(),
        sent.body,
    )


async def test_the_same_delivery_many_times_makes_one_row_and_one_look(bench: "Bench") -> None:
    same = delivery(bench, 5001, dedupe="a")
    await accept(bench, same, same, same)
    await accept(bench, same)
    assert stored_deliveries(bench) == 1
    assert bench.row(5001).generation == 1
    assert tally(bench) == {"accepted": 1, "duplicate": 3}


async def test_a_storm_of_events_of_one_order_is_one_look(bench: "Bench") -> None:
    await accept(bench, *(delivery(bench, 5001) for _ in range(300)))
    assert stored_deliveries(bench) == 300
    assert [held.order_id for held in bench.claim(limit=100)] == [5001]


async def test_equal_hashes_of_two_connections_are_two_events(bench: "Bench", add_connection: "AddConnection") -> None:
    other = add_connection(bench.database, "acme-eu")
    here = delivery(bench, 5001, dedupe="a")
    await accept(bench, here, replace(here, connection_id=other))
    await accept(bench, replace(here, connection_id=other))
    assert stored_deliveries(bench) == 2
    assert sorted((h.connection_id, h.order_id) for h in bench.claim()) == [(bench.connection_id, 5001), (other, 5001)]


async def test_a_delivery_without_an_order_is_kept_and_makes_no_work(bench: "Bench") -> None:
    orderless = delivery(bench, None, dedupe="a")
    await accept(bench, orderless)
    await accept(bench, orderless)
    assert (stored_deliveries(bench), tally(bench)) == (1, {"accepted": 1, "duplicate": 1})
    assert bench.claim() == []


async def test_a_delivery_shows_on_its_hook(bench: "Bench") -> None:
    hook = HookRecord(bench.connection_id, "store/order/updated", 7, "https://x.example", True, "ok", "", None, None)
    bench.database.write_sync(lambda tx: health.save_hook(tx, hook))
    bench.clock.advance(10)
    await accept(bench, delivery(bench, 5001))
    (seen,) = bench.database.read_sync(lambda conn: health.hooks(conn, bench.connection_id))
    assert seen.last_delivery_at == bench.clock.now()


async def test_a_delivery_shows_on_a_wildcard_hook_too(bench: "Bench") -> None:
    """Whether its payload names the wildcard or the event is undocumented (facts §2.2)."""
    for scope in ("store/order/*", "store/shipment/*"):
        hook = HookRecord(bench.connection_id, scope, 7, "https://x.example", True, "ok", "", None, None)
        bench.database.write_sync(partial(health.save_hook, record=hook))
    await accept(bench, delivery(bench, 5001))
    seen = bench.database.read_sync(lambda conn: health.hooks(conn, bench.connection_id))
    assert {record.scope: record.last_delivery_at for record in seen} == {
        "store/order/*": bench.clock.now(),
        "store/shipment/*": None,
    }


async def test_accepting_rings_the_dispatcher_once_for_each_order(bench: "Bench") -> None:
    rung: list[OrderKey] = []
    bench.database.after_commit.append(rung.extend)
    await accept(bench, *(delivery(bench, order_id) for order_id in (5002, 5001, 5002, 5001)))
    assert sorted(set(rung)) == [(bench.connection_id, 5001), (bench.connection_id, 5002)]


async def test_a_delivery_for_an_unknown_connection_fails_and_leaves_nothing(bench: "Bench") -> None:
    with pytest.raises(StoreFault):
        await intake.accept(bench.database, replace(delivery(bench, 5001), connection_id=999))
    assert stored_deliveries(bench) == 0


async def test_an_event_time_without_a_zone_is_refused_and_not_guessed(bench: "Bench") -> None:
    naive = bench.clock.now().replace(tzinfo=None)
    with pytest.raises((ValueError, StoreFault)):
        await intake.accept(bench.database, replace(delivery(bench, 5001), event_at=naive))
    with pytest.raises((ValueError, StoreFault)):
        bench.mark(5001, at=naive)
    assert stored_deliveries(bench) == 0
    assert bench.claim() == []


async def test_a_full_store_refuses_a_delivery_at_once(database_url: str, clock: ManualClock) -> None:
    database = Database(database_url, clock=clock, queue_limit=0)
    with pytest.raises(StoreBusy):
        intake.accept(database, Delivery(1, "a", "store/order/updated", 5001, None, "{}"))
    database.close()


# -- repeated deliveries: a look only where the order was not read since the event -------------------------------------


async def read_order(bench: "Bench", order_id: int, end: OrderState = OrderState.SYNCED) -> None:
    held = bench.claim_one(order_id)
    bench.database.write_sync(lambda tx: queue.save_snapshot(tx, held, "{}", tx.now))
    if end is not OrderState.WORKING:
        bench.finish(held, end)


@pytest.mark.parametrize(
    ("read_after_event_s", "looks_again"),
    [(60, False), (6, False), (5, False), (4, True), (0, True), (-30, True)],
)
async def test_a_repeat_makes_work_only_where_the_order_was_not_read_well_after_the_event(
    bench: "Bench", read_after_event_s: int, *, looks_again: bool
) -> None:
    """Events carry whole seconds and clocks differ: a read counts from five seconds after the event."""
    event = delivery(bench, 5001, dedupe="a", event_age_s=read_after_event_s)
    await accept(bench, event)
    await read_order(bench, 5001)
    assert state(bench, 5001) == "synced"
    await accept(bench, event)
    assert (state(bench, 5001) == "due") is looks_again


async def test_a_repeat_after_a_look_that_could_not_read_the_order_makes_work(bench: "Bench") -> None:
    event = delivery(bench, 5001, dedupe="a", event_age_s=60)
    await accept(bench, event)
    bench.finish(bench.claim_one(5001), OrderState.FAILED)
    await accept(bench, event)
    assert state(bench, 5001) == "due"


async def test_a_repeat_of_an_event_without_a_time_makes_work(bench: "Bench") -> None:
    event = replace(delivery(bench, 5001, dedupe="a"), event_at=None)
    await accept(bench, event)
    await read_order(bench, 5001)
    bench.clock.advance(3600)
    await accept(bench, event)
    assert state(bench, 5001) == "due"


async def test_a_repeat_for_an_order_that_is_due_already_changes_nothing(bench: "Bench") -> None:
    event = delivery(bench, 5001, dedupe="a")
    await accept(bench, event)
    await accept(bench, event)
    assert bench.row(5001).generation == 1


async def test_a_repeat_while_the_order_is_looked_at_is_looked_at_again_afterwards(bench: "Bench") -> None:
    event = delivery(bench, 5001, dedupe="a", event_age_s=2)
    await accept(bench, event)
    held = bench.claim_one(5001)
    bench.database.write_sync(lambda tx: queue.save_snapshot(tx, held, "{}", tx.now))
    await accept(bench, event)
    assert bench.finish(held, OrderState.SYNCED) is OrderState.DUE


# -- marks -------------------------------------------------------------------------------------------------------------


def test_marking_counts_each_order_once_and_marks_nothing_for_none(bench: "Bench") -> None:
    assert bench.mark(5001, 5002, 5001) == 2
    assert bench.mark() == 0
    assert sorted(held.order_id for held in bench.claim()) == [5001, 5002]


def test_a_new_mark_says_who_found_the_order_first_and_when(bench: "Bench") -> None:
    bench.mark(5001)
    first = bench.clock.now()
    bench.clock.advance(60)
    bench.database.write_sync(lambda tx: intake.mark_due(tx, bench.connection_id, [5001], found_by="poll"))
    row = bench.row(5001)
    assert (row.first_seen_at, row.found_by, row.generation) == (first, "test", 2)


#: state before → state after a mark, and whether it can be claimed at once
MARKED = {
    OrderState.DUE: "due",
    OrderState.WORKING: "working",
    OrderState.WAITING: "due",
    OrderState.SYNCED: "due",
    OrderState.FAILED: "due",
    OrderState.SKIPPED: "due",
    OrderState.IGNORED: "due",
}


@pytest.mark.parametrize("before", list(OrderState))
def test_a_mark_makes_any_order_due_but_leaves_one_that_is_worked_on_with_its_worker(
    bench: "Bench", before: OrderState
) -> None:
    bench.put(5001, before, due_at=bench.clock.now() + timedelta(hours=1) if before is OrderState.DUE else None)
    generation = bench.row(5001).generation
    bench.clock.advance(1)
    bench.mark(5001)
    row = bench.row(5001)
    assert (row.state, row.due_at, row.generation) == (MARKED[before], bench.clock.now(), generation + 1)
    assert [held.order_id for held in bench.claim("w2")] == ([] if before is OrderState.WORKING else [5001])


def test_a_mark_never_delays_an_order_that_is_due_earlier(bench: "Bench") -> None:
    bench.mark(5001)
    due = bench.clock.now()
    bench.mark(5001, at=due + timedelta(hours=1))
    assert bench.row(5001).due_at == due


def test_a_mark_for_later_is_not_claimed_before(bench: "Bench") -> None:
    bench.mark(5001, at=bench.clock.now() + timedelta(minutes=10))
    assert bench.claim() == []
    bench.clock.advance(600)
    assert [held.order_id for held in bench.claim()] == [5001]


def test_a_mark_keeps_what_is_known_of_the_order(bench: "Bench") -> None:
    bench.put(5001, OrderState.WAITING, reason=Reason.MAPPING, error="no part", facts=bench.facts(), ifs_customer="42")
    bench.mark(5001)
    row = bench.row(5001)
    assert (row.email, row.ifs_customer, row.error, row.reason) == ("ann@example.com", "42", "no part", "mapping")


def test_a_mark_that_is_undone_rings_nobody(bench: "Bench") -> None:
    rung: list[OrderKey] = []
    bench.database.after_commit.append(rung.extend)

    def mark_then_fail(tx: Tx) -> None:
        intake.mark_due(tx, bench.connection_id, [5001], found_by="test")
        raise KeyError

    with pytest.raises(KeyError):
        bench.database.write_sync(mark_then_fail)
    assert rung == []
    assert bench.claim() == []


def test_the_oldest_due_order_is_the_one_due_longest(bench: "Bench") -> None:
    def oldest() -> object:
        return bench.database.read_sync(lambda conn: intake.oldest_due(conn, bench.clock.now()))

    assert oldest() is None
    first = bench.clock.now()
    bench.mark(5001)
    bench.clock.advance(60)
    bench.mark(5002)
    bench.mark(5003, at=bench.clock.now() + timedelta(hours=1))
    assert oldest() == first
    bench.claim(only=[(bench.connection_id, 5001)])
    assert oldest() == bench.clock.now()
