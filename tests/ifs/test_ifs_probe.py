"""The probe reads a row of every projection that an ordinary order is looked up in, so no pause ends too early."""

from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from bcifs_console.ifs.client import IfsClient
from bcifs_console.ifs.errors import PermissionDenied
from bcifs_console.ifs.profile import LookupKind, Profile

if TYPE_CHECKING:
    from tests.ifs.conftest import FakeIfs, MakeClient

ORDERS = "CustomerOrdersHandling.svc/CustomerOrderSet"
PARTS = "SalesPartHandling.svc/SalesPartSet"
CUSTOMERS = "CustomersHandling.svc/CustomerInfoSet"


def nothing() -> httpx.Response:
    return httpx.Response(200, json={"value": []})


def asked(fake: "FakeIfs") -> list[str]:
    return [request.url.path.rpartition("/v1/")[2] for request in fake.requests]


async def test_one_row_of_orders_sales_parts_and_customers(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(nothing(), nothing(), nothing())
    await client.probe()
    assert asked(fake) == [ORDERS, PARTS, CUSTOMERS]
    assert {request.url.params["$top"] for request in fake.requests} == {"1"}
    assert [request.url.params["$select"] for request in fake.requests] == ["OrderNo", "CatalogNo", "CustomerId"]


async def test_without_a_look_up_customers_are_not_asked(
    make_client: "MakeClient", profile: Profile, fake: "FakeIfs"
) -> None:
    lookup = replace(profile.customer.lookup, kind=LookupKind.NONE)
    blind = make_client(profile=replace(profile, customer=replace(profile.customer, lookup=lookup)))
    fake.script(nothing(), nothing())
    await blind.probe()
    assert asked(fake) == [ORDERS, PARTS]


@pytest.mark.parametrize("granted", [0, 1, 2])
async def test_a_grant_missing_anywhere_fails_it(client: IfsClient, fake: "FakeIfs", granted: int) -> None:
    fake.script(*(nothing() for _ in range(granted)), httpx.Response(403, text="Insufficient privileges."))
    with pytest.raises(PermissionDenied):
        await client.probe()
