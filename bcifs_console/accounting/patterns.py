"""Which texts a condition's patterns fit, compared as sets: does everything one list fits also fit another?

Patterns are those of `mapping.holds`: `*` is any text, `?` any one character, all else itself, case-folded and trimmed.
Exact but for one thing: a question that would take too long is answered with "not known", which is no.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

#: Any character that no pattern in the comparison names.
_OTHER: Final = ""
#: Sets of places compared before giving up; patterns that people write need a few dozen.
_PATIENCE: Final = 2_000

#: A pattern, and how far into it a text has come.
_Place = tuple[str, int]


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


@lru_cache(maxsize=16_384)
def covers(wide: tuple[str, ...], narrow: tuple[str, ...]) -> bool:
    """Whether every text that `narrow` fits, `wide` fits as well. Never True where it is not so."""
    wider = tuple(folded(pattern) for pattern in wide)
    return all(_covers_one(wider, folded(pattern)) for pattern in narrow)


def _covers_one(wide: Sequence[str], narrow: str) -> bool:
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
