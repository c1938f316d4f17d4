"""What changed in the store since an order was sent, in words (ACCOUNTING §1: an edit is shown, never posted).

`basis.fact_hash` decides *that* something changed; this compares the frozen draft with the order as it is now, so that
a person sees *what*. And what the person answered: by which basis the order's books go on.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from bcifs_console.accounting.consumption import line_subject
from bcifs_console.accounting.freeze import basis_of
from bcifs_console.accounting.totals import LineShare, Proof, prove
from bcifs_console.domain.basis import Basis
from bcifs_console.domain.documents import CustomerOrderDraft, LineDraft
from bcifs_console.domain.edits import EditAnswer, EditChoice
from bcifs_console.domain.money import ZERO, minor_unit
from bcifs_console.domain.orders import ChargeKind, LineType, Order, OrderLine
from bcifs_console.domain.rules import Policy, Rules


@dataclass(frozen=True, slots=True)
class EditState:
    """By what an order that was sent goes on, after all that was answered to its edits."""

    basis: Basis | None  #: None: sent by a version that froze none
    is_edited: bool  #: the order is not as the basis has it
    answer: EditAnswer | None = None  #: what was said last of the order as it is now

    @property
    def is_open(self) -> bool:
        """Whether a person has still to say what becomes of the edit."""
        return self.is_edited and self.answer is None

    @property
    def is_kept(self) -> bool:
        """Whether the order goes on as it was sent, whatever the store says now."""
        return self.answer is not None and self.answer.choice is EditChoice.KEEP

    @property
    def is_by_hand(self) -> bool:
        """Whether a person books what the edit changed."""
        return self.answer is not None and self.answer.choice is EditChoice.BY_HAND


def edit_state(basis: Basis | None, sent_hash: str, now_hash: str, answers: Iterable[EditAnswer]) -> EditState:
    """Where an order stands: `sent_hash` is of the facts it was sent with, `now_hash` of the order as it is now.

    An answer is about one state of the order: it counts while the order is as it was then. What was adopted is the
    basis from then on; an edit that is undone in the store after that is an edit again. So is one that a person books
    by hand: only a person knows what of it was booked, so nothing goes on by itself and no earlier answer counts.
    """
    hash_of_basis, said, is_left = sent_hash, None, False
    for answer in answers:
        is_left = answer.choice is EditChoice.BY_HAND
        if is_left:
            said = None
        if answer.choice is EditChoice.ADOPT:
            basis, hash_of_basis, said = answer.basis, answer.fact_hash, None
        if answer.fact_hash == now_hash:
            said = answer
    return EditState(basis, is_left or now_hash != hash_of_basis, said)


def changes(sent: CustomerOrderDraft, order: Order, overrides: Mapping[str, int]) -> tuple[str, ...]:
    """Each difference between what was sent and what the store says now; empty when none shows in the document."""
    proof = prove(order, overrides)
    unit = minor_unit(sent.currency, overrides)
    found = [*_line_changes(sent, order, unit)]
    if order.currency != sent.currency:
        found.append(f"currency {sent.currency} → {order.currency}")
    if isinstance(proof, Proof):
        found.extend(_charge_changes(sent, order, proof, unit))
    found.extend(_total_changes(sent, order, proof if isinstance(proof, Proof) else None, unit))
    return tuple(found or _item_changes(sent, order))


def changed_subjects(basis: Basis, order: Order, policy: Policy) -> frozenset[str]:
    """What of a frozen basis is no longer so: lines and charges whose amount or quantity differs, or that are gone.

    All of it where the order's figures no longer prove.
    """
    now = basis_of(order, Rules(), policy)
    if not isinstance(now, Basis):
        return frozenset(_standing(basis))
    standing = _standing(now)
    return frozenset(subject for subject, figures in _standing(basis).items() if standing.get(subject) != figures)


def _standing(basis: Basis) -> dict[str, tuple[int, Decimal]]:
    lines = {line_subject(line.id): (line.quantity, line.gross) for line in basis.lines}
    return lines | {charge.key: (0, charge.gross) for charge in basis.charges}


def _line_changes(sent: CustomerOrderDraft, order: Order, unit: Decimal) -> Iterator[str]:
    now = {line.id: line for line in order.lines if line.type is not LineType.GIFT_CERTIFICATE}
    before = {line.order_line_id: line for line in sent.lines}
    for draft in sent.lines:
        line = now.get(draft.order_line_id)
        if line is None:
            yield f"line {draft.order_line_id} ({draft.catalog_no}) was removed"
        else:
            yield from _one_line(draft, line, inclusive=sent.price_includes_tax, unit=unit)
    for line in now.values():
        # A line refunded in full when first seen was never sent, and stays so.
        if line.id not in before and line.quantity_refunded < line.quantity:
            yield f"line {line.id} ({line.sku or line.name}) was added: quantity {line.quantity}"


def _item_changes(sent: CustomerOrderDraft, order: Order) -> Iterator[str]:
    """Where no figure differs an item must. The draft holds the part, not the SKU it came from: show both."""
    parts = {draft.order_line_id: draft.catalog_no for draft in sent.lines}
    for line in order.lines:
        part = parts.get(line.id)
        if part is not None and part != line.sku.strip().upper():
            yield f"line {line.id} was sent as part {part}, its SKU is now {line.sku or 'empty'}"


def _one_line(draft: LineDraft, line: OrderLine, *, inclusive: bool, unit: Decimal) -> Iterator[str]:
    name = f"line {line.id} ({draft.catalog_no})"
    if line.quantity != draft.quantity:
        yield f"{name}: quantity {draft.quantity:f} → {line.quantity}"
    sent_price, price = (
        (draft.unit_price_inc_tax, line.price_inc_tax) if inclusive else (draft.unit_price_ex_tax, line.price_ex_tax)
    )
    # A price sent may differ from the store's by what fitting the line to the order's total took: less than a unit.
    if abs(price - sent_price) * draft.quantity > unit:
        yield f"{name}: unit price {_text(sent_price, unit)} → {_text(price, unit)}"


def _charge_changes(sent: CustomerOrderDraft, order: Order, proof: Proof, unit: Decimal) -> Iterator[str]:
    """Charges and discounts by kind, before tax: that side is the store's under every tax treatment."""
    before: dict[ChargeKind, Decimal] = {}
    for draft in sent.charges:
        if draft.kind is not ChargeKind.TAX:
            before[draft.kind] = before.get(draft.kind, ZERO) + draft.ex_tax
    now: dict[ChargeKind, Decimal] = {}
    for charge in proof.charges:
        now[charge.charge.kind] = now.get(charge.charge.kind, ZERO) + charge.net
    for line, share in _sent_shares(sent, order, proof):
        if line.type is LineType.GIFT_CERTIFICATE:
            now[ChargeKind.GIFT_CERTIFICATE] = now.get(ChargeKind.GIFT_CERTIFICATE, ZERO) + share.net_before
        now[ChargeKind.DISCOUNT] = now.get(ChargeKind.DISCOUNT, ZERO) + share.net - share.net_before
    for kind in ChargeKind:
        old, new = before.get(kind, ZERO), now.get(kind, ZERO)
        if kind is not ChargeKind.TAX and old != new:
            yield f"{kind.replace('_', ' ')} before tax {_text(old, unit)} → {_text(new, unit)}"


def _total_changes(sent: CustomerOrderDraft, order: Order, proof: Proof | None, unit: Decimal) -> Iterator[str]:
    if proof is None:
        now = order.total_inc_tax
    else:
        kept = {line.id for line, _ in _sent_shares(sent, order, proof)}
        now = proof.gross - sum((share.gross for share in proof.lines if share.line_id not in kept), ZERO)
    if now != sent.total_inc_tax:
        yield f"total {_text(sent.total_inc_tax, unit)} → {_text(now, unit)}"


def _sent_shares(sent: CustomerOrderDraft, order: Order, proof: Proof) -> Iterable[tuple[OrderLine, LineShare]]:
    """The lines that count: all but those that were refunded in full before the order was first sent."""
    before = {line.order_line_id for line in sent.lines}
    return (
        (line, share)
        for line, share in zip(order.lines, proof.lines, strict=True)
        if line.id in before or line.quantity_refunded < line.quantity
    )


def _text(amount: Decimal, unit: Decimal) -> str:
    """An amount with the currency's decimals, or with more where it has more."""
    short = amount.quantize(unit)
    return f"{short if short == amount else amount.normalize():f}"
