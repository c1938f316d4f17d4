"""Mapping rules, and the orders that one sets free."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, Integer
from sqlmodel import Field, SQLModel

from bcifs_console.store.tables.fields import connection_column, id_column, table_of, text_column, time_column


class MappingRuleRow(SQLModel, table=True):
    """A mapping rule. Never changed: a new version is a new row and the old one is retired."""

    __tablename__ = "mapping_rule"
    __table_args__ = (Index("ix_mapping_rule_in_force", "connection_id", "retired_at"),)
    id: int | None = id_column()
    connection_id: int = connection_column()
    purpose: str = text_column()
    position: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    conditions: str = text_column("[]")
    result: str = text_column()
    version: int = Field(default=1, sa_column=Column(Integer, nullable=False))
    author: str = text_column()
    reason: str = text_column()
    created_at: datetime = time_column()
    retired_at: datetime | None = time_column(nullable=True)


class MappingReleaseRow(SQLModel, table=True):
    """Orders that wait for a rule that was saved since: who is let go first, and who after it. One a connection."""

    __tablename__ = "mapping_release"
    connection_id: int = connection_column(primary_key=True)
    state: str = text_column()
    #: the rules by which the orders came to wait, as JSON
    before: str = text_column("[]")
    actor: str = text_column()
    reason: str = text_column()
    saved_at: datetime = time_column()
    canary: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    #: what the canary may still wait for, as the rules are
    foreseen: str = text_column("[]")
    #: the orders that go after the canary
    orders: str = text_column("[]")
    note: str = text_column()


mapping_rule = table_of(MappingRuleRow)
mapping_release = table_of(MappingReleaseRow)
