"""How long a command takes as a whole process: `bcifs --version` and `bcifs status` beside an interpreter's start."""

from __future__ import annotations

import cProfile
import subprocess
import sys
import time
from collections.abc import Sequence
from statistics import median
from typing import Final

from tests.benchmarks.processes import BCIFS, Failed, command
from tests.benchmarks.profiling import top
from tests.benchmarks.results import Benchmark, Effort, Goal, Measured, Row, Workplace
from tests.benchmarks.stage import lone_home

VERSION_GOAL: Final = Goal(3.0)
STATUS_GOAL: Final = Goal(20.0)
_RUNS: Final = {Effort.FULL: 25, Effort.QUICK: 9, Effort.TINY: 1}


async def run(workplace: Workplace) -> Measured:
    made = await lone_home(workplace.folder_for("startup"))
    commands = {
        "python": (sys.executable, "-c", "pass"),
        "version": (BCIFS, "--version"),
        "status": (BCIFS, "--home", str(made.home), "status", "--json"),
    }
    took: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(_RUNS[workplace.effort] + 1):
        for name, arguments in commands.items():
            seconds = _seconds(arguments)
            if turn:  # the first is a warm-up
                took[name].append(seconds)
    python = median(took["python"]) * 1000
    rows = tuple(
        Row(f"`bcifs {name}`", median(took[key]) * 1000, "ms", python, "`python -c pass`", goal)
        for name, key, goal in (("--version", "version", VERSION_GOAL), ("status", "status", STATUS_GOAL))
    )
    note = (
        f"Medians of {len(took['python'])} runs in turn, each a whole process; `status` on a home with one connection."
    )
    return Measured(rows, (note,))


def _seconds(arguments: Sequence[str]) -> float:
    """Blocking on purpose: an event loop's own way to start a process takes as long as a small command."""
    began = time.perf_counter()
    done = subprocess.run(arguments, stdout=subprocess.DEVNULL, check=False)
    took = time.perf_counter() - began
    if done.returncode != 0:
        raise Failed(f"{' '.join(arguments)} ended with {done.returncode}")
    return took


async def profile(workplace: Workplace) -> str:
    """Where `bcifs status` spends its time."""
    folder = workplace.folder_for("startup-profile")
    output = folder / "status.prof"
    made = await lone_home(folder)
    program = ("-m", cProfile.__name__, "-o", str(output), "-m", "bcifs_console")
    await command(sys.executable, *program, "--home", str(made.home), "status", "--json")
    return top(output)


BENCHMARK: Final = Benchmark("startup", run, profile)
