"""Reading long lists of orders without missing one while the list changes under the reader. No HTTP here.

By number, for a backfill, nothing shifts: each page goes on above the highest number of the last (`placed_after`).
"All orders modified since" is harder.

Page numbers cannot be trusted: an order that is modified while we read moves to the end, and everything behind its old
place moves up by one, across the page border (facts §3.2). So no second page is ever asked for. Each query starts
again at the time that the last one reached, one second early (whether the filter is inclusive is undocumented, times
have whole seconds), and what comes twice is dropped. Where one moment holds more orders than a page, as after a bulk
edit, that moment is read by ascending order id, which does not shift.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bcifs_console.bigcommerce.errors import BadAnswer
from bcifs_console.bigcommerce.fields import Fields
from bcifs_console.bigcommerce.paging import PAGE, is_last
from bcifs_console.domain.orders import Order

_SECOND: Final = timedelta(seconds=1)
#: How many of the last rows decide how far a page reached: a row may carry a time later than the one it was sorted by
#: when it is modified while the answer is made, but not all of these at once.
_TAIL: Final = 5

#: Asks for one page of orders with these query parameters.
Fetch = Callable[[Mapping[str, str]], Awaitable[list[Any]]]


async def modified_since(fetch: Fetch, since: datetime) -> AsyncIterator[Any]:
    """The payload of each order modified at or after `since`, by time of modification.

    An order comes once per version: again only where it was modified during the sweep. Rows whose id or time cannot
    be read are passed on as they are; whoever parses them says what is wrong. Raises BadAnswer where the store does
    not seem to apply the filter, and what `fetch` raises.
    """
    floor = since.astimezone(UTC).replace(microsecond=0)
    sweep = _Sweep(fetch, floor, floor - _SECOND)
    while True:
        page = await fetch({"min_date_modified": stamp(sweep.cursor), "sort": "date_modified:asc", "limit": str(PAGE)})
        for row in sweep.fresh(page):
            yield row
        if is_last(page):
            return
        reached = _reached(page)
        if reached - _SECOND > sweep.cursor:
            sweep.advance(reached - _SECOND)
            continue
        async for row in sweep.moment_by_id(reached):
            yield row
        if reached + _SECOND <= sweep.cursor:
            raise BadAnswer("BigCommerce lists orders from before the time asked for; min_date_modified is ignored.")
        sweep.advance(reached + _SECOND)


@dataclass(slots=True)
class _Sweep:
    """Where one sweep stands. `seen` holds only versions that a query from `cursor` can bring again."""

    fetch: Fetch
    floor: datetime
    cursor: datetime
    seen: dict[int, datetime] = field(default_factory=dict)

    def fresh(self, page: list[Any]) -> list[Any]:
        """The rows of `page` that were not handed out yet in this version."""
        found = []
        for row in page:
            key = _key(row)
            if key is None:
                found.append(row)
            elif key[1] >= self.floor and self.seen.get(key[0]) != key[1]:
                self.seen[key[0]] = key[1]
                found.append(row)
        return found

    def advance(self, cursor: datetime) -> None:
        self.cursor = cursor
        self.seen = {order_id: moment for order_id, moment in self.seen.items() if moment >= cursor}

    async def moment_by_id(self, reached: datetime) -> AsyncIterator[Any]:
        """Everything from the cursor to a second past `reached`, by order id."""
        last_id = 0
        while True:
            page = await self.fetch(
                {
                    "min_date_modified": stamp(self.cursor),
                    "max_date_modified": stamp(reached + 2 * _SECOND),  # two, should the filter be exclusive
                    "min_id": str(last_id),
                    "sort": "id:asc",
                    "limit": str(PAGE),
                }
            )
            for row in self.fresh(page):
                yield row
            highest = max((key[0] for key in map(_key, page) if key), default=0)
            if is_last(page) or highest <= last_id:
                return
            last_id = highest


def _key(row: Any) -> tuple[int, datetime] | None:
    """Id and time of modification, None where one of them cannot be read."""
    try:
        order = Fields(row, "an order")
        return order.need_whole("id"), order.need_moment("date_modified")
    except BadAnswer:
        return None


def _reached(page: list[Any]) -> datetime:
    """How far in time a page got, on the safe side."""
    moments = [key[1] for key in map(_key, page) if key]
    if not moments:
        raise BadAnswer("BigCommerce lists orders without id and date_modified.", field="date_modified")
    return min(moments[-_TAIL:])


@dataclass(frozen=True, slots=True)
class OrderPage:
    """One page of a list by number. `reached` is the highest number it showed, wanted or not."""

    orders: tuple[Order, ...]
    reached: int
    is_last: bool


def placed_after(after_id: int, since: datetime | None, until: datetime | None) -> dict[str, str]:
    """Asks for the orders numbered above `after_id` that were placed in a period, by number.

    Whether the filters are inclusive is undocumented (facts §3.2): each bound is taken one wider, and who reads drops
    what is too much.
    """
    bounds = {"min_id": str(after_id)} if after_id else {}
    if since is not None:
        bounds["min_date_created"] = stamp(since - _SECOND)
    if until is not None:
        bounds["max_date_created"] = stamp(until + _SECOND)
    return {**bounds, "sort": "id:asc", "limit": str(PAGE)}


def stamp(moment: datetime) -> str:
    """A time as filters take it: ISO 8601 in UTC with a Z: a plus sign would need escaping (facts §7.8)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
