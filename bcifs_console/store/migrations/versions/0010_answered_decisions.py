"""Answered decisions, newest first: an index for the console's list of them."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_decision_answered", "decision", ["decided_at"], unique=False)
