"""Proving an order's totals and giving each line and charge its share of them (ACCOUNTING §2).

The order's own figures are the facts; what lines and charges say must add up to them within the cap, and is then
fitted to them exactly. How the store's figures may be read is in `readings`. No mapping, no IFS words here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bcifs_console.accounting.allocation import allocate
from bcifs_console.accounting.readings import ChargeShare, Reading, Scale, has_discount, readings
from bcifs_console.domain.documents import Figures
from bcifs_console.domain.money import NO_OVERRIDES, ZERO
from bcifs_console.domain.orders import Charge, LineType, Order
from bcifs_console.domain.plan import Blocker, Reason

_COMPARE: Final = "Compare the order in the store with the figures shown; correct it there, or have it booked by hand."


@dataclass(frozen=True, slots=True)
class LineShare:
    """What one line stands for, in minor units of the order's currency.

    `gross` and `tax` are after all discounts and sum over the lines to the order's goods exactly. The `_before`
    sides are what the line carries in IFS: before discounts where the line has one, else the share itself.
    """

    line_id: int
    gross: Decimal
    tax: Decimal
    gross_before: Decimal
    net_before: Decimal

    @property
    def net(self) -> Decimal:
        return self.gross - self.tax

    @property
    def is_discounted(self) -> bool:
        return self.gross != self.gross_before or self.net != self.net_before


@dataclass(frozen=True, slots=True)
class Proof:
    """An order whose figures agree: Σ lines + Σ charges = `gross`, and the same for `tax`, to the minor unit."""

    gross: Decimal
    tax: Decimal
    lines: tuple[LineShare, ...]  #: in the order's own order
    charges: tuple[ChargeShare, ...]  #: those inside the total, without rows of 0
    outside: tuple[Charge, ...]  #: fees that the store's total does not contain
    gross_off: Decimal  #: how far the lines' own sum was off before it was fitted; at most the cap
    tax_off: Decimal

    @property
    def net(self) -> Decimal:
        return self.gross - self.tax


def prove(order: Order, overrides: Mapping[str, int] = NO_OVERRIDES) -> Proof | tuple[Blocker, ...]:
    """The order's totals, proven and allocated, or the blockers (`totals`) that say which figures disagree.

    `overrides` are minor units by currency where they differ from ISO 4217. Store credit and redeemed gift
    certificates are tenders and take no part. Proof 1 is exact to the minor unit: ex + tax = inc, either as the
    store's four-decimal figures stand or once each is rounded.
    """
    flaws = _flaws(order)
    if flaws:
        return flaws
    scale = Scale.of(order, overrides)
    disagreement = _order_figures(order, scale)
    if disagreement:
        return (disagreement,)
    best = min(readings(order, scale), key=lambda reading: reading.rank)
    off = _off_figures(best, order, scale)
    if off:
        return off
    proof = _allocated(order, best, scale)
    return _taxed_gift_certificates(order, proof) or proof


def _flaws(order: Order) -> tuple[Blocker, ...]:
    """What makes figures meaningless before any sum is taken."""
    found = []
    if not order.currency.strip():
        found.append(_blocker("The store names no currency for this order.", subject="currency"))
    found.extend(
        _blocker(
            f"Line {line.id} ({line.sku or line.name}) has quantity {line.quantity}; a line sells at least one unit.",
            subject=f"line {line.id}",
        )
        for line in order.lines
        if line.quantity <= 0
    )
    return tuple(found)


def _order_figures(order: Order, scale: Scale) -> Blocker | None:
    """Proof 1: ex + tax = inc at the order."""
    as_stated = scale.rounded(order.total_ex_tax + order.total_tax)
    once_rounded = scale.rounded(order.total_ex_tax) + scale.rounded(order.total_tax)
    total = scale.rounded(order.total_inc_tax)
    if total in {as_stated, once_rounded}:
        return None
    figures = Figures("total excluding tax plus tax", total, as_stated, order.currency)
    return _blocker(
        f"The order's totals do not add up: {order.total_ex_tax} + {order.total_tax} tax is {as_stated}, "
        f"but the total including tax is {total}.",
        subject="total_inc_tax",
        figures=figures,
    )


def _off_figures(reading: Reading, order: Order, scale: Scale) -> tuple[Blocker, ...]:
    """The blockers of the best reading there is; empty when it proves."""
    found = []
    for what, off, stated in (
        ("goods including tax", reading.gross_off, reading.goods_gross),
        ("tax on goods", reading.tax_off, reading.goods_tax),
    ):
        if not scale.is_off(off) and (reading.gross_weights or not off):
            continue
        figures = Figures(what, stated, stated + off, order.currency)
        found.append(
            _blocker(
                f"The lines do not add up to the order: {what} is {figures.store} by the order's total less its "
                f"charges, but {figures.computed} by its lines.",
                subject=what,
                figures=figures,
            )
        )
    return tuple(found)


def _allocated(order: Order, reading: Reading, scale: Scale) -> Proof:
    gross_shares = allocate(reading.goods_gross, reading.gross_weights, scale.unit)
    # Some cents of tax on lines that state none follow the money.
    tax_weights = reading.tax_weights if any(reading.tax_weights) else reading.gross_weights
    tax_shares = allocate(reading.goods_tax, tax_weights, scale.unit)
    discounted = has_discount(order)
    lines = []
    for line, weight, gross, tax in zip(order.lines, reading.gross_weights, gross_shares, tax_shares, strict=True):
        before = scale.rounded(line.total_inc_tax)
        if discounted and before > scale.rounded(weight):
            lines.append(LineShare(line.id, gross, tax, before, scale.rounded(line.total_ex_tax)))
        else:
            # Without a discount the share is the price: fitting a cent must not look like a discount of a cent.
            lines.append(LineShare(line.id, gross, tax, gross, gross - tax))
    return Proof(
        gross=scale.rounded(order.total_inc_tax),
        tax=scale.rounded(order.total_tax),
        lines=tuple(lines),
        charges=reading.charges,
        outside=reading.outside,
        gross_off=reading.gross_off,
        tax_off=reading.tax_off,
    )


def _taxed_gift_certificates(order: Order, proof: Proof) -> tuple[Blocker, ...]:
    """A sold gift certificate is a liability at its face value; tax on one has no place to go."""
    return tuple(
        _blocker(f"Gift certificate line {line.id} carries tax {share.tax}.", subject=f"line {line.id}")
        for line, share in zip(order.lines, proof.lines, strict=True)
        if line.type is LineType.GIFT_CERTIFICATE and (share.tax != ZERO or share.net_before != share.gross_before)
    )


def _blocker(message: str, *, subject: str, figures: Figures | None = None) -> Blocker:
    return Blocker(Reason.TOTALS, message, _COMPARE, subject, figures)
