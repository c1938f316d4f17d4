"""What a person says to an order that was edited after it was sent."""

import sqlalchemy as sa
from alembic import op

from bcifs_console.store.columns import UtcTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "edit_answer",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), autoincrement=True, nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("actor", sa.Text(), server_default="", nullable=False),
        sa.Column("choice", sa.Text(), server_default="", nullable=False),
        sa.Column("answer", sa.Text(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_edit_answer_order", "edit_answer", ["connection_id", "order_id", "id"])
