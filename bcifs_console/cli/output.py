"""What commands print: one JSON document or a table for people; outside text never reaches the terminal raw."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bcifs_console.base.clock import iso
from bcifs_console.base.text import STATE_STYLE, UNSAFE, safe_text


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(f"{type(value).__name__} has no JSON form")


def print_json(value: object) -> None:
    """The one JSON document of a `--json` answer, on stdout; what a terminal would obey is escaped in it."""
    text = json.dumps(value, default=_plain, ensure_ascii=False, indent=2)
    sys.stdout.write(UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", text) + "\n")


def console() -> Console:
    """Where tables go: stdout, plain where it is no terminal."""
    return Console(highlight=False, soft_wrap=False)


def errors() -> Console:
    """Where problems go."""
    return Console(stderr=True, highlight=False)


def state_text(state: str) -> Text:
    """A state as glyph and word."""
    glyph, style = STATE_STYLE.get(state, ("•", ""))
    return Text(f"{glyph} {state}", style=style)


def cell(value: object) -> Text:
    """Any value as the text of a table's cell."""
    if isinstance(value, Text):
        return value
    if value is None:
        return Text("")
    if isinstance(value, datetime):
        return Text(f"{value.astimezone():%Y-%m-%d %H:%M}")
    return Text(safe_text(str(value)))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str, title: str = "") -> None:
    """Print rows under headings, or `empty` where there are none. A heading that ends in `>` is right-aligned."""
    found = list(rows)
    out = console()
    if not found:
        out.print(Text(empty, style="dim"))
        return
    heading = Text(safe_text(title)) if title else None  # a plain str would be read as markup
    drawn = Table(title=heading, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        is_number = column.endswith(">")
        drawn.add_column(column.rstrip(">"), justify="right" if is_number else "left", overflow="fold")
    for row in found:
        drawn.add_row(*(cell(value) for value in row))
    if not sys.stdout.isatty():
        out.width = 240
    out.print(drawn)


def money(amount: Decimal | None, currency: str) -> str:
    """An amount with its currency, for people."""
    return "" if amount is None else f"{amount:,f} {currency}"
