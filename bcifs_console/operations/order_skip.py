"""Leaving one order out, and taking it in again: a person's word about this order, whoever its buyer is.

It is kept like the skip of a buyer, as a link, under a key of its own (`left_out_key`): the next look at the order
finds it there. What is in IFS already is never left out; it is corrected there.
"""

from bcifs_console.base.problems import Problem, ProblemKind, UsageProblem
from bcifs_console.domain.documents import DocumentState, LedgerDocument
from bcifs_console.domain.states import left_out_key, order_subject
from bcifs_console.operations.context import Context
from bcifs_console.operations.order_faults import NoSuchOrder, hold
from bcifs_console.store import customers, intake, journal, ledger
from bcifs_console.store.database import Tx
from bcifs_console.sync.redraft import nothing_in_ifs


class OrderSent(Problem):
    """IFS has, or may have, something of the order."""

    kind = ProblemKind.CONFLICT


class NotLeftOut(Problem):
    """Nobody left this order out by itself."""

    kind = ProblemKind.NOT_FOUND


def skip(context: Context, connection_id: int, order_id: int, note: str) -> None:
    """Leave the order out: it is due, and its next look ends in `skipped`.

    Raises UsageProblem without a note, NoSuchOrder, OrderBusy, and OrderSent where IFS may have something of it.
    """
    if not note.strip():
        raise UsageProblem("Say why the order is left out.", remedy="Give a note; it stands in the order's story.")

    def write(tx: Tx) -> None:
        _check(tx, connection_id, order_id)
        key = order_subject(order_id)
        customers.link(tx, connection_id, left_out_key(order_id), "", source=customers.SKIP, note=note.strip())
        intake.mark_due(tx, connection_id, [order_id], found_by="operator")
        journal.write(
            tx, "order.skipped", actor=context.actor, subject=key, connection_id=connection_id, note=note.strip()
        )

    context.store.database.write_sync(write)


def _check(tx: Tx, connection_id: int, order_id: int) -> None:
    if hold(tx, connection_id, order_id) is None:
        raise NoSuchOrder(order_id)
    held = ledger.of_subject(tx.conn, connection_id, order_subject(order_id))
    sent = [document for document in held.documents if may_be_in_ifs(document)]
    if sent:
        named = ", ".join(document.reference or document.key for document in sent[:3])
        raise OrderSent(
            f"Order {order_id} cannot be left out: IFS has, or may have, {named}.",
            remedy="Cancel the order in the store, or correct it in IFS by hand.",
        )


def may_be_in_ifs(document: LedgerDocument) -> bool:
    """Whether IFS has, or may have, something of the document; one that moved no money counts, too."""
    stands = document.state in (DocumentState.CONFIRMED, DocumentState.NOTHING_TO_POST)
    return stands or document.batch is not None or not nothing_in_ifs(document)


def unskip(context: Context, connection_id: int, order_id: int) -> None:
    """Take the order in again: it is due and goes the way of every other. Raises NotLeftOut."""

    def write(tx: Tx) -> None:
        key = order_subject(order_id)
        if not customers.unlink_skip(tx, connection_id, left_out_key(order_id)):
            raise NotLeftOut(
                f"Order {order_id} was not left out by itself.",
                remedy=f"If its buyer was: bcifs decisions undo ID; else look at it anew: bcifs orders sync {order_id}",
            )
        intake.mark_due(tx, connection_id, [order_id], found_by="operator")
        journal.write(tx, "order.unskipped", actor=context.actor, subject=key, connection_id=connection_id)

    context.store.database.write_sync(write)
