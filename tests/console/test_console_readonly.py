"""`--readonly`: whatever is pressed, nothing in the store changes; not even where a screen forgets to grey a key."""

from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Connection, select
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widgets import Input

from bcifs_console.base.problems import Problem
from bcifs_console.console.actions import EVERYWHERE, of_section
from bcifs_console.console.app import ConsoleApp
from bcifs_console.console.gateway import DeedKind, ReadOnly
from bcifs_console.console.screens.base import ConsoleScreen
from bcifs_console.console.sections import SECTIONS
from bcifs_console.operations.context import Context
from bcifs_console.store.tables import metadata
from tests.console.piloting import Console, settle

#: Its buyer waits for a decision, so that everything can be done to it that can be done to an order.
ORDER: Final = 112455


def kept(context: Context) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the store."""

    def read(conn: Connection) -> dict[str, list[tuple[Any, ...]]]:
        return {table.name: [tuple(row) for row in conn.execute(select(table))] for table in metadata.sorted_tables}

    return context.store.database.read_sync(read)


async def show(pilot: Pilot[None], section: str) -> None:
    desk = pilot.app
    assert isinstance(desk, ConsoleApp)
    if section == "order":
        desk.open_order(1, ORDER)
    else:
        desk.open_section(section)
    await settle(pilot)


async def say_yes(pilot: Pilot[None]) -> None:
    """Answer what is asked as somebody does who wants it done."""
    for key in ("y", "enter", "y", "k", "escape", "escape"):
        if not isinstance(pilot.app.screen, ModalScreen):
            return
        for field in pilot.app.screen.query(Input):
            field.value = field.value or "1"
        await pilot.press(key)


async def test_no_action_changes_a_row_even_where_its_key_is_not_greyed(
    scene: Context, console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: Any, **__: Any) -> Any:
        raise Problem("There is no network in this test.", remedy="None is needed.")

    before = kept(scene)
    monkeypatch.chdir(tmp_path)  # for what is exported
    monkeypatch.setattr(Context, "runtime", unreachable)
    # Greying is one guard; with it gone the gateway has to hold by itself.
    monkeypatch.setattr(ConsoleScreen, "reason_against", lambda self, _: None)
    async with console(scene, readonly=True) as pilot:
        desk = pilot.app
        assert isinstance(desk, ConsoleApp)
        tried = 0
        for section in (*SECTIONS, "order", EVERYWHERE):
            for action in of_section(section):
                if not action.writes:
                    continue
                if desk.front is None or section != desk.front.SECTION:
                    await show(pilot, "overview" if section == EVERYWHERE else section)
                assert desk.front is not None
                await desk.perform(desk.front, action.id)
                await settle(pilot)
                await say_yes(pilot)
                tried += 1
        refused = [deed for deed in desk.gateway.deeds if deed.text == str(ReadOnly())]
        assert not [deed for deed in desk.gateway.deeds if deed.kind is DeedKind.DONE]
    assert tried > 20
    assert len(refused) > 10
    assert kept(scene) == before
