"""Deliveries, orders with what was read of them, and backfills."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Text, UniqueConstraint, false, text
from sqlmodel import Field, SQLModel

from bcifs_console.store.columns import Amount
from bcifs_console.store.tables.fields import (
    connection_column,
    id_column,
    integer_column,
    table_of,
    text_column,
    time_column,
)


class WebhookDeliveryRow(SQLModel, table=True):
    """One accepted webhook request; refused ones are only counted."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("connection_id", "dedupe", name="uq_webhook_delivery_dedupe"),
        Index("ix_webhook_delivery_order", "connection_id", "order_id"),
        Index("ix_webhook_delivery_received", "received_at"),
    )
    id: int | None = id_column()
    connection_id: int = connection_column()
    dedupe: str = Field(sa_column=Column(Text, nullable=False))
    scope: str = text_column()
    order_id: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    event_at: datetime | None = time_column(nullable=True)
    received_at: datetime = time_column()
    body: str = text_column()


class StoreOrderRow(SQLModel, table=True):
    """One order of the store: what the queue and the lists need. The snapshot is in `order_snapshot`."""

    __tablename__ = "store_order"
    __table_args__ = (
        Index("ix_store_order_due", "state", "background", "due_at"),
        Index("ix_store_order_lease", "state", "lease_until"),
        Index("ix_store_order_connection_due", "connection_id", "state", "background", "due_at"),
        Index("ix_store_order_look", "connection_id", "look_at"),
        Index(
            "ix_store_order_backfill",
            "backfill",
            "state",
            sqlite_where=text("backfill IS NOT NULL"),
            postgresql_where=text("backfill IS NOT NULL"),
        ),
        Index("ix_store_order_state", "state", "placed_at"),
        Index("ix_store_order_placed", "placed_at", "order_id", "connection_id"),
        Index("ix_store_order_buyer", "connection_id", "buyer_key"),
        Index("ix_store_order_reason", "connection_id", "state", "reason"),
        Index(
            "ix_store_order_problem",
            *("state", "connection_id", "reason", "cause", "order_id", "first_seen_at"),
            sqlite_where=text("state = 'waiting' OR state = 'failed'"),
            postgresql_where=text("state = 'waiting' OR state = 'failed'"),
        ),
    )
    connection_id: int = connection_column(primary_key=True)
    order_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    state: str = text_column()
    reason: str = text_column()
    due_at: datetime | None = time_column(nullable=True)
    generation: int = integer_column()
    done_generation: int = integer_column()
    lease_owner: str = text_column()
    lease_fence: int = integer_column()
    lease_until: datetime | None = time_column(nullable=True)
    attempts: int = integer_column()
    first_seen_at: datetime = time_column()
    found_by: str = text_column()
    placed_at: datetime | None = time_column(nullable=True)
    modified_at: datetime | None = time_column(nullable=True)
    fetched_at: datetime | None = time_column(nullable=True)
    status_id: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    email: str = text_column()
    buyer_key: str = text_column()
    buyer_name: str = text_column()
    ifs_customer: str = text_column()
    total: Decimal | None = Field(default=None, sa_column=Column(Amount(), nullable=True))
    currency: str = text_column()
    ifs_order_no: str = text_column()
    error: str = text_column()
    remedy: str = text_column()
    cause: str = text_column()
    problems: str = text_column("[]")
    warnings: str = text_column("[]")
    synced_at: datetime | None = time_column(nullable=True)
    #: paid in full, every unit consumed, balance 0.00; unknown while no vouchers are made
    settled: bool | None = Field(default=None, sa_column=Column(Boolean, nullable=True))
    #: due without hurry, as from a backfill: orders that are not go first
    background: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    #: when it is looked at again although nothing tells of a change; None: never
    look_at: datetime | None = time_column(nullable=True)
    #: the backfill that named it last
    backfill: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))


class BackfillRow(SQLModel, table=True):
    """One backfill: what it was asked for, and how far it has read. `reached` is the highest order number done with."""

    __tablename__ = "backfill"
    id: int | None = Field(default=None, primary_key=True)
    connection_id: int = connection_column()
    since: datetime | None = time_column(nullable=True)
    until: datetime | None = time_column(nullable=True)
    orders: str = text_column("[]")
    reached: int = integer_column()
    seen: int = integer_column()
    marked: int = integer_column()
    calls: int = integer_column()
    actor: str = text_column()
    started_at: datetime = time_column()
    ended_at: datetime | None = time_column(nullable=True)


class OrderListingRow(SQLModel, table=True):
    """What a list page showed of an order (domain JSON): for a quarter of an hour its look need not read that again."""

    __tablename__ = "order_listing"
    __table_args__ = (Index("ix_order_listing_fetched", "fetched_at"),)
    connection_id: int = connection_column(primary_key=True)
    order_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    fetched_at: datetime = time_column()
    snapshot: str = text_column()


class OrderSnapshotRow(SQLModel, table=True):
    """The order as last read from the store (domain JSON). Apart from the queue row, which stays small and hot."""

    __tablename__ = "order_snapshot"
    connection_id: int = connection_column(primary_key=True)
    order_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    fetched_at: datetime = time_column()
    snapshot: str = text_column()


webhook_delivery = table_of(WebhookDeliveryRow)
store_order = table_of(StoreOrderRow)
backfill = table_of(BackfillRow)
order_listing = table_of(OrderListingRow)
order_snapshot = table_of(OrderSnapshotRow)
