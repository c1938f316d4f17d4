"""`new_url`: a fresh database each time it is asked, for tests that go through many lives."""

import contextlib
import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.conftest import PostgresqlServer

#: `engine` → a context with the URL of a fresh database with the schema.
NewUrl = Callable[[str], AbstractContextManager[str]]


@pytest.fixture
def new_url(request: pytest.FixtureRequest, sqlite_template: Path, tmp_path: Path) -> NewUrl:
    """Fresh databases, `sqlite` or `postgresql`."""
    numbers = itertools.count(1)

    @contextlib.contextmanager
    def make(engine: str) -> Iterator[str]:
        if engine == "postgresql":
            server: PostgresqlServer = request.getfixturevalue("postgresql_server")
            with server.new_database() as url:
                yield url
            return
        path = tmp_path / f"home-{next(numbers)}.db"
        shutil.copyfile(sqlite_template, path)
        yield f"sqlite:///{path}"

    return make
