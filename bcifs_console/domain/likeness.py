"""How alike two names are, by rapidfuzz, and from when on that says something. What it is worth is in
`sync.candidates`.

Apart from `contact_keys`, so that commands which only list do not pay for the import.
"""

from typing import Final

from rapidfuzz import fuzz

from bcifs_console.domain.contact_keys import words_of

#: Names less alike than this say nothing.
ALIKE: Final = 0.72
#: Names this alike are called the same.
SAME: Final = 0.97


def name_likeness(one: str, other: str) -> float:
    """How alike two names are, 0 to 1, whatever the order of their words, accents, case and legal forms.

    The better of two readings: the words sorted and compared as texts, and each word of the shorter name with the word
    of the longer one that is most like it (`Hopper` and `Hopper-Murray`), which counts a little less.
    """
    ours, theirs = words_of(one), words_of(other)
    if not ours or not theirs:
        return 0.0
    whole = ratio(" ".join(sorted(ours)), " ".join(sorted(theirs)))
    fewer, more = sorted((ours, theirs), key=lambda words: (len(words), sorted(words)))
    best = [max(ratio(word, other_word) for other_word in more) for word in fewer]
    partial = sum(best) / len(best) * (0.6 + 0.4 * len(fewer) / len(more))
    return max(whole, partial * 0.95)


def ratio(one: str, other: str) -> float:
    """How alike two texts are, 0 to 1: twice their longest common subsequence by both lengths."""
    return fuzz.ratio(one, other) / 100
