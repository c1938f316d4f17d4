"""A person's answer to an order that the store edited after it was sent: keep, adopt, by hand (ACCOUNTING §1)."""

from dataclasses import dataclass

from bcifs_console.accounting.adopting import not_adoptable
from bcifs_console.accounting.basis import fact_hash
from bcifs_console.accounting.edits import changes, edit_state
from bcifs_console.accounting.freeze import basis_of
from bcifs_console.base.problems import Problem, ProblemKind, UsageProblem
from bcifs_console.domain.basis import Basis
from bcifs_console.domain.codec import decode_customer_order, decode_order
from bcifs_console.domain.documents import CustomerOrderDraft, Ledger, LedgerDocument
from bcifs_console.domain.edits import EditAnswer, EditChoice
from bcifs_console.domain.orders import Order
from bcifs_console.domain.rules import Policy
from bcifs_console.domain.states import order_subject
from bcifs_console.operations.connect import settings_of
from bcifs_console.operations.context import Context
from bcifs_console.operations.order_faults import READ, NoSuchOrder, hold
from bcifs_console.store import edits, intake, journal, ledger, queue, rules
from bcifs_console.store.database import Tx


class NotEdited(Problem):
    """The order is as it was sent, or was never sent."""

    kind = ProblemKind.CONFLICT


class NotAnswerable(Problem):
    """What was sent, or what was read of the order, can no longer be read."""

    kind = ProblemKind.CONFLICT


class NotAdoptable(Problem):
    """The order as it is now cannot be the basis of its books."""

    kind = ProblemKind.CONFLICT


@dataclass(frozen=True, slots=True)
class Answered:
    """What was written down, and about what."""

    connection_id: int
    order_id: int
    choice: EditChoice
    reference: str
    changes: tuple[str, ...]  #: what the store says now against what was sent, in words


def answer(
    context: Context,
    order_id: int,
    choice: EditChoice,
    *,
    connection: str | None,
    reference: str = "",
    note: str = "",
) -> Answered:
    """Say how an edited order goes on, by the order as it was last read; it is looked at again.

    Raises NoSuchOrder, NotEdited, OrderBusy, NotAnswerable, NotAdoptable, and UsageProblem for a reference that
    is missing or out of place.
    """
    if (choice is EditChoice.BY_HAND) is not bool(reference.strip()):
        raise UsageProblem(
            "Booked by hand needs a reference, and only that takes one.",
            remedy="Give where the difference is booked, as: bcifs orders edited ORDER by-hand --reference M-2026-17",
        )
    connection_id = context.connection_id(connection)
    settings = settings_of(context, connection_id)

    def write(tx: Tx) -> Answered:
        hold(tx, connection_id, order_id)  # no look plans by the answers before this one
        order = _as_read(tx, connection_id, order_id)
        held = ledger.of_subject(tx.conn, connection_id, order_subject(order_id))
        sent = held.customer_order()
        now = fact_hash(order)
        draft = _frozen(sent) if sent else None
        stands = edit_state(draft.basis, sent.fact_hash, now, held.answers) if sent and draft else None
        if draft is None or stands is None or not stands.is_edited:
            raise NotEdited(
                f"Order {order_id} is not edited: it is as it was sent to IFS, or was not sent.",
                remedy=f"See what it waits for: bcifs orders show {order_id}",
            )
        basis = None
        if choice is EditChoice.ADOPT:
            in_force = rules.in_force(tx.conn, connection_id)
            found = basis_of(order, in_force, settings.policy)
            basis = _adopted(order, held, found, stands.basis, settings.policy)
        said = EditAnswer(choice, now, tx.now, context.actor, reference.strip(), note.strip(), basis)
        edits.save(tx, connection_id, order_id, said)
        differences = changes(draft, order, settings.policy.minor_units)
        journal.write(
            tx,
            "order.edit_answered",
            actor=context.actor,
            subject=order_subject(order_id),
            connection_id=connection_id,
            choice=choice.value,
            reference=reference.strip(),
            note=note.strip(),
            changes=list(differences),
        )
        intake.mark_due(tx, connection_id, [order_id], found_by="operator")
        return Answered(connection_id, order_id, choice, reference.strip(), differences)

    return context.store.database.write_sync(write)


def _frozen(sent: LedgerDocument) -> CustomerOrderDraft:
    try:
        return decode_customer_order(sent.draft)
    except ValueError:
        raise NotAnswerable(
            f"What was sent as {sent.key} can no longer be read, so no answer can be worked out.",
            remedy="Restore the database from a backup, or have the order booked by hand in IFS.",
        ) from None


def _as_read(tx: Tx, connection_id: int, order_id: int) -> Order:
    text = queue.snapshot(tx.conn, connection_id, order_id)
    if text is None:
        raise NoSuchOrder(order_id, READ)
    try:
        return decode_order(text)
    except ValueError:
        raise NotAnswerable(
            f"What was read of order {order_id} can no longer be read, so no answer can be worked out.",
            remedy=f"Have it read again: bcifs orders sync {order_id}",
        ) from None


def _adopted(order: Order, held: Ledger, found: object, before: Basis | None, policy: Policy) -> Basis:
    """The new basis, where the books, which went by `before`, can go on by it."""
    if not isinstance(found, Basis):
        raise NotAdoptable(
            f"Order {order.id} cannot be adopted: its figures do not agree.",
            remedy="Correct the order in the store, or choose keep or by-hand.",
        )
    against = not_adoptable(found, held, before=before, overrides=policy.minor_units)
    if against:
        raise NotAdoptable(
            f"Order {order.id} cannot be adopted: {'; '.join(against)}.",
            remedy="Choose keep, or book the difference by hand: bcifs orders edited ORDER by-hand --reference REF",
        )
    return found
