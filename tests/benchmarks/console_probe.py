"""The console as a process that times itself: `python -m tests.benchmarks.console_probe HOME`, driven by `console`.

Prints how long the first screen of orders took; then, for each line `{"seconds": n}` it reads, presses keys for so long
and prints how long each took to be painted and how late the event loop was. There is no terminal; what would be sent to
one is encoded all the same.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any, Final

from textual import events
from textual._compositor import CompositorUpdate
from textual.pilot import Pilot

from bcifs_console.base.clock import SystemClock
from bcifs_console.base.settings import load_settings
from bcifs_console.console.app import ConsoleApp, freeze_garbage
from bcifs_console.console.widgets.virtual_table import VirtualTable
from bcifs_console.operations.context import Context, opened

SIZE: Final = (120, 36)
#: Down, down, a page, up …: the cursor moves in the list that changes.
_KEYS: Final = ("j", "j", "pagedown", "k", "j", "pageup")
_BETWEEN_KEYS_S: Final = 0.1
_LOOP_STEP_S: Final = 0.005
_GIVE_UP_S: Final = 10.0


class TimedConsole(ConsoleApp):
    """The console, with an ear for what is painted."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.animation_level = "none"
        self.painted = asyncio.Event()

    def _display(self, screen: Any, renderable: Any) -> None:
        super()._display(screen, renderable)
        if isinstance(renderable, CompositorUpdate):
            renderable.render_segments(self.console)  # a headless driver does not ask for the bytes
            self.painted.set()

    def freeze_garbage(self) -> None:
        """As it does in a terminal."""
        self.call_after_refresh(freeze_garbage)

    async def paint(self) -> None:
        """Wait until something was painted."""
        async with asyncio.timeout(_GIVE_UP_S):
            await self.painted.wait()
        self.painted.clear()

    @property
    def table(self) -> VirtualTable | None:
        """The list of orders, once there is one."""
        found = self.screen.query("#order-table")
        return found.first(VirtualTable) if found else None


async def first_paint(app: TimedConsole) -> float:
    """Seconds from asking for the orders to seeing them, once the console has started in peace."""
    for worker in [worker for worker in app.workers if worker.group == "load"]:
        await worker.wait()
    began = time.perf_counter()
    app.open_section("orders")
    while True:
        await app.paint()
        if (table := app.table) is not None and table.row_count and not app.screen.query_one("#body").loading:
            return time.perf_counter() - began


async def keys(app: TimedConsole, seconds: float) -> list[float]:
    """Seconds from each key to the cursor painted in its new place."""
    table = app.table
    assert table is not None, "the orders are in front"
    took: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        key = _KEYS[len(took) % len(_KEYS)]
        had = table.cursor_id
        app.painted.clear()
        began = time.perf_counter()
        app.post_message(events.Key(key, key if len(key) == 1 else None))
        while True:
            await app.paint()
            if table.cursor_id != had:
                break
        took.append(time.perf_counter() - began)
        await asyncio.sleep(max(0.0, _BETWEEN_KEYS_S - took[-1]))
    return took


async def lateness(stop: asyncio.Event) -> list[float]:
    """Seconds by which the loop was late, each time it was to wake up."""
    late: list[float] = []
    while not stop.is_set():
        began = time.perf_counter()
        await asyncio.sleep(_LOOP_STEP_S)
        late.append(time.perf_counter() - began - _LOOP_STEP_S)
    return late


async def _answer(app: TimedConsole, pilot: Pilot[None]) -> None:
    shown = await first_paint(app)
    _print({"first_paint_s": shown, "rows": app.table.row_count if app.table else 0})
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        stop = asyncio.Event()
        watching = asyncio.create_task(lateness(stop))
        cpu = time.process_time()
        took = await keys(app, asked["seconds"])
        stop.set()
        _print(
            {
                "keys_s": took,
                "late_s": await watching,
                "cpu": (time.process_time() - cpu) / asked["seconds"],
                "rows": app.table.row_count if app.table else 0,
            }
        )


def _print(answer: dict[str, Any]) -> None:
    assert sys.__stdout__ is not None, "started with a pipe"
    sys.__stdout__.write(json.dumps(answer) + "\n")
    sys.__stdout__.flush()


async def main(home: Path) -> None:
    with opened(load_settings(home=home), clock=SystemClock(), actor="bench") as context:
        app = TimedConsole(context)
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause()
            await _answer(app, pilot)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
