"""A tile: one figure one sees from across the room, its name above and what it means below."""

from dataclasses import dataclass

from rich.cells import cell_len
from textual.app import RenderResult
from textual.content import Content
from textual.renderables.digits import DIGITS, DIGITS3X3_BOLD
from textual.widget import Widget

from bcifs_console.console.widgets.lines import DIM, fit


@dataclass(frozen=True, slots=True)
class Figure:
    """What a tile shows. `style`: of the figure, by the theme's names; `note` says what the figure means."""

    label: str
    value: str
    note: str = ""
    style: str = "$foreground"
    short: str = ""  #: the name in a line of several


class Tile(Widget):
    """Draws one figure in digits three lines high; in bold where there is no room for that."""

    DEFAULT_CSS = "Tile { width: 1fr; height: 5; padding: 0 1; border-left: outer $foreground 20%; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.figure = Figure("", "")

    def show(self, figure: Figure) -> None:
        """Show another figure."""
        if figure != self.figure:
            self.figure = figure
            self.refresh()

    def render(self) -> RenderResult:
        width, found = max(1, self.content_size.width), self.figure
        large = _large(found.value)
        lines = [Content.styled(fit(found.label, width), DIM)]
        if cell_len(large[0]) <= width:
            lines += [Content.styled(row, f"bold {found.style}") for row in large]
        else:
            shown = found.value if cell_len(found.value) <= width else "#" * width
            lines += [Content(""), Content.styled(shown, f"bold {found.style}"), Content("")]
        lines.append(Content.styled(fit(found.note, width), DIM))
        return Content("\n").join(lines)


def _large(text: str) -> tuple[str, str, str]:
    """Digits three lines high, anything else small on the last line."""
    rows = ["", "", ""]
    for character in text:
        at = DIGITS.find(character)
        drawn = ("", "", character) if at < 0 or character == " " else DIGITS3X3_BOLD[3 * at : 3 * at + 3]
        width = max(len(part) for part in drawn)
        rows = [row + part.ljust(width) for row, part in zip(rows, drawn, strict=True)]
    return rows[0], rows[1], rows[2]


def one_line(figures: list[Figure]) -> Content:
    """The figures side by side in one line, for a narrow terminal."""
    pieces = [Content.assemble((found.value, f"bold {found.style}"), (f" {found.short}", DIM)) for found in figures]
    return Content.styled("  ·  ", "$foreground 30%").join(pieces)
