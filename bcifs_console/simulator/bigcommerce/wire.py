"""Orders in wire shape: v2 money as four-decimal strings, consignments as numbers, dates as RFC 2822."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from bcifs_console.simulator.bigcommerce.drafts import OrderDraft
from bcifs_console.simulator.bigcommerce.parts import Numbers, consignments, coupons, fee_row, link, taxes
from bcifs_console.simulator.bigcommerce.pricing import Amount, PricedLine
from bcifs_console.simulator.bigcommerce.statuses import NAMES
from bcifs_console.simulator.clock import rfc2822
from bcifs_console.simulator.money import ZERO, Json, text4

CURRENCY_IDS = {"USD": 1, "EUR": 2, "GBP": 3, "JPY": 4, "KWD": 5}
# Store default (USD) to the currency of the order.
EXCHANGE_RATES = {
    "USD": "1",
    "EUR": "0.9200000000",
    "GBP": "0.7900000000",
    "JPY": "151.2000000000",
    "KWD": "0.3070000000",
}


@dataclass
class StoredOrder:
    """One order with its sub-resources, all in wire shape, ready to be sent."""

    order: Json
    products: list[Json]
    shipping_addresses: list[Json]
    coupons: list[Json]
    taxes: list[Json]
    fees: list[Json]
    consignments: Json
    draft: OrderDraft
    numbers: Numbers
    created: float
    modified: float
    shipments: list[Json] = field(default_factory=list)
    messages: list[Json] = field(default_factory=list)
    transactions: list[Json] = field(default_factory=list)
    refunds: list[Json] = field(default_factory=list)
    # What no answer shows but the store must remember.
    removed_shipments: list[Json] = field(default_factory=list)
    given_back: dict[tuple[str, int], Decimal] = field(default_factory=dict)  # by item: units, or gross of a charge
    held_back: dict[int, int] = field(default_factory=dict)  # units refunded before they were shipped, by product
    life: str = ""

    @property
    def id(self) -> int:
        return int(self.order["id"])


def stored(draft: OrderDraft, numbers: Numbers, now: datetime, api: str) -> StoredOrder:
    pricing = draft.pricing
    address_ids = [numbers.address + i for i in range(len(draft.shipping_addresses))]
    products = [_product(line, i, numbers, address_ids, draft) for i, line in enumerate(pricing.lines)]
    addresses = [
        _shipping_address(where, address_id, draft, products if i == 0 else [], numbers.order, i == 0, api)
        for i, (where, address_id) in enumerate(zip(draft.shipping_addresses, address_ids, strict=True))
    ]
    order = _order(draft, numbers, now, api)
    return StoredOrder(
        order=order,
        products=products,
        shipping_addresses=addresses,
        coupons=coupons(draft, numbers),
        taxes=taxes(draft, products, numbers, address_ids[0] if address_ids else 0),
        fees=[fee_row(fee, numbers.fee + i) for i, fee in enumerate(pricing.fees)],
        consignments=consignments(order, addresses, products, api),
        draft=draft,
        numbers=numbers,
        created=now.timestamp(),
        modified=now.timestamp(),
    )


def _family(name: str, amount: Amount) -> Json:
    return {
        f"{name}_ex_tax": text4(amount.ex),
        f"{name}_inc_tax": text4(amount.inc),
        f"{name}_tax": text4(amount.tax),
        f"{name}_tax_class_id": 0,
    }


def _totals(draft: OrderDraft) -> Json:
    pricing = draft.pricing
    subtotal = draft.subtotal_override or (pricing.subtotal.ex, pricing.subtotal.inc)
    total = draft.total_override or (pricing.total_ex, pricing.total_inc)
    exact = "inc" if pricing.inclusive else "ex"
    shipping = getattr(pricing.shipping, exact)
    return {
        "subtotal_ex_tax": text4(subtotal[0]),
        "subtotal_inc_tax": text4(subtotal[1]),
        "subtotal_tax": text4(pricing.subtotal_tax),
        "base_shipping_cost": text4(shipping if draft.base_shipping is None else draft.base_shipping),
        **_family("shipping_cost", pricing.shipping),
        "base_handling_cost": text4(getattr(pricing.handling, exact)),
        **_family("handling_cost", pricing.handling),
        "base_wrapping_cost": text4(getattr(pricing.wrapping, exact)),
        **_family("wrapping_cost", pricing.wrapping),
        "total_ex_tax": text4(total[0]),
        "total_inc_tax": text4(total[1]),
        "total_tax": text4(total[1] - total[0]),
    }


def _order(draft: OrderDraft, numbers: Numbers, now: datetime, api: str) -> Json:
    pricing, number = draft.pricing, numbers.order
    currency = pricing.currency
    quantity = sum(line.draft.quantity for line in pricing.lines)
    digital = bool(pricing.lines) and all(line.draft.kind != "physical" for line in pricing.lines)
    order: Json = {
        "id": number,
        "customer_id": draft.customer_id,
        "date_created": rfc2822(now),
        "date_modified": rfc2822(now),
        "date_shipped": "",
        "status_id": draft.status_id,
        "status": NAMES[draft.status_id],
        **_totals(draft),
        "items_total": quantity,
        "items_shipped": 0,
        "payment_method": draft.payment_method,
        "payment_provider_id": None if not draft.payments else f"pay_{number}",
        "payment_status": draft.payment_status,
        # The schema says that it always is 0, so it is: refunds live in v3 only.
        "refunded_amount": "0.0000",
        "order_is_digital": digital,
        "store_credit_amount": text4(draft.store_credit),
        "gift_certificate_amount": text4(draft.gift_certificate),
        "ip_address": "203.0.113.7",
        "ip_address_v6": "",
        "geoip_country": draft.billing.get("country", ""),
        "geoip_country_iso2": draft.billing.get("country_iso2", ""),
        "currency_id": CURRENCY_IDS.get(currency, 9),
        "currency_code": currency,
        "currency_exchange_rate": "1.0000000000",
        "default_currency_id": CURRENCY_IDS.get(currency, 9),
        "default_currency_code": currency,
        "store_default_currency_code": "USD",
        "store_default_to_transactional_exchange_rate": EXCHANGE_RATES.get(currency, "1.0000000000"),
        "staff_notes": "",
        "customer_message": "",
        "discount_amount": text4(pricing.manual_discount),
        "coupon_discount": text4(pricing.coupon_discount),
        "shipping_address_count": len(draft.shipping_addresses),
        "is_deleted": False,
        "ebay_order_id": "0",
        "cart_id": None if draft.order_source == "external" else _cart_id(number),
        "billing_address": {**draft.billing, "form_fields": []},
        "is_email_opt_in": False,
        "is_tax_inclusive_pricing": pricing.inclusive,
        "credit_card_type": None,
        "order_source": draft.order_source,
        "channel_id": 1,
        "external_source": None,
        "external_id": None,
        "external_merchant_id": None,
        "external_order_id": "",
        "tax_provider_id": draft.tax_provider,
        "customer_locale": "en",
        "custom_status": NAMES[draft.status_id],
    }
    for name in ("products", "shipping_addresses", "coupons", "consignments", "fees"):
        order[name] = link(api, f"/orders/{number}/{name}")
    order.update(draft.extra)
    return order


def _cart_id(number: int) -> str:
    digest = hashlib.sha256(f"cart/{number}".encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-4{digest[12:15]}-a{digest[15:18]}-{digest[18:30]}"


def _product(line: PricedLine, index: int, numbers: Numbers, address_ids: list[int], draft: OrderDraft) -> Json:
    item, inclusive = line.draft, draft.pricing.inclusive
    own = numbers.products[index]
    side = "inc" if inclusive else "ex"
    return {
        "id": own,
        "order_id": numbers.order,
        "product_id": item.product_id,
        "variant_id": item.variant_id,
        "order_pickup_method_id": 0,
        "order_address_id": address_ids[0] if address_ids and item.kind == "physical" else 0,
        "name": item.name,
        "name_customer": item.name,
        "name_merchant": item.name,
        "sku": item.sku,
        "upc": "",
        "type": item.kind,
        "base_price": text4(getattr(line.unit, side)),
        "price_ex_tax": text4(line.unit.ex),
        "price_inc_tax": text4(line.unit.inc),
        "price_tax": text4(line.unit.tax),
        "base_total": text4(getattr(line.total, side)),
        "total_ex_tax": text4(line.total.ex),
        "total_inc_tax": text4(line.total.inc),
        "total_tax": text4(line.total.tax),
        "weight": "1.0000" if item.kind == "physical" else "0.0000",
        "width": "0.0000",
        "height": "0.0000",
        "depth": "0.0000",
        "quantity": item.quantity,
        "base_cost_price": "0.0000",
        "cost_price_inc_tax": "0.0000",
        "cost_price_ex_tax": "0.0000",
        "cost_price_tax": "0.0000",
        "is_refunded": False,
        "quantity_refunded": 0,
        "refund_amount": "0.0000",
        "return_id": 0,
        "wrapping_id": 1 if item.wrapping_name else 0,
        "wrapping_name": item.wrapping_name,
        "base_wrapping_cost": text4(getattr(item.wrapping, side)),
        "wrapping_cost_ex_tax": text4(item.wrapping.ex),
        "wrapping_cost_inc_tax": text4(item.wrapping.inc),
        "wrapping_cost_tax": text4(item.wrapping.tax),
        "wrapping_message": "",
        "quantity_shipped": 0,
        "event_name": None,
        "event_date": None,
        "fixed_shipping_cost": "0.0000",
        "ebay_item_id": "",
        "ebay_transaction_id": "",
        "option_set_id": None,
        "parent_order_product_id": None if item.parent is None else numbers.products[item.parent],
        "is_bundled_product": item.parent is not None,
        "bin_picking_number": "",
        "external_id": None,
        # Served by the real store without being in its schema.
        "fulfillment_source": "",
        "brand": "",
        "gift_certificate_id": None,
        "applied_discounts": [_applied(discount.code, share) for discount, share in line.discounts],
        "product_options": [],
        "configurable_fields": [],
        "discounted_total_inc_tax": text4(line.discounted_inc),
    }


def _applied(code: str | None, share: Decimal) -> Json:
    if code is None:
        return _discount("manual-discount", share, "Manual Discount", None)
    return _discount("total-coupon", share, f"Coupon {code}", code)


def _discount(number: str, share: Decimal, name: str, code: str | None) -> Json:
    return {"id": number, "amount": text4(share), "name": name, "code": code, "target": "order"}


def _shipping_address(
    where: Mapping[str, Any],
    own: int,
    draft: OrderDraft,
    products: list[Json],
    order_id: int,
    carries_cost: bool,
    api: str,
) -> Json:
    pricing = draft.pricing
    shipping = pricing.shipping if carries_cost else Amount()
    handling = pricing.handling if carries_cost else Amount()
    base = draft.base_shipping if draft.base_shipping is not None else shipping.ex
    return {
        "id": own,
        "order_id": order_id,
        **{name: value for name, value in where.items() if name != "shipping_method"},
        "items_total": sum(p["quantity"] for p in products if p["type"] == "physical"),
        "items_shipped": 0,
        "shipping_method": where.get("shipping_method", draft.shipping_method),
        "base_cost": text4(base if carries_cost else ZERO),
        "cost_ex_tax": text4(shipping.ex),
        "cost_inc_tax": text4(shipping.inc),
        "cost_tax": text4(shipping.tax),
        "cost_tax_class_id": 0,
        "base_handling_cost": text4(handling.ex),
        "handling_cost_ex_tax": text4(handling.ex),
        "handling_cost_inc_tax": text4(handling.inc),
        "handling_cost_tax": text4(handling.tax),
        "handling_cost_tax_class_id": 0,
        "shipping_zone_id": 1,
        "shipping_zone_name": where.get("country", ""),
        "shipping_quotes": link(api, f"/orders/{order_id}/shipping_addresses/{own}/shipping_quotes"),
        "form_fields": [],
    }
