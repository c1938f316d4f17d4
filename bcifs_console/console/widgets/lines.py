"""Lines of text laid out for a width in cells: what the sheets, T-accounts and timelines are made of. Pure.

Whatever comes from outside passes `safe_text` here; numbers are never cut (`###`), other text ends in `…`.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final, Literal

from rich.cells import cell_len, chop_cells, set_cell_size
from textual.content import Content

from bcifs_console.base.text import safe_text

#: A piece of a line: text, or text with a style by the theme's names.
Piece = str | tuple[str, str] | Content
Lines = list[Content]
Align = Literal["left", "right"]

DIM: Final = "$text-muted"
RULE: Final = "$foreground 30%"
HEAD: Final = "bold $primary"
STRONG: Final = "bold"
GOOD: Final = "$text-success"
WARN: Final = "$text-warning"
BAD: Final = "$text-error"
NEW: Final = "$text-primary"

EMPTY: Final = Content("")


def line(*pieces: Piece) -> Content:
    """One line of pieces side by side."""
    return Content.assemble(*pieces)


def fit(text: str, width: int, align: Align = "left") -> str:
    """`text`, made harmless, in exactly `width` cells; what does not fit ends in `…`."""
    shown = safe_text(text)
    length = cell_len(shown)
    if length > width:
        return set_cell_size(shown, width - 1) + "…" if width > 0 else ""
    padding = " " * (width - length)
    return padding + shown if align == "right" else shown + padding


def figure(text: str, width: int) -> str:
    """A number in exactly `width` cells, to the right; `###` where it does not fit."""
    return "#" * width if cell_len(text) > width else text.rjust(width)


def amount_text(amount: Decimal, digits: int) -> str:
    """`1,239.46`: with `digits` decimals, or more where the amount has more; negative with a minus sign."""
    exponent = amount.normalize().as_tuple().exponent
    places = max(digits, -exponent if isinstance(exponent, int) else 0)
    return f"{amount:,.{places}f}"


def aligned(texts: Sequence[str]) -> list[str]:
    """Numbers made equally long, so that their decimal points stand under each other: `["71.44", "5"]` is
    `["71.44", " 5   "]`."""
    parts = [text.partition(".") for text in texts]
    before = max((len(whole) for whole, _, _ in parts), default=0)
    after = max((len(point) + len(fraction) for _, point, fraction in parts), default=0)
    return [whole.rjust(before) + (point + fraction).ljust(after) for whole, point, fraction in parts]


def wrapped(text: str, width: int) -> list[str]:
    """`text`, made harmless, in lines of at most `width` cells, broken between words where there are any."""
    lines: list[str] = []
    current = ""
    for word in safe_text(text).split():
        pieces = chop_cells(word, max(width, 1)) if cell_len(word) > width else [word]
        for piece in pieces:
            joined = f"{current} {piece}" if current else piece
            if cell_len(joined) <= width:
                current = joined
            else:
                lines.append(current)
                current = piece
    return [*lines, current] if current else lines


def paragraph(text: str, width: int, *, style: str = "", indent: int = 0, lead: str = "") -> Lines:
    """`text` wrapped, every line but the first indented like the text behind `lead`."""
    margin = indent + cell_len(lead)
    found = wrapped(text, max(8, width - margin))
    return [
        line(" " * indent + (lead if number == 0 else " " * cell_len(lead)), (part, style) if style else part)
        for number, part in enumerate(found)
    ]


def heading(text: str, width: int, right: str = "") -> Content:
    """A section's title with a rule to the end of the line; `right` stands at its end."""
    told = f" {safe_text(right)}" if right else ""
    title = fit(text, cell_len(safe_text(text))) if cell_len(safe_text(text)) < width else fit(text, width)
    room = max(0, width - cell_len(title) - cell_len(told) - 1)
    return line((title, HEAD), " ", ("─" * room, RULE), (told, DIM))


def facts(rows: Iterable[tuple[str, Piece]], width: int, *, label: int = 14) -> Lines:
    """Names and values, a line each; a value too long goes on below."""
    lines: Lines = []
    for name, value in rows:
        head = (fit(name, label) + " ", DIM)
        text, style = (value, "") if isinstance(value, str) else value if isinstance(value, tuple) else ("", "")
        if isinstance(value, Content):
            lines.append(line(head, value.truncate(max(4, width - label - 1), ellipsis=True)))
            continue
        parts = wrapped(text, max(8, width - label - 1)) or [""]
        lines += [
            line(head if number == 0 else " " * (label + 1), (part, style) if style else part)
            for number, part in enumerate(parts)
        ]
    return lines
