"""The story of an order as lines: a day's heading, then each step with its time, how long after the one before, what it
was and how long it took. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Final

from rich.cells import cell_len

from bcifs_console.base.text import STATE_STYLE, safe_text
from bcifs_console.console.widgets.lines import (
    BAD,
    DIM,
    EMPTY,
    GOOD,
    NEW,
    STRONG,
    WARN,
    Lines,
    fit,
    heading,
    line,
    wrapped,
)
from bcifs_console.operations.case_steps import Step, StepKind

_GLYPHS: Final = {
    StepKind.STORE: ("◆", NEW),
    StepKind.WEBHOOK: ("↓", NEW),
    StepKind.PERSON: ("@", WARN),
    StepKind.DOCUMENT: ("▪", ""),
    StepKind.CALL: ("·", DIM),
    StepKind.OUTCOME: ("●", STRONG),
    StepKind.NOTE: ("·", DIM),
}
#: The theme's names for the colours of base.text.STATE_STYLE.
STATE_COLOURS: Final = {"green": GOOD, "yellow": WARN, "red": BAD, "cyan": NEW, "dim": DIM}
_CLOCK: Final = 8
_GAP: Final = 7
_TOOK: Final = 7
#: A step that comes so soon after the one before does not say how soon.
_AT_ONCE: Final = timedelta(milliseconds=5)
_DAY: Final = timedelta(days=1)
_TROUBLE: Final = frozenset({"failed", "unknown"})


def duration_text(span: timedelta) -> str:
    """`140ms`, `1.1s`, `42s`, `3min`, `20h`, `2d`: what one takes in at a glance."""
    seconds = span.total_seconds()
    if seconds < 0.9995:
        return f"{round(seconds * 1000)}ms"
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    if seconds < 120:
        return f"{round(seconds)}s"
    if seconds < 7_200:
        return f"{round(seconds / 60)}min"
    if seconds < 172_800:
        return f"{round(seconds / 3_600)}h"
    return f"{span // _DAY}d"


def folded(steps: Sequence[Step]) -> list[Step]:
    """The steps without the calls of documents that stand in IFS: how many there were is said with the document."""
    whole = {step.document for step in steps if step.kind is StepKind.DOCUMENT and step.state == "confirmed"}
    calls = Counter(step.document for step in steps if step.kind is StepKind.CALL)
    kept = []
    for step in steps:
        if step.document not in whole:
            kept.append(step)
        elif step.state == "confirmed" and step.kind is StepKind.DOCUMENT:
            number = calls[step.document]
            told = f"{number} call{'' if number == 1 else 's'}" if number else ""
            kept.append(replace(step, detail=" · ".join(filter(None, (told, step.detail)))))
    return kept


def timeline_lines(steps: Sequence[Step], width: int) -> Lines:
    """The steps for a width in cells; times are UTC."""
    lines: Lines = []
    day: date | None = None
    gaps = [timedelta(0), *(after.at - before.at for before, after in pairwise(steps))]
    for step, gap in zip(steps, gaps, strict=True):
        if step.at.date() != day:
            day = step.at.date()
            lines += [*([EMPTY] if lines else []), heading(f"{day:%a} {day.day} {day:%b %Y}", width, "UTC")]
        lines += _step_lines(step, gap, width)
    return lines


def _step_lines(step: Step, gap: timedelta, width: int) -> Lines:
    glyph, style = _glyph(step)
    is_call = step.kind is StepKind.CALL
    since = "" if gap < _AT_ONCE or is_call else f"+{duration_text(gap)}"
    took = "" if step.took is None or step.took < _AT_ONCE else duration_text(step.took)
    indent = _CLOCK + _GAP + (5 if is_call else 3)
    room = max(12, width - indent - _TOOK)
    told = _told(step)
    head = wrapped(step.what, room) or [""]
    style_of_head = DIM if is_call else STRONG if step.kind is StepKind.OUTCOME else ""
    fits = cell_len(safe_text(f"{head[-1]}  {told}")) <= room
    beside = f"  {told}" if told and fits else ""
    told_style = BAD if step.state == "failed" else DIM
    first = beside if len(head) == 1 else ""
    lines = [
        line(
            (" " * _CLOCK if is_call else f"{step.at:%H:%M:%S}", DIM),
            (fit(since, _GAP, "right"), DIM),
            "   " if is_call else " ",
            (glyph, style),
            " ",
            (head[0], style_of_head),
            (fit(first, room - cell_len(head[0])), told_style),
            (fit(took, _TOOK, "right"), DIM),
        )
    ]
    for number, part in enumerate(head[1:], 2):
        last = safe_text(beside) if number == len(head) else ""
        lines.append(line(" " * indent, (part, style_of_head), (last, told_style)))
    if not beside:
        lines += [line(" " * indent, (part, told_style)) for part in wrapped(told, width - indent)]
    return lines


def _glyph(step: Step) -> tuple[str, str]:
    """The mark of a step: of its state where that says more than its kind."""
    if step.state in STATE_STYLE and (step.kind is not StepKind.CALL or step.state in _TROUBLE):
        mark, colour = STATE_STYLE[step.state]
        return mark, STATE_COLOURS.get(colour, "")
    return _GLYPHS[step.kind]


def _told(step: Step) -> str:
    if step.kind is not StepKind.PERSON:
        return step.detail
    return f"{step.actor}: {step.detail}" if step.detail else f"by {step.actor}"
