"""Overview: how much came and went, what is well and what is not, and what needs a person, the most pressing first.

How lines are worded is `console.needs`, `widgets.need_rows` and `widgets.vital_signs`; the figures are
`store.views.overview`'s.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content

from bcifs_console.base.problems import Problem
from bcifs_console.console import text
from bcifs_console.console.needs import Need, needs_of
from bcifs_console.console.pausing import pause_or_resume
from bcifs_console.console.screens.base import ConsoleScreen
from bcifs_console.console.widgets.lines import DIM, Lines
from bcifs_console.console.widgets.need_rows import NEED_COLUMNS, TROUBLE_COLUMNS, need_cells, need_lines, trouble_cells
from bcifs_console.console.widgets.rate_line import RateLine
from bcifs_console.console.widgets.sheet import Sheet
from bcifs_console.console.widgets.tile import Figure, Tile, one_line
from bcifs_console.console.widgets.virtual_table import VirtualTable
from bcifs_console.console.widgets.vital_signs import vital_lines, vital_rows
from bcifs_console.store.views.order_list import packed
from bcifs_console.store.views.overview import Overview, Pulse, Trouble, orders_per_minute, overview

_TILES: Final = ("received", "synced", "waiting", "failed", "oldest")
_NO_CONNECTION: Final = Content("No connection yet. :setup makes one; or run: bcifs connection add FILE")
_NOTHING: Final = Content("✓ Nothing needs you.")
_NO_TROUBLE: Final = Content("✓ No order waits or failed.")


class OverviewScreen(ConsoleScreen):
    """Tiles, the orders of the last hour, health, and the two lists."""

    SECTION = "overview"
    TITLE_TEXT = "Overview"
    TICK_S = 1.0  # ages, heartbeats and the minutes go on while nothing changes in the store

    def __init__(self) -> None:
        super().__init__()
        self._found: Overview | None = None
        self._needs: Mapping[int, Need] = {}
        self._troubles: Mapping[int, Trouble] = {}
        self._numbers: dict[tuple[str, ...], int] = {}

    def compose_body(self) -> ComposeResult:
        """Tiles and the last hour on top; needs and newest problems beside health."""
        with Horizontal(id="tiles"):
            for name in _TILES:
                yield Tile(id=f"tile-{name}")
        yield Sheet(id="tile-line")
        yield RateLine(id="rate")
        yield Sheet(id="vital-line")
        with Horizontal(id="overview-main"):
            with Vertical(id="overview-lists"):
                yield VirtualTable(NEED_COLUMNS, id="needs")
                yield Sheet(id="need-detail")
                yield VirtualTable(TROUBLE_COLUMNS, id="troubles")
            with VerticalScroll(id="overview-health", can_focus=False):
                yield Sheet(id="vital-signs")

    def on_mount(self) -> None:
        """The lists are there, empty."""
        for table, empty in (("#needs", _NOTHING), ("#troubles", _NO_TROUBLE)):
            self.query_one(table, VirtualTable).message = empty
        self.needs_table.set_source((), self.read_needs)
        self.query_one("#troubles", VirtualTable).set_source((), self.read_troubles)

    # -- what is shown -----------------------------------------------------------------------------------------------

    @property
    def needs_table(self) -> VirtualTable:
        return self.query_one("#needs", VirtualTable)

    async def load(self) -> None:
        """Read everything and show it."""
        now = self.gateway.now()
        self._found = await self.gateway.read(partial(overview, now=now))
        self.query_one(RateLine).show(await self.gateway.read(partial(orders_per_minute, now=now)))
        self.show()

    def show(self) -> None:
        """Show what was read."""
        found = self._found
        if found is None:
            return
        figures = figures_of(found)
        for name, figure in zip(_TILES, figures, strict=True):
            self.query_one(f"#tile-{name}", Tile).show(figure)
        self.query_one("#tile-line", Sheet).show(lambda _width: [one_line(figures)])
        self.query_one("#vital-line", Sheet).show(partial(vital_rows, found))
        self.query_one("#vital-signs", Sheet).show(partial(self.vital_lines, found))
        self.show_needs(needs_of(found))
        self.show_troubles(found.newest)
        self.refresh_bindings()

    def vital_lines(self, found: Overview, width: int) -> Lines:
        """The sheet of health at a width."""
        stale_after = self.gateway.context.settings.stale_after
        return vital_lines(found, found.at, width, stale_after=stale_after)

    def show_needs(self, needs: Sequence[Need]) -> None:
        """The list of needs; the cursor stays on its need however they change places."""
        table = self.needs_table
        table.message = _NOTHING if self._found is None or self._found.connections else _NO_CONNECTION
        self._needs = {self._numbers.setdefault(need.key, len(self._numbers)): need for need in needs}
        table.refill(self._needs)
        self.show_need()

    def show_troubles(self, troubles: Sequence[Trouble]) -> None:
        """The list of the newest orders with a problem."""
        self._troubles = {packed(each.connection_id, each.order_id): each for each in troubles}
        self.query_one("#troubles", VirtualTable).refill(self._troubles)

    def read_needs(self, ids: Sequence[int]) -> Mapping[int, Sequence[Content]]:
        """The cells of these needs."""
        now = self.gateway.now()
        return {number: need_cells(self._needs[number], now) for number in ids if number in self._needs}

    def read_troubles(self, ids: Sequence[int]) -> Mapping[int, Sequence[Content]]:
        """The cells of these orders."""
        now = self.gateway.now()
        return {number: trouble_cells(self._troubles[number], now) for number in ids if number in self._troubles}

    # -- actions -----------------------------------------------------------------------------------------------------

    @on(VirtualTable.Opened)
    def open_row(self, message: VirtualTable.Opened) -> None:
        """Enter, or a double click."""
        if message.table.id == "troubles":
            trouble = self._troubles[message.row_id]
            self.desk.open_order(trouble.connection_id, trouble.order_id)
        else:
            need = self._needs[message.row_id]
            self.desk.open_section(need.section, **need.focus)

    @on(VirtualTable.Highlighted)
    def show_need(self) -> None:
        """The need under the cursor in full, below the list."""
        cursor = self.needs_table.cursor_id
        need = None if cursor is None else self._needs.get(cursor)
        self.query_one("#need-detail", Sheet).show(partial(need_lines, need))

    def action_open(self) -> None:
        """Open what the cursor is on."""
        table = self.focused if isinstance(self.focused, VirtualTable) else self.needs_table
        table.action_open_row()

    def action_other_list(self) -> None:
        """Go to the other list."""
        other = "#needs" if self.focused is self.query_one("#troubles") else "#troubles"
        self.query_one(other).focus()

    @work
    async def action_pause(self) -> None:
        """Pause every connection, or take all of them up again."""
        try:
            await pause_or_resume(self.desk, None, is_paused=self.is_paused)
        except Problem as problem:
            self.desk.show_problem(problem)
        self.reload()

    @property
    def is_paused(self) -> bool:
        """Whether a connection is paused by hand."""
        return self._found is not None and any(each.by_hand is not None for each in self._found.connections)

    def why_not(self, action_id: str) -> str | None:
        """What cannot be done now."""
        if action_id == "overview.pause" and (self._found is None or not self._found.connections):
            return "there is no connection yet"
        return None


def figures_of(found: Overview) -> list[Figure]:
    """What the tiles show, in their order."""
    pulse, now = found.pulse, found.at
    under_way = pulse.due + pulse.working
    share = f"{100 * pulse.synced // pulse.received} % of them" if pulse.received else "none received"
    asked = sum(len(each.buyers) for each in found.questions)
    questions = f"{asked} {'buyer' if asked == 1 else 'buyers'} to decide" if asked else "no buyer to decide"
    oldest = text.age(now, pulse.oldest) if pulse.oldest else "–"
    return [
        Figure("Received, 24 h", f"{pulse.received:,}", f"{under_way:,} under way", short="received"),
        Figure("In IFS, 24 h", f"{pulse.synced:,}", share, _style(pulse.synced, "$text-success"), "in IFS"),
        Figure(
            "! Waiting for you", f"{pulse.waiting:,}", questions, _style(pulse.waiting, "$text-warning"), "! waiting"
        ),
        Figure("✗ Failed", f"{pulse.failed:,}", _tried(pulse), _style(pulse.failed, "$text-error"), "✗ failed"),
        Figure("Oldest waiting", oldest, _since(pulse), _style(pulse.waiting + pulse.failed, "$foreground"), "oldest"),
    ]


def _style(number: int, style: str) -> str:
    return style if number else DIM


def _tried(pulse: Pulse) -> str:
    return "press 7 to try again" if pulse.failed else "none given up"


def _since(pulse: Pulse) -> str:
    return f"placed {pulse.oldest:%d %b %H:%M}" if pulse.oldest else "nothing waits"
