"""What the figures were measured on: processors, operating system, Python, and how long the disk takes to sync."""

from __future__ import annotations

import os
import platform
import sqlite3
import time
from pathlib import Path
from statistics import median
from typing import Final

_SYNCS: Final = 50


def describe(folder: Path) -> dict[str, str]:
    """The machine in words; `folder` lies on the disk that the homes are on."""
    return {
        "processors": f"{len(os.sched_getaffinity(0))} × {_processor()}",
        "system": f"{platform.system()} {platform.release()} ({platform.machine()})",
        "Python": f"{platform.python_implementation()} {platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        "disk": f"{_sync_ms(folder):.2f} ms for a 4 KB append and fsync (median of {_SYNCS})",
        "load": f"{os.getloadavg()[0]:.2f} over the minute before",
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or "unknown"


def _sync_ms(folder: Path) -> float:
    """SQLite at FULL syncs once for each commit, so this bounds what a single writer can do."""
    took = []
    path = folder / "sync"
    with path.open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            began = time.perf_counter()
            file.write(bytes(4096))
            os.fsync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    path.unlink()
    return median(took)
