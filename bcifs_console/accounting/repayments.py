"""Whether a refund's money has left the shop, and by which way (ACCOUNTING §3: when a refund posts, credit side)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP
from enum import StrEnum

from bcifs_console.accounting.sheet import Sheet
from bcifs_console.accounting.tenders import OK, liability_of
from bcifs_console.domain.movements import Refund, RefundPayment, Tender
from bcifs_console.domain.plan import Blocker, PlanWarning, Reason
from bcifs_console.domain.rules import Purpose


class Stage(StrEnum):
    PAID = "paid"
    PENDING = "pending"  #: the gateway has not answered yet
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Repayment:
    """How far a refund's payments are; `tenders` are the refund transactions beside its payments, where known."""

    stage: Stage
    tenders: tuple[Tender | None, ...] = ()


def repayments(refunds: Sequence[Refund], tenders: Sequence[Tender]) -> Mapping[int, Repayment]:
    """The stage of every refund, by id.

    A payment is done when it is offline, or when a refund transaction with status ok is its own: the one it names by
    id or gateway reference, else one of the same gateway and amount that no other payment has.
    """
    free = {t.id: t for t in sorted(tenders, key=lambda t: (t.created_at, t.id)) if _is_refund(t)}
    ordered = sorted(refunds, key=lambda refund: (refund.created_at, refund.id))
    found: dict[tuple[int, int], Tender] = {}
    for match in (_named, _alike):
        for position, refund, payment in _payments(ordered):
            key = (refund.id, position)
            if key in found or payment.is_offline or payment.is_declined:
                continue
            tender = next((t for t in free.values() if match(payment, t)), None)
            if tender is not None:
                found[key] = free.pop(tender.id)
    return {refund.id: _repayment(refund, found) for refund in ordered}


def pay_out(refund: Refund, repayment: Repayment, counted: Sequence[Tender], sheet: Sheet) -> None:
    """The credit side: each payment on its clearing account or liability."""
    currency = sheet.books.basis.currency
    tenders = repayment.tenders or (None,) * len(refund.payments)
    for payment, tender in zip(refund.payments, tenders, strict=True):
        amount = payment.amount.quantize(sheet.books.unit, rounding=ROUND_HALF_UP)
        gateway = payment.provider
        method = _method(payment, tender, counted)
        liability = liability_of(payment.provider, method)
        facts = sheet.subjects.tender(method, gateway)
        named = "" if liability else clearing_name(method, gateway, currency)
        sheet.post(liability or Purpose.CLEARING, -amount, facts, subject=f"refund:{refund.id}", named=named)


def clearing_name(method: str, gateway: str, currency: str) -> str:
    """How a clearing account is named to people: `clearing credit_card/stripe/USD`."""
    return f"clearing {method or '-'}/{gateway or '-'}/{currency}"


def declined(refund: Refund) -> Blocker:
    """A refund whose payment was declined: no money left, yet the store shows the goods as refunded."""
    said = next((p.declined_message for p in refund.payments if p.is_declined and p.declined_message), "")
    return Blocker(
        Reason.CONFLICT,
        f"A payment of refund {refund.id} was declined{f': {said}' if said else ''}. Nothing is posted for it.",
        "Refund the buyer again in the store, or have it booked by hand.",
        f"refund {refund.id}",
    )


def still_pending(refund: Refund) -> PlanWarning:
    """A refund of which the store shows no completed transaction yet."""
    return PlanWarning("refund_pending", f"Refund {refund.id} is not paid yet; it is posted once its payment is done.")


def _repayment(refund: Refund, found: Mapping[tuple[int, int], Tender]) -> Repayment:
    tenders = tuple(found.get((refund.id, position)) for position in range(len(refund.payments)))
    if any(payment.is_declined for payment in refund.payments):
        return Repayment(Stage.DECLINED, tenders)
    done = all(payment.is_offline or tender for payment, tender in zip(refund.payments, tenders, strict=True))
    return Repayment(Stage.PAID if done else Stage.PENDING, tenders)


def _payments(refunds: Sequence[Refund]) -> Iterator[tuple[int, Refund, RefundPayment]]:
    for refund in refunds:
        for position, payment in enumerate(refund.payments):
            yield position, refund, payment


def _is_refund(tender: Tender) -> bool:
    return tender.event == "refund" and tender.status == OK


def _named(payment: RefundPayment, tender: Tender) -> bool:
    name = payment.transaction_id.strip()
    return bool(name) and name in {str(tender.id), tender.gateway_reference}


def _alike(payment: RefundPayment, tender: Tender) -> bool:
    return payment.provider.lower() == tender.gateway.lower() and payment.amount == tender.amount


def _method(payment: RefundPayment, tender: Tender | None, counted: Sequence[Tender]) -> str:
    """The tender's method, so that money goes back over the clearing account it came by."""
    if tender is not None and tender.method:
        return tender.method
    same = next((t.method for t in counted if t.gateway.lower() == payment.provider.lower()), "")
    return same or ("offline" if payment.is_offline else "")
