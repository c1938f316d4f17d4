"""The two systems outside: the simulator over HTTP, and what it holds in truth, in the shape the tests compare."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import httpx

from bcifs_console.simulator import Simulator, SimulatorOptions
from tests.simulator.clients import ErpClient, StoreClient, erp_client, store_client


def money(value: object) -> Decimal:
    return Decimal(str(value))


@dataclass
class Upstreams:
    """Places orders in the store, misbehaves on request, and tells what each side holds."""

    simulator: Simulator
    store: StoreClient
    erp: ErpClient

    @property
    def about(self) -> dict[str, Any]:
        return self.simulator.announcement()

    async def place(self, kind: str) -> int:
        """Place an order of the kind, without any webhook."""
        (order_id,) = await self.store.place(kind, deliver=False)
        return order_id

    async def script(self, *entries: Mapping[str, Any]) -> None:
        """Replace the fault script; without entries everything works again."""
        await self.store.control("faults", {"script": list(entries)})

    async def ifs_state(self) -> dict[str, Any]:
        """The truth; for customers that we created with their invoice settings, which it does not show by itself."""
        state: dict[str, Any] = await self.erp.control("state")
        for row in state["customers"]:
            if row["CustomerId"].startswith("BC"):
                row["invoice_info"] = await self._invoice_info(row["CustomerId"])
        return state

    async def _invoice_info(self, customer_id: str) -> list[dict[str, Any]]:
        if not self.erp.token:
            await self.erp.log_in()
        return await self.erp.value(
            f"CustomerHandling.svc/CustomerInfoSet(CustomerId='{customer_id}')/CustomerInvoiceCompanies"
        )

    async def store_state(self) -> dict[str, Any]:
        state: dict[str, Any] = await self.store.control("state")
        return state

    async def faults(self) -> dict[str, int]:
        """How often each fault has struck."""
        struck: dict[str, int] = (await self.ifs_state())["faults"]
        return struck

    async def writes(self) -> Counter[str]:
        """The writing calls that reached IFS so far."""
        return writes_in(await self.ifs_state())

    async def booked(self, order_id: int) -> "Booked":
        """What has become of the order in IFS."""
        return Booked.of(await self.ifs_state(), order_id)

    async def sold(self, order_id: int) -> "Sold":
        """The order as the store has it."""
        state = await self.store_state()
        order = next(row for row in state["orders"] if row["id"] == order_id)
        return Sold(order, state["products"][str(order_id)])


def writes_in(state: Mapping[str, Any]) -> Counter[str]:
    """The writing calls that reached IFS, by what they write (`OrderLinesArray`); no token requests."""
    counted: Counter[str] = Counter()
    for name, number in state["calls"].items():
        if name.startswith("POST ") and "/auth/" not in name:
            counted[name.rpartition("/")[2]] += number
    return counted


@dataclass(frozen=True)
class Sold:
    """An order in the store, in wire shape."""

    order: dict[str, Any]
    products: list[dict[str, Any]]


#: What differs from run to run: times, and what IFS numbers by itself.
_VARYING: Final = frozenset(
    {
        "@odata.etag",
        "keyref",
        "luname",
        "CommId",
        "CreationDate",
        "DateEntered",
        "EntryDate",
        "PlannedDeliveryDate",
        "PreAccountingId",
        "TargetDate",
        "VoucherDate",
        "WantedDeliveryDate",
    }
)

_UNNAMED: Final[Mapping[str, str]] = {}


@dataclass(frozen=True)
class Booked:
    """What one order has become in IFS: comparable between runs with the same seed."""

    orders: tuple[dict[str, Any], ...]  #: each that carries the order's reference, cancelled ones too
    customers: tuple[dict[str, Any], ...]  #: each that we created, its number replaced by `created-1` …
    customer_no: str = field(default="", compare=False)  #: as numbered: numbers may be left out after a crash

    @classmethod
    def of(cls, state: Mapping[str, Any], order_id: int) -> "Booked":
        orders = [o for o in state["customer_orders"] if o.get("CustomerPoNo") == f"BC-{order_id}"]
        created = [c for c in state["customers"] if c["CustomerId"].startswith("BC")]
        names = {c["CustomerId"]: f"created-{i}" for i, c in enumerate(created, 1)}
        return cls(
            tuple(comparable(o, names) for o in orders),
            tuple(comparable(c, names) for c in created),
            orders[0]["CustomerNo"] if orders else "",
        )

    @property
    def order(self) -> dict[str, Any]:
        """The one customer order."""
        assert len(self.orders) == 1, f"it stands in IFS {len(self.orders)} times"
        return self.orders[0]

    def assert_equals(self, sold: Sold, *, account: str = "4000") -> None:
        """The order stands in IFS once, released, each line once with its account, equal to the store's to the cent."""
        order = self.order
        assert order["Objstate"] == "Released"
        wanted = sorted((str(p["id"]), p["sku"].upper(), money(p["quantity"])) for p in sold.products)
        found = sorted((x["CustomerPoLineNo"], x["CatalogNo"], money(x["BuyQtyDue"])) for x in order["lines"])
        assert found == wanted
        posted = [[row["AccountNo"] for row in line["PrePosting"]] for line in order["lines"]]
        assert posted == [[account]] * len(wanted)
        parts = [money(line["GrossAmountCurr"]) for line in order["lines"]]
        parts += [money(charge["GrossAmtCurr"]) for charge in order["charges"]]
        total = money(sold.order["total_inc_tax"])
        assert (money(order["TotalGrossInclChrgCurr"]), sum(parts)) == (total, total)


def comparable(value: Any, names: Mapping[str, str] = _UNNAMED) -> Any:
    """The value without what differs from run to run; rows in an order of their own."""
    if isinstance(value, dict):
        return {name: comparable(inner, names) for name, inner in value.items() if name not in _VARYING}
    if isinstance(value, list):
        return sorted((comparable(inner, names) for inner in value), key=repr)
    return names.get(value, value) if isinstance(value, str) else value


@contextlib.asynccontextmanager
async def open_upstreams(seed: int = 1) -> AsyncIterator[Upstreams]:
    """A fresh simulator without quota."""
    async with (
        Simulator(SimulatorOptions(seed=seed, quota=None)) as simulator,
        httpx.AsyncClient(trust_env=False, verify=False, timeout=30) as http,
    ):
        yield Upstreams(simulator, store_client(simulator, http), erp_client(simulator, http))
