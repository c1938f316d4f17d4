"""Moving between screens: sections, orders in front of them, back, and where one is."""

from typing import Any

from textual.app import App
from textual.screen import Screen

from bcifs_console.console.keymap import Keymap
from bcifs_console.console.screens.base import ConsoleScreen
from bcifs_console.console.sections import order_screen


class Navigating(App[None]):
    """The half of the app that knows which screen is where. Each section keeps its own stack of screens."""

    keymap_in_force: Keymap

    def __init__(self) -> None:
        super().__init__()
        self.before = self.DEFAULT_MODE  # the section shown before this one

    @property
    def front(self) -> ConsoleScreen | None:
        """The screen of ours that is in front, or right behind a question."""
        if self.current_mode not in self._screen_stacks:
            return None  # not yet, or no more
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, ConsoleScreen)), None)

    def crumbs(self) -> tuple[str, ...]:
        """The way to the screen in front; a screen that tells a way of its own does so from the section on."""
        screens = [screen for screen in self.screen_stack if isinstance(screen, ConsoleScreen)]
        way: list[str] = []
        for screen in screens:
            way += [screen.crumbs[-1]] if way else list(screen.crumbs)
        return tuple(way)

    def key_here(self, action_id: str) -> str:
        """The key that does an action of the whole console on the screen in front."""
        from bcifs_console.console.actions import REGISTRY

        return self.keymap_in_force.shown_in(REGISTRY[action_id], self.front.SECTION if self.front else "")

    # -- for screens to use ------------------------------------------------------------------------------------------

    def open_section(self, section: str, **focus: Any) -> None:
        """Bring a section to the front, and there what `focus` names (see the screen's `go_to`).

        A section that is in front already, or is asked for something, shows its first screen; else the one left there.
        """
        is_here = self.current_mode == section
        self._go(section)
        if is_here or focus:
            while len(self.screen_stack) > 1:
                self.pop_screen()
        if is_here and not focus and isinstance(self.screen, ConsoleScreen):
            self.screen.close_detail()  # one that took the list's place is no screen of its own
        if focus and isinstance(self.screen, ConsoleScreen):
            self.screen.want(**focus)

    def open_order(self, connection_id: int, order_id: int) -> None:
        """Show one order in front of the screen that is shown, in place of another order."""
        shown: Screen[None] = order_screen(connection_id, order_id)
        if isinstance(self.screen, ConsoleScreen) and self.screen.SECTION == "order":
            self.switch_screen(shown)
        else:
            self.push_screen(shown)

    def _go(self, section: str) -> None:
        if self.current_mode != section:
            self.before = self.current_mode
            self.switch_mode(section)

    # -- actions -----------------------------------------------------------------------------------------------------

    def action_show_overview(self) -> None:
        """Section 1."""
        self.open_section("overview")

    def action_show_orders(self) -> None:
        """Section 2."""
        self.open_section("orders")

    def action_show_decisions(self) -> None:
        """Section 3."""
        self.open_section("decisions")

    def action_show_webhooks(self) -> None:
        """Section 4."""
        self.open_section("webhooks")

    def action_show_mappings(self) -> None:
        """Section 5."""
        self.open_section("mappings")

    def action_show_ledger(self) -> None:
        """Section 6."""
        self.open_section("ledger")

    def action_show_jobs(self) -> None:
        """Section 7."""
        self.open_section("jobs")

    def action_show_log(self) -> None:
        """Section 8."""
        self.open_section("log")

    def action_show_setup(self) -> None:
        """Connect another store."""
        self.open_section("setup")

    async def action_back(self) -> None:
        """Close what is in front: a detail that took its list's place, else the screen in front of the section."""
        if isinstance(self.screen, ConsoleScreen) and self.screen.close_detail():
            return
        if len(self.screen_stack) > 1:
            # A screen that comes up right now is let come up first: taken away in the middle of it, it falls.
            self.screen.call_after_refresh(self._close, self.screen)

    def _close(self, screen: Screen[Any]) -> None:
        if screen is self.screen and len(self.screen_stack) > 1:
            self.pop_screen()

    def action_last_screen(self) -> None:
        """Go to the section shown before, as it was left."""
        self._go(self.before)

    def action_top(self) -> None:
        """Scroll what is in focus, or the page, to its top."""
        for widget in self._scrollable():
            widget.scroll_home(animate=False)

    def action_bottom(self) -> None:
        """Scroll what is in focus, or the page, to its bottom."""
        for widget in self._scrollable():
            widget.scroll_end(animate=False)

    def _scrollable(self) -> list[Any]:
        """The innermost thing around the focus that scrolls, else the first on the screen."""
        around = [] if self.focused is None else list(self.focused.ancestors_with_self)
        widgets = [*around, *self.screen.query("*")]
        return [widget for widget in widgets if getattr(widget, "allow_vertical_scroll", False)][:1]
