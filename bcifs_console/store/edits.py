"""Answers to orders that were edited after they were sent. What they mean is `accounting.edits`."""

from typing import Final

from sqlalchemy import Connection, bindparam, select

from bcifs_console.domain.codec import decode_edit_answer, encode
from bcifs_console.domain.edits import EditAnswer
from bcifs_console.store.database import Tx
from bcifs_console.store.tables import edit_answer

# Made once: every look at an order that was sent asks it.
_OF_ORDER: Final = (
    select(edit_answer.c.answer)
    .where(
        edit_answer.c.connection_id == bindparam("of_connection"),
        edit_answer.c.order_id == bindparam("of_order"),
    )
    .order_by(edit_answer.c.id)
)


def of_order(conn: Connection, connection_id: int, order_id: int) -> tuple[EditAnswer, ...]:
    """What was answered to edits of the order, oldest first."""
    rows = conn.execute(_OF_ORDER, {"of_connection": connection_id, "of_order": order_id})
    return tuple(decode_edit_answer(row.answer) for row in rows)


def of_connection(conn: Connection, connection_id: int) -> dict[int, tuple[EditAnswer, ...]]:
    """The same for every order of a connection that has any: few do."""
    query = (
        select(edit_answer.c.order_id, edit_answer.c.answer)
        .where(edit_answer.c.connection_id == connection_id)
        .order_by(edit_answer.c.order_id, edit_answer.c.id)
    )
    found: dict[int, tuple[EditAnswer, ...]] = {}
    for row in conn.execute(query):
        found[row.order_id] = (*found.get(row.order_id, ()), decode_edit_answer(row.answer))
    return found


def save(tx: Tx, connection_id: int, order_id: int, answer: EditAnswer) -> None:
    """Write an answer down beside those before it."""
    tx.conn.execute(
        edit_answer.insert().values(
            connection_id=connection_id,
            order_id=order_id,
            at=answer.at,
            actor=answer.actor,
            choice=answer.choice.value,
            answer=encode(answer),
        )
    )
