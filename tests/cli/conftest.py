"""`bcifs` runs a command on an empty home; `connected` on one whose connection leads to `shop`, a simulator."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shop import Shop, Terminal, secrets_of, write_connection

#: Short times for commands that do the work themselves.
_QUICK = {
    "BCIFS_REQUEST_DEADLINE_S": "5",
    "BCIFS_RESEND_AFTER_S": "0.2",
    "BCIFS_RETRY_BASE_S": "0.05",
    "BCIFS_RETRY_CAP_S": "0.2",
    "BCIFS_LOG_FORMAT": "json",
}


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop.opened() as opened:
        yield opened


@pytest.fixture
def bcifs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name, value in _QUICK.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("BCIFS_HOME", raising=False)
    return Terminal(tmp_path / "home")


@pytest.fixture
def environment(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The shop's secrets, in the environment."""
    secrets = secrets_of(shop)
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    return secrets


@pytest.fixture
def connected(shop: Shop, bcifs: Terminal, environment: dict[str, str], tmp_path: Path) -> Terminal:
    bcifs("connection", "add", write_connection(shop, tmp_path))
    return bcifs
