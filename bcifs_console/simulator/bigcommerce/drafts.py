"""An order before it is placed: who buys, what it costs, how it was paid. Kinds and `POST /orders` both make one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bcifs_console.simulator.bigcommerce.pricing import Pricing, Tax
from bcifs_console.simulator.world import Buyer


@dataclass(frozen=True)
class Payment:
    """One V3 transaction to come."""

    event: str  # purchase, authorization, capture …
    method: str
    gateway: str
    amount: Decimal
    status: str = "ok"
    test: bool = False
    label: str = ""  # what the shop calls an offline or custom method
    reference: int | None = None  # the transaction this one is about


@dataclass(frozen=True)
class OrderDraft:
    kind: str
    customer_id: int
    billing: Mapping[str, Any]
    shipping_addresses: tuple[Mapping[str, Any], ...]
    pricing: Pricing
    status_id: int = 11
    payment_method: str = "Credit Card"
    payment_status: str = "captured"
    payments: tuple[Payment, ...] = ()
    gift_certificate: Decimal = Decimal(0)
    store_credit: Decimal = Decimal(0)
    charge_tax: Tax = field(default_factory=lambda: Tax(Decimal(0)))
    tax_provider: str = "BasicTaxProvider"
    order_source: str = "www"
    total_override: tuple[Decimal, Decimal] | None = None  # ex, inc
    subtotal_override: tuple[Decimal, Decimal] | None = None
    shipping_method: str = "Flat Rate"
    base_shipping: Decimal | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)  # writable order fields, taken over as given


def billing_of(buyer: Buyer) -> dict[str, Any]:
    place = buyer.address
    return {
        "first_name": buyer.first_name,
        "last_name": buyer.last_name,
        "company": buyer.company,
        "street_1": place.street,
        "street_2": "",
        "city": place.city,
        "state": place.state,
        "zip": place.zip,
        "country": place.country,
        "country_iso2": place.country_iso2,
        "phone": buyer.phone,
        "email": buyer.email,
    }
