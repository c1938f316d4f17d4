"""Mapping rules in the store: versions are kept, and exactly the newest of each purpose is in force."""

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from bcifs_console.domain.rules import Condition, ConditionField, MappingRule, Purpose, Rules
from bcifs_console.store import rules
from bcifs_console.store.tables import mapping_rule

if TYPE_CHECKING:
    from tests.conftest import AddConnection
    from tests.store.conftest import Bench

SHIRTS = MappingRule(
    Purpose.REVENUE,
    position=1,
    result="4100",
    conditions=(
        Condition(ConditionField.SKU, ("SHIRT-*", "Größe?")),
        Condition(ConditionField.COUNTRY, ("US",)),
    ),
)
REST = MappingRule(Purpose.REVENUE, position=2, result="4000")


def replace(bench: "Bench", purpose: Purpose, *new: MappingRule, connection_id: int = 0, reason: str = "why") -> None:
    where = connection_id or bench.connection_id
    bench.database.write_sync(lambda tx: rules.replace(tx, where, purpose, new, actor="me", reason=reason))


def in_force(bench: "Bench", connection_id: int = 0) -> Rules:
    return bench.database.read_sync(lambda conn: rules.in_force(conn, connection_id or bench.connection_id))


def test_rules_come_back_as_they_went_in_in_their_order(bench: "Bench") -> None:
    replace(bench, Purpose.REVENUE, SHIRTS, REST)
    first, second = in_force(bench).of(Purpose.REVENUE)
    assert (first.conditions, first.result, first.position, first.version) == (SHIRTS.conditions, "4100", 1, 1)
    assert (second.conditions, second.result, second.position) == ((), "4000", 2)
    assert (first.author, first.reason) == ("me", "why")
    assert 0 < first.id < second.id


def test_positions_follow_the_order_they_are_given_in(bench: "Bench") -> None:
    replace(bench, Purpose.REVENUE, REST, SHIRTS)
    assert [(r.position, r.result) for r in in_force(bench).of(Purpose.REVENUE)] == [(1, "4000"), (2, "4100")]


def test_a_new_version_takes_the_place_of_the_old_one_which_is_kept(bench: "Bench") -> None:
    replace(bench, Purpose.REVENUE, SHIRTS, REST, reason="first")
    bench.clock.advance(60)
    replace(bench, Purpose.REVENUE, REST, reason="second")
    (now,) = in_force(bench).of(Purpose.REVENUE)
    assert (now.result, now.version, now.reason) == ("4000", 2, "second")
    kept = bench.database.read_sync(
        lambda conn: conn.execute(
            select(mapping_rule.c.version, mapping_rule.c.result, mapping_rule.c.retired_at).order_by(mapping_rule.c.id)
        ).all()
    )
    assert [tuple(row) for row in kept] == [
        (1, "4100", bench.clock.now()),
        (1, "4000", bench.clock.now()),
        (2, "4000", None),
    ]


def test_versions_go_on_after_all_rules_were_taken_away(bench: "Bench") -> None:
    replace(bench, Purpose.REVENUE, REST)
    replace(bench, Purpose.REVENUE)
    assert in_force(bench) == Rules()
    replace(bench, Purpose.REVENUE, REST)
    assert in_force(bench).rules[0].version == 2


def test_a_rule_that_stays_at_its_place_keeps_its_version_its_author_and_its_reason(bench: "Bench") -> None:
    replace(bench, Purpose.REVENUE, SHIRTS, REST, reason="first")
    bench.clock.advance(60)
    replace(bench, Purpose.REVENUE, SHIRTS, MappingRule(Purpose.REVENUE, 2, "4200"), reason="second")
    assert [(r.label, r.reason, r.created_at) for r in in_force(bench).of(Purpose.REVENUE)] == [
        ("revenue#1 v1", "first", bench.clock.now() - timedelta(seconds=60)),
        ("revenue#2 v2", "second", bench.clock.now()),
    ]
    replace(bench, Purpose.REVENUE, REST, SHIRTS, MappingRule(Purpose.REVENUE, 9, "4200"))
    assert [r.label for r in in_force(bench).of(Purpose.REVENUE)] == ["revenue#1 v3", "revenue#2 v3", "revenue#3 v3"]


def test_a_list_that_says_the_same_is_no_new_version(bench: "Bench") -> None:
    replace(bench, Purpose.REVENUE, SHIRTS, REST)
    before = in_force(bench)
    journalled = "SELECT count(*) FROM journal WHERE event = 'mapping.changed'"
    assert not bench.database.write_sync(
        lambda tx: rules.replace(
            tx, bench.connection_id, Purpose.REVENUE, (SHIRTS, REST), actor="somebody else", reason="again"
        )
    )
    assert in_force(bench) == before
    assert bench.database.read_sync(lambda conn: conn.exec_driver_sql(journalled).scalar()) == 1


def test_other_purposes_and_connections_are_left_alone(bench: "Bench", add_connection: "AddConnection") -> None:
    other = add_connection(bench.database, "acme-eu")
    replace(bench, Purpose.REVENUE, REST)
    replace(bench, Purpose.TAX, MappingRule(Purpose.TAX, 1, "default"))
    replace(bench, Purpose.REVENUE, SHIRTS, connection_id=other)
    replace(bench, Purpose.REVENUE, SHIRTS)
    assert [(r.purpose, r.result, r.version) for r in in_force(bench).rules] == [
        (Purpose.REVENUE, "4100", 2),
        (Purpose.TAX, "default", 1),
    ]
    assert [(r.result, r.version) for r in in_force(bench, other).rules] == [("4100", 1)]
