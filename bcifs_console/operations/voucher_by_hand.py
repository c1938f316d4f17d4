"""A person's word that a voucher was booked in IFS by hand (ACCOUNTING §3, closed period), and taking it back.

The voucher stays in the ledger as it was drawn up: what it takes of the order counts as booked, so the order's later
vouchers come out even. It is never posted from here. What a mark is, is `domain.marks`.
"""

from dataclasses import dataclass
from datetime import datetime

from bcifs_console.base.problems import Problem, ProblemKind, UsageProblem
from bcifs_console.domain.documents import DocumentKind, DocumentState, Ledger, LedgerDocument
from bcifs_console.domain.marks import BY_HAND, said
from bcifs_console.domain.states import order_of, order_subject
from bcifs_console.operations.context import Context
from bcifs_console.operations.order_faults import hold
from bcifs_console.operations.order_skip import may_be_in_ifs
from bcifs_console.store import intake, journal, ledger, marks, reconciliation
from bcifs_console.store.database import Tx
from bcifs_console.sync.redraft import nothing_in_ifs


class NoSuchVoucher(Problem):
    """The order has no voucher of that key that was written down."""

    kind = ProblemKind.NOT_FOUND


class NotOpen(Problem):
    """IFS has, or may have, something of the voucher from here; or it is booked by hand already."""

    kind = ProblemKind.CONFLICT


class NotByHand(Problem):
    """Nobody said that the voucher was booked by hand, or other vouchers were booked on top of it since."""

    kind = ProblemKind.CONFLICT


@dataclass(frozen=True, slots=True)
class BookedByHand:
    """Which voucher it is about, and where it is booked ("" where that was taken back)."""

    connection_id: int
    order_id: int
    key: str
    reference: str


def booked(
    context: Context, order_id: int, key: str, reference: str, *, connection: str | None, note: str = ""
) -> BookedByHand:
    """Say that the voucher `key` (whole, or without the order's reference: `PAY/44`) was booked in IFS by hand.

    The order is looked at again. Raises UsageProblem without a reference, NoSuchVoucher, OrderBusy, and
    NotOpen where IFS may have something of it from here.
    """
    if not reference.strip():
        raise UsageProblem(
            "Say where the voucher is booked.",
            remedy=f"Give its number in IFS, as: bcifs orders booked {order_id} {key} --reference M-2026-17",
        )
    connection_id = context.connection_id(connection)

    def write(tx: Tx) -> BookedByHand:
        _, voucher = _held(tx, connection_id, order_id, key)
        if may_be_in_ifs(voucher) or not marks.put_by_hand(tx, voucher, reference.strip()):
            raise _not_open(voucher)
        _note(tx, context, connection_id, voucher, "order.booked_by_hand", reference=reference.strip(), note=note)
        return BookedByHand(connection_id, order_id, voucher.key, reference.strip())

    return context.store.database.write_sync(write)


def taken_back(context: Context, order_id: int, key: str, *, connection: str | None, note: str = "") -> BookedByHand:
    """Take that word back: the voucher is posted from here again.

    Raises NoSuchVoucher, OrderBusy, and NotByHand, also where another voucher of the order was posted since.
    """
    connection_id = context.connection_id(connection)

    def write(tx: Tx) -> BookedByHand:
        held, voucher = _held(tx, connection_id, order_id, key)
        reference, answered_at = said(voucher, BY_HAND), voucher.confirmed_at
        if not reference or answered_at is None:
            raise NotByHand(
                f"Nobody said that {voucher.key} was booked by hand.",
                remedy=f"See what became of it: bcifs orders show {order_id}",
            )
        others = (other for other in held.of_kind(DocumentKind.VOUCHER) if other.id != voucher.id)
        later = [other.key for other in others if _was_posted_since(other, answered_at)]
        if later:
            raise NotByHand(
                f"{voucher.key} stays booked by hand: {', '.join(later[:3])} was booked since.",
                remedy="Leave it as it is; what is wrong is corrected in IFS by hand.",
            )
        marks.take_off_by_hand(tx, voucher)
        _note(tx, context, connection_id, voucher, "order.booked_by_hand_undone", reference=reference, note=note)
        return BookedByHand(connection_id, order_id, voucher.key, "")

    return context.store.database.write_sync(write)


def _held(tx: Tx, connection_id: int, order_id: int, key: str) -> tuple[Ledger, LedgerDocument]:
    """The order's ledger and the voucher, which no look touches before this transaction ends."""
    hold(tx, connection_id, order_id)
    held = ledger.of_subject(tx.conn, connection_id, order_subject(order_id))
    wanted = key.strip().strip("/")
    for voucher in held.of_kind(DocumentKind.VOUCHER):
        if wanted in (voucher.key, voucher.key.partition("/")[2]):
            return held, voucher
    raise NoSuchVoucher(
        f"Order {order_id} has no voucher {key} that was written down.",
        remedy=f"See its vouchers: bcifs orders show {order_id}",
    )


def _not_open(voucher: LedgerDocument) -> NotOpen:
    by_hand = said(voucher, BY_HAND)
    if by_hand:
        return NotOpen(
            f"{voucher.key} is booked by hand already: {by_hand}.",
            remedy="To change that, take it back first, with --undo.",
        )
    if voucher.state is DocumentState.NOTHING_TO_POST:
        return NotOpen(f"{voucher.key} moves no money: there is nothing to book.", remedy="Nothing is to be done.")
    what = voucher.reference or "something of it"
    return NotOpen(
        f"{voucher.key} is not booked by hand: IFS has, or may have, {what} from here.",
        remedy="Look it up in IFS; what is wrong with it there is corrected there.",
    )


def _was_posted_since(other: LedgerDocument, moment: datetime) -> bool:
    """Whether another voucher was booked, or set out for IFS, after the moment."""
    if other.confirmed_at is not None:
        return other.confirmed_at > moment
    return other.batch is not None or not nothing_in_ifs(other)


def _note(
    tx: Tx, context: Context, connection_id: int, voucher: LedgerDocument, event: str, *, reference: str, note: str
) -> None:
    """Into the order's story; its day is compared anew, and the order is looked at again."""
    journal.write(
        tx,
        event,
        actor=context.actor,
        subject=voucher.subject,
        connection_id=connection_id,
        voucher=voucher.key,
        reference=reference,
        note=note.strip(),
    )
    if voucher.day is not None:
        reconciliation.mark_outdated(tx, connection_id, [voucher.day])
    order_id = order_of(voucher.subject)
    assert order_id is not None, "it was found by its order"
    intake.mark_due(tx, connection_id, [order_id], found_by="operator")
