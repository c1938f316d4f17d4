"""Answering an edit: what it refuses, and when (ACCOUNTING §1). What answers mean is `accounting`'s, tested there."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.base.settings import load_settings
from bcifs_console.domain.codec import encode
from bcifs_console.domain.edits import EditChoice
from bcifs_console.domain.orders import Order
from bcifs_console.domain.states import OrderState, Outcome
from bcifs_console.operations import order_edits
from bcifs_console.operations.context import Context
from bcifs_console.operations.order_edits import NotAdoptable
from bcifs_console.operations.order_faults import OrderBusy
from bcifs_console.store import edits, queue
from bcifs_console.store.database import Database
from bcifs_console.store.opening import Store
from bcifs_console.store.vault import Vault
from tests.accounting.bookkeeping import BOOK_RULES, BOOKS, lived, shipment, tender
from tests.accounting.building import PLACED, line, order
from tests.conftest import AddConnection
from tests.operations.stored_orders import keep

#: Two shirts, both of them out; then they cost more.
SHIPPED = lived(
    order([line(1, ex="200", inc="240", quantity=2)], inc="240", tax="40"),
    tenders=(tender(44, "240"),),
    shipments=(shipment(62, 2, line_1=2),),
)
DEARER = lived(
    order([line(1, ex="250", inc="300", quantity=2)], inc="300", tax="50"),
    tenders=SHIPPED.tenders,
    shipments=SHIPPED.shipments,
)


@pytest.fixture
def context(
    database: Database, clock: ManualClock, vault: Vault, tmp_path: Path, add_connection: AddConnection
) -> Context:
    """An installation that sent the order, before the store edited it."""
    connection_id = add_connection(database, policy=BOOKS)
    keep(database, connection_id, (SHIPPED,), BOOK_RULES, BOOKS, posted=True)
    show(database, connection_id, DEARER)
    return Context(load_settings(home=tmp_path), Store(tmp_path, database, vault), clock, "dana")


def show(database: Database, connection_id: int, now: Order) -> None:
    shown = encode(replace(now, id=SHIPPED.id))
    database.write_sync(lambda tx: queue.put_snapshot(tx, connection_id, SHIPPED.id, shown, PLACED))


def answered(context: Context) -> int:
    """How many answers are written down."""
    return len(context.store.database.read_sync(lambda conn: edits.of_order(conn, context.connection_id(None), 5001)))


def test_nothing_is_answered_while_a_look_may_book_by_what_counted_before(context: Context) -> None:
    database = context.store.database
    order_edits.answer(context, SHIPPED.id, EditChoice.KEEP, connection=None)
    (held,) = database.write_sync(lambda tx: queue.claim(tx, "w", limit=1, lease=timedelta(minutes=1)))
    with pytest.raises(OrderBusy, match="worked on right now"):
        order_edits.answer(context, SHIPPED.id, EditChoice.BY_HAND, connection=None, reference="M-1")
    assert answered(context) == 1
    database.write_sync(lambda tx: queue.finish(tx, held, Outcome(OrderState.SYNCED), actor="w"))
    order_edits.answer(context, SHIPPED.id, EditChoice.BY_HAND, connection=None, reference="M-1")
    assert answered(context) == 2


def test_what_would_leave_money_held_for_ever_cannot_be_adopted(context: Context) -> None:
    with pytest.raises(NotAdoptable, match="all of line 1 is booked"):
        order_edits.answer(context, SHIPPED.id, EditChoice.ADOPT, connection=None)
    assert answered(context) == 0
