"""Vouchers by rest: what is sent, how a voucher is found again, and what an unclear answer means."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from bcifs_console.base.problems import ConfigurationProblem, ProblemKind, UsageProblem
from bcifs_console.domain.vouchers import VoucherDraft
from bcifs_console.ifs import errors
from bcifs_console.ifs.client import IfsClient
from bcifs_console.ifs.profile import Profile
from bcifs_console.ifs.voucher_names import LookupSource
from bcifs_console.ifs.voucher_records import VoucherHead, VoucherId
from bcifs_console.ifs.wire import loads

if TYPE_CHECKING:
    from tests.ifs.conftest import FakeIfs, MakeClient

ROOT = "/main/ifsapplications/projection/v1"
SET = f"{ROOT}/VoucherHandling.svc/VoucherSet"
ONE = f"{SET}(Company='10',VoucherType='M',AccountingYear=2026,VoucherNo=17)"
ANALYSIS = f"{ROOT}/VoucherRowsAnalysis.svc/VoucherRowSet"
ETAG = 'W/"Vm91Y2hlcg=="'
KEY = "BC-5001/SHIP/61"
DAY = date(2026, 11, 30)
ID = {"Company": "10", "VoucherType": "M", "AccountingYear": 2026, "VoucherNo": 17}
HEADER = {
    "@odata.etag": ETAG,
    **ID,
    "VoucherDate": "2026-11-30",
    "VoucherText": KEY,
    "CurrencyCode": "USD",
    "Objstate": "AwaitingApproval",
}
HEAD = VoucherHead("10", "M", 2026, 17, "AwaitingApproval", ETAG, KEY, DAY, "USD")
ROW = {
    **ID,
    "RowNo": 1,
    "VoucherDate": "2026-11-30",
    "Account": "2420",
    "CurrencyCode": "USD",
    "CurrencyDebetAmount": 108,
    "CurrencyCreditAmount": None,
    "DebetAmount": 1134,
    "Text": "Shipment 61",
    "ReferenceNumber": KEY,
}
ORA = "ORA-20110: Voucher.SOMETHING: Vägrat.\nORA-06512: at line 1"


def ok(body: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


def listed(*rows: object) -> httpx.Response:
    return ok({"value": list(rows)})


def refused(text: str = ORA, status: int = 400) -> httpx.Response:
    return ok({"error": {"code": "DATABASE_ERROR", "message": "x", "details": [{"message": text}]}}, status)


def not_there() -> httpx.Response:
    return ok({"error": {"code": "NOT_FOUND", "message": "The record does not exist."}}, 404)


def sent(fake: "FakeIfs", index: int = 0) -> dict[str, Any]:
    body = loads(fake.requests[index].content)
    assert isinstance(body, dict)
    return body


# header


async def test_the_header_carries_key_date_type_group_and_currency(
    client: IfsClient, fake: "FakeIfs", voucher_draft: VoucherDraft
) -> None:
    fake.script(ok(HEADER, 201))
    assert await client.create_voucher(voucher_draft, date(2026, 12, 1)) == HEAD
    assert (fake.requests[0].method, fake.requests[0].url.path) == ("POST", SET)
    assert sent(fake) == {
        "Company": "10",
        "VoucherType": "M",
        "VoucherDate": "2026-12-01",
        "UserGroup": "AC",
        "VoucherText": KEY,
        "CurrencyCode": "USD",
    }


async def test_header_names_and_defaults_are_the_profiles(
    make_client: "MakeClient", profile: Profile, fake: "FakeIfs", voucher_draft: VoucherDraft
) -> None:
    header = replace(profile.voucher.header, user_group="", currency="", text="HeaderText")
    own = replace(profile.voucher, header=header, header_defaults={"AmountMethod": "Net"}, voucher_type="WEB")
    fake.script(ok(HEADER, 201))
    await make_client(profile=replace(profile, voucher=own)).create_voucher(voucher_draft, DAY)
    assert sent(fake) == {
        "AmountMethod": "Net",
        "Company": "10",
        "VoucherType": "WEB",
        "VoucherDate": "2026-11-30",
        "HeaderText": KEY,
    }


async def test_a_key_that_rows_cannot_carry_whole_is_refused_unsent(
    client: IfsClient, voucher_draft: VoucherDraft
) -> None:
    with pytest.raises(ConfigurationProblem, match="longer than the 50 characters"):
        await client.create_voucher(replace(voucher_draft, key="X" * 51), DAY)


async def test_a_204_is_looked_up_by_key(client: IfsClient, fake: "FakeIfs", voucher_draft: VoucherDraft) -> None:
    fake.script(httpx.Response(204), listed(HEADER), listed())
    assert await client.create_voucher(voucher_draft, DAY) == HEAD


@pytest.mark.parametrize(
    "shown",
    [
        [listed(), listed()],
        [listed(HEADER, {**HEADER, "VoucherNo": 18}), listed()],
        [httpx.Response(503)],
        [listed(HEADER), httpx.Response(403, text="Insufficient privileges.")],
        [httpx.ConnectError("refused")],
    ],
)
async def test_a_204_that_cannot_be_read_back_is_unknown(
    client: IfsClient, fake: "FakeIfs", voucher_draft: VoucherDraft, shown: list[httpx.Response | Exception]
) -> None:
    fake.script(httpx.Response(204), *shown)
    with pytest.raises(errors.OutcomeUnknown):
        await client.create_voucher(voucher_draft, DAY)


# look-up


async def test_every_source_is_asked_bounded_by_company_type_and_day(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(listed(HEADER), listed(ROW, {**ROW, "RowNo": 2}))
    assert await client.find_vouchers("BC-O'Neil/PAY/1", DAY) == [HEAD]
    headers, rows = fake.requests
    bounds = "Company eq '10' and VoucherType eq 'M' and VoucherDate ge 2026-11-30"
    assert (headers.url.path, rows.url.path) == (SET, ANALYSIS)
    assert headers.url.params["$filter"] == f"VoucherText eq 'BC-O''Neil/PAY/1' and {bounds}"
    assert rows.url.params["$filter"] == f"ReferenceNumber eq 'BC-O''Neil/PAY/1' and {bounds}"


async def test_a_voucher_that_left_the_hold_table_is_found_by_its_rows(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(listed(), listed(ROW, {**ROW, "RowNo": 2}))
    (head,) = await client.find_vouchers(KEY, DAY)
    assert (head.reference, head.text, head.day, head.etag) == ("M-2026-17", KEY, DAY, "")
    assert (head.has_left_hold, head.is_confirmed) == (True, True)


async def test_two_vouchers_under_one_key_are_both_shown(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(listed(HEADER), listed({**ROW, "VoucherNo": 9}, ROW))
    assert [head.reference for head in await client.find_vouchers(KEY, DAY)] == ["M-2026-9", "M-2026-17"]


async def test_a_cancelled_voucher_counts_as_not_there_whatever_its_rows_say(
    client: IfsClient, fake: "FakeIfs"
) -> None:
    fake.script(listed({**HEADER, "Objstate": "Cancelled"}), listed(ROW))
    assert await client.find_vouchers(KEY, DAY) == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(503), ProblemKind.TRANSIENT),
        (httpx.ConnectError("refused"), ProblemKind.TRANSIENT),
        (httpx.Response(403, text="Insufficient privileges."), ProblemKind.CONNECTION),
        (
            ok({"error": {"code": "MI_METADATA_NOTFOUND", "message": "Metadata not found."}}, 404),
            ProblemKind.CONNECTION,
        ),
        (ok({"error": {"code": "X", "message": "The property is not defined."}}, 400), ProblemKind.UNKNOWN_OUTCOME),
        (not_there(), ProblemKind.UNKNOWN_OUTCOME),
    ],
)
@pytest.mark.parametrize("found", [[], [HEADER]])
async def test_a_source_that_cannot_answer_leaves_it_unknown_even_where_another_shows_it(
    client: IfsClient, fake: "FakeIfs", answer: httpx.Response | Exception, kind: ProblemKind, found: list[Any]
) -> None:
    fake.script(listed(*found), answer)
    with pytest.raises(errors.LookupIncomplete, match=r"VoucherRowsAnalysis\.svc/VoucherRowSet") as caught:
        await client.find_vouchers(KEY, DAY)
    assert isinstance(caught.value, errors.OutcomeUnknown)
    assert caught.value.kind is kind
    assert "lookup_sources" in caught.value.remedy


async def test_the_sources_are_the_profiles(make_client: "MakeClient", profile: Profile, fake: "FakeIfs") -> None:
    sources = (LookupSource("CVouchers.svc/CHoldRowSet", "Cf_Key"),)
    own = replace(profile, voucher=replace(profile.voucher, lookup_sources=sources))
    fake.script(listed(ROW))
    (head,) = await make_client(profile=own).find_vouchers(KEY, DAY)
    assert head.reference == "M-2026-17"
    assert fake.requests[0].url.path == f"{ROOT}/CVouchers.svc/CHoldRowSet"
    assert fake.requests[0].url.params["$filter"].startswith(f"Cf_Key eq '{KEY}' and ")


async def test_a_long_list_of_rows_is_read_whole(make_client: "MakeClient", profile: Profile, fake: "FakeIfs") -> None:
    rows = [{**ROW, "RowNo": number} for number in range(1, 52)]
    fake.script(
        listed(HEADER),
        ok({"value": rows[:25], "@odata.nextLink": "VoucherRowSet?$skiptoken=x"}),
        listed(*rows[25:50]),
        listed(rows[50]),
    )
    found = await make_client(profile=replace(profile, page_size=25)).find_vouchers(KEY, DAY)
    assert found == [HEAD]
    assert len(fake.requests) == 4


# one voucher


async def test_a_voucher_is_read_by_its_reference(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(ok({**HEADER, "Objstate": "Confirmed"}))
    assert await client.voucher("M-2026-17") == replace(HEAD, state="Confirmed", is_confirmed=True)
    assert fake.requests[0].url.path == ONE


async def test_a_voucher_gone_from_the_hold_table_is_read_from_the_analysis(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(not_there(), listed(ROW))
    head = await client.voucher("M-2026-17")
    assert (head.reference, head.state, head.has_left_hold) == ("M-2026-17", "", True)
    assert fake.requests[1].url.params["$filter"] == (
        "Company eq '10' and VoucherType eq 'M' and AccountingYear eq 2026 and VoucherNo eq 17"
    )


async def test_a_voucher_that_nothing_shows_is_not_found(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(not_there(), listed())
    with pytest.raises(errors.NotFound):
        await client.voucher("M-2026-17")


@pytest.mark.parametrize("reference", ["", "M-2026", "M-26-1", "M-2026-1-2", "M-2026-x", "'-2026-1"])
async def test_what_is_no_reference_is_refused(client: IfsClient, reference: str) -> None:
    with pytest.raises(UsageProblem, match="no voucher reference"):
        await client.voucher(reference)


def test_a_reference_reads_back_as_the_voucher_it_names() -> None:
    assert VoucherId.parse(HEAD.reference) == HEAD.id == VoucherId("M", 2026, 17)


# rows


async def test_a_debit_row_carries_account_amounts_rate_and_key(
    client: IfsClient, fake: "FakeIfs", voucher_draft: VoucherDraft
) -> None:
    fake.script(ok(ROW, 201))
    row = await client.add_voucher_row(HEAD, voucher_draft, voucher_draft.rows[0])
    assert (row.row_no, row.debit, row.credit) == (1, Decimal(108), Decimal(0))
    assert fake.requests[0].url.path == f"{ONE}/VoucherRows"
    assert sent(fake) == {
        **ID,
        "Account": "2420",
        "CurrencyCode": "USD",
        "CurrencyDebetAmount": Decimal(108),
        "DebetAmount": 1134,
        "CurrencyRate": Decimal("10.5"),
        "ConversionFactor": 1,
        "Text": "Shipment 61",
        "ReferenceNumber": KEY,
    }
    assert b'"CurrencyDebetAmount":108,' in fake.requests[0].content


async def test_a_credit_row_carries_code_parts_the_drafts_text_and_tax_only_where_wanted(
    make_client: "MakeClient", profile: Profile, fake: "FakeIfs", voucher_draft: VoucherDraft
) -> None:
    taxed = replace(profile, voucher=replace(profile.voucher, send_tax_code=True, row_defaults={"Correction": False}))
    fake.script(ok(ROW, 201), ok(ROW, 201))
    await make_client().add_voucher_row(HEAD, voucher_draft, voucher_draft.rows[1])
    await make_client(profile=taxed).add_voucher_row(HEAD, voucher_draft, voucher_draft.rows[1])
    plain = sent(fake)
    assert plain == {
        **ID,
        "Account": "4000",
        "CodeB": "100",
        "CodeC": "WEB",
        "CurrencyCode": "USD",
        "CurrencyCreditAmount": 100,
        "CreditAmount": 1050,
        "CurrencyRate": Decimal("10.5"),
        "ConversionFactor": 1,
        "Text": "Order 5001, shipment 61",
        "ReferenceNumber": KEY,
    }
    assert sent(fake, 1) == {**plain, "OptionalCode": "TX8", "Correction": False}


async def test_without_a_rate_ifs_is_left_to_its_own_currency(
    client: IfsClient, fake: "FakeIfs", voucher_draft: VoucherDraft
) -> None:
    fake.script(ok(ROW, 201))
    await client.add_voucher_row(HEAD, replace(voucher_draft, rate=None), voucher_draft.rows[0])
    assert not {"DebetAmount", "CreditAmount", "CurrencyRate", "ConversionFactor"} & set(sent(fake))


async def test_a_row_dated_otherwise_than_its_fact_says_the_facts_day(
    client: IfsClient, fake: "FakeIfs", voucher_draft: VoucherDraft
) -> None:
    long = replace(voucher_draft.rows[0], text="word " * 60)
    moved = replace(HEAD, day=date(2026, 12, 1))
    fake.script(ok(ROW, 201), ok(ROW, 201))
    await client.add_voucher_row(moved, voucher_draft, voucher_draft.rows[0])
    await client.add_voucher_row(moved, voucher_draft, long)
    assert sent(fake)["Text"] == "Shipment 61 (2026-11-30)"
    assert len(sent(fake, 1)["Text"]) == 200
    assert sent(fake, 1)["Text"].endswith("… (2026-11-30)")


async def test_a_row_answered_by_204_is_the_last_one_that_says_the_same(
    client: IfsClient, fake: "FakeIfs", voucher_draft: VoucherDraft
) -> None:
    other = {**ROW, "RowNo": 3, "Account": "4000"}
    fake.script(httpx.Response(204), listed(ROW, {**ROW, "RowNo": 2}, other))
    assert (await client.add_voucher_row(HEAD, voucher_draft, voucher_draft.rows[0])).row_no == 2


async def test_a_row_answered_by_204_and_not_shown_is_unknown(
    client: IfsClient, fake: "FakeIfs", voucher_draft: VoucherDraft
) -> None:
    fake.script(httpx.Response(204), listed({**ROW, "Account": "4000"}))
    with pytest.raises(errors.OutcomeUnknown):
        await client.add_voucher_row(HEAD, voucher_draft, voucher_draft.rows[0])


async def test_rows_come_from_the_voucher_in_order(client: IfsClient, fake: "FakeIfs") -> None:
    tax = {**ID, "RowNo": 2, "Account": "2610", "CurrencyAmount": -8, "Amount": "-84", "AutoTaxVouEntry": "TRUE"}
    fake.script(listed(ROW, {**tax, "CurrencyCode": "USD", "CodeB": "100", "OptionalCode": "TX8"}))
    first, second = await client.voucher_rows(HEAD)
    assert fake.requests[0].url.path == f"{ONE}/VoucherRows"
    assert fake.requests[0].url.params["$orderby"] == "RowNo"
    assert (first.amount, first.accounting_amount, first.is_automatic) == (Decimal(108), Decimal(1134), False)
    assert (second.credit, second.accounting_credit, second.is_automatic) == (Decimal(8), Decimal(84), True)
    assert (second.code_parts, second.tax_code) == ((("B", "100"),), "TX8")


@pytest.mark.parametrize("answer", [[not_there()], [listed()]])
async def test_rows_that_the_voucher_does_not_show_come_from_the_analysis(
    client: IfsClient, fake: "FakeIfs", answer: list[httpx.Response]
) -> None:
    fake.script(*answer, listed(ROW))
    assert [row.account for row in await client.voucher_rows(HEAD)] == ["2420"]
    assert fake.requests[1].url.path == ANALYSIS


async def test_a_voucher_known_to_have_left_is_asked_for_in_the_analysis_alone(
    client: IfsClient, fake: "FakeIfs"
) -> None:
    fake.script(listed(ROW))
    await client.voucher_rows(replace(HEAD, has_left_hold=True))
    assert fake.requests[0].url.path == ANALYSIS


# confirmation and refusal


async def test_confirmation_carries_the_etag(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(httpx.Response(204))
    await client.confirm_voucher(HEAD)
    assert fake.requests[0].url.path == f"{ONE}/IfsApp.VoucherHandling.Voucher_Confirm"
    assert (fake.requests[0].headers["if-match"], fake.requests[0].content) == (ETAG, b"{}")


@pytest.mark.parametrize(
    "answer", [httpx.Response(412), httpx.Response(428), refused("ORA-20114: Voucher.FND_MODIFIED: Changed.", 500)]
)
async def test_a_voucher_changed_meanwhile_is_a_conflict(
    client: IfsClient, fake: "FakeIfs", answer: httpx.Response
) -> None:
    fake.script(answer)
    with pytest.raises(errors.Conflict):
        await client.confirm_voucher(HEAD)


async def test_a_voucher_without_an_etag_is_not_confirmed_blindly(client: IfsClient) -> None:
    with pytest.raises(errors.Conflict, match="not sent"):
        await client.confirm_voucher(replace(HEAD, etag=""))


async def test_without_an_action_in_the_profile_nothing_is_confirmed(
    make_client: "MakeClient", profile: Profile
) -> None:
    bare = make_client(profile=replace(profile, voucher=replace(profile.voucher, confirm_action="")))
    with pytest.raises(ConfigurationProblem, match=r"voucher\.confirm_action"):
        await bare.confirm_voucher(HEAD)


PERIOD = {"AccountingYear": 2026, "AccountingPeriod": 11, "ValidFrom": "2026-11-01", "ValidUntil": "2026-11-30"}


@pytest.mark.parametrize(("status", "kind"), [("Closed", errors.PeriodClosed), ("Open", errors.BusinessRule)])
async def test_a_refusal_is_a_closed_period_only_where_ifs_says_that_it_is_closed(
    client: IfsClient, fake: "FakeIfs", voucher_draft: VoucherDraft, status: str, kind: type[errors.BusinessRule]
) -> None:
    fake.script(refused(), listed({**PERIOD, "PeriodStatus": status}))
    with pytest.raises(errors.BusinessRule) as caught:
        await client.create_voucher(voucher_draft, DAY)
    assert type(caught.value) is errors.BusinessRule
    why = await client.voucher_refusal(caught.value, DAY)
    assert type(why) is kind
    assert "Vägrat." in why.message
    assert why.token == "Voucher.SOMETHING"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ORA-20111: Account.FND_RECORD_NOT_EXIST: The Account does not exist.", errors.MissingMasterData),
        ("ORA-20118: Company.NOACCESS: Not allowed.", errors.PermissionDenied),
        ("ORA-20113: Voucher.FND_LOCKED: Locked.", errors.Transient),
        ("ORA-20112: Voucher.FND_RECORD_EXIST: Exists.", errors.Duplicate),
    ],
)
async def test_refusals_of_a_row_are_told_apart_by_number(
    client: IfsClient, fake: "FakeIfs", voucher_draft: VoucherDraft, text: str, kind: type[errors.IfsError]
) -> None:
    fake.script(refused(text, 500))
    with pytest.raises(kind):
        await client.add_voucher_row(HEAD, voucher_draft, voucher_draft.rows[0])


@pytest.mark.parametrize("answer", [httpx.Response(502, html="<html>"), httpx.ReadTimeout("slow")])
async def test_a_row_without_an_answer_is_unknown(
    client: IfsClient, fake: "FakeIfs", voucher_draft: VoucherDraft, answer: httpx.Response | Exception
) -> None:
    fake.script(answer)
    with pytest.raises(errors.OutcomeUnknown):
        await client.add_voucher_row(HEAD, voucher_draft, voucher_draft.rows[0])


# reconciliation


async def test_the_vouchers_of_some_days_come_grouped_with_their_states(client: IfsClient, fake: "FakeIfs") -> None:
    by_hand = {**ROW, "VoucherNo": 18, "ReferenceNumber": None}
    fake.script(
        listed({**ROW, "RowNo": 2, "CurrencyDebetAmount": 5, "ReferenceNumber": None}, ROW, by_hand),
        listed({**HEADER, "Objstate": "Confirmed"}),
    )
    ours, other = await client.vouchers_between(date(2026, 11, 1), DAY)
    assert (ours.reference, ours.key, ours.day, ours.currency, ours.state) == (
        "M-2026-17",
        KEY,
        DAY,
        "USD",
        "Confirmed",
    )
    assert [(row.row_no, row.debit) for row in ours.rows] == [(1, Decimal(108)), (2, Decimal(5))]
    assert (other.reference, other.key, other.state, other.is_cancelled) == ("M-2026-18", "", "", False)
    wanted = "Company eq '10' and VoucherType eq 'M' and VoucherDate ge 2026-11-01 and VoucherDate le 2026-11-30"
    assert [request.url.params["$filter"] for request in fake.requests] == [wanted, wanted]


async def test_a_voucher_in_hold_that_the_analysis_does_not_show_is_read_itself(
    client: IfsClient, fake: "FakeIfs"
) -> None:
    fake.script(listed(), listed({**HEADER, "Objstate": "Cancelled"}), listed(ROW))
    (found,) = await client.vouchers_between(DAY, DAY)
    assert (found.key, found.state, found.is_cancelled, len(found.rows)) == (KEY, "Cancelled", True, 1)
    assert fake.requests[2].url.path == f"{ONE}/VoucherRows"


async def test_reconciliation_does_not_pass_over_a_source_that_fails(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(listed(ROW), httpx.Response(403, text="Insufficient privileges."))
    with pytest.raises(errors.PermissionDenied):
        await client.vouchers_between(DAY, DAY)


async def test_the_probe_reads_where_vouchers_are_looked_up_only_where_they_are_made(
    client: IfsClient, fake: "FakeIfs"
) -> None:
    fake.script(*(listed() for _ in range(3)))
    await client.probe()
    paths = {request.url.path for request in fake.requests}
    assert not {SET, ANALYSIS} & paths
    fake.script(*(listed() for _ in range(5)))
    await client.probe(vouchers=True)
    assert {request.url.path for request in fake.requests} - paths == {SET, ANALYSIS}
