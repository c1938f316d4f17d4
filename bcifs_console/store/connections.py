"""Connections: settings as JSON beside sealed secrets. Secrets go in here and come out only as `Secret`."""

import hashlib
import json
import secrets as random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Connection as SqlConnection
from sqlalchemy import delete, func, select, update

from bcifs_console.base.problems import Problem, ProblemKind, UsageProblem
from bcifs_console.base.secret import Secret
from bcifs_console.domain.connections import BigCommerceAccess, Connection, IfsAccess
from bcifs_console.domain.documents import DocumentKind
from bcifs_console.domain.rules import Policy
from bcifs_console.domain.states import OrderState, order_subject
from bcifs_console.store import group_retries, health, journal, pauses
from bcifs_console.store.database import Tx
from bcifs_console.store.tables import connection, document, mapping_rule, store_order
from bcifs_console.store.tables import secret as secret_table
from bcifs_console.store.vault import Vault

#: The secrets of a connection, by their field in the vault.
BC_CLIENT_SECRET: Final = "bigcommerce.client_secret"  # noqa: S105 - a field's name
BC_PREVIOUS_CLIENT_SECRET: Final = "bigcommerce.previous_client_secret"  # noqa: S105 - a field's name
BC_ACCESS_TOKEN: Final = "bigcommerce.access_token"  # noqa: S105 - a field's name
IFS_CLIENT_SECRET: Final = "ifs.client_secret"  # noqa: S105 - a field's name
HOOK_SECRET: Final = "hook_secret"  # noqa: S105 - a field's name
PREVIOUS_HOOK_SECRET: Final = "previous_hook_secret"  # noqa: S105 - a field's name
REQUIRED_SECRETS: Final = (BC_CLIENT_SECRET, BC_ACCESS_TOKEN, IFS_CLIENT_SECRET)


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """A connection without its secrets, as stored and shown."""

    bigcommerce: dict[str, Any]
    ifs: dict[str, Any]
    policy: Policy


class NoSuchConnection(Problem):
    """There is no connection of that name."""

    kind = ProblemKind.NOT_FOUND


@cache
def _policy() -> TypeAdapter[Policy]:
    return TypeAdapter(Policy)


def policy_json(policy: Policy) -> dict[str, Any]:
    """A policy as JSON values."""
    dumped: dict[str, Any] = _policy().dump_python(policy, mode="json")
    for key in ("import_statuses", "release_statuses"):
        dumped[key] = sorted(dumped[key])
    return dumped


def add(
    tx: Tx, vault: Vault, name: str, settings: ConnectionSettings, secrets: Mapping[str, Secret], actor: str
) -> int:
    """Store a new connection and return its id. Raises UsageProblem where the name or order reference is taken."""
    if name in names(tx.conn):
        raise UsageProblem(
            f"There is a connection {name!r} already.",
            remedy=f"Choose another name, or run: bcifs connection remove {name}",
        )
    _refuse_same_reference(tx.conn, settings, None)
    connection_id = tx.conn.execute(
        connection.insert()
        .values(name=name, token=random.token_hex(16), config=_config(settings), created_at=tx.now)
        .returning(connection.c.id)
    ).scalar_one()
    for field, value in secrets.items():
        vault.put(tx, connection_id, field, value)
    vault.put(tx, connection_id, HOOK_SECRET, Secret(random.token_urlsafe(32)))
    journal.write(tx, "connection.added", actor=actor, connection_id=connection_id, subject=f"connection:{name}")
    return int(connection_id)


def _refuse_same_reference(conn: SqlConnection, settings: ConnectionSettings, own_id: int | None) -> None:
    """Two connections on one IFS company must not give two orders one reference (DESIGN §6).

    Nor may another store take the reference of a removed connection that sent orders: they stand in IFS, and an order
    of the new store with the same number would be taken for one of them. The same store finds its own orders again.
    """
    for other in _all_rows(conn):
        if other.id == own_id or _reference(other.settings) != _reference(settings):
            continue
        if other.removed_at is not None and (
            _store(other.settings) == _store(settings) or not _has_sent(conn, other.id)
        ):
            continue
        raise UsageProblem(
            f"Connection {other.name!r} {'books' if other.removed_at is None else 'booked'} on the same IFS company "
            f"with the order reference {settings.policy.order_reference!r}: two stores' orders would look like one.",
            remedy='Set another [policy] order_reference, for example "US-{order_id}".',
        )


def _reference(settings: ConnectionSettings) -> tuple[str, str, str]:
    return *_company(settings), settings.policy.order_reference


def _store(settings: ConnectionSettings) -> str:
    return str(settings.bigcommerce.get("store_hash", ""))


def other_references(conn: SqlConnection, connection_id: int) -> list[str]:
    """The order references of the other connections, removed ones included, on the IFS company of this one."""
    rows = _all_rows(conn)
    company = next(_company(row.settings) for row in rows if row.id == connection_id)
    others = (row.settings for row in rows if row.id != connection_id and _company(row.settings) == company)
    return [settings.policy.order_reference for settings in others]


def _has_sent(conn: SqlConnection, connection_id: int) -> bool:
    """Whether an order of the connection stands, or may stand, in IFS."""
    query = select(document.c.id).where(
        document.c.connection_id == connection_id, document.c.kind == DocumentKind.CUSTOMER_ORDER.value
    )
    return conn.execute(query.limit(1)).first() is not None


def _company(settings: ConnectionSettings) -> tuple[str, str]:
    return str(settings.ifs.get("base_url", "")).rstrip("/").casefold(), str(settings.ifs.get("company", ""))


def _config(settings: ConnectionSettings) -> str:
    return json.dumps(
        {"bigcommerce": settings.bigcommerce, "ifs": settings.ifs, "policy": policy_json(settings.policy)},
        ensure_ascii=False,
        sort_keys=True,
    )


def save(tx: Tx, connection_id: int, settings: ConnectionSettings) -> None:
    """Replace a connection's settings. Raises UsageProblem where the order reference is taken."""
    _refuse_same_reference(tx.conn, settings, connection_id)
    tx.conn.execute(update(connection).where(connection.c.id == connection_id).values(config=_config(settings)))


def _settings(config: str) -> ConnectionSettings:
    data = json.loads(config)
    return ConnectionSettings(data["bigcommerce"], data["ifs"], _policy().validate_python(data["policy"]))


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    name: str
    settings: ConnectionSettings
    removed_at: datetime | None


def _all_rows(conn: SqlConnection) -> list[_Row]:
    """Every connection, removed ones included; those in use first, they are what a complaint should name."""
    columns = (connection.c.id, connection.c.name, connection.c.config, connection.c.removed_at)
    rows = conn.execute(select(*columns).order_by(connection.c.removed_at.is_not(None), connection.c.id))
    return [_Row(row.id, row.name, _settings(row.config), row.removed_at) for row in rows]


def names(conn: SqlConnection) -> dict[str, int]:
    """Name → id of every connection, oldest first."""
    rows = conn.execute(
        select(connection.c.name, connection.c.id).where(connection.c.removed_at.is_(None)).order_by(connection.c.id)
    )
    return {row.name: row.id for row in rows}


def all_names(conn: SqlConnection) -> dict[int, str]:
    """Id → name of every connection, removed ones included (their orders stay in the books)."""
    return {row.id: row.name for row in conn.execute(select(connection.c.id, connection.c.name))}


def resolve(conn: SqlConnection, name: str | None) -> int:
    """The id of the named connection, or of the only one. Raises NoSuchConnection or UsageProblem."""
    known = names(conn)
    if name is None:
        if len(known) == 1:
            return next(iter(known.values()))
        if not known:
            raise NoSuchConnection("There is no connection yet.", remedy="Run: bcifs connection add FILE")
        raise UsageProblem(
            f"There are several connections: {', '.join(known)}.", remedy="Name one with --connection NAME."
        )
    if name not in known:
        raise NoSuchConnection(f"There is no connection {name!r}.", remedy=f"Known: {', '.join(known) or 'none'}.")
    return known[name]


def settings_of(conn: SqlConnection, connection_id: int) -> ConnectionSettings:
    """The settings of one connection."""
    config = conn.execute(select(connection.c.config).where(connection.c.id == connection_id)).scalar_one()
    return _settings(config)


def load(conn: SqlConnection, vault: Vault, connection_id: int) -> Connection:
    """A connection with its secrets opened. Raises VaultProblem where they do not open."""
    row = conn.execute(select(connection).where(connection.c.id == connection_id)).one()
    settings = _settings(row.config)

    def secret(field: str) -> Secret:
        return vault.get(conn, connection_id, field) or Secret("")

    previous = vault.get(conn, connection_id, BC_PREVIOUS_CLIENT_SECRET)
    previous_hook = vault.get(conn, connection_id, PREVIOUS_HOOK_SECRET)
    store = dict(settings.bigcommerce)
    if "signature_schemes" in store:
        store["signature_schemes"] = tuple(store["signature_schemes"])
    return Connection(
        id=row.id,
        name=row.name,
        token=row.token,
        hook_secret=secret(HOOK_SECRET),
        previous_hook_secrets=(previous_hook,) if previous_hook else (),
        bigcommerce=BigCommerceAccess(
            client_secret=secret(BC_CLIENT_SECRET),
            access_token=secret(BC_ACCESS_TOKEN),
            previous_client_secrets=(previous,) if previous else (),
            **store,
        ),
        ifs=IfsAccess(client_secret=secret(IFS_CLIENT_SECRET), **settings.ifs),
        policy=settings.policy,
    )


def load_all(conn: SqlConnection, vault: Vault) -> list[Connection]:
    """Every connection in use."""
    return [load(conn, vault, connection_id) for connection_id in names(conn).values()]


def remove(tx: Tx, vault: Vault, connection_id: int, *, actor: str) -> None:
    """Take a connection out of use and erase its secrets; its orders and ledger stay, under a name that says so.

    What was still to be done for it is not waited for any longer: nobody could do it.
    """
    row = tx.conn.execute(select(connection).where(connection.c.id == connection_id)).one()
    if row.removed_at is not None:
        return
    vault.erase(tx, connection_id)
    gone = f"{row.name} (removed {tx.now:%Y-%m-%d %H:%M:%S}, {connection_id})"
    tx.conn.execute(update(connection).where(connection.c.id == connection_id).values(name=gone, removed_at=tx.now))
    _let_go(tx, connection_id)
    for paused in health.breakers(tx.conn):
        if paused.connection_id == connection_id and paused.is_open:
            health.set_breaker(tx, connection_id, paused.side, is_open=False)
    pauses.resume(tx, connection_id, actor=actor)
    for retry in group_retries.every(tx.conn, connection_id):
        group_retries.give_up(tx, retry.group, actor=actor)
    journal.write(tx, "connection.removed", actor=actor, connection_id=connection_id, subject=f"connection:{row.name}")


_UNFINISHED: Final = (OrderState.DUE, OrderState.WORKING, OrderState.WAITING, OrderState.FAILED)


def _let_go(tx: Tx, connection_id: int) -> None:
    """No order of the connection is due, waits or is held any longer."""
    unfinished = store_order.c.state.in_([state.value for state in _UNFINISHED])
    let_go = tx.conn.execute(
        update(store_order)
        .where(store_order.c.connection_id == connection_id, unfinished)
        .values(
            state=OrderState.IGNORED.value,
            reason="",
            error="Its connection was removed.",
            remedy="",
            cause="",
            problems="[]",
            due_at=None,
            done_generation=store_order.c.generation,
            lease_owner="",
            lease_until=None,
            lease_fence=store_order.c.lease_fence + 1,  # a look under way does not end in another state
        )
        .returning(store_order.c.order_id)
    )
    journal.touch(tx, "order", [(connection_id, order_subject(order_id)) for order_id in let_go.scalars().all()])


# Made once: every service asks each second.
_CONFIGS: Final = select(connection.c.id, connection.c.config, connection.c.removed_at)
_NEWEST_SECRET: Final = select(func.max(secret_table.c.updated_at))
_NEWEST_RULE: Final = select(func.max(mapping_rule.c.id), func.max(mapping_rule.c.retired_at))


def signature(conn: SqlConnection) -> str:
    """A text that changes whenever connections, secrets or mapping rules change: who sees a new one reloads."""
    configs = conn.execute(_CONFIGS).all()
    newest_secret = conn.execute(_NEWEST_SECRET).scalar()
    newest_rule = conn.execute(_NEWEST_RULE).one()
    return repr((sorted((r.id, r.config, r.removed_at) for r in configs), newest_secret, tuple(newest_rule)))


def digest_of(signature_: str) -> str:
    """A signature in short: a process tells by it which connections and secrets it works with."""
    return hashlib.sha256(signature_.encode()).hexdigest()[:16]


def digest(conn: SqlConnection) -> str:
    """The present signature in short."""
    return digest_of(signature(conn))


def tokens_of_removed(conn: SqlConnection) -> frozenset[str]:
    """The webhook address tokens of connections that were removed: nobody listens there any more."""
    return frozenset(conn.execute(select(connection.c.token).where(connection.c.removed_at.is_not(None))).scalars())


def renew_hook_secret(tx: Tx, vault: Vault, connection_id: int) -> None:
    """Make a new secret for the header of our hooks; the present one is still accepted for a while."""
    present = vault.get(tx.conn, connection_id, HOOK_SECRET)
    if present is not None:
        vault.put(tx, connection_id, PREVIOUS_HOOK_SECRET, present)
    vault.put(tx, connection_id, HOOK_SECRET, Secret(random.token_urlsafe(32)))


def forget_previous_hook_secret(tx: Tx, connection_id: int, *, older_than: datetime) -> bool:
    """Accept the secret from before a renewal no longer, where that was before `older_than`. Whether it was so."""
    here = (secret_table.c.connection_id == connection_id) & (secret_table.c.field == PREVIOUS_HOOK_SECRET)
    return tx.conn.execute(delete(secret_table).where(here, secret_table.c.updated_at < older_than)).rowcount > 0
