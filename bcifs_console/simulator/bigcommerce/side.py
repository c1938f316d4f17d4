"""The BigCommerce port: authentication, scopes, quota, the two API versions, and `/_sim`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bcifs_console.simulator.bigcommerce import by_hand, lives
from bcifs_console.simulator.bigcommerce.answers import v2_error, v3_error
from bcifs_console.simulator.bigcommerce.books import books
from bcifs_console.simulator.bigcommerce.deliveries import Deliverer
from bcifs_console.simulator.bigcommerce.hooks import Hooks
from bcifs_console.simulator.bigcommerce.kinds import KINDS
from bcifs_console.simulator.bigcommerce.quota import Quota
from bcifs_console.simulator.bigcommerce.store import Store
from bcifs_console.simulator.bigcommerce.v2 import V2
from bcifs_console.simulator.bigcommerce.v3 import V3, too_many
from bcifs_console.simulator.clock import Clock, iso_z
from bcifs_console.simulator.control import ControlRefused, Controls, only_of, picked, whole
from bcifs_console.simulator.faults import Fault, Faults
from bcifs_console.simulator.money import Json
from bcifs_console.simulator.options import Credentials, SimulatorOptions
from bcifs_console.simulator.web import Reply, Request, json_reply

_SCOPE_OF = {"orders": "orders", "order_statuses": "orders", "customers": "customers", "hooks": ""}

# An injected 429 asks for a short wait, so that a storm of them ends in this life.
_INJECTED_WAIT_S = 2
# How long after an event a read may still find nothing, in a storm.
_REPLICATION_LAG = 2.0


@dataclass(frozen=True)
class Account:
    client_id: str
    client_secret: str


class BigCommerceSide:
    name = "bigcommerce"

    def __init__(self, options: SimulatorOptions, keys: Credentials, clock: Clock, faults: Faults) -> None:
        self._keys = keys
        self._clock = clock
        self._faults = faults
        self.hooks = Hooks(keys.store_hash)
        self.deliverer = Deliverer(keys.store_hash, keys.store_id, clock, faults, self.hooks, options.seed)
        self.store = Store(clock, self.deliverer, options.seed)
        self.quota = Quota(clock, options.quota)
        self._v2 = V2(self.store, keys.store_hash, keys.store_id)
        self._v3 = V3(self.store, self.hooks, self.deliverer)
        self._accounts: dict[str, Account] = {}
        self.add_account(keys.access_token, keys.client_id, keys.client_secret)
        self._revoked: set[str] = set()
        self._hidden_once: set[int] = set()
        self._controls: Controls | None = None
        self._odd_calls = 0

    def attach(self, controls: Controls, url: str) -> None:
        self._controls = controls
        self.store.api = f"{url}/stores/{self._keys.store_hash}/v2"

    def add_account(self, token: str, client_id: str, client_secret: str) -> None:
        self._accounts[token] = Account(client_id, client_secret)
        self.deliverer.secrets[client_id] = client_secret

    def respond(self, request: Request) -> Reply:
        parts = request.path.strip("/").split("/")
        if len(parts) < 3 or parts[0] != "stores" or parts[2] not in ("v2", "v3"):
            return v3_error(404, "Not found")
        version, rest = parts[2], parts[3:]
        account = self._accounts.get(request.headers.get("x-auth-token", ""))
        if account is None or parts[1] != self._keys.store_hash:
            return self._unauthorised(version)
        if not self.quota.spend():
            return self.quota.refusal(too_many(version))
        scope = self._scope(rest)
        if scope in self._revoked:
            return self._forbidden(version)
        if self._lags(request, rest):
            return v2_error(404, "The requested resource was not found.")
        if version == "v2":
            reply = self._v2.respond(request, rest)
            self._oddities(reply)
        else:
            reply = self._v3.respond(request, rest, account.client_id)
        if request.method != "DELETE":
            reply.headers.extend(self.quota.headers())
            if version == "v2":
                reply.headers.append(("X-BC-Store-Version", "7.6.0"))
        return reply

    def _scope(self, rest: list[str]) -> str:
        if "transactions" in rest:
            return "transactions"
        return _SCOPE_OF.get(rest[0] if rest else "", "information")

    def _unauthorised(self, version: str) -> Reply:
        """v3's body is documented; v2's is not, an array like its other errors is assumed."""
        if version == "v2":
            return v2_error(401, "Unauthorized")
        return v3_error(401, "Unauthorized")

    def _forbidden(self, version: str) -> Reply:
        message = "You don't have a required scope to access the endpoint"
        return v2_error(403, message) if version == "v2" else v3_error(403, message)

    def _lags(self, request: Request, rest: list[str]) -> bool:
        """In a storm a fresh order may not be found at the first look, and is at the second."""
        chance = self._faults.deliveries.missing_after_event
        if not chance or request.method != "GET" or len(rest) != 2 or not rest[1].isdecimal():
            return False
        number = int(rest[1])
        order = self.store.orders.get(number)
        if order is None or number in self._hidden_once or self._clock.seconds() - order.created > _REPLICATION_LAG:
            return False
        self._hidden_once.add(number)
        return self._faults.random.random() < chance

    def _oddities(self, reply: Reply) -> None:
        """A field that no document knows, on every fiftieth single object: clients must not mind."""
        self._odd_calls += 1
        if self._odd_calls % 50 == 0 and reply.status == 200 and reply.body[:1] == b"{":
            reply.body = b'{"x_future_field":{"beta":true},' + reply.body[1:]

    def fault_reply(self, fault: Fault, request: Request) -> Reply | None:
        version = "v2" if "/v2/" in request.path else "v3"
        match fault.do:
            case "too_many":
                return self.quota.refusal(too_many(version), longest_s=_INJECTED_WAIT_S)
            case "too_many_bare":
                # Without rate headers: the platform is under load, not the quota used up.
                return Reply(429)
            case "status":
                return v3_error(fault.status, "The service is not available")
        return None

    async def control(self, request: Request) -> Reply:
        if self._controls is None:
            return Reply(503)
        return await self._controls.respond(self, request)

    async def own_control(self, request: Request, name: str) -> Reply | None:
        match request.method, name:
            case "GET", "state":
                return json_reply(self.state(only_of(request)))
            case "GET", "books":
                return json_reply(books(self.store.orders.values(), request.query))
            case "GET", "kinds":
                return json_reply(list(KINDS))
            case "POST", "orders":
                return json_reply(self._place(request.json()))
            case "GET", "lives":
                return json_reply(lives.names())
            case "POST", "lives":
                wanted = by_hand.lives_wanted(self.store, request.json())
                return json_reply({"done": lives.carry_out(self.store, wanted)})
            case "POST", "transactions":
                return json_reply(by_hand.transaction(self.store, request.json()))
            case "POST", "refunds":
                return json_reply(by_hand.refund(self.store, request.json()))
            case "POST", "settle":
                await self.deliverer.settle()
                return json_reply({"now": iso_z(self._clock.now())})
        return None

    def _place(self, body: Json) -> Json:
        wanted = body.get("kinds")
        if wanted is not None and (not isinstance(wanted, list) or not set(wanted) <= set(KINDS)):
            raise ControlRefused("kinds must be names from /_sim/kinds")
        count, gated = whole(body, "count", 1), whole(body, "gated", 0)
        spread, past = whole(body, "spread_seconds", 0), whole(body, "backdate_seconds", 0)
        announce = bool(body.get("deliver", True))
        drafts = [self.store.draw(wanted, i) for i in range(count)]
        drafts += [self.store.draw_gated() for _ in range(gated)]
        numbers = [self.store.reserve() for _ in drafts]
        step, now = spread / max(1, len(drafts)), self._clock.seconds()
        for i, (draft, number) in enumerate(zip(drafts, numbers, strict=True)):
            age = past * (len(drafts) - i) / len(drafts)

            def place(draft: Any = draft, number: int = number, age: float = age) -> None:
                self.store.place(draft, number, announce=announce, age=age)

            if step:
                self.deliverer.at(now + i * step, place)
            else:
                place()
        return {"orders": numbers[:count], "gated": numbers[count:]}

    def state(self, only: frozenset[str] | None = None) -> Json:
        orders = self.store.orders.values()
        parts: dict[str, Callable[[], object]] = {
            "orders": lambda: [order.order for order in orders],
            "kinds": lambda: {str(order.id): order.draft.kind for order in orders},
            "lives": lambda: {str(order.id): order.life for order in orders if order.life},
            "products": lambda: {str(order.id): order.products for order in orders},
            "transactions": lambda: [row for order in orders for row in order.transactions],
            "shipments": lambda: [row for order in orders for row in order.shipments],
            "refunds": lambda: [row for order in orders for row in order.refunds],
            "hooks": lambda: [hook.wire() for hook in self.hooks.rows.values()],
            "deliveries": lambda: [delivery.wire() for delivery in self.deliverer.log],
            "lost": lambda: list(self.deliverer.lost),
            "quota": self.quota.wire,
            "calls": lambda: {} if self._controls is None else self._controls.calls(self.name),
            "faults": lambda: dict(self._faults.counts),
            "now": lambda: iso_z(self._clock.now()),
        }
        return picked(parts, only)

    def knobs(self, settings: Json) -> None:
        """`/_sim/set`, the part under `bigcommerce`."""
        for name, value in settings.items():
            match name:
                case "access_token":
                    account = self._accounts.pop(self._keys.access_token, None) or next(iter(self._accounts.values()))
                    self._accounts[str(value)] = account
                case "add_account":
                    self.add_account(value["access_token"], value["client_id"], value["client_secret"])
                case "revoke_scopes":
                    self._revoked = {str(scope) for scope in value}
                case "x_bc_signature":
                    self.deliverer.x_bc_signature = None if value is None else str(value)
                case "other_app":
                    self.quota.other_app = float(value)
                case "hooks_in_all":
                    self.hooks.in_all = None if value is None else int(value)
                case "double_hook":
                    self.hooks.double(int(value))
                case "delivery_timeout":
                    self.deliverer.timeout = float(value)
                case _ if not self.store.habits.change(name, value):
                    raise ControlRefused(f"bigcommerce has no knob {name!r}")
