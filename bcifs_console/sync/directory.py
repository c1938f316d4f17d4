"""The crawl: every customer of IFS with its communication methods into the local index, a stretch at a time.

Resumable: a stretch and how far it brings the crawl are one commit, so a crash costs one stretch. One crawl of a
connection at a time, whoever runs it; where it is due is said by the profile (`customer.directory.refresh_hours`).
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog

from bcifs_console.base.problems import Problem, ProblemKind
from bcifs_console.ifs.records import CustomerMatch
from bcifs_console.store import customers, directory
from bcifs_console.store.database import Tx
from bcifs_console.store.directory import Crawl, Entry
from bcifs_console.sync.runtime import Runtime

_log = structlog.get_logger(__name__)
_STRETCH: Final = 100

OnProgress = Callable[[Crawl], None]


class CrawlUnderWay(Problem):
    """Another process reads the customers of this connection in this moment."""

    kind = ProblemKind.CONFLICT

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The customers of {name} are being read already.",
            remedy="See how far it is: bcifs decisions directory",
        )


@dataclass(frozen=True, slots=True)
class _Lease:
    """The right to crawl one connection, taken anew with every stretch."""

    runtime: Runtime
    holder: str = field(default_factory=lambda: secrets.token_hex(8))

    def take(self, tx: Tx) -> None:
        if not customers.take_lease(tx, self._name, self.holder, self.runtime.timing.lease):
            raise CrawlUnderWay(self.runtime.connection.name)

    async def give_back(self) -> None:
        await self.runtime.database.write(lambda tx: customers.drop_lease(tx, self._name, self.holder))

    @property
    def _name(self) -> str:
        return f"directory:{self.runtime.id}"


async def is_due(runtime: Runtime) -> bool:
    """Whether the directory is kept for this connection and has a crawl to begin or to go on with."""
    names = runtime.ifs.profile.customer
    if not names.is_crawled:
        return False
    last = await runtime.database.read(lambda conn: directory.crawl_of(conn, runtime.id))
    if last is None or last.ended_at is None:
        return True
    return runtime.clock.now() >= last.ended_at + timedelta(hours=names.directory.refresh_hours)


async def crawl(runtime: Runtime, on_progress: OnProgress | None = None) -> Crawl:
    """Read all customers, from where the last crawl stopped if it did. Returns the completed crawl.

    One call for each stretch of 100 customers and one (or more, by pages) for each customer. Raises CrawlUnderWay, IFS
    and store errors; what was read until then is kept.
    """
    lease = _Lease(runtime)

    def begin(tx: Tx) -> Crawl:
        lease.take(tx)
        return directory.begin(tx, runtime.id)

    at = await runtime.database.write(begin)
    try:
        while True:
            if on_progress is not None:
                on_progress(at)
            found = await runtime.ifs.directory.stretch(at.after, _STRETCH)
            entries = await _read(runtime, found)
            at = await runtime.database.write(lambda tx, at=at, entries=entries: _keep(tx, lease, at, entries))  # type: ignore[misc]
            if at.ended_at is not None:
                _log.info("directory_read", connection=runtime.connection.name, customers=at.customers)
                return at
    finally:
        await lease.give_back()


def _keep(tx: Tx, lease: _Lease, at: Crawl, entries: list[Entry]) -> Crawl:
    """One stretch, or the end of the crawl where there is none. The lease is proven with the same commit."""
    lease.take(tx)
    connection_id = lease.runtime.id
    return directory.put(tx, connection_id, at, entries) if entries else directory.complete(tx, connection_id, at)


async def _read(runtime: Runtime, found: list[CustomerMatch]) -> list[Entry]:
    """What the customers are reached by, several at once, in their order."""
    room = asyncio.Semaphore(runtime.ifs.profile.customer.directory.concurrency)

    async def one(match: CustomerMatch) -> Entry:
        async with room:
            contacts = await runtime.ifs.directory.contacts(match.customer_id)
        return Entry(match.customer_id, match.name, contacts.emails, contacts.phones)

    tasks = [asyncio.create_task(one(match)) for match in found]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
