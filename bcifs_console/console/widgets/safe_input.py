"""`SafeInput`: the line a person types in. What it begins with may be a buyer's words, and is drawn harmless.

Textual draws an input's value as it is: an escape sequence in a SKU or a note would reach the terminal (research C.6).
"""

from typing import Any, Final

from rich.highlighter import Highlighter
from rich.text import Text
from textual.widgets import Input

from bcifs_console.base.text import UNSAFE

#: One character for one, so that the cursor and the selection stand where they are seen.
_SHOWN: Final = "\N{REPLACEMENT CHARACTER}"


class Harmless(Highlighter):
    """Draws what a terminal would obey as �; the value itself stays as it is."""

    def highlight(self, text: Text) -> None:
        """Take the place of every control and direction character, of tabs and ends of lines too."""
        text.plain = "".join(_SHOWN if each in "\t\n" or UNSAFE.match(each) else each for each in text.plain)


class SafeInput(Input):
    """An input for every text that is not wholly ours."""

    def __init__(self, value: str | None = None, **options: Any) -> None:
        super().__init__(value, highlighter=Harmless(), **options)
