"""Fixtures for the console's tests: the scene in a real store, the console on it, and snapshots of what it shows.

    async def test_x(scene, console, snapshot):
        async with console(scene, size=(80, 24)) as pilot:
            await pilot.press("2")
            await settle(pilot)
            snapshot(pilot.app, "orders-80x24")

`settle` and the rest of what is no fixture is in `tests.console.piloting`.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.widgets import Input, TextArea

from bcifs_console.console.screens.base import ConsoleScreen
from bcifs_console.operations.context import Context
from tests.console import piloting
from tests.console import scene as scenes

Snapshot = Callable[[App[Any], str], None]


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on the terminal, the editor or the settings of who runs it; nothing blinks, the cursor soon
    rests."""
    for name in ("NO_COLOR", "SSH_TTY", "SSH_CONNECTION", "TMUX", "BCIFS_HOME", "BCIFS_DATABASE_URL", "TEXTUAL_THEME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    for widget in (Input, TextArea):
        monkeypatch.setattr(widget.cursor_blink, "_default", False)
    monkeypatch.setattr(ConsoleScreen, "REST_S", 0.01)


@pytest.fixture(scope="session")
def scene_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scene's home, built once. To be copied."""
    home = tmp_path_factory.mktemp("scene") / "home"
    scenes.build(home).store.close()
    return home


@pytest.fixture
def scene(scene_home: Path, tmp_path: Path) -> Iterator[Context]:
    """The scene in a store of its own; the clock stands at `scene_goods.NOW`."""
    home = tmp_path / "home"
    shutil.copytree(scene_home, home)
    yield from _open(scenes.build_empty(home))


@pytest.fixture
def hostile_scene(tmp_path: Path) -> Iterator[Context]:
    """The scene with orders of buyers whose names are weapons (`scene_goods.HOSTILE`)."""
    yield from _open(scenes.build(tmp_path / "home", hostile=True))


@pytest.fixture
def empty_scene(tmp_path: Path) -> Iterator[Context]:
    """An installation without any connection."""
    yield from _open(scenes.build_empty(tmp_path / "home"))


def _open(context: Context) -> Iterator[Context]:
    try:
        yield context
    finally:
        context.store.close()


@pytest.fixture
def console() -> piloting.Console:
    """`async with console(context, size=(120, 36), readonly=False) as pilot:` the console, ready and at rest."""
    return piloting.console


@pytest.fixture
def snapshot() -> Snapshot:
    """`snapshot(app, name)`: what the app shows equals tests/console/snapshots/NAME.svg."""
    return piloting.snapshot
