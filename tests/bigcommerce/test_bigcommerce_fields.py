"""Amounts, times and whole numbers as BigCommerce may write them, and what must not pass for one."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcifs_console.bigcommerce.errors import BadAnswer
from bcifs_console.bigcommerce.fields import Fields, Unreadable, parse_amount, parse_json, parse_moment, parse_whole

MONEY = st.decimals(min_value=-(10**12), max_value=10**12, places=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.decimals(), lambda inner: st.lists(inner, max_size=3)
)


@pytest.mark.parametrize(
    ("wire", "amount"),
    [("109.0000", "109"), ("924.47", "924.47"), ("0", "0"), (5, "5"), (Decimal("5.1"), "5.1"), ("-9.2400", "-9.24")],
)
def test_money_comes_as_string_or_number_of_any_length(wire: object, amount: str) -> None:
    assert parse_amount(wire) == Decimal(amount)


@pytest.mark.parametrize("wire", ["5.1", "5.1000", Decimal("5.1"), Decimal("5.10000000")])
def test_equal_amounts_come_out_as_the_same_text(wire: object) -> None:
    assert str(parse_amount(wire)) == "5.1000"


def test_an_amount_with_more_than_four_places_keeps_them() -> None:
    assert parse_amount("0.333333") == Decimal("0.333333")


@pytest.mark.parametrize("wire", [None, ""])
def test_an_amount_that_is_not_set_is_none(wire: object) -> None:
    assert parse_amount(wire) is None


@pytest.mark.parametrize(
    "wire", ["NaN", "Infinity", "1_000", "1,00", "£5", "٣", True, [], {}, 1.5, "1e99", Decimal("1e999"), "9" * 16]
)
def test_what_is_no_amount_is_refused(wire: object) -> None:
    with pytest.raises(Unreadable):
        parse_amount(wire)


def test_zero_has_no_sign() -> None:
    assert str(parse_amount("-0.0000")) == "0.0000"


@settings(deadline=None)
@given(MONEY)
def test_money_survives_the_wire_exactly_as_string_and_as_number(amount: Decimal) -> None:
    body = f'{{"text": "{amount}", "number": {amount}}}'.encode()
    row = parse_json(body)
    assert parse_amount(row["text"]) == parse_amount(row["number"]) == amount


@settings(deadline=None)
@given(JSON)
def test_reading_a_value_never_fails_in_another_way(value: Any) -> None:
    for parse, kind in ((parse_amount, Decimal), (parse_whole, int), (parse_moment, datetime)):
        try:
            found = parse(value)
        except Unreadable:
            assert value not in (None, ""), "what is not set is none, not unreadable"
        else:
            assert found is None if value in (None, "") else type(found) is kind


@settings(deadline=None)
@given(st.binary() | st.text().map(str.encode))
def test_reading_json_never_fails_in_another_way(body: bytes) -> None:
    try:
        found = parse_json(body)
    except ValueError:
        found = None
    else:
        assert found == json.loads(body, parse_float=Decimal)
    assert not isinstance(found, float)


@pytest.mark.parametrize("body", [b"[NaN]", b"[1e999999999999999999999]", b"[" * 100_000, b"<html>", b"", b"[1] [2]"])
def test_what_is_no_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse_json(body)


@pytest.mark.parametrize(
    ("wire", "moment"),
    [
        ("Tue, 05 Mar 2019 21:40:11 +0000", datetime(2019, 3, 5, 21, 40, 11, tzinfo=UTC)),
        ("5 Mar 2019 15:40:11 -0600", datetime(2019, 3, 5, 21, 40, 11, tzinfo=UTC)),
        ("Tue, 05 Mar 2019 21:40:11 -0000", datetime(2019, 3, 5, 21, 40, 11, tzinfo=UTC)),
        ("2026-06-18T14:37:37Z", datetime(2026, 6, 18, 14, 37, 37, tzinfo=UTC)),
        ("2026-06-18T16:37:37+02:00", datetime(2026, 6, 18, 14, 37, 37, tzinfo=UTC)),
        (1767225600, datetime(2026, 1, 1, tzinfo=UTC)),
        ("", None),
        (None, None),
    ],
)
def test_times_come_as_rfc_2822_iso_8601_and_unix_seconds(wire: object, moment: datetime | None) -> None:
    assert parse_moment(wire) == moment


@pytest.mark.parametrize("wire", ["soon", "2026-13-01", True, [], 10**30, "0001-01-01T00:00:00+23:59"])
def test_what_is_no_time_is_refused(wire: object) -> None:
    with pytest.raises(Unreadable):
        parse_moment(wire)


@pytest.mark.parametrize(
    ("wire", "number"), [(3, 3), ("3", 3), (Decimal("3.0"), 3), ("-1", -1), (None, None), ("", None)]
)
def test_whole_numbers_come_as_int_string_or_fraction_free_number(wire: object, number: int | None) -> None:
    assert parse_whole(wire) == number


@pytest.mark.parametrize("wire", [True, "1.5", Decimal("1.5"), 2**63, "x", "٣", Decimal("1e400")])
def test_what_is_no_whole_number_is_refused(wire: object) -> None:
    with pytest.raises(Unreadable):
        parse_whole(wire)


def test_errors_name_field_and_order_and_never_quote_the_value() -> None:
    fields = Fields(json.loads('{"total_inc_tax": "<script>"}'), "order 5001", order_id=5001)
    with pytest.raises(BadAnswer, match="order 5001: total_inc_tax") as caught:
        fields.need_amount("total_inc_tax")
    assert caught.value.field == "total_inc_tax"
    assert caught.value.order_id == 5001
    assert "script" not in str(caught.value)


@pytest.mark.parametrize(("wire", "flag"), [(True, True), ("true", True), (1, True), ("0", False), (None, False)])
def test_flags_come_as_booleans_numbers_and_words(wire: object, flag: bool) -> None:
    assert Fields({"f": wire}, "x").flag("f") is flag


def test_a_flag_that_says_something_else_is_refused() -> None:
    with pytest.raises(BadAnswer, match="f is not true or false"):
        Fields({"f": "perhaps"}, "x").flag("f")


def test_a_gigantic_integer_is_refused_without_being_converted() -> None:
    with pytest.raises(Unreadable):
        parse_amount(10**5000)
    with pytest.raises(Unreadable):
        parse_whole(10**5000)
