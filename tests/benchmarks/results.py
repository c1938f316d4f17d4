"""What a benchmark answers with: rows of figures beside their yardstick and goal, and notes. No measuring here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Effort(StrEnum):
    """How much is measured: `full` for docs/benchmarks.md, `quick` while working, `tiny` only to see that it runs."""

    FULL = "full"
    QUICK = "quick"
    TINY = "tiny"


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit of DESIGN §17, on the ratio to the yardstick or (`on_ratio` false) on the figure itself."""

    limit: float
    at_least: bool = False
    on_ratio: bool = True

    def is_met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `yardstick` was measured in the same run, in the same unit as `figure`."""

    what: str
    figure: float
    unit: str
    yardstick: float | None = None
    yardstick_is: str = ""
    goal: Goal | None = None

    @property
    def ratio(self) -> float | None:
        return self.figure / self.yardstick if self.yardstick else None

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        if self.goal is None:
            return None
        value = self.ratio if self.goal.on_ratio else self.figure
        assert value is not None, f"{self.what}: a goal on the ratio needs a yardstick"
        return self.goal.is_met(value)


@dataclass(frozen=True, slots=True)
class Measured:
    """One benchmark's answer."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where a run keeps its homes and logs, and how much it measures."""

    folder: Path
    effort: Effort

    def folder_for(self, name: str) -> Path:
        """A fresh folder of that name."""
        for number in range(1, 1000):
            path = self.folder / (name if number == 1 else f"{name}-{number}")
            if not path.exists():
                path.mkdir(parents=True)
                return path
        raise RuntimeError(f"too many folders named {name}")


Run = Callable[[Workplace], Awaitable[Measured]]
#: Profiles our side of a benchmark and answers with the functions that took the time.
Profile = Callable[[Workplace], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A named measurement; `profile` says why where one of its goals is missed."""

    name: str
    run: Run
    profile: Profile | None = None


def index(benchmarks: tuple[Benchmark, ...]) -> Mapping[str, Benchmark]:
    """The benchmarks by name."""
    return {benchmark.name: benchmark for benchmark in benchmarks}
