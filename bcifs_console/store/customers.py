"""What we know and ask about buyers: links, decisions, leases on buyers, and numbers for new customers."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bcifs_console.domain.buyers import Buyer, Known, Skipped
from bcifs_console.domain.states import OrderState
from bcifs_console.store import intake, journal, queue
from bcifs_console.store.database import Tx
from bcifs_console.store.errors import DecidedMeanwhile
from bcifs_console.store.tables import customer_link, decision, lease, sequence

SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Decision:
    """A question about a buyer. `action` is "" while open, else create, link or skip."""

    id: int
    connection_id: int
    buyer_key: str
    email: str
    name: str
    question: str
    candidates: tuple[dict[str, Any], ...]
    action: str
    customer_id: str
    note: str
    asked_at: datetime
    decided_at: datetime | None


def link_of(conn: Connection, connection_id: int, buyer_key: str) -> Known | Skipped | None:
    """What the link table says of the buyer: a customer, a decision to skip, or nothing."""
    row = conn.execute(_LINK, {"of_connection": connection_id, "of_buyer": buyer_key}).first()
    if row is None:
        return None
    return Skipped(row.note) if row.source == SKIP else Known(row.customer_id, row.source)


# Made once: making a query takes longer than carrying it out, and every look at a new order asks these.
_LINK: Final = select(customer_link).where(
    customer_link.c.connection_id == bindparam("of_connection"), customer_link.c.buyer_key == bindparam("of_buyer")
)
_DECISION: Final = select(decision).where(
    decision.c.connection_id == bindparam("of_connection"), decision.c.buyer_key == bindparam("of_buyer")
)


def link(tx: Tx, connection_id: int, buyer_key: str, customer_id: str, *, source: str, note: str = "") -> None:
    """Remember that the buyer is this customer (or, with source `skip`, that the buyer is left out)."""
    values = {"customer_id": customer_id, "source": source, "note": note, "created_at": tx.now}
    insert = (sqlite if tx.is_sqlite else postgresql).insert(customer_link)
    tx.conn.execute(
        insert.values(connection_id=connection_id, buyer_key=buyer_key, **values).on_conflict_do_update(
            index_elements=["connection_id", "buyer_key"], set_=values
        )
    )


def ask(tx: Tx, connection_id: int, buyer: Buyer, question: str, candidates: tuple[dict[str, Any], ...]) -> int:
    """Open the question about the buyer, or bring an open one up to date. Returns its id."""
    insert = (sqlite if tx.is_sqlite else postgresql).insert(decision)
    values = {
        "email": buyer.email,
        "name": buyer.name,
        "question": question,
        "candidates": json.dumps(candidates, ensure_ascii=False),
    }
    statement = insert.values(
        connection_id=connection_id, buyer_key=buyer.key, asked_at=tx.now, action="", **values
    ).on_conflict_do_update(index_elements=["connection_id", "buyer_key"], set_=values)
    found = int(tx.conn.execute(statement.returning(decision.c.id)).scalar_one())
    journal.touch(tx, "decision", [(connection_id, f"decision:{found}")])
    return found


def open_decisions(conn: Connection, connection_id: int | None = None) -> list[Decision]:
    """The questions nobody has answered yet, oldest first."""
    query = select(decision).where(decision.c.action == "").order_by(decision.c.asked_at, decision.c.id)
    if connection_id is not None:
        query = query.where(decision.c.connection_id == connection_id)
    return [_decision(row) for row in conn.execute(query)]


def decision_by_id(conn: Connection, decision_id: int) -> Decision | None:
    """One question, open or answered."""
    row = conn.execute(select(decision).where(decision.c.id == decision_id)).first()
    return None if row is None else _decision(row)


def decision_of_buyer(conn: Connection, connection_id: int, buyer_key: str) -> Decision | None:
    """The question about this buyer, open or answered."""
    row = conn.execute(_DECISION, {"of_connection": connection_id, "of_buyer": buyer_key}).first()
    return None if row is None else _decision(row)


def _decision(row: Any) -> Decision:
    return Decision(
        id=row.id,
        connection_id=row.connection_id,
        buyer_key=row.buyer_key,
        email=row.email,
        name=row.name,
        question=row.question,
        candidates=tuple(json.loads(row.candidates)),
        action=row.action,
        customer_id=row.customer_id,
        note=row.note,
        asked_at=row.asked_at,
        decided_at=row.decided_at,
    )


def decide(tx: Tx, found: Decision, action: str, *, actor: str, customer_id: str = "", note: str = "") -> list[int]:
    """Answer a question and make every order that waits for it due. Returns those orders.

    Raises DecidedMeanwhile where the question was answered otherwise since `found` was read.
    """
    done = tx.conn.execute(
        update(decision)
        .where(decision.c.id == found.id, decision.c.action == found.action)
        .values(action=action, customer_id=customer_id, note=note, actor=actor, decided_at=tx.now)
    )
    if done.rowcount != 1:
        raise DecidedMeanwhile(found.name)
    if action == "link":
        link(tx, found.connection_id, found.buyer_key, customer_id, source="decision", note=note)
    elif action == SKIP:
        link(tx, found.connection_id, found.buyer_key, "", source=SKIP, note=note)
    orders = queue.orders_of_buyer(tx.conn, found.connection_id, found.buyer_key, [OrderState.WAITING])
    intake.mark_due(tx, found.connection_id, orders, found_by="decision")
    journal.write(
        tx,
        f"decision.{action}",
        actor=actor,
        subject=f"buyer:{found.buyer_key}",
        connection_id=found.connection_id,
        decision=found.id,
        customer=customer_id,
        note=note,
        orders=orders,
    )
    journal.touch(tx, "decision", [(found.connection_id, f"decision:{found.id}")])
    return orders


def close_decision(tx: Tx, connection_id: int, buyer_key: str, action: str, customer_id: str) -> None:
    """Note that an open question answered itself (the customer appeared in IFS, the policy created one)."""
    tx.conn.execute(
        update(decision)
        .where(decision.c.connection_id == connection_id, decision.c.buyer_key == buyer_key, decision.c.action == "")
        .values(action=action, customer_id=customer_id, decided_at=tx.now, actor="service")
    )


def next_number(tx: Tx, connection_id: int, name: str) -> int:
    """The next number of a sequence of ours, from 1."""
    insert = (sqlite if tx.is_sqlite else postgresql).insert(sequence)
    statement = (
        insert.values(connection_id=connection_id, name=name, value=1)
        .on_conflict_do_update(index_elements=["connection_id", "name"], set_={"value": sequence.c.value + 1})
        .returning(sequence.c.value)
    )
    return int(tx.conn.execute(statement).scalar_one())


def take_lease(tx: Tx, name: str, owner: str, duration: timedelta) -> bool:
    """Take the named lease, or run on with it where it is ours or has run out. Returns whether we hold it."""
    row = tx.conn.execute(select(lease).where(lease.c.name == name).with_for_update()).first()
    if row is not None and row.owner != owner and row.until > tx.now:
        return False
    if row is None:
        insert = (sqlite if tx.is_sqlite else postgresql).insert(lease)
        taken = insert.values(name=name, owner=owner, fence=1, until=tx.now + duration).on_conflict_do_nothing()
        # RETURNING, not the row count: psycopg's is unknown for this statement.
        return tx.conn.execute(taken.returning(lease.c.name)).first() is not None
    tx.conn.execute(
        update(lease).where(lease.c.name == name).values(owner=owner, fence=row.fence + 1, until=tx.now + duration)
    )
    return True


def drop_lease(tx: Tx, name: str, owner: str) -> None:
    """Give a lease back."""
    tx.conn.execute(delete(lease).where(lease.c.name == name, lease.c.owner == owner))
