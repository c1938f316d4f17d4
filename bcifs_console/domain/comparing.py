"""A buyer beside one IFS customer, fact by fact: what agrees, what is alike, what differs. Pure.

For people to look at; what a likeness is worth in points is in `sync.candidates`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bcifs_console.domain.buyers import Buyer, folded_email
from bcifs_console.domain.contact_keys import own_domain, phone_key, postcode_key
from bcifs_console.domain.likeness import ALIKE, SAME, name_likeness


class Agreement(StrEnum):
    """How two values of one fact stand to each other."""

    SAME = "same"
    ALIKE = "alike"
    DIFFERS = "differs"
    UNKNOWN = "unknown"  #: one side has none, or it was not read


@dataclass(frozen=True, slots=True)
class Compared:
    """One fact of both. `theirs` is the customer's value that comes nearest; empty where it is not known."""

    fact: str
    ours: str
    theirs: str
    agreement: Agreement


def compare(
    buyer: Buyer, name: str, emails: Sequence[str], phones: Sequence[str], postcodes: Sequence[str]
) -> tuple[Compared, ...]:
    """The buyer's name, company, e-mail, phone and postcode beside the customer's, which has one name in IFS."""
    return (
        *_one_name(buyer, name),
        _nearest("e-mail", buyer.email, emails, _emails),
        _nearest("phone", buyer.address.phone, phones, _by(phone_key)),
        _nearest("postcode", buyer.address.zip, postcodes, _by(postcode_key)),
    )


def _one_name(buyer: Buyer, name: str) -> tuple[Compared, ...]:
    """Person and company. Where both are named, the customer's name stands beside the one it is more like."""
    person = buyer.person
    theirs = [name] if name else []
    if not buyer.company:
        return (_nearest("name", person, theirs, _names),)
    is_company = not person or name_likeness(buyer.company, name) >= name_likeness(person, name)
    ours = _nearest("name", person, [] if is_company else theirs, _names)
    company = _nearest("company", buyer.company, theirs if is_company else [], _names)
    return (ours, company) if person else (company,)


_RANK: Final = (Agreement.SAME, Agreement.ALIKE, Agreement.DIFFERS, Agreement.UNKNOWN)


def _nearest(fact: str, ours: str, theirs: Sequence[str], agreement: Callable[[str, str], Agreement]) -> Compared:
    found = [(agreement(ours, each) if ours.strip() else Agreement.UNKNOWN, each) for each in theirs]
    if not found:
        return Compared(fact, ours, "", Agreement.UNKNOWN)
    best, value = min(found, key=lambda pair: _RANK.index(pair[0]))
    return Compared(fact, ours, value, best)


def _names(one: str, other: str) -> Agreement:
    like = name_likeness(one, other)
    if like >= SAME:
        return Agreement.SAME
    return Agreement.ALIKE if like >= ALIKE else Agreement.DIFFERS


def _emails(one: str, other: str) -> Agreement:
    if folded_email(one) == folded_email(other):
        return Agreement.SAME
    domain = own_domain(one)
    return Agreement.ALIKE if domain and domain == own_domain(other) else Agreement.DIFFERS


def _by(key: Callable[[str], str]) -> Callable[[str, str], Agreement]:
    def agreement(one: str, other: str) -> Agreement:
        ours, theirs = key(one), key(other)
        if not ours or not theirs:
            return Agreement.UNKNOWN
        return Agreement.SAME if ours == theirs else Agreement.DIFFERS

    return agreement
