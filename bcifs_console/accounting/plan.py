"""`plan`: from an order, its customer, the rules and the ledger to the documents that should exist (DESIGN §2).

Pure. The order of decisions is ACCOUNTING §1's: does the order count, whose is it, do its figures agree, do the rules
cover it. Whatever stands in the way is gathered and answered as data, so that a person sees all of it at once.
"""

from bcifs_console.accounting import customer_order, edits, gates
from bcifs_console.accounting.basis import fact_hash
from bcifs_console.accounting.placement import Placement, place
from bcifs_console.accounting.totals import Proof, prove
from bcifs_console.domain.buyers import Customer, Known, Skipped, Unknown, buyer_of
from bcifs_console.domain.codec import decode_customer_order
from bcifs_console.domain.documents import CustomerOrderDraft, DocumentState, Ledger, LedgerDocument
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.orders import Order, OrderLine
from bcifs_console.domain.plan import Blocker, Plan, PlanWarning, Reason, Verdict
from bcifs_console.domain.rules import Policy, Rules


def plan(order: Order, customer: Customer, rules: Rules, policy: Policy, ledger: Ledger) -> Plan:
    """What should exist in IFS for `order`, and why something waits.

    With a customer order in the ledger the draft frozen there stands: `documents` is empty, the caller resumes the
    ledger's own, gates and rules are not asked again, and only an edit, a cancellation or a refund before the release
    is answered, as `conflicts` with verdict WAIT.
    """
    sent = ledger.customer_order()
    if sent is not None:
        return _follow_up(order, policy, sent)
    ignored = gates.ignored_because(order, policy)
    if ignored:
        return Plan(Verdict.IGNORE, note=ignored)
    if isinstance(customer, Skipped):
        return Plan(Verdict.SKIP, note=customer.note)
    return _first_import(order, customer, rules, policy)


def _first_import(order: Order, customer: Known | Unknown, rules: Rules, policy: Policy) -> Plan:
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
    draft = customer_order.draft_customer_order(order, customer.customer_id, proof, placement, policy)
    refunded = gates.refunded_units(customer_order.created_lines(order))
    return Plan(
        Verdict.POST,
        documents=(draft,),
        release=gates.may_release(order, policy) and not refunded,
        warnings=(
            *warnings,
            *_address_warnings(order),
            *_amount_warnings(order, proof),
            *_refund_warnings(refunded),
        ),
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


def _refund_warnings(refunded: tuple[OrderLine, ...]) -> tuple[PlanWarning, ...]:
    if not refunded:
        return ()
    message = f"Refunded in the store, yet in the IFS order, which is not released: {_units(refunded)}."
    return (PlanWarning("refunded_units", message),)


def _follow_up(order: Order, policy: Policy, sent: LedgerDocument) -> Plan:
    refunded = _refunded_before_release(order, sent)
    conflicts = (*_cancelled(order, sent), *_edited(order, policy, sent))
    warnings = gates.status_warnings(order)
    release = gates.may_release(order, policy)
    if refunded and release and _is_complete(sent):
        conflicts = (*conflicts, _refunded(sent, refunded))
    if conflicts:
        return Plan(Verdict.WAIT, conflicts=conflicts, warnings=warnings)
    return Plan(Verdict.POST, release=release and not refunded, warnings=(*warnings, *_refund_warnings(refunded)))


def _refunded_before_release(order: Order, sent: LedgerDocument) -> tuple[OrderLine, ...]:
    """The lines IFS has with units that were refunded while nothing could be delivered yet, as far as we know."""
    if sent.is_confirmed("release"):
        return ()
    draft = _frozen(sent)
    drafted = None if draft is None else {line.order_line_id for line in draft.lines}
    return gates.refunded_units(line for line in order.lines if drafted is None or line.id in drafted)


def _is_complete(sent: LedgerDocument) -> bool:
    """Whether all of it stands in IFS. One broken off is completed first: half an order is nothing to release."""
    return sent.state is DocumentState.CONFIRMED or sent.is_confirmed("read_back")


def _refunded(sent: LedgerDocument, refunded: tuple[OrderLine, ...]) -> Blocker:
    number = sent.reference or sent.key
    message = f"{_units(refunded)} were refunded; IFS order {number} still has them and is not released."
    remedy = (
        f"In customer order {number} in IFS, lower the quantity or cancel the line, then release it there; "
        "that this is done from here comes with a later release."
    )
    return Blocker(Reason.CONFLICT, message, remedy, number)


def _units(refunded: tuple[OrderLine, ...]) -> str:
    return ", ".join(
        f"{line.quantity_refunded} of {line.quantity} units of {f'SKU {line.sku}' if line.sku else line.name} "
        f"(line {line.id})"
        for line in refunded
    )


def _cancelled(order: Order, sent: LedgerDocument) -> tuple[Blocker, ...]:
    if not gates.is_closed(order):
        return ()
    name = gates.STATUS_NAMES[order.status_id].lower()
    message = f"The order was {name} in the store after it was sent to IFS as {sent.reference or sent.key}."
    remedy = f"Cancel customer order {sent.reference or sent.key} in IFS by hand if nothing was shipped."
    return (Blocker(Reason.CONFLICT, message, remedy, sent.reference or sent.key),)


def _edited(order: Order, policy: Policy, sent: LedgerDocument) -> tuple[Blocker, ...]:
    if fact_hash(order) == sent.fact_hash:
        return ()
    message = f"The order was edited in the store after it was sent: {_difference(order, policy, sent)}."
    remedy = f"Bring customer order {sent.reference or sent.key} in IFS in line by hand, or undo the edit in the store."
    return (Blocker(Reason.CONFLICT, message, remedy, sent.reference or sent.key),)


def _difference(order: Order, policy: Policy, sent: LedgerDocument) -> str:
    draft = _frozen(sent)
    if draft is None:
        return "what was sent can no longer be read, so the change cannot be named"
    found = edits.changes(draft, order, policy.minor_units)
    return "; ".join(found) or "a figure below the currency's minor unit"


def _frozen(sent: LedgerDocument) -> CustomerOrderDraft | None:
    """The draft as it was sent, None where it can no longer be read."""
    try:
        return decode_customer_order(sent.draft)
    except ValueError:
        return None
