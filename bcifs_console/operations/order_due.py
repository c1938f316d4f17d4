"""Making orders due by hand. Apart from `orders`, which brings both clients along: to ask for a look takes neither."""

from collections.abc import Collection

from bcifs_console.domain.states import order_subject
from bcifs_console.operations.context import Context
from bcifs_console.store import intake, journal
from bcifs_console.store.database import Tx


def sync(context: Context, order_ids: Collection[int], *, connection: str | None) -> int:
    """Make the orders due now; unknown ones are taken on. Returns the connection's id."""
    connection_id = context.connection_id(connection)
    look_now(context, connection_id, order_ids)
    return connection_id


def look_now(context: Context, connection_id: int, order_ids: Collection[int]) -> None:
    """`sync` where the connection is known by its number."""

    def write(tx: Tx) -> None:
        intake.mark_due(tx, connection_id, order_ids, found_by="operator")
        for order_id in order_ids:
            journal.write(
                tx,
                "order.sync_asked",
                actor=context.actor,
                subject=order_subject(order_id),
                connection_id=connection_id,
            )

    context.store.database.write_sync(write)
