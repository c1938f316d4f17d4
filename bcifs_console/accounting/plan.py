"""`plan`: from an order, its customer, the rules and the ledger to the documents that should exist (DESIGN §2).

Pure. The order of decisions is ACCOUNTING §1's: does the order count, whose is it, do its figures agree, do the rules
cover it. Whatever stands in the way is gathered and answered as data, so that a person sees all of it at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bcifs_console.accounting import customer_order, edits, gates, updates
from bcifs_console.accounting.basis import fact_hash
from bcifs_console.accounting.freeze import basis_of, freeze, placed_whole
from bcifs_console.accounting.marked import marked
from bcifs_console.accounting.placement import Placement, place
from bcifs_console.accounting.tenders import cash_of, holds_money
from bcifs_console.accounting.totals import Proof, prove
from bcifs_console.accounting.updates import Sent, Surplus
from bcifs_console.accounting.vouchers import Bookkeeping, keep_books
from bcifs_console.domain.basis import Basis
from bcifs_console.domain.buyers import Customer, Known, Skipped, Unknown, buyer_of
from bcifs_console.domain.codec import decode_customer_order
from bcifs_console.domain.documents import CustomerOrderDraft, Ledger, LedgerDocument
from bcifs_console.domain.edits import EditChoice
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.orders import Order
from bcifs_console.domain.plan import Blocker, Plan, PlanWarning, Reason, Verdict
from bcifs_console.domain.rules import Policy, RevenuePosting, Rules
from bcifs_console.domain.vouchers import Rate


def plan(
    order: Order,
    customer: Customer,
    rules: Rules,
    policy: Policy,
    ledger: Ledger,
    *,
    seen_at: datetime | None = None,
    rate: Rate | None = None,
) -> Plan:
    """What should exist in IFS for `order`, and why something waits.

    With a customer order in the ledger the draft frozen there stands: `documents` is empty, the caller resumes the
    ledger's own, gates and rules about the order are not asked again. An edit, and what a person must bring in line in
    IFS, are answered as `conflicts` with verdict WAIT; vouchers and updates that they do not touch come along all the
    same. A cancelled order that IFS never got but for which money came has vouchers only.

    `seen_at` is the moment of this look: facts without a time of their own are dated so (by default, when the store
    last changed the order). `rate` is the accounting currency's on the first voucher's day, None where it is the same.
    """
    look = _Look(order, rules, policy, ledger, seen_at or order.modified_at, rate)
    return marked(_unmarked(look, customer), ledger, order.id, policy)


def _unmarked(look: "_Look", customer: Customer) -> Plan:
    order, policy = look.order, look.policy
    sent = look.ledger.customer_order()
    if sent is not None:
        return _follow_up(look, sent)
    ignored = gates.ignored_because(order, policy)
    if ignored:
        return _gated(look, customer, ignored)
    if isinstance(customer, Skipped):
        return Plan(Verdict.SKIP, note=customer.note)
    return _first_import(look, customer)


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at one order: all that the answer depends on, but the customer."""

    order: Order
    rules: Rules
    policy: Policy
    ledger: Ledger
    seen_at: datetime
    rate: Rate | None

    def books(
        self, basis: Basis, reference: str = "", *, changed: frozenset[str] | None = None, money_only: bool = False
    ) -> Bookkeeping | Blocker | None:
        """The vouchers that are missing; None where none are made."""
        if not self.policy.makes_vouchers:
            return None
        return keep_books(
            self.order,
            basis,
            self.rules,
            self.policy,
            self.ledger,
            seen_at=self.seen_at,
            rate=self.rate,
            reference=reference or self.policy.order_reference.format(order_id=self.order.id),
            changed=changed,
            money_only=money_only,
        )


def _first_import(look: _Look, customer: Known | Unknown) -> Plan:
    order, rules, policy = look.order, look.rules, look.policy
    proof = prove(order, policy.minor_units)
    placement = _placed(order, proof, rules, policy)
    warnings = gates.status_warnings(order)
    blockers = (
        *(_unknown_customer(order, customer) if isinstance(customer, Unknown) else ()),
        *(() if isinstance(proof, Proof) else proof),
        *placement.blockers,
    )
    if blockers or isinstance(customer, Unknown) or not isinstance(proof, Proof):
        return Plan(Verdict.WAIT, blockers=blockers, warnings=warnings)
    whole = placement
    if len(customer_order.created_lines(order)) < len(order.lines):
        whole = placed_whole(order, proof, rules, policy)
    basis = freeze(order, proof, whole, policy)
    draft = replace(
        customer_order.draft_customer_order(order, customer.customer_id, proof, placement, policy), basis=basis
    )
    sent = Sent.of(draft, "", look.ledger)
    answer = _answer(look, sent, look.books(basis, draft.key))
    return replace(
        answer,
        documents=(draft,),
        warnings=(*warnings, *_address_warnings(order), *_amount_warnings(order, proof), *answer.warnings),
    )


def _gated(look: _Look, customer: Customer, ignored: str) -> Plan:
    """An order that is not imported: money it holds is booked if it was cancelled, else the order waits."""
    order, policy = look.order, look.policy
    is_early = order.placed_at < policy.start_at
    if is_early or order.tenders is None:
        return Plan(Verdict.IGNORE, note=ignored)
    if isinstance(customer, Skipped):
        return Plan(Verdict.SKIP if cash_of(order, policy).counted else Verdict.IGNORE, note=customer.note or ignored)
    if gates.is_closed(order):
        return _money_only(look, ignored) if _makes_money_vouchers(look) else Plan(Verdict.IGNORE, note=ignored)
    if not holds_money(order, policy):
        return Plan(Verdict.IGNORE, note=ignored)
    message = (
        f"The order has {ignored} and is not imported, but {cash_of(order, policy).paid} {order.currency} were paid."
    )
    remedy = "Move the order on in the store, or cancel and refund it there; it is looked at again when it changes."
    return Plan(Verdict.WAIT, blockers=(Blocker(Reason.STATUS, message, remedy, gates.status_name(order)),))


def _makes_money_vouchers(look: _Look) -> bool:
    return look.policy.makes_vouchers and bool(cash_of(look.order, look.policy).counted)


def _money_only(look: _Look, note: str) -> Plan:
    basis = basis_of(look.order, look.rules, look.policy)
    if not isinstance(basis, Basis):
        return Plan(Verdict.WAIT, blockers=basis)
    books = look.books(basis, money_only=True)
    if books is None or isinstance(books, Blocker):
        return Plan(Verdict.POST, note=note, pending=(books,) if books else ())
    return Plan(
        Verdict.POST,
        note=note,
        vouchers=books.drafts,
        pending=books.pending,
        warnings=books.warnings,
        position=books.position,
    )


def _answer(
    look: _Look,
    sent: Sent,
    books: Bookkeeping | Blocker | None,
    *,
    is_edited: bool = False,
    is_released: bool = False,
) -> Plan:
    """Vouchers, updates and the release of an order that IFS has or gets."""
    order, policy = look.order, look.policy
    found = books if isinstance(books, Bookkeeping) else None
    refunded: Mapping[int, int]
    if found is not None and policy.revenue_posting is RevenuePosting.VOUCHER:
        refunded = found.refunded_unshipped
    else:
        refunded = updates.refunded_unshipped(order)
    has_shipped = updates.has_goods_out(order) or (found is not None and found.has_shipped)
    surplus = () if is_released or gates.is_closed(order) else updates.surplus(order, sent, refunded)
    conflicts = updates.conflicts_of(order, sent, refunded, has_shipped=has_shipped)
    release = gates.may_release(order, policy) and not surplus and not conflicts and not is_edited
    return Plan(
        Verdict.WAIT if conflicts else Verdict.POST,
        release=release,
        conflicts=conflicts,
        warnings=(*_refund_warnings(order, surplus), *(found.warnings if found else ())),
        vouchers=found.drafts if found else (),
        updates=updates.updates_of(order, sent, policy, refunded, has_shipped=has_shipped, is_edited=is_edited),
        pending=(books,) if isinstance(books, Blocker) else found.pending if found else (),
        position=found.position if found else None,
    )


def _placed(order: Order, proof: Proof | tuple[Blocker, ...], rules: Rules, policy: Policy) -> Placement:
    """The rules' answers; where the totals do not prove, for everything that may turn out to be in them."""
    lines = customer_order.created_lines(order)
    if not isinstance(proof, Proof):
        charges = [charge for charge in order.charges if charge.inc_tax or charge.tax]
        discounted = bool(order.discount_amount or order.coupon_discount)
        return place(order, rules, policy, lines, charges, discounted=discounted)
    created = {line.id for line in lines}
    discounted = any(share.is_discounted for share in proof.lines if share.line_id in created)
    return place(order, rules, policy, lines, [share.charge for share in proof.charges], discounted=discounted)


def _unknown_customer(order: Order, customer: Unknown) -> tuple[Blocker, ...]:
    buyer = buyer_of(order)
    if customer.matches:
        message = f"Several IFS customers match {buyer.email or buyer.name}: {', '.join(customer.matches)}."
        remedy = "Link the buyer to the right one."
    elif buyer.email:
        message = f"No IFS customer is known for {buyer.email}."
        remedy = "Link the buyer to an IFS customer, have one created, or skip the buyer."
    else:
        message = f"The order carries no valid e-mail, so its buyer ({buyer.name}) cannot be looked up."
        remedy = "Link the buyer to an IFS customer by hand, have one created, or skip the order."
    return (Blocker(Reason.CUSTOMER, message, remedy, buyer.key),)


def _address_warnings(order: Order) -> tuple[PlanWarning, ...]:
    if not customer_order.has_goods_to_deliver(order):
        return ()
    if not order.shipping:
        return (PlanWarning("no_shipping_address", "There are goods to deliver, but no shipping address."),)
    others = order.shipping[1:]
    if not others:
        return ()
    named = "; ".join(", ".join(filter(None, (a.name, a.street_1, a.zip, a.city, a.country_iso2))) for a in others)
    return (
        PlanWarning("several_addresses", f"The order ships to several addresses; IFS gets the first. Also: {named}."),
    )


def _amount_warnings(order: Order, proof: Proof) -> tuple[PlanWarning, ...]:
    found = []
    off = [(w, v) for w, v in (("goods", proof.gross_off), ("tax on goods", proof.tax_off)) if v != ZERO]
    if off:
        named = ", ".join(f"{what} by {amount} {order.currency}" for what, amount in off)
        found.append(PlanWarning("totals_within_cap", f"The lines were fitted to the order's total: off were {named}."))
    if proof.outside:
        amount = sum((fee.inc_tax for fee in proof.outside), ZERO)
        found.append(
            PlanWarning("fees_outside_total", f"Fees of {amount} {order.currency} are not in the store's total.")
        )
    if len(customer_order.created_lines(order)) < len(order.lines):
        found.append(PlanWarning("refunded_lines", "Lines refunded in full before the order was sent are left out."))
    return tuple(found)


def _refund_warnings(order: Order, surplus: tuple[Surplus, ...]) -> tuple[PlanWarning, ...]:
    if not surplus:
        return ()
    named = updates.units_named(order, surplus)
    message = f"Refunded in the store, yet in the IFS order, which is not released: {named}."
    return (PlanWarning("refunded_units", message),)


def _follow_up(look: _Look, sent: LedgerDocument) -> Plan:
    order, policy = look.order, look.policy
    draft = _frozen(sent)
    stands = edits.edit_state(draft.basis if draft else None, sent.fact_hash, fact_hash(order), look.ledger.answers)
    edited = _edited(order, policy, sent) if stands.is_open else ()
    warnings = (*gates.status_warnings(order), *_answered(stands, sent))
    if draft is None:
        return Plan(Verdict.WAIT, blockers=(_unreadable(sent),), conflicts=edited, warnings=warnings)
    books = _followed_books(look, draft, stands)
    is_released = sent.is_confirmed("release")
    known = Sent.of(draft, sent.reference, look.ledger)
    # Once an edit was adopted a person changes the IFS order: nobody here knows what it is since, whatever comes after.
    was_adopted = any(said.choice is EditChoice.ADOPT for said in look.ledger.answers)
    in_ifs_by_hand = (stands.is_edited and not stands.is_kept) or was_adopted
    answer = _answer(look, known, books, is_edited=in_ifs_by_hand, is_released=is_released)
    conflicts = (*answer.conflicts, *edited)
    return replace(
        answer,
        verdict=Verdict.WAIT if conflicts else Verdict.POST,
        conflicts=conflicts,
        warnings=(*warnings, *answer.warnings),
    )


def _followed_books(look: _Look, draft: CustomerOrderDraft, stands: edits.EditState) -> Bookkeeping | Blocker | None:
    if not look.policy.makes_vouchers:
        return None
    basis = stands.basis
    if basis is None:
        # Sent by a version that froze no basis: as good as frozen while nothing was edited.
        now = basis_of(look.order, look.rules, look.policy)
        if stands.is_edited or not isinstance(now, Basis):
            return _without_basis(draft)
        basis = now
    is_stopped = stands.is_edited and not stands.is_kept
    changed = edits.changed_subjects(basis, look.order, look.policy) if is_stopped else None
    books = look.books(basis, draft.key, changed=changed)
    if stands.is_by_hand and isinstance(books, Bookkeeping):
        return _left_to_a_person(books, draft.key)
    return books


def _left_to_a_person(books: Bookkeeping, reference: str) -> Bookkeeping:
    """What the edit keeps from being booked is said, and no longer waited for: a person books it.

    A posted voucher whose fact was changed since is another matter: that question stays open.
    """
    left = [b for b in books.pending if b.reason is Reason.CONFLICT and not b.subject.startswith(f"{reference}/")]
    said = tuple(PlanWarning("by_hand", blocker.message) for blocker in left)
    return replace(
        books,
        pending=tuple(blocker for blocker in books.pending if blocker not in left),
        warnings=(*books.warnings, *said),
    )


def _answered(stands: edits.EditState, sent: LedgerDocument) -> tuple[PlanWarning, ...]:
    """What was decided about an edit, as long as it is in force."""
    answer = stands.answer
    if answer is None:
        return ()
    name = sent.reference or sent.key
    match answer.choice:
        case EditChoice.KEEP:
            text = f"The order was edited in the store after it was sent; {answer.actor} keeps it as {name} has it."
        case EditChoice.ADOPT:
            text = (
                f"The order was edited after it was sent; {answer.actor} took the edit over into the books. "
                f"{name} in IFS is changed, and released, by hand."
            )
        case EditChoice.BY_HAND:
            text = (
                f"The order was edited after it was sent; {answer.actor} books the difference by hand"
                f"{f' ({answer.reference})' if answer.reference else ''}: what ships of it is not posted."
            )
    return (PlanWarning(f"edit_{answer.choice.value}", text),)


def _without_basis(draft: CustomerOrderDraft) -> Blocker:
    message = "The order was sent before vouchers were made and was edited since, so nothing can be booked by it."
    return Blocker(Reason.CONFLICT, message, "Undo the edit in the store, or have the order booked by hand.", draft.key)


def _unreadable(sent: LedgerDocument) -> Blocker:
    message = f"What was sent as {sent.key} can no longer be read, so nothing can be done for it."
    return Blocker(Reason.CONFLICT, message, "Restore the database from a backup, or have it booked by hand.", sent.key)


def _edited(order: Order, policy: Policy, sent: LedgerDocument) -> tuple[Blocker, ...]:
    message = f"The order was edited in the store after it was sent: {_difference(order, policy, sent)}."
    remedy = (
        f"Say how it goes on: bcifs orders edited {order.id} keep | adopt | by-hand; or undo the edit in the store. "
        f"With adopt, bring customer order {sent.reference or sent.key} in IFS in line by hand."
    )
    return (Blocker(Reason.CONFLICT, message, remedy, sent.reference or sent.key),)


def _difference(order: Order, policy: Policy, sent: LedgerDocument) -> str:
    draft = _frozen(sent)
    if draft is None:
        return "what was sent can no longer be read, so the change cannot be named"
    found = edits.changes(draft, order, policy.minor_units)
    if found:
        return "; ".join(found)
    is_undone = fact_hash(order) == sent.fact_hash
    return (
        "it is again as it was sent, but what was adopted or booked by hand since is not"
        if is_undone
        else "a figure below the currency's minor unit"
    )


def _frozen(sent: LedgerDocument) -> CustomerOrderDraft | None:
    """The draft as it was sent, None where it can no longer be read."""
    try:
        return decode_customer_order(sent.draft)
    except ValueError:
        return None
