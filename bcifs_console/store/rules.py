"""Mapping rules in the store: versioned; the rules in force are those not retired.

A rule is never changed in place. Saving a purpose's list gives it the next version: rules that say what stood at their
place before stay as they are, the others are retired and the new ones bear that version. So `revenue#2 v3` names one
rule for good, whatever becomes of the list.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, func, select, update

from bcifs_console.domain.rules import Condition, ConditionField, MappingRule, Purpose, Rules
from bcifs_console.store import journal, mapping_releases
from bcifs_console.store.database import Tx
from bcifs_console.store.errors import StoreProblem
from bcifs_console.store.tables import connection, mapping_rule


class RulesChanged(StoreProblem):
    """Somebody else saved rules since those were read that the new ones were compared with; nothing was saved."""


def in_force(conn: Connection, connection_id: int) -> Rules:
    """Every rule of the connection that counts now."""
    rows = conn.execute(
        select(mapping_rule)
        .where(mapping_rule.c.connection_id == connection_id, mapping_rule.c.retired_at.is_(None))
        .order_by(mapping_rule.c.purpose, mapping_rule.c.position)
    )
    return Rules(tuple(rule_of(row) for row in rows))


def rule_of(row: Any) -> MappingRule:
    """A row of the table as the rule it is."""
    return MappingRule(
        purpose=Purpose(row.purpose),
        position=row.position,
        result=row.result,
        conditions=tuple(
            Condition(ConditionField(c["field"]), tuple(c["patterns"])) for c in json.loads(row.conditions)
        ),
        id=row.id,
        version=row.version,
        author=row.author,
        reason=row.reason,
        created_at=row.created_at,
    )


def save(
    tx: Tx, connection_id: int, proposed: Rules, *, expected: Rules, actor: str, reason: str
) -> tuple[Purpose, ...]:
    """Put `proposed` in force, whole, in place of `expected`; the orders that waited for it are let go by the service.

    Returns the purposes whose rules changed. Raises RulesChanged where other rules than `expected` are in force.
    """
    _hold(tx, connection_id)
    before = in_force(tx.conn, connection_id)
    if _ids(before) != _ids(expected):
        raise RulesChanged(
            "Somebody else changed the mapping meanwhile; nothing was saved.",
            remedy="Look at the difference again: bcifs mapping import FILE --dry-run",
        )
    changed = tuple(
        purpose
        for purpose in Purpose
        if replace(tx, connection_id, purpose, proposed.of(purpose), actor=actor, reason=reason)
    )
    if changed:
        mapping_releases.save(tx, connection_id, before, actor=actor, reason=reason)
    return changed


def replace(
    tx: Tx, connection_id: int, purpose: Purpose, rules: Iterable[MappingRule], *, actor: str, reason: str
) -> bool:
    """Put `rules` in force for one purpose; their positions follow their order. Returns whether anything changed.

    Whose `author` and `reason` are empty gets those given here.
    """
    _hold(tx, connection_id)
    here = (mapping_rule.c.connection_id == connection_id) & (mapping_rule.c.purpose == purpose.value)
    old = in_force(tx.conn, connection_id).of(purpose)
    new = tuple(rules)
    kept = {
        position for position, (was, is_now) in enumerate(zip(old, new, strict=False), 1) if was.says == is_now.says
    }
    added = [(position, rule) for position, rule in enumerate(new, 1) if position not in kept]
    retired = [rule.id for position, rule in enumerate(old, 1) if position not in kept]
    if not added and not retired:
        return False
    version = (tx.conn.execute(select(func.max(mapping_rule.c.version)).where(here)).scalar() or 0) + 1
    if retired:
        tx.conn.execute(update(mapping_rule).where(mapping_rule.c.id.in_(retired)).values(retired_at=tx.now))
    if added:
        values = [_values(tx, rule, position) for position, rule in added]
        given = {"connection_id": connection_id, "purpose": purpose.value, "version": version}
        by = {"author": actor, "reason": reason}
        rows = [{**row, **given, **{name: row[name] or text for name, text in by.items()}} for row in values]
        tx.conn.execute(mapping_rule.insert(), rows)
    journal.write(
        tx,
        "mapping.changed",
        actor=actor,
        connection_id=connection_id,
        subject=f"mapping:{purpose.value}",
        version=version,
        rules=len(new),
        added=[position for position, _ in added],
        retired=retired,
        reason=reason,
    )
    journal.touch(tx, "mapping", [(connection_id, "mapping")])
    return True


def _values(tx: Tx, rule: MappingRule, position: int) -> dict[str, Any]:
    conditions = [{"field": c.field.value, "patterns": list(c.patterns)} for c in rule.conditions]
    return {
        "position": position,
        "conditions": json.dumps(conditions, ensure_ascii=False),
        "result": rule.result,
        "author": rule.author,
        "reason": rule.reason,
        "created_at": tx.now,
    }


def _hold(tx: Tx, connection_id: int) -> None:
    """Let one writer at a time change the rules of a connection; SQLite has one writer anyway."""
    tx.conn.execute(select(connection.c.id).where(connection.c.id == connection_id).with_for_update())


def _ids(rules: Rules) -> Sequence[int]:
    return sorted(rule.id for rule in rules.rules)
