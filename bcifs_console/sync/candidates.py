"""Which IFS customers an unknown buyer may be, best first, each with a score and the reasons for it (DESIGN §7).

Pure: `score` compares a buyer with one customer as far as it is known, `ranked` puts them in order. Where customers to
compare with come from is in `candidate_reading`. A score only orders what a person chooses from: it never decides.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from bcifs_console.domain.buyers import Buyer, folded_email
from bcifs_console.domain.contact_keys import FREE_MAIL, domain_of, phone_key, postcode_key
from bcifs_console.domain.likeness import ALIKE, SAME, name_likeness, ratio

#: At most so many are shown, none below the least score: a long list of strangers helps nobody.
SHOWN: Final = 8
LEAST_SCORE: Final = 25

# What each likeness is worth in points. Together no more than 100; who holds the e-mail stands
# first whatever the sums are (`ranked`).
_SAME_EMAIL: Final = 90
_NAME: Final = 40
_COMPANY: Final = 45
_OWN_DOMAIN: Final = 30
_FREE_DOMAIN: Final = 2
_LIKE_EMAIL: Final = 15
_PHONE: Final = 35
_POSTCODE: Final = 12
_DECIDED: Final = 30
_BEST: Final = 100

_LIKE_LOCAL_PART: Final = 0.85


@dataclass(frozen=True, slots=True)
class KnownCustomer:
    """A customer of IFS as far as it is known. Phones may be whole numbers or keys; `decided`: chosen before for a
    buyer like this one."""

    customer_id: str
    name: str
    emails: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    postcodes: tuple[str, ...] = ()
    decided: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A suggestion. `score` is 0 to 100; what the customer is known by is kept to be shown beside the buyer's own."""

    customer_id: str
    name: str
    score: int
    reasons: tuple[str, ...]
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    postcodes: tuple[str, ...] = ()

    @property
    def as_json(self) -> dict[str, Any]:
        """As a question keeps it: the shape of DESIGN §12, and what the customer is known by."""
        return {
            "customer_id": self.customer_id,
            "name": self.name,
            "score": self.score,
            "reasons": list(self.reasons),
            "emails": list(self.emails),
            "phones": list(self.phones),
            "postcodes": list(self.postcodes),
        }


@dataclass(frozen=True, slots=True)
class _Point:
    worth: float
    reason: str


def score(buyer: Buyer, customer: KnownCustomer) -> Candidate:
    """How likely the buyer is this customer, and why. Knowing more of a customer that agrees never lowers it."""
    found = [*_names(buyer, customer), *_emails(buyer, customer), *_rest(buyer, customer)]
    points = sorted(found, key=lambda point: (-point.worth, point.reason))
    total = min(_BEST, round(sum(point.worth for point in points)))
    return Candidate(
        customer.customer_id,
        customer.name,
        total,
        tuple(point.reason for point in points),
        tuple(dict.fromkeys(customer.emails)),
        tuple(dict.fromkeys(customer.phones)),
        tuple(dict.fromkeys(customer.postcodes)),
    )


def ranked(
    buyer: Buyer, customers: Iterable[KnownCustomer], *, always: Iterable[str] = (), shown: int = SHOWN
) -> tuple[Candidate, ...]:
    """The best candidates, best first, each customer once. Those in `always` (they hold the e-mail) are never left
    out."""
    kept = frozenset(always)
    best: dict[str, Candidate] = {}
    for customer in customers:
        found = score(buyer, customer)
        before = best.get(found.customer_id)
        if before is None or _order(found) < _order(before):
            best[found.customer_id] = found
    good = [c for c in best.values() if c.score >= LEAST_SCORE or c.customer_id in kept]
    ordered = sorted(good, key=lambda c: (c.customer_id not in kept, *_order(c)))
    return tuple(ordered[: max(shown, len(kept))])


def _order(candidate: Candidate) -> tuple[int, str, str]:
    return -candidate.score, candidate.customer_id, candidate.name


def _names(buyer: Buyer, customer: KnownCustomer) -> list[_Point]:
    """The better of person and company: IFS has one name for a customer."""
    readings = (
        (name_likeness(buyer.person, customer.name), _NAME, "name"),
        (name_likeness(buyer.company, customer.name), _COMPANY, "company"),
    )
    points = [
        _Point(worth * like, f"same {what}" if like >= SAME else f"{what} {round(100 * like)} % alike")
        for like, worth, what in readings
        if like >= ALIKE
    ]
    return sorted(points, key=lambda point: -point.worth)[:1]


def _emails(buyer: Buyer, customer: KnownCustomer) -> list[_Point]:
    """The same address, else the same domain and a name before the @ that looks the same."""
    if not buyer.email:
        return []
    emails = [email for email in map(folded_email, customer.emails) if email]
    if buyer.email in emails:
        return [_Point(_SAME_EMAIL, "same e-mail")]
    domain = domain_of(buyer.email)
    points = []
    if domain in {*map(domain_of, emails), *customer.domains}:
        is_free = domain in FREE_MAIL
        worth, kind = (_FREE_DOMAIN, "free mail domain") if is_free else (_OWN_DOMAIN, "e-mail domain")
        points.append(_Point(worth, f"same {kind} {domain}"))
    local = buyer.email.rpartition("@")[0]
    like = max((ratio(local, email.rpartition("@")[0]) for email in emails), default=0.0)
    if like >= _LIKE_LOCAL_PART:
        points.append(_Point(_LIKE_EMAIL * like, "e-mail name alike"))
    return points


def _rest(buyer: Buyer, customer: KnownCustomer) -> list[_Point]:
    points = []
    phone = phone_key(buyer.address.phone)
    if phone and phone in {phone_key(other) for other in customer.phones}:
        points.append(_Point(_PHONE, "same phone number"))
    postcode = postcode_key(buyer.address.zip)
    if postcode and postcode in {postcode_key(other) for other in customer.postcodes}:
        points.append(_Point(_POSTCODE, f"same postcode {buyer.address.zip.strip()}"))
    if customer.decided:
        points.append(_Point(_DECIDED, "chosen before for a buyer like this"))
    return points
