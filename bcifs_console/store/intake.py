"""The only two ways to make work: `accept()` a webhook delivery, `mark_due()` orders by number.

Both write that an order is due and nothing else: a look at the order then finds out what is to be done (DESIGN §2).
"""

import asyncio
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, case, false, func, literal, not_, or_, select, update

from bcifs_console.domain.states import OrderState, order_subject
from bcifs_console.domain.webhooks import registered_as
from bcifs_console.store import health, journal, listings
from bcifs_console.store.columns import UtcTime
from bcifs_console.store.database import Database, Tx
from bcifs_console.store.prepared import Prepared
from bcifs_console.store.tables import document, hook, store_order, webhook_delivery
from bcifs_console.store.tables import journal as journal_table

#: Events carry whole seconds and clocks differ a little: a read must be this much younger than an event to cover it.
_COVERED_AFTER: Final = timedelta(seconds=5)
#: Databases limit how many values one question may hold.
_NUMBERS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Delivery:
    """One verified webhook request. `dedupe` is equal exactly for repeated deliveries of one event."""

    connection_id: int
    dedupe: str
    scope: str
    order_id: int | None
    event_at: datetime | None
    body: str


def accept(database: Database, delivery: Delivery) -> "asyncio.Future[None]":
    """Queue a delivery; the future is done when it and the order's due mark are on disk.

    Raises StoreBusy at once where the queue is full; the future raises StoreUnavailable where the commit failed.
    """
    return database.write_batched(_accept_all, delivery)


def _accept_all(tx: Tx, deliveries: Sequence[Delivery]) -> None:
    """Every delivery queued, with a handful of statements for all of them together."""
    known = _known(tx, deliveries)
    fresh: dict[tuple[int, str], Delivery] = {}
    repeated: list[Delivery] = []
    for delivery in deliveries:
        key = (delivery.connection_id, delivery.dedupe)
        if key in known or key in fresh:
            repeated.append(delivery)
        else:
            fresh[key] = delivery
    if fresh:
        _INSERT_DELIVERY.many(tx, _delivery_rows(tx, [fresh[key] for key in sorted(fresh)]))
        _mark(tx, {(d.connection_id, d.order_id) for d in fresh.values() if d.order_id is not None}, "webhook", tx.now)
        _note_scopes(tx, fresh.values())
    for connection_id in {d.connection_id for d in deliveries}:
        new = sum(1 for d in fresh.values() if d.connection_id == connection_id)
        old = sum(1 for d in repeated if d.connection_id == connection_id)
        if new:
            journal.count(tx, health.DELIVERIES, "accepted", connection_id=connection_id, delta=new)
        if old:
            journal.count(tx, health.DELIVERIES, "duplicate", connection_id=connection_id, delta=old)
    _look_again_if_needed(tx, repeated)


def _known(tx: Tx, deliveries: Sequence[Delivery]) -> set[tuple[int, str]]:
    """Which of the deliveries are stored already, by connection and key."""
    offered: dict[int, list[str]] = {}
    for delivery in deliveries:
        offered.setdefault(delivery.connection_id, []).append(delivery.dedupe)
    return {(c, key) for c, keys in offered.items() for key in _known_keys(tx, c, keys)}


def _known_keys(tx: Tx, connection_id: int, keys: list[str]) -> list[str]:
    if tx.is_sqlite:  # an IN of a hundred parameters is made anew each time, which takes longer than the query
        return list(tx.conn.exec_driver_sql(_KNOWN_KEYS, (connection_id, json.dumps(keys))).scalars())
    of_connection = webhook_delivery.c.connection_id == connection_id
    query = select(webhook_delivery.c.dedupe).where(of_connection, webhook_delivery.c.dedupe.in_(keys))
    return list(tx.conn.execute(query).scalars())


_KNOWN_KEYS: Final = (
    "SELECT dedupe FROM webhook_delivery WHERE connection_id = ? AND dedupe IN (SELECT value FROM json_each(?))"
)


def _delivery_rows(tx: Tx, deliveries: Sequence[Delivery]) -> list[tuple[Any, ...]]:
    received_at = _INSERT_DELIVERY.value(tx, "received_at", tx.now)
    event_at = {d.event_at: _INSERT_DELIVERY.value(tx, "event_at", d.event_at) for d in deliveries}
    return [
        (d.connection_id, d.dedupe, d.scope, d.order_id, event_at[d.event_at], received_at, d.body) for d in deliveries
    ]


def _note_scopes(tx: Tx, deliveries: Iterable[Delivery]) -> None:
    heard = {(d.connection_id, scope) for d in deliveries for scope in registered_as(d.scope)}
    heard_at = _NOTE_SCOPE.value(tx, "heard_at", tx.now)
    _NOTE_SCOPE.many(tx, [(connection_id, scope, heard_at) for connection_id, scope in sorted(heard)])


_NOTE_SCOPE: Final = Prepared(
    lambda _dialect: (
        update(hook)
        .where(hook.c.connection_id == bindparam("of_connection"), hook.c.scope == bindparam("of_scope"))
        .values(last_delivery_at=bindparam("heard_at", type_=UtcTime()))
    ),
    ("of_connection", "of_scope", "heard_at"),
)


def _look_again_if_needed(tx: Tx, repeated: Sequence[Delivery]) -> None:
    """A repeated delivery makes work only where the order was not read since the event.

    BigCommerce's hash has one-second resolution at best (facts §2.3), so two quick edits may look like one event; a
    repeat after which we have read the order tells nothing new, one before that is worth a look.
    """
    for delivery in repeated:
        if delivery.order_id is None:
            continue
        covered = (delivery.event_at or tx.now) + _COVERED_AFTER
        found = tx.conn.execute(
            select(store_order.c.state).where(
                store_order.c.connection_id == delivery.connection_id,
                store_order.c.order_id == delivery.order_id,
                store_order.c.state != OrderState.DUE.value,
                or_(store_order.c.fetched_at.is_(None), store_order.c.fetched_at < covered),
            )
        ).first()
        if found is not None:
            _mark(tx, {(delivery.connection_id, delivery.order_id)}, "webhook", tx.now)


def mark_due(
    tx: Tx,
    connection_id: int,
    order_ids: Iterable[int],
    *,
    found_by: str,
    at: datetime | None = None,
    background: bool = False,
) -> int:
    """Make orders due, now or at `at`, creating their rows where they are new. Returns how many were marked.

    `background`: without hurry, unless they are due with some already. What a list showed of them before counts no
    more: whoever has a newer listing puts it after this (`listings.put`).
    """
    keys = {(connection_id, order_id) for order_id in order_ids}
    _mark(tx, keys, found_by, at or tx.now, background=background)
    listings.drop(tx, keys)
    return len(keys)


def _mark(tx: Tx, keys: set[tuple[int, int]], found_by: str, at: datetime, *, background: bool = False) -> None:
    if not keys:
        return
    ordered = sorted(keys)  # one lock order for every writer
    due_at, first_seen_at = (_UPSERT_ORDER.value(tx, "due_at", moment) for moment in (at, tx.now))
    hurry = _UPSERT_ORDER.value(tx, "background", background)
    _UPSERT_ORDER.many(tx, [(c, o, due_at, first_seen_at, found_by, hurry) for c, o in ordered])
    journal.touch(tx, "order", [(c, order_subject(o)) for c, o in ordered])
    for connection_id, order_id in ordered:
        tx.ring(connection_id, order_id)


def _insert_delivery(dialect: Any) -> Any:
    return dialect.insert(webhook_delivery).on_conflict_do_nothing(index_elements=["connection_id", "dedupe"])


def _upsert_order(dialect: Any) -> Any:
    """Insert the order as due; where it exists, raise its generation and make it due unless it is being worked on.

    A worker that holds it finds the raised generation when it finishes, and the order is due again at once.
    """
    statement = dialect.insert(store_order).values(
        connection_id=bindparam("connection_id"),
        order_id=bindparam("order_id"),
        state=OrderState.DUE.value,
        due_at=bindparam("due_at"),
        generation=literal(1),
        first_seen_at=bindparam("first_seen_at"),
        found_by=bindparam("found_by"),
        background=bindparam("background"),
    )
    new = statement.excluded
    # Not `in_`: a prepared statement has a fixed text.
    is_pending = or_(*(store_order.c.state == state.value for state in (OrderState.DUE, OrderState.WORKING)))
    earlier = case(
        (store_order.c.due_at < new.due_at, store_order.c.due_at),
        else_=new.due_at,
    )
    return statement.on_conflict_do_update(
        index_elements=["connection_id", "order_id"],
        set_={
            "generation": store_order.c.generation + 1,
            "due_at": case((store_order.c.state == OrderState.DUE.value, earlier), else_=new.due_at),
            # One that had been given up starts anew: somebody, or the store, gave it another chance.
            "attempts": case((store_order.c.state == OrderState.FAILED.value, 0), else_=store_order.c.attempts),
            "background": and_(new.background, or_(not_(is_pending), store_order.c.background)),
            "state": case(
                (store_order.c.state == OrderState.WORKING.value, OrderState.WORKING.value),
                else_=OrderState.DUE.value,
            ),
        },
    )


_INSERT_DELIVERY: Final = Prepared(
    _insert_delivery, ("connection_id", "dedupe", "scope", "order_id", "event_at", "received_at", "body")
)
_UPSERT_ORDER: Final = Prepared(
    _upsert_order, ("connection_id", "order_id", "due_at", "first_seen_at", "found_by", "background")
)


def oldest_due(tx_conn: Any, now: datetime) -> datetime | None:
    """When the order that has been due longest became due, None where nothing is. Those without hurry do not count."""
    found: datetime | None = tx_conn.execute(
        select(func.min(store_order.c.due_at)).where(
            store_order.c.state == OrderState.DUE.value,
            store_order.c.background == false(),
            store_order.c.due_at <= now,
        )
    ).scalar()
    return found


#: Journalled where a store-wide look at refunds named an order; the detail `refund` is the refund's number.
REFUND_SEEN: Final = "order.refund_seen"


def note_refunds(tx: Tx, connection_id: int, refunds: Mapping[int, Collection[int]]) -> set[int]:
    """Make those orders due that have refunds of which nothing was noted and nothing posted; returns which.

    `refunds`: order number → refund numbers, as the store lists them. Orders never seen are passed over: what counts
    of them comes with the orders themselves.
    """
    of_connection = store_order.c.connection_id == connection_id
    known = tx.conn.execute(
        select(store_order.c.order_id).where(of_connection, store_order.c.order_id.in_(list(refunds)))
    )
    due: set[int] = set()
    for order_id in sorted(int(row[0]) for row in known):
        subject = order_subject(order_id)
        news = sorted(set(refunds[order_id]) - _refunds_known(tx, connection_id, subject))
        for refund_id in news:
            journal.write(
                tx, REFUND_SEEN, actor="service", subject=subject, connection_id=connection_id, refund=refund_id
            )
        if news:
            due.add(order_id)
    mark_due(tx, connection_id, due, found_by="poll")
    return due


def _refunds_known(tx: Tx, connection_id: int, subject: str) -> set[int]:
    """Refunds of the order that were noted before, or stand in the ledger (`…/REFUND/9`)."""
    noted = tx.conn.execute(
        select(journal_table.c.detail).where(
            journal_table.c.connection_id == connection_id,
            journal_table.c.subject == subject,
            journal_table.c.event == REFUND_SEEN,
        )
    )
    posted = tx.conn.execute(
        select(document.c.key).where(document.c.connection_id == connection_id, document.c.subject == subject)
    )
    numbers = [str(json.loads(row[0]).get("refund", "")) for row in noted]
    numbers += [key.rpartition("/REFUND/")[2] for (key,) in posted if "/REFUND/" in key]
    return {int(number) for number in numbers if number.isdecimal()}


def told_of(conn: Connection, connection_id: int, order_ids: Collection[int]) -> dict[int, dict[str, datetime]]:
    """By order and scope: the time of the newest event that came about it. Orders of which none came are left out."""
    told: dict[int, dict[str, datetime]] = {}
    numbers = sorted(order_ids)
    at = func.max(func.coalesce(webhook_delivery.c.event_at, webhook_delivery.c.received_at, type_=UtcTime()))
    for start in range(0, len(numbers), _NUMBERS_AT_ONCE):
        rows = conn.execute(
            select(webhook_delivery.c.order_id, webhook_delivery.c.scope, at)
            .where(
                webhook_delivery.c.connection_id == connection_id,
                webhook_delivery.c.order_id.in_(numbers[start : start + _NUMBERS_AT_ONCE]),
            )
            .group_by(webhook_delivery.c.order_id, webhook_delivery.c.scope)
        )
        for order_id, scope, newest in rows:
            told.setdefault(order_id, {})[scope] = newest
    return told


def heard_of_refund(conn: Connection, connection_id: int, order_id: int) -> bool:
    """Whether an event or a store-wide look named a refund of this order: the order itself need not show it."""
    if _was_told(conn, connection_id, order_id, "store/order/refund"):
        return True
    seen = select(journal_table.c.id).where(
        journal_table.c.connection_id == connection_id,
        journal_table.c.subject == order_subject(order_id),
        journal_table.c.event == REFUND_SEEN,
    )
    return conn.execute(seen.limit(1)).first() is not None


def heard_of_tender(conn: Connection, connection_id: int, order_id: int) -> bool:
    """Whether an event named a transaction of this order: one made by hand says nothing of its payment."""
    return _was_told(conn, connection_id, order_id, "store/order/transaction")


def _was_told(conn: Connection, connection_id: int, order_id: int, scope: str) -> bool:
    event = select(webhook_delivery.c.id).where(
        webhook_delivery.c.connection_id == connection_id,
        webhook_delivery.c.order_id == order_id,
        webhook_delivery.c.scope.startswith(scope, autoescape=True),
    )
    return conn.execute(event.limit(1)).first() is not None
