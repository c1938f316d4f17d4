"""`world`: simulator, connection with registered webhooks, running service. `open_plain`: the same, choices by the test."""

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.integration.world import World, open_world

#: `(settings=None, **connection)` → a world whose connection has these policies.
MakeWorld = Callable[..., AbstractAsyncContextManager[World]]


@pytest.fixture
def make_world(tmp_path: Path) -> MakeWorld:
    """Open a world; keywords fill the connection file, `settings` changes the installation's."""

    @contextlib.asynccontextmanager
    async def make(*, settings: dict[str, object] | None = None, **connection: str) -> AsyncIterator[World]:
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
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
