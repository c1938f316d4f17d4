"""`python -m tests.benchmarks`: measure, print each figure against its yardstick and goal, write docs/benchmarks.md.

Exit code 0 whether or not the goals are met (a benchmark informs, `make bench` is no gate); 1 where one did not run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import uvloop

from tests.benchmarks import acks, backfill, calls, company, console, idle, latency, replays, startup, throughput
from tests.benchmarks.machine import describe
from tests.benchmarks.processes import ROOT
from tests.benchmarks.report import Section, document, line
from tests.benchmarks.results import Benchmark, Effort, Workplace, index

_ALL: Final = (acks, company, latency, calls, idle, startup, throughput, backfill, replays, console)
BENCHMARKS: Final = index(tuple(each.BENCHMARK for each in _ALL))
_PAGE: Final = ROOT / "docs" / "benchmarks.md"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def measure(benchmark: Benchmark, workplace: Workplace, *, always_profile: bool = False) -> Section:
    """Run one benchmark; profile our side where a goal is missed."""
    _say(f"{benchmark.name} …")
    measured = await benchmark.run(workplace)
    for row in measured.rows:
        _say(line(row))
    profile = ""
    if benchmark.profile and (always_profile or any(row.is_met is False for row in measured.rows)):
        profile = await benchmark.profile(workplace)
        _say(profile)
    return Section(benchmark.name, measured, profile)


async def _run(names: list[str], effort: Effort, *, always_profile: bool) -> list[Section]:
    # Beside the code, not in /tmp, which may be memory: a sync to disk must be one.
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=build) as folder:
        workplace = Workplace(Path(folder), effort)
        machine = describe(workplace.folder)
        _say("; ".join(f"{name}: {value}" for name, value in machine.items()))
        sections = [await measure(BENCHMARKS[name], workplace, always_profile=always_profile) for name in names]
    if effort is Effort.FULL and names == list(BENCHMARKS):
        _PAGE.write_text(document(sections, machine, datetime.now(UTC), effort), encoding="utf-8")
        _say(f"written: {_PAGE.relative_to(ROOT)}")
    return sections


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(BENCHMARKS), help="run only this one; may be repeated")
    parser.add_argument("--quick", action="store_true", help="a shorter run, good enough while working")
    parser.add_argument("--profile", action="store_true", help="profile our side even where the goals are met")
    given = parser.parse_args()
    effort = Effort.QUICK if given.quick else Effort.FULL
    uvloop.run(_run(given.only or list(BENCHMARKS), effort, always_profile=given.profile))


if __name__ == "__main__":
    main()
