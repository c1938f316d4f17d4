"""Saved rules let orders go: the state of a release on both databases, and who may change it."""

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from bcifs_console.domain.plan import Blocker, Reason
from bcifs_console.domain.rules import Condition, ConditionField, MappingRule, Purpose, Rules
from bcifs_console.domain.states import OrderState
from bcifs_console.store import mapping_releases, rules
from bcifs_console.store.mapping_releases import MappingRelease, ReleaseState
from bcifs_console.store.tables import journal

if TYPE_CHECKING:
    from tests.conftest import AddConnection
    from tests.store.conftest import Bench

REVENUE = MappingRule(Purpose.REVENUE, 1, "4000", (Condition(ConditionField.SKU, ("Größe-*", "")),))
OTHER = MappingRule(Purpose.REVENUE, 1, "4100")


def waits(bench: "Bench", order_id: int, *subjects: str, reason: Reason = Reason.MAPPING) -> None:
    blockers = tuple(Blocker(reason, f"no {subject}", "remedy", subject) for subject in subjects)
    bench.put(order_id, OrderState.WAITING, reason=reason, blockers=blockers, error=blockers[0].message)


def save(bench: "Bench", *new: MappingRule) -> tuple[Purpose, ...]:
    """Save these rules in place of those in force."""
    before = bench.database.read_sync(lambda conn: rules.in_force(conn, bench.connection_id))
    return bench.database.write_sync(
        lambda tx: rules.save(tx, bench.connection_id, Rules(new), expected=before, actor="ann", reason="why")
    )


def found(bench: "Bench") -> MappingRelease:
    release = bench.database.read_sync(lambda conn: mapping_releases.find(conn, bench.connection_id))
    assert release is not None
    return release


def none_left(bench: "Bench") -> bool:
    return bench.database.read_sync(lambda conn: mapping_releases.find(conn, bench.connection_id)) is None


def events(bench: "Bench") -> list[str]:
    rows = bench.database.read_sync(lambda conn: conn.execute(select(journal.c.event).order_by(journal.c.id)).all())
    return [row.event for row in rows if row.event.startswith(("mapping.", "order."))]


def do(bench: "Bench", change: Any, *given: Any, **more: Any) -> bool:
    done: bool = bench.database.write_sync(lambda tx: change(tx, *given, actor="service", **more))
    return done


def test_a_save_asks_for_a_release_that_remembers_the_rules_before(bench: "Bench") -> None:
    assert save(bench, REVENUE) == (Purpose.REVENUE,)
    save(bench, OTHER)
    release = found(bench)
    assert (release.state, release.actor, release.reason) == (ReleaseState.SAVED, "ann", "why")
    assert release.before == Rules()  # of the older save: both have not been looked at
    assert do(bench, mapping_releases.let_go, release, ())
    save(bench, REVENUE)
    before = found(bench).before.of(Purpose.REVENUE)
    assert [(rule.result, rule.conditions, rule.label) for rule in before] == [("4100", (), "revenue#1 v2")]


def test_a_save_that_changes_nothing_asks_for_nothing(bench: "Bench") -> None:
    save(bench, REVENUE)
    do(bench, mapping_releases.let_go, found(bench), ())
    assert save(bench, REVENUE) == ()
    assert none_left(bench)


def test_who_saves_over_another_person_is_refused_and_nothing_changes(bench: "Bench") -> None:
    save(bench, REVENUE)
    with pytest.raises(rules.RulesChanged) as refused:
        bench.database.write_sync(
            lambda tx: rules.save(tx, bench.connection_id, Rules((OTHER,)), expected=Rules(), actor="bob", reason="")
        )
    assert "nothing was saved" in str(refused.value)
    in_force = bench.database.read_sync(lambda conn: rules.in_force(conn, bench.connection_id))
    assert [rule.result for rule in in_force.rules] == ["4000"]


def test_one_goes_first_and_the_rest_when_it_is_told_to(bench: "Bench") -> None:
    for order_id in (5, 6, 7):
        waits(bench, order_id, "SKU X")
    save(bench, REVENUE)
    assert do(bench, mapping_releases.send_canary, found(bench), 5, {"SKU Y"}, [7, 6])
    release = found(bench)
    assert (release.state, release.canary, release.orders, release.foreseen) == (
        ReleaseState.CANARY,
        5,
        (6, 7),
        frozenset({"SKU Y"}),
    )
    assert [bench.row(order_id).state for order_id in (5, 6, 7)] == ["due", "waiting", "waiting"]
    assert do(bench, mapping_releases.let_go, release, release.orders)
    assert [bench.row(order_id).state for order_id in (6, 7)] == ["due", "due"]
    # Many orders may wait for one rule: new orders do not wait behind them.
    assert [bench.row(order_id).background for order_id in (5, 6, 7)] == [False, True, True]
    assert none_left(bench)
    assert events(bench)[-5:] == ["mapping.canary", "order.released", "mapping.released", *["order.released"] * 2]


def test_an_order_that_does_not_wait_any_more_is_left_alone(bench: "Bench") -> None:
    for order_id in (5, 6):
        waits(bench, order_id, "SKU X")
    bench.mark(6)
    bench.finish(bench.claim_one(6), OrderState.SYNCED)
    save(bench, REVENUE)
    do(bench, mapping_releases.let_go, found(bench), (5, 6, 77))
    assert (bench.row(5).state, bench.row(6).state) == ("due", "synced")


def test_a_canary_that_is_stuck_stops_the_release_which_a_new_save_begins_anew(bench: "Bench") -> None:
    for order_id in (5, 6):
        waits(bench, order_id, "SKU X")
    save(bench, REVENUE)
    do(bench, mapping_releases.send_canary, found(bench), 5, (), [6])
    assert do(bench, mapping_releases.stop, found(bench), "Order 5 did not get through")
    release = found(bench)
    assert (release.state, release.note, bench.row(6).state) == (
        ReleaseState.STOPPED,
        "Order 5 did not get through",
        "waiting",
    )
    assert events(bench)[-1] == "mapping.release_stopped"
    save(bench, OTHER)
    again = found(bench)
    assert (again.state, again.canary, again.orders, again.note, again.before) == (
        ReleaseState.SAVED,
        None,
        (),
        "",
        Rules(),
    )


@pytest.mark.parametrize("change", ["send_canary", "let_go", "stop"])
def test_a_step_on_a_release_that_has_moved_on_does_nothing(bench: "Bench", change: str) -> None:
    waits(bench, 5, "SKU X")
    save(bench, REVENUE)
    old = found(bench)
    bench.clock.advance(1)
    save(bench, OTHER)
    arguments: dict[str, tuple[object, ...]] = {"send_canary": (5, (), []), "let_go": ((5,),), "stop": ("note",)}
    assert not do(bench, getattr(mapping_releases, change), old, *arguments[change])
    assert (found(bench).state, bench.row(5).state) == (ReleaseState.SAVED, "waiting")


def test_only_orders_that_wait_for_a_rule_are_told_of_with_all_their_problems(bench: "Bench") -> None:
    waits(bench, 5, "SKU X", "charge fee")
    waits(bench, 6, "period", reason=Reason.PERIOD)
    bench.put(7, OrderState.FAILED)
    (standing,) = bench.database.read_sync(lambda conn: mapping_releases.standings(conn, bench.connection_id))
    assert (standing.order_id, standing.unmapped, standing.error) == (5, frozenset({"SKU X", "charge fee"}), "no SKU X")
    (named,) = bench.database.read_sync(lambda conn: mapping_releases.standings(conn, bench.connection_id, order_id=7))
    assert (named.state, named.problems) == (OrderState.FAILED, ())


def test_what_is_being_looked_at_is_looked_at_again(bench: "Bench") -> None:
    bench.put(5, OrderState.WORKING)
    waits(bench, 6, "SKU X")
    bench.database.write_sync(lambda tx: mapping_releases.look_again(tx, bench.connection_id))
    assert (bench.row(5).state, bench.row(5).generation, bench.row(6).state) == ("working", 2, "waiting")


def test_releases_of_connections_do_not_meet(bench: "Bench", add_connection: "AddConnection") -> None:
    other = add_connection(bench.database, "acme-eu")
    save(bench, REVENUE)
    assert bench.database.read_sync(lambda conn: mapping_releases.find(conn, other)) is None
