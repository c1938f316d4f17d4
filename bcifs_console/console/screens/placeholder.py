"""What stands where a screen is not built yet."""

from textual.app import ComposeResult
from textual.widgets import Static

from bcifs_console.console.screens.base import ConsoleScreen


class PlaceholderScreen(ConsoleScreen):
    """Says that the screen is not built yet."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title_here = title

    @property
    def crumbs(self) -> tuple[str, ...]:
        return (self.title_here,)

    def compose_body(self) -> ComposeResult:
        yield Static("Not built yet.")
