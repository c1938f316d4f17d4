"""What running processes need: breakers, pauses, leases, numbers, heartbeats; and the journal with its feed."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, Integer, Text
from sqlmodel import Field, SQLModel

from bcifs_console.store.tables.fields import (
    connection_column,
    id_column,
    integer_column,
    table_of,
    text_column,
    time_column,
)


class BreakerRow(SQLModel, table=True):
    """A paused side of a connection, with the cause. No row, or `closed`: work goes on."""

    __tablename__ = "breaker"
    connection_id: int = connection_column(primary_key=True)
    side: str = Field(sa_column=Column(Text, primary_key=True))
    state: str = text_column("closed")
    cause: str = text_column()
    remedy: str = text_column()
    failures: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    opened_at: datetime | None = time_column(nullable=True)
    probe_at: datetime | None = time_column(nullable=True)


class PauseRow(SQLModel, table=True):
    """A connection that a person paused: no order of it is taken up until it is resumed."""

    __tablename__ = "pause"
    connection_id: int = connection_column(primary_key=True)
    actor: str = text_column()
    note: str = text_column()
    since: datetime = time_column()


class GroupRetryRow(SQLModel, table=True):
    """A group of orders with one cause that a person wants tried again: one first, the rest when it got through."""

    __tablename__ = "group_retry"
    connection_id: int = connection_column(primary_key=True)
    kind: str = Field(sa_column=Column(Text, primary_key=True))
    cause: str = Field(sa_column=Column(Text, primary_key=True))
    state: str = text_column()
    canary: int = integer_column()
    #: the orders that go after the canary, as JSON
    orders: str = text_column("[]")
    actor: str = text_column()
    note: str = text_column()
    asked_at: datetime = time_column()


class LeaseRow(SQLModel, table=True):
    """A lease on something that is not an order: `buyer:1:customer:17`, `poller:1`."""

    __tablename__ = "lease"
    name: str = Field(sa_column=Column(Text, primary_key=True))
    owner: str = text_column()
    fence: int = integer_column()
    until: datetime = time_column()


class SequenceRow(SQLModel, table=True):
    """Numbers of ours, for keys that are stored before the call."""

    __tablename__ = "sequence"
    connection_id: int = connection_column(primary_key=True)
    name: str = Field(sa_column=Column(Text, primary_key=True))
    value: int = integer_column()


class JournalRow(SQLModel, table=True):
    """Audit and activity, append-only. `seal_id` ties a row to the hash chain."""

    __tablename__ = "journal"
    __table_args__ = (
        Index("ix_journal_subject", "connection_id", "subject", "id"),
        Index("ix_journal_seal", "seal_id", "id"),
    )
    id: int | None = id_column()
    at: datetime = time_column()
    actor: str = text_column()
    connection_id: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    subject: str = text_column()
    event: str = text_column()
    detail: str = text_column("{}")
    seal_id: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))


class JournalSealRow(SQLModel, table=True):
    """One sealed batch of the journal: the hash of its rows chained to the seal before it."""

    __tablename__ = "journal_seal"
    id: int | None = id_column()
    at: datetime = time_column()
    first_id: int = integer_column()
    last_id: int = integer_column()
    rows: int = integer_column()
    digest: str = text_column()


class ChangeRow(SQLModel, table=True):
    """The console's feed: something about `subject` has changed; look again."""

    __tablename__ = "change"
    id: int | None = id_column()
    at: datetime = time_column()
    connection_id: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    kind: str = text_column()
    subject: str = text_column()


class CounterRow(SQLModel, table=True):
    """Insert-only deltas, folded by the sealer: counting never waits for another writer's row."""

    __tablename__ = "counter"
    __table_args__ = (Index("ix_counter_name", "name", "label"),)
    id: int | None = id_column()
    name: str = text_column()
    label: str = text_column()
    connection_id: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    delta: int = integer_column()


class HeartbeatRow(SQLModel, table=True):
    """A living process of ours; stale after ten seconds."""

    __tablename__ = "heartbeat"
    owner: str = Field(sa_column=Column(Text, primary_key=True))
    role: str = text_column()
    started_at: datetime = time_column()
    beat_at: datetime = time_column()
    detail: str = text_column("{}")


breaker = table_of(BreakerRow)
pause = table_of(PauseRow)
group_retry = table_of(GroupRetryRow)
lease = table_of(LeaseRow)
sequence = table_of(SequenceRow)
journal = table_of(JournalRow)
journal_seal = table_of(JournalSealRow)
change = table_of(ChangeRow)
counter = table_of(CounterRow)
heartbeat = table_of(HeartbeatRow)
