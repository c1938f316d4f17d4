"""What can be done on every screen: ask, tell, copy, undo, help, jump, colours, the service, leaving."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar, overload

from textual import work
from textual.command import CommandPalette
from textual.notifications import SeverityLevel
from textual.screen import ModalScreen

from bcifs_console.base.problems import Problem
from bcifs_console.base.text import safe_text
from bcifs_console.console import clipboard, config
from bcifs_console.console.actions import REGISTRY
from bcifs_console.console.config import ConsoleConfig
from bcifs_console.console.feeding import Feeding
from bcifs_console.console.gateway import Deed, DeedKind, Gateway, NothingToUndo, Undo
from bcifs_console.console.jumps import Jump
from bcifs_console.console.navigation import Navigating
from bcifs_console.console.screens.base import ConsoleScreen
from bcifs_console.console.screens.confirm import ConfirmScreen
from bcifs_console.console.screens.deeds import DeedsScreen
from bcifs_console.console.screens.help import HelpScreen
from bcifs_console.console.screens.jump import JumpScreen
from bcifs_console.console.screens.jump_mode import JumpModeScreen
from bcifs_console.console.screens.leave import LeaveScreen, Leaving
from bcifs_console.console.screens.theme_choice import ThemeScreen
from bcifs_console.console.screens.value import ValueScreen
from bcifs_console.console.vitals import ServiceState, is_down
from bcifs_console.operations import serving
from bcifs_console.operations.context import Context
from bcifs_console.operations.serving import ServiceProcess
from bcifs_console.store.views.vitals import Vitals

T = TypeVar("T")

#: How long a note covers what is below it, in seconds; a problem longer, on a screen of so many rows.
_TOAST_S: Final = 4.0
_PROBLEM_S: Final = 10.0
_ROOMY: Final = 30


class Doing(Navigating):
    """The half of the app that acts; `ConsoleApp` puts it together."""

    gateway: Gateway
    config: ConsoleConfig
    feeding: Feeding
    service: ServiceProcess | None
    service_state: ServiceState

    def __init__(self) -> None:
        super().__init__()
        self.vitals: Vitals | None = None
        self.trouble = ""
        self.leaving = Leaving.KEEP

    @property
    def is_leaving(self) -> bool:
        """Whether the console is on its way out: widgets may be gone."""
        return self._exit or not self.is_running

    @property
    def is_service_up(self) -> bool:
        """Whether a service lives, as far as is known."""
        return self.vitals is not None and not is_down(self.vitals, self.service_state)

    # -- telling and asking ------------------------------------------------------------------------------------------

    def say(self, text: str, *, severity: SeverityLevel = "information") -> None:
        """A short note, also in the action journal; outside text in it is made harmless here."""
        self.gateway.note(text, DeedKind.NOTE)
        self._toast(text, severity)

    def show_problem(self, problem: Problem, *, failed: str = "") -> None:
        """Tell of a problem and what to do about it; also in the action journal. `failed`: what was not done for it."""
        before = f"{failed}: " if failed else ""
        self.gateway.note(f"{before}{problem}", DeedKind.PROBLEM)
        told = f"{before}{problem.message}"
        self._toast(f"{told}\n→ {problem.remedy}" if problem.remedy else told, "error")

    def notify_done(self, text: str, undo: Undo | None = None, *, until: str = "") -> None:
        """Tell what was done and write it into the action journal. `until`: `undo` works no longer than that."""
        deed = self.gateway.did(text, undo, until=until)
        self._toast(f"✓ {text}\n{deed.offer}".rstrip(), "information")
        self.refresh_bindings()

    @overload
    async def carry_out(self, run: Callable[[Context], Awaitable[T]], tell: Callable[[T], object]) -> bool: ...
    @overload
    async def carry_out(self, run: Callable[[Context], T], tell: Callable[[T], object]) -> bool: ...
    async def carry_out(self, run: Callable[[Context], Any], tell: Callable[[Any], object]) -> bool:
        """Act, and tell of it with `tell`, or of the problem: False then.

        It is the app's own work: what asked for it may be cancelled meanwhile (its key was pressed again, its screen
        was closed), and what is done is told all the same, with its undo.
        """
        ended: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        async def do() -> None:
            try:
                found = await self.gateway.act(run)
            except Problem as problem:
                self.show_problem(problem)
                ended.set_result(False)
            else:
                tell(found)
                ended.set_result(True)

        self.run_worker(do(), group="deeds")
        return await asyncio.shield(ended)

    def _toast(self, text: str, severity: SeverityLevel) -> None:
        told = "\n".join(safe_text(line) for line in text.splitlines())
        is_roomy = self.size.height >= _ROOMY
        is_long = severity == "error" and is_roomy  # elsewhere it covers too much: `L` has it
        self.notify(told, severity=severity, markup=False, timeout=_PROBLEM_S if is_long else _TOAST_S)

    def push_screen(self, screen: Any, *args: Any, **options: Any) -> Any:
        """As Textual's; notes go when a question comes in front of them. Problems stay to be read."""
        if isinstance(screen, ModalScreen):
            for note in [note for note in self._notifications if note.severity == "information"]:
                self._unnotify(note)
        return super().push_screen(screen, *args, **options)

    async def confirm(self, title: str, lines: Sequence[str], *, danger: bool = False, count: int = 1) -> bool:
        """Ask before acting; call it from a worker (`@work`). `danger`: it cannot be taken back."""
        return await self.push_screen_wait(ConfirmScreen(title, lines, danger=danger, count=count))

    @work
    async def copy(self, value: str, what: str) -> None:
        """Copy a value and say what was copied and how; shown in full where no clipboard can be reached."""
        way = clipboard.choose(self.config.clipboard, clipboard.environment())
        try:
            if way is None:
                self.show_value(what, value)
                return
            if way.command:
                await asyncio.to_thread(clipboard.run_native, way, value)
            elif self._driver is not None:
                self._driver.write(clipboard.osc52(value, in_tmux=way.in_tmux))
        except clipboard.ClipboardProblem as problem:
            self.show_problem(problem)
            self.show_value(what, value)
        else:
            self.say(f"Sent {what} to the clipboard ({way.name})")

    def show_value(self, title: str, value: str) -> None:
        """A value in full, to be selected by hand."""
        self.push_screen(ValueScreen(title, value))

    # -- actions -----------------------------------------------------------------------------------------------------

    def why_not(self, action_id: str) -> str | None:
        """Why an action of the whole console cannot be done now; None where it can."""
        if action_id == "everywhere.undo" and self.gateway.newest_undo() is None:
            return "nothing that can be undone was done"
        if action_id == "everywhere.start_service" and self.is_service_up:
            return "it runs"
        if action_id == "everywhere.start_service" and self.service_state.is_starting:
            return "it is starting"
        if action_id == "everywhere.stop_service" and not self.is_service_up:
            return "it does not run"
        return None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey what cannot be done now (Textual's None)."""
        action_id = f"everywhere.{action}"
        if action_id not in REGISTRY:
            return True
        is_readonly = REGISTRY[action_id].writes and self.gateway.readonly
        return None if is_readonly or self.why_not(action_id) is not None else True

    def say_why_not(self, screen: ConsoleScreen, action_id: str) -> None:
        """Say why a greyed action cannot be done."""
        if (reason := screen.reason_against(action_id)) is not None:
            label = REGISTRY[action_id].label
            self.say(f"{label[:1].upper()}{label[1:]}: {reason}.", severity="warning")

    async def perform(self, screen: ConsoleScreen, action_id: str) -> None:
        """Do an action by its id, as its key would; a greyed one says why."""
        if screen.reason_against(action_id) is not None:
            self.say_why_not(screen, action_id)
            return
        action = REGISTRY[action_id]
        await self.run_action(action.method, self if action.section == "everywhere" else screen)

    @work(exclusive=True, group="help")
    async def action_help(self) -> None:
        """All keys of the screen; the chosen one is done."""
        screen = self.front
        if screen is None:
            return
        chosen = await self.push_screen_wait(HelpScreen(screen, self.keymap_in_force))
        if chosen is not None:
            await self.perform(screen, chosen)

    @work(exclusive=True, group="jump")
    async def action_jump_to(self) -> None:
        """Go somewhere by name."""
        target = await self.push_screen_wait(JumpScreen(self.gateway))
        if isinstance(target, Jump):
            self.open_section(target.section, **target.focus)
        elif target is not None:
            self.open_order(target.connection_id, target.order_id)

    @work(exclusive=True, group="jump")
    async def action_jump_mode(self) -> None:
        """Focus something by its letter."""
        below = self.screen
        if (chosen := await self.push_screen_wait(JumpModeScreen(below))) is not None:
            below.set_focus(chosen)

    def action_command_palette(self) -> None:
        """Everything that can be done, found by typing."""
        self.push_screen(CommandPalette(placeholder="a command, or an order's number"))

    def action_reload(self) -> None:
        """Read the screen in front anew."""
        if self.front is not None:
            self.front.reload()

    def action_columns(self) -> None:
        """Every column of the list in use, or those there is room for."""
        if self.front is not None:
            self.front.turn_columns()

    @work(exclusive=True, group="theme")
    async def action_theme(self) -> None:
        """Choose the colours, and remember them."""
        chosen = await self.push_screen_wait(ThemeScreen(self.theme))
        if chosen is None:
            return
        try:
            await asyncio.to_thread(config.save_theme, self.gateway.context.settings.home, chosen)
        except Problem as problem:
            self.show_problem(problem)

    def action_deeds(self) -> None:
        """The action journal."""
        self.push_screen(DeedsScreen(self.gateway, self.take_back))

    def action_undo(self) -> None:
        """Take back the newest action that can be taken back."""
        if (newest := self.gateway.newest_undo()) is not None:
            self.take_back(newest)

    @work(group="undo")
    async def take_back(self, deed: Deed) -> None:
        """Take this back; to the end, whatever is pressed meanwhile."""
        try:
            undone = await self.gateway.undo(deed.number)
        except NothingToUndo:
            pass  # its key was pressed twice: it is being taken back
        except Problem as problem:
            self.show_problem(problem, failed=f"Not undone: {deed.text.rstrip('.')}")
        else:
            self.say(f"Undone: {undone}")
        self.refresh_bindings()
        if isinstance(self.screen, DeedsScreen) and self.screen.is_mounted:
            self.screen.show_deeds()

    # -- the service -------------------------------------------------------------------------------------------------

    @work(exclusive=True, group="service")
    async def action_start_service(self) -> None:
        """Start the service on this home, as a process of its own."""
        self.service_state = ServiceState(is_starting=True)  # from now on: pressed again, the key says so
        if not await self.carry_out(lambda context: serving.start_service(context.settings), self._take_service):
            self.service_state = ServiceState()

    def _take_service(self, service: ServiceProcess) -> None:
        self.service = service
        self.say("Starting the service")

    @work(exclusive=True, group="service")
    async def action_stop_service(self) -> None:
        """Ask the service on this machine to end."""
        lines = ["Webhooks are answered by nobody and no order is worked on until it is started again."]
        if not await self.confirm("Stop the service?", lines):
            return
        told = "Asked the service to stop; it ends the work under way first"
        await self.carry_out(serving.stop_running, lambda _asked: self.notify_done(told))

    def watch_service(self) -> None:
        """Notice that the service we started has come up, or why it ended."""
        if self.service is None:
            return
        if self.service.is_running:
            if self.vitals is not None and not self.vitals.is_down and self.service_state != ServiceState():
                self.service_state = ServiceState()
                self.refresh_bindings()
            return
        reason = self.service.reason()
        self.service = None
        self.service_state = ServiceState(ended=reason)
        self.say(f"The service ended: {reason}", severity="error")
        self.refresh_bindings()

    # -- leaving -----------------------------------------------------------------------------------------------------

    @work(exclusive=True, group="leave")
    async def action_quit(self) -> None:  # type: ignore[override]  # a worker, as it asks
        """Leave the console; where it started the service, ask what becomes of it."""
        if self.service is not None and self.service.is_running:
            how = await self.push_screen_wait(LeaveScreen())
            if how is None:
                return
            self.leaving = how
        self.exit()
