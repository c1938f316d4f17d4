"""The v2 routes: orders with their sub-resources, statuses, store, time, currencies."""

from __future__ import annotations

from collections import Counter
from typing import Any

from bcifs_console.simulator.bigcommerce import creating, listing, statuses
from bcifs_console.simulator.bigcommerce.answers import NOT_FOUND, Refused, slice_of, v2_error, v2_list
from bcifs_console.simulator.bigcommerce.editing import change_address, reprice
from bcifs_console.simulator.bigcommerce.parts import consignments_view, summed_taxes
from bcifs_console.simulator.bigcommerce.shipping import add_shipment, change_shipment, remove_shipment
from bcifs_console.simulator.bigcommerce.store import Store
from bcifs_console.simulator.bigcommerce.wire import (
    CURRENCY_IDS,
    EXCHANGE_RATES,
    StoredOrder,
)
from bcifs_console.simulator.money import Json, minor_units
from bcifs_console.simulator.web import BadJson, Reply, Request, json_reply


class V2:
    def __init__(self, store: Store, store_hash: str, store_id: str) -> None:
        self._store = store
        self._hash = store_hash
        self._store_id = store_id

    def respond(self, request: Request, parts: list[str]) -> Reply:
        try:
            return self._routed(request, parts)
        except Refused as refused:
            return v2_error(refused.status, *refused.messages)
        except BadJson:
            return v2_error(400, "The request body is not valid JSON.")

    def _routed(self, request: Request, parts: list[str]) -> Reply:
        match request.method, parts:
            case "GET", ["orders"]:
                found = listing.find(self._store.orders, request.query)
                return v2_list([listing.shown(order, request.query, self._store.api) for order in found])
            case "POST", ["orders"]:
                body = request.json()
                order = self._store.place(creating.draft_of(body))
                if "date_created" in body:
                    self._store.backdate(order, listing.moment_of(str(body["date_created"])))
                return json_reply(listing.shown(order, request.query, self._store.api), 201)
            case "GET", ["orders", "count"]:
                return json_reply(self._counts())
            case method, ["orders", number, *rest]:
                return self._order(request, method, self._found(number), rest)
            case "GET", ["order_statuses"]:
                return json_reply(statuses.rows())
            case "GET", ["order_statuses", number]:
                row = next((row for row in statuses.rows() if str(row["id"]) == number), None)
                return v2_error(404, NOT_FOUND) if row is None else json_reply(row)
            case "GET", ["store"]:
                return json_reply(self._about())
            case "GET", ["time"]:
                return json_reply({"time": int(self._store.clock.seconds())})
            case "GET", ["currencies"]:
                return json_reply(_currencies())
        return v2_error(404, NOT_FOUND)

    def _found(self, number: str) -> StoredOrder:
        order = self._store.orders.get(int(number)) if number.isdecimal() else None
        if order is None:
            raise Refused(404, NOT_FOUND)
        return order

    def _order(self, request: Request, method: str, order: StoredOrder, rest: list[str]) -> Reply:
        match method, rest:
            case "GET", []:
                return json_reply(listing.shown(order, request.query, self._store.api))
            case "PUT", []:
                self._update(order, request.json())
                return json_reply(order.order)
            case "DELETE", []:
                self._store.archive(order)
                return Reply(204)
            case "GET", ["consignments"]:
                lines = "line_items" in request.query.get("include", "")
                return json_reply(
                    consignments_view(order.consignments, order.products, order.id, lines, self._store.api)
                )
            case "GET", [name]:
                return v2_list(slice_of(self._rows(order, name, request.query), request.query))
            case "GET", ["shipments", "count"]:
                return json_reply({"count": len(order.shipments)})
            case "GET", [name, number]:
                rows = self._rows(order, name, {})
                row = next((row for row in rows if str(row["id"]) == number), None)
                return v2_error(404, NOT_FOUND) if row is None else json_reply(row)
            case "POST", ["shipments"]:
                return json_reply(add_shipment(self._store, order, request.json()), 201)
            case "PUT", ["shipments", number]:
                return json_reply(change_shipment(self._store, order, number, request.json()))
            case "DELETE", ["shipments", number]:
                remove_shipment(self._store, order, number)
                return Reply(204)
        return v2_error(405, "The method is not supported by this resource.")

    def _rows(self, order: StoredOrder, name: str, query: dict[str, str]) -> list[Any]:
        match name:
            case "products":
                return order.products
            case "coupons":
                return order.coupons
            case "taxes":
                return order.taxes if query.get("details") == "true" else summed_taxes(order.taxes)
            case "shipping_addresses" | "shippingaddresses":
                return order.shipping_addresses
            case "shipments":
                return order.shipments
            case "fees":
                return order.fees
            case "messages":
                return order.messages
        raise Refused(404, NOT_FOUND)

    def _update(self, order: StoredOrder, body: Any) -> None:
        """Every PUT moves date_modified and fires order/updated, even one that changes nothing."""
        fields = creating.check(body)
        if "external_merchant_id" in fields:
            raise Refused(400, "The field 'external_merchant_id' may not be changed.")
        if creating.touches_money(fields):
            reprice(self._store, order, fields)
        order.order.update(creating.as_given(fields))
        if "billing_address" in fields:
            merged = {**order.order["billing_address"], **fields["billing_address"]}
            order.order["billing_address"] = {**creating.address(merged, "billing_address"), "form_fields": []}
        for where in fields.get("shipping_addresses") or []:
            change_address(order, where)
        for name in ("payment_method", "customer_id", "order_source"):
            if name in fields:
                order.order[name] = fields[name]
        if fields.get("is_deleted") is True:
            self._store.archive(order)
        self._store.set_status(order, int(fields["status_id"] if "status_id" in fields else order.order["status_id"]))

    def _counts(self) -> Json:
        counted = Counter(o.order["status_id"] for o in self._store.orders.values() if not o.order["is_deleted"])
        rows = [{**row, "count": counted[row["id"]], "sort_order": row.pop("order")} for row in statuses.rows()]
        return {"statuses": rows, "count": sum(counted.values())}

    def _about(self) -> Json:
        return {
            "id": self._hash,
            "store_id": self._store_id,
            "account_uuid": "00000000-0000-4000-8000-000000000001",
            "name": "Simulated Store",
            "domain": "simulated-store.example",
            "secure_url": "https://simulated-store.example",
            "status": "live",
            "timezone": {
                "name": "America/Chicago",
                "raw_offset": -21600,
                "dst_offset": -18000,
                "dst_correction": True,
                "date_format": {"display": "M jS Y", "export": "M jS Y", "extended_display": "M jS Y @ g:i A"},
            },
            "language": "en",
            "currency": "USD",
            "currency_symbol": "$",
            "decimal_separator": ".",
            "thousands_separator": ",",
            "decimal_places": 2,
            "weight_units": "LBS",
            "is_price_entered_with_tax": False,
            "plan_level": "Simulated",
            "default_channel_id": 1,
            "features": {"stencil_enabled": True},
        }


def _currencies() -> list[Json]:
    return [
        {
            "id": number,
            "is_default": code == "USD",
            "is_transactional": True,
            "currency_code": code,
            "currency_exchange_rate": EXCHANGE_RATES[code],
            "decimal_places": minor_units(code),
            "decimal_token": ".",
            "thousands_token": ",",
            "name": code,
            "enabled": True,
        }
        for code, number in CURRENCY_IDS.items()
    ]
