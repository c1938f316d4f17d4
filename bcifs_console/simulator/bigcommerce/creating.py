"""`POST /v2/orders` and the writable side of `PUT`: what a caller may say, and the draft that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from bcifs_console.simulator import world
from bcifs_console.simulator.bigcommerce.answers import Refused
from bcifs_console.simulator.bigcommerce.drafts import OrderDraft
from bcifs_console.simulator.bigcommerce.kinds import US_TAX
from bcifs_console.simulator.bigcommerce.pricing import (
    NOTHING,
    Amount,
    Discount,
    Fee,
    LineDraft,
    Pricing,
    Tax,
    price,
)
from bcifs_console.simulator.bigcommerce.statuses import NAMES
from bcifs_console.simulator.bigcommerce.wire import CURRENCY_IDS, EXCHANGE_RATES
from bcifs_console.simulator.money import ZERO, Json, decimal_of, rounded
from bcifs_console.simulator.words import words

_AS_GIVEN = words(
    "customer_message customer_locale ebay_order_id external_merchant_id external_order_id external_source "
    "geoip_country geoip_country_iso2 ip_address ip_address_v6 items_shipped order_is_digital payment_provider_id "
    "staff_notes channel_id"
)
_MONEY = words(
    "base_handling_cost base_shipping_cost base_wrapping_cost discount_amount handling_cost_ex_tax "
    "handling_cost_inc_tax refunded_amount shipping_cost_ex_tax shipping_cost_inc_tax subtotal_ex_tax "
    "subtotal_inc_tax total_ex_tax total_inc_tax wrapping_cost_ex_tax wrapping_cost_inc_tax"
)
_OTHER = words(
    "billing_address customer_id date_created default_currency_code fees is_tax_inclusive_pricing items_total "
    "order_source payment_method products shipping_addresses status_id consignments is_deleted"
)
WRITABLE = frozenset((*_AS_GIVEN, *_MONEY, *_OTHER))

_ADDRESS = frozenset(
    words(
        "first_name last_name company street_1 street_2 city state zip country country_iso2 phone email "
        "form_fields shipping_method id"
    )
)
_PRODUCT = frozenset(
    words(
        "id product_id variant_id name name_customer name_merchant product_options quantity price_inc_tax "
        "price_ex_tax upc sku wrapping_id wrapping_name wrapping_message wrapping_cost_ex_tax "
        "wrapping_cost_inc_tax"
    )
)
ADDRESS_TEXTS = words("first_name last_name company street_1 street_2 city state zip country country_iso2 phone email")

_SOURCES = frozenset(
    words(
        "www iphone ipad android mobile manual external checkout_api buybutton amazon ebay facebookshop "
        "facebookcheckout facebookmarketplace pinterest socialshop"
    )
)


def check(body: Any) -> Json:
    """The body's own rules: known properties, sane values, both sides of an override."""
    if not isinstance(body, dict):
        raise Refused(400, "The request body must be an object.")
    unknown = sorted(set(body) - WRITABLE)
    if unknown:
        raise Refused(400, *(f"The field '{name}' is not supported by this resource." for name in unknown))
    for name in _MONEY:
        if name in body:
            money(body, name)
    for family in ("shipping_cost", "subtotal", "total", "handling_cost", "wrapping_cost"):
        given = [side for side in ("ex", "inc") if f"{family}_{side}_tax" in body]
        if len(given) == 1:
            other = "inc" if given == ["ex"] else "ex"
            raise Refused(400, f"The field '{family}_{other}_tax' is required with '{family}_{given[0]}_tax'.")
    if "status_id" in body and body["status_id"] not in NAMES:
        raise Refused(400, "The field 'status_id' is invalid.")
    if "channel_id" in body and body["channel_id"] != 1:
        raise Refused(400, "The field 'channel_id' is invalid.")
    if "order_source" in body and body["order_source"] not in _SOURCES:
        raise Refused(400, "The field 'order_source' is invalid.")
    if body.get("customer_id") not in (None, 0) and body["customer_id"] not in world.BUYER_BY_STORE_ID:
        raise Refused(400, "The field 'customer_id' is invalid.")
    return body


def money(body: Mapping[str, Any], name: str) -> Decimal:
    value = decimal_of(body.get(name, 0))
    if value is None or value < 0:
        raise Refused(400, f"The field '{name}' is invalid.")
    return value


def as_given(body: Json) -> Json:
    """Fields that are stored as they come."""
    return {name: body[name] for name in _AS_GIVEN if name in body}


def address(where: Any, name: str) -> Json:
    if not isinstance(where, dict):
        raise Refused(400, f"The field '{name}' is invalid.")
    unknown = sorted(set(where) - _ADDRESS)
    if unknown:
        raise Refused(400, *(f"The field '{name}.{field}' is not supported by this resource." for field in unknown))
    zip_code = where.get("zip")
    if name == "billing_address" and (not isinstance(zip_code, str | int) or len(str(zip_code)) < 2):
        raise Refused(400, "The field 'billing_address.zip' is required.")
    view = {field: str(where.get(field) or "") for field in ADDRESS_TEXTS}
    if "shipping_method" in where:
        view["shipping_method"] = str(where["shipping_method"])
    return view


def draft_of(body: Any) -> OrderDraft:
    """An order made through the API: no shop front behind it, hence no transactions and status Pending by default."""
    fields = check(body)
    if "consignments" in fields:
        raise Refused(400, "No pickup method is enabled for this store.")
    for name in ("products", "billing_address"):
        if name not in fields:
            raise Refused(400, f"The field '{name}' is required.")
    billing = address(fields["billing_address"], "billing_address")
    pricing = _priced(fields)
    shipped = any(line.draft.kind == "physical" for line in pricing.lines)
    places = [address(where, "shipping_addresses") for where in _list(fields, "shipping_addresses")]
    return OrderDraft(
        kind="api",
        customer_id=int(fields.get("customer_id") or 0),
        billing=billing,
        # A parcel without an address of its own goes to the bill's address.
        shipping_addresses=tuple(places) or ((billing,) if shipped else ()),
        pricing=pricing,
        status_id=int(fields.get("status_id", 1)),
        payment_method=str(fields.get("payment_method", "Manual")),
        payment_status="",
        charge_tax=_charge_tax(pricing),
        tax_provider="",
        order_source=str(fields.get("order_source", "external")),
        total_override=override(fields, "total"),
        subtotal_override=override(fields, "subtotal"),
        shipping_method="None",
        base_shipping=money(fields, "base_shipping_cost") if "base_shipping_cost" in fields else None,
        extra=as_given(fields),
    )


def _list(fields: Json, name: str) -> list[Any]:
    value = fields.get(name) or []
    if not isinstance(value, list):
        raise Refused(400, f"The field '{name}' is invalid.")
    return value


def override(fields: Json, family: str) -> tuple[Decimal, Decimal] | None:
    if f"{family}_ex_tax" not in fields:
        return None
    return money(fields, f"{family}_ex_tax"), money(fields, f"{family}_inc_tax")


def side(fields: Json, family: str) -> Amount:
    return Amount(money(fields, f"{family}_ex_tax"), money(fields, f"{family}_inc_tax"))


def _priced(fields: Json) -> Pricing:
    currency = fields.get("default_currency_code", "USD")
    if currency not in CURRENCY_IDS:
        raise Refused(400, "The field 'default_currency_code' is invalid.")
    inclusive = bool(fields.get("is_tax_inclusive_pricing", False))
    products = _list(fields, "products")
    if not products:
        raise Refused(400, "The field 'products' is required.")
    off = rounded(money(fields, "discount_amount"), currency)
    wrapping = side(fields, "wrapping_cost") if "wrapping_cost_ex_tax" in fields else None
    return price(
        [product_line(product, currency) for product in products],
        currency=currency,
        inclusive=inclusive,
        discounts=[Discount(off)] if off else [],
        shipping=side(fields, "shipping_cost"),
        handling=side(fields, "handling_cost"),
        fees=fees_of(fields),
        wrapping=wrapping,
    )


def product_line(product: Any, currency: str) -> LineDraft:
    """A catalogue product by its id, or a custom one that carries its own name and prices."""
    if not isinstance(product, dict):
        raise Refused(400, "The field 'products' is invalid.")
    unknown = sorted(set(product) - _PRODUCT)
    if unknown:
        raise Refused(400, *(f"The field 'products.{name}' is not supported by this resource." for name in unknown))
    part = world.PART_BY_PRODUCT.get(product.get("product_id", 0))
    name = product.get("name") or product.get("name_customer") or product.get("name_merchant")
    if part is None and product.get("product_id"):
        raise Refused(400, f"The product {product['product_id']} does not exist.")
    if part is None and (not name or "quantity" not in product or "price_ex_tax" not in product):
        raise Refused(400, "A custom product needs 'name', 'quantity', 'price_inc_tax' and 'price_ex_tax'.")
    quantity = product.get("quantity", 1)
    if isinstance(quantity, bool) or not isinstance(quantity, int) or quantity < 1:
        raise Refused(400, "The field 'products.quantity' is invalid.")
    prices = _prices(product)
    own_price = ZERO if part is None else rounded(part.price * Decimal(EXCHANGE_RATES[currency]), currency)
    return LineDraft(
        name=str(name or (part.name if part else "")),
        sku=str(product.get("sku") or (part.sku if part else "")),
        product_id=part.product_id if part else 0,
        quantity=quantity,
        tax=US_TAX if prices is None else _implied(prices),
        unit=own_price,
        prices=prices,
        kind=part.kind if part else "physical",
        wrapping=_wrapping(product),
        wrapping_name=str(product.get("wrapping_name") or "") if product.get("wrapping_id") else "",
        variant_id=int(product.get("variant_id") or 0),
    )


def _prices(product: Json) -> Amount | None:
    given = [name for name in ("price_ex_tax", "price_inc_tax") if name in product]
    if not given:
        return None
    if len(given) == 1:
        raise Refused(400, "The fields 'price_ex_tax' and 'price_inc_tax' must be given together.")
    return Amount(money(product, "price_ex_tax"), money(product, "price_inc_tax"))


def _wrapping(product: Json) -> Amount:
    if not product.get("wrapping_id"):
        return NOTHING
    if "wrapping_cost_ex_tax" not in product or "wrapping_cost_inc_tax" not in product:
        raise Refused(400, "Wrapping needs 'wrapping_cost_ex_tax' and 'wrapping_cost_inc_tax'.")
    return Amount(money(product, "wrapping_cost_ex_tax"), money(product, "wrapping_cost_inc_tax"))


def _implied(amount: Amount) -> Tax:
    """The rate that lies between two given prices; the store names such a tax after the override."""
    percent = ((amount.inc / amount.ex - 1) * 100).quantize(Decimal("0.0001")) if amount.ex else ZERO
    return Tax(percent, "Tax", "API Tax Override", None)


def _charge_tax(pricing: Pricing) -> Tax:
    for amount in (pricing.shipping, pricing.handling):
        if amount.inc:
            return _implied(amount)
    return Tax(ZERO, "Tax", "API Tax Override", None)


def touches_money(fields: Json) -> bool:
    """Whether a change needs the order to be priced again."""
    return "products" in fields or "fees" in fields or any(name in fields for name in _MONEY)


def fees_of(fields: Json) -> list[Fee]:
    return [_fee(fee) for fee in _list(fields, "fees")]


def _fee(fee: Any) -> Fee:
    """At least two of the three costs; the documents also spell `cost_exc_tax` in places."""
    if not isinstance(fee, dict):
        raise Refused(400, "The field 'fees' is invalid.")
    name = fee.get("display_name_customer") or fee.get("display_name_merchant")
    if not name:
        raise Refused(400, "A fee needs 'display_name_customer' or 'display_name_merchant'.")
    costs = {
        "ex": fee.get("cost_ex_tax", fee.get("cost_exc_tax")),
        "inc": fee.get("cost_inc_tax"),
        "tax": fee.get("cost_tax"),
    }
    known = {side: decimal_of(value) for side, value in costs.items() if value is not None}
    if len(known) < 2 or None in known.values():
        raise Refused(400, "A fee needs two of 'cost_ex_tax', 'cost_inc_tax' and 'cost_tax'.")
    amounts = {side: value for side, value in known.items() if value is not None}
    net = amounts["ex"] if "ex" in amounts else amounts["inc"] - amounts["tax"]
    gross = amounts["inc"] if "inc" in amounts else net + amounts["tax"]
    return Fee(str(name), Amount(net, gross), str(fee.get("source", "v2")), fee.get("tax_class_id"))
