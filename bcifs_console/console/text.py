"""Outside text as `Content` for widgets: harmless, never markup, a glyph beside every state's word.

Every string that did not come from this program passes here (or `base.text.safe_text`) before a widget shows it.
"""

from datetime import datetime
from decimal import Decimal
from typing import Final

from textual.content import Content

from bcifs_console.base.problems import Problem
from bcifs_console.base.text import STATE_STYLE, safe_text
from bcifs_console.console.widgets.lines import DIM

#: The theme's colour for each colour name of `STATE_STYLE`.
_COLOURS: Final = {
    "cyan": "$accent",
    "yellow": "$text-warning",
    "green": "$text-success",
    "red": "$text-error",
    "dim": DIM,
}
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def plain(text: object, style: str = "") -> Content:
    """Outside text on one line; None is empty."""
    return Content.styled(safe_text("" if text is None else str(text)), style)


def state(value: str, word: str = "") -> Content:
    """Glyph and word of a state; `word` in place of the state's own name."""
    glyph, colour = STATE_STYLE.get(value, ("·", "dim"))
    shown = safe_text(word or value.replace("_", " "))
    return Content.styled(f"{glyph} {shown}", _COLOURS[colour])


def age(now: datetime, then: datetime | None) -> str:
    """How long ago (or how far ahead) in its largest unit: "3 min", "2 h", "in 40 s"; "-" for never."""
    if then is None:
        return "-"
    seconds = (now - then).total_seconds()
    ahead = "in " if seconds < 0 else ""
    seconds = abs(seconds)
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{ahead}{int(seconds // size)} {unit}"
    return "now"


def ago(now: datetime, then: datetime | None) -> str:
    """`age` of what is past: "3 min ago", "just now", "-" for never."""
    told = age(now, then)
    return "just now" if told == "now" else told if told == "-" else f"{told} ago"


def money(amount: Decimal | None, currency: str = "") -> str:
    """An amount with thousands separated, as it is, never rounded: "1,204.00 USD"; "-" for none."""
    if amount is None:
        return "-"
    return f"{amount:,f} {safe_text(currency)}".rstrip()


def problem(found: Problem) -> Content:
    """A problem's message and, on a line of its own, what to do about it."""
    shown = Content.styled(f"✗ {safe_text(found.message)}", "$text-error")
    if not found.remedy:
        return shown
    return Content.assemble(shown, "\n", Content.styled(f"→ {safe_text(found.remedy)}", DIM))
