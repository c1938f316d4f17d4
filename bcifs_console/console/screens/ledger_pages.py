"""What the Ledger screen says of days and differences: rows of the grid and lines of the panes. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from textual.content import Content

from bcifs_console.base.text import safe_text
from bcifs_console.console import text
from bcifs_console.console.screens.order_out import document_lines
from bcifs_console.console.widgets.columns import Column
from bcifs_console.console.widgets.lines import (
    BAD,
    DIM,
    EMPTY,
    GOOD,
    NEW,
    STRONG,
    WARN,
    Lines,
    Piece,
    amount_text,
    facts,
    heading,
    line,
    paragraph,
)
from bcifs_console.console.widgets.text_table import Cell, table_lines
from bcifs_console.domain.money import ZERO, digits
from bcifs_console.operations.case_view import CaseDocument
from bcifs_console.store.views.ledger_pages import DocumentLine, ReconciledDay

#: The kinds of what is compared, in the order of the law's table; two shown only where there is room.
KINDS: Final = ("orders", "payments", "shipments", "refunds", "voids", "other")
_TITLES: Final = tuple(zip(KINDS, ("Orders", "Paid", "Sent", "Back", "Voids", "Other"), strict=True))
GRID_COLUMNS: Final = (
    Column("day", "Day", 10),
    Column("currency", "", 3),
    Column("verdict", "Books   ◔ since", 16, sortable=False),
    *(Column(kind, title, 6, align="right", sortable=False) for kind, title in _TITLES[:4]),
    *(Column(kind, title, 6, align="right", sortable=False, from_width=86) for kind, title in _TITLES[4:]),
)
DOCUMENT_COLUMNS: Final = (
    Column("key", "Document", 20, grow=3),
    Column("state", "State", 11, sortable=False),
    Column("amount", "Amount", 10, align="right", number=True, sortable=False),
    Column("currency", "", 3, sortable=False),
    Column("day", "Dated", 10, sortable=False, from_width=74),
    Column("reference", "In IFS", 11, grow=1, sortable=False, from_width=62),
)
DIFFERENCE_COLUMNS: Final = (
    Column("verdict", "", 11, sortable=False),
    Column("key", "Document", 18, grow=1, sortable=False),
    Column("off", "Off", 10, align="right", number=True, sortable=False),
    Column("store", "Store", 10, align="right", number=True, sortable=False, from_width=74),
    Column("ifs", "IFS", 10, align="right", number=True, sortable=False, from_width=74),
)
OUTDATED: Final = "outdated"
NOT_COMPARED: Final = "not compared"
#: The worst first: what a day is called whose kinds differ.
_WORST: Final = ("red", "explained", "green")
_GLYPHS: Final = {"red": ("✗", BAD), OUTDATED: ("◔", WARN), "explained": ("≈", WARN), "green": ("✓", GOOD)}
_NONE: Final[Mapping[date, int]] = MappingProxyType({})
_WHAT: Final = {
    "missing": "not in IFS",
    "stray": "only in IFS",
    "twice": "in IFS more than once",
    "currency": "another currency",
    "amount": "another amount",
    "accounts": "other accounts",
    "day": "another day",
    "fault": "wrong in IFS",
}


@dataclass(frozen=True, slots=True)
class GridDay:
    """One day and currency of the grid. Without rows it was never compared; `vouchers` of ours are of that day.

    `since`: so many documents of the day were written or confirmed after it was compared.
    """

    day: date
    currency: str
    rows: Mapping[str, ReconciledDay]
    vouchers: int = 0
    since: int = 0

    @property
    def is_outdated(self) -> bool:
        """Whether something of the day came after it was compared: `state` is what was found before that."""
        return any(row.outdated for row in self.rows.values())

    @property
    def state(self) -> str:
        """red, explained or green as it was found last, or not compared."""
        if not self.rows:
            return NOT_COMPARED
        verdicts = {row.verdict for row in self.rows.values()}
        return next(state for state in _WORST if state in verdicts)

    @property
    def differences(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Each difference with its kind, red ones first."""
        found = [(kind, each) for kind in KINDS if kind in self.rows for each in self.rows[kind].differences]
        return sorted(found, key=lambda pair: pair[1].get("verdict") != "red")

    @property
    def made_at(self) -> datetime | None:
        return min((row.made_at for row in self.rows.values()), default=None)


def grid_days(
    found: Iterable[ReconciledDay], vouchers: Mapping[date, int], since: Mapping[date, int] = _NONE
) -> list[GridDay]:
    """The grid's rows, newest day first: days that were compared, and days of vouchers that were not. `since`: how much
    of a day came after it was compared."""
    by_day: dict[tuple[date, str], dict[str, ReconciledDay]] = {}
    for row in found:
        by_day.setdefault((row.day, row.currency), {})[row.kind] = row
    days = [
        GridDay(day, currency, rows, vouchers.get(day, 0), since.get(day, 0))
        for (day, currency), rows in by_day.items()
    ]
    compared = {day for day, _ in by_day}
    days += [GridDay(day, "", {}, number) for day, number in vouchers.items() if day not in compared]
    return sorted(days, key=lambda each: (-each.day.toordinal(), each.currency))


def grid_cells(found: GridDay) -> list[Content]:
    """A row of the grid."""
    since = line(" ", (_came_since(found), WARN)) if found.is_outdated else Content("")
    return [
        Content(f"{found.day:%a} {found.day.day:>2} {found.day:%b}"),
        Content.styled(safe_text(found.currency), DIM),
        day_state(found.state) + since,
        *(_cell(found.rows.get(kind)) for kind in KINDS),
    ]


def day_state(state: str) -> Content:
    """Glyph and word for how a day's books are."""
    glyph, style = _GLYPHS.get(state, ("·", DIM))
    return Content.styled(f"{glyph} {state}", style)


def _came_since(found: GridDay) -> str:
    """`◔ 3`: so many came since; `◔` alone where their number is not known."""
    return f"{_GLYPHS[OUTDATED][0]} {found.since or ''}".rstrip()


def _cell(row: ReconciledDay | None) -> Content:
    if row is None:
        return Content("")
    glyph, style = _GLYPHS[row.verdict]
    return line((glyph, style), f" {row.ifs_count}")


def month_lines(name: str, month: date, days: Sequence[GridDay], width: int) -> Lines:
    """What stands above the grid: whose books, which month, how its days are."""
    counts = {state: sum(day.state == state for day in days) for state in (*_WORST, NOT_COMPARED)}
    pieces: list[Piece] = [(f" {safe_text(name)} ", "bold reverse"), f" {month:%B %Y}  "]
    for state, number in counts.items():
        if number:
            glyph, style = _GLYPHS.get(state, ("·", DIM))
            pieces += [(f"{glyph} {number} {state}", style), "  "]
    if outdated := sum(day.is_outdated for day in days):
        glyph, style = _GLYPHS[OUTDATED]
        pieces.append((f"{glyph} {outdated} {OUTDATED}", style))
    if not days:
        pieces.append(("nothing was booked", DIM))
    return [line(*pieces).truncate(width, ellipsis=True)]


def documents_head(number: int, filtered: str, width: int) -> Lines:
    """What stands above the documents."""
    many = f" {number:,} document{'' if number == 1 else 's'} "
    told = f" that match {safe_text(filtered)}" if filtered else " of all connections, newest first"
    return [line((many, "bold reverse"), (told, DIM)).truncate(width, ellipsis=True)]


def day_lines(found: GridDay | None, width: int, now: datetime) -> Lines:
    """A day: both sides by kind, to the cent, and what to press."""
    if found is None:
        return paragraph("No day of this month has anything to compare.", width, style=DIM, indent=1)
    title = f"{found.day:%A} {found.day.day} {found.day:%B %Y}"
    since: Piece = (f"  {_came_since(found)} since {_compared_at(found, now)}", WARN) if found.is_outdated else ""
    lines: Lines = [heading(title, width, found.currency), line(" ", day_state(found.state), since)]
    if not found.rows:
        told = f"{found.vouchers} voucher{'' if found.vouchers == 1 else 's'} of ours, never compared with IFS."
        return [
            *lines,
            *paragraph(told, width, indent=1),
            *paragraph("n compares the day.", width, lead=" ▸ ", style=NEW),
        ]
    made = f"compared {text.ago(now, found.made_at)}"
    lines += paragraph(made, width, style=DIM, indent=1)
    if found.is_outdated:
        lines += paragraph(
            "Something of this day was written since: n compares it anew.", width, lead=" ▸ ", style=WARN
        )
    lines += [EMPTY, *_sums(found, width)]
    number = len(found.differences)
    if number:
        many = f"{number} difference{'' if number == 1 else 's'}"
        lines += [EMPTY, line(" ", (many, STRONG), (": Enter goes there", DIM))]
    else:
        lines += [EMPTY, line(" ", ("Both sides agree to the cent.", GOOD))]
    return lines


def _compared_at(found: GridDay, now: datetime) -> str:
    """`13:49` (UTC) of today, else `21 Nov`."""
    made = found.made_at or now
    return f"{made:%H:%M}" if made.date() == now.date() else f"{made.day} {made:%b}"


def _sums(found: GridDay, width: int) -> Lines:
    """Both sides of each kind; without how many there are where that would leave no room for the kinds' names."""
    titles, rows = ("", "", "store>", "IFS>", "off>"), _sum_rows(found)
    lines = table_lines(titles, rows, width)
    if all(str(row[0][0]) in shown.plain for row, shown in zip(rows, lines[2:], strict=True)):
        return lines
    return table_lines(titles[:1] + titles[2:], [[row[0], *row[2:]] for row in rows], width)


def _sum_rows(found: GridDay) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    places = digits(found.currency)
    for kind in KINDS:
        row = found.rows.get(kind)
        if row is None:
            continue
        _, style = _GLYPHS[row.verdict]
        rows.append(
            [
                (kind, style),
                (_numbers(row), DIM if row.store_count == row.ifs_count else style),
                amount_text(row.store_sum, places),
                amount_text(row.ifs_sum, places),
                (_signed(row.off, places), style) if row.off else "",
            ]
        )
    return rows


def _numbers(row: ReconciledDay) -> str:
    """`×4`; `×4/3` where IFS has another number than the store."""
    return f"×{row.store_count}" + (f"/{row.ifs_count}" if row.ifs_count != row.store_count else "")


def _signed(amount: Decimal, places: int) -> str:
    return f"{'+' if amount > ZERO else ''}{amount_text(amount, places)}"


def difference_cells(kind: str, found: Mapping[str, Any], currency: str) -> list[Content]:
    """A row of the differences."""
    return [
        day_state(str(found.get("verdict", ""))),
        Content(safe_text(str(found.get("key") or found.get("ifs_reference") or kind))),
        Content.styled(_signed(_off(found), digits(currency)), BAD if found.get("verdict") == "red" else ""),
        _amount(found.get("store_amount"), currency),
        _amount(found.get("ifs_amount"), currency),
    ]


def _amount(value: object, currency: str) -> Content:
    return Content.styled("–", DIM) if value is None else Content(amount_text(Decimal(str(value)), digits(currency)))


def difference_lines(found: Mapping[str, Any], currency: str, document: CaseDocument | None, width: int) -> Lines:
    """A difference: what, how much, why and what to do; then the document as our ledger has it."""
    verdict = str(found.get("verdict", ""))
    what = _WHAT.get(str(found.get("what", "")), str(found.get("what", "")))
    lines = [heading(str(found.get("key") or found.get("ifs_reference") or "?"), width, what)]
    lines += paragraph(
        str(found.get("explanation") or ""), width, lead=f" {_GLYPHS.get(verdict, ('·', ''))[0]} ",
        style=_GLYPHS.get(verdict, ("", ""))[1],
    )  # fmt: skip
    if found.get("remedy"):
        lines += paragraph(str(found["remedy"]), width, lead=" → ")
    off = _off(found)
    rows: list[tuple[str, Piece]] = [
        (" store", _side(found, "store", currency)),
        (" IFS", _side(found, "ifs", currency)),
        (" off", (f"{_signed(off, digits(currency))} {currency}", BAD if off else DIM)),
    ]
    if found.get("order_id") is not None:
        rows.append((" order", f"{found['order_id']} (Enter opens it)"))
    lines += facts(rows, width, label=7)
    if document is not None:
        lines += [EMPTY, *document_lines(document, width)]
    elif found.get("key"):
        lines += [EMPTY, *paragraph("Our ledger has no such document.", width, style=DIM, indent=1)]
    return lines


def _side(found: Mapping[str, Any], side: str, currency: str) -> Piece:
    amount, day = found.get(f"{side}_amount"), found.get(f"{side}_day")
    if amount is None:
        return ("nothing", DIM)
    told = [f"{amount_text(Decimal(str(amount)), digits(currency))} {currency}", str(day or "")]
    if side == "ifs":
        told.append(str(found.get("ifs_reference") or ""))
    return " · ".join(filter(None, told))


def _off(found: Mapping[str, Any]) -> Decimal:
    ifs, store = (Decimal(str(found.get(name) or 0)) for name in ("ifs_amount", "store_amount"))
    return ifs - store


def document_cells(found: DocumentLine) -> list[Content]:
    """A row of the documents."""
    is_money = found.kind.value != "order_update"
    return [
        Content(safe_text(found.key)),
        text.state(found.state, "nothing" if found.state == "nothing_to_post" else ""),
        Content(amount_text(found.amount, digits(found.currency)) if is_money and found.currency else ""),
        Content.styled(safe_text(found.currency), DIM),
        Content.styled(f"{found.day or found.created_at.date():%Y-%m-%d}", "" if found.day else DIM),
        Content(safe_text(found.reference)),
    ]


def month_of(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def months_on(month: date, by: int) -> date:
    """The first day of the month so many months on."""
    number = month.year * 12 + month.month - 1 + by
    return date(number // 12, number % 12 + 1, 1)


def last_day(month: date) -> date:
    """The last day of a month."""
    return months_on(month, 1) - timedelta(days=1)
