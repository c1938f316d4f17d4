"""What shop people do to one order in the course of its life: pay, ship, cancel, give back. Through the store's own
doors, so that every check holds and every event fires; what is chosen freely is chosen by the order's own dice."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bcifs_console.simulator.bigcommerce import payments, refunds
from bcifs_console.simulator.bigcommerce.drafts import Payment
from bcifs_console.simulator.bigcommerce.editing import reprice
from bcifs_console.simulator.bigcommerce.refund_items import asked, remaining
from bcifs_console.simulator.bigcommerce.refund_payments import STORE_CREDIT, left_at
from bcifs_console.simulator.bigcommerce.shares import children, line_worth, to_ship
from bcifs_console.simulator.bigcommerce.shipping import add_shipment, change_shipment, remove_shipment
from bcifs_console.simulator.bigcommerce.store import Store
from bcifs_console.simulator.bigcommerce.wire import StoredOrder
from bcifs_console.simulator.money import ZERO, Json, quantum, rounded

_CARRIERS = (("fedex", "FedEx"), ("usps", "USPS"), ("ups", "UPS"))
_REASONS = ("Wrong size", "Arrived damaged", "Changed my mind", "Not as described", "Ordered by mistake")


@dataclass(frozen=True)
class Hands:
    store: Store
    order: StoredOrder
    dice: random.Random

    # What the order looks like

    def groups(self) -> list[Json]:
        """Physical lines that go out by themselves; a bundle's children go with it."""
        return [p for p in self.order.products if p["type"] == "physical" and p["parent_order_product_id"] is None]

    def left(self) -> dict[int, int]:
        """Units still to be shipped, by group."""
        return {row["id"]: to_ship(self.order, row) for row in self.groups() if to_ship(self.order, row)}

    def _product(self, number: int) -> Json:
        return next(row for row in self.order.products if row["id"] == number)

    def _with_children(self, number: int) -> list[int]:
        return [number, *(row["id"] for row in children(self.order, self._product(number)))]

    # Shipping

    def ship_rest(self) -> None:
        self._ship(self.left())

    def ship_part(self) -> None:
        """At least a unit goes and at least a unit stays."""
        left = self.left()
        units = [number for number, quantity in left.items() for _ in range(quantity)]
        chosen = self.dice.sample(units, self.dice.randint(1, len(units) - 1))
        self._ship({number: chosen.count(number) for number in left if number in chosen})

    def _ship(self, units: dict[int, int]) -> None:
        """One parcel per address. Half the shops write a bundle's own line on it, the others its parts alone."""
        with_parents = self.dice.random() < 0.5
        by_address: dict[int, list[Json]] = {}
        for number, quantity in units.items():
            whole = self._with_children(number)
            for own in whole if with_parents or len(whole) == 1 else whole[1:]:
                row = {"order_product_id": own, "quantity": quantity}
                by_address.setdefault(self._product(own)["order_address_id"], []).append(row)
        provider, carrier = self.dice.choice(_CARRIERS)
        for address, items in by_address.items():
            body = {"order_address_id": address, "items": items, "shipping_provider": provider}
            body |= {"tracking_carrier": carrier.lower(), "tracking_number": self._tracking()}
            add_shipment(self.store, self.order, {**body, "shipping_method": f"{carrier} Ground"})

    def _tracking(self) -> str:
        return f"{self.dice.randrange(10**11, 10**12)}"

    def change_tracking(self) -> None:
        change_shipment(
            self.store, self.order, str(self.order.shipments[-1]["id"]), {"tracking_number": self._tracking()}
        )

    def unship(self) -> None:
        remove_shipment(self.store, self.order, str(self.order.shipments[-1]["id"]))

    def status(self, number: int) -> None:
        self.store.set_status(self.order, number)

    # Money in

    def capture(self) -> None:
        payments.finish_capture(self.store, self.order)

    def void(self) -> None:
        payments.finish_void(self.store, self.order)

    def void_money(self) -> None:
        payments.void_money(self.store, self.order)

    def settle(self) -> None:
        payments.settle(self.store, self.order)

    def receive(self) -> None:
        """A cheque in the post, or cash at the door."""
        gateway = "cod" if self.order.draft.kind == "cash_on_delivery" else "cheque"
        amount = self.order.draft.pricing.total_inc
        payments.receive(self.store, self.order, Payment("purchase", "offline", gateway, amount))

    def edit(self) -> None:
        """One unit more of the first line, as somebody types it into the control panel."""
        first = self.order.products[0]
        fields = {"products": [{"id": first["id"], "quantity": first["quantity"] + 1}]}
        reprice(self.store, self.order, fields)
        self.store.set_status(self.order, self.order.order["status_id"])

    # Money out

    def line(self) -> int:
        """A line worth giving back, with units left to give."""
        fitting = [
            row["id"]
            for row in self.order.products
            if row["parent_order_product_id"] is None
            and row["type"] != "giftcertificate"
            and row["quantity_refunded"] < row["quantity"]
            and line_worth(self.order, row["id"]).gross >= row["quantity"] * quantum(self.order.draft.pricing.currency)
        ]
        return int(self.dice.choice(fitting))

    def units_of(self, number: int, quantity: int) -> list[Json]:
        """A bundle's children come back with it, at no charge."""
        return [
            {"item_type": "PRODUCT", "item_id": own, "quantity": quantity, "reason": self.dice.choice(_REASONS)}
            for own in self._with_children(number)
        ]

    def some_units(self, most: int | None = None) -> list[Json]:
        number = self.line()
        product = self._product(number)
        left = int(product["quantity"] - product["quantity_refunded"])
        return self.units_of(number, self.dice.randint(1, min(left, most or left)))

    def goods(self) -> list[Json]:
        """Every unit that was not given back yet."""
        return [
            {"item_type": "PRODUCT", "item_id": row["id"], "quantity": row["quantity"] - row["quantity_refunded"]}
            for row in self.order.products
            if row["quantity_refunded"] < row["quantity"]
        ]

    def charges(self) -> list[Json]:
        """What is left of shipping, handling, fees and wrapping."""
        rows: list[Json] = []
        for kind, field in (("SHIPPING", "cost_inc_tax"), ("HANDLING", "handling_cost_inc_tax")):
            rows += [self._amount(kind, row["id"], Decimal(row[field])) for row in self.order.shipping_addresses]
        rows += [self._amount("FEE", row["id"], Decimal(row["cost_inc_tax"])) for row in self.order.fees]
        rows = [row for row in rows if row["amount"] > 0]
        for product in self.order.products:
            given = self.order.given_back.get(("GIFT_WRAPPING", product["id"]), ZERO)
            if Decimal(product["wrapping_cost_inc_tax"]) and given < product["quantity"]:
                quantity = product["quantity"] - int(given)
                rows.append({"item_type": "GIFT_WRAPPING", "item_id": product["id"], "quantity": quantity})
        return rows

    def _amount(self, kind: str, number: int, whole: Decimal) -> Json:
        left = whole - self.order.given_back.get((kind, number), ZERO)
        return {"item_type": kind, "item_id": number, "amount": left}

    def order_level(self, share: str) -> list[Json]:
        """A tax-exempt amount: a part of what is left of the order's total."""
        amount = rounded(remaining(self.order) * Decimal(share), self.order.draft.pricing.currency)
        return [{"item_type": "ORDER", "item_id": self.order.id, "amount": amount, "reason": "Goodwill"}]

    def restocking(self, number: int, quantity: int) -> list[Json]:
        """Units come back and a tenth of their price is kept."""
        items = self.units_of(number, quantity)
        gross = asked(self.order, {"items": items}).total.gross
        kept = max(rounded(gross / 10, self.order.draft.pricing.currency), quantum(self.order.draft.pricing.currency))
        items[0]["adjustments"] = [{"amount": -kept, "description": "Restocking fee"}]
        return items

    def refund(self, items: Sequence[Json], *, way: str = "") -> None:
        """`way`: original, credit, offline or several; the dice choose when it is left open."""
        self._refund({"items": list(items)}, way)

    def refund_tax(self) -> None:
        """The buyer turned out to be exempt: the tax of a line is given back, no item with it."""
        self._refund({"tax_adjustment_amount": line_worth(self.order, self.line()).tax}, "")

    def refund_override(self, items: Sequence[Json]) -> None:
        """The merchant's own figures: a tenth less, its tax in proportion."""
        total = asked(self.order, {"items": list(items)}).total
        currency = self.order.draft.pricing.currency
        amount = rounded(total.gross * Decimal("0.9"), currency)
        tax = rounded(total.tax * amount / total.gross, currency)
        self._refund(
            {"items": list(items), "merchant_calculated_override": {"total_amount": amount, "total_tax": tax}}, ""
        )

    def _refund(self, body: Json, way: str) -> None:
        total = asked(self.order, body).total.gross
        chosen = way or self.dice.choices(("original", "credit", "offline", "several"), (6, 1, 2, 1))[0]
        refunds.refund(self.store, self.order, {**body, "payments": self._ways(total, chosen)})

    def _ways(self, total: Decimal, way: str) -> list[Json]:
        original = refunds.original_ways(self.order, total)
        offline = [{"provider_id": "custom", "amount": total, "offline": True}]
        takes_credit = self.order.order["customer_id"] and self.order.order["default_currency_code"] == "USD"
        if way == "credit" and takes_credit:
            return [{"provider_id": STORE_CREDIT, "amount": total, "offline": False}]
        if way == "several" and original and len(original) == 1:
            return self._two(total, original[0], "custom" if not takes_credit else STORE_CREDIT)
        if way == "offline" or not original:
            return offline
        return [{name: row[name] for name in ("provider_id", "amount", "offline")} for row in original]

    def _two(self, total: Decimal, first: Json, second: str) -> list[Json]:
        half = min(rounded(total / 2, self.order.draft.pricing.currency), left_at(self.order, first["provider_id"]))
        rows = [{"provider_id": first["provider_id"], "amount": half, "offline": first["offline"]}]
        return [*rows, {"provider_id": second, "amount": total - half, "offline": second == "custom"}]
