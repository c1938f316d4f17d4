"""What becomes income: shipments by record and by status, digital goods, gift certificates; and a shipment's undoing.

ACCOUNTING §2 (consumption) and §3. Which of these are due is decided in `facts` and `vouchers`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from bcifs_console.accounting.consumption import Books, Part
from bcifs_console.accounting.sheet import Sheet
from bcifs_console.domain.movements import Shipment
from bcifs_console.domain.orders import LineType
from bcifs_console.domain.plan import Blocker, Reason
from bcifs_console.domain.vouchers import Take, TakeKind, VoucherDraft

_REVERSED: Final = frozenset({TakeKind.RECOGNISE, TakeKind.USE_TAX})


def ship(shipment: Shipment, sheet: Sheet) -> None:
    """A shipment record: its units as far as they remain, bundles they complete, and what is left of the charges."""
    wanted: dict[int, int] = {}
    for item in shipment.items:
        wanted[item.order_line_id] = wanted.get(item.order_line_id, 0) + item.quantity
    _recognise_physical(wanted, sheet)


def ship_by_status(records: Iterable[Shipment], sheet: Sheet) -> None:
    """Everything physical in no shipment record and of no shipment that vanished. `records`: those still to come."""
    coming: dict[int, int] = {}
    for record in records:
        for item in record.items:
            coming[item.order_line_id] = coming.get(item.order_line_id, 0) + item.quantity
    wanted = {
        line.id: max(0, part.left_units - part.barred_units - coming.get(line.id, 0))
        for line, part in sheet.books.lines
    }
    _recognise_physical(wanted, sheet)


def deliver(kind: LineType, sheet: Sheet) -> None:
    """Every unit left of the lines of one type that need no shipping."""
    for line, part in sheet.books.lines:
        if line.type is kind and part.left_units:
            _recognise_units(part, part.left_units, sheet)


def reverse(sent: VoucherDraft, sheet: Sheet) -> Blocker | None:
    """Undo the takes of a posted shipment; its rows are mirrored by the caller."""
    for take in sent.takes:
        if take.kind in _REVERSED:
            sheet.note(mirrored(take))
    sheet.held = -sent.balance
    sheet.amount = sent.amount
    for part in sheet.books.parts.values():
        if part.returned_units > part.recognised_units or (not part.quantity and part.returned > part.recognised):
            return Blocker(
                Reason.CONFLICT,
                f"{sent.fact.capitalize()} is no longer in the store, but goods of it were refunded since.",
                "Have the shipment and the refund looked at together, and the difference booked by hand.",
                sent.fact,
            )
    return None


def mirrored(take: Take) -> Take:
    """A take with its sign turned."""
    kind = TakeKind.REVERSE if take.kind is TakeKind.RECOGNISE else take.kind
    return replace(
        take,
        kind=kind,
        units=-take.units,
        gross=-take.gross,
        tax=-take.tax,
        taxes=tuple(-tax for tax in take.taxes),
    )


def _recognise_physical(wanted: Mapping[int, int], sheet: Sheet) -> None:
    books = sheet.books
    moved = 0
    for line, part in books.lines:
        if line.type is LineType.PHYSICAL and line.id not in books.children:
            moved += _recognise_units(part, min(wanted.get(line.id, 0), part.left_units), sheet)
    for part in _bundles(books):
        moved += _recognise_units(part, _completed(part, books), sheet)
    if moved:
        _recognise_charges(sheet)


def _recognise_units(part: Part, units: int, sheet: Sheet) -> int:
    """Recognise units of a line, and its wrapping in step; the answer is how many."""
    if units <= 0:
        return 0
    sheet.recognise(part, part.step(units), units)
    for charge, wrapping in sheet.books.charges:
        if charge.line_id and charge.line_id == part.source_id and wrapping.has_left:
            step = wrapping.step_along(part.consumed_units, part.quantity)
            if step.gross or any(step.taxes):
                sheet.recognise(wrapping, step)
    return units


def _recognise_charges(sheet: Sheet) -> None:
    """What is left of everything that goes with the first shipment: all but the wrapping of single lines."""
    for charge, part in sheet.books.charges:
        if not charge.line_id and part.has_left:
            sheet.recognise(part, part.rest())


def _bundles(books: Books) -> list[Part]:
    """The parents of bundles that are shipped, innermost first."""
    parents = {line.id: line.parent_id for line, _ in books.lines}

    def depth(line_id: int) -> int:
        seen = {line_id}
        while (line_id := parents.get(line_id, 0)) and line_id not in seen:
            seen.add(line_id)
        return len(seen)

    found = [
        (line.id, part) for line, part in books.lines if line.type is LineType.PHYSICAL and line.id in books.children
    ]
    return [part for _, part in sorted(found, key=lambda pair: -depth(pair[0]))]


def _completed(parent: Part, books: Books) -> int:
    """Units of a bundle that its least-shipped child completes. A child's refunded units are not waited for."""
    children = books.children[parent.source_id]
    target = min(child.consumed_units * parent.quantity // child.quantity for child in children)
    return min(target - parent.recognised_units, parent.left_units)
