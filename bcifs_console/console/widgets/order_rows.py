"""Orders as lines of the list, and one order in brief beside it. Pure: values in, `Content` out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Final

from textual.content import Content

from bcifs_console.base.text import safe_text
from bcifs_console.console import text
from bcifs_console.console.widgets import lines
from bcifs_console.console.widgets.columns import Column
from bcifs_console.domain.states import OrderState
from bcifs_console.store.views.order_list import OrderRow

ORDER_COLUMNS: Final = (
    Column("order", "Order", 7, number=True),
    Column("connection", "Store", 7, sortable=False),
    Column("placed", "Placed", 8),
    Column("customer", "Customer", 12, grow=1),
    Column("state", "Status", 18),
    Column("total", "Total", 14, align="right", number=True),
    Column("ifs_order", "IFS order", 10, from_width=100, sortable=False),
    Column("ifs_customer", "IFS customer", 12, from_width=120, sortable=False),
    Column("tries", "Tries", 5, align="right", number=True, from_width=112, sortable=False),
    Column("age", "Age", 6, align="right", from_width=96, sortable=False),
    Column("next_try", "Next try", 9, from_width=132, sortable=False),
)
_REASONS: Final = {"unknown_outcome": "outcome"}
_NONE: Final = Content.styled("-", lines.DIM)


def cells(row: OrderRow, now: datetime) -> Sequence[Content]:
    """The order's values, one a column; `now` is in the time zone of this machine."""
    return (
        Content(str(row.order_id)),
        text.plain(row.connection, lines.DIM),
        Content(short_day(row.placed_at, now)) if row.placed_at else Content.styled("new", "$text-accent"),
        text.plain(buyer(row)),
        state_of(row),
        Content(text.money(row.total, row.currency)) if row.total is not None else _NONE,
        text.plain(row.ifs_order_no) if row.ifs_order_no else _NONE,
        text.plain(row.ifs_customer) if row.ifs_customer else _NONE,
        Content(str(row.attempts)) if row.attempts else _NONE,
        Content.styled(_age(row, now), lines.DIM),
        Content(text.age(now, row.next_try_at)) if row.state == OrderState.DUE.value else _NONE,
    )


def buyer(row: OrderRow) -> str:
    """Who bought: the name, else the e-mail."""
    return row.buyer_name or row.email


def state_of(row: OrderRow) -> Content:
    """Glyph and word, and in a word why it waits."""
    reason = _REASONS.get(row.reason, row.reason)
    word = row.state
    if reason and row.state in (OrderState.WAITING.value, OrderState.DUE.value):
        word = f"{row.state} {reason.replace('_', ' ')}"
    return text.state(row.state, word)


def short_day(moment: datetime, now: datetime) -> str:
    """`10:02` today, `23 Nov` this year, else `2025-11`; in the time zone of this machine, as `now` already is."""
    local = moment.astimezone()  # by the rules of that day, which may be of summer
    if local.date() == now.date():
        return f"{local:%H:%M}"
    return f"{local:%d %b}" if local.year == now.year else f"{local:%Y-%m}"


def _age(row: OrderRow, now: datetime) -> str:
    """How long ago it was placed, or first seen; no seconds, for the list is drawn anew once a minute."""
    told = text.age(now, row.placed_at or row.first_seen_at)
    return "now" if told.endswith(" s") else told


def brief(row: OrderRow, now: datetime, width: int) -> Content:
    """The order in brief, for the pane beside the list."""
    warnings = json.loads(row.warnings)
    shown: list[Content] = [
        lines.heading(f"Order {row.order_id}", width, row.connection),
        Content(""),
        state_of(row),
        *_trouble(row, width),
        Content(""),
        *lines.facts(_facts(row, now), width, label=9),
    ]
    if warnings:
        shown += [Content(""), Content.styled(f"! {len(warnings)} warning{'s' * (len(warnings) > 1)}", lines.WARN)]
        for warning in warnings[:3]:
            shown += lines.paragraph(str(warning.get("message", "")), width, style=lines.DIM, indent=2)
    shown += [Content(""), Content.styled("⏎ the whole story", lines.DIM)]
    return Content("\n").join(shown)


def _facts(row: OrderRow, now: datetime) -> list[tuple[str, lines.Piece]]:
    told: list[tuple[str, lines.Piece]] = [
        ("Buyer", buyer(row) or "-"),
        ("E-mail", (row.email or "-", lines.DIM)),
        ("Total", (text.money(row.total, row.currency), lines.STRONG)),
        ("Placed", _moment(row.placed_at)),
        ("Seen", _moment(row.first_seen_at)),
        ("Customer", row.ifs_customer or ("-", lines.DIM)),
        ("IFS order", row.ifs_order_no or ("-", lines.DIM)),
    ]
    if row.synced_at is not None:
        told.append(("In IFS", _moment(row.synced_at)))
    if row.attempts:
        told.append(("Tries", str(row.attempts)))
    if row.state == OrderState.DUE.value and row.next_try_at is not None:
        told.append(("Next try", text.age(now, row.next_try_at)))
    return told


def _trouble(row: OrderRow, width: int) -> list[Content]:
    if not row.error:
        return []
    told = [Content(""), *lines.paragraph(row.error, width)]
    if row.remedy:
        told += lines.paragraph(row.remedy, width, style=lines.DIM, lead="→ ")
    return told


def _moment(moment: datetime | None) -> lines.Piece:
    return f"{moment.astimezone():%d %b %Y %H:%M}" if moment is not None else ("-", lines.DIM)


def several(count: int, sums: Mapping[str, Decimal], width: int) -> Content:
    """What the pane says while orders are marked."""
    money = [text.money(total, currency) for currency, total in sorted(sums.items())]
    room = max((len(each) for each in money), default=0)
    return Content("\n").join(
        [
            lines.heading(f"{count:,} marked", width),
            Content(""),
            *(Content.styled(each.rjust(room), lines.STRONG) for each in money),
            Content(""),
            *lines.paragraph("r looks at all of them again. Esc takes the marks off.", width, style=lines.DIM),
        ]
    )


def as_json(row: OrderRow) -> str:
    """Everything the list knows of the order, as JSON."""
    found = {field.name: getattr(row, field.name) for field in fields(row)}
    found["warnings"] = json.loads(row.warnings)
    return json.dumps(found, indent=2, ensure_ascii=False, default=_plain)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else safe_text(str(value))
