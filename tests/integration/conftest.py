"""`world`: simulator, connection with registered webhooks, running service. `make_world`: the same, your choices."""

import contextlib
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.integration.bookkeeping import books
from tests.integration.world import World, open_world

#: `(settings=None, **connection)` → a world whose connection has these policies.
MakeWorld = Callable[..., AbstractAsyncContextManager[World]]


@pytest.fixture
def make_world(tmp_path: Path, sqlite_template: Path) -> MakeWorld:
    """Open a world; keywords fill the connection file, `settings` changes the installation's."""

    @contextlib.asynccontextmanager
    async def make(*, settings: dict[str, object] | None = None, **connection: str) -> AsyncIterator[World]:
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        shutil.copyfile(sqlite_template, home / "bcifs.db")  # saves making the schema anew for each test
        async with open_world(home, **(settings or {})) as opened:
            await opened.add_connection(**connection)
            await opened.register_hooks()
            yield opened

    return make


@pytest.fixture
async def world(make_world: MakeWorld) -> AsyncIterator[World]:
    """The usual world: buyers whom IFS does not know are asked about, revenue goes to 4000."""
    async with make_world() as opened:
        yield opened


@pytest.fixture
async def booked(make_world: MakeWorld) -> AsyncIterator[World]:
    """A world whose connection makes vouchers by rest."""
    async with make_world(**books()) as opened:
        yield opened
