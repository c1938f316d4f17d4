"""The mapping of a connection: export, import, and what of it can never take effect.

An import is the whole mapping: purposes the file does not name fall back to the shipped rules, or to none. It is saved
whole or not at all; the orders that waited for what it says are let go by the service (`sync.releasing`).
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from bcifs_console.accounting.mapping_facts import VALUES, asked_with
from bcifs_console.accounting.mapping_faults import Finding, faults_of, findings
from bcifs_console.base.problems import UsageProblem
from bcifs_console.domain.rules import ConditionField, MappingRule, Purpose, Rules
from bcifs_console.operations.connection_file import account_notes, check_vouchers
from bcifs_console.operations.context import Context
from bcifs_console.operations.files import write_whole
from bcifs_console.operations.mapping_file import read_mapping
from bcifs_console.operations.mapping_text import differences, mapping_toml
from bcifs_console.store import connections, rules
from bcifs_console.store.database import Tx

NO_RULES: Final = Rules()


@dataclass(frozen=True, slots=True)
class Change:
    """One rule that goes (`-`) or comes (`+`)."""

    sign: str
    rule: MappingRule


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import changed, or would change."""

    connection: str
    is_saved: bool
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    after: Rules = NO_RULES  #: what is in force once it is saved

    @property
    def purposes(self) -> tuple[Purpose, ...]:
        return tuple(dict.fromkeys(change.rule.purpose for change in self.changes))


def in_force(context: Context, connection: str | None) -> tuple[str, Rules]:
    """The connection's name and its rules. Raises NoSuchConnection, UsageProblem."""
    connection_id = context.connection_id(connection)

    def read(conn: Connection) -> tuple[str, Rules]:
        return connections.all_names(conn)[connection_id], rules.in_force(conn, connection_id)

    return context.store.database.read_sync(read)


def export(context: Context, connection: str | None) -> str:
    """The rules in force as a mapping file."""
    name, found = in_force(context, connection)
    return mapping_toml(found, name)


def export_to(context: Context, connection: str | None, path: Path) -> int:
    """Write them to `path`; returns how many rules. Raises UsageProblem where it cannot be written."""
    name, found = in_force(context, connection)
    write_whole(path, mapping_toml(found, name))
    return len(found.rules)


def proposed(path: Path) -> Rules:
    """The rules of a mapping file as they would be saved: each purpose counted from 1.

    Raises UsageProblem naming line and reason of everything that is wrong.
    """
    given = Rules(read_mapping(path))
    return Rules(
        tuple(
            replace(rule, position=position)
            for purpose in Purpose
            for position, rule in enumerate(given.of(purpose), 1)
        )
    )


def import_file(context: Context, connection: str | None, path: Path, *, reason: str, dry_run: bool) -> Imported:
    """Put the rules of a file in force.

    Raises UsageProblem, having changed nothing, where anything is wrong with it; RulesChanged where somebody else saved
    meanwhile.
    """
    wanted = proposed(path)
    _, before = in_force(context, connection)
    found = changes(context, connection, wanted, before=before)
    if dry_run or not found.changes:
        return found
    return save(context, connection, wanted, before=before, reason=reason or f"import of {path.name}")


def changes(context: Context, connection: str | None, wanted: Rules, *, before: Rules) -> Imported:
    """What putting `wanted` in force instead of `before` would change. Raises UsageProblem where they cannot be."""
    _refuse_faults(wanted)
    connection_id = context.connection_id(connection)
    name, settings = context.store.database.read_sync(
        lambda conn: (connections.all_names(conn)[connection_id], connections.settings_of(conn, connection_id))
    )
    mapped = {rule.purpose for rule in wanted.rules}
    check_vouchers(settings.policy, mapped)
    notes = account_notes(settings.policy, mapped)
    return Imported(
        connection=name,
        is_saved=False,
        changes=tuple(Change(sign, rule) for sign, rule in differences(before, wanted)),
        findings=findings(wanted),
        notes=notes,
    )


def save(context: Context, connection: str | None, wanted: Rules, *, before: Rules, reason: str) -> Imported:
    """Put `wanted` in force in place of `before`, which a person looked at; the orders that waited for it are let go.

    Raises UsageProblem where the rules cannot be used, RulesChanged where others than `before` are in force; nothing is
    changed then.
    """
    found = changes(context, connection, wanted, before=before)
    connection_id = context.connection_id(connection)

    def write(tx: Tx) -> Rules:
        rules.save(tx, connection_id, wanted, expected=before, actor=context.actor, reason=reason)
        return rules.in_force(tx.conn, connection_id)

    return replace(found, is_saved=True, after=context.store.database.write_sync(write))


def faults(rule: MappingRule) -> tuple[str, ...]:
    """What is wrong with one rule, in words; empty where it can be saved."""
    return tuple(fault.message for fault in faults_of(rule))


def remarks(wanted: Rules) -> dict[tuple[Purpose, int], Finding]:
    """What is to be said of single rules, by purpose and position: those that never decide anything."""
    return {(found.rule.purpose, found.rule.position): found for found in findings(wanted)}


def facts_to_test(purpose: Purpose, *, tests_purpose: bool = False) -> tuple[ConditionField, ...]:
    """The facts a rule of the purpose may test, in their order."""
    known = asked_with(purpose, tests_purpose=tests_purpose)
    return tuple(field for field in ConditionField if field in known)


def known_values(field: ConditionField) -> tuple[str, ...]:
    """Every value the fact may have, where it has few."""
    return VALUES.get(field, ())


def _refuse_faults(wanted: Rules) -> None:
    """What a file is refused for is refused of rules from anywhere."""
    said = [f"{rule.purpose}#{rule.position}: {message}" for rule in wanted.rules for message in faults(rule)]
    if said:
        raise UsageProblem("; ".join(said) + ".", remedy="Correct the rule; nothing was changed.")


def rule_json(rule: MappingRule) -> dict[str, Any]:
    """One rule as `--json` shows it."""
    return {
        "purpose": rule.purpose.value,
        "position": rule.position,
        "when": {condition.field.value: list(condition.patterns) for condition in rule.conditions},
        "result": rule.result,
        "rule": rule.label if rule.id else None,
        "version": rule.version if rule.id else None,
        "author": rule.author or None,
        "reason": rule.reason or None,
        "created_at": rule.created_at,
    }
