"""Connections that a person paused, groups of problems that are tried again, and the indexes that show both quickly."""

import sqlalchemy as sa
from alembic import op

from bcifs_console.store.columns import UtcTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_PROBLEMS = sa.text("state = 'waiting' OR state = 'failed'")
_RED = sa.text("verdict = 'red'")


def upgrade() -> None:
    op.create_table(
        "pause",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("actor", sa.Text(), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"]),
        sa.PrimaryKeyConstraint("connection_id"),
    )
    op.create_table(
        "group_retry",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("canary", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("orders", sa.Text(), server_default="[]", nullable=False),
        sa.Column("actor", sa.Text(), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("asked_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"]),
        sa.PrimaryKeyConstraint("connection_id", "kind", "cause"),
    )
    op.create_index(
        "ix_store_order_problem",
        "store_order",
        ["state", "connection_id", "reason", "cause", "order_id", "first_seen_at"],
        unique=False,
        sqlite_where=_PROBLEMS,
        postgresql_where=_PROBLEMS,
    )
    op.create_index(
        "ix_reconciliation_red",
        "reconciliation",
        ["connection_id", "day"],
        unique=False,
        sqlite_where=_RED,
        postgresql_where=_RED,
    )
