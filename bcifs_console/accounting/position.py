"""Where one order stands in the books: what is fixed while they are kept, the running figures, and their answer.

How facts move the figures is in `vouchers`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from bcifs_console.accounting.consumption import Books
from bcifs_console.accounting.gates import SHIPPED_STATUSES, is_closed
from bcifs_console.domain.basis import Basis
from bcifs_console.domain.money import CAP_MINOR_UNITS, ZERO
from bcifs_console.domain.orders import Order
from bcifs_console.domain.plan import PlanWarning
from bcifs_console.domain.rules import Policy, RevenuePosting
from bcifs_console.domain.vouchers import Position, Rate, VoucherDraft, VoucherKind

REFUNDED: Final = 4


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands still while the books are kept."""

    order: Order
    basis: Basis
    policy: Policy
    posted: Mapping[str, VoucherDraft]  #: by the fact's name, in the order they were written down
    seen_at: datetime
    rate: Rate | None
    reference: str
    changed: frozenset[str] | None
    money_only: bool

    @property
    def is_invoiced(self) -> bool:
        return self.policy.revenue_posting is RevenuePosting.IFS_INVOICE

    def is_before_start(self, at: datetime) -> bool:
        return at < self.policy.posts_from


@dataclass(slots=True)
class Tally:
    """What was found while the books were kept."""

    held: Decimal = ZERO  #: the customer balance, credit positive, with what is before the start
    booked: Decimal = ZERO  #: the same by vouchers alone
    paid: Decimal = ZERO
    refunded: Decimal = ZERO
    last_at: datetime | None = None
    entered: set[str] = field(default_factory=set)  #: facts that stand in the books or before the start
    early: list[str] = field(default_factory=list)  #: facts before the start, for people
    is_stopped: bool = False  #: a step that consumes units is kept back; those after it wait for it
    is_open: bool = False  #: something is kept back or not paid yet, so the order cannot be closed

    def count(self, kind: VoucherKind, amount: Decimal) -> None:
        """What a fact is worth, as money that came or went."""
        match kind:
            case VoucherKind.PAYMENT:
                self.paid += amount
            case VoucherKind.VOID:
                self.paid -= amount
            case VoucherKind.REFUND:
                self.refunded += amount
            case _:
                pass


def position_of(frame: Frame, books: Books, tally: Tally, *, is_consumed: bool) -> Position:
    """The position once all drafts are posted. Where IFS invoices, units are the store's own counts (ACCOUNTING §3)."""
    cap = CAP_MINOR_UNITS * books.unit
    consumed = _is_delivered(frame.order) if frame.is_invoiced else is_consumed
    is_paid = tally.paid >= frame.basis.gross - cap
    return Position(
        currency=frame.basis.currency,
        held=tally.held,
        paid=tally.paid,
        refunded=tally.refunded,
        is_consumed=consumed,
        is_settled=consumed and is_paid and not tally.is_open and (frame.is_invoiced or not tally.held),
        before_start=tally.held - tally.booked,
    )


def standing(frame: Frame, tally: Tally, position: Position) -> tuple[PlanWarning, ...]:
    """What a person should know of where the order stands."""
    found = []
    if tally.early:
        since = frame.policy.posts_from
        found.append(
            PlanWarning("before_start", f"Before {since:%Y-%m-%d %H:%M} UTC, never posted: {', '.join(tally.early)}.")
        )
    if is_closed(frame.order) and position.held > 0:
        held = f"{position.held} {position.currency}"
        found.append(PlanWarning("money_held", f"The order was cancelled or declined; {held} are still held."))
    return tuple(found)


def _is_delivered(order: Order) -> bool:
    if order.status_id in SHIPPED_STATUSES | {REFUNDED}:
        return True
    return all(line.quantity_shipped + line.quantity_refunded >= line.quantity for line in order.lines)
