"""Connections: settings without secrets, secrets only as `Secret`, and no two that IFS could mix up."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from bcifs_console.base.problems import UsageProblem
from bcifs_console.base.secret import Secret
from bcifs_console.domain.rules import (
    Allocation,
    ClosedPeriod,
    MappingRule,
    Policy,
    Purpose,
    RevenuePosting,
    TaxPoint,
    Unmatched,
    VoucherTransport,
)
from bcifs_console.store import connections, rules
from bcifs_console.store.connections import ConnectionSettings, NoSuchConnection
from bcifs_console.store.database import Database
from bcifs_console.store.tables import connection, journal
from bcifs_console.store.tables import secret as secret_table
from bcifs_console.store.vault import Vault

if TYPE_CHECKING:
    from tests.conftest import AddConnection

POLICY = Policy(start_at=datetime(2026, 12, 1, tzinfo=UTC), order_reference="BC-{order_id}")


def settings_of(database: Database, connection_id: int) -> ConnectionSettings:
    return database.read_sync(lambda conn: connections.settings_of(conn, connection_id))


def save(database: Database, connection_id: int, settings: ConnectionSettings) -> None:
    database.write_sync(lambda tx: connections.save(tx, connection_id, settings))


def remove(database: Database, vault: Vault, connection_id: int) -> None:
    database.write_sync(lambda tx: connections.remove(tx, vault, connection_id, actor="me"))


def names(database: Database) -> dict[str, int]:
    return database.read_sync(connections.names)


# -- adding and loading ------------------------------------------------------------------------------------------------


def test_a_connection_is_loaded_with_its_secrets_opened(
    database: Database, vault: Vault, add_connection: "AddConnection"
) -> None:
    connection_id = add_connection(database)
    loaded = database.read_sync(lambda conn: connections.load(conn, vault, connection_id))
    assert (loaded.id, loaded.name) == (connection_id, "acme-us")
    assert loaded.bigcommerce.client_secret == Secret("planted-bc-client-secret")
    assert loaded.bigcommerce.access_token == Secret("planted-bc-access-token")
    assert loaded.ifs.client_secret == Secret("planted-ifs-client-secret")
    assert (loaded.bigcommerce.store_hash, loaded.ifs.company, loaded.ifs.profile) == ("abc123", "10", "default")
    assert (loaded.bigcommerce.previous_client_secrets, loaded.previous_hook_secrets) == ((), ())
    assert "planted" not in repr(loaded)


def test_its_webhook_address_and_header_are_random(
    database: Database, vault: Vault, add_connection: "AddConnection"
) -> None:
    for name in ("acme-us", "acme-eu"):
        add_connection(database, name)
    first, second = database.read_sync(lambda conn: connections.load_all(conn, vault))
    assert first.token != second.token
    assert first.hook_secret != second.hook_secret
    assert len(bytes.fromhex(first.token)) == 16
    assert len(first.hook_secret.reveal()) >= 32


def test_secrets_of_a_rotation_are_still_accepted(
    database: Database, vault: Vault, add_connection: "AddConnection"
) -> None:
    connection_id = add_connection(database)
    for field in (connections.BC_PREVIOUS_CLIENT_SECRET, connections.PREVIOUS_HOOK_SECRET):
        put = partial(vault.put, connection_id=connection_id, field=field, value=Secret("old " + field))
        database.write_sync(put)
    loaded = database.read_sync(lambda conn: connections.load(conn, vault, connection_id))
    assert loaded.bigcommerce.previous_client_secrets == (Secret("old " + connections.BC_PREVIOUS_CLIENT_SECRET),)
    assert loaded.previous_hook_secrets == (Secret("old " + connections.PREVIOUS_HOOK_SECRET),)


def test_no_secret_is_in_the_settings_or_the_journal(database: Database, add_connection: "AddConnection") -> None:
    add_connection(database)
    rows = database.read_sync(
        lambda conn: [*conn.execute(select(connection)).all(), *conn.execute(select(journal)).all()]
    )
    assert rows
    assert "planted" not in repr(rows)


def test_every_choice_of_a_policy_comes_back(database: Database, add_connection: "AddConnection") -> None:
    policy = Policy(
        start_at=datetime(2026, 12, 1, 6, 30, tzinfo=UTC),
        revenue_posting=RevenuePosting.VOUCHER,
        unmatched=Unmatched.FIXED,
        fixed_customer="C1",
        guest_customer="C2",
        order_type_never_invoices=True,
        time_zone="America/Chicago",
        release_orders=False,
        release_shipped=True,
        import_statuses=frozenset({11, 2}),
        release_statuses=frozenset({11}),
        order_reference="US-{order_id}",
        allocation=Allocation.POSTING_CONTROL,
        minor_units={"JPY": 2},
        contract="100",
        voucher_transport=VoucherTransport.EXTERNAL_FILE,
        post_from=datetime(2026, 12, 24, 6, tzinfo=UTC),
        tax_point=TaxPoint.PAYMENT,
        closed_period=ClosedPeriod.NEXT_OPEN,
        count_test_tenders=True,
    )
    connection_id = add_connection(database, policy=policy)
    assert settings_of(database, connection_id).policy == policy
    assert policy != Policy(start_at=policy.start_at)


def test_a_policy_stored_before_there_were_vouchers_makes_none(
    database: Database, add_connection: "AddConnection"
) -> None:
    connection_id = add_connection(database)
    config = json.loads(database.read_sync(lambda conn: conn.execute(select(connection.c.config)).scalar_one()))
    for key in ("voucher_transport", "post_from", "tax_point", "closed_period", "count_test_tenders"):
        del config["policy"][key]
    database.write_sync(lambda tx: tx.conn.execute(update(connection).values(config=json.dumps(config))))
    policy = settings_of(database, connection_id).policy
    assert (policy.voucher_transport, policy.post_from) == (VoucherTransport.OFF, None)
    assert (policy.tax_point, policy.closed_period, policy.count_test_tenders) == ("shipment", "wait", False)
    assert not policy.makes_vouchers


def test_adding_is_in_the_journal(database: Database, add_connection: "AddConnection") -> None:
    connection_id = add_connection(database)
    (row,) = database.read_sync(lambda conn: conn.execute(select(journal)).all())
    assert (row.event, row.actor, row.connection_id, row.subject) == (
        "connection.added",
        "tester",
        connection_id,
        "connection:acme-us",
    )


# -- what may not be alike ---------------------------------------------------------------------------------------------


def test_a_name_is_taken_once(database: Database, add_connection: "AddConnection") -> None:
    add_connection(database, "acme-us")
    with pytest.raises(UsageProblem, match="acme-us") as caught:
        add_connection(database, "acme-us", company="20")
    assert "connection remove acme-us" in caught.value.remedy
    assert list(names(database)) == ["acme-us"]


@pytest.mark.parametrize(
    "address",
    ["https://acme.ifs.cloud", "https://acme.ifs.cloud/", "https://ACME.ifs.cloud"],
    ids=["same", "/", "case"],
)
def test_two_connections_on_one_company_need_different_references(
    database: Database, add_connection: "AddConnection", address: str
) -> None:
    add_connection(database, "acme-us", policy=POLICY)
    with pytest.raises(UsageProblem, match="two stores' orders would look like one") as caught:
        add_connection(database, "acme-eu", policy=POLICY, base_url=address)
    assert "order_reference" in caught.value.remedy
    assert list(names(database)) == ["acme-us"]


@pytest.mark.parametrize("other", [{"company": "20"}, {"base_url": "https://other.ifs.cloud"}])
def test_the_same_reference_is_fine_on_another_company_or_system(
    database: Database, add_connection: "AddConnection", other: dict[str, str]
) -> None:
    add_connection(database, "acme-us", policy=POLICY)
    add_connection(database, "acme-eu", policy=POLICY, **other)
    assert list(names(database)) == ["acme-us", "acme-eu"]


def test_a_change_of_settings_may_not_take_anothers_reference_either(
    database: Database, add_connection: "AddConnection"
) -> None:
    add_connection(database, "acme-us", policy=POLICY)
    second = add_connection(database, "acme-eu", policy=replace(POLICY, order_reference="EU-{order_id}"))
    settings = settings_of(database, second)
    with pytest.raises(UsageProblem):
        save(database, second, replace(settings, policy=POLICY))
    assert settings_of(database, second) == settings


def test_settings_are_replaced_whole(database: Database, add_connection: "AddConnection") -> None:
    connection_id = add_connection(database)
    settings = settings_of(database, connection_id)
    changed = replace(settings, ifs={**settings.ifs, "site": "200"}, policy=replace(settings.policy, contract="200"))
    save(database, connection_id, changed)
    assert settings_of(database, connection_id) == changed


# -- naming one --------------------------------------------------------------------------------------------------------


def test_the_only_connection_needs_no_name(database: Database, add_connection: "AddConnection") -> None:
    def resolve(name: str | None) -> int:
        return database.read_sync(lambda conn: connections.resolve(conn, name))

    with pytest.raises(NoSuchConnection):
        resolve(None)
    first = add_connection(database, "acme-us")
    assert resolve(None) == resolve("acme-us") == first
    second = add_connection(database, "acme-eu")
    assert resolve("acme-eu") == second
    with pytest.raises(UsageProblem, match="acme-us, acme-eu"):
        resolve(None)
    with pytest.raises(NoSuchConnection) as caught:
        resolve("acme")
    assert "acme-us" in caught.value.remedy


# -- removing ----------------------------------------------------------------------------------------------------------


def test_a_removed_connection_is_out_of_use_and_its_secrets_are_gone(
    database: Database, vault: Vault, add_connection: "AddConnection"
) -> None:
    first, second = add_connection(database, "acme-us"), add_connection(database, "acme-eu")
    remove(database, vault, first)
    assert names(database) == {"acme-eu": second}
    assert [c.name for c in database.read_sync(lambda conn: connections.load_all(conn, vault))] == ["acme-eu"]
    left = database.read_sync(lambda conn: conn.execute(select(secret_table.c.connection_id)).scalars().all())
    assert set(left) == {second}
    assert database.read_sync(connections.all_names)[first].startswith("acme-us (removed 2026-12-01")


def test_a_removed_name_and_reference_may_be_used_again_and_again(
    database: Database, vault: Vault, add_connection: "AddConnection"
) -> None:
    for _ in range(3):
        remove(database, vault, add_connection(database, "acme-us", policy=POLICY))
    assert len(database.read_sync(connections.all_names)) == 3
    assert names(database) == {}


def test_removing_twice_is_removing_once(database: Database, vault: Vault, add_connection: "AddConnection") -> None:
    connection_id = add_connection(database)
    remove(database, vault, connection_id)
    before = database.read_sync(connections.all_names)
    remove(database, vault, connection_id)
    assert database.read_sync(connections.all_names) == before
    events = database.read_sync(lambda conn: conn.execute(select(journal.c.event)).scalars().all())
    assert events == ["connection.added", "connection.removed"]


# -- noticing changes --------------------------------------------------------------------------------------------------


def test_the_signature_changes_with_everything_a_running_service_must_load_again(
    database: Database, vault: Vault, clock: Any, add_connection: "AddConnection"
) -> None:
    connection_id = add_connection(database)
    settings = settings_of(database, connection_id)
    rule = MappingRule(Purpose.REVENUE, 1, "4000")

    def signature() -> str:
        clock.advance(1)
        return database.read_sync(connections.signature)

    seen = [signature()]
    assert signature() == seen[0]
    for change in (
        lambda tx: connections.save(tx, connection_id, replace(settings, ifs={**settings.ifs, "site": "7"})),
        lambda tx: vault.put(tx, connection_id, connections.IFS_CLIENT_SECRET, Secret("new")),
        lambda tx: rules.replace(tx, connection_id, Purpose.REVENUE, [rule], actor="me", reason="first"),
        lambda tx: rules.replace(tx, connection_id, Purpose.REVENUE, [], actor="me", reason="none"),
        lambda tx: connections.remove(tx, vault, connection_id, actor="me"),
    ):
        database.write_sync(change)
        seen.append(signature())
    assert len(set(seen)) == len(seen)


def test_settings_are_kept_as_json_that_people_can_read(database: Database, add_connection: "AddConnection") -> None:
    add_connection(database, policy=replace(POLICY, order_reference="Ö-{order_id}"))
    config = database.read_sync(lambda conn: conn.execute(select(connection.c.config)).scalar_one())
    assert json.loads(config)["policy"]["import_statuses"] == sorted(POLICY.import_statuses)
    assert "Ö-{order_id}" in config
