"""The order as the store showed it last, as lines: what it is, its lines, charges, money, parcels and refunds. Pure."""

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from bcifs_console.console.text import ago, money
from bcifs_console.console.widgets.json_view import json_lines
from bcifs_console.console.widgets.lines import (
    BAD,
    DIM,
    EMPTY,
    GOOD,
    STRONG,
    WARN,
    Lines,
    Piece,
    amount_text,
    facts,
    heading,
    paragraph,
)
from bcifs_console.console.widgets.text_table import Cell, table_lines
from bcifs_console.domain.codec import encode
from bcifs_console.domain.money import digits
from bcifs_console.domain.movements import Refund, Shipment, Tender
from bcifs_console.domain.orders import Address, Order, OrderLine
from bcifs_console.operations.case_view import Case


def in_lines(case: Case, width: int, now: datetime, *, raw: bool = False) -> Lines:
    """The In tab; with `raw` the order as it is kept, as JSON."""
    order = case.read
    if order is None:
        return paragraph(
            "The store's order was not read yet; r reads it now."
            if case.read_at is None
            else "The order was read by another version of this program; r reads it anew.",
            width,
            style=DIM,
            indent=1,
        )
    read = f"read {ago(now, case.read_at)}" if case.read_at else ""
    if raw:
        return [heading(f"Order {order.id} as JSON", width, read), *json_lines(json.loads(encode(order)))]
    sections = (
        [heading(f"Order {order.id} in the store", width, read), *_what(order, width)],
        _lines(order, width),
        _charges(order, width),
        _totals(order, width),
        _taxes(order, width),
        _tenders(order, width),
        _shipments(order, width),
        _refunds(order, width),
        _addresses(order, width),
        _notes(order, width),
    )
    found: Lines = []
    for section in sections:
        if section:
            found += [*([EMPTY] if found else []), *section]
    return found


def _what(order: Order, width: int) -> Lines:
    rows: list[tuple[str, Piece]] = [
        (" status", f"{order.status} ({order.status_id})"),
        (" placed", f"{_when(order.placed_at)} · modified {_when(order.modified_at)}"),
        (" buyer", " · ".join(filter(None, (order.billing.name, order.billing.company, order.billing.email)))),
        (" customer", "guest" if order.is_guest else f"store customer {order.customer_id}"),
        (" paid by", " · ".join(filter(None, (order.payment_method, order.payment_provider, order.payment_status)))),
    ]
    if order.is_deleted:
        rows.append((" deleted", ("It was deleted in the store.", BAD)))
    if order.external_order_id:
        rows.append((" external id", order.external_order_id))
    return facts(rows, width, label=10)


def _lines(order: Order, width: int) -> Lines:
    rows = [_line(line, order.currency) for line in order.lines]
    titles: tuple[str, ...] = ("qty>", "SKU", "what", "ex tax>", "tax>", "inc tax>", "off>", "sent>", "back>")
    if width < 76:
        rows = [[row[0], row[1], row[2], row[5], row[7], row[8]] for row in rows]
        titles = ("qty>", "SKU", "what", "inc tax>", "sent>", "back>")
    return [heading("Lines", width, f"{len(order.lines)}"), *table_lines(titles, rows, width)]


def _line(line: OrderLine, currency: str) -> list[Cell]:
    off = line.total_inc_tax - (
        line.total_inc_tax if line.discounted_total_inc_tax is None else line.discounted_total_inc_tax
    )
    kind = "" if line.type.value == "physical" else f" ({line.type.value})"
    return [
        str(line.quantity),
        line.sku or "-",
        f"{line.name}{kind}",
        _figure(line.total_ex_tax, currency),
        _figure(line.total_tax, currency),
        _figure(line.total_inc_tax, currency),
        _figure(-off, currency) if off else "",
        _units(line.quantity_shipped, line.quantity, GOOD),
        _units(line.quantity_refunded, line.quantity, WARN),
    ]


def _units(number: int, of: int, style: str) -> Cell:
    return (str(number), style if number == of else "") if number else ""


def _charges(order: Order, width: int) -> Lines:
    rows: list[list[Cell]] = [
        [
            charge.kind.value,
            charge.name,
            _figure(charge.ex_tax, order.currency),
            _figure(charge.tax, order.currency),
            _figure(charge.inc_tax, order.currency),
        ]
        for charge in order.charges
    ]
    table = table_lines(("charge", "name", "ex tax>", "tax>", "inc tax>"), rows, width)
    return [heading("Charges", width), *table] if table else []


def _totals(order: Order, width: int) -> Lines:
    rows: list[list[Cell]] = [
        ["goods before discounts", *_pair(order.subtotal_ex_tax, order.subtotal_inc_tax, order.currency)]
    ]
    for name, amount in (
        ("discounts", -order.discount_amount),
        ("coupons", -order.coupon_discount),
        ("paid by store credit", order.store_credit_amount),
        ("paid by gift certificate", order.gift_certificate_amount),
    ):
        if amount:
            rows.append([name, "", _figure(amount, order.currency)])
    total = _pair(order.total_ex_tax, order.total_inc_tax, order.currency)
    rows.append([("total", STRONG), total[0], (total[1], STRONG)])
    side = "prices include tax" if order.tax_inclusive else "prices are before tax"
    told = f"{order.currency}, {side}"
    return [heading("Totals", width, told), *table_lines(("", "ex tax>", "inc tax>"), rows, width)]


def _pair(ex_tax: Decimal, inc_tax: Decimal, currency: str) -> tuple[str, str]:
    return _figure(ex_tax, currency), _figure(inc_tax, currency)


def _taxes(order: Order, width: int) -> Lines:
    rows: list[list[Cell]] = [
        [
            tax.name,
            f"{tax.rate.normalize():f} %",
            tax.tax_class,
            tax.line_type or "-",
            str(tax.order_line_id or ""),
            _figure(tax.amount, order.currency),
        ]
        for tax in order.taxes or ()
    ]
    table = table_lines(("tax", "rate>", "class", "on", "line", "amount>"), rows, width)
    return [heading("Taxes", width), *table] if table else []


def _tenders(order: Order, width: int) -> Lines:
    if order.tenders is None:
        return [heading("Money", width), *paragraph("Transactions were not read.", width, style=DIM, indent=1)]
    rows = [_tender(tender, order.currency) for tender in order.tenders]
    table = table_lines(("id>", "event", "by", "gateway", "amount>", "status", "when"), rows, width)
    return [
        heading("Money", width, f"{len(rows)} transaction{'' if len(rows) == 1 else 's'}"),
        *(table or paragraph("No transaction: nothing was paid that the store knows of.", width, style=DIM, indent=1)),
    ]


def _tender(tender: Tender, currency: str) -> list[Cell]:
    amount = _figure(tender.amount, tender.currency)
    return [
        str(tender.id),
        tender.event,
        tender.method,
        tender.gateway,
        amount if tender.currency == currency else f"{amount} {tender.currency}",
        (tender.status + (" test" if tender.is_test else ""), GOOD if tender.status == "ok" else BAD),
        f"{tender.created_at:%m-%d %H:%M}",
    ]


def _shipments(order: Order, width: int) -> Lines:
    found: Lines = []
    for shipment in order.shipments or ():
        found += _shipment(order, shipment, width)
    if found:
        return [heading("Parcels", width), *found]
    if order.shipped_at is not None:
        return [heading("Parcels", width), *facts([(" sent", _when(order.shipped_at))], width, label=10)]
    return []


def _shipment(order: Order, shipment: Shipment, width: int) -> Lines:
    names = {line.id: line.sku or line.name for line in order.lines}
    items = ", ".join(
        f"{item.quantity} × {names.get(item.order_line_id, item.order_line_id)}" for item in shipment.items
    )
    carrier = " ".join(filter(None, (shipment.carrier or shipment.provider, shipment.tracking_number)))
    told = " · ".join(filter(None, (_when(shipment.created_at), items, carrier or "no tracking number")))
    return facts([(f" {shipment.id}", told)], width, label=10)


def _refunds(order: Order, width: int) -> Lines:
    found: Lines = []
    for refund in order.refunds or ():
        found += _refund(refund, order.currency, width)
    return [heading("Refunds", width), *found] if found else []


def _refund(refund: Refund, currency: str, width: int) -> Lines:
    items = ", ".join(f"{item.type} {item.item_id} × {item.quantity}" for item in refund.items) or "tax only"
    paid = ", ".join(f"{money(payment.amount)} by {payment.provider}" for payment in refund.payments)
    told = [
        _when(refund.created_at),
        money(refund.total_amount, currency),
        f"tax {money(refund.total_tax)}",
        items,
        paid,
        refund.reason,
    ]
    return facts([(f" {refund.id}", " · ".join(filter(None, told)))], width, label=10)


def _addresses(order: Order, width: int) -> Lines:
    rows: list[tuple[str, Piece]] = [(" bill to", _address(order.billing))]
    rows += [(" ship to", _address(address)) for address in order.shipping]
    return [heading("Addresses", width), *facts(rows, width, label=10)]


def _address(address: Address) -> str:
    parts = (
        address.name,
        address.company,
        address.street_1,
        address.street_2,
        " ".join(filter(None, (address.zip, address.city))),
        address.country_iso2 or address.country,
        address.phone,
    )
    return ", ".join(filter(None, parts))


def _notes(order: Order, width: int) -> Lines:
    rows: Iterator[tuple[str, Piece]] = (
        (name, text) for name, text in ((" buyer", order.customer_message), (" staff", order.staff_notes)) if text
    )
    found = facts(rows, width, label=10)
    return [heading("Notes", width), *found] if found else []


def _figure(amount: Decimal, currency: str) -> str:
    return amount_text(amount, digits(currency))


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
