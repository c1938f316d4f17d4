"""Webhook health: acknowledgements in samples, each connection's state, and alerts."""

import sqlalchemy as sa
from alembic import op

from bcifs_console.store.columns import UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_UNSENT = sa.text("settled_at IS NULL")


def upgrade() -> None:
    op.add_column("hook", sa.Column("since", UtcTime(), nullable=True))
    op.add_column("hook", sa.Column("action", sa.Text(), server_default="", nullable=False))
    op.create_table(
        "hook_sample",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"]),
        sa.PrimaryKeyConstraint("connection_id", "at", "outcome"),
    )
    op.create_table(
        "webhook_health",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("registered", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("findings", sa.Text(), server_default="[]", nullable=False),
        sa.Column("action", sa.Text(), server_default="", nullable=False),
        sa.Column("since", UtcTime(), nullable=True),
        sa.Column("looked_at", UtcTime(), nullable=True),
        sa.Column("checked_at", UtcTime(), nullable=True),
        sa.Column("listener_seen_at", UtcTime(), nullable=True),
        sa.Column("failing_since", UtcTime(), nullable=True),
        sa.Column("failed_at", UtcTime(), nullable=True),
        sa.Column("repaired_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"]),
        sa.PrimaryKeyConstraint("connection_id"),
    )
    op.create_table(
        "alert",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=True),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("level", sa.Text(), server_default="", nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tried_at", UtcTime(), nullable=True),
        sa.Column("settled_at", UtcTime(), nullable=True),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_alert_unsettled", "alert", ["id"], unique=False, sqlite_where=_UNSENT, postgresql_where=_UNSENT)
    # Who has registered webhooks wants them watched over from now on.
    op.execute(
        "INSERT INTO webhook_health (connection_id, registered, state)"
        " SELECT DISTINCT connection_id, TRUE, '' FROM hook WHERE hook_id != 0"
    )
