"""Columns of a virtual table: how wide each is at a given width of the table, and how a value is made to fit.

Pure functions over `Content`; nothing of a widget is known here. Text that does not fit ends in `…`; a number that does
not fit becomes `###`, for a clipped number reads as another number (research/tui.md B.2).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.content import Content
from textual.style import Style

#: Cells between two columns.
GAP: Final = 2
_CLIPPED: Final = "…"
_DOES_NOT_FIT: Final = "#"

#: Turns a style named in a `Content` (`"$success"`, `"bold"`) into one; `Style.parse` knows no theme.
StyleParser = Callable[[str | Style], Style]


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    `width` is in cells and the least it gets; `grow` is its share of the cells left over. A table narrower than
    `from_width` does not show the column unless asked for all of them. `number`: never cut, `###` instead.
    """

    key: str
    title: str
    width: int
    align: Literal["left", "right"] = "left"
    number: bool = False
    grow: int = 0
    from_width: int = 0
    sortable: bool = True


@dataclass(frozen=True, slots=True)
class Placed:
    """A column as it is shown: `index` counts all columns, `x` and `width` are cells of the row."""

    column: Column
    index: int
    x: int
    width: int

    @property
    def end(self) -> int:
        return self.x + self.width


def arrange(
    columns: Sequence[tuple[int, Column]], available: int, *, start: int = 0, everything: bool = False
) -> list[Placed]:
    """Place the columns (each with its index in a row) in `available` cells from cell `start` on; growing ones share
    what is left over.

    A row may be wider than the table (then it scrolls sideways): no column is ever narrower than its `width`.
    """
    shown = [(i, c) for i, c in columns if everything or c.from_width <= available]
    least = start + sum(column.width for _, column in shown) + GAP * max(0, len(shown) - 1)
    extra = _shares(max(0, available - least), [column.grow for _, column in shown])
    placed: list[Placed] = []
    x = start
    for (index, column), more in zip(shown, extra, strict=True):
        placed.append(Placed(column, index, x, column.width + more))
        x += column.width + more + GAP
    return placed


def _shares(cells: int, weights: Sequence[int]) -> list[int]:
    """`cells` divided by weight, every cell given to somebody (to nobody where all weights are 0)."""
    shares: list[int] = []
    left, weight_left = cells, sum(weights)
    for weight in weights:
        share = left * weight // weight_left if weight else 0
        shares.append(share)
        left, weight_left = left - share, weight_left - weight
    return shares


def fit(text: str, placed: Placed) -> str:
    """`text` in exactly the column's width: padded, cut with `…`, or `###` for a number too long."""
    length = cell_len(text)
    if length > placed.width:
        if placed.column.number:
            return _DOES_NOT_FIT * placed.width
        return set_cell_size(text, placed.width - 1) + _CLIPPED if placed.width else ""
    padding = " " * (placed.width - length)
    return padding + text if placed.column.align == "right" else text + padding


def segments_of(cell: Content, placed: Placed, base: Style, parse: StyleParser) -> list[Segment]:
    """The cell drawn in exactly the column's width, on `base`."""
    if not cell.spans:
        return [Segment(fit(cell.plain, placed), base.rich_style)]
    length = cell.cell_length
    if length > placed.width:
        if placed.column.number:
            cell = Content(_DOES_NOT_FIT * placed.width)
        else:
            cell = cell.truncate(placed.width, ellipsis=True)
        length = cell.cell_length
    segments = [Segment(text, style.rich_style) for text, style in cell.render(base, "", parse)]
    if length < placed.width:
        padding = Segment(" " * (placed.width - length), base.rich_style)
        segments = [padding, *segments] if placed.column.align == "right" else [*segments, padding]
    return segments


def say_the_same(some: Sequence[Content], others: Sequence[Content]) -> bool:
    """Whether these are the same texts in the same styles (`Content` by itself compares the text alone)."""
    return len(some) == len(others) and all(
        one.plain == other.plain and one.spans == other.spans for one, other in zip(some, others, strict=True)
    )
