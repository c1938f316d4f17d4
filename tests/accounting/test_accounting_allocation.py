"""Largest-remainder allocation and unit prices."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcifs_console.accounting.allocation import allocate
from bcifs_console.accounting.pricing import unit_price
from bcifs_console.domain.money import ZERO
from tests.accounting.building import ci, dec

CENT = dec("0.01")

units = st.sampled_from([dec(1), dec("0.1"), CENT, dec("0.001")])
weights = st.lists(st.decimals(0, 100_000, places=4), min_size=1, max_size=30)


def allocated(amount: str, *parts: str, unit: Decimal = CENT) -> list[str]:
    return [str(share) for share in allocate(dec(amount), [dec(part) for part in parts], unit)]


def test_left_over_units_go_to_the_largest_remainders() -> None:
    assert allocated("10.00", "1", "2", "4") == ["1.43", "2.86", "5.71"]


def test_on_a_tie_the_earlier_one_gets_the_unit() -> None:
    assert allocated("0.05", "1", "1", "1") == ["0.02", "0.02", "0.01"]


def test_a_negative_amount_is_spread_as_its_mirror_image() -> None:
    assert allocated("-0.05", "1", "1", "1") == ["-0.02", "-0.02", "-0.01"]


def test_a_zero_weight_gets_nothing_beside_others() -> None:
    assert allocated("1.00", "0", "3", "0", "3", "3") == ["0", "0.34", "0", "0.33", "0.33"]


def test_zero_weights_alone_count_alike() -> None:
    assert allocated("0.03", "0", "0.0000") == ["0.02", "0.01"]


def test_currencies_without_decimals_are_spread_in_whole_units() -> None:
    assert allocated("100", "1", "1", "1", unit=dec(1)) == ["34", "33", "33"]


def test_nothing_over_nothing_is_nothing() -> None:
    assert allocate(ZERO, [], CENT) == ()


@pytest.mark.parametrize(
    ("amount", "parts"), [("1.005", ["1"]), ("1.00", ["1", "-1"]), ("1.00", [])], ids=["finer", "negative", "nothing"]
)
def test_what_only_a_programmer_can_cause_is_an_error(amount: str, parts: list[str]) -> None:
    with pytest.raises(ValueError, match=r"multiple|negative|nothing"):
        allocate(dec(amount), [dec(part) for part in parts], CENT)


@ci
@given(st.integers(-10_000_000, 10_000_000), weights, units)
def test_shares_sum_exactly_and_none_is_a_unit_off_its_proportion(
    count: int, parts: list[Decimal], unit: Decimal
) -> None:
    amount = count * unit
    shares = allocate(amount, parts, unit)
    assert sum(shares, ZERO) == amount
    total = sum(parts, ZERO)
    for share, part in zip(shares, parts, strict=True):
        assert share % unit == 0
        exact = amount * part / total if total else amount / len(parts)
        assert abs(share - exact) < unit


@ci
@given(st.integers(-10_000, 10_000), weights, st.integers(1, 1000))
def test_scaling_the_weights_changes_nothing(count: int, parts: list[Decimal], factor: int) -> None:
    amount = count * CENT
    assert allocate(amount, parts, CENT) == allocate(amount, [part * factor for part in parts], CENT)


@ci
@given(st.integers(0, 10_000), weights)
def test_a_larger_weight_never_gets_less(count: int, parts: list[Decimal]) -> None:
    ranked = sorted(parts, reverse=True)
    shares = allocate(count * CENT, ranked, CENT)
    assert list(shares) == sorted(shares, reverse=True)


def test_the_stores_own_price_is_kept_where_it_gives_the_amount() -> None:
    assert unit_price(dec("62.68"), 4, dec("15.6698"), CENT) == dec("15.6698")


def test_a_price_that_misses_the_amount_is_replaced_by_the_shortest_that_hits_it() -> None:
    assert unit_price(dec("10.00"), 3, dec("3.3"), CENT) == dec("3.333")
    assert unit_price(dec("10.00"), 4, dec("2"), CENT) == dec("2.50")


@ci
@given(st.integers(0, 10_000_000), st.integers(1, 100_000), st.decimals(0, 1000, places=4), units)
def test_quantity_times_unit_price_rounds_to_the_amount(
    count: int, quantity: int, stored: Decimal, unit: Decimal
) -> None:
    amount = count * unit
    price = unit_price(amount, quantity, stored, unit)
    exponent = price.as_tuple().exponent
    assert (price * quantity).quantize(unit, ROUND_HALF_UP) == amount
    assert isinstance(exponent, int)
    assert exponent >= -10
