"""A small table as lines: columns as wide as what is in them, text cut where there is no room, numbers never. Pure."""

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len
from textual.content import Content

from bcifs_console.base.text import safe_text
from bcifs_console.console.widgets.lines import DIM, RULE, Lines, Piece, figure, fit, line

_GAP: Final = 2
_LEAST: Final = 5

Cell = str | tuple[str, str]


def table_lines(titles: Sequence[str], rows: Sequence[Sequence[Cell]], width: int, *, indent: int = 1) -> Lines:
    """The table for a width in cells. A title that ends in `>` is of a column of numbers. No rows: no lines."""
    if not rows:
        return []
    numbers = [title.endswith(">") for title in titles]
    names = [title.rstrip(">") for title in titles]
    wanted = [
        max([cell_len(name), *(cell_len(_text(row[column])) for row in rows)]) for column, name in enumerate(names)
    ]
    widths = _squeezed(wanted, numbers, width - indent)
    head = _row([(name, DIM) for name in names], widths, numbers, indent)
    rule = line(" " * indent, ("─" * min(width - indent, sum(widths) + _GAP * (len(widths) - 1)), RULE))
    return [head, rule, *(_row(row, widths, numbers, indent) for row in rows)]


def _text(cell: Cell) -> str:
    return safe_text(cell if isinstance(cell, str) else cell[0])


def _squeezed(wanted: Sequence[int], numbers: Sequence[bool], width: int) -> list[int]:
    """The widths, the widest columns of text made narrower until the row fits or they are as narrow as they get."""
    widths = list(wanted)
    while sum(widths) + _GAP * (len(widths) - 1) > width:
        texts = [column for column, is_number in enumerate(numbers) if not is_number and widths[column] > _LEAST]
        if not texts:
            break
        widths[max(texts, key=lambda column: widths[column])] -= 1
    return widths


def _row(cells: Sequence[Cell], widths: Sequence[int], numbers: Sequence[bool], indent: int) -> Content:
    pieces: list[Piece] = [" " * indent]
    for number, (cell, wide, is_number) in enumerate(zip(cells, widths, numbers, strict=True)):
        shown = figure(_text(cell), wide) if is_number else fit(_text(cell), wide)
        pieces += [" " * _GAP if number else "", shown if isinstance(cell, str) else (shown, cell[1])]
    return line(*pieces)
