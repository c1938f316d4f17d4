"""Customers and vouchers in IFS."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.simulator.clients import HEADER, ErpClient

CUSTOMERS = "CustomerHandling.svc/CustomerInfoSet"
VOUCHERS = "VoucherHandling.svc/VoucherSet"

NEW = {
    "CustomerId": "BC1",
    "Name": "Hypatia",
    "CreationDate": "2026-11-23",
    "Country": "US",
    "CountryCode": "US",
    "DefaultLanguage": "en",
    "PartyType": "Customer",
    "DefaultDomain": True,
}


async def post(erp: ErpClient, path: str, body: dict[str, Any]) -> str:
    """The first line of the refusal."""
    answer = await erp.call("POST", path, body)
    assert answer.status_code == 400, answer.text
    text: str = answer.json()["error"]["details"][0]["message"]
    return text.partition("\n")[0]


async def test_a_customer_made_by_hand_can_order(erp: ErpClient) -> None:
    await erp.made(CUSTOMERS, NEW)
    path = f"{CUSTOMERS}(CustomerId='BC1')"
    address = {"AddressId": "01", "CustomerId": "BC1", "Country": "US", "PartyType": "Customer", "DefaultDomain": True}
    assert "DEFAULTDOMAIN" in await post(erp, f"{path}/CustomerInfoAddresses", {**address, "DefaultDomain": False})
    await erp.made(f"{path}/CustomerInfoAddresses", address)
    order = {**HEADER, "CustomerNo": "BC1"}
    assert "NOORDERINFO" in await post(erp, "CustomerOrderHandling.svc/CustomerOrderSet", order)
    info = {"CustomerNo": "BC1", "CurrencyCode": "USD", "CustGrp": "WEB", "OrderId": "NO"}
    await erp.made(f"{path}/CustOrdCustomers", info)
    assert "ADDRTYPE" in await post(erp, "CustomerOrderHandling.svc/CustomerOrderSet", order)
    for kind in ("Delivery", "Document"):
        types = f"{path}/CustomerInfoAddresses(CustomerId='BC1',AddressId='01')/AddressTypes"
        await erp.made(types, {"AddressTypeCode": kind, "DefAddress": True})
    await erp.made(f"{path}/CommunicationMethods", {"MethodId": "EMail", "Value": "hypatia@example.net"})
    await erp.made(f"{path}/CustomerInvoiceCompanies", {"Company": "10", "PayTermId": "0"})
    await erp.made(f"{path}/CustomerCreditInfoArray", {"Company": "10", "CreditLimit": 100})
    assert await erp.order(CustomerNo="BC1") == "P10001"
    found = await erp.value(
        "CustomersHandling.svc/CustomerInfoSet", filter="tolower(Cf_Email) eq 'hypatia@example.net'"
    )
    assert [row["CustomerId"] for row in found] == ["BC1"]
    methods = await erp.value(f"{path}/CommunicationMethods")
    assert [(row["MethodId"], row["CommId"]) for row in methods] == [("EMail", 1)]


async def test_customers_are_checked(erp: ErpClient) -> None:
    assert "ORA-20112" in await post(erp, CUSTOMERS, {**NEW, "CustomerId": "C1001"})
    assert "ORA-20124" in await post(erp, CUSTOMERS, {**NEW, "CustomerId": "bc1"})
    for field in ("Name", "CreationDate", "Country", "DefaultLanguage", "PartyType", "DefaultDomain"):
        body = {name: value for name, value in NEW.items() if name != field}
        assert "NULLVALUE" in await post(erp, CUSTOMERS, body)
    numbered = await erp.made(CUSTOMERS, {name: value for name, value in NEW.items() if name != "CustomerId"})
    assert numbered["CustomerId"] == "5001"


async def test_a_template_copy_is_complete(erp: ErpClient) -> None:
    body = {"CustomerId": "TEMPLATE-WEB", "NewId": "BC2", "NewName": "Omar", "NewCategory": "Customer"}
    answer = await erp.call("POST", "CustomerHandling.svc/CopyExistingCustomer", body)
    assert answer.json()["value"] == "BC2"
    assert (await erp.get("CustomerHandling.svc/CustOrdCustomerSet(CustomerNo='BC2')")).status_code == 200
    again = await erp.call("POST", "CustomerHandling.svc/CopyExistingCustomer", body)
    assert "ORA-20112" in again.text


async def test_contacts_and_functions(erp: ErpClient) -> None:
    body = {"CustomerId": "C1001", "FirstName": "Ada", "LastName": "King", "CopyAddress": False}
    assert (await erp.call("POST", "CustomerHandling.svc/CreateCustomerContact", body)).status_code == 204
    rows = await erp.value(f"{CUSTOMERS}(CustomerId='C1001')/CustomerInfoContacts")
    assert [row["FullName"] for row in rows] == ["Ada King"]
    exists = await erp.get("CustomerHandling.svc/AssociationNoExist(AssociationNo='1')")
    assert exists.json()["value"] == "FALSE"


def today() -> str:
    return datetime.now(UTC).date().isoformat()


async def voucher(erp: ErpClient, **changed: Any) -> tuple[dict[str, Any], str]:
    body = {"Company": "10", "VoucherType": "M", "VoucherDate": today(), "VoucherText": "BC-1/PAY/1", **changed}
    row = await erp.made(VOUCHERS, body)
    key = f"Company='10',VoucherType='M',AccountingYear={row['AccountingYear']},VoucherNo={row['VoucherNo']}"
    return row, f"{VOUCHERS}({key})"


async def test_a_balanced_voucher_is_confirmed(erp: ErpClient) -> None:
    row, path = await voucher(erp)
    rows = f"{path}/VoucherRows"
    await erp.made(rows, {"Account": "1580", "CurrencyDebetAmount": 100, "ReferenceNumber": "BC-1/PAY/1"})
    confirm = f"{path}/IfsApp.VoucherHandling.Voucher_Confirm"
    await erp.made(rows, {"Account": "2420", "CurrencyCreditAmount": 99, "ReferenceNumber": "BC-1/PAY/1"})
    header = (await erp.get(path)).json()
    assert header["@odata.etag"] != row["@odata.etag"]
    assert (await erp.call("POST", confirm, {})).status_code == 428
    unbalanced = await erp.call("POST", confirm, {}, etag=header["@odata.etag"])
    assert "NOTBALANCED" in unbalanced.text
    await erp.made(rows, {"Account": "2420", "CurrencyCreditAmount": 1, "ReferenceNumber": "BC-1/PAY/1"})
    assert (await erp.call("POST", confirm, {}, etag="*")).status_code == 204
    found = await erp.value(
        "VoucherRowsAnalysis.svc/VoucherRowSet", filter="ReferenceNumber eq 'BC-1/PAY/1' and Company eq '10'"
    )
    assert [line["RowNo"] for line in found] == [1, 2, 3]
    assert sum(line["Amount"] for line in found) == 0
    (truth,) = (await erp.control("state"))["vouchers"]
    assert (truth["Objstate"], len(truth["rows"])) == ("Confirmed", 3)
    assert "CONFIRMED" in await post(erp, rows, {"Account": "2420", "CurrencyCreditAmount": 1})


async def test_vouchers_in_a_foreign_currency_balance_in_both(erp: ErpClient) -> None:
    _, path = await voucher(erp, CurrencyCode="EUR", CurrencyRate=1.5)
    row = await erp.made(f"{path}/VoucherRows", {"Account": "1580", "CurrencyDebetAmount": 10})
    assert (row["DebetAmount"], row["Amount"]) == (15, 15)


async def test_vouchers_are_checked(erp: ErpClient) -> None:
    long_ago = (datetime.now(UTC) - timedelta(days=120)).date().isoformat()
    body = {"Company": "10", "VoucherType": "M", "VoucherDate": long_ago}
    assert "PERIODCLOSED" in await post(erp, VOUCHERS, body)
    assert "VoucherType" in await post(erp, VOUCHERS, {**body, "VoucherType": "X"})
    assert "Company" in await post(erp, VOUCHERS, {**body, "Company": "11"})
    _, path = await voucher(erp)
    rows = f"{path}/VoucherRows"
    assert "Account.FND" in await post(erp, rows, {"Account": "4999", "CurrencyDebetAmount": 1})
    assert "BOTHSIDES" in await post(
        erp, rows, {"Account": "4000", "CurrencyDebetAmount": 1, "CurrencyCreditAmount": 1}
    )
    assert "NULLVALUE" in await post(erp, rows, {"Account": "4000"})
    assert "Tax Code" in await post(erp, rows, {"Account": "4000", "CurrencyDebetAmount": 1, "OptionalCode": "X"})
