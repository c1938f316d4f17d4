"""Minor units of ISO 4217 and half-up rounding."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcifs_console.domain.money import cap, digits, minor_unit, padded, rounded

CURRENCIES = st.sampled_from(["USD", "JPY", "KWD", "CLF"])
AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False, allow_infinity=False, places=6)


@pytest.mark.parametrize(
    ("currency", "places"),
    [
        ("USD", 2),
        ("EUR", 2),
        ("JPY", 0),
        ("KRW", 0),
        ("CLP", 0),
        ("ISK", 0),
        ("VND", 0),
        ("XOF", 0),
        ("KWD", 3),
        ("BHD", 3),
        ("TND", 3),
        ("CLF", 4),
    ],
)
def test_minor_units_are_those_of_iso_4217(currency: str, places: int) -> None:
    assert digits(currency) == places


@pytest.mark.parametrize(("currency", "places"), [("RSD", 2), ("ALL", 2), ("LBP", 2), ("MMK", 2), ("IQD", 3)])
def test_a_currency_whose_coins_fell_out_of_use_keeps_its_minor_unit(currency: str, places: int) -> None:
    """CLDR says 0 for these, since nobody shows them; a store states 1,234.56 RSD all the same."""
    assert digits(currency) == places


def test_an_unknown_currency_has_hundredths() -> None:
    assert digits("XXY") == 2


def test_an_override_wins_even_where_it_is_zero() -> None:
    assert digits("USD", {"USD": 0}) == 0
    assert minor_unit("JPY", {"JPY": 2}) == Decimal("0.01")
    assert digits("EUR", {"USD": 0}) == 2
    assert rounded(Decimal("1.5"), "USD", {"USD": 0}) == Decimal(2)


@pytest.mark.parametrize(
    ("currency", "unit", "limit"), [("USD", "0.01", "0.05"), ("JPY", "1", "5"), ("KWD", "0.001", "0.005")]
)
def test_the_cap_is_five_minor_units(currency: str, unit: str, limit: str) -> None:
    assert minor_unit(currency) == Decimal(unit)
    assert cap(currency) == Decimal(limit)


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("1.005", "USD", "1.01"),
        ("1.015", "USD", "1.02"),
        ("1.025", "USD", "1.03"),
        ("1.0049999", "USD", "1.00"),
        ("-1.005", "USD", "-1.01"),
        ("-1.0049999", "USD", "-1.00"),
        ("0.5", "JPY", "1"),
        ("1.5", "JPY", "2"),
        ("2.5", "JPY", "3"),
        ("-0.5", "JPY", "-1"),
        ("-2.5", "JPY", "-3"),
        ("1.0005", "KWD", "1.001"),
        ("-1.0005", "KWD", "-1.001"),
        ("-0.001", "USD", "0.00"),
    ],
)
def test_ties_are_rounded_away_from_zero(amount: str, currency: str, expected: str) -> None:
    assert rounded(Decimal(amount), currency) == Decimal(expected)


@given(AMOUNTS, CURRENCIES)
def test_rounding_moves_an_amount_by_at_most_half_a_minor_unit_to_a_whole_one(amount: Decimal, currency: str) -> None:
    result = rounded(amount, currency)
    assert abs(result - amount) <= minor_unit(currency) / 2
    assert result % minor_unit(currency) == 0
    assert rounded(result, currency) == result


@given(AMOUNTS, CURRENCIES)
def test_rounding_does_not_care_for_the_sign(amount: Decimal, currency: str) -> None:
    assert rounded(-amount, currency) == -rounded(amount, currency)


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [("500", "USD", "500.00"), ("5E+2", "USD", "500.00"), ("500.0000", "JPY", "500"), ("0.0050", "USD", "0.0050")],
)
def test_an_amount_is_written_out_to_its_minor_unit_and_never_rounded(amount: str, currency: str, shown: str) -> None:
    assert str(padded(Decimal(amount), currency)) == shown
