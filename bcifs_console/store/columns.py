"""Column types that mean the same on SQLite and PostgreSQL: exact amounts and aware UTC times."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import BigInteger, DateTime, Dialect, String
from sqlalchemy.types import TypeDecorator, TypeEngine

_SCALE: Final = 10_000


def to_units(amount: Decimal) -> int:
    """`amount` in ten-thousandths. Raises ValueError where it has more than four decimals."""
    # Not `amount * _SCALE`: that rounds to the context's 28 digits, and a lost digit would go unnoticed.
    numerator, denominator = amount.as_integer_ratio()
    units, rest = divmod(numerator * _SCALE, denominator)
    if rest:
        raise ValueError(f"{amount} has more than four decimals")
    return units


def from_units(units: int) -> Decimal:
    """Ten-thousandths as an amount without superfluous zeros beyond two decimals."""
    amount = Decimal(units).scaleb(-4)
    shortened = amount.quantize(Decimal("0.01"))
    return shortened if shortened == amount else amount.quantize(Decimal("0.0001")).normalize()


class Amount(TypeDecorator[Decimal]):
    """Money as BIGINT ten-thousandths: SUM is exact on both databases (NUMERIC is a float in SQLite)."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        return None if value is None else to_units(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else from_units(int(value))


def _refuse_naive(moment: datetime) -> None:
    if moment.tzinfo is None:
        raise ValueError("a time without a zone was about to be stored")


def time_text(moment: datetime) -> str:
    """The text SQLite keeps for `moment`: fixed width, so that text order is time order. Raises ValueError if naive."""
    _refuse_naive(moment)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC moment: timestamptz on PostgreSQL, fixed-width ISO 8601 text on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(27))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        _refuse_naive(value)
        return time_text(value) if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        moment: datetime = value
        return moment.astimezone(UTC)
