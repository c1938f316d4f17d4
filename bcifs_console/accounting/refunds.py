"""What a refund is worth: its items proven against its total, each on what it gives back (ACCOUNTING §2, 3).

Units are given back unshipped while unshipped units remain, the rest as recognised goods. When a refund is paid is in
`repayments`; accounts are in `accounts`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, NoReturn

from bcifs_console.accounting.allocation import allocate
from bcifs_console.accounting.consumption import ORDER_SUBJECT, Part, Step
from bcifs_console.accounting.sheet import Sheet
from bcifs_console.domain.basis import BasisCharge
from bcifs_console.domain.documents import Figures
from bcifs_console.domain.money import CAP_MINOR_UNITS, ZERO
from bcifs_console.domain.movements import Refund, RefundItem, RefundItemType
from bcifs_console.domain.plan import Blocker, Reason
from bcifs_console.domain.rules import Purpose
from bcifs_console.domain.vouchers import Take, TakeKind

_NOTHING: Final = Step(ZERO, ())
_BY_HAND: Final = "Compare the refund in the store with the figures shown, and have it booked by hand."


@dataclass(slots=True)
class Piece:
    """A part of a refund that is booked one way: units or an amount, held or recognised, of one line or charge."""

    part: Part | None  #: None: an ORDER item
    is_held: bool
    share: Step
    units: int = 0
    amount: Decimal = ZERO
    tax: Decimal = ZERO  #: what of the refund's tax is in `amount`


class Unbooked(Exception):
    """Inside this module: the refund cannot be booked as it stands. Never leaves it."""

    def __init__(self, blocker: Blocker) -> None:
        super().__init__(blocker.message)
        self.blocker = blocker


def book(
    refund: Refund, sheet: Sheet, *, changed: frozenset[str] = frozenset(), lenient: bool = False
) -> Blocker | None:
    """Write the debit side of a refund and what it keeps; the credit side, its payments, is the caller's.

    `changed`: subjects that an edit changed since they were frozen, which nobody may book on. `lenient`: the refund is
    from before the start, is never posted, and need not prove. What was written is void where a blocker is answered.
    """
    try:
        _Booking(refund, sheet, changed, lenient=lenient).run()
    except Unbooked as unbooked:
        return unbooked.blocker
    return None


def paid(refund: Refund, unit: Decimal) -> Decimal:
    """What leaves the shop: the sum of the refund's payments."""
    return sum((_rounded(payment.amount, unit) for payment in refund.payments), ZERO)


class _Booking:
    def __init__(self, refund: Refund, sheet: Sheet, changed: frozenset[str], *, lenient: bool) -> None:
        self._refund = refund
        self._sheet = sheet
        self._books = sheet.books
        self._unit = sheet.books.unit
        self._cap = CAP_MINOR_UNITS * self._unit
        self._changed = changed
        self._lenient = lenient
        self._total = _rounded(refund.total_amount, self._unit)
        self._tax = _rounded(refund.total_tax, self._unit)

    def run(self) -> None:
        sheet, out = self._sheet, paid(self._refund, self._unit)
        sheet.amount = self._total
        if self._lenient and not self._refund.payments:
            out = self._total
        if abs(out - self._total) > self._cap:
            self._off("what the payments of the refund add up to", self._total, out)
        if not self._refund.items:
            self._tax_only()
            booked = self._total
        else:
            booked = self._items()
        sheet.post(Purpose.ROUNDING, out - booked)

    # -- the two kinds of refund -------------------------------------------------------------------------------------

    def _tax_only(self) -> None:
        """A tax adjustment: spread over the order's taxes as they were frozen."""
        if self._tax != self._total:
            self._off("the tax of a refund without items", self._total, self._tax)
        totals = self._books.tax_totals
        if not any(totals):
            if self._total:
                self._stop(Reason.TOTALS, "gives back tax, but the order carries none.", "tax")
            return
        for key, amount in zip(
            self._books.tax_keys, allocate(self._total, [max(t, ZERO) for t in totals], self._unit), strict=True
        ):
            self._sheet.tax_of(key, amount)

    def _items(self) -> Decimal:
        """Book every item; the answer is what they add up to."""
        with_item = [(item, tuple(self._pieces(item))) for item in self._refund.items]
        amounts = self._amounts(with_item)
        pieces: list[Piece] = []
        for (_, of_item), amount in zip(with_item, amounts, strict=True):
            if not of_item:
                if amount:
                    self._off("an item of which nothing remains", amount, ZERO)
                continue
            weights = [max(piece.share.gross, ZERO) for piece in of_item]
            for piece, part in zip(of_item, allocate(amount, weights, self._unit), strict=True):
                piece.amount = part
                pieces.append(piece)
        self._share_tax(pieces)
        for piece in pieces:
            self._book(piece)
        return sum(amounts, ZERO)

    # -- which units and amounts -------------------------------------------------------------------------------------

    def _pieces(self, item: RefundItem) -> Iterator[Piece]:
        """What an item gives back; taken at once, so that a second item of the same line sees it gone."""
        match item.type:
            case RefundItemType.PRODUCT:
                yield from self._units(item)
            case RefundItemType.ORDER:
                yield Piece(None, is_held=False, share=_NOTHING)
            case RefundItemType.SHIPPING:
                yield from self._amount(item, self._charges("shipping"))
            case RefundItemType.HANDLING:
                yield from self._amount(item, self._charges("handling"))
            case RefundItemType.FEE:
                yield from self._amount(item, self._charges(f"fee:{item.item_id}"))
            case RefundItemType.GIFT_WRAPPING:
                own = self._charges(f"wrapping:{item.item_id}")
                yield from self._amount(item, own or self._charges("wrapping"))
            case _:
                self._stop(Reason.CONFLICT, f"has an item of unknown type {item.type}.", item.type)

    def _units(self, item: RefundItem) -> Iterator[Piece]:
        part = self._books.line(item.item_id)
        if part is None or part.subject in self._changed:
            self._stop(
                Reason.CONFLICT,
                f"is of line {item.item_id}, which the order did not have as it is now when it was sent.",
                f"line {item.item_id}",
            )
        if item.quantity <= 0:
            self._stop(Reason.CONFLICT, f"names no units of line {item.item_id}.", f"line {item.item_id}")
        held = min(item.quantity, part.left_units)
        back = min(item.quantity - held, part.returnable_units)
        if held + back < item.quantity and not self._lenient:
            self._stop(
                Reason.CONFLICT,
                f"gives back {item.quantity} units of line {item.item_id}, of which {held + back} remain.",
                f"line {item.item_id}",
            )
        if held:
            share = part.step(held)
            self._sheet.take(TakeKind.REFUND_HELD, part, share, held)
            yield Piece(part, is_held=True, share=share, units=held)
        if back:
            yield Piece(part, is_held=False, share=part.returned_step(back), units=back)
            # The amount given back is known later; the units must be gone before the next item looks.
            part.returned_units += back

    def _amount(self, item: RefundItem, parts: tuple[Part, ...]) -> Iterator[Piece]:
        """An amount of a charge: of what is held as far as that goes, the rest of what was recognised."""
        named = item.type.lower().replace("_", " ")
        if not parts or any(part.subject in self._changed for part in parts):
            self._stop(
                Reason.CONFLICT, f"is of {named}, which the order did not have as it is now when it was sent.", named
            )
        wanted = self._wanted(item, parts)
        for position, part in enumerate(parts):
            returnable = part.recognised - part.returned
            amount = part.left + returnable if wanted is None else wanted
            if wanted is not None and position < len(parts) - 1:
                amount = min(amount, part.left + returnable)
            if wanted is not None:
                wanted -= amount
            held = max(ZERO, min(amount, part.left))
            back = amount - held
            if back > returnable + self._cap and not self._lenient:
                self._off(f"{named} that can be given back", part.left + returnable, amount)
            if held:
                share = part.amount_step(held)
                self._sheet.take(TakeKind.REFUND_HELD, part, share)
                yield Piece(part, is_held=True, share=share)
            if back:
                share = part.returned_amount_step(back)
                part.returned += back
                yield Piece(part, is_held=False, share=share)

    def _wanted(self, item: RefundItem, parts: tuple[Part, ...]) -> Decimal | None:
        """What the item asks for; None: all there is. Wrapping without an amount goes by the units unwrapped."""
        if item.amount is not None:
            return _rounded(item.amount, self._unit)
        part = parts[0]
        line = self._books.line(part.source.line_id) if isinstance(part.source, BasisCharge) else None
        if line is None or not 0 < item.quantity < line.quantity:
            return None
        share = _rounded(part.gross * item.quantity / line.quantity, self._unit)
        return min(share, part.left + part.recognised - part.returned)

    def _charges(self, base: str) -> tuple[Part, ...]:
        return tuple(part for charge, part in self._books.charges if charge.key.split("#")[0] == base)

    # -- amounts -----------------------------------------------------------------------------------------------------

    def _amounts(self, items: list[tuple[RefundItem, tuple[Piece, ...]]]) -> list[Decimal]:
        """Each item's amount, with or without its adjustments: the reading that proves against the total."""
        readings = [self._reading(items, lambda item: item.adjustment), self._reading(items, lambda _: ZERO)]
        best = min(readings, key=lambda amounts: abs(sum(amounts, ZERO) - self._total))
        off = sum(best, ZERO) - self._total
        if (abs(off) > self._cap or any(amount < 0 for amount in best)) and not self._lenient:
            self._off("what the items of the refund add up to", self._total, sum(best, ZERO))
        return [max(amount, ZERO) for amount in best]

    def _reading(
        self, items: list[tuple[RefundItem, tuple[Piece, ...]]], adjusted: Callable[[RefundItem], Decimal]
    ) -> list[Decimal]:
        amounts: list[Decimal | None] = []
        for item, pieces in items:
            share = sum((piece.share.gross for piece in pieces), ZERO)
            stated = share if item.amount is None else _rounded(item.amount, self._unit)
            unsaid = item.amount is None and item.type == RefundItemType.ORDER
            amounts.append(None if unsaid else stated + _rounded(adjusted(item), self._unit))
        # An ORDER item that states no amount is what the others leave of the total; a second one is nothing.
        rest = self._total - sum((amount for amount in amounts if amount is not None), ZERO)
        found = []
        for amount in amounts:
            found.append(rest if amount is None else amount)
            rest = ZERO if amount is None else rest
        return found

    def _share_tax(self, pieces: list[Piece]) -> None:
        """Each piece's tax: its share's, by what is given back, scaled to the refund's own (ACCOUNTING §2)."""
        raw = [piece.share.tax * piece.amount / piece.share.gross if piece.share.gross else ZERO for piece in pieces]
        computed = _rounded(sum(raw, ZERO), self._unit)
        if abs(computed - self._tax) > self._cap and not self._lenient:
            self._off("the tax in the refund", self._tax, computed)
        weights = [max(tax, ZERO) for tax in raw]
        if not any(weights):
            weights = [piece.amount if piece.part is not None else ZERO for piece in pieces]
        if not any(weights):
            if self._tax and not self._lenient:
                self._off("the tax in the refund", self._tax, ZERO)
            return
        for piece, tax in zip(pieces, allocate(self._tax, weights, self._unit), strict=True):
            piece.tax = tax

    # -- entries -----------------------------------------------------------------------------------------------------

    def _book(self, piece: Piece) -> None:
        part, sheet = piece.part, self._sheet
        if part is None:
            sheet.post(Purpose.GOODWILL, piece.amount, subject=ORDER_SUBJECT)
            sheet.note(Take(TakeKind.GOODWILL, ORDER_SUBJECT, gross=piece.amount))
            return
        off = piece.share.gross - piece.amount
        if abs(off) <= self._cap and abs(piece.share.tax - piece.tax) <= self._cap:
            # A full refund: what was taken goes back whole, a cent of difference is rounding (ACCOUNTING §2).
            given, taxes = piece.share.gross, piece.share.taxes
            sheet.post(Purpose.ROUNDING, -off)
        else:
            given, taxes = piece.amount, self._taxes(part, piece)
        tax = sum(taxes, ZERO)
        if not piece.is_held:
            sheet.returns(part, given - tax)
            for index, amount in enumerate(taxes):
                sheet.tax(part, index, amount)
            self._note_return(part, piece)
            return
        kept = tuple(share - back for share, back in zip(piece.share.taxes, taxes, strict=True))
        sheet.held -= piece.share.gross
        sheet.tax_due(part, piece.share.taxes, kept)
        sheet.retained(part, piece.share.gross - given - sum(kept, ZERO))

    def _note_return(self, part: Part, piece: Piece) -> None:
        """The take of a return; its units and amount are on the books since it was found."""
        if part.quantity:
            part.returned_units -= piece.units
        else:
            part.returned -= piece.share.gross
        taxes = self._taxes(part, piece)
        given_back = Step(piece.amount, taxes)
        self._sheet.take(TakeKind.REFUND_RECOGNISED, part, given_back, piece.units)

    def _taxes(self, part: Part, piece: Piece) -> tuple[Decimal, ...]:
        """A piece's tax by the tax shares of its part."""
        if not part.shares:
            return ()
        return allocate(piece.tax, [max(tax, ZERO) for tax in piece.share.taxes], self._unit)

    # -- refusals ----------------------------------------------------------------------------------------------------

    def _off(self, what: str, store: Decimal, computed: Decimal) -> None:
        if self._lenient:
            return
        currency = self._books.basis.currency
        raise Unbooked(
            Blocker(
                Reason.TOTALS,
                f"Refund {self._refund.id} does not add up: {what} is {store} {currency} by the refund, "
                f"but {computed} by its parts.",
                _BY_HAND,
                f"refund {self._refund.id}",
                Figures(what, store, computed, currency),
            )
        )

    def _stop(self, reason: Reason, says: str, subject: str) -> NoReturn:
        raise Unbooked(
            Blocker(reason, f"Refund {self._refund.id} {says}", _BY_HAND, f"refund {self._refund.id}, {subject}")
        )


def _rounded(amount: Decimal, unit: Decimal) -> Decimal:
    return amount.quantize(unit, rounding=ROUND_HALF_UP)
