"""A scroll bar painted only where its thumb is another: in a long list that takes in a row, it hardly ever is."""

from math import ceil

from textual.scrollbar import ScrollBar


def put_thumb(bar: ScrollBar, length: int, position: float) -> None:
    """Have the vertical bar show a view that begins `position` lines down `length` lines."""
    before = _thumb(bar)
    bar.set_reactive(ScrollBar.window_virtual_size, length)
    bar.set_reactive(ScrollBar.position, bar.validate_position(position))
    if _thumb(bar) != before:
        bar.refresh()


def _thumb(bar: ScrollBar) -> tuple[float, float]:
    """Where the thumb begins and how long it is, in eighths of a cell: as Textual draws it."""
    length, window, size = bar.window_virtual_size, bar.window_size, bar.size.height
    if not (size and window and window < length):
        return bar.position, length
    thumb = max(1, window / (length / size))
    return int((size - thumb) * (bar.position / (length - window)) * 8), ceil(thumb * 8)
