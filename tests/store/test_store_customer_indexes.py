"""The directory and what is kept of buyers: each query walks an index at 100,000 customers and as many links."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.domain.states import OrderState
from bcifs_console.store import customers, directory, lookups, migrate, queue
from bcifs_console.store.database import Database, Tx
from bcifs_console.store.directory import Crawl, Entry, KeyKind
from bcifs_console.store.tables import (
    connection,
    customer_key,
    customer_link,
    customer_lookup,
    decision,
    directory_crawl,
    directory_customer,
)
from bcifs_console.store.views import decisions
from tests.store.test_store_indexes import plan_of

NOON: Final = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
MANY: Final = 100_000
CRAWL: Final = Crawl(2, "C1", 1, NOON, None, MANY, NOON)
KEYS: Final = ((KeyKind.EMAIL, "b7@example.com"), (KeyKind.DOMAIN, "d7.example"), (KeyKind.WORD, "word7"))


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A store with 100,000 customers in its directory, 100,000 links and decisions, few of them open."""
    path = tmp_path_factory.mktemp("directory") / "bcifs.db"
    url = f"sqlite:///{Path(path)}"
    migrate.upgrade(url)
    database = Database(url, clock=ManualClock(NOON))
    database.write_sync(_fill)
    yield database
    database.close()


def _fill(tx: Tx) -> None:
    tx.conn.execute(connection.insert().values(id=1, name="c1", token="t1", created_at=tx.now))
    tx.conn.execute(directory_crawl.insert().values(connection_id=1, number=2, started_at=tx.now))
    tx.conn.execute(
        directory_customer.insert(),
        [{"connection_id": 1, "customer_id": f"C{n}", "name": f"N{n}", "crawl": 2} for n in range(MANY)],
    )
    tx.conn.execute(
        customer_key.insert(),
        [
            {"connection_id": 1, "customer_id": f"C{n}", "kind": kind, "value": value, "origin": ""}
            for n in range(MANY)
            for kind, value in (("email", f"b{n}@example.com"), ("word", f"word{n}"))
        ],
    )
    tx.conn.execute(
        customer_lookup.insert(),
        [{"connection_id": 1, "email": f"b{n}@example.com", "found": "[]", "looked_at": tx.now} for n in range(MANY)],
    )
    rows: list[dict[str, Any]] = [{"connection_id": 1, "buyer_key": f"customer:{n}"} for n in range(MANY)]
    tx.conn.execute(
        customer_link.insert(), [{**row, "customer_id": "C1", "source": "lookup", "created_at": tx.now} for row in rows]
    )
    tx.conn.execute(
        decision.insert(),
        [
            {
                **row,
                "asked_at": tx.now,
                "action": "" if n % 5_000 == 0 else "link",
                "decided_at": None if n % 5_000 == 0 else tx.now,
            }
            for n, row in enumerate(rows)
        ],
    )


QUERIES: dict[str, Callable[[Tx], Any]] = {
    "holders of an e-mail": lambda tx: directory.holders(tx.conn, 1, "b7@example.com"),
    "likely customers": lambda tx: directory.likely(tx.conn, 1, KEYS, limit=50),
    "put a stretch": lambda tx: directory.put(tx, 1, CRAWL, [Entry("C7", "N7", ("b7@example.com",))]),
    "complete a crawl": lambda tx: directory.complete(tx, 1, CRAWL),
    "tie and untie": lambda tx: directory.untie(tx, 1, "C7", "decision:1"),
    "last answer": lambda tx: lookups.find(tx.conn, 1, "b7@example.com"),
    "link of a buyer": lambda tx: customers.link_of(tx.conn, 1, "customer:7"),
    "decision of a buyer": lambda tx: customers.decision_of_buyer(tx.conn, 1, "customer:7"),
    "open decisions": lambda tx: customers.open_decisions(tx.conn, 1),
    "close a decision": lambda tx: customers.close_decision(tx, 1, "customer:7", "rule", "C1"),
    "those that wait": lambda tx: decisions.waiting(tx.conn),
    "those answered": lambda tx: decisions.answered(tx.conn, limit=50),
    "orders of a buyer": lambda tx: queue.orders_of_buyer(tx.conn, 1, "customer:7", [OrderState.WAITING]),
}


@pytest.mark.parametrize("name", QUERIES)
def test_no_query_reads_a_whole_large_table(crowded: Database, name: str) -> None:
    steps = plan_of(crowded, QUERIES[name])
    assert steps
    scans = [step for step in steps if step.startswith("SCAN") and "USING" not in step and "CONSTANT" not in step]
    assert [step for step in scans if step.split()[1] not in {"connection", "json_each"}] == []
