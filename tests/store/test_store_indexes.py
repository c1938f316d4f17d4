"""No screen and no claim reads the whole order table: each query walks an index at 100,000 orders."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from bcifs_console.base.clock import ManualClock
from bcifs_console.domain.documents import DocumentKind, DocumentState
from bcifs_console.domain.rules import Purpose
from bcifs_console.domain.states import OrderState
from bcifs_console.store import (
    alerts,
    backfills,
    books,
    customers,
    intake,
    journal,
    listings,
    mapping_releases,
    marks,
    migrate,
    past,
    queue,
    reconciliation,
    views,
    webhooks,
)
from bcifs_console.store.database import Database, Tx
from bcifs_console.store.intake import Delivery
from bcifs_console.store.tables import alert, connection, document, hook_sample, store_order, webhook_delivery
from bcifs_console.store.tables import reconciliation as reconciled
from bcifs_console.store.views import ledger_pages, order_case
from bcifs_console.store.views import mappings as mapping_views
from bcifs_console.store.views import webhooks as webhook_views
from bcifs_console.store.views.ledger_pages import LedgerFilter

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
ORDERS = 100_000
STATES = ["synced"] * 6 + ["due", "waiting", "failed", "ignored"]


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A store with 100,000 orders in every state, as many deliveries, vouchers and reconciled days."""
    path = tmp_path_factory.mktemp("crowded") / "bcifs.db"
    url = f"sqlite:///{Path(path)}"
    migrate.upgrade(url)
    database = Database(url, clock=ManualClock(NOON))
    database.write_sync(_fill)
    yield database
    database.close()


def _fill(tx: Tx) -> None:
    for number in (1, 2):
        tx.conn.execute(connection.insert().values(id=number, name=f"c{number}", token=f"t{number}", created_at=tx.now))
    tx.conn.execute(
        store_order.insert(),
        [
            {
                "connection_id": 1 + number % 2,
                "order_id": number,
                "state": STATES[number % 10],
                "reason": "mapping" if STATES[number % 10] == "waiting" else "",
                "due_at": tx.now - timedelta(seconds=number) if STATES[number % 10] == "due" else None,
                "first_seen_at": tx.now,
                "placed_at": tx.now - timedelta(minutes=number),
                "buyer_key": f"customer:{number // 3}",
                "background": number % 20 == 6,
                "look_at": tx.now + timedelta(minutes=number - 100) if STATES[number % 10] == "synced" else None,
                "backfill": 1 if number % 50 == 6 else None,
            }
            for number in range(ORDERS)
        ],
    )
    tx.conn.execute(
        webhook_delivery.insert(),
        [
            {"connection_id": 1 + number % 2, "dedupe": f"d{number}", "order_id": number, "received_at": tx.now}
            for number in range(ORDERS)
        ],
    )

    tx.conn.execute(
        hook_sample.insert(),
        [
            {"connection_id": 1 + number % 2, "at": tx.now - timedelta(seconds=10 * number), "outcome": "accepted"}
            for number in range(ORDERS)
        ],
    )
    tx.conn.execute(
        alert.insert(), [{"at": tx.now, "settled_at": tx.now if number > 5 else None} for number in range(ORDERS)]
    )
    tx.conn.execute(
        document.insert(),
        [
            {
                "connection_id": 1 + number % 2,
                "subject": f"order:{number // 4}",
                "kind": "voucher" if number % 4 else "customer_order",
                "key": f"BC-{number // 4}/PAY/{number}",
                "state": "intended" if number % 1_000 == 1 else "confirmed",
                "amount": Decimal("1.00"),
                "currency": "USD",
                "reference": f"W-{number}",
                "created_at": tx.now,
                "day": date(2026, 1, 1) + timedelta(days=number % 300) if number % 4 else None,
                "batch": number // 500 if number % 1_000 not in (0, 1) else None,
            }
            for number in range(ORDERS)
        ],
    )
    tx.conn.execute(
        reconciled.insert(),
        [
            {
                "connection_id": 1 + number % 2,
                "day": date(2026, 1, 1) + timedelta(days=number // 1_000),
                "currency": f"C{number % 1_000}",
                "kind": "payments",
                "store_sum": Decimal(1),
                "ifs_sum": Decimal(1),
                "made_at": tx.now,
            }
            for number in range(ORDERS)
        ],
    )


FIRST, LAST = date(2026, 2, 1), date(2026, 2, 3)
VOUCHERS = [DocumentKind.VOUCHER]


def plan_of(database: Database, run: Callable[[Tx], Any]) -> list[str]:
    """What SQLite says it does for every statement of `run`; nothing of it is kept."""
    steps: list[str] = []
    explaining = False

    def explain(conn: Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        nonlocal explaining
        if explaining or statement.startswith(("SAVEPOINT", "ROLLBACK", "INSERT")):
            return
        explaining = True
        first = parameters[0] if many else parameters
        steps.extend(str(row[3]) for row in conn.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, first))
        explaining = False

    def explained(tx: Tx) -> None:
        event.listen(tx.conn, "before_cursor_execute", explain)
        run(tx)
        event.remove(tx.conn, "before_cursor_execute", explain)
        raise _Undone

    with pytest.raises(_Undone):
        database.write_sync(explained)
    return steps


class _Undone(Exception):
    pass


LEASE = timedelta(minutes=1)
DELIVERIES = [Delivery(1, "d2", "s", 2, None, "{}"), Delivery(2, "new", "s", 3, None, "{}")]

RECONCILED = reconciliation.ReconciledDay(FIRST, "USD", "payments", 0, Decimal(0), 0, Decimal(0), "green", NOON)

VOUCHERS_OF_A_DAY = LedgerFilter(kinds=(DocumentKind.VOUCHER,), first=FIRST, last=FIRST)
INTENDED = LedgerFilter(states=(DocumentState.INTENDED,))

QUERIES: dict[str, Callable[[Tx], Any]] = {
    "claim": lambda tx: queue.claim(tx, "w", limit=16, lease=LEASE),
    "claim beside a paused connection": lambda tx: queue.claim(tx, "w", limit=16, lease=LEASE, paused=[1]),
    "claim named orders": lambda tx: queue.claim(tx, "w", limit=16, lease=LEASE, only=[(1, 6), (1, 16)]),
    "next due": lambda tx: queue.next_due_at(tx.conn),
    "next due beside a paused connection": lambda tx: queue.next_due_at(tx.conn, [1]),
    "oldest due": lambda tx: intake.oldest_due(tx.conn, tx.now),
    "void leases": queue.void_leases,
    "accept": lambda tx: intake._accept_all(tx, DELIVERIES),
    "orders by state": lambda tx: views.orders(tx.conn, state="waiting", limit=50),
    "orders newest first": lambda tx: views.orders(tx.conn, limit=50),
    "orders by number": lambda tx: views.orders_by_id(tx.conn, 1, [2, 4]),
    "last read": lambda tx: views.last_read(tx.conn, 1, [2, 4]),
    "timeline": lambda tx: views.timeline(tx.conn, 1, 4),
    "documents of an order": lambda tx: views.documents(tx.conn, 1, 4),
    "orders of a buyer": lambda tx: queue.orders_of_buyer(tx.conn, 1, "customer:7", [OrderState.WAITING]),
    "open decisions": lambda tx: customers.open_decisions(tx.conn),
    "seal": journal._seal_rows,
    "vouchers of days": lambda tx: books.documents(tx.conn, [1], kinds=VOUCHERS, first=FIRST, last=LAST),
    "all documents of days": lambda tx: books.documents(tx.conn, [1, 2], first=FIRST, last=LAST),
    "newest documents": lambda tx: books.documents(tx.conn, [1], limit=50),
    "vouchers in a state": lambda tx: books.documents(tx.conn, [1], kinds=VOUCHERS, state=DocumentState.INTENDED),
    "ledger of an order": lambda tx: books.documents(tx.conn, [1], order_id=5_000),
    "vouchers by day": lambda tx: list(books.vouchers_by_day(tx.conn, 1, first=FIRST, last=LAST)),
    "documents of orders": lambda tx: books.of_orders(tx.conn, 1, [5_000, 5_001]),
    "booked by hand": lambda tx: marks.by_hand(tx.conn, 1, ["M-2026-17"]),
    "states of orders": lambda tx: marks.note_states(tx, 1, {"BC-5000": "Invoiced"}),
    "due for a batch": lambda tx: books.due_for_batch(tx.conn, 1, limit=100),
    "assign a batch": lambda tx: books.assign_batch(tx, 2, limit=10),
    "documents of a batch": lambda tx: books.of_batch(tx.conn, 1, 7),
    "batches": lambda tx: books.batches(tx.conn, 1),
    "reconciled days": lambda tx: reconciliation.between(tx.conn, 1, FIRST, LAST),
    "put reconciled days": lambda tx: reconciliation.replace(tx, 1, FIRST, LAST, [RECONCILED]),
    "outdate": lambda tx: reconciliation.mark_outdated(tx, 1, [FIRST]),
    "counts": lambda tx: journal.counts(tx.conn, "deliveries"),
    "claim a backfill's": lambda tx: queue.claim(tx, "w", limit=16, lease=LEASE, backfill=1),
    "next due without background": lambda tx: queue.next_due_at(tx.conn, background=False),
    "look again": lambda tx: queue.look_again(tx, 1, at_once=5_000),
    "states of a backfill": lambda tx: backfills.states(tx.conn, 1),
    "listing": lambda tx: listings.of_order(tx.conn, 1, 2, tx.now),
    "put a listing": lambda tx: listings.put(tx, 1, [listings.Listing(2, tx.now, "{}")]),
    "told of": lambda tx: intake.told_of(tx.conn, 1, {2, 4}),
    "sampled": lambda tx: webhooks.sampled(tx.conn, 1, tx.now),
    "compared by scope": lambda tx: webhooks.compared_by_scope(tx.conn, 1, tx.now - LEASE),
    "unheard": lambda tx: webhooks.unheard(tx.conn, 1, tx.now - LEASE),
    "drop old samples": lambda tx: webhooks.drop_old_samples(tx, 1),
    "notices of the store": lambda tx: webhooks.bodies_without_order(
        tx.conn, 1, "store/hook/deliveryException", tx.now
    ),
    "webhook health": lambda tx: webhooks.health_of(tx.conn, 1),
    "unsent alerts": alerts.take,
    "newest deliveries": lambda tx: webhook_views.newest_deliveries(tx.conn),
    "deliveries of a page": lambda tx: webhook_views.deliveries(tx.conn, [1, 2, 3]),
    "webhooks of a screen": lambda tx: webhook_views.facts(tx.conn, tx.now, window=LEASE, recent=LEASE),
    "what waits for a rule": lambda tx: mapping_views.mapping(tx.conn, 1),
    "past of a purpose": lambda tx: mapping_views.history(tx.conn, 1, Purpose.REVENUE),
    "standings": lambda tx: mapping_releases.standings(tx.conn, 1),
    "past orders": lambda tx: next(past.since(tx.conn, 1, tx.now - timedelta(days=1), page=2), None),
    "past orders by number": lambda tx: past.of_orders(tx.conn, 1, [2, 4]),
    "case: deliveries": lambda tx: order_case.deliveries(tx.conn, 1, 4),
    "case: journal": lambda tx: order_case.journal_of(tx.conn, 1, 4, "customer:1"),
    "case: decision": lambda tx: order_case.decision_of(tx.conn, 1, "customer:1"),
    "case: newer order": lambda tx: order_case.newer_neighbour(tx.conn, 1, 4),
    "case: older order": lambda tx: order_case.older_neighbour(tx.conn, 1, 4),
    "case: left out": lambda tx: order_case.left_out(tx.conn, 1, 4),
    "ledger: all documents": lambda tx: ledger_pages.document_ids(tx.conn, LedgerFilter()),
    "ledger: new documents": lambda tx: ledger_pages.document_ids(tx.conn, LedgerFilter(), after=99_000),
    "ledger: vouchers of a day": lambda tx: ledger_pages.document_ids(tx.conn, VOUCHERS_OF_A_DAY),
    "ledger: documents in a state": lambda tx: ledger_pages.document_ids(tx.conn, INTENDED),
    "ledger: documents of an order": lambda tx: ledger_pages.document_ids(tx.conn, LedgerFilter(order_id=4)),
    "ledger: documents by key": lambda tx: ledger_pages.document_ids(tx.conn, LedgerFilter(text="BC-4/PAY")),
    "ledger: lines": lambda tx: ledger_pages.document_lines(tx.conn, [1, 2, 3]),
    "ledger: one document": lambda tx: ledger_pages.one_document(tx.conn, 5),
    "ledger: document by key": lambda tx: ledger_pages.document_by_key(tx.conn, 1, "BC-4/PAY/16"),
    "ledger: days of vouchers": lambda tx: ledger_pages.voucher_days(tx.conn, 1, FIRST, LAST),
    "ledger: written since": lambda tx: ledger_pages.written_since(tx.conn, 1, {FIRST: NOON}),
    "ledger: newest day": lambda tx: ledger_pages.newest_day(tx.conn, 1),
    "note refunds": lambda tx: intake.note_refunds(tx, 1, {2: {9}}),
}


@pytest.mark.parametrize("name", QUERIES)
def test_no_query_reads_a_whole_large_table(crowded: Database, name: str) -> None:
    steps = plan_of(crowded, QUERIES[name])
    assert steps
    scans = [step for step in steps if step.startswith("SCAN") and "USING" not in step and "CONSTANT" not in step]
    assert [
        step for step in scans if step.split()[1] not in {"connection", "hook", "webhook_health", "json_each", "pause"}
    ] == []  # a few rows each


@pytest.mark.parametrize("name", ["claim", "orders newest first", "orders by state", "open decisions"])
def test_the_first_few_rows_come_without_sorting_all(crowded: Database, name: str) -> None:
    steps = plan_of(crowded, QUERIES[name])
    assert [step for step in steps if step == "USE TEMP B-TREE FOR ORDER BY"] == []


def test_vouchers_are_exported_by_day_without_sorting_them(crowded: Database) -> None:
    steps = plan_of(crowded, QUERIES["vouchers by day"])
    assert [step for step in steps if "TEMP B-TREE" in step] == []


@pytest.mark.parametrize("name", ["vouchers of days", "vouchers by day", "due for a batch", "outdate"])
def test_what_is_asked_of_a_few_days_touches_a_fraction_of_the_ledger(crowded: Database, name: str) -> None:
    assert _steps(crowded, QUERIES[name]) < 60_000


def test_the_newest_are_read_without_those_before(crowded: Database) -> None:
    assert _steps(crowded, lambda tx: webhook_views.newest_deliveries(tx.conn, 50)) < 3_000


def test_a_claim_touches_a_handful_of_rows_however_long_the_backlog(crowded: Database) -> None:
    """With 10,000 orders due a claim of 16 must not look at all of them: SQLite counts its steps."""
    steps = _steps(crowded, lambda tx: queue.claim(tx, "w", limit=16, lease=LEASE))
    assert steps < 20_000


def _steps(database: Database, run: Callable[[Tx], Any]) -> int:
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 100
        return 0

    def measured(tx: Tx) -> None:
        driver = tx.conn.connection.dbapi_connection
        assert driver is not None
        driver.set_progress_handler(count, 100)
        run(tx)
        driver.set_progress_handler(None, 100)
        raise _Undone

    with pytest.raises(_Undone):
        database.write_sync(measured)
    return counted


@pytest.mark.parametrize("name", ["what waits for a rule", "standings", "past orders by number"])
def test_what_waits_for_a_rule_is_read_without_the_orders_that_do_not(crowded: Database, name: str) -> None:
    assert _steps(crowded, QUERIES[name]) < 1_000
