"""What the two lists of the Overview say in each column: the needs, and the orders with a problem that are newest."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from textual.content import Content

from bcifs_console.console import text
from bcifs_console.console.needs import Need
from bcifs_console.console.widgets.columns import Column
from bcifs_console.console.widgets.lines import DIM, Lines, heading, paragraph
from bcifs_console.store.views.overview import Trouble

#: Lines that the text of one need and its remedy may take each.
_MOST_LINES: Final = 2

NEED_COLUMNS: Final[Sequence[Column]] = (
    Column("word", "Needs you", 11, sortable=False),
    Column("text", "What", 24, grow=1, sortable=False),
    Column("orders", "Orders", 6, align="right", number=True, sortable=False),
    Column("since", "Since", 7, align="right", sortable=False),
    Column("connection", "Connection", 10, from_width=66, sortable=False),
)

TROUBLE_COLUMNS: Final[Sequence[Column]] = (
    Column("order", "Newest", 11, sortable=False),
    Column("order_id", "Order", 8, align="right", number=True, sortable=False),
    Column("buyer", "Buyer", 16, sortable=False),
    Column("error", "Why", 16, grow=1, sortable=False),
    Column("placed", "Placed", 7, align="right", sortable=False),
)


def need_cells(need: Need, now: datetime) -> Sequence[Content]:
    """One need."""
    return (
        text.state(need.state, need.word),
        text.plain(need.text),
        Content(f"{need.orders:,}" if need.orders else ""),
        Content.styled(text.age(now, need.since) if need.since else "", DIM),
        text.plain(need.connection, DIM),
    )


def need_lines(need: Need | None, width: int) -> Lines:
    """The need under the cursor in full, what to do about it, and where Enter leads."""
    if need is None:
        return []
    title = f"{need.connection}: {need.word}" if need.connection else need.word.capitalize()
    lines = [heading(title, width, right=f"Enter opens {need.section.capitalize()}")]
    lines += paragraph(need.text, width)[:_MOST_LINES]
    return lines + paragraph(need.remedy, width, style=DIM, lead="→ ")[:_MOST_LINES]


def trouble_cells(trouble: Trouble, now: datetime) -> Sequence[Content]:
    """One order with a problem."""
    return (
        text.state(trouble.state),
        Content(str(trouble.order_id)),
        text.plain(trouble.buyer),
        text.plain(trouble.error, DIM),
        Content.styled(text.age(now, trouble.placed_at), DIM),
    )
