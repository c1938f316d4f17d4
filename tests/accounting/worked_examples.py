"""Reads docs/accounting.md: its worked examples and the accounts they book on.

The format stands in the document itself, under "How to read an example". It is strict: a line that is not understood,
a block in the wrong place or an example without its blocks raises Unreadable, so that no example can drop out of the
tests unseen. Orders and facts are read by `worked_orders`; what the program makes of them is the test's business.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from bcifs_console.domain.money import ZERO
from bcifs_console.domain.orders import Order
from bcifs_console.domain.rules import Policy, Purpose, Rules
from bcifs_console.domain.vouchers import Rate
from bcifs_console.operations.mapping_file import MappingTable, rules_of
from tests.accounting.worked_orders import Line, Unreadable, WorkedOrder, day_of

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "accounting.md"
_EXAMPLES: Final = "## Worked examples"
_OF_AN_EXAMPLE: Final = frozenset({"order", "facts", "vouchers", "balances"})
_OF_THE_REST: Final = frozenset({"toml", "text", "console"})

_AMOUNT: Final = r"\d+(?:\.\d+)?"
_VOUCHER: Final = r"(?P<key>[A-Z]+(?:/\w+)*) on day (?P<day>\d+)"
_SIDE: Final = rf"(?P<account>\d+) (?P<purpose>[a-z ]+?) +(?P<amount>{_AMOUNT})(?: = (?P<home>{_AMOUNT}))?"
_HELD: Final = rf"balance (?P<amount>{_AMOUNT})(?: (?P<side>held|owed))?"
_UPDATE: Final = r"IFS order: (?P<key>LINE/\d+/\d+|CANCEL|TRACKING)"
_WARNING: Final = r"warning: (?P<code>\w+)"
_WAITS: Final = r"waits: (?P<reason>\w+) for (?P<subject>.+)"
_BALANCE: Final = (
    rf"(?P<account>\d+) (?P<purpose>[a-z ]+?) +(?P<amount>{_AMOUNT})(?: (?P<side>debit|credit))?"
    rf"(?: = (?P<home>{_AMOUNT}))?"
)
_SIGNS: Final = {None: 1, "held": 1, "owed": -1, "debit": 1, "credit": -1}


@dataclass(frozen=True, slots=True, order=True)
class Row:
    """One entry of a T-account. `accounting`: in the accounting currency; at home the same."""

    account: str
    purpose: str
    debit: Decimal
    credit: Decimal
    accounting: Decimal


@dataclass(frozen=True, slots=True)
class Voucher:
    """A voucher as the document shows it. `balance`: what is held for the buyer after it, negative where owed."""

    key: str
    day: date
    rows: tuple[Row, ...]
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Look:
    """One look: the order as the store shows it by then, and what the look must come to."""

    order: Order
    seen_at: datetime
    vouchers: tuple[Voucher, ...]
    updates: tuple[str, ...]  #: of the IFS order: LINE/1/0, CANCEL, TRACKING
    warnings: tuple[str, ...]
    waits: tuple[str, ...]  #: `conflict for refund 10`


@dataclass(frozen=True, slots=True, order=True)
class Balance:
    """What stands on an account in the end, debit positive."""

    account: str
    purpose: str
    amount: Decimal
    accounting: Decimal


@dataclass(frozen=True, slots=True)
class Example:
    title: str
    policy: Policy
    rate: Rate | None
    looks: tuple[Look, ...]
    balances: tuple[Balance, ...]
    is_settled: bool


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block; empty lines are left out."""

    kind: str
    lines: tuple[Line, ...]


@dataclass(slots=True)
class _Section:
    """What stands under one heading; an example's title, empty for the rest of the document."""

    title: str
    blocks: list[Block]


def read_document(text: str) -> tuple[Rules, tuple[Example, ...]]:
    """The mapping rules and the examples of the document. Raises Unreadable."""
    sections = _sections(text)
    tables = [block for section in sections for block in section.blocks if block.kind == "toml"]
    if len(tables) != 1:
        raise Unreadable(f"{len(tables)} toml blocks instead of one with the accounts")
    mapping = tomllib.loads("\n".join(each.text for each in tables[0].lines))["mapping"]
    examples = tuple(_example(section) for section in sections if section.title)
    titles = {example.title for example in examples}
    if not titles or len(titles) < len(examples):
        raise Unreadable("no examples, or two of one title")
    return Rules(rules_of(MappingTable.model_validate(mapping), DOCUMENT)), examples


# -- Markdown ---------------------------------------------------------------------------------------------------------


def _sections(text: str) -> list[_Section]:
    found = [_Section("", [])]
    is_example = False
    kind, lines = "", list[Line]()
    for number, raw in enumerate(text.splitlines(), 1):
        here = Line(number, raw.strip())
        if kind and raw.startswith("```"):
            found[-1].blocks.append(Block(kind, tuple(lines)))
            kind, lines = "", []
        elif kind:
            lines += [here] if here.text else []
        elif here.text.startswith("```"):
            kind = _kind(here, _OF_AN_EXAMPLE if found[-1].title else _OF_THE_REST)
        elif raw.startswith("#"):
            is_example = raw == _EXAMPLES or (is_example and not re.match(r"##? ", raw))
            found.append(_Section(raw.removeprefix("### ") if is_example and raw != _EXAMPLES else "", []))
    if kind:
        raise Unreadable(f"the last {kind} block has no end")
    return found


def _kind(fence: Line, known: Iterable[str]) -> str:
    kind = fence.text.removeprefix("```")
    return kind if kind in known else fence.refuse("no such block here")


# -- an example -------------------------------------------------------------------------------------------------------


def _example(section: _Section) -> Example:
    kinds = " ".join(block.kind for block in section.blocks)
    if not re.fullmatch(r"order( facts vouchers)+ balances", kinds):
        raise Unreadable(f"{section.title}: order, then facts and vouchers in turn, then balances; not: {kinds}")
    first, *turns, last = section.blocks
    worked = WorkedOrder(first.lines)
    looks = []
    for facts, outcome in zip(turns[::2], turns[1::2], strict=True):
        order, seen_at = worked.after(facts.lines)
        looks.append(_look(order, seen_at, outcome.lines))
    if not last.lines:
        raise Unreadable(f"{section.title}: an empty balances block")
    *accounts, ending = last.lines
    is_settled = ending.read(r"(?P<not>not )?settled")["not"] is None
    return Example(section.title, worked.policy, worked.rate, tuple(looks), tuple(map(_balance, accounts)), is_settled)


def _balance(line: Line) -> Balance:
    found = line.read(_BALANCE)
    amount = _signed(found, line)
    home = _SIGNS[found["side"]] * Decimal(found["home"]) if found["home"] else amount
    return Balance(found["account"], _purpose(found["purpose"], line), amount, home)


def _signed(found: re.Match[str], line: Line) -> Decimal:
    """An amount with the sign of its side, which 0.00 has none of."""
    amount = Decimal(found["amount"])
    if bool(amount) != bool(found["side"]):
        line.refuse("an amount has a side, 0.00 has none")
    return _SIGNS[found["side"]] * amount


def _look(order: Order, seen_at: datetime, lines: Sequence[Line]) -> Look:
    """A vouchers block: `nothing`, or vouchers, each closed by its balance, and what else the look comes to."""
    vouchers: list[Voucher] = []
    noted: dict[str, list[str]] = {_UPDATE: [], _WARNING: [], _WAITS: []}
    rest = list(lines)
    if not rest:
        raise Unreadable("an empty vouchers block: write nothing")
    is_nothing = rest[0].text == "nothing"
    if not is_nothing:
        rest[0].read(_VOUCHER)
    for line in rest[1:] if is_nothing else rest:
        kind = next((pattern for pattern in noted if re.fullmatch(pattern, line.text)), None)
        if kind is not None:
            noted[kind].append(" for ".join(line.read(kind).groups()))
    others = [line for line in rest[is_nothing:] if not any(re.fullmatch(pattern, line.text) for pattern in noted)]
    if is_nothing and others:
        others[0].refuse("a voucher after nothing")
    while others:
        vouchers.append(_voucher(others))
    return Look(order, seen_at, tuple(vouchers), tuple(noted[_UPDATE]), tuple(noted[_WARNING]), tuple(noted[_WAITS]))


def _voucher(lines: list[Line]) -> Voucher:
    """Take one voucher off the lines."""
    head = lines.pop(0).read(_VOUCHER)
    rows: list[Row] = []
    while lines and "|" in lines[0].text:
        rows += _rows(lines.pop(0))
    if not lines or not rows:
        raise Unreadable(f"voucher {head['key']} has no rows or no balance")
    held = lines.pop(0)
    return Voucher(head["key"], day_of(head["day"]), tuple(sorted(rows)), _signed(held.read(_HELD), held))


def _rows(line: Line) -> Iterator[Row]:
    sides = [side.strip() for side in line.text.split("|")]
    if len(sides) != 2 or not any(sides):
        line.refuse("debit | credit")
    for side, sign in zip(sides, (1, -1), strict=True):
        if not side:
            continue
        found = Line(line.number, side).read(_SIDE)
        amount = Decimal(found["amount"])
        yield Row(
            account=found["account"],
            purpose=_purpose(found["purpose"], line),
            debit=amount if sign > 0 else ZERO,
            credit=amount if sign < 0 else ZERO,
            accounting=sign * Decimal(found["home"] or amount),
        )


def _purpose(words: str, line: Line) -> str:
    """The purpose, which must be one."""
    try:
        return Purpose(words.replace(" ", "_")).value
    except ValueError:
        line.refuse("no such purpose")
