"""Stores full of past orders: snapshots, frozen customer orders and vouchers, as looks at them would have left them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Final

from bcifs_console.accounting.plan import plan
from bcifs_console.domain.buyers import Known
from bcifs_console.domain.codec import encode
from bcifs_console.domain.documents import CustomerOrderDraft, DocumentKind, Ledger
from bcifs_console.domain.money import ZERO
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
from bcifs_console.domain.plan import Plan
from bcifs_console.domain.rules import Policy, Rules
from bcifs_console.domain.states import order_subject
from bcifs_console.domain.vouchers import VoucherDraft
from bcifs_console.store import queue
from bcifs_console.store.database import Database, Tx
from bcifs_console.store.tables import document, store_order
from tests.accounting.building import PLACED, dec, line, order

#: What sets one order apart from the next; taken in turn.
SHAPES: Final = ("plain", "discounted", "inclusive", "digital", "long", "refunded", "paid_late", "shipped_partly")
_FIRST: Final = 5001


def shape_of(order_id: int) -> str:
    return SHAPES[(order_id - _FIRST) % len(SHAPES)]


def past_orders(count: int) -> Iterator[Order]:
    """`count` orders, a minute apart, each with its taxes, charges, money, shipments and refunds."""
    for number in range(count):
        yield _order(_FIRST + number, number)


def _order(order_id: int, number: int) -> Order:
    shape = shape_of(order_id)
    lines = [_line(position, number, shape) for position in range(1, (12 if shape == "long" else 1 + number % 4) + 1)]
    goods_tax = sum((li.total_tax for li in lines), ZERO)
    taken = dec("2.00") if shape == "discounted" else ZERO
    if taken:
        lines[0] = replace(lines[0], discounted_total_inc_tax=lines[0].total_inc_tax - taken)
    gross = sum((li.discounted_total_inc_tax or ZERO for li in lines), ZERO)
    shipping = Charge(ChargeKind.SHIPPING, dec("10.00"), dec("10.80"), dec("0.80"), "Courier")
    rows = [TaxRow("Sales Tax", dec("8"), li.total_tax, "Default", "item", li.id, 1) for li in lines]
    rows.append(TaxRow("Sales Tax", dec("8"), dec("0.80"), "Default", "shipping", None, 1))
    at = PLACED + timedelta(minutes=number)
    total = gross + shipping.inc_tax
    whole = order(
        lines,
        inc=str(total),
        tax=str(goods_tax + shipping.tax),
        id=order_id,
        customer_id=number % 700,
        placed_at=at,
        modified_at=at,
        tax_inclusive=shape == "inclusive",
        charges=(shipping,),
        discount_amount=taken,
        taxes=tuple(rows),
        shipments=(),
        refunds=(),
        tenders=(),
    )
    return _lived(whole, shape, total)


def _line(position: int, number: int, shape: str) -> OrderLine:
    net = dec(10 + (number * 7 + position * 3) % 40)
    made = line(position, ex=str(net), inc=str(net * dec("1.08")), quantity=1 + position % 3)
    is_digital = shape == "digital" and position == 1
    kind = LineType.DIGITAL if is_digital else LineType.PHYSICAL
    return replace(made, sku=f"SKU-{(number + position) % 50:02}", type=kind)


def _lived(of: Order, shape: str, total: Decimal) -> Order:
    """The order with what happened to it since."""
    if shape == "paid_late":
        return of
    gateway = ("stripe", "paypal", "square")[of.id % 3]
    paid = Tender(of.id * 10, "purchase", "credit_card", gateway, total, "USD", "ok", of.placed_at)
    sent = _shipment(of, of.lines[:1] if shape == "shipped_partly" else of.lines)
    status = {"shipped_partly": 3, "refunded": 14}.get(shape, 2)
    refunds = (_refund(of, gateway),) if shape == "refunded" else ()
    return replace(of, tenders=(paid,), shipments=(sent,), refunds=refunds, status_id=status)


def _shipment(of: Order, lines: Sequence[OrderLine]) -> Shipment:
    items = tuple(ShippedItem(li.id, li.quantity) for li in lines if li.type is LineType.PHYSICAL)
    return Shipment(of.id * 10 + 1, of.placed_at + timedelta(hours=1), items)


def _refund(of: Order, gateway: str) -> Refund:
    first = of.lines[0]
    given = first.total_inc_tax
    item = RefundItem(RefundItemType.PRODUCT, first.id, first.quantity, given)
    payment = RefundPayment(of.id * 10 + 2, gateway, given, is_offline=True)
    at = of.placed_at + timedelta(hours=2)
    return Refund(of.id * 10 + 3, of.id, at, given, first.total_tax, (item,), (payment,))


def keep(
    database: Database,
    connection_id: int,
    orders: Iterable[Order],
    rules: Rules,
    policy: Policy,
    *,
    posted: bool = True,
) -> None:
    """Put orders into the store as `rules` would have left them: with their documents where `posted`, else only read.

    What the rules do not cover waits, with its problems, as the worker writes them.
    """
    planned = [(of, plan(of, Known("C100"), rules, policy, Ledger(), seen_at=of.modified_at)) for of in orders]
    database.write_sync(lambda tx: _keep_all(tx, connection_id, planned, posted=posted))


def _keep_all(tx: Tx, connection_id: int, planned: list[tuple[Order, Plan]], *, posted: bool) -> None:
    tx.conn.execute(store_order.insert(), [_row(connection_id, of, found, tx) for of, found in planned])
    for of, _ in planned:
        queue.put_snapshot(tx, connection_id, of.id, encode(of), tx.now)
    documents = [row for of, found in planned for row in _documents(connection_id, of, found, tx)] if posted else []
    if documents:
        tx.conn.execute(document.insert(), documents)


def _row(connection_id: int, of: Order, found: Plan, tx: Tx) -> dict[str, object]:
    waits = (*found.blockers, *found.pending)
    problems = queue.problems_json(waits)
    return {
        "connection_id": connection_id,
        "order_id": of.id,
        "state": "waiting" if waits else "synced",
        "reason": waits[0].reason.value if waits else "",
        "error": waits[0].message if waits else "",
        "problems": problems,
        "placed_at": of.placed_at,
        "first_seen_at": tx.now,
        "fetched_at": tx.now,
        "ifs_customer": "C100",
        "buyer_key": f"customer:{of.customer_id}",
    }


def _documents(connection_id: int, of: Order, found: Plan, tx: Tx) -> Iterator[dict[str, object]]:
    drafts: list[tuple[DocumentKind, CustomerOrderDraft | VoucherDraft, Decimal]] = [
        *((DocumentKind.CUSTOMER_ORDER, draft, draft.total_inc_tax) for draft in found.documents),
        *((DocumentKind.VOUCHER, voucher, voucher.amount) for voucher in found.vouchers),
    ]
    common = {"connection_id": connection_id, "subject": order_subject(of.id), "state": "confirmed"}
    for kind, draft, amount in drafts:
        yield {
            **common,
            "kind": kind.value,
            "key": draft.key,
            "fact_hash": draft.fact_hash,
            "amount": amount,
            "currency": draft.currency,
            "draft": encode(draft),
            "reference": "C9",
            "created_at": tx.now,
        }
