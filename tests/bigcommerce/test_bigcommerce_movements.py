"""What transactions, shipments and refunds have in common: answers that are none, whose quota, which route."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import respx

from bcifs_console.base.clock import ManualClock
from bcifs_console.bigcommerce.budget import HeaderBudget
from bcifs_console.bigcommerce.client import BigCommerceClient
from bcifs_console.bigcommerce.errors import BadAnswer, RateLimited, Unavailable
from tests.bigcommerce.bigcommerce_samples import NOON, client_of, no_sleep

Ask = Callable[[BigCommerceClient], Awaitable[object]]
ASKS: dict[str, Ask] = {
    "transactions": lambda client: client.tenders(5001),
    "shipments": lambda client: client.shipments(5001),
    "payment_actions/refunds": lambda client: client.refunds(5001),
}


@pytest.mark.parametrize("part", ASKS)
async def test_a_missing_resource_is_not_a_missing_order(
    store: respx.Router, client: BigCommerceClient, part: str
) -> None:
    store.get(path__regex=".*").respond(404, json={"status": 404, "title": "not found"})
    with pytest.raises(BadAnswer, match=f"^BigCommerce shows order 5001 but answers 404 for its {part}") as caught:
        await ASKS[part](client)
    assert (caught.value.order_id, caught.value.field, caught.value.status) == (5001, part, 404)


@pytest.mark.parametrize("part", ASKS)
@pytest.mark.parametrize("answer", [{"data": {}}, {"rows": []}, "x", {"data": ["x"]}, ["x"], 5])
async def test_an_answer_of_another_shape_is_a_bad_answer_of_that_order(
    store: respx.Router, client: BigCommerceClient, part: str, answer: Any
) -> None:
    store.get(path__regex=".*").respond(json=answer)
    with pytest.raises(BadAnswer, match=r"[oO]rder 5001") as caught:
        await ASKS[part](client)
    assert caught.value.order_id == 5001


@pytest.mark.parametrize("part", ASKS)
async def test_a_web_page_is_a_bad_answer_of_that_order(
    store: respx.Router, client: BigCommerceClient, part: str
) -> None:
    store.get(path__regex=".*").respond(html="<html>")
    with pytest.raises(BadAnswer, match=f"Order 5001, {part}: .*a web page") as caught:
        await ASKS[part](client)
    assert (caught.value.order_id, caught.value.field) == (5001, part)


@pytest.mark.parametrize("part", ASKS)
@pytest.mark.parametrize(("status", "kind"), [(503, Unavailable), (429, RateLimited)])
async def test_a_store_that_cannot_answer_now_is_not_a_bad_answer(
    store: respx.Router, client: BigCommerceClient, part: str, status: int, kind: type[Exception]
) -> None:
    store.get(path__regex=".*").respond(status)
    with pytest.raises(kind):
        await ASKS[part](client)


class RememberingBudget(HeaderBudget):
    """Remembers for whom its calls were."""

    def __init__(self) -> None:
        super().__init__(ManualClock(NOON), sleep=no_sleep)
        self.asked: list[bool] = []

    async def acquire(self, live: bool = False) -> None:
        self.asked.append(live)
        await super().acquire(live)


async def test_live_calls_may_use_the_reserve_and_sweeps_may_not(store: respx.Router) -> None:
    store.get(path__regex=".*").respond(204)
    budget = RememberingBudget()
    client = client_of(store.async_handler, budget=budget)
    for ask in ASKS.values():
        await ask(client)
    assert budget.asked == [True, True, True]
    await client.tenders(5001, live=False)
    await client.shipments(5001, live=False)
    await client.refunds(5001, live=False)
    _ = [refund async for refund in client.refunds_between(NOON)]
    assert budget.asked[3:] == [False, False, False, False]
    _ = [refund async for refund in client.refunds_between(NOON, live=True)]
    assert budget.asked[7:] == [True]


async def test_metrics_see_routes_without_order_ids(store: respx.Router) -> None:
    told: list[str] = []
    store.get(path__regex=".*").respond(204)
    client = client_of(store.async_handler, on_call=lambda route, status, seconds: told.append(route))
    for ask in ASKS.values():
        await ask(client)
    _ = [refund async for refund in client.refunds_between(NOON)]
    assert told == [
        "GET /v3/orders/{id}/transactions",
        "GET /v2/orders/{id}/shipments",
        "GET /v3/orders/{id}/payment_actions/refunds",
        "GET /v3/orders/payment_actions/refunds",
    ]
