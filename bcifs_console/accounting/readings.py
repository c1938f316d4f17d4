"""The ways in which a store's figures may be meant, each measured against the order's total (ACCOUNTING §2).

A discount may stand on either tax side, fees in or out of the total, and a shipping coupon beside a shipping cost
that is still whole; the facts do not say which (facts §3.3, 3.4). A reading takes one choice of each. `totals` takes
the best one and refuses it if it does not prove.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Final

from bcifs_console.accounting.allocation import allocate
from bcifs_console.domain import money
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.orders import Charge, ChargeKind, Order, OrderLine

#: Coupon types that take the shipping cost off (facts §3.5): 3 shipping, 4 free_shipping.
_SHIPPING_COUPONS: Final = frozenset({3, 4})


@dataclass(frozen=True, slots=True)
class Scale:
    """One currency's minor unit and cap."""

    unit: Decimal
    cap: Decimal

    @classmethod
    def of(cls, order: Order, overrides: Mapping[str, int]) -> "Scale":
        return cls(money.minor_unit(order.currency, overrides), money.cap(order.currency, overrides))

    def rounded(self, amount: Decimal) -> Decimal:
        """`amount` to the minor unit, half-up."""
        return amount.quantize(self.unit, rounding=ROUND_HALF_UP)

    def is_off(self, difference: Decimal) -> bool:
        """Whether a difference is more than may be fitted away."""
        return abs(difference) > self.cap


class DiscountSide(StrEnum):
    """How a line's amount after discounts is read; tried in this order."""

    STATED = "stated"  #: discounted_total_inc_tax, else total_inc_tax less the line's discounts
    INC_TAX = "inc_tax"  #: total_inc_tax less discounts: they stand on the side including tax
    EX_TAX = "ex_tax"  #: discounts lower total_ex_tax, and the tax in proportion


@dataclass(frozen=True, slots=True)
class ChargeShare:
    """One charge inside the order's total, in minor units."""

    charge: Charge
    gross: Decimal
    tax: Decimal

    @property
    def net(self) -> Decimal:
        return self.gross - self.tax


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the order. The `_off` amounts are the lines' sums less what the order's total leaves them."""

    charges: tuple[ChargeShare, ...]
    outside: tuple[Charge, ...]
    goods_gross: Decimal
    goods_tax: Decimal
    gross_weights: tuple[Decimal, ...]
    tax_weights: tuple[Decimal, ...]
    gross_off: Decimal
    tax_off: Decimal
    rank: tuple[int, bool, Decimal, int, Decimal]  #: the smaller the better


@dataclass(frozen=True, slots=True)
class _Charges:
    shares: tuple[ChargeShare, ...]
    outside: tuple[Charge, ...]
    on_shipping: Decimal  #: discount that these shares have already taken off the shipping cost


def has_discount(order: Order) -> bool:
    """Whether the store says anywhere that something was taken off."""
    return bool(order.discount_amount or order.coupon_discount or any(_named(line) for line in order.lines))


def readings(order: Order, scale: Scale) -> Iterator[Reading]:
    """Every reading worth trying, likeliest first; stops at one that is exact in the likeliest way."""
    sides = list(DiscountSide) if has_discount(order) else [DiscountSide.STATED, DiscountSide.INC_TAX]
    for charges in _charge_readings(order, scale):
        goods_gross = scale.rounded(order.total_inc_tax) - sum((c.gross for c in charges.shares), ZERO)
        goods_tax = scale.rounded(order.total_tax) - sum((c.tax for c in charges.shares), ZERO)
        for side in sides:
            gross_weights = _gross_weights(order, side, charges.on_shipping)
            gross_off = scale.rounded(sum(gross_weights, ZERO)) - goods_gross
            for position, tax_weights in enumerate(_tax_weights(order, gross_weights)):
                tax_off = scale.rounded(sum(tax_weights, ZERO)) - goods_tax
                failures = scale.is_off(gross_off) + scale.is_off(tax_off)
                rank = (failures, side is not DiscountSide.STATED, abs(gross_off), position, abs(tax_off))
                yield Reading(
                    charges=charges.shares,
                    outside=charges.outside,
                    goods_gross=goods_gross,
                    goods_tax=goods_tax,
                    gross_weights=gross_weights,
                    tax_weights=tax_weights,
                    gross_off=gross_off,
                    tax_off=tax_off,
                    rank=rank,
                )
                if rank[:4] == (0, False, ZERO, 0):
                    return


def _charge_readings(order: Order, scale: Scale) -> Iterator[_Charges]:
    present = tuple(charge for charge in order.charges if charge.inc_tax or charge.tax)
    fees = tuple(charge for charge in present if charge.kind is ChargeKind.FEE)
    without_fees = tuple(charge for charge in present if charge.kind is not ChargeKind.FEE)
    for inside, outside in ((present, ()), (without_fees, fees)) if fees else ((present, ()),):
        shares = tuple(ChargeShare(c, scale.rounded(c.inc_tax), scale.rounded(c.tax)) for c in inside)
        coupon = scale.rounded(_shipping_coupons(order))
        if coupon:
            # First, since spreading the same coupon over the goods may prove as well.
            lowered = _lowered_shipping(shares, coupon, scale)
            taken = sum((s.gross for s in shares), ZERO) - sum((s.gross for s in lowered), ZERO)
            yield _Charges(lowered, outside, taken)
        yield _Charges(shares, outside, ZERO)


def _shipping_coupons(order: Order) -> Decimal:
    return sum((c.discount for c in order.coupons or () if c.type in _SHIPPING_COUPONS), ZERO)


def _lowered_shipping(shares: tuple[ChargeShare, ...], coupon: Decimal, scale: Scale) -> tuple[ChargeShare, ...]:
    """The charges with `coupon` taken off the shipping cost; its tax falls in proportion. Rows of 0 go."""
    shipping = [s for s in shares if s.charge.kind is ChargeKind.SHIPPING]
    whole = sum((s.gross for s in shipping), ZERO)
    if whole <= 0:
        return shares
    left = max(whole - coupon, ZERO)
    tax_left = scale.rounded(sum((s.tax for s in shipping), ZERO) * left / whole)
    weights = [max(s.gross, ZERO) for s in shipping]
    lowered = iter(zip(allocate(left, weights, scale.unit), allocate(tax_left, weights, scale.unit), strict=True))
    result = []
    for share in shares:
        if share.charge.kind is ChargeKind.SHIPPING:
            gross, tax = next(lowered)
            if gross or tax:
                result.append(ChargeShare(share.charge, gross, tax))
        else:
            result.append(share)
    return tuple(result)


def _named(line: OrderLine) -> Decimal:
    """The discounts the store names on the line itself."""
    return sum((d.amount for d in line.applied_discounts), ZERO)


def _gross_weights(order: Order, side: DiscountSide, on_shipping: Decimal) -> tuple[Decimal, ...]:
    """Each line's amount after discounts, tax included, never below zero."""
    if side is DiscountSide.STATED:
        return tuple(
            max(line.total_inc_tax - _named(line) if stated is None else stated, ZERO)
            for line in order.lines
            for stated in (line.discounted_total_inc_tax,)
        )
    discounts = _discounts_by_line(order, on_shipping)
    pairs = zip(order.lines, discounts, strict=True)
    if side is DiscountSide.INC_TAX:
        return tuple(max(line.total_inc_tax - discount, ZERO) for line, discount in pairs)
    return tuple(
        max(line.total_inc_tax * (line.total_ex_tax - discount) / line.total_ex_tax, ZERO)
        if line.total_ex_tax
        else max(line.total_inc_tax, ZERO)
        for line, discount in pairs
    )


def _discounts_by_line(order: Order, on_shipping: Decimal) -> tuple[Decimal, ...]:
    """The named discounts, plus what the order took off beyond them, spread by price before tax (facts §3.4)."""
    named = [_named(line) for line in order.lines]
    unnamed = order.discount_amount + order.coupon_discount - on_shipping - sum(named, ZERO)
    whole = sum((line.total_ex_tax for line in order.lines), ZERO)
    if unnamed <= 0 or whole <= 0:
        return tuple(named)
    return tuple(own + unnamed * line.total_ex_tax / whole for own, line in zip(named, order.lines, strict=True))


def _tax_weights(order: Order, gross_weights: tuple[Decimal, ...]) -> Iterator[tuple[Decimal, ...]]:
    """Each line's tax by every source there is."""
    rows = [row for row in order.taxes or () if row.line_type == "item" and row.order_line_id is not None]
    if rows:
        by_line: dict[int | None, Decimal] = {}
        for row in rows:
            by_line[row.order_line_id] = by_line.get(row.order_line_id, ZERO) + row.amount
        yield tuple(max(by_line.get(line.id, ZERO), ZERO) for line in order.lines)
    yield tuple(
        max(line.total_tax * weight / line.total_inc_tax, ZERO) if line.total_inc_tax else max(line.total_tax, ZERO)
        for line, weight in zip(order.lines, gross_weights, strict=True)
    )
    if has_discount(order):
        yield tuple(max(line.total_tax, ZERO) for line in order.lines)
