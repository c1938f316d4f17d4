"""What of an order's basis is taken: units and amounts by line and charge, replayed from the takes (ACCOUNTING §2).

A step to `c` of `Q` units takes `round(G · c / Q)` less what was taken before, so the steps of a line sum to it
exactly, whatever came in between; tax likewise for each tax share. Charges are taken by amount. No accounts here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from bcifs_console.accounting.allocation import allocate
from bcifs_console.domain.basis import Basis, BasisCharge, BasisLine, TaxShare
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.vouchers import Take, TakeKind

#: Subjects of takes that are about no single line or charge.
TAX_SUBJECT: Final = "tax"
ORDER_SUBJECT: Final = "order"


def line_subject(line_id: int) -> str:
    """How a take names a line."""
    return f"line:{line_id}"


@dataclass(frozen=True, slots=True)
class Step:
    """What a movement takes: `taxes` by the part's tax shares, in their order."""

    gross: Decimal
    taxes: tuple[Decimal, ...]

    @property
    def tax(self) -> Decimal:
        return sum(self.taxes, ZERO)

    @property
    def net(self) -> Decimal:
        return self.gross - self.tax

    def __neg__(self) -> "Step":
        return Step(-self.gross, tuple(-tax for tax in self.taxes))


@dataclass(slots=True)
class Part:
    """One line or charge and how far it is taken. A charge has no units."""

    source: BasisLine | BasisCharge
    subject: str
    unit: Decimal
    quantity: int
    shares: tuple[TaxShare, ...]
    taken: Decimal = ZERO
    taken_taxes: tuple[Decimal, ...] = ()
    recognised_units: int = 0
    held_units: int = 0  #: refunded before they were income
    returned_units: int = 0  #: refunded after they were income
    barred_units: int = 0  #: of a shipment that vanished: only a new shipment record recognises them again
    recognised: Decimal = ZERO
    recognised_taxes: tuple[Decimal, ...] = ()
    returned: Decimal = ZERO  #: given back of what was recognised

    @property
    def gross(self) -> Decimal:
        return self.source.gross

    @property
    def source_id(self) -> int:
        """The line's id; 0 for a charge."""
        return self.source.id if isinstance(self.source, BasisLine) else 0

    @property
    def left_units(self) -> int:
        return max(0, self.quantity - self.recognised_units - self.held_units)

    @property
    def returnable_units(self) -> int:
        return max(0, self.recognised_units - self.returned_units)

    @property
    def left(self) -> Decimal:
        """What is neither recognised nor refunded."""
        return self.gross - self.taken

    @property
    def has_left(self) -> bool:
        return bool(self.left) or any(self.rest().taxes)

    @property
    def consumed_units(self) -> int:
        return self.recognised_units + self.held_units

    def step(self, units: int) -> Step:
        """What the next `units` take."""
        reached = self.consumed_units + units
        return Step(
            self._rounded(self.gross * reached / self.quantity) - self.taken,
            tuple(
                self._rounded(share.amount * reached / self.quantity) - before
                for share, before in zip(self.shares, self.taken_taxes, strict=True)
            ),
        )

    def rest(self) -> Step:
        """All that is left."""
        left = tuple(share.amount - before for share, before in zip(self.shares, self.taken_taxes, strict=True))
        return Step(self.left, left)

    def amount_step(self, amount: Decimal) -> Step:
        """What the next `amount` takes, with its part of the taxes."""
        reached = self.taken + amount
        if reached == self.gross or not self.gross:
            return Step(amount, self.rest().taxes)
        return Step(
            amount,
            tuple(
                self._rounded(share.amount * reached / self.gross) - before
                for share, before in zip(self.shares, self.taken_taxes, strict=True)
            ),
        )

    def step_along(self, reached: int, quantity: int) -> Step:
        """What a charge of a line takes when `reached` of the line's `quantity` units are consumed."""
        if reached >= quantity:
            return self.rest()
        amount = self._rounded(self.gross * reached / quantity) - self.taken
        if not amount or (amount > 0) is not (self.gross > 0):
            return Step(ZERO, (ZERO,) * len(self.shares))  # more than that was refunded already
        return self.amount_step(amount)

    def returned_step(self, units: int) -> Step:
        """The share of `units` that were recognised and come back."""
        before, after, whole = self.returned_units, self.returned_units + units, self.recognised_units
        return Step(
            self._proportion(self.recognised, before, after, whole),
            tuple(self._proportion(tax, before, after, whole) for tax in self.recognised_taxes),
        )

    def returned_amount_step(self, amount: Decimal) -> Step:
        """The taxes in `amount` of what was recognised of a charge."""
        if not self.recognised:
            return Step(amount, (ZERO,) * len(self.shares))
        before, after = self.returned, self.returned + amount
        return Step(
            amount,
            tuple(
                self._rounded(tax * after / self.recognised) - self._rounded(tax * before / self.recognised)
                for tax in self.recognised_taxes
            ),
        )

    def apply(self, take: Take, *, by_record: bool) -> None:
        """Put one take on the books."""
        taxes = _fitted(take, [share.amount for share in self.shares], self.unit)
        match take.kind:
            case TakeKind.RECOGNISE | TakeKind.REVERSE:
                self._consume(take.gross, taxes)
                self.recognised_units += take.units
                self.recognised += take.gross
                self.recognised_taxes = _plus(self.recognised_taxes, taxes)
                if take.kind is TakeKind.REVERSE:
                    self.barred_units -= take.units
                elif by_record:
                    self.barred_units = max(0, self.barred_units - take.units)
            case TakeKind.REFUND_HELD:
                self._consume(take.gross, taxes)
                self.held_units += take.units
            case TakeKind.REFUND_RECOGNISED:
                self.returned_units += take.units
                self.returned += take.gross
            case _:
                pass

    def _consume(self, gross: Decimal, taxes: tuple[Decimal, ...]) -> None:
        self.taken += gross
        self.taken_taxes = _plus(self.taken_taxes, taxes)

    def _proportion(self, amount: Decimal, before: int, after: int, whole: int) -> Decimal:
        return self._rounded(amount * after / whole) - self._rounded(amount * before / whole)

    def _rounded(self, amount: Decimal) -> Decimal:
        return amount.quantize(self.unit, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class TaxKey:
    """Tax of one kind over the whole order: what is declared at payment and used at shipment is kept by it."""

    code: str
    name: str
    tax_class: str
    rate: str
    address_id: int


@dataclass(slots=True)
class Books:
    """One order's basis with everything taken of it."""

    basis: Basis
    unit: Decimal
    parts: dict[str, Part]
    tax_keys: tuple[TaxKey, ...]
    tax_totals: tuple[Decimal, ...]
    declared: list[Decimal]
    used: list[Decimal]
    goodwill: Decimal = ZERO  #: ORDER refunds that no CLOSE has balanced
    children: dict[int, tuple[Part, ...]] = field(default_factory=dict)  #: of bundles, by the parent's line

    @classmethod
    def of(cls, basis: Basis, unit: Decimal) -> "Books":
        """Books in which nothing is taken."""
        parts = [_part(line_subject(line.id), line, unit) for line in basis.lines]
        parts += [_part(charge.key, charge, unit) for charge in basis.charges]
        totals: dict[TaxKey, Decimal] = {}
        for part in parts:
            for share in part.shares:
                key = tax_key(part, share)
                totals[key] = totals.get(key, ZERO) + share.amount
        nothing = [ZERO] * len(totals)
        named = {part.subject: part for part in parts}
        books = cls(basis, unit, named, tuple(totals), tuple(totals.values()), nothing, list(nothing))
        books._link()
        return books

    def copy(self) -> "Books":
        """Books of their own, to try something out on."""
        parts = {subject: replace(part) for subject, part in self.parts.items()}
        made = replace(self, parts=parts, declared=list(self.declared), used=list(self.used))
        made._link()
        return made

    def line(self, line_id: int) -> Part | None:
        return self.parts.get(line_subject(line_id))

    @property
    def lines(self) -> tuple[tuple[BasisLine, Part], ...]:
        return tuple((line, self.parts[line_subject(line.id)]) for line in self.basis.lines)

    @property
    def charges(self) -> tuple[tuple[BasisCharge, Part], ...]:
        return tuple((charge, self.parts[charge.key]) for charge in self.basis.charges)

    @property
    def is_consumed(self) -> bool:
        return not any(part.left_units for _, part in self.lines)

    def tax_index(self, part: Part, share: TaxShare) -> int:
        return self.tax_keys.index(tax_key(part, share))

    def declared_left(self, index: int) -> Decimal:
        """Tax on prepayments of one kind that nothing has used."""
        return self.declared[index] - self.used[index]

    def tax_taken(self) -> list[Decimal]:
        """Tax of each kind that was taken by shipments and refunds, whether declared before or not."""
        found = [ZERO] * len(self.tax_keys)
        for part in self.parts.values():
            for share, taken in zip(part.shares, part.taken_taxes, strict=True):
                found[self.tax_index(part, share)] += taken
        return found

    def apply(self, takes: Iterable[Take], *, by_record: bool = False) -> None:
        """Replay takes; `by_record`: they are of a shipment record. Takes of what the basis does not have are void."""
        for take in takes:
            match take.kind:
                case TakeKind.DECLARE_TAX:
                    self.declared = _sums(self.declared, _fitted(take, self.tax_totals, self.unit))
                case TakeKind.USE_TAX:
                    self.used = _sums(self.used, _fitted(take, self.tax_totals, self.unit))
                case TakeKind.GOODWILL:
                    self.goodwill += take.gross
                case _:
                    part = self.parts.get(take.subject)
                    if part is not None:
                        part.apply(take, by_record=by_record)

    def _link(self) -> None:
        self.children = {}
        for line, part in self.lines:
            if line.parent_id and line.parent_id != line.id and line_subject(line.parent_id) in self.parts:
                self.children[line.parent_id] = (*self.children.get(line.parent_id, ()), part)


def tax_key(part: Part, share: TaxShare) -> TaxKey:
    """The kind of tax a part's share is of."""
    address = part.source.address_id if isinstance(part.source, BasisLine) else 0
    return TaxKey(share.code, share.name, share.tax_class, share.rate, address)


def _part(subject: str, source: BasisLine | BasisCharge, unit: Decimal) -> Part:
    shares = source.taxes or ((TaxShare(source.tax),) if source.tax else ())
    nothing = (ZERO,) * len(shares)
    quantity = source.quantity if isinstance(source, BasisLine) else 0
    return Part(source, subject, unit, quantity, shares, taken_taxes=nothing, recognised_taxes=nothing)


def _fitted(take: Take, totals: Sequence[Decimal], unit: Decimal) -> tuple[Decimal, ...]:
    """The take's taxes; spread anew where the basis had other tax shares then (an order that IFS never got)."""
    if len(take.taxes) == len(totals):
        return take.taxes
    return allocate(take.tax, [abs(total) for total in totals], unit) if totals else ()


def _plus(amounts: tuple[Decimal, ...], more: tuple[Decimal, ...]) -> tuple[Decimal, ...]:
    return tuple(a + b for a, b in zip(amounts, more, strict=True))


def _sums(amounts: Sequence[Decimal], more: Sequence[Decimal]) -> list[Decimal]:
    return [a + b for a, b in zip(amounts, more, strict=True)]
