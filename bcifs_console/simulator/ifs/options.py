"""The query options of a read: filter, order, page, select, count; and the page that follows from them."""

from __future__ import annotations

import base64
import binascii
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from bcifs_console.simulator.ifs.errors import malformed, not_implemented
from bcifs_console.simulator.ifs.filters import Filters
from bcifs_console.simulator.ifs.schema import Entity, Projection
from bcifs_console.simulator.ifs.tables import ETAG, Table
from bcifs_console.simulator.money import Json
from bcifs_console.simulator.words import words

_KNOWN = frozenset(words("$filter $select $orderby $top $skip $count $skiptoken $expand $search $apply $format"))


@dataclass(frozen=True)
class Page:
    rows: list[Json]
    count: int | None
    next_query: str | None


class Reads:
    """Knows the server's own page limit, which cuts a list whether or not `$top` is given."""

    def __init__(self) -> None:
        self.filters = Filters()
        self.page_size = 100
        self.next_links = True

    def check(self, query: dict[str, str], entity: Entity) -> None:
        for name in query:
            if name.startswith("$") and name not in _KNOWN:
                raise malformed("URI_PARSER_SYNTAX_ERROR", f"The query option '{name}' is not valid.")
        if "$apply" in query or "$search" in query:
            raise not_implemented()
        for name in _selected_names(query):
            if name not in entity.properties:
                raise malformed("URI_PARSER_SEMANTIC_ERROR", f"The property '{name}' of '$select' is not defined.")
        for name in filter(None, query.get("$expand", "").split(",")):
            navigation = entity.navigations.get(name.strip())
            if navigation is None:
                raise malformed("URI_PARSER_SEMANTIC_ERROR", f"The navigation '{name}' is not defined.")
            # Collections cannot be expanded, and no one-to-one navigation is described here.
            raise not_implemented()

    def page(self, rows: Iterable[Json] | Table, query: dict[str, str], entity: Entity, projection: Projection) -> Page:
        self.check(query, entity)
        found = self._matching(rows, query.get("$filter"), entity, projection)
        offset = _token(query["$skiptoken"]) if "$skiptoken" in query else _whole(query, "$skip", 0)
        top = _whole(query, "$top", None)
        limit = self.page_size if top is None else min(top, self.page_size)
        counted = query.get("$count") == "true"
        if "$orderby" in query:
            found = iter(_ordered(list(found), query["$orderby"], entity))
        if not counted and "$orderby" not in query:
            window = list(itertools.islice(found, offset, offset + limit + 1))
            return self._page(window[:limit], None, len(window) > limit, offset + limit, top, query)
        everything = list(found)
        window = everything[offset : offset + limit]
        more = len(everything) > offset + limit
        return self._page(window, len(everything) if counted else None, more, offset + limit, top, query)

    def count(self, rows: Iterable[Json] | Table, query: dict[str, str], entity: Entity, projection: Projection) -> int:
        return sum(1 for _ in self._matching(rows, query.get("$filter"), entity, projection))

    def _page(
        self, rows: list[Json], count: int | None, more: bool, offset: int, top: int | None, query: dict[str, str]
    ) -> Page:
        left = None if top is None else top - len(rows)
        if not more or not self.next_links or (left is not None and left <= 0):
            return Page(rows, count, None)
        kept = {name: value for name, value in query.items() if name not in ("$skip", "$skiptoken", "$top")}
        if left is not None:
            kept["$top"] = str(left)
        kept["$skiptoken"] = base64.urlsafe_b64encode(f"skip:{offset}".encode()).decode()
        return Page(rows, count, "&".join(f"{name}={quote(value)}" for name, value in kept.items()))

    def _matching(
        self, rows: Iterable[Json] | Table, text: str | None, entity: Entity, projection: Projection
    ) -> Iterator[Json]:
        if not text:
            return iter(rows.rows.values() if isinstance(rows, Table) else rows)
        compiled, literals = self.filters.compiled(text, entity, projection)
        source = self._from_index(rows, compiled.equals, literals) if isinstance(rows, Table) else iter(rows)
        return (row for row in source if compiled.test(row, literals))

    def _from_index(self, table: Table, equals: tuple[tuple[str, Any], ...], literals: list[str]) -> Iterator[Json]:
        for field, value in equals:
            wanted = value({}, literals)
            if table.key == (field,):
                row = table.get(wanted)
                return iter(()) if row is None else iter((row,))
            if table.indexed(field):
                return iter(list(table.where(field, wanted)))
        return iter(list(table.rows.values()))


def _whole(query: dict[str, str], name: str, default: Any) -> Any:
    text = query.get(name)
    if text is None:
        return default
    if not text.isdecimal():
        raise malformed("URI_PARSER_SYNTAX_ERROR", f"The value of '{name}' must be a whole number.")
    return int(text)


def _token(text: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(text).decode().removeprefix("skip:"))
    except (ValueError, binascii.Error):
        raise malformed("URI_PARSER_SYNTAX_ERROR", "The skip token is not valid.") from None


def _ordered(rows: list[Json], text: str, entity: Entity) -> list[Json]:
    for part in reversed(text.split(",")):
        name, _, direction = part.strip().partition(" ")
        if name not in entity.properties or direction.strip() not in ("", "asc", "desc"):
            raise malformed("URI_PARSER_SEMANTIC_ERROR", f"'$orderby' cannot use '{part.strip()}'.")
        rows.sort(key=lambda row, name=name: _sortable(row.get(name)), reverse=direction.strip() == "desc")  # type: ignore[misc]
    return rows


def _sortable(value: Any) -> tuple[int, Any]:
    if value is None:
        return (0, 0)
    if isinstance(value, bool):
        return (1, int(value))
    return (2, value) if isinstance(value, int | Decimal) else (3, str(value))


def _selected_names(query: dict[str, str]) -> list[str]:
    """`select-fields` does for a POST or PATCH what `$select` does for a read."""
    names = query.get("$select") or query.get("select-fields") or ""
    return [] if names.strip() in ("", "*") else [name.strip() for name in names.split(",")]


def selected(row: Json, query: dict[str, str], entity: Entity) -> Json:
    """Key and ETag come anyway; a selected property that has no value is null."""
    wanted = _selected_names(query)
    if not wanted:
        known = entity.properties
        return {name: value for name, value in row.items() if name in known or name == ETAG}
    return {ETAG: row[ETAG], **{name: row.get(name) for name in (*entity.key, *wanted)}}
