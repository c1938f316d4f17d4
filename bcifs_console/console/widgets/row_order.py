"""Which rows a virtual table has, in which order, where its cursor is and what is marked. Pure: no widget, no cells.

Rows are known by their id alone (8 bytes each, so that a million of them are 8 MB). The cursor and the marks are ids
too: rows that come and go above them do not move them to another row.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable


class RowOrder:
    """Row ids in the order shown, without repeats; the cursor's id, the marked ids.

    From the first time somebody asks whether a row is there, the same ids are kept a second time, sorted. That is one
    call which holds the interpreter, in whatever thread it runs (100k ids in another order: 23 ms; in nearly their own:
    3 ms): a list nobody asks is not sorted, one that takes in rows is `sort`ed where it is read.
    """

    def __init__(self, ids: Iterable[int] = ()) -> None:
        self.ids = array("q", ids)
        self._sorted: array[int] | None = None
        self.cursor: int | None = self.ids[0] if self.ids else None
        self.marks: set[int] = set()
        #: where a range of marks begins: the row marked or unmarked last
        self.anchor: int | None = None
        self._cursor_index = 0

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, row_id: int) -> bool:
        known = self.sort()
        at = bisect_left(known, row_id)
        return at < len(known) and known[at] == row_id

    def sort(self) -> "array[int]":
        """The ids in their own order; made once, where it was not made before."""
        if self._sorted is None:
            self._sorted = array("q", sorted(self.ids))
        return self._sorted

    # -- where things are ------------------------------------------------------------------------------------------

    def index_of(self, row_id: int) -> int | None:
        """Where the row is, None where it is not in the list."""
        if self._sorted is not None and row_id not in self:
            return None
        try:
            return self.ids.index(row_id)
        except ValueError:
            return None

    @property
    def cursor_index(self) -> int | None:
        """Where the cursor is, None in an empty list."""
        if self.cursor is None:
            return None
        at = self._cursor_index
        if not (0 <= at < len(self.ids) and self.ids[at] == self.cursor):
            found = self.index_of(self.cursor)
            assert found is not None, "whoever takes rows away moves the cursor off them"
            self._cursor_index = found
        return self._cursor_index

    def point_at(self, index: int) -> None:
        """Put the cursor on the row at `index`, or on the nearest there is."""
        if not self.ids:
            self.cursor = None
            return
        self._cursor_index = max(0, min(index, len(self.ids) - 1))
        self.cursor = self.ids[self._cursor_index]

    # -- rows come and go ------------------------------------------------------------------------------------------

    def prepend(self, ids: Iterable[int]) -> int:
        """Put rows before the first, in the order given; those that are in the list stay where they are.

        Returns how many came.
        """
        fresh = self._fresh(ids)
        self.ids = fresh + self.ids
        self._cursor_index += len(fresh)
        self._came(fresh)
        return len(fresh)

    def append(self, ids: Iterable[int]) -> int:
        """Put rows after the last; as `prepend`."""
        fresh = self._fresh(ids)
        self.ids.extend(fresh)
        self._came(fresh)
        return len(fresh)

    def _fresh(self, ids: Iterable[int]) -> "array[int]":
        return array("q", (row_id for row_id in dict.fromkeys(ids) if row_id not in self))

    def _came(self, fresh: "array[int]") -> None:
        if self._sorted is not None:
            for row_id in fresh:
                self._sorted.insert(bisect_left(self._sorted, row_id), row_id)
        if fresh and self.cursor is None:
            self.point_at(0)

    def discard(self, ids: Iterable[int]) -> int:
        """Take rows out; a cursor on one of them goes to the next that stays, else to the last. Returns how many."""
        gone = set(ids).intersection(self.ids)
        if not gone:
            return 0
        at = self.cursor_index
        if at is not None and self.cursor in gone:
            at -= sum(1 for row_id in self.ids[:at] if row_id in gone)
        self.ids = array("q", (row_id for row_id in self.ids if row_id not in gone))
        if self._sorted is not None:
            self._sorted = array("q", (row_id for row_id in self._sorted if row_id not in gone))
        self.marks -= gone
        if self.cursor in gone and at is not None:
            self.point_at(at)
        return len(gone)

    def replace(self, rows: "RowOrder") -> None:
        """Another list (a filter, another order). The cursor stays on its row, or near where it was; marks of rows
        that are not in it go."""
        at = self.cursor_index
        self.ids, self._sorted = rows.ids, rows._sorted
        self.marks.intersection_update(self.ids if self.marks else ())
        found = self.index_of(self.cursor) if self.cursor is not None else None
        if found is not None:
            self._cursor_index = found
        else:
            self.point_at(at or 0)

    # -- marks -----------------------------------------------------------------------------------------------------

    def toggle_mark(self, row_id: int) -> None:
        """Mark the row, or take its mark off."""
        self.marks ^= {row_id}
        self.anchor = row_id

    def mark_range(self, row_id: int) -> None:
        """Mark every row from where the last mark was set to this one, both included."""
        start = self.index_of(self.anchor) if self.anchor is not None else None
        end = self.index_of(row_id)
        if end is None:
            return
        first, last = sorted((end if start is None else start, end))
        self.marks.update(self.ids[first : last + 1])
        self.anchor = row_id
