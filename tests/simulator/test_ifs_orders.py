"""Customer orders in IFS: the call chain, totals, tax, pre-posting, states, ETags and errors."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.clients import HEADER, ErpClient

ORDER_SET = "CustomerOrderHandling.svc/CustomerOrderSet"
VIRTUALS = "CustomerOrderHandling.svc/PreAccountingVirtualSet"


async def refused(erp: ErpClient, path: str, body: dict[str, Any]) -> str:
    answer = await erp.call("POST", path, body)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["code"] == "DATABASE_ERROR"
    text: str = error["details"][0]["message"]
    assert "\nORA-06512" in text
    return text.partition("\n")[0]


async def test_the_chain_from_header_to_release(erp: ErpClient) -> None:
    number = await erp.order(CustomerPoNo="BC-5001")
    await erp.line(number, BuyQtyDue=2, SaleUnitPrice=129, UnitPriceInclTax=139.64, TaxCode="US825")
    await erp.line(number, CatalogNo="MUG-GRY", SaleUnitPrice=10.12, TaxCode="US0", CustomerPoLineNo="20002")
    await erp.charge(number, "FREIGHT", ChargeAmount=10, TaxCode="US825")
    await erp.charge(number, "PROMO", ChargeAmount=-9.24, ChargeAmountInclTax=-10, TaxCode="US825")
    header = await erp.header(number)
    assert (header["Objstate"], header["TotalNetBase"]) == ("Planned", 268.12)
    # 258.00 + 21.29, 10.12, 10.00 + 0.83, -9.24 - 0.76
    assert header["TotalGrossAmtCurr"] == 289.41
    assert header["TotalGrossInclChrgCurr"] == 290.24
    assert header["TotTaxAmtCurr"] == 21.36
    released = await erp.act(number, "SetReleased", etag=header["@odata.etag"])
    assert released.status_code == 204
    assert (await erp.header(number))["Objstate"] == "Released"
    again = await erp.act(number, "SetReleased", etag=(await erp.header(number))["@odata.etag"])
    assert "ORA-20132" in again.text
    lines = await erp.value("CustomerOrderLinesHandling.svc/CustomerOrderJoinSet", filter=f"OrderNo eq '{number}'")
    assert [(row["CatalogNo"], row["LineNo"], row["RelNo"], row["LineItemNo"]) for row in lines] == [
        ("SIM-1001", "1", "1", 0),
        ("MUG-GRY", "2", "1", 0),
    ]
    assert lines[1]["CustomerPoLineNo"] == "20002"
    assert lines[0]["CustomerPoNo"] == "BC-5001"


async def test_gross_prices_lead_when_the_order_says_so(erp: ErpClient) -> None:
    number = await erp.order(UsePriceInclTax=True, CurrencyCode="GBP")
    line = await erp.line(number, BuyQtyDue=3, SaleUnitPrice=1, UnitPriceInclTax=10.99, TaxCode="VAT20")
    assert (line["GrossAmountCurr"], line["TaxAmountCurr"], line["NetAmountCurr"]) == (32.97, 5.5, 27.47)
    charge = await erp.charge(number, "FREIGHT", ChargeAmount=1, ChargeAmountInclTax=5, TaxCode="VAT20")
    assert (charge["GrossAmtCurr"], charge["TaxAmountCurrency"]) == (5, 0.83)


@pytest.mark.parametrize(("currency", "gross"), [("JPY", 11), ("KWD", 10.823), ("USD", 10.83)])
async def test_amounts_round_to_the_currency(erp: ErpClient, currency: str, gross: float) -> None:
    number = await erp.order(CurrencyCode=currency)
    line = await erp.line(number, SaleUnitPrice=9.998, TaxCode="US825")
    assert line["GrossAmountCurr"] == gross


async def test_tax_codes(erp: ErpClient) -> None:
    number = await erp.order()
    assert (await erp.line(number, SaleUnitPrice=100))["TaxAmountCurr"] == 0
    by_default = await erp.line(number, SaleUnitPrice=100, FetchTaxFromDefaults="TRUE")
    assert (by_default["TaxCode"], by_default["TaxAmountCurr"]) == ("US825", 8.25)
    given = await erp.line(number, SaleUnitPrice=100, FetchTaxFromDefaults="FALSE", TaxCode="VAT20")
    assert given["TaxAmountCurr"] == 20
    path = erp.order_path(number)
    body = {"OrderNo": number, "CatalogNo": "SIM-1001", "BuyQtyDue": 1, "TaxCode": "NOPE"}
    assert "ORA-20111: StatutoryFee" in await refused(erp, f"{path}/OrderLinesArray", body)
    assert (await erp.charge(number, "FREIGHT", ChargeAmount=10, FetchTaxCodes="TRUE"))["TaxCode"] == "US825"
    assert (await erp.charge(number, "SALESTAX", ChargeAmount=8.25))["TaxAmountCurrency"] == 0
    charge = {"OrderNo": number, "ChargeType": "SALESTAX", "ChargedQty": 1, "TaxCode": "US825"}
    assert "NOTTAXABLE" in await refused(erp, f"{path}/CustomerOrderChargeArray", charge)


async def test_headers_are_checked_against_master_data(erp: ErpClient) -> None:
    expected = {
        "CustomerNo": ("C9999", "ORA-20111: CustOrdCustomer.FND_RECORD_NOT_EXIST"),
        "Contract": ("999", "ORA-20111: Site."),
        "OrderId": ("XX", "ORA-20111: CustOrderType."),
        "AuthorizeCode": ("NOBODY", "ORA-20111: OrderCoordinator."),
        "CurrencyCode": ("XXX", "ORA-20111: CurrencyCode.FND_RECORD_NOT_EXIST"),
        "ShipViaCode": ("XXX", "ORA-20111: MpccomShipVia."),
        "DeliveryTerms": ("XXX", "ORA-20111: OrderDeliveryTerm."),
        "PayTermId": ("99", "ORA-20111: PaymentTerm."),
        "ShipAddrNo": ("77", "ORA-20111: CustomerInfoAddress."),
        "BillAddrNo": ("77", "ORA-20111: CustomerInfoAddress."),
    }
    for field, (value, text) in expected.items():
        assert text in await refused(erp, ORDER_SET, {**HEADER, field: value})
    for field in ("CustomerNo", "Contract", "OrderId", "AuthorizeCode", "CurrencyCode", "WantedDeliveryDate"):
        body = {name: value for name, value in HEADER.items() if name != field}
        assert "ORA-20105: CustomerOrder.NULLVALUE" in await refused(erp, ORDER_SET, body)
    assert "NOORDERINFO" in await refused(erp, ORDER_SET, {**HEADER, "CustomerNo": "C1900"})
    assert "ORA-20121" in await refused(erp, ORDER_SET, {**HEADER, "OrderNo": "P1"})
    assert (await erp.control("state"))["customer_orders"] == []


async def test_repeated_reference_is_not_refused(erp: ErpClient) -> None:
    assert await erp.order(CustomerPoNo="BC-1") != await erp.order(CustomerPoNo="BC-1")


async def test_lines_are_checked(erp: ErpClient) -> None:
    number = await erp.order()
    path = f"{erp.order_path(number)}/OrderLinesArray"
    good = {"OrderNo": number, "CatalogNo": "SIM-1001", "BuyQtyDue": 1}
    assert "SalesPart.FND_RECORD_NOT_EXIST" in await refused(erp, path, {**good, "CatalogNo": "LEGACY-0815"})
    assert "SalesPart.FND_RECORD_NOT_EXIST" in await refused(erp, path, {**good, "CatalogNo": "sim-1001"})
    assert "QTYZERO" in await refused(erp, path, {**good, "BuyQtyDue": 0})
    assert "NULLVALUE" in await refused(erp, path, {"CatalogNo": "SIM-1001", "BuyQtyDue": 1})
    other = await erp.call("POST", path, {**good, "OrderNo": "P99999"})
    assert other.status_code == 400
    charges = f"{erp.order_path(number)}/CustomerOrderChargeArray"
    assert "SalesChargeType" in await refused(erp, charges, {"OrderNo": number, "ChargeType": "BRIBE", "ChargedQty": 1})
    assert (await erp.call("POST", f"{erp.order_path('P0')}/OrderLinesArray", good)).status_code == 404
    nothing = await erp.act(number, "SetReleased", etag=(await erp.header(number))["@odata.etag"])
    assert "ORA-20110: CustomerOrder.NOLINES" in nothing.text


async def test_etags_guard_actions_and_changes(erp: ErpClient) -> None:
    number = await erp.order()
    first = (await erp.header(number))["@odata.etag"]
    await erp.line(number)
    second = (await erp.header(number))["@odata.etag"]
    await erp.charge(number, "FREIGHT", ChargeAmount=5)
    third = (await erp.header(number))["@odata.etag"]
    assert len({first, second, third}) == 3
    assert (await erp.act(number, "SetReleased")).status_code == 428
    assert (await erp.act(number, "SetReleased", etag=first)).status_code == 412
    path = erp.order_path(number)
    assert (await erp.call("PATCH", path, {"NoteText": "x"}, etag=first)).status_code == 412
    assert (await erp.call("PATCH", path, {"NoteText": "x"})).json()["NoteText"] == "x"
    assert (await erp.act(number, "SetReleased", etag="*")).status_code == 204


async def test_quantity_may_change_while_unshipped(erp: ErpClient) -> None:
    number = await erp.order()
    line = await erp.line(number, BuyQtyDue=3, SaleUnitPrice=10)
    path = f"{erp.order_path(number)}/OrderLinesArray(LineNo='1',RelNo='1',LineItemNo=0)"
    changed = await erp.call("PATCH", path, {"BuyQtyDue": 1}, etag=line["@odata.etag"])
    assert changed.json()["NetAmountCurr"] == 10
    assert (await erp.header(number))["TotalNetBase"] == 10
    assert "ORA-20122" in (await erp.call("PATCH", path, {"CatalogNo": "MUG-GRY"})).text
    assert (await erp.call("DELETE", path)).status_code == 428
    assert (await erp.call("DELETE", path, etag="*")).status_code == 204
    assert (await erp.header(number))["TotalNetBase"] == 0


async def test_cancel_needs_a_reason(erp: ErpClient) -> None:
    number = await erp.order()
    await erp.line(number)
    assert "CANCELREASON" in (await erp.act(number, "SetCancelled", etag="*")).text
    assert (await erp.act(number, "SetCancelled", {"CancelReason": "WEB"}, etag="*")).status_code == 204
    assert (await erp.header(number))["Objstate"] == "Cancelled"
    assert "ORA-20132" in (await erp.act(number, "SetReleased", etag="*")).text


async def test_print_action_returns_a_number_as_text(erp: ErpClient) -> None:
    number = await erp.order()
    answer = await erp.act(number, "PrintResultKey", {"ReportId": "CUSTOMER_ORDER_CONF_REP"}, etag="*")
    assert answer.json()["value"].isdecimal()
    unknown = await erp.act(number, "PrintResultKey", {"Nope": 1}, etag="*")
    assert unknown.status_code == 400


async def test_default_function_needs_no_etag(erp: ErpClient) -> None:
    answer = await erp.get(f"{ORDER_SET}/IfsApp.CustomerOrderHandling.CustomerOrder_Default()")
    assert answer.json()["Contract"] == "100"


async def test_pre_posting_decides_the_account(erp: ErpClient) -> None:
    number = await erp.order()
    line = await erp.line(number)
    key = line["PreAccountingId"]
    virtual = await erp.made(VIRTUALS, {"PreAccountingId": key, "Company": "10", "Contract": "100"})
    second = await erp.made(VIRTUALS, {"PreAccountingId": key, "Company": "10", "Contract": "100"})
    assert virtual["Objkey"] != second["Objkey"]
    rows = f"{VIRTUALS}(Objkey='{virtual['Objkey']}')/PreAccountingDistributionArray"
    body = {"PreAccountingId": key, "AccountNo": "4000", "CodenoB": "WEB", "Percentage": 60}
    await erp.made(rows, body)
    assert "ORA-20110: PreAccounting.PERCENTAGE" in await refused(erp, rows, {**body, "Percentage": 50})
    for account in ("1", "4999"):
        assert "Account.FND_RECORD_NOT_EXIST" in await refused(erp, rows, {**body, "AccountNo": account})
    seen = await erp.value(f"{VIRTUALS}(Objkey='{second['Objkey']}')/PreAccountingDistributionArray")
    assert [(row["AccountNo"], row["Percentage"]) for row in seen] == [("4000", 60)]
    found = await erp.value(VIRTUALS, filter=f"PreAccountingId eq {key}")
    assert len(found) == 2
    (order,) = (await erp.control("state"))["customer_orders"]
    assert order["lines"][0]["Account"] == "4000"
    assert order["lines"][0]["PrePosting"] == [{"AccountNo": "4000", "CodenoB": "WEB", "Percentage": 60}]
    assert "ORA-20111" in await refused(erp, VIRTUALS, {"PreAccountingId": 1, "Company": "10"})


async def test_posting_control_decides_otherwise(erp: ErpClient) -> None:
    number = await erp.order()
    for part in ("TEE-BLACK-S", "SIM-1001", "EBOOK-TOOLS"):
        await erp.line(number, CatalogNo=part)
    (order,) = (await erp.control("state"))["customer_orders"]
    assert [line["Account"] for line in order["lines"]] == ["4000", "4010", "4030"]


async def test_single_occurrence_address(erp: ErpClient) -> None:
    number = await erp.order()
    path = f"{erp.order_path(number)}/CustomerOrderAddresses"
    body = {"OrderNo": number, "Name": "Jane", "Address1": "Street 1", "City": "Austin", "CountryCode": "US"}
    await erp.made(path, body)
    assert "ORA-20112" in await refused(erp, path, body)
    assert (await erp.header(number))["AddrFlagDb"] is True
    assert [row["City"] for row in await erp.value(path)] == ["Austin"]


async def test_post_may_answer_204(erp: ErpClient) -> None:
    await erp.control("set", {"ifs": {"post_204": True}})
    answer = await erp.call("POST", ORDER_SET, {**HEADER, "CustomerPoNo": "BC-7"})
    assert (answer.status_code, answer.content) == (204, b"")
    rows = await erp.value("CustomerOrdersHandling.svc/CustomerOrderSet", filter="CustomerPoNo eq 'BC-7'")
    assert len(rows) == 1


async def test_status_of_database_errors_is_a_knob(erp: ErpClient) -> None:
    await erp.control("set", {"ifs": {"database_error_status": 500}})
    answer = await erp.call("POST", ORDER_SET, {**HEADER, "Contract": "999"})
    assert answer.status_code == 500
