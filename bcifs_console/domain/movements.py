"""What happens to an order after it was placed: tenders, shipments, refunds (facts §3.5, §4).

The store's own figures, as read; which of them count is `accounting.tenders` and its neighbours. No card or token
fields: they are never read.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Tender:
    """One transaction. `event` and `method` are the store's words, unknown ones included, lower-cased."""

    id: int
    event: str  #: purchase, authorization, capture, refund, void, pending, settled
    method: str  #: credit_card, gift_certificate, store_credit, offline …
    gateway: str
    amount: Decimal  #: of the order's currency, never negative
    currency: str
    status: str  #: ok or error
    created_at: datetime
    is_test: bool = False
    reference_id: int | None = None  #: the transaction this one is about
    gateway_reference: str = ""  #: gateway_transaction_id: what a refund's payment may name
    name: str = ""  #: what the shop calls an offline or custom method


@dataclass(frozen=True, slots=True)
class ShippedItem:
    """Units of one line in a shipment."""

    order_line_id: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Shipment:
    """One shipment record."""

    id: int
    created_at: datetime
    items: tuple[ShippedItem, ...]
    address_id: int = 0
    method: str = ""
    provider: str = ""
    carrier: str = ""
    tracking_number: str = ""


class RefundItemType(StrEnum):
    PRODUCT = "PRODUCT"
    GIFT_WRAPPING = "GIFT_WRAPPING"
    SHIPPING = "SHIPPING"
    HANDLING = "HANDLING"
    FEE = "FEE"
    ORDER = "ORDER"


@dataclass(frozen=True, slots=True)
class RefundItem:
    """One item of a refund. `item_id`: order line, order address, fee or order, by the type."""

    type: str  #: a RefundItemType, or a word the store made up since
    item_id: int
    quantity: int = 0
    amount: Decimal | None = None  #: requested_amount; None: the item's share
    adjustment: Decimal = Decimal(0)  #: the sum of its adjustments, zero or less


@dataclass(frozen=True, slots=True)
class RefundPayment:
    """How a part of a refund is paid."""

    id: int
    provider: str
    amount: Decimal
    is_offline: bool = False
    is_declined: bool = False
    declined_message: str = ""
    transaction_id: str = ""


@dataclass(frozen=True, slots=True)
class Refund:
    """One refund. Without items it is a tax adjustment (facts §4)."""

    id: int
    order_id: int
    created_at: datetime
    total_amount: Decimal
    total_tax: Decimal  #: may be negative
    items: tuple[RefundItem, ...] = ()
    payments: tuple[RefundPayment, ...] = ()
    reason: str = ""
