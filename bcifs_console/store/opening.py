"""Opening an installation's store: home folder, schema, master key. The one way in for the service and the commands."""

import contextlib
import fcntl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import OperationalError

from bcifs_console.base.clock import Clock
from bcifs_console.base.problems import ConfigurationProblem
from bcifs_console.base.settings import Settings
from bcifs_console.store import migrate
from bcifs_console.store.database import Database
from bcifs_console.store.errors import HomeInUse, StoreUnavailable
from bcifs_console.store.vault import Vault, load_master_key


@dataclass(frozen=True, slots=True)
class Store:
    """The open store of one installation."""

    home: Path
    database: Database
    vault: Vault

    def close(self) -> None:
        """Close the database; what is queued is written first."""
        self.database.close()


def open_store(settings: Settings, clock: Clock) -> Store:
    """Open the installation at `settings.home`, making it where it is new.

    Raises VaultProblem on a wrong master key, SchemaProblem on a schema this program cannot use.
    """
    home = settings.home
    make_home(home)
    try:
        migrate.ensure(settings.url, now=clock.now(), backups=home / "backups")
    except OperationalError as error:
        raise StoreUnavailable(
            f"The database does not answer: {str(error.orig).splitlines()[0]}.",
            remedy="Check that the server runs and BCIFS_DATABASE_URL (or, on SQLite, the home's disk).",
        ) from None
    database = Database(settings.url, clock=clock)
    try:
        vault = Vault(load_master_key(home, may_create=not database.read_sync(Vault.has_secrets)))
        database.read_sync(vault.check)
    except BaseException:
        database.close()
        raise
    return Store(home, database, vault)


def make_home(home: Path) -> None:
    """Make the home where it is new. Raises ConfigurationProblem where it cannot be a folder of ours."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigurationProblem(
            f"{home} cannot be the installation's folder: {error.strerror}.",
            remedy="Choose another with --home DIR or BCIFS_HOME.",
        ) from None


@contextlib.contextmanager
def home_lock(home: Path) -> Iterator[None]:
    """Hold the home as its one worker. Raises HomeInUse where another process does. Freed by the end of the process."""
    path = home / "serve.lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomeInUse(
                f"Another bcifs process works on {home}.",
                remedy="See whether a service runs (bcifs status) and use it, or wait for the other command to end.",
            ) from None
        yield
