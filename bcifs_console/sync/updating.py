"""Carrying out one change of a customer order that exists in IFS: a line's quantity, tracking, cancellation.

Each is one call with If-Match on what was read just before; a conflict is read again and decided again.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from bcifs_console.domain.codec import decode_order_update
from bcifs_console.domain.documents import DocumentKind, DocumentState, Ledger, LedgerDocument
from bcifs_console.domain.plan import Blocker, Reason
from bcifs_console.domain.states import Claim
from bcifs_console.domain.updates import OrderUpdateDraft, TrackingNote, UpdateKind
from bcifs_console.ifs.records import OrderHead, OrderLineRow
from bcifs_console.store.ledger import DocumentChange
from bcifs_console.sync.calls import REFUSED, JournalledCalls, Step, again_on_conflict
from bcifs_console.sync.invoices import note_invoice
from bcifs_console.sync.retry import Waiting
from bcifs_console.sync.runtime import Runtime

APPLY: Final = "apply"


class OrderUpdating:
    """Brings one change into IFS."""

    def __init__(
        self, runtime: Runtime, claim: Claim, document: LedgerDocument, draft: OrderUpdateDraft, order_no: str
    ) -> None:
        self._runtime = runtime
        self._ifs = runtime.ifs
        self._draft = draft
        self._document = document
        self._order_no = order_no
        self._calls = JournalledCalls(runtime, claim, document)

    async def carry_out(self) -> None:
        """Apply the change. Raises Waiting (conflict), OutcomeStillUnknown, LeaseLost and the IFS errors."""
        try:
            self._calls.note(DocumentChange(state=DocumentState.SENT, reference=self._order_no))
            # It may be done already: by a person, as the remedy of a conflict asks, or by an answer that got lost.
            await self._calls.run(Step(APPLY, self._send, self._is_applied, look_first=True))
            self._calls.note(DocumentChange(state=DocumentState.CONFIRMED, error=""))
        except REFUSED as error:
            # A person must do it, or help: vouchers do not wait for that.
            raise self._by_hand(f"IFS refused it: {error.message.rstrip('.')}") from error
        finally:
            await self._calls.flush()

    async def _send(self) -> str:
        await again_on_conflict(self._apply)
        return "applied"

    async def _apply(self) -> None:
        """Apply to the freshest state there is."""
        match self._draft.update_kind:
            case UpdateKind.LINE_QUANTITY:
                row = await self._line()
                if row is None:
                    return
                if self._draft.quantity:
                    await self._ifs.change_line_quantity(self._order_no, row, self._draft.quantity)
                else:
                    await self._cancel_line(row)
            case UpdateKind.TRACKING:
                head = await self._head()
                await self._ifs.note_on_order(head, _note(self._draft.tracking))
            case UpdateKind.CANCEL:
                if not self._ifs.profile.order.cancel_action:
                    raise self._by_hand("The IFS profile names no action to cancel orders")
                head = await self._head()
                await self._ifs.cancel_order(head)

    async def _head(self) -> OrderHead:
        head = await self._ifs.order(self._order_no)
        await note_invoice(self._runtime, head)
        return head

    async def _cancel_line(self, row: OrderLineRow) -> None:
        if not self._ifs.profile.line.cancel_action:
            raise self._by_hand("The IFS profile names no action to cancel lines")
        await self._ifs.cancel_line(self._order_no, row)

    async def _is_applied(self) -> str | None:
        match self._draft.update_kind:
            case UpdateKind.LINE_QUANTITY:
                row = await self._line()
                there = row is None or self._is_gone(row) or row.quantity <= self._draft.quantity
                return "applied" if there else None
            case UpdateKind.TRACKING:
                return None  # writing the same text again changes nothing
            case UpdateKind.CANCEL:
                head = await self._head()
                return "applied" if head.state in self._ifs.profile.order.cancelled_states else None

    def _is_gone(self, row: OrderLineRow) -> bool:
        return row.state in self._ifs.profile.order.cancelled_states

    async def _line(self) -> OrderLineRow | None:
        rows = await self._ifs.lines(self._order_no)
        return next((row for row in rows if row.key == str(self._draft.line_id)), None)

    def _by_hand(self, why: str) -> Waiting:
        number = self._order_no
        match self._draft.update_kind:
            case UpdateKind.LINE_QUANTITY:
                what = f"Line {self._draft.line_id} of IFS order {number} must be lowered to {self._draft.quantity:f}"
                do = f"In customer order {number} in IFS, lower the quantity or cancel the line"
            case UpdateKind.TRACKING:
                what, do = f"Tracking was not written to IFS order {number}", f"Note it on order {number} by hand"
            case UpdateKind.CANCEL:
                what, do = f"IFS order {number} must be cancelled", f"Cancel customer order {number} in IFS"
        blocker = Blocker(Reason.CONFLICT, f"{what}. {why}.", f"{do}, then run: bcifs orders sync.", number)
        return Waiting(Reason.CONFLICT, (blocker,))


def _note(tracking: tuple[TrackingNote, ...]) -> str:
    """One line for each shipment."""
    return "\n".join(
        " ".join(filter(None, (f"Shipped {note.day}", note.carrier or note.method, note.tracking_number)))
        for note in tracking
    )


def lowered_quantities(held: Ledger) -> Mapping[int, Decimal]:
    """What the lines were lowered to in IFS, by the store's line id: the order's expected total follows."""
    quantities: dict[int, Decimal] = {}
    for document in held.of_kind(DocumentKind.ORDER_UPDATE):
        if document.state is DocumentState.CONFIRMED:
            draft = decode_order_update(document.draft)
            if draft.update_kind is UpdateKind.LINE_QUANTITY:
                quantities[draft.line_id] = draft.quantity
    return quantities
