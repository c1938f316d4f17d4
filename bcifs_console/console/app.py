"""`ConsoleApp`: the frame around the screens. Moving is in `navigation`, what can be done everywhere in `doing`."""

import asyncio
import gc
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final

import structlog
from textual import work
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.reactive import var
from textual.screen import Screen
from textual.worker import WorkerFailed

from bcifs_console.base.problems import Problem
from bcifs_console.console import themes
from bcifs_console.console.actions import EVERYWHERE, bindings_of
from bcifs_console.console.config import ConsoleConfig
from bcifs_console.console.doing import Doing
from bcifs_console.console.feeding import Feeding
from bcifs_console.console.gateway import Gateway
from bcifs_console.console.keymap import Keymap, key_name
from bcifs_console.console.messages import StoreChanged
from bcifs_console.console.providers import ActionsProvider, OrdersProvider
from bcifs_console.console.screens.base import ConsoleScreen
from bcifs_console.console.screens.leave import Leaving
from bcifs_console.console.sections import SECTIONS, screen_of
from bcifs_console.console.vitals import ServiceState, parts
from bcifs_console.operations.context import Context
from bcifs_console.operations.serving import ServiceProcess
from bcifs_console.store.feed import ChangeSet
from bcifs_console.store.views.vitals import Vitals, has_connections

_log: Final = structlog.get_logger(__name__)
_STYLES: Final = Path(__file__).parent / "styles"
#: Objects made and not gone before the collector looks at the young ones, and how often it then looks at older ones
#: (measured: at 20,000 the longest pause is 18 ms, at Python's 700 31 to 46 ms).
_GARBAGE: Final = (20_000, 20, 50)


class ConsoleApp(Doing):
    """The console on one open installation. `service`: the service process that was started with it, if one was."""

    TITLE = "bcifs"
    #: All at once: styles that came with a screen would have every style parsed anew when it is opened first.
    CSS_PATH = [*sorted(_STYLES.glob("*.tcss"))]  # noqa: RUF012 - Textual's own declaration
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(EVERYWHERE)]
    COMMANDS = {ActionsProvider, OrdersProvider}  # noqa: RUF012 - Textual's own declaration
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        section: partial(screen_of, section) for section in SECTIONS
    }
    DEFAULT_MODE = "overview"

    hint: var[str] = var("", init=False)

    def __init__(
        self,
        context: Context,
        *,
        readonly: bool = False,
        config: ConsoleConfig | None = None,
        service: ServiceProcess | None = None,
    ) -> None:
        super().__init__()
        self._colours: dict[str, str] = {}  #: that the styles were parsed with
        self.gateway = Gateway(context, readonly=readonly)
        self.config = config or ConsoleConfig()
        self.keymap_in_force = Keymap(self.config.keymap)
        self.feeding = Feeding(self.gateway, on_changes=self.tell, on_vitals=self.take_vitals)
        self.service = service
        self.service_state = ServiceState(is_starting=service is not None)
        for theme in themes.THEMES:
            self.register_theme(theme)
        self.theme = self.config.theme

    # -- life --------------------------------------------------------------------------------------------------------

    async def on_unmount(self) -> None:
        await self.gateway.close()

    def on_mount(self) -> None:
        self.set_keymap(self.keymap_in_force.for_textual())
        if not self.gateway.point(has_connections) and not self.gateway.readonly:
            self.open_section("setup")
        self.look_on()
        if not self.is_headless:
            self.obey_signals()
        self.freeze_garbage()

    def freeze_garbage(self) -> None:
        """Once what was asked for is painted, keep the collector from walking what was made for it again and again.
        Not in tests: what they make would stay for good."""
        if not self.is_headless:
            self.call_after_refresh(freeze_garbage)

    def refresh_css(self, animate: bool = True) -> None:
        """Textual has every style parsed anew, twice, for each section that is opened first; only other colours ask for
        that. A screen that comes to the front takes its styles from what was parsed."""
        colours = self.get_css_variables()
        if colours != self._colours:
            self._colours = colours
            super().refresh_css(animate=animate)

    @work(group="forever-feed")
    async def look_on(self) -> None:
        """Follow the store until the end."""
        await self.feeding.run()

    def obey_signals(self) -> None:
        """Leave in order, the terminal as it was, when told from outside; the service goes on where the terminal went.

        Without this a signal kills the console and leaves the terminal in its alternate screen.
        """
        loop = asyncio.get_running_loop()
        for number, how in (
            (signal.SIGTERM, Leaving.STOP),
            (signal.SIGINT, Leaving.STOP),
            (signal.SIGHUP, Leaving.KEEP),
        ):
            loop.add_signal_handler(number, self.leave, how)

    def leave(self, how: Leaving) -> None:
        """End the console; who started it then does with the service what `leaving` says."""
        self.leaving = how
        self.exit()

    def _handle_exception(self, error: Exception) -> None:
        """A problem that a worker met is told; widgets that are gone while the console ends are no fault."""
        # Textual ends the app on either; a worker's problem leaves nothing half done that its screen would not say.
        cause = error.error if isinstance(error, WorkerFailed) else error
        if isinstance(error, WorkerFailed) and isinstance(cause, Problem):
            self.show_problem(cause)
        elif not (isinstance(cause, NoMatches) and self.is_leaving):
            super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """A fault of ours: into the log, without what was typed; on the terminal in one line."""
        # Textual would print the traceback with local variables, and a form's hold secrets.
        _log.exception("console_fault")
        self.panic(
            "The console met a fault of its own and ended; logs/console.log in the home has it. "
            "The service is not touched by it: bcifs status"
        )

    # -- the feed ----------------------------------------------------------------------------------------------------

    def tell(self, changes: ChangeSet) -> None:
        """Give the changes to the screen in front; the others read anew when they come to the front."""
        for stack in self._screen_stacks.values():
            for screen in stack:
                if not isinstance(screen, ConsoleScreen):
                    continue
                if screen is self.screen:
                    screen.post_message(StoreChanged(changes))
                elif changes.touches(screen.KINDS):
                    screen.mark_stale()

    def take_vitals(self, vitals: Vitals | None, trouble: str) -> None:
        """Show how the installation is; `trouble`: why that cannot be read."""
        was_up = self.is_service_up
        self.vitals = vitals or self.vitals
        self.trouble = trouble
        self.watch_service()
        self.show_status()
        if self.is_service_up is not was_up:
            self.refresh_bindings()  # starting and stopping it is greyed by that

    def show_status(self) -> None:
        """Draw the status bar of the screen in front."""
        screen = self.front
        if screen is None or not screen.is_ready or self.is_leaving:
            return
        told = parts(
            self.vitals,
            readonly=self.gateway.readonly,
            service=self.service_state,
            trouble=self.trouble,
            start_key=self.key_here("everywhere.start_service"),
        )
        screen.show_status(self.crumbs(), told)

    def watch_hint(self, hint: str) -> None:
        """Show the hint on every screen there is."""
        for stack in self._screen_stacks.values():
            for screen in stack:
                if isinstance(screen, ConsoleScreen) and screen.is_ready:
                    screen.show_hint(hint)

    def get_key_display(self, binding: Binding) -> str:
        """A key as the footer and the help write it."""
        return key_name(binding.key)


def freeze_garbage() -> None:
    """What was made so far stays for good: the collector need not walk it again, and looks less often at what is made
    from now on, most of which is gone after a frame (research: the longest pauses)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE)
