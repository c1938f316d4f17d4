"""`$metadata` becomes a model, and the connection test compares it with every name in use."""

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from bcifs_console.domain.rules import VoucherTransport
from bcifs_console.ifs.checks import CheckResult, Verdict, check
from bcifs_console.ifs.client import IfsClient
from bcifs_console.ifs.metadata import UnreadableMetadata, parse_metadata
from bcifs_console.ifs.profile import Profile
from bcifs_console.ifs.vocabulary import Entity, Use, uses

if TYPE_CHECKING:
    from tests.ifs.conftest import FakeIfs, MakeClient

EDMX = """<?xml version="1.0" encoding="UTF-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="IfsApp.%s">%s
<EntityContainer Name="DefaultContainer">%s</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"""

SMALL = EDMX % (
    "Orders",
    '<EnumType Name="State"><Member Name="Planned" Value="0"/><Member Name="Released" Value="1"/></EnumType>'
    '<EntityType Name="Order"><Key><PropertyRef Name="No"/></Key><Property Name="No" Type="Edm.String" MaxLength="12"/>'
    '<Property Name="State" Type="IfsApp.Orders.State"/><Property Name="Total" Type="Edm.Decimal" Precision="130"/>'
    '<NavigationProperty Name="Lines" Type="Collection(IfsApp.Orders.Line)"/>'
    '<NavigationProperty Name="SiteRef" Type="IfsApp.Orders.Site"/></EntityType>'
    '<Action Name="Order_Cancel" IsBound="true"><Parameter Name="Order" Type="IfsApp.Orders.Order"/>'
    '<Parameter Name="Reason" Type="Edm.String"/></Action>'
    '<Action Name="Tidy"><Parameter Name="Site" Type="Edm.String"/></Action>',
    '<EntitySet Name="OrderSet" EntityType="IfsApp.Orders.Order"/>',
)


def test_metadata_becomes_a_model() -> None:
    model = parse_metadata(SMALL.encode())
    order = model.type_of_set("OrderSet")
    assert order is not None
    assert model.namespace == "IfsApp.Orders"
    assert (order.properties["No"].max_length, order.properties["State"].type) == (12, "State")
    assert order.navigations == {"Lines": "Line", "SiteRef": "Site"}
    assert model.enums == {"State": ("Planned", "Released")}
    assert [(a.name, a.parameters) for a in model.actions_of("Order")] == [("Order_Cancel", ("Reason",))]
    assert [(a.name, a.parameters) for a in model.actions_of(None)] == [("Tidy", ("Site",))]
    assert model.type_of_set("LineSet") is None


@pytest.mark.parametrize(
    "document",
    [
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>',
        SMALL.encode("utf-16"),
        b"<html><body>Bad Gateway</html>",
        b"<x/>",
        b"",
    ],
)
def test_what_is_no_edmx_is_refused(document: bytes) -> None:
    with pytest.raises(UnreadableMetadata):
        parse_metadata(document)


# the connection test, against metadata made of the very names in use


def edmx_of(wanted: list[Use]) -> str:
    """Metadata in which all of `wanted` exists; the action list has one more."""
    types: list[str] = []

    def add(name: str, entity: Entity) -> str:
        properties = "".join(f'<Property Name="{p}" Type="Edm.String"/>' for p in sorted(entity.properties))
        navigations = "".join(
            f'<NavigationProperty Name="{nav}" Type="Collection(IfsApp.P.{add(name + nav, below)})"/>'
            for nav, below in entity.navigations.items()
        )
        types.append(f'<EntityType Name="{name}">{properties}{navigations}</EntityType>')
        for action, parameters in [*entity.actions.values(), (f"{name}_Print", ())]:
            own = "".join(f'<Parameter Name="{p}" Type="Edm.String"/>' for p in parameters)
            bound = f'<Parameter Name="{name}" Type="IfsApp.P.{name}"/>'
            types.append(f'<Action Name="{action}" IsBound="true">{bound}{own}</Action>')
        return name

    sets = [f'<EntitySet Name="{use.set}" EntityType="IfsApp.P.{add("T" + use.set, use.entity)}"/>' for use in wanted]
    return EDMX % ("P", "".join(types), "".join(sets))


class Installation:
    """Serves `$metadata` and one row of everything; a test changes texts and answers."""

    def __init__(self, client: IfsClient) -> None:
        self.edmx: dict[str, str] = {}
        self.answers: dict[str, httpx.Response] = {}
        by_projection: dict[str, list[Use]] = {}
        for use in uses(client.setting, pre_posting=True, vouchers=True):
            by_projection.setdefault(use.projection, []).append(use)
        for projection, wanted in by_projection.items():
            self.edmx[projection] = edmx_of(wanted)

    def without(self, projection: str, pattern: str) -> None:
        changed = re.sub(pattern, "", self.edmx[projection])
        assert changed != self.edmx[projection]
        self.edmx[projection] = changed

    def __call__(self, request: httpx.Request) -> httpx.Response:
        projection, _, rest = request.url.path.rpartition("/v1/")[2].partition(".svc/")
        found = self.answers.get(f"{projection}/{rest}")
        if found is not None:
            return found
        if rest == "$metadata":
            return httpx.Response(200, content=self.edmx[projection].encode())
        return httpx.Response(200, json={"value": [{}]})


@pytest.fixture
def installation(client: IfsClient) -> Installation:
    return Installation(client)


async def results_of(
    client: IfsClient, fake: "FakeIfs", installation: Installation, **options: Any
) -> list[CheckResult]:
    def serve(request: httpx.Request) -> httpx.Response:
        fake.script(serve)  # one answer more, as long as there are questions
        return installation(request)

    fake.script(serve)
    results = await check(client, **options)
    fake.forget_script()
    return results


def bad(results: list[CheckResult]) -> list[CheckResult]:
    return [result for result in results if result.verdict is not Verdict.OK]


async def test_an_installation_that_has_every_name_passes(
    client: IfsClient, fake: "FakeIfs", installation: Installation
) -> None:
    results = await results_of(client, fake, installation)
    assert bad(results) == []
    checks = {result.check for result in results}
    assert "ifs: token" in checks
    assert "ifs: CustomerOrderHandling/CustomerOrderSet/OrderLinesArray" in checks
    assert "ifs: CustomerOrderHandling/CustomerOrderSet.CustomerOrder_SetReleased" in checks
    assert "ifs: CustomersHandling/CustomerInfoSet data" in checks
    assert {request.method for request in fake.requests} == {"GET"}


async def test_a_missing_property_is_named(client: IfsClient, fake: "FakeIfs", installation: Installation) -> None:
    installation.without("CustomerOrderHandling", '<Property Name="CustomerPoLineNo" Type="Edm.String"/>')
    (result,) = bad(await results_of(client, fake, installation))
    assert result.check.endswith("/OrderLinesArray")
    assert result.verdict is Verdict.MISSING
    assert "CustomerPoLineNo" in result.detail


async def test_a_missing_release_action_lists_the_ones_there_are(
    client: IfsClient, fake: "FakeIfs", installation: Installation
) -> None:
    installation.edmx["CustomerOrderHandling"] = installation.edmx["CustomerOrderHandling"].replace(
        "CustomerOrder_SetReleased", "CustomerOrder_Release"
    )
    (result,) = bad(await results_of(client, fake, installation))
    assert result.verdict is Verdict.MISSING
    assert "CustomerOrder_Release, " in result.detail
    assert "order.release_action" in result.remedy


async def test_a_missing_parameter_set_or_navigation_is_named(
    client: IfsClient, fake: "FakeIfs", installation: Installation
) -> None:
    installation.without("CustomerOrderHandling", '<Parameter Name="CancelReason" Type="Edm.String"/>')
    installation.without("CustomerOrderHandling", '<NavigationProperty Name="CustomerOrderAddresses"[^>]*/>')
    installation.without("CustomersHandling", "<EntitySet[^>]*/>")
    details = "\n".join(result.detail for result in bad(await results_of(client, fake, installation)))
    assert "no parameter CancelReason" in details
    assert "no navigation CustomerOrderAddresses" in details
    assert "no entity set CustomerInfoSet" in details


async def test_a_value_that_is_no_member_of_its_enumeration_is_named(
    client: IfsClient, fake: "FakeIfs", installation: Installation
) -> None:
    members = '<EnumType Name="Methods"><Member Name="E_MAIL" Value="0"/></EnumType><EntityType Name="T'
    text = installation.edmx["CustomerHandling"].replace('<EntityType Name="T', members, 1)
    installation.edmx["CustomerHandling"] = text.replace(
        '<Property Name="MethodId" Type="Edm.String"/>', '<Property Name="MethodId" Type="IfsApp.P.Methods"/>'
    )
    (result,) = bad(await results_of(client, fake, installation))
    assert "MethodId knows no 'EMail', only E_MAIL" in result.detail


async def test_a_default_too_long_for_its_property_is_named(
    client: IfsClient, fake: "FakeIfs", installation: Installation
) -> None:
    installation.edmx["CustomerOrderHandling"] = installation.edmx["CustomerOrderHandling"].replace(
        '<Property Name="AuthorizeCode" Type="Edm.String"/>',
        '<Property Name="AuthorizeCode" Type="Edm.String" MaxLength="2"/>',
    )
    (result,) = bad(await results_of(client, fake, installation))
    assert "AuthorizeCode takes 2 characters" in result.detail


async def test_forbidden_and_not_granted_projections_are_told_apart(
    client: IfsClient, fake: "FakeIfs", installation: Installation
) -> None:
    installation.answers = {
        "CustomerHandling/$metadata": httpx.Response(
            404, json={"error": {"code": "MI_METADATA_NOTFOUND", "message": "Metadata not found."}}
        ),
        "CustomersHandling/CustomerInfoSet": httpx.Response(403, text="Insufficient privileges."),
        "CustomerOrderHandling/$metadata": httpx.Response(502, html="<html>"),
    }
    verdicts = {r.check: (r.verdict, r.remedy) for r in bad(await results_of(client, fake, installation))}
    assert verdicts["ifs: CustomerHandling $metadata"][0] is Verdict.MISSING
    assert "permission set" in verdicts["ifs: CustomerHandling $metadata"][1]
    assert verdicts["ifs: CustomersHandling/CustomerInfoSet data"][0] is Verdict.FORBIDDEN
    assert verdicts["ifs: CustomerOrderHandling $metadata"][0] is Verdict.FAILED
    assert len(verdicts) == 3


async def test_a_gateway_without_the_path_speaks_against_every_projection_not_the_token(
    client: IfsClient, fake: "FakeIfs", installation: Installation
) -> None:
    nowhere = httpx.Response(404, text="no such route")
    installation.answers = {f"{name}/$metadata": nowhere for name in installation.edmx}
    installation.answers["CustomerOrdersHandling/CustomerOrderSet"] = nowhere
    results = await results_of(client, fake, installation)
    assert results[0] == CheckResult("ifs: token", Verdict.OK)
    *asked, vouchers = results[1:]
    assert {r.verdict for r in asked} == {Verdict.MISSING}
    assert all("gateway_prefix" in r.remedy for r in asked)
    assert vouchers == CheckResult("ifs: vouchers", Verdict.OK, "off: no vouchers are made")


async def test_an_empty_list_reminds_of_row_security(
    client: IfsClient, fake: "FakeIfs", installation: Installation
) -> None:
    installation.answers["CustomersHandling/CustomerInfoSet"] = httpx.Response(200, json={"value": []})
    results = {result.check: result for result in await results_of(client, fake, installation)}
    found = results["ifs: CustomersHandling/CustomerInfoSet data"]
    assert found.verdict is Verdict.OK
    assert "company and site" in found.detail


async def test_names_that_a_connection_never_uses_are_not_demanded(
    client: IfsClient, fake: "FakeIfs", installation: Installation
) -> None:
    installation.without("CustomerOrderHandling", '<EntitySet Name="PreAccountingVirtualSet"[^>]*/>')
    assert len(bad(await results_of(client, fake, installation))) == 1
    assert bad(await results_of(client, fake, installation, pre_posting=False)) == []


async def test_a_template_and_a_read_set_are_checked_where_the_profile_names_them(
    make_client: "MakeClient", profile: Profile, fake: "FakeIfs"
) -> None:
    customer = profile.customer
    named = replace(
        profile,
        customer=replace(customer, creation=replace(customer.creation, template_id="WEBTEMPLATE")),
        pre_posting=replace(profile.pre_posting, read_set="Reference_PreAccountingDistribution"),
    )
    client = make_client(profile=named)
    installation = Installation(client)
    (fault,) = bad(await results_of(client, fake, installation))
    assert fault.check == "ifs: CustomerHandling/CustomerInfoSet.CopyExistingCustomer"
    parameters = "".join(f'<Parameter Name="{n}"/>' for n in ("CustomerId", "NewId", "NewName", "NewCategory"))
    installation.edmx["CustomerHandling"] = installation.edmx["CustomerHandling"].replace(
        "<EntityContainer", f'<Action Name="CopyExistingCustomer">{parameters}</Action><EntityContainer'
    )
    results = await results_of(client, fake, installation)
    assert bad(results) == []
    assert "ifs: CustomerOrderHandling/Reference_PreAccountingDistribution data" in {r.check for r in results}


async def test_a_refused_probe_does_not_speak_against_the_token(
    client: IfsClient, fake: "FakeIfs", installation: Installation
) -> None:
    forbidden = httpx.Response(403, text="Insufficient privileges.")
    installation.answers["CustomerOrdersHandling/CustomerOrderSet"] = forbidden
    results = await results_of(client, fake, installation)
    assert results[0] == CheckResult("ifs: token", Verdict.OK)
    assert [r.check for r in bad(results)] == ["ifs: CustomerOrdersHandling/CustomerOrderSet data"]


@pytest.mark.parametrize(
    ("reply", "remedy"),
    [
        (httpx.Response(401, json={"error": "invalid_client"}), "client_secret"),
        (httpx.ConnectError("refused"), "base_url"),
    ],
)
async def test_without_a_token_nothing_else_is_asked(
    client: IfsClient, fake: "FakeIfs", reply: httpx.Response | Exception, remedy: str
) -> None:
    fake.token_replies = [reply]
    (result,) = await check(client)
    assert (result.check, result.verdict) == ("ifs: token", Verdict.FAILED)
    assert remedy in result.remedy
    assert fake.requests == []


# changes of orders, and vouchers


async def test_the_names_that_order_updates_use_are_checked(
    client: IfsClient, fake: "FakeIfs", installation: Installation
) -> None:
    text = installation.edmx["CustomerOrderHandling"].replace(
        "CustomerOrderLine_SetCancelled", "CustomerOrderLine_Drop"
    )
    installation.edmx["CustomerOrderHandling"] = text.replace('<Property Name="NoteText" Type="Edm.String"/>', "")
    faults = {result.check: result for result in bad(await results_of(client, fake, installation))}
    action = faults["ifs: CustomerOrderHandling/CustomerOrderSet/OrderLinesArray.CustomerOrderLine_SetCancelled"]
    assert "CustomerOrderLine_Drop" in action.detail
    assert "line.cancel_action" in action.remedy
    assert "NoteText" in faults["ifs: CustomerOrderHandling/CustomerOrderSet"].detail


async def test_vouchers_by_rest_have_every_name_checked(
    client: IfsClient, fake: "FakeIfs", installation: Installation
) -> None:
    results = await results_of(client, fake, installation, voucher_transport=VoucherTransport.REST)
    assert bad(results) == []
    assert {
        "ifs: VoucherHandling/VoucherSet",
        "ifs: VoucherHandling/VoucherSet.Voucher_Confirm",
        "ifs: VoucherHandling/VoucherSet/VoucherRows",
        "ifs: VoucherHandling/VoucherSet data",
        "ifs: VoucherHandling/Reference_CurrencyRate data",
        "ifs: VoucherHandling/Reference_AccountingPeriod data",
        "ifs: VoucherRowsAnalysis/VoucherRowSet data",
    } <= {result.check for result in results}
    assert "ifs: vouchers" not in {result.check for result in results}


@pytest.mark.parametrize(
    ("projection", "pattern", "check", "said"),
    [
        ("VoucherHandling", '<Property Name="VoucherText"[^>]*/>', "VoucherHandling/VoucherSet", "VoucherText"),
        ("VoucherHandling", '<Property Name="CurrencyDebetAmount"[^>]*/>', "VoucherSet/VoucherRows", "CurrencyDebet"),
        ("VoucherHandling", '<Property Name="CodeJ"[^>]*/>', "VoucherSet/VoucherRows", "CodeJ"),
        ("VoucherHandling", '<Action Name="Voucher_Confirm".*?</Action>', "Voucher_Confirm", "has no action"),
        ("VoucherHandling", '<EntitySet Name="Reference_CurrencyRate"[^>]*/>', "CurrencyRate", "no entity set"),
        ("VoucherHandling", '<Property Name="PeriodStatus"[^>]*/>', "AccountingPeriod", "PeriodStatus"),
        ("VoucherRowsAnalysis", '<Property Name="ReferenceNumber"[^>]*/>', "VoucherRowSet", "ReferenceNumber"),
    ],
)
async def test_a_name_of_vouchers_that_is_missing_is_named(
    client: IfsClient,
    fake: "FakeIfs",
    installation: Installation,
    projection: str,
    pattern: str,
    check: str,
    said: str,
) -> None:
    installation.without(projection, pattern)
    faults = bad(await results_of(client, fake, installation, voucher_transport=VoucherTransport.REST))
    assert len(faults) == 1
    assert faults[0].verdict is Verdict.MISSING
    assert check in faults[0].check
    assert said in faults[0].detail


def test_a_tax_code_is_among_what_rows_send_where_it_is_sent(make_client: "MakeClient", profile: Profile) -> None:
    taxed = make_client(profile=replace(profile, voucher=replace(profile.voucher, send_tax_code=True)))
    names = [u for u in uses(taxed.setting, pre_posting=False, vouchers=True) if u.set == "VoucherSet"]
    assert any("OptionalCode" in body for body in names[0].entity.navigations["VoucherRows"].bodies)


@pytest.mark.parametrize(
    ("transport", "said"), [(VoucherTransport.OFF, "off"), (VoucherTransport.EXTERNAL_FILE, "by file (STDVOU)")]
)
async def test_without_rest_the_voucher_projections_are_not_asked_and_a_row_says_so(
    client: IfsClient, fake: "FakeIfs", installation: Installation, transport: VoucherTransport, said: str
) -> None:
    results = await results_of(client, fake, installation, voucher_transport=transport)
    (row,) = [result for result in results if "oucher" in result.check]
    assert (row.check, row.verdict) == ("ifs: vouchers", Verdict.OK)
    assert row.detail.startswith(said)
