"""The two systems outside: the simulator over HTTP, and what it holds in truth, in the shape the tests compare."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx

from bcifs_console.simulator import Simulator, SimulatorOptions
from tests.simulator.clients import ErpClient, StoreClient, erp_client, store_client


def money(value: object) -> Decimal:
    return Decimal(str(value))


@dataclass
class Upstreams:
    """Places orders in the store, misbehaves on request, and tells what IFS holds."""

    simulator: Simulator
    store: StoreClient
    erp: ErpClient

    @property
    def about(self) -> dict[str, Any]:
        return self.simulator.announcement()

    async def place(self, kind: str) -> int:
        (order_id,) = await self.store.place(kind, deliver=False)
        return order_id

    async def script(self, *entries: Mapping[str, Any]) -> None:
        """Replace the fault script; without entries everything works again."""
        await self.store.control("faults", {"script": list(entries)})

    async def ifs_state(self) -> dict[str, Any]:
        state: dict[str, Any] = await self.erp.control("state")
        return state

    async def store_state(self) -> dict[str, Any]:
        state: dict[str, Any] = await self.store.control("state")
        return state

    async def faults(self) -> dict[str, int]:
        """How often each fault has struck."""
        struck: dict[str, int] = (await self.ifs_state())["faults"]
        return struck

    async def writes(self) -> Counter[str]:
        """The writing calls that reached IFS, token requests left out."""
        calls = (await self.ifs_state())["calls"]
        return Counter({name: n for name, n in calls.items() if name.startswith("POST") and "/auth/" not in name})

    async def booked(self, order_id: int) -> "Booked":
        """What IFS holds of the order."""
        state = await self.ifs_state()
        return Booked.of(state, order_id)


@dataclass(frozen=True)
class Booked:
    """What one order has become in IFS, without numbers and times that differ from run to run."""

    orders: tuple[dict[str, Any], ...]
    customers: tuple[dict[str, Any], ...]  #: those IFS did not hold from the beginning

    @classmethod
    def of(cls, state: Mapping[str, Any], order_id: int) -> "Booked":
        mine = [o for o in state["customer_orders"] if o.get("CustomerPoNo") == f"BC-{order_id}"]
        new = [c for c in state["customers"] if c["CustomerId"].startswith("BC")]
        return cls(tuple(_order(o) for o in mine), tuple(_plain(c) for c in new))


def _order(row: Mapping[str, Any]) -> dict[str, Any]:
    return _plain(row)


_VARYING = frozenset({"@odata.etag", "keyref", "luname", "DateEntered", "CreationDate", "WantedDeliveryDate", "PreAccountingId", "CommId"})


def _plain(value: Any) -> Any:
    """The value without what differs from run to run; lists of rows in an order of their own."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items() if name not in _VARYING}
    if isinstance(value, list):
        return sorted((_plain(inner) for inner in value), key=repr)
    return value


@contextlib.asynccontextmanager
async def open_upstreams(seed: int = 1) -> AsyncIterator[Upstreams]:
    """A fresh simulator without quota."""
    async with (
        Simulator(SimulatorOptions(seed=seed, quota=None)) as simulator,
        httpx.AsyncClient(trust_env=False, verify=False, timeout=30) as http,
    ):
        yield Upstreams(simulator, store_client(simulator, http), erp_client(simulator, http))
