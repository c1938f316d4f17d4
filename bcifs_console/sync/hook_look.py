"""Asking a store for our webhook registrations, and which ones we want there. Changes nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import Connection as SqlConnection

from bcifs_console.bigcommerce.errors import BadAnswer, InvalidRequest, NotFound, PermissionMissing
from bcifs_console.bigcommerce.hooks import BlockedDomain, Hook, HooksAdmin
from bcifs_console.bigcommerce.scopes import DELIVERY_EXCEPTION_SCOPE, EXCEPTIONS_SUFFIX, WEBHOOK_PATH, scopes_of
from bcifs_console.domain.connections import Connection
from bcifs_console.store import connections, health
from bcifs_console.sync.hook_plan import Step, Wanted, plan
from bcifs_console.sync.runtime import Runtime

#: The cursor that says when the store would not have the exceptions' hook: it is not tried again before this has
#: passed, unless a person asks.
REFUSED: Final = "hook_exceptions_refused"
_REFUSED_FOR: Final = timedelta(days=1)
#: Roles of processes that have a listener.
LISTENING: Final = ("all", "listener")


@dataclass(frozen=True, slots=True)
class Look:
    """The registrations as the store has them, and what is to be done about them."""

    found: tuple[Hook, ...]
    steps: tuple[Step, ...]
    blocked: BlockedDomain | None


def destination_of(connection: Connection) -> str:
    """Where BigCommerce is to send this connection's events."""
    return connection.bigcommerce.public_url.rstrip("/") + WEBHOOK_PATH + connection.token


def destinations_of(connection: Connection) -> dict[str, str]:
    """Every scope that is to be registered, with its address.

    The hook that tells of failed deliveries must have one of its own (facts §2.5); by default it is registered where
    BigCommerce could reach it at all: on https.
    """
    destination = destination_of(connection)
    access = connection.bigcommerce
    wanted = dict.fromkeys(scopes_of(access.hooks), destination)
    is_https = urlsplit(destination).scheme == "https"
    if access.delivery_exceptions == "on" or (access.delivery_exceptions == "auto" and is_https):
        wanted[DELIVERY_EXCEPTION_SCOPE] = destination + EXCEPTIONS_SUFFIX
    return wanted


async def look(runtime: Runtime, *, insist: bool = False) -> Look:
    """Ask the store for our registrations; changes nothing. Raises BigCommerce errors.

    `insist`: the exceptions' hook is wanted even where the store would not have it lately.
    """
    found = await runtime.store.hooks()
    admin = await _admin(runtime)
    wanted = await runtime.database.read(lambda conn: _wanted(conn, runtime, insist=insist))
    statuses = {row.id: row.status for row in admin.hooks} if admin else {}
    return Look(tuple(found), tuple(plan(found, wanted, statuses)), _blocked(runtime.connection, admin))


async def _admin(runtime: Runtime) -> HooksAdmin | None:
    """The admin list; None where this account is not shown it: the hooks themselves tell most of it."""
    try:
        return await runtime.store.hooks_admin()
    except (NotFound, PermissionMissing, InvalidRequest, BadAnswer):
        return None


def _blocked(connection: Connection, admin: HooksAdmin | None) -> BlockedDomain | None:
    host = urlsplit(connection.bigcommerce.public_url).hostname
    return next((domain for domain in admin.blocked if host_of(domain.destination) == host), None) if admin else None


def host_of(destination: str) -> str | None:
    """The host of a URL, or of a bare domain."""
    return urlsplit(destination if "//" in destination else "//" + destination).hostname


def _wanted(conn: SqlConnection, runtime: Runtime, *, insist: bool) -> Wanted:
    connection, now = runtime.connection, runtime.clock.now()
    destinations = destinations_of(connection)
    refused_at = health.get_cursor(conn, runtime.id, REFUSED)
    if refused_at and not insist and now - datetime.fromisoformat(refused_at) < _REFUSED_FOR:
        destinations.pop(DELIVERY_EXCEPTION_SCOPE, None)
    return Wanted(
        destinations=destinations,
        token=connection.token,
        secret=connection.hook_secret,
        previous=connection.previous_hook_secrets,
        gone_tokens=connections.tokens_of_removed(conn),
        known_ids=frozenset(record.hook_id for record in health.hooks(conn, runtime.id)),
        may_renew=listeners_are_up_to_date(conn, now),
    )


def listeners_are_up_to_date(conn: SqlConnection, now: datetime) -> bool:
    """Whether every living listener works with the secrets that the store has: only then hooks may carry new ones."""
    digest = connections.digest(conn)
    living = [beat for beat in health.living(conn, now) if beat.role in LISTENING]
    return all(beat.detail.get("connections") == digest for beat in living)
