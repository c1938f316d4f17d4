"""Which texts a condition's patterns fit: one text, or compared as sets: does all that one list fits also fit another?

`*` is any text, `?` any one character, all else itself, case-folded and trimmed. The comparison is exact but for one
thing: a question that would take too long is answered with "not known", which is no.
"""

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Final

#: What stands for stars and question marks in a text that is tried; any text would do.
_TRIED: Final = "\ue000"
#: Any character that no pattern in the comparison names.
_OTHER: Final = ""
#: Sets of places compared before giving up; patterns that people write need a few dozen.
_PATIENCE: Final = 2_000

#: A pattern, and how far into it a text has come.
_Place = tuple[str, int]


@cache  # as many as there are rules: one that forgets is slower than none once they outgrow it
def expression(pattern: str) -> re.Pattern[str]:
    """What a trimmed, case-folded text is matched with, in full.

    Each stretch between stars is searched once, atomically: taking its earliest place never loses a match, and a
    pattern with many stars cannot take exponential time.
    """
    stretches = [
        "".join("." if character == "?" else re.escape(character) for character in stretch)
        for stretch in folded(pattern).split("*")
    ]
    if len(stretches) == 1:
        return re.compile(stretches[0], re.DOTALL)
    first, *middle, last = stretches
    inner = "".join(f"(?>.*?{stretch})" for stretch in middle)
    return re.compile(f"{first}{inner}.*{last}", re.DOTALL)


def folded(pattern: str) -> str:
    """The pattern as it is compared: trimmed, case-folded, one star for several."""
    text = pattern.strip().casefold()
    while "**" in text:
        text = text.replace("**", "*")
    return text


def is_plain(pattern: str) -> bool:
    """Whether it fits exactly one text."""
    return "*" not in pattern and "?" not in pattern


def fits_everything(patterns: Iterable[str]) -> bool:
    """Whether every text fits, the empty one included."""
    return covers(tuple(patterns), ("*",))


def covers(wide: tuple[str, ...], narrow: tuple[str, ...]) -> bool:
    """Whether every text that `narrow` fits, `wide` fits as well. Never True where it is not so."""
    return all(_covers_one(wide, folded(pattern)) for pattern in narrow)


def _covers_one(wide: tuple[str, ...], narrow: str) -> bool:
    """Try one text that `narrow` fits: mostly that settles it, always where it fits no other."""
    text = narrow.replace("*", _TRIED).replace("?", _TRIED)
    fits = any(expression(pattern).fullmatch(text) for pattern in wide)
    return fits and (is_plain(narrow) or _covers_every(tuple(folded(pattern) for pattern in wide), narrow))


@lru_cache(maxsize=16_384)
def _covers_every(wide: tuple[str, ...], narrow: str) -> bool:
    """Walk all texts `narrow` fits, keeping every place that `wide` may be at; one text that it cannot end is a no."""
    letters = {*"".join((narrow, *wide)), _OTHER} - {"*", "?"}
    start = (_closed({(narrow, 0)}), _closed({(pattern, 0) for pattern in wide}))
    seen, open_pairs = {start}, [start]
    while open_pairs:
        ours, theirs = open_pairs.pop()
        if _is_end(ours) and not _is_end(theirs):
            return False
        for letter in letters:
            pair = (_after(ours, letter), _after(theirs, letter))
            if not pair[0] or pair in seen:
                continue
            if len(seen) >= _PATIENCE:
                return False
            seen.add(pair)
            open_pairs.append(pair)
    return True


def _closed(places: set[_Place]) -> frozenset[_Place]:
    """The places with those reached without a character: a star may stand for nothing."""
    found = set(places)
    for pattern, at in places:
        while at < len(pattern) and pattern[at] == "*":
            at += 1
            found.add((pattern, at))
    return frozenset(found)


def _after(places: frozenset[_Place], letter: str) -> frozenset[_Place]:
    moved = set()
    for pattern, at in places:
        if at == len(pattern):
            continue
        wanted = pattern[at]
        if wanted == "*":
            moved.add((pattern, at))
        elif wanted == "?" or wanted == letter:
            moved.add((pattern, at + 1))
    return _closed(moved)


def _is_end(places: frozenset[_Place]) -> bool:
    return any(at == len(pattern) for pattern, at in places)
