"""What a removed connection leaves behind: nothing that is waited for, and a reference only its own store may reuse."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from bcifs_console.base.problems import UsageProblem
from bcifs_console.domain.documents import DocumentKind
from bcifs_console.domain.rules import Policy
from bcifs_console.domain.states import OrderState, Side
from bcifs_console.store import connections, health, ledger, queue
from bcifs_console.store.connections import ConnectionSettings
from bcifs_console.store.database import Database
from bcifs_console.store.errors import LeaseLost
from bcifs_console.store.ledger import NewDocument
from bcifs_console.store.vault import Vault

if TYPE_CHECKING:
    from tests.conftest import AddConnection
    from tests.store.conftest import Bench

POLICY = Policy(start_at=datetime(2026, 12, 1, tzinfo=UTC), order_reference="BC-{order_id}")
Add = Callable[..., int]


@pytest.fixture
def removed(database: Database, vault: Vault, add_connection: "AddConnection") -> ConnectionSettings:
    """The settings of a connection that sent an order and was removed."""
    connection_id = add_connection(database, "acme-us", policy=POLICY)
    send_an_order(database, connection_id)
    settings = database.read_sync(lambda conn: connections.settings_of(conn, connection_id))
    remove(database, vault, connection_id)
    return settings


def send_an_order(database: Database, connection_id: int) -> None:
    sent = NewDocument(
        connection_id=connection_id,
        subject="order:5001",
        key="BC-5001",
        kind=DocumentKind.CUSTOMER_ORDER,
        fact_hash="",
        amount=Decimal(1),
        currency="USD",
        draft="{}",
    )
    database.write_sync(lambda tx: ledger.intend(tx, sent))


def remove(database: Database, vault: Vault, connection_id: int) -> None:
    database.write_sync(lambda tx: connections.remove(tx, vault, connection_id, actor="me"))


def of_store(settings: ConnectionSettings, store_hash: str) -> ConnectionSettings:
    return replace(settings, bigcommerce={**settings.bigcommerce, "store_hash": store_hash})


def add(database: Database, vault: Vault, settings: ConnectionSettings) -> int:
    return database.write_sync(lambda tx: connections.add(tx, vault, "acme-new", settings, {}, "me"))


# -- its reference -----------------------------------------------------------------------------------------------------


def test_another_store_may_not_take_the_reference_of_orders_that_stand_in_ifs(
    database: Database, vault: Vault, removed: ConnectionSettings
) -> None:
    with pytest.raises(UsageProblem, match="two stores' orders would look like one") as caught:
        add(database, vault, of_store(removed, "other"))
    assert "acme-us (removed" in caught.value.message
    assert "order_reference" in caught.value.remedy


def test_nor_by_a_change_of_settings(database: Database, vault: Vault, removed: ConnectionSettings) -> None:
    other = replace(of_store(removed, "other"), policy=replace(POLICY, order_reference="EU-{order_id}"))
    connection_id = add(database, vault, other)
    with pytest.raises(UsageProblem):
        database.write_sync(lambda tx: connections.save(tx, connection_id, of_store(removed, "other")))


def test_the_same_store_may_come_back(database: Database, vault: Vault, removed: ConnectionSettings) -> None:
    assert add(database, vault, removed) in database.read_sync(connections.names).values()


@pytest.mark.parametrize("elsewhere", [{"company": "20"}, {"base_url": "https://other.ifs.cloud"}])
def test_another_store_on_another_company_may(
    database: Database, vault: Vault, removed: ConnectionSettings, elsewhere: dict[str, str]
) -> None:
    settings = of_store(removed, "other")
    assert add(database, vault, replace(settings, ifs={**settings.ifs, **elsewhere}))


def test_a_connection_that_never_sent_an_order_blocks_nobody(
    database: Database, vault: Vault, add_connection: "AddConnection"
) -> None:
    """Added with a wrong store hash, removed, added again."""
    connection_id = add_connection(database, "acme-us", policy=POLICY)
    settings = database.read_sync(lambda conn: connections.settings_of(conn, connection_id))
    remove(database, vault, connection_id)
    assert add(database, vault, of_store(settings, "right"))


# -- its orders and pauses ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", list(OrderState))
def test_its_unfinished_orders_are_waited_for_no_longer(vault: Vault, bench: "Bench", state: OrderState) -> None:
    bench.put(7, state, error="said before")
    remove(bench.database, vault, bench.connection_id)
    row: Any = bench.row(7)
    if state in (OrderState.SYNCED, OrderState.SKIPPED, OrderState.IGNORED):
        assert (row.state, row.error) == (state.value, "said before")
        return
    assert (row.state, row.reason, row.error) == ("ignored", "", "Its connection was removed.")
    assert (row.lease_owner, row.lease_until, row.due_at) == ("", None, None)
    assert row.done_generation == row.generation
    assert bench.claim() == []


def test_a_look_under_way_cannot_bring_its_order_back(vault: Vault, bench: "Bench") -> None:
    bench.mark(7)
    held = bench.claim_one(7)
    remove(bench.database, vault, bench.connection_id)
    with pytest.raises(LeaseLost):
        bench.finish(held, OrderState.SYNCED)
    assert bench.row(7).state == "ignored"


def test_orders_of_others_stay_as_they_are(vault: Vault, bench: "Bench", add_connection: "AddConnection") -> None:
    other = add_connection(bench.database, "acme-eu")
    bench.mark(7, connection_id=other)
    remove(bench.database, vault, bench.connection_id)
    states = bench.database.read_sync(queue.states)
    assert states == {(other, OrderState.DUE.value): 1}


def test_its_pauses_end_and_those_of_others_do_not(
    database: Database, vault: Vault, connection_id: int, add_connection: "AddConnection"
) -> None:
    other = add_connection(database, "acme-eu")

    def pause(which: int, side: Side) -> None:
        database.write_sync(lambda tx: health.set_breaker(tx, which, side, is_open=True, cause="wrong secret"))

    for side in Side:
        pause(connection_id, side)
    pause(other, Side.IFS)
    remove(database, vault, connection_id)
    rows = database.read_sync(health.breakers)
    assert {(row.connection_id, row.side) for row in rows if row.is_open} == {(other, Side.IFS)}
