"""Every voucher an order should have and does not have yet (ACCOUNTING §3).

Posted vouchers are inputs: their takes are replayed as they stand, never recomputed. Then the facts of the store that
no voucher stands for are taken in the order of their own time. Pure; what cannot be booked is a blocker of its own,
and keeps back only what depends on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bcifs_console.accounting import closing, facts, payments, refunds, repayments, shipping
from bcifs_console.accounting.accounts import AccountBook
from bcifs_console.accounting.consumption import Books
from bcifs_console.accounting.drafting import VoucherDesk
from bcifs_console.accounting.facts import Fact
from bcifs_console.accounting.position import REFUNDED, Frame, Tally, position_of, standing
from bcifs_console.accounting.repayments import Stage
from bcifs_console.accounting.sheet import Sheet, Subjects
from bcifs_console.accounting.tenders import Voided, cash_of, disagreements
from bcifs_console.domain.basis import Basis
from bcifs_console.domain.codec import decode_voucher
from bcifs_console.domain.documents import DocumentKind, Ledger
from bcifs_console.domain.money import minor_unit
from bcifs_console.domain.movements import Refund, Shipment, Tender
from bcifs_console.domain.orders import LineType, Order
from bcifs_console.domain.plan import Blocker, PlanWarning, Reason
from bcifs_console.domain.rules import Policy, Rules, TaxPoint
from bcifs_console.domain.vouchers import Position, Rate, VoucherDraft, VoucherKind

_DELIVERED: Final = {VoucherKind.DIGITAL: LineType.DIGITAL, VoucherKind.GIFT: LineType.GIFT_CERTIFICATE}


@dataclass(frozen=True, slots=True)
class Bookkeeping:
    """What the books of one order still need, and where it stands once they have it."""

    drafts: tuple[VoucherDraft, ...]
    pending: tuple[Blocker, ...]
    warnings: tuple[PlanWarning, ...]
    position: Position
    refunded_unshipped: Mapping[int, int]  #: units by line that were refunded and will never be shipped
    has_shipped: bool  #: whether units of physical goods stand as shipped


def keep_books(
    order: Order,
    basis: Basis,
    rules: Rules,
    policy: Policy,
    ledger: Ledger,
    *,
    seen_at: datetime,
    rate: Rate | None = None,
    reference: str,
    changed: frozenset[str] | None = None,
    money_only: bool = False,
) -> Bookkeeping | Blocker:
    """The vouchers that are missing, by an order's basis and its ledger.

    `reference` is the customer order's key. `changed` says that the order was edited since its basis was frozen, and
    which subjects differ: payments and refunds of the others go on, shipments and the closing wait. `money_only`: IFS
    has no order, only payments, voids and refunds are booked. `rate` counts for the first voucher of an order only.
    The answer is a Blocker where a posted voucher can no longer be read.
    """
    posted: dict[str, VoucherDraft] = {}
    for document in ledger.of_kind(DocumentKind.VOUCHER):
        try:
            posted[facts.split_key(document.key)[1]] = decode_voucher(document.draft)
        except ValueError:
            return _unreadable(document.key)
    if posted:
        first = next(iter(posted.values()))
        rate, reference = first.rate, facts.split_key(first.key)[0]
    frame = Frame(order, basis, policy, posted, seen_at, rate, reference, changed, money_only)
    return _Keeper(frame, AccountBook(rules)).run()


class _Keeper:
    def __init__(self, frame: Frame, accounts: AccountBook) -> None:
        self._frame = frame
        self._desk = VoucherDesk(frame, accounts)
        self._subjects = Subjects(frame.order)
        self._books = Books.of(frame.basis, minor_unit(frame.basis.currency, frame.policy.minor_units))
        self._cash = cash_of(frame.order, frame.policy)
        self._repayments = repayments.repayments(frame.order.refunds or (), frame.order.tenders or ())
        self._disagreements = disagreements(frame.order, self._cash, frame.basis.currency)
        self._tally = Tally()
        self._drafts: list[VoucherDraft] = []
        self._pending: dict[Blocker, None] = {}
        self._warnings: list[PlanWarning] = []

    def run(self) -> Bookkeeping:
        frame, posted = self._frame, self._frame.posted
        found = sorted(self._facts(), key=lambda fact: fact.place)
        new = [fact for fact in found if fact.name not in posted]
        # Facts before the start precede every voucher. What ships by status depends on all others: it comes with them.
        early = [f for f in new if frame.is_before_start(f.at) and (f.source is not None or f.kind in _DELIVERED)]
        for fact in early:
            self._enter(fact)
        for name, draft in posted.items():
            self._replay(name, draft)
        for fact in new:
            if fact not in early:
                self._enter(fact)
        self._compare(found)
        self._close()
        return self._answer()

    def _facts(self) -> tuple[Fact, ...]:
        frame = self._frame
        money = tuple(facts.of_money(frame.order, self._cash))
        if frame.money_only or frame.is_invoiced:
            return money
        goods = facts.of_goods(frame.order, self._cash, frame.basis, frame.posted, frame.seen_at)
        return (*money, *goods)

    # -- posted vouchers ---------------------------------------------------------------------------------------------

    def _replay(self, name: str, draft: VoucherDraft) -> None:
        tally = self._tally
        self._books.apply(draft.takes, by_record=facts.is_of_record(name))
        tally.held += draft.balance
        tally.booked += draft.balance
        tally.count(draft.voucher_kind, draft.amount)
        self._note(name, draft.at)

    def _compare(self, found: list[Fact]) -> None:
        """A posted fact that the store has changed since is shown, never corrected by itself."""
        for fact in found:
            draft = self._frame.posted.get(fact.name)
            if draft is None or not fact.digest or fact.digest == draft.fact_hash:
                continue
            self._pending[
                Blocker(
                    Reason.CONFLICT,
                    f"{fact.what.capitalize()} was changed in the store after voucher {draft.key} was made for it.",
                    "Compare both, and have the difference booked by hand.",
                    draft.key,
                )
            ] = None

    # -- new facts ---------------------------------------------------------------------------------------------------

    def _enter(self, fact: Fact) -> None:
        """Take one fact: a draft, a blocker, or, before the start, only what it consumes."""
        is_early = self._frame.is_before_start(fact.at)
        is_money = fact.kind in {VoucherKind.PAYMENT, VoucherKind.VOID}
        if not self._is_due(fact, is_early=is_early):
            return
        sheet = self._sheet(fact)
        blocker = self._write(fact, sheet, lenient=is_early)
        if fact.source is None and not sheet.takes:
            return  # nothing is left to ship or deliver by status: no record, no voucher
        if blocker is not None:
            self._hold_back((blocker,), stops=not is_money and not self._is_of_itself(fact, blocker))
        else:
            self._book(fact, sheet, stops=not is_money)

    def _book(self, fact: Fact, sheet: Sheet, *, stops: bool) -> None:
        """Put what is written on the sheet into the books: as a voucher, or silently where it is before the start."""
        tally = self._tally
        if self._frame.is_before_start(fact.at):
            tally.early.append(fact.what)
        else:
            draft = self._desk.draft(fact, sheet, tally.booked)
            if isinstance(draft, tuple):
                self._hold_back(draft, stops=stops)
                return
            self._drafts.append(draft)
            tally.booked += draft.balance
        self._books = sheet.books
        tally.held += sheet.held
        tally.count(fact.kind, sheet.amount)
        self._note(fact.name, fact.at)

    def _is_of_itself(self, fact: Fact, blocker: Blocker) -> bool:
        """Whether what keeps the fact back keeps back none that come after it: a shipment that cannot be taken back,
        a refund of what an edit changed (ACCOUNTING §1: refunds of unchanged lines go on)."""
        is_of_edit = self._frame.changed is not None and blocker.reason is Reason.CONFLICT
        return fact.kind is VoucherKind.REVERSAL or (fact.kind is VoucherKind.REFUND and is_of_edit)

    def _is_due(self, fact: Fact, *, is_early: bool) -> bool:
        """Whether the fact may be taken now; what keeps it is noted."""
        tally = self._tally
        match fact.source:
            case Tender() as tender:
                blocker = None if is_early else self._disagreements.get(tender.id)
                if blocker is not None:
                    self._hold_back((blocker,), stops=False)
                return blocker is None
            case Voided() as voided:
                return f"{VoucherKind.PAYMENT.value}/{voided.of.id}" in tally.entered
            case Refund() as refund if not self._is_paid_out(refund, is_early=is_early):
                return False
            case _:
                pass
        if self._frame.changed is not None and fact.kind not in {VoucherKind.REFUND, VoucherKind.REVERSAL}:
            return is_early
        return not tally.is_stopped

    def _is_paid_out(self, refund: Refund, *, is_early: bool) -> bool:
        stage = self._repayments[refund.id].stage
        if stage is Stage.PAID or (is_early and stage is Stage.PENDING):
            return True
        if is_early:
            return False
        self._tally.is_open = True
        if stage is Stage.DECLINED:
            self._pending[repayments.declined(refund)] = None
        else:
            self._warnings.append(repayments.still_pending(refund))
        return False

    def _sheet(self, fact: Fact) -> Sheet:
        return Sheet(self._subjects, self._books.copy(), by_record=isinstance(fact.source, Shipment))

    def _write(self, fact: Fact, sheet: Sheet, *, lenient: bool) -> Blocker | None:
        """Write what the fact is worth on the sheet."""
        match fact.source:
            case Tender() as tender:
                amount = payments.pay(tender, sheet)
                self._declare(sheet, self._tally.paid + amount)
            case Voided() as voided:
                amount = payments.void(voided, sheet)
                self._declare(sheet, self._tally.paid - amount)
            case Shipment() as shipment:
                shipping.ship(shipment, sheet)
            case Refund() as refund:
                return self._write_refund(refund, sheet, lenient=lenient)
            case VoucherDraft() as sent:
                return shipping.reverse(sent, sheet)
            case None if fact.kind in _DELIVERED:
                shipping.deliver(_DELIVERED[fact.kind], sheet)
            case None:
                shipping.ship_by_status(self._coming(), sheet)
        return None

    def _write_refund(self, refund: Refund, sheet: Sheet, *, lenient: bool) -> Blocker | None:
        repayment = self._repayments[refund.id]
        if self._frame.is_invoiced:
            sheet.amount = refunds.paid(refund, self._books.unit)
            sheet.held -= sheet.amount
        else:
            changed = self._frame.changed or frozenset()
            blocker = refunds.book(refund, sheet, changed=changed, lenient=lenient)
            if blocker is not None:
                return blocker
        repayments.pay_out(refund, repayment, self._cash.counted, sheet)
        return None

    def _declare(self, sheet: Sheet, paid: Decimal) -> None:
        if self._frame.policy.tax_point is TaxPoint.PAYMENT and not self._frame.is_invoiced:
            payments.declare_tax(sheet, paid)

    def _coming(self) -> list[Shipment]:
        """Shipment records that are not in the books yet."""
        entered = self._tally.entered
        return [s for s in self._frame.order.shipments or () if f"SHIP/{s.id}" not in entered]

    def _note(self, name: str, at: datetime) -> None:
        self._tally.entered.add(name)
        self._tally.last_at = max(at, self._tally.last_at or at)

    def _hold_back(self, blockers: tuple[Blocker, ...], *, stops: bool) -> None:
        self._pending.update(dict.fromkeys(blockers))
        self._tally.is_open = True
        self._tally.is_stopped |= stops

    # -- closing -----------------------------------------------------------------------------------------------------

    def _close(self) -> None:
        frame, tally = self._frame, self._tally
        if frame.money_only or frame.is_invoiced or VoucherKind.CLOSE.value in tally.entered:
            return
        if frame.changed is not None or tally.is_stopped or tally.is_open:
            return
        is_refunded = frame.order.status_id == REFUNDED and frame.order.refunds is not None
        if not (self._books.is_consumed or is_refunded):
            return
        fact = Fact(VoucherKind.CLOSE, VoucherKind.CLOSE.value, "closing", tally.last_at or frame.seen_at, 0, 0)
        sheet = self._sheet(fact)
        if closing.close(tally.held, tally.paid, sheet):
            self._book(fact, sheet, stops=True)

    # -- the answer --------------------------------------------------------------------------------------------------

    def _answer(self) -> Bookkeeping:
        for blocker in (*self._cash.unclear, *(b for i, b in self._disagreements.items() if not i)):
            self._pending[blocker] = None
        position = self._position()
        lines = self._books.lines
        return Bookkeeping(
            drafts=tuple(self._drafts),
            pending=tuple(self._pending),
            warnings=(*self._warnings, *standing(self._frame, self._tally, position)),
            position=position,
            refunded_unshipped={line.id: part.held_units for line, part in lines if part.held_units},
            has_shipped=any(part.recognised_units > 0 for line, part in lines if line.type is LineType.PHYSICAL),
        )

    def _position(self) -> Position:
        tally = self._tally
        is_closed_off = VoucherKind.CLOSE.value in tally.entered
        return position_of(self._frame, self._books, tally, is_consumed=self._books.is_consumed or is_closed_off)


def _unreadable(key: str) -> Blocker:
    return Blocker(
        Reason.CONFLICT,
        f"What was posted as voucher {key} can no longer be read, so nothing is posted after it.",
        "Restore the database from a backup, or have the order's vouchers booked by hand.",
        key,
    )
