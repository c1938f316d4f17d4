"""Control of single facts: a transaction, the end of a refund's payment, and what `/_sim/lives` may be asked."""

from __future__ import annotations

from bcifs_console.simulator.bigcommerce import payments, refund_payments
from bcifs_console.simulator.bigcommerce.drafts import Payment
from bcifs_console.simulator.bigcommerce.lives import Wanted, names
from bcifs_console.simulator.bigcommerce.store import Store
from bcifs_console.simulator.bigcommerce.transactions import awaited
from bcifs_console.simulator.bigcommerce.wire import StoredOrder
from bcifs_console.simulator.control import ControlRefused, whole
from bcifs_console.simulator.money import Json, decimal_of

_EVENTS = ("purchase", "authorization", "capture", "refund", "void", "pending", "settled")


def _order(store: Store, body: Json) -> StoredOrder:
    order = store.orders.get(whole(body, "order_id", 0))
    if order is None:
        raise ControlRefused("an existing order_id is needed")
    return order


def transaction(store: Store, body: Json) -> Json:
    """`{"order_id", "event", "amount", "method", "gateway", "status", "test", "reference_transaction_id", "label"}`.

    With `reference_transaction_id` what is not given is taken from the transaction referred to. `{"order_id",
    "settle": true}` settles what is pending, `"in_place": true` by changing the pending row itself.
    """
    order = _order(store, body)
    if body.get("settle"):
        if not awaited(order.transactions):
            raise ControlRefused("the order has no pending transaction")
        payments.settle(store, order, in_place=bool(body.get("in_place", False)))
        return order.transactions[-1]
    event = str(body.get("event", "purchase"))
    if event not in _EVENTS:
        raise ControlRefused(f"event must be one of {', '.join(_EVENTS)}")
    about = _referred(order, body.get("reference_transaction_id"))
    amount = decimal_of(body.get("amount", about.get("amount")))
    if amount is None:
        raise ControlRefused("an amount is needed")
    payment = Payment(
        event,
        str(body.get("method", about.get("method", "credit_card"))),
        str(body.get("gateway", about.get("gateway", "stripe"))),
        amount,
        status=str(body.get("status", "ok")),
        test=bool(body.get("test", False)),
        label=str(body.get("label", "")),
        reference=about.get("id"),
    )
    return store.pay(order, payment)


def _referred(order: StoredOrder, number: object) -> Json:
    if number is None:
        return {}
    row = next((row for row in order.transactions if row["id"] == number), None)
    if row is None:
        raise ControlRefused("reference_transaction_id must be a transaction of the order")
    return row


def refund(store: Store, body: Json) -> Json:
    """`{"complete": id}` or `{"decline": id}`: how the payment of a refund that is on its way ends."""
    for word, end in (("complete", refund_payments.complete), ("decline", refund_payments.decline)):
        if word in body:
            order, row = _refund(store, whole(body, word, 0))
            end(store, order, row)
            return row
    raise ControlRefused("complete or decline is needed")


def _refund(store: Store, number: int) -> tuple[StoredOrder, Json]:
    for order in store.orders.values():
        for row in order.refunds:
            if row["id"] == number:
                return order, row
    raise ControlRefused(f"there is no refund {number}")


def lives_wanted(store: Store, body: Json) -> Wanted:
    orders, kinds = body.get("orders"), body.get("kinds") or []
    if orders is not None and (not isinstance(orders, list) or not all(number in store.orders for number in orders)):
        raise ControlRefused("orders must be a list of existing order ids, or null for all")
    if not isinstance(kinds, list) or not set(kinds) <= set(names()):
        raise ControlRefused("kinds must be names from GET /_sim/lives")
    return Wanted(
        orders=None if orders is None else tuple(orders),
        seed=whole(body, "seed", 0),
        spread_seconds=whole(body, "spread_seconds", 0),
        edits=whole(body, "edits", 0),
        deliver=bool(body.get("deliver", True)),
        kinds=tuple(kinds),
    )
