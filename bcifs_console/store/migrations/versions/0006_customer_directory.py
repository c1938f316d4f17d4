"""What is known of IFS's customers: answers of look-ups, the directory, its crawl; the draft behind a decision."""

import sqlalchemy as sa
from alembic import op

from bcifs_console.store.columns import UtcTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("decision", sa.Column("draft", sa.Text(), server_default="", nullable=False))
    op.create_table(
        "customer_lookup",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("found", sa.Text(), server_default="[]", nullable=False),
        sa.Column("looked_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"]),
        sa.PrimaryKeyConstraint("connection_id", "email"),
    )
    op.create_table(
        "directory_customer",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("crawl", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"]),
        sa.PrimaryKeyConstraint("connection_id", "customer_id"),
    )
    op.create_index("ix_directory_customer_crawl", "directory_customer", ["connection_id", "crawl"], unique=False)
    op.create_table(
        "customer_key",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"]),
        sa.PrimaryKeyConstraint("connection_id", "kind", "value", "customer_id", "origin"),
    )
    op.create_index("ix_customer_key_customer", "customer_key", ["connection_id", "customer_id"], unique=False)
    op.create_table(
        "directory_crawl",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("after", sa.Text(), server_default="", nullable=False),
        sa.Column("seen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("started_at", UtcTime(), nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.Column("customers", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("completed_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"]),
        sa.PrimaryKeyConstraint("connection_id"),
    )
