"""Whether the books of an order can go on by a new basis (ACCOUNTING §1: adopt). Pure; a reason against it is a text.

What is booked stands: the new basis must have it, nothing may be left that no later step takes, and tax that was booked
must be of the same kinds in it, since takes name their taxes by position (`consumption`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from bcifs_console.accounting.consumption import ORDER_SUBJECT, TAX_SUBJECT, Books, Part
from bcifs_console.domain.basis import Basis, TaxShare
from bcifs_console.domain.codec import decode_voucher
from bcifs_console.domain.documents import DocumentKind, Ledger
from bcifs_console.domain.money import NO_OVERRIDES, ZERO, cap, minor_unit
from bcifs_console.domain.rules import Purpose
from bcifs_console.domain.vouchers import Take, TakeKind, VoucherDraft, VoucherKind

_CONSUMED: Final = frozenset({TakeKind.RECOGNISE, TakeKind.REVERSE, TakeKind.REFUND_HELD})
_PREPAID: Final = frozenset({TakeKind.DECLARE_TAX, TakeKind.USE_TAX})


@dataclass(slots=True)
class _Booked:
    """What vouchers took of one line or charge."""

    units: int = 0
    gross: Decimal = ZERO
    tax: Decimal = ZERO


@dataclass(slots=True)
class _Posted:
    """What all vouchers of the order say that an adopted basis must agree with."""

    of: dict[str, _Booked] = field(default_factory=dict)
    currencies: set[str] = field(default_factory=set)
    is_closed: bool = False
    rounded_off: Decimal = ZERO  #: by the closing, which is made once
    has_prepaid_tax: bool = False

    def note(self, voucher: VoucherDraft) -> None:
        self.currencies.add(voucher.currency)
        if voucher.voucher_kind is VoucherKind.CLOSE:
            self.is_closed = True
            self.rounded_off = sum((row.amount for row in voucher.rows if row.purpose is Purpose.ROUNDING), ZERO)
        for take in voucher.takes:
            self._take(take)

    def _take(self, take: Take) -> None:
        self.has_prepaid_tax |= take.kind in _PREPAID
        if take.kind in _CONSUMED and take.subject not in {TAX_SUBJECT, ORDER_SUBJECT}:
            booked = self.of.setdefault(take.subject, _Booked())
            booked.units += take.units
            booked.gross += take.gross
            booked.tax += take.tax


def not_adoptable(
    basis: Basis, ledger: Ledger, *, before: Basis | None = None, overrides: Mapping[str, int] = NO_OVERRIDES
) -> tuple[str, ...]:
    """Why the books cannot go on by `basis`; empty where they can. `before` is what they went by until now.

    What the new basis has more of must still come to be booked: of a line of which every unit is booked nothing more
    is, nor of a charge after the closing. A difference within the cap is rounded off when the order closes.
    """
    posted = _Posted()
    for document in ledger.of_kind(DocumentKind.VOUCHER):
        try:
            posted.note(decode_voucher(document.draft))
        except ValueError:
            return (f"what was posted as voucher {document.key} can no longer be read",)
    others = posted.currencies - {basis.currency}
    if others:
        return (f"it is booked in {', '.join(sorted(others))}, the order is now in {basis.currency}",)
    if posted.rounded_off:
        return (f"its closing has rounded {abs(posted.rounded_off)} {basis.currency} off already",)
    unit = minor_unit(basis.currency, overrides)
    now = Books.of(basis, unit)
    allowed = ZERO if posted.is_closed else cap(basis.currency, overrides)
    found = [*_less(posted, now), *_left_over(posted, now, allowed)]
    if before is not None:
        found.extend(_other_taxes(posted, Books.of(before, unit), now))
    return tuple(found)


def _less(posted: _Posted, now: Books) -> Iterator[str]:
    """Lines and charges of which more is booked than there is."""
    for subject, booked in posted.of.items():
        part = now.parts.get(subject)
        quantity, gross = (part.quantity, part.gross) if part is not None else (0, ZERO)
        if subject.startswith("line") and booked.units > quantity:
            yield f"of {_name(subject)} {booked.units} units are booked, the order now has {quantity}"
        elif abs(booked.gross) > abs(gross) and not _is_whole(booked, part):
            yield f"of {_name(subject)} {booked.gross} {now.basis.currency} are booked, the order now has {gross}"


def _left_over(posted: _Posted, now: Books, allowed: Decimal) -> Iterator[str]:
    """Lines and charges that would never come to what they are now, where that is more than may be rounded off."""
    off: dict[str, tuple[_Booked, Part]] = {}
    for subject, part in now.parts.items():
        booked = posted.of.get(subject, _Booked())
        is_over = _is_whole(booked, part) or (
            posted.is_closed and not part.quantity and abs(booked.gross) <= abs(part.gross)
        )
        if is_over and (booked.gross, booked.tax) != (part.gross, part.source.tax):
            off[subject] = booked, part
    if sum((max(abs(p.gross - b.gross), abs(p.source.tax - b.tax)) for b, p in off.values()), ZERO) > allowed:
        for subject, (booked, part) in off.items():
            yield (
                f"all of {_name(subject)} is booked, as {booked.gross} {now.basis.currency} with {booked.tax} tax; "
                f"the order now has {part.gross} with {part.source.tax}"
            )


def _other_taxes(posted: _Posted, before: Books, now: Books) -> Iterator[str]:
    """Lines and charges of which tax is booked that is of another kind now."""
    for subject in posted.of:
        was, becomes = before.parts.get(subject), now.parts.get(subject)
        if was is not None and becomes is not None and _kinds(was.shares) != _kinds(becomes.shares):
            yield f"tax of {_name(subject)} is booked, and is of another kind now"
    if posted.has_prepaid_tax and before.tax_keys != now.tax_keys[: len(before.tax_keys)]:
        yield "tax was declared on its payments, and is of other kinds now"


def _kinds(shares: Sequence[TaxShare]) -> tuple[TaxShare, ...] | tuple[str, ...]:
    """What tells tax shares apart: the code alone where there is but one, of which the store may forget the name."""
    if len(shares) == 1:
        return (shares[0].code,)
    return tuple(replace(share, amount=ZERO) for share in shares)


def _is_whole(booked: _Booked, part: Part | None) -> bool:
    """Whether every unit of the line is booked."""
    return part is not None and part.quantity > 0 and booked.units == part.quantity


def _name(subject: str) -> str:
    return subject.replace(":", " ")
