"""Rules that cannot work are named, and rules that others take everything from; the order of rules decides."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcifs_console.accounting.mapping import Facts, RuleBook, default_rules, resolve
from bcifs_console.accounting.mapping_facts import VALUES, always_there, asked_with
from bcifs_console.accounting.mapping_faults import FindingKind, faults_of, findings
from bcifs_console.domain.rules import CODE_PART_PURPOSES, Condition, ConditionField, MappingRule, Purpose, Rules
from tests.accounting.bookkeeping import ACCOUNTS, BOOK_RULES, BOOKS, looked_at
from tests.accounting.building import ci, rule
from tests.accounting.lives import Life, lives

F = ConditionField


def faults(of: Purpose, outcome: str, /, **conditions: Any) -> list[str]:
    return [fault.message for fault in faults_of(_rule(of, outcome, conditions))]


def _rule(purpose: Purpose, result: str, conditions: dict[str, Any]) -> MappingRule:
    """`rule` for conditions one of which is named `purpose`."""
    tested = (
        Condition(F(name), patterns if isinstance(patterns, tuple) else (patterns,))
        for name, patterns in conditions.items()
    )
    return MappingRule(purpose, 1, result, tuple(tested))


def found(*rules: MappingRule) -> list[tuple[str, int]]:
    """(kind, position) of every finding."""
    return [(finding.kind.value, finding.rule.position) for finding in findings(Rules(rules))]


# -- one rule --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("purpose", "result", "conditions", "said"),
    [
        (Purpose.TAX, "VAT20", {}, "says no tax treatment"),
        (Purpose.TAX, "code:", {}, "says no tax treatment"),
        (Purpose.SALES_PART, "P" * 26, {"sku": "x"}, "26 characters long; IFS takes 25"),
        (Purpose.REVENUE, "  ", {}, "the result is empty"),
        (Purpose.REVENUE, "40\x1b00", {}, "cannot be printed"),
        (Purpose.REVENUE, "4000", {"gateway": "stripe"}, "never asked with gateway"),
        (Purpose.CLEARING, "1580", {"sku": "A*"}, "it may test channel, currency, country, payment_method, gateway"),
        (Purpose.CODE_PART_B, "WEB", {"gateway": "stripe"}, "beside purpose, every fact of a voucher row"),
        (Purpose.REVENUE, "4000", {"line_type": "phisical"}, "known are physical, digital, giftcertificate"),
        (Purpose.CHARGE_TYPE, "X", {"charge": "tax"}, "known are shipping, handling"),
        (Purpose.TAX, "default", {"tax_inclusive": "yes"}, "known are true, false"),
        (Purpose.REVENUE, "4000", {"currency": "DOLLAR"}, "three letters"),
        (Purpose.REVENUE, "4000", {"country": "USA"}, "two letters"),
        (Purpose.REVENUE, "4000", {"channel": "web"}, "a channel is a number"),
        (Purpose.TAX, "default", {"tax_rate": "8.250"}, "write the rate as 8.25"),
        (Purpose.TAX, "default", {"tax_rate": "8 %"}, "a tax rate is a number"),
        (Purpose.TAX, "default", {"tax_rate": "NaN"}, "a tax rate is a number"),
        (Purpose.TAX, "default", {"tax_rate": "1e999999"}, "a tax rate is a number"),
        (Purpose.TAX, "default", {"tax_rate": "1e9999999"}, "a tax rate is a number"),
        (Purpose.REVENUE, "4000", {"sku": ()}, "has no pattern"),
    ],
)
def test_a_rule_that_can_never_do_what_it_says_is_refused_with_the_reason(
    purpose: Purpose, result: str, conditions: dict[str, Any], said: str
) -> None:
    (message,) = faults(purpose, result, **conditions)
    assert said in message


@pytest.mark.parametrize(
    ("purpose", "result", "conditions"),
    [
        (Purpose.TAX, "charge:SALESTAX", {"tax_rate": ("8.25", "2*")}),
        (Purpose.TAX, "Default", {}),
        (Purpose.CODE_PART_B, "WEB", {"purpose": "clearing", "gateway": "stripe"}),
        (Purpose.CODE_PART_C, "WEB", {"sku": "A*"}),
        (Purpose.REVENUE, "4000", {"currency": "u?d", "country": "", "line_type": "*tal", "channel": "1"}),
        (Purpose.GIFT_CERTIFICATE_LIABILITY, "2421", {"gateway": "*"}),
        (Purpose.SALES_PART, "P" * 25, {"name": "Straße"}),
    ],
)
def test_a_rule_that_may_decide_something_has_no_fault(
    purpose: Purpose, result: str, conditions: dict[str, Any]
) -> None:
    assert faults(purpose, result, **conditions) == []


def test_a_fact_tested_twice_is_refused_once_for_each() -> None:
    twice = MappingRule(Purpose.REVENUE, 1, "1", (Condition(F.SKU, ("a",)), Condition(F.SKU, ("b",))))
    assert [(fault.field, fault.message) for fault in faults_of(twice)] == [
        (F.SKU, "sku is tested twice; write one list of patterns")
    ]


def test_shipped_rules_have_no_fault_and_no_finding() -> None:
    assert [faults_of(shipped) for shipped in default_rules()] == [()] * len(default_rules())
    assert findings(Rules((*ACCOUNTS, *default_rules()))) == ()


# -- the facts, watched ----------------------------------------------------------------------------------------------


@contextmanager
def watched() -> Iterator[list[tuple[Purpose, Facts]]]:
    """Every question that is put to a rule book meanwhile."""
    asked: list[tuple[Purpose, Facts]] = []
    real = RuleBook.first

    def first(self: RuleBook, purpose: Purpose, facts: Facts) -> MappingRule | None:
        asked.append((purpose, facts))
        return real(self, purpose, facts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RuleBook, "first", first)
        yield asked


@ci
@given(lives())
def test_every_question_comes_with_the_facts_that_are_promised_and_no_others(life: Life) -> None:
    order, seen_at = life.looks[-1]
    with watched() as asked:
        looked_at(order, policy=BOOKS, rules=BOOK_RULES, seen_at=seen_at, rate=life.rate)
    for purpose, facts in asked:
        by_row = purpose in CODE_PART_PURPOSES and F.PURPOSE in facts
        assert set(facts) <= asked_with(purpose, tests_purpose=by_row), purpose
        assert set(facts) >= always_there(purpose, tests_purpose=by_row), purpose
        for field in VALUES.keys() & facts.keys():
            assert facts[field] in VALUES[field]


# -- rules beside each other -----------------------------------------------------------------------------------------


def test_a_rule_behind_one_for_everything_never_decides() -> None:
    general, special = rule(Purpose.REVENUE, "4000", 1), rule(Purpose.REVENUE, "4100", 2, sku="GIFT-*")
    assert found(general, special) == [("unreachable", 2)]
    assert found(rule(Purpose.REVENUE, "4100", 1, sku="GIFT-*"), rule(Purpose.REVENUE, "4000", 2)) == []


def test_two_rules_for_the_same_cases_are_a_conflict_where_they_say_different_things() -> None:
    first, second = (
        rule(Purpose.REVENUE, "4000", 1, sku=("a*", "B*")),
        rule(Purpose.REVENUE, "4100", 2, sku=("b*", "A*")),
    )
    (finding,) = findings(Rules((first, second)))
    assert (finding.kind, finding.by) == (FindingKind.CONFLICT, (first,))
    assert "'4000' is used, never '4100'" in finding.message
    again = rule(Purpose.REVENUE, "4000", 2, sku=("b*", "a*"))
    assert found(first, again) == [("unreachable", 2)]


def test_several_rules_together_may_take_every_case() -> None:
    yes, no = rule(Purpose.TAX, "default", 1, tax_inclusive="true"), rule(Purpose.TAX, "code:A", 2, tax_inclusive="f*")
    rest = rule(Purpose.TAX, "code:B", 3, tax_name="VAT*")
    (finding,) = findings(Rules((yes, no, rest)))
    assert (finding.kind, finding.rule, finding.by) == (FindingKind.UNREACHABLE, rest, (yes, no))
    assert found(yes, rest) == []


def test_a_fact_that_may_be_missing_leaves_a_case_over_whatever_the_pattern() -> None:
    """An order without a shipping address has no shipping method: not even `*` fits it."""
    assert found(rule(Purpose.SHIP_VIA, "EXP", 1, shipping_method="*"), rule(Purpose.SHIP_VIA, "STD", 2)) == []
    assert found(rule(Purpose.SHIP_VIA, "EXP", 1, country="*"), rule(Purpose.SHIP_VIA, "STD", 2)) == [("conflict", 2)]
    assert found(rule(Purpose.TAX, "default", 1, charge="*"), rule(Purpose.TAX, "code:A", 2)) == []


def test_a_code_part_rule_for_goods_takes_nothing_from_one_for_rows_of_vouchers() -> None:
    goods, rows = (
        rule(Purpose.CODE_PART_B, "100", 1),
        replace(_rule(Purpose.CODE_PART_B, "WEB", {"purpose": "*_income"}), position=2),
    )
    assert found(goods, rows) == []
    assert found(goods, rule(Purpose.CODE_PART_B, "200", 2, sku="a")) == [("unreachable", 2)]


def test_rules_of_other_purposes_and_rules_with_faults_take_nothing() -> None:
    assert found(rule(Purpose.RETURNS, "4900", 1), rule(Purpose.REVENUE, "4000", 2)) == []
    assert found(rule(Purpose.REVENUE, "", 1), rule(Purpose.REVENUE, "4000", 2)) == []


@pytest.mark.parametrize("pattern", ["SKU-{}", "SKU-{}-*"])
def test_hundreds_of_rules_are_compared_in_no_time(pattern: str) -> None:
    rules = [rule(Purpose.REVENUE, "4000", number, sku=pattern.format(number)) for number in range(1, 301)]
    started = time.process_time()
    assert found(*rules, rule(Purpose.REVENUE, "4100", 301, sku=pattern.format("7"))) == [("conflict", 301)]
    assert time.process_time() - started < 2


skus = st.lists(st.text("ab*?", min_size=0, max_size=3), min_size=1, max_size=2).map(tuple)
tests_of = {
    F.SKU: skus,
    F.LINE_TYPE: st.lists(st.sampled_from(VALUES[F.LINE_TYPE]), min_size=1, max_size=2, unique=True).map(tuple),
    F.GUEST: st.sampled_from([("true",), ("false",), ("*",)]),
    F.SHIPPING_METHOD: st.sampled_from([("*",), ("a",)]),
}


@st.composite
def rule_lists(draw: st.DrawFn) -> tuple[MappingRule, ...]:
    """Revenue rules that test a few facts with few values, so that they often take each other's cases."""
    return tuple(
        MappingRule(
            Purpose.REVENUE,
            position,
            str(draw(st.integers(4000, 4002))),
            tuple(
                Condition(field, draw(tests_of[field]))
                for field in draw(st.lists(st.sampled_from(list(tests_of)), unique=True, max_size=2))
            ),
        )
        for position in range(1, draw(st.integers(1, 5)) + 1)
    )


@st.composite
def line_facts(draw: st.DrawFn) -> Facts:
    """The facts of a line: all that are always there, and a shipping method now and then."""
    facts = dict.fromkeys(always_there(Purpose.REVENUE), "x")
    facts |= {
        F.SKU: draw(st.text("abc", max_size=4)),
        F.LINE_TYPE: draw(st.sampled_from(VALUES[F.LINE_TYPE])),
        F.GUEST: draw(st.sampled_from(VALUES[F.GUEST])),
    }
    method = draw(st.sampled_from([None, "a", "b"]))
    return facts if method is None else {**facts, F.SHIPPING_METHOD: method}


@ci
@given(rule_lists(), st.lists(line_facts(), min_size=5, max_size=20))
def test_a_rule_that_is_said_never_to_decide_never_does(rules: tuple[MappingRule, ...], questions: list[Facts]) -> None:
    idle = {finding.rule for finding in findings(Rules(rules))}
    deciding = {resolve(Rules(rules), Purpose.REVENUE, facts) for facts in questions}
    assert not idle & deciding


@ci
@given(rule_lists(), st.lists(line_facts(), min_size=5, max_size=20))
def test_rules_that_never_decide_may_be_taken_away(rules: tuple[MappingRule, ...], questions: list[Facts]) -> None:
    idle = {finding.rule for finding in findings(Rules(rules))}
    left = Rules(tuple(each for each in rules if each not in idle))
    for facts in questions:
        assert resolve(left, Purpose.REVENUE, facts) == resolve(Rules(rules), Purpose.REVENUE, facts)


@ci
@given(rule_lists(), line_facts(), st.data())
def test_moving_a_rule_up_matters_exactly_where_it_holds_and_nothing_above_its_new_place_does(
    rules: tuple[MappingRule, ...], facts: Facts, data: st.DataObject
) -> None:
    """The documented order: the first whose every condition holds. So a rule moved to place p decides where it holds
    and none of the p - 1 rules above does; everywhere else the others decide as if it were not there."""
    at = data.draw(st.integers(0, len(rules) - 1))
    to = data.draw(st.integers(0, at))
    moved = rules[at]
    others = [each for each in rules if each is not moved]
    ordered = (*others[:to], moved, *others[to:])
    renumbered = Rules(
        tuple(MappingRule(r.purpose, n, r.result, r.conditions, id=r.position) for n, r in enumerate(ordered))
    )
    decides = resolve(renumbered, Purpose.REVENUE, facts)
    holds_alone = resolve(Rules((moved,)), Purpose.REVENUE, facts) is not None
    above = resolve(Rules(tuple(others[:to])), Purpose.REVENUE, facts)
    expected = moved if holds_alone and above is None else resolve(Rules(tuple(others)), Purpose.REVENUE, facts)
    assert (decides and decides.id) == (expected and expected.position)
