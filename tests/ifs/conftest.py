"""A scripted IFS behind httpx.MockTransport, drafts and clients for the contract tests of this room."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from bcifs_console.base.clock import ManualClock
from bcifs_console.base.secret import Secret
from bcifs_console.domain.connections import IfsAccess
from bcifs_console.domain.documents import ChargeDraft, CustomerDraft, CustomerOrderDraft, LineDraft, TaxTreatment
from bcifs_console.domain.orders import Address, ChargeKind
from bcifs_console.domain.rules import Purpose
from bcifs_console.domain.vouchers import Rate, VoucherDraft, VoucherKind, VoucherRow
from bcifs_console.ifs.client import IfsClient
from bcifs_console.ifs.profile import Profile, load_profile

BASE = "https://acme.ifs.cloud"
TOKEN_PATH = "/auth/realms/acmeprod/protocol/openid-connect/token"
CLIENT_SECRET = "planted-client-secret"

Reply = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class FakeIfs:
    """Answers calls from a script, in order, and remembers what it was sent. Tokens are `token-1`, `token-2` …"""

    def __init__(self) -> None:
        self.token_requests: list[httpx.Request] = []
        self.requests: list[httpx.Request] = []
        self.bearers: list[str] = []  # as sent: a repeated request is the same object
        self.calls: list[tuple[str, int, float]] = []
        self.expires_in: object = 180
        self.token_replies: list[Reply] = []
        self._script: list[Reply] = []

    def script(self, *replies: Reply) -> None:
        self._script += replies

    def forget_script(self) -> None:
        """For scripts that go on by themselves."""
        self._script.clear()

    @property
    def is_exhausted(self) -> bool:
        return not self._script

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._handle)

    def on_call(self, what: str, status: int, seconds: float) -> None:
        self.calls.append((what, status, seconds))

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)  # let the other tasks run, as a network would
        if request.url.path == TOKEN_PATH:
            self.token_requests.append(request)
            return _given(self.token_replies.pop(0) if self.token_replies else self._token(), request)
        self.requests.append(request)
        self.bearers.append(request.headers["authorization"])
        assert self._script, f"unexpected call: {request.method} {request.url}"
        return _given(self._script.pop(0), request)

    def _token(self) -> httpx.Response:
        body: dict[str, object] = {"access_token": f"token-{len(self.token_requests)}", "token_type": "Bearer"}
        if self.expires_in is not None:
            body["expires_in"] = self.expires_in
        return httpx.Response(200, json=body)


def _given(reply: Reply, request: httpx.Request) -> httpx.Response:
    if isinstance(reply, Exception):
        raise reply
    return reply if isinstance(reply, httpx.Response) else reply(request)


@pytest.fixture
def fake() -> Iterator[FakeIfs]:
    ifs = FakeIfs()
    yield ifs
    assert ifs.is_exhausted, "IFS was not asked for all that the script holds"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 12, 1, 12, 0, tzinfo=UTC))


@pytest.fixture
def access() -> IfsAccess:
    return IfsAccess(
        base_url=BASE,
        realm="acmeprod",
        client_id="BC_INTEGRATION",
        client_secret=Secret(CLIENT_SECRET),
        company="10",
        site="100",
    )


@pytest.fixture
def profile() -> Profile:
    return load_profile("default")


MakeClient = Callable[..., IfsClient]


@pytest.fixture
async def make_client(fake: FakeIfs, clock: ManualClock, access: IfsAccess, profile: Profile) -> Any:
    """A client before the fake; keywords go to IfsClient, `profile` replaces the default one."""
    made: list[IfsClient] = []

    def make(**given: Any) -> IfsClient:
        options: dict[str, Any] = {"clock": clock, "transport": fake.transport(), "on_call": fake.on_call, **given}
        client = IfsClient(options.pop("access", access), options.pop("profile", profile), **options)
        made.append(client)
        return client

    yield make
    for client in made:
        await client.aclose()


@pytest.fixture
def client(make_client: MakeClient) -> IfsClient:
    return make_client()


@pytest.fixture
def address() -> Address:
    return Address(
        first_name="Ann",
        last_name="O'Brien",
        street_1="1 Main Street",
        street_2="",
        city="Austin",
        state="Texas",
        zip="78701",
        country="United States",
        country_iso2="US",
        phone="555",
        email="ann@example.com",
    )


@pytest.fixture
def order_draft(address: Address) -> CustomerOrderDraft:
    line = LineDraft(
        order_line_id=17,
        catalog_no="MUG-01",
        description="Mug",
        quantity=Decimal(3),
        unit_price_ex_tax=Decimal("19.9900"),
        unit_price_inc_tax=Decimal("21.5892"),
        net=Decimal("59.97"),
        gross=Decimal("64.77"),
        tax=TaxTreatment(code="TX8"),
        account="4000",
        code_parts=(("B", "SALES"), ("D", "WEB")),
    )
    freight = ChargeDraft(
        1, ChargeKind.SHIPPING, "FREIGHT", Decimal("11.09"), Decimal("12.00"), TaxTreatment(code="TX8")
    )
    return CustomerOrderDraft(
        key="BC-5001",
        order_id=5001,
        customer_id="C1000",
        contract="100",
        currency="USD",
        placed_at=datetime(2026, 12, 1, 3, 30, 15, 250000, tzinfo=UTC),
        price_includes_tax=False,
        lines=(line, replace(line, order_line_id=18, tax=TaxTreatment(from_defaults=True))),
        charges=(freight, replace(freight, ordinal=2, ex_tax=Decimal("-9.24"), inc_tax=Decimal("-10.00"))),
        total_inc_tax=Decimal("64.77"),
        total_tax=Decimal("4.80"),
        ship_to=address,
    )


@pytest.fixture
def customer_draft(address: Address) -> CustomerDraft:
    return CustomerDraft(
        key="email:ann@example.com",
        customer_id="BC1",
        name="Ann O'Brien",
        email="ann@example.com",
        phone="555",
        address=address,
        currency="USD",
        created_on=datetime(2026, 12, 1, 3, 30, tzinfo=UTC),
    )


def booking(account: str, amount: str, accounting: str, **given: Any) -> VoucherRow:
    """A row: debit where the amounts are positive, else credit."""
    signed, base = Decimal(amount), Decimal(accounting)
    return VoucherRow(
        purpose=given.pop("purpose", Purpose.REVENUE),
        account=account,
        debit=max(signed, Decimal(0)),
        credit=max(-signed, Decimal(0)),
        accounting_debit=max(base, Decimal(0)),
        accounting_credit=max(-base, Decimal(0)),
        **given,
    )


@pytest.fixture
def voucher_draft() -> VoucherDraft:
    """A shipment of the 30th: 108.00 to the customer's balance, 100.00 revenue and 8.00 tax, at 10.5 of ours."""
    return VoucherDraft(
        key="BC-5001/SHIP/61",
        order_id=5001,
        voucher_kind=VoucherKind.SHIPMENT,
        fact="shipment 61",
        at=datetime(2026, 11, 30, 22, 0, tzinfo=UTC),
        day=date(2026, 11, 30),
        currency="USD",
        rows=(
            booking("2420", "108.00", "1134.00", purpose=Purpose.CUSTOMER_BALANCE, text="Shipment 61"),
            booking("4000", "-100.00", "-1050.00", code_parts=(("B", "100"), ("C", "WEB")), tax_code="TX8"),
            booking("2610", "-8.00", "-84.00", purpose=Purpose.TAX_ACCOUNT, text="Tax"),
        ),
        rate=Rate(Decimal("10.5"), "SEK"),
        amount=Decimal("108.00"),
        text="Order 5001, shipment 61",
    )
