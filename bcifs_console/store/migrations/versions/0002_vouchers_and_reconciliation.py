"""Vouchers by day and by batch, what a day's reconciliation found, and whether an order is settled."""

import sqlalchemy as sa
from alembic import op

from bcifs_console.store.columns import Amount, UtcTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Plain ADD COLUMN: every new column may be null, so neither database rewrites its rows.
    op.add_column("store_order", sa.Column("settled", sa.Boolean(), nullable=True))
    op.add_column("document", sa.Column("day", sa.Date(), nullable=True))
    op.add_column("document", sa.Column("batch", sa.Integer(), nullable=True))
    op.create_index("ix_document_day", "document", ["connection_id", "kind", "day"], unique=False)
    op.create_index("ix_document_batch", "document", ["connection_id", "batch"], unique=False)
    op.create_table(
        "voucher_batch",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("file_name", sa.Text(), server_default="", nullable=False),
        sa.Column("sha256", sa.Text(), server_default="", nullable=False),
        sa.Column("made_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"]),
        sa.PrimaryKeyConstraint("connection_id", "number"),
    )
    op.create_table(
        "reconciliation",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("store_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("store_sum", Amount(), nullable=False),
        sa.Column("ifs_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("ifs_sum", Amount(), nullable=False),
        sa.Column("verdict", sa.Text(), server_default="", nullable=False),
        sa.Column("differences", sa.Text(), server_default="[]", nullable=False),
        sa.Column("made_at", UtcTime(), nullable=False),
        sa.Column("outdated", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"]),
        sa.PrimaryKeyConstraint("connection_id", "day", "currency", "kind"),
    )
