"""The sweep over modified orders, against a list that changes under it and filters that may or may not be inclusive."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcifs_console.bigcommerce.errors import BadAnswer
from bcifs_console.bigcommerce.paging import PAGE
from bcifs_console.bigcommerce.sweep import modified_since
from tests.bigcommerce.bigcommerce_samples import NOON


def at(seconds: int) -> datetime:
    return NOON + timedelta(seconds=seconds)


class FakeList:
    """A store's order list. `during` is called before each page, with its number: to modify orders meanwhile."""

    def __init__(
        self,
        orders: Mapping[int, int],
        *,
        inclusive: bool = True,
        cap: int = PAGE,
        during: Callable[[int], None] | None = None,
    ) -> None:
        self.orders = {order_id: at(seconds) for order_id, seconds in orders.items()}
        self.inclusive = inclusive
        self.cap = cap
        self.during = during
        self.calls = 0

    async def fetch(self, params: Mapping[str, str]) -> list[Any]:
        self.calls += 1
        if self.during:
            self.during(self.calls)
        low = datetime.fromisoformat(params["min_date_modified"])
        high = datetime.fromisoformat(params.get("max_date_modified", "2100-01-01T00:00:00Z"))
        min_id = int(params.get("min_id", 0))
        rows = [
            (order_id, moment)
            for order_id, moment in self.orders.items()
            if order_id >= min_id and (low <= moment <= high if self.inclusive else low < moment < high)
        ]
        by_id = params["sort"] == "id:asc"
        rows.sort(key=lambda row: row[0] if by_id else (row[1], row[0]))
        page = rows[: min(int(params["limit"]), self.cap)]
        return [{"id": order_id, "date_modified": format_datetime(moment)} for order_id, moment in page]


async def swept(store: FakeList, since: datetime) -> list[int]:
    return [row["id"] async for row in modified_since(store.fetch, since)]


@pytest.mark.parametrize("inclusive", [True, False])
async def test_orders_come_by_time_of_modification_from_the_given_moment_on(inclusive: bool) -> None:
    store = FakeList({1: 30, 2: 10, 3: 20, 4: 9}, inclusive=inclusive)
    assert await swept(store, at(10)) == [2, 3, 1]
    assert store.calls == 1


async def test_an_empty_list_is_one_call() -> None:
    store = FakeList({})
    assert await swept(store, NOON) == []
    assert store.calls == 1


@pytest.mark.parametrize("inclusive", [True, False])
async def test_every_order_comes_once_over_many_pages(inclusive: bool) -> None:
    store = FakeList({n: n // 3 for n in range(1, 1001)}, inclusive=inclusive)
    assert sorted(await swept(store, NOON)) == list(range(1, 1001))
    assert store.calls <= 6


@pytest.mark.parametrize("inclusive", [True, False])
async def test_a_moment_with_more_orders_than_a_page_is_read_whole(inclusive: bool) -> None:
    orders = dict.fromkeys(range(1, 701), 5) | dict.fromkeys(range(701, 1300), 6) | {1300: 7, 1301: 60}
    store = FakeList(orders, inclusive=inclusive)
    assert sorted(await swept(store, NOON)) == list(range(1, 1302))


async def test_orders_modified_meanwhile_move_away_and_none_behind_them_is_missed() -> None:
    store = FakeList({n: n for n in range(1, 601)})

    def modify(call: int) -> None:
        if call == 2:  # these stood on the page already read: by number, the next page would begin 100 rows later
            for order_id in range(1, 101):
                store.orders[order_id] = at(2000 + order_id)
            store.orders[250] = at(260)  # and this one comes at once, among those already seen

    store.during = modify
    got = await swept(store, NOON)
    assert set(got) == set(range(1, 601))
    assert all(got.count(order_id) == 2 for order_id in (1, 100, 250)), "a new version comes again"
    assert len(got) == 701


async def test_a_store_that_caps_its_pages_below_what_is_asked_loses_nothing() -> None:
    store = FakeList({n: n for n in range(1, 301)}, cap=50)
    assert sorted(await swept(store, NOON)) == list(range(1, 301))


async def test_one_row_sorted_by_an_older_time_than_it_shows_does_not_make_the_sweep_jump() -> None:
    store = FakeList({n: n for n in range(1, 401)})

    async def fetch(params: Mapping[str, str]) -> list[Any]:
        page = await store.fetch(params)
        if store.calls == 1:
            page[-1] = page[-1] | {"date_modified": format_datetime(at(5000))}
        return page

    got = [row["id"] async for row in modified_since(fetch, NOON)]
    assert set(got) == set(range(1, 401))


async def test_rows_that_cannot_be_read_are_passed_on() -> None:
    async def fetch(params: Mapping[str, str]) -> list[Any]:
        return [{"id": 1}, "what", {"id": 2, "date_modified": format_datetime(NOON)}]

    assert len([row async for row in modified_since(fetch, NOON)]) == 3


async def test_a_store_that_ignores_the_filter_is_an_error_and_no_endless_loop() -> None:
    page = [{"id": n, "date_modified": format_datetime(at(-9000))} for n in range(1, 251)]

    async def fetch(params: Mapping[str, str]) -> list[Any]:
        return page

    with pytest.raises(BadAnswer, match="min_date_modified"):
        _ = [row async for row in modified_since(fetch, NOON)]


async def test_a_full_page_without_any_time_is_an_error() -> None:
    async def fetch(params: Mapping[str, str]) -> list[Any]:
        return [{"id": n} for n in range(PAGE)]

    with pytest.raises(BadAnswer, match="date_modified"):
        _ = [row async for row in modified_since(fetch, NOON)]


async def test_the_time_asked_for_is_utc_with_a_z() -> None:
    asked: list[str] = []

    async def fetch(params: Mapping[str, str]) -> list[Any]:
        asked.append(params["min_date_modified"])
        return []

    _ = [row async for row in modified_since(fetch, datetime(2026, 3, 5, 12, 0, 0, 500, tzinfo=UTC))]
    assert asked == ["2026-03-05T11:59:59Z"]


@settings(deadline=None)
@given(st.lists(st.integers(0, 300), max_size=8), st.booleans(), st.sampled_from([50, 100, 250]))
async def test_whatever_the_list_every_order_comes_exactly_once(counts: list[int], inclusive: bool, cap: int) -> None:
    moments = [second for second, count in enumerate(counts) for _ in range(count)]
    orders = dict(enumerate(reversed(moments), start=1))
    assert sorted(await swept(FakeList(orders, inclusive=inclusive, cap=cap), NOON)) == sorted(orders)
