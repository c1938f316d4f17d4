"""The fallback poll: where it begins, what counts as news, when the cursor moves."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.bigcommerce.errors import Unavailable
from bcifs_console.domain.states import OrderFacts, OrderState, Outcome
from bcifs_console.store import health, intake, queue, views
from bcifs_console.sync.poller import poll
from bcifs_console.sync.runtime import Runtime
from tests.conftest import NOON
from tests.sync.conftest import MakeRuntime, due
from tests.sync.listing_store import ListingStore, sold

START = datetime(2026, 11, 1, tzinfo=UTC)  # the connection's start_at
OVERLAP = timedelta(seconds=120)
GRACE = timedelta(seconds=60)


@pytest.fixture
def store() -> ListingStore:
    return ListingStore()


@pytest.fixture
def runtime(make_runtime: MakeRuntime, store: ListingStore) -> Runtime:
    return make_runtime(store=store)


async def run(runtime: Runtime) -> tuple[int, int]:
    found = await poll(runtime, overlap=OVERLAP, refund_overlap=OVERLAP, hook_grace=GRACE)
    return found.seen, found.marked


async def read(runtime: Runtime, number: int, modified: datetime, state: OrderState = OrderState.SYNCED) -> None:
    """Let the order be one that was read when it was last modified at `modified`."""
    await runtime.database.write(lambda tx: intake.mark_due(tx, runtime.id, [number], found_by="webhook"))
    keys = {(runtime.id, number)}
    (claim,) = await runtime.database.write(
        lambda tx: queue.claim(tx, "tester", limit=1, lease=timedelta(minutes=1), only=keys)
    )
    facts = OrderFacts(NOON, modified, 11, "a@example.com", "email:a@example.com", "Ann", Decimal(10), "USD")
    await runtime.database.write(lambda tx: queue.finish(tx, claim, Outcome(state, facts=facts), actor="tester"))


async def test_the_first_poll_begins_at_the_start_of_the_connection(runtime: Runtime, store: ListingStore) -> None:
    store.orders = [sold(1), sold(2)]
    assert await run(runtime) == (2, 2)
    assert store.since == [START]
    assert await due(runtime) == {1, 2}
    rows = await runtime.database.read(views.orders)
    assert {row.found_by for row in rows} == {"poll"}


async def test_later_polls_begin_an_overlap_before_the_newest_seen(runtime: Runtime, store: ListingStore) -> None:
    newest = NOON + timedelta(minutes=5)
    store.orders = [sold(1, modified=newest), sold(2, modified=NOON)]
    await run(runtime)
    store.orders = []
    await run(runtime)
    await run(runtime)
    assert store.since == [START, newest - OVERLAP, newest - OVERLAP]


async def cursor(runtime: Runtime) -> str | None:
    return await runtime.database.read(lambda conn: health.get_cursor(conn, runtime.id, "orders_modified"))


async def test_a_poll_that_breaks_off_goes_on_from_the_last_page_marked(runtime: Runtime, store: ListingStore) -> None:
    store.orders = [sold(number, modified=NOON + timedelta(seconds=number)) for number in range(1, 401)]
    store.breaks_after = 300
    with pytest.raises(Unavailable):
        await run(runtime)
    assert len(await due(runtime)) == 250, "whole pages are kept"
    store.breaks_after = None
    assert (await run(runtime))[0] == 400
    first, again = store.since
    assert first == START
    assert NOON < again <= NOON + timedelta(seconds=250) - OVERLAP
    assert len(await due(runtime)) == 400


async def test_an_order_modified_while_the_list_was_made_does_not_carry_the_cursor_past_others(
    runtime: Runtime, store: ListingStore
) -> None:
    store.orders = [sold(number, modified=NOON) for number in range(1, 401)]
    store.orders[248] = sold(249, modified=NOON + timedelta(hours=1))
    store.breaks_after = 300
    with pytest.raises(Unavailable):
        await run(runtime)
    assert await cursor(runtime) == NOON.isoformat()


async def test_a_page_older_than_the_cursor_does_not_move_it_back(runtime: Runtime, store: ListingStore) -> None:
    store.orders = [sold(1, modified=NOON)]
    await run(runtime)
    store.orders = [sold(number, modified=NOON - timedelta(seconds=60)) for number in range(1, 401)]
    store.breaks_after = 300
    with pytest.raises(Unavailable):
        await run(runtime)
    assert await cursor(runtime) == NOON.isoformat()


async def test_an_unreadable_order_is_looked_at_and_does_not_hide_the_others(
    runtime: Runtime, store: ListingStore
) -> None:
    store.unreadable, store.orders = [7], [sold(8)]
    assert await run(runtime) == (1, 2)
    assert await due(runtime) == {7, 8}
    rows = await runtime.database.read(views.orders)
    assert {row.found_by for row in rows} == {"poll"}


@pytest.mark.parametrize("state", [OrderState.SYNCED, OrderState.WAITING, OrderState.IGNORED, OrderState.FAILED])
async def test_a_known_order_that_has_become_unreadable_is_looked_at_until_it_shows_that(
    runtime: Runtime, store: ListingStore, state: OrderState
) -> None:
    await read(runtime, 7, NOON, state)
    store.unreadable = [7]
    marked = int(state is not OrderState.FAILED)
    assert await run(runtime) == (0, marked)
    assert await run(runtime) == (0, 0), "one look is enough"


async def test_an_unreadable_order_without_a_number_is_only_told(runtime: Runtime, store: ListingStore) -> None:
    store.unreadable = [None]
    assert await run(runtime) == (0, 0)
    assert await due(runtime) == set()


async def test_orders_placed_before_the_start_are_no_news(runtime: Runtime, store: ListingStore) -> None:
    store.orders = [sold(1, placed=START - timedelta(seconds=1)), sold(2, placed=START)]
    assert await run(runtime) == (2, 1)
    assert await due(runtime) == {2}


@pytest.mark.parametrize("state", [OrderState.SYNCED, OrderState.WAITING, OrderState.IGNORED, OrderState.FAILED])
@pytest.mark.parametrize(("later_s", "is_news"), [(-1, False), (0, False), (1, True)])
async def test_a_known_order_is_news_when_it_was_modified_since_we_read_it(
    runtime: Runtime, store: ListingStore, state: OrderState, later_s: int, is_news: bool
) -> None:
    await read(runtime, 1, NOON, state)
    store.orders = [sold(1, modified=NOON + timedelta(seconds=later_s))]
    assert await run(runtime) == (1, int(is_news))
    assert (await due(runtime) == {1}) == is_news


async def test_an_imported_order_stays_news_whenever_it_was_placed(runtime: Runtime, store: ListingStore) -> None:
    """`start_at` was moved after the order came in: its later life still counts."""
    await read(runtime, 1, NOON)
    store.orders = [sold(1, placed=START - timedelta(days=90), modified=NOON + timedelta(hours=1))]
    assert await run(runtime) == (1, 1)


async def test_an_order_that_is_due_already_is_not_marked_again(runtime: Runtime, store: ListingStore) -> None:
    await runtime.database.write(lambda tx: intake.mark_due(tx, runtime.id, [1], found_by="webhook"))
    store.orders = [sold(1)]
    assert await run(runtime) == (1, 0)
    assert await due(runtime) == {1}


async def test_nothing_modified_moves_nothing(runtime: Runtime, store: ListingStore, clock: ManualClock) -> None:
    assert await run(runtime) == (0, 0)
    clock.advance(3600)
    assert await run(runtime) == (0, 0)
    assert store.since[0] == START
    assert store.since[1] <= START, "nothing that came meanwhile is passed over"
    assert await due(runtime) == set()
