"""Mapping rules in the store: versioned; the rules in force are those not retired."""

import json
from collections.abc import Iterable

from sqlalchemy import Connection, func, select, update

from bcifs_console.domain.rules import Condition, ConditionField, MappingRule, Purpose, Rules
from bcifs_console.store import journal
from bcifs_console.store.database import Tx
from bcifs_console.store.tables import mapping_rule


def in_force(conn: Connection, connection_id: int) -> Rules:
    """Every rule of the connection that counts now."""
    rows = conn.execute(
        select(mapping_rule)
        .where(mapping_rule.c.connection_id == connection_id, mapping_rule.c.retired_at.is_(None))
        .order_by(mapping_rule.c.purpose, mapping_rule.c.position)
    )
    return Rules(
        tuple(
            MappingRule(
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
            )
            for row in rows
        )
    )


def replace(
    tx: Tx, connection_id: int, purpose: Purpose, rules: Iterable[MappingRule], *, actor: str, reason: str
) -> None:
    """Put `rules` in force for one purpose, retiring those that were; their positions follow their order."""
    here = (mapping_rule.c.connection_id == connection_id) & (mapping_rule.c.purpose == purpose.value)
    newest = tx.conn.execute(select(func.max(mapping_rule.c.version)).where(here)).scalar() or 0
    tx.conn.execute(update(mapping_rule).where(here, mapping_rule.c.retired_at.is_(None)).values(retired_at=tx.now))
    rows = [
        {
            "connection_id": connection_id,
            "purpose": purpose.value,
            "position": position,
            "conditions": json.dumps(
                [{"field": c.field.value, "patterns": list(c.patterns)} for c in rule.conditions], ensure_ascii=False
            ),
            "result": rule.result,
            "version": newest + 1,
            "author": rule.author or actor,
            "reason": rule.reason or reason,
            "created_at": tx.now,
        }
        for position, rule in enumerate(rules, 1)
    ]
    if rows:
        tx.conn.execute(mapping_rule.insert(), rows)
    journal.write(
        tx,
        "mapping.changed",
        actor=actor,
        connection_id=connection_id,
        subject=f"mapping:{purpose.value}",
        version=newest + 1,
        rules=len(rows),
        reason=reason,
    )
