"""Vouchers in IFS as reconciliation and posting meet them: rates, periods, Update GL, automatic tax, tampering."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from bcifs_console.simulator.clock import Clock
from bcifs_console.simulator.ifs import rates
from bcifs_console.simulator.ifs.tables import Database
from tests.simulator.clients import ErpClient, StoreClient

VOUCHERS = "VoucherHandling.svc/VoucherSet"
ROWS = "VoucherRowsAnalysis.svc/VoucherRowSet"
RATES = "VoucherHandling.svc/Reference_CurrencyRate"
PERIODS = "VoucherHandling.svc/Reference_AccountingPeriod"


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def path_of(row: dict[str, Any]) -> str:
    key = f"AccountingYear={row['AccountingYear']},VoucherNo={row['VoucherNo']}"
    return f"{VOUCHERS}(Company='10',VoucherType='{row['VoucherType']}',{key})"


async def drafted(erp: ErpClient, key: str, amount: float = 100, **header: Any) -> str:
    """A voucher with two rows, not confirmed; its path."""
    body = {"Company": "10", "VoucherType": "WEB", "VoucherDate": today(), "VoucherText": key, **header}
    path = path_of(await erp.made(VOUCHERS, body))
    for account, side in (("1580", "Debet"), ("2420", "Credit")):
        row = {"Account": account, f"Currency{side}Amount": amount, "ReferenceNumber": key}
        await erp.made(f"{path}/VoucherRows", row)
    return path


async def confirmed(erp: ErpClient, key: str, amount: float = 100, **header: Any) -> str:
    path = await drafted(erp, key, amount, **header)
    answer = await confirm(erp, path)
    assert answer == 204
    return path


async def confirm(erp: ErpClient, path: str) -> int:
    etag = (await erp.get(path)).json()["@odata.etag"]
    return (await erp.call("POST", f"{path}/IfsApp.VoucherHandling.Voucher_Confirm", {}, etag=etag)).status_code


async def truth(erp: ErpClient) -> dict[str, dict[str, Any]]:
    return {row["VoucherText"]: row for row in (await erp.control("state?only=vouchers"))["vouchers"]}


async def test_each_row_moves_the_headers_etag(erp: ErpClient) -> None:
    path = path_of(await erp.made(VOUCHERS, {"Company": "10", "VoucherType": "WEB", "VoucherDate": today()}))
    tags = [(await erp.get(path)).json()["@odata.etag"]]
    for side in ("Debet", "Credit"):
        await erp.made(f"{path}/VoucherRows", {"Account": "1580", f"Currency{side}Amount": 5})
        tags.append((await erp.get(path)).json()["@odata.etag"])
    assert len(set(tags)) == 3
    action = f"{path}/IfsApp.VoucherHandling.Voucher_Confirm"
    assert (await erp.call("POST", action, {}, etag=tags[1])).status_code == 412
    assert (await erp.call("POST", action, {}, etag=tags[2])).status_code == 204


async def test_numbers_run_by_type_and_year(erp: ErpClient) -> None:
    made = [await drafted(erp, f"BC-1/PAY/{i}") for i in range(3)]
    other = await drafted(erp, "BC-1/PAY/9", VoucherType="M")
    assert [path.rpartition("VoucherNo=")[2] for path in made] == ["1)", "2)", "3)"]
    assert other.endswith("VoucherNo=1)")


async def test_rows_are_found_by_company_type_dates_and_reference_in_pages(erp: ErpClient) -> None:
    await erp.control("set", {"ifs": {"page_size": 3}})
    yesterday = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()
    for index in range(4):
        await confirmed(erp, f"BC-{index}/PAY/1")
    await drafted(erp, "BC-9/PAY/1", VoucherDate=yesterday)
    await confirmed(erp, "OTHER", VoucherType="M")

    async def found(condition: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        params: dict[str, Any] = {"filter": f"Company eq '10' and {condition}", "orderby": "VoucherNo,RowNo"}
        while True:
            answer = (await erp.get(ROWS, **params, skip=len(rows))).json()
            rows += answer["value"]
            if len(answer["value"]) < 3:
                return rows

    assert len(await found("VoucherType eq 'WEB'")) == 10
    assert len(await found(f"VoucherType eq 'WEB' and VoucherDate ge {today()}")) == 8
    window = f"VoucherDate ge {yesterday} and VoucherDate le {yesterday}"
    assert {row["ReferenceNumber"] for row in await found(window)} == {"BC-9/PAY/1"}
    assert len(await found("ReferenceNumber eq 'BC-2/PAY/1'")) == 2


async def test_update_gl_leaves_vouchers_to_the_analysis_alone(erp: ErpClient) -> None:
    early, open_one = await confirmed(erp, "BC-1/PAY/1"), await drafted(erp, "BC-2/PAY/1")
    await erp.control("set", {"ifs": {"update_gl": True}})
    assert (await erp.get(early)).status_code == 404
    assert (await erp.get(open_one)).status_code == 200
    late = await confirmed(erp, "BC-3/PAY/1")
    assert (await erp.get(late)).status_code == 404
    assert (await erp.call("POST", f"{late}/VoucherRows", {"Account": "1580"})).status_code == 404
    for key in ("BC-1/PAY/1", "BC-2/PAY/1", "BC-3/PAY/1"):
        assert len(await erp.value(ROWS, filter=f"ReferenceNumber eq '{key}'")) == 2
    known = await truth(erp)
    assert {key: (row["Objstate"], row["in_gl"], len(row["rows"])) for key, row in known.items()} == {
        "BC-1/PAY/1": ("Confirmed", True, 2),
        "BC-2/PAY/1": ("AwaitingApproval", False, 2),
        "BC-3/PAY/1": ("Confirmed", True, 2),
    }
    assert (await erp.value(VOUCHERS, filter="VoucherText eq 'BC-3/PAY/1'")) == []


async def test_periods_close_and_open(erp: ErpClient) -> None:
    month = today()[:7]
    rows = await erp.value(PERIODS, filter=f"AccountingYear eq {month[:4]} and AccountingPeriod eq {int(month[5:])}")
    assert [(row["ValidFrom"], row["PeriodStatus"]) for row in rows] == [(f"{month}-01", "Open")]
    last = date.fromisoformat(rows[0]["ValidUntil"])
    assert (last + timedelta(days=1)).day == 1
    inside = await erp.value(PERIODS, filter=f"ValidFrom le {today()} and ValidUntil ge {today()}")
    assert inside == rows
    path = await drafted(erp, "BC-1/PAY/1")
    await erp.control("set", {"ifs": {"close_periods": [month]}})
    assert (await erp.value(PERIODS, filter=f"ValidFrom eq {month}-01"))[0]["PeriodStatus"] == "Closed"
    body = {"Company": "10", "VoucherType": "WEB", "VoucherDate": today()}
    assert "PERIODCLOSED" in (await erp.call("POST", VOUCHERS, body)).text
    assert await confirm(erp, path) == 400
    await erp.control("set", {"ifs": {"open_periods": [month]}})
    assert await confirm(erp, path) == 204
    for months in (["1999-01"], ["November"], "2026-11"):
        answer = await erp.http.post(f"{erp.url}/_sim/set", json={"ifs": {"close_periods": months}})
        assert answer.status_code == 400


async def test_rates_are_quoted_by_date_and_used(erp: ErpClient) -> None:
    found = await erp.value(RATES, filter=f"CurrencyCode eq 'EUR' and ValidFrom le {today()}", orderby="ValidFrom desc")
    assert [row["CurrencyRate"] for row in found] == [1.087, 1.0653]
    assert {(row["Company"], row["CurrencyType"], row["RefCurrencyCode"], row["ConvFactor"]) for row in found} == {
        ("10", "1", "USD", 1)
    }
    path = path_of(
        await erp.made(VOUCHERS, {"Company": "10", "VoucherType": "WEB", "VoucherDate": today(), "CurrencyCode": "EUR"})
    )
    row = await erp.made(f"{path}/VoucherRows", {"Account": "1580", "CurrencyDebetAmount": 10})
    assert (row["DebetAmount"], row["CurrencyRate"], row["ConversionFactor"]) == (10.87, 1.087, 1)
    given = {"Account": "1580", "CurrencyDebetAmount": 10, "CurrencyRate": 2, "DebetAmount": 20.01}
    assert (await erp.made(f"{path}/VoucherRows", given))["Amount"] == 20.01


async def test_yen_are_quoted_by_the_hundred(erp: ErpClient) -> None:
    (quoted, *_) = await erp.value(RATES, filter="CurrencyCode eq 'JPY'", orderby="ValidFrom desc")
    assert (quoted["CurrencyRate"], quoted["ConvFactor"]) == (0.66, 100)
    body = {"Company": "10", "VoucherType": "WEB", "VoucherDate": today(), "CurrencyCode": "JPY"}
    path = path_of(await erp.made(VOUCHERS, body))
    bare = await erp.made(f"{path}/VoucherRows", {"Account": "1580", "CurrencyDebetAmount": 10000})
    full = {"Account": "2420", "CurrencyCreditAmount": 10000, "CurrencyRate": 0.66, "ConversionFactor": 100}
    assert (bare["Amount"], (await erp.made(f"{path}/VoucherRows", full))["Amount"]) == (66, -66)


def test_the_rate_of_a_day_is_the_last_one_before_it() -> None:
    db = Database(Clock())
    rates.build(db, datetime(2026, 11, 23, tzinfo=UTC))
    valid_from = sorted(row["ValidFrom"] for row in db["CurrencyRate"].where("CurrencyCode", "GBP"))
    assert valid_from == ["2025-01-01", "2026-10-01"]
    assert rates.rate_on(db, "GBP", "2026-09-30").rate < rates.rate_on(db, "GBP", "2026-10-01").rate
    assert rates.rate_on(db, "USD", "1999-01-01").rate == 1


async def test_automatic_tax_adds_a_row_nobody_sent(erp: ErpClient) -> None:
    await erp.control("set", {"ifs": {"automatic_tax": True}})
    path = path_of(await erp.made(VOUCHERS, {"Company": "10", "VoucherType": "WEB", "VoucherDate": today()}))
    sent = {"Account": "4000", "CurrencyCreditAmount": 100, "OptionalCode": "VAT20"}
    await erp.made(f"{path}/VoucherRows", sent)
    await erp.made(f"{path}/VoucherRows", {"Account": "2420", "CurrencyDebetAmount": 100})
    rows = await erp.value(f"{path}/VoucherRows")
    assert [(row["Account"], row["CurrencyAmount"], row.get("AutoTaxVouEntry")) for row in rows] == [
        ("4000", -100, None),
        ("2610", -20, True),
        ("2420", 100, None),
    ]
    assert await confirm(erp, path) == 400


async def test_automatic_tax_splits_a_gross_row(erp: ErpClient) -> None:
    await erp.control("set", {"ifs": {"automatic_tax": True}})
    body = {"Company": "10", "VoucherType": "WEB", "VoucherDate": today(), "AmountMethod": "Gross"}
    path = path_of(await erp.made(VOUCHERS, body))
    row = {"Account": "4000", "CurrencyCreditAmount": 120, "OptionalCode": "VAT20"}
    assert (await erp.made(f"{path}/VoucherRows", row))["CurrencyCreditAmount"] == 100
    await erp.made(f"{path}/VoucherRows", {"Account": "4900", "CurrencyDebetAmount": 120, "OptionalCode": "US0"})
    assert [line["Amount"] for line in await erp.value(f"{path}/VoucherRows")] == [-100, -20, 120]
    assert await confirm(erp, path) == 204


async def tampered(erp: ErpClient, **body: Any) -> dict[str, Any]:
    said: dict[str, Any] = await erp.control("vouchers", body)
    return said


async def test_a_voucher_is_deleted(erp: ErpClient) -> None:
    await confirmed(erp, "BC-1/PAY/1", 20)
    await confirmed(erp, "BC-1/PAY/2", 30)
    said = await tampered(erp, delete="BC-1/PAY/1")
    assert (said["deleted"]["VoucherText"], said["deleted"]["amount"]) == ("BC-1/PAY/1", "20")
    assert set(await truth(erp)) == {"BC-1/PAY/2"}
    assert await erp.value(ROWS, filter="ReferenceNumber eq 'BC-1/PAY/1'") == []


@pytest.mark.parametrize("in_gl", [False, True])
async def test_a_voucher_changes_and_still_balances(erp: ErpClient, in_gl: bool) -> None:
    await erp.control("set", {"ifs": {"update_gl": in_gl}})
    await confirmed(erp, "BC-1/PAY/1", 100, CurrencyCode="EUR")
    said = await tampered(erp, change="BC-1/PAY/1", amount="12.34")
    assert (said["before"]["amount"], said["changed"]["amount"]) == ("100", "12.34")
    rows = await erp.value(ROWS, filter="ReferenceNumber eq 'BC-1/PAY/1'")
    assert [(row.get("CurrencyDebetAmount"), row.get("CurrencyCreditAmount")) for row in rows] == [
        (12.34, None),
        (None, 12.34),
    ]
    assert [row["Amount"] for row in rows] == [13.41, -13.41]
    assert (await truth(erp))["BC-1/PAY/1"]["Objstate"] == "Confirmed"


async def test_a_stray_voucher_is_added(erp: ErpClient) -> None:
    stray = {"reference": "BC-777/PAY/1", "amount": "5.00", "debit_account": "1580", "credit_account": "2420"}
    said = await tampered(erp, add={**stray, "date": today(), "voucher_type": "WEB"})
    assert said["added"]["VoucherText"] == "BC-777/PAY/1"
    rows = await erp.value(ROWS, filter="ReferenceNumber eq 'BC-777/PAY/1' and VoucherType eq 'WEB'")
    assert [row["CurrencyAmount"] for row in rows] == [5, -5]
    assert (await truth(erp))["BC-777/PAY/1"]["Objstate"] == "Confirmed"


async def test_tampering_that_makes_no_sense_is_refused(erp: ErpClient) -> None:
    await confirmed(erp, "BC-1/PAY/1", 20)
    add = {"reference": "X", "amount": 5, "debit_account": "1580", "credit_account": "2420", "date": today()}
    for body in (
        {},
        {"delete": "BC-9/PAY/9"},
        {"change": "BC-1/PAY/1"},
        {"change": "BC-1/PAY/1", "amount": 20},
        {"change": "BC-1/PAY/1", "amount": -3},
        {"add": {**add, "credit_account": "0000"}},
        {"add": {**add, "date": ""}},
    ):
        answer = await erp.http.post(f"{erp.url}/_sim/vouchers", json=body)
        assert answer.status_code == 400, body
    assert set(await truth(erp)) == {"BC-1/PAY/1"}


async def test_faults_reach_vouchers_as_everything_else(erp: ErpClient) -> None:
    path = await drafted(erp, "BC-1/PAY/1")
    script = {"side": "ifs", "match": "Voucher_Confirm", "do": "stale"}
    await erp.control("faults", {"script": [script]})
    assert await confirm(erp, path) == 412
    assert await confirm(erp, path) == 204


async def test_a_line_is_cancelled_and_totals_follow(erp: ErpClient) -> None:
    number = await erp.order(CustomerPoNo="BC-1")
    first = await erp.line(number, BuyQtyDue=2, SaleUnitPrice=10)
    await erp.line(number, SaleUnitPrice=7)
    path = f"{erp.order_path(number)}/OrderLinesArray(LineNo='1',RelNo='1',LineItemNo=0)"
    assert "QTYZERO" in (await erp.call("PATCH", path, {"BuyQtyDue": 0}, etag=first["@odata.etag"])).text
    assert "QTYZERO" in (await erp.call("PATCH", path, {"DesiredQty": 0}, etag=first["@odata.etag"])).text
    changed = await erp.call("PATCH", path, {"BuyQtyDue": 1, "DesiredQty": 1}, etag=first["@odata.etag"])
    assert changed.json()["NetAmountCurr"] == 10
    before = await erp.header(number)
    action = f"{path}/IfsApp.CustomerOrderHandling.CustomerOrderLine_SetCancelled"
    reason = {"CancelReason": "WEB"}
    assert (await erp.call("POST", action, reason)).status_code == 428
    assert (await erp.call("POST", action, reason, etag=first["@odata.etag"])).status_code == 412
    assert "CANCELREASON" in (await erp.call("POST", action, {}, etag=changed.json()["@odata.etag"])).text
    assert (await erp.call("POST", action, reason, etag=changed.json()["@odata.etag"])).status_code == 204
    after = await erp.header(number)
    assert (before["TotalNetBase"], after["TotalNetBase"], after["Objstate"]) == (17, 7, "Planned")
    assert after["@odata.etag"] != before["@odata.etag"]
    assert (await erp.call("PATCH", path, {"BuyQtyDue": 1}, etag="*")).status_code == 400


async def test_the_last_line_takes_the_order_along_on_request(erp: ErpClient) -> None:
    action = "OrderLinesArray(LineNo='1',RelNo='1',LineItemNo=0)/IfsApp.CustomerOrderHandling."
    states = []
    for knob in (False, True):
        await erp.control("set", {"ifs": {"cancel_empty_orders": knob}})
        number = await erp.order()
        await erp.line(number)
        path = f"{erp.order_path(number)}/{action}CustomerOrderLine_SetCancelled"
        assert (await erp.call("POST", path, {"CancelReason": "WEB"}, etag="*")).status_code == 204
        states.append((await erp.header(number))["Objstate"])
    assert states == ["Planned", "Cancelled"]


async def test_an_order_moved_on_in_ifs_resists(erp: ErpClient) -> None:
    number = await erp.order()
    await erp.line(number, BuyQtyDue=2)
    await erp.control("customer_orders", {"order_no": number, "state": "Delivered"})
    line = f"{erp.order_path(number)}/OrderLinesArray(LineNo='1',RelNo='1',LineItemNo=0)"
    assert "DELIVERED" in (await erp.call("PATCH", line, {"BuyQtyDue": 1}, etag="*")).text
    assert "ORA-20132" in (await erp.act(number, "SetCancelled", {"CancelReason": "WEB"}, etag="*")).text
    assert (await erp.header(number))["Objstate"] == "Delivered"
    answer = await erp.http.post(f"{erp.url}/_sim/customer_orders", json={"order_no": "P0", "state": "Delivered"})
    assert answer.status_code == 400


async def test_header_texts_change_with_the_current_etag(erp: ErpClient) -> None:
    number = await erp.order()
    tag = (await erp.header(number))["@odata.etag"]
    changed = await erp.call("PATCH", erp.order_path(number), {"NoteText": "UPS 1Z99", "ExternalRef": "x"}, etag=tag)
    assert (changed.json()["NoteText"], changed.json()["ExternalRef"]) == ("UPS 1Z99", "x")
    assert (await erp.call("PATCH", erp.order_path(number), {"NoteText": "again"}, etag=tag)).status_code == 412


async def test_orders_are_listed_by_the_day_they_were_entered(erp: ErpClient, store: StoreClient) -> None:
    early = [await erp.order(CustomerPoNo=f"BC-{i}") for i in range(3)]
    await store.control("advance", {"seconds": 2 * 86400})
    await erp.log_in()
    late = await erp.order(CustomerPoNo="BC-9")
    bound = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    orders = "CustomerOrdersHandling.svc/CustomerOrderSet"

    async def numbers(condition: str, **more: Any) -> list[str]:
        rows = await erp.value(orders, filter=condition, orderby="OrderNo", **more)
        return [row["OrderNo"] for row in rows]

    assert await numbers(f"DateEntered lt {bound}") == early
    assert await numbers(f"DateEntered ge {bound}") == [late]
    assert await numbers(f"DateEntered lt {bound}", top=2, skip=1) == early[1:]
    assert await numbers("startswith(CustomerPoNo,'BC-') and CustomerPoNo ne null") == [*early, late]


async def test_a_state_is_served_in_parts(erp: ErpClient) -> None:
    await erp.order()
    state = await erp.control("state?only=customer_orders,now")
    assert set(state) == {"customer_orders", "now"}
    assert len(state["customer_orders"]) == 1
