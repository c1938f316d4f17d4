"""When an order counts and when its IFS order may go on: go-live, status gate, release gate (ACCOUNTING §1, 4)."""

from typing import Final

from bcifs_console.domain.orders import LineType, Order, OrderLine
from bcifs_console.domain.plan import PlanWarning
from bcifs_console.domain.rules import CLOSED_STATUSES, DISPUTED, Policy

#: The store's statuses by id (facts §3.7). A merchant may rename them, so people are shown these names.
STATUS_NAMES: Final = {
    0: "Incomplete",
    1: "Pending",
    2: "Shipped",
    3: "Partially Shipped",
    4: "Refunded",
    5: "Cancelled",
    6: "Declined",
    7: "Awaiting Payment",
    8: "Awaiting Pickup",
    9: "Awaiting Shipment",
    10: "Completed",
    11: "Awaiting Fulfillment",
    12: "Manual Verification Required",
    13: "Disputed",
    14: "Partially Refunded",
}

#: Statuses by which a shop ships an order whole, without shipment records (facts §7.17, ACCOUNTING §3).
SHIPPED_STATUSES: Final = frozenset({2, 10})


def status_name(order: Order) -> str:
    """`status 1 Pending`; an id nobody knows carries the store's own label."""
    return f"status {order.status_id} {STATUS_NAMES.get(order.status_id, order.status)}".rstrip()


def ignored_because(order: Order, policy: Policy) -> str:
    """Why the order is not imported (yet), or "" when it is. Archived orders count like any other."""
    if order.placed_at < policy.start_at:
        return "before start"
    if order.status_id not in policy.import_statuses:
        return status_name(order)
    return ""


def is_closed(order: Order) -> bool:
    """Whether the store has cancelled or declined the order."""
    return order.status_id in CLOSED_STATUSES


def may_release(order: Order, policy: Policy) -> bool:
    """Whether the IFS order may be released now.

    Only in a release status and while unshipped, unrefunded units remain. An order shipped whole, by its units or by
    status 2 or 10, is released only under `release_shipped`, which also opens the gate for those two statuses.
    """
    if not policy.release_orders or is_closed(order):
        return False
    lines = tuple(line for line in order.lines if line.type is not LineType.GIFT_CERTIFICATE)
    if not any(line.quantity > line.quantity_refunded for line in lines):
        return False
    statuses = policy.release_statuses
    if order.status_id in SHIPPED_STATUSES or not any(_remaining(line) for line in lines):
        return policy.release_shipped and order.status_id in statuses | SHIPPED_STATUSES
    return order.status_id in statuses


def status_warnings(order: Order) -> tuple[PlanWarning, ...]:
    """A disputed order is imported, with a warning, and stays Planned."""
    if order.status_id != DISPUTED:
        return ()
    return (PlanWarning("disputed", "The payment of this order is disputed in the store; it is not released."),)


def _remaining(line: OrderLine) -> int:
    """Units neither shipped nor refunded: a refunded unit is an unshipped one while there are any (ACCOUNTING §2)."""
    return max(0, line.quantity - line.quantity_shipped - line.quantity_refunded)
