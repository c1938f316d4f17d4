"""Gathering the customers an unknown buyer is compared with: the directory, past decisions, and a few reads of IFS.

Suggestions are a help: where IFS cannot be asked, what is known here must do, and the question is asked all the same.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Final

import structlog

from bcifs_console.domain.buyers import Buyer
from bcifs_console.domain.contact_keys import own_domain, words_of
from bcifs_console.ifs.errors import IfsError
from bcifs_console.store import customers, directory
from bcifs_console.store.customers import Decision
from bcifs_console.store.lookups import Found
from bcifs_console.sync.candidates import Candidate, KnownCustomer, ranked
from bcifs_console.sync.runtime import Runtime

_log = structlog.get_logger(__name__)
#: Of so many of the best, IFS is asked for phones and postcodes: two calls each.
_READ_WHOLE: Final = 3
_FROM_DIRECTORY: Final = 50
#: Of the family name, and of the company's: so many words are searched for.
_WORDS_EACH: Final = 2


async def suggestions(runtime: Runtime, buyer: Buyer, holders: Found) -> tuple[dict[str, Any], ...]:
    """The candidates as a question keeps them. One that is open already keeps those it has: looking again at its
    orders costs nothing; `decisions show --refresh` gathers anew."""
    known = await runtime.database.read(lambda conn: customers.decision_of_buyer(conn, runtime.id, buyer.key))
    if known is not None and not known.action and {key for key, _ in holders} <= _ids(known):
        return known.candidates
    return tuple(candidate.as_json for candidate in await candidates(runtime, buyer, holders))


def _ids(asked: Decision) -> set[str]:
    return {str(candidate["customer_id"]) for candidate in asked.candidates}


async def candidates(runtime: Runtime, buyer: Buyer, holders: Found) -> tuple[Candidate, ...]:
    """The ranked candidates. `holders` (id and name) have the buyer's e-mail: they always stand first.

    At most two searches, then up to three reads for each of the best three; none is repeated when one fails.
    """
    keys = directory.keys_of_buyer(buyer)
    likely = await runtime.database.read(lambda conn: directory.likely(conn, runtime.id, keys, limit=_FROM_DIRECTORY))
    known = {
        one.customer_id: KnownCustomer(
            one.customer_id,
            one.name,
            emails=tuple(one.emails),
            domains=tuple(one.domains),
            phones=tuple(one.phones),
            decided=one.decided,
        )
        for one in likely
    }
    for customer_id, name in holders:
        before = known.get(customer_id, KnownCustomer(customer_id, name))
        known[customer_id] = replace(before, name=name or before.name, emails=(*before.emails, buyer.email))
    always = [customer_id for customer_id, _ in holders]
    try:
        await _search(runtime, buyer, known)
        await _read_whole(runtime, ranked(buyer, known.values(), always=always), known)
    except IfsError as error:
        _log.info("candidates_incomplete", buyer=buyer.key, error=error.message)
    return ranked(buyer, known.values(), always=always)


async def _search(runtime: Runtime, buyer: Buyer, known: dict[str, KnownCustomer]) -> None:
    words = _words(buyer)
    domain = own_domain(buyer.email)
    for match in await runtime.ifs.directory.search(words, domain):
        before = known.get(match.customer_id, KnownCustomer(match.customer_id, match.name))
        known[match.customer_id] = replace(before, name=match.name or before.name)


def _words(buyer: Buyer) -> tuple[str, ...]:
    """What to search names for: the longest words of the family name and of the company's."""
    found = (_longest(words_of(name)) for name in (buyer.address.last_name, buyer.company))
    return tuple(dict.fromkeys(word for words in found for word in words))


def _longest(words: Sequence[str]) -> Sequence[str]:
    return sorted(words, key=len, reverse=True)[:_WORDS_EACH]


async def _read_whole(runtime: Runtime, best: Collection[Candidate], known: dict[str, KnownCustomer]) -> None:
    """Learn of the best what IFS has beside their names."""
    for candidate in list(best)[:_READ_WHOLE]:
        contacts = await runtime.ifs.directory.contacts(candidate.customer_id)
        postcodes = await runtime.ifs.directory.postcodes(candidate.customer_id)
        before = known[candidate.customer_id]
        name = before.name
        if not name:
            found = await runtime.ifs.customer(candidate.customer_id)
            name = found.name if found is not None else ""
        known[candidate.customer_id] = replace(
            before,
            name=name,
            emails=(*before.emails, *contacts.emails),
            phones=(*before.phones, *contacts.phones),
            postcodes=postcodes,
        )
