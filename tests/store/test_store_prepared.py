"""`Prepared` writes what SQLAlchemy would write, on both engines, and fails as SQLAlchemy fails."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import bindparam, select, update

from bcifs_console.store.database import Database, Tx
from bcifs_console.store.errors import StoreProblem
from bcifs_console.store.prepared import Prepared
from bcifs_console.store.tables import store_order

MOMENT = datetime(2026, 12, 1, 12, 30, 15, 250_000, tzinfo=UTC)
NAMES = ("connection_id", "order_id", "first_seen_at", "due_at", "total", "buyer_name")


def _insert(dialect: Any) -> Any:
    insert = dialect.insert(store_order).values(state="due", **{name: bindparam(name) for name in NAMES})
    return insert.on_conflict_do_nothing(index_elements=["connection_id", "order_id"])


INSERT = Prepared(_insert, NAMES)
RENAME = Prepared(
    lambda _dialect: (
        update(store_order)
        .where(store_order.c.order_id == bindparam("of_order"), store_order.c.state == "due")
        .values(buyer_name=bindparam("name"))
    ),
    ("of_order", "name"),
)


def _stored(tx: Tx) -> list[tuple[Any, ...]]:
    columns = (store_order.c[name] for name in ("order_id", "first_seen_at", "due_at", "total", "buyer_name", "state"))
    return [tuple(row) for row in tx.conn.execute(select(*columns).order_by(store_order.c.order_id))]


def test_times_amounts_and_nulls_come_back_as_they_went_in(database: Database, connection_id: int) -> None:
    def write(tx: Tx) -> list[tuple[Any, ...]]:
        INSERT.once(
            tx,
            connection_id=connection_id,
            order_id=1,
            first_seen_at=MOMENT,
            due_at=None,
            total=Decimal("12.3456"),
            buyer_name="Zoë 'x'",
        )
        seen, total = INSERT.value(tx, "first_seen_at", MOMENT), INSERT.value(tx, "total", Decimal(7))
        INSERT.many(tx, [(connection_id, number, seen, seen, total, "") for number in (2, 3)])
        return _stored(tx)

    assert database.write_sync(write) == [
        (1, MOMENT, None, Decimal("12.3456"), "Zoë 'x'", "due"),
        (2, MOMENT, MOMENT, Decimal("7.00"), "", "due"),
        (3, MOMENT, MOMENT, Decimal("7.00"), "", "due"),
    ]


def test_once_tells_how_many_rows_it_touched(database: Database, connection_id: int) -> None:
    def write(tx: Tx) -> list[int]:
        row = {"connection_id": connection_id, "first_seen_at": MOMENT, "due_at": None, "total": None, "buyer_name": ""}
        inserted = [INSERT.once(tx, order_id=1, **row) for _ in range(2)]
        return [*inserted, RENAME.once(tx, of_order=1, name="Ada"), RENAME.once(tx, of_order=9, name="Ada")]

    assert database.write_sync(write) == [1, 0, 1, 0]


def test_the_drivers_refusal_is_a_problem_of_the_store(database: Database) -> None:
    row = {"connection_id": 999, "order_id": 1, "first_seen_at": MOMENT, "due_at": None, "total": None}

    with pytest.raises(StoreProblem, match="IntegrityError"):
        database.write_sync(lambda tx: INSERT.once(tx, buyer_name="", **row))
