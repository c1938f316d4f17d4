"""The IFS customer order of a store order: proven amounts and the rules' answers brought together (ACCOUNTING §4).

Lines carry prices before discounts; discounts become one negative charge per tax treatment. Where a tax rule says
`charge:TYPE`, its lines and charges are untaxed in IFS: they carry their net amount on both sides, and the store's tax
becomes a charge that, untaxed itself, also carries its amount on both sides. So over all lines and charges

    Σ inc_tax = total_inc_tax,    Σ ex_tax less the tax charges = total_inc_tax - total_tax

to the minor unit. Nothing is decided here that needs a rule; `placement` has asked them all.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from bcifs_console.accounting.basis import fact_hash
from bcifs_console.accounting.placement import ChargePlace, LinePlace, Placement, TaxPlace
from bcifs_console.accounting.pricing import unit_price
from bcifs_console.accounting.totals import LineShare, Proof
from bcifs_console.domain.documents import (
    EMPTY_TREATMENT,
    ChargeDraft,
    CustomerOrderDraft,
    LineDraft,
    TaxTreatment,
    Trace,
)
from bcifs_console.domain.money import ZERO, minor_unit
from bcifs_console.domain.orders import ChargeKind, LineType, Order, OrderLine
from bcifs_console.domain.rules import Policy

#: Where the store states a charge's two sides (facts §3.3): the amount before tax, the tax.
_STORE_FIELDS: Final = {
    ChargeKind.SHIPPING: ("shipping_cost_ex_tax", "shipping_cost_tax"),
    ChargeKind.HANDLING: ("handling_cost_ex_tax", "handling_cost_tax"),
    ChargeKind.WRAPPING: ("wrapping_cost_ex_tax", "wrapping_cost_tax"),
}


def created_lines(order: Order) -> tuple[OrderLine, ...]:
    """The lines that IFS gets: all but those already refunded in full when first seen (ACCOUNTING §4)."""
    return tuple(line for line in order.lines if line.quantity_refunded < line.quantity)


def draft_customer_order(
    order: Order, customer_id: str, proof: Proof, placement: Placement, policy: Policy
) -> CustomerOrderDraft:
    """The customer order as it should stand in IFS.

    `placement` must be free of blockers and made from `created_lines(order)` and the charges of `proof`.
    """
    sheet = _Sheet(order, placement, minor_unit(order.currency, policy.minor_units))
    shares = {share.line_id: share for share in proof.lines}
    kept = [(line, shares[line.id]) for line in created_lines(order)]
    for position, charge in enumerate(proof.charges):
        place = placement.charges[position]
        kind, name = charge.charge.kind, charge.charge.name
        fee = f"fees[{charge.charge.id}]"
        ex_field, tax_field = _STORE_FIELDS.get(kind, (f"{fee}.cost_ex_tax", f"{fee}.cost_tax"))
        sheet.add_charge(kind, place, charge.net, charge.gross, name, ex_field, tax_field)
    for line, share in kept:
        sheet.add_line(line, share)
    sheet.add_discounts()
    sheet.add_taxes()
    in_charges = any(place.as_charge for place in _taxes_of(placement))
    return CustomerOrderDraft(
        key=policy.order_reference.format(order_id=order.id),
        order_id=order.id,
        customer_id=customer_id,
        contract=policy.contract,
        currency=order.currency,
        placed_at=order.placed_at,
        price_includes_tax=order.tax_inclusive and not in_charges,
        lines=tuple(sheet.lines),
        charges=tuple(sheet.charges),
        total_inc_tax=_total((s.gross for _, s in kept), (c.gross for c in proof.charges)),
        total_tax=_total((s.tax for _, s in kept), (c.tax for c in proof.charges)),
        ship_to=order.shipping[0] if order.shipping and has_goods_to_deliver(order) else None,
        pay_term=placement.pay_term,
        ship_via=placement.ship_via,
        note=order.customer_message.strip(),
        fact_hash=fact_hash(order),
        traces=tuple(sheet.traces),
    )


def has_goods_to_deliver(order: Order) -> bool:
    """Whether any line that IFS gets is physical."""
    return any(line.type is LineType.PHYSICAL for line in created_lines(order))


def _total(*amounts: Iterable[Decimal]) -> Decimal:
    return sum((amount for part in amounts for amount in part), ZERO)


def _taxes_of(placement: Placement) -> Iterable[TaxPlace]:
    yield from (place.tax for place in placement.lines.values())
    yield from (place.tax for place in placement.charges)


@dataclass(slots=True)
class _Group:
    """What discounts take off the lines of one tax treatment, on each side."""

    ex_tax: Decimal = ZERO
    inc_tax: Decimal = ZERO
    rules: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class _TaxDue:
    """Tax to be carried by a charge of one type, with the reason for each part of it."""

    parts: list[tuple[Decimal, str, str]] = field(default_factory=list)  #: amount, store field, rule


class _Sheet:
    """The document while it is written: lines, charges, and a trace for every cent of them."""

    def __init__(self, order: Order, placement: Placement, unit: Decimal) -> None:
        self._order = order
        self._placement = placement
        self._unit = unit
        self._ordinals: Counter[str] = Counter()
        self._groups: dict[TaxTreatment, _Group] = {}
        self._taxes_due: dict[str, _TaxDue] = {}
        self.lines: list[LineDraft] = []
        self.charges: list[ChargeDraft] = []
        self.traces: list[Trace] = []

    def add_line(self, line: OrderLine, share: LineShare) -> None:
        """Write one line before discounts and note what its discounts take off."""
        store_field = f"products[{line.id}]"
        if line.type is LineType.GIFT_CERTIFICATE:
            place = self._placement.gift_certificates[line.id]
            face = share.gross_before
            self.add_charge(
                ChargeKind.GIFT_CERTIFICATE, place, face, face, line.name, f"{store_field}.total_inc_tax", ""
            )
            tax = place.tax
        else:
            tax = self._add_goods(line, share, self._placement.lines[line.id])
        if tax.as_charge:
            self._owe(tax, share.tax, f"{store_field}.total_tax")
        net_off = share.net - share.net_before
        gross_off = net_off if tax.as_charge else share.gross - share.gross_before
        if net_off or gross_off:
            group = self._groups.setdefault(tax.treatment, _Group())
            group.ex_tax += net_off
            group.inc_tax += gross_off
            group.rules[tax.rule] = None

    def _add_goods(self, line: OrderLine, share: LineShare, place: LinePlace) -> TaxPlace:
        net = share.net_before
        gross = net if place.tax.as_charge else share.gross_before
        store_inc = line.price_ex_tax if place.tax.as_charge else line.price_inc_tax
        self.lines.append(
            LineDraft(
                order_line_id=line.id,
                catalog_no=place.catalog_no,
                description=line.name,
                quantity=Decimal(line.quantity),
                unit_price_ex_tax=unit_price(net, line.quantity, line.price_ex_tax, self._unit),
                unit_price_inc_tax=unit_price(gross, line.quantity, store_inc, self._unit),
                net=net,
                gross=gross,
                tax=place.tax.treatment,
                account=place.account,
                code_parts=place.code_parts,
            )
        )
        self.traces.append(Trace(net, f"products[{line.id}].total_ex_tax", place.rule, f"line:{line.id}.SaleUnitPrice"))
        if gross != net:
            tax_field = f"line:{line.id}.{_tax_field(place.tax.treatment)}"
            self.traces.append(Trace(gross - net, f"products[{line.id}].total_tax", place.tax.rule, tax_field))
        return place.tax

    def add_charge(
        self,
        kind: ChargeKind,
        place: ChargePlace,
        net: Decimal,
        gross: Decimal,
        description: str,
        ex_field: str,
        tax_field: str,
    ) -> None:
        """Write one charge of the store; its tax goes along with it or is owed to a tax charge."""
        if place.tax.as_charge:
            self._owe(place.tax, gross - net, tax_field)
            gross = net
        name = self._append(kind, place.charge_type, net, gross, place.tax.treatment, description)
        self.traces.append(Trace(net, ex_field, place.rule, f"{name}.ChargeAmount"))
        if gross != net:
            self.traces.append(
                Trace(gross - net, tax_field, place.tax.rule, f"{name}.{_tax_field(place.tax.treatment)}")
            )

    def add_discounts(self) -> None:
        """One negative charge per tax treatment; its sides are exactly what the lines are too high by."""
        place = self._placement.discount
        for treatment, group in self._groups.items():
            if not (group.ex_tax or group.inc_tax):
                continue
            net, gross = group.ex_tax, group.inc_tax
            description = _discount_name(self._order)
            name = self._append(ChargeKind.DISCOUNT, place.charge_type, net, gross, treatment, description)
            store_field = "discount_amount + coupon_discount"
            self.traces.append(Trace(net, store_field, place.rule, f"{name}.ChargeAmount"))
            if gross != net:
                rule = ", ".join(group.rules)
                self.traces.append(Trace(gross - net, store_field, rule, f"{name}.{_tax_field(treatment)}"))

    def add_taxes(self) -> None:
        """The store's tax of everything that `charge:TYPE` left untaxed, one charge per type."""
        for charge_type, due in self._taxes_due.items():
            amount = _total(part for part, _, _ in due.parts)
            name = self._append(ChargeKind.TAX, charge_type, amount, amount, EMPTY_TREATMENT, "Tax")
            self.traces.extend(
                Trace(part, store_field, rule, f"{name}.ChargeAmount") for part, store_field, rule in due.parts
            )

    def _owe(self, tax: TaxPlace, amount: Decimal, store_field: str) -> None:
        if amount:
            due = self._taxes_due.setdefault(tax.charge_type, _TaxDue())
            due.parts.append((amount, store_field, tax.rule))

    def _append(
        self, kind: ChargeKind, charge_type: str, net: Decimal, gross: Decimal, tax: TaxTreatment, description: str
    ) -> str:
        self._ordinals[charge_type] += 1
        draft = ChargeDraft(self._ordinals[charge_type], kind, charge_type, net, gross, tax, description)
        self.charges.append(draft)
        return f"charge:{draft.key}"


def _tax_field(treatment: TaxTreatment) -> str:
    return "FetchTaxFromDefaults" if treatment.from_defaults else "TaxCode"


def _discount_name(order: Order) -> str:
    """`Discount` with the coupon codes, as far as the store names them."""
    applied = (discount.code for line in order.lines for discount in line.applied_discounts)
    codes = dict.fromkeys(code for code in (*(c.code for c in order.coupons or ()), *applied) if code)
    return " ".join(("Discount", *codes))
