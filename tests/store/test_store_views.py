"""Snapshots for the screens: the same rows in the same order on both databases."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from bcifs_console.domain.states import OrderState
from bcifs_console.store import intake, journal, views
from bcifs_console.store.intake import Delivery
from bcifs_console.store.views import LastRead, OrderView

if TYPE_CHECKING:
    from tests.conftest import AddConnection
    from tests.store.conftest import Bench


def listed(bench: "Bench", **which: object) -> list[int]:
    return [view.order_id for view in bench.database.read_sync(lambda conn: views.orders(conn, **which))]  # type: ignore[arg-type] # filters of views.orders


def day(number: int) -> datetime:
    return datetime(2026, 12, number, 9, 0, tzinfo=UTC)


def test_orders_are_listed_newest_first_on_both_databases_alike(bench: "Bench") -> None:
    """Orders that were never read have no date yet: they are the newest we have heard of."""
    for order_id, placed in ((5001, day(2)), (5002, day(3)), (5003, day(1)), (5004, day(3))):
        bench.put(order_id, OrderState.SYNCED, facts=bench.facts(placed_at=placed))
    bench.mark(5005, 5006)
    assert listed(bench) == [5006, 5005, 5004, 5002, 5001, 5003]
    assert listed(bench, limit=3) == [5006, 5005, 5004]
    assert listed(bench, state="due") == [5006, 5005]
    assert listed(bench, state="synced", limit=2) == [5004, 5002]


def test_orders_are_found_by_state_and_connection(bench: "Bench", add_connection: "AddConnection") -> None:
    other = add_connection(bench.database, "acme-eu")
    bench.mark(5001, 5002)
    bench.mark(5001, connection_id=other)
    assert listed(bench, connection_id=other) == [5001]
    assert listed(bench, connection_id=bench.connection_id, state="due") == [5002, 5001]


def test_an_order_that_was_never_read_is_shown_with_what_is_known(bench: "Bench") -> None:
    bench.mark(5001)
    assert bench.database.read_sync(views.orders) == [
        OrderView(
            connection="acme-us",
            connection_id=bench.connection_id,
            order_id=5001,
            placed_at=None,
            email="",
            buyer_name="",
            ifs_customer="",
            total=None,
            currency="",
            state="due",
            reason="",
            ifs_order_no="",
            attempts=0,
            next_try_at=bench.clock.now(),
            error="",
            remedy="",
            cause="",
            problems=(),
            warnings=(),
            synced_at=None,
            first_seen_at=bench.clock.now(),
            found_by="test",
            status_id=None,
        )
    ]


def test_named_orders_come_by_number(bench: "Bench", add_connection: "AddConnection") -> None:
    other = add_connection(bench.database, "acme-eu")
    bench.mark(5003, 5001, 5002)
    bench.mark(5001, connection_id=other)
    found = bench.database.read_sync(lambda conn: views.orders_by_id(conn, bench.connection_id, [5003, 5001, 9999]))
    assert [(view.connection, view.order_id) for view in found] == [("acme-us", 5001), ("acme-us", 5003)]


def test_text_of_any_script_comes_back_unharmed(bench: "Bench") -> None:
    name = "Zoë «Ω» 🙂 \u202e\x1b[31m<b>'; DROP TABLE store_order;--"
    bench.put(5001, OrderState.SYNCED, facts=bench.facts(buyer_name=name), error=name)
    (view,) = bench.database.read_sync(views.orders)
    assert (view.buyer_name, view.error) == (name, name)


def test_large_totals_and_order_numbers_fit(bench: "Bench") -> None:
    huge = 2**53 + 1
    bench.put(huge, OrderState.SYNCED, facts=bench.facts(total=Decimal("99999999999999.9999")))
    (view,) = bench.database.read_sync(views.orders)
    assert (view.order_id, view.total) == (huge, Decimal("99999999999999.9999"))


async def test_a_timeline_mixes_deliveries_and_journal_by_time(bench: "Bench") -> None:
    async def deliver(scope: str, order_id: int = 5001) -> None:
        sent = Delivery(bench.connection_id, scope + str(order_id), scope, order_id, bench.clock.now(), "{}")
        await asyncio.wait_for(intake.accept(bench.database, sent), 10)

    await deliver("store/order/created")
    await deliver("store/order/created", 5002)
    bench.clock.advance(1)
    await bench.database.write(
        lambda tx: journal.write(
            tx, "order.synced", actor="service", subject="order:5001", connection_id=bench.connection_id, no="*1"
        )
    )
    bench.clock.advance(1)
    await deliver("store/order/updated")
    seen = await bench.database.read(lambda conn: views.timeline(conn, bench.connection_id, 5001))
    assert [(row.event, row.actor, row.detail) for row in seen] == [
        ("delivery", "bigcommerce", {"scope": "store/order/created"}),
        ("order.synced", "service", {"no": "*1"}),
        ("delivery", "bigcommerce", {"scope": "store/order/updated"}),
    ]
    assert [row.at for row in seen] == sorted(row.at for row in seen)


def test_the_poller_learns_what_we_have_read(bench: "Bench") -> None:
    bench.put(5001, OrderState.SYNCED, facts=bench.facts())
    bench.mark(5002)
    known = bench.database.read_sync(lambda conn: views.last_read(conn, bench.connection_id, [5001, 5002, 5003]))
    assert known == {5001: LastRead("synced", bench.facts().modified_at), 5002: LastRead("due", None)}
