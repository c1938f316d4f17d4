"""The ledger: documents with their calls, answers to edits, batches, and how the days compared."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    false,
    text,
)
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


class DocumentRow(SQLModel, table=True):
    """The ledger: one row per IFS business object that exists or may exist."""

    __tablename__ = "document"
    __table_args__ = (
        UniqueConstraint("connection_id", "kind", "key", name="uq_document_key"),
        Index("ix_document_subject", "connection_id", "subject"),
        Index("ix_document_reference", "reference"),
        Index("ix_document_state", "state"),
        Index("ix_document_day", "connection_id", "kind", "day"),
        Index("ix_document_batch", "connection_id", "batch"),
    )
    id: int | None = id_column()
    connection_id: int = connection_column()
    subject: str = text_column()
    kind: str = text_column()
    key: str = text_column()
    state: str = text_column()
    fact_hash: str = text_column()
    amount: Decimal = Field(sa_column=Column(Amount(), nullable=False))
    currency: str = text_column()
    reference: str = text_column()
    etag: str = text_column()
    draft: str = text_column()
    warnings: str = text_column("[]")
    error: str = text_column()
    created_at: datetime = time_column()
    confirmed_at: datetime | None = time_column(nullable=True)
    #: of a voucher its date; None where the kind has none
    day: date | None = Field(default=None, sa_column=Column(Date, nullable=True))
    #: of a voucher that goes by file: the number of the batch it stands in
    batch: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))


class DocumentPartRow(SQLModel, table=True):
    """One call of a document: intended → sent → confirmed | unknown | failed."""

    __tablename__ = "document_part"
    __table_args__ = (Index("ix_document_part_state", "state"),)
    document_id: int = Field(
        sa_column=Column(
            BigInteger().with_variant(Integer, "sqlite"), ForeignKey("document.id"), primary_key=True, nullable=False
        )
    )
    name: str = Field(sa_column=Column(Text, primary_key=True))
    ordinal: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    state: str = text_column()
    reference: str = text_column()
    sent_at: datetime | None = time_column(nullable=True)
    deadline_at: datetime | None = time_column(nullable=True)
    look_ups: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    sends: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    error: str = text_column()


class EditAnswerRow(SQLModel, table=True):
    """What a person said to an order that was edited after it was sent. Another answer is another row."""

    __tablename__ = "edit_answer"
    __table_args__ = (Index("ix_edit_answer_order", "connection_id", "order_id", "id"),)
    id: int | None = id_column()
    connection_id: int = connection_column()
    order_id: int = integer_column()
    at: datetime = time_column()
    actor: str = text_column()
    choice: str = text_column()
    answer: str = text_column("{}")


class VoucherBatchRow(SQLModel, table=True):
    """One file of the outbox: vouchers that go to IFS as a text batch (transport `external_file`)."""

    __tablename__ = "voucher_batch"
    connection_id: int = connection_column(primary_key=True)
    number: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    state: str = text_column()
    file_name: str = text_column()
    sha256: str = text_column()
    made_at: datetime = time_column()


class ReconciliationRow(SQLModel, table=True):
    """How the books of one day agreed when they were last compared. `outdated`: something of that day came later."""

    __tablename__ = "reconciliation"
    __table_args__ = (
        Index(
            "ix_reconciliation_red",
            *("connection_id", "day"),
            sqlite_where=text("verdict = 'red'"),
            postgresql_where=text("verdict = 'red'"),
        ),
    )
    connection_id: int = connection_column(primary_key=True)
    day: date = Field(sa_column=Column(Date, primary_key=True))
    currency: str = Field(sa_column=Column(Text, primary_key=True))
    kind: str = Field(sa_column=Column(Text, primary_key=True))
    store_count: int = integer_column()
    store_sum: Decimal = Field(sa_column=Column(Amount(), nullable=False))
    ifs_count: int = integer_column()
    ifs_sum: Decimal = Field(sa_column=Column(Amount(), nullable=False))
    verdict: str = text_column()
    differences: str = text_column("[]")
    made_at: datetime = time_column()
    outdated: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))


document = table_of(DocumentRow)
document_part = table_of(DocumentPartRow)
edit_answer = table_of(EditAnswerRow)
voucher_batch = table_of(VoucherBatchRow)
reconciliation = table_of(ReconciliationRow)
