"""New orders on top of the list of which nobody knows the day yet: one that turns out to be old is in the wrong place.

An order is first only a number; when it was placed is known once it was read. A live one belongs on top all the same,
one of a backfill does not. Pure.
"""

from collections.abc import Iterable, Mapping, Set
from datetime import datetime, timedelta
from typing import Final

from bcifs_console.store.views.order_list import OrderRow

#: Orders are read a little out of the order they were placed in; a backfilled one is older by far.
ABOUT_NOW: Final = timedelta(minutes=5)


class Arrivals:
    """The new orders not read yet. `newest`: when the newest of those that were read was placed."""

    def __init__(self, newest: datetime | None) -> None:
        self.newest = newest
        self.waiting: set[int] = set()

    def add(self, row_ids: Iterable[int]) -> None:
        """These came on top."""
        self.waiting.update(row_ids)

    def among(self, row_ids: Set[int]) -> list[int]:
        """Those of the orders that wait to be read: worth a look whether they were."""
        return sorted(self.waiting.intersection(row_ids))

    def are_misplaced(self, rows: Mapping[int, OrderRow]) -> bool:
        """Take in what is known of these now; whether one of them does not belong on top."""
        misplaced = False
        for row_id, row in rows.items():
            if row.placed_at is None:
                continue
            self.waiting.discard(row_id)
            newest = self.newest or row.placed_at
            misplaced = misplaced or row.placed_at < newest - ABOUT_NOW
            self.newest = max(newest, row.placed_at)
        return misplaced
