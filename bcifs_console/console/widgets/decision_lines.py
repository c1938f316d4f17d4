"""The Decisions screen as text: the rows of its list, a buyer's facts, the comparison with a customer. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import zip_longest
from types import MappingProxyType
from typing import Final

from rich.cells import cell_len
from textual.content import Content

from bcifs_console.base.text import safe_text
from bcifs_console.console import text
from bcifs_console.console.widgets.columns import Column
from bcifs_console.console.widgets.lines import (
    BAD,
    DIM,
    GOOD,
    HEAD,
    STRONG,
    WARN,
    Lines,
    facts,
    fit,
    heading,
    line,
    paragraph,
    wrapped,
)
from bcifs_console.domain.buyers import Buyer
from bcifs_console.domain.comparing import Agreement, Compared, compare
from bcifs_console.operations.decide import DecisionDetail
from bcifs_console.store.views.decisions import BuyerView, CandidateView

WAITING_COLUMNS: Final = (
    Column("buyer", "Buyer", 16, grow=3),
    Column("orders", "Orders", 6, align="right", number=True),
    Column("money", "Waiting", 13, align="right", number=True),
    Column("since", "Since", 6, align="right"),
    Column("connection", "Shop", 8, grow=1, from_width=62),
)
ANSWERED_COLUMNS: Final = (
    Column("buyer", "Buyer", 16, grow=3),
    Column("answer", "Answer", 15, grow=2),
    Column("when", "When", 6, align="right"),
    Column("actor", "By", 7, grow=1, from_width=56),
)
_LABEL: Final = 9
_SIGNS: Final[Mapping[Agreement, tuple[str, str]]] = MappingProxyType(
    {
        Agreement.SAME: ("=", GOOD),
        Agreement.ALIKE: ("≈", WARN),
        Agreement.DIFFERS: ("≠", BAD),
        Agreement.UNKNOWN: (" ", DIM),
    }
)
#: IFS has one name: beside the other of the two stands nothing.
_NAMES: Final = frozenset({"name", "company"})
_SHOWN_ORDERS: Final = 6
_PHONE_END: Final = 7


def money_text(sums: Sequence[tuple[str, Decimal]]) -> str:
    """`1,204.00 USD + 88.00 EUR`; "-" for nothing."""
    return " + ".join(text.money(amount, currency) for currency, amount in sums) or "-"


def waiting_cells(found: BuyerView, now: datetime, *, is_later: bool = False) -> tuple[Content, ...]:
    """A row of those that wait. The largest sum stands for all where there are several currencies."""
    more = "+" if len(found.money) > 1 else ""
    amount = f"{text.money(found.money[0][1], found.money[0][0])}{more}" if found.money else "-"
    style = DIM if is_later else ""
    return (
        text.plain(f"{found.name}{' (later)' if is_later else ''}", style),
        text.plain(f"{found.orders}", style),
        text.plain(amount, style),
        text.plain(text.age(now, found.asked_at), style),
        text.plain(found.connection, DIM),
    )


_ANSWERS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {"link": ("→", GOOD), "create": ("+", GOOD), "skip": ("–", DIM), "rule": ("→", GOOD)}
)
_ANSWER_WORDS: Final = MappingProxyType({"link": "is", "create": "new", "skip": "left out", "rule": "by rule"})


def answered_cells(found: BuyerView, now: datetime) -> tuple[Content, ...]:
    """A row of those that were answered."""
    sign, style = _ANSWERS.get(found.action, ("·", DIM))
    word = _ANSWER_WORDS.get(found.action, found.action)
    return (
        text.plain(found.name),
        Content.styled(f"{sign} {word} {safe_text(found.customer_id)}".rstrip(), style),
        text.plain(text.age(now, found.decided_at)),
        text.plain(found.actor, DIM),
    )


def summary(found: Sequence[BuyerView], width: int) -> Lines:
    """What waits in all: `5 buyers · 6 orders` over `1,836.98 USD + 195.90 EUR`."""
    if not found:
        return [heading("Waiting for you", width)]
    sums: dict[str, Decimal] = {}
    for each in found:
        for currency, amount in each.money:
            sums[currency] = sums.get(currency, Decimal(0)) + amount
    ordered = sorted(sums.items(), key=lambda pair: -pair[1])
    orders = sum(each.orders for each in found)
    told = f"{counted(len(found), 'buyer')} · {counted(orders, 'order')}"
    return [heading("Waiting for you", width, told), *paragraph(f"{money_text(ordered)} waiting", width, style=DIM)]


def counted(number: int, what: str) -> str:
    """`1 order`, `2 orders`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def buyer_lines(found: BuyerView, detail: DecisionDetail | None, now: datetime, width: int) -> Lines:
    """Who it is, what is asked, and what waits for the answer."""
    shop = f"  {safe_text(found.connection)}"
    lines = [
        line((fit(found.name, max(4, min(cell_len(safe_text(found.name)), width - cell_len(shop)))), HEAD), (shop, DIM))
    ]
    if found.action:
        lines += _answer_lines(found, now, width)
    else:
        waits = f"{counted(found.orders, 'order')} · {money_text(found.money)} · asked {text.ago(now, found.asked_at)}"
        lines += paragraph(f"{found.question[:1].upper()}{found.question[1:]}.", width, style=WARN, lead="! ")
        lines += paragraph(waits, width, style=STRONG)
    if found.note:
        lines += paragraph(found.note, width, style=DIM, lead="Note: ")
    orders = () if detail is None else (detail.waiting or detail.orders)
    if orders:
        shown = ", ".join(map(str, reversed(orders[-_SHOWN_ORDERS:])))
        more = f" and {len(orders) - _SHOWN_ORDERS} more" if len(orders) > _SHOWN_ORDERS else ""
        lines += paragraph(f"{shown}{more}", width, style=DIM, lead="Orders ")
    return [*lines, Content("")]


def candidates_heading(number: int, width: int, *, has_focus: bool) -> Lines:
    """Over the candidates, with how to choose one."""
    told = "Enter or a letter links" if has_focus else "Enter: choose one of them"
    return [heading("Who it may be in IFS", width, told if number else "")]


def _answer_lines(found: BuyerView, now: datetime, width: int) -> Lines:
    said = {
        "link": f"Is IFS customer {found.customer_id}",
        "create": f"Became new IFS customer {found.customer_id}".rstrip(),
        "skip": "Is left out",
        "rule": f"Is IFS customer {found.customer_id}, by a rule",
    }.get(found.action, found.action)
    who = "by itself" if found.actor == "service" else f"by {found.actor}" if found.actor else ""
    when = f"{text.ago(now, found.decided_at)}" if found.decided_at is not None else ""
    return paragraph(f"{said}: answered {who} {when}.".replace("  ", " "), width, style=GOOD, lead="✓ ")


def comparison_lines(buyer: Buyer | None, against: CandidateView | None, width: int) -> Lines:
    """The buyer's facts; beside them, where there is one, the customer's, with what differs told by sign and colour."""
    if buyer is None:
        return paragraph("No order of this buyer was kept, so nothing more is known.", width, style=DIM)
    if against is None:
        return [heading("The buyer", width), *_alone(buyer, width), Content("")]
    column = max(10, (width - _LABEL - 4) // 2)
    title = f"{against.customer_id} {against.name}"
    lines = [
        heading("Side by side", width),
        line(
            " " * _LABEL,
            (fit("the buyer", column), DIM),
            "   ",
            (fit(title, column), STRONG),
        ),
    ]
    for each in compare(buyer, against.name, against.emails, _whole(against.phones), against.postcodes):
        if each.ours or each.theirs:
            lines += _compared_lines(each, column)
    place = _place(buyer)
    return [*lines, *(facts([("lives at", place)], width, label=_LABEL - 1) if place else []), Content("")]


def _compared_lines(found: Compared, column: int) -> Lines:
    """One fact of both, side by side; what is too long for its column goes on below."""
    sign, style = _SIGNS[found.agreement]
    theirs = found.theirs or ("" if found.fact in _NAMES else "not known")
    ours_parts, their_parts = wrapped(found.ours or "-", column), wrapped(theirs, column)
    return [
        line(
            (fit("" if number else found.fact, _LABEL), DIM),
            fit(ours, column),
            (f" {' ' if number else sign} ", style),
            (fit(other, column), style),
        )
        for number, (ours, other) in enumerate(zip_longest(ours_parts, their_parts, fillvalue=""))
    ]


def _whole(phones: Sequence[str]) -> list[str]:
    """Of a phone that only its end is known of, this is said."""
    return [f"…{phone}" if phone.isdigit() and len(phone) == _PHONE_END else phone for phone in phones]


def _alone(buyer: Buyer, width: int) -> Lines:
    rows = (
        ("name", buyer.address.name),
        ("company", buyer.company),
        ("e-mail", buyer.email),
        ("phone", buyer.address.phone),
        ("lives at", _place(buyer)),
        ("account", "guest" if buyer.is_guest else f"no. {buyer.key.removeprefix('customer:')} in the store"),
    )
    return facts([(name, value) for name, value in rows if value], width, label=_LABEL - 1)


def _place(buyer: Buyer) -> str:
    address = buyer.address
    parts = (address.street_1, address.street_2, f"{address.zip} {address.city}".strip(), address.state)
    return ", ".join(part for part in (*parts, address.country_iso2) if part)
