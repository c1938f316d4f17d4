"""Rule resolution: patterns, facts, first match wins."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcifs_console.accounting.mapping import (
    default_rules,
    facts_of_charge,
    facts_of_line,
    facts_of_order,
    facts_of_tax,
    holds,
    needs_taxes,
    resolve,
)
from bcifs_console.accounting.patterns import expression
from bcifs_console.domain.orders import Address, ChargeKind, LineType, TaxRow
from bcifs_console.domain.rules import Condition, ConditionField, MappingRule, Purpose, Rules
from tests.accounting.building import charge, ci, dec, line, official, order, rule, shipping

SKU = ConditionField.SKU


def fits(pattern: str, text: str) -> bool:
    return holds(Condition(SKU, (pattern,)), {SKU: text})


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("abc", "ABC", True),
        ("abc", "abcd", False),
        ("a*", "A", True),
        ("a*", "ba", False),
        ("*b*", "abc", True),
        ("a*b*c", "a-b-bc", True),
        ("a*b*c", "a-c-b", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("?*?", "ab", True),
        ("?*?", "a", False),
        ("*ab*ab", "ab", False),
        ("[ab]", "a", False),
        ("[ab]", "[AB]", True),
        ("a.c", "abc", False),
        ("a+(b)|c", "A+(B)|C", True),
        ("straße", "STRASSE", True),
        ("", "", True),
        ("*", "", True),
        ("", "a", False),
        ("two lines*", "Two lines\nof text", True),
        (" abc ", "abc", True),
    ],
)
def test_patterns_know_star_and_question_mark_and_take_the_rest_literally(
    pattern: str, text: str, expected: bool
) -> None:
    assert fits(pattern, text) is expected


def test_a_pattern_of_many_stars_is_answered_at_once() -> None:
    assert not fits("*a" * 40 + "b", "a" * 4000)


def test_the_patterns_of_thousands_of_rules_are_read_once() -> None:
    many = Rules(tuple(rule(Purpose.REVENUE, "4000", number, sku=f"A{number}") for number in range(4_100)))
    resolve(many, Purpose.REVENUE, {SKU: "B"})
    read = expression.cache_info().misses
    resolve(many, Purpose.REVENUE, {SKU: "B"})
    assert expression.cache_info().misses == read


def test_one_of_several_patterns_suffices() -> None:
    assert holds(Condition(SKU, ("x", "ab*")), {SKU: "abc"})
    assert not holds(Condition(SKU, ()), {SKU: "abc"})


def test_a_fact_the_subject_lacks_fits_not_even_a_star() -> None:
    of = official()
    assert resolve(Rules((rule(Purpose.TAX, "default", sku="*"),)), Purpose.TAX, facts_of_order(of)) is None
    assert (
        resolve(Rules((rule(Purpose.TAX, "default", charge="*"),)), Purpose.TAX, facts_of_line(of, of.lines[0])) is None
    )


def test_every_condition_must_hold() -> None:
    rules = Rules((rule(Purpose.REVENUE, "4000", sku="a*", currency="EUR"),))
    assert resolve(rules, Purpose.REVENUE, {SKU: "abc", ConditionField.CURRENCY: "eur"})
    assert resolve(rules, Purpose.REVENUE, {SKU: "abc", ConditionField.CURRENCY: "USD"}) is None


def test_the_first_match_by_position_wins_whatever_the_order_of_storage() -> None:
    general, special = rule(Purpose.REVENUE, "4000", 2), rule(Purpose.REVENUE, "4100", 1, sku="gift*")
    for stored in ((general, special), (special, general)):
        assert resolve(Rules(stored), Purpose.REVENUE, {SKU: "GIFT-1"}) is special
        assert resolve(Rules(stored), Purpose.REVENUE, {SKU: "other"}) is general
    swapped = Rules((replace(general, position=1), replace(special, position=2)))
    found = resolve(swapped, Purpose.REVENUE, {SKU: "GIFT-1"})
    assert found is not None
    assert found.result == "4000"


def test_facts_of_an_order_without_a_destination_have_no_shipping_method() -> None:
    of = replace(official(), shipping=())
    facts = facts_of_order(of)
    assert ConditionField.SHIPPING_METHOD not in facts
    assert facts[ConditionField.COUNTRY] == "US"
    assert facts[ConditionField.GUEST] == "false"


def test_a_lines_destination_is_its_own_address() -> None:
    there = Address(2, country_iso2="CA", shipping_method="Courier")
    sold = line(ex="1", inc="1", address_id=2, type=LineType.DIGITAL)
    of = replace(order([sold], inc="1", tax="0"), shipping=(*official().shipping, there), customer_id=0)
    facts = facts_of_line(of, sold)
    assert (facts[ConditionField.COUNTRY], facts[ConditionField.SHIPPING_METHOD]) == ("CA", "Courier")
    assert (facts[ConditionField.LINE_TYPE], facts[ConditionField.GUEST]) == ("digital", "true")


def test_facts_of_a_charge_are_its_kind_and_name() -> None:
    fee = charge(ChargeKind.FEE, "1", "0", name="Insurance")
    facts = facts_of_charge(official(), fee)
    assert (facts[ConditionField.CHARGE], facts[ConditionField.NAME]) == ("fee", "Insurance")
    assert SKU not in facts


@pytest.mark.parametrize(("rate", "text"), [("8.2500", "8.25"), ("20.0000", "20"), ("0.0000", "0"), ("100", "100")])
def test_a_tax_rate_reads_as_people_write_it(rate: str, text: str) -> None:
    facts = facts_of_tax({}, TaxRow("VAT", dec(rate), dec("1"), "Default Tax Class"))
    assert facts == {
        ConditionField.TAX_NAME: "VAT",
        ConditionField.TAX_CLASS: "Default Tax Class",
        ConditionField.TAX_RATE: text,
    }


@pytest.mark.parametrize("field", ["tax_name", "tax_class", "tax_rate"])
def test_taxes_are_needed_where_a_tax_rule_tests_them(field: str) -> None:
    tested = (Condition(ConditionField(field), ("x",)),)
    assert needs_taxes(Rules((MappingRule(Purpose.TAX, 1, "default", tested),)))
    assert not needs_taxes(Rules((MappingRule(Purpose.REVENUE, 1, "4000", tested),)))


def test_shipped_rules_map_charges_and_tax_and_no_revenue() -> None:
    rules = Rules(default_rules())
    of = official()
    found = {
        kind: resolve(rules, Purpose.CHARGE_TYPE, facts_of_charge(of, charge(kind, "1", "0"))) for kind in ChargeKind
    }
    assert {kind: r.result for kind, r in found.items() if r} == {
        ChargeKind.SHIPPING: "FREIGHT",
        ChargeKind.HANDLING: "HANDLING",
        ChargeKind.WRAPPING: "WRAPPING",
        ChargeKind.FEE: "FEE",
        ChargeKind.DISCOUNT: "PROMO",
        ChargeKind.GIFT_CERTIFICATE: "GIFTCERT",
    }
    for inclusive, result in ((True, "default"), (False, "charge:SALESTAX")):
        tax = resolve(rules, Purpose.TAX, facts_of_order(replace(of, tax_inclusive=inclusive)))
        assert tax is not None
        assert tax.result == result
    assert rules.of(Purpose.REVENUE) == ()
    assert not needs_taxes(rules)
    assert {r.author for r in default_rules()} == {"shipped"}


def test_a_persons_rule_stands_before_the_shipped_ones() -> None:
    own = rule(Purpose.CHARGE_TYPE, "UPS", 9, charge="shipping")
    found = resolve(
        Rules((*default_rules(), own)), Purpose.CHARGE_TYPE, facts_of_charge(official(), shipping("1", "0"))
    )
    assert found is own


texts = st.text("aAb*?[.", max_size=6)
conditions = st.builds(
    Condition,
    st.sampled_from([SKU, ConditionField.NAME, ConditionField.CHANNEL]),
    st.lists(st.text("aAb*?", max_size=5), min_size=1, max_size=2).map(tuple),
)


@st.composite
def rule_lists(draw: st.DrawFn) -> list[MappingRule]:
    """Rules of two purposes with distinct positions, shuffled."""
    count = draw(st.integers(0, 6))
    return [
        MappingRule(
            draw(st.sampled_from([Purpose.REVENUE, Purpose.TAX])),
            position,
            f"r{position}",
            tuple(draw(st.lists(conditions, max_size=2))),
        )
        for position in draw(st.permutations(range(count)))
    ]


def naive_glob(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(naive_glob(pattern[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and naive_glob(pattern[1:], text[1:])


def naive_resolve(rules: list[MappingRule], purpose: Purpose, facts: dict[ConditionField, str]) -> MappingRule | None:
    best: MappingRule | None = None
    for candidate in rules:
        matches = candidate.purpose is purpose and all(
            c.field in facts and any(naive_glob(p.lower(), facts[c.field].lower()) for p in c.patterns)
            for c in candidate.conditions
        )
        if matches and (best is None or candidate.position < best.position):
            best = candidate
    return best


@ci
@given(rule_lists(), st.dictionaries(st.sampled_from([SKU, ConditionField.NAME]), texts), st.randoms())
def test_resolution_equals_a_naive_reference(
    rules: list[MappingRule], facts: dict[ConditionField, str], shuffler: random.Random
) -> None:
    expected = naive_resolve(rules, Purpose.REVENUE, facts)
    shuffler.shuffle(rules)
    assert resolve(Rules(tuple(rules)), Purpose.REVENUE, facts) is expected
