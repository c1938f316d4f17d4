"""Refunds as the store answers them for one order: every shape of the facts §4, contradictions too; what is none."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
import respx

from bcifs_console.bigcommerce.client import BigCommerceClient
from bcifs_console.bigcommerce.errors import BadAnswer
from bcifs_console.domain.movements import Refund, RefundItem, RefundPayment
from tests.bigcommerce.bigcommerce_samples import Json, wire_refund, wire_refund_item, wire_refund_payment, wrapped

REFUNDS = "/v3/orders/5001/payment_actions/refunds"


async def test_a_refund_is_read_with_items_and_payments(store: respx.Router, client: BigCommerceClient) -> None:
    store.get(REFUNDS).respond(json=wrapped(wire_refund()))
    assert await client.refunds(5001) == (
        Refund(
            id=9,
            order_id=5001,
            created_at=datetime(2026, 3, 7, 10, 0, tzinfo=UTC),
            total_amount=Decimal(12),
            total_tax=Decimal(2),
            items=(RefundItem("PRODUCT", 11, 1),),
            payments=(RefundPayment(13, "stripe", Decimal(12), transaction_id="812"),),
            reason="Handle broken",
        ),
    )


@pytest.mark.parametrize("answer", [httpx.Response(204), httpx.Response(200, json={"data": []})])
async def test_an_order_without_refunds_has_none(
    store: respx.Router, client: BigCommerceClient, answer: httpx.Response
) -> None:
    store.get(REFUNDS).mock(return_value=answer)
    assert await client.refunds(5001) == ()


@pytest.mark.parametrize("items", [[], {}])
async def test_a_refund_without_items_is_a_tax_adjustment_and_may_raise_the_tax(
    store: respx.Router, client: BigCommerceClient, items: Any
) -> None:
    store.get(REFUNDS).respond(json=wrapped(wire_refund(items=items, total_amount=0, total_tax=-1.25)))
    (refund,) = await client.refunds(5001)
    assert (refund.items, refund.total_amount, refund.total_tax) == ((), Decimal(0), Decimal("-1.25"))


@pytest.mark.parametrize(
    ("wire", "item"),
    [
        ({"requested_amount": "109.11"}, RefundItem("PRODUCT", 11, 1, Decimal("109.11"))),
        ({"requested_amount": 109.11}, RefundItem("PRODUCT", 11, 1, Decimal("109.11"))),
        ({"requested_amount": 0}, RefundItem("PRODUCT", 11, 1, Decimal(0))),
        ({"quantity": "3"}, RefundItem("PRODUCT", 11, 3)),
        ({"item_type": "gift_wrapping", "quantity": None}, RefundItem("GIFT_WRAPPING", 11)),
        ({"item_type": "SHIPPING", "item_id": 41, "requested_amount": 5}, RefundItem("SHIPPING", 41, 1, Decimal(5))),
        ({"item_type": "TAX", "item_id": None, "quantity": None}, RefundItem("TAX", 0)),
        ({"item_type": "FEE", "item_id": "7", "quantity": 0}, RefundItem("FEE", 7)),
        ({"adjustments": None}, RefundItem("PRODUCT", 11, 1)),
        (
            {"adjustments": [{"amount": -10.2, "description": "Service"}, {"amount": "-0.30"}, {"amount": 0}]},
            RefundItem("PRODUCT", 11, 1, adjustment=Decimal("-10.5")),
        ),
    ],
)
async def test_every_shape_of_an_item_is_read(
    store: respx.Router, client: BigCommerceClient, wire: Json, item: RefundItem
) -> None:
    store.get(REFUNDS).respond(json=wrapped(wire_refund(items=[wire_refund_item(**wire)])))
    assert (await client.refunds(5001))[0].items == (item,)


async def test_an_order_level_item_comes_without_quantity_adjustments_and_reason(
    store: respx.Router, client: BigCommerceClient
) -> None:
    item = {"item_type": "ORDER", "item_id": 5001, "requested_amount": 10}
    override = wire_refund(items=[item], total_tax=0, uses_merchant_override_values=True)
    store.get(REFUNDS).respond(json=wrapped(override))
    (refund,) = await client.refunds(5001)
    assert refund.items == (RefundItem("ORDER", 5001, amount=Decimal(10)),)


async def test_a_refund_is_split_over_payments_of_which_one_may_be_declined(
    store: respx.Router, client: BigCommerceClient
) -> None:
    offline = wire_refund_payment(id=14, provider_id="storecredit", amount=2.5, offline=True)
    del offline["transaction_id"]
    declined = wire_refund_payment(amount=9.5, is_declined=True, declined_message="Card closed", transaction_id=812)
    store.get(REFUNDS).respond(json=wrapped(wire_refund(payments=[declined, offline])))
    assert (await client.refunds(5001))[0].payments == (
        RefundPayment(
            13, "stripe", Decimal("9.5"), is_declined=True, declined_message="Card closed", transaction_id="812"
        ),
        RefundPayment(14, "storecredit", Decimal("2.5"), is_offline=True),
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": None}, "id"),
        ({"order_id": 5002}, "order_id"),
        ({"created": ""}, "created"),
        ({"total_amount": None}, "total_amount"),
        ({"total_amount": -1}, "total_amount"),
        ({"total_tax": None}, "total_tax"),
        ({"items": None}, "items"),
        ({"items": "none"}, "items"),
        ({"payments": None}, "payments"),
        ({"items": [wire_refund_item(item_type=None)]}, "item_type"),
        ({"items": [wire_refund_item(item_id=None)]}, "item_id"),
        ({"items": [wire_refund_item(quantity=-1)]}, "quantity"),
        ({"items": [wire_refund_item(requested_amount=-1)]}, "requested_amount"),
        ({"items": [wire_refund_item(adjustments=[{"amount": 3}])]}, "amount"),
        ({"items": [wire_refund_item(adjustments=[{}])]}, "amount"),
        ({"payments": [wire_refund_payment(amount=None)]}, "amount"),
        ({"payments": [wire_refund_payment(amount=-1)]}, "amount"),
        ({"payments": [wire_refund_payment(is_declined="perhaps")]}, "is_declined"),
        ({"payments": ["stripe"]}, ""),
    ],
)
async def test_a_refund_that_cannot_be_judged_is_a_bad_answer(
    store: respx.Router, client: BigCommerceClient, changes: Json, field: str
) -> None:
    store.get(REFUNDS).respond(json=wrapped(wire_refund() | changes))
    with pytest.raises(BadAnswer, match="order 5001") as caught:
        await client.refunds(5001)
    assert (caught.value.order_id, caught.value.field) == (5001, field)


@pytest.mark.parametrize("key", ["items", "payments", "total_tax"])
async def test_a_refund_that_leaves_out_what_decides_about_money_is_a_bad_answer(
    store: respx.Router, client: BigCommerceClient, key: str
) -> None:
    """Above all `items`: empty means a tax adjustment."""
    row = wire_refund()
    del row[key]
    store.get(REFUNDS).respond(json=wrapped(row))
    with pytest.raises(BadAnswer, match=f"order 5001, refund 9: {key} is missing"):
        await client.refunds(5001)
