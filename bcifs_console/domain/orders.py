"""The store's order as this program sees it, with everything that may come with it.

Amounts are exact decimals in the order's transactional currency (`currency`; BigCommerce calls it the *default*
currency of the order, facts §3.6). Nothing here is computed: these are the store's own figures.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from bcifs_console.domain.money import ZERO
from bcifs_console.domain.movements import Refund, Shipment, Tender


class LineType(StrEnum):
    PHYSICAL = "physical"
    DIGITAL = "digital"
    GIFT_CERTIFICATE = "giftcertificate"


class ChargeKind(StrEnum):
    """What a charge beside the goods is for. `discount` and `tax` exist only on the IFS side, as charges there."""

    SHIPPING = "shipping"
    HANDLING = "handling"
    WRAPPING = "wrapping"
    FEE = "fee"
    DISCOUNT = "discount"
    TAX = "tax"
    GIFT_CERTIFICATE = "gift_certificate"


@dataclass(frozen=True, slots=True)
class Address:
    """A billing or shipping address. `id` is the store's order_address id, 0 for billing."""

    id: int = 0
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    street_1: str = ""
    street_2: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""
    country_iso2: str = ""
    phone: str = ""
    email: str = ""
    shipping_method: str = ""

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True, slots=True)
class AppliedDiscount:
    """A discount the store says it took off one line."""

    id: str
    amount: Decimal
    name: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line. `total_*` are before discounts; `discounted_total_inc_tax` after all of them (facts §3.4)."""

    id: int  #: order_product_id
    sku: str
    name: str
    type: LineType
    quantity: int
    price_ex_tax: Decimal
    price_inc_tax: Decimal
    total_ex_tax: Decimal
    total_inc_tax: Decimal
    total_tax: Decimal
    discounted_total_inc_tax: Decimal | None  #: None where the store does not say
    applied_discounts: tuple[AppliedDiscount, ...] = ()
    wrapping_inc_tax: Decimal = ZERO
    wrapping_tax: Decimal = ZERO
    address_id: int = 0
    parent_id: int = 0  #: order_product_id of the bundle this line is a child of, 0 for none
    quantity_shipped: int = 0
    quantity_refunded: int = 0


@dataclass(frozen=True, slots=True)
class Charge:
    """Shipping, handling, wrapping or a fee, with each side as the store states it."""

    kind: ChargeKind
    ex_tax: Decimal
    inc_tax: Decimal
    tax: Decimal
    name: str = ""
    id: int = 0


@dataclass(frozen=True, slots=True)
class TaxRow:
    """One row of `/taxes`. `line_type` is item, shipping, handling or gift-wrapping, empty without details."""

    name: str
    rate: Decimal  #: percent
    amount: Decimal  #: line_amount
    tax_class: str = ""
    line_type: str = ""
    order_line_id: int | None = None
    address_id: int | None = None
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Coupon:
    id: int
    code: str
    type: int
    discount: Decimal


@dataclass(frozen=True, slots=True)
class Order:
    """One order of the store, whole. Taxes, coupons, tenders, shipments, refunds are None where they were not read."""

    id: int
    status_id: int
    status: str
    customer_id: int  #: 0 for a guest
    placed_at: datetime
    modified_at: datetime
    currency: str
    total_ex_tax: Decimal
    total_inc_tax: Decimal
    total_tax: Decimal
    subtotal_ex_tax: Decimal
    subtotal_inc_tax: Decimal
    tax_inclusive: bool  #: is_tax_inclusive_pricing: which side of a price is exact
    lines: tuple[OrderLine, ...]
    charges: tuple[Charge, ...] = ()
    discount_amount: Decimal = ZERO
    coupon_discount: Decimal = ZERO
    store_credit_amount: Decimal = ZERO
    gift_certificate_amount: Decimal = ZERO
    taxes: tuple[TaxRow, ...] | None = None
    coupons: tuple[Coupon, ...] | None = None
    billing: Address = field(default_factory=Address)
    shipping: tuple[Address, ...] = ()
    shipped_at: datetime | None = None
    channel_id: int = 1
    payment_method: str = ""
    payment_provider: str = ""
    payment_status: str = ""
    external_order_id: str = ""
    customer_message: str = ""
    staff_notes: str = ""
    is_deleted: bool = False
    items_shipped: int = 0
    tenders: tuple[Tender, ...] | None = None
    shipments: tuple[Shipment, ...] | None = None
    refunds: tuple[Refund, ...] | None = None

    @property
    def is_guest(self) -> bool:
        return self.customer_id == 0

    @property
    def country(self) -> str:
        """ISO2 of the country the goods go to, else of the bill."""
        for address in self.shipping:
            if address.country_iso2:
                return address.country_iso2
        return self.billing.country_iso2
