"""What befalls a console that is open all day: the store does not answer, a connection goes, keys come in a hurry."""

import asyncio
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.screen import ModalScreen

from bcifs_console.console.app import ConsoleApp
from bcifs_console.console.sections import SECTIONS
from bcifs_console.operations import connect
from bcifs_console.operations.context import Context
from bcifs_console.store.database import Database
from bcifs_console.store.errors import StoreUnavailable
from tests.console import scene as scenes
from tests.console.piloting import Console, picture, settle
from tests.console.test_console_readonly import ORDER

_KEYS = ("down", "tab", "down", "G")
_THEMES = ("bcifs-contrast", "ansi-light")


def desk(pilot: Pilot[None]) -> ConsoleApp:
    assert isinstance(pilot.app, ConsoleApp)
    return pilot.app


async def show(pilot: Pilot[None], section: str) -> None:
    while isinstance(pilot.app.screen, ModalScreen):
        await pilot.press("escape")
        await settle(pilot)
    if section == "order":
        desk(pilot).open_order(1, ORDER)
    else:
        desk(pilot).open_section(section)
    await settle(pilot)


async def test_a_store_that_does_not_answer_ends_no_screen(
    scene: Context, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: Any) -> Any:
        raise StoreUnavailable("The database is locked.", remedy="bcifs db check")

    async def silent_too(*_: Any) -> Any:
        silent()

    async with console(scene) as pilot:
        for section in ("orders", "webhooks", "ledger", "log"):  # those that read while they draw
            await show(pilot, section)
            with monkeypatch.context() as patch:
                patch.setattr(Database, "read", silent_too)
                patch.setattr(Database, "read_sync", silent)
                await pilot.press(*_KEYS)
                assert pilot.app.is_running, section
        await show(pilot, "mappings")
        await pilot.press("escape", "down", "down")
        with monkeypatch.context() as patch:
            patch.setattr(Database, "read", silent_too)
            await pilot.press("H")  # a worker of its own that reads
            await settle(pilot)
        assert "The database is locked." in desk(pilot).gateway.deeds[-1].text
        await show(pilot, "log")
        await pilot.press("R")
        await settle(pilot)
        assert "112427" in picture(pilot.app)  # its rows are drawn again


async def test_every_screen_bears_any_size_and_theme(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        for section in (*SECTIONS, "order"):
            await show(pilot, section)
            for size in ((40, 10), (20, 5)):
                await pilot.resize_terminal(*size)
                await pilot.pause()
            for theme in _THEMES:
                pilot.app.theme = theme
                await pilot.pause()
            assert pilot.app.is_running, section


async def test_a_connection_that_goes_takes_no_screen_with_it(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        for section in ("webhooks", "mappings", "ledger", "jobs"):
            await show(pilot, section)
        connect.remove(scene, scenes.US)
        connect.remove(scene, scenes.EU)
        for section in (*SECTIONS, "order"):
            await show(pilot, section)
            await pilot.press("down", "tab", "G")
            assert pilot.app.is_running, section


@pytest.mark.parametrize("turns", [4, 5])
async def test_esc_right_behind_enter_closes_an_order_that_is_still_coming_up(
    scene: Context, console: Console, turns: int
) -> None:
    async with console(scene) as pilot:
        await show(pilot, "orders")
        driver = pilot.app._driver
        assert driver is not None
        for key, character in (("enter", "\r"), ("escape", None)):
            driver.send_message(events.Key(key, character))
            for _ in range(turns):
                await asyncio.sleep(0)
        await settle(pilot)
        assert pilot.app.is_running


async def test_leaving_while_a_screen_comes_up_is_no_fault(scene: Context) -> None:
    for turns in range(4):
        app = ConsoleApp(scene)
        async with app.run_test():
            app.open_section("log")
            for _ in range(turns):
                await asyncio.sleep(0)
            app.exit()
        assert not app.return_code
