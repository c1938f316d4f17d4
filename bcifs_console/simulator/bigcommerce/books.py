"""`GET /_sim/books`: what the store's own records come to, day by day: the truth that a reconciliation is held against.

Computed from the records as they stand, never from what was told to anybody. Days are those of the given time zone;
amounts are in each order's currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bcifs_console.simulator.bigcommerce.listing import moment_of
from bcifs_console.simulator.bigcommerce.refund_payments import is_paid
from bcifs_console.simulator.bigcommerce.shares import (
    Worth,
    children,
    fee_worth,
    handling_worth,
    line_worth,
    shipping_worth,
    wrapping_worth,
)
from bcifs_console.simulator.bigcommerce.transactions import counted, voids
from bcifs_console.simulator.bigcommerce.wire import StoredOrder
from bcifs_console.simulator.control import ControlRefused
from bcifs_console.simulator.money import ZERO, Json, quantum


@dataclass(frozen=True)
class Fact:
    """One thing that happened. `charges`: the part of a shipment's amount that is not goods."""

    kind: str  # orders, payments, voids, refunds, shipments, status_shipments
    order_id: int
    id: int
    moment: float
    amount: Decimal
    currency: str
    charges: Decimal = ZERO


@dataclass
class _Row:
    count: int = 0
    total: Decimal = ZERO
    charges: Decimal = ZERO
    facts: list[Json] = field(default_factory=list)


def books(orders: Iterable[StoredOrder], query: dict[str, str]) -> Json:
    """`from`, `to` (both days belong to it), `time_zone`, and `facts=true` for the single facts behind each sum."""
    first, last, zone = _day(query, "from"), _day(query, "to"), _zone(query.get("time_zone", "America/Chicago"))
    rows: dict[tuple[str, str, str], _Row] = {}
    for order in orders:
        for fact in facts(order):
            day = datetime.fromtimestamp(fact.moment, UTC).astimezone(zone).date()
            if first <= day <= last:
                _add(rows.setdefault((day.isoformat(), fact.currency, fact.kind), _Row()), fact)
    with_facts = query.get("facts") == "true"
    return {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "time_zone": zone.key,
        "days": [_shown(key, row, with_facts) for key, row in sorted(rows.items())],
    }


def _day(query: dict[str, str], name: str) -> date:
    try:
        return date.fromisoformat(query.get(name, ""))
    except ValueError:
        raise ControlRefused(f"{name} must be a day, as 2026-11-30") from None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ControlRefused(f"{name!r} is no time zone") from None


def _add(row: _Row, fact: Fact) -> None:
    row.count += 1
    row.total += fact.amount
    row.charges += fact.charges
    row.facts.append({"order_id": fact.order_id, "id": fact.id, "amount": _text(fact.amount, fact.currency)})


def _shown(key: tuple[str, str, str], row: _Row, with_facts: bool) -> Json:
    day, currency, kind = key
    view: Json = {"day": day, "currency": currency, "kind": kind, "count": row.count}
    view["sum"] = _text(row.total, currency)
    if kind in ("shipments", "status_shipments"):
        view |= {"goods": _text(row.total - row.charges, currency), "charges": _text(row.charges, currency)}
    if with_facts:
        view["facts"] = row.facts
    return view


def _text(amount: Decimal, currency: str) -> str:
    return f"{amount.quantize(quantum(currency)):f}"


def facts(order: StoredOrder) -> Iterator[Fact]:
    currency = order.order["default_currency_code"]

    def fact(kind: str, number: int, moment: str, amount: Decimal) -> Fact:
        return Fact(kind, order.id, number, moment_of(moment), amount, currency)

    yield fact("orders", order.id, order.order["date_created"], Decimal(order.order["total_inc_tax"]))
    for row in counted(order.transactions):
        yield fact("payments", row["id"], row["date_created"], row["amount"])
    for row in voids(order.transactions):
        yield fact("voids", row["id"], row["date_created"], row["amount"])
    for row in order.refunds:
        if is_paid(order, row):
            yield fact("refunds", row["id"], row["created"], row["total_amount"])
    yield from _Shipping(order).facts()


class _Shipping:
    """Goes through an order's shipments and refunds as they happened: which units and charges each shipment takes.

    A refund takes units that had not gone yet; the first shipment brings what is left of the charges; wrapping goes
    with the units that it wraps. A status that says Shipped takes every unit that stands in no record.
    """

    def __init__(self, order: StoredOrder) -> None:
        self._order = order
        self._currency: str = order.order["default_currency_code"]
        self._products = {product["id"]: product for product in order.products}
        self._consumed = dict.fromkeys(self._products, 0)  # units shipped, or refunded before they were
        self._shipped = dict.fromkeys(self._products, 0)
        self._wrapping_gone = dict.fromkeys(self._products, ZERO)
        self._charges_left = sum((worth.gross for worth in self._charges()), ZERO)

    def _charges(self) -> Iterator[Worth]:
        for address in self._order.shipping_addresses:
            yield shipping_worth(address)
            yield handling_worth(address)
        yield from map(fee_worth, self._order.fees)

    def facts(self) -> Iterator[Fact]:
        """On the same second a shipment comes before a refund."""
        steps = [(moment_of(row["date_created"]), 0, row["id"], row) for row in self._order.shipments]
        if self._order.order["date_shipped"]:
            steps.append((moment_of(self._order.order["date_shipped"]), 1, self._order.id, {}))
        steps += [(moment_of(row["created"]), 2, row["id"], row) for row in self._order.refunds]
        for moment, rank, number, row in sorted(steps, key=lambda step: step[:3]):
            if rank == 2:
                self._refund(row)
                continue
            units = self._by_status() if rank else _units([row])
            if units:
                goods, charges = self._ship(units)
                kind = "status_shipments" if rank else "shipments"
                yield Fact(kind, self._order.id, number, moment, goods + charges, self._currency, charges)

    def _refund(self, refund: Json) -> None:
        for item in refund["items"]:
            number = item["item_id"]
            if item["item_type"] == "PRODUCT":
                left = self._products[number]["quantity"] - self._consumed[number]
                self._consumed[number] += min(item["quantity"], left)
            elif item["item_type"] == "GIFT_WRAPPING":
                self._wrapping_gone[number] += item["requested_amount"]
            elif item["item_type"] in ("SHIPPING", "HANDLING", "FEE") and self._charges_left:
                self._charges_left -= item["requested_amount"]

    def _by_status(self) -> dict[int, int]:
        """Units in no shipment record; those of a removed one are not told again."""
        removed = _units(self._order.removed_shipments)
        units = {}
        for number, product in self._products.items():
            parts = [removed.get(child["id"], 0) for child in children(self._order, product)]
            gone = max(removed.get(number, 0), min(parts, default=0))
            left = product["quantity"] - self._consumed[number] - gone
            if product["type"] == "physical" and left > 0:
                units[number] = left
        return units

    def _ship(self, units: dict[int, int]) -> tuple[Decimal, Decimal]:
        """Goods and charges. A bundle's own line goes as far as its least-shipped child."""
        moved = dict(units)
        for number, quantity in units.items():
            self._shipped[number] += quantity
        for number, product in self._products.items():
            parts = children(self._order, product)
            if parts and number not in units:
                reached = min(self._shipped[child["id"]] for child in parts)
                moved[number] = max(0, reached - self._shipped[number])
                self._shipped[number] += moved[number]
        goods, charges = ZERO, self._charges_left
        self._charges_left = ZERO
        for number, quantity in moved.items():
            goods_part, wrapping_part = self._recognise(number, quantity)
            goods += goods_part
            charges += wrapping_part
        return goods, charges

    def _recognise(self, number: int, quantity: int) -> tuple[Decimal, Decimal]:
        """Of a line and of its wrapping."""
        whole, before = self._products[number]["quantity"], self._consumed[number]
        after = self._consumed[number] = min(whole, before + quantity)
        steps = Decimal(before), Decimal(after), Decimal(whole)
        wrapping, gone = wrapping_worth(self._products[number]), self._wrapping_gone[number]
        wrapped = min(wrapping.part(*steps, self._currency).gross, wrapping.gross - gone)
        self._wrapping_gone[number] += wrapped
        return line_worth(self._order, number).part(*steps, self._currency).gross, wrapped


def _units(shipments: Iterable[Json]) -> dict[int, int]:
    units: dict[int, int] = {}
    for row in shipments:
        for item in row["items"]:
            number = item["order_product_id"]
            units[number] = units.get(number, 0) + item["quantity"]
    return units
