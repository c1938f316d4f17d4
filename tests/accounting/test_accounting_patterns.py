"""Comparing patterns as sets of texts: never a yes that is not so, and the yeses that people mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcifs_console.accounting.mapping import holds
from bcifs_console.accounting.patterns import covers, fits_everything
from bcifs_console.domain.rules import Condition, ConditionField
from tests.accounting.building import ci

SKU = ConditionField.SKU


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        (("*",), ("anything",), True),
        (("A*",), ("abc*", "AX"), True),
        (("abc*",), ("a*",), False),
        (("a*c",), ("a*b*c",), True),
        (("a*b*c",), ("a*c",), False),
        (("?*",), ("*",), False),
        (("", "?*"), ("*",), True),
        (("a?", "a??"), ("a?",), True),
        (("a?",), ("a*",), False),
        (("*-1", "*-2"), ("x-1", "y-2"), True),
        (("*-1",), ("x-1", "y-2"), False),
        (("*a*", "*b*"), ("*a*b*",), True),
        (("straße*",), ("STRASSE 1",), True),
        ((" abc ",), ("ABC",), True),
        (("x",), (), True),
    ],
)
def test_whether_one_list_of_patterns_takes_all_that_another_fits(
    wide: tuple[str, ...], narrow: tuple[str, ...], expected: bool
) -> None:
    assert covers(wide, narrow) is expected


def test_everything_is_what_a_star_fits() -> None:
    assert fits_everything(("x", "*"))
    assert fits_everything(("**",))
    assert not fits_everything(("?*",))
    assert not fits_everything(())


def test_patterns_that_would_take_too_long_to_compare_are_not_known_to_cover() -> None:
    """Each `?` behind a star doubles what must be remembered: 2^20 sets of places."""
    hard = "*a" + "?" * 20
    assert not covers((hard,), (hard,))


small = st.text("ab*?", max_size=5)


@ci
@given(st.lists(small, min_size=1, max_size=3).map(tuple), small, st.text("abc", max_size=6))
def test_a_text_that_the_narrow_pattern_fits_is_fitted_by_what_covers_it(
    wide: tuple[str, ...], narrow: str, text: str
) -> None:
    fits_narrow = holds(Condition(SKU, (narrow,)), {SKU: text})
    fits_wide = holds(Condition(SKU, wide), {SKU: text})
    if covers(wide, (narrow,)) and fits_narrow:
        assert fits_wide


@ci
@given(st.lists(small, min_size=1, max_size=3).map(tuple), small)
def test_what_is_not_covered_has_a_text_that_says_so(wide: tuple[str, ...], narrow: str) -> None:
    """Each star of the narrow pattern stood for by a few short texts is enough to find one, for such short patterns."""
    if covers(wide, (narrow,)):
        return
    texts = [""]
    for character in narrow:
        stands = (
            ("", "a", "b", "c", "cc", "ab", "ba", "cac", "abab", "ccccc")
            if character == "*"
            else (("a", "b", "c") if character == "?" else (character,))
        )
        texts = [text + stand for text in texts for stand in stands][:20_000]
    assert any(not holds(Condition(SKU, wide), {SKU: text}) for text in texts)
