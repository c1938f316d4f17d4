"""The retry of a group as rows: one order due first, the others due when it got through, and only those still in it."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from bcifs_console.domain.plan import Reason
from bcifs_console.domain.states import OrderState
from bcifs_console.store import connections, group_retries
from bcifs_console.store.group_retries import Group, GroupRetry, RetryState
from bcifs_console.store.tables import journal, store_order
from bcifs_console.store.vault import Vault

if TYPE_CHECKING:
    from tests.store.conftest import Bench

CAUSE = "mapping:sales_part SHIRT-1"


def waiting(bench: "Bench", *order_ids: int, cause: str = CAUSE) -> None:
    for order_id in order_ids:
        bench.put(order_id, OrderState.WAITING, reason=Reason.MAPPING, cause=cause, error="No part.")


def failed(bench: "Bench", *order_ids: int, cause: str = "ifs:transient") -> None:
    for order_id in order_ids:
        bench.put(order_id, OrderState.FAILED, cause=cause, error="IFS does not answer.")


def mapping(bench: "Bench") -> Group:
    return Group(bench.connection_id, "mapping", CAUSE)


def begin(bench: "Bench", group: Group) -> tuple[int, ...]:
    return bench.database.write_sync(lambda tx: group_retries.begin(tx, group, actor="dana"))


def retries(bench: "Bench") -> list[GroupRetry]:
    return bench.database.read_sync(group_retries.every)


def states(bench: "Bench") -> dict[int, str]:
    query = select(store_order.c.order_id, store_order.c.state)
    return {row.order_id: row.state for row in bench.database.read_sync(lambda conn: conn.execute(query).all())}


def events(bench: "Bench") -> list[str]:
    query = select(journal.c.event).where(journal.c.event.startswith("problems.")).order_by(journal.c.id)
    return list(bench.database.read_sync(lambda conn: conn.execute(query).scalars().all()))


def step(bench: "Bench", verb: Any, *more: object) -> bool:
    (retry,) = retries(bench)
    return bool(bench.database.write_sync(lambda tx: verb(tx, retry, *more, actor="service")))


def test_the_oldest_order_goes_first_and_the_others_wait_behind_it(bench: "Bench") -> None:
    waiting(bench, 5003, 5001, 5002)
    waiting(bench, 5004, cause="mapping:another")
    failed(bench, 5005, cause=CAUSE)
    assert begin(bench, mapping(bench)) == (5001, 5002, 5003)
    assert states(bench) == {5001: "due", 5002: "waiting", 5003: "waiting", 5004: "waiting", 5005: "failed"}
    (retry,) = retries(bench)
    assert (retry.canary, retry.orders, retry.state, retry.actor) == (5001, (5002, 5003), RetryState.CANARY, "dana")


def test_failed_orders_are_a_group_whatever_they_failed_for_before(bench: "Bench") -> None:
    failed(bench, 5001, 5002)
    assert begin(bench, Group(bench.connection_id, "failed", "ifs:transient")) == (5001, 5002)
    assert states(bench) == {5001: "due", 5002: "failed"}


def test_one_order_alone_is_simply_due(bench: "Bench") -> None:
    waiting(bench, 5001)
    assert begin(bench, mapping(bench)) == (5001,)
    assert states(bench) == {5001: "due"}
    assert retries(bench) == []


def test_of_a_group_that_was_settled_meanwhile_nothing_goes(bench: "Bench") -> None:
    assert begin(bench, mapping(bench)) == ()
    assert events(bench) == []


def test_once_the_first_got_through_all_go_that_still_wait_for_it(bench: "Bench") -> None:
    waiting(bench, 5001, 5002, 5003)
    begin(bench, mapping(bench))
    bench.finish(bench.claim_one(5001), OrderState.SYNCED)
    bench.mark(5003)
    bench.finish(bench.claim_one(5003), OrderState.SKIPPED)
    assert step(bench, group_retries.let_go)
    assert states(bench) == {5001: "synced", 5002: "due", 5003: "skipped"}
    assert retries(bench) == []
    assert events(bench) == ["problems.retried", "problems.released"]


def test_where_the_first_did_not_get_through_the_others_stay_with_the_reason(bench: "Bench") -> None:
    waiting(bench, 5001, 5002)
    begin(bench, mapping(bench))
    assert step(bench, group_retries.stop, "Order 5001 did not get through.")
    (retry,) = retries(bench)
    assert (retry.state, retry.note) == (RetryState.STOPPED, "Order 5001 did not get through.")
    assert states(bench)[5002] == "waiting"


def test_asked_for_anew_it_begins_anew(bench: "Bench") -> None:
    waiting(bench, 5001, 5002)
    begin(bench, mapping(bench))
    step(bench, group_retries.stop, "stuck")
    bench.finish(bench.claim_one(5001), OrderState.WAITING, reason=Reason.MAPPING, cause=CAUSE)
    waiting(bench, 5000)
    assert begin(bench, mapping(bench)) == (5000, 5001, 5002)
    (retry,) = retries(bench)
    assert (retry.state, retry.canary, retry.note) == (RetryState.CANARY, 5000, "")


def test_the_next_goes_first_where_the_first_says_nothing_of_the_cause(bench: "Bench") -> None:
    waiting(bench, 5001, 5002, 5003)
    begin(bench, mapping(bench))
    assert step(bench, group_retries.send_next)
    (retry,) = retries(bench)
    assert (retry.canary, retry.orders) == (5002, (5003,))
    assert states(bench) == {5001: "due", 5002: "due", 5003: "waiting"}
    assert step(bench, group_retries.send_next)
    assert step(bench, group_retries.send_next)
    assert retries(bench) == []


def test_a_step_that_was_taken_by_another_worker_is_not_taken_again(bench: "Bench") -> None:
    waiting(bench, 5001, 5002)
    begin(bench, mapping(bench))
    (retry,) = retries(bench)
    assert bench.database.write_sync(lambda tx: group_retries.let_go(tx, retry, actor="one"))
    assert not bench.database.write_sync(lambda tx: group_retries.let_go(tx, retry, actor="two"))
    assert not bench.database.write_sync(lambda tx: group_retries.stop(tx, retry, "x", actor="two"))
    assert not bench.database.write_sync(lambda tx: group_retries.send_next(tx, retry, actor="two"))
    assert events(bench) == ["problems.retried", "problems.released"]


def test_given_up_nothing_more_goes(bench: "Bench") -> None:
    waiting(bench, 5001, 5002)
    begin(bench, mapping(bench))
    assert bench.database.write_sync(lambda tx: group_retries.give_up(tx, mapping(bench), actor="dana"))
    assert retries(bench) == []
    assert states(bench) == {5001: "due", 5002: "waiting"}
    assert not bench.database.write_sync(lambda tx: group_retries.give_up(tx, mapping(bench), actor="dana"))


def test_a_connection_that_is_removed_has_nothing_to_try_again(bench: "Bench", vault: Vault) -> None:
    waiting(bench, 5001, 5002)
    begin(bench, mapping(bench))
    bench.database.write_sync(lambda tx: connections.remove(tx, vault, bench.connection_id, actor="me"))
    assert retries(bench) == []
