"""The poll's own look at refunds, and the true miss rate: what it saw that no webhook told of."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.domain.movements import Refund
from bcifs_console.domain.rules import VoucherTransport
from bcifs_console.store import intake, journal, views
from bcifs_console.store.intake import Delivery
from bcifs_console.sync.poller import Polled, poll
from bcifs_console.sync.runtime import Runtime
from tests.conftest import NOON
from tests.sync.conftest import MakeRuntime, with_policy
from tests.sync.listing_store import ListingStore, sold

OVERLAP = timedelta(minutes=2)
REFUND_OVERLAP = timedelta(hours=2)
GRACE = timedelta(seconds=60)


@pytest.fixture
def store() -> ListingStore:
    return ListingStore()


@pytest.fixture
def runtime(make_runtime: MakeRuntime, store: ListingStore) -> Runtime:
    return with_policy(make_runtime(store=store), voucher_transport=VoucherTransport.REST)


def refund(number: int, order_id: int, at: datetime) -> Refund:
    return Refund(id=number, order_id=order_id, created_at=at, total_amount=Decimal(5), total_tax=Decimal(0))


async def run(runtime: Runtime) -> Polled:
    return await poll(runtime, overlap=OVERLAP, refund_overlap=REFUND_OVERLAP, hook_grace=GRACE)


async def know(runtime: Runtime, *numbers: int) -> None:
    await runtime.database.write(lambda tx: intake.mark_due(tx, runtime.id, numbers, found_by="webhook"))


async def generation(runtime: Runtime, number: int) -> int:
    query = f"SELECT generation FROM store_order WHERE order_id = {number}"
    return int(await runtime.database.read(lambda conn: conn.exec_driver_sql(query).scalar_one()))


async def test_an_order_named_by_a_refund_is_looked_at_once(runtime: Runtime, store: ListingStore) -> None:
    await know(runtime, 1, 2)
    store.refunds = [refund(9, 1, NOON)]
    assert (await run(runtime)).orders == (1,)
    assert await generation(runtime, 1) == 2
    assert (await run(runtime)).orders == ()
    store.refunds.append(refund(10, 1, NOON - timedelta(hours=1)))
    assert (await run(runtime)).orders == (1,), "made late, dated before the newest"
    assert await runtime.database.read(lambda conn: intake.heard_of_refund(conn, runtime.id, 1))


async def test_refunds_are_read_again_for_the_length_of_the_overlap(runtime: Runtime, store: ListingStore) -> None:
    await run(runtime)
    await know(runtime, 1)
    store.refunds = [refund(9, 1, NOON)]
    await run(runtime)
    await run(runtime)
    assert store.refunds_since == [runtime.policy.posts_from, runtime.policy.posts_from, NOON - REFUND_OVERLAP]


async def test_refunds_of_orders_never_seen_make_none(runtime: Runtime, store: ListingStore) -> None:
    store.refunds = [refund(9, 1, NOON)]
    assert (await run(runtime)).orders == ()
    assert await runtime.database.read(views.orders) == []


async def test_without_vouchers_refunds_are_not_asked_for(make_runtime: MakeRuntime, store: ListingStore) -> None:
    await run(make_runtime(store=store, name="acme-eu"))
    assert store.refunds_since == []


# -- what webhooks missed ----------------------------------------------------------------------------------------------


async def told(runtime: Runtime, number: int, at: datetime, key: str = "") -> None:
    await intake.accept(
        runtime.database,
        Delivery(runtime.id, f"{number}{key}{at}", "store/order/updated", number, at, "{}"),
    )


async def counted(runtime: Runtime) -> tuple[int, int]:
    """Changes missed and heard of."""
    found = await runtime.database.read(lambda conn: journal.counts(conn, "changes"))
    return found.get((runtime.id, "missed"), 0), found.get((runtime.id, "heard"), 0)


async def test_each_change_counts_once_by_whether_a_webhook_told_of_it(
    runtime: Runtime, store: ListingStore, clock: ManualClock
) -> None:
    await run(runtime)
    changed = clock.now() + timedelta(seconds=10)
    store.orders = [sold(number, modified=changed) for number in range(1, 11)]
    clock.advance(20)
    for number in range(1, 8):
        await told(runtime, number, changed)
        await told(runtime, number, changed, "again")
    await run(runtime)
    assert await counted(runtime) == (0, 0), "the others may still be on their way"
    clock.advance(120)
    await run(runtime)
    assert await counted(runtime) == (3, 7)
    clock.advance(120)
    await run(runtime)
    assert await counted(runtime) == (3, 7)


async def test_an_event_of_before_the_change_tells_nothing_of_it(
    runtime: Runtime, store: ListingStore, clock: ManualClock
) -> None:
    await run(runtime)
    await told(runtime, 1, clock.now())
    clock.advance(30)
    store.orders = [sold(1, modified=clock.now())]
    clock.advance(120)
    await run(runtime)
    assert await counted(runtime) == (1, 0)


async def test_changes_of_before_the_first_poll_do_not_count(runtime: Runtime, store: ListingStore) -> None:
    store.orders = [sold(1, modified=NOON - timedelta(days=1))]
    await run(runtime)
    assert await counted(runtime) == (0, 0)
