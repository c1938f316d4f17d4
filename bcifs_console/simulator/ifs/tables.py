"""Rows and tables: what the projections look at. A row is a plain dict with its ETag in front."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from typing import Any

from bcifs_console.simulator.clock import Clock
from bcifs_console.simulator.money import Json

ETAG = "@odata.etag"

_NO_ROWS: dict[tuple[Any, ...], Json] = {}


class Table:
    """Rows by key, and by the indexed fields that lookups use."""

    def __init__(self, name: str, key: tuple[str, ...], indexes: tuple[str, ...], versions: Versions) -> None:
        self.name = name
        self.key = key
        self.rows: dict[tuple[Any, ...], Json] = {}
        self._indexes: dict[str, dict[Any, dict[tuple[Any, ...], Json]]] = {field: {} for field in indexes}
        self._versions = versions

    def add(self, row: Json) -> Json:
        key = self.key_of(row)
        rowid = self._versions.rowid()
        stamped: Json = {
            ETAG: self._versions.etag(rowid),
            "luname": self.name,
            "keyref": "".join(f"{field}={value}^" for field, value in zip(self.key, key, strict=True)),
            **row,
        }
        self.rows[key] = stamped
        for field, by_value in self._indexes.items():
            by_value.setdefault(stamped.get(field), {})[key] = stamped
        return stamped

    def key_of(self, row: Json) -> tuple[Any, ...]:
        return tuple(row[field] for field in self.key)

    def get(self, *key: Any) -> Json | None:
        return self.rows.get(key)

    def where(self, field: str, value: Any) -> Iterator[Json]:
        if field in self._indexes:
            return iter(self._indexes[field].get(value, _NO_ROWS).values())
        return (row for row in self.rows.values() if row.get(field) == value)

    def indexed(self, field: str) -> bool:
        return field in self._indexes

    def touch(self, row: Json) -> None:
        """Every change gives a new ETag."""
        row[ETAG] = self._versions.etag(self._versions.rowid_of(row[ETAG]))

    def change(self, row: Json, values: Json) -> None:
        key = self.key_of(row)
        for field, by_value in self._indexes.items():
            if field in values and values[field] != row.get(field):
                by_value.get(row.get(field), {}).pop(key, None)
                by_value.setdefault(values[field], {})[key] = row
        row.update(values)
        self.touch(row)

    def remove(self, row: Json) -> None:
        key = self.key_of(row)
        del self.rows[key]
        for field, by_value in self._indexes.items():
            by_value.get(row.get(field), {}).pop(key, None)


class Versions:
    """Row ids and ETags: weak, and inside base64 of `W/"<rowid>:<version>"` as in the documented sample.

    The sample's version is a time to the second; a counter is put behind it, so that two changes within a second
    still differ.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rows = itertools.count(1)
        self._changes = itertools.count(1)

    def rowid(self) -> str:
        return f"AACIMGAAF{next(self._rows):09d}"

    def etag(self, rowid: str) -> str:
        stamp = f"{self._clock.now():%Y%m%d%H%M%S}{next(self._changes):08d}"
        inner = f'W/"{rowid}:{stamp}"'.encode()
        return f'W/"{base64.b64encode(inner).decode()}"'

    @staticmethod
    def rowid_of(etag: str) -> str:
        return base64.b64decode(etag[3:-1]).decode()[3:].partition(":")[0]


class Database:
    def __init__(self, clock: Clock) -> None:
        self._versions = Versions(clock)
        self._tables: dict[str, Table] = {}

    def make(self, name: str, key: tuple[str, ...], indexes: tuple[str, ...] = ()) -> Table:
        table = Table(name, key, indexes, self._versions)
        self._tables[name] = table
        return table

    def __getitem__(self, name: str) -> Table:
        return self._tables[name]
