"""Every table of the store, as SQLModel classes: they define the schema; queries are SQLAlchemy Core elsewhere.

A change here needs a migration (store/migrations); a test compares the two on both databases.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlmodel import Field, SQLModel

from bcifs_console.store.columns import Amount, UtcTime


def _time(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(UtcTime(), nullable=nullable))


def _text(default: str = "") -> Any:
    return Field(default=default, sa_column=Column(Text, nullable=False, server_default=default))


def _big(default: int = 0) -> Any:
    return Field(default=default, sa_column=Column(BigInteger, nullable=False, server_default=str(default)))


def _id() -> Any:
    # INTEGER, not BIGINT, on SQLite: only that is the rowid alias which counts up by itself.
    return Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )


def _connection(*, primary_key: bool = False) -> Any:
    return Field(sa_column=Column(Integer, ForeignKey("connection.id"), nullable=False, primary_key=primary_key))


class ConnectionRow(SQLModel, table=True):
    """One BigCommerce store tied to one IFS company; `config` is its settings as JSON, without secrets."""

    __tablename__ = "connection"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    token: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    config: str = _text()
    created_at: datetime = _time()
    removed_at: datetime | None = _time(nullable=True)


class SecretRow(SQLModel, table=True):
    """A secret, sealed by the vault. Never shown, never logged."""

    __tablename__ = "secret"
    connection_id: int = _connection(primary_key=True)
    field: str = Field(sa_column=Column(Text, primary_key=True))
    envelope: str = _text()
    updated_at: datetime = _time()


class WebhookDeliveryRow(SQLModel, table=True):
    """One accepted webhook request; refused ones are only counted."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("connection_id", "dedupe", name="uq_webhook_delivery_dedupe"),
        Index("ix_webhook_delivery_order", "connection_id", "order_id"),
        Index("ix_webhook_delivery_received", "received_at"),
    )
    id: int | None = _id()
    connection_id: int = _connection()
    dedupe: str = Field(sa_column=Column(Text, nullable=False))
    scope: str = _text()
    order_id: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    event_at: datetime | None = _time(nullable=True)
    received_at: datetime = _time()
    body: str = _text()


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
    connection_id: int = _connection(primary_key=True)
    order_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    state: str = _text()
    reason: str = _text()
    due_at: datetime | None = _time(nullable=True)
    generation: int = _big()
    done_generation: int = _big()
    lease_owner: str = _text()
    lease_fence: int = _big()
    lease_until: datetime | None = _time(nullable=True)
    attempts: int = _big()
    first_seen_at: datetime = _time()
    found_by: str = _text()
    placed_at: datetime | None = _time(nullable=True)
    modified_at: datetime | None = _time(nullable=True)
    fetched_at: datetime | None = _time(nullable=True)
    status_id: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    email: str = _text()
    buyer_key: str = _text()
    buyer_name: str = _text()
    ifs_customer: str = _text()
    total: Decimal | None = Field(default=None, sa_column=Column(Amount(), nullable=True))
    currency: str = _text()
    ifs_order_no: str = _text()
    error: str = _text()
    remedy: str = _text()
    cause: str = _text()
    problems: str = _text("[]")
    warnings: str = _text("[]")
    synced_at: datetime | None = _time(nullable=True)
    #: paid in full, every unit consumed, balance 0.00; unknown while no vouchers are made
    settled: bool | None = Field(default=None, sa_column=Column(Boolean, nullable=True))
    #: due without hurry, as from a backfill: orders that are not go first
    background: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    #: when it is looked at again although nothing tells of a change; None: never
    look_at: datetime | None = _time(nullable=True)
    #: the backfill that named it last
    backfill: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))


class BackfillRow(SQLModel, table=True):
    """One backfill: what it was asked for, and how far it has read. `reached` is the highest order number done with."""

    __tablename__ = "backfill"
    id: int | None = Field(default=None, primary_key=True)
    connection_id: int = _connection()
    since: datetime | None = _time(nullable=True)
    until: datetime | None = _time(nullable=True)
    orders: str = _text("[]")
    reached: int = _big()
    seen: int = _big()
    marked: int = _big()
    calls: int = _big()
    actor: str = _text()
    started_at: datetime = _time()
    ended_at: datetime | None = _time(nullable=True)


class OrderListingRow(SQLModel, table=True):
    """What a list page showed of an order (domain JSON): for a quarter of an hour its look need not read that again."""

    __tablename__ = "order_listing"
    __table_args__ = (Index("ix_order_listing_fetched", "fetched_at"),)
    connection_id: int = _connection(primary_key=True)
    order_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    fetched_at: datetime = _time()
    snapshot: str = _text()


class OrderSnapshotRow(SQLModel, table=True):
    """The order as last read from the store (domain JSON). Apart from the queue row, which stays small and hot."""

    __tablename__ = "order_snapshot"
    connection_id: int = _connection(primary_key=True)
    order_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    fetched_at: datetime = _time()
    snapshot: str = _text()


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
    id: int | None = _id()
    connection_id: int = _connection()
    subject: str = _text()
    kind: str = _text()
    key: str = _text()
    state: str = _text()
    fact_hash: str = _text()
    amount: Decimal = Field(sa_column=Column(Amount(), nullable=False))
    currency: str = _text()
    reference: str = _text()
    etag: str = _text()
    draft: str = _text()
    warnings: str = _text("[]")
    error: str = _text()
    created_at: datetime = _time()
    confirmed_at: datetime | None = _time(nullable=True)
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
    state: str = _text()
    reference: str = _text()
    sent_at: datetime | None = _time(nullable=True)
    deadline_at: datetime | None = _time(nullable=True)
    look_ups: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    sends: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    error: str = _text()


class EditAnswerRow(SQLModel, table=True):
    """What a person said to an order that was edited after it was sent. Another answer is another row."""

    __tablename__ = "edit_answer"
    __table_args__ = (Index("ix_edit_answer_order", "connection_id", "order_id", "id"),)
    id: int | None = _id()
    connection_id: int = _connection()
    order_id: int = _big()
    at: datetime = _time()
    actor: str = _text()
    choice: str = _text()
    answer: str = _text("{}")


class VoucherBatchRow(SQLModel, table=True):
    """One file of the outbox: vouchers that go to IFS as a text batch (transport `external_file`)."""

    __tablename__ = "voucher_batch"
    connection_id: int = _connection(primary_key=True)
    number: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    state: str = _text()
    file_name: str = _text()
    sha256: str = _text()
    made_at: datetime = _time()


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
    connection_id: int = _connection(primary_key=True)
    day: date = Field(sa_column=Column(Date, primary_key=True))
    currency: str = Field(sa_column=Column(Text, primary_key=True))
    kind: str = Field(sa_column=Column(Text, primary_key=True))
    store_count: int = _big()
    store_sum: Decimal = Field(sa_column=Column(Amount(), nullable=False))
    ifs_count: int = _big()
    ifs_sum: Decimal = Field(sa_column=Column(Amount(), nullable=False))
    verdict: str = _text()
    differences: str = _text("[]")
    made_at: datetime = _time()
    outdated: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))


class DecisionRow(SQLModel, table=True):
    """A question about a buyer, and its answer. `action` is empty while it is open."""

    __tablename__ = "decision"
    __table_args__ = (
        UniqueConstraint("connection_id", "buyer_key", name="uq_decision_buyer"),
        Index("ix_decision_open", "action", "asked_at"),
        Index("ix_decision_answered", "decided_at"),
    )
    id: int | None = _id()
    connection_id: int = _connection()
    buyer_key: str = _text()
    email: str = _text()
    name: str = _text()
    question: str = _text()
    candidates: str = _text("[]")
    action: str = _text()
    customer_id: str = _text()
    note: str = _text()
    actor: str = _text()
    asked_at: datetime = _time()
    decided_at: datetime | None = _time(nullable=True)
    #: of a decision to create: the customer as it was shown to the person who decided (domain JSON), without its id
    draft: str = _text()


class CustomerLinkRow(SQLModel, table=True):
    """Buyer → IFS customer. Filled by every successful look-up, creation and decision."""

    __tablename__ = "customer_link"
    connection_id: int = _connection(primary_key=True)
    buyer_key: str = Field(sa_column=Column(Text, primary_key=True))
    customer_id: str = _text()
    source: str = _text()
    note: str = _text()
    created_at: datetime = _time()


class CustomerLookupRow(SQLModel, table=True):
    """What IFS answered when it was last asked for an e-mail: `[[customer, name], …]`."""

    __tablename__ = "customer_lookup"
    connection_id: int = _connection(primary_key=True)
    email: str = Field(sa_column=Column(Text, primary_key=True))
    found: str = _text("[]")
    looked_at: datetime = _time()


class DirectoryCustomerRow(SQLModel, table=True):
    """A customer of IFS as the crawl last saw it. `crawl`: the number of that crawl."""

    __tablename__ = "directory_customer"
    __table_args__ = (Index("ix_directory_customer_crawl", "connection_id", "crawl"),)
    connection_id: int = _connection(primary_key=True)
    customer_id: str = Field(sa_column=Column(Text, primary_key=True))
    name: str = _text()
    crawl: int = _big()


class CustomerKeyRow(SQLModel, table=True):
    """What a customer may be found by: `kind` email, domain, phone or word. `origin`: "" for the crawl, else the
    decision that tied a buyer with this key to the customer."""

    __tablename__ = "customer_key"
    __table_args__ = (Index("ix_customer_key_customer", "connection_id", "customer_id"),)
    connection_id: int = _connection(primary_key=True)
    kind: str = Field(sa_column=Column(Text, primary_key=True))
    value: str = Field(sa_column=Column(Text, primary_key=True))
    customer_id: str = Field(sa_column=Column(Text, primary_key=True))
    origin: str = Field(sa_column=Column(Text, primary_key=True))


class DirectoryCrawlRow(SQLModel, table=True):
    """How far the crawl of a connection's customers got; `ended_at` is empty while one is under way."""

    __tablename__ = "directory_crawl"
    connection_id: int = _connection(primary_key=True)
    number: int = _big()
    after: str = _text()
    seen: int = _big()
    started_at: datetime = _time()
    ended_at: datetime | None = _time(nullable=True)
    #: of the last crawl that came to its end
    customers: int = _big()
    completed_at: datetime | None = _time(nullable=True)


class MappingRuleRow(SQLModel, table=True):
    """A mapping rule. Never changed: a new version is a new row and the old one is retired."""

    __tablename__ = "mapping_rule"
    __table_args__ = (Index("ix_mapping_rule_in_force", "connection_id", "retired_at"),)
    id: int | None = _id()
    connection_id: int = _connection()
    purpose: str = _text()
    position: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    conditions: str = _text("[]")
    result: str = _text()
    version: int = Field(default=1, sa_column=Column(Integer, nullable=False))
    author: str = _text()
    reason: str = _text()
    created_at: datetime = _time()
    retired_at: datetime | None = _time(nullable=True)


class MappingReleaseRow(SQLModel, table=True):
    """Orders that wait for a rule that was saved since: who is let go first, and who after it. One a connection."""

    __tablename__ = "mapping_release"
    connection_id: int = _connection(primary_key=True)
    state: str = _text()
    #: the rules by which the orders came to wait, as JSON
    before: str = _text("[]")
    actor: str = _text()
    reason: str = _text()
    saved_at: datetime = _time()
    canary: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    #: what the canary may still wait for, as the rules are
    foreseen: str = _text("[]")
    #: the orders that go after the canary
    orders: str = _text("[]")
    note: str = _text()


class CursorRow(SQLModel, table=True):
    """How far a poller has read."""

    __tablename__ = "cursor"
    connection_id: int = _connection(primary_key=True)
    name: str = Field(sa_column=Column(Text, primary_key=True))
    value: str = _text()
    updated_at: datetime = _time()


class HookRow(SQLModel, table=True):
    """A webhook registration of ours, as last seen on BigCommerce."""

    __tablename__ = "hook"
    connection_id: int = _connection(primary_key=True)
    scope: str = Field(sa_column=Column(Text, primary_key=True))
    hook_id: int = _big()
    destination: str = _text()
    is_active: bool = Field(default=True)
    state: str = _text()
    cause: str = _text()
    last_delivery_at: datetime | None = _time(nullable=True)
    checked_at: datetime | None = _time(nullable=True)
    since: datetime | None = _time(nullable=True)
    #: what was done about it last
    action: str = _text()


class HookSampleRow(SQLModel, table=True):
    """How many deliveries of ten seconds had this outcome. Kept for a day."""

    __tablename__ = "hook_sample"
    connection_id: int = _connection(primary_key=True)
    at: datetime = Field(sa_column=Column(UtcTime(), primary_key=True))
    outcome: str = Field(sa_column=Column(Text, primary_key=True))
    number: int = _big()


class WebhookHealthRow(SQLModel, table=True):
    """How a connection's webhooks are as a whole. `registered`: a person wanted them; only then they are repaired."""

    __tablename__ = "webhook_health"
    connection_id: int = _connection(primary_key=True)
    registered: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    state: str = _text()
    findings: str = _text("[]")
    action: str = _text()
    since: datetime | None = _time(nullable=True)
    #: the watcher's last look, and the last one that the store answered
    looked_at: datetime | None = _time(nullable=True)
    checked_at: datetime | None = _time(nullable=True)
    listener_seen_at: datetime | None = _time(nullable=True)
    #: the first and the last failure of those that BigCommerce may still be repeating
    failing_since: datetime | None = _time(nullable=True)
    failed_at: datetime | None = _time(nullable=True)
    repaired_at: datetime | None = _time(nullable=True)


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
    id: int | None = _id()
    connection_id: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    at: datetime = _time()
    level: str = _text()
    title: str = _text()
    body: str = _text()
    attempts: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    tried_at: datetime | None = _time(nullable=True)
    settled_at: datetime | None = _time(nullable=True)
    error: str = _text()


class BreakerRow(SQLModel, table=True):
    """A paused side of a connection, with the cause. No row, or `closed`: work goes on."""

    __tablename__ = "breaker"
    connection_id: int = _connection(primary_key=True)
    side: str = Field(sa_column=Column(Text, primary_key=True))
    state: str = _text("closed")
    cause: str = _text()
    remedy: str = _text()
    failures: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    opened_at: datetime | None = _time(nullable=True)
    probe_at: datetime | None = _time(nullable=True)


class PauseRow(SQLModel, table=True):
    """A connection that a person paused: no order of it is taken up until it is resumed."""

    __tablename__ = "pause"
    connection_id: int = _connection(primary_key=True)
    actor: str = _text()
    note: str = _text()
    since: datetime = _time()


class GroupRetryRow(SQLModel, table=True):
    """A group of orders with one cause that a person wants tried again: one first, the rest when it got through."""

    __tablename__ = "group_retry"
    connection_id: int = _connection(primary_key=True)
    kind: str = Field(sa_column=Column(Text, primary_key=True))
    cause: str = Field(sa_column=Column(Text, primary_key=True))
    state: str = _text()
    canary: int = _big()
    #: the orders that go after the canary, as JSON
    orders: str = _text("[]")
    actor: str = _text()
    note: str = _text()
    asked_at: datetime = _time()


class LeaseRow(SQLModel, table=True):
    """A lease on something that is not an order: `buyer:1:customer:17`, `poller:1`."""

    __tablename__ = "lease"
    name: str = Field(sa_column=Column(Text, primary_key=True))
    owner: str = _text()
    fence: int = _big()
    until: datetime = _time()


class SequenceRow(SQLModel, table=True):
    """Numbers of ours, for keys that are stored before the call."""

    __tablename__ = "sequence"
    connection_id: int = _connection(primary_key=True)
    name: str = Field(sa_column=Column(Text, primary_key=True))
    value: int = _big()


class JournalRow(SQLModel, table=True):
    """Audit and activity, append-only. `seal_id` ties a row to the hash chain."""

    __tablename__ = "journal"
    __table_args__ = (
        Index("ix_journal_subject", "connection_id", "subject", "id"),
        Index("ix_journal_seal", "seal_id", "id"),
    )
    id: int | None = _id()
    at: datetime = _time()
    actor: str = _text()
    connection_id: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    subject: str = _text()
    event: str = _text()
    detail: str = _text("{}")
    seal_id: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))


class JournalSealRow(SQLModel, table=True):
    """One sealed batch of the journal: the hash of its rows chained to the seal before it."""

    __tablename__ = "journal_seal"
    id: int | None = _id()
    at: datetime = _time()
    first_id: int = _big()
    last_id: int = _big()
    rows: int = _big()
    digest: str = _text()


class ChangeRow(SQLModel, table=True):
    """The console's feed: something about `subject` has changed; look again."""

    __tablename__ = "change"
    id: int | None = _id()
    at: datetime = _time()
    connection_id: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    kind: str = _text()
    subject: str = _text()


class CounterRow(SQLModel, table=True):
    """Insert-only deltas, folded by the sealer: counting never waits for another writer's row."""

    __tablename__ = "counter"
    __table_args__ = (Index("ix_counter_name", "name", "label"),)
    id: int | None = _id()
    name: str = _text()
    label: str = _text()
    connection_id: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    delta: int = _big()


class HeartbeatRow(SQLModel, table=True):
    """A living process of ours; stale after ten seconds."""

    __tablename__ = "heartbeat"
    owner: str = Field(sa_column=Column(Text, primary_key=True))
    role: str = _text()
    started_at: datetime = _time()
    beat_at: datetime = _time()
    detail: str = _text("{}")


def table_of(model: type[SQLModel]) -> Table:
    """The Core table behind a SQLModel class."""
    return cast(Table, getattr(model, "__table__"))  # noqa: B009 - mypy does not know the attribute


connection = table_of(ConnectionRow)
secret = table_of(SecretRow)
webhook_delivery = table_of(WebhookDeliveryRow)
store_order = table_of(StoreOrderRow)
order_snapshot = table_of(OrderSnapshotRow)
order_listing = table_of(OrderListingRow)
backfill = table_of(BackfillRow)
document = table_of(DocumentRow)
document_part = table_of(DocumentPartRow)
edit_answer = table_of(EditAnswerRow)
voucher_batch = table_of(VoucherBatchRow)
reconciliation = table_of(ReconciliationRow)
decision = table_of(DecisionRow)
customer_link = table_of(CustomerLinkRow)
customer_lookup = table_of(CustomerLookupRow)
directory_customer = table_of(DirectoryCustomerRow)
customer_key = table_of(CustomerKeyRow)
directory_crawl = table_of(DirectoryCrawlRow)
mapping_rule = table_of(MappingRuleRow)
mapping_release = table_of(MappingReleaseRow)
cursor = table_of(CursorRow)
hook = table_of(HookRow)
hook_sample = table_of(HookSampleRow)
webhook_health = table_of(WebhookHealthRow)
alert = table_of(AlertRow)
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
metadata = SQLModel.metadata
