"""Orders per minute of the last hour as a line of bars, with the numbers that a bar cannot say."""

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from textual.app import RenderResult
from textual.content import Content
from textual.widget import Widget

from bcifs_console.console.widgets.lines import DIM, fit

_BARS: Final = " ▁▂▃▄▅▆▇█"
_BAR: Final = "$primary"
_GROUND: Final = "$foreground 20%"


class RateLine(Widget):
    """Draws counts, the newest at the right; as many rows high as the widget has, less one for the words."""

    DEFAULT_CSS = "RateLine { height: 4; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.counts: Sequence[int] = ()

    def show(self, counts: Sequence[int]) -> None:
        """Show other counts, oldest first; the last one is of the minute that is running."""
        if counts != self.counts:
            self.counts = counts
            self.refresh()

    def render(self) -> RenderResult:
        width, height = self.content_size.width, self.content_size.height
        title, words = "Orders per minute, last hour", rate_words(self.counts)
        if height <= 1:
            room = max(0, width - len(title) - len(words) - 4)
            (bar,) = bars(self.counts[-room:] if room else (), 1, room)
            return Content.assemble((f"{title}  ", DIM), (bar, _BAR), (f"  {words}", DIM))
        head = Content.assemble((fit(title, max(0, width - len(words))), DIM), (words, DIM))
        *upper, lowest = bars(self.counts, height - 1, width)
        return Content("\n").join([head, *(Content.styled(row, _BAR) for row in upper), _grounded(lowest)])


def _grounded(row: str) -> Content:
    """The lowest row of bars, with the ground to be seen where there is none."""
    runs = ["".join(run) for _, run in groupby(row, key=str.isspace)]
    return Content.assemble(*(("▁" * len(run), _GROUND) if run.isspace() else (run, _BAR) for run in runs))


def rate_words(counts: Sequence[int]) -> str:
    """What the bars come to: "27 in the hour, at most 4 a minute, 1 in this one"."""
    if not any(counts):
        return "none in the hour"
    return f"{sum(counts):,} in the hour, at most {max(counts):,} a minute, {counts[-1]:,} in this one"


def bars(counts: Sequence[int], height: int, width: int) -> list[str]:
    """The counts as `height` rows of bars over `width` cells; a count above none is never drawn as nothing."""
    if not counts or width <= 0:
        return [" " * max(0, width)] * height
    columns = _spread(counts, width)
    most = max(max(columns), 1)
    eighths = [max(1, round(count / most * 8 * height)) if count else 0 for count in columns]
    return ["".join(_BARS[min(8, max(0, each - 8 * row))] for each in eighths) for row in reversed(range(height))]


def _spread(counts: Sequence[int], width: int) -> list[int]:
    """The counts over `width` cells: repeated where there is room for more, the highest of several where not."""
    number = len(counts)
    if width >= number:
        return [counts[cell * number // width] for cell in range(width)]
    return [
        max(counts[cell * number // width : max(cell * number // width + 1, (cell + 1) * number // width)])
        for cell in range(width)
    ]
