"""The client against a store that answers as documented and as observed: calls made, fall-backs, paging, resources."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
import respx

from bcifs_console.base.secret import Secret
from bcifs_console.bigcommerce.errors import BadAnswer, InvalidRequest, NotFound, OrderNotFound
from bcifs_console.bigcommerce.hooks import BlockedDomain, HookState, HookStatus
from bcifs_console.bigcommerce.resources import StoreInfo
from tests.bigcommerce.bigcommerce_samples import (
    NOON,
    TOKEN,
    FakeStore,
    Json,
    client_of,
    consignments,
    link,
    wire_address,
    wire_line,
    wire_order,
)

ORDER = "/v2/orders/5001"


def paged(rows: list[Any], *, at_most: int = 250) -> Any:
    """A v2 list: bare arrays, 50 by default, 204 past the end."""

    def answer(request: httpx.Request) -> httpx.Response:
        limit = min(int(request.url.params.get("limit", 50)), at_most)
        start = (int(request.url.params.get("page", 1)) - 1) * limit
        page = rows[start : start + limit]
        return httpx.Response(200, json=page) if page else httpx.Response(204)

    return answer


# One order


async def test_a_plain_order_takes_one_call() -> None:
    store = FakeStore({ORDER: wire_order()})
    order = await client_of(store).order(5001)
    assert store.paths == [ORDER]
    assert store.requests[0].url.params["include"] == "consignments.line_items,fees"
    assert store.requests[0].url.params["consignment_structure"] == "object"
    assert [line.id for line in order.lines] == [11]


async def test_requests_carry_token_accept_and_user_agent_and_keep_no_cookies() -> None:
    answer = httpx.Response(200, json=wire_order(), headers={"set-cookie": "session=1; Path=/"})
    store = FakeStore({ORDER: lambda request: answer})
    client = client_of(store)
    await client.order(5001)
    await client.order(5001)
    headers = store.requests[1].headers
    assert headers["x-auth-token"] == TOKEN
    assert headers["accept"] == "application/json"
    assert headers["user-agent"].startswith("bcifs-console/")
    assert "cookie" not in headers


async def test_coupons_are_read_only_where_a_coupon_took_something_off() -> None:
    coupons = [{"id": 1, "code": "SPRING", "type": 2, "amount": "5", "discount": 5}]
    store = FakeStore({ORDER: wire_order(coupon_discount="5.0000"), f"{ORDER}/coupons": coupons})
    order = await client_of(store).order(5001)
    assert store.paths == [ORDER, f"{ORDER}/coupons"]
    assert order.coupons is not None
    assert order.coupons[0].discount == Decimal(5)
    without = await client_of(store).order(5001, with_coupons=False)
    assert without.coupons is None


async def test_taxes_are_read_only_on_request_and_with_their_lines() -> None:
    tax = {"name": "VAT", "rate": "20.0000", "line_amount": "4.0000", "order_product_id": "11"}
    store = FakeStore({ORDER: wire_order(), f"{ORDER}/taxes": [tax]})
    order = await client_of(store).order(5001, with_taxes=True)
    assert order.taxes is not None
    assert order.taxes[0].order_line_id == 11
    assert store.requests[1].url.params["details"] == "true"


async def test_no_taxes_at_all_is_an_empty_204() -> None:
    store = FakeStore({ORDER: wire_order(), f"{ORDER}/taxes": httpx.Response(204)})
    order = await client_of(store).order(5001, with_taxes=True)
    assert order.taxes == ()


async def test_a_store_that_embeds_nothing_is_read_resource_by_resource() -> None:
    store = FakeStore(
        {
            ORDER: wire_order(consignments=link(f"{ORDER}/consignments"), fees=link(f"{ORDER}/fees")),
            f"{ORDER}/products": [wire_line()],
            f"{ORDER}/shipping_addresses": [wire_address()],
            f"{ORDER}/fees": {"fees": [{"id": 1, "cost_ex_tax": "1", "cost_inc_tax": "1", "cost_tax": "0"}]},
        }
    )
    order = await client_of(store).order(5001)
    assert len(store.paths) == 4
    assert (order.lines[0].id, order.shipping[0].id, order.charges[1].inc_tax) == (11, 41, Decimal(1))


async def test_an_order_read_either_way_is_the_same() -> None:
    embedded = await client_of(FakeStore({ORDER: wire_order()})).order(5001)
    linked = FakeStore(
        {
            ORDER: wire_order(consignments=link(f"{ORDER}/consignments")),
            f"{ORDER}/products": [wire_line()],
            f"{ORDER}/shipping_addresses": [wire_address()],
        }
    )
    assert repr(await client_of(linked).order(5001)) == repr(embedded)


async def test_lines_missing_from_what_is_embedded_are_fetched() -> None:
    lines = [wire_line(11), wire_line(12, quantity=1)]
    store = FakeStore({ORDER: wire_order(items_total=3), f"{ORDER}/products": lines})
    order = await client_of(store).order(5001)
    assert store.paths == [ORDER, f"{ORDER}/products"]
    assert [line.id for line in order.lines] == [11, 12]


async def test_a_store_that_never_says_discounted_totals_is_taken_at_its_word() -> None:
    line = wire_line()
    del line["discounted_total_inc_tax"]
    store = FakeStore({ORDER: wire_order(consignments=consignments(line)), f"{ORDER}/products": [line]})
    assert (await client_of(store).order(5001)).lines[0].discounted_total_inc_tax is None


@pytest.mark.parametrize(("count", "cap"), [(1, 250), (60, 250), (250, 250), (500, 250), (501, 250), (120, 50)])
async def test_all_pages_of_lines_are_read(count: int, cap: int) -> None:
    lines = [wire_line(number, quantity=1) for number in range(1, count + 1)]
    payload = wire_order(consignments=link(f"{ORDER}/consignments"), items_total=count, shipping_address_count=0)
    store = FakeStore(
        {
            ORDER: payload,
            f"{ORDER}/products": (lambda request: paged(lines)(request)) if cap == 250 else capped(lines, cap),
            f"{ORDER}/shipping_addresses": httpx.Response(204),
        }
    )
    assert len((await client_of(store).order(5001)).lines) == count


def capped(rows: list[Any], cap: int) -> Any:
    """A list that gives fewer rows a page than it was asked for."""

    def answer(request: httpx.Request) -> httpx.Response:
        start = (int(request.url.params["page"]) - 1) * cap
        page = rows[start : start + cap]
        return httpx.Response(200, json=page) if page else httpx.Response(204)

    return answer


async def test_a_sub_list_that_passes_over_page_ends_all_the_same() -> None:
    lines = [wire_line(number, quantity=1) for number in range(1, 101)]
    payload = wire_order(consignments=None, items_total=100, shipping_address_count=0)
    store = FakeStore({ORDER: payload, f"{ORDER}/products": lines, f"{ORDER}/shipping_addresses": []})
    assert len((await client_of(store).order(5001)).lines) == 100


async def test_a_missing_order_is_order_not_found() -> None:
    with pytest.raises(OrderNotFound) as caught:
        await client_of(FakeStore()).order(5001)
    assert caught.value.order_id == 5001


async def test_another_order_than_asked_for_is_a_bad_answer() -> None:
    with pytest.raises(BadAnswer, match="another order"):
        await client_of(FakeStore({ORDER: wire_order(5002)})).order(5001)


@pytest.mark.parametrize("answer", [httpx.Response(204), httpx.Response(200, json=[]), httpx.Response(200, json="x")])
async def test_an_order_that_is_no_object_is_a_bad_answer(answer: httpx.Response) -> None:
    with pytest.raises(BadAnswer):
        await client_of(FakeStore({ORDER: answer})).order(5001)


async def test_a_sub_list_that_is_no_array_is_a_bad_answer() -> None:
    store = FakeStore({ORDER: wire_order(coupon_discount="1"), f"{ORDER}/coupons": {"data": []}})
    with pytest.raises(BadAnswer):
        await client_of(store).order(5001)


# Orders modified since


async def test_modified_orders_come_light_with_their_lines_250_a_call() -> None:
    def orders(request: httpx.Request) -> list[Json]:
        since = datetime.fromisoformat(request.url.params["min_date_modified"])
        moments = {n: NOON + timedelta(seconds=n) for n in range(1, 401)}
        late = [n for n, moment in moments.items() if moment >= since]
        return [wire_order(n, date_modified=format_datetime(moments[n])) for n in late[:250]]

    store = FakeStore({"/v2/orders": orders})
    found = [order async for order in client_of(store).orders_modified_since(NOON)]
    assert Counter(order.id for order in found) == Counter(range(1, 401))
    assert all(order.lines and order.coupons is None for order in found)
    assert len(store.requests) == 3
    params = store.requests[0].url.params
    assert params["include"] == "consignments.line_items,fees"
    assert (params["sort"], params["limit"]) == ("date_modified:asc", "250")
    assert "status_id" not in params


async def test_no_modified_orders_is_a_204() -> None:
    store = FakeStore({"/v2/orders": httpx.Response(204)})
    assert [order async for order in client_of(store).orders_modified_since(NOON)] == []


async def test_a_listed_order_whose_lines_did_not_come_is_completed() -> None:
    store = FakeStore({"/v2/orders": [wire_order(consignments=None)], f"{ORDER}/products": [wire_line()]})
    store.answers[f"{ORDER}/shipping_addresses"] = [wire_address()]
    found = [order async for order in client_of(store).orders_modified_since(NOON)]
    assert found[0].lines[0].id == 11


async def test_a_listed_order_whose_part_is_missing_is_told_as_unreadable() -> None:
    """Whether it was deleted meanwhile its own look finds out."""
    store = FakeStore({"/v2/orders": [wire_order(consignments=None), wire_order(5002)]})
    told: list[BadAnswer] = []
    sweep = client_of(store).orders_modified_since(NOON, on_unreadable=told.append)
    assert [order.id async for order in sweep] == [5002]
    assert [(bad.order_id, bad.field) for bad in told] == [(5001, "products")]


async def test_one_unreadable_order_is_told_and_does_not_stop_the_others() -> None:
    store = FakeStore({"/v2/orders": [wire_order(total_tax="?"), wire_order(5002), {"id": "x"}]})
    told: list[BadAnswer] = []
    sweep = client_of(store).orders_modified_since(NOON, on_unreadable=told.append)
    assert [order.id async for order in sweep] == [5002]
    assert [(bad.order_id, bad.field) for bad in told] == [(5001, "total_tax"), (None, "id")]


async def test_without_anybody_to_tell_an_unreadable_order_raises() -> None:
    store = FakeStore({"/v2/orders": [wire_order(total_tax="?")]})
    with pytest.raises(BadAnswer, match="order 5001: total_tax"):
        _ = [order async for order in client_of(store).orders_modified_since(NOON)]


# Store, time, customers


async def test_the_store_is_described() -> None:
    payload = {
        "id": "abc123",
        "name": "Mugs & More",
        "currency": "usd",
        "decimal_places": 2,
        "timezone": {"name": "America/Chicago", "raw_offset": -21600},
        "is_price_entered_with_tax": False,
        "logo": [],
    }
    info = await client_of(FakeStore({"/v2/store": payload})).store()
    assert info == StoreInfo("abc123", "Mugs & More", "USD", 2, "America/Chicago", is_price_entered_with_tax=False)


async def test_the_stores_clock_is_utc() -> None:
    assert await client_of(FakeStore({"/v2/time": {"time": 1767225600}})).time() == datetime(2026, 1, 1, tzinfo=UTC)


async def test_a_customer_is_looked_up_by_id() -> None:
    row = {"id": 17, "email": "ada@example.com", "first_name": "Ada", "last_name": "Byron", "channel_ids": None}
    store = FakeStore({"/v3/customers": {"data": [row], "meta": {}}})
    customer = await client_of(store).customer(17)
    assert customer is not None
    assert (customer.name, customer.email, customer.company) == ("Ada Byron", "ada@example.com", "")
    assert store.requests[0].url.params["id:in"] == "17"


async def test_a_deleted_customer_is_none_and_a_guest_takes_no_call() -> None:
    store = FakeStore({"/v3/customers": {"data": [], "meta": {}}})
    client = client_of(store)
    assert await client.customer(17) is None
    assert await client.customer(0) is None
    assert len(store.requests) == 1


async def test_another_customer_than_asked_for_is_none() -> None:
    store = FakeStore({"/v3/customers": {"data": [{"id": 18}]}})
    assert await client_of(store).customer(17) is None


# Webhooks

HOOK = {
    "id": 17,
    "client_id": "client",
    "store_hash": "abc123",
    "scope": "store/order/created",
    "destination": "https://hooks.example.com/x",
    "headers": {"x-bcifs-key": "planted"},
    "is_active": True,
    "created_at": 1767225600,
    "updated_at": 1767225600,
}


async def test_hooks_are_listed_over_pages() -> None:
    hooks = [HOOK | {"id": number} for number in range(1, 61)]

    def answer(request: httpx.Request) -> Json:
        page = int(request.url.params["page"])
        return {"data": hooks[(page - 1) * 50 : page * 50], "meta": {"pagination": {"total_pages": 2}}}

    assert [hook.id for hook in await client_of(FakeStore({"/v3/hooks": answer})).hooks()] == list(range(1, 61))


async def test_a_hook_knows_whether_it_carries_our_secret_and_never_shows_it() -> None:
    hook = (await client_of(FakeStore({"/v3/hooks": {"data": [HOOK, HOOK | {"id": 18, "headers": None}]}})).hooks())[0]
    assert hook.carries("X-BCIFS-Key", Secret("planted"))
    assert not hook.carries("X-BCIFS-Key", Secret("other"))
    assert not hook.carries("X-Other", Secret("planted"))
    assert "planted" not in repr(hook)


@pytest.mark.parametrize("wrapped", [True, False])
async def test_a_created_hook_is_read_wrapped_or_flat(wrapped: bool) -> None:
    sent: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.content)
        return httpx.Response(200 if wrapped else 201, json={"data": HOOK, "meta": {}} if wrapped else HOOK)

    client = client_of(FakeStore({"/v3/hooks": answer}))
    headers = {"X-BCIFS-Key": Secret("planted")}
    hook = await client.create_hook("store/order/created", "https://hooks.example.com/x", headers)
    assert hook.id == 17
    assert b'"X-BCIFS-Key":"planted"' in sent[0]


async def test_an_update_sends_only_what_changes() -> None:
    store = FakeStore({"/v3/hooks/17": {"data": HOOK}})
    await client_of(store).update_hook(17, is_active=True)
    assert store.requests[0].method == "PUT"
    assert store.requests[0].content == b'{"is_active":true}'


async def test_an_update_of_nothing_is_refused_without_a_call() -> None:
    store = FakeStore()
    with pytest.raises(InvalidRequest):
        await client_of(store).update_hook(17)
    assert store.requests == []


async def test_a_deleted_hook_is_returned_where_the_store_returns_it() -> None:
    client = client_of(FakeStore({"/v3/hooks/17": {"data": HOOK}, "/v3/hooks/18": httpx.Response(204)}))
    deleted = await client.delete_hook(17)
    assert deleted is not None
    assert deleted.id == 17
    assert await client.delete_hook(18) is None
    with pytest.raises(NotFound):
        await client.delete_hook(19)


async def test_the_administration_tells_deactivated_hooks_and_blocked_domains() -> None:
    payload = {
        "data": {
            "emails": ["ops@example.com"],
            "hooks_list": [HOOK | {"status": "deactivated"}, HOOK | {"id": 18, "status": "of tomorrow"}],
            "blocked_domains": [
                {
                    "destination": "hooks.example.com",
                    "time_left": 120,
                    "reasons": [{"failure_description": "timeout", "count": 12, "timestamp": 1767225600}],
                }
            ],
        },
        "meta": {},
    }
    admin = await client_of(FakeStore({"/v3/hooks/admin": payload})).hooks_admin()
    assert admin.emails == ("ops@example.com",)
    states = [HookStatus.DEACTIVATED, HookStatus.INACTIVE]
    assert [hook.status for hook in admin.hooks] == states
    assert admin.hooks[0] == HookState(17, "store/order/created", "https://hooks.example.com/x", states[0])
    assert admin.blocked == (BlockedDomain("hooks.example.com", 120, ("timeout (12 times)",)),)


@respx.mock(assert_all_called=True)
async def test_the_address_is_the_documented_one(respx_mock: respx.MockRouter) -> None:
    route = respx_mock.get("https://api.bigcommerce.com/stores/abc123/v2/time")
    route.respond(json={"time": 1767225600})
    client = client_of(httpx.MockTransport(lambda request: httpx.Response(500)), transport=None)
    assert await client.time() == datetime(2026, 1, 1, tzinfo=UTC)
    assert route.call_count == 1
    await client.aclose()
