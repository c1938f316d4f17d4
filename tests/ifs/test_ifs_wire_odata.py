"""Numbers stay exact on the wire; OData text is quoted so that no value can change a query."""

from datetime import date
from decimal import Decimal
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcifs_console.ifs.odata import Value, compact, enum_literal, eq, folded_eq, key, literal
from bcifs_console.ifs.transport import with_query
from bcifs_console.ifs.wire import dumps, loads


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("19.9900"), "19.99"),
        (Decimal("0.10"), "0.1"),
        (Decimal("-9.24"), "-9.24"),
        (Decimal(100), "100"),
        (Decimal("1E+3"), "1000"),
        (Decimal("-0.00"), "0"),
        (Decimal("0.0000000000000000000000000000000000000001"), "0.0000000000000000000000000000000000000001"),
        (Decimal("12345678901234567890123456789012345.67"), "12345678901234567890123456789012345.67"),
    ],
)
def test_decimals_go_out_as_exact_numbers(value: Decimal, text: str) -> None:
    assert dumps({"a": value}) == f'{{"a":{text}}}'.encode()


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_decimals_come_back_equal(value: Decimal) -> None:
    assert loads(dumps([value])) == [value]


def test_the_other_types_go_out_as_json() -> None:
    assert loads(dumps({"t": "é\"'\n", "n": None, "b": True, "i": 7, "l": [1, {"x": "y"}]})) == {
        "t": "é\"'\n",
        "n": None,
        "b": True,
        "i": 7,
        "l": [1, {"x": "y"}],
    }


@pytest.mark.parametrize("value", [1.5, Decimal("NaN"), Decimal("Infinity"), {1: "x"}, object()])
def test_what_has_no_exact_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        dumps(value)


def test_fractions_are_read_as_decimals_and_nan_is_refused() -> None:
    assert loads(b'{"a": 0.1}') == {"a": Decimal("0.1")}
    with pytest.raises(ValueError, match="NaN"):
        loads(b'{"a": NaN}')


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("O'Brien", "'O''Brien'"),
        ("", "''"),
        (7, "7"),
        (Decimal("1.50"), "1.5"),
        (True, "true"),
        (False, "false"),
        (date(2026, 1, 31), "2026-01-31"),
    ],
)
def test_literals(value: Value, text: str) -> None:
    assert literal(value) == text


def test_enum_literals_are_qualified() -> None:
    member = enum_literal("Proj", "State", "Released")
    assert eq("Objstate", member) == "Objstate eq IfsApp.Proj.State'Released'"


def test_a_quote_cannot_end_the_literal_it_stands_in() -> None:
    hostile = "x' or 1 eq 1 or 'y' eq '"
    assert eq("CustomerPoNo", hostile) == "CustomerPoNo eq 'x'' or 1 eq 1 or ''y'' eq '''"
    assert folded_eq("Cf_Email", "O'B@X.Com") == "tolower(Cf_Email) eq 'o''b@x.com'"


@pytest.mark.parametrize("value", ["A/B", "A?B#C", "O'Brien", "100%", "é", "a,b=(c)"])
def test_keys_are_encoded_so_that_they_stay_one_segment(value: str) -> None:
    segment = key(OrderNo=value, LineItemNo=0)
    assert not set("/?# ") & set(segment)
    assert unquote(segment) == f"(OrderNo={literal(value)},LineItemNo=0)"


def test_blanks_in_a_query_are_percent_encoded() -> None:
    assert with_query("/x", {"$filter": "A eq 'b+c&d'"}) == "/x?$filter=A%20eq%20%27b%2Bc%26d%27"


def test_nulls_and_empty_texts_are_left_out_but_zero_and_false_stay() -> None:
    assert compact({"a": None, "b": "", "c": 0, "d": False, "e": "x"}) == {"c": 0, "d": False, "e": "x"}
