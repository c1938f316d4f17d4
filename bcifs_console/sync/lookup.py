"""Which IFS customers have an e-mail: as the profile says, out of the cache, the directory, or IFS itself (DESIGN §7).

Whom a buyer then is taken for is `matching`'s business.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bcifs_console.ifs.profile import Lookup, LookupKind
from bcifs_console.store import directory, lookups
from bcifs_console.store.database import Tx
from bcifs_console.store.lookups import Found, Remembered
from bcifs_console.sync.retry import DirectoryUnread
from bcifs_console.sync.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Holders:
    """The customers that have an e-mail, and when IFS was asked; None where it was not asked just now."""

    found: Found
    asked_at: datetime | None = None

    def keep(self, tx: Tx, connection_id: int, email: str) -> None:
        """Remember what IFS answered."""
        if self.asked_at is not None:
            lookups.remember(tx, connection_id, email, self.found, self.asked_at)


async def holders_of(runtime: Runtime, email: str, *, fresh: bool = False) -> Holders:
    """The customers with this folded e-mail. `fresh`: IFS itself is asked, whatever it answered before.

    Raises DirectoryUnread where the look-up needs the directory and it was never read to its end; IFS errors.
    """
    if not email:
        return Holders(())
    lookup = runtime.ifs.profile.customer.lookup
    if lookup.kind is LookupKind.DIRECTORY:
        return await _in_directory(runtime, email)
    if not fresh:
        last = await runtime.database.read(lambda conn: lookups.find(conn, runtime.id, email))
        if last is not None and counts_still(last, lookup, runtime.clock.now()):
            return Holders(last.found)
    asked_at = runtime.clock.now()
    found = await runtime.ifs.customers_by_email(email)
    is_asked = lookup.kind is not LookupKind.NONE
    return Holders(tuple((match.customer_id, match.name) for match in found), asked_at if is_asked else None)


def counts_still(last: Remembered, lookup: Lookup, now: datetime) -> bool:
    """Whether an answer is young enough. None, or several, counts for less long: somebody may be putting it right."""
    seconds = lookup.remember_found_s if len(last.found) == 1 else lookup.remember_missing_s
    return now < last.looked_at + timedelta(seconds=seconds)


async def _in_directory(runtime: Runtime, email: str) -> Holders:
    crawl, found = await runtime.database.read(
        lambda conn: (directory.crawl_of(conn, runtime.id), directory.holders(conn, runtime.id, email))
    )
    if crawl is None or not crawl.is_usable:
        raise DirectoryUnread(0 if crawl is None else crawl.seen)
    return Holders(tuple(found))
