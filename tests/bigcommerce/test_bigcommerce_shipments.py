"""Shipments as the store answers them (facts §3.5), and what must not pass for one."""

from datetime import UTC, datetime

import httpx
import pytest
import respx

from bcifs_console.bigcommerce.client import BigCommerceClient
from bcifs_console.bigcommerce.errors import BadAnswer
from bcifs_console.domain.movements import Shipment, ShippedItem
from tests.bigcommerce.bigcommerce_samples import Json, wire_shipment

SHIPMENTS = "/v2/orders/5001/shipments"


async def test_a_shipment_is_read_with_its_units_and_tracking(store: respx.Router, client: BigCommerceClient) -> None:
    store.get(SHIPMENTS).respond(json=[wire_shipment()])
    assert await client.shipments(5001) == (
        Shipment(
            id=61,
            created_at=datetime(2026, 3, 6, 9, 15, tzinfo=UTC),
            items=(ShippedItem(11, 2),),
            address_id=41,
            method="Courier",
            provider="royalmail",
            carrier="royal-mail",
            tracking_number="TN-1",
        ),
    )


@pytest.mark.parametrize("answer", [httpx.Response(204), httpx.Response(200, json=[])])
async def test_an_order_without_shipments_has_none(
    store: respx.Router, client: BigCommerceClient, answer: httpx.Response
) -> None:
    store.get(SHIPMENTS).mock(return_value=answer)
    assert await client.shipments(5001) == ()


async def test_a_shipment_may_say_everything_in_strings_and_nothing_of_its_carrier(
    store: respx.Router, client: BigCommerceClient
) -> None:
    row = {
        "id": "61",
        "order_id": "5001",
        "date_created": "Fri, 06 Mar 2026 10:15:00 +0100",
        "shipping_provider": None,
        "items": [{"order_product_id": "11", "quantity": "2"}, {"order_product_id": "12", "quantity": "1"}],
    }
    store.get(SHIPMENTS).respond(json=[row])
    (shipment,) = await client.shipments(5001)
    assert shipment.created_at == datetime(2026, 3, 6, 9, 15, tzinfo=UTC)
    assert shipment.items == (ShippedItem(11, 2), ShippedItem(12, 1))
    assert (shipment.address_id, shipment.provider, shipment.carrier) == (0, "", "")


async def test_all_pages_of_shipments_are_read(store: respx.Router, client: BigCommerceClient) -> None:
    store.get(SHIPMENTS, params={"page": 1}).respond(json=[wire_shipment(number) for number in range(1, 251)])
    store.get(SHIPMENTS, params={"page": 2}).respond(json=[wire_shipment(number) for number in range(250, 301)])
    store.get(SHIPMENTS, params={"page": 3}).respond(204)
    assert [shipment.id for shipment in await client.shipments(5001)] == list(range(1, 301))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": None}, "id"),
        ({"date_created": ""}, "date_created"),
        ({"items": None}, "items"),
        ({"items": "11"}, "items"),
        ({"items": [{"quantity": 2}]}, "order_product_id"),
        ({"items": [{"order_product_id": 11}]}, "quantity"),
        ({"items": [{"order_product_id": 11, "quantity": -1}]}, "quantity"),
        ({"items": [{"order_product_id": 11, "quantity": "1.5"}]}, "quantity"),
        ({"order_id": 5002}, "order_id"),
    ],
)
async def test_a_shipment_that_does_not_say_what_went_out_is_a_bad_answer(
    store: respx.Router, client: BigCommerceClient, changes: Json, field: str
) -> None:
    store.get(SHIPMENTS).respond(json=[wire_shipment() | changes])
    with pytest.raises(BadAnswer, match="order 5001") as caught:
        await client.shipments(5001)
    assert (caught.value.order_id, caught.value.field) == (5001, field)
