"""Connections and their secrets."""

from datetime import datetime

from sqlalchemy import Column, Text
from sqlmodel import Field, SQLModel

from bcifs_console.store.tables.fields import connection_column, table_of, text_column, time_column


class ConnectionRow(SQLModel, table=True):
    """One BigCommerce store tied to one IFS company; `config` is its settings as JSON, without secrets."""

    __tablename__ = "connection"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    token: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    config: str = text_column()
    created_at: datetime = time_column()
    removed_at: datetime | None = time_column(nullable=True)


class SecretRow(SQLModel, table=True):
    """A secret, sealed by the vault. Never shown, never logged."""

    __tablename__ = "secret"
    connection_id: int = connection_column(primary_key=True)
    field: str = Field(sa_column=Column(Text, primary_key=True))
    envelope: str = text_column()
    updated_at: datetime = time_column()


connection = table_of(ConnectionRow)
secret = table_of(SecretRow)
