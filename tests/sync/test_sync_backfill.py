"""Reading a backfill's pages: what is made due, what is kept for the look, and going on where one was cut short."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.bigcommerce.errors import AuthenticationFailed, BadAnswer, BigCommerceError, RateLimited
from bcifs_console.bigcommerce.sweep import OrderPage
from bcifs_console.domain.codec import decode_order
from bcifs_console.domain.movements import Refund
from bcifs_console.domain.rules import VoucherTransport
from bcifs_console.store import listings
from bcifs_console.store.backfills import Backfill, Wanted
from bcifs_console.store.views import LastRead
from bcifs_console.sync.backfill import Marking, Step, is_wanted
from bcifs_console.sync.runtime import Runtime
from tests.conftest import NOON
from tests.sync.conftest import MakeRuntime, due, with_policy
from tests.sync.listing_store import sold

WANTED = Wanted(since=NOON - timedelta(days=30))
PAGE = 3


class Shop:
    """Lists orders 1 to 8, three a page, and one refund; `troubles` are raised by the calls to come."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.unreadable: int | None = None
        self.troubles: dict[int, list[BigCommerceError]] = {}

    async def orders_placed(
        self,
        after_id: int,
        *,
        since: datetime | None,
        until: datetime | None,
        on_unreadable: Callable[[BadAnswer], None],
    ) -> OrderPage:
        self.asked.append(after_id)
        if self.troubles.get(after_id):
            raise self.troubles[after_id].pop(0)
        numbers = range(after_id + 1, min(8, after_id + PAGE) + 1)
        if self.unreadable in numbers:
            on_unreadable(BadAnswer("unreadable", order_id=self.unreadable))
        found = tuple(sold(number) for number in numbers if number != self.unreadable)
        return OrderPage(found, reached=max(numbers), is_last=8 in numbers)

    async def refunds_of(self, order_ids: Collection[int]) -> dict[int, tuple[Refund, ...]]:
        refund = Refund(9, 2, NOON, Decimal(5), Decimal(0))
        return {number: (refund,) if number == 2 else () for number in order_ids}


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def runtime(make_runtime: MakeRuntime, shop: Shop) -> Runtime:
    return with_policy(make_runtime(store=shop), voucher_transport=VoucherTransport.REST)


async def run(runtime: Runtime, on_step: Callable[[Step], None] | None = None) -> Backfill:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    found = await Marking(runtime, "ann", on_step, pause).run(WANTED)
    assert all(pauses)
    return found


async def test_every_page_is_marked_and_kept_for_the_looks(runtime: Runtime, shop: Shop) -> None:
    steps: list[Step] = []
    found = await run(runtime, steps.append)
    assert shop.asked == [0, 3, 6]
    assert (found.seen, found.marked) == (8, 8)
    assert [(step.seen, step.marked) for step in steps] == [(3, 3), (6, 6), (8, 8)]
    assert await due(runtime) == set(range(1, 9))
    kept = await runtime.database.read(lambda conn: listings.of_order(conn, runtime.id, 2, runtime.clock.now()))
    assert kept is not None
    refunds = decode_order(kept.snapshot).refunds
    assert refunds is not None
    assert [refund.id for refund in refunds] == [9]


async def test_one_that_breaks_off_goes_on_behind_the_last_page_marked(runtime: Runtime, shop: Shop) -> None:
    shop.troubles[6] = [AuthenticationFailed()]
    with pytest.raises(AuthenticationFailed):
        await run(runtime)
    assert await due(runtime) == set(range(1, 7))
    found = await run(runtime)
    assert shop.asked == [0, 3, 6, 6]
    assert (found.seen, found.marked) == (8, 8)


async def test_a_used_up_quota_is_waited_for(runtime: Runtime, shop: Shop) -> None:
    shop.troubles[3] = [RateLimited(12), RateLimited(1)]
    assert (await run(runtime)).seen == 8
    assert shop.asked == [0, 3, 3, 3, 6]


async def test_one_that_cannot_be_read_is_looked_at_and_hides_no_other(runtime: Runtime, shop: Shop) -> None:
    shop.unreadable = 4
    found = await run(runtime)
    assert (found.seen, found.marked) == (8, 8)
    assert 4 in await due(runtime)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (None, True),
        (LastRead("due", None), True),
        (LastRead("synced", NOON, None, NOON), False),
        (LastRead("synced", NOON, True, NOON - timedelta(days=1)), False),
        (LastRead("synced", NOON - timedelta(seconds=1), True, NOON), True),
        (LastRead("synced", NOON, False, NOON), False),
        (LastRead("synced", NOON, False, NOON - timedelta(hours=2)), True),
        (LastRead("skipped", NOON, None, NOON), False),
        (LastRead("waiting", NOON, None, NOON), True),
        (LastRead("failed", NOON, None, NOON), True),
        (LastRead("ignored", NOON, None, NOON), True),
    ],
)
def test_what_is_done_with_is_not_looked_at(clock: ManualClock, found: LastRead | None, expected: bool) -> None:
    assert is_wanted(sold(1), found, clock.now()) is expected
