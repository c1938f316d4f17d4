"""What we know and ask about buyers: links, decisions, leases on buyers, and numbers for new customers.

What IFS's customers are found by is in `directory`, what it answered to look-ups in `lookups`.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, exists, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bcifs_console.domain.buyers import Buyer, Known, Skipped
from bcifs_console.domain.documents import DocumentKind, PartState
from bcifs_console.domain.states import OrderState, order_subject
from bcifs_console.store import directory, intake, journal, queue
from bcifs_console.store.database import Tx
from bcifs_console.store.errors import BuyerBeingSent, BuyerSent, DecidedMeanwhile, NotedMeanwhile
from bcifs_console.store.tables import (
    connection,
    customer_link,
    decision,
    document,
    document_part,
    lease,
    sequence,
    store_order,
)

SKIP: Final = "skip"
#: Who answered a question that answered itself.
SERVICE: Final = "service"


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
    actor: str = ""  #: who answered; `service` where it answered itself
    draft: str = ""  #: of create: the customer as it was shown (domain JSON)


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


def unlink_skip(tx: Tx, connection_id: int, buyer_key: str) -> bool:
    """Forget that the buyer is left out; what else is known stays. Returns whether there was such a link."""
    mine = customer_link.c.connection_id == connection_id, customer_link.c.buyer_key == buyer_key
    return tx.conn.execute(delete(customer_link).where(*mine, customer_link.c.source == SKIP)).rowcount == 1


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
    """The questions nobody has answered yet, oldest first; those of a removed connection are asked no more."""
    in_use = exists().where(connection.c.id == decision.c.connection_id, connection.c.removed_at.is_(None))
    query = select(decision).where(decision.c.action == "", in_use).order_by(decision.c.asked_at, decision.c.id)
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
        actor=row.actor,
        draft=row.draft,
    )


def origin_of(decision_id: int) -> str:
    """How a decision is named in the directory."""
    return f"decision:{decision_id}"


def decide(
    tx: Tx,
    found: Decision,
    action: str,
    *,
    actor: str,
    customer_id: str = "",
    note: str = "",
    draft: str = "",
    keys: Collection[directory.Key] = (),
) -> list[int]:
    """Answer a question and make every order that waits for it due. Returns those orders.

    `draft`: the customer to create, as it was shown. `keys`: what the buyer may be found by; a link remembers them for
    suggestions about buyers alike.

    Raises DecidedMeanwhile where the question was answered otherwise since `found` was read.
    """
    done = tx.conn.execute(
        update(decision)
        .where(decision.c.id == found.id, decision.c.action == found.action)
        .values(action=action, customer_id=customer_id, note=note, actor=actor, decided_at=tx.now, draft=draft)
    )
    if done.rowcount != 1:
        raise DecidedMeanwhile(found.name)
    if action == "link":
        link(tx, found.connection_id, found.buyer_key, customer_id, source="decision", note=note)
        directory.tie(tx, found.connection_id, customer_id, keys, origin_of(found.id))
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


def remark(tx: Tx, found: Decision, note: str, *, actor: str, instead_of: str | None = None) -> None:
    """Leave a note on a question that is open; an answer brings its own. `instead_of`: the note there is thought to be.

    Raises DecidedMeanwhile, and NotedMeanwhile where it is another one, which stays.
    """
    held = select(decision.c.action, decision.c.note).where(decision.c.id == found.id).with_for_update()
    now = tx.conn.execute(held).first()
    if now is None or now.action:
        raise DecidedMeanwhile(found.name)
    if instead_of is not None and now.note != instead_of.strip():
        raise NotedMeanwhile(found.name, now.note)
    tx.conn.execute(update(decision).where(decision.c.id == found.id).values(note=note))
    subject = f"buyer:{found.buyer_key}"
    journal.write(
        tx,
        "decision.note",
        actor=actor,
        subject=subject,
        connection_id=found.connection_id,
        decision=found.id,
        note=note,
    )
    journal.touch(tx, "decision", [(found.connection_id, f"decision:{found.id}")])


def undo(tx: Tx, found: Decision, *, actor: str, note: str = "") -> list[int]:
    """Take an answer back while nothing was sent because of it: the question is open again, the buyer's orders that
    are not in IFS are due. Returns those orders.

    Raises BuyerBeingSent while one of the orders is being looked at, BuyerSent where IFS has, or may have, something of
    it, DecidedMeanwhile where the answer is another by now.
    """
    connection_id, buyer_key = found.connection_id, found.buyer_key
    held = select(store_order.c.order_id, store_order.c.state).where(
        store_order.c.connection_id == connection_id, store_order.c.buyer_key == buyer_key
    )
    # Locked: nobody begins to look at one of them before this is committed.
    states = {row.order_id: OrderState(row.state) for row in tx.conn.execute(held.with_for_update())}
    if OrderState.WORKING in states.values():
        raise BuyerBeingSent(found.name)
    if found.action != SKIP:
        sent = _sent_for(tx.conn, found, states)
        if sent:
            raise BuyerSent(found.name, sent)
        _withdraw_customer(tx, found)
    open_again = {"action": "", "customer_id": "", "note": "", "actor": "", "decided_at": None, "draft": ""}
    done = tx.conn.execute(
        update(decision)
        .where(decision.c.id == found.id, decision.c.action == found.action, decision.c.decided_at == found.decided_at)
        .values(open_again)
    )
    if done.rowcount != 1:
        raise DecidedMeanwhile(found.name)
    tx.conn.execute(
        delete(customer_link).where(
            customer_link.c.connection_id == connection_id,
            customer_link.c.buyer_key == buyer_key,
            customer_link.c.source.in_(("decision", SKIP)),
        )
    )
    directory.untie(tx, connection_id, found.customer_id, origin_of(found.id))
    orders = sorted(number for number, state in states.items() if state in _UNDONE)
    intake.mark_due(tx, connection_id, orders, found_by="decision")
    journal.write(
        tx,
        "decision.undone",
        actor=actor,
        subject=f"buyer:{buyer_key}",
        connection_id=connection_id,
        decision=found.id,
        was=found.action,
        customer=found.customer_id,
        decided_by=found.actor,
        note=note,
        orders=orders,
    )
    journal.touch(tx, "decision", [(connection_id, f"decision:{found.id}")])
    return orders


#: Orders that an answer may have brought where they are.
_UNDONE: Final = frozenset({OrderState.DUE, OrderState.WAITING, OrderState.SKIPPED, OrderState.FAILED})


def _sent_for(conn: Connection, found: Decision, orders: Iterable[int]) -> list[str]:
    """What IFS has, or may have, of the buyer: references of customer orders and of a customer made."""
    subjects = [*(order_subject(number) for number in orders), f"buyer:{found.buyer_key}"]
    reached = exists().where(document_part.c.document_id == document.c.id, document_part.c.state.not_in(_NOT_REACHED))
    references: list[str] = []
    for start in range(0, len(subjects), _AT_ONCE):
        rows = conn.execute(
            select(document.c.key).where(
                document.c.connection_id == found.connection_id,
                document.c.subject.in_(subjects[start : start + _AT_ONCE]),
                document.c.kind.in_((DocumentKind.CUSTOMER_ORDER.value, DocumentKind.CUSTOMER.value)),
                reached,
            )
        )
        references += rows.scalars().all()
    return references


_NOT_REACHED: Final = (PartState.INTENDED.value, PartState.FAILED.value)
_AT_ONCE: Final = 400


def _withdraw_customer(tx: Tx, found: Decision) -> None:
    """Drop the document of a customer of which nothing was sent: it must not be completed after all."""
    own = (
        (document.c.connection_id == found.connection_id)
        & (document.c.kind == DocumentKind.CUSTOMER.value)
        & (document.c.key == found.buyer_key)
    )
    number = tx.conn.execute(select(document.c.id).where(own)).scalar()
    if number is not None:
        tx.conn.execute(delete(document_part).where(document_part.c.document_id == number))
        tx.conn.execute(delete(document).where(document.c.id == number))


def close_decision(tx: Tx, connection_id: int, buyer_key: str, action: str, customer_id: str) -> None:
    """Note that an open question answered itself (the customer appeared in IFS, the policy created one)."""
    tx.conn.execute(
        update(decision)
        .where(decision.c.connection_id == connection_id, decision.c.buyer_key == buyer_key, decision.c.action == "")
        .values(action=action, customer_id=customer_id, decided_at=tx.now, actor=SERVICE)
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


def peek_number(conn: Connection, connection_id: int, name: str) -> int:
    """The number that `next_number` would give now."""
    query = select(sequence.c.value).where(sequence.c.connection_id == connection_id, sequence.c.name == name)
    return int(conn.execute(query).scalar() or 0) + 1


def decided_buyers(conn: Connection, connection_id: int) -> frozenset[str]:
    """The keys of buyers whose own link stands above customer rules: a person decided, or the customer was made."""
    rows = conn.execute(
        select(customer_link.c.buyer_key).where(
            customer_link.c.connection_id == connection_id, customer_link.c.source != "lookup"
        )
    )
    return frozenset(rows.scalars())


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


def extend_lease(tx: Tx, name: str, owner: str, duration: timedelta) -> bool:
    """Run on with a lease for another `duration` from now. False where it is ours no longer: stop at once."""
    done = tx.conn.execute(
        update(lease).where(lease.c.name == name, lease.c.owner == owner).values(until=tx.now + duration)
    )
    return done.rowcount == 1


def drop_lease(tx: Tx, name: str, owner: str) -> None:
    """Give a lease back."""
    tx.conn.execute(delete(lease).where(lease.c.name == name, lease.c.owner == owner))
