"""The console's order list: the right orders in the right order, each query by an index, a screenful by id."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from bcifs_console.domain.states import OrderState
from bcifs_console.store.database import Database, Tx
from bcifs_console.store.tables import connection, store_order
from bcifs_console.store.views import order_list
from bcifs_console.store.views.order_filter import (
    PROBLEMS,
    Condition,
    Contains,
    Day,
    Named,
    OneOf,
    OrderFilter,
    Placed,
    Relation,
    Searched,
    Total,
)
from bcifs_console.store.views.order_list import OrderRow, Sorting, SortKey, packed, unpacked

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
#: order number → what differs from the usual
ORDERS: dict[int, dict[str, Any]] = {
    1: {"placed_at": NOON - timedelta(days=40), "total": Decimal("20.00"), "buyer_name": "Acme Ltd", "state": "synced"},
    2: {"placed_at": NOON - timedelta(days=1), "total": Decimal("100.00"), "buyer_name": "bolt_x", "state": "failed"},
    3: {"placed_at": NOON - timedelta(hours=2), "total": Decimal("99.95"), "email": "c@acme.com", "state": "waiting"},
    4: {"placed_at": NOON - timedelta(hours=1), "total": Decimal("5.00"), "currency": "EUR", "state": "due"},
    5: {"state": "due"},
    1042: {
        "placed_at": NOON - timedelta(days=3),
        "total": Decimal("7.50"),
        "ifs_order_no": "S10425",
        "state": "synced",
    },
}
REASONS = {3: "mapping"}


def fill(tx: Tx, *, second: bool = True) -> None:
    for number, name in ((1, "acme-us"), (2, "acme-eu")) if second else ((1, "acme-us"),):
        tx.conn.execute(connection.insert().values(id=number, name=name, token=name, created_at=tx.now))
    for order_id, changes in ORDERS.items():
        values: dict[str, Any] = {"currency": "USD", "buyer_name": f"buyer {order_id}", "first_seen_at": tx.now}
        if order_id in REASONS:
            values |= {"reason": REASONS[order_id], "cause": "mapping:MUG 7", "error": "No rule for the SKU MUG 7."}
        tx.conn.execute(store_order.insert().values(connection_id=1, order_id=order_id, **(values | changes)))
    if second:
        moved = {"connection_id": 2, "order_id": 2, "state": "synced", "placed_at": NOON - timedelta(days=2)}
        tx.conn.execute(store_order.insert().values(**moved, first_seen_at=tx.now, total=Decimal(1), currency="EUR"))


def numbers(database: Database, *conditions: Condition, sorting: Sorting | None = None, zone: Any = UTC) -> list[int]:
    wanted = OrderFilter(conditions)
    found = database.read_sync(
        lambda conn: order_list.ids(conn, wanted, sorting or order_list.NEWEST_FIRST, now=NOON, zone=zone)
    )
    return [order_id + (10_000 if connection_id == 2 else 0) for connection_id, order_id in map(unpacked, found)]


FILTERS: dict[str, tuple[list[Condition], list[int]]] = {
    "none": ([], [5, 4, 3, 2, 10_002, 1042, 1]),
    "state": ([OneOf(Named.STATE, ("due", "failed"))], [5, 4, 2]),
    "not the state": ([OneOf(Named.STATE, ("due", "synced"), negated=True)], [3, 2]),
    "problems": ([PROBLEMS], [3, 2]),
    "reason": ([OneOf(Named.REASON, ("mapping",))], [3]),
    "cause": ([OneOf(Named.CAUSE, ("mapping:MUG 7",))], [3]),
    "connection": ([OneOf(Named.CONNECTION, ("acme-eu",))], [10_002]),
    "currency": ([OneOf(Named.CURRENCY, ("EUR",))], [4, 10_002]),
    "order of either store": ([OneOf(Named.ORDER, ("2", "1042"))], [2, 10_002, 1042]),
    "text in a name": ([Contains(Searched.ANY, "ACME")], [3, 1]),
    "text in the IFS number and ours": ([Contains(Searched.ANY, "1042")], [1042]),
    "two texts": ([Contains(Searched.ANY, "acme"), Contains(Searched.ANY, "ltd")], [1]),
    "text with a wildcard of SQL": ([Contains(Searched.CUSTOMER, "_x")], [2]),
    "no text": ([Contains(Searched.ANY, "acme", negated=True)], [5, 4, 2, 10_002, 1042]),
    "text of a problem": ([Contains(Searched.PROBLEM, "sku mug")], [3]),
    "total above": ([Total(Relation.ABOVE, Decimal("99.95"))], [2]),
    "total from": ([Total(Relation.FROM, Decimal("99.95"))], [3, 2]),
    "total not above": ([Total(Relation.ABOVE, Decimal(10), negated=True)], [5, 4, 10_002, 1042]),
    "total equal": ([Total(Relation.IS, Decimal("7.5"))], [1042]),
    "today": ([Placed(Relation.IS, Day.TODAY)], [4, 3]),
    "yesterday": ([Placed(Relation.IS, Day.YESTERDAY)], [2]),
    "since a day": ([Placed(Relation.FROM, date(2026, 11, 29))], [4, 3, 2, 10_002]),
    "after a day": ([Placed(Relation.ABOVE, date(2026, 11, 29))], [4, 3, 2]),
    "up to a day": ([Placed(Relation.UP_TO, date(2026, 11, 28))], [1042, 1]),
    "before a day": ([Placed(Relation.BELOW, date(2026, 11, 28))], [1]),
    "the last days": ([Placed(Relation.IS, 2)], [4, 3, 2, 10_002]),
    "longer ago": ([Placed(Relation.ABOVE, 2, negated=True)], [5, 1042, 1]),
}


def test_each_filter_finds_its_orders(database: Database) -> None:
    database.write_sync(fill)
    found = {name: numbers(database, *conditions) for name, (conditions, _) in FILTERS.items()}
    assert found == {name: wanted for name, (_, wanted) in FILTERS.items()}


def test_a_day_begins_at_the_persons_midnight(database: Database) -> None:
    database.write_sync(fill)
    east = timezone(timedelta(hours=13))  # there it is one in the morning of 2 December
    assert numbers(database, Placed(Relation.IS, Day.TODAY), zone=east) == [4]
    assert numbers(database, Placed(Relation.IS, Day.YESTERDAY), zone=east) == [3, 2]


@pytest.mark.parametrize(
    ("key", "descending", "wanted"),
    [
        (SortKey.PLACED, False, [1, 1042, 10_002, 2, 3, 4, 5]),
        (SortKey.ORDER, True, [1042, 5, 4, 3, 2, 10_002, 1]),
        (SortKey.TOTAL, True, [2, 3, 1, 1042, 4, 10_002, 5]),
        (SortKey.TOTAL, False, [10_002, 4, 1042, 1, 3, 2, 5]),
        (SortKey.STATE, True, [2, 3, 5, 4, 10_002, 1042, 1]),
        (SortKey.STATE, False, [10_002, 1042, 1, 5, 4, 3, 2]),
    ],
)
def test_each_sorting_has_its_order(database: Database, key: SortKey, descending: bool, wanted: list[int]) -> None:
    database.write_sync(fill)
    assert numbers(database, sorting=Sorting(key, descending)) == wanted


def test_customers_are_sorted_by_name_whatever_the_case(database: Database) -> None:
    database.write_sync(lambda tx: fill(tx, second=False))
    assert numbers(database, sorting=Sorting(SortKey.CUSTOMER, descending=False)) == [1, 2, 1042, 3, 4, 5]


def test_a_screenful_is_read_by_id(database: Database) -> None:
    database.write_sync(fill)
    wanted = [packed(1, 3), packed(2, 2), packed(1, 77)]
    rows = database.read_sync(lambda conn: order_list.rows(conn, wanted))
    assert {key: (row.connection, row.order_id) for key, row in rows.items()} == {
        packed(1, 3): ("acme-us", 3),
        packed(2, 2): ("acme-eu", 2),
    }
    assert rows[packed(1, 3)] == OrderRow(
        connection_id=1,
        order_id=3,
        connection="acme-us",
        placed_at=NOON - timedelta(hours=2),
        first_seen_at=NOON,
        buyer_name="buyer 3",
        email="c@acme.com",
        ifs_customer="",
        ifs_order_no="",
        state=OrderState.WAITING.value,
        reason="mapping",
        total=Decimal("99.95"),
        currency="USD",
        attempts=0,
        next_try_at=None,
        synced_at=None,
        error="No rule for the SKU MUG 7.",
        remedy="",
        warnings="[]",
    )


def test_the_page_tells_what_stands_beside_the_list(database: Database) -> None:
    database.write_sync(fill)
    page = database.read_sync(lambda conn: order_list.page(conn, OrderFilter((PROBLEMS,)), now=NOON))
    assert [unpacked(row_id) for row_id in page.ids] == [(1, 3), (1, 2)]
    assert page.total == 7
    assert page.connections == {1: "acme-us", 2: "acme-eu"}
    assert page.newest_placed == NOON - timedelta(hours=1)
    sums = database.read_sync(lambda conn: order_list.totals(conn, [packed(1, 2), packed(2, 2), packed(1, 5)]))
    assert sums == {"USD": Decimal("100.00"), "EUR": Decimal("1.00")}


# -- at 100,000 orders -------------------------------------------------------------------------------------------------

MANY = 100_000
_FILL = """
INSERT INTO store_order (connection_id, order_id, state, reason, placed_at, first_seen_at, buyer_key, buyer_name, total)
SELECT 1 + n % 2, n, {state}, '', {placed}, {placed}, 'k' || (n / 3), 'buyer ' || (n % 997), n % 5000 * 10000
FROM {numbers}
"""
_STATE = (
    "CASE WHEN n % 16 = 0 THEN 'failed' WHEN n % 16 = 1 THEN 'waiting' WHEN n % 16 = 2 THEN 'due' ELSE 'synced' END"
)


def crowd(tx: Tx) -> None:
    """100,000 orders, made by the database itself."""
    for number in (1, 2):
        tx.conn.execute(connection.insert().values(id=number, name=f"c{number}", token=f"t{number}", created_at=tx.now))
    if tx.is_sqlite:
        placed = "strftime('%Y-%m-%dT%H:%M:%S.000000Z', '2026-12-01 12:00:00', '-' || n || ' minutes')"
        source = f"(WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < {MANY}) SELECT n FROM t)"
    else:
        placed, source = (
            "timestamptz '2026-12-01 12:00:00Z' - n * interval '1 minute'",
            f"generate_series(1, {MANY}) AS t(n)",
        )
    tx.conn.execute(text(_FILL.format(state=_STATE, placed=placed, numbers=source)))
    if not tx.is_sqlite:  # as autovacuum does; nobody does it on SQLite
        tx.conn.execute(text("ANALYZE store_order"))


def plans(database: Database, run: Callable[[Connection], object]) -> list[str]:
    """How the database goes about each statement of `run`."""
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    steps: list[str] = []

    def before(conn: Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if not statement.startswith("EXPLAIN"):
            rows = conn.exec_driver_sql(explain + statement, parameters)
            steps.extend(str(row[3] if database.is_sqlite else row[0]) for row in rows)

    def explained(conn: Connection) -> None:
        event.listen(conn, "before_cursor_execute", before)
        run(conn)
        event.remove(conn, "before_cursor_execute", before)

    database.read_sync(explained)
    return steps


def listed(*conditions: Condition, sorting: Sorting = order_list.NEWEST_FIRST) -> Callable[[Connection], object]:
    return lambda conn: order_list.ids(conn, OrderFilter(conditions), sorting, now=NOON, zone=UTC)


#: Queries that must find their way by an index. Not here: text that may stand anywhere, and the orders sorted by total
#: or buyer where nothing narrows them down; these read every order once, in a reader thread.
BY_INDEX: dict[str, Callable[[Connection], object]] = {
    "all": listed(),
    "all, oldest first": listed(sorting=Sorting(SortKey.PLACED, descending=False)),
    "problems": listed(PROBLEMS),
    "problems by total": listed(PROBLEMS, sorting=Sorting(SortKey.TOTAL)),
    "by urgency": listed(sorting=Sorting(SortKey.STATE)),
    "waiting for a reason": listed(OneOf(Named.STATE, ("waiting",)), OneOf(Named.REASON, ("mapping",))),
    "by cause": listed(OneOf(Named.CAUSE, ("mapping:MUG",))),
    "text of a problem": listed(Contains(Searched.PROBLEM, "mug")),
    "today": listed(Placed(Relation.IS, Day.TODAY)),
    "by number": listed(OneOf(Named.ORDER, ("1042", "7"))),
    "a screenful": lambda conn: order_list.rows(conn, [packed(1 + n % 2, n) for n in range(500, 600)]),
}


def test_no_list_reads_every_order_to_find_some(database: Database) -> None:
    database.write_sync(crowd)
    whole = {
        name: [step for step in plans(database, run) if _is_whole(step, is_sqlite=database.is_sqlite)]
        for name, run in BY_INDEX.items()
    }
    assert {name: steps for name, steps in whole.items() if steps} == {}


def _is_whole(step: str, *, is_sqlite: bool) -> bool:
    """Whether the step reads the whole table of orders."""
    if is_sqlite:
        return step.startswith("SCAN store_order") and "COVERING" not in step
    return "Seq Scan on store_order" in step


def test_the_whole_list_never_touches_an_order(sqlite_database: Database) -> None:
    """A hundred thousand ids come from the index alone, and without being sorted."""
    sqlite_database.write_sync(crowd)
    assert plans(sqlite_database, listed()) == ["SCAN store_order USING COVERING INDEX ix_store_order_placed"]
    ids = sqlite_database.read_sync(lambda conn: order_list.ids(conn, OrderFilter(), now=NOON))
    assert len(ids) == MANY
    assert ids[0] == packed(2, 1)
    assert ids[-1] == packed(1, MANY)
