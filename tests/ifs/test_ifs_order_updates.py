"""Changes of a customer order that exists: quantities, lines, its text, cancellation; and orders read by day."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from bcifs_console.base.problems import ConfigurationProblem
from bcifs_console.ifs import errors
from bcifs_console.ifs.client import IfsClient
from bcifs_console.ifs.payloads import noted
from bcifs_console.ifs.profile import IfMatch, Profile
from bcifs_console.ifs.records import OrderHead, OrderLineRow
from bcifs_console.ifs.wire import loads

if TYPE_CHECKING:
    from tests.ifs.conftest import FakeIfs, MakeClient

ROOT = "/main/ifsapplications/projection/v1"
ORDER = f"{ROOT}/CustomerOrderHandling.svc/CustomerOrderSet(OrderNo='C1')"
LINE = f"{ORDER}/OrderLinesArray(OrderNo='C1',LineNo='1',RelNo='1',LineItemNo=0)"
ETAG = 'W/"Vy8iQUFD"'
ROW = OrderLineRow("C1", "1", "1", 0, "17", "MUG-01", Decimal(3), None, None, None, etag=ETAG, state="Released")
HEAD = OrderHead("C1", ETAG, "Released", "C1000", "BC-5001", "100", "USD", Decimal(70), None, None)


def ok(body: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


def sent(fake: "FakeIfs", index: int = 0) -> dict[str, Any]:
    body = loads(fake.requests[index].content)
    assert isinstance(body, dict)
    return body


def changed() -> httpx.Response:
    text = "ORA-20114: CustomerOrderLine.FND_RECORD_MODIFIED: Changed."
    return ok({"error": {"code": "DATABASE_ERROR", "message": "x", "details": [{"message": text}]}}, 500)


# lines


async def test_lines_are_read_with_what_a_change_needs(client: IfsClient, fake: "FakeIfs") -> None:
    row = {"@odata.etag": ETAG, "OrderNo": "C1", "LineNo": "1", "RelNo": "1", "LineItemNo": 0, "Objstate": "Cancelled"}
    fake.script(ok({"value": [row]}))
    (read,) = await client.lines("C1")
    assert (read.etag, read.state) == (ETAG, "Cancelled")
    assert read.state in client.profile.order.cancelled_states


async def test_a_quantity_is_changed_in_every_quantity_field_with_if_match(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(ok({}), httpx.Response(204))
    await client.change_line_quantity("C1", ROW, Decimal("2.00"))
    await client.change_line_quantity("C1", ROW, Decimal("1.5"))
    first = fake.requests[0]
    assert (first.method, first.url.path, first.headers["if-match"]) == ("PATCH", LINE, ETAG)
    assert first.content == b'{"BuyQtyDue":2,"DesiredQty":2}'
    assert sent(fake, 1) == {"BuyQtyDue": Decimal("1.5"), "DesiredQty": Decimal("1.5")}


@pytest.mark.parametrize("answer", [httpx.Response(412), httpx.Response(428), changed()])
async def test_a_line_changed_meanwhile_is_a_conflict(
    client: IfsClient, fake: "FakeIfs", answer: httpx.Response
) -> None:
    fake.script(answer)
    with pytest.raises(errors.Conflict):
        await client.change_line_quantity("C1", ROW, Decimal(2))


async def test_a_line_from_the_ledger_has_no_etag_and_is_not_changed_blindly(client: IfsClient) -> None:
    with pytest.raises(errors.Conflict, match="not sent"):
        await client.change_line_quantity("C1", replace(ROW, etag=""), Decimal(2))


async def test_a_profile_may_overwrite_whatever_stands_there(
    make_client: "MakeClient", profile: Profile, fake: "FakeIfs"
) -> None:
    fake.script(httpx.Response(204), httpx.Response(204))
    await make_client(profile=replace(profile, if_match=IfMatch.STAR)).change_line_quantity("C1", ROW, Decimal(2))
    optional = make_client(profile=replace(profile, if_match=IfMatch.OPTIONAL))
    await optional.change_line_quantity("C1", replace(ROW, etag=""), Decimal(2))
    assert fake.requests[0].headers["if-match"] == "*"
    assert "if-match" not in fake.requests[1].headers


async def test_a_change_without_an_answer_is_unknown(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(httpx.ReadTimeout("slow"))
    with pytest.raises(errors.OutcomeUnknown):
        await client.change_line_quantity("C1", ROW, Decimal(2))


async def test_a_line_is_cancelled_by_its_action_for_the_profiles_reason(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(httpx.Response(204))
    await client.cancel_line("C1", ROW)
    request = fake.requests[0]
    assert (request.method, request.headers["if-match"]) == ("POST", ETAG)
    assert request.url.path == f"{LINE}/IfsApp.CustomerOrderHandling.CustomerOrderLine_SetCancelled"
    assert sent(fake) == {"CancelReason": "WEB"}


async def test_without_an_action_no_line_is_cancelled(make_client: "MakeClient", profile: Profile) -> None:
    bare = make_client(profile=replace(profile, line=replace(profile.line, cancel_action="")))
    with pytest.raises(ConfigurationProblem, match=r"line\.cancel_action"):
        await bare.cancel_line("C1", ROW)


# the order


async def test_an_order_is_cancelled_for_the_profiles_reason_if_its_action_takes_one(
    make_client: "MakeClient", profile: Profile, fake: "FakeIfs"
) -> None:
    fake.script(httpx.Response(204), httpx.Response(204))
    await make_client().cancel_order(HEAD)
    without = replace(profile, order=replace(profile.order, cancel_reason_parameter=""))
    await make_client(profile=without).cancel_order(HEAD)
    assert fake.requests[0].url.path == f"{ORDER}/IfsApp.CustomerOrderHandling.CustomerOrder_SetCancelled"
    assert fake.requests[0].headers["if-match"] == ETAG
    assert [sent(fake), sent(fake, 1)] == [{"CancelReason": "WEB"}, {}]


async def test_a_note_keeps_what_stands_there_and_goes_out_with_the_etag_it_was_read_with(
    client: IfsClient, fake: "FakeIfs"
) -> None:
    fresh = 'W/"fresh"'
    fake.script(ok({"@odata.etag": fresh, "OrderNo": "C1", "NoteText": "Ring twice"}), httpx.Response(204))
    await client.note_on_order(HEAD, "61: UPS 1Z999\n62: UPS 1Z998")
    read, written = fake.requests
    assert (read.method, read.url.path, written.method, written.url.path) == ("GET", ORDER, "PATCH", ORDER)
    assert written.headers["if-match"] == fresh
    assert sent(fake, 1) == {"NoteText": "Ring twice\n\nShipped:\n61: UPS 1Z999\n62: UPS 1Z998"}


async def test_a_note_that_stands_there_already_is_not_sent(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(ok({"@odata.etag": ETAG, "OrderNo": "C1", "NoteText": "Shipped:\n61: UPS 1Z999"}))
    await client.note_on_order(HEAD, "61: UPS 1Z999")
    assert [request.method for request in fake.requests] == ["GET"]


async def test_a_note_on_an_order_changed_meanwhile_is_a_conflict(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(ok({"@odata.etag": ETAG, "OrderNo": "C1"}), httpx.Response(412))
    with pytest.raises(errors.Conflict):
        await client.note_on_order(HEAD, "61: UPS 1Z999")


async def test_without_a_property_for_it_no_note_is_written(make_client: "MakeClient", profile: Profile) -> None:
    bare = make_client(profile=replace(profile, order=replace(profile.order, tracking="")))
    with pytest.raises(ConfigurationProblem, match=r"order\.tracking"):
        await bare.note_on_order(HEAD, "61")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "Shipped:\nnew"),
        ("Ring twice", "Ring twice\n\nShipped:\nnew"),
        ("Ring twice\n\nShipped:\nold\nolder", "Ring twice\n\nShipped:\nnew"),
        ("Shipped:\nold\n\nAdded by hand", "Added by hand\n\nShipped:\nnew"),
        ("One\r\nTwo\r\n\r\nShipped:\r\nold", "One\nTwo\n\nShipped:\nnew"),
        ("Not yet Shipped: wait", "Not yet Shipped: wait\n\nShipped:\nnew"),
    ],
)
def test_only_our_part_of_the_text_is_replaced(client: IfsClient, before: str, after: str) -> None:
    assert noted(before, "new\n\n", client.setting) == after
    assert noted(after, "new", client.setting) == after


@pytest.mark.parametrize(("before", "is_cut"), [("x" * 1900, True), ("x" * 1999, False), ("x" * 2000, False)])
def test_where_the_text_gets_too_long_our_part_gives_way(client: IfsClient, before: str, is_cut: bool) -> None:
    after = noted(before, "tracking " * 30, client.setting)
    assert len(after) <= 2000
    assert after.startswith(before)
    assert after.endswith("…") == is_cut


# orders by day


async def test_orders_of_some_days_are_read_by_site_prefix_and_the_sites_days(
    make_client: "MakeClient", fake: "FakeIfs"
) -> None:
    row = {"OrderNo": "C1", "Objstate": "Cancelled", "CustomerPoNo": "BC-5001", "TotalGrossInclChrgCurr": 69.84}
    fake.script(ok({"value": [{**row, "DateEntered": "2026-11-30T23:59:59Z", "CurrencyCode": "USD"}]}))
    client = make_client(time_zone="America/Chicago")
    (head,) = await client.orders_between(date(2026, 11, 1), date(2026, 11, 30), "100", "O'B-")
    assert (head.reference, head.state, head.gross, head.entered_on) == (
        "BC-5001",
        "Cancelled",
        Decimal("69.84"),
        date(2026, 11, 30),
    )
    url = fake.requests[0].url
    assert url.path == f"{ROOT}/CustomerOrdersHandling.svc/CustomerOrderSet"
    assert url.params["$filter"] == (
        "Contract eq '100' and startswith(CustomerPoNo,'O''B-') and DateEntered ge 2026-11-01T00:00:00Z "
        "and DateEntered lt 2026-12-01T00:00:00Z"
    )
    assert "DateEntered" in url.params["$select"].split(",")


async def test_with_the_time_zone_header_the_sites_days_are_asked_for_in_utc(
    make_client: "MakeClient", profile: Profile, fake: "FakeIfs"
) -> None:
    fake.script(ok({"value": [{"OrderNo": "C1", "DateEntered": "2026-12-01T05:59:59Z"}, {"OrderNo": "C2"}]}))
    client = make_client(profile=replace(profile, tz_aware_header=True), time_zone="America/Chicago")
    first, second = await client.orders_between(date(2026, 11, 30), date(2026, 11, 30), "100", "BC-")
    assert (first.entered_on, second.entered_on) == (date(2026, 11, 30), None)
    asked = fake.requests[0].url.params["$filter"]
    assert "DateEntered ge 2026-11-30T06:00:00Z and DateEntered lt 2026-12-01T06:00:00Z" in asked


async def test_many_orders_are_read_page_by_page(make_client: "MakeClient", profile: Profile, fake: "FakeIfs") -> None:
    rows = [{"OrderNo": f"C{number}"} for number in range(60)]
    fake.script(*(ok({"value": rows[start : start + 25]}) for start in (0, 25, 50)))
    client = make_client(profile=replace(profile, page_size=25))
    assert len(await client.orders_between(date(2026, 11, 1), date(2026, 11, 30), "100", "BC-")) == 60
    assert [request.url.params.get("$skip") for request in fake.requests] == [None, "25", "50"]
