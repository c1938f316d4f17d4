"""The due queue: claim, extend, finish. One order is worked on by one worker at a time.

A claim carries a fencing number that grows with every claim. Every later write of that worker names it; a worker whose
lease ran out and was taken over finds no row to change and stops with LeaseLost before it can do harm.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    delete,
    func,
    select,
    true,
    update,
)

from bcifs_console.domain.plan import Blocker, PlanWarning, Reason
from bcifs_console.domain.revisits import next_look
from bcifs_console.domain.states import Claim, OrderState, Outcome, order_subject
from bcifs_console.store import due, intake, journal, pauses
from bcifs_console.store.columns import UtcTime
from bcifs_console.store.database import Tx
from bcifs_console.store.errors import LeaseLost
from bcifs_console.store.prepared import Prepared
from bcifs_console.store.tables import customer_link, decision, order_snapshot, store_order
from bcifs_console.store.tables import lease as lease_table

_ORDER: Final = store_order.c
#: States of an order at rest that another look may find changed.
_AT_REST: Final = (OrderState.SYNCED, OrderState.WAITING, OrderState.SKIPPED)


def claim(
    tx: Tx,
    owner: str,
    *,
    limit: int,
    lease: timedelta,
    paused: Collection[int] = (),
    only: Collection[tuple[int, int]] | None = None,
    backfill: int | None = None,
    background: int | None = None,
) -> list[Claim]:
    """Lease up to `limit` due orders to `owner`, longest due first; connections in `paused`, and those that a person
    paused, are left alone.

    Orders in the background come after all others, and at most `background` of them. An order whose lease ran out
    counts as due. `only` and `backfill` limit it to the named orders, for a command that works on those.
    """
    # Queries that each walk along an index: with OR, a long backlog would be read and sorted whole at every claim.
    within = due.Within(tx.conn, pauses.paused(tx.conn).union(paused), only, backfill)
    rows = within.first((due.LAPSED, due.DUE), tx.now, limit)
    room = min(limit - len(rows), limit if background is None else background)
    if room > 0:
        rows += within.first((due.DUE_IN_BACKGROUND,), tx.now, room)
    until = tx.now + lease
    claims = [Claim(r[0], r[1], owner, r[2] + 1, r[3], r[4], until, r[6], r[7] is not None) for r in rows]
    if claims:
        until_value = _CLAIM.value(tx, "until", until)
        _CLAIM.many(tx, [(c.connection_id, c.order_id, c.owner, c.fence, until_value) for c in claims])
    return claims


_CLAIM: Final = Prepared(
    lambda _dialect: (
        update(store_order)
        .where(_ORDER.connection_id == bindparam("c"), _ORDER.order_id == bindparam("o"))
        .values(
            state=OrderState.WORKING.value,
            lease_owner=bindparam("owner"),
            lease_fence=bindparam("fence"),
            lease_until=bindparam("until", type_=UtcTime()),
        )
    ),
    ("c", "o", "owner", "fence", "until"),
)


def _binds(held: Claim) -> dict[str, Any]:
    """The values of `_HELD`."""
    return {
        "of_connection": held.connection_id,
        "of_order": held.order_id,
        "of_fence": held.fence,
        "of_owner": held.owner,
    }


_HELD_BINDS: Final = ("of_connection", "of_order", "of_fence", "of_owner")
_HELD: Final = and_(
    _ORDER.connection_id == bindparam("of_connection"),
    _ORDER.order_id == bindparam("of_order"),
    _ORDER.lease_fence == bindparam("of_fence"),
    _ORDER.lease_owner == bindparam("of_owner"),
    _ORDER.state == OrderState.WORKING.value,
)


def _of_held(value: str, column: str) -> Prepared:
    """An update of one time of the order, if the claim still holds."""
    change = update(store_order).where(_HELD).values({column: bindparam(value, type_=UtcTime())})
    return Prepared(lambda _dialect: change, (*_HELD_BINDS, value))


_PROOF: Final = select(_ORDER.order_id).where(_HELD).with_for_update()
_EXTEND: Final = _of_held("until", "lease_until")
_NOTE_READ: Final = _of_held("read_at", "fetched_at")


def extend(tx: Tx, held: Claim, lease: timedelta) -> None:
    """Run the lease for another `lease` from now. Raises LeaseLost where another worker has the order."""
    if _EXTEND.once(tx, **_binds(held), until=tx.now + lease) != 1:
        raise LeaseLost(f"order {held.order_id}")


def prove(tx: Tx, held: Claim) -> None:
    """Raise LeaseLost unless the claim still holds."""
    if tx.conn.execute(_PROOF, _binds(held)).first() is None:
        raise LeaseLost(f"order {held.order_id}")


def hold(tx: Tx, connection_id: int, order_id: int) -> OrderState | None:
    """The order's state, which nobody changes before this transaction ends; None where the order was never seen."""
    mine = _ORDER.connection_id == connection_id, _ORDER.order_id == order_id
    found = tx.conn.execute(select(_ORDER.state).where(*mine).with_for_update()).scalar()
    return None if found is None else OrderState(found)


def save_snapshot(tx: Tx, held: Claim, snapshot: str, read_at: datetime) -> None:
    """Keep the order as read; `read_at` is when that reading began, so that no later event counts as covered by it.

    Raises LeaseLost.
    """
    if _NOTE_READ.once(tx, **_binds(held), read_at=read_at) != 1:
        raise LeaseLost(f"order {held.order_id}")
    put_snapshot(tx, held.connection_id, held.order_id, snapshot, read_at)


def put_snapshot(tx: Tx, connection_id: int, order_id: int, snapshot: str, fetched_at: datetime) -> None:
    """Insert or replace an order's snapshot."""
    _PUT_SNAPSHOT.once(tx, connection_id=connection_id, order_id=order_id, snapshot=snapshot, fetched_at=fetched_at)


def _put_snapshot(dialect: Any) -> Any:
    insert = dialect.insert(order_snapshot)
    read = {"snapshot": insert.excluded.snapshot, "fetched_at": insert.excluded.fetched_at}
    return insert.on_conflict_do_update(index_elements=["connection_id", "order_id"], set_=read)


_PUT_SNAPSHOT: Final = Prepared(_put_snapshot, ("connection_id", "order_id", "snapshot", "fetched_at"))


def snapshot(conn: Connection, connection_id: int, order_id: int) -> str | None:
    """The order's last snapshot as JSON, or None where it was never read."""
    found: str | None = conn.execute(
        select(order_snapshot.c.snapshot).where(
            order_snapshot.c.connection_id == connection_id, order_snapshot.c.order_id == order_id
        )
    ).scalar()
    return found


def finish(tx: Tx, held: Claim, outcome: Outcome, *, actor: str) -> OrderState:
    """Write how the look ended and give the lease back. Returns the state the order is in now.

    An order that was marked due meanwhile (its generation rose) is due again at once, whatever the outcome; so is one
    that is to wait for a decision which was made while it was looked at. Raises LeaseLost.
    """
    row = tx.conn.execute(_AT_THE_END, _binds(held)).first()
    if row is None:
        raise LeaseLost(f"order {held.order_id}")
    again = row.generation > held.generation or _was_decided(tx, held, outcome)
    values = _outcome_values(outcome, row.attempts, tx.now, row.synced_at)
    state = OrderState.DUE if again else outcome.state
    if again:
        values["due_at"] = tx.now
    elif state is not OrderState.DUE:
        values |= {"background": False, "look_at": _next_look(row, outcome, tx.now)}
    values |= {"state": state.value, "done_generation": held.generation, "lease_owner": "", "lease_until": None}
    _finishing(*values).once(tx, **_binds(held), **values)
    subject = order_subject(held.order_id)
    events: list[tuple[str, Mapping[str, str | None]]] = list(outcome.events)
    if outcome.state is OrderState.SYNCED and row.synced_at is None:
        events.insert(0, ("order.synced", {"ifs_order": outcome.ifs_order_no}))
    for event, detail in events:
        told = {**detail, "look": held.look}
        journal.write(tx, event, actor=actor, subject=subject, connection_id=held.connection_id, **told)
    journal.touch(tx, "order", [(held.connection_id, subject)])
    if again:
        tx.ring(held.connection_id, held.order_id)
    return state


def _next_look(row: Any, outcome: Outcome, now: datetime) -> datetime | None:
    """When an order at rest is looked at again unasked: one that is in IFS and not settled (DESIGN §9)."""
    is_in_ifs = bool(row.ifs_order_no if outcome.ifs_order_no is None else outcome.ifs_order_no)
    is_settled = row.settled if outcome.settled is None else outcome.settled
    if outcome.state not in _AT_REST or not is_in_ifs or is_settled:
        return None
    came = row.synced_at or (now if outcome.state is OrderState.SYNCED else row.first_seen_at)
    return next_look(came, now)


_AT_THE_END: Final = (
    select(
        *(_ORDER.generation, _ORDER.attempts, _ORDER.synced_at, _ORDER.first_seen_at),
        *(_ORDER.ifs_order_no, _ORDER.settled),
    )
    .where(_HELD)
    .with_for_update()
)


@cache
def _finishing(*columns: str) -> Prepared:
    """Write the named columns of the order, if the claim still holds."""
    values = {name: bindparam(name, type_=_ORDER[name].type) for name in columns}
    change = update(store_order).where(_HELD).values(values)
    return Prepared(lambda _dialect: change, (*_HELD_BINDS, *columns))


def _was_decided(tx: Tx, held: Claim, outcome: Outcome) -> bool:
    """Whether the buyer's customer became known after this look asked for it.

    The decision could not make the order due: it was being worked on. Locking the decision's row makes it one of the
    two: either the decision finds the order waiting, or this finds the decision made.
    """
    if outcome.facts is None or all(b.reason is not Reason.CUSTOMER for b in outcome.blockers):
        return False
    of_buyer = decision.c.connection_id == held.connection_id, decision.c.buyer_key == outcome.facts.buyer_key
    action = tx.conn.execute(select(decision.c.action).where(*of_buyer).with_for_update(read=True)).scalar()
    if action == "create":
        return True
    linked = customer_link.c.connection_id == held.connection_id, customer_link.c.buyer_key == outcome.facts.buyer_key
    return tx.conn.execute(select(customer_link.c.buyer_key).where(*linked)).first() is not None


def _outcome_values(outcome: Outcome, attempts: int, now: datetime, synced_at: datetime | None) -> dict[str, Any]:
    values: dict[str, Any] = {
        "reason": outcome.reason.value if outcome.reason else "",
        "error": outcome.error,
        "remedy": outcome.remedy,
        "cause": outcome.cause,
        "problems": problems_json(outcome.blockers),
        "warnings": warnings_json(outcome.warnings),
        "due_at": (outcome.due_at or now) if outcome.state is OrderState.DUE else None,
        "attempts": attempts + 1 if outcome.burn_attempt else attempts,
    }
    if outcome.state not in (OrderState.DUE, OrderState.FAILED):
        values["attempts"] = 0
    if outcome.state is OrderState.SYNCED and synced_at is None:
        values["synced_at"] = now
    if outcome.ifs_customer is not None:
        values["ifs_customer"] = outcome.ifs_customer
    if outcome.ifs_order_no is not None:
        values["ifs_order_no"] = outcome.ifs_order_no
    if outcome.settled is not None:
        values["settled"] = outcome.settled
    if (facts := outcome.facts) is not None:
        values |= asdict(facts)
    return values


def warnings_json(warnings: Iterable[PlanWarning]) -> str:
    """Warnings as a row keeps them; `warnings_from` reads them back."""
    return json.dumps([asdict(warning) for warning in warnings], ensure_ascii=False)


def problems_json(blockers: Iterable[Blocker]) -> str:
    """What an order waits for, as its row keeps it."""
    return json.dumps([blocker_json(blocker) for blocker in blockers], ensure_ascii=False)


def blocker_json(blocker: Blocker) -> dict[str, Any]:
    """One of them, as it is kept and shown to people and scripts."""
    figures = blocker.figures
    return {
        "reason": blocker.reason.value,
        "message": blocker.message,
        "remedy": blocker.remedy,
        "subject": blocker.subject,
        "figures": None
        if figures is None
        else {
            "what": figures.what,
            "store": str(figures.store),
            "computed": str(figures.computed),
            "currency": figures.currency,
        },
    }


def warnings_from(text: str) -> tuple[PlanWarning, ...]:
    """The warnings a row carries."""
    return tuple(PlanWarning(**row) for row in json.loads(text))


def void_leases(tx: Tx) -> int:
    """Make every order that was being worked on due at once: whoever held it is gone (the home's lock is ours).

    Leases on other things (a buyer who was being created) end with it. Returns how many orders that were.
    """
    tx.conn.execute(delete(lease_table))
    done = tx.conn.execute(
        update(store_order)
        .where(_ORDER.state == OrderState.WORKING.value)
        .values(
            state=OrderState.DUE.value,
            due_at=tx.now,
            lease_owner="",
            lease_until=None,
            lease_fence=_ORDER.lease_fence + 1,
        )
    )
    return int(done.rowcount)


def orders_of_buyer(conn: Connection, connection_id: int, buyer_key: str, states: Collection[OrderState]) -> list[int]:
    """The buyer's orders in one of `states`."""
    rows = conn.execute(
        select(_ORDER.order_id)
        .where(
            _ORDER.connection_id == connection_id,
            _ORDER.buyer_key == buyer_key,
            _ORDER.state.in_([s.value for s in states]),
        )
        .order_by(_ORDER.order_id)
    )
    return [int(row[0]) for row in rows]


def next_due_at(
    conn: Connection,
    paused: Collection[int] = (),
    only: Collection[tuple[int, int]] | None = None,
    backfill: int | None = None,
    *,
    background: bool = True,
) -> datetime | None:
    """The moment the next order falls due or a lease runs out, None where nothing is pending; as `claim` sees it.

    Without `background` those without hurry are left out.
    """
    among = (*due.NEXT, due.NEXT_IN_BACKGROUND) if background else due.NEXT
    return due.Within(conn, pauses.paused(conn).union(paused), only, backfill).earliest(among)


def look_again(tx: Tx, connection_id: int, *, at_once: int) -> int:
    """Make orders at rest due in the background whose `look_at` has come, longest first, so that at most `at_once` are;
    returns how many.

    One that failed keeps its fault and its attempts: only a person or the store gives it another chance.
    """
    of_connection = _ORDER.connection_id == connection_id
    waiting = select(func.count()).where(of_connection, due.IS_DUE, _ORDER.background == true())
    room = at_once - int(tx.conn.execute(waiting).scalar_one())
    if room <= 0:
        return 0
    states_at_rest = [state.value for state in _AT_REST]
    come = (
        select(_ORDER.order_id)
        .where(of_connection, _ORDER.look_at <= tx.now, _ORDER.state.in_(states_at_rest))
        .order_by(_ORDER.look_at)
        .limit(room)
    )
    found = [int(row[0]) for row in tx.conn.execute(come)]
    return intake.mark_due(tx, connection_id, found, found_by="look again", background=True)


def states(conn: Connection) -> dict[tuple[int, str], int]:
    """How many orders are in each state, by `(connection_id, state)`."""
    rows = conn.execute(
        select(_ORDER.connection_id, _ORDER.state, func.count()).group_by(_ORDER.connection_id, _ORDER.state)
    )
    return {(row[0], row[1]): int(row[2]) for row in rows}
