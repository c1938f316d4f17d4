"""Comparing two sets of books, entry by entry: what the store says should stand in IFS, and what stands there. Pure.

How the two sides are read, and why an entry may rightly be missing, is not known here: each side comes as plain records
with a key. Every difference has its place, and is either explained or red (DESIGN §9).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from bcifs_console.domain.money import ZERO, padded

#: Account → signed amount (debit positive); accounts that come to zero are left out.
Entries = Mapping[str, Decimal]


class BookKind(StrEnum):
    """What is counted together on one day."""

    ORDERS = "orders"
    PAYMENTS = "payments"
    VOIDS = "voids"
    REFUNDS = "refunds"
    SHIPMENTS = "shipments"
    OTHER = "other"  #: digital goods, gift certificates, reversals, closings, and whatever is not ours


class Verdict(StrEnum):
    GREEN = "green"
    EXPLAINED = "explained"
    RED = "red"


class What(StrEnum):
    """In which way two sides differ."""

    MISSING = "missing"  #: not in IFS
    STRAY = "stray"  #: in IFS, and the store knows of no such thing
    TWICE = "twice"  #: in IFS more than once
    CURRENCY = "currency"
    AMOUNT = "amount"
    ACCOUNTS = "accounts"  #: the amount agrees, its accounts are not those that were posted
    DAY = "day"
    FAULT = "fault"  #: wrong by itself, whatever the store says


@dataclass(frozen=True, slots=True)
class Reasoned:
    """Why two sides may differ, and what a person can do about it. `is_good`: it explains the difference."""

    text: str
    remedy: str = ""
    is_good: bool = True


NOTHING_SAYS: Final = Reasoned("It is not in IFS, and nothing says why.", is_good=False)


@dataclass(frozen=True, slots=True)
class Allowance:
    """Another amount that IFS may rightly show."""

    amount: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class Expected:
    """One fact of the store that IFS should have. `absent` says why it need not be there, or who should look why."""

    key: str
    kind: BookKind
    day: date
    currency: str
    amount: Decimal
    order_id: int | None = None
    absent: Reasoned = NOTHING_SAYS
    entries: Entries | None = None  #: as we posted it, where our ledger has it
    allowances: tuple[Allowance, ...] = ()
    tolerance: Decimal = ZERO  #: how far an amount may be off and be explained by rounding
    moved_to: date | None = None  #: the other day that IFS may show
    moved_because: str = ""
    any_day: bool = False  #: IFS dates it by its own clock
    unfinished: Reasoned | None = None  #: why only a part of it may be in IFS
    reference: str = ""  #: what IFS called it when we posted it


@dataclass(frozen=True, slots=True)
class Booked:
    """One thing that stands in IFS. `key` is empty where it carries none."""

    key: str
    kind: BookKind
    day: date
    currency: str
    amount: Decimal
    reference: str
    entries: Entries = field(default_factory=dict)
    fault: Reasoned | None = None  #: what is wrong with it by itself
    order_id: int | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference, as `reconcile --json` shows it."""

    what: What
    key: str
    order_id: int | None
    ifs_reference: str
    store_amount: Decimal | None
    ifs_amount: Decimal | None
    store_day: date | None
    ifs_day: date | None
    verdict: Verdict
    explanation: str
    remedy: str

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values: amounts as decimal strings, unknown as null."""
        return {
            "what": self.what.value,
            "key": self.key or None,
            "order_id": self.order_id,
            "ifs_reference": self.ifs_reference or None,
            "store_amount": None if self.store_amount is None else f"{self.store_amount:f}",
            "ifs_amount": None if self.ifs_amount is None else f"{self.ifs_amount:f}",
            "store_day": None if self.store_day is None else self.store_day.isoformat(),
            "ifs_day": None if self.ifs_day is None else self.ifs_day.isoformat(),
            "verdict": self.verdict.value,
            "explanation": self.explanation,
            "remedy": self.remedy or None,
        }


@dataclass(frozen=True, slots=True)
class Compared:
    """One day, currency and kind: both sides counted and summed, and every difference between them."""

    day: date
    currency: str
    kind: BookKind
    store_count: int
    store_sum: Decimal
    ifs_count: int
    ifs_sum: Decimal
    differences: tuple[Difference, ...]

    @property
    def verdict(self) -> Verdict:
        """Green where nothing differs, red where one difference is."""
        if not self.differences:
            return Verdict.GREEN
        return Verdict.RED if any(d.verdict is Verdict.RED for d in self.differences) else Verdict.EXPLAINED


_Place = tuple[date, str, BookKind]
_KIND_ORDER: Final = {kind: place for place, kind in enumerate(BookKind)}
NOBODY_KNOWS: Final[Mapping[str, Reasoned]] = MappingProxyType({})
STRAY: Final = Reasoned(
    "IFS has it, and nothing in the store or in our ledger says why.",
    "Look it up in IFS; cancel it there if it is a mistake. Others' vouchers need a voucher type of their own.",
    is_good=False,
)


@dataclass(slots=True)
class _Group:
    store_count: int = 0
    store_sum: Decimal = ZERO
    ifs_count: int = 0
    ifs_sum: Decimal = ZERO
    differences: list[Difference] = field(default_factory=list)


class _Grid:
    """The groups of the days asked for; what lies outside them is let go."""

    def __init__(self, first: date, last: date) -> None:
        self._first, self._last = first, last
        self._groups: dict[_Place, _Group] = {}

    def has(self, day: date) -> bool:
        return self._first <= day <= self._last

    def at(self, side: Expected | Booked) -> _Group:
        """The group of one side's record. A group that lies outside is thrown away by its caller."""
        if not self.has(side.day):
            return _Group()
        return self._groups.setdefault((side.day, side.currency, side.kind), _Group())

    def answer(self) -> list[Compared]:
        ordered = sorted(self._groups.items(), key=lambda item: (item[0][0], item[0][1], _KIND_ORDER[item[0][2]]))
        return [
            Compared(
                *place,
                group.store_count,
                padded(group.store_sum, place[1]),
                group.ifs_count,
                padded(group.ifs_sum, place[1]),
                tuple(group.differences),
            )
            for place, group in ordered
        ]


def compare(
    expected: Iterable[Expected],
    booked: Iterable[Booked],
    first: date,
    last: date,
    strays: Mapping[str, Reasoned] = NOBODY_KNOWS,
) -> list[Compared]:
    """Both sides by day, currency and kind, for the days from `first` to `last`.

    A fact counts on its own day, what is booked on the day it bears in IFS. A difference stands with the fact; where
    that day was not asked for, with what is booked. `strays`: what is known of keys, or of IFS's references, that the
    store does not show.
    """
    grid = _Grid(first, last)
    by_key: dict[str, list[Booked]] = {}
    for entry in booked:
        by_key.setdefault(entry.key, []).append(entry)
    for fact in expected:
        found = by_key.pop(fact.key, [])
        if fact.any_day and found:
            found = [replace(entry, day=fact.day) for entry in found]
        _count(grid, fact, found)
        group = grid.at(fact) if grid.has(fact.day) or not found else grid.at(found[0])
        group.differences += _of_fact(fact, found)
    for entry in (entry for left in by_key.values() for entry in left):
        _count(grid, None, [entry])
        known = strays.get(entry.key) or strays.get(entry.reference) or STRAY
        grid.at(entry).differences.append(_stray(entry, known))
    return grid.answer()


def _count(grid: _Grid, fact: Expected | None, found: Iterable[Booked]) -> None:
    if fact is not None:
        group = grid.at(fact)
        group.store_count += 1
        group.store_sum += fact.amount
    for entry in found:
        group = grid.at(entry)
        group.ifs_count += 1
        group.ifs_sum += entry.amount


def _of_fact(fact: Expected, found: list[Booked]) -> list[Difference]:
    if not found:
        return [_difference(What.MISSING, fact, None, fact.absent)]
    # The one that agrees is the fact's own; any other is one too many.
    ours = min(found, key=lambda entry: (entry.amount != fact.amount, entry.day != fact.day))
    twice = Reasoned(f"IFS has it {len(found)} times.", "Cancel all but one of them in IFS.", is_good=False)
    differences = [_difference(What.TWICE, fact, entry, twice) for entry in found if entry is not ours]
    return differences + _of_pair(fact, ours)


def _of_pair(fact: Expected, entry: Booked) -> list[Difference]:
    differences = []
    if entry.fault is not None:
        differences.append(_difference(What.FAULT, fact, entry, entry.fault))
    if entry.currency != fact.currency:
        wrong = Reasoned(f"IFS has it in {entry.currency}, the store in {fact.currency}.", _CORRECT, is_good=False)
        differences.append(_difference(What.CURRENCY, fact, entry, wrong))
    elif entry.amount != fact.amount:
        differences.append(_difference(What.AMOUNT, fact, entry, fact.unfinished or _amount(fact, entry)))
    elif fact.entries is not None and dict(fact.entries) != dict(entry.entries):
        why = fact.unfinished or _accounts(fact.entries, entry.entries)
        differences.append(_difference(What.ACCOUNTS, fact, entry, why))
    if entry.day != fact.day:
        differences.append(_difference(What.DAY, fact, entry, _day(fact, entry)))
    return differences


_CORRECT: Final = "Compare it with the store's figures in IFS, and correct it there."


def _amount(fact: Expected, entry: Booked) -> Reasoned:
    for allowed in fact.allowances:
        if abs(entry.amount - allowed.amount) <= fact.tolerance:
            return Reasoned(allowed.reason)
    off = entry.amount - fact.amount
    if abs(off) <= fact.tolerance:
        return Reasoned(f"IFS rounds differently: {off:+f} {fact.currency}, which is within the cap.")
    return Reasoned(f"IFS has {off:+f} {fact.currency} against the store.", _CORRECT, is_good=False)


def _accounts(posted: Entries, found: Entries) -> Reasoned:
    off = [
        f"{account or 'no account'}: {found.get(account, ZERO):f} instead of {posted.get(account, ZERO):f}"
        for account in sorted({*posted, *found})
        if found.get(account, ZERO) != posted.get(account, ZERO)
    ]
    return Reasoned(f"Its rows are not those that were posted: {'; '.join(off)}.", _CORRECT, is_good=False)


def _day(fact: Expected, entry: Booked) -> Reasoned:
    if fact.moved_to == entry.day and fact.moved_because:
        return Reasoned(fact.moved_because)
    return Reasoned(f"IFS dates it {entry.day}, in the store it is of {fact.day}.", _CORRECT, is_good=False)


def _stray(entry: Booked, known: Reasoned) -> Difference:
    return Difference(
        what=What.STRAY,
        key=entry.key,
        order_id=entry.order_id,
        ifs_reference=entry.reference,
        store_amount=None,
        ifs_amount=padded(entry.amount, entry.currency),
        store_day=None,
        ifs_day=entry.day,
        verdict=_verdict(known),
        explanation=known.text,
        remedy=known.remedy,
    )


def _difference(what: What, fact: Expected, entry: Booked | None, why: Reasoned) -> Difference:
    return Difference(
        what=what,
        key=fact.key,
        order_id=fact.order_id,
        ifs_reference=entry.reference if entry else fact.reference,
        store_amount=padded(fact.amount, fact.currency),
        ifs_amount=padded(entry.amount, entry.currency) if entry else None,
        store_day=fact.day,
        ifs_day=entry.day if entry else None,
        verdict=_verdict(why),
        explanation=why.text,
        remedy=why.remedy,
    )


def _verdict(why: Reasoned) -> Verdict:
    return Verdict.EXPLAINED if why.is_good else Verdict.RED
