"""Past orders come out of the store by pages, oldest first, with what was frozen of each."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from bcifs_console.domain.states import OrderState
from bcifs_console.store import past, queue
from bcifs_console.store.database import Tx
from bcifs_console.store.tables import document, store_order

if TYPE_CHECKING:
    from tests.conftest import AddConnection
    from tests.store.conftest import Bench

DAY = datetime(2026, 11, 1, tzinfo=UTC)


def keep(
    bench: "Bench",
    order_id: int,
    placed_at: datetime,
    *,
    state: OrderState = OrderState.SYNCED,
    draft: str = "",
    connection_id: int = 0,
    backfill: int | None = None,
) -> None:
    where = connection_id or bench.connection_id

    def write(tx: Tx) -> None:
        row = {"connection_id": where, "order_id": order_id, "state": state.value, "first_seen_at": tx.now}
        tx.conn.execute(store_order.insert().values(**row, placed_at=placed_at, ifs_customer="C1", backfill=backfill))
        queue.put_snapshot(tx, where, order_id, f"snapshot {order_id}", tx.now)
        if draft:
            common = {
                "connection_id": where,
                "subject": f"order:{order_id}",
                "amount": Decimal(1),
                "created_at": tx.now,
            }
            for kind, text in (("customer_order", draft), ("voucher", "a voucher")):
                tx.conn.execute(document.insert().values(**common, kind=kind, key=f"{order_id}/{kind}", draft=text))

    bench.database.write_sync(write)


def since(bench: "Bench", moment: datetime, page: int = 2) -> list[list[int]]:
    pages = bench.database.read_sync(lambda conn: list(past.since(conn, bench.connection_id, moment, page=page)))
    return [[kept.order_id for kept in of_page] for of_page in pages]


def test_orders_come_by_pages_oldest_first_and_each_once_however_many_share_a_moment(bench: "Bench") -> None:
    for order_id in (9, 3, 7, 1, 5):
        keep(bench, order_id, DAY)
    keep(bench, 2, DAY - timedelta(seconds=1))
    keep(bench, 4, DAY + timedelta(seconds=1))
    assert since(bench, DAY) == [[1, 3], [5, 7], [9, 4]]
    assert since(bench, DAY + timedelta(days=1)) == []


def test_orders_left_out_never_read_or_of_another_connection_do_not_come(
    bench: "Bench", add_connection: "AddConnection"
) -> None:
    keep(bench, 1, DAY)
    keep(bench, 2, DAY, state=OrderState.SKIPPED)
    keep(bench, 3, DAY, connection_id=add_connection(bench.database, "acme-eu"))
    bench.mark(4)
    assert since(bench, DAY) == [[1]]


def test_a_posted_order_brings_its_customer_orders_draft_and_how_it_came(bench: "Bench") -> None:
    keep(bench, 1, DAY, draft="the draft", backfill=7)
    keep(bench, 2, DAY)
    posted, read = bench.database.read_sync(lambda conn: past.of_orders(conn, bench.connection_id, [2, 1, 99]))
    assert (posted.snapshot, posted.draft, posted.customer_id, posted.is_named) == (
        "snapshot 1",
        "the draft",
        "C1",
        True,
    )
    assert (posted.placed_at, posted.fetched_at) == (DAY, bench.clock.now())
    assert (read.order_id, read.draft, read.is_named) == (2, "", False)
