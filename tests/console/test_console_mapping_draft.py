"""Edits of rules before they are saved, and patterns as people type them."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bcifs_console.console.mapping_draft import MappingDraft
from bcifs_console.console.mapping_words import LISTED, patterns_of, purpose_title, result_hint, typed, when
from bcifs_console.domain.rules import MappingRule, Purpose, Rules
from tests.accounting.building import rule

A, B, C = (
    replace(rule(Purpose.REVENUE, account, position), id=position)
    for position, account in enumerate(("4000", "4010", "4020"), 1)
)
TERM = replace(rule(Purpose.PAY_TERM, "30"), id=9)
BASE = Rules((A, B, C, TERM))


def results(draft: MappingDraft) -> list[str]:
    return [f"{each.position}:{each.result}" for each in draft.of(Purpose.REVENUE)]


def test_a_rule_is_added_changed_moved_and_deleted_and_all_are_counted_anew() -> None:
    draft = MappingDraft(BASE)
    added = draft.add(replace(A, result="4030"), 1)
    assert (added.id, added.position) == (0, 2)
    assert results(draft) == ["1:4000", "2:4030", "3:4010", "4:4020"]
    draft.change(0, replace(A, result="4001"))
    assert draft.move(Purpose.REVENUE, 3, -2) == 1
    assert results(draft) == ["1:4001", "2:4020", "3:4030", "4:4010"]
    draft.delete(Purpose.REVENUE, 2)
    assert results(draft) == ["1:4001", "2:4020", "3:4010"]
    assert draft.of(Purpose.PAY_TERM) == (TERM,)
    assert (draft.edits, draft.base) == (4, BASE)


def test_what_changes_nothing_is_no_edit() -> None:
    draft = MappingDraft(BASE)
    draft.change(0, MappingRule(Purpose.REVENUE, 1, "4000"))
    assert draft.move(Purpose.REVENUE, 0, -1) == 0
    assert draft.move(Purpose.REVENUE, 2, 5) == 2
    assert (draft.edits, draft.take_back()) == (0, "")


@given(st.lists(st.tuples(st.sampled_from(["add", "delete", "move"]), st.integers(0, 9), st.integers(-3, 3))))
def test_every_edit_can_be_taken_back_one_by_one(edits: list[tuple[str, int, int]]) -> None:
    draft = MappingDraft(BASE)
    seen = [draft.wanted]
    for kind, at, by in edits:
        count = len(draft.of(Purpose.REVENUE))
        if kind == "add":
            draft.add(MappingRule(Purpose.REVENUE, 0, f"x{at}"), min(at, count))
        elif count:
            draft.delete(Purpose.REVENUE, at % count) if kind == "delete" else draft.move(
                Purpose.REVENUE, at % count, by
            )
        if draft.wanted != seen[-1]:
            seen.append(draft.wanted)
        assert [each.position for each in draft.of(Purpose.REVENUE)] == list(
            range(1, len(draft.of(Purpose.REVENUE)) + 1)
        )
    while len(seen) > 1:
        assert draft.wanted == seen.pop()
        assert draft.take_back()
    assert (draft.wanted, draft.edits) == (BASE, 0)


def test_rules_that_others_save_are_taken_over_unless_there_are_edits() -> None:
    draft, newer = MappingDraft(BASE), Rules((replace(A, id=20, version=2),))
    draft.follow(newer)
    assert (draft.base, draft.wanted, draft.is_overtaken) == (newer, newer, False)
    draft.add(MappingRule(Purpose.REVENUE, 0, "4030"))
    draft.follow(newer)
    assert not draft.is_overtaken
    draft.follow(BASE)
    assert (draft.is_overtaken, draft.base) == (True, newer)
    draft.discard(BASE)
    assert (draft.is_overtaken, draft.wanted, draft.edits) == (False, BASE, 0)


# -- words -----------------------------------------------------------------------------------------------------------


@given(st.lists(st.text("ab|\\(empty) *?", max_size=9).map(str.strip), min_size=1, max_size=4).map(tuple))
def test_patterns_are_typed_and_read_as_the_same(patterns: tuple[str, ...]) -> None:
    assert patterns_of(typed(patterns)) == patterns


def test_nothing_typed_is_no_condition() -> None:
    assert patterns_of("  ") == ()
    assert patterns_of(" A* |B ") == ("A*", "B")
    assert patterns_of("(empty) | A") == ("", "A")


def test_a_rule_is_a_sentence() -> None:
    made = rule(Purpose.REVENUE, "4010", sku=("A*", ""), guest="true")
    assert when(made.conditions).plain == "SKU is A* or (empty), and guest is true"
    assert (when(()).plain, when((), is_last=False).plain) == ("everything", "everything else")


def test_every_purpose_is_listed_once_with_a_name_and_a_hint_of_its_own() -> None:
    assert sorted(LISTED) == sorted(Purpose)
    assert len({purpose_title(purpose) for purpose in Purpose}) == len(Purpose)
    assert purpose_title(Purpose.CODE_PART_B) == "Code part B"
    assert result_hint(Purpose.GOODWILL) == "an account in IFS, as 4000"
