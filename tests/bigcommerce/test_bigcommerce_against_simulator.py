"""The client against the simulated store over real HTTP: both ends were written from the facts, sharing no code."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from bcifs_console.base.clock import SystemClock
from bcifs_console.base.secret import Secret
from bcifs_console.bigcommerce.budget import HeaderBudget
from bcifs_console.bigcommerce.client import BigCommerceClient
from bcifs_console.bigcommerce.wants import Wanted, movements_wanted
from bcifs_console.domain.movements import Refund
from bcifs_console.simulator import Simulator, SimulatorOptions
from tests.bigcommerce.bigcommerce_samples import access


class Shop:
    """The running store, the client that reads it, and the hand of the shopkeeper."""

    def __init__(self, announced: dict[str, Any], http: httpx.AsyncClient) -> None:
        self._http = http
        self._url = announced["api_url"]
        self._api = f"{self._url}/stores/{announced['store_hash']}"
        self._token = announced["access_token"]
        clock = SystemClock()
        reached = access(
            api_url=self._url, store_hash=announced["store_hash"], access_token=Secret(announced["access_token"])
        )
        self.client = BigCommerceClient(reached, budget=HeaderBudget(clock), clock=clock)

    async def place(self, count: int) -> list[int]:
        answer = await self._http.post(f"{self._url}/_sim/orders", json={"count": count})
        placed: list[int] = answer.raise_for_status().json()["orders"]
        return placed

    async def post(self, path: str, body: object) -> dict[str, Any]:
        answer = await self._http.post(self._api + path, json=body, headers={"X-Auth-Token": self._token})
        made = answer.raise_for_status().json()
        assert isinstance(made, dict)
        return made


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with Simulator(SimulatorOptions()) as simulator, httpx.AsyncClient(trust_env=False) as http:
        running = Shop(simulator.announcement()["bigcommerce"], http)
        yield running
        await running.client.aclose()


async def test_an_order_shows_that_it_was_shipped_and_refunded_and_all_of_it_is_read(shop: Shop) -> None:
    orders = [await shop.client.order(order_id) for order_id in await shop.place(20)]
    paid_only = Wanted(tenders=True, shipments=False, refunds=False)
    order = next(each for each in orders if each.shipping and movements_wanted(each) == paid_only)
    line = next(line for line in order.lines if line.address_id)
    items = [{"order_product_id": line.id, "quantity": 1}]
    await shop.post(f"/v2/orders/{order.id}/shipments", {"order_address_id": line.address_id, "items": items})
    back = [{"item_type": "ORDER", "item_id": order.id, "amount": 1.1}]
    paid = [{"provider_id": "custom", "amount": 1.1, "offline": True}]
    await shop.post(f"/v3/orders/{order.id}/payment_actions/refunds", {"items": back, "payments": paid})

    again = await shop.client.order(order.id)
    assert movements_wanted(again) == Wanted(tenders=True, shipments=True, refunds=True)
    tenders = await shop.client.tenders(order.id)
    assert sum(tender.amount for tender in tenders if tender.event == "purchase") == order.total_inc_tax
    (shipment,) = await shop.client.shipments(order.id)
    assert [(item.order_line_id, item.quantity) for item in shipment.items] == [(line.id, 1)]
    (refund,) = await shop.client.refunds(order.id)
    assert (refund.total_amount, refund.total_tax) == (Decimal("1.1"), Decimal(0))
    assert [payment.is_offline for payment in refund.payments] == [True]

    async def between(since: datetime, until: datetime | None = None) -> list[Refund]:
        return [each async for each in shop.client.refunds_between(since, until) if each.order_id == order.id]

    moment = refund.created_at
    assert await between(order.placed_at) == [refund]
    assert await between(order.placed_at, moment) == []
    assert await between(moment, moment + timedelta(seconds=1)) == [refund]
    assert await between(moment + timedelta(seconds=1)) == []


async def test_what_an_order_does_not_ask_for_is_not_there(shop: Shop) -> None:
    for order_id in await shop.place(40):
        wanted = movements_wanted(await shop.client.order(order_id))
        held = Wanted(
            tenders=bool(await shop.client.tenders(order_id)),
            shipments=bool(await shop.client.shipments(order_id)),
            refunds=bool(await shop.client.refunds(order_id)),
        )
        missed = [name for name in ("tenders", "shipments", "refunds") if getattr(held, name) > getattr(wanted, name)]
        assert missed == [], f"order {order_id}"
