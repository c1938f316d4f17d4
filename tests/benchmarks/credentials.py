"""The secrets of an installation's only connection, for whoever plays the store. The one place that opens the vault."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bcifs_console.base.settings import load_settings
from bcifs_console.operations.context import opened
from bcifs_console.store import connections


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the store knows: how to sign, our header, and the webhook address's token."""

    store_hash: str
    token: str = field(repr=False)
    client_secret: str = field(repr=False)
    hook_secret: str = field(repr=False)

    def as_json(self) -> dict[str, str]:
        return {"client_secret": self.client_secret, "hook_secret": self.hook_secret}


def secrets_of(home: Path) -> Secrets:
    """The secrets of the connection in `home`."""
    with opened(load_settings(home=home)) as context:
        store, only = context.store, context.connection_id(None)
        connection = store.database.read_sync(lambda conn: connections.load(conn, store.vault, only))
    return Secrets(
        connection.bigcommerce.store_hash,
        connection.token,
        connection.bigcommerce.client_secret.reveal(),
        connection.hook_secret.reveal(),
    )
