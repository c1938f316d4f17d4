"""`BigCommerceClient`: the questions we ask one store, each answered with domain values.

One call is made by `calls.Caller`; answers are read by `wire_order`, `wire_parts`, `wire_movements`, `resources` and
`hooks`; how lists page is `paging` and `sweep`. Which of an order's movements are worth a call: `wants`.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from bcifs_console.base.clock import Clock
from bcifs_console.base.secret import Secret
from bcifs_console.bigcommerce.budget import RateBudget
from bcifs_console.bigcommerce.calls import Caller, OnCall
from bcifs_console.bigcommerce.errors import BadAnswer, InvalidRequest, NotFound, OrderNotFound
from bcifs_console.bigcommerce.hooks import Hook, HooksAdmin, parse_admin, parse_hook
from bcifs_console.bigcommerce.paging import all_rows, each_once, is_last, pages, v2_page, v3_page
from bcifs_console.bigcommerce.resources import (
    StoreCustomer,
    StoreInfo,
    parse_customer,
    parse_store,
    parse_time,
)
from bcifs_console.bigcommerce.sweep import OrderPage, modified_since, placed_after, stamp
from bcifs_console.bigcommerce.wire_movements import by_id, parse_refund, parse_shipment, parse_tender
from bcifs_console.bigcommerce.wire_order import embedded, may_have_coupons, order_id_of, parse_fees, parse_order
from bcifs_console.bigcommerce.wire_parts import parse_address, parse_coupon, parse_line, parse_tax
from bcifs_console.domain.connections import BigCommerceAccess
from bcifs_console.domain.movements import Refund, Shipment, Tender
from bcifs_console.domain.orders import Order

#: What makes one call return an order with its lines, addresses and fees (facts §3.2).
_WHOLE: Final[Mapping[str, str]] = {"include": "consignments.line_items,fees", "consignment_structure": "object"}


class BigCommerceClient:
    """Reads one store and manages its webhooks. Makes no retries and writes nothing else.

    Every method raises the errors of `errors`: RateLimited, Unavailable and BadAnswer pass by themselves,
    AuthenticationFailed and PermissionMissing concern the connection. `live` calls may use the budget's reserve.
    """

    def __init__(
        self,
        access: BigCommerceAccess,
        *,
        budget: RateBudget,
        clock: Clock,
        deadline_s: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
        on_call: OnCall | None = None,
    ) -> None:
        """`deadline_s` limits one call as a whole. Raises ConfigurationProblem on unusable access data."""
        self._caller = Caller(
            access, budget=budget, clock=clock, deadline_s=deadline_s, transport=transport, on_call=on_call
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._caller.aclose()

    # Orders

    async def order(
        self, order_id: int, *, with_taxes: bool = False, with_coupons: bool = True, live: bool = True
    ) -> Order:
        """The whole order. One call for a plain one; one more each for taxes and, where a coupon was used, coupons.

        Where the store does not embed lines, addresses or fees, or not all of them, they are read from their own
        resources. Raises OrderNotFound where the order itself is not there; one without a part of it is BadAnswer.
        """
        try:
            payload = await self._get(f"/v2/orders/{order_id}", "/v2/orders/{id}", live=live, params=_WHOLE)
        except NotFound:
            raise OrderNotFound(order_id) from None
        return await self._whole(payload, order_id, with_taxes=with_taxes, with_coupons=with_coupons, live=live)

    async def orders_modified_since(
        self,
        since: datetime,
        *,
        live: bool = False,
        on_unreadable: Callable[[BadAnswer], None] | None = None,
        on_page: Callable[[], None] | None = None,
    ) -> AsyncIterator[Order]:
        """Every order modified at or after `since`, of every status, by time of modification; 250 a call.

        The orders are light: with lines, addresses and fees, without taxes and coupons. An order comes again only
        where it was modified meanwhile (see `sweep`). One that cannot be read raises BadAnswer, or, given
        `on_unreadable`, is told there and passed over, so that one bad order does not stop a poll. `on_page` is told
        before each page is asked for: what comes after it is as the store had it then, or later.
        """

        async def fetch(params: Mapping[str, str]) -> list[Any]:
            if on_page is not None:
                on_page()
            answer = await self._get("/v2/orders", "/v2/orders", live=live, params={**_WHOLE, **params})
            return v2_page(answer).rows

        async for payload in modified_since(fetch, since):
            try:
                order = await self._whole(payload, order_id_of(payload), live=live)
            except BadAnswer as unreadable:
                if on_unreadable is None:
                    raise
                on_unreadable(unreadable)
                continue
            yield order

    async def orders_placed(
        self,
        after_id: int,
        *,
        since: datetime | None,
        until: datetime | None,
        on_unreadable: Callable[[BadAnswer], None],
    ) -> OrderPage:
        """Up to 250 orders numbered above `after_id` that were placed from `since` on and before `until`, by number.

        Light, as `orders_modified_since` gives them. Numbers do not shift while the list is read, so a reader that
        goes on from `reached` misses none and gets none twice. Raises BadAnswer where the list does not go on.
        """
        answer = await self._get(
            "/v2/orders", "/v2/orders", live=False, params={**_WHOLE, **placed_after(after_id, since, until)}
        )
        rows = v2_page(answer).rows
        numbers = [order_id_of(row) for row in rows]
        reached = max(numbers, default=after_id)
        if not is_last(rows) and reached <= after_id:
            raise BadAnswer("BigCommerce lists orders from before the number asked for; min_id is ignored.")
        orders = []
        for number, payload in zip(numbers, rows, strict=True):
            try:
                order = await self._whole(payload, number, live=False)
            except BadAnswer as unreadable:
                if number > after_id:
                    on_unreadable(unreadable)
                continue
            # The store's own bounds are widened by a second, and a filter it does not know it passes over (facts §7.8).
            is_early = since is not None and order.placed_at < since
            is_late = until is not None and order.placed_at >= until
            if number > after_id and not is_early and not is_late:
                orders.append(order)
        return OrderPage(tuple(orders), reached=reached, is_last=is_last(rows))

    async def _whole(
        self, payload: Any, order_id: int, *, with_taxes: bool = False, with_coupons: bool = False, live: bool
    ) -> Order:
        """The order of `payload` with all its parts, fetching those that did not come along."""
        if order_id_of(payload) != order_id:
            raise BadAnswer(f"BigCommerce answers with another order than {order_id}.", field="id", order_id=order_id)
        came = embedded(payload)
        lines, addresses, fees = came.lines, came.addresses, came.fees
        if lines is None:
            rows = await self._part(order_id, "products", live=live)
            lines = tuple(parse_line(row, order_id) for row in rows)
        if addresses is None:
            rows = await self._part(order_id, "shipping_addresses", live=live)
            addresses = tuple(parse_address(row, order_id) for row in rows)
        if fees is None:
            fees = parse_fees(await self._part_page(order_id, "fees", live=live), order_id)
        order = parse_order(payload, lines=lines, addresses=addresses, fees=fees)
        return await self.completed(order, with_taxes=with_taxes, with_coupons=with_coupons, live=live)

    async def completed(self, order: Order, *, with_taxes: bool, with_coupons: bool = True, live: bool = True) -> Order:
        """`order`, as a list showed it, with its taxes and, where a coupon was used, its coupons: one call each."""
        if with_taxes:
            rows = await self._part(order.id, "taxes", live=live, details="true")
            order = replace(order, taxes=tuple(parse_tax(row, order.id) for row in rows))
        if with_coupons and may_have_coupons(order):
            rows = await self._part(order.id, "coupons", live=live)
            order = replace(order, coupons=tuple(parse_coupon(row, order.id) for row in rows))
        return order

    async def _part(self, order_id: int, part: str, *, version: str = "v2", live: bool, **params: str) -> list[Any]:
        """All rows of a sub-resource of an order; they page like lists, 50 by default (facts §3.2)."""

        async def fetch(paging: Mapping[str, str]) -> Any:
            return await self._part_page(order_id, part, version=version, live=live, params={**params, **paging})

        try:
            return await all_rows(fetch, v2_page if version == "v2" else v3_page)
        except BadAnswer as bad:
            if bad.order_id is not None:
                raise
            message = f"Order {order_id}, {part}: {bad.message}"
            raise BadAnswer(message, field=part, order_id=order_id, status=bad.status) from None

    async def _part_page(
        self, order_id: int, part: str, *, version: str = "v2", live: bool, params: Mapping[str, str] | None = None
    ) -> Any:
        """One page of a sub-resource. The order was just read, so a 404 says nothing about whether it exists."""
        base = f"/{version}/orders"
        try:
            return await self._get(f"{base}/{order_id}/{part}", f"{base}/{{id}}/{part}", live=live, params=params)
        except NotFound as missing:
            raise BadAnswer(
                f"BigCommerce shows order {order_id} but answers 404 for its {part}.",
                field=part,
                order_id=order_id,
                status=missing.status,
            ) from None

    # What happens to an order later

    async def tenders(self, order_id: int, live: bool = True) -> tuple[Tender, ...]:
        """The order's transactions by ascending id, every event and state of them; () where there are none.

        Needs a scope of its own (facts §1). Raises BadAnswer where the order's resource is not there (see `order`).
        """
        rows = await self._part(order_id, "transactions", version="v3", live=live)
        return by_id(parse_tender(row, order_id) for row in rows)

    async def shipments(self, order_id: int, live: bool = True) -> tuple[Shipment, ...]:
        """The order's shipment records by ascending id; () where there are none. Raises as `tenders`."""
        rows = await self._part(order_id, "shipments", live=live)
        return by_id(parse_shipment(row, order_id) for row in rows)

    async def refunds(self, order_id: int, live: bool = True) -> tuple[Refund, ...]:
        """The order's refunds by ascending id, declined ones included; () where there are none. Raises as `tenders`."""
        rows = await self._part(order_id, "payment_actions/refunds", version="v3", live=live)
        return by_id(parse_refund(row, order_id) for row in rows)

    async def refunds_of(self, order_ids: Collection[int]) -> dict[int, tuple[Refund, ...]]:
        """The refunds of these orders, at most 250 of them, from the store-wide list: one call unless there are many.

        Every order is in the answer, with () where it has none. Raises BadAnswer where one cannot be read.
        """
        route = "/v3/orders/payment_actions/refunds"
        wanted = ",".join(str(order_id) for order_id in sorted(order_ids))

        async def fetch(paging: Mapping[str, str]) -> Any:
            return await self._get(route, route, live=False, params={"order_id:in": wanted, **paging})

        found: dict[int, list[Refund]] = {order_id: [] for order_id in order_ids}
        if found:
            async for row in each_once(fetch):
                refund = parse_refund(row)
                if refund.order_id in found:  # a filter that the store does not know it passes over (facts §7.8)
                    found[refund.order_id].append(refund)
        return {order_id: by_id(refunds) for order_id, refunds in found.items()}

    async def refunds_between(
        self,
        since: datetime,
        until: datetime | None = None,
        *,
        live: bool = False,
        on_unreadable: Callable[[BadAnswer], None] | None = None,
    ) -> AsyncIterator[Refund]:
        """Every refund of the store made at or after `since` and before `until`; 250 a call.

        By ascending id, but for those that a list shifting under the reader hid at first. Both bounds are
        taken at their whole second, which is what the store's times have, so that periods that meet share no refund and
        lose none. Each comes once. One that cannot be read raises BadAnswer, or, given `on_unreadable`, is told there
        and passed over.
        """
        start, end = _whole_second(since), None if until is None else _whole_second(until)
        period = {"created:min": stamp(start)} | ({} if end is None else {"created:max": stamp(end)})
        route = "/v3/orders/payment_actions/refunds"

        async def fetch(paging: Mapping[str, str]) -> Any:
            return await self._get(route, route, live=live, params={**period, **paging})

        async for row in each_once(fetch):
            try:
                refund = parse_refund(row)
            except BadAnswer as unreadable:
                if on_unreadable is None:
                    raise
                on_unreadable(unreadable)
                continue
            # The store's own bounds are both inclusive, and a filter it does not know it passes over (facts §7.8).
            if refund.created_at >= start and (end is None or refund.created_at < end):
                yield refund

    # Store and customers

    async def probe(self, *, movements: bool = False) -> None:
        """A cheap read that proves token and order scope; `movements`: also the scope of transactions."""
        newest = await self._get("/v2/orders", "/v2/orders", params={"limit": "1", "sort": "id:desc"})
        orders = v2_page(newest).rows
        if movements and orders:
            await self.tenders(order_id_of(orders[0]))

    async def store(self) -> StoreInfo:
        """Name, currency and time zone of the store."""
        return parse_store(await self._get("/v2/store", "/v2/store"))

    async def time(self) -> datetime:
        """The store's clock; the documented way to try out credentials (facts §1)."""
        return parse_time(await self._get("/v2/time", "/v2/time"))

    async def customer(self, customer_id: int) -> StoreCustomer | None:
        """A registered customer, None where there is none of that id (a guest's is 0)."""
        if customer_id <= 0:
            return None
        answer = await self._get("/v3/customers", "/v3/customers", params={"id:in": str(customer_id)})
        found = (parse_customer(row) for row in v3_page(answer).rows)
        return next((customer for customer in found if customer.id == customer_id), None)

    # Webhooks

    async def hooks(self) -> list[Hook]:
        """All hooks of this API account; those of others are invisible (facts §2.1)."""

        async def fetch(paging: Mapping[str, str]) -> Any:
            return await self._get("/v3/hooks", "/v3/hooks", params=paging)

        hooks: dict[int, Hook] = {}
        async for page in pages(fetch, v3_page):
            for hook in map(parse_hook, page.rows):
                hooks.setdefault(hook.id, hook)
        return list(hooks.values())

    async def create_hook(self, scope: str, destination: str, headers: Mapping[str, Secret]) -> Hook:
        """Register a hook. Not repeated after an unclear outcome: `hooks()` shows whether it is there."""
        body = {"scope": scope, "destination": destination, "is_active": True, "headers": _revealed(headers)}
        return parse_hook(await self._hook_call("POST", "/v3/hooks", "/v3/hooks", body))

    async def update_hook(
        self,
        hook_id: int,
        *,
        scope: str | None = None,
        destination: str | None = None,
        is_active: bool | None = None,
        headers: Mapping[str, Secret] | None = None,
    ) -> Hook:
        """Change what is given; at least one (an empty update is a 422). Raises NotFound."""
        changes = {
            "scope": scope,
            "destination": destination,
            "is_active": is_active,
            "headers": None if headers is None else _revealed(headers),
        }
        body = {name: value for name, value in changes.items() if value is not None}
        if not body:
            raise InvalidRequest("PUT /v3/hooks/{id}", 422, ("nothing to change was given",))
        return parse_hook(await self._hook_call("PUT", f"/v3/hooks/{hook_id}", "/v3/hooks/{id}", body))

    async def delete_hook(self, hook_id: int) -> Hook | None:
        """Delete a hook; the deleted one where the store returns it. Raises NotFound."""
        answer = await self._hook_call("DELETE", f"/v3/hooks/{hook_id}", "/v3/hooks/{id}", None)
        return None if answer is None else parse_hook(answer)

    async def hooks_admin(self) -> HooksAdmin:
        """Deactivated hooks and blocked domains."""
        return parse_admin(await self._get("/v3/hooks/admin", "/v3/hooks/admin"))

    async def _hook_call(self, method: str, path: str, route: str, body: Mapping[str, Any] | None) -> Any:
        return await self._caller.call(method, path, route=route, live=True, body=body)

    async def _get(
        self, path: str, route: str, *, live: bool = True, params: Mapping[str, str | int] | None = None
    ) -> Any:
        return await self._caller.call("GET", path, route=route, live=live, params=params)


def _revealed(headers: Mapping[str, Secret]) -> dict[str, str]:
    return {name: secret.reveal() for name, secret in headers.items()}


def _whole_second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
