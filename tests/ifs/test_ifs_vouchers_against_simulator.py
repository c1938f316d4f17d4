"""Vouchers, order updates and the reads for reconciliation against the simulated IFS over real HTTP."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from bcifs_console.base.clock import SystemClock
from bcifs_console.base.secret import Secret
from bcifs_console.domain.connections import IfsAccess
from bcifs_console.domain.documents import CustomerOrderDraft, LineDraft, TaxTreatment
from bcifs_console.domain.money import NO_OVERRIDES
from bcifs_console.domain.rules import VoucherTransport
from bcifs_console.domain.vouchers import Rate, VoucherDraft, VoucherKind
from bcifs_console.ifs import errors
from bcifs_console.ifs.checks import Verdict, check
from bcifs_console.ifs.client import IfsClient
from bcifs_console.ifs.profile import load_profile
from bcifs_console.ifs.records import OrderHead, OrderLineRow
from bcifs_console.ifs.voucher_differences import matching_rows, voucher_differences
from bcifs_console.ifs.voucher_records import PeriodStatus, VoucherHead
from bcifs_console.simulator import Simulator, SimulatorOptions
from tests.ifs.conftest import booking


class Ifs:
    """The running simulator: its address and its knobs."""

    def __init__(self, announced: dict[str, Any]) -> None:
        names = ("base_url", "realm", "client_id", "company", "site")
        self.access = IfsAccess(
            client_secret=Secret(announced["client_secret"]), **{name: announced[name] for name in names}
        )

    async def set(self, **knobs: object) -> None:
        await self._post("set", {"ifs": knobs})

    async def fault(self, match: str, do: str) -> None:
        await self._post("faults", {"script": [{"side": "ifs", "match": match, "nth": 1, "times": 1, "do": do}]})

    async def _post(self, name: str, body: object) -> None:
        async with httpx.AsyncClient(trust_env=False) as http:
            (await http.post(f"{self.access.base_url}/_sim/{name}", json=body)).raise_for_status()


@pytest.fixture
async def ifs() -> AsyncIterator[Ifs]:
    async with Simulator(SimulatorOptions()) as simulator:
        yield Ifs(simulator.announcement()["ifs"])


@pytest.fixture
async def client(ifs: Ifs) -> AsyncIterator[IfsClient]:
    async with IfsClient(ifs.access, load_profile("default"), clock=SystemClock(), deadline_s=10) as made:
        yield made


@pytest.fixture
async def today(client: IfsClient) -> date:
    """The simulator's own day: IFS enters orders by it."""
    head = await client.create_order(order_draft("BC-TODAY", "MUG"))
    (found,) = await client.orders_between(date(2000, 1, 1), date(2090, 1, 1), "100", head.reference)
    assert found.entered_on is not None
    return found.entered_on


def order_draft(key: str, part: str) -> CustomerOrderDraft:
    line = LineDraft(
        order_line_id=17,
        catalog_no=part,
        description="Mug",
        quantity=Decimal(3),
        unit_price_ex_tax=Decimal(10),
        unit_price_inc_tax=Decimal(10),
        net=Decimal(30),
        gross=Decimal(30),
        tax=TaxTreatment(),
    )
    return CustomerOrderDraft(
        key=key,
        order_id=5001,
        customer_id="WEBSHOP",
        contract="100",
        currency="USD",
        placed_at=datetime(2026, 12, 1, tzinfo=UTC),
        price_includes_tax=False,
        lines=(line, replace(line, order_line_id=18)),
        charges=(),
        total_inc_tax=Decimal(60),
        total_tax=Decimal(0),
        ship_to=None,
        note="Ring twice",
    )


@pytest.fixture
def draft(today: date) -> VoucherDraft:
    return VoucherDraft(
        key="BC-5001/SHIP/61",
        order_id=5001,
        voucher_kind=VoucherKind.SHIPMENT,
        fact="shipment 61",
        at=datetime.combine(today, datetime.min.time(), UTC),
        day=today,
        currency="EUR",
        rows=(
            booking("2420", "108.00", "118.80", text="Shipment 61"),
            booking("4000", "-50.00", "-55.00", code_parts=(("B", "100"), ("C", "WEB"))),
            booking("4000", "-50.00", "-55.00", code_parts=(("B", "100"), ("C", "WEB"))),
            booking("2610", "-8.00", "-8.80", text="Tax; 8 %"),
        ),
        rate=Rate(Decimal("1.1"), "USD"),
        text="Order 5001",
    )


async def post(client: IfsClient, draft: VoucherDraft, day: date | None = None) -> VoucherHead:
    """The whole of a voucher; answers with its head as confirmed."""
    head = await client.create_voucher(draft, day or draft.day)
    for row in draft.rows:
        await client.add_voucher_row(head, draft, row)
    await client.confirm_voucher(await client.voucher(head.reference))
    return await client.voucher(head.reference)


@pytest.mark.parametrize("is_204", [False, True])
async def test_a_voucher_is_made_confirmed_and_read_back_as_drafted(
    ifs: Ifs, client: IfsClient, draft: VoucherDraft, is_204: bool
) -> None:
    await ifs.set(post_204=is_204)
    assert await client.find_vouchers(draft.key, draft.day) == []
    head = await post(client, draft)
    assert (head.state, head.is_confirmed, head.text, head.day) == ("Confirmed", True, draft.key, draft.day)
    rows = await client.voucher_rows(head)
    assert voucher_differences(draft, head, rows, client.profile) == ()
    assert [row.row_no for row in rows] == [1, 2, 3, 4]
    assert await client.find_vouchers(draft.key, draft.day) == [head]
    assert await client.find_vouchers(draft.key, draft.day + timedelta(days=1)) == []


async def test_a_half_made_voucher_is_completed_where_it_stopped(client: IfsClient, draft: VoucherDraft) -> None:
    made = await client.create_voucher(draft, draft.day)
    await client.add_voucher_row(made, draft, draft.rows[1])
    (head,) = await client.find_vouchers(draft.key, draft.day)
    match = matching_rows(draft, head, await client.voucher_rows(head), client.profile)
    assert match.missing == (0, 2, 3)
    for index in match.missing:
        await client.add_voucher_row(head, draft, draft.rows[index])
    await client.confirm_voucher(await client.voucher(head.reference))
    done = await client.voucher(head.reference)
    assert voucher_differences(draft, done, await client.voucher_rows(done), client.profile) == ()


async def test_an_answer_lost_after_the_commit_is_unknown_and_found_by_looking(
    ifs: Ifs, client: IfsClient, draft: VoucherDraft
) -> None:
    await ifs.fault("POST .*VoucherSet$", "drop_after_commit")
    with pytest.raises(errors.OutcomeUnknown):
        await client.create_voucher(draft, draft.day)
    assert len(await client.find_vouchers(draft.key, draft.day)) == 1


async def test_a_source_without_a_grant_leaves_the_look_up_open(
    ifs: Ifs, client: IfsClient, draft: VoucherDraft
) -> None:
    await ifs.set(revoke_grants=["VoucherRowsAnalysis"])
    with pytest.raises(errors.LookupIncomplete, match="VoucherRowsAnalysis"):
        await client.find_vouchers(draft.key, draft.day)


async def test_a_row_moves_the_etag_so_confirming_with_the_old_one_is_a_conflict(
    client: IfsClient, draft: VoucherDraft
) -> None:
    head = await client.create_voucher(draft, draft.day)
    await client.add_voucher_row(head, draft, draft.rows[0])
    with pytest.raises(errors.Conflict):
        await client.confirm_voucher(head)


async def test_what_is_off_balance_is_refused_and_that_is_no_closed_period(
    client: IfsClient, draft: VoucherDraft
) -> None:
    head = await client.create_voucher(draft, draft.day)
    for row in draft.rows[:2]:
        await client.add_voucher_row(head, draft, row)
    with pytest.raises(errors.BusinessRule) as caught:
        await client.confirm_voucher(await client.voucher(head.reference))
    assert await client.voucher_refusal(caught.value, draft.day) is caught.value


async def test_an_account_that_ifs_does_not_know_is_named(client: IfsClient, draft: VoucherDraft) -> None:
    head = await client.create_voucher(draft, draft.day)
    with pytest.raises(errors.MissingMasterData) as caught:
        await client.add_voucher_row(head, draft, replace(draft.rows[0], account="1"))
    assert caught.value.token == "Account.FND_RECORD_NOT_EXIST"


async def test_a_closed_period_is_told_by_ifs_and_the_next_open_day_takes_the_voucher(
    client: IfsClient, draft: VoucherDraft
) -> None:
    old = replace(draft, day=date(draft.day.year - 1, 1, 15))
    with pytest.raises(errors.BusinessRule) as caught:
        await client.create_voucher(old, old.day)
    why = await client.voucher_refusal(caught.value, old.day)
    assert isinstance(why, errors.PeriodClosed)
    assert await client.period_status(draft.day) is PeriodStatus.OPEN
    assert await client.period_status(date(1999, 1, 1)) is PeriodStatus.UNKNOWN
    day = await client.next_open_day(old.day)
    assert day is not None
    assert (day.day, old.day < day <= draft.day) == (1, True)
    head = await post(client, old, day)
    rows = await client.voucher_rows(head)
    assert voucher_differences(old, head, rows, client.profile) == ()
    assert rows[0].text == f"Shipment 61 ({old.day.isoformat()})"
    assert await client.find_vouchers(old.key, old.day) == [head]


async def test_rates_come_with_the_companys_currency(client: IfsClient, today: date) -> None:
    eur, usd, jpy = [await client.currency_rate(code, today, NO_OVERRIDES) for code in ("EUR", "USD", "JPY")]
    assert eur is not None
    assert usd is not None
    assert jpy is not None
    assert (eur.accounting_currency, eur.accounting_unit) == ("USD", Decimal("0.01"))
    assert usd.is_one("USD")
    assert jpy.factor == 100
    before = await client.currency_rate("EUR", today - timedelta(days=200), NO_OVERRIDES)
    assert before is not None
    assert before.rate < eur.rate
    assert await client.currency_rate("XXX", today, NO_OVERRIDES) is None


@pytest.mark.parametrize("next_links", [True, False])
async def test_the_vouchers_of_some_days_are_read_whole(
    ifs: Ifs, client: IfsClient, draft: VoucherDraft, next_links: bool
) -> None:
    await ifs.set(page_size=21, next_links=next_links)
    for number in range(6):
        await post(client, replace(draft, key=f"BC-5001/PAY/{number}"))
    unfinished = await client.create_voucher(replace(draft, key="BC-5001/PAY/9"), draft.day)
    found = await client.vouchers_between(draft.day, draft.day)
    assert [voucher.key for voucher in found] == [*(f"BC-5001/PAY/{number}" for number in range(6)), "BC-5001/PAY/9"]
    assert {sum(row.amount for row in voucher.rows) for voucher in found} == {0}
    assert {sum(row.accounting_debit for row in voucher.rows) for voucher in found[:6]} == {Decimal("118.80")}
    assert {(voucher.state, len(voucher.rows)) for voucher in found[:6]} == {("Confirmed", 4)}
    assert (found[6].reference, found[6].state, found[6].rows) == (unfinished.reference, "AwaitingApproval", ())
    assert await client.vouchers_between(draft.day + timedelta(days=1), draft.day + timedelta(days=9)) == []


async def test_the_default_profile_fits_vouchers_by_rest(client: IfsClient) -> None:
    results = await check(client, voucher_transport=VoucherTransport.REST)
    assert [result for result in results if result.verdict is not Verdict.OK] == []
    assert "ifs: VoucherHandling/VoucherSet.Voucher_Confirm" in {result.check for result in results}


# changes of orders


async def released(client: IfsClient, key: str = "BC-5001") -> OrderHead:
    url = client.odata.url("SalesPartHandling", "SalesPartSet")
    page = await client.odata.get("parts", url, {"$filter": "CatalogType eq 'InventoryPart'", "$top": "1"})
    draft = order_draft(key, page["value"][0]["CatalogNo"])
    order_no = (await client.create_order(draft)).order_no
    for line in draft.lines:
        await client.add_line(order_no, draft, line)
    await client.release(order_no, (await client.order(order_no)).etag)
    return await client.order(order_no)


async def lines(client: IfsClient, head: OrderHead) -> list[OrderLineRow]:
    return await client.lines(head.order_no)


async def test_a_line_is_lowered_and_another_cancelled_and_the_total_follows(client: IfsClient) -> None:
    head = await released(client)
    first, second = await lines(client, head)
    await client.change_line_quantity(head.order_no, first, Decimal(2))
    await client.cancel_line(head.order_no, second)
    lowered, cancelled = await lines(client, head)
    assert (lowered.quantity, lowered.state) == (Decimal(2), "Released")
    assert cancelled.state in client.profile.order.cancelled_states
    assert (await client.order(head.order_no)).gross == Decimal(20)
    with pytest.raises(errors.Conflict):
        await client.change_line_quantity(head.order_no, first, Decimal(1))


async def test_tracking_stands_beneath_the_shops_note(client: IfsClient) -> None:
    head = await released(client)
    await client.note_on_order(head, "61: UPS 1Z999")
    await client.note_on_order(head, "61: UPS 1Z999\n62: UPS 1Z998")
    url = client.odata.url("CustomerOrderHandling", f"CustomerOrderSet(OrderNo='{head.order_no}')")
    record = await client.odata.get("note", url)
    assert record["NoteText"] == "Ring twice\n\nShipped:\n61: UPS 1Z999\n62: UPS 1Z998"


async def test_an_order_is_cancelled_and_still_read_by_its_day(client: IfsClient) -> None:
    head = await released(client)
    with pytest.raises(errors.Conflict):
        await client.cancel_order(replace(head, etag='W/"c3RhbGU="'))
    await client.cancel_order(head)
    await released(client, "BC-5002")
    await client.create_order(order_draft("OTHER-1", "x"))
    found = await client.orders_between(date(2000, 1, 1), date(2090, 1, 1), "100", "BC-")
    assert [(order.reference, order.state) for order in found] == [("BC-5001", "Cancelled"), ("BC-5002", "Released")]
    assert found[1].gross == Decimal(60)
    assert await client.orders_between(date(2000, 1, 1), date(2000, 1, 2), "100", "BC-") == []
