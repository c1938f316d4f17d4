"""The Log on the scene: newest last, followed and filtered; Enter opens what a line is about."""

from typing import Any

import pytest

from bcifs_console.console.screens.log import LogScreen
from bcifs_console.console.widgets.filter_bar import FilterInput
from bcifs_console.console.widgets.sheet import Sheet
from bcifs_console.console.widgets.virtual_table import VirtualTable
from bcifs_console.operations.context import Context
from bcifs_console.store import journal
from tests.console.conftest import Snapshot
from tests.console.piloting import NARROW, Console, settle


def log(pilot: Any) -> LogScreen:
    screen = pilot.app.screen
    assert isinstance(screen, LogScreen)
    return screen


def table(pilot: Any) -> VirtualTable:
    return log(pilot).query_one("#log-table", VirtualTable)


def lines(pilot: Any) -> list[list[str]]:
    found = table(pilot)
    cells = found.hydrate(list(found.order.ids))
    return [[cell.plain for cell in cells[number]] for number in found.order.ids]


def detail(pilot: Any) -> str:
    return log(pilot).query_one("#log-detail", Sheet).text


def write(context: Context, event: str, subject: str, **detail_: object) -> None:
    context.store.database.write_sync(
        lambda tx: journal.write(tx, event, actor="dana", connection_id=1, subject=subject, **detail_)
    )


async def shown(pilot: Any, count: int) -> list[list[str]]:
    """The lines, once there are so many: the search begins when the typing rests."""
    for _ in range(100):
        await settle(pilot)
        if table(pilot).row_count == count:
            return lines(pilot)
    raise AssertionError(f"{table(pilot).row_count} lines, not {count}")


async def test_the_newest_line_is_last_and_under_the_cursor(
    scene: Context, console: Console, snapshot: Snapshot
) -> None:
    async with console(scene) as pilot:
        await pilot.press("8")
        await settle(pilot)
        assert lines(pilot)[-1][1:5] == [
            "16:39:10",
            "◑ started",
            "backfill 2",
            "orders placed from 2026-09-24 to 2026-10-29",
        ]
        assert table(pilot).following
        assert "dana" in detail(pilot)
        snapshot(pilot.app, "log-120x36")


async def test_narrow(scene: Context, console: Console, snapshot: Snapshot) -> None:
    async with console(scene, size=NARROW) as pilot:
        await pilot.press("8", "k", "w")
        await settle(pilot)
        assert log(pilot).query_one("#log-side").display
        snapshot(pilot.app, "log-80x24")


async def test_a_new_line_comes_in_sight_while_following_and_is_counted_while_not(
    scene: Context, console: Console
) -> None:
    async with console(scene) as pilot:
        await pilot.press("8")
        await settle(pilot)
        write(scene, "order.skipped", "order:112453", note="a test order")
        log(pilot).reload()
        await settle(pilot)
        assert lines(pilot)[-1][2:5] == ["– left out", "order 112453", "left out: a test order"]
        assert table(pilot).cursor_id == table(pilot).order.ids[-1]
        reads: list[object] = []
        point = log(pilot).gateway.point

        def counted(run: Any) -> Any:
            reads.append(run)
            return point(run)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(log(pilot).gateway, "point", counted)
            assert log(pilot).reason_against("log.open") is None
            assert reads == [], "what a key would do is asked at every key: nothing is read for it"
        await pilot.press("home")
        write(scene, "order.unskipped", "order:112453")
        log(pilot).reload()
        await settle(pilot)
        assert (table(pilot).following, table(pilot).new_rows) == (False, 1)
        await pilot.press("f")
        await settle(pilot)
        assert (table(pilot).following, table(pilot).new_rows) == (True, 0)


async def test_levels_kinds_and_connections_narrow_the_list(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        await pilot.press("8", "e", "e")
        await settle(pilot)
        assert {row[2] for row in lines(pilot)} == {
            "✗ failed",
            "✗ paused",
            "! degraded",
            "✗ deactivated",
            "✓ healthy",
        }
        await pilot.press("t")
        await settle(pilot)
        assert [row[3] for row in lines(pilot)] == ["order 112426", "order 112427"]
        await pilot.press("e", "c", "c")
        await settle(pilot)
        assert {row[6] for row in lines(pilot)} == {"acme-eu"}


async def test_words_are_looked_for_anywhere_in_the_line(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        await pilot.press("8", "slash")
        await pilot.press(*"dana c1011")
        assert [row[3] for row in await shown(pilot, 1)] == ["buyer 316"]
        await pilot.press("enter")
        assert pilot.app.focused is table(pilot)
        await pilot.press("slash")
        log(pilot).query_one(FilterInput).value = "no such line"
        await shown(pilot, 0)
        assert "No line matches" in table(pilot).message.plain
        await pilot.press("escape")
        await shown(pilot, 102)


async def test_enter_opens_the_order_and_the_decision(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        pilot.app.open_section("log", text="112427 failed")  # type: ignore[attr-defined] # ConsoleApp
        await shown(pilot, 1)
        await pilot.press("enter")
        await settle(pilot)
        order: Any = pilot.app.screen
        assert (order.connection_id, order.order_id) == (1, 112427)
        await pilot.press("escape")
        await settle(pilot)
        log(pilot).query_one(FilterInput).value = ""
        await shown(pilot, 102)
        log(pilot).query_one(FilterInput).value = "dana 315"
        await shown(pilot, 1)
        await pilot.press("enter")
        await settle(pilot)
        assert pilot.app.current_mode == "decisions"


async def test_a_hostile_line_is_shown_harmless(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        await pilot.press("8")
        await settle(pilot)
        write(scene, "order.failed", "order:112453", error="\x1b]52;c;cm0=\x07 [/b] \u202e evil")
        log(pilot).reload()
        await settle(pilot)
        shown = lines(pilot)[-1][4]
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert "[/b]" in shown
        assert "\x1b" not in detail(pilot)


async def test_an_empty_journal_says_so(empty_scene: Context, console: Console) -> None:
    async with console(empty_scene, readonly=True) as pilot:
        await pilot.press("8")
        await settle(pilot)
        assert table(pilot).message.plain == "Nothing has happened yet."
