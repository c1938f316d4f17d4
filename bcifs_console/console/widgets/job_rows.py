"""What the lists of the Jobs screen say in each column, one kind of row each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from textual.content import Content

from bcifs_console.console import text
from bcifs_console.console.widgets.columns import Column
from bcifs_console.console.widgets.lines import DIM
from bcifs_console.domain.states import OrderState
from bcifs_console.store.views.jobs import BackfillView, Job, Release
from bcifs_console.store.views.problems import FAILED, ProblemGroup

_BAR_CELLS: Final = 12

PROBLEM_COLUMNS: Final[Sequence[Column]] = (
    Column("state", "Problem", 12, sortable=False),
    Column("orders", "Orders", 6, align="right", number=True, sortable=False),
    Column("error", "Why", 24, grow=1, sortable=False),
    Column("since", "Since", 7, align="right", sortable=False),
    Column("connection", "Connection", 10, from_width=64, sortable=False),
)
RELEASE_COLUMNS: Final[Sequence[Column]] = (
    Column("state", "One first", 12, sortable=False),
    Column("canary", "First", 8, align="right", number=True, sortable=False),
    Column("waiting", "Behind it", 9, align="right", number=True, sortable=False),
    Column("title", "Of", 20, grow=1, sortable=False),
    Column("since", "Since", 7, align="right", sortable=False),
    Column("connection", "Connection", 10, from_width=80, sortable=False),
)
QUEUE_COLUMNS: Final[Sequence[Column]] = (
    Column("state", "State", 12, sortable=False),
    Column("order", "Order", 8, align="right", number=True, sortable=False),
    Column("at", "When", 9, align="right", sortable=False),
    Column("attempts", "Tries", 5, align="right", number=True, sortable=False),
    Column("error", "Why", 16, grow=1, sortable=False),
    Column("connection", "Connection", 10, from_width=64, sortable=False),
)
BACKFILL_COLUMNS: Final[Sequence[Column]] = (
    Column("state", "Backfill", 10, sortable=False),
    Column("wanted", "Orders", 22, grow=1, sortable=False),
    Column("seen", "Read", 7, align="right", number=True, sortable=False),
    Column("progress", "Worked on", 22, sortable=False),
    Column("since", "Since", 7, align="right", sortable=False, from_width=80),
    Column("connection", "Connection", 10, from_width=92, sortable=False),
)


def problem_cells(group: ProblemGroup, now: datetime, *, is_retried: bool) -> Sequence[Content]:
    """One group. `is_retried`: its first order is on its way."""
    shown = text.state(FAILED) if group.kind == FAILED else text.state("waiting", group.kind)
    return (
        text.state("working", "retried") if is_retried else shown,
        Content(f"{group.orders:,}"),
        text.plain(group.error),
        Content.styled(text.age(now, group.since), DIM),
        text.plain(group.connection, DIM),
    )


def release_cells(release: Release, now: datetime) -> Sequence[Content]:
    """One release or retry."""
    return (
        text.state("failed", "stopped") if release.is_stopped else text.state("working", "on its way"),
        Content("–" if release.canary is None else str(release.canary)),
        Content(f"{release.waiting:,}"),
        text.plain(release.title),
        Content.styled(text.age(now, release.since), DIM),
        text.plain(release.connection, DIM),
    )


def queue_cells(job: Job, now: datetime) -> Sequence[Content]:
    """One order of the queue."""
    return (
        _state_of(job, now),
        Content(str(job.order_id)),
        Content.styled(_when(job, now), "" if job.at > now else DIM),
        Content(str(job.attempts) if job.attempts else ""),
        text.plain(job.error or (f"held by {job.owner}" if job.owner else ""), DIM),
        text.plain(job.connection, DIM),
    )


def _state_of(job: Job, now: datetime) -> Content:
    if job.state == OrderState.WORKING.value:
        return text.state("working")
    if job.at > now:
        return text.state("due", "planned")
    return text.state("due", "no hurry") if job.background else text.state("due")


def _when(job: Job, now: datetime) -> str:
    if job.state == OrderState.WORKING.value:
        return f"{text.age(now, job.at).removeprefix('in ')} left" if job.at > now else "ran out"
    return text.age(now, job.at)


def backfill_cells(view: BackfillView, now: datetime) -> Sequence[Content]:
    """One backfill."""
    return (
        text.state("ok", "read") if view.ended_at is not None else text.state("working", "reading"),
        Content(wanted_text(view)),
        Content(f"{view.seen:,}"),
        progress(view.done, view.total),
        Content.styled(text.age(now, view.started_at), DIM),
        text.plain(view.connection, DIM),
    )


def wanted_text(view: BackfillView) -> str:
    """What a backfill was asked for."""
    if view.named:
        return f"{view.named:,} by number"
    since = f"{view.since:%d %b %Y}" if view.since else "the first"
    until = f"{view.until:%d %b %Y}" if view.until else "now"
    return f"{since} to {until}"


def progress(done: int, total: int, *, cells: int = _BAR_CELLS) -> Content:
    """A bar and the numbers: `━━━━━━━━ 120/300`."""
    filled = cells * done // total if total else 0
    bar = Content.assemble(("━" * filled, "$primary"), ("━" * (cells - filled), "$foreground 20%"))
    return Content.assemble(bar, f" {done:,}/{total:,}")
