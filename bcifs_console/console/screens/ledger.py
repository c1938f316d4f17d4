"""The Ledger screen: whether the books agree, day by day, down to the cent; and every document in IFS as it was posted.

What its rows and panes say is in `ledger_pages`, the exports and the comparison that is run in `ledger_work`.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, ClassVar, Final

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer

from bcifs_console.base.problems import UsageProblem
from bcifs_console.console.ledger_filter import HINT, parse
from bcifs_console.console.screens.ledger_pages import (
    DIFFERENCE_COLUMNS,
    DOCUMENT_COLUMNS,
    GRID_COLUMNS,
    GridDay,
    day_lines,
    difference_cells,
    difference_lines,
    document_cells,
    documents_head,
    grid_cells,
    grid_days,
    last_day,
    month_lines,
    month_of,
    months_on,
)
from bcifs_console.console.screens.ledger_work import LedgerWork
from bcifs_console.console.screens.order_out import document_lines
from bcifs_console.console.widgets.filter_bar import FilterBar
from bcifs_console.console.widgets.lines import DIM, paragraph
from bcifs_console.console.widgets.sheet import Sheet, SheetScroll
from bcifs_console.console.widgets.virtual_table import VirtualTable
from bcifs_console.domain.states import order_of
from bcifs_console.operations.case_view import document_of
from bcifs_console.store.feed import ChangeSet
from bcifs_console.store.views import ledger_pages as views
from bcifs_console.store.views.ledger_pages import Books, DocumentLine, LedgerFilter

_NOTHING_POSTED: Final = Content("Nothing is in IFS yet.")
_NONE_LIKE_THAT: Final = Content("No document is like that; Esc in the filter shows all.")
#: How long the typing rests before documents are looked for.
_TYPING_S: Final = 0.15
#: New documents are taken in at most this often.
_NEWS_S: Final = 0.5


class LedgerScreen(LedgerWork):
    """The books and the documents behind them."""

    SECTION = "ledger"
    TITLE_TEXT = "Ledger"
    KINDS: ClassVar[frozenset[str]] = frozenset({"order", "reconciliation"})
    AUTO_FOCUS = "#grid"

    def __init__(self) -> None:
        super().__init__()
        self.books: list[Books] = []
        self.at: Books | None = None
        self.month: date | None = None
        self.days: list[GridDay] = []
        self.filter = LedgerFilter()
        self.filter_text = ""  #: as it was typed
        self._lines: dict[int, DocumentLine] = {}
        self._newest = 0
        self._pairs: list[tuple[str, Mapping[str, Any]]] = []
        self._soon: Timer | None = None
        self._typing: Timer | None = None

    # -- composition -------------------------------------------------------------------------------------------------

    def compose_body(self) -> ComposeResult:
        yield Sheet(id="books-head")
        yield Sheet(id="running")
        with Horizontal(id="columns"):
            with Vertical(id="left"):
                yield VirtualTable(GRID_COLUMNS, id="grid")
                yield FilterBar(hint=HINT)
                yield VirtualTable(DOCUMENT_COLUMNS, id="documents")
            with Vertical(id="right"):
                yield SheetScroll(id="day")
                yield VirtualTable(DIFFERENCE_COLUMNS, id="differences")
                yield SheetScroll(id="difference")
                yield SheetScroll(id="document")

    @property
    def grid(self) -> VirtualTable:
        return self.query_one("#grid", VirtualTable)

    @property
    def documents(self) -> VirtualTable:
        return self.query_one("#documents", VirtualTable)

    @property
    def bar(self) -> FilterBar:
        return self.query_one(FilterBar)

    @property
    def differences(self) -> VirtualTable:
        return self.query_one("#differences", VirtualTable)

    @property
    def shows_documents(self) -> bool:
        return self.has_class("-documents")

    @property
    def day(self) -> GridDay | None:
        """The day under the cursor."""
        at = self.grid.cursor_id
        return self.days[at] if at is not None and at < len(self.days) else None

    @property
    def document(self) -> DocumentLine | None:
        """The document under the cursor."""
        at = self.documents.cursor_id
        return None if at is None else self._lines.get(at)

    # -- reading -----------------------------------------------------------------------------------------------------

    async def load(self) -> None:
        self.books = await self.gateway.read(views.books)
        if self.at is None or self.at not in self.books:
            self.at = self.books[0] if self.books else None
        if self.at is None:
            self._show_nothing()
            return
        if self.month is None:
            newest = await self.gateway.read(partial(views.newest_day, connection_id=self.at.connection_id))
            self.month = month_of(newest or self.gateway.now().date())
        await self._load_month(self.at, self.month)
        await self._load_documents()

    def _show_nothing(self) -> None:
        told = "No connection yet: nothing was booked. :setup makes one; or run: bcifs connection add FILE"
        self.query_one("#day", SheetScroll).show(partial(paragraph, told, style=DIM, indent=1))
        self.grid.message = Content("No connection yet.")

    async def _load_month(self, at: Books, month: date) -> None:
        number, first, last = at.connection_id, month, last_day(month)
        found, vouchers, since = await self.gateway.read(lambda conn: views.days(conn, number, first, last))
        if (at, month) != (self.at, self.month):
            return  # another month was asked for meanwhile: its own reading follows
        before, days = self.day, grid_days(found, vouchers, since)
        if days == self.days and self.grid.row_count == len(days) and days:
            return  # what one looks at stays as it is
        self.days = days
        self.grid.message = Content(f"Nothing was booked in {month:%B %Y}. [ and ] go to other months.")
        self.grid.set_source(range(len(self.days)), lambda ids: {each: grid_cells(self.days[each]) for each in ids})
        if before is not None:
            self._to_day(before.day, before.currency)
        elif not self.shows_documents:
            self._to_worst()
        self._show_head()
        self._show_day()
        self.refresh_bindings()

    def _show_head(self) -> None:
        """Whose books are shown, and how they are; or which documents."""
        head, at, month, days = self.query_one("#books-head", Sheet), self.at, self.month, tuple(self.days)
        if self.shows_documents:
            number, wanted = self.documents.row_count, self.filter_text
            head.show(lambda width: documents_head(number, wanted, width))
        elif at is not None and month is not None:
            head.show(lambda width: month_lines(at.name, month, days, width))

    def _to_worst(self) -> None:
        """The newest day that is red is what one came for."""
        red = next((at for at, day in enumerate(self.days) if day.state == "red"), None)
        if red is not None:
            self.grid.move_to(red)

    def _to_day(self, day: date, currency: str = "") -> None:
        same = [at for at, each in enumerate(self.days) if each.day == day]
        exact = [at for at in same if self.days[at].currency == currency]
        if same:
            self.grid.move_to((exact or same)[0])

    async def _load_documents(self) -> None:
        wanted = self.filter
        ids = await self.gateway.read(lambda conn: views.document_ids(conn, wanted))
        if wanted != self.filter:
            return
        self._newest = max(ids[0] if ids else 0, self._newest)
        self.documents.message = _NOTHING_POSTED if wanted == LedgerFilter() else _NONE_LIKE_THAT
        self.documents.refill(ids, self._hydrate)
        self._show_head()
        self._show_document()

    def _hydrate(self, ids: Sequence[int]) -> Mapping[int, Sequence[Content]]:
        found = self.peek(lambda conn: views.document_lines(conn, ids)) or {}
        self._lines.update(found)
        return {number: document_cells(each) for number, each in found.items()}

    def apply_changes(self, changes: ChangeSet) -> None:
        """Another comparison: everything anew. Orders that changed: new documents on top, those in view drawn anew."""
        if "reconciliation" in changes.subjects:
            self.reload_soon()
        elif self._soon is None:
            self._soon = self.set_timer(_NEWS_S, self._take_in_news)

    @work(exclusive=True, group="news")
    async def _take_in_news(self) -> None:
        self._soon = None
        wanted, after, at, month = self.filter, self._newest, self.at, self.month
        ids = await self.gateway.read(lambda conn: views.document_ids(conn, wanted, after=after))
        if wanted == self.filter and ids:
            self._newest = max(self._newest, ids[0])
            self.documents.prepend(ids)
        self.documents.changed(self.documents.visible_ids)
        if at is not None and month is not None:
            await self._load_month(at, month)

    # -- the panes ---------------------------------------------------------------------------------------------------

    @on(VirtualTable.Highlighted, "#grid")
    def _show_day(self) -> None:
        found, now = self.day, self.gateway.now()
        self.refresh_bindings()
        self.query_one("#day", SheetScroll).show(lambda width: day_lines(found, width, now))
        pairs = found.differences if found is not None else []
        currency = found.currency if found is not None else ""
        self.set_class(bool(pairs), "-differences")
        if pairs == self._pairs:
            return
        self._pairs = pairs
        self.differences.set_source(
            range(len(pairs)), lambda ids: {each: difference_cells(*pairs[each], currency) for each in ids}
        )

    @on(VirtualTable.Highlighted, "#differences")
    def _show_difference(self) -> None:
        found, day, at = self._difference, self.day, self.at
        if found is None or day is None or at is None:
            return
        key = str(found.get("key") or "")
        number = at.connection_id
        stored = self.peek(lambda conn: views.document_by_key(conn, number, key)) if key else None
        document = None if stored is None else document_of(stored)
        currency = day.currency
        self.query_one("#difference", SheetScroll).show(
            lambda width: difference_lines(found, currency, document, width)
        )

    @property
    def _difference(self) -> Mapping[str, Any] | None:
        """The difference under the cursor."""
        day, at = self.day, self.differences.cursor_id
        if day is None or at is None or at >= len(day.differences):
            return None
        return day.differences[at][1]

    @on(VirtualTable.Highlighted, "#documents")
    def _show_document(self) -> None:
        pane, at = self.query_one("#document", SheetScroll), self.documents.cursor_id
        stored = None if at is None else self.peek(lambda conn: views.one_document(conn, at))
        if stored is None:
            nothing = _NOTHING_POSTED if self.filter == LedgerFilter() else Content("")
            pane.show(partial(paragraph, nothing.plain, style=DIM, indent=1))
            return
        found, order_id = document_of(stored), order_of(stored.subject)
        pane.show(lambda width: document_lines(found, width, order_id=order_id))
        self.refresh_bindings()

    @on(VirtualTable.Opened, "#grid")
    def _open_day(self) -> None:
        """Enter on a day: to its differences; at 80 columns they take the grid's place."""
        if self.day is None:
            return
        self.add_class("-detail")
        (self.differences if self.day.differences else self.query_one("#day", SheetScroll)).focus()

    @on(VirtualTable.Opened, "#documents")
    def _open_document(self) -> None:
        """Enter on a document: at 80 columns the document first, else its order."""
        if self.has_class("-narrow") and not self.has_class("-detail"):
            self.add_class("-detail")
            self.query_one("#document", SheetScroll).focus()
        else:
            self.action_open()

    @on(VirtualTable.Opened, "#differences")
    def action_open(self) -> None:
        """Open the order behind what the cursor is on."""
        at, order_id = self._order_here()
        if at is not None and order_id is not None:
            self.desk.open_order(at, order_id)

    def _order_here(self) -> tuple[int | None, int | None]:
        """The connection and the order that the cursor is on."""
        if self.shows_documents:
            found = self.document
            return (None, None) if found is None else (found.connection_id, found.order_id)
        difference, at = self._difference, self.at
        return None if at is None else at.connection_id, None if difference is None else difference.get("order_id")

    def close_detail(self) -> bool:
        """Back from a detail to its list; False where none is open."""
        if not self.has_class("-detail"):
            return False
        self.remove_class("-detail")
        (self.documents if self.shows_documents else self.grid).focus()
        return True

    # -- moving ------------------------------------------------------------------------------------------------------

    def go_to(self, **focus: Any) -> None:
        """`document` (a key), `day`, each with a `connection_id`; `filter` (a text)."""
        wanted = next((each for each in self.books if each.connection_id == focus.get("connection_id")), self.at)
        self.at = wanted
        if "document" in focus or "filter" in focus:
            self._filter_by(str(focus.get("document") or focus.get("filter")))
            self.action_show_documents()
        elif isinstance(focus.get("day"), date):
            self.month = month_of(focus["day"])
            self.action_show_books()
            self._go_to_day(focus["day"])

    @work(exclusive=True, group="month")
    async def _go_to_day(self, day: date | None = None) -> None:
        if self.at is not None and self.month is not None:
            await self._load_month(self.at, self.month)
        if day is not None:
            self._to_day(day)

    def action_show_books(self) -> None:
        """Whether the books agree."""
        self.remove_class("-documents", "-detail")
        self.grid.focus()
        self._show_head()
        self.refresh_bindings()

    def action_show_documents(self) -> None:
        """Every document."""
        self.remove_class("-detail")
        self.add_class("-documents")
        self.documents.focus()
        self._show_head()
        self.refresh_bindings()

    def action_earlier(self) -> None:
        """The month before."""
        self._shift(-1)

    def action_later(self) -> None:
        """The month after."""
        self._shift(1)

    def _shift(self, by: int) -> None:
        if self.month is not None:
            self.month = months_on(self.month, by)
            self.days = []
            self._go_to_day()

    def action_connection(self) -> None:
        """The books of the next connection."""
        if self.at is None:
            return
        self.at = self.books[(self.books.index(self.at) + 1) % len(self.books)]
        self.days = []
        self._go_to_day()

    # -- the filter --------------------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        """Type which documents are wanted."""
        self.action_show_documents()
        self.bar.start_typing()

    def _filter_by(self, text: str) -> None:
        """Show these at once: nobody types."""
        if self._take_filter(text):
            self._search()
        self.bar.put(text)

    @on(FilterBar.Changed)
    def _typed(self, event: FilterBar.Changed) -> None:
        """Look for them once the typing rests."""
        if self._take_filter(event.text):
            if self._typing is not None:
                self._typing.stop()
            self._typing = self.set_timer(_TYPING_S, self._search)

    def _take_filter(self, text: str) -> bool:
        """Whether `text` is another filter; one with a mistake leaves the list and its filter as they are."""
        try:
            wanted = parse(text)
        except UsageProblem as problem:
            self.bar.complain(Content(str(problem)))
            return False
        self.bar.complain(None)
        is_another, self.filter, self.filter_text = wanted != self.filter, wanted, text.strip()
        return is_another

    @work(exclusive=True, group="search")
    async def _search(self) -> None:
        await self._load_documents()

    @on(FilterBar.Left)
    def _to_documents(self) -> None:
        self.documents.focus()
