"""The order and the facts of a worked example (docs/accounting.md, "How to read an example") as domain values.

Fenced blocks are found by `worked_examples`; a line that is not understood raises Unreadable with its number.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NoReturn

from bcifs_console.accounting.gates import STATUS_NAMES
from bcifs_console.domain.movements import (
    Refund,
    RefundItem,
    RefundItemType,
    RefundPayment,
    Shipment,
    ShippedItem,
    Tender,
)
from bcifs_console.domain.orders import Charge, ChargeKind, LineType, Order, OrderLine
from bcifs_console.domain.rules import Policy, RevenuePosting, TaxPoint
from bcifs_console.domain.vouchers import Rate
from tests.accounting.bookkeeping import BOOKS, lived
from tests.accounting.building import line, order

#: Noon of day 1 of every example. Days are those of UTC, the examples' time zone.
_DAY_1: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
#: The store's own transaction of a refund gets the refund's number and this.
_REFUND_TRANSACTIONS: Final = 900
_AMOUNT: Final = r"\d+(?:\.\d+)?"
_TYPES: Final = {None: LineType.PHYSICAL, "digital": LineType.DIGITAL, "gift certificate": LineType.GIFT_CERTIFICATE}

_HEAD: Final = rf"BC-5001 in (?P<currency>[A-Z]{{3}}): total (?P<total>{_AMOUNT}), tax (?P<tax>{_AMOUNT})"
_LINE: Final = (
    rf"line (?P<id>\d+): (?P<count>\d+) x (?P<name>[^,:()]+)(?: \((?P<type>digital|gift certificate)\))?: "
    rf"net (?P<net>{_AMOUNT}), tax (?P<tax>{_AMOUNT})(?:, after discounts (?P<after>{_AMOUNT}))?"
)
_CHARGE: Final = rf"(?P<kind>shipping|handling|fee): net (?P<net>{_AMOUNT}), tax (?P<tax>{_AMOUNT})"
_FIGURE: Final = rf"(?P<name>discount|coupon|store credit spent|gift certificates spent): (?P<amount>{_AMOUNT})"
_RATE: Final = rf"rate: (?P<factor>\d+) [A-Z]{{3}} = (?P<rate>{_AMOUNT}) (?P<home>[A-Z]{{3}})"
_POLICY: Final = r"policy: (?P<key>tax_point|revenue_posting|post_from) = (?P<value>payment|ifs_invoice|day \d+)"
_FIGURES: Final = {
    "discount": "discount_amount",
    "coupon": "coupon_discount",
    "store credit spent": "store_credit_amount",
    "gift certificates spent": "gift_certificate_amount",
}

_SEEN: Final = r"seen on day (?P<day>\d+)"
_ON: Final = r"day (?P<day>\d+): "
_PAYMENT: Final = (
    rf"(?P<event>payment|authorization|capture|void) (?P<id>\d+)(?: of (?P<of>\d+))?: "
    rf"(?P<amount>{_AMOUNT}) by (?P<method>\w+) over (?P<gateway>\w+)"
)
_SHIPMENT: Final = r"shipment (?P<id>\d+): (?P<items>\d+ of line \d+(?: \+ \d+ of line \d+)*)"
_DELETED: Final = r"shipment (?P<id>\d+) deleted"
_REFUND: Final = (
    rf"refund (?P<id>\d+): (?P<total>{_AMOUNT}), tax (?P<tax>{_AMOUNT}), for (?P<items>[^;]+); paid (?P<paid>[^;]+)"
)
_STATUS: Final = "|".join(f"status {number} {name}" for number, name in STATUS_NAMES.items())
_UNITS: Final = rf"(?P<count>\d+) of line (?P<line>\d+)(?: at (?P<amount>{_AMOUNT}))?"
_PART: Final = rf"(?P<what>shipping|handling|the order) (?P<amount>{_AMOUNT})"
_PAID: Final = rf"(?P<amount>{_AMOUNT}) (?P<way>over|to) (?P<gateway>\w+)"


class Unreadable(Exception):
    """The document cannot be read as its own rules say."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the document."""

    number: int
    text: str

    def refuse(self, why: str = "not understood") -> NoReturn:
        raise Unreadable(f"line {self.number}: {why}: {self.text!r}")

    def read(self, pattern: str) -> re.Match[str]:
        """The whole line by this pattern, which it must have."""
        return re.fullmatch(pattern, self.text) or self.refuse()


def day_of(number: str) -> date:
    """The date of `day N`."""
    return _moment(number).date()


def _moment(number: str, place: int = 0) -> datetime:
    return _DAY_1 + timedelta(days=int(number) - 1, minutes=place)


class WorkedOrder:
    """The order of one example, and what has happened to it so far."""

    def __init__(self, lines: tuple[Line, ...]) -> None:
        if not lines:
            raise Unreadable("an order block without lines")
        self.policy: Policy = BOOKS
        self.rate: Rate | None = None
        self._head = lines[0].read(_HEAD)
        self._lines: dict[int, OrderLine] = {}
        self._more: dict[str, Any] = {}
        self._charges: list[Charge] = []
        self._status = (11, "Awaiting Fulfillment")
        self._tenders: dict[int, Tender] = {}
        self._shipments: dict[int, Shipment] = {}
        self._refunds: dict[int, Refund] = {}
        self._place = 0
        for each in lines[1:]:
            _dispatch(each.text, each, _ORDER, self)

    def after(self, lines: tuple[Line, ...]) -> tuple[Order, datetime]:
        """The order as the store shows it after these facts too, and the moment of the look."""
        if not lines:
            raise Unreadable("a facts block without lines")
        seen = lines[0].read(_SEEN)
        for each in lines[1:]:
            on = re.match(_ON, each.text) or each.refuse()
            self._place += 1
            self._at = _moment(on["day"], self._place)
            _dispatch(each.text[on.end() :], each, _FACTS, self)
        return self._as_the_store_shows_it(), _moment(seen["day"], 600)

    def _as_the_store_shows_it(self) -> Order:
        shipped = [item for shipment in self._shipments.values() for item in shipment.items]
        refunded = [item for refund in self._refunds.values() for item in refund.items]
        lines = [
            replace(
                sold,
                quantity_shipped=sum(item.quantity for item in shipped if item.order_line_id == sold.id),
                quantity_refunded=sum(
                    item.quantity for item in refunded if item.item_id == sold.id and item.type == "PRODUCT"
                ),
            )
            for sold in self._lines.values()
        ]
        placed = order(lines, inc=self._head["total"], tax=self._head["tax"], currency=self._head["currency"])
        status_id, status = self._status
        moved = lived(
            replace(placed, charges=tuple(self._charges), placed_at=_DAY_1, modified_at=_DAY_1),
            tenders=tuple(self._tenders.values()),
            shipments=tuple(self._shipments.values()),
            refunds=tuple(self._refunds.values()),
        )
        return replace(moved, status_id=status_id, status=status, **self._more)

    # -- the order ---------------------------------------------------------------------------------------------------

    def line(self, found: re.Match[str]) -> None:
        net, tax = Decimal(found["net"]), Decimal(found["tax"])
        after = Decimal(found["after"] or net + tax)
        self._lines[int(found["id"])] = line(
            int(found["id"]),
            ex=f"{net}",
            inc=f"{net + tax}",
            quantity=int(found["count"]),
            discount=f"{net + tax - after}" if found["after"] else "",
            type=_TYPES[found["type"]],
            name=found["name"],
        )

    def charge(self, found: re.Match[str]) -> None:
        net, tax = Decimal(found["net"]), Decimal(found["tax"])
        self._charges.append(Charge(ChargeKind(found["kind"]), net, net + tax, tax))

    def figure(self, found: re.Match[str]) -> None:
        self._more[_FIGURES[found["name"]]] = Decimal(found["amount"])

    def rate_of(self, found: re.Match[str]) -> None:
        self.rate = Rate(Decimal(found["rate"]), found["home"], Decimal(found["factor"]))

    def choose(self, found: re.Match[str]) -> None:
        match found["key"], found["value"]:
            case "tax_point", "payment":
                self.policy = replace(self.policy, tax_point=TaxPoint.PAYMENT)
            case "revenue_posting", "ifs_invoice":
                self.policy = replace(self.policy, revenue_posting=RevenuePosting.IFS_INVOICE)
            case "post_from", str(day) if day.startswith("day "):
                self.policy = replace(self.policy, post_from=_moment(day.removeprefix("day ")) - timedelta(hours=12))
            case other:
                raise Unreadable(f"no such policy: {other}")

    # -- the facts ---------------------------------------------------------------------------------------------------

    def payment(self, found: re.Match[str]) -> None:
        event = "purchase" if found["event"] == "payment" else found["event"]
        reference = int(found["of"]) if found["of"] else None
        self._tender(int(found["id"]), event, found["method"], found["gateway"], found["amount"], reference)

    def shipment(self, found: re.Match[str]) -> None:
        items = (_units(text) for text in found["items"].split(" + "))
        number = int(found["id"])
        self._shipments[number] = Shipment(
            number, self._at, tuple(ShippedItem(int(unit["line"]), int(unit["count"])) for unit in items)
        )

    def delete(self, found: re.Match[str]) -> None:
        if self._shipments.pop(int(found["id"]), None) is None:
            raise Unreadable(f"shipment {found['id']} is deleted before it was made")

    def refund(self, found: re.Match[str]) -> None:
        number = int(found["id"])
        items = () if found["items"] == "tax alone" else tuple(map(_item, found["items"].split(" + ")))
        payments = []
        for place, text in enumerate(found["paid"].split(" + "), 1):
            paid = _whole(_PAID, text)
            goes_back = paid["way"] == "over"
            payments.append(RefundPayment(place, paid["gateway"], Decimal(paid["amount"]), is_offline=not goes_back))
            if goes_back:
                method = next(t.method for t in self._tenders.values() if t.gateway == paid["gateway"])
                self._tender(_REFUND_TRANSACTIONS + number, "refund", method, paid["gateway"], paid["amount"], None)
        total, tax = Decimal(found["total"]), Decimal(found["tax"])
        self._refunds[number] = Refund(number, 5001, self._at, total, tax, items, tuple(payments))

    def status(self, found: re.Match[str]) -> None:
        number, name = found[0].removeprefix("status ").split(" ", 1)
        self._status = (int(number), name)

    def _tender(self, number: int, event: str, method: str, gateway: str, amount: str, of: int | None) -> None:
        made = Tender(number, event, method, gateway, Decimal(amount), self._head["currency"], "ok", self._at)
        self._tenders[number] = replace(made, reference_id=of)


_Readers = Mapping[str, Callable[[WorkedOrder, re.Match[str]], None]]
_ORDER: Final[_Readers] = {
    _LINE: WorkedOrder.line,
    _CHARGE: WorkedOrder.charge,
    _FIGURE: WorkedOrder.figure,
    _RATE: WorkedOrder.rate_of,
    _POLICY: WorkedOrder.choose,
}
_FACTS: Final[_Readers] = {
    _PAYMENT: WorkedOrder.payment,
    _SHIPMENT: WorkedOrder.shipment,
    _DELETED: WorkedOrder.delete,
    _REFUND: WorkedOrder.refund,
    _STATUS: WorkedOrder.status,
}


def _dispatch(text: str, of: Line, readers: _Readers, to: WorkedOrder) -> None:
    for pattern, read in readers.items():
        found = re.fullmatch(pattern, text)
        if found is not None:
            read(to, found)
            return
    of.refuse()


def _whole(pattern: str, text: str) -> re.Match[str]:
    found = re.fullmatch(pattern, text)
    if found is None:
        raise Unreadable(f"not understood: {text!r}")
    return found


def _units(text: str) -> re.Match[str]:
    return _whole(_UNITS, text)


def _item(text: str) -> RefundItem:
    of_line = re.fullmatch(_UNITS, text)
    if of_line is not None:
        amount = Decimal(of_line["amount"]) if of_line["amount"] else None
        return RefundItem(RefundItemType.PRODUCT, int(of_line["line"]), int(of_line["count"]), amount)
    part = _whole(_PART, text)
    kind = RefundItemType.ORDER if part["what"] == "the order" else RefundItemType(part["what"].upper())
    return RefundItem(kind, 5001 if kind is RefundItemType.ORDER else 1, amount=Decimal(part["amount"]))
