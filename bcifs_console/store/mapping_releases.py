"""Letting orders go that wait for a rule, when it is saved: one first (the canary), the rest when it got through.

Only the state and its changes; which orders wait for what, and how the canary fared, is `sync.releasing`'s business.
States: *saved* → *canary* → gone, or *stopped*. A connection has one release at a time: rules that are saved before it
has ended join it, so that what came to wait under any of the rules before is looked at.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bcifs_console.domain.plan import Reason
from bcifs_console.domain.rules import Condition, ConditionField, MappingRule, Purpose, Rules
from bcifs_console.domain.states import OrderState, order_subject
from bcifs_console.store import intake, journal
from bcifs_console.store.database import Tx
from bcifs_console.store.tables import mapping_release, store_order

FOUND_BY: Final = "mapping"
_ROW: Final = mapping_release.c
_ORDER: Final = store_order.c


class ReleaseState(StrEnum):
    SAVED = "saved"  #: nobody has looked yet who waits for it
    CANARY = "canary"  #: one order is on its way
    STOPPED = "stopped"  #: it did not get through; the rest waits on


@dataclass(frozen=True, slots=True)
class MappingRelease:
    """The release of one connection. `before`: the rules under which the orders came to wait."""

    connection_id: int
    state: ReleaseState
    before: Rules
    actor: str
    reason: str
    saved_at: datetime
    canary: int | None
    foreseen: frozenset[str]  #: subjects of mapping problems that the canary keeps under the new rules
    orders: tuple[int, ...]  #: those that go after the canary
    note: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an order stands: its state, and the reason and subject of each problem it waits for."""

    order_id: int
    state: OrderState
    problems: tuple[tuple[str, str], ...]
    error: str

    @property
    def unmapped(self) -> frozenset[str]:
        """The subjects of its mapping problems."""
        return frozenset(subject for reason, subject in self.problems if reason == Reason.MAPPING.value)

    @property
    def waits_for_a_customer(self) -> bool:
        """Whether it waits to be told who its buyer is, which a rule may say, too."""
        return any(reason == Reason.CUSTOMER.value for reason, _ in self.problems)


def find(conn: Connection, connection_id: int) -> MappingRelease | None:
    """The connection's release, None where nothing is to be let go."""
    row = conn.execute(_OF_CONNECTION, {"of_connection": connection_id}).first()
    return None if row is None else _release(row)


# Made once: every worker asks each second.
_OF_CONNECTION: Final = select(mapping_release).where(_ROW.connection_id == bindparam("of_connection"))


def _release(row: Any) -> MappingRelease:
    return MappingRelease(
        connection_id=row.connection_id,
        state=ReleaseState(row.state),
        before=_rules_from(row.before),
        actor=row.actor,
        reason=row.reason,
        saved_at=row.saved_at,
        canary=row.canary,
        foreseen=frozenset(json.loads(row.foreseen)),
        orders=tuple(json.loads(row.orders)),
        note=row.note,
    )


def standings(conn: Connection, connection_id: int, *, order_id: int | None = None) -> list[Standing]:
    """Orders that wait for what a rule may say, whatever else they wait for; or the one named, wherever it stands."""
    query = select(_ORDER.order_id, _ORDER.state, _ORDER.problems, _ORDER.error)
    query = query.where(_ORDER.connection_id == connection_id)
    if order_id is not None:
        return [_standing(row) for row in conn.execute(query.where(_ORDER.order_id == order_id))]
    # Sorted here: asked to sort, SQLite walks every order of the connection by its number.
    waiting = conn.execute(query.where(_ORDER.state == OrderState.WAITING.value))
    found = sorted(map(_standing, waiting), key=lambda standing: standing.order_id)
    return [standing for standing in found if standing.unmapped or standing.waits_for_a_customer]


def _standing(row: Any) -> Standing:
    problems = tuple((problem["reason"], problem["subject"]) for problem in json.loads(row.problems))
    return Standing(row.order_id, OrderState(row.state), problems, row.error)


# -- its life --------------------------------------------------------------------------------------------------------


def save(tx: Tx, connection_id: int, before: Rules, *, actor: str, reason: str) -> None:
    """Ask for a release: rules were saved in place of `before`. One that has not ended keeps its older `before`."""
    values = {"state": ReleaseState.SAVED.value, "actor": actor, "reason": reason, "saved_at": tx.now}
    fresh = {"canary": None, "foreseen": "[]", "orders": "[]", "note": ""}
    insert = (sqlite if tx.is_sqlite else postgresql).insert(mapping_release)
    tx.conn.execute(
        insert.values(connection_id=connection_id, before=_rules_json(before), **values, **fresh).on_conflict_do_update(
            index_elements=["connection_id"], set_=values | fresh
        )
    )


def look_again(tx: Tx, connection_id: int) -> None:
    """Have the orders looked at again that are being looked at: a look that began with the old rules may end in waiting
    for what the new ones say."""
    looked_at = select(_ORDER.order_id).where(
        _ORDER.state == OrderState.WORKING.value, _ORDER.connection_id == connection_id
    )
    intake.mark_due(tx, connection_id, tx.conn.execute(looked_at).scalars().all(), found_by=FOUND_BY)


def send_canary(
    tx: Tx, release: MappingRelease, canary: int, foreseen: Collection[str], rest: Collection[int], *, actor: str
) -> bool:
    """Let one order go and keep the rest. False where the release is not as it was read: another save joined it."""
    values = {
        "state": ReleaseState.CANARY.value,
        "canary": canary,
        "foreseen": json.dumps(sorted(foreseen)),
        "orders": json.dumps(sorted(rest)),
    }
    if not _change(tx, release, values):
        return False
    intake.mark_due(tx, release.connection_id, [canary], found_by=FOUND_BY)
    _say(tx, "mapping.canary", release, actor, order=canary, waiting=len(rest))
    _say_of(tx, "order.released", release, actor, canary)
    return True


def let_go(tx: Tx, release: MappingRelease, order_ids: Collection[int], *, actor: str) -> bool:
    """Let these orders go and end the release; False as in `send_canary`. Who does not wait any more is left alone."""
    if not _end(tx, release):
        return False
    waiting = {standing.order_id for standing in standings(tx.conn, release.connection_id)}
    going = sorted(waiting.intersection(order_ids))
    # Many of them: new orders do not wait behind.
    intake.mark_due(tx, release.connection_id, going, found_by=FOUND_BY, background=True)
    _say(tx, "mapping.released", release, actor, canary=release.canary, orders=len(going))
    for order_id in going:
        _say_of(tx, "order.released", release, actor, order_id)
    return True


def stopped(conn: Connection) -> list[MappingRelease]:
    """The releases that stopped, of every connection."""
    rows = conn.execute(select(mapping_release).where(_ROW.state == ReleaseState.STOPPED.value))
    return [_release(row) for row in rows]


def stop(tx: Tx, release: MappingRelease, note: str, *, actor: str) -> bool:
    """Stop where the canary did not get through; the rest waits on. False as in `send_canary`."""
    if not _change(tx, release, {"state": ReleaseState.STOPPED.value, "note": note}):
        return False
    _say(tx, "mapping.release_stopped", release, actor, canary=release.canary, waiting=len(release.orders), note=note)
    return True


def _as_read(release: MappingRelease) -> Any:
    return (
        (_ROW.connection_id == release.connection_id)
        & (_ROW.state == release.state.value)
        & (_ROW.saved_at == release.saved_at)
        & _ROW.canary.is_not_distinct_from(release.canary)
    )


def _change(tx: Tx, release: MappingRelease, values: dict[str, Any]) -> bool:
    return tx.conn.execute(update(mapping_release).where(_as_read(release)).values(values)).rowcount == 1


def _end(tx: Tx, release: MappingRelease) -> bool:
    return tx.conn.execute(delete(mapping_release).where(_as_read(release))).rowcount == 1


def _say(tx: Tx, event: str, release: MappingRelease, actor: str, **detail: object) -> None:
    journal.write(tx, event, actor=actor, connection_id=release.connection_id, subject="mapping", **detail)
    journal.touch(tx, "mapping", [(release.connection_id, "mapping")])


def _say_of(tx: Tx, event: str, release: MappingRelease, actor: str, order_id: int) -> None:
    subject, saved_by = order_subject(order_id), release.actor
    journal.write(tx, event, actor=actor, connection_id=release.connection_id, subject=subject, saved_by=saved_by)


# -- rules as JSON ---------------------------------------------------------------------------------------------------


def _rules_json(rules: Rules) -> str:
    return json.dumps(
        [
            {
                "purpose": rule.purpose.value,
                "position": rule.position,
                "result": rule.result,
                "version": rule.version,
                "conditions": [[c.field.value, list(c.patterns)] for c in rule.conditions],
            }
            for rule in rules.rules
        ],
        ensure_ascii=False,
    )


def _rules_from(text: str) -> Rules:
    return Rules(
        tuple(
            MappingRule(
                purpose=Purpose(row["purpose"]),
                position=row["position"],
                result=row["result"],
                version=row["version"],
                conditions=tuple(Condition(ConditionField(field), tuple(found)) for field, found in row["conditions"]),
            )
            for row in json.loads(text)
        )
    )
