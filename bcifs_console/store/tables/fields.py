"""The kinds of columns that tables are made of, and the way from a model to its Core table."""

from typing import Any, cast

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, Table, Text
from sqlmodel import Field, SQLModel

from bcifs_console.store.columns import UtcTime


def time_column(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(UtcTime(), nullable=nullable))


def text_column(default: str = "") -> Any:
    return Field(default=default, sa_column=Column(Text, nullable=False, server_default=default))


def integer_column(default: int = 0) -> Any:
    return Field(default=default, sa_column=Column(BigInteger, nullable=False, server_default=str(default)))


def id_column() -> Any:
    # INTEGER, not BIGINT, on SQLite: only that is the rowid alias which counts up by itself.
    return Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )


def connection_column(*, primary_key: bool = False) -> Any:
    return Field(sa_column=Column(Integer, ForeignKey("connection.id"), nullable=False, primary_key=primary_key))


def table_of(model: type[SQLModel]) -> Table:
    """The Core table behind a SQLModel class."""
    return cast(Table, getattr(model, "__table__"))  # noqa: B009 - mypy does not know the attribute
