"""How the first order of a group that is tried again fared, and what becomes of the others."""

from dataclasses import replace
from typing import Any

import pytest

from bcifs_console.domain.plan import Reason
from bcifs_console.domain.states import OrderState
from bcifs_console.store import group_retries, queue
from bcifs_console.store.database import Database
from bcifs_console.store.group_retries import Group, GroupRetry, RetryState
from bcifs_console.store.views import OrderView, orders
from bcifs_console.sync.group_retrying import fate, group_retry_step
from bcifs_console.sync.releasing import Fate
from tests.conftest import AddConnection
from tests.store.conftest import Bench

CAUSE = "mapping:sales_part SHIRT-1"


@pytest.fixture
def bench(sqlite_database: Database, clock: Any, add_connection: AddConnection) -> Bench:
    """Five orders that wait for one sales part, tried again by dana."""
    found = Bench(sqlite_database, clock, add_connection(sqlite_database))
    for order_id in range(5001, 5006):
        found.put(order_id, OrderState.WAITING, reason=Reason.MAPPING, cause=CAUSE, error="No such part.")
    group = Group(found.connection_id, "mapping", CAUSE)
    found.database.write_sync(lambda tx: group_retries.begin(tx, group, actor="dana"))
    return found


def states(bench: Bench) -> list[str]:
    found = bench.database.read_sync(orders)
    return [view.state for view in sorted(found, key=lambda view: view.order_id)]


def retry(bench: Bench) -> GroupRetry | None:
    return next(iter(bench.database.read_sync(group_retries.every)), None)


async def test_while_the_first_is_under_way_the_others_wait(bench: Bench) -> None:
    await group_retry_step(bench.database, bench.connection_id)
    assert states(bench) == ["due", *["waiting"] * 4]
    bench.claim_one(5001)
    await group_retry_step(bench.database, bench.connection_id)
    assert states(bench) == ["working", *["waiting"] * 4]


async def test_once_it_is_in_ifs_all_others_go(bench: Bench) -> None:
    bench.finish(bench.claim_one(5001), OrderState.SYNCED)
    await group_retry_step(bench.database, bench.connection_id)
    assert states(bench) == ["synced", *["due"] * 4]
    assert retry(bench) is None


async def test_one_that_has_the_same_problem_again_stops_it(bench: Bench) -> None:
    held = bench.claim_one(5001)
    bench.finish(held, OrderState.WAITING, reason=Reason.MAPPING, cause=CAUSE, error="No such part.")
    await group_retry_step(bench.database, bench.connection_id)
    await group_retry_step(bench.database, bench.connection_id)
    assert states(bench) == ["waiting"] * 5
    found = retry(bench)
    assert found is not None
    assert (found.state, found.note) == (RetryState.STOPPED, "Order 5001 did not get through: No such part.")


async def test_a_stopped_one_is_not_written_to_every_second(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.finish(bench.claim_one(5001), OrderState.FAILED, cause="ifs:business", error="Refused.")
    await group_retry_step(bench.database, bench.connection_id)
    stopped = retry(bench)
    monkeypatch.setattr(Database, "write", None)
    await group_retry_step(bench.database, bench.connection_id)
    assert retry(bench) == stopped


async def test_a_stopped_one_that_gets_through_after_all_lets_the_others_go(bench: Bench) -> None:
    bench.finish(bench.claim_one(5001), OrderState.FAILED, cause="ifs:business", error="Refused.")
    await group_retry_step(bench.database, bench.connection_id)
    bench.mark(5001)
    bench.finish(bench.claim_one(5001), OrderState.SYNCED)
    await group_retry_step(bench.database, bench.connection_id)
    assert states(bench) == ["synced", *["due"] * 4]


async def test_one_whose_buyer_is_to_be_decided_on_gives_its_place_to_the_next(bench: Bench) -> None:
    bench.finish(bench.claim_one(5001), OrderState.WAITING, reason=Reason.CUSTOMER, cause="customer:", error="Who?")
    await group_retry_step(bench.database, bench.connection_id)
    assert states(bench) == ["waiting", "due", *["waiting"] * 3]
    found = retry(bench)
    assert found is not None
    assert (found.canary, found.orders, found.state) == (5002, (5003, 5004, 5005), RetryState.CANARY)


async def test_a_group_that_waits_for_a_decision_goes_on_waiting_without_an_alarm(bench: Bench) -> None:
    for order_id in (6001, 6002):
        bench.put(order_id, OrderState.WAITING, reason=Reason.CUSTOMER, cause="customer:a@b.c", error="Who?")
    group = Group(bench.connection_id, "customer", "customer:a@b.c")
    bench.database.write_sync(lambda tx: group_retries.begin(tx, group, actor="dana"))
    bench.finish(bench.claim_one(6001), OrderState.WAITING, reason=Reason.CUSTOMER, cause="customer:a@b.c")
    await group_retry_step(bench.database, bench.connection_id)
    assert [each.group.kind for each in bench.database.read_sync(group_retries.every)] == ["mapping"]
    assert states(bench)[-2:] == ["waiting", "waiting"]


async def test_with_nothing_to_try_again_nothing_happens(bench: Bench) -> None:
    bench.database.write_sync(
        lambda tx: group_retries.give_up(tx, Group(bench.connection_id, "mapping", CAUSE), actor="dana")
    )
    before = bench.database.read_sync(queue.states)
    await group_retry_step(bench.database, bench.connection_id)
    assert bench.database.read_sync(queue.states) == before


@pytest.mark.parametrize(
    ("state", "reason", "cause", "expected"),
    [
        ("due", "", "", Fate.UNDER_WAY),
        ("due", "connection", "ifs:connection", Fate.UNDER_WAY),
        ("working", "", "", Fate.UNDER_WAY),
        ("synced", "", "", Fate.THROUGH),
        ("skipped", "", "", Fate.ELSEWHERE),
        ("ignored", "", "", Fate.ELSEWHERE),
        ("waiting", "customer", "customer:", Fate.ELSEWHERE),
        ("waiting", "status", "status:", Fate.ELSEWHERE),
        ("waiting", "mapping", CAUSE, Fate.STUCK),
        ("waiting", "mapping", "mapping:another", Fate.STUCK),
        ("waiting", "period", "period:2026-11", Fate.STUCK),
        ("failed", "", "ifs:business", Fate.STUCK),
    ],
)
def test_fate(bench: Bench, state: str, reason: str, cause: str, expected: Fate) -> None:
    found = retry(bench)
    assert found is not None
    assert fate(found, replace(_view(bench), state=state, reason=reason, cause=cause)) is expected


def test_a_group_that_waits_for_a_customer_is_stuck_where_its_first_order_does_again(bench: Bench) -> None:
    group = Group(bench.connection_id, "customer", "customer:a@b.c")
    found = retry(bench)
    assert found is not None
    again = replace(_view(bench), state="waiting", reason="customer", cause="customer:a@b.c")
    assert fate(replace(found, group=group), again) is Fate.STUCK


def _view(bench: Bench) -> OrderView:
    return next(view for view in bench.database.read_sync(orders) if view.order_id == 5001)
