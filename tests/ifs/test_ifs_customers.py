"""Customers: found by e-mail as the profile says, made step by step, each step asked for afterwards."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from bcifs_console.base.problems import UsageProblem
from bcifs_console.domain.documents import CustomerDraft
from bcifs_console.ifs import errors
from bcifs_console.ifs.client import IfsClient
from bcifs_console.ifs.profile import Lookup, LookupKind, Profile
from bcifs_console.ifs.records import CustomerMatch
from bcifs_console.ifs.wire import loads

if TYPE_CHECKING:
    from tests.ifs.conftest import FakeIfs, MakeClient

ROOT = "/main/ifsapplications/projection/v1"
CUSTOMER = f"{ROOT}/CustomerHandling.svc/CustomerInfoSet(CustomerId='BC1')"
ABSENT = {"error": {"code": "ODP_NOT_FOUND", "message": "The requested entity was not found."}}


def listed(*rows: Mapping[str, Any]) -> httpx.Response:
    return httpx.Response(200, json={"value": list(rows)})


def with_lookup(profile: Profile, **changes: Any) -> Profile:
    lookup: Lookup = replace(profile.customer.lookup, **changes)
    return replace(profile, customer=replace(profile.customer, lookup=lookup))


def with_creation(profile: Profile, **changes: Any) -> Profile:
    return replace(profile, customer=replace(profile.customer, creation=replace(profile.customer.creation, **changes)))


# finding


async def test_the_custom_field_is_compared_whatever_the_case_and_quoted(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(listed({"CustomerId": "C1", "Name": "Ann"}))
    assert await client.customers_by_email("Ann.O'Brien@Example.com") == [CustomerMatch("C1", "Ann")]
    url = fake.requests[0].url
    assert url.path == f"{ROOT}/CustomersHandling.svc/CustomerInfoSet"
    assert url.params["$filter"] == "tolower(Cf_Email) eq 'ann.o''brien@example.com'"


async def test_an_entity_set_is_filtered_by_a_qualified_enum_literal(
    make_client: "MakeClient", profile: Profile, fake: "FakeIfs"
) -> None:
    site = with_lookup(
        profile,
        kind=LookupKind.ENTITY_SET,
        path="CustomerCommunications.svc/MethodSet",
        email_property="Value",
        customer_property="Identity",
        name_property="",
        fold_case=False,
        method_property="MethodId",
        method_enum="CommMethodCode",
        method_member="EMail",
    )
    fake.script(listed({"Identity": "C1"}, {"Identity": "C2"}, {"Identity": "C1"}, {"Identity": None}))
    matches = await make_client(profile=site).customers_by_email("Ann@example.com")
    assert matches == [CustomerMatch("C1", ""), CustomerMatch("C2", "")]  # each customer once
    assert fake.requests[0].url.params["$filter"] == (
        "Value eq 'Ann@example.com' and MethodId eq IfsApp.CustomerCommunications.CommMethodCode'EMail'"
    )
    assert fake.requests[0].url.params["$select"] == "Identity"


async def test_without_look_up_or_without_an_address_nobody_is_found(
    make_client: "MakeClient", profile: Profile, client: IfsClient
) -> None:
    blind = make_client(profile=with_lookup(profile, kind=LookupKind.NONE))
    assert await blind.customers_by_email("ann@example.com") == []
    assert await client.customers_by_email("") == []


async def test_a_customer_by_key_or_none(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(httpx.Response(200, json={"CustomerId": "C1", "Name": "Ann"}), httpx.Response(404, json=ABSENT))
    assert await client.customer("C1") == CustomerMatch("C1", "Ann")
    assert await client.customer("C2") is None


async def test_a_gateways_404_is_not_a_missing_customer(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(httpx.Response(404, html="<html>no such route</html>"))
    with pytest.raises(errors.Transient):
        await client.customer("C1")


async def test_a_projection_that_is_not_granted_is_not_a_missing_customer(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(httpx.Response(404, json={"error": {"code": "MI_METADATA_NOTFOUND", "message": "Metadata not found."}}))
    with pytest.raises(errors.PermissionDenied):
        await client.customer("C1")


# making


def test_the_steps_of_a_plain_customer(client: IfsClient, customer_draft: CustomerDraft) -> None:
    plain = ("info", "address", "address_type:Delivery", "address_type:Document")
    assert client.customer_steps(customer_draft) == (*plain, "communication", "order_info", "invoice_info")
    assert client.customer_steps(replace(customer_draft, email="")) == (*plain, "order_info", "invoice_info")


def test_a_template_brings_order_and_invoice_settings_along(
    make_client: "MakeClient", profile: Profile, customer_draft: CustomerDraft
) -> None:
    copying = make_client(profile=with_creation(profile, template_id="WEBTEMPLATE", address_type_codes=("Delivery",)))
    assert copying.customer_steps(customer_draft) == (
        "copy_template",
        "address",
        "address_type:Delivery",
        "communication",
    )


def test_an_empty_navigation_leaves_its_steps_out(
    make_client: "MakeClient", profile: Profile, customer_draft: CustomerDraft
) -> None:
    bare = with_creation(profile, addresses="", communication="", order_info="", invoice_info="")
    assert make_client(profile=bare).customer_steps(customer_draft) == ("info",)


EXPECTED: dict[str, tuple[str, dict[str, object]]] = {
    "info": (
        f"{ROOT}/CustomerHandling.svc/CustomerInfoSet",
        {
            "CustomerId": "BC1",
            "Name": "Ann O'Brien",
            "CreationDate": "2026-11-30",  # 03:30 UTC on the first, in Chicago
            "Country": "US",
            "CountryCode": "US",
            "DefaultLanguage": "en",
            "PartyType": "Customer",
            "DefaultDomain": True,
            "CustomerCategory": "Customer",
            "OneTime": False,
            "B2bCustomer": False,
            "ValidDataProcessingPurpose": False,
            "IdentifierRefValidation": "None",
        },
    ),
    "address": (
        f"{CUSTOMER}/CustomerInfoAddresses",
        {
            "CustomerId": "BC1",
            "AddressId": "01",
            "Name": "Ann O'Brien",
            "Address1": "1 Main Street",
            "ZipCode": "78701",
            "City": "Austin",
            "State": "Texas",
            "Country": "US",
            "PartyType": "Customer",
            "DefaultDomain": True,
        },
    ),
    "address_type:Delivery": (
        f"{CUSTOMER}/CustomerInfoAddresses(CustomerId='BC1',AddressId='01')/AddressTypes",
        {"AddressTypeCode": "Delivery", "DefAddress": True},
    ),
    "communication": (
        f"{CUSTOMER}/CommunicationMethods",
        {"Name": "Ann O'Brien", "MethodId": "EMail", "Value": "ann@example.com", "MethodDefault": True},
    ),
    "order_info": (
        f"{CUSTOMER}/CustOrdCustomers",
        {
            "CustomerNo": "BC1",
            "CurrencyCode": "USD",
            "OrderId": "NO",
            "CustGrp": "WEB",
            "BackorderOption": "AllowWithBackorderDate",
        },
    ),
    "invoice_info": (
        f"{CUSTOMER}/CustomerInvoiceCompanies",
        {"Company": "10", "Identity": "BC1", "DefCurrency": "USD", "PayTermId": "0", "TaxLiability": "TAX"},
    ),
}


@pytest.mark.parametrize("step", EXPECTED)
async def test_each_step_is_one_post_with_its_body(
    make_client: "MakeClient", fake: "FakeIfs", customer_draft: CustomerDraft, step: str
) -> None:
    fake.script(httpx.Response(201, json={"CustomerId": "BC1"}))
    assert await make_client(time_zone="America/Chicago").customer_step(step, customer_draft) == "BC1"
    (request,) = fake.requests
    assert (request.method, request.url.path) == ("POST", EXPECTED[step][0])
    assert loads(request.content) == EXPECTED[step][1]


async def test_the_template_is_copied_by_an_action(
    make_client: "MakeClient", profile: Profile, fake: "FakeIfs", customer_draft: CustomerDraft
) -> None:
    fake.script(httpx.Response(200, json={"value": "BC1"}))
    copying = make_client(profile=with_creation(profile, template_id="WEBTEMPLATE"))
    assert await copying.customer_step("copy_template", customer_draft) == "BC1"
    assert fake.requests[0].url.path == f"{ROOT}/CustomerHandling.svc/CopyExistingCustomer"
    assert loads(fake.requests[0].content) == {
        "CustomerId": "WEBTEMPLATE",
        "NewId": "BC1",
        "NewName": "Ann O'Brien",
        "NewCategory": "Customer",
    }


async def test_the_new_customers_own_field_can_carry_the_email(
    make_client: "MakeClient", profile: Profile, fake: "FakeIfs", customer_draft: CustomerDraft
) -> None:
    fake.script(httpx.Response(204))
    finding = make_client(profile=with_creation(profile, email_property="Cf_Email"))
    assert await finding.customer_step("info", customer_draft) == "BC1"
    assert loads(fake.requests[0].content)["Cf_Email"] == "ann@example.com"


@pytest.mark.parametrize(
    ("step", "rows", "done"),
    [
        ("address", [{"AddressId": "02"}], False),
        ("address", [{"AddressId": "02"}, {"AddressId": "01"}], True),
        ("address_type:Delivery", [{"AddressTypeCode": "Document"}], False),
        ("address_type:Delivery", [{"AddressTypeCode": "Delivery"}], True),
        ("communication", [{"MethodId": "Phone", "Value": "ann@example.com"}], False),
        ("communication", [{"MethodId": "EMail", "Value": "Ann@Example.com"}], True),
        ("order_info", [], False),
        ("order_info", [{"CustomerNo": "BC1"}], True),
        ("invoice_info", [{"Company": "20"}], False),
        ("invoice_info", [{"Company": "10"}], True),
    ],
)
async def test_a_step_is_done_when_its_row_is_there(
    client: IfsClient, fake: "FakeIfs", customer_draft: CustomerDraft, step: str, rows: list[Any], done: bool
) -> None:
    fake.script(listed(*rows))
    assert await client.customer_step_done(step, customer_draft) is done
    assert fake.requests[0].url.path == EXPECTED[step][0]


@pytest.mark.parametrize("step", ["info", "copy_template", "address", "address_type:Delivery", "order_info"])
async def test_nothing_is_done_for_a_customer_that_does_not_exist(
    client: IfsClient, fake: "FakeIfs", customer_draft: CustomerDraft, step: str
) -> None:
    fake.script(httpx.Response(404, json=ABSENT))
    assert await client.customer_step_done(step, customer_draft) is False


async def test_an_unknown_step_is_refused_unsent(client: IfsClient, customer_draft: CustomerDraft) -> None:
    with pytest.raises(UsageProblem, match="loyalty"):
        await client.customer_step("loyalty", customer_draft)
