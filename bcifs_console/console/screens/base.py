"""`ConsoleScreen`: what every screen of the console has: status bar, footer, loading, problems, staleness, greyed keys.

A screen says what it shows (`compose_body`), how it reads it (`load`) and which changes concern it (`KINDS`).
"""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar, cast

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Static

from bcifs_console.base.problems import Problem
from bcifs_console.console import text
from bcifs_console.console.actions import EVERYWHERE, REGISTRY, bindings_of
from bcifs_console.console.gateway import Gateway
from bcifs_console.console.messages import StoreChanged
from bcifs_console.console.screens import BREAKPOINTS
from bcifs_console.console.vitals import Part
from bcifs_console.console.widgets.footer import Footer
from bcifs_console.console.widgets.lines import DIM
from bcifs_console.console.widgets.status_bar import StatusBar
from bcifs_console.console.widgets.virtual_table import VirtualTable
from bcifs_console.store.feed import ChangeSet
from bcifs_console.store.views import Connection

if TYPE_CHECKING:
    from bcifs_console.console.app import ConsoleApp

T = TypeVar("T")

#: A screen is read anew at most this often because of changes.
_RELOAD_S: Final = 0.5
#: What could not be read is tried again after this long.
_TRY_AGAIN_S: Final = 5.0
READ_ONLY: Final = "read-only: the console was opened with --readonly"


class ConsoleScreen(Screen[None]):
    """A screen of the console. Bindings come from the action registry, styles from the app."""

    SECTION: ClassVar[str] = ""
    TITLE_TEXT: ClassVar[str] = ""
    #: The kinds of changes that concern the screen; none: all of them.
    KINDS: ClassVar[frozenset[str]] = frozenset()
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    AUTO_FOCUS = "#body *"
    #: Seconds between two ticks while in front, for what moves while nothing changes in the store; 0: none.
    TICK_S: ClassVar[float] = 0.0
    #: Seconds after its last move at which the cursor is taken to rest.
    REST_S: ClassVar[float] = 0.08

    def __init_subclass__(cls, **options: Any) -> None:
        if "SECTION" in cls.__dict__:
            cls.BINDINGS = [*bindings_of(cls.SECTION)]
        super().__init_subclass__(**options)

    def __init__(self) -> None:
        super().__init__(classes="console-screen")
        self._is_stale = True
        self._is_composed = False
        self._loads = 0
        self._is_loaded = False
        self._loaded_at = 0.0
        self._waiting: Timer | None = None
        self._resting: Timer | None = None
        self._wanted: dict[str, Any] = {}
        self._has_missed = False

    # -- for screens to use -----------------------------------------------------------------------------------------

    @property
    def desk(self) -> "ConsoleApp":
        """The app, by its own type."""
        return cast("ConsoleApp", self.app)

    @property
    def gateway(self) -> Gateway:
        """Reading and acting."""
        return self.desk.gateway

    @property
    def crumbs(self) -> tuple[str, ...]:
        """What the status bar shows as the place; a screen about one thing adds its name."""
        return (self.TITLE_TEXT,)

    @property
    def is_ready(self) -> bool:
        """Whether its widgets are there to be told something."""
        return self._is_composed and self.is_attached

    def peek(self, run: Callable[[Connection], T]) -> T | None:
        """A point read for what is drawn now; None where the store does not answer: the panel then says so."""
        try:
            return self.gateway.point(run)
        except Problem:
            self._has_missed = True
            self.call_later(self.reload_soon)
            return None

    def at_rest(self, show: Callable[[], None]) -> None:
        """Call this once the cursor rests: whoever holds a key down is not shown in full what she passes by.

        One call a screen is put off at a time: the last one asked for.
        """
        if self._resting is not None:
            self._resting.stop()

        def rest() -> None:
            self._resting = None
            show()

        self._resting = self.set_timer(self.REST_S, rest)

    @property
    def is_at_rest(self) -> bool:
        """Whether no call is put off until the cursor rests."""
        return self._resting is None

    # -- for screens to fill ----------------------------------------------------------------------------------------

    def compose_body(self) -> ComposeResult:
        """What is between the status bar and the footer."""
        yield from ()

    async def load(self) -> None:
        """Read what the screen shows and show it. Runs in a worker of its own, one at a time."""

    def apply_changes(self, changes: ChangeSet) -> None:
        """Take over these changes at once; by itself the screen is read anew, twice a second at most."""
        self.reload_soon()

    def go_to(self, **focus: Any) -> None:
        """Show the thing another screen or the jump asked for (a filter, an id); called once the screen is loaded."""

    def tick(self) -> None:
        """`TICK_S` has passed; by itself the screen is read anew."""
        self.reload_soon()

    def close_detail(self) -> bool:
        """Esc: go back from a detail to its list. False where none is open, so that the screen itself is closed."""
        return False

    def why_not(self, action_id: str) -> str | None:
        """Why the action cannot be done now; None where it can. The base adds --readonly."""
        return None

    # -- composition -------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield StatusBar()
        yield Static(id="problem")
        with Container(id="body"):
            yield from self.compose_body()
        yield Static(id="hint")
        yield Footer()

    @on(events.Mount)
    def begin(self) -> None:
        """Before anything was read: empty, and saying that it loads."""
        self._is_composed = True
        self.query_one("#problem").display = False
        self.query_one("#body").loading = True
        self.show_hint(self.desk.hint)
        if self.TICK_S:
            self.set_interval(self.TICK_S, self.tick_in_front)

    def tick_in_front(self) -> None:
        """A tick counts while the screen is in front and was read once."""
        if self.is_current and self._is_loaded:
            self.tick()

    # -- what the app tells every screen -----------------------------------------------------------------------------

    def show_status(self, crumbs: tuple[str, ...], parts: Sequence[Part]) -> None:
        """Draw the status bar."""
        bar = self.query_one(StatusBar)
        bar.crumbs = crumbs
        bar.parts = parts

    def show_hint(self, hint: str) -> None:
        """A line above the footer on what to try next; none where it is empty."""
        line = self.query_one("#hint", Static)
        line.display = bool(hint)
        line.update(text.plain(hint and f"→ {hint}"))

    # -- reading -----------------------------------------------------------------------------------------------------

    @on(events.ScreenResume)
    def come_to_front(self) -> None:
        """Read what changed while the screen was hidden."""
        self.desk.show_status()
        if self._is_stale:
            self.reload()

    @on(StoreChanged)
    def take_changes(self, message: StoreChanged) -> None:
        """Changes of the store, told to the screen in front."""
        began = time.thread_time()
        if message.changes.resync:
            self.reload_soon()
        elif message.changes.touches(self.KINDS):
            self.apply_changes(message.changes)
        # Most of what changes cost is painting them. Counted is what the loop did, not what it was kept waiting.
        self.call_after_refresh(lambda: self.desk.feeding.took(time.thread_time() - began))

    def mark_stale(self) -> None:
        """Something changed while the screen is hidden: it is read when it comes to the front."""
        self._is_stale = True

    def reload_soon(self) -> None:
        """Read the screen anew, at most twice a second, and never in the middle of reading it."""
        if self._loads:
            self._is_stale = True  # read again when that is done
        elif self._waiting is None:
            self.reload_in(self._loaded_at + _RELOAD_S - time.monotonic())

    def reload_in(self, seconds: float) -> None:
        """Read the screen anew after so many seconds."""
        if self._waiting is not None:
            self._waiting.stop()
            self._waiting = None
        if seconds > 0:
            self._waiting = self.set_timer(seconds, self.reload)
        else:
            self.reload()

    @work(exclusive=True, group="load")
    async def reload(self) -> None:
        """Read the screen anew now; trouble becomes a panel above what was shown before."""
        if self._waiting is not None:
            self._waiting.stop()
            self._waiting = None
        self._is_stale = False
        self._loads += 1  # a load that another takes the place of ends after that has begun
        problem: Problem | None = None
        try:
            await self.load()
        except Problem as found:
            problem = found
        except NoMatches:
            if self.is_ready and not self.desk.is_leaving:
                raise
        finally:
            self._loads -= 1
            self._loaded_at = time.monotonic()
        # While the console ends, widgets go before the workers of their screen do.
        if self.is_ready and not self.desk.is_leaving:
            self.take_load(problem)

    def take_load(self, problem: Problem | None) -> None:
        """Reading has ended: show trouble or none, go where somebody wants to, read again what changed meanwhile."""
        self.query_one("#body").loading = False
        self.show_trouble(problem)
        if problem is not None:
            self.reload_in(_TRY_AGAIN_S)
            return
        if not self._is_loaded:
            self._is_loaded = True
            self.desk.freeze_garbage()
        if self._has_missed:
            self._has_missed = False
            for table in self.query(VirtualTable):
                table.forget()
        self.refresh_bindings()
        if self._wanted:
            wanted, self._wanted = self._wanted, {}
            self.go_to(**wanted)
        if self._is_stale and self.is_current:
            self.reload_soon()

    def show_trouble(self, problem: Problem | None) -> None:
        """Why the screen could not be read, above what it showed before; None takes it away."""
        panel = self.query_one("#problem", Static)
        panel.display = problem is not None
        if problem is not None:
            told = f"R tries again; by itself in {_TRY_AGAIN_S:.0f} s."
            panel.update(Content.assemble(text.problem(problem), "\n", (told, DIM)))

    def want(self, **focus: Any) -> None:
        """Have `go_to` called with this as soon as the screen is loaded."""
        if self._is_loaded:
            self.go_to(**focus)
        else:
            self._wanted = focus

    def turn_columns(self) -> None:
        """Show every column of the list in use, or again those there is room for."""
        lists = [table for table in self.query(VirtualTable) if all(each.display for each in table.ancestors_with_self)]
        table = self.focused if isinstance(self.focused, VirtualTable) else next(iter(lists), None)
        if table is None:
            self.desk.say("There is no list here.", severity="warning")
            return
        hidden = [column.title for column in table.hidden_columns]
        if hidden:
            self.desk.say(f"Shown as well: {', '.join(hidden)}. h and l scroll sideways.")
        elif not table.everything:
            self.desk.say("Every column is shown.")
        table.everything = not table.everything and bool(hidden)

    # -- actions -----------------------------------------------------------------------------------------------------

    def reason_against(self, action_id: str) -> str | None:
        """Why the action is greyed now, --readonly included; None where it can be done."""
        if REGISTRY[action_id].writes and self.gateway.readonly:
            return READ_ONLY
        if action_id.startswith(f"{EVERYWHERE}."):
            return self.desk.why_not(action_id)
        # Before that its widgets are not there to be asked.
        return self.why_not(action_id) if self._is_composed else "the screen is coming up"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey what cannot be done now (Textual's None)."""
        action_id = f"{self.SECTION}.{action}"
        if action_id in REGISTRY and self.reason_against(action_id) is not None:
            return None
        return True

    def on_key(self, event: events.Key) -> None:
        """A key whose action is greyed says why."""
        found = self.active_bindings.get(event.key)
        if found is None or found.enabled or found.binding.id not in REGISTRY:
            return
        event.stop()
        self.desk.say_why_not(self, found.binding.id)
