"""What the palette offers: every action, with its key and whether it can be done now, and orders by their number."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from bcifs_console.base.text import safe_text
from bcifs_console.console import text
from bcifs_console.console.actions import EVERYWHERE, Action, of_section
from bcifs_console.console.screens.base import ConsoleScreen
from bcifs_console.console.widgets.lines import DIM
from bcifs_console.store.views.finding import orders_numbered

if TYPE_CHECKING:
    from bcifs_console.console.app import ConsoleApp

_PALETTE = "everywhere.command_palette"


class ConsoleProvider(Provider):
    """A provider that knows the console."""

    @property
    def desk(self) -> "ConsoleApp":
        """The app, by its own type."""
        return cast("ConsoleApp", self.app)

    @property
    def about(self) -> ConsoleScreen | None:
        """The screen the palette was opened over."""
        return self.screen if isinstance(self.screen, ConsoleScreen) else None


class ActionsProvider(ConsoleProvider):
    """The actions of the screen, then those of the whole console; what cannot be done now says why."""

    def offered(self) -> Iterator[tuple[Action, str]]:
        """The actions, with the reason against each, "" where there is none."""
        if self.about is None:
            return
        for section in (self.about.SECTION, EVERYWHERE):
            for action in of_section(section):
                if action.id != _PALETTE:
                    yield action, self.about.reason_against(action.id) or ""

    def told(self, action: Action, reason: str) -> str:
        """The line below the label."""
        keys = self.desk.keymap_in_force.shown(action)
        told = f"not now: {reason}" if reason else action.help
        return f"{keys}  {told}" if keys else told

    async def discover(self) -> Hits:
        for action, reason in self.offered():
            if self.about is not None:
                yield DiscoveryHit(
                    Content(_name(action)),
                    partial(self.desk.perform, self.about, action.id),
                    text=_name(action),
                    help=self.told(action, reason),
                )

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action, reason in self.offered():
            score = max(matcher.match(_name(action)), matcher.match(action.help) * 0.6)
            if score > 0 and self.about is not None:
                yield Hit(
                    score * (0.5 if reason else 1.0),
                    matcher.highlight(_name(action)),
                    partial(self.desk.perform, self.about, action.id),
                    text=_name(action),
                    help=self.told(action, reason),
                )


def _name(action: Action) -> str:
    return action.label[:1].upper() + action.label[1:]


class OrdersProvider(ConsoleProvider):
    """Orders by the beginning of their number."""

    async def search(self, query: str) -> Hits:
        digits = query.strip().lower().removeprefix("order").removeprefix("#").strip()
        if not digits.isdigit():
            return
        for place, found in enumerate(await self.desk.gateway.read(partial(orders_numbered, digits=digits))):
            name = f"Order {found.order_id}"
            about = f"  {safe_text(found.connection)}  {safe_text(found.buyer)}  "
            yield Hit(
                1.0 - place / 100,
                Content.assemble(name, Content.styled(about, DIM), text.state(found.state)),
                partial(self.desk.open_order, found.connection_id, found.order_id),
                text=name,
            )
