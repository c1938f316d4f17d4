"""A running simulator per test, and clients for its two ports."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from bcifs_console.simulator import Simulator
from tests.simulator.clients import ErpClient, Receiver, StoreClient, erp_client, receiver, store_client


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        yield client


@pytest.fixture
def store(simulator: Simulator, http: httpx.AsyncClient) -> StoreClient:
    return store_client(simulator, http)


@pytest.fixture
async def erp(simulator: Simulator, http: httpx.AsyncClient) -> ErpClient:
    return await erp_client(simulator, http).log_in()


@pytest.fixture
async def hooks() -> AsyncIterator[Receiver]:
    async with receiver() as running:
        yield running
