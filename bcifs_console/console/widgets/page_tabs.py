"""A line of page names with how many things each holds; one is in front. Click one, or use the screen's keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from textual import events
from textual.app import RenderResult
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from bcifs_console.console.widgets.lines import DIM

_GAP: Final = 3


@dataclass(frozen=True, slots=True)
class Page:
    """One page. `style`: of its count, by the theme's names; `short`: its name where there is little room."""

    key: str
    title: str
    count: int = 0
    style: str = DIM
    short: str = ""


class PageTabs(Widget):
    """Shows the pages and which one is in front."""

    DEFAULT_CSS = "PageTabs { height: 1; padding: 0 1; }"

    class Chosen(Message):
        """A page was clicked."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.pages: Sequence[Page] = ()
        self.front = ""

    def show(self, pages: Sequence[Page], front: str) -> None:
        """Show these pages, the one with the key `front` in front."""
        if (tuple(pages), front) != (self.pages, self.front):
            self.pages, self.front = tuple(pages), front
            self.refresh()

    def render(self) -> RenderResult:
        return Content(" " * _GAP).join([self._drawn(page) for page in self.pages])

    def _drawn(self, page: Page) -> Content:
        is_front = page.key == self.front
        title = (self._title(page), "bold $primary underline" if is_front else DIM)
        return Content.assemble(title, (f" {page.count:,}", page.style if page.count else DIM))

    def _title(self, page: Page) -> str:
        whole = sum(cell_len(f"{each.title} {each.count:,}") + _GAP for each in self.pages)
        return page.title if whole <= self.content_size.width or not page.short else page.short

    def on_click(self, event: events.Click) -> None:
        """Which page was meant."""
        at = 0
        for page in self.pages:
            width = cell_len(f"{self._title(page)} {page.count:,}")
            place = event.get_content_offset(self)
            if place is not None and at <= place.x < at + width:
                self.post_message(self.Chosen(page.key))
                return
            at += width + _GAP
