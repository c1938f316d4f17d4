"""What was really painted: the cells of a terminal that took everything an app sent, and widgets drawn without memory.

The compositor draws what it knows to have changed, from lines that widgets keep. Asking it for the whole screen hides
both kinds of mistake: a line that changed and was never sent, and one kept that should have been drawn again.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from rich.cells import cell_len
from textual._compositor import CompositorUpdate, LayoutUpdate
from textual._styles_cache import StylesCache
from textual.cache import LRUCache
from textual.scrollbar import ScrollBar
from textual.strip import Strip

from bcifs_console.console.widgets.virtual_table import VirtualTable

_PIECE: Final = re.compile(r"\x1b\[(\d+);(\d+)H|\x1b\[([\d;]*)m|([^\x1b\n]+)")

Cell = tuple[str, str]  #: a character ("" in the second cell of a wide one) and its colours


class Paper:
    """The cells of a terminal, by line and column."""

    def __init__(self) -> None:
        self.lines: dict[int, dict[int, Cell]] = {}
        self.touched: list[tuple[int, int]] = []  #: where something was written so far, from (line, column) on

    def take(self, sent: str) -> None:
        """Do what a terminal does with these bytes."""
        x = y = 0
        colours, begins = "", True
        for to_y, to_x, sgr, text in _PIECE.findall(sent):
            if to_y:
                x, y = int(to_x) - 1, int(to_y) - 1
                begins = True
            elif not text:
                colours = sgr
            else:
                if begins:
                    self.touched.append((y, x))
                    begins = False
                x = self._write(x, y, text, colours)

    def _write(self, x: int, y: int, text: str, colours: str) -> int:
        line = self.lines.setdefault(y, {})
        for character in text:
            line[x] = (character, colours)
            width = cell_len(character)
            if width == 2:
                line[x + 1] = ("", colours)
            x += width
        return x

    def text(self, height: int, width: int) -> list[str]:
        """The characters of the first lines, in so many cells."""
        return ["".join(self.lines[y][x][0] for x in range(width)) for y in range(height)]


class Painted:
    """Mixed into an app: its `paper` is what its terminal shows."""

    paper: Paper
    console: Any

    def _display(self, screen: Any, renderable: Any) -> None:
        super()._display(screen, renderable)  # type: ignore[misc] # the app's, which is mixed in
        if isinstance(renderable, CompositorUpdate):
            if isinstance(renderable, LayoutUpdate):
                self.paper.lines.clear()
            self.paper.take(renderable.render_segments(self.console))


def assert_nothing_is_stale(table: VirtualTable, paper: Paper) -> None:
    """The terminal shows what is drawn now, and that is what would be drawn by a table that remembers nothing."""
    kept = table.render_lines(table.size.region)
    with _without_memory(table):
        assert kept == table.render_lines(table.size.region), "a line was kept that reads otherwise by now"
    if table.show_vertical_scrollbar:
        bar = table.vertical_scrollbar
        assert bar.render_lines(bar.size.region) == _drawn_anew(bar)
    whole = Paper()
    whole.take(
        LayoutUpdate([[strip] for strip in _strips(table)], table.screen.region).render_segments(table.app.console)
    )
    assert paper.lines == whole.lines, "a line was drawn and never sent"


def _strips(table: VirtualTable) -> list[Strip]:
    return table.screen._compositor.render_strips()


@contextmanager
def _without_memory(table: VirtualTable) -> Iterator[None]:
    kept = table._styles_cache, table._cells_read, table._lines_drawn
    table._styles_cache, table._cells_read, table._lines_drawn = StylesCache(), LRUCache(1_024), LRUCache(1_024)
    try:
        yield
    finally:
        table._styles_cache, table._cells_read, table._lines_drawn = kept


def _drawn_anew(bar: ScrollBar) -> list[Strip]:
    kept, bar._styles_cache = bar._styles_cache, StylesCache()
    try:
        bar._layout_cache.clear()
        bar._dirty_regions.add(bar.size.region)
        return bar.render_lines(bar.size.region)
    finally:
        bar._styles_cache = kept
