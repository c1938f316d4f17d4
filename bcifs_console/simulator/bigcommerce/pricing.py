"""What an order costs: from a draft (quantities, prices, discounts) to every derived figure, coherent to the cent.

The rules follow the documented order: discounts are taken off the tax-inclusive amount, line totals stay before
discounts, and tax is the tax after discounts. Two tax modes: the net side or the gross side of a price is exact, the
other is rounded from it line by line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from bcifs_console.simulator.money import ONE, ZERO, allocate, rounded

HUNDRED = Decimal(100)
FOUR_PLACES = Decimal("0.0001")


@dataclass(frozen=True)
class Tax:
    """One tax rate as the store shows it on `/taxes`; `percent` is 8.25 for 8.25 %."""

    percent: Decimal
    name: str = "Tax"
    class_name: str = "Default Tax Class"
    class_id: int | None = 0

    @property
    def rate(self) -> Decimal:
        return self.percent / HUNDRED


@dataclass(frozen=True)
class Amount:
    ex: Decimal = ZERO
    inc: Decimal = ZERO

    @property
    def tax(self) -> Decimal:
        return self.inc - self.ex

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.ex + other.ex, self.inc + other.inc)


NOTHING = Amount()


def taxed(amount: Decimal, tax: Tax, inclusive: bool, currency: str) -> Amount:
    """An amount on the exact side, completed on the other."""
    if inclusive:
        gross = rounded(amount, currency)
        return Amount(gross - rounded(gross * tax.rate / (ONE + tax.rate), currency), gross)
    net = rounded(amount, currency)
    return Amount(net, net + rounded(net * tax.rate, currency))


@dataclass(frozen=True)
class LineDraft:
    """`unit` is the price on the exact side; `prices` gives both sides instead, as the API lets a caller do."""

    name: str
    sku: str
    product_id: int
    quantity: int
    tax: Tax
    unit: Decimal = ZERO
    prices: Amount | None = None
    kind: str = "physical"
    parent: int | None = None  # index of the bundle's line
    wrapping: Amount = NOTHING
    wrapping_name: str = ""
    variant_id: int = 0


@dataclass(frozen=True)
class Discount:
    """A coupon, or a manual discount when it has no code. `amount` is what is taken off, tax included."""

    amount: Decimal
    code: str | None = None
    coupon_type: int = 2
    face_value: Decimal = ZERO


@dataclass(frozen=True)
class Fee:
    name: str
    cost: Amount
    source: str = "v2"
    tax_class_id: int | None = None


@dataclass(frozen=True)
class PricedLine:
    draft: LineDraft
    unit: Amount
    total: Amount
    discounts: tuple[tuple[Discount, Decimal], ...]
    tax_after: Decimal

    @property
    def discounted_inc(self) -> Decimal:
        return self.total.inc - sum((share for _, share in self.discounts), ZERO)


@dataclass(frozen=True)
class Pricing:
    """The priced order."""

    currency: str
    inclusive: bool
    lines: tuple[PricedLine, ...]
    shipping: Amount
    handling: Amount
    wrapping: Amount
    fees: tuple[Fee, ...]
    subtotal: Amount
    subtotal_tax: Decimal
    manual_discount: Decimal
    coupon_discount: Decimal
    total_inc: Decimal
    total_tax: Decimal
    discounts: tuple[Discount, ...] = field(default=())

    @property
    def total_ex(self) -> Decimal:
        return self.total_inc - self.total_tax


def price(
    lines: Sequence[LineDraft],
    *,
    currency: str,
    inclusive: bool,
    discounts: Sequence[Discount] = (),
    shipping: Amount = NOTHING,
    handling: Amount = NOTHING,
    fees: Sequence[Fee] = (),
    wrapping: Amount | None = None,
) -> Pricing:
    units = [_unit(line, inclusive, currency) for line in lines]
    totals = [_total(line, inclusive, currency) for line in lines]
    shares = [allocate(discount.amount, [total.ex for total in totals], currency) for discount in discounts]
    taxes = _taxes_after(lines, totals, shares, currency)
    priced = tuple(
        PricedLine(
            draft,
            units[i],
            totals[i],
            tuple((discount, share[i]) for discount, share in zip(discounts, shares, strict=True) if share[i]),
            taxes[i],
        )
        for i, draft in enumerate(lines)
    )
    subtotal = sum(totals, NOTHING)
    wrapped = sum((line.wrapping for line in lines), NOTHING) if wrapping is None else wrapping
    charges = sum((fee.cost for fee in fees), shipping + handling + wrapped)
    goods = subtotal.inc - sum((discount.amount for discount in discounts), ZERO)
    return Pricing(
        currency=currency,
        inclusive=inclusive,
        lines=priced,
        shipping=shipping,
        handling=handling,
        wrapping=wrapped,
        fees=tuple(fees),
        subtotal=subtotal,
        subtotal_tax=sum(taxes, ZERO),
        manual_discount=sum((d.amount for d in discounts if d.code is None), ZERO),
        coupon_discount=sum((d.amount for d in discounts if d.code is not None), ZERO),
        total_inc=goods + charges.inc,
        total_tax=sum(taxes, ZERO) + charges.tax,
        discounts=tuple(discounts),
    )


def _unit(line: LineDraft, inclusive: bool, currency: str) -> Amount:
    return line.prices if line.prices is not None else taxed(line.unit, line.tax, inclusive, currency)


def _total(line: LineDraft, inclusive: bool, currency: str) -> Amount:
    """Prices given on both sides keep four decimals, as the documented example shows on its estimated side."""
    if line.prices is None:
        return taxed(line.unit * line.quantity, line.tax, inclusive, currency)
    return Amount(
        (line.prices.ex * line.quantity).quantize(FOUR_PLACES, ROUND_HALF_UP),
        (line.prices.inc * line.quantity).quantize(FOUR_PLACES, ROUND_HALF_UP),
    )


def _taxes_after(
    lines: Sequence[LineDraft], totals: Sequence[Amount], shares: Sequence[Sequence[Decimal]], currency: str
) -> list[Decimal]:
    """Tax per line after discounts; each rate is rounded once, not line by line."""
    off = [sum((share[i] for share in shares), ZERO) for i in range(len(lines))]
    taxes = [rounded(total.tax, currency) for total in totals]
    groups: dict[Decimal, list[int]] = {}
    for index, line in enumerate(lines):
        groups.setdefault(_tax_part(line, totals[index]), []).append(index)
    for part, members in groups.items():
        group_off = sum((off[i] for i in members), ZERO)
        if not group_off:
            continue
        whole = sum((totals[i].tax for i in members), ZERO)
        after = rounded(whole - group_off * part, currency)
        saved = sum((taxes[i] for i in members), ZERO) - after
        for i, less in zip(members, allocate(saved, [off[i] for i in members], currency), strict=True):
            taxes[i] -= less
    return taxes


def _tax_part(line: LineDraft, total: Amount) -> Decimal:
    """The share of a gross amount that is tax."""
    if line.prices is None:
        return line.tax.rate / (ONE + line.tax.rate)
    return (total.tax / total.inc).quantize(Decimal("0.000001")) if total.inc else ZERO
