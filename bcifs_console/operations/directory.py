"""The directory of IFS's customers: how far it is read, and reading it by command."""

from collections.abc import Callable
from dataclasses import dataclass

from bcifs_console.operations.context import Context
from bcifs_console.store import connections, directory
from bcifs_console.store.directory import Crawl


@dataclass(frozen=True, slots=True)
class DirectoryStatus:
    """The directory of one connection. `crawl` is None where it was never begun."""

    connection: str
    is_kept: bool  #: the profile wants it (look-up `directory`, or for candidates)
    crawl: Crawl | None


def status(context: Context, connection: str | None) -> DirectoryStatus:
    """How far the customers are read. Raises NoSuchConnection, UsageProblem, ConfigurationProblem."""
    # pydantic's checks come with it: listing decisions does not pay for their import.
    from bcifs_console.ifs.profile import load_profile

    connection_id = context.connection_id(connection)
    name, settings, found = context.store.database.read_sync(
        lambda conn: (
            connections.all_names(conn)[connection_id],
            connections.settings_of(conn, connection_id),
            directory.crawl_of(conn, connection_id),
        )
    )
    profile = load_profile(str(settings.ifs.get("profile", "default")))
    return DirectoryStatus(name, profile.customer.is_crawled, found)


async def refresh(context: Context, connection: str | None, on_progress: Callable[[Crawl], None]) -> Crawl:
    """Read all customers now, or go on where an earlier crawl stopped. Raises CrawlUnderWay and IFS errors."""
    # Both clients come with it: asking how far it is does not pay for their import.
    from bcifs_console.sync.directory import crawl

    runtime = context.runtime(context.connection_id(connection))
    try:
        return await crawl(runtime, on_progress)
    finally:
        await runtime.aclose()
