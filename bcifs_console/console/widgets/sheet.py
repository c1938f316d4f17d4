"""A sheet of lines laid out anew for every width: the body of a tab or a detail pane. What it says comes as a function
from a width to lines, so that everything on it is tested without a screen. And `say`, for one line or text that keeps
its place. Both may be told the same every second: then nothing is done."""

from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Static

from bcifs_console.console.widgets.columns import say_the_same
from bcifs_console.console.widgets.lines import Lines

Layout = Callable[[int], Lines]


def say(widget: Static, shown: Content) -> None:
    """Have the widget say this; where it says it already, nothing is laid out or painted."""
    said = widget.content
    if not (isinstance(said, Content) and say_the_same([said], [shown])):
        widget.update(shown)


class Sheet(Widget):
    """Shows the lines of a layout; as high as they are."""

    DEFAULT_CSS = "Sheet { height: auto; width: 1fr; }"

    def __init__(self, layout: Layout | None = None, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._layout_of: Layout = layout or (lambda _width: [])
        self._laid_out: tuple[int, Lines] | None = None

    def show(self, layout: Layout) -> None:
        """Say something else. What comes to the same lines at the width they have is not painted again, and the screen
        is laid out anew only where they are more or fewer."""
        self._layout_of = layout
        before = self._laid_out
        if before is None:
            if self.is_on_screen:  # else it was never drawn, and is laid out when it comes to be
                self.refresh(layout=True)
            return
        width, said = before
        lines = layout(width)
        if say_the_same(said, lines):
            return
        self._laid_out = (width, lines)
        self.refresh(layout=width != self.content_size.width or len(lines) != len(said))

    def lines_at(self, width: int) -> Lines:
        """The lines for a width in cells."""
        if self._laid_out is None or self._laid_out[0] != width:
            self._laid_out = (width, self._layout_of(width))
        return self._laid_out[1]

    @property
    def text(self) -> str:
        """What it says at the width it has, without styles."""
        return "\n".join(found.plain.rstrip() for found in self.lines_at(max(1, self.content_size.width)))

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return container.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return max(1, len(self.lines_at(width)))

    def render(self) -> Content:
        lines = self.lines_at(max(1, self.content_size.width))
        return Content("\n").join(lines)


class SheetScroll(VerticalScroll, can_focus=True):
    """A sheet that scrolls, by the keys of lists, too."""

    DEFAULT_CSS = "SheetScroll { height: 1fr; scrollbar-size-vertical: 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "Down", show=False),
        Binding("k", "scroll_up", "Up", show=False),
        Binding("space,ctrl+d", "page_down", "Page down", show=False),
        Binding("ctrl+u", "page_up", "Page up", show=False),
        Binding("g", "scroll_home", "Top", show=False),
        Binding("G", "scroll_end", "Bottom", show=False),
    ]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        self.sheet = Sheet()
        super().__init__(self.sheet, id=id, classes=classes)

    def show(self, layout: Layout) -> None:
        """Say something else; the place stays."""
        self.sheet.show(layout)
