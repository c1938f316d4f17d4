"""Small clients for the tests: plain httpx calls against a running simulator, and a receiver for webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from bcifs_console.simulator import Simulator
from bcifs_console.simulator.web import Reply, Request, Server

HEADER = {
    "IsNewCustomer": False,
    "CustomerNo": "C1001",
    "BillAddrNo": "01",
    "ShipAddrNo": "01",
    "CurrencyCode": "USD",
    "ShipViaCode": "STD",
    "WantedDeliveryDate": "2026-12-01T00:00:00Z",
    "Contract": "100",
    "AuthorizeCode": "WEB",
    "OrderId": "NO",
    "DeliveryTerms": "DDP",
    "PayTermId": "0",
}


@dataclass
class StoreClient:
    """The BigCommerce port."""

    http: httpx.AsyncClient
    url: str
    path: str
    client_secret: str

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.http.get(self.path + path, params={k.replace("__", ":"): v for k, v in params.items()})

    async def rows(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """All pages of a v2 list."""
        found: list[dict[str, Any]] = []
        for page in range(1, 100):
            answer = await self.get(path, page=page, **params)
            if answer.status_code == 204:
                return found
            assert answer.status_code == 200, answer.text
            found += answer.json()
        raise AssertionError("a list without an end")

    async def post(self, path: str, body: object) -> httpx.Response:
        return await self.http.post(self.path + path, json=body)

    async def put(self, path: str, body: object) -> httpx.Response:
        return await self.http.put(self.path + path, json=body)

    async def control(self, name: str, body: object | None = None) -> Any:
        url = f"{self.url}/_sim/{name}"
        answer = await (self.http.get(url) if body is None else self.http.post(url, json=body))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def place(self, *kinds: str, count: int | None = None, **more: Any) -> list[int]:
        body = {"count": count or len(kinds), **more}
        if kinds:
            body["kinds"] = list(kinds)
        placed: list[int] = (await self.control("orders", body))["orders"]
        return placed

    async def hook(self, scope: str, destination: str, **more: Any) -> dict[str, Any]:
        answer = await self.post("/v3/hooks", {"scope": scope, "destination": destination, **more})
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data


@dataclass
class ErpClient:
    """The IFS port, with a token."""

    http: httpx.AsyncClient
    url: str
    about: dict[str, str]
    token: str = ""

    @property
    def projections(self) -> str:
        return f"{self.url}/main/ifsapplications/projection/v1/"

    async def ask_token(self, **changed: str) -> httpx.Response:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.about["client_id"],
            "client_secret": self.about["client_secret"],
            "scope": "openid microprofile-jwt",
            **changed,
        }
        realm = self.about["realm"]
        return await self.http.post(f"{self.url}/auth/realms/{realm}/protocol/openid-connect/token", data=form)

    async def log_in(self) -> Self:
        answer = await self.ask_token()
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["access_token"]
        return self

    async def call(
        self, method: str, path: str, body: object | None = None, etag: str | None = None, **params: Any
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        if etag is not None:
            headers["If-Match"] = etag
        return await self.http.request(
            method,
            self.projections + path,
            json=body,
            headers=headers,
            params={f"${name}": value for name, value in params.items()} or None,
        )

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.call("GET", path, **params)

    async def value(self, path: str, **params: Any) -> list[dict[str, Any]]:
        answer = await self.get(path, **params)
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["value"]
        return rows

    async def made(self, path: str, body: object) -> dict[str, Any]:
        answer = await self.call("POST", path, body)
        assert answer.status_code == 201, answer.text
        row: dict[str, Any] = answer.json()
        return row

    async def order(self, **changed: Any) -> str:
        row = await self.made("CustomerOrderHandling.svc/CustomerOrderSet", {**HEADER, **changed})
        return str(row["OrderNo"])

    def order_path(self, number: str) -> str:
        return f"CustomerOrderHandling.svc/CustomerOrderSet(OrderNo='{number}')"

    async def line(self, number: str, **fields: Any) -> dict[str, Any]:
        body = {"OrderNo": number, "CatalogNo": "SIM-1001", "BuyQtyDue": 1, **fields}
        return await self.made(self.order_path(number) + "/OrderLinesArray", body)

    async def charge(self, number: str, kind: str, **fields: Any) -> dict[str, Any]:
        body = {"OrderNo": number, "ChargeType": kind, "ChargedQty": 1, **fields}
        return await self.made(self.order_path(number) + "/CustomerOrderChargeArray", body)

    async def header(self, number: str) -> dict[str, Any]:
        answer = await self.get(self.order_path(number))
        assert answer.status_code == 200, answer.text
        row: dict[str, Any] = answer.json()
        return row

    async def act(
        self, number: str, action: str, body: object | None = None, etag: str | None = None
    ) -> httpx.Response:
        path = f"{self.order_path(number)}/IfsApp.CustomerOrderHandling.CustomerOrder_{action}"
        return await self.call("POST", path, body or {}, etag)

    async def control(self, name: str, body: object | None = None) -> Any:
        url = f"{self.url}/_sim/{name}"
        answer = await (self.http.get(url) if body is None else self.http.post(url, json=body))
        assert answer.status_code == 200, answer.text
        return answer.json()


def store_client(simulator: Simulator, http: httpx.AsyncClient) -> StoreClient:
    about = simulator.announcement()["bigcommerce"]
    http.headers["X-Auth-Token"] = about["access_token"]
    path = f"{about['api_url']}/stores/{about['store_hash']}"
    return StoreClient(http, about["api_url"], path, about["client_secret"])


def erp_client(simulator: Simulator, http: httpx.AsyncClient) -> ErpClient:
    about = simulator.announcement()["ifs"]
    return ErpClient(http, about["base_url"], about)


@dataclass
class Receiver:
    """Takes deliveries; `answer` decides the status of each."""

    server: Server
    received: list[Request] = field(default_factory=list)
    answer: Callable[[int], int] = lambda _: 200

    @property
    def url(self) -> str:
        return f"{self.server.url}/hooks"


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    async def handle(request: Request) -> Reply:
        own.received.append(request)
        return Reply(own.answer(len(own.received)))

    own = Receiver(Server("127.0.0.1", 0, handle))
    await own.server.start()
    try:
        yield own
    finally:
        await own.server.stop()
