"""A table of any length: only the rows in view are ever read, drawn or touched.

The table holds row ids and asks for the rows in view by id (`hydrate`, at most 100 at a time, on the loop). A changed
row costs one line; a new one costs eight bytes. Which row the cursor is on and which are marked is kept by id, so
nothing moves under the operator's hands. What a row means, where rows come from and what sorting does is the screen's
business.
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final, Literal

from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.message import Message

from bcifs_console.console.widgets.columns import GAP, Column
from bcifs_console.console.widgets.row_order import RowOrder
from bcifs_console.console.widgets.row_view import GUTTER, HEADER, Hydrate, RowView


class VirtualTable(RowView, can_focus=True):
    """A header and rows of which only those in view exist.

    `newest` says at which end new rows appear: while `following`, the view and the cursor stay there; else nothing
    moves and `new_rows` counts what came out of sight. Any move of the cursor, and any scrolling away, ends following.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "cursor_by(-1)", "Up", show=False, id="list.up"),
        Binding("down,j", "cursor_by(1)", "Down", show=False, id="list.down"),
        Binding("pageup,ctrl+u", "cursor_pages(-1)", "Page up", show=False, id="list.page_up"),
        Binding("pagedown,ctrl+d", "cursor_pages(1)", "Page down", show=False, id="list.page_down"),
        Binding("home,g", "cursor_first", "First row", show=False, id="list.first"),
        Binding("end,G", "cursor_last", "Last row", show=False, id="list.last"),
        Binding("left,h", "scroll_by(-8)", "Scroll left", show=False, id="list.left"),
        Binding("right,l", "scroll_by(8)", "Scroll right", show=False, id="list.right"),
        Binding("enter", "open_row", "Open", show=False, id="list.open"),
        Binding("space", "toggle_mark", "Mark", show=False, id="list.mark"),
        Binding("v", "mark_range", "Mark up to here", show=False, id="list.mark_range"),
        Binding("escape", "clear_marks", "Clear marks", show=False, id="list.clear_marks"),
    ]

    class TableMessage(Message):
        """What happened in which table."""

        def __init__(self, table: "VirtualTable") -> None:
            self.table = table
            super().__init__()

        @property
        def control(self) -> "VirtualTable":
            return self.table

    class Highlighted(TableMessage):
        """The cursor is on this row now; None in an empty table."""

        def __init__(self, table: "VirtualTable", row_id: int | None) -> None:
            super().__init__(table)
            self.row_id = row_id

        def can_replace(self, message: Message) -> bool:
            """Only the newest place of the cursor matters."""
            return isinstance(message, VirtualTable.Highlighted) and message.table is self.table

    class Opened(TableMessage):
        """Enter, or a double click, on this row."""

        def __init__(self, table: "VirtualTable", row_id: int) -> None:
            super().__init__(table)
            self.row_id = row_id

    class MarksChanged(TableMessage):
        """So many rows are marked now."""

        def __init__(self, table: "VirtualTable", count: int) -> None:
            super().__init__(table)
            self.count = count

    class SortAsked(TableMessage):
        """The header of this column was clicked."""

        def __init__(self, table: "VirtualTable", key: str) -> None:
            super().__init__(table)
            self.key = key

    class Followed(TableMessage):
        """Following began or ended, or rows came out of sight."""

        def __init__(self, table: "VirtualTable") -> None:
            super().__init__(table)
            self.following = table.following
            self.new_rows = table.new_rows

        def can_replace(self, message: Message) -> bool:
            """Only the newest count matters."""
            return isinstance(message, VirtualTable.Followed) and message.table is self.table

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        newest: Literal["top", "bottom"] = "top",
        following: bool = False,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(columns, id=id, classes=classes)
        self.newest: Final = newest
        self.following = following
        #: rows that came at the end out of sight
        self.new_rows = 0
        self._height_before = 0
        self._scrolling_ourselves = False

    # -- what a screen may ask -------------------------------------------------------------------------------------

    @property
    def cursor_id(self) -> int | None:
        """The id of the row under the cursor, None in an empty table."""
        return self.order.cursor

    @property
    def marks(self) -> frozenset[int]:
        """The ids of the marked rows."""
        return frozenset(self.order.marks)

    # -- what a screen may do --------------------------------------------------------------------------------------

    def set_source(self, ids: Iterable[int] | RowOrder, hydrate: Hydrate) -> None:
        """Show these rows, read by `hydrate`, from the first on; marks go. A RowOrder can be made in a thread."""
        self.hydrate = hydrate
        self.order = ids if isinstance(ids, RowOrder) else RowOrder(ids)
        self.forget()
        self.new_rows = 0
        self.rows_moved()
        self.scroll_rows_to(0)
        if self.following:
            self.ride()
        self.post_message(self.Highlighted(self, self.cursor_id))
        self.post_message(self.MarksChanged(self, 0))

    def refill(self, ids: Iterable[int] | RowOrder, hydrate: Hydrate | None = None) -> None:
        """Show these rows, read anew (by `hydrate` from now on, None: as before). The one way to put rows into a table
        again and again: the cursor and the view stay as by `replace`, and where a row in view reads as it did, it is
        not even painted."""
        if hydrate is not None:
            self.hydrate = hydrate
        self.replace(ids)
        self.read_again()

    def replace(self, ids: Iterable[int] | RowOrder) -> None:
        """Show other rows or another order, from the same source. The cursor stays on its row and its line of the
        screen; where its row is gone, it stays where it was. Where they are the same rows, nothing happens."""
        rows = ids if isinstance(ids, RowOrder) else RowOrder(ids)
        if rows.ids == self.order.ids:
            return
        line = (self.order.cursor_index or 0) - self.top
        had, marked = self.cursor_id, len(self.order.marks)
        self.order.replace(rows)
        self.rows_moved()
        if self.following:
            self.ride()
        elif 0 <= line < self.body_height:
            self.scroll_rows_to((self.order.cursor_index or 0) - line)
        self.count_new(0)
        self.tell_of_changes(had, marked)

    def prepend(self, ids: Iterable[int]) -> int:
        """Put new rows on top; those already there are passed over. Returns how many came."""
        return self.take_in(self.order.prepend(ids), "top")

    def append(self, ids: Iterable[int]) -> int:
        """Put new rows at the bottom; those already there are passed over. Returns how many came."""
        return self.take_in(self.order.append(ids), "bottom")

    def discard(self, ids: Iterable[int]) -> int:
        """Take rows out (`remove` is Textual's, for the widget). Returns how many went."""
        gone = set(ids)
        had, marked = self.cursor_id, len(self.order.marks)
        top = self.top
        above = sum(1 for row_id in self.order.ids[:top] if row_id in gone)
        count = self.order.discard(gone)
        if not count:
            return 0
        self.changed(gone)
        self.rows_moved()
        if self.following:
            self.ride()
        elif above:
            self.scroll_rows_to(top - above)
        self.count_new(0)
        self.tell_of_changes(had, marked)
        return count

    def move_to(self, row_id: int) -> bool:
        """Put the cursor on this row and show it. False where it is not in the table."""
        index = self.order.index_of(row_id)
        if index is not None:
            self.move_to_index(index)
        return index is not None

    def move_to_index(self, index: int) -> None:
        """Put the cursor on the row at `index`, or the nearest there is, and show it. Ends following."""
        self.follow(False)
        self.put_cursor(index)

    def follow(self, following: bool) -> None:
        """Stay with the newest rows, or keep still."""
        if following:
            self.new_rows = 0
        if following == self.following:
            return
        self.following = following
        if following:
            self.ride()
        self.post_message(self.Followed(self))

    def set_marks(self, ids: Iterable[int]) -> None:
        """Mark exactly these rows, as far as they are in the table."""
        before = self.order.marks
        self.order.marks = {row_id for row_id in ids if row_id in self.order}
        self.redraw(before ^ self.order.marks)
        self.post_message(self.MarksChanged(self, len(self.order.marks)))

    # -- keeping still, or riding along ----------------------------------------------------------------------------

    def take_in(self, count: int, end: Literal["top", "bottom"]) -> int:
        """After `count` rows came at that end: hold the view still, or ride along."""
        if not count:
            return 0
        rides = self.following and end == self.newest
        came_above = count if end == "top" else 0
        self.came_on_top += came_above
        if rides or not self.hold_still(came_above):
            top = self.top
            self.measure()
            self.refresh()
            if rides:
                self.ride()
            else:
                self.scroll_rows_to(top + came_above)
        if not rides:
            self.count_new(count if end == self.newest else 0)
        if self.row_count == count:
            self.post_message(self.Highlighted(self, self.cursor_id))
        return count

    def ride(self) -> None:
        """Go to the newest row, with the cursor."""
        self.put_cursor(0 if self.newest == "top" else self.row_count - 1)

    def count_new(self, came: int) -> None:
        """Add `came` to the new rows; those that are in view by now are new no more."""
        unseen = self.top if self.newest == "top" else max(0, self.row_count - self.top - self.body_height)
        new_rows = min(self.new_rows + came, unseen)
        if new_rows != self.new_rows:
            self.new_rows = new_rows
            self.post_message(self.Followed(self))

    def rows_moved(self) -> None:
        """After rows went or changed places: a text selection would now cover others."""
        if self.is_attached and self.text_selection is not None:
            self.screen.clear_selection()
        self.measure()
        self.refresh()

    def scroll_rows_to(self, top: int) -> None:
        """Show the row at `top` first, at once and without taking it for a person's move."""
        self._scrolling_ourselves = True
        self.scroll_to(y=max(0, top), animate=False, force=True)
        self._scrolling_ourselves = False

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """A person who scrolls away from the newest rows does not follow any more."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) == round(new_value) or self._scrolling_ourselves:
            return
        self.count_new(0)
        edge = 0 if self.newest == "top" else self.max_scroll_y
        if self.following and round(new_value) != edge:
            self.follow(False)

    def on_resize(self) -> None:
        """Arrange the columns anew; a cursor that was in view stays in view."""
        self.measure()
        at, top = self.order.cursor_index, self.top
        if at is not None and (self.following or top <= at < top + max(self._height_before, 1)):
            self.reveal(at)
        self._height_before = self.body_height
        self.count_new(0)

    # -- the cursor ------------------------------------------------------------------------------------------------

    def put_cursor(self, index: int) -> None:
        """Put the cursor there and show it; `following` stays as it is."""
        had = self.cursor_id
        self.order.point_at(index)
        at = self.order.cursor_index
        if at is None:
            return
        self.reveal(at)
        self.count_new(0)
        self.redraw([row_id for row_id in (had, self.cursor_id) if row_id is not None])
        if self.cursor_id != had:
            self.post_message(self.Highlighted(self, self.cursor_id))

    def reveal(self, index: int) -> None:
        """Scroll as little as it takes to have the row in view."""
        top, height = self.top, max(1, self.body_height)
        if index < top:
            self.scroll_rows_to(index)
        elif index >= top + height:
            self.scroll_rows_to(index - height + 1)

    def tell_of_changes(self, had: int | None, marked: int) -> None:
        """Post what came of the cursor and the marks."""
        if self.cursor_id != had:
            self.post_message(self.Highlighted(self, self.cursor_id))
        if len(self.order.marks) != marked:
            self.post_message(self.MarksChanged(self, len(self.order.marks)))

    # -- keys and mouse --------------------------------------------------------------------------------------------

    def action_cursor_by(self, rows: int) -> None:
        """Move the cursor by so many rows."""
        self.move_to_index((self.order.cursor_index or 0) + rows)

    def action_cursor_pages(self, pages: int) -> None:
        """Move the cursor by so many screens, one row kept."""
        self.action_cursor_by(pages * max(1, self.body_height - 1))

    def action_cursor_first(self) -> None:
        """To the first row."""
        self.move_to_index(0)

    def action_cursor_last(self) -> None:
        """To the last row."""
        self.move_to_index(self.row_count - 1)

    def action_scroll_by(self, cells: int) -> None:
        """Scroll sideways."""
        self.scroll_to(x=self.scroll_offset.x + cells, animate=False)

    def action_open_row(self) -> None:
        """Open the row under the cursor."""
        if self.cursor_id is not None:
            self.post_message(self.Opened(self, self.cursor_id))

    def action_toggle_mark(self) -> None:
        """Mark the row under the cursor or take its mark off, and go on to the next."""
        if self.cursor_id is not None:
            self.mark(self.cursor_id)
            self.action_cursor_by(1)

    def action_mark_range(self) -> None:
        """Mark from the row marked last to the one under the cursor."""
        if self.cursor_id is not None:
            self.mark(self.cursor_id, up_to=True)

    def action_clear_marks(self) -> None:
        """Take all marks off; where there are none, the key means what it means elsewhere."""
        if not self.order.marks:
            raise SkipAction
        self.set_marks(())

    def mark(self, row_id: int, *, up_to: bool = False) -> None:
        """Mark or unmark one row; with `up_to`, mark all from the one marked last."""
        self.follow(False)
        before = set(self.order.marks)
        if up_to:
            self.order.mark_range(row_id)
        else:
            self.order.toggle_mark(row_id)
        self.redraw(before ^ self.order.marks)
        self.post_message(self.MarksChanged(self, len(self.order.marks)))

    def on_click(self, event: events.Click) -> None:
        """A click: sort by a header, mark in the gutter or with ctrl or shift, else put the cursor; twice: open."""
        event.prevent_default()  # Textual would select all text of the widget on a double click
        place = event.get_content_offset(self)
        if place is None or self.text_selection is not None:
            return
        if place.y < HEADER:
            self.click_header(place.x + self.scroll_offset.x)
            return
        index = self.top + place.y - HEADER
        if index >= self.row_count:
            return
        row_id = self.order.ids[index]
        if event.shift:
            self.mark(row_id, up_to=True)
        elif event.ctrl or place.x + self.scroll_offset.x < GUTTER:
            self.mark(row_id)
        elif event.chain == 2:
            self.post_message(self.Opened(self, row_id))
        self.move_to_index(index)

    def click_header(self, x: int) -> None:
        """Ask to sort by the column at cell `x` of the row."""
        for placed in self.placed:
            if placed.x <= x < placed.end + GAP and placed.column.sortable:
                self.post_message(self.SortAsked(self, placed.column.key))
                return
