"""What a person types to see only some documents: `kind:voucher state:failed day:2026-11-19 BC-5001`. Pure."""

from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Final, TypeVar

from bcifs_console.base.problems import UsageProblem
from bcifs_console.domain.documents import DocumentKind, DocumentState
from bcifs_console.store.views.ledger_pages import LedgerFilter

T = TypeVar("T")
HINT: Final = "kind:voucher  state:failed  day:2026-11-19  from: to:  order:5001  or a key or an IFS reference"
_KINDS: Final[Mapping[str, DocumentKind]] = {
    "order": DocumentKind.CUSTOMER_ORDER,
    "change": DocumentKind.ORDER_UPDATE,
    **{kind.value: kind for kind in DocumentKind},
}
#: Words for several states at once.
_STATES: Final[Mapping[str, tuple[DocumentState, ...]]] = {
    "open": (DocumentState.INTENDED, DocumentState.SENT, DocumentState.UNKNOWN, DocumentState.FAILED),
    "trouble": (DocumentState.UNKNOWN, DocumentState.FAILED),
    **{state.value: (state,) for state in DocumentState},
}


def parse(text: str, connection_id: int | None = None) -> LedgerFilter:
    """The filter that `text` says. Raises UsageProblem, which names the word that is wrong and what may stand there."""
    found = LedgerFilter(connection_id)
    for word in text.split():
        name, colon, value = word.partition(":")
        take = _WORDS.get(name.casefold()) if colon else None
        if take is not None:
            found = take(found, value)
        elif word.isdecimal():
            found = replace(found, order_id=int(word))
        elif found.text:
            raise UsageProblem(f"One key or reference at a time; {word} is the second.")
        else:
            found = replace(found, text=word)
    if found.first is not None and found.last is not None and found.last < found.first:
        raise UsageProblem(f"to:{found.last} lies before from:{found.first}.")
    return found


def _kind(found: LedgerFilter, value: str) -> LedgerFilter:
    return replace(found, kinds=(*found.kinds, _one_of("kind", value, _KINDS)))


def _state(found: LedgerFilter, value: str) -> LedgerFilter:
    return replace(found, states=(*found.states, *_one_of("state", value, _STATES)))


def _one_of(name: str, value: str, known: Mapping[str, T]) -> T:
    found = known.get(value.casefold())
    if found is None:
        raise UsageProblem(f"{name}:{value} is not known; there is {', '.join(sorted(known))}.")
    return found


def _day(found: LedgerFilter, value: str) -> LedgerFilter:
    first, last = days(value)
    return replace(found, first=first, last=last)


def _from(found: LedgerFilter, value: str) -> LedgerFilter:
    return replace(found, first=days(value)[0])


def _to(found: LedgerFilter, value: str) -> LedgerFilter:
    return replace(found, last=days(value)[1])


def _order(found: LedgerFilter, value: str) -> LedgerFilter:
    if not value.isdecimal():
        raise UsageProblem(f"order:{value} is no order number.")
    return replace(found, order_id=int(value))


_WORDS: Final[Mapping[str, Callable[[LedgerFilter, str], LedgerFilter]]] = {
    "kind": _kind,
    "state": _state,
    "day": _day,
    "month": _day,
    "from": _from,
    "to": _to,
    "order": _order,
}


def days(text: str) -> tuple[date, date]:
    """The days that `2026-11-19`, `2026-11` or `2026-11-01..2026-11-19` names, both included. Raises UsageProblem."""
    if ".." in text:
        first, _, last = text.partition("..")
        found = days(first)[0], days(last)[1]
        if found[1] < found[0]:
            raise UsageProblem(f"{last} lies before {first}.")
        return found
    try:
        if text.count("-") == 1:
            year, month = (int(part) for part in text.split("-"))
            return date(year, month, 1), date(year, month, monthrange(year, month)[1])
        day = date.fromisoformat(text)
    except ValueError:
        raise UsageProblem(f"{text or 'Nothing'} is no day: write 2026-11-19, or 2026-11 for a month.") from None
    return day, day
