"""Text as people see it: outside strings made harmless, and the glyph beside the word of each state.

One place for the command line and the console, so that a state looks the same in both (DESIGN §11).
"""

import re
from collections.abc import Mapping
from typing import Final

#: C0 without newline and tab, DEL, C1, and the bidi controls that make text read as something else.
UNSAFE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

#: Glyph and word for each state: the word for scripts and colour-blind eyes, the glyph to scan.
STATE_STYLE: Final[Mapping[str, tuple[str, str]]] = {
    "due": ("◔", "cyan"),
    "working": ("◑", "cyan"),
    "waiting": ("!", "yellow"),
    "synced": ("✓", "green"),
    "failed": ("✗", "red"),
    "skipped": ("–", "dim"),
    "ignored": ("·", "dim"),
    "intended": ("◔", "cyan"),
    "sent": ("◑", "cyan"),
    "confirmed": ("✓", "green"),
    "nothing_to_post": ("·", "dim"),
    "unknown": ("!", "yellow"),
    "green": ("✓", "green"),
    "explained": ("≈", "yellow"),
    "red": ("✗", "red"),
    "ok": ("✓", "green"),
    "healthy": ("✓", "green"),
    "missing": ("✗", "red"),
    "forbidden": ("✗", "red"),
    "deactivated": ("✗", "red"),
    "degraded": ("!", "yellow"),
    "silent": ("✗", "red"),
    "blocked": ("✗", "red"),
}


def safe_text(text: str) -> str:
    """`text` on one line, without tabs, control and direction characters made visible: they are data here, never
    commands."""
    return visible(" ".join(text.splitlines()).replace("\t", " "))


def visible(text: str) -> str:
    """`text` as it stands, its lines and tabs too, but with those characters made visible."""
    return UNSAFE.sub(lambda found: _named(ord(found.group())), text)


def _named(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
