"""The index by day of placement holds the order's whole key: the console lists 100,000 orders without touching one."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_NAME = "ix_store_order_placed"


def upgrade() -> None:
    op.drop_index(_NAME, "store_order")
    op.create_index(_NAME, "store_order", ["placed_at", "order_id", "connection_id"])
