"""How the console looks where something is special: loading, trouble, read-only, light, no colour, nothing to show."""

import asyncio
import re
from typing import Any

import pytest
from textual.pilot import Pilot

from bcifs_console.console.app import ConsoleApp
from bcifs_console.console.sections import SECTIONS
from bcifs_console.operations.context import Context
from bcifs_console.store.errors import StoreUnavailable
from tests.console.conftest import Snapshot
from tests.console.piloting import NARROW, Console, picture, settle

TROUBLE = StoreUnavailable("The database does not answer: disk I/O error.", remedy="Look at the disk: bcifs db check")


def desk(pilot: Pilot[None]) -> ConsoleApp:
    assert isinstance(pilot.app, ConsoleApp)
    return pilot.app


async def show(pilot: Pilot[None], section: str) -> None:
    desk(pilot).open_section(section)
    await settle(pilot)


async def test_while_a_screen_is_read_it_says_so(
    scene: Context, console: Console, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_run: Any) -> None:
        await asyncio.Event().wait()

    async with console(scene) as pilot:
        monkeypatch.setattr(desk(pilot).gateway, "read", never)
        desk(pilot).open_section("jobs")
        await pilot.pause()
        await pilot.pause()
        assert pilot.app.screen.query_one("#body").loading
        snapshot(pilot.app, "loading")


async def test_trouble_is_a_panel_with_the_way_out_and_the_console_lives(
    scene: Context, console: Console, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_run: Any) -> None:
        raise TROUBLE

    async with console(scene) as pilot:
        gateway = desk(pilot).gateway
        monkeypatch.setattr(gateway, "read", broken)
        desk(pilot).take_vitals(None, TROUBLE.message)  # as the feed does, within a second
        await show(pilot, "orders")
        snapshot(pilot.app, "trouble")
        monkeypatch.undo()
        await pilot.press("R")
        await settle(pilot)
        assert not pilot.app.screen.query_one("#problem").display
        assert "112455" in picture(pilot.app)


async def test_read_only_greys_what_would_change_something(
    scene: Context, console: Console, snapshot: Snapshot
) -> None:
    async with console(scene, readonly=True) as pilot:
        await show(pilot, "decisions")
        snapshot(pilot.app, "read-only")


async def test_in_the_light(scene: Context, console: Console, snapshot: Snapshot) -> None:
    async with console(scene) as pilot:
        pilot.app.theme = "bcifs-light"
        await show(pilot, "orders")
        snapshot(pilot.app, "light")


async def test_without_colour_every_state_is_still_told_by_glyph_and_word(
    scene: Context, console: Console, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with console(scene) as pilot:
        await show(pilot, "orders")
        shown = picture(pilot.app)
        snapshot(pilot.app, "no-colour")
    # The one colour left is the exporter's own, for text that has none.
    colours = {found.lower() for found in re.findall(r"terminal-r\d+ \{ fill: (#[0-9a-fA-F]{6})", shown)} - {"#c5c8c6"}
    assert all(colour[1:3] == colour[3:5] == colour[5:7] for colour in colours), colours
    text = shown.replace("&#160;", " ")
    assert all(state in text for state in ("✓ synced", "! waiting", "◔ due", "◑ working", "· ignored"))


async def test_with_nothing_in_it_a_screen_says_why(empty_scene: Context, console: Console, snapshot: Snapshot) -> None:
    async with console(empty_scene, size=NARROW) as pilot:
        for section in (name for name in SECTIONS if name not in ("setup", "webhooks")):  # they have tests of their own
            await show(pilot, section)
            snapshot(pilot.app, f"empty-{section}")
