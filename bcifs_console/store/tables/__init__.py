"""Every table of the store, as SQLModel classes: they define the schema; queries are SQLAlchemy Core elsewhere.

A change here needs a migration (store/migrations); a test compares the two on both databases.
"""

from sqlmodel import SQLModel

from bcifs_console.store.tables.connections import connection, secret
from bcifs_console.store.tables.customers import (
    customer_key,
    customer_link,
    customer_lookup,
    decision,
    directory_crawl,
    directory_customer,
)
from bcifs_console.store.tables.ledger import document, document_part, edit_answer, reconciliation, voucher_batch
from bcifs_console.store.tables.mapping import mapping_release, mapping_rule
from bcifs_console.store.tables.orders import backfill, order_listing, order_snapshot, store_order, webhook_delivery
from bcifs_console.store.tables.running import (
    breaker,
    change,
    counter,
    group_retry,
    heartbeat,
    journal,
    journal_seal,
    lease,
    pause,
    sequence,
)
from bcifs_console.store.tables.webhooks import alert, cursor, hook, hook_sample, webhook_health

metadata = SQLModel.metadata

__all__ = [
    "alert",
    "backfill",
    "breaker",
    "change",
    "connection",
    "counter",
    "cursor",
    "customer_key",
    "customer_link",
    "customer_lookup",
    "decision",
    "directory_crawl",
    "directory_customer",
    "document",
    "document_part",
    "edit_answer",
    "group_retry",
    "heartbeat",
    "hook",
    "hook_sample",
    "journal",
    "journal_seal",
    "lease",
    "mapping_release",
    "mapping_rule",
    "metadata",
    "order_listing",
    "order_snapshot",
    "pause",
    "reconciliation",
    "secret",
    "sequence",
    "store_order",
    "voucher_batch",
    "webhook_delivery",
    "webhook_health",
]
