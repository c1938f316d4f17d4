"""A run in words: for the terminal while it runs, and as docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tests.benchmarks.results import Effort, Measured, Row

_HEAD = "| what | figure | yardstick | ratio | goal | met? |\n|---|---:|---:|---:|---:|---|\n"


@dataclass(frozen=True, slots=True)
class Section:
    """One benchmark as measured, with the profile of our side where a goal was missed."""

    name: str
    measured: Measured
    profile: str = ""


def number(value: float) -> str:
    """Three digits that mean something."""
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def amount(value: float, unit: str) -> str:
    return f"{number(value)}{unit}" if unit.startswith("/") else f"{number(value)} {unit}".rstrip()


def verdict(row: Row) -> str:
    return {None: "", True: "✓ yes", False: "✗ no"}[row.is_met]


def goal(row: Row) -> str:
    if row.goal is None:
        return ""
    return f"{row.goal} ×" if row.goal.on_ratio else f"{row.goal} {row.unit}".rstrip()


def line(row: Row) -> str:
    """One row for the terminal."""
    parts = [f"  {row.what}: {amount(row.figure, row.unit)}"]
    if row.yardstick is not None and row.ratio is not None:
        parts.append(f"{row.yardstick_is}: {amount(row.yardstick, row.unit)}; ratio {row.ratio:.2f}")
    if row.goal is not None:
        parts.append(f"goal {goal(row)}: {verdict(row)}")
    return "; ".join(parts)


def _cells(row: Row) -> str:
    yardstick = "" if row.yardstick is None else f"{amount(row.yardstick, row.unit)} ({row.yardstick_is})"
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    return f"| {row.what} | {amount(row.figure, row.unit)} | {yardstick} | {ratio} | {goal(row)} | {verdict(row)} |\n"


def document(sections: list[Section], machine: Mapping[str, str], at: datetime, effort: Effort) -> str:
    """The whole page."""
    quick = "" if effort is Effort.FULL else f" This is a *{effort}* run: too short to be quoted."
    text = [
        "# Benchmarks\n\n",
        "Written by `make bench` (DESIGN §17 has the goals); do not edit. Every figure stands beside a yardstick "
        f"measured in the same run; the ratios travel between machines, the figures do not.{quick}\n\n",
        f"Measured on {at:%Y-%m-%d %H:%M} UTC: ",
        "; ".join(f"{name}: {value}" for name, value in machine.items()),
        ".\n\n",
        _HEAD,
        *(_cells(row) for section in sections for row in section.measured.rows),
    ]
    text.append("\n## Notes\n\n")
    text += [f"- **{section.name}**: {note}\n" for section in sections for note in section.measured.notes]
    missed = [section for section in sections if any(row.is_met is False for row in section.measured.rows)]
    text.append("\n## Goals missed\n\n")
    if not missed:
        text.append("None.\n")
    for section in missed:
        text += [f"- {row.what}: {_missed(row)}\n" for row in section.measured.rows if row.is_met is False]
    for section in sections:
        if section.profile:
            text.append(
                f"\n### Where the time goes: {section.name}\n\ncProfile of our side, by each function's own time "
                f"(`tottime`); profiling slows the code down, so read the order and not the seconds.\n\n"
                f"```\n{section.profile}\n```\n"
            )
    return "".join(text)


def _missed(row: Row) -> str:
    value = f"ratio {row.ratio:.2f}" if row.goal and row.goal.on_ratio and row.ratio else amount(row.figure, row.unit)
    return f"{value}, goal {goal(row)}"
