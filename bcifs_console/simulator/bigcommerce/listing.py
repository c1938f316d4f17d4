"""`GET /v2/orders`: filters, sort, pages, and what `include` adds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from bcifs_console.simulator.bigcommerce.answers import Refused, page_of
from bcifs_console.simulator.bigcommerce.parts import consignments_view
from bcifs_console.simulator.bigcommerce.wire import StoredOrder
from bcifs_console.simulator.money import Json, decimal_of

Test = Callable[[StoredOrder], bool]


def moment_of(text: str) -> float:
    """RFC 2822 or ISO 8601; a bare date is its midnight in UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            # Clients forget to encode the plus of an offset, which then arrives as a blank.
            try:
                moment = datetime.fromisoformat(text.replace(" ", "+"))
            except ValueError:
                raise Refused(400, f"The date '{text}' is not valid.") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()


def _same(name: str, wanted: str) -> Test:
    return lambda order: str(order.order[name]) == wanted


def _tests(query: dict[str, str]) -> list[Test]:
    tests: list[Test] = []
    for name, field in (
        ("status_id", "status_id"),
        ("customer_id", "customer_id"),
        ("channel_id", "channel_id"),
        ("cart_id", "cart_id"),
        ("payment_method", "payment_method"),
        ("external_order_id", "external_order_id"),
    ):
        if name in query:
            tests.append(_same(field, query[name]))
    if "email" in query:
        email = query["email"].lower()
        tests.append(lambda order: str(order.order["billing_address"].get("email", "")).lower() == email)
    for name, sign in (("min_total", 1), ("max_total", -1)):
        limit = decimal_of(query.get(name))
        if limit is not None:
            tests.append(_total_test(limit, sign))
    return tests + _range_tests(query)


def _total_test(limit: Decimal, sign: int) -> Test:
    return lambda order: (Decimal(order.order["total_inc_tax"]) - limit) * sign >= 0


def _range_tests(query: dict[str, str]) -> list[Test]:
    """Dates have a resolution of one second and both ends belong to the range (the documents do not say)."""
    tests: list[Test] = []
    if query.get("min_id", "").isdecimal():
        low = int(query["min_id"])
        tests.append(lambda order: order.id >= low)
    if query.get("max_id", "").isdecimal():
        high = int(query["max_id"])
        tests.append(lambda order: order.id <= high)
    if "min_date_modified" in query:
        modified_from = int(moment_of(query["min_date_modified"]))
        tests.append(lambda order: int(order.modified) >= modified_from)
    if "max_date_modified" in query:
        modified_to = int(moment_of(query["max_date_modified"]))
        tests.append(lambda order: int(order.modified) <= modified_to)
    if "min_date_created" in query:
        created_from = int(moment_of(query["min_date_created"]))
        tests.append(lambda order: int(order.created) >= created_from)
    if "max_date_created" in query:
        created_to = int(moment_of(query["max_date_created"]))
        tests.append(lambda order: int(order.created) <= created_to)
    return tests


_SORTS: dict[str, Callable[[StoredOrder], Any]] = {
    "id": lambda order: order.id,
    "customer_id": lambda order: (order.order["customer_id"], order.id),
    "date_created": lambda order: (int(order.created), order.id),
    "date_modified": lambda order: (int(order.modified), order.id),
    "status_id": lambda order: (order.order["status_id"], order.id),
    "channel_id": lambda order: (order.order["channel_id"], order.id),
    "external_id": lambda order: (order.order["external_id"] or "", order.id),
}


def find(orders: dict[int, StoredOrder], query: dict[str, str]) -> list[StoredOrder]:
    """One page of orders. Unknown parameters are ignored, as on a real store. Archived orders are left out."""
    tests = _tests(query)
    found = [o for o in orders.values() if not o.order["is_deleted"] and all(test(o) for test in tests)]
    name, _, direction = query.get("sort", "id").partition(":")
    if name in _SORTS:
        found.sort(key=_SORTS[name], reverse=direction == "desc")
    page, limit = page_of(query)
    return found[(page - 1) * limit : page * limit]


def shown(order: StoredOrder, query: dict[str, str], api: str) -> Json:
    """The order with what `include` asks for; consignments need `consignment_structure=object`."""
    included = {part.strip() for part in query.get("include", "").split(",")}
    view = order.order
    lines = "consignments.line_items" in included
    if (lines or "consignments" in included) and query.get("consignment_structure") == "object":
        view = {**view, "consignments": consignments_view(order.consignments, order.products, order.id, lines, api)}
    if "fees" in included:
        view = {**view, "fees": order.fees}
    return view
