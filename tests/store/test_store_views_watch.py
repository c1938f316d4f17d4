"""What Overview, Jobs and Log are given: the same on both databases."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from bcifs_console.domain.buyers import Buyer
from bcifs_console.domain.orders import Address
from bcifs_console.domain.plan import Reason
from bcifs_console.domain.states import OrderState, Side
from bcifs_console.domain.webhooks import WebhookState
from bcifs_console.store import (
    backfills,
    customers,
    group_retries,
    health,
    intake,
    journal,
    pauses,
    reconciliation,
    webhooks,
)
from bcifs_console.store.backfills import Wanted as WantedOrders
from bcifs_console.store.group_retries import FAILED, Group
from bcifs_console.store.reconciliation import ReconciledDay
from bcifs_console.store.views import activity, jobs, overview, problems
from bcifs_console.store.views.activity import Wanted
from bcifs_console.store.webhooks import Finding, WebhookHealth

if TYPE_CHECKING:
    from tests.conftest import AddConnection
    from tests.store.conftest import Bench

HOUR = timedelta(hours=1)


def read(bench: "Bench", view: Any, **more: Any) -> Any:
    return bench.database.read_sync(lambda conn: view(conn, **more))


def at(bench: "Bench", *, hours_ago: float = 0) -> datetime:
    return bench.clock.now() - hours_ago * HOUR


def put(bench: "Bench", order_id: int, state: OrderState, hours_ago: float, **how: Any) -> None:
    bench.put(order_id, state, facts=bench.facts(placed_at=at(bench, hours_ago=hours_ago)), **how)


# -- numbers ---------------------------------------------------------------------------------------------------------


def test_the_pulse_counts_a_rolling_day_and_all_that_is_open(bench: "Bench") -> None:
    put(bench, 5001, OrderState.SYNCED, 30)
    put(bench, 5002, OrderState.SYNCED, 23)
    put(bench, 5003, OrderState.WAITING, 50, reason=Reason.MAPPING)
    put(bench, 5004, OrderState.FAILED, 2)
    put(bench, 5005, OrderState.IGNORED, 1)
    put(bench, 5006, OrderState.WORKING, 1)
    bench.mark(5007)
    found = read(bench, overview.pulse, now=bench.clock.now())
    assert (found.received, found.synced) == (5, 1)
    assert (found.due, found.working, found.waiting, found.failed) == (1, 1, 1, 1)
    assert found.oldest == at(bench, hours_ago=50)


def test_with_nothing_open_nothing_is_oldest(bench: "Bench") -> None:
    put(bench, 5001, OrderState.SYNCED, 1)
    assert read(bench, overview.pulse, now=bench.clock.now()).oldest is None


def test_orders_are_counted_in_the_minute_in_which_they_were_placed(bench: "Bench") -> None:
    for order_id, minutes in ((5001, 0), (5002, 0.5), (5003, 1), (5004, 59), (5005, 60)):
        put(bench, order_id, OrderState.SYNCED, minutes / 60)
    counts = read(bench, overview.orders_per_minute, now=bench.clock.now() + timedelta(seconds=1))
    assert len(counts) == 60
    assert (counts[0], counts[58], counts[59]) == (1, 2, 1)
    assert sum(counts) == 4


def test_the_newest_troubles_are_those_placed_last_in_either_state(bench: "Bench") -> None:
    put(bench, 5001, OrderState.WAITING, 3, error="Who?")
    put(bench, 5002, OrderState.FAILED, 2, error="No.")
    put(bench, 5003, OrderState.WAITING, 1)
    put(bench, 5004, OrderState.SYNCED, 0)
    found = read(bench, overview.newest_troubles, limit=2)
    assert [(each.order_id, each.state, each.connection) for each in found] == [
        (5003, "waiting", "acme-us"),
        (5002, "failed", "acme-us"),
    ]
    assert found[1].error == "No."


# -- health ----------------------------------------------------------------------------------------------------------


def test_one_process_may_be_listener_and_worker_and_one_that_beats_no_more_is_down(bench: "Bench") -> None:
    bench.database.write_sync(lambda tx: health.beat(tx, "w:1", "worker", {}))
    listener, worker = read(bench, overview.processes, now=bench.clock.now())
    assert (listener.is_up, worker.is_up, worker.since) == (False, True, bench.clock.now())
    bench.database.write_sync(lambda tx: health.beat(tx, "a:1", "all", {"port": 8080}))
    listener, _ = read(bench, overview.processes, now=bench.clock.now())
    assert (listener.is_up, listener.port) == (True, 8080)
    later = bench.clock.now() + timedelta(seconds=11)
    assert not any(each.is_up for each in read(bench, overview.processes, now=later))


def test_each_connection_tells_of_its_sides_its_pause_and_its_webhooks(
    bench: "Bench", add_connection: "AddConnection"
) -> None:
    other = add_connection(bench.database, "acme-eu")

    def write(tx: Any) -> None:
        health.set_breaker(tx, other, Side.IFS, is_open=True, cause="401", remedy="Set it.")
        health.set_breaker(tx, bench.connection_id, Side.IFS, is_open=True, cause="503")
        health.set_breaker(tx, bench.connection_id, Side.IFS, is_open=False)
        pauses.pause(tx, other, actor="dana", note="stock-taking")
        health.set_cursor(tx, other, "orders_modified", "x")
        before, later = tx.now - timedelta(hours=2), tx.now - timedelta(hours=1)
        for owner, at in (("a", later), ("b", before)):
            told = {"bigcommerce": before.isoformat(), "ifs": at.isoformat()}
            health.beat(tx, owner, "worker", {"answered": {other: told}})
        finding = Finding("silent", WebhookState.SILENT, "Nothing arrives.")
        state = WebhookHealth(other, registered=True, state=WebhookState.SILENT, findings=(finding,))
        webhooks.set_health(tx, replace(state, looked_at=tx.now), subject="connection:acme-eu", actor="watcher")

    bench.database.write_sync(write)
    us, eu = read(bench, overview.connection_healths)
    assert (us.name, eu.name) == ("acme-us", "acme-eu")
    assert eu.paused[Side.IFS].cause == "401"
    assert us.paused == {}
    assert (eu.by_hand.actor, eu.by_hand.note, us.by_hand) == ("dana", "stock-taking", None)
    now = bench.clock.now()
    assert eu.answered == {Side.BIGCOMMERCE: now, Side.IFS: now - timedelta(hours=1)}, "the newest of all that is told"
    assert us.answered == {}, "not asked yet"
    assert (eu.webhooks, eu.webhooks_cause, eu.webhooks_registered) == (WebhookState.SILENT, "Nothing arrives.", True)
    assert (us.webhooks, us.webhooks_registered) == (WebhookState.UNKNOWN, False)


# -- what needs a person ---------------------------------------------------------------------------------------------


def test_open_questions_name_the_buyers_longest_waiting_first(bench: "Bench") -> None:
    def ask(key: str, name: str) -> None:
        buyer = Buyer(key, f"{key}@example.com", name, "", is_guest=False, address=Address())
        bench.database.write_sync(lambda tx: customers.ask(tx, bench.connection_id, buyer, "who?", ()))
        bench.clock.advance(60)

    first_at = bench.clock.now()
    ask("customer:1", "Ann Lee")
    ask("customer:2", "")
    (found,) = read(bench, overview.open_questions)
    assert (found.connection, found.buyers, found.since) == ("acme-us", ("Ann Lee", "customer:2@example.com"), first_at)
    assert bench.database.write_sync(
        lambda tx: [
            customers.decide(tx, each, "skip", actor="me", customer_id="", note="test")
            for each in customers.open_decisions(tx.conn)
        ]
    ) == [[], []]
    assert read(bench, overview.open_questions) == []


def test_red_days_are_told_with_their_kinds_and_whether_something_came_since(bench: "Bench") -> None:
    def day(number: int, kind: str, verdict: str) -> ReconciledDay:
        return ReconciledDay(
            date(2026, 11, number), "USD", kind, 1, Decimal(1), 1, Decimal(2), verdict, bench.clock.now()
        )

    rows = [day(3, "payments", "red"), day(3, "refunds", "red"), day(4, "payments", "green"), day(2, "payments", "red")]
    first, last = date(2026, 11, 1), date(2026, 11, 9)

    def write(tx: Any) -> None:
        reconciliation.replace(tx, bench.connection_id, first, last, rows)
        reconciliation.mark_outdated(tx, bench.connection_id, [date(2026, 11, 2)])

    bench.database.write_sync(write)
    found = read(bench, overview.red_days)
    assert [(each.day.day, each.kinds, each.outdated) for each in found] == [
        (2, ("payments",), True),
        (3, ("payments", "refunds"), False),
    ]


# -- problems --------------------------------------------------------------------------------------------------------


def test_problems_are_grouped_by_connection_class_and_cause_most_orders_first(
    bench: "Bench", add_connection: "AddConnection"
) -> None:
    add_connection(bench.database, "acme-eu")
    for order_id in (5003, 5001):
        put(
            bench, order_id, OrderState.WAITING, 1, reason=Reason.MAPPING, cause="m:A", error=f"E{order_id}", remedy="R"
        )
        bench.clock.advance(60)
    put(bench, 5004, OrderState.WAITING, 1, reason=Reason.PERIOD, cause="m:A", error="E")
    for order_id in (5005, 5006, 5007):
        put(bench, order_id, OrderState.FAILED, 1, cause="ifs:transient", error="No answer.")
    found = read(bench, problems.groups)
    assert [(each.kind, each.group.cause, each.orders, each.first_order) for each in found] == [
        (FAILED, "ifs:transient", 3, 5005),
        ("mapping", "m:A", 2, 5001),
        ("period", "m:A", 1, 5004),
    ]
    assert (found[1].error, found[1].remedy, found[1].connection) == ("E5001", "R", "acme-us")
    assert found[1].since == at(bench, hours_ago=2 / 60)
    assert len(read(bench, problems.groups, limit=1)) == 1


# -- jobs ------------------------------------------------------------------------------------------------------------


def test_the_queue_is_told_as_it_will_be_worked_on(bench: "Bench") -> None:
    now = bench.clock.now()
    bench.mark(5001, at=now - 2 * HOUR)
    bench.mark(5002, at=now - 3 * HOUR)
    bench.database.write_sync(
        lambda tx: intake.mark_due(
            tx, bench.connection_id, [5003], found_by="backfill", background=True, at=now - 9 * HOUR
        )
    )
    bench.mark(5004, at=now + HOUR)
    bench.mark(5005, at=now + HOUR / 2)
    bench.put(5006, OrderState.WORKING)
    found = read(bench, jobs.jobs, now=now)
    assert [job.order_id for job in found.due] == [5002, 5001, 5003]
    assert [job.order_id for job in found.planned] == [5005, 5004]
    assert [(job.order_id, job.owner) for job in found.working] == [(5006, "w1")]
    backlog = found.backlog
    assert (backlog.due, backlog.in_background, backlog.planned, backlog.working) == (3, 1, 2, 1)
    assert [job.order_id for job in read(bench, jobs.due, now=now, limit=1)] == [5002]


def test_a_retry_is_told_with_its_first_order_and_those_behind_it(bench: "Bench") -> None:
    for order_id in (5001, 5002, 5003):
        put(bench, order_id, OrderState.FAILED, 1, cause="ifs:transient")
    group = Group(bench.connection_id, FAILED, "ifs:transient")
    bench.database.write_sync(lambda tx: group_retries.begin(tx, group, actor="dana"))
    (found,) = read(bench, jobs.releases)
    assert (found.group, found.canary, found.waiting, found.is_stopped) == (group, 5001, 2, False)
    assert (found.actor, found.since, found.connection) == ("dana", bench.clock.now(), "acme-us")


def test_a_backfill_is_told_with_what_became_of_its_orders(bench: "Bench") -> None:
    number = bench.connection_id
    wanted = WantedOrders(since=at(bench, hours_ago=99))
    job = bench.database.write_sync(lambda tx: backfills.begin(tx, number, wanted, actor="dana"))
    bench.database.write_sync(lambda tx: backfills.advance(tx, job, [5001, 5002], [], reached=5002, seen=7, calls=1))
    bench.finish(bench.claim_one(5001), OrderState.SYNCED)
    (found,) = read(bench, jobs.backfills_shown, now=bench.clock.now())
    assert (found.seen, found.marked, found.done, found.total, found.ended_at) == (7, 2, 1, 2, None)
    bench.database.write_sync(lambda tx: backfills.end(tx, job, actor="dana"))
    assert len(read(bench, jobs.backfills_shown, now=bench.clock.now())) == 1
    assert read(bench, jobs.backfills_shown, now=bench.clock.now() + timedelta(days=1)) == []


def test_quotas_are_those_of_the_living_workers_last_beat(bench: "Bench", add_connection: "AddConnection") -> None:
    add_connection(bench.database, "acme-eu")
    quotas = {bench.connection_id: {"left": 0, "of": 150}}
    bench.database.write_sync(lambda tx: health.beat(tx, "w:1", "all", {"quotas": quotas}))
    us, eu = read(bench, jobs.quotas, now=bench.clock.now())
    assert ((eu.left, eu.of), (us.left, us.of)) == ((None, None), (0, 150))
    later = bench.clock.now() + timedelta(minutes=1)
    assert [quota.left for quota in read(bench, jobs.quotas, now=later)] == [None, None]


# -- the journal -----------------------------------------------------------------------------------------------------


@pytest.fixture
def told(bench: "Bench") -> "Bench":
    """A journal of five rows."""

    def write(tx: Any) -> None:
        journal.write(tx, "order.synced", actor="service", connection_id=1, subject="order:5001", ifs_order="C10")
        journal.write(tx, "order.failed", actor="service", connection_id=2, subject="order:5002", error="100 % no_way")
        journal.write(tx, "decision.link", actor="dana", connection_id=1, subject="buyer:customer:7", note="Größe")
        journal.write(tx, "breaker.opened", actor="service", connection_id=2, subject="breaker:ifs", cause="401")
        journal.write(tx, "orderly.thing", actor="service", subject="", why="")

    bench.database.write_sync(write)
    return bench


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(), [5, 4, 3, 2, 1]),
        (Wanted(events=("order.",)), [2, 1]),
        (Wanted(events=("order.failed", "breaker.")), [4, 2]),
        (Wanted(but=("order.synced", "orderly.thing")), [4, 3, 2]),
        (Wanted(connection_id=2), [4, 2]),
        (Wanted(text="DANA link"), [3]),
        (Wanted(text="größe"), [3]),
        (Wanted(text="100 % no_"), [2]),
        (Wanted(text="o%r"), []),
        (Wanted(events=("order.",), connection_id=1, text="c10"), [1]),
    ],
)
def test_the_journal_is_filtered(told: "Bench", wanted: Wanted, expected: list[int]) -> None:
    before = read(told, activity.newest) - 5
    found = [number - before for number in read(told, activity.ids, wanted=wanted)]
    assert [number for number in found if number > 0] == expected


def test_only_what_came_since_is_asked_for_and_never_further_back_than_the_window(told: "Bench") -> None:
    newest = read(told, activity.newest)
    assert read(told, activity.ids, after=newest - 2) == [newest, newest - 1]
    assert read(told, activity.ids, window=1) == [newest]


def test_what_one_look_wrote_is_found_by_its_name(told: "Bench") -> None:
    told.mark(77, 78)
    before = read(told, activity.newest)
    looks = [told.claim_one(77), told.claim_one(78)]
    for held in looks:
        told.finish(held, OrderState.SYNCED, ifs_order_no="C1", events=(("order.edited", {"note": "x"}),))
    mine = read(told, activity.ids, wanted=Wanted(text=looks[0].look))
    found = read(told, activity.entries, wanted=mine)
    assert [(each.event, each.subject) for each in found.values()] == [
        ("order.synced", looks[0].subject),
        ("order.edited", looks[0].subject),
    ]
    assert min(mine) > before


def test_rows_come_whole(told: "Bench") -> None:
    newest = read(told, activity.newest)
    found = read(told, activity.entries, wanted=[newest - 2, newest + 99])
    assert list(found) == [newest - 2]
    entry = found[newest - 2]
    assert (entry.event, entry.actor, entry.subject, entry.at) == (
        "decision.link",
        "dana",
        "buyer:customer:7",
        told.clock.now(),
    )
    assert entry.detail == {"note": "Größe"}
    assert entry.connection == "acme-us"
