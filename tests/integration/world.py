"""A whole world for one test: the simulator on two ports, an installation with one connection, and its service.

The connection comes from a file of exactly DESIGN §12's shape with `env:` secrets, as a person would write it. What IFS
holds is asked of the simulator's truth, never of the program under test.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx

from bcifs_console.base.clock import SystemClock
from bcifs_console.base.settings import Settings, load_settings
from bcifs_console.domain.connections import Connection
from bcifs_console.domain.rules import MappingRule, Purpose
from bcifs_console.operations import connect, hooks
from bcifs_console.operations.connection_file import read_connection_file
from bcifs_console.operations.context import Context
from bcifs_console.service import Service
from bcifs_console.simulator import Simulator, SimulatorOptions
from bcifs_console.store import connections, intake, views
from bcifs_console.store import rules as mapping
from bcifs_console.store.opening import Store, open_store
from bcifs_console.store.views import OrderView
from tests.integration.waiting import until
from tests.simulator.clients import ErpClient, StoreClient, erp_client, store_client

#: How long BigCommerce may take until a new hook fires (facts §2.4): the simulator's clock is moved past it.
HOOK_START_S: Final = 60
SETTLED: Final = ("synced", "waiting", "failed", "skipped", "ignored")

#: DESIGN §12, every key of it. What differs by test is filled in.
CONNECTION_FILE: Final = """
name = "{name}"
[bigcommerce]  # api_url defaults to https://api.bigcommerce.com; http only for loopback
api_url = "{api_url}"
store_hash = "{store_hash}"
client_id = "{bc_client_id}"
client_secret = "env:BC_CLIENT_SECRET"
access_token = "env:BC_ACCESS_TOKEN"
public_url = "{public_url}"
[ifs]
base_url = "{base_url}"
realm = "{realm}"
client_id = "{ifs_client_id}"
client_secret = "env:IFS_CLIENT_SECRET"
company = "{company}"
site = "{site}"
profile = "{profile}"          # a shipped name or a path
{ifs}
[policy]
unmatched_customer = "{unmatched_customer}"   # ask | skip | create | fixed:ID
guest_customer = "{guest_customer}"          # an IFS CustomerId for all guests, if any
revenue_posting = "voucher"  # voucher | ifs_invoice; must be chosen
order_type_never_invoices = true   # must be confirmed under voucher: revenue would be booked twice
start_at = "{start_at}"      # go-live; default: now
time_zone = "America/Chicago"  # default: the store's
release_orders = true
{policy}
[mapping]                    # or: file = "mapping.toml"
{mapping}
"""


def connection_text(about: Mapping[str, Any], *, public_url: str, **changes: str) -> str:
    """A connection file for the simulator that announced `about`."""
    store, erp = about["bigcommerce"], about["ifs"]
    values = {
        "name": "acme-us",
        "api_url": store["api_url"],
        "store_hash": store["store_hash"],
        "bc_client_id": store["client_id"],
        "public_url": public_url,
        "base_url": erp["base_url"],
        "realm": erp["realm"],
        "ifs_client_id": erp["client_id"],
        "company": erp["company"],
        "site": erp["site"],
        "unmatched_customer": "ask",
        "guest_customer": "",
        "start_at": f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%d}",
        "profile": "default",
        "ifs": "",
        "policy": "",
        "mapping": 'revenue_account = "4000"',
        **changes,
    }
    return CONNECTION_FILE.format(**values)


def environment_of(about: Mapping[str, Any]) -> dict[str, str]:
    """The secrets that the connection file names."""
    return {
        "BC_CLIENT_SECRET": about["bigcommerce"]["client_secret"],
        "BC_ACCESS_TOKEN": about["bigcommerce"]["access_token"],
        "IFS_CLIENT_SECRET": about["ifs"]["client_secret"],
    }


def quick_settings(home: Path, **changes: object) -> Settings:
    """Settings with short times, so that nothing is waited for longer than it must."""
    return load_settings(
        **{
            "home": home,
            "port": 0,
            "admin_port": 0,
            "request_deadline_s": 5.0,
            "resend_after_s": 0.2,
            "probe_interval_s": 0.1,
            "retry_base_s": 0.05,
            "retry_cap_s": 0.2,
            **changes,
        }
    )


@dataclass
class World:
    """Everything one test talks to. `service` is None while it is stopped."""

    simulator: Simulator
    store: StoreClient
    erp: ErpClient
    settings: Settings
    connection: Connection | None = None
    service: Service | None = None
    _own: Store | None = field(default=None, repr=False)

    # -- the installation --------------------------------------------------------------------------------------------

    @property
    def about(self) -> dict[str, Any]:
        return self.simulator.announcement()

    @property
    def opened(self) -> Store:
        """The installation's store: the service's own, or one of ours while it is stopped."""
        if self.service is not None:
            return self.service.store
        if self._own is None:
            self._own = open_store(self.settings, SystemClock())
        return self._own

    @property
    def context(self) -> Context:
        return Context(self.settings, self.opened, SystemClock(), "tester")

    @property
    def connection_id(self) -> int:
        assert self.connection is not None, "no connection was added"
        return self.connection.id

    @property
    def webhook_url(self) -> str:
        assert self.connection is not None
        assert self.service is not None
        return f"http://127.0.0.1:{self.service.address.port}/webhooks/bigcommerce/{self.connection.token}"

    async def start(self) -> None:
        """Start the service; after a first start always on the port that the hooks were registered with."""
        if self._own is not None:
            self._own.close()
            self._own = None
        service = Service(self.settings, SystemClock())
        await service.start()
        self.service = service
        self.settings = self.settings.model_copy(update={"port": service.address.port})

    async def stop(self) -> None:
        service, self.service = self.service, None
        if service is not None:
            await service.stop()

    async def add_connection(self, **changes: str) -> Connection:
        """Add a connection from a file, as `bcifs connection add` does."""
        path = self.settings.home / "connection.toml"
        text = connection_text(self.about, public_url=f"http://127.0.0.1:{self.settings.port}", **changes)
        path.write_text(text, encoding="utf-8")
        file = read_connection_file(path, now=SystemClock().now(), environment=environment_of(self.about))
        context = self.context
        added = await asyncio.to_thread(connect.add_file, context, file)
        self.connection = await self.opened.database.read(
            lambda conn: connections.load(conn, context.store.vault, added.id)
        )
        if self.service is not None:
            await self.service.reload()
        return self.connection

    async def register_hooks(self) -> None:
        """Register the webhooks and let the store's start-up delay pass."""
        await hooks.register(self.context, None)
        await self.advance(HOOK_START_S)

    # -- the store ---------------------------------------------------------------------------------------------------

    async def advance(self, seconds: float) -> None:
        """Move the simulator's clock, with all that falls due on the way."""
        await self.store.control("advance", {"seconds": seconds})

    async def place(self, body: Mapping[str, Any]) -> int:
        """Place an order through the store's public API."""
        answer = await self.store.post("/v2/orders", body)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])

    async def place_kind(self, kind: str, **more: Any) -> int:
        """Place an order of one of the simulator's kinds."""
        (order_id,) = await self.store.place(kind, **more)
        return order_id

    async def change(self, order_id: int, **fields: Any) -> dict[str, Any]:
        """Edit an order as a merchant does."""
        answer = await self.store.put(f"/v2/orders/{order_id}", fields)
        assert answer.status_code == 200, answer.text
        changed: dict[str, Any] = answer.json()
        return changed

    async def store_state(self) -> dict[str, Any]:
        state: dict[str, Any] = await self.store.control("state")
        return state

    # -- IFS ---------------------------------------------------------------------------------------------------------

    async def ifs_state(self) -> dict[str, Any]:
        state: dict[str, Any] = await self.erp.control("state")
        return state

    async def ifs_orders(self, order_id: int) -> list[dict[str, Any]]:
        """The customer orders in IFS that carry this order's reference, cancelled ones too."""
        orders = (await self.ifs_state())["customer_orders"]
        return [order for order in orders if order.get("CustomerPoNo") == f"BC-{order_id}"]

    async def ifs_order(self, order_id: int) -> dict[str, Any]:
        """The one customer order in IFS of this order."""
        found = await self.ifs_orders(order_id)
        assert len(found) == 1, f"{len(found)} customer orders carry BC-{order_id}"
        return found[0]

    def add_sales_part(self, part: str) -> None:
        """A person creates a sales part in IFS: by hand, since the projection served is for reading."""
        table = self.simulator._erp.company.db["SalesPart"]
        table.add({**table.rows["100", "SIM-1001"], "CatalogNo": part, "CatalogDesc": part, "PartNo": part})

    async def knobs(self, side: str, **settings: Any) -> None:
        """Turn knobs of one side of the simulator."""
        await self.store.control("set", {side: settings})

    async def script(self, *entries: Mapping[str, Any]) -> None:
        """Replace the simulator's fault script; without entries everything works again."""
        await self.store.control("faults", {"script": list(entries)})

    # -- what we know ------------------------------------------------------------------------------------------------

    async def view(self, order_id: int) -> OrderView | None:
        found = await self.opened.database.read(lambda conn: views.orders_by_id(conn, self.connection_id, [order_id]))
        return found[0] if found else None

    async def reaches(self, order_id: int, *states: str, reason: str | None = None) -> OrderView:
        """Wait until the order is in one of `states` (and waits for `reason`)."""

        async def look() -> OrderView | None:
            seen[:] = [await self.view(order_id)]
            view = seen[0]
            good = view is not None and view.state in states and (reason is None or view.reason == reason)
            return view if good else None

        seen: list[OrderView | None] = []
        what = f"order {order_id} is {' or '.join(states)}" + (f" for {reason}" if reason else "")
        return await until(look, what, show=lambda: seen)

    async def settles(self, order_id: int) -> OrderView:
        """Wait until nothing more happens to the order by itself."""
        return await self.reaches(order_id, *SETTLED)

    async def sync(self, order_id: int) -> None:
        """Mark the order due, as `bcifs orders sync` does."""
        await self.opened.database.write(
            lambda tx: intake.mark_due(tx, self.connection_id, [order_id], found_by="operator")
        )

    async def looked_again(self, order_id: int) -> OrderView:
        """Mark the order due and wait until that look has ended."""
        await self.sync(order_id)
        return await self.settles(order_id)

    async def set_rules(self, purpose: Purpose, *rules: MappingRule) -> None:
        """Put these mapping rules in force, as an import will; the service takes them over within a second."""
        await self.opened.database.write(
            lambda tx: mapping.replace(tx, self.connection_id, purpose, rules, actor="tester", reason="test")
        )
        if self.service is not None:
            await self.service.reload()

    async def count(self, sql: str) -> int:
        """The number a query answers with."""
        return int(await self.opened.database.read(lambda conn: conn.exec_driver_sql(sql).scalar_one()))


@contextlib.asynccontextmanager
async def open_world(home: Path, **settings: object) -> AsyncIterator[World]:
    """A simulator and a running service without any connection."""
    async with (
        Simulator(SimulatorOptions(quota=None)) as simulator,
        httpx.AsyncClient(trust_env=False, timeout=30) as http,
    ):
        store = store_client(simulator, http)
        world = World(simulator, store, erp_client(simulator, http), quick_settings(home, **settings))
        await world.start()
        try:
            yield world
        finally:
            await world.stop()
            if world._own is not None:
                world._own.close()
