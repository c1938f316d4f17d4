"""Which transactions are money: counted tenders, and the voids that take them back (ACCOUNTING §3, counted tenders).

Authorisations, pending transactions and refund transactions are evidence and never entries.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bcifs_console.domain.documents import Figures
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.movements import Tender
from bcifs_console.domain.orders import Order
from bcifs_console.domain.plan import Blocker, Reason
from bcifs_console.domain.rules import Policy, Purpose

OK: Final = "ok"
_MONEY: Final = frozenset({"purchase", "capture"})
_PROMISES: Final = frozenset({"authorization", "pending"})

#: payment_status words after which an order's tenders should all be there (facts §3.3).
_PAID: Final = frozenset({"paid", "captured", "partially refunded", "refunded"})

_GIFT: Final = "giftcertificate"
_CREDIT: Final = "storecredit"
_LIABILITIES: Final = {_GIFT: Purpose.GIFT_CERTIFICATE_LIABILITY, _CREDIT: Purpose.STORE_CREDIT_LIABILITY}


@dataclass(frozen=True, slots=True)
class Voided:
    """A void and the counted tender it takes back."""

    void: Tender
    of: Tender
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Cash:
    """The transactions of an order that are money. `unclear`: voids of which nobody can say what they take back."""

    counted: tuple[Tender, ...] = ()
    voids: tuple[Voided, ...] = ()
    unclear: tuple[Blocker, ...] = ()

    @property
    def paid(self) -> Decimal:
        """Counted tenders less voids."""
        return sum((t.amount for t in self.counted), ZERO) - sum((v.amount for v in self.voids), ZERO)

    def full_at(self, total: Decimal, currency: str) -> datetime | None:
        """When the order was paid in full for good, None while it is not (any more). Other currencies do not count."""
        moves = [(tender.created_at, 0, tender.amount) for tender in self.counted if is_in(tender, currency)]
        moves += [(v.void.created_at, 1, -v.amount) for v in self.voids if is_in(v.of, currency)]
        reached: datetime | None = None
        running = ZERO
        for at, _, amount in sorted(moves):
            running += amount
            reached = None if running < total else reached or at
        return reached


def cash_of(order: Order, policy: Policy) -> Cash:
    """The order's counted tenders and their voids; empty where transactions were not read."""
    tenders = sorted(
        (t for t in order.tenders or () if t.status == OK and (policy.count_test_tenders or not t.is_test)),
        key=lambda t: (t.created_at, t.id),
    )
    counted = _counted(tenders)
    return _with_voids(tenders, counted)


def holds_money(order: Order, policy: Policy) -> bool:
    """Whether counted tenders, less voids, leave anything."""
    return cash_of(order, policy).paid > 0


def is_in(tender: Tender, currency: str) -> bool:
    """Whether a tender is in this currency; one that names none is taken to be."""
    return tender.currency.strip().upper() in {"", currency.strip().upper()}


def liability_of(*words: str) -> Purpose | None:
    """The liability that a tender's method, or a refund's provider, draws on; None for money through a gateway."""
    for word in words:
        plain = word.lower().replace("_", "").replace("-", "").replace(" ", "").removesuffix("s")
        if plain in _LIABILITIES:
            return _LIABILITIES[plain]
    return None


def disagreements(order: Order, cash: Cash, currency: str) -> dict[int, Blocker]:
    """Counted tenders that must not be posted as they are, by id; under 0 what names no tender.

    Gift certificates and store credit that the order says were spent must equal their tenders: they are never
    synthesised. A tender in another currency than the order's has no rate.
    """
    found: dict[int, Blocker] = {}
    for tender in cash.counted:
        if not is_in(tender, currency):
            found[tender.id] = Blocker(
                Reason.TOTALS,
                f"Transaction {tender.id} is in {tender.currency}, the order in {currency}.",
                "Have the payment booked by hand.",
                f"tender {tender.id}",
            )
    if not cash.counted and order.payment_status.lower() not in _PAID:
        return found
    for purpose, stated, what in (
        (Purpose.GIFT_CERTIFICATE_LIABILITY, order.gift_certificate_amount, "gift certificates"),
        (Purpose.STORE_CREDIT_LIABILITY, order.store_credit_amount, "store credit"),
    ):
        drawn = [t for t in cash.counted if liability_of(t.method, t.gateway) is purpose]
        amount = sum((t.amount for t in drawn), ZERO)
        if amount == stated:
            continue
        blocker = Blocker(
            Reason.TOTALS,
            f"The order says {stated} {currency} were paid by {what}, its transactions say {amount}.",
            "Compare the order's payments in the store; correct them there, or have them booked by hand.",
            what,
            Figures(f"paid by {what}", stated, amount, currency),
        )
        found.update((t.id, blocker) for t in drawn)
        if not drawn:
            found[0] = blocker
    return found


def _counted(tenders: Sequence[Tender]) -> tuple[Tender, ...]:
    by_id = {t.id: t for t in tenders}
    counted = {t.id for t in tenders if t.event in _MONEY}
    spoken_for = {root for t in tenders if t.id in counted for root in _ancestors(t, by_id)}
    for tender in tenders:
        if tender.event != "settled":
            continue
        chain = set(_ancestors(tender, by_id))
        if chain & counted or chain & spoken_for:
            continue
        counted.add(tender.id)
        spoken_for |= chain
    return tuple(t for t in tenders if t.id in counted)


def _ancestors(tender: Tender, by_id: dict[int, Tender]) -> list[int]:
    """The transactions this one refers to, directly and through others; unknown ids included."""
    found: list[int] = []
    current: Tender | None = tender
    while current is not None and current.reference_id and current.reference_id not in {tender.id, *found}:
        found.append(current.reference_id)
        current = by_id.get(current.reference_id)
    return found


def _with_voids(tenders: Sequence[Tender], counted: tuple[Tender, ...]) -> Cash:
    left = {t.id: t.amount for t in counted}
    by_id = {t.id: t for t in tenders}
    named = {t.id: t for t in counted}
    voids: list[Voided] = []
    unclear: list[Blocker] = []
    for void in tenders:
        if void.event != "void":
            continue
        of = _meant(void, named, left, by_id)
        if isinstance(of, Blocker):
            unclear.append(of)
        elif of is not None and left[of.id] > 0:
            amount = min(void.amount or left[of.id], left[of.id])
            left[of.id] -= amount
            voids.append(Voided(void, of, amount))
    return Cash(counted, tuple(voids), tuple(unclear))


def _meant(
    void: Tender, counted: dict[int, Tender], left: dict[int, Decimal], by_id: dict[int, Tender]
) -> Tender | Blocker | None:
    """The counted tender a void takes back; None where it is of nothing that was counted."""
    if void.reference_id:
        return next((counted[i] for i in _ancestors(void, by_id) if i in counted), None)
    same = [t for t in counted.values() if t.gateway == void.gateway and t.amount == void.amount and left[t.id] > 0]
    if len(same) == 1:
        return same[0]
    if not counted or (not same and _is_of_a_promise(void, by_id.values())):
        return None
    return Blocker(
        Reason.CONFLICT,
        f"Transaction {void.id} voids {void.amount} of gateway {void.gateway or 'unknown'}, not saying which payment.",
        "Look up in the gateway which payment was voided, and have it booked by hand.",
        f"void {void.id}",
    )


def _is_of_a_promise(void: Tender, tenders: Iterable[Tender]) -> bool:
    """Whether a void can only be of money that was authorised and never taken."""
    known = tuple(tenders)
    taken = {t.reference_id for t in known if t.event in _MONEY or t.event == "settled"}
    return any(
        t.event in _PROMISES and t.gateway == void.gateway and t.amount == void.amount and t.id not in taken
        for t in known
    )
