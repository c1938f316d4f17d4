"""Connections: add, list, show, set, remove, test."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from bcifs_console.accounting.mapping import CODE_PARTS
from bcifs_console.base.problems import Problem, UsageProblem
from bcifs_console.base.secret import Secret
from bcifs_console.bigcommerce.errors import BigCommerceError
from bcifs_console.domain.connections import BigCommerceAccess, Connection, IfsAccess
from bcifs_console.domain.rules import Allocation, Policy, Purpose, RevenuePosting, Rules
from bcifs_console.ifs import checks
from bcifs_console.operations.connection_file import (
    ConnectionFile,
    account_notes,
    read_connection_file,
    resolve_secret,
)
from bcifs_console.operations.context import Context
from bcifs_console.operations.mapping import rule_json
from bcifs_console.operations.store_tries import CLOCK, Try, store_tries
from bcifs_console.store import connections, journal, rules
from bcifs_console.store.connections import ConnectionSettings
from bcifs_console.store.database import Tx
from bcifs_console.sync.hook_look import destination_of
from bcifs_console.sync.runtime import Runtime, build_runtime, timing_of

SECRET_FIELDS: Final = connections.REQUIRED_SECRETS


@dataclass(frozen=True, slots=True)
class Added:
    """A connection just stored."""

    id: int
    name: str
    webhook_url: str
    time_zone: str
    start_at: str
    notes: tuple[str, ...] = ()


def add(context: Context, path: Path) -> Added:
    """Read the file, check it, store the connection with its secrets sealed. Raises UsageProblem."""
    return add_file(context, read_connection_file(path, now=context.clock.now()))


def add_file(context: Context, file: ConnectionFile) -> Added:
    """Store a connection read already."""
    notes: tuple[str, ...] = ()
    settings = file.settings
    if not settings.policy.time_zone:
        zone, notes = asyncio.run(_store_zone(context, file))
        settings = replace(settings, policy=replace(settings.policy, time_zone=zone))
    asyncio.run(_constructible(context, replace(file, settings=settings)))
    settings = replace(settings, policy=_in_its_zone(settings.policy, file))
    notes += account_notes(settings.policy, {rule.purpose for rule in file.rules})

    def write(tx: Tx) -> int:
        connection_id = connections.add(tx, context.store.vault, file.name, settings, file.secrets, context.actor)
        for purpose in Purpose:
            mine = [rule for rule in file.rules if rule.purpose is purpose]
            if mine:
                rules.replace(tx, connection_id, purpose, mine, actor=context.actor, reason="connection add")
        return connection_id

    connection_id = context.store.database.write_sync(write)
    connection = context.store.database.read_sync(
        lambda conn: connections.load(conn, context.store.vault, connection_id)
    )
    return Added(
        connection_id,
        file.name,
        destination_of(connection),
        settings.policy.time_zone,
        settings.policy.start_at.isoformat(),
        notes,
    )


def _in_its_zone(policy: Policy, file: ConnectionFile) -> Policy:
    """The policy with the times that waited for the store's zone."""
    zone = ZoneInfo(policy.time_zone)
    if file.local_start is not None:
        policy = replace(policy, start_at=file.local_start.replace(tzinfo=zone).astimezone(UTC))
    if file.local_post_from is not None:
        policy = replace(policy, post_from=file.local_post_from.replace(tzinfo=zone).astimezone(UTC))
    return policy


def provisional(context: Context, file: ConnectionFile) -> Runtime:
    """A runtime of a connection that is not stored, to try its access data with; the caller closes it.

    Raises ConfigurationProblem where they cannot be used at all. Nothing is called.
    """
    store = dict(file.settings.bigcommerce)
    store["signature_schemes"] = tuple(store["signature_schemes"])
    connection = Connection(
        id=0,
        name=file.name,
        token="",
        hook_secret=Secret(""),
        bigcommerce=BigCommerceAccess(
            client_secret=file.secrets[connections.BC_CLIENT_SECRET],
            access_token=file.secrets[connections.BC_ACCESS_TOKEN],
            **store,
        ),
        ifs=IfsAccess(client_secret=file.secrets[connections.IFS_CLIENT_SECRET], **file.settings.ifs),
        policy=replace(file.settings.policy, time_zone=file.settings.policy.time_zone or "UTC"),
    )
    return build_runtime(
        connection,
        Rules(file.rules),
        database=context.store.database,
        timing=timing_of(context.settings),
        owner=context.actor,
    )


async def _constructible(context: Context, file: ConnectionFile) -> None:
    """Raise where the access data or the profile cannot be used at all; nothing is called."""
    await provisional(context, file).aclose()


async def _store_zone(context: Context, file: ConnectionFile) -> tuple[str, tuple[str, ...]]:
    """The store's own time zone; UTC with a note where the store does not tell."""
    runtime = provisional(context, file)
    try:
        info = await runtime.store.store()
    except BigCommerceError as error:
        return "UTC", (f"The store's time zone could not be read ({error.message}); UTC is used.",)
    finally:
        await runtime.aclose()
    return info.time_zone or "UTC", ()


def listing(context: Context) -> list[dict[str, Any]]:
    """Every connection in short."""
    found = context.store.database.read_sync(lambda conn: connections.load_all(conn, context.store.vault))
    return [
        {
            "name": c.name,
            "store_hash": c.bigcommerce.store_hash,
            "ifs": c.ifs.base_url,
            "company": c.ifs.company,
            "site": c.ifs.site,
            "unmatched_customer": _unmatched(c.policy),
            "start_at": c.policy.start_at,
        }
        for c in found
    ]


def show(context: Context, name: str | None) -> dict[str, Any]:
    """One connection whole, its secrets as a mask."""
    connection_id = context.connection_id(name)
    database, vault = context.store.database, context.store.vault
    connection, in_force = database.read_sync(
        lambda conn: (connections.load(conn, vault, connection_id), rules.in_force(conn, connection_id))
    )
    policy = connections.policy_json(connection.policy)
    transport = policy.pop("voucher_transport")  # shown where the connection file has it
    return {
        "name": connection.name,
        "webhook_url": destination_of(connection),
        "bigcommerce": _masked(asdict_secretless(connection.bigcommerce)),
        "ifs": _masked(asdict_secretless(connection.ifs)) | {"voucher_transport": transport},
        "policy": policy,
        "mapping": [rule_json(rule) for rule in in_force.rules],
    }


def asdict_secretless(access: BigCommerceAccess | IfsAccess) -> dict[str, Any]:
    """The fields of an access record; `Secret` values stay Secret and are masked by the caller."""
    return {name: getattr(access, name) for name in access.__dataclass_fields__}


def _masked(fields: Mapping[str, Any]) -> dict[str, Any]:
    masked: dict[str, Any] = {}
    for key, value in fields.items():
        if isinstance(value, Secret):
            masked[key] = "set" if value else "missing"
        elif key != "previous_client_secrets":
            masked[key] = value
    return masked


def _unmatched(policy: Policy) -> str:
    return f"fixed:{policy.fixed_customer}" if policy.fixed_customer else policy.unmatched.value


def set_secret(context: Context, name: str | None, field: str, value: str, environment: Mapping[str, str]) -> None:
    """Replace one secret of a connection; `value` is env:NAME, file:PATH or the secret as prompted for.

    Raises UsageProblem where there is no such field.
    """
    if field not in SECRET_FIELDS:
        raise UsageProblem(f"{field!r} cannot be set.", remedy=f"Known: {', '.join(SECRET_FIELDS)}.")
    connection_id = context.connection_id(name)
    secret = resolve_secret(value, Path.cwd(), environment)

    def write(tx: Tx) -> None:
        context.store.vault.put(tx, connection_id, field, secret)
        journal.write(
            tx, "connection.secret_set", actor=context.actor, connection_id=connection_id, subject=field, field=field
        )

    context.store.database.write_sync(write)


def remove(context: Context, name: str) -> None:
    """Take a connection out of use; its secrets are erased, its orders and ledger stay."""
    connection_id = context.connection_id(name)
    context.store.database.write_sync(
        lambda tx: connections.remove(tx, context.store.vault, connection_id, actor=context.actor)
    )


# -- test ------------------------------------------------------------------------------------------------------------


async def test(context: Context, name: str | None) -> list[dict[str, str]]:
    """Try everything a connection needs: store, scopes, token, projections, sets, actions. Never raises for those."""
    runtime = context.runtime(context.connection_id(name))
    try:
        tries = (*store_tries(movements=runtime.policy.makes_vouchers), CLOCK)
        results = [await _try(runtime, attempt) for attempt in tries]
        results += [
            {"check": r.check, "verdict": str(r.verdict), "detail": r.detail, "remedy": r.remedy}
            for r in await checks.check(
                runtime.ifs,
                pre_posting=runtime.policy.allocation is Allocation.PRE_POSTING,
                voucher_transport=runtime.policy.voucher_transport,
                code_parts="".join(letter for letter, purpose in CODE_PARTS if runtime.rules.of(purpose)),
            )
        ]
    finally:
        await runtime.aclose()
    results.append(_revenue_check(runtime.policy))
    return results


async def _try(runtime: Runtime, attempt: Try) -> dict[str, str]:
    check = f"bigcommerce: scope {attempt.scope}" if attempt.scope else f"bigcommerce: {attempt.name}"
    try:
        return {"check": check, "verdict": "ok", "detail": await attempt.ask(runtime), "remedy": ""}
    except Problem as problem:
        verdict = "forbidden" if getattr(problem, "status", 0) in (401, 403) else "failed"
        return {"check": check, "verdict": verdict, "detail": problem.message, "remedy": problem.remedy}


def _revenue_check(policy: Policy) -> dict[str, str]:
    if policy.revenue_posting is RevenuePosting.VOUCHER:
        detail = "vouchers book the revenue: the IFS order type must never be invoiced (confirmed in the connection)"
        verdict = "ok" if policy.order_type_never_invoices else "failed"
        return {"check": "policy: revenue_posting", "verdict": verdict, "detail": detail, "remedy": ""}
    return {
        "check": "policy: revenue_posting",
        "verdict": "ok",
        "detail": "IFS invoices book the revenue",
        "remedy": "",
    }


def settings_of(context: Context, connection_id: int) -> ConnectionSettings:
    """The stored settings of a connection."""
    return context.store.database.read_sync(lambda conn: connections.settings_of(conn, connection_id))
