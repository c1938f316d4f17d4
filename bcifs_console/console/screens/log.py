"""Log: the journal, newest last, only the lines in view ever read; filter it, follow it, open what a line is about.

How a row is worded is `console.activity_words` and `widgets.log_rows`; the rows are `store.views.activity`'s.
"""

from array import array
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.timer import Timer

from bcifs_console.console.activity_words import KINDS, LEVELS, target, wanted
from bcifs_console.console.screens.base import ConsoleScreen
from bcifs_console.console.widgets.filter_bar import FilterBar
from bcifs_console.console.widgets.lines import DIM
from bcifs_console.console.widgets.log_rows import LOG_COLUMNS, entry_cells, entry_lines, filter_line
from bcifs_console.console.widgets.sheet import Sheet
from bcifs_console.console.widgets.virtual_table import VirtualTable
from bcifs_console.store.views.activity import WINDOW, Entry, Wanted, connection_names, entries, ids, newest

#: How long the typing rests before the journal is searched.
_TYPING_S: Final = 0.15
_HINT: Final = "words anywhere in the line"
_EMPTY: Final = Content("Nothing has happened yet.")
_NONE_FOUND: Final = Content("No line matches. e, t, c and / say what is shown; Esc in the filter clears it.")


class LogScreen(ConsoleScreen):
    """The filter, the journal, and the row under the cursor in full."""

    SECTION = "log"
    TITLE_TEXT = "Log"
    AUTO_FOCUS = "#log-table"
    TICK_S = 1.0  # rows of the journal come without a change of anything that is shown elsewhere

    def __init__(self) -> None:
        super().__init__()
        self._level = 0
        self._kind = next(iter(KINDS))
        self._connection: int | None = None
        self._connections: Mapping[str, int] = {}
        self._text = ""
        self._shown: Wanted | None = None  #: the filter whose rows are in the table
        self._upto = 0  #: the newest row that was read for it
        self._typing: Timer | None = None
        self._read: tuple[int | None, Entry | None] = (None, None)  #: the row read last, by its id

    def compose_body(self) -> ComposeResult:
        """The filter on top; the rows beside one of them in full."""
        yield FilterBar(hint=_HINT)
        yield Sheet(id="log-filter")
        with Horizontal(id="log-main"):
            yield VirtualTable(LOG_COLUMNS, newest="bottom", following=True, id="log-table")
            with VerticalScroll(id="log-side", can_focus=False):
                yield Sheet(id="log-detail")

    def on_mount(self) -> None:
        """The list is there, empty."""
        self.table.message = _EMPTY

    # -- what is shown -----------------------------------------------------------------------------------------------

    @property
    def table(self) -> VirtualTable:
        return self.query_one("#log-table", VirtualTable)

    @property
    def entry(self) -> Entry | None:
        """The row under the cursor, read when the cursor has come to it: a row of the journal never changes."""
        cursor = self.table.cursor_id
        if cursor != self._read[0] or self._read[1] is None:
            found = {} if cursor is None else self.peek(partial(entries, wanted=[cursor])) or {}
            self._read = cursor, found.get(cursor) if cursor is not None else None
        return self._read[1]

    async def load(self) -> None:
        """Read the rows of another filter anew, else those that came since."""
        filtered = wanted(self._level, self._kind, self._connection, self._text)
        upto = await self.gateway.read(newest)
        if filtered != self._shown:
            self._connections = await self.gateway.read(connection_names)
            found = await self.gateway.read(partial(ids, wanted=filtered, window=WINDOW))
            self._shown = filtered
            self.table.set_source(array("q", reversed(found)), self.read_rows)
            self.table.message = _EMPTY if filtered == Wanted() else _NONE_FOUND
        elif upto > self._upto:
            came = await self.gateway.read(partial(ids, wanted=filtered, after=self._upto))
            self.table.append(reversed(came))
        self._upto = upto
        self.show()

    def read_rows(self, wanted_ids: Sequence[int]) -> Mapping[int, Sequence[Content]]:
        """The cells of the rows in view."""
        found = self.peek(partial(entries, wanted=wanted_ids)) or {}
        return {number: entry_cells(entry) for number, entry in found.items()}

    @on(VirtualTable.Followed)
    def show(self) -> None:
        """Show what is filtered, and how much of it there is."""
        named = next((name for name, number in self._connections.items() if number == self._connection), "")
        level, kind, table = LEVELS[self._level], self._kind, self.table
        following, new_rows = table.following, table.new_rows
        self.query_one("#log-filter", Sheet).show(
            lambda width: [filter_line(level, kind, named, width, following=following, new_rows=new_rows)]
        )
        self.query_one(FilterBar).tell(Content.styled(self.told(), DIM))

    def told(self) -> str:
        """How many lines there are, and from where."""
        number = self.table.row_count
        clipped = " of the newest 100,000" if self._upto > WINDOW else ""
        return f"{number:,} {'line' if number == 1 else 'lines'}{clipped}"

    @on(VirtualTable.Highlighted)
    def put_off_entry(self) -> None:
        """Show the row under the cursor once it rests there."""
        self.at_rest(self.show_entry)

    def show_entry(self) -> None:
        """The row under the cursor in full."""
        entry, now = self.entry, self.gateway.now()
        self.query_one("#log-detail", Sheet).show(lambda width: entry_lines(entry, now, width))
        self.refresh_bindings()

    # -- the filter --------------------------------------------------------------------------------------------------

    def go_to(self, **focus: Any) -> None:
        """`text`: words to filter by."""
        if "text" in focus:
            self.query_one(FilterBar).put(str(focus["text"]))

    @on(FilterBar.Changed)
    def typed(self, message: FilterBar.Changed) -> None:
        """Search once the typing rests."""
        self._text = message.text.strip()
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(_TYPING_S, self.reload)

    @on(FilterBar.Left)
    def action_list(self) -> None:
        """To the list."""
        self.table.focus()

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterBar).start_typing()

    def action_level(self) -> None:
        """The next level."""
        self._level = (self._level + 1) % len(LEVELS)
        self.reload()

    def action_kind(self) -> None:
        """The next kind."""
        names = list(KINDS)
        self._kind = names[(names.index(self._kind) + 1) % len(names)]
        self.reload()

    def action_connection(self) -> None:
        """The next connection, after the last one all of them."""
        numbers: list[int | None] = [None, *self._connections.values()]
        at = numbers.index(self._connection) if self._connection in numbers else 0
        self._connection = numbers[(at + 1) % len(numbers)]
        self.reload()

    # -- moving ------------------------------------------------------------------------------------------------------

    def action_follow(self) -> None:
        """Stay with the newest line, or keep still."""
        self.table.follow(not self.table.following)
        self.show()

    def action_detail(self) -> None:
        """Show or hide the row in full."""
        self.toggle_class("-detail")

    @on(VirtualTable.Opened)
    def action_open(self) -> None:
        """Open what the line is about."""
        entry = self.entry
        if entry is None or (leads := target(entry)) is None:
            return
        if isinstance(leads, int):
            if entry.connection_id is not None:
                self.desk.open_order(entry.connection_id, leads)
        else:
            section, focus = leads
            self.desk.open_section(section, **focus)

    def why_not(self, action_id: str) -> str | None:
        """What cannot be done now."""
        if action_id == "log.connection" and len(self._connections) < 2:
            return "there is only one connection"
        if action_id == "log.open" and self._shown is not None and (entry := self.entry) is not None:
            return "there is nothing to open" if target(entry) is None else None
        return None
