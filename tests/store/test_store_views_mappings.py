"""What the Mappings screen reads: what waits, most orders first; who changed a purpose's rules, newest first."""

from typing import TYPE_CHECKING

from bcifs_console.domain.plan import Blocker, Reason
from bcifs_console.domain.rules import Purpose, Rules
from bcifs_console.domain.states import OrderState
from bcifs_console.store import queue, rules
from bcifs_console.store.tables import store_order
from bcifs_console.store.views.mappings import MappingView, Version, history, mapping, names
from tests.accounting.building import rule

if TYPE_CHECKING:
    from tests.store.conftest import Bench


def waits(bench: "Bench", order_id: int, *messages: str, reason: Reason = Reason.MAPPING) -> None:
    bench.put(order_id, OrderState.WAITING)
    problems = queue.problems_json([Blocker(reason, each, "do it", each.partition(" ")[2]) for each in messages])
    change = store_order.update().where(
        store_order.c.connection_id == bench.connection_id, store_order.c.order_id == order_id
    )
    bench.database.write_sync(lambda tx: tx.conn.execute(change.values(problems=problems)))


def view(bench: "Bench") -> MappingView:
    return bench.database.read_sync(lambda conn: mapping(conn, bench.connection_id))


def save(bench: "Bench", *wanted: object, actor: str, reason: str) -> None:
    found = Rules(wanted)  # type: ignore[arg-type]
    before = view(bench).rules
    bench.database.write_sync(
        lambda tx: rules.save(tx, bench.connection_id, found, expected=before, actor=actor, reason=reason)
    )


def past(bench: "Bench", purpose: Purpose = Purpose.REVENUE) -> tuple[Version, ...]:
    return bench.database.read_sync(lambda conn: history(conn, bench.connection_id, purpose))


def test_what_waits_is_counted_by_what_it_is_most_orders_first(bench: "Bench") -> None:
    waits(bench, 5, "SKU A", "SKU B")
    waits(bench, 6, "SKU B")
    waits(bench, 7, "SKU C", reason=Reason.TOTALS)
    bench.put(8, OrderState.FAILED)
    found = view(bench)
    assert [(each.message, each.orders) for each in found.waiting] == [("SKU B", (5, 6)), ("SKU A", (5,))]
    assert {each.remedy for each in found.waiting} == {"do it"}
    assert (bench.connection_id, found.connection) in bench.database.read_sync(names)
    assert found.release is None


def test_the_same_subject_may_lack_two_things(bench: "Bench") -> None:
    waits(bench, 5, "account X", "part X")
    assert [(each.subject, each.message) for each in view(bench).waiting] == [("X", "account X"), ("X", "part X")]


def test_the_past_of_a_purpose_says_who_when_why_and_what_came_and_went(bench: "Bench") -> None:
    save(bench, rule(Purpose.REVENUE, "4000"), actor="ann", reason="the first")
    first_at = bench.clock.now()
    bench.clock.advance(60)
    save(bench, rule(Purpose.REVENUE, "4010"), rule(Purpose.PAY_TERM, "30"), actor="bob", reason="better")
    newest, oldest = past(bench)
    assert (newest.actor, newest.reason, newest.at) == ("bob", "better", bench.clock.now())
    assert [(r.result, r.label) for r in newest.came] == [("4010", "revenue#1 v2")]
    assert [(r.result, r.label) for r in newest.gone] == [("4000", "revenue#1 v1")]
    assert (oldest.actor, oldest.at, oldest.gone) == ("ann", first_at, ())
    assert [each.actor for each in past(bench, Purpose.PAY_TERM)] == ["bob"]
    assert past(bench, Purpose.GOODWILL) == ()
