"""How far polls read, webhooks and their health, alerts."""

from datetime import datetime

from sqlalchemy import Boolean, Column, Index, Integer, Text, false, text
from sqlmodel import Field, SQLModel

from bcifs_console.store.columns import UtcTime
from bcifs_console.store.tables.fields import (
    connection_column,
    id_column,
    integer_column,
    table_of,
    text_column,
    time_column,
)


class CursorRow(SQLModel, table=True):
    """How far a poller has read."""

    __tablename__ = "cursor"
    connection_id: int = connection_column(primary_key=True)
    name: str = Field(sa_column=Column(Text, primary_key=True))
    value: str = text_column()
    updated_at: datetime = time_column()


class HookRow(SQLModel, table=True):
    """A webhook registration of ours, as last seen on BigCommerce."""

    __tablename__ = "hook"
    connection_id: int = connection_column(primary_key=True)
    scope: str = Field(sa_column=Column(Text, primary_key=True))
    hook_id: int = integer_column()
    destination: str = text_column()
    is_active: bool = Field(default=True)
    state: str = text_column()
    cause: str = text_column()
    last_delivery_at: datetime | None = time_column(nullable=True)
    checked_at: datetime | None = time_column(nullable=True)
    since: datetime | None = time_column(nullable=True)
    #: what was done about it last
    action: str = text_column()


class HookSampleRow(SQLModel, table=True):
    """How many deliveries of ten seconds had this outcome. Kept for a day."""

    __tablename__ = "hook_sample"
    connection_id: int = connection_column(primary_key=True)
    at: datetime = Field(sa_column=Column(UtcTime(), primary_key=True))
    outcome: str = Field(sa_column=Column(Text, primary_key=True))
    number: int = integer_column()


class WebhookHealthRow(SQLModel, table=True):
    """How a connection's webhooks are as a whole. `registered`: a person wanted them; only then they are repaired."""

    __tablename__ = "webhook_health"
    connection_id: int = connection_column(primary_key=True)
    registered: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    state: str = text_column()
    findings: str = text_column("[]")
    action: str = text_column()
    since: datetime | None = time_column(nullable=True)
    #: the watcher's last look, and the last one that the store answered
    looked_at: datetime | None = time_column(nullable=True)
    checked_at: datetime | None = time_column(nullable=True)
    listener_seen_at: datetime | None = time_column(nullable=True)
    #: the first and the last failure of those that BigCommerce may still be repeating
    failing_since: datetime | None = time_column(nullable=True)
    failed_at: datetime | None = time_column(nullable=True)
    repaired_at: datetime | None = time_column(nullable=True)


class AlertRow(SQLModel, table=True):
    """A message for people. `settled_at`: it was sent, or given up."""

    __tablename__ = "alert"
    __table_args__ = (
        Index(
            "ix_alert_unsettled",
            "id",
            sqlite_where=text("settled_at IS NULL"),
            postgresql_where=text("settled_at IS NULL"),
        ),
    )
    id: int | None = id_column()
    connection_id: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    at: datetime = time_column()
    level: str = text_column()
    title: str = text_column()
    body: str = text_column()
    attempts: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    tried_at: datetime | None = time_column(nullable=True)
    settled_at: datetime | None = time_column(nullable=True)
    error: str = text_column()


cursor = table_of(CursorRow)
hook = table_of(HookRow)
hook_sample = table_of(HookSampleRow)
webhook_health = table_of(WebhookHealthRow)
alert = table_of(AlertRow)
