"""Marks on documents of the ledger (`domain.marks`): put, taken off, read for many orders at once."""

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import Connection, select, update

from bcifs_console.domain import marks
from bcifs_console.domain.documents import DocumentKind, DocumentState, LedgerDocument, LedgerPart, PartState
from bcifs_console.domain.states import order_of
from bcifs_console.store import intake, journal, ledger
from bcifs_console.store.database import Tx
from bcifs_console.store.ledger import PartChange
from bcifs_console.store.tables import document, document_part

#: How many keys stand in one query.
_CHUNK: Final = 5_000


def put(tx: Tx, on: LedgerDocument, name: str, said: str) -> None:
    """Mark the document, in place of what the mark said before."""
    ordinal = max((part.ordinal for part in on.parts), default=-1) + 1
    ledger.record(tx, None, on.id, [PartChange(name, ordinal, PartState.CONFIRMED, said)])


def put_by_hand(tx: Tx, voucher: LedgerDocument, reference: str) -> bool:
    """Say that a voucher was booked by hand: it is done, and never posted. Not where a batch has it by now."""
    # Locked: one that another process is putting into a batch in this moment must be seen to stand in it.
    mine = document.c.id == voucher.id
    if tx.conn.execute(select(document.c.batch).where(mine).with_for_update()).scalar() is not None:
        return False
    put(tx, voucher, marks.BY_HAND, reference)
    done = {"state": DocumentState.NOTHING_TO_POST.value, "reference": reference, "confirmed_at": tx.now, "error": ""}
    tx.conn.execute(update(document).where(mine).values(done))
    return True


def take_off_by_hand(tx: Tx, voucher: LedgerDocument) -> None:
    """Make the voucher one that is still to be posted, as it was drawn up."""
    take_off(tx, voucher, marks.BY_HAND)
    again = {"state": DocumentState.INTENDED.value, "reference": "", "confirmed_at": None}
    tx.conn.execute(update(document).where(document.c.id == voucher.id).values(again))


def take_off(tx: Tx, on: LedgerDocument, *names: str) -> None:
    """Take marks off the document, or calls that are to be made again; those it does not bear are no matter."""
    mine = document_part.c.document_id == on.id, document_part.c.name.in_(names)
    tx.conn.execute(document_part.delete().where(*mine))


def of_documents(conn: Connection, document_ids: Collection[int]) -> dict[int, tuple[LedgerPart, ...]]:
    """The marks of these documents; documents without any are left out."""
    found: dict[int, tuple[LedgerPart, ...]] = {}
    ids, part = sorted(document_ids), document_part.c
    for start in range(0, len(ids), _CHUNK):
        query = select(part.document_id, part.name, part.ordinal, part.reference).where(
            part.document_id.in_(ids[start : start + _CHUNK]), part.name.in_(marks.NAMES)
        )
        for row in conn.execute(query):
            mark = LedgerPart(row.name, row.ordinal, PartState.CONFIRMED, row.reference)
            found[row.document_id] = (*found.get(row.document_id, ()), mark)
    return found


def by_hand(conn: Connection, connection_id: int, references: Collection[str]) -> dict[str, str]:
    """Which of IFS's references a person named for a voucher booked by hand, and the voucher's key."""
    found: dict[str, str] = {}
    wanted = sorted(references)
    for start in range(0, len(wanted), _CHUNK):
        query = select(document.c.reference, document.c.key).where(
            document.c.reference.in_(wanted[start : start + _CHUNK]),
            document.c.connection_id == connection_id,
            document.c.kind == DocumentKind.VOUCHER.value,
            document.c.state == DocumentState.NOTHING_TO_POST.value,
        )
        found.update((row.reference, row.key) for row in conn.execute(query))
    return found


def note_states(tx: Tx, connection_id: int, states: Mapping[str, str]) -> list[int]:
    """Note which customer orders IFS shows as invoiced, by the key of each and the state it was seen in.

    One newly seen invoiced is marked, one seen otherwise since loses its mark; both are due. A mark that a person
    answered stays. Returns the orders that are due.
    """
    changed: list[int] = []
    for key, state in states.items():
        found = ledger.find(tx.conn, connection_id, DocumentKind.CUSTOMER_ORDER, key)
        order_id = order_of(found.subject) if found is not None else None
        if found is None or order_id is None or _is_known(found, state):
            continue
        if marks.is_invoiced_state(state):
            put(tx, found, marks.INVOICED, state)
        else:
            take_off(tx, found, marks.INVOICED)
        journal.write(
            tx,
            "order.invoice_seen" if marks.is_invoiced_state(state) else "order.invoice_gone",
            actor="service",
            subject=found.subject,
            connection_id=connection_id,
            reference=found.reference,
            state=state,
        )
        changed.append(order_id)
    if changed:
        intake.mark_due(tx, connection_id, changed, found_by="invoice seen in IFS")
    return changed


def _is_known(found: LedgerDocument, state: str) -> bool:
    """Whether the document says already what the state does."""
    has_mark = found.part(marks.INVOICED) is not None
    return has_mark if marks.is_invoiced_state(state) else not marks.is_invoiced(found)
