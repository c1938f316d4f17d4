"""Carrying out a plan: each missing document written down, then posted (DESIGN §2), one after the other.

A document that waits for a person holds back nothing but itself: its takes stand in the ledger, so the others' amounts
do not depend on it. Everything else that goes wrong ends the look.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from bcifs_console.accounting.plan import plan
from bcifs_console.base.problems import Problem
from bcifs_console.domain.buyers import Known
from bcifs_console.domain.codec import decode_order_update, decode_voucher, encode
from bcifs_console.domain.documents import (
    DocumentKind,
    DocumentState,
    Ledger,
    LedgerDocument,
)
from bcifs_console.domain.orders import Order
from bcifs_console.domain.plan import Blocker, Reason
from bcifs_console.domain.states import Claim
from bcifs_console.domain.updates import OrderUpdateDraft
from bcifs_console.domain.vouchers import VoucherDraft
from bcifs_console.ifs.errors import BusinessRule, MissingMasterData
from bcifs_console.store import ledger, queue
from bcifs_console.store.database import Tx
from bcifs_console.store.ledger import NewDocument
from bcifs_console.sync.booking import VoucherPosting
from bcifs_console.sync.redraft import merged_voucher, was_refused, written
from bcifs_console.sync.retry import Waiting
from bcifs_console.sync.runtime import Runtime
from bcifs_console.sync.updating import OrderUpdating

#: States in which nothing is left to do for a document.
DONE = frozenset({DocumentState.CONFIRMED, DocumentState.NOTHING_TO_POST})


@dataclass(slots=True)
class Carrying:
    """Posts updates and vouchers of one order for the holder of its claim; gathers what had to be left."""

    runtime: Runtime
    claim: Claim
    order: Order
    left: list[Blocker] = field(default_factory=list)
    order_left: Problem | None = None  #: why the customer order, whole in IFS, does not go on
    _tried: set[int] = field(default_factory=set)

    @property
    def open_points(self) -> list[Blocker]:
        """What a person must see of all that was left, the order first."""
        return [*(self.order_left.blockers if isinstance(self.order_left, Waiting) else ()), *self.left]

    async def resume(self, held: Ledger, order_no: str) -> bool:
        """Go on with what was begun in an earlier look; whether anything was carried out."""
        did = False
        for document in held.documents:
            if document.state in DONE or document.id in self._tried:
                continue
            if document.kind is DocumentKind.ORDER_UPDATE:
                did |= await self._update(document, decode_order_update(document.draft), order_no)
            elif document.kind is DocumentKind.VOUCHER and (old := _readable(document)) is not None:
                did |= await self._book(document, await self._current(document, old, held))
        return did

    async def updates(self, drafts: tuple[OrderUpdateDraft, ...], order_no: str) -> bool:
        """Carry out changes of the IFS order, in their order."""
        did = False
        for draft in drafts:
            document = await self._intend(draft, draft.gross, DocumentState.INTENDED)
            did |= await self._update(document, draft, order_no)
        return did

    async def vouchers(self, drafts: tuple[VoucherDraft, ...]) -> bool:
        """Post vouchers in the order of their facts; one without rows is only written down."""
        did = False
        for draft in drafts:
            state = DocumentState.INTENDED if draft.rows else DocumentState.NOTHING_TO_POST
            document = await self._intend(draft, draft.amount, state)
            did |= not draft.rows or await self._book(document, draft)
        return did

    async def _update(self, document: LedgerDocument, draft: OrderUpdateDraft, order_no: str) -> bool:
        self._tried.add(document.id)
        try:
            await OrderUpdating(self.runtime, self.claim, document, draft, order_no).carry_out()
        except Waiting as waiting:
            self.left += waiting.blockers
            return False
        return True

    async def _book(self, document: LedgerDocument, draft: VoucherDraft) -> bool:
        self._tried.add(document.id)
        try:
            await VoucherPosting(self.runtime, self.claim, document, draft, since=self._since).carry_out()
        except Waiting as waiting:
            self.left += waiting.blockers
            return False
        except (BusinessRule, MissingMasterData) as refused:
            self.left.append(_refused(draft, refused))
            return False
        return True

    @property
    def _since(self) -> date:
        """No voucher of the order is dated before this day, wherever its clock stands."""
        return (self.order.placed_at - timedelta(days=1)).date()

    async def _current(self, document: LedgerDocument, old: VoucherDraft, held: Ledger) -> VoucherDraft:
        """The voucher's draft; where IFS refused a part of it, with the accounts that the rules give today."""
        if document.state is not DocumentState.FAILED and not was_refused(document):
            return old
        runtime, policy = self.runtime, self.runtime.policy_for(self.claim)
        others = held.only(lambda other: other.id != document.id)
        again = plan(self.order, Known("", "sent"), runtime.rules, policy, others, seen_at=old.at, rate=old.rate)
        new = next((draft for draft in again.vouchers if draft.key == old.key), None)
        merged = None if new is None else merged_voucher(old, new, document)
        return old if merged is None else await written(runtime, self.claim, document, merged)

    async def _intend(
        self, draft: VoucherDraft | OrderUpdateDraft, amount: Decimal, state: DocumentState
    ) -> LedgerDocument:
        """Write the document down before anything of it is sent."""
        runtime, claim = self.runtime, self.claim
        is_voucher = isinstance(draft, VoucherDraft)
        new = NewDocument(
            connection_id=runtime.id,
            subject=claim.subject,
            key=draft.key,
            kind=DocumentKind.VOUCHER if is_voucher else DocumentKind.ORDER_UPDATE,
            fact_hash=draft.fact_hash,
            amount=amount,
            currency=draft.currency,
            draft=encode(draft),
            day=draft.day if isinstance(draft, VoucherDraft) else None,
            state=state,
        )

        def write(tx: Tx) -> LedgerDocument:
            queue.extend(tx, claim, runtime.timing.lease)
            return ledger.intend(tx, new)

        return await runtime.database.write(write)


def _readable(document: LedgerDocument) -> VoucherDraft | None:
    """The voucher's draft; None where it can no longer be read, which the plan says."""
    try:
        return decode_voucher(document.draft)
    except ValueError:
        return None


def _refused(draft: VoucherDraft, error: BusinessRule | MissingMasterData) -> Blocker:
    return Blocker(
        Reason.MAPPING,
        f"IFS refused voucher {draft.key}: {error.message}",
        f"{error.remedy} Then run: bcifs orders sync {draft.order_id}",
        subject=f"voucher {error.token or draft.key}",
    )
