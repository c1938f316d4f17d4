"""Orders: all of them in one list, however many; filtered, sorted, followed as they come, marked and looked at again.

The list holds ids; what is in view is read by id (`store.views.order_list`). A change touches its own line; where it
may also move a line (a filter, another sorting), the ids are read again, once a second at most, in a reader thread.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from bcifs_console.base.problems import Problem
from bcifs_console.console import filters
from bcifs_console.console.arrivals import Arrivals
from bcifs_console.console.filters import FilterProblem
from bcifs_console.console.screens.base import ConsoleScreen
from bcifs_console.console.screens.order_retry import look_again
from bcifs_console.console.widgets import order_rows
from bcifs_console.console.widgets.columns import say_the_same
from bcifs_console.console.widgets.filter_bar import FilterBar
from bcifs_console.console.widgets.lines import DIM
from bcifs_console.console.widgets.order_rows import ORDER_COLUMNS
from bcifs_console.console.widgets.row_order import RowOrder
from bcifs_console.console.widgets.virtual_table import VirtualTable
from bcifs_console.domain.states import order_of
from bcifs_console.operations.order_link import control_panel_url
from bcifs_console.store.feed import ChangeSet
from bcifs_console.store.views import order_list
from bcifs_console.store.views.order_filter import PROBLEMS, OrderFilter
from bcifs_console.store.views.order_list import NEWEST_FIRST, OrderPage, OrderRow, Sorting, SortKey, packed, unpacked

#: From the last key to the question: a word is typed before it is looked for.
_DEBOUNCE_S: Final = 0.15
#: A filtered or sorted list is read again at most this often.
_REQUERY_S: Final = 1.0
#: Enough for the largest terminal.
_FIRST: Final = 200
#: What is read on the loop is no more than this.
_READ_AT_ONCE: Final = 100
_PANE: Final = 36
_HINT: Final = "filter: acme  state:failed  total>100  placed:today"
#: The end each sorting starts with.
_DESCENDING: Final[Mapping[SortKey, bool]] = {key: key is not SortKey.CUSTOMER for key in SortKey}


class OrdersScreen(ConsoleScreen):
    """The list of orders, and in a wide terminal the one under the cursor in brief."""

    SECTION = "orders"
    TITLE_TEXT = "Orders"
    KINDS = frozenset({"order", "connection"})
    AUTO_FOCUS = "#order-table"
    #: `10:02` becomes a day at midnight, and the next try comes nearer.
    TICK_S = 60.0

    def __init__(self) -> None:
        super().__init__()
        self.filter_now = OrderFilter()
        self.sorting: Sorting = NEWEST_FIRST
        self.total = 0
        self.connections: Mapping[int, str] = {}
        self._debounce: Timer | None = None
        self._requery: Timer | None = None
        self._arrivals = Arrivals(None)
        #: what changed while the ids were being read; None while they are not
        self._meanwhile: set[int] | None = None
        self._shown_once = False
        self._brief = Content("")

    def compose_body(self) -> ComposeResult:
        """Filter, list, the order in brief."""
        yield FilterBar(hint=_HINT)
        with Horizontal(id="order-panes"):
            yield VirtualTable(ORDER_COLUMNS, newest="top", following=True, id="order-table")
            yield Static(id="order-brief")

    @property
    def table(self) -> VirtualTable:
        return self.query_one("#order-table", VirtualTable)

    @property
    def bar(self) -> FilterBar:
        return self.query_one(FilterBar)

    @property
    def is_live(self) -> bool:
        """Whether new orders simply come on top."""
        return not self.filter_now and self.sorting == NEWEST_FIRST

    # -- reading -----------------------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Read which orders there are to show: at first a screenful, then all. What changes meanwhile is taken in."""
        if not self._shown_once:
            self._show_list(await self._read_page(limit=_FIRST))
            self.query_one("#body").loading = False
            painted = asyncio.Event()
            self.call_after_refresh(painted.set)
            await painted.wait()
        self._meanwhile = set()
        try:
            found = await self._read_page()
        finally:
            meanwhile, self._meanwhile = self._meanwhile or set(), None
        self._show_list(found)
        self._take(meanwhile)

    async def _read_page(self, limit: int | None = None) -> tuple[RowOrder, OrderPage]:
        wanted, sorting, now, is_live = self.filter_now, self.sorting, self.gateway.now(), self.is_live
        return await self.gateway.read(
            lambda conn: _with_rows(order_list.page(conn, wanted, sorting, now=now, limit=limit), is_live=is_live)
        )

    def _show_list(self, found: tuple[RowOrder, OrderPage]) -> None:
        table = self.table
        rows, page = found
        self.total, self.connections = page.total, page.connections
        self._arrivals = Arrivals(page.newest_placed)
        table.without = frozenset() if len(self.connections) > 1 else frozenset({"connection"})
        table.sorted_by = self.sorting.key.value, self.sorting.descending
        table.message = self._why_empty()
        if self._shown_once:
            table.refill(rows)
        else:
            table.set_source(rows, self.hydrate)
            self._shown_once = True
        self.show_told()
        self.put_off_brief()
        self.refresh_bindings()

    def _why_empty(self) -> Content:
        if not self.filter_now:
            why, helps = (
                "No orders yet.",
                "They appear here as the store sends them. 4 shows whether its webhooks work.",
            )
        elif self.filter_now == OrderFilter((PROBLEMS,)):
            why, helps = "✓ No order failed, none waits for you.", "e shows all orders again."
        else:
            why, helps = "No order passes this filter.", "ctrl+x takes it away; / changes it."
        return Content.assemble(why, "\n\n", (helps, DIM))

    def hydrate(self, row_ids: Sequence[int]) -> Mapping[int, Sequence[Content]]:
        """The lines of these orders."""
        now = self.gateway.now().astimezone()
        return {row_id: order_rows.cells(row, now) for row_id, row in self.rows(row_ids).items()}

    def rows(self, row_ids: Sequence[int]) -> Mapping[int, OrderRow]:
        """These orders in full, at most a hundred; none where the store does not answer (the panel then says so)."""
        return self.peek(partial(order_list.rows, row_ids=row_ids)) or {}

    # -- changes -----------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """A minute has passed: what is in view may read otherwise."""
        self.table.read_again()
        self.put_off_brief()

    def apply_changes(self, changes: ChangeSet) -> None:
        """Changed orders: their lines anew; new ones on top; where a line may move, the ids again."""
        touched = {
            packed(connection_id, order_id)
            for connection_id, subject in changes.subjects.get("order", ())
            if connection_id is not None and (order_id := order_of(subject)) is not None
        }
        if "connection" in changes.subjects:
            self.reload_soon()
        self._take(touched)

    def _take(self, touched: set[int]) -> None:
        if self._meanwhile is not None:
            self._meanwhile |= touched
        if not touched or not self._shown_once:
            return
        table = self.table
        table.changed(touched)
        if table.cursor_id in touched and self.is_at_rest:
            self.put_off_brief()
        if not self.is_live:
            self.requery_soon()
            return
        if (read := self._arrivals.among(touched)) and self._arrivals.are_misplaced(self.rows(read[:_READ_AT_ONCE])):
            self.requery_soon()
        fresh = sorted((row_id for row_id in touched if row_id not in table.order), key=_by_number, reverse=True)
        self._arrivals.add(fresh)
        if table.prepend(fresh):
            self.total += len(fresh)
            self.show_told()

    def requery_soon(self) -> None:
        """Read the ids again, once a second at most."""
        if self._requery is None:
            self._requery = self.set_timer(_REQUERY_S, self.requery)

    def requery(self) -> None:
        """Read the ids again; where they are being read, once that is done."""
        self._requery = None
        self.reload_soon()

    # -- filter and sorting ------------------------------------------------------------------------------------------

    @on(FilterBar.Changed)
    def take_filter(self, event: FilterBar.Changed) -> None:
        """Another filter was typed; one with a mistake leaves the list as it is."""
        try:
            wanted = filters.parse(event.text)
        except FilterProblem as problem:
            self.bar.complain(Content.assemble(problem.message, " ", (problem.remedy, DIM)))
            return
        self.bar.complain(None)
        if wanted == self.filter_now:
            return
        self.filter_now = wanted
        if self._debounce is not None:
            self._debounce.stop()
        self._debounce = self.set_timer(_DEBOUNCE_S, self.reload)

    @on(FilterBar.Left)
    def leave_bar(self) -> None:
        """Keys go to the list again."""
        self.table.focus()

    @on(VirtualTable.SortAsked)
    def sort_by_header(self, event: VirtualTable.SortAsked) -> None:
        """A header was clicked: sort by it, or the other way round."""
        self.sort_by(SortKey(event.key))

    def sort_by(self, key: SortKey) -> None:
        """Sort by this; where it is sorted by this, the other way round."""
        is_same = key is self.sorting.key
        self.sorting = Sorting(key, not self.sorting.descending if is_same else _DESCENDING[key])
        if self.sorting != NEWEST_FIRST:
            self.table.follow(False)
        self.reload()

    def go_to(self, **focus: object) -> None:
        """`filter`: text of the filter bar, or an OrderFilter."""
        wanted = focus.get("filter")
        if isinstance(wanted, OrderFilter):
            self.bar.put(filters.write(wanted))
        elif isinstance(wanted, str):
            self.bar.put(wanted)

    # -- what is told beside the list --------------------------------------------------------------------------------

    @on(VirtualTable.Highlighted)
    @on(VirtualTable.MarksChanged)
    def put_off_brief(self) -> None:
        """Show the order under the cursor once it rests there."""
        self.at_rest(self.show_brief)

    def show_brief(self) -> None:
        """The order under the cursor in brief; of marked ones their number and sum."""
        if self.has_class("-narrow"):
            return
        if self.table.marks:
            self.show_marked()
            return
        row_id = self.table.cursor_id
        row = self.rows([row_id]).get(row_id) if row_id is not None else None
        shown = Content("") if row is None else order_rows.brief(row, self.gateway.now(), _PANE)
        self._put_brief(shown)

    def _put_brief(self, shown: Content) -> None:
        if say_the_same([shown], [self._brief]):
            return
        self._brief = shown
        # Its place has a fixed size: to lay the screen out anew at every move of the cursor takes longer than all else.
        self.query_one("#order-brief", Static).update(shown, layout=False)

    @work(exclusive=True, group="sum of marks")
    async def show_marked(self) -> None:
        """How many are marked, and what they come to."""
        marks = self.table.marks
        sums = await self.gateway.read(partial(order_list.totals, row_ids=marks))
        if marks != self.table.marks:
            return  # others are marked by now, or none: their own pane follows
        self._put_brief(order_rows.several(len(marks), sums, _PANE))

    @on(VirtualTable.MarksChanged)
    @on(VirtualTable.Followed)
    def show_told(self) -> None:
        """How many, sorted how, what is new."""
        table = self.table
        told: list[Content] = []
        if table.marks:
            told.append(Content.styled(f"● {len(table.marks):,} marked", "$accent"))
        if table.new_rows:
            told.append(Content.styled(f"↑ {table.new_rows:,} new (f)", "$accent"))
        elif table.following and self.sorting == NEWEST_FIRST:
            told.append(Content.styled("following", DIM))
        shown = f"{table.row_count:,} of {self.total:,}" if self.filter_now else f"{self.total:,} orders"
        arrow = "▼" if self.sorting.descending else "▲"
        told.append(Content.assemble(shown, "  ", (f"{arrow} {self.sorting.key.value}", DIM)))
        self.bar.tell(Content("  ").join(told))

    # -- actions -----------------------------------------------------------------------------------------------------

    def why_not(self, action_id: str) -> str | None:
        """Most need an order; following needs the newest on top."""
        if action_id in _OF_AN_ORDER and self.table.cursor_id is None:
            return "there is no order here"
        if action_id == "orders.follow" and self.sorting != NEWEST_FIRST:
            return "only the newest first can be followed; s sorts"
        return None

    @on(VirtualTable.Opened)
    def open_row(self, event: VirtualTable.Opened) -> None:
        """Enter: the whole story."""
        self.desk.open_order(*unpacked(event.row_id))

    def action_open_order(self) -> None:
        self.table.action_open_row()

    def action_filter(self) -> None:
        self.bar.start_typing()

    def action_clear_filter(self) -> None:
        self.bar.put("")

    def action_problems(self) -> None:
        """Only what needs a person, or everything again."""
        self.bar.put(filters.write(filters.toggled(self.filter_now, PROBLEMS)))

    def action_follow(self) -> None:
        """Stay with the newest, or keep still."""
        self.table.follow(not self.table.following)

    def action_sort(self) -> None:
        """Sort by the next key."""
        keys = list(SortKey)
        self.sort_by(keys[(keys.index(self.sorting.key) + 1) % len(keys)])

    def action_reverse(self) -> None:
        self.sort_by(self.sorting.key)

    def action_copy(self) -> None:
        """The number, or the numbers of the marked ones."""
        chosen = self._chosen()
        numbers = [str(unpacked(row_id)[1]) for row_id in chosen]
        self.desk.copy("\n".join(numbers), f"order {numbers[0]}" if len(numbers) == 1 else f"{len(numbers)} numbers")

    def action_copy_row(self) -> None:
        """All the list knows of the order."""
        row_id = self.table.cursor_id
        row = self.rows([row_id]).get(row_id) if row_id is not None else None
        if row is not None:
            self.desk.copy(order_rows.as_json(row), f"order {row.order_id} as JSON")

    @work(group="browse")
    async def action_browse(self) -> None:
        """Open the order's page in the store; the address is shown for those without a browser here."""
        if self.table.cursor_id is None:
            return
        connection_id, order_id = unpacked(self.table.cursor_id)
        try:
            url = await self.gateway.look(partial(control_panel_url, connection_id=connection_id, order_id=order_id))
        except Problem as problem:
            self.desk.show_problem(problem)
            return
        self.app.open_url(url)
        self.desk.say(f"Opened in the browser, where there is one: {url}")

    @work(group="retry")
    async def action_retry(self) -> None:
        """Look at the marked orders again, or at the one under the cursor; several are asked about first."""
        try:
            is_done = await look_again(self.desk, self._chosen(), self.connections)
        except Problem as problem:
            self.desk.show_problem(problem)
            return
        if is_done:
            self.table.set_marks(())

    def _chosen(self) -> Sequence[int]:
        """The marked orders from top to bottom of their numbers, else the one under the cursor."""
        table = self.table
        if table.marks:
            return sorted(table.marks, key=_by_number)
        return [] if table.cursor_id is None else [table.cursor_id]


_OF_AN_ORDER: Final = frozenset(f"orders.{name}" for name in ("open_order", "retry", "copy", "copy_row", "browse"))


def _with_rows(page: OrderPage, *, is_live: bool) -> tuple[RowOrder, OrderPage]:
    rows = RowOrder(page.ids)
    if is_live:
        rows.sort()  # what changes is looked for in it, ten times a second
    return rows, page


def _by_number(row_id: int) -> tuple[int, int]:
    connection_id, order_id = unpacked(row_id)
    return order_id, connection_id
