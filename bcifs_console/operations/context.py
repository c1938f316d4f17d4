"""What every operation works on: the open store, the settings, the clock and who is acting."""

import contextlib
import getpass
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bcifs_console.base.clock import Clock, SystemClock
from bcifs_console.base.settings import Settings
from bcifs_console.store import connections, rules
from bcifs_console.store.opening import Store, open_store

if TYPE_CHECKING:
    from bcifs_console.sync.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Context:
    """One open installation and the person (or script) acting on it."""

    settings: Settings
    store: Store
    clock: Clock
    actor: str

    def connection_id(self, name: str | None) -> int:
        """The connection meant by `name`, the only one where it is None. Raises NoSuchConnection, UsageProblem."""
        return self.store.database.read_sync(lambda conn: connections.resolve(conn, name))

    def runtime(self, connection_id: int) -> "Runtime":
        """The connection ready to work; the caller closes it. Make it inside the running loop."""
        # Both clients come with it: commands that only read the store do not pay for their import.
        from bcifs_console.sync.runtime import build_runtime, timing_of

        database = self.store.database
        connection, in_force = database.read_sync(
            lambda conn: (
                connections.load(conn, self.store.vault, connection_id),
                rules.in_force(conn, connection_id),
            )
        )
        return build_runtime(
            connection,
            in_force,
            database=database,
            timing=timing_of(self.settings),
            owner=self.actor,
        )


def acting_user() -> str:
    """The operating system's name for who runs this."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"  # a container without a passwd entry for this uid


@contextlib.contextmanager
def opened(settings: Settings, *, clock: Clock | None = None, actor: str | None = None) -> Iterator[Context]:
    """Open the installation for one operation and close it after."""
    used = clock or SystemClock()
    store = open_store(settings, used)
    try:
        yield Context(settings, store, used, actor or acting_user())
    finally:
        store.close()
