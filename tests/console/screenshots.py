"""`make screenshots`: an SVG of every screen from the seeded scene, with a fixed clock, into screenshots/.

python -m tests.console.screenshots            draws them anew
python -m tests.console.screenshots --check    exit 1, naming them, where what the console shows is another picture
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from textual.pilot import Pilot
from textual.widgets import Input

from bcifs_console.console.app import ConsoleApp
from tests.console import scene
from tests.console.piloting import NARROW, WIDE, console, picture, settle

FOLDER: Final = Path(__file__).parents[2] / "screenshots"
#: What would make the pictures differ from one terminal to the next.
_OF_THE_TERMINAL: Final = ("NO_COLOR", "SSH_TTY", "SSH_CONNECTION", "TMUX", "BCIFS_HOME", "BCIFS_DATABASE_URL")


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: its file's name, the section it shows, the terminal's size, and what is done before."""

    name: str
    section: str = ""
    size: tuple[int, int] = WIDE
    before: Callable[[Pilot[None]], Awaitable[None]] | None = None
    is_first_run: bool = False


async def _an_order(pilot: Pilot[None]) -> None:
    assert isinstance(pilot.app, ConsoleApp)
    pilot.app.open_order(1, scene.MARKED_SHIPPED)


async def _keys(pilot: Pilot[None]) -> None:
    await pilot.press("question_mark")


async def _a_waiting_order(pilot: Pilot[None]) -> None:
    await pilot.press(*["down"] * 16)


#: Those of one size stand together.
SHOTS: Final = (
    Shot("overview", "overview"),
    Shot("orders", "orders", before=_a_waiting_order),
    Shot("order", "orders", before=_an_order),
    Shot("decisions", "decisions"),
    Shot("webhooks", "webhooks"),
    Shot("mappings", "mappings"),
    Shot("ledger", "ledger"),
    Shot("jobs", "jobs"),
    Shot("log", "log"),
    Shot("help", "orders", before=_keys),
    Shot("overview-80x24", "overview", NARROW),
    Shot("orders-80x24", "orders", NARROW),
    Shot("setup", "setup", is_first_run=True),
)


async def drawn() -> AsyncIterator[tuple[Shot, str]]:
    """Every picture as SVG, those of one terminal's size from one console."""
    Input.cursor_blink._default = False
    with tempfile.TemporaryDirectory(prefix="bcifs-scene-") as folder:
        for (size, is_first_run), shots in groupby(SHOTS, lambda shot: (shot.size, shot.is_first_run)):
            home = Path(folder) / f"{size[0]}-{is_first_run}"
            context = scene.build_empty(home) if is_first_run else scene.build(home)
            try:
                async with console(context, size=size) as pilot:
                    for shot in shots:
                        yield shot, await _draw(shot, pilot)
            finally:
                context.store.close()


async def _draw(shot: Shot, pilot: Pilot[None]) -> str:
    assert isinstance(pilot.app, ConsoleApp)
    pilot.app.open_section(shot.section)
    await settle(pilot)
    if shot.before is not None:
        await shot.before(pilot)
        await settle(pilot)
    return picture(pilot.app)


async def main(*, check: bool) -> int:
    """Draw, or compare; the exit code."""
    FOLDER.mkdir(exist_ok=True)
    stale = []
    async for shot, svg in drawn():
        path = FOLDER / f"{shot.name}.svg"
        if check:
            if not path.exists() or path.read_text() != svg:
                stale.append(path.name)
            continue
        path.write_text(svg)
        print(path.relative_to(FOLDER.parent))
    wanted = {f"{shot.name}.svg" for shot in SHOTS}
    for other in FOLDER.glob("*.svg"):
        if other.name not in wanted:
            stale.append(f"{other.name} (of no screen)")
            if not check:
                other.unlink()
    if check and stale:
        print(f"stale: {', '.join(stale)}; run: make screenshots", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    for name in _OF_THE_TERMINAL:
        os.environ.pop(name, None)
    os.environ["TZ"] = "UTC"
    sys.exit(asyncio.run(main(check="--check" in sys.argv[1:])))
