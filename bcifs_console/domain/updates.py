"""Drafts of changes to a customer order that exists in IFS (ACCOUNTING §4): quantities, tracking, cancellation."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class UpdateKind(StrEnum):
    """What is done to the IFS order; also the word in the document's key."""

    LINE_QUANTITY = "LINE"  #: BC-5001/LINE/17/2: line 17 is wanted with 2 units; 0 cancels it
    TRACKING = "TRACKING"  #: BC-5001/TRACKING/<hash>: what was shipped, by whom
    CANCEL = "CANCEL"  #: BC-5001/CANCEL


@dataclass(frozen=True, slots=True)
class TrackingNote:
    """One shipment as IFS is told of it."""

    shipment_id: int
    day: str
    carrier: str
    tracking_number: str
    method: str = ""


@dataclass(frozen=True, slots=True)
class OrderUpdateDraft:
    """One change of the customer order `order_no` (empty while the order itself is only a draft)."""

    key: str
    order_id: int
    update_kind: UpdateKind
    order_no: str = ""
    line_id: int = 0  #: the store's order_product_id
    quantity: Decimal = Decimal(0)  #: wanted from now on
    was_quantity: Decimal = Decimal(0)
    gross: Decimal = Decimal(0)  #: what the order's total loses by it
    currency: str = ""
    tracking: tuple[TrackingNote, ...] = ()
    fact_hash: str = ""
