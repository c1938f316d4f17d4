"""A value as JSON lines, indented and coloured, for people who want to see what was read. Pure."""

import json
from decimal import Decimal
from typing import Any

from bcifs_console.base.text import safe_text
from bcifs_console.console.widgets.lines import DIM, NEW, WARN, Lines, Piece, line


def json_lines(value: Any) -> Lines:
    """The value pretty-printed; strings are made harmless, amounts stay exact."""
    found = json.dumps(value, indent=2, ensure_ascii=False, default=_plain)
    return [line(*_coloured(text)) for text in found.splitlines()]


def _plain(value: object) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _coloured(text: str) -> list[Piece]:
    text = safe_text(text)
    blank, rest = text[: len(text) - len(text.lstrip())], text.lstrip()
    name, colon, value = rest.partition('": ')
    if rest.startswith('"') and colon:
        return [blank, (name + '"', DIM), ": ", _value(value)]
    return [blank, _value(rest)]


def _value(text: str) -> Piece:
    if text.startswith('"'):
        return (text, NEW)
    return (text, WARN) if text[:1].isdigit() or text.startswith("-") else text
