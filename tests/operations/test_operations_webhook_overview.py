"""The Webhooks screen's figures: what the store's facts come to against BigCommerce's terms, and what is not shown."""

import json
from datetime import timedelta
from functools import partial

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.bigcommerce.delivery_terms import GIVES_UP_AFTER, IDLE_AFTER
from bcifs_console.domain.webhooks import WebhookState
from bcifs_console.operations.webhook_overview import Refusals, Trouble, WebhookOverview, overview, redacted
from bcifs_console.operations.webhook_summary import AckTimes
from bcifs_console.store import health, intake, journal, webhooks
from bcifs_console.store.database import Database, Tx
from bcifs_console.store.intake import Delivery
from bcifs_console.store.webhooks import Finding, WebhookHealth
from tests.conftest import AddConnection

SCOPE = "store/order/created"
STALE = timedelta(minutes=5)


@pytest.fixture
def known(sqlite_database: Database, add_connection: AddConnection) -> int:
    return add_connection(sqlite_database)


def seen(database: Database, clock: ManualClock) -> WebhookOverview:
    (found,) = database.read_sync(lambda conn: overview(conn, clock.now(), stale_after=STALE))
    return found


def put(database: Database, found: WebhookHealth) -> None:
    database.write_sync(lambda tx: webhooks.set_health(tx, found, subject="s", actor="watcher"))


def test_never_registered(sqlite_database: Database, clock: ManualClock, known: int) -> None:
    found = seen(sqlite_database, clock)
    assert (found.state, found.registered) == (WebhookState.UNKNOWN, False)
    assert found.troubles == (Trouble("Not registered.", "Run: bcifs webhooks register"),)
    assert (found.window.ratio, found.miss_rate, found.gives_up_at, found.hooks) == (None, None, None, ())


def test_clocks_ratios_and_refusals(sqlite_database: Database, clock: ManualClock, known: int) -> None:
    database, began = sqlite_database, clock.now()
    finding = Finding("refused:expired", WebhookState.DEGRADED, "3 deliveries were expired.", "Set the clock.")
    times = {"looked_at": began, "checked_at": began, "failing_since": began - timedelta(hours=1), "failed_at": began}
    put(database, WebhookHealth(known, True, WebhookState.DEGRADED, (finding,), "polled", **times))
    record = health.HookRecord(known, SCOPE, 7, "d", True, "healthy", "was off", None, None, action="reactivated")
    gone = health.HookRecord(known, "store/order/updated", 0, "d", False, "deactivated", "Is gone", None, None)

    def fill(tx: Tx) -> None:
        for each in (record, gone):
            health.save_hook(tx, each)
        for outcome, number in (("accepted", 95), ("expired", 3), ("late", 2)):
            webhooks.add_sample(tx, known, outcome, number)
        for label, number in (("accepted", 500), ("duplicate", 9), ("refused:expired", 3), ("refused:malformed", 8)):
            journal.count(tx, "deliveries", label, connection_id=known, delta=number)
        for label, number in (("missed", 1), ("heard", 19)):
            journal.count(tx, health.CHANGES, label, connection_id=known, delta=number)

    database.write_sync(fill)
    found = seen(database, clock)
    assert found.state == "deactivated"  # one hook is worse than what the last look found
    assert found.troubles[1:] == (Trouble("3 deliveries were expired.", "Set the clock."),)
    assert (found.window.good, found.window.total, found.window.ratio) == (95, 100, 0.95)
    assert found.gives_up_at == began - timedelta(hours=1) + GIVES_UP_AFTER
    assert found.refusals == (Refusals("expired", 3, 3), Refusals("late", 2, 0), Refusals("malformed", 0, 8))
    assert (found.accepted, found.duplicates, found.missed, found.heard, found.miss_rate) == (500, 9, 1, 19, 0.05)
    well, off = found.hooks
    assert (well.hook_id, well.state, well.cause, well.action) == (7, "healthy", "", "reactivated")
    assert well.idle_off_at == began + IDLE_AFTER
    assert (off.hook_id, off.state, off.cause, off.idle_off_at) == (None, "deactivated", "Is gone", None)

    put(database, WebhookHealth(known, True, WebhookState.HEALTHY, (), "", looked_at=began))
    seen_since = seen(database, clock)
    assert (seen_since.state, len(seen_since.troubles)) == ("deactivated", 1)
    assert seen_since.troubles[0].text.startswith("1 of 2 webhooks are not in order")

    clock.advance(STALE.total_seconds() + 1)
    stale = seen(database, clock)
    assert (stale.state, *stale.troubles) == (
        "unknown",
        Trouble("Nobody has looked at them lately.", "Run: bcifs serve"),
    )


def test_what_the_look_itself_put_right_is_over(sqlite_database: Database, clock: ManualClock, known: int) -> None:
    began = clock.now()
    finding = Finding("inactive", WebhookState.DEACTIVATED, "Is switched off.", is_mended=True)
    late = Finding("refused:late", WebhookState.DEGRADED, "3 were late.")
    record = health.HookRecord(known, SCOPE, 7, "d", True, "healthy", "was off", None, None, action="reactivated")
    sqlite_database.write_sync(lambda tx: health.save_hook(tx, record))
    for findings, state, troubles in (
        ((finding,), "healthy", (Trouble("Is switched off.", "", began),)),
        ((finding, late), "degraded", (Trouble("3 were late."), Trouble("Is switched off.", "", began))),
    ):
        put(
            sqlite_database,
            WebhookHealth(known, True, WebhookState.DEACTIVATED, findings, looked_at=began, repaired_at=began),
        )
        found = seen(sqlite_database, clock)
        assert (found.state, found.troubles, found.since) == (state, troubles, began)


async def test_what_each_hook_brought_and_missed(sqlite_database: Database, clock: ManualClock, known: int) -> None:
    database, began, shipped = sqlite_database, clock.now(), "store/shipment/created"
    for number, scope in enumerate((SCOPE, shipped), 1):
        record = health.HookRecord(known, scope, number, "d", True, "healthy", "", None, None)
        database.write_sync(partial(health.save_hook, record=record))
    text = f"{shipped} is registered and silent: 3 events are missing and none ever came."
    silent = Finding(f"silent:{shipped}", WebhookState.DEGRADED, text, "Register anew.")
    put(database, WebhookHealth(known, True, WebhookState.DEGRADED, (silent,), looked_at=began))

    def fill(tx: Tx) -> None:
        for outcome, scope, number in (("missed", shipped, 3), ("missed", SCOPE, 1), ("heard", SCOPE, 9)):
            webhooks.add_sample(tx, known, webhooks.of_scope(outcome, scope), number)
        for owner, p50, p99 in (("a", 2.0, 7.5), ("b", 1.0, 9.5)):
            health.beat(tx, owner, "listener", {"ack": {"p50_ms": p50, "p99_ms": p99, "number": 8}})
        health.beat(tx, "c", "worker", {"ack": None})

    database.write_sync(fill)
    for number, minutes in ((1, 0), (2, 50)):
        clock.advance(60 * minutes)
        await intake.accept(database, Delivery(known, f"d{number}", SCOPE, number, None, "{}"))
    clock.advance(11 * 60)
    database.write_sync(fill)
    (found,) = database.read_sync(lambda conn: overview(conn, clock.now(), stale_after=timedelta(hours=2)))
    created, dead = found.hooks
    assert (found.state, found.ack) == ("degraded", AckTimes(1.0, 9.5, 8))
    assert (created.state, created.last_hour, created.missed, created.heard) == ("healthy", 1, 2, 18)
    assert (dead.state, dead.cause) == ("silent", "3 events are missing and none ever came.")
    assert (dead.last_hour, dead.missed, dead.heard) == (0, 6, 0)


def test_a_body_shows_what_is_documented_and_hides_other_words() -> None:
    body = {
        "producer": "stores/abc123",
        "scope": "store/order/transaction/created",
        "data": {
            "type": "transaction",
            "order_id": "5001",
            "provider_transaction_id": "PRV-1",
            "result": {"code": "captured", "message": "Captured"},
            "later": {"token": "planted", "list": ["planted"], "amount": 5, "empty": ""},
        },
    }
    shown = redacted(json.dumps(body))
    assert isinstance(shown, dict)
    assert shown["producer"] == "stores/abc123"
    assert shown["data"]["order_id"] == "5001"
    assert shown["data"]["result"] == {"code": "captured", "message": "Captured"}
    assert shown["data"]["provider_transaction_id"] == "•••"
    assert shown["data"]["later"] == {"token": "•••", "list": ["•••"], "amount": 5, "empty": ""}
    assert redacted("{planted") == "(8 characters that are no JSON)"
