"""Trying a whole group of orders again that wait or failed for one cause: one first (the canary), then the rest.

Only the state and its changes; how the canary fared is `sync.group_retrying`'s business. States: *canary* → gone, or
*stopped*. A group has one retry at a time: asked for anew, it begins anew with the orders that are in the group then.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bcifs_console.domain.states import OrderState, order_subject
from bcifs_console.store import intake, journal
from bcifs_console.store.database import Tx
from bcifs_console.store.due import in_state
from bcifs_console.store.tables import group_retry, store_order

FOUND_BY: Final = "retry"
#: The `kind` of orders that failed; of those that wait it is the reason they wait for.
FAILED: Final = OrderState.FAILED.value
_ROW: Final = group_retry.c
_ORDER: Final = store_order.c


@dataclass(frozen=True, slots=True)
class Group:
    """Orders of one connection with one cause. `kind`: the reason they wait for, or `failed`."""

    connection_id: int
    kind: str
    cause: str

    @property
    def subject(self) -> str:
        return f"problem:{self.kind}:{self.cause}"


class RetryState(StrEnum):
    CANARY = "canary"  #: one order is on its way
    STOPPED = "stopped"  #: it did not get through; the rest waits on


@dataclass(frozen=True, slots=True)
class GroupRetry:
    """A group that is being tried again. `orders` are those that go after the canary."""

    group: Group
    state: RetryState
    canary: int
    orders: tuple[int, ...]
    actor: str
    note: str
    asked_at: datetime


def members(conn: Connection, group: Group) -> list[int]:
    """The orders of the group now, oldest number first."""
    is_failed = group.kind == FAILED
    query = select(_ORDER.order_id).where(
        in_state(OrderState.FAILED if is_failed else OrderState.WAITING),
        _ORDER.connection_id == group.connection_id,
        _ORDER.cause == group.cause,
    )
    if not is_failed:
        query = query.where(_ORDER.reason == group.kind)
    return [int(row[0]) for row in conn.execute(query.order_by(_ORDER.order_id))]


def every(conn: Connection, connection_id: int | None = None) -> list[GroupRetry]:
    """The retries under way or stopped, of one connection or all of them, oldest first."""
    rows = conn.execute(_EVERY) if connection_id is None else conn.execute(_OF_CONNECTION, {"of": connection_id})
    return [_retry(row) for row in rows]


# Made once: every worker asks each second.
_EVERY: Final = select(group_retry).order_by(_ROW.asked_at, _ROW.connection_id, _ROW.kind, _ROW.cause)
_OF_CONNECTION: Final = _EVERY.where(_ROW.connection_id == bindparam("of"))


def _retry(row: Any) -> GroupRetry:
    return GroupRetry(
        group=Group(row.connection_id, row.kind, row.cause),
        state=RetryState(row.state),
        canary=row.canary,
        orders=tuple(json.loads(row.orders)),
        actor=row.actor,
        note=row.note,
        asked_at=row.asked_at,
    )


# -- its life --------------------------------------------------------------------------------------------------------


def begin(tx: Tx, group: Group, *, actor: str) -> tuple[int, ...]:
    """Make the oldest order of the group due and remember the others behind it.

    Returns the orders of the group, the canary first; empty where there is none any more. One order alone is simply
    due: there is nothing to hold back.
    """
    found = members(tx.conn, group)
    tx.conn.execute(delete(group_retry).where(*_is(group)))
    if not found:
        return ()
    canary, *rest = found
    if rest:
        _put(tx, group, canary, rest, actor)
    _send(tx, group, [canary], actor)
    _say(tx, "problems.retried", group, actor, canary=canary, waiting=len(rest))
    return tuple(found)


def send_next(tx: Tx, retry: GroupRetry, *, actor: str) -> bool:
    """The canary's fate says nothing of the cause: let the next order of the group go in its place.

    False where the retry is not as it was read.
    """
    still = set(members(tx.conn, retry.group))
    rest = [order_id for order_id in retry.orders if order_id in still]
    if not rest:
        return let_go(tx, retry, actor=actor)
    if not _end(tx, retry):
        return False
    canary, *others = rest
    _put(tx, retry.group, canary, others, retry.actor, asked_at=retry.asked_at)
    _send(tx, retry.group, [canary], actor)
    _say(tx, "problems.retried", retry.group, actor, canary=canary, waiting=len(others))
    return True


def let_go(tx: Tx, retry: GroupRetry, *, actor: str) -> bool:
    """Make the rest due and end the retry; False as in `send_next`. Who left the group meanwhile is left alone."""
    if not _end(tx, retry):
        return False
    going = sorted(set(members(tx.conn, retry.group)).intersection(retry.orders))
    _send(tx, retry.group, going, actor, background=True)  # many of them: new orders do not wait behind
    _say(tx, "problems.released", retry.group, actor, canary=retry.canary, orders=len(going))
    return True


def stop(tx: Tx, retry: GroupRetry, note: str, *, actor: str) -> bool:
    """Stop where the canary did not get through; the rest waits on. False as in `send_next`."""
    change = update(group_retry).where(*_as_read(retry)).values(state=RetryState.STOPPED.value, note=note)
    if tx.conn.execute(change).rowcount != 1:
        return False
    _say(tx, "problems.retry_stopped", retry.group, actor, canary=retry.canary, waiting=len(retry.orders), note=note)
    return True


def give_up(tx: Tx, group: Group, *, actor: str) -> bool:
    """End the group's retry without letting anything go. False where there is none."""
    if tx.conn.execute(delete(group_retry).where(*_is(group))).rowcount != 1:
        return False
    _say(tx, "problems.retry_ended", group, actor)
    return True


def _is(group: Group) -> tuple[ColumnElement[bool], ...]:
    return _ROW.connection_id == group.connection_id, _ROW.kind == group.kind, _ROW.cause == group.cause


def _as_read(retry: GroupRetry) -> tuple[ColumnElement[bool], ...]:
    as_read = _ROW.state == retry.state.value, _ROW.canary == retry.canary, _ROW.asked_at == retry.asked_at
    return *_is(retry.group), *as_read


def _put(
    tx: Tx, group: Group, canary: int, rest: Collection[int], actor: str, *, asked_at: datetime | None = None
) -> None:
    insert = (sqlite if tx.is_sqlite else postgresql).insert(group_retry)
    key = {"connection_id": group.connection_id, "kind": group.kind, "cause": group.cause}
    values = {
        "state": RetryState.CANARY.value,
        "canary": canary,
        "orders": json.dumps(list(rest)),
        "actor": actor,
        "note": "",
        "asked_at": asked_at or tx.now,
    }
    tx.conn.execute(insert.values(**key, **values).on_conflict_do_update(index_elements=list(key), set_=values))


def _end(tx: Tx, retry: GroupRetry) -> bool:
    return tx.conn.execute(delete(group_retry).where(*_as_read(retry))).rowcount == 1


def _send(tx: Tx, group: Group, order_ids: Collection[int], actor: str, *, background: bool = False) -> None:
    intake.mark_due(tx, group.connection_id, order_ids, found_by=FOUND_BY, background=background)
    for order_id in order_ids:
        subject = order_subject(order_id)
        journal.write(tx, "order.retried", actor=actor, connection_id=group.connection_id, subject=subject)


def _say(tx: Tx, event: str, group: Group, actor: str, **detail: object) -> None:
    where = {"connection_id": group.connection_id, "subject": group.subject}
    journal.write(tx, event, actor=actor, **where, kind=group.kind, cause=group.cause, **detail)  # type: ignore[arg-type] # the two are named
    journal.touch(tx, "problem", [(group.connection_id, group.subject)])
