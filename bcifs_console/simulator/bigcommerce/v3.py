"""The v3 routes: transactions, refunds, customers, webhook registrations."""

from __future__ import annotations

from typing import Any

from bcifs_console.simulator import world
from bcifs_console.simulator.bigcommerce.answers import Refused, page_of, pagination, v3_data, v3_error
from bcifs_console.simulator.bigcommerce.deliveries import Deliverer
from bcifs_console.simulator.bigcommerce.hooks import HookRefused, Hooks
from bcifs_console.simulator.bigcommerce.listing import moment_of
from bcifs_console.simulator.bigcommerce.payments import PaymentRefused, capture, void
from bcifs_console.simulator.bigcommerce.refund_items import RefundRefused
from bcifs_console.simulator.bigcommerce.refunds import quote, refund
from bcifs_console.simulator.bigcommerce.store import Store
from bcifs_console.simulator.bigcommerce.wire import StoredOrder
from bcifs_console.simulator.money import Json, dump
from bcifs_console.simulator.web import BadJson, Reply, Request, json_reply

_MISSING = "The requested resource was not found."
_PAYMENT_ACTIONS = frozenset(["refunds", "refund_quotes", "capture", "void"])


class V3:
    def __init__(self, store: Store, hooks: Hooks, deliverer: Deliverer) -> None:
        self._store = store
        self._hooks = hooks
        self._deliverer = deliverer

    def respond(self, request: Request, parts: list[str], client_id: str) -> Reply:
        try:
            return self._routed(request, parts, client_id)
        except HookRefused as refused:
            named = ", ".join(refused.errors)
            return v3_error(422, f"The following fields are invalid: {named}", refused.errors)
        except RefundRefused as refused:
            return json_reply({"data": [{"status": 422, "title": str(refused), "type": "/api-docs"}]}, 422)
        except PaymentRefused as refused:
            return v3_error(422, str(refused))
        except Refused as refused:
            return v3_error(refused.status, " ".join(refused.messages))
        except BadJson:
            return v3_error(400, "The request body is not valid JSON")

    def _routed(self, request: Request, parts: list[str], client_id: str) -> Reply:
        match request.method, parts:
            case "GET", ["orders", number, "transactions"]:
                return self._transactions(number)
            case "GET", ["orders", "payment_actions", "refunds"]:
                return self._all_refunds(request.query)
            case "GET", ["orders", "payment_actions", "refunds", number]:
                rows = [row for row in self._refund_rows() if str(row["id"]) == number]
                return v3_data(rows[0]) if rows else v3_error(404, _MISSING)
            case method, ["orders", number, "payment_actions", action]:
                order = self._order(number)
                if order is None:
                    return v3_error(404, _MISSING)
                return self._payment_action(request, method, order, action)
            case "GET", ["customers"]:
                return _customers(request.query)
            case method, ["hooks", *rest]:
                return self._hook(request, method, rest, client_id)
        return v3_error(404, _MISSING)

    def _payment_action(self, request: Request, method: str, order: StoredOrder, action: str) -> Reply:
        match method, action:
            case "GET", "refunds":
                return v3_data(_of_transaction(order.refunds, request.query))
            case "POST", "refunds":
                return v3_data(refund(self._store, order, request.json()), status=201)
            case "POST", "refund_quotes":
                return v3_data(quote(order, request.json()), status=201)
            case "POST", "capture":
                capture(self._store, order)
                return json_reply({}, 201)
            case "POST", "void":
                void(self._store, order)
                return json_reply({}, 201)
        return v3_error(405 if action in _PAYMENT_ACTIONS else 404, _MISSING)

    def _order(self, number: str) -> StoredOrder | None:
        return self._store.orders.get(int(number)) if number.isdecimal() else None

    def _transactions(self, number: str) -> Reply:
        order = self._order(number)
        if order is None:
            return v3_error(404, _MISSING)
        rows = order.transactions
        return v3_data(rows, pagination(len(rows), len(rows), 1, 50)) if rows else Reply(204)

    def _refund_rows(self) -> list[Json]:
        rows = [row for order in self._store.orders.values() for row in order.refunds]
        return sorted(rows, key=lambda row: int(row["id"]))

    def _all_refunds(self, query: dict[str, str]) -> Reply:
        """Ascending by id, in pages; the meta of this list holds no pagination (spec)."""
        rows = _of_transaction(self._refund_rows(), query)
        for name, field in (("order_id:in", "order_id"), ("id:in", "id")):
            if name in query:
                wanted = set(query[name].split(","))
                rows = [row for row in rows if str(row[field]) in wanted]
        if "created:min" in query:
            low = moment_of(query["created:min"])
            rows = [row for row in rows if moment_of(row["created"]) >= low]
        if "created:max" in query:
            high = moment_of(query["created:max"])
            rows = [row for row in rows if moment_of(row["created"]) <= high]
        page, limit = page_of(query)
        return v3_data(rows[(page - 1) * limit : page * limit])

    def _hook(self, request: Request, method: str, rest: list[str], client_id: str) -> Reply:
        now = int(self._store.clock.seconds())
        self._hooks.expire(now)
        match method, rest:
            case "POST", []:
                return v3_data(self._hooks.create(client_id, request.json(), now).wire())
            case "GET", []:
                return self._hook_list(request.query, client_id)
            case "GET", ["admin"]:
                return self._admin(request.query, client_id)
            case "PUT", ["admin"]:
                body = request.json()
                emails = body.get("emails") if isinstance(body, dict) else None
                if not isinstance(emails, list):
                    raise HookRefused(emails="emails must be a list")
                self._hooks.emails = [str(email) for email in emails]
                return Reply(204)
        hook = self._hooks.rows.get(int(rest[0])) if len(rest) == 1 and rest[0].isdecimal() else None
        if hook is None or hook.client_id != client_id:
            return v3_error(404, f"Webhook with id [{rest[0] if rest else ''}] not found")
        if method == "PUT":
            return v3_data(self._hooks.update(hook, request.json(), now).wire())
        if method == "DELETE":
            del self._hooks.rows[hook.id]
        elif method != "GET":
            return v3_error(405, "Method not allowed")
        return v3_data(hook.wire())

    def _hook_list(self, query: dict[str, str], client_id: str) -> Reply:
        hooks = self._hooks.of(client_id)
        if "is_active" in query:
            wanted = query["is_active"].lower() in ("true", "1")
            hooks = [hook for hook in hooks if hook.is_active == wanted]
        hooks = [h for h in hooks if query.get("scope", h.scope) == h.scope]
        hooks = [h for h in hooks if query.get("destination", h.destination) == h.destination]
        page, limit = page_of(query)
        shown = hooks[(page - 1) * limit : page * limit]
        return v3_data([hook.wire() for hook in shown], pagination(len(hooks), len(shown), page, limit))

    def _admin(self, query: dict[str, str], client_id: str) -> Reply:
        hooks = self._hooks.of(client_id)
        if "is_active" in query:
            wanted = query["is_active"].lower() in ("true", "1")
            hooks = [hook for hook in hooks if hook.is_active == wanted]
        data = {
            "emails": self._hooks.emails,
            "hooks_list": [{**hook.wire(), "status": hook.status} for hook in hooks],
            "blocked_domains": self._deliverer.blocked(),
        }
        return v3_data(data, pagination(len(hooks), len(hooks), 1, max(50, len(hooks))))


def _of_transaction(rows: list[Json], query: dict[str, str]) -> list[Json]:
    wanted = query.get("transaction_id")
    if wanted is None:
        return rows
    return [row for row in rows if any(payment["transaction_id"] == wanted for payment in row["payments"])]


def _customers(query: dict[str, str]) -> Reply:
    buyers = [buyer for buyer in world.BUYERS if buyer.store_id]
    if "id:in" in query:
        wanted = set(query["id:in"].split(","))
        buyers = [buyer for buyer in buyers if str(buyer.store_id) in wanted]
    if "email:in" in query:
        emails = {email.lower() for email in query["email:in"].split(",")}
        buyers = [buyer for buyer in buyers if buyer.email in emails]
    page, limit = page_of(query)
    shown = buyers[(page - 1) * limit : page * limit]
    with_addresses = "addresses" in query.get("include", "").split(",")
    meta = pagination(len(buyers), len(shown), page, limit)
    return v3_data([_customer(buyer, with_addresses) for buyer in shown], meta)


def _customer(buyer: world.Buyer, with_addresses: bool) -> Json:
    view: Json = {
        "id": buyer.store_id,
        "email": buyer.email,
        "first_name": buyer.first_name,
        "last_name": buyer.last_name,
        "company": buyer.company,
        "phone": buyer.phone,
        "notes": "",
        "tax_exempt_category": "",
        "customer_group_id": 0,
        "registration_ip_address": "",
        "date_created": "2026-01-15T14:37:37Z",
        "date_modified": "2026-01-15T14:37:37Z",
        "address_count": 1,
        "attribute_count": 0,
        "authentication": {"force_password_reset": False},
        "origin_channel_id": 1,
        "channel_ids": None,
        "accepts_product_review_abandoned_cart_emails": False,
    }
    if with_addresses:
        view["addresses"] = [_customer_address(buyer)]
    return view


def _customer_address(buyer: world.Buyer) -> Json:
    place = buyer.address
    return {
        "id": 1000 + buyer.store_id,
        "customer_id": buyer.store_id,
        "first_name": buyer.first_name,
        "last_name": buyer.last_name,
        "company": buyer.company,
        "address1": place.street,
        "address2": "",
        "city": place.city,
        "state_or_province": place.state,
        "postal_code": place.zip,
        "country": place.country,
        "country_code": place.country_iso2,
        "phone": buyer.phone,
        "address_type": "residential",
    }


def too_many(version: str) -> bytes:
    """The body of a 429 is not documented; each version gets its usual error shape."""
    entry: dict[str, Any] = {"status": 429, "title": "Too many requests", "type": ""}
    return dump([{"status": 429, "message": "Too many requests."}] if version == "v2" else entry)
