"""The drawing half of a virtual table: a header, and the rows in view, read by id and kept as drawn lines.

Nothing here moves the cursor or answers a key: that is `virtual_table`. Two caches hold what was read and what was
drawn, by row id; a row that changed leaves both, a change of theme, width or columns empties the second.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import ClassVar, Final

from rich.cells import cell_len
from rich.segment import Segment
from textual.cache import LRUCache
from textual.content import Content
from textual.geometry import Size
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.style import Style

from bcifs_console.console.widgets.columns import Column, Placed, arrange, fit, say_the_same, segments_of
from bcifs_console.console.widgets.row_order import RowOrder
from bcifs_console.console.widgets.thumb import put_thumb

#: Reads rows by id, one `Content` a column. What it does not return is shown as gone.
Hydrate = Callable[[Sequence[int]], Mapping[int, Sequence[Content]]]

#: Lines the header takes.
HEADER: Final = 1
#: Cells before the first column: the cursor's bar, the mark, and one between.
GUTTER: Final = 3
_BAR: Final = "▌"
_MARK: Final = "●"
_DESCENDING, _ASCENDING = "▼", "▲"
_READ_AT_ONCE: Final = 100
#: A copy of selected text ends after so many rows.
_COPIED: Final = 1_000
_GONE: Final = (Content.styled("· no longer there", "dim"),)


class RowView(ScrollView):
    """Header and rows drawn by line. `order` says which rows there are; `set_source` says who reads them."""

    ALLOW_SELECT = True

    DEFAULT_CSS = """
    RowView {
        background: $surface;
        color: $foreground;
        scrollbar-size: 1 1;
        scrollbar-gutter: stable;

        & > .row-view--header { background: $panel; color: $text-muted; }
        & > .row-view--sorted { background: $panel; color: $foreground; text-style: bold; }
        & > .row-view--cursor { background: $boost; }
        & > .row-view--cursor-focused { background: $primary 25%; text-style: bold; }
        & > .row-view--bar { color: $primary; text-style: bold; }
        & > .row-view--mark { color: $accent; text-style: bold; }
        & > .row-view--message { color: $text-muted; }
    }
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "row-view--header",
        "row-view--sorted",
        "row-view--cursor",
        "row-view--cursor-focused",
        "row-view--bar",
        "row-view--mark",
        "row-view--message",
    }

    #: whether columns are shown too that a table this narrow would leave out
    everything: var[bool] = var(False, init=False)
    #: keys of columns that are not shown at all, however wide the table is
    without: var[frozenset[str]] = var(frozenset(), init=False)
    #: the sorted column and whether it is descending; the screen sorts, the header shows it
    sorted_by: var[tuple[str, bool] | None] = var(None, init=False)
    #: what is said in place of rows while there are none
    message: var[Content] = var(Content(""), init=False)

    def __init__(self, columns: Sequence[Column], *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.columns: Final = tuple(columns)
        self.order = RowOrder()
        self.hydrate: Hydrate = lambda _ids: {}
        self._cells_read: LRUCache[int, Sequence[Content]] = LRUCache(1_024)
        #: row id → the line as drawn, by (has the cursor, is marked, the table has the focus)
        self._lines_drawn: LRUCache[int, dict[tuple[bool, bool, bool], Strip]] = LRUCache(1_024)
        self._columns_placed: list[Placed] = []
        self._placed_for: tuple[int, bool, frozenset[str]] | None = None
        self._reads_ahead = False
        #: rows that came above all others since: a row's line of text keeps its number while rows come
        self.came_on_top = 0

    # -- what is in view -------------------------------------------------------------------------------------------

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return len(self.order)

    @property
    def view(self) -> Size:
        """The cells there are beside the scroll bars (`size` counts those too)."""
        return self.scrollable_content_region.size

    @property
    def body_height(self) -> int:
        """Lines there are for rows."""
        return max(0, self.view.height - HEADER)

    @property
    def top(self) -> int:
        """The index of the first row in view."""
        return self.scroll_offset.y

    @property
    def visible_ids(self) -> Sequence[int]:
        """The ids of the rows in view."""
        return self.order.ids[self.top : self.top + self.body_height]

    @property
    def placed(self) -> Sequence[Placed]:
        """The columns shown at this width."""
        wanted = self.view.width, self.everything, self.without
        if self._placed_for != wanted:
            self._columns_placed = arrange(
                [(i, column) for i, column in enumerate(self.columns) if column.key not in self.without],
                self.view.width,
                start=GUTTER,
                everything=self.everything,
            )
            self._placed_for = wanted
            self._lines_drawn.clear()
        return self._columns_placed

    @property
    def hidden_columns(self) -> Sequence[Column]:
        """The columns left out for want of room."""
        shown = {placed.index for placed in self.placed}
        columns = enumerate(self.columns)
        return [column for i, column in columns if i not in shown and column.key not in self.without]

    @property
    def drawn_width(self) -> int:
        """Cells of a line: the row's, or the table's where that is wider."""
        return max(self.view.width, max((placed.end for placed in self.placed), default=0))

    def measure(self) -> None:
        """Tell the scroll bars how large all of it is."""
        height = self.row_count + HEADER if self.row_count else 0
        # As wide as there is room is no width: the bar must not appear while the table is being made narrower.
        size = Size(self.drawn_width if self.drawn_width > self.view.width else 0, height)
        room, had = self.container_size.height, self.virtual_size
        if size.width != had.width or (size.height > room) != (had.height > room):
            self.virtual_size = size
            return
        # The same bars: the screen need not be laid out anew, ten times a second where orders come in.
        self.set_reactive(RowView.virtual_size, size)
        self.scroll_y = self.validate_scroll_y(self.scroll_y)
        self.put_bar()

    def hold_still(self, came_above: int) -> bool:
        """After rows came, `came_above` of them above: keep every line in its place, without painting one. False
        where that cannot be: there was room for more rows."""
        had, height = self.virtual_size, self.row_count + HEADER
        if had.height <= self.container_size.height:
            return False
        self.set_reactive(RowView.virtual_size, Size(had.width, height))
        # Nothing is told of the new place: to whoever looks on, it is the old one.
        self.set_reactive(RowView.scroll_y, self.scroll_y + came_above)
        self.set_reactive(RowView.scroll_target_y, self.scroll_target_y + came_above)
        self.put_bar()
        return True

    def put_bar(self) -> None:
        """Have the scroll bar show the length and the place."""
        if self.show_vertical_scrollbar:
            put_thumb(self.vertical_scrollbar, self.virtual_size.height, self.scroll_y)

    # -- what is read anew, drawn anew -----------------------------------------------------------------------------

    def changed(self, ids: Iterable[int]) -> None:
        """Read these rows anew when they are next shown; of those in view the lines are drawn again."""
        changed = set(ids)
        for row_id in changed:
            self._cells_read.discard(row_id)
        self.redraw(changed)

    def redraw(self, ids: Iterable[int]) -> None:
        """Draw these rows again when they are next shown; their values are as they were."""
        again = set(ids)
        for row_id in again:
            self._lines_drawn.discard(row_id)
        for i, row_id in enumerate(self.visible_ids):
            if row_id in again:
                self.refresh_line(self.top + i + HEADER)

    def read_again(self) -> None:
        """Read every row anew; of those in view, now, only the lines of rows that read otherwise are drawn again."""
        shown = self.visible_ids[:_READ_AT_ONCE] if self.is_on_screen else ()
        before = {row_id: (self._cells_read.get(row_id), self._lines_drawn.get(row_id)) for row_id in shown}
        self._cells_read.clear()
        self._lines_drawn.clear()
        if self.row_count and not shown:
            self.refresh()  # out of sight: whatever is drawn of them when they come back is drawn anew
        self.read(shown)
        for row_id, (cells, lines) in before.items():
            if cells is not None and lines is not None and say_the_same(cells, self._cells_read[row_id]):
                self._lines_drawn[row_id] = lines
        self.redraw(row_id for row_id in shown if row_id not in self._lines_drawn)

    def forget(self) -> None:
        """Read every row anew when it is next shown."""
        self._cells_read.clear()
        self._lines_drawn.clear()
        self.refresh()

    def notify_style_update(self) -> None:
        """Another theme, the focus, a class: every colour may be another."""
        super().notify_style_update()
        self._lines_drawn.clear()

    def watch_everything(self) -> None:
        """More columns, or fewer."""
        self.measure()
        self.refresh()

    def watch_without(self) -> None:
        """More columns, or fewer."""
        self.watch_everything()

    def watch_sorted_by(self) -> None:
        """The header shows it."""
        self.refresh()

    def watch_message(self) -> None:
        """Shown where there are no rows."""
        self.refresh()

    def cells(self, row_id: int) -> Sequence[Content]:
        """The row's values. What else is in view and not read yet is read with it, at once; what is just out of view,
        once this is painted."""
        found = self._cells_read.get(row_id)
        if found is None:
            self.read([row_id, *(seen for seen in self.visible_ids if seen != row_id)])
            if not self._reads_ahead:
                self._reads_ahead = True
                self.call_after_refresh(self.read_ahead)
            found = self._cells_read[row_id]
        return found

    def read(self, row_ids: Sequence[int]) -> None:
        """Read of these rows those not read yet, as many as are read at once."""
        wanted = [row_id for row_id in row_ids if row_id not in self._cells_read][:_READ_AT_ONCE]
        rows = self.hydrate(wanted) if wanted else {}
        for row_id in wanted:
            self._cells_read[row_id] = rows.get(row_id, _GONE)

    def read_ahead(self) -> None:
        """Read a screenful above and one below, for whoever goes there next."""
        self._reads_ahead = False
        height = max(1, self.body_height)
        self.read(self.order.ids[max(0, self.top - height) : self.top + 2 * height])

    # -- drawing ---------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """Line `y` of the widget: the header, a row, or what is said in place of rows."""
        base = self.visual_style
        left, width = self.scroll_offset.x, self.view.width
        if y < HEADER:
            return self.header_line().crop_extend(left, left + width, base.rich_style)
        if not self.row_count:
            return self.message_line(y - HEADER)
        index = self.top + y - HEADER
        if index >= self.row_count:
            return Strip.blank(width, base.rich_style)
        line = self.row_line(index)
        shown = line.crop_extend(left, left + width, base.rich_style)
        return shown.apply_offsets(len(line.crop(0, left).text) if left else 0, index - self.came_on_top)

    def row_line(self, index: int) -> Strip:
        """The whole line of a row, with the selected text marked."""
        row_id = self.order.ids[index]
        look = row_id == self.order.cursor, row_id in self.order.marks, self.has_focus
        placed = self.placed  # before the lines: where the width changed, it drops them
        drawn = self._lines_drawn.get(row_id)
        if drawn is None:
            drawn = self._lines_drawn[row_id] = {}
        line = drawn.get(look)
        if line is None:
            line = drawn[look] = self.draw_row(row_id, look, placed)
        selection = self.text_selection
        return line if selection is None else self.with_selection(line, selection.get_span(index - self.came_on_top))

    def draw_row(self, row_id: int, look: tuple[bool, bool, bool], placed: Sequence[Placed]) -> Strip:
        """Draw a row anew."""
        has_cursor, is_marked, has_focus = look
        base = self.visual_style
        if has_cursor:
            base = self.get_visual_style("row-view--cursor-focused" if has_focus else "row-view--cursor")
        bar = base + self.foreground("row-view--bar") if has_cursor else base
        mark = base + self.foreground("row-view--mark") if is_marked else base
        segments = [
            Segment(_BAR if has_cursor else " ", bar.rich_style),
            Segment(_MARK if is_marked else " ", mark.rich_style),
            Segment(" ", base.rich_style),
        ]
        cells = self.cells(row_id)
        x = GUTTER
        parse = self.app.stylesheet.parse_style
        for column in self.columns_of(cells, placed):
            if column.x > x:
                segments.append(Segment(" " * (column.x - x), base.rich_style))
            segments += segments_of(cells[column.index], column, base, parse)
            x = column.end
        return Strip(segments, x).extend_cell_length(self.drawn_width, base.rich_style)

    @staticmethod
    def columns_of(cells: Sequence[Content], placed: Sequence[Placed]) -> Iterable[Placed]:
        """The columns the row has values for; one value alone gets the whole line."""
        if len(cells) == 1 and len(placed) > 1:
            return [Placed(Column("", "", 0), 0, placed[0].x, placed[-1].end - placed[0].x)]
        return [each for each in placed if each.index < len(cells)]

    def foreground(self, component: str) -> Style:
        """The colour and weight of a component class, without its background."""
        style = self.get_visual_style(component)
        return Style(foreground=style.foreground, bold=style.bold)

    def header_line(self) -> Strip:
        """The whole header line."""
        base = self.get_visual_style("row-view--header")
        ordered, descending = self.sorted_by or ("", False)
        segments = [Segment(" " * GUTTER, base.rich_style)]
        x = GUTTER
        for placed in self.placed:
            title, style = placed.column.title, base
            if placed.column.key == ordered:
                arrow = _DESCENDING if descending else _ASCENDING
                # Beside the title on the side away from its values' edge, so that titles and values stay aligned.
                title = f"{arrow} {title}" if placed.column.align == "right" else f"{title} {arrow}"
                style = self.get_visual_style("row-view--sorted")
            segments.append(Segment(" " * (placed.x - x), base.rich_style))
            segments.append(Segment(fit(title, placed), style.rich_style))
            x = placed.end
        return Strip(segments, x).extend_cell_length(self.drawn_width, base.rich_style)

    def message_line(self, y: int) -> Strip:
        """Line `y` of what is said in place of rows: in the middle, a third from the top."""
        width = self.view.width
        base = self.get_visual_style("row-view--message")
        lines = self.message.wrap(max(1, width - 4)) if self.message else []
        at = y - max(0, (self.body_height - len(lines)) // 3)
        if not 0 <= at < len(lines):
            return Strip.blank(width, self.visual_style.rich_style)
        line = lines[at].rstrip()
        parts = [
            Segment(text, style.rich_style) for text, style in line.render(base, "", self.app.stylesheet.parse_style)
        ]
        left = (width - line.cell_length) // 2
        strip = Strip([Segment(" " * left, base.rich_style), *parts], left + line.cell_length)
        return strip.extend_cell_length(width, base.rich_style)

    # -- selecting text --------------------------------------------------------------------------------------------

    def with_selection(self, line: Strip, span: tuple[int, int] | None) -> Strip:
        """The line with its characters from `span[0]` to before `span[1]` (-1: the end) shown as selected."""
        if span is None:
            return line
        text = line.text
        start, end = span[0], len(text) if span[1] == -1 else span[1]
        cuts = [0, cell_len(text[:start]), cell_len(text[:end]), line.cell_length]
        selected = self.screen.get_component_rich_style("screen--selection")
        parts = [line.crop(a, b) for a, b in pairwise(cuts)]
        parts[1] = Strip([Segment(t, s + selected if s else selected) for t, s, _ in parts[1]], parts[1].cell_length)
        return Strip.join(parts)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text, a line a row; of a very long selection the first thousand rows."""
        above = self.came_on_top
        first = max(0, selection.start.y + above) if selection.start is not None else 0
        last = selection.end.y + above if selection.end is not None else self.row_count - 1
        last = min(last, self.row_count - 1, first + _COPIED - 1)
        texts = []
        for start in range(first, last + 1, _READ_AT_ONCE):
            self.read(self.order.ids[start : start + _READ_AT_ONCE])
        for index in range(first, last + 1):
            if (span := selection.get_span(index - above)) is not None:
                text = self.draw_row(self.order.ids[index], (False, False, False), self.placed).text
                texts.append(text[span[0] : None if span[1] == -1 else span[1]].strip())
        return ("\n".join(texts), "\n") if texts else None
