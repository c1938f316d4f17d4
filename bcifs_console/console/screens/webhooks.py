"""Webhooks: how each registration is, what came, and the keys that put things right.

One connection at a time; with several, a strip above tells how each is. How lines and rows are worded is
`widgets.webhook_health` and `widgets.webhook_rows`, what the keys do `webhook_tasks`; the figures are
`operations.webhook_overview`'s.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from bcifs_console.base.problems import Problem
from bcifs_console.console.screens.base import ConsoleScreen
from bcifs_console.console.webhook_tasks import WebhookTasks
from bcifs_console.console.widgets.lines import heading
from bcifs_console.console.widgets.sheet import say
from bcifs_console.console.widgets.virtual_table import VirtualTable
from bcifs_console.console.widgets.webhook_health import WebhookHealthPanel, health_lines
from bcifs_console.console.widgets.webhook_rows import (
    DELIVERY_COLUMNS,
    HOOK_COLUMNS,
    connection_strip,
    covers,
    delivery_cells,
    delivery_lines,
    hook_cells,
    scope_text,
)
from bcifs_console.domain.webhooks import WebhookState
from bcifs_console.operations.webhook_overview import HookLine, WebhookOverview, overview
from bcifs_console.store.views.webhooks import DeliveryRef, DeliveryView, deliveries, newest_deliveries

#: A terminal with fewer lines is a low one: the panel is kept short.
_LOW: Final = 30
_NO_CONNECTION: Final = Content.assemble(
    ("No connection yet", "bold"),
    "\n\nThe set-up makes one (ctrl+p, then type set-up), or: bcifs connection add FILE",
    "\nThen n registers its webhooks here.",
)
_NOTHING_CAME: Final = Content("No delivery yet. t delivers a harmless event to our own address.")
_NONE_OF_IT: Final = Content("None of the newest deliveries came by this hook. f shows all of them.")
_NOT_REGISTERED: Final = Content("Nothing is registered. n registers what is wanted.")


class WebhookDeliveryDetail(VerticalScroll, can_focus=True):
    """One delivery in full; in a narrow terminal it stands in place of the list, until Esc."""

    def compose(self) -> ComposeResult:
        """The text."""
        yield Static("", id="webhook-delivery", markup=False)


class WebhooksScreen(ConsoleScreen):
    """The webhooks of one connection, and the deliveries that came by them."""

    SECTION = "webhooks"
    TITLE_TEXT = "Webhooks"
    KINDS = frozenset({"webhooks", "hook", "order", "connection"})
    TICK_S = 5.0  # the two-minute window moves while nothing changes in the store

    def __init__(self) -> None:
        super().__init__()
        self.found: Sequence[WebhookOverview] = ()
        self.refs: Sequence[DeliveryRef] = ()
        self.chosen_id = 0  #: a connection's
        self.only_scope: str | None = None  #: the hook whose deliveries alone are shown
        self._read: tuple[int | None, DeliveryView | None] = (None, None)  #: the delivery read last, by its id
        self.busy = ""  #: what is being done at this moment
        self.hooks: Mapping[int, HookLine] = {}  #: by their row's id
        self._hook_numbers: dict[tuple[int, str, str], int] = {}

    def compose_body(self) -> ComposeResult:
        """Strip and panel on top; hooks; deliveries beside one of them in full."""
        yield Static("", id="webhook-strip", markup=False)
        yield WebhookHealthPanel()
        yield Static(_NO_CONNECTION, id="webhook-none")
        with Vertical(id="webhook-parts"):
            with Vertical(id="webhook-hooks"):
                yield Static("", id="webhook-hooks-title", markup=False)
                yield VirtualTable(HOOK_COLUMNS, id="webhook-hook-table")
            with Vertical(id="webhook-deliveries"):
                yield Static("", id="webhook-deliveries-title", markup=False)
                with Horizontal(id="webhook-deliveries-body"):
                    yield VirtualTable(DELIVERY_COLUMNS, following=True, id="webhook-delivery-table")
                    yield WebhookDeliveryDetail(id="webhook-delivery-detail")

    # -- what is shown -----------------------------------------------------------------------------------------------

    @property
    def chosen(self) -> WebhookOverview | None:
        """The connection that is shown, None where there is none."""
        return next((each for each in self.found if each.connection_id == self.chosen_id), None)

    @property
    def hook_table(self) -> VirtualTable:
        """The registrations; a row's id stands for the scope and where it delivers to."""
        return self.query_one("#webhook-hook-table", VirtualTable)

    @property
    def delivery_table(self) -> VirtualTable:
        """The deliveries; a row's id is the delivery's."""
        return self.query_one("#webhook-delivery-table", VirtualTable)

    @property
    def delivery(self) -> DeliveryView | None:
        """The delivery under the cursor, read when the cursor has come to it."""
        if self._read[0] != self.delivery_table.cursor_id:
            self._read_delivery()
        return self._read[1]

    def _read_delivery(self) -> None:
        number = self.delivery_table.cursor_id
        found = None if number is None else self.peek(partial(deliveries, ids=[number]))
        self._read = number, next(iter(found.values()), None) if found else None

    async def load(self) -> None:
        """Read how all of them are, and which deliveries came last. At first the worst connection is shown."""
        stale_after = self.gateway.context.settings.stale_after
        now = self.gateway.now()
        self.found = await self.gateway.read(partial(overview, now=now, stale_after=stale_after))
        self.refs = await self.gateway.read(newest_deliveries)
        if self.chosen is None and self.found:
            self.chosen_id = max(self.found, key=lambda each: each.state.severity).connection_id
        self.show_all()

    def show_all(self) -> None:
        """Show what was read."""
        found, width = self.chosen, self.app.size.width - 2
        strip = self.query_one("#webhook-strip", Static)
        strip.display = len(self.found) > 1
        if found is not None:
            say(strip, connection_strip(self.found, self.chosen_id, width))
            short = self.app.size.height < _LOW
            lines = health_lines(found, self.gateway.now(), width, hint=self.helping_key(), busy=self.busy, short=short)
            say(self.query_one(WebhookHealthPanel), lines)
        self.query_one(WebhookHealthPanel).display = found is not None
        self.query_one("#webhook-none", Static).display = found is None
        self.query_one("#webhook-parts", Vertical).display = found is not None
        self.show_hooks()
        self.show_deliveries()

    def helping_key(self) -> str:
        """What to press where something is wrong."""
        found = self.chosen
        if found is None or self.gateway.readonly:
            return ""
        if not found.registered:
            return "press n to register"
        # A silent one is in order at the store: a repair would leave it as it is.
        is_repairable = any(hook.state not in (WebhookState.HEALTHY, WebhookState.SILENT) for hook in found.hooks)
        return "press r to repair" if is_repairable else ""

    def show_hooks(self) -> None:
        """The registrations, what is wrong first."""
        hooks, table = self.chosen.hooks if self.chosen else (), self.hook_table
        now = self.gateway.now()
        table.message = _NOT_REGISTERED
        numbers = self._hook_numbers
        keys = ((self.chosen_id, hook.scope, hook.destination) for hook in hooks)
        self.hooks = {numbers.setdefault(key, len(numbers)): hook for key, hook in zip(keys, hooks, strict=True)}
        worst_first = sorted(self.hooks, key=lambda number: -self.hooks[number].state.severity)
        cells = {number: hook_cells(hook, now) for number, hook in self.hooks.items()}
        table.refill(worst_first, lambda _ids: cells)
        if self.has_class("-narrow"):
            table.styles.clear_rule("height")  # as the style sheet says
        else:
            table.styles.height = max(2, len(hooks) + 1)
        well = sum(1 for hook in hooks if hook.state is WebhookState.HEALTHY)
        told = f"{well} of {len(hooks)} healthy" if hooks else ""
        self.show_title("webhook-hooks-title", "Hooks", told, is_open=not self.has_class("-deliveries"))

    def show_deliveries(self) -> None:
        """The deliveries of the connection, or of one hook."""
        only, table = self.only_scope, self.delivery_table
        of_connection = [ref for ref in self.refs if ref.connection_id == self.chosen_id]
        ids = [ref.id for ref in of_connection if only is None or covers(only, ref.scope)]
        table.message = _NOTHING_CAME if only is None else _NONE_OF_IT
        table.refill(ids, self.hydrated)
        told = f"newest {len(ids):,}" if ids else ""
        if only is not None:
            told = f"{len(ids):,} by {scope_text(only)} · f shows all"
        if self.has_class("-narrow") and self.has_class("-detail"):
            told = "Esc goes back to the list"
        self.show_title("webhook-deliveries-title", "Deliveries", told, is_open=self.has_class("-deliveries"))
        self.show_delivery()

    def hydrated(self, ids: Sequence[int]) -> Mapping[int, Sequence[Content]]:
        """The rows of the deliveries in view."""
        now = self.gateway.now()
        found = self.peek(partial(deliveries, ids=ids)) or {}
        return {number: delivery_cells(each, now) for number, each in found.items()}

    def show_title(self, widget_id: str, title: str, told: str, *, is_open: bool) -> None:
        """A part's title; in a narrow terminal the part that has no room says how it gets some."""
        if self.has_class("-narrow") and not is_open:
            told = f"{told} · Tab opens" if told else "Tab opens"
        say(self.query_one(f"#{widget_id}", Static), heading(title, max(20, self.app.size.width - 3), told))

    def show_delivery(self) -> None:
        """The delivery under the cursor, in full, as it is now."""
        self._read_delivery()
        found = self._read[1]
        say(self.query_one("#webhook-delivery", Static), delivery_lines(found) if found else Content(""))
        self.query_one(WebhookDeliveryDetail).set_class(found is None, "-nothing")
        self.refresh_bindings()

    # -- moving about ------------------------------------------------------------------------------------------------

    @on(VirtualTable.Highlighted, "#webhook-delivery-table")
    def delivery_highlighted(self) -> None:
        """Another delivery is under the cursor: shown once it rests there."""
        self.at_rest(self.show_delivery)

    @on(VirtualTable.Opened, "#webhook-delivery-table")
    def delivery_opened(self) -> None:
        """Show it in full, in place of the list where there is no room beside it."""
        self.add_class("-detail")
        self.query_one(WebhookDeliveryDetail).focus()
        self.show_deliveries()

    @on(VirtualTable.Opened, "#webhook-hook-table")
    def hook_opened(self) -> None:
        """The deliveries of this hook."""
        self.show_only(self.hook_scope())
        self.delivery_table.focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """In a narrow terminal the part in use has the room."""
        is_about_deliveries = event.widget in (self.delivery_table, self.query_one(WebhookDeliveryDetail))
        if is_about_deliveries != self.has_class("-deliveries"):
            self.set_class(is_about_deliveries, "-deliveries")
            self.show_all()

    def on_resize(self) -> None:
        """Lines and titles reach to the edge."""
        if self.found:
            self.show_all()

    def close_detail(self) -> bool:
        """Esc: from a delivery in full back to the list."""
        if not self.has_class("-detail"):
            return False
        self.remove_class("-detail")
        self.delivery_table.focus()
        self.show_deliveries()
        return True

    def action_only_this(self) -> None:
        """The deliveries of the hook under the cursor, or all again."""
        self.show_only(None if self.only_scope is not None else self.hook_scope())

    def action_open_order(self) -> None:
        """The order of the delivery under the cursor."""
        if self.delivery is not None and self.delivery.order_id is not None:
            self.desk.open_order(self.delivery.connection_id, self.delivery.order_id)

    def action_next_connection(self) -> None:
        """The next connection's webhooks."""
        self.step(1)

    def action_previous_connection(self) -> None:
        """The webhooks of the connection before."""
        self.step(-1)

    def step(self, by: int) -> None:
        """Go through the connections."""
        ids = [each.connection_id for each in self.found]
        self.choose(ids[(ids.index(self.chosen_id) + by) % len(ids)])

    def choose(self, connection_id: int) -> None:
        """Show the webhooks of this connection, from the first row on."""
        self.chosen_id, self.only_scope = connection_id, None
        self.hook_table.set_source((), lambda _ids: {})
        self.delivery_table.set_source((), lambda _ids: {})
        self.show_all()

    def hook_scope(self) -> str | None:
        """The scope of the hook under the cursor."""
        number = self.hook_table.cursor_id
        hook = None if number is None else self.hooks.get(number)
        return None if hook is None else hook.scope

    def show_only(self, scope: str | None) -> None:
        """Show the deliveries of one hook; None: of all."""
        self.only_scope = scope
        self.show_deliveries()

    def go_to(self, **focus: object) -> None:
        """Show the connection that another screen names, by `connection_id`."""
        wanted = focus.get("connection_id")
        if any(each.connection_id == wanted for each in self.found):
            self.choose(int(str(wanted)))

    # -- acting ------------------------------------------------------------------------------------------------------

    def why_not(self, action_id: str) -> str | None:
        """Why an action cannot be done now."""
        found, action = self.chosen, action_id.rpartition(".")[2]
        if found is None:
            return "there is no connection yet"
        if action in ("next_connection", "previous_connection"):
            return None if len(self.found) > 1 else "there is one connection only"
        if action in ("open_order", "look_again"):
            is_of_order = self.delivery is not None and self.delivery.order_id is not None
            return None if is_of_order else "no delivery about an order is under the cursor"
        if action == "only_this":
            return None if found.hooks else "nothing is registered yet; n registers"
        if action in ("repair", "renew_secret") and not found.registered:
            return "nothing is registered; n registers"
        return f"wait, {self.busy.removesuffix(' …')}" if self.busy else None

    def action_repair(self) -> None:
        """Show what would be put right, ask, do it, and poll."""
        self.start_task(self.tasks.repair)

    def action_register(self) -> None:
        """Register what is wanted."""
        self.start_task(self.tasks.register)

    def action_renew_secret(self) -> None:
        """A new secret header for every hook."""
        self.start_task(self.tasks.renew_secret)

    def action_test(self) -> None:
        """Deliver a harmless event to ourselves."""
        self.start_task(self.tasks.test)

    def action_poll(self) -> None:
        """Ask the store for what changed."""
        self.start_task(self.tasks.poll)

    def action_look_again(self) -> None:
        """Look at the order of the delivery under the cursor."""
        if self.delivery is not None and self.delivery.order_id is not None:
            again = self.tasks.look_again(self.delivery.connection_id, self.delivery.order_id)
            self.run_worker(again, group="act")

    @property
    def tasks(self) -> WebhookTasks:
        """What the keys do."""
        return WebhookTasks(self.desk, self.say_busy, lambda: self.is_current)

    def say_busy(self, busy: str) -> None:
        """Say what is going on; "": nothing any more."""
        self.busy = busy
        if self.is_attached:
            self.show_all()

    def start_task(self, task: Callable[[WebhookOverview], Awaitable[None]]) -> None:
        """Run a task on the connection that is shown, beside the screen."""
        if self.chosen is not None:
            self.run_worker(self.guarded(task, self.chosen), group="act")

    async def guarded(self, task: Callable[[WebhookOverview], Awaitable[None]], found: WebhookOverview) -> None:
        """A task; trouble is told with its remedy, and what came of it is read."""
        try:
            await task(found)
        except Problem as problem:
            self.desk.show_problem(problem)
        self.reload()
