"""Customer orders: what is sent for each part of a draft, what is read back, and what an unclear answer means."""

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from bcifs_console.base.problems import ConfigurationProblem
from bcifs_console.domain.documents import CustomerOrderDraft, TaxTreatment
from bcifs_console.ifs import errors
from bcifs_console.ifs.client import IfsClient
from bcifs_console.ifs.profile import Profile
from bcifs_console.ifs.records import OrderLineRow, PrePosting
from bcifs_console.ifs.wire import loads

if TYPE_CHECKING:
    from tests.ifs.conftest import FakeIfs, MakeClient

ROOT = "/main/ifsapplications/projection/v1"
ORDER = f"{ROOT}/CustomerOrderHandling.svc/CustomerOrderSet(OrderNo='C1')"
ETAG = 'W/"Vy8iQUFD"'
HEAD = {
    "@odata.etag": ETAG,
    "OrderNo": "C1",
    "Objstate": "Planned",
    "CustomerNo": "C1000",
    "CustomerPoNo": "BC-5001",
    "Contract": "100",
    "CurrencyCode": "USD",
    "TotalGrossInclChrgCurr": 69.84,
    "TotTaxAmtCurr": 5.31,
    "TotalNetBase": 64.53,
}
LINE = {
    "OrderNo": "C1",
    "LineNo": "1",
    "RelNo": "1",
    "LineItemNo": 0,
    "CustomerPoLineNo": "17",
    "CatalogNo": "MUG-01",
    "BuyQtyDue": 3,
    "NetAmountCurr": 59.97,
    "GrossAmountCurr": 64.77,
    "PreAccountingId": 991,
}
ROW = OrderLineRow("C1", "1", "1", 0, "17", "MUG-01", Decimal(3), Decimal("59.97"), Decimal("64.77"), 991)


def ok(body: Mapping[str, Any], status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


def listed(*rows: Mapping[str, Any]) -> httpx.Response:
    return ok({"value": list(rows)})


def sent(fake: "FakeIfs", index: int = 0) -> dict[str, Any]:
    body = loads(fake.requests[index].content)
    assert isinstance(body, dict)
    return body


def charge(sequence: int, charge_type: str, amount: str) -> dict[str, Any]:
    return {"SequenceNo": sequence, "ChargeType": charge_type, "ChargeAmount": json.loads(amount)}


# header


async def test_the_header_carries_the_reference_the_defaults_and_site_local_time(
    make_client: "MakeClient", fake: "FakeIfs", order_draft: CustomerOrderDraft
) -> None:
    fake.script(ok(HEAD, 201))
    head = await make_client(time_zone="America/Chicago").create_order(order_draft)
    assert fake.requests[0].method == "POST"
    assert fake.requests[0].url.path == f"{ROOT}/CustomerOrderHandling.svc/CustomerOrderSet"
    assert sent(fake) == {
        "OrderId": "NO",
        "AuthorizeCode": "WEB",
        "ShipViaCode": "STD",
        "DeliveryTerms": "DDP",
        "PayTermId": "0",
        "IsNewCustomer": False,
        "CustomerNo": "C1000",
        "CustomerPoNo": "BC-5001",
        "BillAddrNo": "01",
        "ShipAddrNo": "01",
        "CurrencyCode": "USD",
        "Contract": "100",
        "WantedDeliveryDate": "2026-11-30T21:30:15Z",  # 03:30:15 UTC, in Chicago
        "UsePriceInclTax": False,
    }
    assert (head.order_no, head.etag, head.state, head.reference) == ("C1", ETAG, "Planned", "BC-5001")


async def test_the_drafts_own_choices_win_over_the_profiles_defaults(
    client: IfsClient, fake: "FakeIfs", order_draft: CustomerOrderDraft
) -> None:
    fake.script(ok(HEAD, 201))
    await client.create_order(
        replace(order_draft, pay_term="30", ship_via="AIR", note="Ring twice", price_includes_tax=True)
    )
    body = sent(fake)
    assert (body["PayTermId"], body["ShipViaCode"], body["NoteText"]) == ("30", "AIR", "Ring twice")
    assert body["UsePriceInclTax"] is True


async def test_with_the_time_zone_header_real_utc_is_sent(
    make_client: "MakeClient", profile: Profile, fake: "FakeIfs", order_draft: CustomerOrderDraft
) -> None:
    fake.script(ok(HEAD, 201))
    aware = replace(profile, tz_aware_header=True)
    await make_client(profile=aware, time_zone="America/Chicago").create_order(order_draft)
    assert sent(fake)["WantedDeliveryDate"] == "2026-12-01T03:30:15Z"


async def test_wanted_delivery_days_are_counted_on_the_sites_calendar(
    make_client: "MakeClient", profile: Profile, fake: "FakeIfs", order_draft: CustomerOrderDraft
) -> None:
    fake.script(ok(HEAD, 201))
    later = replace(profile, order=replace(profile.order, wanted_delivery_days=120))
    await make_client(profile=later, time_zone="America/Chicago").create_order(order_draft)
    assert sent(fake)["WantedDeliveryDate"] == "2027-03-30T21:30:15Z"  # same hour, across the change to summer time


async def test_a_204_is_looked_up_by_reference(
    client: IfsClient, fake: "FakeIfs", order_draft: CustomerOrderDraft
) -> None:
    fake.script(httpx.Response(204), listed(HEAD))
    assert (await client.create_order(order_draft)).order_no == "C1"


@pytest.mark.parametrize(
    "read_back",
    [
        listed(),
        listed(HEAD, {**HEAD, "OrderNo": "C2"}),
        httpx.Response(503),
        httpx.Response(403, text="Insufficient privileges."),
        httpx.ConnectError("refused"),
    ],
)
async def test_a_204_that_cannot_be_read_back_is_unknown_never_not_done(
    client: IfsClient, fake: "FakeIfs", order_draft: CustomerOrderDraft, read_back: httpx.Response | Exception
) -> None:
    fake.script(httpx.Response(204), read_back)
    with pytest.raises(errors.OutcomeUnknown):
        await client.create_order(order_draft)


async def test_the_look_up_quotes_the_reference_and_leaves_cancelled_orders_out(
    client: IfsClient, fake: "FakeIfs"
) -> None:
    fake.script(listed({**HEAD, "OrderNo": "C0", "Objstate": "Cancelled"}, HEAD))
    heads = await client.orders_by_reference("O'Brien-1", "100")
    assert [head.order_no for head in heads] == ["C1"]
    url = fake.requests[0].url
    assert url.path == f"{ROOT}/CustomerOrdersHandling.svc/CustomerOrderSet"
    assert url.params["$filter"] == "CustomerPoNo eq 'O''Brien-1' and Contract eq '100'"
    assert b"+" not in url.query


async def test_the_order_is_read_with_exact_totals(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(ok(HEAD))
    head = await client.order("C1")
    assert (head.gross, head.tax, head.net_base) == (Decimal("69.84"), Decimal("5.31"), Decimal("64.53"))
    assert fake.requests[0].url.path.endswith("CustomerOrdersHandling.svc/CustomerOrderSet(OrderNo='C1')")


async def test_numbers_that_come_as_text_are_read_too(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(ok({**HEAD, "TotalGrossInclChrgCurr": "69.84", "TotTaxAmtCurr": None}))
    head = await client.order("C1")
    assert (head.gross, head.tax) == (Decimal("69.84"), None)


# lines


async def test_a_line_carries_its_key_both_price_sides_and_exact_numbers(
    client: IfsClient, fake: "FakeIfs", order_draft: CustomerOrderDraft, profile: Profile
) -> None:
    fake.script(ok(LINE, 201))
    assert await client.add_line("C1", order_draft, order_draft.lines[0]) == ROW
    assert fake.requests[0].url.path == f"{ORDER}/OrderLinesArray"
    body = sent(fake)
    for name, value in profile.line.defaults.items():
        assert body.pop(name) == value
    wanted = body.pop("WantedDeliveryDate")
    assert {body.pop("PlannedDeliveryDate"), body.pop("TargetDate")} == {wanted}
    assert body == {
        "OrderNo": "C1",
        "Identity1": "C1",
        "CustomerPoLineNo": "17",
        "DeliverToCustomerNo": "C1000",
        "ShipAddrNo": "01",
        "Contract": "100",
        "CatalogNo": "MUG-01",
        "BuyQtyDue": 3,
        "DesiredQty": 3,
        "SaleUnitPrice": Decimal("19.99"),
        "BaseSaleUnitPrice": Decimal("19.99"),
        "UnitPriceInclTax": Decimal("21.5892"),
        "BaseUnitPriceInclTax": Decimal("21.5892"),
        "FetchTaxFromDefaults": "FALSE",
        "TaxCode": "TX8",
        "NoteText": "Mug",
    }
    assert b'"SaleUnitPrice":19.99,' in fake.requests[0].content
    assert b'"Discount":0,' in fake.requests[0].content


@pytest.mark.parametrize(
    ("tax", "flag", "code"),
    [
        (TaxTreatment(code="TX8"), "FALSE", "TX8"),
        (TaxTreatment(from_defaults=True), "TRUE", None),
        (TaxTreatment(from_defaults=True, code="TX8"), "TRUE", None),
        (TaxTreatment(), "FALSE", None),
    ],
)
async def test_tax_is_fetched_named_or_absent(
    client: IfsClient,
    fake: "FakeIfs",
    order_draft: CustomerOrderDraft,
    tax: TaxTreatment,
    flag: str,
    code: str | None,
) -> None:
    fake.script(ok(LINE, 201), ok(charge(1, "FREIGHT", "1"), 201))
    await client.add_line("C1", order_draft, replace(order_draft.lines[0], tax=tax))
    await client.add_charge("C1", order_draft, replace(order_draft.charges[0], tax=tax))
    assert (sent(fake)["FetchTaxFromDefaults"], sent(fake).get("TaxCode")) == (flag, code)
    assert (sent(fake, 1)["FetchTaxCodes"], sent(fake, 1).get("TaxCode")) == (flag, code)


async def test_a_line_answered_by_204_is_found_by_its_key(
    client: IfsClient, fake: "FakeIfs", order_draft: CustomerOrderDraft
) -> None:
    fake.script(httpx.Response(204), listed({**LINE, "LineNo": "2", "CustomerPoLineNo": "16"}, LINE))
    assert (await client.add_line("C1", order_draft, order_draft.lines[0])).line_no == "1"


async def test_a_line_answered_by_204_and_not_shown_is_unknown(
    client: IfsClient, fake: "FakeIfs", order_draft: CustomerOrderDraft
) -> None:
    fake.script(httpx.Response(204), listed({**LINE, "CustomerPoLineNo": "16"}))
    with pytest.raises(errors.OutcomeUnknown):
        await client.add_line("C1", order_draft, order_draft.lines[0])


async def test_lines_are_read_with_keys_and_pre_accounting(client: IfsClient, fake: "FakeIfs") -> None:
    foreign = {"OrderNo": "C1", "LineNo": "2", "RelNo": "1", "LineItemNo": -1, "CatalogNo": "X", "BuyQtyDue": 1.5}
    fake.script(listed(LINE, foreign))
    ours, other = await client.lines("C1")
    assert ours == ROW
    assert other == OrderLineRow("C1", "2", "1", -1, "", "X", Decimal("1.5"), None, None, None)


# charges


async def test_a_discount_is_a_charge_with_negative_amounts(
    client: IfsClient, fake: "FakeIfs", order_draft: CustomerOrderDraft, profile: Profile
) -> None:
    fake.script(ok(charge(8, "FREIGHT", "-9.24"), 201))
    row = await client.add_charge("C1", order_draft, order_draft.charges[1])
    assert (row.sequence_no, row.key, row.amount) == (8, "FREIGHT#2", Decimal("-9.24"))
    assert fake.requests[0].url.path == f"{ORDER}/CustomerOrderChargeArray"
    body = sent(fake)
    for name, value in profile.charge.defaults.items():
        assert body.pop(name) == value
    assert body == {
        "OrderNo": "C1",
        "DeliveryAddress": "01",
        "Contract": "100",
        "Company": "10",
        "ChargeType": "FREIGHT",
        "ChargeAmount": Decimal("-9.24"),
        "BaseChargeAmount": Decimal("-9.24"),
        "ChargeAmountInclTax": Decimal(-10),
        "BaseChargeAmtInclTax": Decimal(-10),
        "FetchTaxCodes": "FALSE",
        "TaxCode": "TX8",
    }


async def test_charges_are_known_by_type_and_ordinal_in_ifs_order(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(listed(charge(10, "FREIGHT", "3"), charge(2, "FREIGHT", "1"), charge(9, "PROMO", "-2")))
    assert [(row.key, row.amount) for row in await client.charges("C1")] == [
        ("FREIGHT#1", Decimal(1)),
        ("PROMO#1", Decimal(-2)),
        ("FREIGHT#2", Decimal(3)),
    ]


async def test_a_charge_answered_by_204_is_the_one_with_its_ordinal(
    client: IfsClient, fake: "FakeIfs", order_draft: CustomerOrderDraft
) -> None:
    fake.script(
        httpx.Response(204),
        listed(charge(1, "FREIGHT", "11.09"), charge(2, "FREIGHT", "-9.24")),
        httpx.Response(204),
        listed(charge(1, "FREIGHT", "11.09")),
    )
    assert (await client.add_charge("C1", order_draft, order_draft.charges[1])).sequence_no == 2
    with pytest.raises(errors.OutcomeUnknown):
        await client.add_charge("C1", order_draft, order_draft.charges[1])


# delivery address


async def test_the_delivery_address_uses_the_profiles_fields_and_leaves_empty_ones_out(
    client: IfsClient, fake: "FakeIfs", order_draft: CustomerOrderDraft
) -> None:
    assert order_draft.ship_to is not None
    fake.script(ok({}, 201), httpx.Response(204))
    await client.add_delivery_address("C1", order_draft.ship_to)
    await client.add_delivery_address("C1", replace(order_draft.ship_to, company="Acme"))
    assert fake.requests[0].url.path == f"{ORDER}/CustomerOrderAddresses"
    assert sent(fake) == {
        "OrderNo": "C1",
        "Name": "Ann O'Brien",
        "Address1": "1 Main Street",
        "ZipCode": "78701",
        "City": "Austin",
        "State": "Texas",
        "CountryCode": "US",
    }
    assert sent(fake, 1)["Name"] == "Acme"


async def test_whether_a_delivery_address_is_there(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(listed(), listed({"Name": "Ann"}))
    assert [await client.delivery_address("C1"), await client.delivery_address("C1")] == [False, True]


# pre-posting


async def test_pre_posting_is_opened_and_given_the_whole_amount(
    client: IfsClient, fake: "FakeIfs", order_draft: CustomerOrderDraft
) -> None:
    line = order_draft.lines[0]
    fake.script(ok({"Objkey": "AB/12"}, 201), ok({}, 201))
    objkey = await client.begin_pre_posting(ROW)
    await client.add_pre_posting(objkey, ROW, line.account, line.code_parts)
    assert fake.requests[0].url.path == f"{ROOT}/CustomerOrderHandling.svc/PreAccountingVirtualSet"
    assert sent(fake) == {"PreAccountingId": 991, "Contract": "100", "Company": "10"}
    path = fake.requests[1].url.raw_path.decode()
    assert path.endswith("/PreAccountingVirtualSet(Objkey='AB%2F12')/PreAccountingDistributionArray")
    assert sent(fake, 1) == {
        "PreAccountingId": 991,
        "ParentPreAccountingId": 991,
        "Company": "10",
        "Contract": "100",
        "Percentage": 100,
        "AccountNo": "4000",
        "CodenoB": "SALES",
        "CodenoD": "WEB",
    }


async def test_a_pre_posting_opened_by_204_is_the_latest_open_one(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(httpx.Response(204), listed({"Objkey": "1"}, {"Objkey": "2"}))
    assert await client.begin_pre_posting(ROW) == "2"
    assert fake.requests[1].url.params["$filter"] == "PreAccountingId eq 991"


async def test_a_line_without_pre_accounting_id_cannot_be_pre_posted(client: IfsClient) -> None:
    bare = replace(ROW, pre_accounting_id=None)
    assert await client.pre_postings(bare) == []
    with pytest.raises(ConfigurationProblem):
        await client.begin_pre_posting(bare)


DISTRIBUTION = {"PreAccountingId": 991, "AccountNo": "4000", "CodenoB": "SALES", "CodenoC": None, "Percentage": 100}
READ = PrePosting(991, "4000", (("B", "SALES"),), Decimal(100))


async def test_pre_postings_are_read_through_the_open_record(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(listed(), listed({"Objkey": "7"}), listed(DISTRIBUTION))
    assert await client.pre_postings(ROW) == []
    assert await client.pre_postings(ROW) == [READ]
    assert fake.requests[2].url.path.endswith("(Objkey='7')/PreAccountingDistributionArray")


async def test_pre_postings_are_read_from_the_set_the_profile_names(
    make_client: "MakeClient", profile: Profile, fake: "FakeIfs"
) -> None:
    named = replace(profile, pre_posting=replace(profile.pre_posting, read_set="Reference_PreAccountingDistribution"))
    fake.script(listed(DISTRIBUTION))
    assert await make_client(profile=named).pre_postings(ROW) == [READ]
    assert fake.requests[0].url.params["$filter"] == "ParentPreAccountingId eq 991"


# release and cancel


async def test_release_and_cancel_carry_the_etag(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(httpx.Response(204), ok({"value": None}))
    await client.release("C1", ETAG)
    await client.cancel("C1", ETAG, "STORE")
    released, cancelled = fake.requests
    assert released.url.path == f"{ORDER}/IfsApp.CustomerOrderHandling.CustomerOrder_SetReleased"
    assert (released.headers["if-match"], released.content) == (ETAG, b"{}")
    assert cancelled.url.path == f"{ORDER}/IfsApp.CustomerOrderHandling.CustomerOrder_SetCancelled"
    assert sent(fake, 1) == {"CancelReason": "STORE"}


@pytest.mark.parametrize("status", [412, 428])
async def test_a_stale_etag_is_a_conflict(client: IfsClient, fake: "FakeIfs", status: int) -> None:
    fake.script(httpx.Response(status))
    with pytest.raises(errors.Conflict):
        await client.release("C1", ETAG)


async def test_without_an_action_in_the_profile_nothing_is_sent(make_client: "MakeClient", profile: Profile) -> None:
    bare = make_client(profile=replace(profile, order=replace(profile.order, release_action="", cancel_action="")))
    with pytest.raises(ConfigurationProblem, match="release_action"):
        await bare.release("C1", ETAG)
    with pytest.raises(ConfigurationProblem, match="cancel_action"):
        await bare.cancel("C1", ETAG, "")
