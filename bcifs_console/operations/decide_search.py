"""Looking for an IFS customer by what a person types: an id, an e-mail, or words of a name."""

from typing import TYPE_CHECKING, Final

from bcifs_console.base.problems import UsageProblem
from bcifs_console.domain.buyers import Buyer, folded_email
from bcifs_console.domain.contact_keys import words_of
from bcifs_console.domain.orders import Address
from bcifs_console.operations import decide
from bcifs_console.operations.context import Context
from bcifs_console.store import directory
from bcifs_console.store.directory import KeyKind
from bcifs_console.store.views.decisions import CandidateView

if TYPE_CHECKING:
    from bcifs_console.ifs.records import CustomerMatch
    from bcifs_console.sync.candidates import KnownCustomer
    from bcifs_console.sync.runtime import Runtime

#: At most so many are shown: more words narrow it down.
MOST_FOUND: Final = 20
_WORDS: Final = 4


async def search(context: Context, decision_id: int, text: str) -> tuple[CandidateView, ...]:
    """The customers that fit `text`: those with most of its words first, among them those most like the buyer.

    Those with all its words; where there is none, those with one of them. At most three calls of IFS, by pages.

    Raises UsageProblem for a text that says nothing, NoSuchDecision, and IFS errors.
    """
    from bcifs_console.sync.candidates import ranked

    if not text.strip():
        raise UsageProblem("Nothing to look for.", remedy="Type a customer id, an e-mail, or words of a name.")
    asked = decide.find(context, decision_id)
    buyer = context.store.database.read_sync(lambda conn: decide.buyer_in(conn, asked))
    runtime = context.runtime(asked.connection_id)
    try:
        found = await _found(runtime, text.strip())
    finally:
        await runtime.aclose()
    whom = buyer or Buyer(asked.buyer_key, asked.email, asked.name, "", is_guest=False, address=Address())
    wanted = frozenset(words_of(text))
    ordered = ranked(whom, found.values(), always=found, shown=MOST_FOUND)
    fitting = sorted(ordered, key=lambda each: -len(wanted.intersection(words_of(each.name))))
    return tuple(CandidateView.of(each.as_json) for each in fitting[:MOST_FOUND])


async def _found(runtime: "Runtime", text: str) -> dict[str, "KnownCustomer"]:
    """By id: by the id itself, by the e-mail, by words; out of IFS and out of the directory."""
    from bcifs_console.sync.candidates import KnownCustomer

    email = folded_email(text)
    words = () if email else words_of(text)[:_WORDS]
    keys = [(KeyKind.EMAIL, email)] if email else [(KeyKind.WORD, word) for word in words]
    known = await runtime.database.read(lambda conn: directory.likely(conn, runtime.id, keys, limit=MOST_FOUND))
    found = {
        one.customer_id: KnownCustomer(one.customer_id, one.name, tuple(one.emails), (), tuple(one.phones))
        for one in known
    }
    matches = await runtime.ifs.customers_by_email(email) if email else await _named(runtime, words)
    exact = None if " " in text or email else await runtime.ifs.customer(text)
    for match in (*matches, *([exact] if exact is not None else [])):
        found.setdefault(match.customer_id, KnownCustomer(match.customer_id, match.name, (email,) if email else ()))
    return found


async def _named(runtime: "Runtime", words: tuple[str, ...]) -> list["CustomerMatch"]:
    found = await runtime.ifs.directory.search(words, every=True)
    return found if found or len(words) < 2 else await runtime.ifs.directory.search(words)
