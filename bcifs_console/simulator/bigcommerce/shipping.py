"""Shipments of an order: made, changed, removed, with the counts and statuses that follow."""

from __future__ import annotations

from typing import Any

from bcifs_console.simulator.bigcommerce.answers import NOT_FOUND, Refused
from bcifs_console.simulator.bigcommerce.shares import to_ship
from bcifs_console.simulator.bigcommerce.store import Store
from bcifs_console.simulator.bigcommerce.wire import StoredOrder
from bcifs_console.simulator.clock import rfc2822
from bcifs_console.simulator.money import Json

_TEXTS = ["tracking_number", "tracking_carrier", "tracking_link", "shipping_method", "shipping_provider", "comments"]


def _event(store: Store, order: StoredOrder, what: str, number: int) -> None:
    data = {"type": "shipment", "id": number, "orderId": order.id}
    store.emit(f"store/shipment/{what}", data, order.id)


def add_shipment(store: Store, order: StoredOrder, body: Any) -> Json:
    """Shipping all that is left sets the status to Shipped, a part of it to Partially Shipped."""
    if not isinstance(body, dict) or not isinstance(body.get("items"), list) or not body["items"]:
        raise Refused(400, "The field 'items' is required.")
    where = next((a for a in order.shipping_addresses if a["id"] == body.get("order_address_id")), None)
    if where is None:
        raise Refused(400, "The field 'order_address_id' is invalid.")
    shipped = [_checked(order, item) for item in body["items"]]
    for product, quantity in shipped:
        product["quantity_shipped"] += quantity
    row: Json = {
        "id": store.take("shipment"),
        "order_id": order.id,
        "customer_id": order.order["customer_id"],
        "order_address_id": where["id"],
        "date_created": rfc2822(store.now()),
        **{name: str(body.get(name) or "") for name in _TEXTS},
        "merchant_shipping_cost": "0.0000",
        "shipping_provider_display_name": str(body.get("shipping_provider") or "").upper(),
        "generated_tracking_link": "",
        "billing_address": order.order["billing_address"],
        "shipping_address": {k: v for k, v in where.items() if isinstance(v, str) and not k.endswith("_cost")},
        "items": [
            {"order_product_id": product["id"], "product_id": product["product_id"], "quantity": quantity}
            for product, quantity in shipped
        ],
    }
    order.shipments.append(row)
    _event(store, order, "created", row["id"])
    recount(order)
    store.set_status(order, 3 if any(to_ship(order, product) for product in order.products) else 2)
    return row


def _checked(order: StoredOrder, item: Any) -> tuple[Json, int]:
    number = item.get("order_product_id") if isinstance(item, dict) else None
    product = next((p for p in order.products if p["id"] == number), None)
    quantity = item.get("quantity") if isinstance(item, dict) else None
    if product is None or product["type"] != "physical" or not isinstance(quantity, int):
        raise Refused(400, "The field 'items' is invalid.")
    if not 0 < quantity <= product["quantity"] - product["quantity_shipped"]:
        raise Refused(400, "The quantity of an item is larger than what is left to ship.")
    return product, quantity


def recount(order: StoredOrder) -> None:
    """What order and addresses say about shipped units follows the lines."""
    order.order["items_shipped"] = sum(p["quantity_shipped"] for p in order.products)
    for row in (*order.shipping_addresses, *order.consignments["shipping"]):
        own = [p for p in order.products if p["order_address_id"] == row["id"]]
        row["items_shipped"] = sum(p["quantity_shipped"] for p in own)


def _found(order: StoredOrder, number: str) -> Json:
    row = next((row for row in order.shipments if str(row["id"]) == number), None)
    if row is None:
        raise Refused(404, NOT_FOUND)
    return row


def change_shipment(store: Store, order: StoredOrder, number: str, body: Any) -> Json:
    """The event fires for tracking numbers only (documented)."""
    row = _found(order, number)
    if not isinstance(body, dict):
        raise Refused(400, "The request body must be an object.")
    before = row["tracking_number"]
    row.update({name: str(body[name] or "") for name in _TEXTS if name in body})
    if row["tracking_number"] != before:
        _event(store, order, "updated", row["id"])
    return row


def remove_shipment(store: Store, order: StoredOrder, number: str) -> None:
    """The order keeps its status (documented), its counts go back."""
    row = _found(order, number)
    order.shipments.remove(row)
    order.removed_shipments.append(row)
    by_id = {product["id"]: product for product in order.products}
    for item in row["items"]:
        by_id[item["order_product_id"]]["quantity_shipped"] -= item["quantity"]
    recount(order)
    _event(store, order, "deleted", row["id"])
