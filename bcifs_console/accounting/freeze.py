"""The priced basis of an order: proven amounts with the facts by which accounts are found (ACCOUNTING §1, 2).

Frozen in the draft of the customer order, so that later vouchers take their amounts and revenue accounts from what was
agreed at first, whatever the store forgets or a person remaps. What vouchers make of it is in `vouchers`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from bcifs_console.accounting.allocation import allocate
from bcifs_console.accounting.mapping import rate_text
from bcifs_console.accounting.placement import ChargePlace, Placement, TaxPlace, place, rows_of_charge, rows_of_line
from bcifs_console.accounting.readings import ChargeShare
from bcifs_console.accounting.totals import LineShare, Proof, prove
from bcifs_console.domain.basis import Basis, BasisCharge, BasisLine, TaxShare
from bcifs_console.domain.money import ZERO, minor_unit
from bcifs_console.domain.orders import ChargeKind, LineType, Order, OrderLine, TaxRow
from bcifs_console.domain.plan import Blocker
from bcifs_console.domain.rules import Policy, Rules


def basis_of(order: Order, rules: Rules, policy: Policy) -> Basis | tuple[Blocker, ...]:
    """The basis of an order that has no customer order, or the `totals` blockers that keep it from having one.

    What the rules fail to say about IFS documents does not matter here: accounts are asked for with each voucher.
    """
    proof = prove(order, policy.minor_units)
    if not isinstance(proof, Proof):
        return proof
    return freeze(order, proof, placed_whole(order, proof, rules, policy), policy)


def placed_whole(order: Order, proof: Proof, rules: Rules, policy: Policy) -> Placement:
    """The rules' answers about every line, also those that IFS does not get because they were refunded in full."""
    charges = [share.charge for share in proof.charges]
    return place(order, rules, policy, order.lines, charges, discounted=False)


def freeze(order: Order, proof: Proof, placement: Placement, policy: Policy) -> Basis:
    """The basis by a proof and a placement of all lines; lines and charges add up to the proof's total."""
    unit = minor_unit(order.currency, policy.minor_units)
    lines = tuple(
        _line(order, line, share, placement, unit) for line, share in zip(order.lines, proof.lines, strict=True)
    )
    pairs = tuple(zip(proof.charges, placement.charges, strict=True))
    basis = Basis(order.currency, proof.gross, proof.tax, lines, tuple(_charges(order, pairs, unit)))
    assert basis.is_consistent, "a proof adds up, and shares are spread exactly"
    return basis


def _line(order: Order, line: OrderLine, share: LineShare, placement: Placement, unit: Decimal) -> BasisLine:
    whole = BasisLine(
        id=line.id,
        type=line.type,
        quantity=line.quantity,
        gross=share.gross,
        tax=share.tax,
        sku=line.sku,
        name=line.name,
        address_id=line.address_id,
        parent_id=line.parent_id,
    )
    if line.type is LineType.GIFT_CERTIFICATE:
        return whole
    placed = placement.lines[line.id]
    return replace(
        whole,
        taxes=_shares(share.tax, rows_of_line(order, line), placed.tax, unit),
        account=placed.account,
        code_parts=placed.code_parts,
        rule=placed.rule if placed.account else "",
    )


def _shares(tax: Decimal, rows: Sequence[TaxRow], placed: TaxPlace, unit: Decimal) -> tuple[TaxShare, ...]:
    """The tax by the store's rows of it; one share where the store shows none. A share of 0 still names its code."""
    code = placed.treatment.code
    if not rows:
        return (TaxShare(tax, code),)
    amounts = allocate(tax, [max(row.amount, ZERO) for row in rows], unit)
    return tuple(
        TaxShare(amount, code, row.name, row.tax_class, rate_text(row.rate))
        for amount, row in zip(amounts, rows, strict=True)
    )


def _charges(order: Order, pairs: Sequence[tuple[ChargeShare, ChargePlace]], unit: Decimal) -> Iterator[BasisCharge]:
    seen: Counter[str] = Counter()
    for share, placed in pairs:
        charge = share.charge
        rows = rows_of_charge(order, charge.kind)
        is_fee = charge.kind is ChargeKind.FEE
        for line_id, gross, tax in _wrapped(order, share, unit):
            base = f"{charge.kind}:{charge.id}" if is_fee else f"{charge.kind}:{line_id}" if line_id else charge.kind
            seen[base] += 1
            yield BasisCharge(
                key=base if seen[base] == 1 else f"{base}#{seen[base]}",
                kind=charge.kind,
                gross=gross,
                tax=tax,
                taxes=_shares(tax, rows, placed.tax, unit),
                line_id=line_id,
                name=charge.name,
            )


def _wrapped(order: Order, share: ChargeShare, unit: Decimal) -> Iterator[tuple[int, Decimal, Decimal]]:
    """(line, gross, tax) of each part of a charge: wrapping by the lines it wraps, all else as one of no line."""
    wrapped = [line for line in order.lines if line.wrapping_inc_tax > 0]
    if share.charge.kind is not ChargeKind.WRAPPING or not wrapped:
        yield 0, share.gross, share.tax
        return
    weights = [line.wrapping_inc_tax for line in wrapped]
    taxes = [max(line.wrapping_tax, ZERO) for line in wrapped]
    yield from zip(
        (line.id for line in wrapped),
        allocate(share.gross, weights, unit),
        allocate(share.tax, taxes if any(taxes) else weights, unit),
        strict=True,
    )
