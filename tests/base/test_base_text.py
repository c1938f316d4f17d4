"""Outside text made harmless: whatever it was, what comes out commands no terminal."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from bcifs_console.base.text import safe_text

_BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
_MARKS = {"\u061c", "\u200e", "\u200f"}
_ODD = "".join([*map(chr, range(32)), *map(chr, range(0x7F, 0xA0)), "\u2028\u2029\u202e\u2066\u2069\u200f\u061c\\x1b"])


def commands(character: str) -> bool:
    """Whether it is C0, DEL or C1, or makes text read in another direction."""
    kind = unicodedata.category(character), unicodedata.bidirectional(character)
    return kind[0] in ("Cc", "Zl", "Zp") or kind[1] in _BIDI or character in _MARKS


@given(st.text(st.one_of(st.sampled_from(_ODD), st.characters())))
def test_safe_text_is_one_line_without_commands_and_safe_already(text: str) -> None:
    safe = safe_text(text)
    assert [character for character in safe if commands(character)] == []
    assert safe_text(safe) == safe


@given(st.text(st.characters(exclude_categories=("C", "Zl", "Zp"))))
def test_what_commands_nothing_stays_as_it_is(text: str) -> None:
    if not any(commands(character) for character in text):
        assert safe_text(text) == text
