"""The Order screen on the scene: what its tabs say of what the store holds, and what its keys do to it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bcifs_console.console.screens.order import OrderScreen
from bcifs_console.console.widgets.sheet import Sheet, SheetScroll
from bcifs_console.domain.edits import EditChoice
from bcifs_console.domain.states import OrderState, Outcome, left_out_key, order_subject
from bcifs_console.operations.context import Context
from bcifs_console.store import customers, edits, intake, ledger, queue, views
from bcifs_console.store.feed import ChangeSet
from bcifs_console.store.tables import journal
from tests.console.conftest import Snapshot
from tests.console.piloting import NARROW, WIDE, Console, settle
from tests.console.scene_goods import NOW

REFUNDED, UNKNOWN_BUYER, UNMAPPED, EDITED, SENT_IN_PARTS, TOTALS = 112404, 112428, 112449, 112423, 112409, 112453


async def opened(pilot: Any, order_id: int) -> OrderScreen:
    pilot.app.open_order(1, order_id)
    await settle(pilot)
    return screen(pilot)


def screen(pilot: Any) -> OrderScreen:
    found = pilot.app.screen
    assert isinstance(found, OrderScreen)
    return found


def said(shown: OrderScreen, name: str) -> str:
    """What a tab says a hundred cells wide, whether it is in front or not; blanks and line ends as one blank."""
    lines = shown.query_one(f"#{name}", SheetScroll).sheet.lines_at(100)
    return " ".join(" ".join(line.plain for line in lines).split())


def head(shown: OrderScreen) -> str:
    return " ".join(shown.query_one("#head", Sheet).text.split())


def row(context: Context, order_id: int) -> Any:
    return context.store.database.read_sync(lambda conn: views.orders_by_id(conn, 1, [order_id]))[0]


def link(context: Context, order_id: int) -> Any:
    return context.store.database.read_sync(lambda conn: customers.link_of(conn, 1, left_out_key(order_id)))


def events(context: Context, order_id: int) -> list[tuple[str, str]]:
    query = select(journal.c.event, journal.c.actor).where(journal.c.subject == order_subject(order_id))
    return [(each.event, each.actor) for each in context.store.database.read_sync(lambda c: c.execute(query).all())]


# -- what it says ------------------------------------------------------------------------------------------------------


async def test_the_tabs_tell_everything_the_ledger_holds(scene: Context, console: Console) -> None:
    held = scene.store.database.read_sync(lambda conn: ledger.of_subject(conn, 1, order_subject(REFUNDED)))
    async with console(scene) as pilot:
        shown = await opened(pilot, REFUNDED)
        out, plan = said(shown, "out"), said(shown, "plan")
        for document in held.documents:
            assert document.key in out
            assert document.reference in plan
            for part in document.parts:
                assert part.name.replace("_", " ") in out
        assert "balance even: 0.00 USD" in plan
        assert "2420 customer balance" in plan
        assert "Nothing is wrong with this order." in said(shown, "errors")
        assert "✓ synced" in head(shown)
        assert "71.44 USD" in head(shown)


async def test_in_shows_the_order_as_the_store_did(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        told = said(await opened(pilot, REFUNDED), "in")
        for wanted in (
            "Stoneware mug",
            "61.70",
            "purchase",
            "stripe",
            "337212",
            "UPS 1Z999AA1112404",
            "562020",
            "total",
        ):
            assert wanted in told


async def test_the_order_can_be_seen_as_json(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        shown = await opened(pilot, REFUNDED)
        await pilot.press("v")
        await settle(pilot)
        assert shown.tabs.active == "tab-in"
        assert f'"id": {REFUNDED}, "status_id": 14' in said(shown, "in")


async def test_why_names_field_rule_and_ifs_field_of_every_amount(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        shown = await opened(pilot, REFUNDED)
        told = said(shown, "why")
        assert shown.case is not None
        assert len(shown.case.amounts) == 14
        for each in shown.case.amounts:
            assert f"{each.store_field} → {each.rule} → {each.ifs_field}" in told


async def test_an_order_that_waits_shows_what_would_be_posted_before_it_is(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        plan = said(await opened(pilot, UNKNOWN_BUYER), "plan")
        assert "+ BC-112428 order 1,239.46 to post" in plan
        assert "+ PAY/786996 voucher 1,239.46 to post" in plan
        assert "1,239.46 USD would be held for goods not yet sent" in plan
        assert "1580 clearing 1,239.46 │ 2420 customer balance 1,239.46" in plan
        assert "No IFS customer is known for jane.doe@acme-industrial.example." in plan
        assert "d goes to the question who the buyer is" in plan
    nothing = scene.store.database.read_sync(lambda conn: ledger.of_subject(conn, 1, order_subject(UNKNOWN_BUYER)))
    assert nothing.documents == ()


async def test_errors_show_both_figures_and_the_key_that_helps(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        told = said(await opened(pilot, TOTALS), "errors")
        assert "in the store 78.61 USD computed 73.61 USD difference -5.00 USD" in told
        assert "r looks again when the store's figures are right" in told


async def test_an_order_never_read_says_so_and_one_never_seen_too(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        assert "r reads it now" in said(await opened(pilot, 112460), "in")
        assert "Order 4 was never seen here." in said(await opened(pilot, 4), "plan")


async def test_at_80_columns_the_story_is_a_tab_and_wider_it_stands_beside(scene: Context, console: Console) -> None:
    async with console(scene, size=NARROW) as pilot:
        shown = await opened(pilot, REFUNDED)
        assert not shown.query_one("#story").display
        await pilot.press("t")
        assert shown.tabs.active == "tab-story"
        assert "voucher REFUND/562020 → M-2026-1034 6 calls" in said(shown, "story-tab")
        await pilot.press("c")
        assert "header → M-2026-1034 140ms" in said(shown, "story-tab")
        await pilot.resize_terminal(*WIDE)
        await settle(pilot)
        assert shown.tabs.active == "tab-plan"
        assert shown.query_one("#story").display
        assert "webhook order/refund/created" in said(shown, "story")


async def test_arrows_go_round_the_tabs(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        shown = await opened(pilot, REFUNDED)
        visited = []
        for _ in range(5):
            await pilot.press("right")
            visited.append(shown.tabs.active)
        assert visited == ["tab-in", "tab-out", "tab-why", "tab-errors", "tab-plan"]
        await pilot.press("left", "w")
        assert shown.tabs.active == "tab-why"
        assert pilot.app.focused is shown.page


async def test_hostile_words_are_harmless_on_every_tab(hostile_scene: Context, console: Console) -> None:
    async with console(hostile_scene, size=NARROW) as pilot:
        for order_id in (112470, 112472):
            shown = await opened(pilot, order_id)
            for key in ("p", "i", "v", "e"):
                await pilot.press(key)
                await pilot.pause()
                drawn = "".join(part.text for strip in shown._compositor.render_strips() for part in strip)
                assert not set(drawn) & {chr(code) for code in (*range(32), *range(0x7F, 0xA0), 0x202E, 0x2066)}
        assert "Mallory" in said(await opened(pilot, 112470), "in")
        assert "\\x1b]52;c;ZXZpbA==\\x07" in said(screen(pilot), "in")


# -- what it does ------------------------------------------------------------------------------------------------------


async def test_r_makes_the_order_due_and_says_who_asked(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        shown = await opened(pilot, UNMAPPED)
        assert "! waiting for mapping" in head(shown)
        await pilot.press("r")
        await settle(pilot)
        assert row(scene, UNMAPPED).state == "due"
        assert events(scene, UNMAPPED)[-1] == ("order.sync_asked", "dana")
        assert "◔ due" in head(shown)


async def test_leaving_out_asks_for_a_note_and_for_y_and_can_be_undone(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        await opened(pilot, UNMAPPED)
        await pilot.press("x")
        await settle(pilot)
        await pilot.press("enter")  # without a note
        await settle(pilot)
        assert link(scene, UNMAPPED) is None
        await pilot.press(*"test order", "enter")
        await settle(pilot)
        await pilot.press("enter")  # Enter is no yes
        await settle(pilot)
        assert link(scene, UNMAPPED) is None
        await pilot.press("x")
        await settle(pilot)
        await pilot.press(*"test order", "enter")
        await settle(pilot)
        await pilot.press("y")
        await settle(pilot)
        assert link(scene, UNMAPPED).note == "test order"
        assert row(scene, UNMAPPED).state == "due"
        assert events(scene, UNMAPPED)[-1] == ("order.skipped", "dana")
        assert "Left out: test order" in head(screen(pilot))
        await pilot.press("u")
        await settle(pilot)
        assert link(scene, UNMAPPED) is None
        assert events(scene, UNMAPPED)[-1] == ("order.unskipped", "dana")


async def test_what_ifs_has_cannot_be_left_out(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        shown = await opened(pilot, REFUNDED)
        assert shown.why_not("order.skip") is not None
        await pilot.press("x")
        await settle(pilot)
        assert screen(pilot) is shown  # nothing was asked
        assert link(scene, REFUNDED) is None


async def test_readonly_acts_on_nothing(scene: Context, console: Console) -> None:
    async with console(scene, readonly=True) as pilot:
        shown = await opened(pilot, UNMAPPED)
        before = events(scene, UNMAPPED)
        await pilot.press("r", "x", "a")
        await settle(pilot)
        assert screen(pilot) is shown
        assert events(scene, UNMAPPED) == before


async def test_an_edit_is_answered_with_what_it_means_in_front_of_one(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        shown = await opened(pilot, EDITED)
        assert "~ total 76.86 → 177.53" in said(shown, "plan")
        await pilot.press("a")
        await settle(pilot)
        await pilot.press("h", "enter")  # by hand needs a reference
        await settle(pilot)
        await pilot.press(*"M-2026-17", "enter")
        await settle(pilot)
        found = scene.store.database.read_sync(lambda conn: edits.of_order(conn, 1, EDITED))
        assert [(answer.choice, answer.reference, answer.actor) for answer in found] == [
            (EditChoice.BY_HAND, "M-2026-17", "dana")
        ]
        assert row(scene, EDITED).state == "due"


async def test_d_goes_to_the_question_about_the_buyer(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        assert (await opened(pilot, UNMAPPED)).why_not("order.decide") is not None
        shown = await opened(pilot, UNKNOWN_BUYER)
        assert shown.case is not None
        asked = scene.store.database.read_sync(lambda conn: customers.decision_of_buyer(conn, 1, "customer:311"))
        assert asked is not None
        assert shown.case.decision_id == asked.id
        await pilot.press("d")
        await settle(pilot)
        assert pilot.app.current_mode == "decisions"


@pytest.mark.parametrize("order_id", [112409, 112445])
async def test_brackets_go_along_the_list_of_orders(scene: Context, console: Console, order_id: int) -> None:
    listed = [each.order_id for each in scene.store.database.read_sync(views.orders)]
    at = listed.index(order_id)
    async with console(scene) as pilot:
        await opened(pilot, order_id)
        await pilot.press("left_square_bracket")
        await settle(pilot)
        assert screen(pilot).order_id == listed[at - 1]
        await pilot.press("right_square_bracket", "right_square_bracket")
        await settle(pilot)
        await pilot.press("right_square_bracket")
        await settle(pilot)
        assert str(screen(pilot).order_id) in head(screen(pilot))
        assert screen(pilot).order_id in (listed[at + 1], listed[at + 2])


async def test_while_the_next_order_is_read_nothing_is_said_or_done_of_it_with_the_facts_of_the_last(
    scene: Context, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_screen: OrderScreen) -> None:
        await asyncio.Event().wait()

    async with console(scene) as pilot:
        shown = await opened(pilot, UNMAPPED)
        monkeypatch.setattr(OrderScreen, "load", never)
        await pilot.press("right_square_bracket")
        for _ in range(400):
            if shown.order_id != UNMAPPED:
                break
            await pilot.pause(0.01)
        assert said(shown, "plan") == f"Reading order {shown.order_id} …"
        await pilot.press("x", "a", "d")
        await pilot.pause()
        assert screen(pilot) is shown, "nothing was asked"
        assert shown.reason_against("order.skip") == f"order {shown.order_id} is being read"


async def test_the_ends_of_the_list_are_said(scene: Context, console: Console) -> None:
    listed = scene.store.database.read_sync(views.orders)
    async with console(scene) as pilot:
        pilot.app.open_order(listed[-1].connection_id, listed[-1].order_id)  # type: ignore[attr-defined] # ConsoleApp
        await settle(pilot)
        await pilot.press("right_square_bracket")
        await settle(pilot)
        assert screen(pilot).order_id == listed[-1].order_id


async def test_only_changes_of_this_order_and_of_what_orders_hang_on_are_read(
    scene: Context, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console(scene) as pilot:
        shown = await opened(pilot, UNMAPPED)
        read = shown.case
        others = {kind: frozenset({(1, "x")}) for kind in ("hook", "webhooks", "breaker", "reconciliation")}
        with monkeypatch.context() as patched:
            patched.setattr(shown, "reload_soon", lambda: pytest.fail("it is read anew"))
            shown.apply_changes(ChangeSet(1, {"order": frozenset({(1, order_subject(REFUNDED))}), **others}))

        def finish(tx: Any) -> None:
            intake.mark_due(tx, 1, [UNMAPPED], found_by="test")
            (held,) = queue.claim(tx, "w", limit=1, lease=timedelta(minutes=1), only=[(1, UNMAPPED)])
            queue.finish(tx, held, Outcome(OrderState.FAILED, error="IFS said no", remedy="Ask it."), actor="service")

        scene.store.database.write_sync(finish)
        shown.apply_changes(ChangeSet(2, {"order": frozenset({(1, order_subject(UNMAPPED))})}))
        for _ in range(400):  # it is read anew twice a second at most
            if shown.case is not read:
                break
            await pilot.pause(0.01)
        await settle(pilot)
        assert "✗ failed" in head(shown)
        assert "IFS said no → Ask it." in said(shown, "errors")


async def test_the_tab_in_front_is_copied_as_text(
    scene: Context, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[tuple[str, str]] = []

    def copy(value: str, what: str) -> None:
        copied.append((value, what))

    async with console(scene) as pilot:
        shown = await opened(pilot, REFUNDED)
        monkeypatch.setattr(shown.desk, "copy", copy)
        await pilot.press("y", "w", "Y")
        await settle(pilot)
        assert copied[0] == (str(REFUNDED), f"order {REFUNDED}")
        assert "transactions[786828].amount" in copied[1][0]
        assert copied[1][1] == f"why of order {REFUNDED}"


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_how_it_looks(scene: Context, console: Console, snapshot: Snapshot, size: tuple[int, int]) -> None:
    async with console(scene, size=size) as pilot:
        await opened(pilot, REFUNDED)
        snapshot(pilot.app, f"order-{size[0]}x{size[1]}")


async def test_the_scene_is_looked_at_at_its_own_time(scene: Context, console: Console) -> None:
    """Ages come from the installation's clock, so that a screenshot is the same tomorrow."""
    async with console(scene) as pilot:
        shown = await opened(pilot, REFUNDED)
        assert shown.gateway.now() == NOW
        assert "as read 3 d ago" in said(shown, "plan")
