"""Profiles of our own processes: `python -m tests.benchmarks.profiling OUT bcifs-arguments…` has bcifs profiled.

cProfile sees the thread that it is switched on in. So each thread (the store's writer among them) gets a profiler of
its own, and at the end they are added up. Its clock is the thread's processor time: waiting for a disk, an answer or
another thread does not count. It slows our code down, so a profile says where time goes, never how much of it.
"""

from __future__ import annotations

import contextlib
import cProfile
import io
import pstats
import re
import sys
import threading
import time
from pathlib import Path
from typing import Final

_TOP: Final = 18
_PLACE: Final = re.compile(r"(?:\S*/(?:site-packages|lib/python[\d.]+|main)/)")


def profiled(output: Path) -> tuple[str, ...]:
    """What to put in place of the `bcifs` command to have it profiled into `output`."""
    return sys.executable, "-m", "tests.benchmarks.profiling", str(output)


def top(output: Path, count: int = _TOP) -> str:
    """The functions with the most time of their own, one a line."""
    text = io.StringIO()
    stats = pstats.Stats(str(output), stream=text)
    stats.sort_stats("tottime").print_stats(count)
    lines = [_PLACE.sub("", line).rstrip() for line in text.getvalue().splitlines()]
    first = next(number for number, line in enumerate(lines) if line.lstrip().startswith("ncalls"))
    return "\n".join(line for line in lines[first:] if line.strip())  # without the head, which names a temporary file


def main() -> None:
    output = Path(sys.argv[1])
    sys.argv = ["bcifs", *sys.argv[2:]]
    profiles: list[cProfile.Profile] = []
    plain_run = threading.Thread.run

    def run(thread: threading.Thread) -> None:
        with _profile(profiles):
            plain_run(thread)

    threading.Thread.run = run  # type: ignore[assignment, method-assign]
    from bcifs_console.cli.app import run as bcifs

    try:
        with _profile(profiles):
            bcifs()
    finally:
        merged = pstats.Stats(profiles[0])
        for profile in profiles[1:]:
            merged.add(profile)
        merged.dump_stats(str(output))


class _profile(contextlib.AbstractContextManager[None]):
    """Profile the current thread while inside, as far as the interpreter allows several profilers at once."""

    def __init__(self, profiles: list[cProfile.Profile]) -> None:
        self._profiles = profiles
        self._own = cProfile.Profile(time.thread_time)

    def __enter__(self) -> None:
        with contextlib.suppress(ValueError):  # 3.12+: one profiler at a time
            self._own.enable()

    def __exit__(self, *_: object) -> None:
        self._own.disable()
        self._profiles.append(self._own)


if __name__ == "__main__":
    main()
