"""Changes of a customer order that IFS has: quantities, tracking, cancellation (ACCOUNTING §4).

Level-triggered like everything else: what IFS should have, less what updates in the ledger already say. The release
of the IFS order waits for them. No money here: vouchers do not depend on updates.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final
from zoneinfo import ZoneInfo

from bcifs_console.accounting.gates import STATUS_NAMES, is_closed
from bcifs_console.accounting.position import REFUNDED
from bcifs_console.domain.documents import CustomerOrderDraft, DocumentKind, DocumentState, Ledger, LineDraft
from bcifs_console.domain.money import minor_unit
from bcifs_console.domain.orders import Order
from bcifs_console.domain.plan import Blocker, Reason
from bcifs_console.domain.rules import Policy
from bcifs_console.domain.updates import OrderUpdateDraft, TrackingNote, UpdateKind

_LINE: Final = re.compile(r".*/LINE/(?P<line>\d+)/(?P<quantity>\d+)")
_HASH_LENGTH: Final = 12


@dataclass(frozen=True, slots=True)
class Sent:
    """A customer order as IFS has it, with what was changed since. `number` is empty while it is only a draft."""

    draft: CustomerOrderDraft
    number: str
    states: Mapping[str, DocumentState]  #: of the updates, by key, in the order they were written down

    @classmethod
    def of(cls, draft: CustomerOrderDraft, number: str, ledger: Ledger) -> "Sent":
        """The order with the updates of its ledger."""
        return cls(draft, number, {d.key: d.state for d in ledger.of_kind(DocumentKind.ORDER_UPDATE)})

    @property
    def name(self) -> str:
        return self.number or self.draft.key

    @property
    def cancel_key(self) -> str:
        return f"{self.draft.key}/CANCEL"

    def line_key(self, line: LineDraft, quantity: int) -> str:
        return f"{self.draft.key}/LINE/{line.order_line_id}/{quantity}"

    def wanted(self, line: LineDraft) -> int:
        """The quantity by the last update of the line that IFS did not refuse, else by the order itself."""
        return self._quantity(line, lambda state: state is not DocumentState.FAILED)

    def confirmed(self, line: LineDraft) -> int:
        """The quantity that IFS surely has."""
        return self._quantity(line, lambda state: state is DocumentState.CONFIRMED)

    def _quantity(self, line: LineDraft, counts: Callable[[DocumentState], bool]) -> int:
        found = int(line.quantity)
        for key, state in self.states.items():
            update = _LINE.fullmatch(key)
            if update is not None and int(update["line"]) == line.order_line_id and counts(state):
                found = int(update["quantity"])
        return found


@dataclass(frozen=True, slots=True)
class Surplus:
    """Units of a line that were refunded unshipped and that IFS, as far as is known, would still deliver."""

    line: LineDraft
    refunded: int


def refunded_unshipped(order: Order) -> dict[int, int]:
    """Units by line that were refunded while unshipped, by the store's own counts: all it can say without dates."""
    shipped: dict[int, int] = {}
    for shipment in order.shipments or ():
        for item in shipment.items:
            shipped[item.order_line_id] = shipped.get(item.order_line_id, 0) + item.quantity
    found = {}
    for line in order.lines:
        unshipped = line.quantity - max(line.quantity_shipped, shipped.get(line.id, 0))
        if (units := min(line.quantity_refunded, unshipped)) > 0:
            found[line.id] = units
    return found


def surplus(order: Order, sent: Sent, refunded: Mapping[int, int]) -> tuple[Surplus, ...]:
    """What keeps the IFS order from being released: it has more units of these lines than are wanted.

    `refunded` is what the books know; the store's own counts are asked as well, since a refund whose payment is not
    done yet stands in no books.
    """
    counted = refunded_unshipped(order)
    found = []
    for line in sent.draft.lines:
        units = max(refunded.get(line.order_line_id, 0), counted.get(line.order_line_id, 0))
        if sent.confirmed(line) > int(line.quantity) - units:
            found.append(Surplus(line, units))
    return tuple(found)


def updates_of(
    order: Order, sent: Sent, policy: Policy, refunded: Mapping[int, int], *, has_shipped: bool, is_edited: bool
) -> tuple[OrderUpdateDraft, ...]:
    """The updates that are missing, in the order they are to be applied.

    `refunded`: units by line that were refunded while unshipped. An edited order gets none but its cancellation, and
    one that is to be cancelled, or was, no other.
    """
    if is_closed(order) or sent.cancel_key in sent.states:
        if not is_closed(order) or has_shipped or sent.cancel_key in sent.states:
            return ()
        return (_update(order, sent, sent.cancel_key, UpdateKind.CANCEL),)
    if is_edited:
        return ()
    return (*_quantities(order, sent, policy, refunded), *_tracking(order, sent, policy))


def conflicts_of(order: Order, sent: Sent, refunded: Mapping[int, int], *, has_shipped: bool) -> tuple[Blocker, ...]:
    """What a person must bring in line in IFS: refused updates, and cancellations that come too late or too early."""
    cancelled = sent.states.get(sent.cancel_key)
    if is_closed(order):
        return _late_cancellation(order, sent, cancelled, has_shipped=has_shipped)
    if cancelled is not None and order.status_id == REFUNDED:
        return ()  # its money went back after it was cancelled: nobody wants goods again
    if cancelled is not None:
        message = f"The store has reopened the order after IFS order {sent.name} was cancelled."
        remedy = "Enter the order in IFS by hand, or cancel it in the store again."
        return (Blocker(Reason.CONFLICT, message, remedy, sent.name),)
    return tuple(
        _refused(sent, line, units)
        for line in sent.draft.lines
        if (units := refunded.get(line.order_line_id, 0))
        and sent.states.get(sent.line_key(line, int(line.quantity) - units)) is DocumentState.FAILED
        and sent.confirmed(line) > int(line.quantity) - units
    )


def has_goods_out(order: Order) -> bool:
    """Whether the store says that anything was shipped."""
    return bool(order.shipments) or order.items_shipped > 0 or any(line.quantity_shipped for line in order.lines)


def units_named(order: Order, found: tuple[Surplus, ...]) -> str:
    """`2 of 3 units of SKU sku-1 (line 1)`."""
    lines = {line.id: line for line in order.lines}
    texts = []
    for over in found:
        line = lines.get(over.line.order_line_id)
        name = f"SKU {line.sku}" if line and line.sku else line.name if line else over.line.catalog_no
        texts.append(f"{over.refunded} of {int(over.line.quantity)} units of {name} (line {over.line.order_line_id})")
    return ", ".join(texts)


def _quantities(order: Order, sent: Sent, policy: Policy, refunded: Mapping[int, int]) -> Iterator[OrderUpdateDraft]:
    unit = minor_unit(sent.draft.currency, policy.minor_units)
    for line in sent.draft.lines:
        wanted = max(0, int(line.quantity) - refunded.get(line.order_line_id, 0))
        before = sent.wanted(line)
        key = sent.line_key(line, wanted)
        if wanted >= before or key in sent.states:
            continue
        price = line.unit_price_inc_tax
        lost = (price * before).quantize(unit, ROUND_HALF_UP) - (price * wanted).quantize(unit, ROUND_HALF_UP)
        yield OrderUpdateDraft(
            key=key,
            order_id=order.id,
            update_kind=UpdateKind.LINE_QUANTITY,
            order_no=sent.number,
            line_id=line.order_line_id,
            quantity=Decimal(wanted),
            was_quantity=Decimal(before),
            gross=lost,
            currency=sent.draft.currency,
            fact_hash=_hash(key),
        )


def _tracking(order: Order, sent: Sent, policy: Policy) -> Iterator[OrderUpdateDraft]:
    zone = ZoneInfo(policy.time_zone)
    notes = tuple(
        TrackingNote(
            shipment_id=shipment.id,
            day=shipment.created_at.astimezone(zone).date().isoformat(),
            carrier=shipment.carrier or shipment.provider,
            tracking_number=shipment.tracking_number,
            method=shipment.method,
        )
        for shipment in sorted(order.shipments or (), key=lambda shipment: shipment.id)
    )
    if not notes:
        return
    digest = _hash(json.dumps([asdict(note) for note in notes], sort_keys=True))
    key = f"{sent.draft.key}/{UpdateKind.TRACKING}/{digest[:_HASH_LENGTH]}"
    told = [known for known in sent.states if f"/{UpdateKind.TRACKING}/" in known]
    if told and _without_turn(told[-1], key) == key:
        return
    turns = sum(_without_turn(known, key) == key for known in told)
    # A set of shipments may come back after another one was told: then it is told again, under a key of its own.
    yield _update(order, sent, f"{key}/{turns + 1}" if turns else key, UpdateKind.TRACKING, notes, digest)


def _without_turn(known: str, key: str) -> str:
    return key if known == key or known.startswith(f"{key}/") else known


def _update(
    order: Order,
    sent: Sent,
    key: str,
    kind: UpdateKind,
    tracking: tuple[TrackingNote, ...] = (),
    fact_hash: str = "",
) -> OrderUpdateDraft:
    return OrderUpdateDraft(
        key=key,
        order_id=order.id,
        update_kind=kind,
        order_no=sent.number,
        currency=sent.draft.currency,
        tracking=tracking,
        fact_hash=fact_hash or _hash(key),
    )


def _late_cancellation(
    order: Order, sent: Sent, cancelled: DocumentState | None, *, has_shipped: bool
) -> tuple[Blocker, ...]:
    if not has_shipped and cancelled is not DocumentState.FAILED:
        return ()
    status = STATUS_NAMES[order.status_id].lower()
    message = f"The order was {status} in the store after it was sent to IFS as {sent.name}"
    if has_shipped:
        message += ", and goods of it were shipped."
        remedy = f"Decide what becomes of customer order {sent.name} in IFS, and bring it in line there by hand."
    else:
        message += "; IFS refused to cancel it."
        remedy = f"Cancel customer order {sent.name} in IFS by hand."
    return (Blocker(Reason.CONFLICT, message, remedy, sent.name),)


def _refused(sent: Sent, line: LineDraft, units: int) -> Blocker:
    message = (
        f"{units} of {int(line.quantity)} units of part {line.catalog_no} (line {line.order_line_id}) were refunded; "
        f"IFS refused to lower the line in order {sent.name}."
    )
    remedy = f"In customer order {sent.name} in IFS, lower the quantity or cancel the line, then release it there."
    return Blocker(Reason.CONFLICT, message, remedy, sent.name)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
