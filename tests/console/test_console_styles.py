"""Styles are parsed for a theme, not for each section that is opened; a section out of sight takes a new theme over."""

import pytest
from textual.css.stylesheet import Stylesheet

from bcifs_console.operations.context import Context
from tests.console.piloting import Console, settle


async def test_opening_sections_parses_no_style_anew(
    scene: Context, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[Stylesheet] = []
    parse = Stylesheet.reparse

    def counted(sheet: Stylesheet) -> None:
        parsed.append(sheet)
        parse(sheet)

    monkeypatch.setattr(Stylesheet, "reparse", counted)
    async with console(scene) as pilot:
        before = len(parsed)
        for key in ("4", "8", "4"):
            await pilot.press(key)
            await settle(pilot)
        assert len(parsed) == before


async def test_a_section_out_of_sight_has_the_new_colours_when_it_comes_back(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        await pilot.press("4")
        await settle(pilot)
        hidden = pilot.app.screen
        dark = hidden.styles.background
        await pilot.press("8")
        await settle(pilot)
        pilot.app.theme = "bcifs-light"
        await settle(pilot)
        await pilot.press("4")
        await settle(pilot)
        assert pilot.app.screen is hidden
        assert hidden.styles.background != dark
