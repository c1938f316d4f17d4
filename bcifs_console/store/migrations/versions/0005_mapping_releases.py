"""Orders that are let go, one first, when the rule they wait for is saved."""

import sqlalchemy as sa
from alembic import op

from bcifs_console.store.columns import UtcTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mapping_release",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("before", sa.Text(), server_default="[]", nullable=False),
        sa.Column("actor", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("saved_at", UtcTime(), nullable=False),
        sa.Column("canary", sa.BigInteger(), nullable=True),
        sa.Column("foreseen", sa.Text(), server_default="[]", nullable=False),
        sa.Column("orders", sa.Text(), server_default="[]", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"]),
        sa.PrimaryKeyConstraint("connection_id"),
    )
