"""Buyers: questions and answers, what IFS knows of them, and the directory of its customers."""

from datetime import datetime

from sqlalchemy import Column, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from bcifs_console.store.tables.fields import (
    connection_column,
    id_column,
    integer_column,
    table_of,
    text_column,
    time_column,
)


class DecisionRow(SQLModel, table=True):
    """A question about a buyer, and its answer. `action` is empty while it is open."""

    __tablename__ = "decision"
    __table_args__ = (
        UniqueConstraint("connection_id", "buyer_key", name="uq_decision_buyer"),
        Index("ix_decision_open", "action", "asked_at"),
        Index("ix_decision_answered", "decided_at"),
    )
    id: int | None = id_column()
    connection_id: int = connection_column()
    buyer_key: str = text_column()
    email: str = text_column()
    name: str = text_column()
    question: str = text_column()
    candidates: str = text_column("[]")
    action: str = text_column()
    customer_id: str = text_column()
    note: str = text_column()
    actor: str = text_column()
    asked_at: datetime = time_column()
    decided_at: datetime | None = time_column(nullable=True)
    #: of a decision to create: the customer as it was shown to the person who decided (domain JSON), without its id
    draft: str = text_column()


class CustomerLinkRow(SQLModel, table=True):
    """Buyer → IFS customer. Filled by every successful look-up, creation and decision."""

    __tablename__ = "customer_link"
    connection_id: int = connection_column(primary_key=True)
    buyer_key: str = Field(sa_column=Column(Text, primary_key=True))
    customer_id: str = text_column()
    source: str = text_column()
    note: str = text_column()
    created_at: datetime = time_column()


class CustomerLookupRow(SQLModel, table=True):
    """What IFS answered when it was last asked for an e-mail: `[[customer, name], …]`."""

    __tablename__ = "customer_lookup"
    connection_id: int = connection_column(primary_key=True)
    email: str = Field(sa_column=Column(Text, primary_key=True))
    found: str = text_column("[]")
    looked_at: datetime = time_column()


class DirectoryCustomerRow(SQLModel, table=True):
    """A customer of IFS as the crawl last saw it. `crawl`: the number of that crawl."""

    __tablename__ = "directory_customer"
    __table_args__ = (Index("ix_directory_customer_crawl", "connection_id", "crawl"),)
    connection_id: int = connection_column(primary_key=True)
    customer_id: str = Field(sa_column=Column(Text, primary_key=True))
    name: str = text_column()
    crawl: int = integer_column()


class CustomerKeyRow(SQLModel, table=True):
    """What a customer may be found by: `kind` email, domain, phone or word. `origin`: "" for the crawl, else the
    decision that tied a buyer with this key to the customer."""

    __tablename__ = "customer_key"
    __table_args__ = (Index("ix_customer_key_customer", "connection_id", "customer_id"),)
    connection_id: int = connection_column(primary_key=True)
    kind: str = Field(sa_column=Column(Text, primary_key=True))
    value: str = Field(sa_column=Column(Text, primary_key=True))
    customer_id: str = Field(sa_column=Column(Text, primary_key=True))
    origin: str = Field(sa_column=Column(Text, primary_key=True))


class DirectoryCrawlRow(SQLModel, table=True):
    """How far the crawl of a connection's customers got; `ended_at` is empty while one is under way."""

    __tablename__ = "directory_crawl"
    connection_id: int = connection_column(primary_key=True)
    number: int = integer_column()
    after: str = text_column()
    seen: int = integer_column()
    started_at: datetime = time_column()
    ended_at: datetime | None = time_column(nullable=True)
    #: of the last crawl that came to its end
    customers: int = integer_column()
    completed_at: datetime | None = time_column(nullable=True)


decision = table_of(DecisionRow)
customer_link = table_of(CustomerLinkRow)
customer_lookup = table_of(CustomerLookupRow)
directory_customer = table_of(DirectoryCustomerRow)
customer_key = table_of(CustomerKeyRow)
directory_crawl = table_of(DirectoryCrawlRow)
