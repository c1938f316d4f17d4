"""What this room's tests share: a store that a test scripts route by route, and a client of it."""

import pytest
import respx

from bcifs_console.bigcommerce.client import BigCommerceClient
from tests.bigcommerce.bigcommerce_samples import client_of


@pytest.fixture
def store() -> respx.Router:
    """A store; a test says what it answers."""
    return respx.Router(base_url="https://api.bigcommerce.com/stores/abc123")


@pytest.fixture
def client(store: respx.Router) -> BigCommerceClient:
    return client_of(store.async_handler)
