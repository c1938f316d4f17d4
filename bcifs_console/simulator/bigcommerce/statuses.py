"""Order statuses: id, name, place in the store's list."""

from __future__ import annotations

from typing import Any

NAMES = {
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

# The list's order differs from the ids in places.
_SORT = {0: 0, 1: 1, 7: 2, 11: 3, 9: 4, 8: 5, 3: 6, 12: 7, 2: 8, 10: 9, 5: 10, 4: 11, 6: 12, 13: 13, 14: 14}


def rows() -> list[dict[str, Any]]:
    return [
        {
            "id": status,
            "name": name,
            "system_label": name,
            "custom_label": name,
            "system_description": f"The order is {name.lower()}.",
            "order": _SORT[status],
        }
        for status, name in NAMES.items()
    ]
