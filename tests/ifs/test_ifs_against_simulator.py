"""The client against the simulated IFS over real HTTP: both ends were written from the facts, sharing no code."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from bcifs_console.base.clock import SystemClock
from bcifs_console.base.secret import Secret
from bcifs_console.domain.connections import IfsAccess
from bcifs_console.domain.documents import ChargeDraft, CustomerDraft, CustomerOrderDraft, LineDraft, TaxTreatment
from bcifs_console.domain.orders import Address, ChargeKind
from bcifs_console.ifs import errors
from bcifs_console.ifs.checks import Verdict, check
from bcifs_console.ifs.client import IfsClient
from bcifs_console.ifs.profile import Profile, load_profile
from bcifs_console.ifs.records import OrderHead, PrePosting
from bcifs_console.ifs.wire import loads
from bcifs_console.simulator import Simulator, SimulatorOptions

US = TaxTreatment(code="US825")


class Ifs:
    """The running simulator: how to reach it, its knobs, its truth."""

    def __init__(self, announced: dict[str, Any]) -> None:
        secret = Secret(announced["client_secret"])
        names = ("base_url", "realm", "client_id", "company", "site")
        self.access = IfsAccess(client_secret=secret, **{name: announced[name] for name in names})

    async def set(self, **knobs: object) -> None:
        await self._post("set", {"ifs": knobs})

    async def fault(self, match: str, do: str) -> None:
        await self._post("faults", {"script": [{"side": "ifs", "match": match, "nth": 1, "times": 1, "do": do}]})

    async def _post(self, name: str, body: object) -> None:
        async with httpx.AsyncClient(trust_env=False) as http:
            (await http.post(f"{self.access.base_url}/_sim/{name}", json=body)).raise_for_status()

    async def state(self) -> dict[str, Any]:
        async with httpx.AsyncClient(trust_env=False) as http:
            state = loads((await http.get(f"{self.access.base_url}/_sim/state")).content)
        assert isinstance(state, dict)
        return state

    async def order(self, order_no: str) -> dict[str, Any]:
        orders: list[dict[str, Any]] = (await self.state())["customer_orders"]
        return next(order for order in orders if order["OrderNo"] == order_no)

    def client(self, profile: Profile | None = None, access: IfsAccess | None = None) -> IfsClient:
        return IfsClient(
            access or self.access,
            profile or load_profile("default"),
            clock=SystemClock(),
            deadline_s=10,
            time_zone="America/Chicago",
        )


@pytest.fixture
async def ifs() -> AsyncIterator[Ifs]:
    async with Simulator(SimulatorOptions()) as simulator:
        yield Ifs(simulator.announcement()["ifs"])


@pytest.fixture
async def client(ifs: Ifs) -> AsyncIterator[IfsClient]:
    async with ifs.client() as made:
        yield made


@pytest.fixture
async def parts(ifs: Ifs, client: IfsClient) -> list[str]:
    """Two sales parts of the site."""
    url = client.odata.url("SalesPartHandling", "SalesPartSet")
    page = await client.odata.get("parts", url, {"$filter": "CatalogType eq 'InventoryPart'", "$top": "2"})
    return [row["CatalogNo"] for row in page["value"]]


@pytest.fixture
def draft(parts: list[str]) -> CustomerOrderDraft:
    """Official example (ACCOUNTING §2) in spirit: two lines, freight, a discount; every amount by hand."""
    mug = LineDraft(
        order_line_id=17,
        catalog_no=parts[0],
        description="Mug",
        quantity=Decimal(3),
        unit_price_ex_tax=Decimal("19.9900"),
        unit_price_inc_tax=Decimal("21.6392"),
        net=Decimal("59.97"),
        gross=Decimal("64.92"),
        tax=US,
        account="4020",
        code_parts=(("B", "WEB"), ("C", "RETAIL")),
    )
    tea = replace(
        mug, order_line_id=18, catalog_no=parts[1], quantity=Decimal(1), tax=TaxTreatment(), account="", code_parts=()
    )
    tea = replace(tea, unit_price_ex_tax=Decimal("5.5"), unit_price_inc_tax=Decimal("5.5"))
    freight = ChargeDraft(1, ChargeKind.SHIPPING, "FREIGHT", Decimal("11.09"), Decimal("12.00"), US)
    promo = ChargeDraft(1, ChargeKind.DISCOUNT, "PROMO", Decimal("-9.24"), Decimal("-10.00"), US)
    address = Address(
        first_name="Ann",
        last_name="O'Brien",
        street_1="1 Main Street",
        city="Austin",
        state="Texas",
        zip="78701",
        country_iso2="US",
    )
    return CustomerOrderDraft(
        key="BC-O'5001",
        order_id=5001,
        customer_id="WEBSHOP",
        contract="100",
        currency="USD",
        placed_at=datetime(2026, 12, 1, 3, 30, tzinfo=UTC),
        price_includes_tax=False,
        lines=(mug, tea),
        charges=(freight, promo),
        total_inc_tax=Decimal("72.42"),
        total_tax=Decimal("5.10"),
        ship_to=address,
    )


async def complete(client: IfsClient, draft: CustomerOrderDraft) -> OrderHead:
    """Every call of an order, as the worker makes them."""
    assert await client.orders_by_reference(draft.key, draft.contract) == []
    order_no = (await client.create_order(draft)).order_no
    assert draft.ship_to is not None
    assert not await client.delivery_address(order_no)
    await client.add_delivery_address(order_no, draft.ship_to)
    assert await client.delivery_address(order_no)
    for line in draft.lines:
        row = await client.add_line(order_no, draft, line)
        assert row.key == line.key
        if line.account:
            assert await client.pre_postings(row) == []
            await client.add_pre_posting(await client.begin_pre_posting(row), row, line.account, line.code_parts)
    for charge in draft.charges:
        assert (await client.add_charge(order_no, draft, charge)).key == charge.key
    return await client.order(order_no)


async def test_an_order_with_all_its_parts_is_made_read_back_and_released(
    ifs: Ifs, client: IfsClient, draft: CustomerOrderDraft
) -> None:
    created = await complete(client, draft)
    assert (created.state, created.reference, created.customer_no) == ("Planned", draft.key, "WEBSHOP")
    assert (created.gross, created.tax) == (draft.total_inc_tax, draft.total_tax)
    mug, tea = await client.lines(created.order_no)
    assert (mug.key, mug.quantity, mug.net, mug.gross) == ("17", Decimal(3), Decimal("59.97"), Decimal("64.92"))
    assert (tea.key, tea.net, tea.gross) == ("18", Decimal("5.5"), Decimal("5.5"))
    assert [(c.key, c.amount, c.gross) for c in await client.charges(created.order_no)] == [
        ("FREIGHT#1", Decimal("11.09"), Decimal("12.00")),
        ("PROMO#1", Decimal("-9.24"), Decimal("-10.00")),
    ]
    assert [(p.account, p.code_parts, p.percentage) for p in await client.pre_postings(mug)] == [
        ("4020", (("B", "WEB"), ("C", "RETAIL")), Decimal(100))
    ]
    assert await client.pre_postings(tea) == list[PrePosting]()

    await client.release(created.order_no, created.etag)

    (found,) = await client.orders_by_reference(draft.key, "100")
    assert (found.order_no, found.state) == (created.order_no, "Released")
    assert await client.orders_by_reference(draft.key, "200") == []
    truth = await ifs.order(created.order_no)
    assert truth["WantedDeliveryDate"] == "2026-11-30T21:30:00Z"
    assert truth["address"]["Name"] == "Ann O'Brien"
    assert truth["lines"][0]["Account"] == "4020"
    assert truth["lines"][0]["SaleUnitPrice"] == Decimal("19.99")


async def test_gross_prices_lead_where_the_order_includes_tax(client: IfsClient, draft: CustomerOrderDraft) -> None:
    line = replace(draft.lines[0], quantity=Decimal(2), unit_price_inc_tax=Decimal("21.65"))
    gross = replace(draft, price_includes_tax=True)
    order_no = (await client.create_order(gross)).order_no
    assert (await client.add_line(order_no, gross, line)).gross == Decimal("43.30")


async def test_a_cancelled_order_is_not_found_by_its_reference(client: IfsClient, draft: CustomerOrderDraft) -> None:
    head = await client.create_order(draft)
    await client.cancel(head.order_no, head.etag, "WEB")
    assert await client.orders_by_reference(draft.key, "100") == []
    assert (await client.order(head.order_no)).state == "Cancelled"


async def test_a_stale_etag_is_a_conflict_since_lines_move_it(client: IfsClient, draft: CustomerOrderDraft) -> None:
    head = await client.create_order(draft)
    await client.add_line(head.order_no, draft, draft.lines[0])
    with pytest.raises(errors.Conflict):
        await client.release(head.order_no, head.etag)


async def test_missing_master_data_names_the_record(client: IfsClient, draft: CustomerOrderDraft) -> None:
    head = await client.create_order(draft)
    with pytest.raises(errors.MissingMasterData) as caught:
        await client.add_line(head.order_no, draft, replace(draft.lines[0], catalog_no="NO-SUCH-PART"))
    assert caught.value.token == "SalesPart.FND_RECORD_NOT_EXIST"
    assert "SalesPart" in caught.value.remedy
    assert "ORA-06512" not in str(caught.value)


async def test_a_business_rule_is_told_from_missing_data(client: IfsClient, draft: CustomerOrderDraft) -> None:
    with pytest.raises(errors.BusinessRule, match="not set up to be used in customer orders"):
        await client.create_order(replace(draft, customer_id="C1900"))


async def test_answers_of_204_are_read_back(ifs: Ifs, client: IfsClient, draft: CustomerOrderDraft) -> None:
    await ifs.set(post_204=True)
    assert (await complete(client, draft)).gross == draft.total_inc_tax


async def test_an_answer_lost_after_the_commit_is_unknown_and_found_by_looking(
    ifs: Ifs, client: IfsClient, draft: CustomerOrderDraft
) -> None:
    await ifs.fault("POST .*CustomerOrderSet$", "drop_after_commit")
    with pytest.raises(errors.OutcomeUnknown):
        await client.create_order(draft)
    assert len(await client.orders_by_reference(draft.key, "100")) == 1


async def test_a_gateways_page_in_place_of_an_answer_is_unknown(
    ifs: Ifs, client: IfsClient, draft: CustomerOrderDraft
) -> None:
    await ifs.fault("POST .*CustomerOrderSet$", "html_502")
    with pytest.raises(errors.OutcomeUnknown):
        await client.create_order(draft)
    assert await client.orders_by_reference(draft.key, "100") == []


async def test_a_locked_record_may_be_tried_again(ifs: Ifs, client: IfsClient, draft: CustomerOrderDraft) -> None:
    await ifs.fault("POST .*CustomerOrderSet$", "locked")
    with pytest.raises(errors.Transient):
        await client.create_order(draft)


async def test_revoked_tokens_are_renewed_once_for_all_tasks(ifs: Ifs, client: IfsClient) -> None:
    await client.probe()
    await ifs.set(expire_tokens=True)
    await asyncio.gather(*(client.probe() for _ in range(20)))
    assert (await ifs.state())["tokens"]["issued"] == 2


async def test_a_wrong_secret_is_an_authentication_failure(ifs: Ifs) -> None:
    async with ifs.client(access=replace(ifs.access, client_secret=Secret("wrong"))) as client:
        with pytest.raises(errors.AuthenticationFailed, match="Invalid client"):
            await client.probe()


@pytest.mark.parametrize("next_links", [True, False])
async def test_long_lists_are_read_whole(ifs: Ifs, client: IfsClient, next_links: bool) -> None:
    await ifs.set(page_size=21, next_links=next_links)
    url = client.odata.url("SalesPartHandling", "SalesPartSet")
    rows = await client.odata.get_all("parts", url, {"$orderby": "Contract,CatalogNo"})
    await ifs.set(page_size=1000)
    whole = await client.odata.get("parts", url, {"$orderby": "Contract,CatalogNo"})
    assert len(rows) > 21
    assert rows == whole["value"]


# customers


def new_customer(customer_id: str) -> CustomerDraft:
    address = Address(street_1="1 Main Street", city="Austin", state="Texas", zip="78701", country_iso2="US")
    made = datetime(2026, 12, 1, tzinfo=UTC)
    return CustomerDraft("email:x", customer_id, "Ann O'Brien", "Ann.O'Brien@example.com", "555", address, "USD", made)


@pytest.mark.parametrize("template_id", ["", "TEMPLATE-WEB"])
async def test_a_customer_is_made_step_by_step_found_by_email_and_takes_orders(
    ifs: Ifs, draft: CustomerOrderDraft, template_id: str
) -> None:
    default = load_profile("default")
    creation = replace(default.customer.creation, template_id=template_id)
    profile = replace(default, customer=replace(default.customer, creation=creation))
    async with ifs.client(profile) as client:
        wanted = new_customer("BC1")
        assert await client.customer("BC1") is None
        for step in client.customer_steps(wanted):
            assert not await client.customer_step_done(step, wanted), step
            assert await client.customer_step(step, wanted) == "BC1"
            assert await client.customer_step_done(step, wanted), step
        (match,) = await client.customers_by_email("ann.o'brien@EXAMPLE.com")
        assert (match.customer_id, match.name) == ("BC1", "Ann O'Brien")
        assert (await client.create_order(replace(draft, customer_id="BC1"))).order_no
        with pytest.raises(errors.Duplicate):
            await client.customer_step(client.customer_steps(wanted)[0], wanted)


async def test_nobody_is_found_by_an_unknown_email(client: IfsClient) -> None:
    assert await client.customers_by_email("nobody@example.com") == []


# connection test


async def test_the_default_profile_fits_the_simulated_installation(client: IfsClient) -> None:
    results = await check(client)
    assert [result for result in results if result.verdict is not Verdict.OK] == []
    assert len(results) > 15


async def test_hidden_and_revoked_projections_are_told_apart(ifs: Ifs, client: IfsClient) -> None:
    await ifs.set(hidden_projections=["CustomerHandling"], revoke_grants=["CustomersHandling"])
    verdicts = {result.check: result.verdict for result in await check(client)}
    assert verdicts["ifs: CustomerHandling $metadata"] is Verdict.MISSING
    assert verdicts["ifs: CustomersHandling/CustomerInfoSet data"] is Verdict.FORBIDDEN
    assert verdicts["ifs: CustomerOrderHandling $metadata"] is Verdict.OK
