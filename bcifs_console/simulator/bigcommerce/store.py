"""The store's truth: orders and what happens to them. Every change emits the events that a real store would."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from bcifs_console.simulator.bigcommerce import kinds
from bcifs_console.simulator.bigcommerce.deliveries import Deliverer
from bcifs_console.simulator.bigcommerce.drafts import OrderDraft, Payment
from bcifs_console.simulator.bigcommerce.habits import Habits
from bcifs_console.simulator.bigcommerce.parts import Numbers
from bcifs_console.simulator.bigcommerce.statuses import NAMES
from bcifs_console.simulator.bigcommerce.transactions import transaction
from bcifs_console.simulator.bigcommerce.wire import StoredOrder, stored
from bcifs_console.simulator.clock import Clock, rfc2822
from bcifs_console.simulator.money import Json

FIRST_ORDER = 5001


class Store:
    def __init__(self, clock: Clock, deliverer: Deliverer, seed: int, api: str = "") -> None:
        self.clock = clock
        self.deliverer = deliverer
        self.api = api
        self.orders: dict[int, StoredOrder] = {}
        self._dice = random.Random(f"orders/{seed}")
        self._deck: list[str] = []
        self._gates = 0
        self._next_order = FIRST_ORDER
        self._next = {"product": 20001, "address": 8001, "tax": 30001, "coupon": 401, "fee": 61}
        self._next |= {"transaction": 44, "shipment": 61, "refund": 9, "refund_payment": 1}
        self._moment: datetime | None = None
        self._muted = False
        self.habits = Habits()

    @contextmanager
    def acting(self, moment: datetime | None = None, *, muted: bool = False) -> Iterator[None]:
        """What happens inside is dated `moment`; `muted` fires no events. Modification dates stay the clock's own."""
        before = self._moment, self._muted
        self._moment, self._muted = moment or self._moment, muted or self._muted
        try:
            yield
        finally:
            self._moment, self._muted = before

    def now(self) -> datetime:
        """When a fact happens that is made now."""
        return self._moment or self.clock.now()

    def emit(self, scope: str, data: Json, order_id: int) -> None:
        if not self._muted:
            self.deliverer.emit(scope, data, order_id)

    def take(self, what: str, count: int = 1) -> int:
        first = self._next[what]
        self._next[what] += count
        return first

    def run(self, what: str, count: int) -> tuple[int, ...]:
        first = self.take(what, count)
        return tuple(range(first, first + count))

    def reserve(self) -> int:
        number = self._next_order
        self._next_order += 1
        return number

    def draw(self, wanted: list[str] | None, index: int) -> OrderDraft:
        """The next card of a shuffled deck, or one of the wanted kinds in turn."""
        if wanted:
            name = wanted[index % len(wanted)]
        else:
            if not self._deck:
                self._deck = list(kinds.DECK)
                self._dice.shuffle(self._deck)
            name = self._deck.pop()
        return kinds.varied_status(kinds.KINDS[name](self._dice), self._dice)

    def draw_gated(self) -> OrderDraft:
        status, payment = kinds.GATED[self._gates % len(kinds.GATED)]
        self._gates += 1
        return kinds.gated(self._dice, status, payment)

    def place(
        self, draft: OrderDraft, number: int | None = None, *, announce: bool = True, age: float = 0.0
    ) -> StoredOrder:
        moment = datetime.fromtimestamp(self.clock.seconds() - age, UTC)
        pricing = draft.pricing
        numbers = Numbers(
            order=self.reserve() if number is None else number,
            products=self.run("product", len(pricing.lines)),
            address=self.take("address", max(1, len(draft.shipping_addresses))),
            tax=self.take("tax", len(pricing.lines) * 2 + 2),
            coupon=self.take("coupon", len(pricing.discounts) or 1),
            fee=self.take("fee", len(pricing.fees) or 1),
        )
        order = stored(draft, numbers, moment, self.api)
        self.orders[order.id] = order
        for payment in draft.payments:
            order.transactions.append(self.transaction(order, payment, moment))
        if announce:
            self._announce(order)
        return order

    def _announce(self, order: StoredOrder) -> None:
        """A shop front's order starts as Incomplete and moves on when it is paid."""
        self.order_event(order, "created")
        self.order_event(order, "updated")
        status = order.order["status_id"]
        if order.order["order_source"] != "external" and status != 0:
            self.status_event(order, 0, status)
        for row in order.transactions:
            self.transaction_event(row)

    def order_event(self, order: StoredOrder, what: str) -> None:
        self.emit(f"store/order/{what}", {"type": "order", "id": order.id}, order.id)

    def status_event(self, order: StoredOrder, before: int, after: int) -> None:
        data = {
            "type": "order",
            "id": order.id,
            "status": {"previous_status_id": before, "new_status_id": after},
        }
        self.emit("store/order/statusUpdated", data, order.id)

    def transaction_event(self, row: Json, what: str = "created") -> None:
        event, ok = row["event"], row["status"] == "ok"
        code = "captured" if event in ("purchase", "capture") else event
        data = {
            "type": "transaction",
            "order_id": row["order_id"],
            # Made by the payment provider; it is not the id of the V3 transaction.
            "transaction_id": row["gateway_transaction_id"] or str(row["id"]),
            "transaction_status": "complete" if ok else row["status"],
            "transaction_type": "capture" if event == "purchase" else event,
            "result": {"code": code, "message": code.capitalize(), "type": "success" if ok else row["status"]},
            "platform_transaction_id": str(row["id"] + 768),
            "provider_transaction_id": f"PRV-{row['id']}",
        }
        self.emit(f"store/order/transaction/{what}", data, int(row["order_id"]))

    def backdate(self, order: StoredOrder, created: float) -> None:
        """A migrated order: made long ago, yet changed just now."""
        order.created = created
        order.order["date_created"] = rfc2822(datetime.fromtimestamp(created, UTC))

    def changed(self, order: StoredOrder) -> None:
        now = self.clock.now()
        order.modified = now.timestamp()
        order.order["date_modified"] = rfc2822(now)

    def set_status(self, order: StoredOrder, status: int) -> None:
        before = order.order["status_id"]
        order.order.update(status_id=status, status=NAMES[status], custom_status=NAMES[status])
        if status in (2, 10) and not order.order["date_shipped"]:
            order.order["date_shipped"] = rfc2822(self.now())
        self.changed(order)
        self.order_event(order, "updated")
        if before != status:
            self.status_event(order, before, status)

    def archive(self, order: StoredOrder) -> None:
        order.order["is_deleted"] = True
        self.changed(order)
        self.order_event(order, "archived")

    def pay(self, order: StoredOrder, payment: Payment) -> Json:
        row = self.transaction(order, payment, self.now())
        order.transactions.append(row)
        self.transaction_changed(order, row, "created")
        return row

    def transaction_changed(self, order: StoredOrder, row: Json, what: str = "updated") -> None:
        self.changed(order)
        self.transaction_event(row, what)
        self.order_event(order, "updated")

    def transaction(self, order: StoredOrder, payment: Payment, moment: datetime) -> Json:
        currency = order.order["default_currency_code"]
        return transaction(self.take("transaction"), order.id, currency, payment, moment)
