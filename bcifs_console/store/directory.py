"""The directory: which customers IFS has and what each may be found by, as the crawl and past decisions say.

One inverted index of short texts (`domain.contact_keys`): whole e-mails for look-ups; domains, phone digits and words
of names for candidates. The crawl itself is `sync.directory`, what a likeness is worth `sync.candidates`.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, and_, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bcifs_console.domain.buyers import Buyer, folded_email
from bcifs_console.domain.contact_keys import own_domain, phone_key, words_of
from bcifs_console.store.database import Tx
from bcifs_console.store.tables import customer_key, directory_crawl, directory_customer

_CRAWLED: Final = ""
_KEYS_AT_ONCE: Final = 400


class KeyKind(StrEnum):
    """What a key is."""

    EMAIL = "email"
    DOMAIN = "domain"
    PHONE = "phone"
    WORD = "word"


Key = tuple[KeyKind, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """A customer as IFS has it: e-mails and phones neither folded nor checked."""

    customer_id: str
    name: str
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Crawl:
    """A crawl, under way or ended. `customers` and `completed_at` are of the last one that came to its end."""

    number: int
    after: str  #: the id up to which it has read
    seen: int
    started_at: datetime
    ended_at: datetime | None
    customers: int
    completed_at: datetime | None

    @property
    def is_usable(self) -> bool:
        """Whether what is not in the directory is not in IFS: it was read to its end once."""
        return self.completed_at is not None


@dataclass(slots=True)
class Likely:
    """A customer that shares keys with somebody: what is known of it here."""

    customer_id: str
    name: str = ""
    emails: list[str] = field(default_factory=list)
    phones: list[str] = field(default_factory=list)  #: keys (`contact_keys.phone_key`), not whole numbers
    domains: list[str] = field(default_factory=list)
    decided: bool = False  #: a person tied a buyer with such a key to it


# -- keys --------------------------------------------------------------------------------------------------------------


def keys_of(name: str, emails: Iterable[str], phones: Iterable[str]) -> frozenset[Key]:
    """Everything somebody may be found by."""
    folded = [email for email in map(folded_email, emails) if email]
    return frozenset(
        (
            *((KeyKind.EMAIL, email) for email in folded),
            *((KeyKind.DOMAIN, domain) for domain in map(own_domain, folded) if domain),
            *((KeyKind.PHONE, digits) for digits in map(phone_key, phones) if digits),
            *((KeyKind.WORD, word) for word in words_of(name)),
        )
    )


def keys_of_buyer(buyer: Buyer) -> frozenset[Key]:
    """What the buyer may be found by: name and company both."""
    name = f"{buyer.company} {buyer.address.name or buyer.name}"
    return keys_of(name, [buyer.email], [buyer.address.phone])


def tie(tx: Tx, connection_id: int, customer_id: str, keys: Collection[Key], origin: str) -> None:
    """Remember that somebody with these keys is this customer, because of the decision `origin`."""
    _insert_keys(tx, connection_id, [(customer_id, kind, value, origin) for kind, value in keys])


def untie(tx: Tx, connection_id: int, customer_id: str, origin: str) -> None:
    """Forget what `tie` remembered of that decision."""
    tx.conn.execute(
        delete(customer_key).where(
            customer_key.c.connection_id == connection_id,
            customer_key.c.customer_id == customer_id,
            customer_key.c.origin == origin,
        )
    )


def _insert_keys(tx: Tx, connection_id: int, rows: Sequence[tuple[str, KeyKind, str, str]]) -> None:
    if not rows:
        return
    insert = (sqlite if tx.is_sqlite else postgresql).insert(customer_key).on_conflict_do_nothing()
    values = [
        {"connection_id": connection_id, "customer_id": c, "kind": kind.value, "value": value, "origin": origin}
        for c, kind, value, origin in rows
    ]
    tx.conn.execute(insert, values)


# -- finding -----------------------------------------------------------------------------------------------------------


def holders(conn: Connection, connection_id: int, email: str) -> list[tuple[str, str]]:
    """The customers that the crawl found this folded e-mail at, each with its name, by id."""
    named = and_(
        directory_customer.c.connection_id == customer_key.c.connection_id,
        directory_customer.c.customer_id == customer_key.c.customer_id,
    )
    rows = conn.execute(
        select(customer_key.c.customer_id, directory_customer.c.name)
        .join(directory_customer, named)
        .where(
            customer_key.c.connection_id == connection_id,
            customer_key.c.kind == KeyKind.EMAIL.value,
            customer_key.c.value == email,
            customer_key.c.origin == _CRAWLED,
        )
        .order_by(customer_key.c.customer_id)
    )
    return [(row.customer_id, row.name) for row in rows]


def likely(conn: Connection, connection_id: int, keys: Collection[Key], *, limit: int) -> list[Likely]:
    """Up to `limit` customers that share most keys with these; crawled ones and those a person chose before."""
    wanted = [(kind.value, value) for kind, value in sorted(keys)]
    if not wanted:
        return []
    key = customer_key.c
    of_kind: dict[str, list[str]] = {}
    for kind, value in wanted:
        of_kind.setdefault(kind, []).append(value)
    shared = or_(*(and_(key.kind == kind, key.value.in_(values)) for kind, values in of_kind.items()))
    rows = conn.execute(
        select(key.customer_id, func.count().label("shared"))
        .where(key.connection_id == connection_id, shared)
        .group_by(key.customer_id)
        .order_by(func.count().desc(), key.customer_id)
        .limit(limit)
    )
    found = {row.customer_id: Likely(row.customer_id) for row in rows}
    _fill(conn, connection_id, found, frozenset(wanted))
    return list(found.values())


def _fill(conn: Connection, connection_id: int, found: dict[str, Likely], wanted: frozenset[tuple[str, str]]) -> None:
    ids = list(found)
    names = conn.execute(
        select(directory_customer.c.customer_id, directory_customer.c.name).where(
            directory_customer.c.connection_id == connection_id, directory_customer.c.customer_id.in_(ids)
        )
    )
    for row in names:
        found[row.customer_id].name = row.name
    keys = conn.execute(
        select(customer_key).where(customer_key.c.connection_id == connection_id, customer_key.c.customer_id.in_(ids))
    )
    for row in keys:
        one = found[row.customer_id]
        # A word in common is no reason by itself to say that it was chosen before.
        is_telling = row.kind != KeyKind.WORD.value and (row.kind, row.value) in wanted
        one.decided = one.decided or (row.origin != _CRAWLED and is_telling)
        if row.origin == _CRAWLED:
            lists = {KeyKind.EMAIL: one.emails, KeyKind.PHONE: one.phones, KeyKind.DOMAIN: one.domains}
            lists.get(KeyKind(row.kind), []).append(row.value)


# -- the crawl ---------------------------------------------------------------------------------------------------------


def crawl_of(conn: Connection, connection_id: int) -> Crawl | None:
    """The connection's last crawl, None where there was none."""
    row = conn.execute(select(directory_crawl).where(directory_crawl.c.connection_id == connection_id)).first()
    return None if row is None else _crawl(row)


def _crawl(row: Any) -> Crawl:
    return Crawl(row.number, row.after, row.seen, row.started_at, row.ended_at, row.customers, row.completed_at)


def begin(tx: Tx, connection_id: int) -> Crawl:
    """The crawl that is under way, or a new one from the first customer on."""
    here = directory_crawl.c.connection_id == connection_id
    known = tx.conn.execute(select(directory_crawl).where(here).with_for_update()).first()
    if known is not None and known.ended_at is None:
        return _crawl(known)
    fresh = {"after": "", "seen": 0, "started_at": tx.now, "ended_at": None}
    if known is None:
        tx.conn.execute(directory_crawl.insert().values(connection_id=connection_id, number=1, **fresh))
    else:
        tx.conn.execute(update(directory_crawl).where(here).values(number=known.number + 1, **fresh))
    return _crawl(tx.conn.execute(select(directory_crawl).where(here)).one())


def put(tx: Tx, connection_id: int, crawl: Crawl, entries: Sequence[Entry]) -> Crawl:
    """Write a stretch of customers, by id, and how far that brings the crawl."""
    insert = (sqlite if tx.is_sqlite else postgresql).insert(directory_customer)
    upsert = insert.on_conflict_do_update(
        index_elements=["connection_id", "customer_id"],
        set_={"name": insert.excluded.name, "crawl": insert.excluded.crawl},
    )
    rows = [
        {"connection_id": connection_id, "customer_id": e.customer_id, "name": e.name, "crawl": crawl.number}
        for e in entries
    ]
    tx.conn.execute(upsert, rows)
    _drop_keys(tx, connection_id, [entry.customer_id for entry in entries])
    keys = [
        (entry.customer_id, kind, value, _CRAWLED)
        for entry in entries
        for kind, value in keys_of(entry.name, entry.emails, entry.phones)
    ]
    _insert_keys(tx, connection_id, keys)
    here = directory_crawl.c.connection_id == connection_id
    reached = {"after": entries[-1].customer_id, "seen": directory_crawl.c.seen + len(entries)}
    tx.conn.execute(update(directory_crawl).where(here, directory_crawl.c.number == crawl.number).values(reached))
    return _crawl(tx.conn.execute(select(directory_crawl).where(here)).one())


def complete(tx: Tx, connection_id: int, crawl: Crawl) -> Crawl:
    """End the crawl: what it has not seen is in IFS no more."""
    gone = (
        tx.conn.execute(
            select(directory_customer.c.customer_id).where(
                directory_customer.c.connection_id == connection_id, directory_customer.c.crawl < crawl.number
            )
        )
        .scalars()
        .all()
    )
    _drop_keys(tx, connection_id, gone)
    tx.conn.execute(
        delete(directory_customer).where(
            directory_customer.c.connection_id == connection_id, directory_customer.c.crawl < crawl.number
        )
    )
    here = directory_crawl.c.connection_id == connection_id
    ended = {"ended_at": tx.now, "completed_at": tx.now, "customers": directory_crawl.c.seen}
    tx.conn.execute(update(directory_crawl).where(here, directory_crawl.c.number == crawl.number).values(ended))
    return _crawl(tx.conn.execute(select(directory_crawl).where(here)).one())


def put_made(tx: Tx, connection_id: int, entry: Entry) -> None:
    """Add a customer that we have just made, where a directory is kept: the next crawl would find it."""
    crawl = crawl_of(tx.conn, connection_id)
    if crawl is None:
        return
    insert = (sqlite if tx.is_sqlite else postgresql).insert(directory_customer)
    values = {"name": entry.name, "crawl": crawl.number}
    tx.conn.execute(
        insert.values(connection_id=connection_id, customer_id=entry.customer_id, **values).on_conflict_do_update(
            index_elements=["connection_id", "customer_id"], set_=values
        )
    )
    keys = keys_of(entry.name, entry.emails, entry.phones)
    _insert_keys(tx, connection_id, [(entry.customer_id, kind, value, _CRAWLED) for kind, value in keys])


def _drop_keys(tx: Tx, connection_id: int, customer_ids: Sequence[str]) -> None:
    for start in range(0, len(customer_ids), _KEYS_AT_ONCE):
        tx.conn.execute(
            delete(customer_key).where(
                customer_key.c.connection_id == connection_id,
                customer_key.c.customer_id.in_(customer_ids[start : start + _KEYS_AT_ONCE]),
                customer_key.c.origin == _CRAWLED,
            )
        )
