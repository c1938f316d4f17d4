"""Lists that come page by page, against stores that say how long they are, do not, or pass over what they are asked."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcifs_console.bigcommerce.errors import BadAnswer
from bcifs_console.bigcommerce.paging import PAGE, Page, all_rows, each_once, v2_page, v3_page


def rows(*numbers: int) -> list[dict[str, int]]:
    return [{"id": number} for number in numbers]


class FakeList:
    """A v3 list of these ids; `leaving` are taken out after a call, by its number."""

    def __init__(self, ids: list[int], *, cap: int = PAGE, leaving: Mapping[int, set[int]] | None = None) -> None:
        self.ids = ids
        self.cap = cap
        self.leaving = leaving or {}
        self.asked: list[tuple[str, str]] = []

    async def fetch(self, params: Mapping[str, str]) -> Any:
        self.asked.append((params["page"], params["limit"]))
        limit = min(int(params["limit"]), self.cap)
        start = (int(params["page"]) - 1) * limit
        page = self.ids[start : start + limit]
        gone = self.leaving.get(len(self.asked), set())
        self.ids = [number for number in self.ids if number not in gone]
        return {"data": rows(*page), "meta": {}}


@pytest.mark.parametrize(
    ("answer", "page"),
    [
        (None, Page([])),
        ({"data": []}, Page([])),
        ({"data": [1], "meta": None}, Page([1])),
        ({"data": [1], "meta": {"pagination": []}}, Page([1])),
        ({"data": [1], "meta": {"pagination": {"total": 3, "total_pages": 2}}}, Page([1], pages=2, total=3)),
        ({"data": [1], "meta": {"pagination": {"total": 0, "total_pages": 0}}}, Page([1])),
        ({"data": [1], "meta": {"pagination": {"total": "3", "total_pages": True}}}, Page([1])),
    ],
)
def test_a_v3_page_says_how_long_the_list_is_only_where_it_does(answer: Any, page: Page) -> None:
    assert v3_page(answer) == page


def test_a_v2_page_is_an_array_or_nothing() -> None:
    assert (v2_page(None), v2_page([1])) == (Page([]), Page([1]))
    with pytest.raises(BadAnswer):
        v2_page({"data": []})


async def test_a_list_that_says_how_many_pages_there_are_is_asked_for_no_more() -> None:
    asked: list[str] = []

    async def fetch(params: Mapping[str, str]) -> Any:
        asked.append(params["page"])
        return {"data": rows(*range(PAGE)), "meta": {"pagination": {"total_pages": 1}}}

    assert len(await all_rows(fetch, v3_page)) == PAGE
    assert asked == ["1"]


async def test_a_short_page_is_not_the_end_where_the_list_says_that_more_follow() -> None:
    async def fetch(params: Mapping[str, str]) -> Any:
        page = int(params["page"])
        return {"data": rows(page), "meta": {"pagination": {"total_pages": 3, "total": 3}}}

    assert await all_rows(fetch, v3_page) == rows(1, 2, 3)


async def test_a_list_without_end_is_stopped() -> None:
    async def fetch(params: Mapping[str, str]) -> Any:
        start = int(params["page"]) * PAGE
        return rows(*range(start, start + PAGE))

    with pytest.raises(BadAnswer, match="does not end"):
        await all_rows(fetch, v2_page)


async def test_a_list_of_one_page_is_read_once_and_of_several_twice() -> None:
    one, several = FakeList(list(range(1, 50))), FakeList(list(range(1, 291)))
    for listed in (one, several):
        assert len([row async for row in each_once(listed.fetch)]) == len(listed.ids)
    assert one.asked == [("1", "250")]
    assert several.asked == [("1", "250"), ("2", "250")] * 2


async def test_a_row_that_slips_onto_a_full_page_before_an_empty_one_is_found() -> None:
    listed = FakeList(list(range(1, 52)), cap=50, leaving={1: {1}})
    assert sorted([row["id"] async for row in each_once(listed.fetch)]) == list(range(1, 52))


async def test_a_reading_that_brought_a_missed_row_is_followed_by_another() -> None:
    """The first misses 51 and 102; while the second brings 51, a page of rows leaves and hides 102 once more."""
    listed = FakeList(list(range(1, 161)), cap=50, leaving={1: {1}, 2: {2}, 5: set(range(3, 54)) - {51}})
    found = [row["id"] async for row in each_once(listed.fetch)]
    assert sorted(found) == list(range(1, 161))
    assert found.index(102) > found.index(51) > found.index(160)


#: After which call which rows leave; all together fewer than a page holds.
LEAVING = st.dictionaries(st.integers(1, 12), st.sets(st.integers(1, 400), max_size=12), max_size=4)


@settings(deadline=None)
@given(st.integers(0, 400), st.sampled_from([50, 100]), LEAVING)
async def test_whatever_leaves_meanwhile_no_row_that_stays_is_missed(
    count: int, cap: int, leaving: dict[int, set[int]]
) -> None:
    listed = FakeList(list(range(1, count + 1)), cap=cap, leaving=leaving)
    found = [row["id"] async for row in each_once(listed.fetch)]
    assert len(found) == len(set(found))
    assert set(listed.ids) <= set(found)
