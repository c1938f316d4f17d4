"""Rules written as TOML and read back are the same rules, and the same text; a difference names what goes and comes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bcifs_console.accounting.mapping import default_rules
from bcifs_console.accounting.mapping_facts import VALUES, asked_with
from bcifs_console.accounting.mapping_faults import faults_of
from bcifs_console.domain.rules import Condition, ConditionField, MappingRule, Purpose, Rules
from bcifs_console.operations.mapping import proposed
from bcifs_console.operations.mapping_text import differences, mapping_toml, rule_words
from tests.accounting.building import ci, rule

#: Everything that may stand in a result or a pattern; `\x7f` is what TOML escapes and JSON does not.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ['"', "\\", "#", "'''", "\x7f"]
)


@st.composite
def conditions(draw: st.DrawFn, purpose: Purpose) -> tuple[Condition, ...]:
    fields = draw(st.lists(st.sampled_from(sorted(asked_with(purpose))), unique=True, max_size=3))
    return tuple(Condition(each, draw(patterns(each))) for each in fields)


def patterns(field: ConditionField) -> st.SearchStrategy[tuple[str, ...]]:
    known = st.sampled_from(VALUES[field]) if field in VALUES else texts.map(lambda text: text + "*")
    return st.lists(known, min_size=1, max_size=3).map(tuple)


@st.composite
def rule_sets(draw: st.DrawFn) -> Rules:
    """Rules without a fault, of any purposes, as they would stand in the store: each purpose counted from 1."""
    rules = []
    for purpose in draw(st.lists(st.sampled_from(list(Purpose)), unique=True, max_size=4)):
        given_results = draw(st.lists(texts, min_size=1, max_size=3))
        for position, result in enumerate(given_results, 1):
            wanted = f"code:{result}" if purpose is Purpose.TAX else result
            made = MappingRule(purpose, position, wanted, draw(conditions(purpose)))
            rules.append(made if not faults_of(made) else MappingRule(purpose, position, "code:S"))
    return Rules(tuple(rules))


def said(rules: Rules) -> dict[Purpose, list[object]]:
    return {purpose: [each.says for each in rules.of(purpose)] for purpose in Purpose}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rule_sets(), texts)
def test_what_is_written_is_read_as_the_same_rules_and_written_as_the_same_text(
    tmp_path: Path, rules: Rules, connection: str
) -> None:
    file = tmp_path / "mapping.toml"
    text = mapping_toml(rules, connection)
    file.write_text(text, encoding="utf-8", newline="")
    read = proposed(file)
    assert said(read) == said(rules)
    assert mapping_toml(read, connection) == text


def test_a_purpose_that_was_emptied_stays_empty(tmp_path: Path) -> None:
    file = tmp_path / "mapping.toml"
    file.write_text(mapping_toml(Rules(), "acme"), encoding="utf-8")
    assert proposed(file) == Rules()
    file.write_text("", encoding="utf-8")
    assert said(proposed(file)) == said(Rules(default_rules()))


def test_a_rule_reads_as_a_sentence() -> None:
    given_rule = rule(Purpose.REVENUE, "4010", sku=("A*", ""), guest="true")
    assert rule_words(given_rule) == "revenue when sku = A* | (empty) and guest = true → 4010"


A, B, C = (rule(Purpose.REVENUE, account, position) for position, account in enumerate(("4000", "4010", "4020"), 1))


def numbered(rules: Sequence[MappingRule]) -> Rules:
    return Rules(tuple(replace(each, position=position) for position, each in enumerate(rules, 1)))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((A, B), (A, B), []),
        ((A, B), (C, A, B), ["+4020"]),
        ((A, B, C), (A, C), ["-4010"]),
        ((A, B), (A, C), ["-4010", "+4020"]),
        ((A, B, C), (C, A, B), ["+4020", "-4020"]),
        ((), (A,), ["+4000"]),
        ((A, A), (A,), ["-4000"]),
    ],
)
def test_a_difference_is_what_goes_and_comes_and_not_what_moves_along(
    before: tuple[MappingRule, ...], after: tuple[MappingRule, ...], expected: list[str]
) -> None:
    found = differences(numbered(before), numbered(after))
    assert [f"{sign}{each.result}" for sign, each in found] == expected


@ci
@given(rule_sets(), rule_sets())
def test_a_difference_is_empty_exactly_where_the_rules_say_the_same(before: Rules, after: Rules) -> None:
    found = list(differences(before, after))
    assert (not found) == (said(before) == said(after))
    for purpose in Purpose:
        gone = sum(sign == "-" and each.purpose is purpose for sign, each in found)
        come = sum(sign == "+" and each.purpose is purpose for sign, each in found)
        assert len(after.of(purpose)) == len(before.of(purpose)) - gone + come
