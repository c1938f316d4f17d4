"""OData as IFS speaks it: tokens, `$metadata`, strict queries, paging, keys, permissions."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ET
from typing import Any

from tests.simulator.clients import HEADER, ErpClient

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
ORDERS = "CustomerOrdersHandling.svc/CustomerOrderSet"
PARTS = "SalesPartHandling.svc/SalesPartSet"
SERVED = [
    "AllProjections",
    "CustomerHandling",
    "CustomersHandling",
    "CustomerOrderHandling",
    "CustomerOrdersHandling",
    "CustomerOrderLinesHandling",
    "QuickReports",
    "SalesPartHandling",
    "VoucherHandling",
    "VoucherRowsAnalysis",
]


async def test_token_is_short_lived_and_counted(erp: ErpClient) -> None:
    body = (await erp.ask_token()).json()
    assert body["expires_in"] == 180
    assert body["token_type"] == "Bearer"
    assert (await erp.control("state"))["tokens"]["issued"] == 2
    assert (await erp.get(PARTS)).status_code == 200
    await erp.control("advance", {"seconds": 181})
    assert (await erp.get(PARTS)).status_code == 401
    await erp.log_in()
    assert (await erp.get(PARTS)).status_code == 200


async def test_token_errors(erp: ErpClient) -> None:
    wrong = await erp.ask_token(client_secret="wrong")
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    grant = await erp.ask_token(grant_type="password")
    assert (grant.status_code, grant.json()["error"]) == (400, "unsupported_grant_type")
    erp.about["realm"] = "elsewhere"
    realm = await erp.ask_token()
    assert (realm.status_code, realm.json()) == (404, {"error": "Realm does not exist"})


async def test_changed_secret(erp: ErpClient) -> None:
    await erp.control("set", {"ifs": {"client_secret": "rotated"}})
    assert (await erp.ask_token()).status_code == 401
    assert (await erp.ask_token(client_secret="rotated")).status_code == 200


async def test_metadata_of_every_projection(erp: ErpClient) -> None:
    catalogue = await erp.value("AllProjections.svc/Projections")
    assert sorted(row["ProjectionName"] for row in catalogue) == sorted(SERVED)
    for name in SERVED:
        answer = await erp.get(f"{name}.svc/$metadata")
        assert answer.headers["content-type"] == "application/xml"
        schema = ET.fromstring(answer.text).find(f".//{EDM}Schema")
        assert schema is not None
        assert schema.attrib["Namespace"] == f"IfsApp.{name}"
        first = schema.find(f"{EDM}EntityType")
        assert first is not None
        properties = [prop.attrib["Name"] for prop in first.findall(f"{EDM}Property")]
        assert properties[:3] == ["luname", "keyref", "Objgrants"]
        document = (await erp.get(f"{name}.svc/")).json()
        sets = {entry["name"] for entry in document["value"]}
        container = schema.find(f"{EDM}EntityContainer")
        assert container is not None
        assert {entry.attrib["Name"] for entry in container.findall(f"{EDM}EntitySet")} <= sets


async def test_metadata_names_what_an_order_needs(erp: ErpClient) -> None:
    text = (await erp.get("CustomerOrderHandling.svc/$metadata")).text
    schema = ET.fromstring(text).find(f".//{EDM}Schema")
    assert schema is not None
    entities = {entity.attrib["Name"]: entity for entity in schema.findall(f"{EDM}EntityType")}

    def names(entity: str, kind: str) -> set[str]:
        return {item.attrib["Name"] for item in entities[entity].findall(f"{EDM}{kind}")}

    assert {*HEADER, "TotalGrossInclChrgCurr", "Objstate"} <= names("CustomerOrder", "Property")
    assert len(names("CustomerOrder", "Property")) > 130
    assert len(names("CustomerOrderLine", "Property")) > 240
    assert {"OrderLinesArray", "CustomerOrderChargeArray", "CustomerOrderAddresses"} == names(
        "CustomerOrder", "NavigationProperty"
    )
    actions = {action.attrib["Name"] for action in schema.findall(f"{EDM}Action")}
    assert {"CustomerOrder_SetReleased", "CustomerOrder_SetCancelled"} <= actions
    enums = {enum.attrib["Name"] for enum in schema.findall(f"{EDM}EnumType")}
    assert "CustomerOrderState" in enums


async def error(erp: ErpClient, path: str, **params: Any) -> tuple[int, str]:
    answer = await erp.get(path, **params)
    body = answer.json()["error"]
    return answer.status_code, body["details"][0]["message"] if "details" in body else body["code"]


async def test_strict_queries(erp: ErpClient) -> None:
    status, text = await error(erp, ORDERS, filter="NotAColumn eq 'x'")
    assert status == 400
    assert text == (
        "The property 'NotAColumn', used in a query expression, is not defined in type "
        "'IfsApp.CustomerOrdersHandling.CustomerOrder'."
    )
    for params in (
        {"filter": "Objstate eq 'Released'"},
        {"filter": "OrderNo eq 5"},
        {"filter": "OrderNo eq"},
        {"filter": "OrderNo"},
        {"filter": "Objstate eq IfsApp.Elsewhere.CustomerOrderState'Released'"},
        {"filter": "Objstate eq IfsApp.CustomerOrdersHandling.CustomerOrderState'Nonsense'"},
        {"select": "Nope"},
        {"orderby": "Nope"},
        {"top": "many"},
        {"nonsense": "1"},
    ):
        assert (await error(erp, ORDERS, **params))[0] == 400, params
    for params in ({"expand": "OrderLinesArray"}, {"apply": "aggregate"}, {"filter": "round(Priority) eq 1"}):
        path = "CustomerOrderHandling.svc/CustomerOrderSet"
        assert await error(erp, path, **params) == (501, "ODP_NOT_IMPLEMENTED"), params
    assert (await erp.get("CustomerOrderHandling.svc/NoSuchSet")).status_code == 404


async def test_filters_find(erp: ErpClient) -> None:
    first = await erp.order(CustomerPoNo="BC-1")
    await erp.order(CustomerPoNo="BC-'2'", CustomerNo="C1002")

    async def found(text: str) -> list[str]:
        return [row["CustomerPoNo"] for row in await erp.value(ORDERS, filter=text)]

    state = "IfsApp.CustomerOrdersHandling.CustomerOrderState"
    assert await found("CustomerPoNo eq 'BC-1'") == ["BC-1"]
    assert await found("CustomerPoNo eq 'BC-''2'''") == ["BC-'2'"]
    assert await found("CustomerPoNo eq 'BC-1' and Contract eq '100'") == ["BC-1"]
    assert await found(f"Objstate ne {state}'Cancelled' and CustomerNo eq 'C1002'") == ["BC-'2'"]
    assert await found("((startswith(tolower(CustomerPoNo),'bc-1')))") == ["BC-1"]
    assert await found("CustomerNo in ('C1001')") == ["BC-1"]
    assert len(await found("CustomerNo in ('C1001','C1002')")) == 2
    assert await found("not (CustomerPoNo eq 'BC-1')") == ["BC-'2'"]
    assert await found("NoteText ne null") == []
    assert len(await found("UsePriceInclTax eq false")) == 2
    assert len(await found("WantedDeliveryDate ge 2026-01-01T00:00:00Z")) == 2
    assert len(await found("WantedDeliveryDate lt 2026-01-01")) == 0
    assert await found("AllowedOperations eq 'x'") == []
    assert await found("PreAccountingId gt 0 and TotalNetBase add 1 eq 1 and contains(CustomerPoNo,'-1')") == ["BC-1"]
    assert first == "P10001"


async def test_email_lookup(erp: ErpClient) -> None:
    async def ids(email: str) -> list[str]:
        rows = await erp.value("CustomersHandling.svc/CustomerInfoSet", filter=f"tolower(Cf_Email) eq '{email}'")
        return [row["CustomerId"] for row in rows]

    assert await ids("ada.lovelace@example.com") == ["C1001"]
    assert await ids("purchasing@example.org") == ["C1101", "C1102"]
    assert await ids("hypatia@example.net") == []


async def test_select_keeps_key_and_etag(erp: ErpClient) -> None:
    (row, *_) = await erp.value(PARTS, select="CatalogDesc,TaxCode", top=1)
    assert set(row) == {"@odata.etag", "Contract", "CatalogNo", "CatalogDesc", "TaxCode"}


async def test_pages_are_cut_and_continued(erp: ErpClient) -> None:
    await erp.control("set", {"ifs": {"page_size": 7}})
    answer = await erp.get(PARTS, orderby="CatalogNo desc", count="true")
    body = answer.json()
    assert (len(body["value"]), body["@odata.count"]) == (7, 40)
    rows, links = body["value"], []
    while "@odata.nextLink" in body:
        link = body["@odata.nextLink"]
        links.append(link)
        path = link.removeprefix(erp.projections).removeprefix("SalesPartHandling.svc/")
        body = (await erp.get(f"SalesPartHandling.svc/{path}")).json()
        rows += body["value"]
    numbers = [row["CatalogNo"] for row in rows]
    assert len(numbers) == 40
    assert numbers == sorted(numbers, reverse=True)
    assert {link.startswith("http") for link in links} == {True, False}
    assert all("$skiptoken" in link for link in links)


async def test_pages_without_links_go_on_with_skip(erp: ErpClient) -> None:
    await erp.control("set", {"ifs": {"page_size": 30, "next_links": False}})
    body = (await erp.get(PARTS, top=1000)).json()
    assert (len(body["value"]), "@odata.nextLink" in body) == (30, False)
    assert len(await erp.value(PARTS, skip=30)) == 10


async def test_top_counts_over_pages(erp: ErpClient) -> None:
    await erp.control("set", {"ifs": {"page_size": 7}})
    body = (await erp.get(PARTS, top=10)).json()
    assert len(body["value"]) == 7
    link = body["@odata.nextLink"].removeprefix(erp.projections).removeprefix("SalesPartHandling.svc/")
    rest = (await erp.get(f"SalesPartHandling.svc/{link}")).json()
    assert (len(rest["value"]), "@odata.nextLink" in rest) == (3, False)


async def test_keys_and_counts(erp: ErpClient) -> None:
    number = await erp.order()
    await erp.line(number)
    line = f"{erp.order_path(number)}/OrderLinesArray(OrderNo='{number}',LineNo='1',RelNo='1',LineItemNo=0)"
    assert (await erp.get(line)).status_code == 200
    assert (await erp.get(line.replace("LineNo='1'", "LineNo=1"))).status_code == 400
    assert (await erp.get(line.replace("LineNo='1'", "LineNo='9'"))).status_code == 404
    assert (await erp.get(f"CustomerOrderHandling.svc/CustomerOrderSet('{number}')")).status_code == 200
    assert (await erp.get(erp.order_path("P0"))).status_code == 404
    assert (await erp.get(f"{erp.order_path(number)}/OrderLinesArray/$count")).text == "1"


async def test_etag_is_weak_and_opaque(erp: ErpClient) -> None:
    row = await erp.header(await erp.order())
    tag = row["@odata.etag"]
    assert tag.startswith('W/"')
    assert base64.b64decode(tag[3:-1]).decode().startswith('W/"')


async def test_strict_bodies(erp: ErpClient) -> None:
    path = "CustomerOrderHandling.svc/CustomerOrderSet"
    for wrong in (
        {"Nope": 1},
        {"CustomerNo": 5},
        {"UsePriceInclTax": "TRUE"},
        {"WantedDeliveryDate": "2026-12-01T00:00:00.5Z"},
        {"WantedDeliveryDate": "2026-13-01T00:00:00Z"},
        {"Priority": "1"},
        {"Objstate": "Nonsense"},
    ):
        answer = await erp.call("POST", path, {**HEADER, **wrong})
        assert answer.status_code == 400, wrong
        assert answer.json()["error"]["message"] == "Malformed Request."
    long = await erp.call("POST", path, {**HEADER, "CustomerPoNo": "x" * 51})
    assert "ORA-20126" in long.json()["error"]["details"][0]["message"]


async def test_permissions(erp: ErpClient) -> None:
    await erp.control("set", {"ifs": {"revoke_grants": ["SalesPartHandling"]}})
    denied = await erp.get(PARTS)
    assert (denied.status_code, denied.text) == (403, "Insufficient privileges.")
    assert (await erp.get("SalesPartHandling.svc/$metadata")).status_code == 200
    await erp.control("set", {"ifs": {"revoke_grants": [], "hidden_projections": ["SalesPartHandling"]}})
    hidden = await erp.get(PARTS)
    assert (hidden.status_code, hidden.json()["error"]["code"]) == (404, "MI_METADATA_NOTFOUND")
    assert (await erp.get("NoSuchProjection.svc/X")).json()["error"]["code"] == "MI_METADATA_NOTFOUND"


async def test_row_security_looks_like_no_data(erp: ErpClient) -> None:
    number = await erp.order()
    await erp.control("set", {"ifs": {"allowed_sites": []}})
    assert await erp.value(ORDERS) == []
    assert (await erp.get(erp.order_path(number))).status_code == 404
    refused = await erp.call("POST", "CustomerOrderHandling.svc/CustomerOrderSet", HEADER)
    assert "ORA-20118" in refused.text


async def test_other_layers_do_not_answer(erp: ErpClient) -> None:
    headers = {"Authorization": f"Bearer {erp.token}"}
    url = f"{erp.url}/int/ifsapplications/projection/v1/{PARTS}"
    assert (await erp.http.get(url, headers=headers)).status_code == 404


async def test_list_pages_cannot_be_written_to(erp: ErpClient) -> None:
    assert (await erp.call("POST", ORDERS, HEADER)).status_code == 405
    assert (await erp.call("POST", "VoucherRowsAnalysis.svc/VoucherRowSet", {})).status_code == 405
    number = await erp.order()
    path = f"{ORDERS}(OrderNo='{number}')"
    assert (await erp.call("PATCH", path, {"NoteText": "x"})).status_code == 405
