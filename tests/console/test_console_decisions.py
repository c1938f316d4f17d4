"""The Decisions screen on the scene: what it shows, what its keys do, and what the store then holds."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Final

import pytest
from sqlalchemy import func, select
from textual.content import Content
from textual.pilot import Pilot
from textual.widgets import Input

from bcifs_console.base.text import UNSAFE
from bcifs_console.console.screens.decide_answer import DecideAnswerScreen
from bcifs_console.console.screens.decide_rule import DecideRuleScreen
from bcifs_console.console.screens.decisions import DecisionsScreen
from bcifs_console.console.widgets.candidate_list import NOTHING_APART, CandidateList, candidate_lines, told_apart
from bcifs_console.console.widgets.lines import Lines
from bcifs_console.console.widgets.sheet import Sheet
from bcifs_console.domain.rules import Purpose
from bcifs_console.operations import decide
from bcifs_console.operations.context import Context
from bcifs_console.store import customers, mapping_releases, rules
from bcifs_console.store.customers import Decision
from bcifs_console.store.errors import NotedMeanwhile
from bcifs_console.store.tables import mapping_rule, store_order
from bcifs_console.store.views.decisions import CandidateView
from tests.console.conftest import Snapshot
from tests.console.piloting import NARROW, WIDE, Console, settle
from tests.console.scene_goods import HOSTILE, NOW
from tests.integration.waiting import until

JANE: Final = "Jane Doe"


@pytest.fixture(autouse=True)
def _ifs_has_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scene has no IFS; a customer that is named exists."""

    async def confirmed(_context: Context, _connection_id: int, customer_id: str) -> str:
        return customer_id

    monkeypatch.setattr(decide, "existing_customer", confirmed)


@contextlib.asynccontextmanager
async def at_decisions(
    console: Console, context: Context, *, size: tuple[int, int] = WIDE, readonly: bool = False
) -> AsyncIterator[Pilot[None]]:
    async with console(context, size=size, readonly=readonly) as pilot:
        await press(pilot, "3")
        assert isinstance(pilot.app.screen, DecisionsScreen)
        yield pilot


async def press(pilot: Pilot[Any], *keys: str) -> None:
    """Press keys one by one, each when the one before has done its work."""
    for key in keys:
        is_typed = isinstance(pilot.app.focused, Input) and len(key) == 1
        await pilot.press(key)
        if not is_typed:
            await settle(pilot)


def screen(pilot: Pilot[Any]) -> DecisionsScreen:
    (found,) = [each for each in pilot.app.screen_stack if isinstance(each, DecisionsScreen)]
    return found


def text_of(pilot: Pilot[Any]) -> str:
    """Everything in front, as text."""
    widgets = pilot.app.screen.query("*")
    return "\n".join(
        "".join(segment.text for strip in widget.render_lines(widget.size.region) for segment in strip)
        for widget in widgets
        if widget.display and not widget.children and widget.size.area
    )


def open_names(context: Context) -> list[str]:
    return [each.decision.name for each in decide.listing(context, None)]


def question(context: Context, name: str) -> Decision:
    """The question about somebody, open or answered."""
    found = context.store.database.read_sync(
        lambda conn: [customers.decision_by_id(conn, number) for number in range(1, 20)]
    )
    return next(each for each in found if each is not None and each.name == name)


def states(context: Context, found: Decision) -> set[str]:
    query = select(store_order.c.state).where(
        store_order.c.connection_id == found.connection_id, store_order.c.buyer_key == found.buyer_key
    )
    return set(context.store.database.read_sync(lambda conn: conn.execute(query).scalars().all()))


# -- what it shows -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_who_waits_with_what_oldest_first(scene: Context, console: Console, size: tuple[int, int]) -> None:
    async with at_decisions(console, scene, size=size) as pilot:
        shown = screen(pilot)
        assert [shown._found[number].name for number in shown.table.visible_ids] == open_names(scene)
        assert shown.chosen is not None
        assert shown.chosen.name == JANE
        said = shown.query_one("#decision-title", Sheet).text
        assert "5 buyers · 6 orders" in said
        assert "1,836.98 USD + 195.90 EUR waiting" in said


async def test_the_buyer_beside_the_candidate_under_the_cursor(scene: Context, console: Console) -> None:
    async with at_decisions(console, scene) as pilot:
        compared = screen(pilot).query_one("#decision-comparison", Sheet)
        assert "C1188 Acme" in compared.text
        assert "= 77002" in compared.text
        await press(pilot, "enter", "down")
        assert "C1042 Jane Doe" in compared.text
        assert "= Jane Doe" in compared.text
        assert "≠ 60614" in compared.text
        assert "same name" in text_of(pilot)
        await press(pilot, "escape", "down")
        assert screen(pilot).table.has_focus
        assert "Miguel Torres" in screen(pilot).query_one("#decision-buyer", Sheet).text


def test_candidates_that_look_the_same_say_what_differs_or_that_nothing_does() -> None:
    one = CandidateView("C1", "Acme Ltd", 100, ("same e-mail",), ("a@acme.test",), (), ("77002",))
    two = replace(one, customer_id="C2", emails=("A@acme.test",), postcodes=())
    assert told_apart([one, two]) == {"C1": "differs: postcode 77002", "C2": "differs: postcode not known"}
    assert told_apart([one, replace(one, customer_id="C2")]) == dict.fromkeys(("C1", "C2"), NOTHING_APART)
    assert told_apart([one, replace(two, score=90)]) == {}
    told = candidate_lines(one, 60, letter="a", is_chosen=False, apart=NOTHING_APART)
    assert [each.plain.strip() for each in told[1:]] == ["same e-mail", NOTHING_APART]


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_its_key_again_goes_from_the_candidates_to_the_list(
    scene: Context, console: Console, size: tuple[int, int]
) -> None:
    async with at_decisions(console, scene, size=size) as pilot:
        await press(pilot, "enter", "3")
        assert screen(pilot).table.has_focus
        assert not screen(pilot).has_class("-detail")
        await press(pilot, "enter", "1", "3")
        assert screen(pilot).has_class("-detail"), "from another section it is as it was left"


async def test_one_column_shows_list_or_detail(scene: Context, console: Console) -> None:
    async with at_decisions(console, scene, size=NARROW) as pilot:
        detail, table = screen(pilot).query_one("#decision-detail"), screen(pilot).table
        assert (bool(detail.size.area), bool(table.size.area)) == (False, True)
        await press(pilot, "enter")
        assert (bool(detail.size.area), bool(table.size.area)) == (True, False)
        assert screen(pilot).crumbs == ("Decisions", JANE)
        await press(pilot, "escape")
        assert (bool(detail.size.area), bool(table.size.area)) == (False, True)


async def test_an_installation_where_nobody_waits(empty_scene: Context, console: Console) -> None:
    async with console(empty_scene) as pilot:
        pilot.app.open_section("decisions")  # type: ignore[attr-defined]
        await settle(pilot)
        assert "Nobody waits for a decision" in text_of(pilot)
        await press(pilot, "n", "x")
        assert isinstance(pilot.app.screen, DecisionsScreen)


async def test_hostile_names_are_harmless(hostile_scene: Context, console: Console) -> None:
    async with at_decisions(console, hostile_scene, size=NARROW) as pilot:
        await press(pilot, "G")
        seen = text_of(pilot)
        for _ in HOSTILE:
            await press(pilot, "enter")
            seen += text_of(pilot)
            await press(pilot, "x")
            seen += text_of(pilot)
            await press(pilot, "escape", "escape", "up")
        assert not UNSAFE.search(seen)
        assert "\\x1b]52" in seen
        assert "Acme [/b]" in seen


# -- answering ---------------------------------------------------------------------------------------------------------


async def test_choose_a_candidate_with_a_note(scene: Context, console: Console) -> None:
    async with at_decisions(console, scene) as pilot:
        await press(pilot, "enter", "enter")
        assert isinstance(pilot.app.screen, DecideAnswerScreen)
        assert "2 orders worth 1,441.88 USD" in pilot.app.screen.query_one(Sheet).text
        await press(pilot, "m", *"ok", "enter", "y")
        found = question(scene, JANE)
        assert (found.action, found.customer_id, found.note, found.actor) == ("link", "C1188", "ok", scene.actor)
        assert states(scene, found) == {"due"}
        assert screen(pilot).gateway.deeds[-1].offer == "u takes it back until it is sent"
        assert JANE not in open_names(scene)
        assert screen(pilot).chosen is not None
        assert screen(pilot).chosen.name != JANE  # type: ignore[union-attr]
        await press(pilot, "u")
        assert question(scene, JANE).action == ""
        assert JANE in open_names(scene)


async def test_a_letter_chooses_and_cancel_is_in_front(scene: Context, console: Console) -> None:
    async with at_decisions(console, scene) as pilot:
        await press(pilot, "enter", "b")
        assert isinstance(pilot.app.screen, DecideAnswerScreen)
        assert "C1042" in pilot.app.screen.question
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, DecisionsScreen)
        assert question(scene, JANE).action == ""
        await press(pilot, "c", "y")
        assert question(scene, JANE).customer_id == "C1203"


async def test_leave_out_and_take_back(scene: Context, console: Console) -> None:
    async with at_decisions(console, scene) as pilot:
        await press(pilot, "x", "y")
        assert (question(scene, JANE).action, states(scene, question(scene, JANE))) == ("skip", {"due"})
        await press(pilot, "w")
        assert screen(pilot).chosen is not None
        assert screen(pilot).chosen.name == JANE  # type: ignore[union-attr]
        assert "Is left out" in text_of(pilot)
        await press(pilot, "t")
        assert question(scene, JANE).action == ""
        await press(pilot, "w")
        assert JANE in [each.name for each in screen(pilot)._found.values()]


async def test_what_ifs_has_is_not_taken_back(scene: Context, console: Console) -> None:
    async with at_decisions(console, scene) as pilot:
        await press(pilot, "w", "down")
        assert screen(pilot).chosen is not None
        name = screen(pilot).chosen.name  # type: ignore[union-attr]
        await press(pilot, "t")
        assert question(scene, name).action == "link"
        assert any("cannot be undone" in deed.text for deed in screen(pilot).gateway.deeds)


async def test_a_note_by_itself(scene: Context, console: Console) -> None:
    async with at_decisions(console, scene) as pilot:
        await press(pilot, "m", *"calls back", "enter")
        assert (question(scene, JANE).note, question(scene, JANE).action) == ("calls back", "")
        assert "calls back" in screen(pilot).query_one("#decision-buyer", Sheet).text
        await press(pilot, "u")
        assert question(scene, JANE).note == ""


async def test_later_is_at_the_end_until_it_is_taken_up_again(scene: Context, console: Console) -> None:
    async with at_decisions(console, scene) as pilot:
        await press(pilot, "z")
        found = screen(pilot)
        assert found._found[found.table.visible_ids[-1]].name == JANE
        assert "(later)" in text_of(pilot)
        await press(pilot, "G", "z")
        assert found._found[found.table.visible_ids[0]].name == JANE


async def test_a_rule_for_all_guests(scene: Context, console: Console) -> None:
    async with at_decisions(console, scene) as pilot:
        await press(pilot, "G", "r")
        asked = pilot.app.screen
        assert isinstance(asked, DecideRuleScreen)
        assert asked.query_one("#rule-guest", Input).value == "true"
        await press(pilot, "y")  # typed into the field, for nothing was tried
        await press(pilot, "backspace", *"WEB", "enter")
        assert "past order" in asked.query_one(Sheet).text
        assert asked.tried is not None
        await press(pilot, "y")
        where = question(scene, "Beatriz Santos").connection_id
        in_force = scene.store.database.read_sync(lambda conn: rules.in_force(conn, where))
        made = in_force.of(Purpose.CUSTOMER)[-1]
        assert (made.result, [c.field.value for c in made.conditions]) == ("WEB", ["guest", "channel"])
        assert scene.store.database.read_sync(lambda conn: mapping_releases.find(conn, where)) is not None


async def test_a_rule_is_not_saved_before_it_was_tried(scene: Context, console: Console) -> None:
    count = select(func.count()).select_from(mapping_rule)
    before = scene.store.database.read_sync(lambda conn: conn.execute(count).scalar_one())
    async with at_decisions(console, scene) as pilot:
        await press(pilot, "G", "r", *"WEB", "enter", "shift+tab", "shift+tab", "backspace", "escape")
        assert isinstance(pilot.app.screen, DecisionsScreen)
    assert scene.store.database.read_sync(lambda conn: conn.execute(count).scalar_one()) == before


# -- others at work ----------------------------------------------------------------------------------------------------


async def test_what_somebody_else_answered_meanwhile_is_not_overwritten(scene: Context, console: Console) -> None:
    number = question(scene, JANE).id
    async with at_decisions(console, scene) as pilot:
        await press(pilot, "enter", "a")
        decide.skip(scene, number, "by phone")
        await press(pilot, "y")
        found = question(scene, JANE)
        assert (found.action, found.note) == ("skip", "by phone")
        assert any("answered already" in deed.text for deed in screen(pilot).gateway.deeds)
        assert JANE not in [each.name for each in screen(pilot)._found.values()]


async def test_what_changes_in_the_store_is_shown(scene: Context, console: Console) -> None:
    async with at_decisions(console, scene) as pilot:
        decide.skip(scene, question(scene, JANE).id, "")

        async def is_gone() -> bool:
            await pilot.pause()
            return JANE not in [each.name for each in screen(pilot)._found.values()]

        await until(is_gone, "the answered question is gone")
        assert "4 buyers" in screen(pilot).query_one("#decision-title", Sheet).text


async def test_read_only_says_so_and_changes_nothing(scene: Context, console: Console) -> None:
    async with at_decisions(console, scene, readonly=True) as pilot:
        for key in ("n", "slash", "x", "r", "m", "f"):
            await press(pilot, key)
            assert isinstance(pilot.app.screen, DecisionsScreen)
        said = [str(each.message) for each in pilot.app._notifications]
        assert len([each for each in said if "read-only" in each]) >= 6
        await press(pilot, "enter", "a")
        assert isinstance(pilot.app.screen, DecisionsScreen)
    assert question(scene, JANE).action == ""


async def test_another_screen_leads_to_a_question_wherever_it_stands(scene: Context, console: Console) -> None:
    waits, answered = question(scene, "Ingrid Kepler"), question(scene, "QA Tester")
    weiss = question(scene, "Jonas Weiß")
    by_key: dict[str, object] = {"connection_id": answered.connection_id, "buyer_key": answered.buyer_key}
    async with console(scene) as pilot:
        for focus, meant in (
            ({"decision": waits.id}, waits),
            (by_key, answered),
            ({"decision": waits.id}, waits),
            ({"connection_id": weiss.connection_id}, weiss),
        ):
            pilot.app.open_section("decisions", **focus)  # type: ignore[attr-defined]
            await settle(pilot)
            assert screen(pilot).chosen is not None
            assert screen(pilot).chosen.id == meant.id  # type: ignore[union-attr]
        await press(pilot, "1")


async def test_two_with_the_same_email_are_a_question(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        pilot.app.open_section("decisions", decision=question(scene, "Ingrid Kepler").id)  # type: ignore[attr-defined]
        await settle(pilot)
        found = screen(pilot).query_one(CandidateList)._found
        assert [each.customer_id for each in found] == ["C1301", "C1302"]
        assert "Several IFS customers have this e-mail" in screen(pilot).query_one("#decision-buyer", Sheet).text


@pytest.mark.parametrize(("size", "keys"), [(WIDE, ("enter",)), (NARROW, ()), (NARROW, ("enter",))])
async def test_snapshots(
    scene: Context, console: Console, snapshot: Snapshot, size: tuple[int, int], keys: tuple[str, ...]
) -> None:
    assert scene.clock.now() == NOW
    async with at_decisions(console, scene, size=size) as pilot:
        await press(pilot, *keys)
        snapshot(pilot.app, f"decisions-{'detail-' if keys else ''}{size[0]}x{size[1]}")


async def test_undo_leaves_alone_what_somebody_else_answered_or_noted_since(scene: Context, console: Console) -> None:
    async with at_decisions(console, scene) as pilot:
        mine = question(scene, JANE)
        await press(pilot, "x", "y")
        assert question(scene, JANE).action == "skip"
        other = dataclasses.replace(scene, actor="erik")
        decide.undo(other, mine.id, "")
        await decide.link(other, mine.id, "C1042", "")
        await press(pilot, "u")
        assert (question(scene, JANE).action, question(scene, JANE).actor) == ("link", "erik")
        decide.undo(other, mine.id, "")
        decide.remark(other, mine.id, "hers")
        with pytest.raises(NotedMeanwhile, match="hers"):
            decide.remark(scene, mine.id, "mine", instead_of="")
        assert question(scene, JANE).note == "hers"


async def test_a_question_that_is_ready_late_does_not_come_up_over_another_screen(
    scene: Context, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answered = asyncio.Event(), asyncio.Event()

    async def slow(_context: Context, decision_id: int) -> None:
        assert decision_id
        asked.set()
        await answered.wait()

    monkeypatch.setattr("bcifs_console.operations.decide_preview.preview", slow)
    async with at_decisions(console, scene) as pilot:
        await pilot.press("n")
        await asked.wait()
        await pilot.press("2")
        answered.set()
        await settle(pilot)
        await press(pilot, "y")  # copies in the list of orders
        assert question(scene, JANE).action == ""
        assert not isinstance(pilot.app.screen, DecideAnswerScreen)


async def test_a_long_answer_is_read_by_the_page(scene: Context, console: Console) -> None:
    def said(_width: int) -> Lines:
        return [Content(f"line {number}") for number in range(60)]

    async with at_decisions(console, scene, size=NARROW) as pilot:
        pilot.app.push_screen(DecideAnswerScreen("Create?", said, yes="Create"))
        await settle(pilot)
        scroll = pilot.app.screen.query_one("#answer-scroll")
        await press(pilot, "pagedown")
        assert scroll.scroll_y == scroll.size.height - 1
        await press(pilot, "m", "pagedown", "pageup", "pageup")
        assert scroll.scroll_y == 0
