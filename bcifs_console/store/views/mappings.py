"""What the Mappings screen shows of the store: rules and their past, what waits for one, what is being let go.

Which rule is missing for what waits is worked out in `operations.mapping_gaps`; nothing is planned here.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from bcifs_console.domain.plan import Reason
from bcifs_console.domain.rules import MappingRule, Purpose, Rules
from bcifs_console.domain.states import OrderState
from bcifs_console.store import connections, mapping_releases, rules
from bcifs_console.store.mapping_releases import MappingRelease
from bcifs_console.store.tables import journal, mapping_rule, store_order

_ORDER: Final = store_order.c
_RULE: Final = mapping_rule.c


@dataclass(frozen=True, slots=True)
class WaitingValue:
    """Something orders have that no rule covers, or that IFS refused. The oldest order comes first."""

    subject: str
    message: str
    remedy: str
    orders: tuple[int, ...]
    since: datetime | None  #: when the oldest was placed


@dataclass(frozen=True, slots=True)
class MappingView:
    """The mapping of one connection."""

    connection_id: int
    connection: str
    rules: Rules
    waiting: tuple[WaitingValue, ...]  #: most orders first
    release: MappingRelease | None


@dataclass(frozen=True, slots=True)
class Version:
    """One change of a purpose's rules: who put what in place of what, when and why."""

    purpose: Purpose
    at: datetime
    actor: str
    reason: str
    came: tuple[MappingRule, ...]
    gone: tuple[MappingRule, ...]


def names(conn: Connection) -> tuple[tuple[int, str], ...]:
    """(id, name) of every connection, by name."""
    return tuple((number, name) for name, number in sorted(connections.names(conn).items()))


def mapping(conn: Connection, connection_id: int) -> MappingView:
    """The connection's rules and what waits for one. Raises NoSuchConnection."""
    return MappingView(
        connection_id=connection_id,
        connection=connections.all_names(conn)[connection_id],
        rules=rules.in_force(conn, connection_id),
        waiting=_waiting(conn, connection_id),
        release=mapping_releases.find(conn, connection_id),
    )


def _waiting(conn: Connection, connection_id: int) -> tuple[WaitingValue, ...]:
    query = select(_ORDER.order_id, _ORDER.placed_at, _ORDER.problems).where(
        _ORDER.connection_id == connection_id, _ORDER.state == OrderState.WAITING.value
    )
    found: dict[tuple[str, str], WaitingValue] = {}
    # Sorted here: asked to sort, SQLite walks every order of the connection by its number.
    for row in sorted(conn.execute(query), key=lambda row: row.order_id):
        for problem in json.loads(row.problems):
            if problem["reason"] != Reason.MAPPING.value:
                continue
            key = (problem["subject"], problem["message"])
            known = found.get(key)
            orders = (*known.orders, row.order_id) if known else (row.order_id,)
            since = known.since if known else row.placed_at
            found[key] = WaitingValue(*key, problem["remedy"], orders, since)
    return tuple(sorted(found.values(), key=lambda value: (-len(value.orders), value.subject)))


def history(conn: Connection, connection_id: int, purpose: Purpose) -> tuple[Version, ...]:
    """How the purpose's rules came to be what they are, newest first."""
    query = (
        select(journal.c.at, journal.c.actor, journal.c.detail)
        .where(
            journal.c.connection_id == connection_id,
            journal.c.subject == f"mapping:{purpose.value}",
            journal.c.event == "mapping.changed",
        )
        .order_by(journal.c.id.desc())
    )
    changes = [(row.at, row.actor, json.loads(row.detail)) for row in conn.execute(query)]
    kept = _ever(conn, connection_id, purpose)
    return tuple(
        Version(
            purpose=purpose,
            at=at,
            actor=actor,
            reason=detail.get("reason", ""),
            came=_in_order(rule for rule in kept if rule.version == detail["version"]),
            gone=_in_order(rule for rule in kept if rule.id in detail["retired"]),
        )
        for at, actor, detail in changes
    )


def _ever(conn: Connection, connection_id: int, purpose: Purpose) -> Sequence[MappingRule]:
    """Every rule the purpose ever had."""
    query = select(mapping_rule).where(_RULE.connection_id == connection_id, _RULE.purpose == purpose.value)
    return [rules.rule_of(row) for row in conn.execute(query)]


def _in_order(found: Iterable[MappingRule]) -> tuple[MappingRule, ...]:
    return tuple(sorted(found, key=lambda rule: rule.position))
