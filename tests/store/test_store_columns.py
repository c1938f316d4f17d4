"""Columns that mean the same on both databases: exact amounts, ordered times."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, func, select
from sqlalchemy.exc import StatementError

from bcifs_console.store.columns import Amount, UtcTime, from_units, time_text, to_units
from bcifs_console.store.database import Database
from bcifs_console.store.errors import StoreFault

#: BIGINT ten-thousandths
UNITS = st.integers(-(2**63), 2**63 - 1)
NAIVE = datetime(2026, 12, 1)  # noqa: DTZ001 - what must be refused
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1))  # noqa: DTZ001 - the zone is drawn beside it
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(UNITS)
def test_units_come_back_exactly(units: int) -> None:
    amount = from_units(units)
    assert to_units(amount) == units
    assert amount * 10_000 == units or abs(units) > 10**27


@given(UNITS)
def test_an_amount_has_two_decimals_or_as_many_as_it_needs(units: int) -> None:
    decimals = -int(from_units(units).as_tuple().exponent)
    assert 2 <= decimals <= 4
    if decimals > 2:
        assert units % 10 or decimals == 3


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**14), max_value=10**14))
def test_an_amount_is_kept_whole_or_refused_never_rounded(amount: Decimal) -> None:
    try:
        units = to_units(amount)
    except ValueError:
        numerator, denominator = amount.as_integer_ratio()
        assert numerator * 10_000 % denominator
    else:
        assert from_units(units) == amount


@pytest.mark.parametrize(
    "text", ["0.00001", "-1.23456", "100000000000000.00000000000000001", "99999999999999999999999999999.99999"]
)
def test_more_than_four_decimals_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="more than four decimals"):
        to_units(Decimal(text))


@pytest.mark.parametrize(("text", "shown"), [("10", "10.00"), ("0", "0.00"), ("1.5", "1.50"), ("1.2340", "1.234")])
def test_amounts_read_as_people_write_them(text: str, shown: str) -> None:
    assert str(from_units(to_units(Decimal(text)))) == shown


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        to_units(Decimal(text))


@given(st.tuples(MOMENTS, ZONES), st.tuples(MOMENTS, ZONES))
def test_the_text_order_of_times_is_their_order(first: Any, second: Any) -> None:
    one, two = (moment.replace(tzinfo=zone) for moment, zone in (first, second))
    assert (time_text(one) < time_text(two)) == (one < two)
    assert len(time_text(one)) == 27
    assert datetime.fromisoformat(time_text(one)) == one


# -- on the databases --------------------------------------------------------------------------------------------------

SAMPLE = Table(
    "sample",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("at", UtcTime(), nullable=True),
    Column("amount", Amount(), nullable=True),
)


@pytest.fixture
def sampled(database: Database) -> Database:
    database.write_sync(lambda tx: SAMPLE.create(tx.conn))
    return database


def insert(database: Database, *rows: dict[str, Any]) -> None:
    padded = [{"at": None, "amount": None} | row for row in rows]
    database.write_sync(lambda tx: tx.conn.execute(SAMPLE.insert(), padded))


def test_sums_are_exact_where_floats_are_not(sampled: Database) -> None:
    insert(sampled, *({"amount": Decimal("0.1")} for _ in range(1000)), {"amount": Decimal("90071992547409.9301")})
    total = sampled.read_sync(lambda conn: conn.execute(select(func.sum(SAMPLE.c.amount))).scalar_one())
    assert total == Decimal("90071992547509.9301")
    assert isinstance(total, Decimal)


def test_nothing_is_kept_as_nothing(sampled: Database) -> None:
    insert(sampled, {})
    (row,) = sampled.read_sync(lambda conn: conn.execute(select(SAMPLE)).all())
    assert (row.at, row.amount) == (None, None)


def test_a_time_comes_back_aware_in_utc_whatever_zone_it_was_given_in(sampled: Database) -> None:
    summer = datetime(2026, 7, 1, 23, 30, 0, 123456, tzinfo=timezone(timedelta(hours=-5)))
    insert(sampled, {"at": summer})
    found = sampled.read_sync(lambda conn: conn.execute(select(SAMPLE.c.at)).scalar_one())
    assert found == summer
    assert found.utcoffset() == timedelta(0)


def test_times_are_ordered_and_compared_by_moment(sampled: Database) -> None:
    moments = [
        datetime(2026, 12, 1, 11, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 12, 1, 13, 0, tzinfo=timezone(timedelta(hours=1))),
        datetime(2026, 12, 1, 12, 0, 0, 1, tzinfo=UTC),
        datetime(2026, 12, 1, 7, 30, tzinfo=timezone(timedelta(hours=-5))),
    ]
    insert(sampled, *({"at": moment} for moment in reversed(moments)))
    noon = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
    ordered = sampled.read_sync(lambda conn: conn.execute(select(SAMPLE.c.at).order_by(SAMPLE.c.at)).scalars().all())
    until_noon = sampled.read_sync(
        lambda conn: conn.execute(select(func.count()).select_from(SAMPLE).where(SAMPLE.c.at <= noon)).scalar()
    )
    assert ordered == moments
    assert until_noon == 2


@pytest.mark.parametrize(
    "row",
    [{"at": NAIVE}, {"amount": Decimal("0.00001")}],
    ids=["naive time", "too many decimals"],
)
def test_what_cannot_be_kept_exactly_is_refused_and_not_written(sampled: Database, row: dict[str, Any]) -> None:
    with pytest.raises(StoreFault) as caught:
        insert(sampled, row)
    assert isinstance(caught.value.__cause__, StatementError)
    assert sampled.read_sync(lambda conn: conn.execute(select(func.count()).select_from(SAMPLE)).scalar()) == 0
