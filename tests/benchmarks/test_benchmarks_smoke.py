"""Every benchmark runs, at tiny sizes: shapes and units are checked, never times."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import BENCHMARKS
from tests.benchmarks.processes import command
from tests.benchmarks.profiling import profiled, top
from tests.benchmarks.report import Section, document, line
from tests.benchmarks.results import Effort, Goal, Measured, Row, Workplace
from tests.nightly import IS_NIGHTLY

ROWS = {
    "acks": 4,
    "company": 1,
    "latency": 1,
    "calls": 1,
    "idle": 2,
    "startup": 2,
    "throughput": 1,
    "backfill": 3,
    "replays": 1,
    "console": 3,
}


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """One for all of them, as in a real run: what one has recorded serves the others."""
    return Workplace(tmp_path_factory.mktemp("bench"), Effort.TINY)


#: What takes more than a few seconds at any size is tried at night only.
_AT_ONCE = {"acks", "startup", "replays", "console"}


@pytest.mark.process
@pytest.mark.parametrize("name", [name for name in ROWS if IS_NIGHTLY or name in _AT_ONCE])
async def test_a_benchmark_measures_what_it_promises(workplace: Workplace, name: str) -> None:
    measured = await BENCHMARKS[name].run(workplace)
    assert len(measured.rows) == ROWS[name]
    assert all(row.figure > 0 or row.unit == "% of a core" for row in measured.rows)
    assert all(row.is_met is not None for row in measured.rows if row.goal)
    assert measured.notes


async def test_a_profile_names_functions_of_ours(tmp_path: Path) -> None:
    output = tmp_path / "x.prof"
    await command(*profiled(output), "--home", str(tmp_path / "home"), "status", "--json")
    assert "bcifs_console/store/migrate.py" in top(output, 10_000)


GOOD = Row("acks", 900.0, "/s", 1000.0, "bare", Goal(0.7, at_least=True))
BAD = Row("memory", 200.0, "MB", goal=Goal(150, on_ratio=False))


def test_the_page_shows_each_figure_with_yardstick_goal_and_verdict() -> None:
    sections = [Section("one", Measured((GOOD, BAD), ("a note",)), "the profile")]
    page = document(sections, {"Python": "3.11"}, datetime(2026, 12, 1, tzinfo=UTC), Effort.FULL)
    assert "| acks | 900/s | 1,000/s (bare) | 0.90 | ≥ 0.7 × | ✓ yes |" in page
    assert "| memory | 200 MB |  |  | ≤ 150 MB | ✗ no |" in page
    assert "- memory: 200 MB, goal ≤ 150 MB" in page
    assert "the profile" in page
    assert "a note" in page


def test_a_line_for_the_terminal_names_ratio_and_goal() -> None:
    assert line(GOOD) == "  acks: 900/s; bare: 1,000/s; ratio 0.90; goal ≥ 0.7 ×: ✓ yes"
