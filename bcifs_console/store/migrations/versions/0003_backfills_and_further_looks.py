"""Backfills, what list pages showed, orders due without hurry, and when an order is looked at again unasked."""

import sqlalchemy as sa
from alembic import op

from bcifs_console.store.columns import UtcTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NAMED = sa.text("backfill IS NOT NULL")


def upgrade() -> None:
    op.add_column("store_order", sa.Column("background", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("store_order", sa.Column("look_at", UtcTime(), nullable=True))
    op.add_column("store_order", sa.Column("backfill", sa.Integer(), nullable=True))
    # Orders that are in IFS already and not settled are looked at too: at once, and then at the pace of their age.
    op.execute("UPDATE store_order SET look_at = synced_at WHERE ifs_order_no != '' AND settled IS NOT TRUE")
    op.drop_index("ix_store_order_due", "store_order")
    op.drop_index("ix_store_order_connection_due", "store_order")
    op.create_index("ix_store_order_due", "store_order", ["state", "background", "due_at"], unique=False)
    op.create_index(
        "ix_store_order_connection_due", "store_order", ["connection_id", "state", "background", "due_at"], unique=False
    )
    op.create_index("ix_store_order_look", "store_order", ["connection_id", "look_at"], unique=False)
    op.create_index(
        "ix_store_order_backfill",
        "store_order",
        ["backfill", "state"],
        unique=False,
        sqlite_where=_NAMED,
        postgresql_where=_NAMED,
    )
    op.create_table(
        "backfill",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("since", UtcTime(), nullable=True),
        sa.Column("until", UtcTime(), nullable=True),
        sa.Column("orders", sa.Text(), server_default="[]", nullable=False),
        sa.Column("reached", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("seen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("marked", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("calls", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("actor", sa.Text(), server_default="", nullable=False),
        sa.Column("started_at", UtcTime(), nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "order_listing",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("fetched_at", UtcTime(), nullable=False),
        sa.Column("snapshot", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"]),
        sa.PrimaryKeyConstraint("connection_id", "order_id"),
    )
    op.create_index("ix_order_listing_fetched", "order_listing", ["fetched_at"], unique=False)
