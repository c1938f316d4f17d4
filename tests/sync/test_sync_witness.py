"""What each hook should have told of: a dead one shows beside others that live, whatever else came about the order."""

import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.bigcommerce.scopes import WANTED_SCOPES, WILDCARD_SCOPES
from bcifs_console.domain.documents import Ledger
from bcifs_console.domain.movements import Shipment, Tender
from bcifs_console.domain.orders import Order
from bcifs_console.store import health, intake, queue, webhooks
from bcifs_console.store.health import HookRecord
from bcifs_console.store.intake import Delivery
from bcifs_console.store.webhooks import Compared
from bcifs_console.sync.loading import load
from bcifs_console.sync.poller import poll
from bcifs_console.sync.runtime import Runtime
from bcifs_console.sync.witness import Fact, Facts, news
from tests.conftest import NOON
from tests.sync.conftest import MakeRuntime
from tests.sync.listing_store import sold

GRACE = timedelta(minutes=1)
CREATED, UPDATED, STATUS = WANTED_SCOPES[:3]
PAID, SHIPPED = "store/order/transaction/created", "store/shipment/created"
ANY_ORDER, ANY_SHIPMENT = WILDCARD_SCOPES


def paid(number: int, at: datetime) -> Tender:
    return Tender(number, "purchase", "credit_card", "stripe", Decimal(10), "USD", "ok", at)


class Shop:
    """A store that lists its orders and shows them one by one."""

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}

    async def orders_modified_since(
        self, since: datetime, *, on_unreadable: Callable[[Any], None], on_page: Callable[[], None]
    ) -> AsyncIterator[Order]:
        for found in self.orders.values():
            if found.modified_at >= since:
                yield found

    async def order(self, number: int, **_: object) -> Order:
        return replace(self.orders[number], tenders=None, shipments=None)

    async def completed(self, listed: Order, **_: object) -> Order:
        return replace(listed, tenders=None, shipments=None)

    async def tenders(self, number: int, live: bool) -> tuple[Tender, ...]:
        return self.orders[number].tenders or ()

    async def shipments(self, number: int, live: bool) -> tuple[Shipment, ...]:
        return self.orders[number].shipments or ()

    async def refunds(self, number: int, live: bool) -> tuple[()]:
        return ()


class Story:
    """One connection with hooks, what happens at its store, and which events come."""

    def __init__(self, runtime: Runtime, shop: Shop, clock: ManualClock) -> None:
        self.runtime, self.shop, self.clock = runtime, shop, clock
        self._numbers = itertools.count(1)

    async def register(self, *scopes: str) -> None:
        for number, scope in enumerate(scopes, 1):
            record = HookRecord(self.runtime.id, scope, number, "d", True, "healthy", "", None, None)
            await self.runtime.database.write(partial(health.save_hook, record=record))

    def happens(self, number: int, **changes: Any) -> Order:
        """The order is placed, or changes, now."""
        now = self.clock.now()
        known = self.shop.orders.get(number)
        self.shop.orders[number] = replace(known or sold(number, placed=now), modified_at=now, **changes)
        return self.shop.orders[number]

    async def told(self, scope: str, number: int, at: datetime | None = None) -> None:
        body = f"e{next(self._numbers)}"
        delivery = Delivery(self.runtime.id, body, scope, number, at or self.clock.now(), body)
        await intake.accept(self.runtime.database, delivery)

    async def look(self, number: int) -> None:
        """Read the order, as the worker does once it is due."""
        database, keys = self.runtime.database, {(self.runtime.id, number)}
        await database.write(lambda tx: intake.mark_due(tx, self.runtime.id, [number], found_by="webhook"))
        (claim,) = await database.write(lambda tx: queue.claim(tx, "t", limit=1, lease=timedelta(seconds=1), only=keys))
        await load(self.runtime, claim, Ledger())
        self.clock.advance(2)  # the lease is over

    async def polled(self, after: float = 90) -> dict[str, Compared]:
        self.clock.advance(after)
        await poll(self.runtime, overlap=2 * GRACE, refund_overlap=GRACE, hook_grace=GRACE)
        day = self.clock.now() - timedelta(days=1)
        return await self.runtime.database.read(lambda conn: webhooks.compared_by_scope(conn, self.runtime.id, day))

    async def overall(self) -> dict[str, int]:
        since = NOON - timedelta(days=1)
        return await self.runtime.database.read(lambda conn: webhooks.sampled(conn, self.runtime.id, since))


@pytest.fixture
async def story(make_runtime: MakeRuntime, clock: ManualClock) -> Story:
    """From now on changes count."""
    shop = Shop()
    follows_parcels = SimpleNamespace(profile=SimpleNamespace(order=SimpleNamespace(tracking=("number",))))
    found = Story(make_runtime(store=shop, ifs=follows_parcels), shop, clock)
    await found.polled()
    return found


async def test_a_dead_hook_for_new_orders_shows_beside_a_live_one_for_changes(story: Story) -> None:
    await story.register(CREATED, UPDATED)
    story.clock.advance(60)
    for number in (1, 2, 3):
        story.happens(number)
        await story.told(UPDATED, number)
    await story.told(CREATED, 3)
    assert await story.polled() == {CREATED: Compared(missed=2, heard=1)}
    assert await story.overall() == {"heard": 3}, "of each order something came"
    story.happens(1)
    assert (await story.polled())[CREATED] == Compared(2, 1), "a change of a known order is no new one"
    database, since = story.runtime.database, NOON - timedelta(days=1)
    assert await database.read(lambda conn: webhooks.unheard(conn, story.runtime.id, since)) == [], "one came since"


async def test_what_readings_find_is_judged_once_its_event_has_had_its_time(story: Story) -> None:
    await story.register(CREATED, UPDATED, STATUS, PAID, SHIPPED)
    story.clock.advance(60)
    story.happens(1, status_id=1)
    await story.told(CREATED, 1)
    await story.look(1)
    story.clock.advance(5)
    now = story.clock.now()
    story.happens(1, status_id=2, items_shipped=1, shipments=(Shipment(61, now, ()),), payment_status="captured")
    await story.told(UPDATED, 1)
    await story.look(1)
    assert await story.polled(after=50) == {}, "an event may still come"
    # The shop makes no vouchers, so its payments are not read.
    judged = {CREATED: Compared(0, 1), UPDATED: Compared(0, 1), STATUS: Compared(1, 0), SHIPPED: Compared(1, 0)}
    assert await story.polled() == judged
    await story.look(1)
    assert await story.polled() == judged, "and once only"
    database, since = story.runtime.database, NOON - timedelta(days=1)
    silent = await database.read(lambda conn: webhooks.unheard(conn, story.runtime.id, since))
    assert [(each.scope, each.missed, each.heard_at) for each in silent] == [(STATUS, 1, None), (SHIPPED, 1, None)]
    await story.told(SHIPPED, 2)
    silent = await database.read(lambda conn: webhooks.unheard(conn, story.runtime.id, since))
    assert [each.scope for each in silent] == [STATUS], "it lives: what it missed before is no silence"


async def test_of_a_wildcard_hook_any_event_of_its_family_counts(story: Story) -> None:
    await story.register(ANY_ORDER, ANY_SHIPMENT)
    story.clock.advance(60)
    for number, scope in ((1, ANY_ORDER), (2, CREATED), (3, SHIPPED)):
        story.happens(number)
        await story.told(scope, number)
    assert await story.polled() == {ANY_ORDER: Compared(missed=1, heard=2)}


async def test_only_what_happened_since_the_hook_was_registered_counts(story: Story) -> None:
    story.happens(1)
    story.clock.advance(30)
    await story.register(UPDATED)
    story.happens(2)
    assert await story.polled() == {}, "nobody wants to be told of new orders"
    story.happens(3)
    story.clock.advance(30)
    await story.register(CREATED)
    story.clock.advance(30)
    story.happens(4)
    assert await story.polled() == {CREATED: Compared(missed=1)}


@pytest.mark.parametrize(
    ("told_s", "is_told"),
    [(None, False), (-40, False), (-20, True), (0, True), (5, True)],
)
def test_a_status_is_told_by_any_event_since_the_reading_before(told_s: int | None, is_told: bool) -> None:
    before, after = sold(1, modified=NOON - timedelta(seconds=30), status_id=1), sold(1, status_id=11)
    facts = list(news(before, after))
    assert [fact.scope for fact in facts] == [STATUS, UPDATED]
    told = {} if told_s is None else {STATUS: NOON + timedelta(seconds=told_s), CREATED: NOON}
    assert facts[0].is_told(STATUS, told) is is_told


def test_facts_are_bounded_in_number_and_age(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bcifs_console.sync.witness._MOST_KEPT", 2)
    facts = Facts()
    for number, hours in ((1, 25), (2, 3), (3, 2), (4, 1)):
        facts.compare(None, sold(number, tenders=(paid(number, NOON - timedelta(hours=hours)),)), NOON)
    kept = facts.until(NOON)
    assert kept == [Fact(PAID, 2, NOON - timedelta(hours=3)), Fact(PAID, 3, NOON - timedelta(hours=2))]
    facts.forget(kept)
    assert facts.until(NOON) == []
