"""Random lives of orders: a small shop that sells, captures, voids, ships, takes back and cancels, hour by hour.

The shop computes what a store would state; that it never asks the accounting what to say is the point.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from hypothesis import strategies as st

from bcifs_console.domain.money import CAP_MINOR_UNITS, ZERO, minor_unit, rounded
from bcifs_console.domain.movements import (
    Refund,
    RefundItem,
    RefundItemType,
    RefundPayment,
    Shipment,
    ShippedItem,
    Tender,
)
from bcifs_console.domain.orders import Charge, ChargeKind, LineType, Order, OrderLine, TaxRow
from bcifs_console.domain.vouchers import Rate
from tests.accounting.bookkeeping import hours
from tests.accounting.building import RATES, coherent_line, dec, order

CURRENCIES = ("USD", "USD", "JPY", "KWD")
GATEWAYS = ("stripe", "paypal")
_ITEM_OF_CHARGE = {
    ChargeKind.SHIPPING: RefundItemType.SHIPPING,
    ChargeKind.HANDLING: RefundItemType.HANDLING,
    ChargeKind.WRAPPING: RefundItemType.GIFT_WRAPPING,
    ChargeKind.FEE: RefundItemType.FEE,
}


@dataclass(frozen=True)
class Life:
    """What the shop showed at each look, the last being the end of it."""

    looks: tuple[tuple[Order, datetime], ...]
    rate: Rate | None

    @property
    def end(self) -> Order:
        return self.looks[-1][0]


@st.composite
def shopped(draw: st.DrawFn) -> Order:
    """An order with lines of every type, wrapping, a bundle, discounts and charges, in one of several currencies."""
    currency = draw(st.sampled_from(CURRENCIES))
    unit = minor_unit(currency)
    inclusive, percent = draw(st.booleans()), draw(st.sampled_from([0, 0, 10, 33]))
    lines: list[OrderLine] = []
    rows: list[TaxRow] = []
    discounts = ZERO
    for number in range(1, draw(st.integers(1, 4)) + 1):
        kind = draw(st.sampled_from([LineType.PHYSICAL] * 4 + [LineType.DIGITAL, LineType.GIFT_CERTIFICATE]))
        is_gift = kind is LineType.GIFT_CERTIFICATE
        rate = dec("0" if is_gift else draw(st.sampled_from(RATES)))
        price, quantity = draw(st.integers(1, 9000)) * unit, draw(st.integers(1, 5))
        made, tax, discount = coherent_line(
            number, price, quantity, rate, inclusive=inclusive, percent=0 if is_gift else percent, on_ex_side=False
        )
        lines.append(replace(made, type=kind))
        rows.append(TaxRow(f"Tax {rate}", rate, tax, "Default", "item", number, 1))
        discounts += discount
    lines += _bundle(draw, lines)
    charges = _charges(draw, lines, unit)
    gross = sum((li.discounted_total_inc_tax or ZERO for li in lines), ZERO)
    tax = sum((row.amount for row in rows), ZERO)
    return order(
        [_wrapped(draw, li, unit) if _is_wrapped(charges) else li for li in lines],
        inc=str(rounded(gross, currency) + sum((c.inc_tax for c in charges), ZERO)),
        tax=str(rounded(tax, currency) + sum((c.tax for c in charges), ZERO)),
        currency=currency,
        tax_inclusive=inclusive,
        charges=tuple(charges),
        discount_amount=discounts,
        taxes=tuple(rows) if draw(st.booleans()) else None,
    )


def _bundle(draw: st.DrawFn, lines: Sequence[OrderLine]) -> list[OrderLine]:
    """Sometimes the first line, if it is goods, is a bundle of two children without a price."""
    parent = lines[0]
    if parent.type is not LineType.PHYSICAL or draw(st.integers(0, 3)):
        return []
    per_bundle = draw(st.integers(1, 2))
    blank, _, _ = coherent_line(1, ZERO, 1, ZERO, inclusive=False, percent=0, on_ex_side=False)
    return [
        replace(blank, id=number, sku=f"sku-{number}", quantity=parent.quantity * per_bundle, parent_id=parent.id)
        for number in (51, 52)
    ]


def _charges(draw: st.DrawFn, lines: Sequence[OrderLine], unit: Decimal) -> list[Charge]:
    kinds = draw(st.lists(st.sampled_from(list(_ITEM_OF_CHARGE)), unique=True, max_size=3))
    found = []
    for kind in kinds:
        net, tax = draw(st.integers(1, 2000)) * unit, draw(st.integers(0, 200)) * unit
        found.append(Charge(kind, net, net + tax, tax, kind.value, 7 if kind is ChargeKind.FEE else 0))
    return found


def _is_wrapped(charges: Sequence[Charge]) -> bool:
    return any(charge.kind is ChargeKind.WRAPPING for charge in charges)


def _wrapped(draw: st.DrawFn, of: OrderLine, unit: Decimal) -> OrderLine:
    return replace(of, wrapping_inc_tax=draw(st.integers(0, 2)) * unit)


@dataclass
class Shop:
    """One order as the shop keeps it."""

    draw: st.DrawFn
    order: Order
    hour: int = 1
    number: int = 60
    tenders: list[Tender] = field(default_factory=list)
    shipments: list[Shipment] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    given: dict[str, Decimal] = field(default_factory=dict)  #: refunded of charges, and in all
    status: int = 11

    @property
    def unit(self) -> Decimal:
        return minor_unit(self.order.currency)

    @property
    def paid(self) -> Decimal:
        moves = {"purchase": 1, "capture": 1, "settled": 1, "void": -1}
        return sum((moves.get(t.event, 0) * t.amount for t in self.tenders if t.status == "ok" and not t.is_test), ZERO)

    @property
    def shown(self) -> Order:
        return replace(
            self.order,
            status_id=self.status,
            tenders=tuple(self.tenders),
            shipments=tuple(self.shipments),
            refunds=tuple(self.refunds),
            modified_at=hours(self.hour),
            lines=tuple(
                replace(li, quantity_shipped=self.shipped(li.id), quantity_refunded=self.refunded(li.id))
                for li in self.order.lines
            ),
        )

    def shipped(self, line_id: int) -> int:
        return sum(i.quantity for s in self.shipments for i in s.items if i.order_line_id == line_id)

    def refunded(self, line_id: int) -> int:
        return sum(
            i.quantity
            for r in self.refunds
            for i in r.items
            if i.type == RefundItemType.PRODUCT and i.item_id == line_id
        )

    def next_number(self) -> int:
        self.number += 1
        return self.number

    # -- what may happen ---------------------------------------------------------------------------------------------

    def capture(self) -> None:
        left = self.order.total_inc_tax - self.paid
        if left > 0:
            share = self.draw(st.sampled_from([100, 100, 50, 30]))
            amount = max(rounded(left * share / 100, self.order.currency), self.unit)
            if left - amount <= CAP_MINOR_UNITS * self.unit:
                amount = left  # so little is rounded off when the order closes; it is not paid on its own
            self._tender(self.draw(st.sampled_from(["purchase", "capture", "settled"])), min(amount, left))

    def evidence(self) -> None:
        """Transactions that are never entries."""
        event = self.draw(st.sampled_from(["authorization", "pending", "purchase", "capture"]))
        is_money = event in {"purchase", "capture"}
        is_test = is_money and self.draw(st.booleans())
        self._tender(event, self.unit * 100, status="error" if is_money and not is_test else "ok", is_test=is_test)

    def void(self) -> None:
        voided = {t.reference_id for t in self.tenders if t.event == "void"}
        open_ = [
            t
            for t in self.tenders
            if t.event in {"purchase", "capture", "settled"} and t.status == "ok" and not t.is_test
            if t.id not in voided
        ]
        if open_ and not self.refunds:
            of = self.draw(st.sampled_from(open_))
            self._tender("void", of.amount, gateway=of.gateway, reference_id=of.id)

    def ship(self) -> None:
        items = []
        for li in self.order.lines:
            open_units = li.quantity - self.shipped(li.id) - self.refunded(li.id)
            if li.type is LineType.PHYSICAL and open_units > 0 and (units := self.draw(st.integers(0, open_units))):
                items.append(ShippedItem(li.id, units))
        if items:
            self.shipments.append(Shipment(self.next_number(), hours(self.hour), tuple(items)))
            self.status = 3

    def lose_shipment(self) -> None:
        if self.shipments:
            self.shipments.remove(self.draw(st.sampled_from(self.shipments)))

    def ship_all(self) -> None:
        for li in self.order.lines:
            rest = li.quantity - self.shipped(li.id) - self.refunded(li.id)
            if li.type is LineType.PHYSICAL and rest > 0:
                item = ShippedItem(li.id, rest)
                self.shipments.append(Shipment(self.next_number(), hours(self.hour), (item,)))

    def complete(self) -> None:
        self.status = self.draw(st.sampled_from([2, 10]))

    def cancel(self) -> None:
        self.status = self.draw(st.sampled_from([5, 6]))

    def take_back(self) -> None:
        """A refund of some goods and charges, whole or less, or of an amount of the order."""
        items: list[tuple[RefundItem, Decimal, Decimal]] = []
        for li in self.order.lines:
            open_units = li.quantity - self.refunded(li.id)
            if open_units > 0 and (units := self.draw(st.integers(0, open_units))):
                items.append(self._goods(li, units))
        for charge in self.order.charges:
            left = charge.inc_tax - self.given.get(charge.kind, ZERO)
            if charge.kind is not ChargeKind.WRAPPING and left > 0 and self.draw(st.integers(0, 2)) == 0:
                items.append(self._charge(charge, left))
        self._refund(items)

    def take_back_all_goods(self) -> None:
        goods = [
            self._goods(li, left, whole=True)
            for li in self.order.lines
            if (left := li.quantity - self.refunded(li.id)) > 0
        ]
        self._refund(goods)
        self.status = 4

    def give_goodwill(self) -> None:
        amount = self.draw(st.integers(1, 500)) * self.unit
        self._refund([(RefundItem(RefundItemType.ORDER, self.order.id, amount=amount), amount, ZERO)])

    def correct_tax(self) -> None:
        amount = min(self.order.total_tax, 3 * self.unit)
        if amount > 0:
            self.refunds.append(self._made(amount, amount, ()))

    # -- how ---------------------------------------------------------------------------------------------------------

    def _goods(self, li: OrderLine, units: int, *, whole: bool = False) -> tuple[RefundItem, Decimal, Decimal]:
        gross = li.discounted_total_inc_tax or ZERO
        share = gross * units / li.quantity
        rate = (li.total_inc_tax - li.total_ex_tax) / li.total_inc_tax if li.total_inc_tax else ZERO
        cut = 100 if whole else self.draw(st.sampled_from([100, 100, 80]))
        amount = rounded(share * cut / 100, self.order.currency)
        states = self.draw(st.sampled_from(["requested", "adjusted", "silent"]))
        item = RefundItem(RefundItemType.PRODUCT, li.id, units, amount)
        if states == "adjusted":
            full = rounded(share, self.order.currency)
            item = replace(item, amount=full, adjustment=amount - full)
        elif states == "silent" and cut == 100:
            item = replace(item, amount=None)
        return item, amount, amount * rate

    def _charge(self, charge: Charge, left: Decimal) -> tuple[RefundItem, Decimal, Decimal]:
        amount = self.draw(st.sampled_from([left, rounded(left / 2, self.order.currency)]))
        self.given[charge.kind] = self.given.get(charge.kind, ZERO) + amount
        return (
            RefundItem(_ITEM_OF_CHARGE[charge.kind], charge.id, amount=amount),
            amount,
            charge.tax * amount / charge.inc_tax,
        )

    def _refund(self, items: Sequence[tuple[RefundItem, Decimal, Decimal]]) -> None:
        if not items:
            return
        total = sum((amount for _, amount, _ in items), ZERO)
        tax = rounded(sum((tax for _, _, tax in items), ZERO), self.order.currency)
        self.refunds.append(self._made(total, tax, tuple(item for item, _, _ in items)))
        self.status = 14

    def _made(self, total: Decimal, tax: Decimal, items: tuple[RefundItem, ...]) -> Refund:
        number = self.next_number()
        providers = self.draw(
            st.sampled_from([("stripe",), ("paypal",), ("storecredit",), ("giftcertificates", "stripe")])
        )
        first = rounded(total / len(providers), self.order.currency)
        amounts = (first, total - first) if len(providers) == 2 else (total,)
        is_offline = self.draw(st.booleans())
        payments = tuple(
            RefundPayment(number * 10 + position, provider, amount, is_offline)
            for position, (provider, amount) in enumerate(zip(providers, amounts, strict=True))
        )
        made = Refund(number, self.order.id, hours(self.hour), total, tax, items, payments)
        if not is_offline and self.draw(st.integers(0, 4)):
            made = replace(made, payments=tuple(self._repaid(payment) for payment in payments))
        return made

    def _repaid(self, payment: RefundPayment) -> RefundPayment:
        made = self._tender("refund", payment.amount, gateway=payment.provider)
        return replace(payment, transaction_id=str(made.id) if self.draw(st.booleans()) else "")

    def _tender(
        self,
        event: str,
        amount: Decimal,
        *,
        gateway: str = "",
        status: str = "ok",
        is_test: bool = False,
        reference_id: int | None = None,
    ) -> Tender:
        made = Tender(
            self.next_number(),
            event,
            "credit_card",
            gateway or self.draw(st.sampled_from(GATEWAYS)),
            amount,
            self.order.currency,
            status,
            hours(self.hour),
            is_test,
            reference_id,
        )
        self.tenders.append(made)
        return made


#: What may happen next, the likelier the more often it is named.
EVENTS = (
    *("capture",) * 3,
    *("evidence", "void", "void"),
    *("ship",) * 3,
    *("lose_shipment", "lose_shipment", "ship_all", "complete", "cancel"),
    *("take_back", "take_back", "take_back_all_goods", "give_goodwill", "correct_tax"),
)

RATES_OF_EXCHANGE = (
    None,
    None,
    Rate(dec("1"), "USD"),
    Rate(dec("0.913477"), "EUR"),
    Rate(dec("0.6731"), "EUR", dec(100)),
    Rate(dec("149.37"), "JPY", accounting_unit=dec(1)),
)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """A life of up to a dozen events, looked at after some of them and at its end."""
    shop = Shop(draw, draw(shopped()))
    looks: list[tuple[Order, datetime]] = []
    for event in draw(st.lists(st.sampled_from(EVENTS), min_size=1, max_size=12)):
        shop.hour += draw(st.integers(0, 2))
        getattr(shop, event)()
        if draw(st.integers(0, 2)) == 0:
            looks.append((shop.shown, hours(shop.hour + 1)))
        if shop.status in {5, 6}:
            break
    looks.append((shop.shown, hours(shop.hour + 1)))
    return Life(tuple(looks), draw(st.sampled_from(RATES_OF_EXCHANGE)))


@st.composite
def finished_lives(draw: st.DrawFn) -> Life:
    """A life in which everything is paid in full and shipped or refunded in the end."""
    shop = Shop(draw, draw(shopped()))
    looks: list[tuple[Order, datetime]] = []
    for event in draw(st.lists(st.sampled_from(["capture", "ship", "take_back", "evidence"]), max_size=8)):
        shop.hour += draw(st.integers(0, 2))
        getattr(shop, event)()
        if draw(st.integers(0, 2)) == 0:
            looks.append((shop.shown, hours(shop.hour + 1)))
    shop.hour += 1
    while (left := shop.order.total_inc_tax - shop.paid) > 0:
        shop._tender("purchase", left)
    shop.hour += 1
    if draw(st.booleans()):
        shop.ship_all()
        shop.status = 10
    else:
        shop.take_back_all_goods()
    for refund in shop.refunds:
        paid = {t.id for t in shop.tenders if t.event == "refund"}
        if not all(p.is_offline or (p.transaction_id and int(p.transaction_id) in paid) for p in refund.payments):
            done = tuple(replace(payment, is_offline=True) for payment in refund.payments)
            shop.refunds[shop.refunds.index(refund)] = replace(refund, payments=done)
    looks.append((shop.shown, hours(shop.hour + 1)))
    return Life(tuple(looks), draw(st.sampled_from(RATES_OF_EXCHANGE)))
