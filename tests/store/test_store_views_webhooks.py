"""What the Webhooks screen reads: sums by kind and time, the newest deliveries, each with how its order is now."""

from datetime import timedelta
from typing import TYPE_CHECKING

from bcifs_console.domain.plan import Reason
from bcifs_console.domain.states import OrderState
from bcifs_console.domain.webhooks import WebhookState
from bcifs_console.store import health, intake, journal, webhooks
from bcifs_console.store.intake import Delivery
from bcifs_console.store.views import webhooks as views
from bcifs_console.store.webhooks import WebhookHealth

if TYPE_CHECKING:
    from tests.conftest import AddConnection
    from tests.store.conftest import Bench

CREATED, SHIPPED = "store/order/created", "store/shipment/created"


def facts(bench: "Bench") -> list[views.WebhookFacts]:
    now = bench.clock.now()
    window, recent = timedelta(minutes=2), timedelta(minutes=10)
    return bench.database.read_sync(lambda conn: views.facts(conn, now, window=window, recent=recent))


async def accept(bench: "Bench", number: int, scope: str, order_id: int | None, *, late_s: float = 2) -> None:
    event_at = bench.clock.now() - timedelta(seconds=late_s)
    delivery = Delivery(bench.connection_id, f"d{number}", scope, order_id, event_at, f'{{"n": {number}}}')
    await intake.accept(bench.database, delivery)


def test_a_connection_of_which_nothing_is_known(bench: "Bench") -> None:
    (found,) = facts(bench)
    assert (found.name, found.health, found.hooks) == ("acme-us", WebhookHealth(bench.connection_id), ())
    assert not any((found.window, found.recent, found.day, found.counted, found.refused, found.compared))


def test_sums_by_how_long_ago_and_by_kind(bench: "Bench", add_connection: "AddConnection") -> None:
    other = add_connection(bench.database, "another")

    def sample(number: int) -> None:
        add = webhooks.add_sample
        bench.database.write_sync(lambda tx: add(tx, bench.connection_id, "accepted", number))

    def count(name: str, label: str, delta: int) -> None:
        where = bench.connection_id
        bench.database.write_sync(lambda tx: journal.count(tx, name, label, connection_id=where, delta=delta))

    sample(1)
    bench.clock.advance(1_000)
    sample(10)
    bench.clock.advance(300)
    sample(100)
    for label in ("accepted", "duplicate", "refused:expired"):
        count("deliveries", label, len(label))
    count(health.CHANGES, "missed", 3)
    record = health.HookRecord(bench.connection_id, CREATED, 7, "d", True, "healthy", "", None, None)
    bench.database.write_sync(lambda tx: health.save_hook(tx, record))
    well = WebhookHealth(bench.connection_id, registered=True, state=WebhookState.HEALTHY)
    bench.database.write_sync(lambda tx: webhooks.set_health(tx, well, subject="s", actor="tester"))

    found, quiet = facts(bench)
    assert (quiet.connection_id, quiet.name, quiet.counted) == (other, "another", {})
    assert (found.window, found.recent) == ({"accepted": 100}, {"accepted": 110})
    assert found.day == {"accepted": 111}
    assert (found.counted, found.refused) == ({"accepted": 8, "duplicate": 9}, {"expired": 15})
    assert (found.compared, found.health.registered) == ({"missed": 3}, True)
    assert [(hook.scope, hook.hook_id) for hook in found.hooks] == [(CREATED, 7)]


async def test_deliveries_newest_first_with_their_orders(bench: "Bench") -> None:
    await accept(bench, 1, CREATED, 5_001)
    bench.clock.advance(1)
    await accept(bench, 2, SHIPPED, 5_001, late_s=75)
    await accept(bench, 3, "store/information/updated", None)
    bench.finish(bench.claim_one(5_001), OrderState.WAITING, reason=Reason.MAPPING)
    began = bench.clock.now() - timedelta(seconds=1)
    later = {SHIPPED: 1, "store/shipment/*": 1, "store/information/updated": 1, "store/information/*": 1}
    read = bench.database.read_sync
    assert read(lambda conn: webhooks.delivered(conn, began)) == {bench.connection_id: later}
    first = {CREATED: 1, "store/order/*": 1}
    before = began - timedelta(seconds=1)
    assert read(lambda conn: webhooks.delivered(conn, before)) == {bench.connection_id: first | later}
    refs = bench.database.read_sync(views.newest_deliveries)
    assert [(ref.scope, ref.connection_id) for ref in refs] == [
        ("store/information/updated", bench.connection_id),
        (SHIPPED, bench.connection_id),
        (CREATED, bench.connection_id),
    ]
    assert bench.database.read_sync(lambda conn: views.newest_deliveries(conn, 1)) == refs[:1]
    found = bench.database.read_sync(lambda conn: views.deliveries(conn, [refs[1].id, refs[0].id, 999]))
    assert set(found) == {refs[0].id, refs[1].id}
    shipped, nothing = found[refs[1].id], found[refs[0].id]
    assert (shipped.connection, shipped.order_id, shipped.body) == ("acme-us", 5_001, '{"n": 2}')
    assert (shipped.order_state, shipped.order_reason) == ("waiting", "mapping")
    assert shipped.delay == timedelta(seconds=75)
    assert (nothing.order_id, nothing.order_state, nothing.order_reason) == (None, "", "")
    assert '{"n"' not in repr(shipped)
