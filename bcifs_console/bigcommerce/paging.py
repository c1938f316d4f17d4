"""Lists that come page by page: where they end, and that nothing of them is missed. No HTTP here.

v2 answers a bare array, and nothing at all past the end; v3 answers `{data, meta}`, whose `meta.pagination` says how
many pages there are on some lists and is empty on others (facts §3.1, §4). Orders by time of modification: `sweep`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bcifs_console.bigcommerce.errors import BadAnswer
from bcifs_console.bigcommerce.fields import Fields

#: Rows asked for; documented as the most that lists give (facts §3.2).
PAGE: Final = 250
#: What lists give by default. A shorter answer is the end of a list, even where the store caps pages below `PAGE`.
DEFAULT_PAGE: Final = 50
#: No list of ours has more pages; a store whose list never ends is stopped here.
_MAX_PAGES: Final = 400

#: Asks for one page with these query parameters; the parsed answer.
Fetch = Callable[[Mapping[str, str]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Page:
    """One page. `pages` and `total` are the sizes of the whole list, None where the answer does not say."""

    rows: list[Any]
    pages: int | None = None
    total: int | None = None


def v2_page(answer: Any) -> Page:
    """A v2 list: a bare array; no body where it is empty or past its end. Raises BadAnswer."""
    if answer is None:
        return Page([])
    if not isinstance(answer, list):
        raise BadAnswer("BigCommerce answers a v2 list with something else than an array.")
    return Page(answer)


def v3_page(answer: Any) -> Page:
    """A v3 list: the array in `data`; no body where it is empty. Raises BadAnswer."""
    if answer is None:
        return Page([])
    if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
        raise BadAnswer("BigCommerce answers a v3 list without an array in data.")
    meta = answer.get("meta")
    pagination = meta.get("pagination") if isinstance(meta, dict) else None
    sizes = pagination if isinstance(pagination, dict) else {}
    return Page(answer["data"], pages=_size(sizes.get("total_pages")), total=_size(sizes.get("total")))


def _size(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def is_last(rows: list[Any]) -> bool:
    """Whether no more rows can follow this page of a list that does not say how many there are."""
    return len(rows) < DEFAULT_PAGE


async def pages(fetch: Fetch, read: Callable[[Any], Page]) -> AsyncIterator[Page]:
    """The pages of a list, by number, none of them empty.

    The last is the one that the list's own figures call so; else a short one, or one that comes again, since some
    lists pass over `page`. Raises BadAnswer where such a list gives as many rows as were asked for, because there may
    be more that it never shows, and on a list without end.
    """
    before: list[Any] = []
    for number in range(1, _MAX_PAGES + 1):
        page = read(await fetch({"limit": str(PAGE), "page": str(number)}))
        if page.rows == before:  # the first time: empty
            if len(before) >= PAGE:
                raise BadAnswer(f"BigCommerce lists {PAGE} rows again and again and may hold more of them back.")
            return
        if not page.rows:
            return
        yield page
        if is_last(page.rows) if page.pages is None else number >= page.pages:
            return
        before = page.rows
    raise BadAnswer(f"BigCommerce's list does not end: {_MAX_PAGES} pages were read.")


async def all_rows(fetch: Fetch, read: Callable[[Any], Page]) -> list[Any]:
    """Every row of a short list. Raises BadAnswer where there are fewer than the list itself says, and as `pages`."""
    rows: list[Any] = []
    total: int | None = None
    async for page in pages(fetch, read):
        rows += page.rows
        total = page.total
    if total is not None and len(rows) < total:
        raise BadAnswer(f"BigCommerce lists {len(rows)} rows of {total}.")
    return rows


async def each_once(fetch: Fetch) -> AsyncIterator[Any]:
    """Each row of a long v3 list that is sorted by ascending id, also where rows leave the list while it is read.

    New rows come at its end and shift nothing. One that leaves moves all behind it up by one, and the first of the next
    page onto the page already read. So a list of several pages is read again, until a reading brings no row that an
    earlier one should have brought; only a whole page of rows that leave within two readings could hide one. Rows
    without a readable id are passed on once, as they are.
    """
    asked = 0

    async def counted(params: Mapping[str, str]) -> Any:
        nonlocal asked
        asked += 1
        return await fetch(params)

    seen: set[int] = set()
    is_first = True
    while True:
        highest = max(seen, default=0)
        asked, missed = 0, False
        async for page in pages(counted, v3_page):
            for row in page.rows:
                row_id = _id(row)
                if row_id is None:
                    if is_first:
                        yield row
                elif row_id not in seen:
                    seen.add(row_id)
                    missed = missed or row_id < highest
                    yield row
        if asked < 2 or not (is_first or missed):  # one call sees one moment
            return
        is_first = False


def _id(row: Any) -> int | None:
    try:
        return Fields(row, "a row").need_whole("id")
    except BadAnswer:
        return None
