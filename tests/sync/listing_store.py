"""A stand-in for a store that lists orders and refunds, and orders for it to list."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

from bcifs_console.bigcommerce.errors import BadAnswer, Unavailable
from bcifs_console.domain.movements import Refund
from bcifs_console.domain.orders import Order
from tests.accounting.building import line, order
from tests.conftest import NOON


class ListingStore:
    """Lists these orders as modified and these refunds; after `breaks_after` of the orders it is gone.

    `since` and `refunds_since` are the times asked for.
    """

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.unreadable: list[int | None] = []
        self.refunds: list[Refund] = []
        self.since: list[datetime] = []
        self.refunds_since: list[datetime] = []
        self.breaks_after: int | None = None

    async def orders_modified_since(
        self, since: datetime, *, on_unreadable: Callable[[BadAnswer], None], on_page: Callable[[], None]
    ) -> AsyncIterator[Order]:
        self.since.append(since)
        on_page()
        for number in self.unreadable:
            on_unreadable(BadAnswer("unreadable", order_id=number))
        for index, found in enumerate(self.orders):
            if index == self.breaks_after:
                raise Unavailable("down")
            yield found

    async def refunds_between(
        self, since: datetime, *, on_unreadable: Callable[[BadAnswer], None]
    ) -> AsyncIterator[Refund]:
        self.refunds_since.append(since)
        for found in self.refunds:
            if found.created_at >= since:
                yield found


def sold(number: int, *, placed: datetime = NOON, modified: datetime = NOON, **more: Any) -> Order:
    """An order over 10.00 with this number."""
    items = (line(ex="10", inc="10"),)
    return order(items, inc="10", tax="0", id=number, placed_at=placed, modified_at=modified, **more)
