"""Jobs: problems by cause and their retry, what goes one first, the queue, what is planned, backfills, pauses, quotas.

How lines are worded is `widgets.job_rows` and `widgets.job_details`; the figures are `store.views.jobs`'s.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import ContentSwitcher

from bcifs_console.base.problems import Problem
from bcifs_console.console.pausing import pause_or_resume
from bcifs_console.console.screens import order_skip
from bcifs_console.console.screens.base import ConsoleScreen
from bcifs_console.console.screens.job_acts import give_up, look_now, retry_groups
from bcifs_console.console.widgets import job_details, job_rows
from bcifs_console.console.widgets.job_details import Detail
from bcifs_console.console.widgets.lines import DIM
from bcifs_console.console.widgets.page_tabs import Page, PageTabs
from bcifs_console.console.widgets.sheet import Sheet
from bcifs_console.console.widgets.virtual_table import VirtualTable
from bcifs_console.domain.plan import Reason
from bcifs_console.store.views.jobs import BackfillView, Job, Jobs, Release, jobs
from bcifs_console.store.views.order_list import packed
from bcifs_console.store.views.problems import FAILED, Group, ProblemGroup, groups

_PAGES: Final = ("problems", "releases", "queue", "planned", "backfills")
_COLUMNS: Final = {
    "problems": job_rows.PROBLEM_COLUMNS,
    "releases": job_rows.RELEASE_COLUMNS,
    "queue": job_rows.QUEUE_COLUMNS,
    "planned": job_rows.QUEUE_COLUMNS,
    "backfills": job_rows.BACKFILL_COLUMNS,
}
_EMPTY: Final = {
    "problems": "✓ No order waits or failed.",
    "releases": "Nothing goes one first now. r on a problem, or saving a mapping rule, begins it.",
    "queue": "✓ Nothing is due and nothing is being worked on.",
    "planned": "✓ No attempt is planned for later.",
    "backfills": "No backfill of late. bcifs backfill --since DATE reads older orders.",
}
Row = ProblemGroup | Release | Job | BackfillView


class JobsScreen(ConsoleScreen):
    """The strip of connections, five lists of which one is in front, and the row under the cursor in full."""

    SECTION = "jobs"
    TITLE_TEXT = "Jobs"
    TICK_S = 1.0  # attempts, leases and pauses come nearer while nothing changes in the store

    def __init__(self) -> None:
        super().__init__()
        self._found: Jobs | None = None
        self._retries: Mapping[Group, Release] = {}
        self._page = "problems"
        self._rows: dict[str, Mapping[int, Row]] = {page: {} for page in _PAGES}
        self._numbers: dict[tuple[object, ...], int] = {}

    def compose_body(self) -> ComposeResult:
        """Connections and numbers on top; the list in front beside its row in full."""
        yield Sheet(id="job-connections")
        yield Sheet(id="job-backlog")
        yield PageTabs(id="job-pages")
        with Horizontal(id="job-main"):
            with ContentSwitcher(initial="job-problems", id="job-lists"):
                for page in _PAGES:
                    with Vertical(id=f"job-{page}"):
                        yield VirtualTable(_COLUMNS[page], id=f"jobs-{page}")
            with VerticalScroll(id="job-side", can_focus=False):
                yield Sheet(id="job-detail")

    def on_mount(self) -> None:
        """The lists are there, empty."""
        for page in _PAGES:
            table = self.table_of(page)
            table.message = Content(_EMPTY[page])
            table.set_source((), partial(self.read_rows, page))

    # -- what is shown -----------------------------------------------------------------------------------------------

    def table_of(self, page: str) -> VirtualTable:
        return self.query_one(f"#jobs-{page}", VirtualTable)

    @property
    def row(self) -> Row | None:
        """What the cursor of the list in front is on."""
        cursor = self.table_of(self._page).cursor_id
        return None if cursor is None else self._rows[self._page].get(cursor)

    @property
    def found(self) -> Jobs:
        """What was read last; only once the screen is loaded."""
        assert self._found is not None, "asked for after the first load only"
        return self._found

    async def load(self) -> None:
        """Read everything and show it."""
        now = self.gateway.now()
        self._found = await self.gateway.read(partial(jobs, now=now))
        problems = await self.gateway.read(groups)
        self._retries = job_details.retries_by_group(self._found)
        self.take("problems", problems, lambda each: self.number_of("problems", each.group))
        self.take(
            "releases",
            self._found.releases,
            lambda each: self.number_of("releases", each.connection_id, each.group, each.since),
        )
        self.take("queue", (*self._found.working, *self._found.due), _order_number)
        self.take("planned", self._found.planned, _order_number)
        self.take("backfills", self._found.backfills, lambda each: each.id)
        self.show()

    def number_of(self, *key: object) -> int:
        """The row id that stands for a key."""
        return self._numbers.setdefault(key, len(self._numbers))

    def take(self, page: str, rows: Sequence[Any], number: Callable[[Any], int]) -> None:
        """Put these rows into a list; the cursor stays on its row however they change places."""
        self._rows[page] = {number(each): each for each in rows}
        self.table_of(page).refill(self._rows[page])

    def show(self) -> None:
        """Show what was read beside the lists."""
        found = self.found
        self.query_one("#job-connections", Sheet).show(partial(job_details.connection_lines, found, found.at))
        self.query_one("#job-backlog", Sheet).show(lambda _width: [job_details.backlog_line(found)])
        self.query_one(PageTabs).show(self.pages(found), self._page)
        self.query_one("#job-lists", ContentSwitcher).current = f"job-{self._page}"
        self.show_detail()

    def pages(self, found: Jobs) -> list[Page]:
        """The pages with their numbers."""
        problems: list[Any] = list(self._rows["problems"].values())
        has_failed = any(each.kind == FAILED for each in problems)
        is_stopped = any(release.is_stopped for release in found.releases)
        backlog = found.backlog
        reading = sum(view.ended_at is None for view in found.backfills)
        return [
            Page("problems", "Problems", len(problems), "$text-error" if has_failed else "$text-warning"),
            Page(
                "releases", "One first", len(found.releases), "$text-error" if is_stopped else "$text-primary", "First"
            ),
            Page("queue", "Queue", backlog.working + backlog.due, "$text-primary"),
            Page("planned", "Planned", backlog.planned, "$text-primary"),
            Page("backfills", "Backfills", len(found.backfills), "$text-primary" if reading else DIM),
        ]

    def read_rows(self, page: str, ids: Sequence[int]) -> Mapping[int, Sequence[Content]]:
        """The cells of these rows of a list."""
        rows = self._rows[page]
        return {number: self.cells(rows[number]) for number in ids if number in rows}

    def cells(self, row: Row) -> Sequence[Content]:
        """One row of a list."""
        now = self.gateway.now()
        if isinstance(row, ProblemGroup):
            retry = self._retries.get(row.group)
            return job_rows.problem_cells(row, now, is_retried=retry is not None and not retry.is_stopped)
        if isinstance(row, Release):
            return job_rows.release_cells(row, now)
        return job_rows.queue_cells(row, now) if isinstance(row, Job) else job_rows.backfill_cells(row, now)

    @on(VirtualTable.Highlighted)
    def show_row(self, message: VirtualTable.Highlighted) -> None:
        """Another row is under the cursor of a list; those behind the one in front say nothing."""
        if message.table is self.table_of(self._page):
            self.show_detail()

    def show_detail(self) -> None:
        """The row under the cursor in full."""
        self.query_one("#job-detail", Sheet).show(self.detail_of(self.row) if self._found else lambda _width: [])
        self.refresh_bindings()

    def detail_of(self, row: Row | None) -> Detail:
        """The layout of one row in full."""
        now = self.gateway.now()
        if row is None:
            return lambda _width: []
        if isinstance(row, ProblemGroup):
            retry = self._retries.get(row.group)
            return lambda width: job_details.problem_lines(row, now, width, retry=retry)
        if isinstance(row, Release):
            return lambda width: job_details.release_lines(row, now, width)
        if isinstance(row, Job):
            return lambda width: job_details.job_lines(row, now, width)
        return lambda width: job_details.backfill_lines(row, now, width)

    # -- moving ------------------------------------------------------------------------------------------------------

    def go_to(self, **focus: Any) -> None:
        """`page`: a list; `group`: a group of problems."""
        self.turn_to(str(focus.get("page", self._page)))
        group = focus.get("group")
        if isinstance(group, Group) and (number := self._numbers.get(("problems", group))) is not None:
            self.turn_to("problems")
            self.table_of("problems").move_to(number)

    def turn_to(self, page: str) -> None:
        """Bring a list to the front."""
        if page not in _PAGES or self._found is None:
            return
        self._page = page
        self.show()
        self.table_of(page).focus()

    @on(PageTabs.Chosen)
    def turn(self, message: PageTabs.Chosen) -> None:
        """A list's name was clicked."""
        self.turn_to(message.key)

    def action_next_page(self) -> None:
        """The next list."""
        self.turn_to(_PAGES[(_PAGES.index(self._page) + 1) % len(_PAGES)])

    def action_previous_page(self) -> None:
        """The list before."""
        self.turn_to(_PAGES[_PAGES.index(self._page) - 1])

    @on(VirtualTable.Opened)
    def action_open(self) -> None:
        """Open the order, or the orders of the group."""
        row = self.row
        if isinstance(row, Job):
            self.desk.open_order(row.connection_id, row.order_id)
        elif isinstance(row, Release) and row.canary is not None:
            self.desk.open_order(row.connection_id, row.canary)
        elif isinstance(row, ProblemGroup):
            self.open_group(row)

    def open_group(self, group: ProblemGroup) -> None:
        """The question the orders wait for, the only order of a group, or the list of all of them."""
        if group.kind == Reason.CUSTOMER.value:
            self.desk.open_section("decisions", connection_id=group.group.connection_id)
            return
        if group.orders == 1:
            self.desk.open_order(group.group.connection_id, group.first_order)
            return
        state = FAILED if group.kind == FAILED else "waiting"
        self.desk.open_section("orders", filter=f'state:{state} cause:"{group.group.cause}"')

    # -- acting ------------------------------------------------------------------------------------------------------

    def why_not(self, action_id: str) -> str | None:
        """What cannot be done with the row under the cursor."""
        row = self.row if self._found is not None else None
        match action_id:
            case "jobs.retry" if not isinstance(row, ProblemGroup | Job) and getattr(row, "group", None) is None:
                return "there is no problem or order under the cursor"
            case "jobs.retry_all" if not self._rows["problems"]:
                return "no order waits or failed"
            case "jobs.give_up" if self.order_here is None and self.retry_here is None:
                return "neither one order nor a retry of several is under the cursor"
            case "jobs.pause" if self._found is None or not self._found.connections:
                return "there is no connection yet"
        return None

    @property
    def retry_here(self) -> Release | None:
        """The retry of a group that the cursor is on, in either list; None where there is none."""
        row = self.row if self._found is not None else None
        if isinstance(row, ProblemGroup):
            return self._retries.get(row.group)
        return row if isinstance(row, Release) and row.group is not None else None

    @property
    def order_here(self) -> tuple[int, int] | None:
        """The one order, with its connection, that the row under the cursor is about; None where it is several."""
        row = self.row if self._found is not None else None
        if isinstance(row, Job):
            return row.connection_id, row.order_id
        if isinstance(row, ProblemGroup) and row.orders == 1:
            return row.group.connection_id, row.first_order
        return None

    async def do(self, act: Awaitable[object]) -> None:
        """Act, tell of a problem, and read the screen anew."""
        try:
            await act
        except Problem as problem:
            self.desk.show_problem(problem)
        self.reload()

    @work
    async def action_retry(self) -> None:
        """Try the group, or the order, again."""
        row = self.row
        if isinstance(row, Job):
            await self.do(look_now(self.desk, row))
        elif isinstance(row, ProblemGroup):
            await self.do(retry_groups(self.desk, [row]))
        elif isinstance(row, Release) and row.group is not None:
            meant = [each for each in self.problem_groups if each.group == row.group]
            await self.do(retry_groups(self.desk, meant))

    @work
    async def action_retry_all(self) -> None:
        """Try every group again, after asking."""
        meant = self.problem_groups
        lines = [
            f"{sum(each.orders for each in meant):,} orders with {len(meant):,} causes.",
            "One of each goes first.",
        ]
        if await self.desk.confirm("Try all of them again?", lines, count=len(meant)):
            await self.do(retry_groups(self.desk, meant))

    @property
    def problem_groups(self) -> list[ProblemGroup]:
        """The groups that are shown."""
        return [each for each in self._rows["problems"].values() if isinstance(each, ProblemGroup)]

    @work
    async def action_give_up(self) -> None:
        """Leave the one order out, after asking; let nothing more of a group go."""
        order, retry = self.order_here, self.retry_here
        if order is not None:
            await self.do(order_skip.give_up(self.desk, *order))
        elif retry is not None:
            await self.do(give_up(self.desk, retry))

    @work
    async def action_pause(self) -> None:
        """Pause the connection under the cursor, or all of them, or go on."""
        found, named = self.found, getattr(self.row, "connection", "")
        by_name = {name: number for name, number in found.connections.items() if not named or name == named}
        held = {pause.connection_id for pause in found.pauses} & set(by_name.values())
        meant = list(held or by_name.values())
        await self.do(pause_or_resume(self.desk, meant, is_paused=bool(held), name=named or "everything"))


def _order_number(job: Job) -> int:
    return packed(job.connection_id, job.order_id)
