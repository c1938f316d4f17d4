"""Driving the console in tests: start it on a store, wait until it rests, compare what it shows with a kept picture.

Not a fixture among it, so that `python -m tests.console.screenshots` can use it as well.
"""

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.worker import Worker

from bcifs_console.console.app import ConsoleApp
from bcifs_console.console.screens.base import ConsoleScreen
from bcifs_console.operations.context import Context

WIDE: Final = (120, 36)
NARROW: Final = (80, 24)
SNAPSHOTS: Final = Path(__file__).parent / "snapshots"
_UPDATE: Final = "BCIFS_UPDATE_SNAPSHOTS"
_ROUNDS: Final = 400
_LOOK_S: Final = 0.01

Console = Callable[..., AbstractAsyncContextManager[Pilot[None]]]


@contextlib.asynccontextmanager
async def console(
    context: Context, *, size: tuple[int, int] = WIDE, readonly: bool = False
) -> AsyncIterator[Pilot[None]]:
    """The console on an open installation, started and at rest; nothing moves by itself but by the feed."""
    app = ConsoleApp(context, readonly=readonly)
    app.animation_level = "none"
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        yield pilot


async def settle(pilot: Pilot[Any]) -> None:
    """Wait until no worker runs and the picture does not change any more."""
    before = ""
    for _ in range(_ROUNDS):
        # Asked anew each time: a worker that has asked its question by now is not waited for.
        screen = pilot.app.screen
        running: list[object] = [worker for worker in pilot.app.workers if _is_awaited(pilot.app, worker)]
        if isinstance(screen, ConsoleScreen) and not screen.is_at_rest:
            running.append("what is shown once the cursor rests")
        if running:
            await asyncio.sleep(_LOOK_S)
        await pilot.pause()
        now = _text(pilot.app)
        if now == before and not running:
            return
        before = now
    raise AssertionError(f"the console does not come to rest; {running or 'no worker'} still runs")


def _is_awaited(app: App[Any], worker: Worker[Any]) -> bool:
    """Not what runs for ever, nor what waits for the answer to the question in front."""
    if worker.group.startswith("forever"):
        return False
    if worker.group == "load" or not isinstance(app.screen, ModalScreen):
        return True
    return worker.node is not app and worker.node.screen is app.screen


def _text(app: App[Any]) -> str:
    """The characters on the screen: as `picture`, and quicker."""
    return "\n".join("".join(part.text for part in strip) for strip in app.screen._compositor.render_strips())


def picture(app: App[Any]) -> str:
    """What the app shows, as an SVG without the identifiers that differ from run to run."""
    drawn = app.export_screenshot(title="bcifs", simplify=True)
    return re.sub(r"terminal-\d+-", "terminal-", drawn) + "\n"


def snapshot(app: App[Any], name: str) -> None:
    """Fail unless the app shows what tests/console/snapshots/NAME.svg holds; the new picture is left beside it."""
    kept = SNAPSHOTS / f"{name}.svg"
    fresh = SNAPSHOTS / f"{name}.new.svg"
    drawn = picture(app)
    if os.environ.get(_UPDATE):
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(drawn)
        fresh.unlink(missing_ok=True)
        return
    if kept.exists() and kept.read_text() == drawn:
        fresh.unlink(missing_ok=True)
        return
    fresh.parent.mkdir(exist_ok=True)
    fresh.write_text(drawn)
    why = "is not what the console shows" if kept.exists() else "was never taken"
    pytest.fail(
        f"The snapshot {name} {why}. Look at {fresh} (a browser shows it; or: rsvg-convert {fresh} -o new.png) beside "
        f"{kept}; if the new one is right, take it with {_UPDATE}=1."
    )
