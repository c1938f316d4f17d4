"""A person takes what IFS shows of an order as it is: a total that is off (ACCOUNTING §4), a credited invoice.

The total is frozen with the answer: another one is another question. The vouchers stay by the store's figures.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from bcifs_console.base.problems import Problem, ProblemKind, UsageProblem
from bcifs_console.domain.documents import DocumentState, LedgerDocument
from bcifs_console.domain.marks import ACCEPTED, CREDITED, INVOICED, accepted_total, is_invoiced, said
from bcifs_console.domain.plan import Reason
from bcifs_console.domain.states import order_subject
from bcifs_console.operations.context import Context
from bcifs_console.operations.order_faults import hold
from bcifs_console.store import intake, journal, ledger, marks, views
from bcifs_console.store.database import Tx
from bcifs_console.store.ledger import DocumentChange

#: Calls of a customer order, as `sync.posting` names them.
_READ_BACK: Final = "read_back"
_RELEASE: Final = "release"


class NothingToAccept(Problem):
    """IFS was not seen to show anything else than was sent; or nothing was accepted that could be taken back."""

    kind = ProblemKind.CONFLICT


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was answered, in words."""

    connection_id: int
    order_id: int
    what: str


def accept(context: Context, order_id: int, note: str, *, connection: str | None) -> Accepted:
    """Accept the total that IFS showed when the order was read back last; where there is none to accept, that its
    invoice was credited. The order is looked at again.

    Raises UsageProblem without a note, OrderBusy, NothingToAccept.
    """
    if not note.strip():
        raise UsageProblem("Say why it is accepted.", remedy="Give a note; it stands in the order's story.")
    connection_id = context.connection_id(connection)

    def write(tx: Tx) -> Accepted:
        sent = _sent(tx, connection_id, order_id)
        total = _total_in_question(tx, connection_id, order_id, sent)
        if total is not None:
            marks.put(tx, sent, ACCEPTED, f"{total:f}")
            what = f"accepted {total:f} {sent.currency} for {sent.reference}"
            _note(tx, context, sent, order_id, "order.total_accepted", total=f"{total:f}", note=note)
        elif is_invoiced(sent):
            marks.put(tx, sent, INVOICED, CREDITED)
            what = f"the invoice of {sent.reference} was credited"
            _note(tx, context, sent, order_id, "order.invoice_credited", note=note)
        else:
            raise NothingToAccept(
                f"IFS was not seen to show another total of order {order_id} than was sent, nor an invoice.",
                remedy=f"See what it waits for: bcifs orders show {order_id}",
            )
        return Accepted(connection_id, order_id, what)

    return context.store.database.write_sync(write)


def taken_back(context: Context, order_id: int, note: str, *, connection: str | None) -> Accepted:
    """Take an accepted total back, or the word that the invoice was credited; the order is looked at again.

    Raises OrderBusy, NothingToAccept; the latter also where the order was released on that total.
    """
    connection_id = context.connection_id(connection)

    def write(tx: Tx) -> Accepted:
        sent = _sent(tx, connection_id, order_id)
        total = accepted_total(sent)
        if total is not None and not sent.is_confirmed(_RELEASE):
            marks.take_off(tx, sent, ACCEPTED, _READ_BACK)  # it is read back again, and stops at the total again
            ledger.record(tx, None, sent.id, [], DocumentChange(state=DocumentState.SENT))
            what = f"{total:f} {sent.currency} for {sent.reference} is no longer accepted"
            _note(tx, context, sent, order_id, "order.total_accepted_undone", total=f"{total:f}", note=note)
        elif said(sent, INVOICED) == CREDITED:
            marks.put(tx, sent, INVOICED, "Invoiced")
            what = f"the invoice of {sent.reference} was not credited"
            _note(tx, context, sent, order_id, "order.invoice_credited_undone", note=note)
        elif total is not None:
            raise NothingToAccept(
                f"{sent.reference} was released in IFS on the total that was accepted.",
                remedy="Correct the order in IFS, or cancel it there and in the store.",
            )
        else:
            raise NothingToAccept(
                f"Nothing was accepted of order {order_id}.", remedy=f"See: bcifs orders show {order_id}"
            )
        return Accepted(connection_id, order_id, what)

    return context.store.database.write_sync(write)


def _sent(tx: Tx, connection_id: int, order_id: int) -> LedgerDocument:
    """The customer order, which no look touches before this transaction ends."""
    hold(tx, connection_id, order_id)
    sent = ledger.of_subject(tx.conn, connection_id, order_subject(order_id)).customer_order()
    if sent is None or not sent.reference:
        raise NothingToAccept(
            f"Order {order_id} is not in IFS.", remedy=f"See what it waits for: bcifs orders show {order_id}"
        )
    return sent


def _total_in_question(tx: Tx, connection_id: int, order_id: int, sent: LedgerDocument) -> Decimal | None:
    """The total that the last look read in IFS and stopped at."""
    (view,) = views.orders_by_id(tx.conn, connection_id, [order_id])
    return next((total for row in view.problems if (total := _total(row, sent)) is not None), None)


def _total(problem: dict[str, Any], sent: LedgerDocument) -> Decimal | None:
    figures = problem.get("figures")
    is_of_ifs = problem.get("reason") == Reason.TOTALS.value and problem.get("subject") == sent.reference
    return Decimal(str(figures["computed"])) if is_of_ifs and figures else None


def _note(
    tx: Tx, context: Context, sent: LedgerDocument, order_id: int, event: str, *, note: str, **detail: str
) -> None:
    """Into the order's story; the order is looked at again."""
    journal.write(
        tx,
        event,
        actor=context.actor,
        subject=sent.subject,
        connection_id=sent.connection_id,
        reference=sent.reference,
        note=note.strip(),
        **detail,
    )
    intake.mark_due(tx, sent.connection_id, [order_id], found_by="operator")
