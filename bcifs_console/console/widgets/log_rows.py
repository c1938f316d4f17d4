"""What the Log says: the columns of a row, one row in full, and the line that tells what is left out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from textual.content import Content

from bcifs_console.console import text
from bcifs_console.console.activity_words import about, before_and_after, rest_of, said, shown, target, why
from bcifs_console.console.widgets.columns import Column
from bcifs_console.console.widgets.lines import DIM, EMPTY, Lines, facts, fit, heading, line, paragraph
from bcifs_console.store.views.activity import Entry

LOG_COLUMNS: Final[Sequence[Column]] = (
    Column("day", "Day", 6, from_width=74, sortable=False),
    Column("time", "UTC", 8, sortable=False),
    Column("event", "Event", 13, sortable=False),
    Column("about", "About", 14, sortable=False),
    Column("said", "What", 20, grow=1, sortable=False),
    Column("actor", "Who", 8, from_width=86, sortable=False),
    Column("connection", "Connection", 10, from_width=96, sortable=False),
)


def entry_cells(entry: Entry) -> Sequence[Content]:
    """One row."""
    state, word = shown(entry)
    return (
        Content.styled(f"{entry.at:%d %b}", DIM),
        Content.styled(f"{entry.at:%H:%M:%S}", DIM),
        text.state(state, word),
        text.plain(about(entry)),
        text.plain(said(entry)),
        text.plain(entry.actor, DIM),
        text.plain(entry.connection, DIM),
    )


def entry_lines(entry: Entry | None, now: datetime, width: int) -> Lines:
    """One row in full: what, before and after, why, who and when."""
    if entry is None:
        return []
    state, word = shown(entry)
    lines = [heading(about(entry) or entry.event, width), text.state(state, word)]
    lines += paragraph(said(entry), width)
    if (change := before_and_after(entry)) is not None:
        lines += [EMPTY, *facts([("before", change[0] or "–"), ("after", change[1] or "–")], width, label=10)]
    if reasons := why(entry):
        lines += [EMPTY, *facts(reasons, width, label=10)]
    lines += [EMPTY, *facts(_circumstances(entry, now), width, label=10)]
    if more := rest_of(entry):
        lines += [EMPTY, heading("Details", width), *facts(more, width, label=10)]
    if target(entry) is not None:
        lines += [EMPTY, *paragraph("Enter opens it.", width, style=DIM)]
    return lines


def _circumstances(entry: Entry, now: datetime) -> list[tuple[str, str]]:
    return [
        ("when", f"{entry.at:%d %b %Y %H:%M:%S} UTC, {text.ago(now, entry.at)}"),
        ("who", entry.actor),
        ("connection", entry.connection or "–"),
        ("event", entry.event),
        ("row", f"{entry.id}"),
    ]


def filter_line(level: str, kind: str, connection: str, width: int, *, following: bool, new_rows: int) -> Content:
    """Which lines are shown, each with the key that changes it, and whether the list follows."""
    pieces = [("e", level), ("t", kind), ("c", connection or "all connections")]
    shown_ = [Content.assemble((f"{key} ", "bold $primary"), text.plain(name)) for key, name in pieces]
    left = Content.styled("   ", DIM).join(shown_)
    if following:
        right = Content.styled("◉ following", "$text-success")
    else:
        new = f"↓ {new_rows:,} new, " if new_rows else ""
        right = Content.styled(f"{new}f follows", "$text-warning" if new_rows else DIM)
    room = max(1, width - left.cell_length - right.cell_length)
    return line(left, fit("", room), right)
