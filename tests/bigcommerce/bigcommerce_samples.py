"""Orders in BigCommerce's wire shape for this room's tests; figures and names are ours, shapes from the facts §3."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx

from bcifs_console.base.clock import ManualClock
from bcifs_console.base.secret import Secret
from bcifs_console.bigcommerce.budget import HeaderBudget
from bcifs_console.bigcommerce.client import BigCommerceClient
from bcifs_console.domain.connections import BigCommerceAccess

Json = dict[str, Any]
NOON = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
TOKEN = "tok3nThatMustNeverShow"


def wire_line(line_id: int = 11, *, quantity: int = 2, numbers: bool = False, **changes: Any) -> Json:
    """A row of `/products`; with `numbers` as a consignment embeds it."""

    def money(text: str) -> Any:
        return float(text) if numbers else text

    return {
        "id": line_id,
        "order_id": 5001,
        "product_id": 77,
        "variant_id": 91,
        "order_address_id": 41,
        "order_pickup_method_id": 0,
        "name": "Enamel mug",
        "sku": "MUG-1",
        "type": "physical",
        "quantity": quantity,
        "price_ex_tax": money("10.0000"),
        "price_inc_tax": money("12.0000"),
        "price_tax": money("2.0000"),
        "total_ex_tax": money("20.0000"),
        "total_inc_tax": money("24.0000"),
        "total_tax": money("4.0000"),
        "discounted_total_inc_tax": money("22.5000"),
        "wrapping_name": "",
        "wrapping_cost_ex_tax": money("0.0000"),
        "wrapping_cost_inc_tax": money("0.0000"),
        "wrapping_cost_tax": money("0.0000"),
        "quantity_shipped": 0,
        "quantity_refunded": 0,
        "parent_order_product_id": None,
        "applied_discounts": [
            {"id": "total-coupon", "amount": money("1.5000"), "name": "Spring", "code": "SPRING", "target": "order"}
        ],
        "some_field_of_tomorrow": {"deep": [1]},
    } | changes


def wire_address(address_id: int = 41, **changes: Any) -> Json:
    return {
        "id": address_id,
        "first_name": "Ada",
        "last_name": "Byron",
        "company": "Engines Ltd",
        "street_1": "1 Mill Lane",
        "street_2": "",
        "city": "Leeds",
        "state": "",
        "zip": "LS1 1AA",
        "country": "United Kingdom",
        "country_iso2": "GB",
        "phone": "0113",
        "email": "ada@example.com",
        "shipping_method": "Courier",
    } | changes


def consignments(*lines: Json, address_id: int = 41, **groups: Any) -> Json:
    """`consignments` with all `lines` in one shipping consignment."""
    shipping = [wire_address(address_id) | {"line_items": list(lines), "cost_ex_tax": 5.1}] if lines else []
    return {"pickups": [], "shipping": shipping, "downloads": [], "email": {"gift_certificates": []}} | groups


def link(path: str) -> Json:
    return {"url": f"https://api.bigcommerce.com/stores/abc123/v2{path}", "resource": path}


def wire_order(order_id: int = 5001, **changes: Any) -> Json:
    """An order as one call with `include=consignments.line_items,fees` answers it."""
    return {
        "id": order_id,
        "customer_id": 17,
        "date_created": "Thu, 05 Mar 2026 12:00:00 +0000",
        "date_modified": "Thu, 05 Mar 2026 12:00:00 +0000",
        "date_shipped": "",
        "status_id": 11,
        "status": "Awaiting Fulfillment",
        "subtotal_ex_tax": "20.0000",
        "subtotal_inc_tax": "24.0000",
        "subtotal_tax": "4.0000",
        "shipping_cost_ex_tax": "5.0000",
        "shipping_cost_inc_tax": "6.0000",
        "shipping_cost_tax": "1.0000",
        "handling_cost_ex_tax": "0.0000",
        "handling_cost_inc_tax": "0.0000",
        "handling_cost_tax": "0.0000",
        "wrapping_cost_ex_tax": "0.0000",
        "wrapping_cost_inc_tax": "0.0000",
        "wrapping_cost_tax": "0.0000",
        "total_ex_tax": "23.7500",
        "total_inc_tax": "28.5000",
        "total_tax": "4.7500",
        "is_tax_inclusive_pricing": False,
        "items_total": 2,
        "items_shipped": 0,
        "payment_method": "Credit Card",
        "payment_provider_id": None,
        "payment_status": "a status of tomorrow",
        "refunded_amount": "0.0000",
        "order_is_digital": False,
        "store_credit_amount": "0.0000",
        "gift_certificate_amount": "0.0000",
        "currency_code": "USD",
        "default_currency_code": "GBP",
        "discount_amount": "0.0000",
        "coupon_discount": "0.0000",
        "shipping_address_count": 1,
        "channel_id": 1,
        "is_deleted": False,
        "staff_notes": None,
        "customer_message": "",
        "external_order_id": "",
        "billing_address": wire_address(0),
        "consignments": consignments(wire_line(numbers=True)),
        "products": link(f"/orders/{order_id}/products"),
        "shipping_addresses": link(f"/orders/{order_id}/shippingaddresses"),
        "coupons": link(f"/orders/{order_id}/coupons"),
        "fees": [],
        "some_field_of_tomorrow": 1,
    } | changes


#: Values no transaction field of ours holds: what must show nowhere.
PLANTED = ("411111", "4242", "visa", "tok_planted", "cus_planted", "avs planted", "cvv planted", "GIFTCODE", "auth-77")


def wire_transaction(number: int = 44, **changes: Any) -> Json:
    """A row of `/transactions`, with everything that must not be read."""
    return {
        "id": number,
        "order_id": "5001",
        "event": "purchase",
        "method": "credit_card",
        "amount": 28.5,
        "currency": "GBP",
        "gateway": "stripe",
        "gateway_transaction_id": "ch_1",
        "payment_method_id": "stripe.card",
        "test": False,
        "status": "ok",
        "fraud_review": False,
        "reference_transaction_id": None,
        "date_created": "2026-03-05T12:00:30+00:00",
        "offline": None,
        "custom": None,
        "avs_result": {"code": "Y", "message": "avs planted", "street_match": "Y", "postal_match": "Y"},
        "cvv_result": {"code": "M", "message": "cvv planted"},
        "credit_card": {"card_type": "visa", "card_iin": "411111", "card_last4": "4242", "card_expiry_year": 2031},
        "gift_certificate": {"code": "GIFTCODE", "original_balance": 50, "status": "active"},
        "store_credit": {"remaining_balance": 12.5},
        "payment_instrument_token": "tok_planted",
        "provider_instrument_token": "tok_planted",
        "provider_customer_id": "cus_planted",
        "custom_provider_field_result": {"authorization_code": "auth-77", "amount_received": 28.5},
        "some_field_of_tomorrow": {"deep": [1]},
    } | changes


def wire_shipment(number: int = 61, **changes: Any) -> Json:
    return {
        "id": number,
        "order_id": 5001,
        "customer_id": 17,
        "order_address_id": 41,
        "date_created": "Fri, 06 Mar 2026 09:15:00 +0000",
        "tracking_number": "TN-1",
        "tracking_carrier": "royal-mail",
        "tracking_link": "",
        "generated_tracking_link": "https://track.example/TN-1",
        "merchant_shipping_cost": "0.0000",
        "shipping_method": "Courier",
        "shipping_provider": "royalmail",
        "shipping_provider_display_name": "Royal Mail",
        "comments": "",
        "billing_address": wire_address(0),
        "shipping_address": wire_address(),
        "items": [{"order_product_id": 11, "product_id": 77, "quantity": 2}],
    } | changes


def wire_refund(number: int = 9, **changes: Any) -> Json:
    return {
        "id": number,
        "order_id": 5001,
        "user_id": 0,
        "created": "2026-03-07T10:00:00+00:00",
        "reason": "Handle broken",
        "total_amount": 12,
        "total_tax": 2,
        "uses_merchant_override_values": False,
        "items": [wire_refund_item()],
        "payments": [wire_refund_payment()],
    } | changes


def wire_refund_item(**changes: Any) -> Json:
    return {
        "item_type": "PRODUCT",
        "item_id": 11,
        "reason": "",
        "quantity": 1,
        "requested_amount": None,
        "adjustments": [],
    } | changes


def wire_refund_payment(**changes: Any) -> Json:
    return {
        "id": 13,
        "provider_id": "stripe",
        "amount": 12,
        "offline": False,
        "is_declined": False,
        "declined_message": "",
        "transaction_id": "812",
    } | changes


def wrapped(*rows: Any, **pagination: int) -> Json:
    """A v3 list; without `pagination` its meta is empty, as refunds have it."""
    return {"data": list(rows), "meta": {"pagination": pagination} if pagination else {}}


def access(**changes: Any) -> BigCommerceAccess:
    values: Json = {
        "store_hash": "abc123",
        "client_id": "client",
        "client_secret": Secret("shhh"),
        "access_token": Secret(TOKEN),
        "public_url": "https://hooks.example.com",
    }
    return BigCommerceAccess(**(values | changes))


class FakeStore:
    """Answers by path; remembers what was asked. An answer is a response, a body, or a function of the request."""

    def __init__(self, answers: dict[str, Any] | None = None) -> None:
        self.answers = answers or {}
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = request.url.path.removeprefix("/stores/abc123")
        answer = self.answers.get(path)
        if answer is None:
            return httpx.Response(404, json=[{"status": 404, "message": "The requested resource was not found."}])
        if callable(answer):
            answer = answer(request)
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    @property
    def paths(self) -> list[str]:
        return [request.url.path.removeprefix("/stores/abc123") for request in self.requests]


async def no_sleep(seconds: float) -> None:
    raise AssertionError(f"would have waited {seconds} s")


def client_of(handler: Callable[[httpx.Request], Any] | httpx.AsyncBaseTransport, **options: Any) -> BigCommerceClient:
    clock = ManualClock(NOON)
    transport = handler if isinstance(handler, httpx.AsyncBaseTransport) else httpx.MockTransport(handler)
    settings: Json = {"budget": HeaderBudget(clock, sleep=no_sleep), "clock": clock, "transport": transport}
    return BigCommerceClient(access(), **(settings | options))
