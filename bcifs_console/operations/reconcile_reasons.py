"""Why something of an order may rightly be missing in IFS, or differ there; and where nothing says why. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from bcifs_console.accounting.gates import is_closed
from bcifs_console.domain.basis import Basis
from bcifs_console.domain.documents import DocumentState, LedgerDocument
from bcifs_console.domain.edits import EditAnswer, EditChoice
from bcifs_console.domain.marks import BY_HAND, said
from bcifs_console.domain.movements import Refund
from bcifs_console.domain.orders import Order
from bcifs_console.domain.rules import Policy, VoucherTransport
from bcifs_console.domain.states import OrderState
from bcifs_console.operations.reconcile_accounts import Accounts
from bcifs_console.operations.reconciling import NOTHING_SAYS, Reasoned
from bcifs_console.store.books import BatchState
from bcifs_console.store.views import OrderView

_UNDER_WAY: Final = frozenset({OrderState.DUE.value, OrderState.WORKING.value})
_BY_HAND: Final = "Find out in IFS what became of it; then correct it there by hand."
MOVED: Final = "The period of its own day was closed: it is booked in the next open one."


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """One order as both the store and we know it. `order` is None where the store has it no more."""

    order_id: int
    order: Order | None
    view: OrderView | None  #: None: it was never seen here
    documents: tuple[LedgerDocument, ...] = ()
    refunds: tuple[Refund, ...] = ()  #: of the days compared
    unread: str = ""  #: why the store's order could not be read


@dataclass(frozen=True, slots=True)
class Frame:
    """What is the same for every order of one comparison."""

    policy: Policy
    accounts: Accounts
    first: date
    last: date
    batches: Mapping[int, BatchState] = field(default_factory=dict)
    cancelled_in_ifs: frozenset[str] = frozenset()  #: keys
    answers: Mapping[int, tuple[EditAnswer, ...]] = field(default_factory=dict)  #: to edits, by order, oldest first

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.policy.time_zone)

    def day(self, moment: datetime) -> date:
        """The day a fact belongs to (ACCOUNTING §1, time)."""
        return moment.astimezone(self.zone).date()

    def has(self, day: date) -> bool:
        return self.first <= day <= self.last

    def adopted(self, order_id: int) -> Basis | None:
        """The basis that was adopted for an order after it was sent."""
        chosen = [answer.basis for answer in self.answers.get(order_id, ()) if answer.choice is EditChoice.ADOPT]
        return chosen[-1] if chosen else None


class Reasons:
    """What is known about one order that explains a difference."""

    def __init__(self, record: OrderRecord, frame: Frame) -> None:
        self._record = record
        self._view = record.view
        self._policy = frame.policy
        self._frame = frame

    # -- what is not in IFS ------------------------------------------------------------------------------------------

    def order_absent(self, order: Order, document: LedgerDocument | None, key: str) -> Reasoned:
        """Why IFS has no customer order of it."""
        is_cancelled = key in self._frame.cancelled_in_ifs
        if is_cancelled and is_closed(order):
            return Reasoned("It is cancelled in the store and in IFS.")
        if document is None:
            if is_closed(order):
                return Reasoned("It was cancelled or declined in the store before it got to IFS.")
        elif document.state is DocumentState.CONFIRMED:
            told = "is cancelled in IFS, in the store it stands" if is_cancelled else "is no longer in IFS"
            return Reasoned(f"Order {document.reference} {told}.", _BY_HAND, is_good=False)
        return self._by_state() or self._nothing_says()

    def fact_absent(self, at: datetime, fact: str, pending: Reasoned | None) -> Reasoned:
        """Why there is no voucher of a fact, of which our ledger has none either. `fact`: tender 44, shipment 61."""
        policy = self._policy
        if policy.voucher_transport is VoucherTransport.OFF:
            return Reasoned("Vouchers are off for this connection.")
        if at < policy.posts_from:
            start = f"{policy.posts_from.astimezone(self._frame.zone):%Y-%m-%d %H:%M}"
            return Reasoned(f"It happened before {start}, from when on facts are posted.")
        known = pending or self._held_back(fact) or self._booked_by_hand(fact) or self._by_state()
        return known or self._nothing_says()

    def _booked_by_hand(self, fact: str) -> Reasoned | None:
        """What a person took over: of an edited order whose difference they book. Payments and voids go on by us."""
        answers = self._frame.answers.get(self._record.order_id, ())
        if fact.startswith(("tender ", "void ")) or not answers or answers[-1].choice is not EditChoice.BY_HAND:
            return None
        last = answers[-1]
        reference = f" ({last.reference})" if last.reference else ""
        return Reasoned(f"The order was edited after it was sent; {last.actor} books it by hand{reference}.")

    def voucher_absent(self, document: LedgerDocument) -> Reasoned:
        """Why a voucher of our ledger is not in IFS."""
        by_hand = said(document, BY_HAND)
        if by_hand:
            return Reasoned(f"A person booked it in IFS by hand: {by_hand}.")
        by_file = self._by_file(document)
        if by_file is not None:
            return by_file
        match document.state:
            case DocumentState.CONFIRMED:
                told = " It is cancelled there." if document.key in self._frame.cancelled_in_ifs else ""
                return Reasoned(
                    f"It was posted as {document.reference or 'a voucher'}, and IFS does not show it.{told}",
                    f"Find out in IFS who removed it, and enter it there again with the reference {document.key}.",
                    is_good=False,
                )
            case DocumentState.UNKNOWN:
                return Reasoned("Whether it reached IFS is not known yet; it is being looked up.", self._remedy())
            case DocumentState.FAILED:
                return Reasoned(f"IFS refused it: {document.error or 'no reason is known'}.", self._remedy())
            case _:
                return self._by_state() or self._nothing_says()

    # -- what is not in the store ------------------------------------------------------------------------------------

    def no_longer_shown(self, fact: str, reversed_by: str) -> Reasoned:
        """A voucher of whose fact the store has no record any more; `reversed_by`: the key of what takes it back."""
        if reversed_by:
            return Reasoned(f"The store deleted {fact}; {reversed_by} takes it back.")
        if self._record.unread:
            return Reasoned(f"The store's order could not be read: {self._record.unread}", self._look(), is_good=False)
        if self._record.order is None:
            return Reasoned(f"The store no longer has order {self._record.order_id}.", _BY_HAND, is_good=False)
        state = self._by_state()
        if state is not None:
            return replace(state, text=f"The store no longer shows {fact}. {state.text}")
        return replace(self._nothing_says(), text=f"The store no longer shows {fact}, or shows it otherwise.")

    # -- parts of an answer ------------------------------------------------------------------------------------------

    def _by_file(self, document: LedgerDocument) -> Reasoned | None:
        """Where a voucher that goes by file is; None where its file was loaded, or it does not go by file."""
        if document.batch is None:
            by_file = self._policy.voucher_transport is VoucherTransport.EXTERNAL_FILE
            if not by_file or document.state is not DocumentState.INTENDED:
                return None
            return Reasoned("It is in no batch file yet.", "Load the next file when it is there.")
        if self._frame.batches.get(document.batch) is BatchState.LOADED:
            return None
        return Reasoned(
            f"It is in batch file {document.batch}, which is not loaded in IFS yet.",
            "Load the file with the External Voucher assistant.",
        )

    def _held_back(self, fact: str) -> Reasoned | None:
        """The order's problem that names this very fact, else its first one: something is known to be in the way."""
        problems = self._view.problems if self._view else ()
        if not problems:
            return None
        named = (p for p in problems if str(p.get("subject", "")).casefold() == fact)
        problem = next(named, problems[0])
        return Reasoned(str(problem.get("message", "")), str(problem.get("remedy", "")))

    def _by_state(self) -> Reasoned | None:
        """Why nothing of the order, or not all, is in IFS; None where it should be."""
        view = self._view
        if view is None:
            order = self._record.order
            if order is not None and order.placed_at < self._policy.start_at:
                return Reasoned(f"Order {order.id} was placed before the start of this connection.")
            return Reasoned(f"Order {self._record.order_id} was never seen here.", "Run: bcifs poll", is_good=False)
        if view.state == OrderState.SYNCED.value:
            return None
        said = f": {view.error}" if view.error else ""
        if view.state in _UNDER_WAY:
            return Reasoned(f"Order {view.order_id} is being worked on{said or '.'}")
        why = f" ({view.reason})" if view.reason else ""
        return Reasoned(f"Order {view.order_id} is {view.state}{why}{said or '.'}", view.remedy)

    def _nothing_says(self) -> Reasoned:
        return replace(NOTHING_SAYS, remedy=self._look())

    def _look(self) -> str:
        return f"Run: bcifs orders sync {self._record.order_id} --wait"

    def _remedy(self) -> str:
        return (self._view.remedy if self._view else "") or self._look()
