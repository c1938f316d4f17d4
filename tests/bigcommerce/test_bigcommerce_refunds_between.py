"""Refunds of the whole store in a period: each once, none missed, whatever the list does meanwhile."""

from collections.abc import Callable
from datetime import datetime, timedelta

import httpx
import pytest
import respx

from bcifs_console.bigcommerce.client import BigCommerceClient
from bcifs_console.bigcommerce.errors import BadAnswer
from tests.bigcommerce.bigcommerce_samples import NOON, Json, wire_refund, wrapped

ALL_REFUNDS = "/v3/orders/payment_actions/refunds"


def every_refund(numbers: range) -> list[Json]:
    """Refunds a minute apart, from a minute past noon on."""
    return [
        wire_refund(number, order_id=5000 + number, created=(NOON + timedelta(minutes=number)).isoformat())
        for number in numbers
    ]


def paged(rows: list[Json], *, says_pages: bool, cap: int = 250) -> Callable[[httpx.Request], httpx.Response]:
    """The list, read live; with or without the figures that would say how long it is."""

    def answer(request: httpx.Request) -> httpx.Response:
        limit = min(int(request.url.params["limit"]), cap)
        start = (int(request.url.params["page"]) - 1) * limit
        sizes = {"total": len(rows), "total_pages": max(1, -(-len(rows) // limit))} if says_pages else {}
        return httpx.Response(200, json=wrapped(*rows[start : start + limit], **sizes))

    return answer


async def ids_between(client: BigCommerceClient, since: datetime, until: datetime | None = None) -> list[int]:
    return [refund.id async for refund in client.refunds_between(since, until)]


async def test_refunds_of_the_store_are_asked_for_by_time_in_utc(
    store: respx.Router, client: BigCommerceClient
) -> None:
    route = store.get(ALL_REFUNDS).respond(json=wrapped(*every_refund(range(1, 4))))
    tokyo = datetime.fromisoformat("2026-03-05T21:00:00.250+09:00")
    found = [refund async for refund in client.refunds_between(tokyo, tokyo + timedelta(days=1))]
    assert [(refund.id, refund.order_id) for refund in found] == [(1, 5001), (2, 5002), (3, 5003)]
    params = route.calls.last.request.url.params
    assert (params["created:min"], params["created:max"]) == ("2026-03-05T12:00:00Z", "2026-03-06T12:00:00Z")
    assert "%3A" in str(route.calls.last.request.url), "the documentation asks for colons to be encoded"
    assert route.call_count == 1


async def test_without_an_end_there_is_none(store: respx.Router, client: BigCommerceClient) -> None:
    route = store.get(ALL_REFUNDS).respond(204)
    assert await ids_between(client, NOON) == []
    assert "created:max" not in route.calls.last.request.url.params


async def test_periods_that_meet_share_no_refund_and_lose_none(store: respx.Router, client: BigCommerceClient) -> None:
    """Both bounds of the store are inclusive, and one that ignores them answers with everything."""
    store.get(ALL_REFUNDS).respond(json=wrapped(*every_refund(range(1, 11))))
    middle = NOON + timedelta(minutes=5, microseconds=400_000)
    first = await ids_between(client, NOON, middle)
    second = await ids_between(client, middle, NOON + timedelta(minutes=10))
    assert (first, second) == ([1, 2, 3, 4], [5, 6, 7, 8, 9])


@pytest.mark.parametrize("says_pages", [True, False])
@pytest.mark.parametrize(("count", "cap"), [(0, 250), (49, 250), (250, 250), (251, 250), (700, 250), (130, 50)])
async def test_every_refund_comes_once_over_all_pages(
    store: respx.Router, client: BigCommerceClient, count: int, cap: int, says_pages: bool
) -> None:
    rows = every_refund(range(1, count + 1))
    store.get(ALL_REFUNDS).mock(side_effect=paged(rows, says_pages=says_pages, cap=cap))
    assert await ids_between(client, NOON) == list(range(1, count + 1))


async def test_a_refund_that_leaves_the_list_meanwhile_hides_no_other(
    store: respx.Router, client: BigCommerceClient
) -> None:
    rows = every_refund(range(1, 701))
    answer = paged(rows, says_pages=False)

    def shrinking(request: httpx.Request) -> httpx.Response:
        response = answer(request)
        if request.url.params["page"] == "1" and len(rows) > 690:
            del rows[3:10]  # everything behind moves up by seven, over the border of the page
        return response

    store.get(ALL_REFUNDS).mock(side_effect=shrinking)
    assert sorted(await ids_between(client, NOON)) == list(range(1, 701))


async def test_refunds_made_meanwhile_are_shown_and_end_the_reading(
    store: respx.Router, client: BigCommerceClient
) -> None:
    rows = every_refund(range(1, 261))
    answer = paged(rows, says_pages=False)

    def growing(request: httpx.Request) -> httpx.Response:
        rows.extend(every_refund(range(len(rows) + 1, len(rows) + 2)))
        return answer(request)

    route = store.get(ALL_REFUNDS).mock(side_effect=growing)
    assert await ids_between(client, NOON) == list(range(1, 265))
    assert route.call_count == 4


async def test_a_store_that_passes_over_page_does_not_hide_refunds(
    store: respx.Router, client: BigCommerceClient
) -> None:
    store.get(ALL_REFUNDS).respond(json=wrapped(*every_refund(range(1, 251))))
    with pytest.raises(BadAnswer, match="may hold more"):
        await ids_between(client, NOON)


async def test_one_unreadable_refund_is_told_and_does_not_stop_the_others(
    store: respx.Router, client: BigCommerceClient
) -> None:
    rows = [*every_refund(range(1, 4)), {"id": None}]
    rows[1]["total_tax"] = "?"
    rows += every_refund(range(5, 301))
    store.get(ALL_REFUNDS).mock(side_effect=paged(rows, says_pages=False))
    told: list[BadAnswer] = []
    found = [refund.id async for refund in client.refunds_between(NOON, on_unreadable=told.append)]
    assert found == [1, 3, *range(5, 301)]
    assert [(bad.order_id, bad.field) for bad in told] == [(5002, "total_tax"), (None, "order_id")]
    with pytest.raises(BadAnswer, match="order 5002, refund 2: total_tax"):
        await ids_between(client, NOON)
