"""The Order screen: one order whole. Its story beside what is posted, what would be, why, and what is in the way.

What the tabs say is in `order_pages`, `order_in` and `order_out`; here is only how they are reached and what is done.
"""

from collections.abc import Callable
from functools import partial
from typing import ClassVar, Final

from textual import events, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import TabbedContent, TabPane

from bcifs_console.console.screens.base import ConsoleScreen
from bcifs_console.console.screens.order_edit import EditScreen
from bcifs_console.console.screens.order_in import in_lines
from bcifs_console.console.screens.order_out import out_lines
from bcifs_console.console.screens.order_pages import errors_lines, head_lines, plan_lines, why_lines
from bcifs_console.console.screens.order_skip import leave_out, take_in_again, why_not_left_out
from bcifs_console.console.widgets.lines import DIM, Lines, paragraph
from bcifs_console.console.widgets.sheet import Sheet, SheetScroll
from bcifs_console.console.widgets.timeline import folded, timeline_lines
from bcifs_console.domain.states import OrderState, order_subject
from bcifs_console.operations import order_due, order_edits
from bcifs_console.operations.case_view import Case, case
from bcifs_console.operations.context import Context
from bcifs_console.store.feed import ChangeSet
from bcifs_console.store.views import Connection, order_case

#: Tab → its title, the key underlined.
_TABS: Final = {
    "story": ("", "T", "imeline"),
    "plan": ("", "P", "lan"),
    "in": ("", "I", "n"),
    "out": ("", "O", "ut"),
    "why": ("", "W", "hy"),
    "errors": ("", "E", "rrors"),
}
#: Changes that may concern every order.
_HANGS_ON: Final = frozenset({"decision", "mapping"})


class OrderScreen(ConsoleScreen):
    """One order of one connection."""

    SECTION = "order"
    TITLE_TEXT = "Order"
    TICK_S = 60.0  # the next try comes nearer while nothing changes in the store
    KINDS: ClassVar[frozenset[str]] = frozenset({"order"}) | _HANGS_ON
    AUTO_FOCUS = "#plan"

    def __init__(self, connection_id: int, order_id: int) -> None:
        super().__init__()
        self.connection_id = connection_id
        self.order_id = order_id
        self.case: Case | None = None
        self._is_read = False  #: whether `case` is what is known of the order
        self._all_calls = False
        self._is_raw = False

    @property
    def crumbs(self) -> tuple[str, ...]:
        return ("Orders", f"Order {self.order_id}")

    # -- composition -------------------------------------------------------------------------------------------------

    def compose_body(self) -> ComposeResult:
        yield Sheet(id="head")
        with Horizontal(id="columns"):
            yield SheetScroll(id="story")
            with TabbedContent(id="tabs", initial="tab-plan"):
                for name, (before, key, after) in _TABS.items():
                    title = Content.assemble(before, (key, "underline"), after)
                    with TabPane(title, id=f"tab-{name}"):
                        yield SheetScroll(id="story-tab" if name == "story" else name)

    @property
    def tabs(self) -> TabbedContent:
        return self.query_one("#tabs", TabbedContent)

    @property
    def page(self) -> SheetScroll:
        """The tab in front."""
        return self.tabs.get_pane(self.tabs.active).query_one(SheetScroll)

    def on_resize(self, event: events.Resize) -> None:
        """Wide enough, the story stands beside the tabs and is none of them."""
        if event.size.width >= 110 and self.tabs.active == "tab-story":
            self.show_tab("plan")

    # -- reading -----------------------------------------------------------------------------------------------------

    async def load(self) -> None:
        wanted = (self.connection_id, self.order_id)
        found = await self.gateway.read(partial(case, connection_id=wanted[0], order_id=wanted[1]))
        if wanted != (self.connection_id, self.order_id):
            return  # another order was asked for meanwhile: its own reading follows
        self.case, self._is_read = found, True
        self._show()
        self.refresh_bindings()

    def tick(self) -> None:
        """A minute has passed: what is told of the time is told anew."""
        self._show()

    def apply_changes(self, changes: ChangeSet) -> None:
        """Read anew where this order, or something every order hangs on, has changed."""
        mine = (self.connection_id, order_subject(self.order_id))
        orders_changed = changes.subjects.get("order", frozenset())
        if mine in orders_changed or not _HANGS_ON.isdisjoint(changes.subjects):
            self.reload_soon()

    def _show(self) -> None:
        found = self.case
        pages: dict[str, Callable[[int], Lines]]
        if found is None:
            nothing = f"Reading order {self.order_id} …"
            if self._is_read:
                nothing = f"Order {self.order_id} was never seen here. If the store has it, r asks the store for it."
            pages = dict.fromkeys(
                ("head", "story", "story-tab", "plan", "in", "out", "why", "errors"),
                partial(paragraph, nothing, style=DIM, indent=1),
            )
        else:
            now = self.gateway.now()
            steps = found.steps if self._all_calls else folded(found.steps)
            raw = self._is_raw
            pages = {
                "head": lambda width: head_lines(found, width, now),
                "story": lambda width: timeline_lines(steps, width),
                "story-tab": lambda width: timeline_lines(steps, width),
                "plan": lambda width: plan_lines(found, width, now),
                "in": lambda width: in_lines(found, width, now, raw=raw),
                "out": lambda width: out_lines(found, width, now),
                "why": lambda width: why_lines(found, width),
                "errors": lambda width: errors_lines(found, width, now),
            }
        self.query_one("#head", Sheet).show(pages.pop("head"))
        for name, layout in pages.items():
            self.query_one(f"#{name}", SheetScroll).show(layout)

    # -- what can be done --------------------------------------------------------------------------------------------

    def why_not(self, action_id: str) -> str | None:
        found = self.case
        if not self._is_read and action_id in _OF_ITS_FACTS:
            return f"order {self.order_id} is being read"
        match action_id:
            case "order.decide" if found is None or found.decision_id is None:
                return "nobody was asked who this buyer is"
            case "order.retry" if found is not None and found.order.state == OrderState.WORKING.value:
                return "the order is being worked on right now"
            case "order.answer_edit" if found is None or found.edit is None:
                return "the store did not edit it since it was sent"
            case "order.skip" if found is None:
                return "the order was never seen here"
            case "order.skip" if found is not None and found.left_out is None:
                return why_not_left_out(found)
        return None

    @work(exclusive=True, group="act")
    async def action_retry(self) -> None:
        """Look at the order now."""
        connection_id, order_id = self.connection_id, self.order_id
        look = partial(order_due.look_now, connection_id=connection_id, order_ids=[order_id])
        await self._act(look, f"Order {order_id} is looked at now")

    @work(exclusive=True, group="act")
    async def action_skip(self) -> None:
        """Leave the order out, or take it in again."""
        found = self.case
        if found is None:
            return
        if found.left_out is None:
            is_done = await leave_out(self.desk, found.order)
        else:
            is_done = await take_in_again(self.desk, found.order, found.left_out)
        if is_done:
            self.reload()

    @work(exclusive=True, group="act")
    async def action_answer_edit(self) -> None:
        """Say how an edited order goes on."""
        found = self.case
        if found is None or found.edit is None:
            return
        order_id = found.order.order_id
        answer = await self.desk.push_screen_wait(EditScreen(order_id, found.edit))
        if answer is None:
            return
        run = partial(
            order_edits.answer,
            order_id=order_id,
            choice=answer.choice,
            connection=found.order.connection,
            reference=answer.reference,
            note=answer.note,
        )
        told = f"Order {order_id}: {answer.choice.value.replace('_', ' ')}; it is looked at again"
        await self._act(run, told)

    async def _act(self, run: Callable[[Context], object], told: str) -> None:
        """Do it and tell of it; a problem is told, with what helps."""
        if await self.desk.carry_out(run, lambda _done: self.desk.notify_done(told)):
            self.reload()

    def action_decide(self) -> None:
        """Go to the question about the buyer."""
        if self.case is not None and self.case.decision_id is not None:
            self.desk.open_section("decisions", decision=self.case.decision_id)

    # -- other orders ------------------------------------------------------------------------------------------------

    @work(exclusive=True, group="neighbour")
    async def action_newer(self) -> None:
        """The order above this one."""
        await self._go(order_case.newer_neighbour, "This is the newest order.")

    @work(exclusive=True, group="neighbour")
    async def action_older(self) -> None:
        """The order below this one."""
        await self._go(order_case.older_neighbour, "This is the oldest order.")

    async def _go(self, find: "Callable[[Connection, int, int], order_case.Neighbour | None]", at_the_end: str) -> None:
        here = (self.connection_id, self.order_id)
        found = await self.gateway.read(lambda conn: find(conn, *here))
        if found is None:
            self.desk.say(at_the_end)
            return
        self.connection_id, self.order_id = found.connection_id, found.order_id
        self.case, self._is_read = None, False  # nothing is said or done of the one with the facts of the other
        self._show()
        self.refresh_bindings()
        for page in self.query(SheetScroll):
            page.scroll_home(animate=False)
        self.reload()

    # -- copying -----------------------------------------------------------------------------------------------------

    def action_copy(self) -> None:
        """Copy the order's number."""
        self.desk.copy(str(self.order_id), f"order {self.order_id}")

    def action_copy_all(self) -> None:
        """Copy the tab in front."""
        self.desk.copy(self.page.sheet.text, f"{self.tabs.active.removeprefix('tab-')} of order {self.order_id}")

    # -- tabs --------------------------------------------------------------------------------------------------------

    def show_tab(self, name: str) -> None:
        """Bring a tab to the front and give it the keys."""
        self.tabs.active = f"tab-{name}"
        self.page.focus()

    def _shift(self, by: int) -> None:
        names = [name for name in _TABS if name != "story" or not self.has_class("-wide")]
        at = names.index(self.tabs.active.removeprefix("tab-"))
        self.show_tab(names[(at + by) % len(names)])

    def action_next_tab(self) -> None:
        """The tab to the right."""
        self._shift(1)

    def action_previous_tab(self) -> None:
        """The tab to the left."""
        self._shift(-1)

    def action_show_story(self) -> None:
        """The story: a tab, or where it stands beside them, the keys to it."""
        if self.has_class("-wide"):
            self.query_one("#story").focus()
        else:
            self.show_tab("story")

    def action_show_plan(self) -> None:
        self.show_tab("plan")

    def action_show_in(self) -> None:
        self.show_tab("in")

    def action_show_out(self) -> None:
        self.show_tab("out")

    def action_show_why(self) -> None:
        self.show_tab("why")

    def action_show_errors(self) -> None:
        self.show_tab("errors")

    def action_raw(self) -> None:
        """The order as JSON, or as a person reads it."""
        self._is_raw = not self._is_raw
        self._show()
        self.show_tab("in")

    def action_calls(self) -> None:
        """Show or fold the calls in the story."""
        self._all_calls = not self._all_calls
        self._show()


_OF_ITS_FACTS: Final = frozenset(f"order.{name}" for name in ("retry", "skip", "decide", "answer_edit"))
