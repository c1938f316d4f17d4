"""What the store's tests share: short forms for marking, claiming, finishing and looking at orders."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from bcifs_console.base.clock import ManualClock
from bcifs_console.domain.states import Claim, OrderFacts, OrderState, Outcome
from bcifs_console.store import intake, queue
from bcifs_console.store.database import Database
from bcifs_console.store.tables import store_order

if TYPE_CHECKING:
    from tests.conftest import AddConnection

LEASE = timedelta(seconds=60)


@dataclass
class Bench:
    """One database with one connection, and the verbs of the due queue in short."""

    database: Database
    clock: ManualClock
    connection_id: int

    def mark(self, *order_ids: int, at: datetime | None = None, connection_id: int | None = None) -> int:
        where = connection_id or self.connection_id
        return self.database.write_sync(lambda tx: intake.mark_due(tx, where, order_ids, found_by="test", at=at))

    def claim(self, owner: str = "w1", *, limit: int = 10, **how: Any) -> list[Claim]:
        return self.database.write_sync(lambda tx: queue.claim(tx, owner, limit=limit, lease=LEASE, **how))

    def claim_one(self, order_id: int, owner: str = "w1") -> Claim:
        (held,) = self.claim(owner, only=[(self.connection_id, order_id)])
        return held

    def claim_and_finish_all(self) -> int:
        """Bring every due order to `synced`; returns how many there were."""
        claims = self.claim()
        for held in claims:
            self.finish(held, OrderState.SYNCED)
        return len(claims)

    def finish(self, held: Claim, state: OrderState, **how: Any) -> OrderState:
        outcome = Outcome(state, **how)
        return self.database.write_sync(lambda tx: queue.finish(tx, held, outcome, actor="test"))

    def put(self, order_id: int, state: OrderState, **how: Any) -> None:
        """Bring a new order into `state` the way a worker does."""
        self.mark(order_id)
        held = self.claim_one(order_id)
        if state is not OrderState.WORKING:
            self.finish(held, state, **how)

    def row(self, order_id: int) -> Any:
        where = (store_order.c.connection_id == self.connection_id) & (store_order.c.order_id == order_id)
        return self.database.read_sync(lambda conn: conn.execute(select(store_order).where(where)).one())

    def facts(self, **changes: Any) -> OrderFacts:
        values: dict[str, Any] = {
            "placed_at": datetime(2026, 12, 1, 8, 30, tzinfo=UTC),
            "modified_at": datetime(2026, 12, 1, 8, 31, tzinfo=UTC),
            "status_id": 11,
            "email": "ann@example.com",
            "buyer_key": "customer:17",
            "buyer_name": "Ann Lee",
            "total": Decimal("69.84"),
            "currency": "USD",
        }
        return OrderFacts(**(values | changes))


@pytest.fixture
def sqlite_bench(sqlite_database: Database, clock: ManualClock, add_connection: "AddConnection") -> Bench:
    """For rules that are the same statements on both engines, where running them twice would only take time."""
    return Bench(sqlite_database, clock, add_connection(sqlite_database))


@pytest.fixture
def bench(database: Database, clock: ManualClock, connection_id: int) -> Bench:
    return Bench(database, clock, connection_id)
