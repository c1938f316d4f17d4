"""Money after an order was placed: captures and voids over the API, settlements, and what control adds by hand."""

from __future__ import annotations

from collections.abc import Callable

from bcifs_console.simulator.bigcommerce.drafts import Payment
from bcifs_console.simulator.bigcommerce.store import Store
from bcifs_console.simulator.bigcommerce.transactions import authorised, awaited, paid, standing
from bcifs_console.simulator.bigcommerce.wire import StoredOrder
from bcifs_console.simulator.money import Json


class PaymentRefused(Exception):
    """422 with the reason."""


def capture(store: Store, order: StoredOrder) -> None:
    """`payment_actions/capture`: everything authorised. Asynchronous: first `capture pending`, then the transaction."""
    _begin(store, order, "capture", lambda: finish_capture(store, order))


def void(store: Store, order: StoredOrder) -> None:
    """`payment_actions/void`: an authorisation is let go; captured money is given back by a refund only."""
    _begin(store, order, "void", lambda: finish_void(store, order))


def _begin(store: Store, order: StoredOrder, what: str, finish: Callable[[], None]) -> None:
    if not authorised(order.transactions) or order.order["payment_status"].endswith(" pending"):
        raise PaymentRefused(f"The order has no payment to {what}")
    if not store.habits.payment_delay:
        finish()
        return
    order.order["payment_status"] = f"{what} pending"
    store.changed(order)
    store.order_event(order, "updated")
    store.deliverer.at(store.clock.seconds() + store.habits.payment_delay, finish)


def finish_capture(store: Store, order: StoredOrder) -> None:
    for row in authorised(order.transactions):
        follow(store, order, row, "capture")
    _paid(store, order, "captured")


def finish_void(store: Store, order: StoredOrder) -> None:
    for row in authorised(order.transactions):
        follow(store, order, row, "void")
    order.order["payment_status"] = "void"
    store.set_status(order, order.order["status_id"])


def settle(store: Store, order: StoredOrder, *, in_place: bool = False) -> None:
    """What was pending has arrived: told by a row of its own, or by the pending row turning into a settled one."""
    for row in awaited(order.transactions):
        if in_place:
            row["event"] = "settled"
            store.transaction_changed(order, row)
        else:
            follow(store, order, row, "settled")
    _paid(store, order, "paid")


def void_money(store: Store, order: StoredOrder) -> None:
    """A purchase taken back at the gateway before it was settled: the store shows a void that refers to it."""
    for row in standing(order.transactions):
        follow(store, order, row, "void")
    order.order["payment_status"] = "void"
    store.set_status(order, order.order["status_id"])


def follow(store: Store, order: StoredOrder, row: Json, event: str) -> Json:
    """A transaction about another one: same method, gateway and amount."""
    payment = Payment(event, row["method"], row["gateway"], row["amount"], test=row["test"], reference=row["id"])
    return store.pay(order, payment)


def receive(store: Store, order: StoredOrder, payment: Payment) -> Json:
    """Money from outside: a cheque, cash at the door."""
    row = store.pay(order, payment)
    _paid(store, order, "paid")
    return row


def _paid(store: Store, order: StoredOrder, word: str) -> None:
    """A paid order leaves Awaiting Payment; whether it does so by itself is documented for shop fronts only."""
    order.order["payment_status"] = word
    status = order.order["status_id"]
    is_paid = paid(order.transactions) >= order.draft.pricing.total_inc
    store.set_status(order, 11 if status == 7 and is_paid else status)
