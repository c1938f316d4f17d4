"""Currency rates and accounting periods: what is asked, and what an answer means."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from bcifs_console.base.problems import ConfigurationProblem
from bcifs_console.domain.money import NO_OVERRIDES
from bcifs_console.domain.vouchers import Rate
from bcifs_console.ifs import errors
from bcifs_console.ifs.client import IfsClient
from bcifs_console.ifs.profile import Profile
from bcifs_console.ifs.voucher_records import PeriodStatus

if TYPE_CHECKING:
    from tests.ifs.conftest import FakeIfs, MakeClient

DAY = date(2026, 11, 30)
RATE = {
    "CurrencyType": "1",
    "CurrencyCode": "USD",
    "ValidFrom": "2026-11-01",
    "CurrencyRate": 10.5,
    "ConvFactor": 1,
    "RefCurrencyCode": "SEK",
}


def listed(*rows: Any) -> httpx.Response:
    return httpx.Response(200, json={"value": list(rows)})


def with_rate(profile: Profile, **changes: Any) -> Profile:
    return replace(profile, voucher=replace(profile.voucher, rate=replace(profile.voucher.rate, **changes)))


def with_period(profile: Profile, **changes: Any) -> Profile:
    return replace(profile, voucher=replace(profile.voucher, period=replace(profile.voucher.period, **changes)))


# rates


async def test_the_newest_rate_up_to_the_day_counts(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(listed(RATE, {**RATE, "ValidFrom": "2026-10-01", "CurrencyRate": 9}))
    assert await client.currency_rate("USD", DAY, NO_OVERRIDES) == Rate(Decimal("10.5"), "SEK")
    url = fake.requests[0].url
    assert url.path.endswith("VoucherHandling.svc/Reference_CurrencyRate")
    assert url.params["$filter"] == "Company eq '10' and CurrencyCode eq 'USD' and ValidFrom le 2026-11-30"
    assert url.params["$orderby"] == "ValidFrom desc"


async def test_a_rate_may_be_for_a_hundred_units_and_into_a_currency_without_cents(
    client: IfsClient, fake: "FakeIfs"
) -> None:
    fake.script(listed({**RATE, "CurrencyCode": "SEK", "ConvFactor": 100, "RefCurrencyCode": "JPY"}))
    found = await client.currency_rate("SEK", DAY, NO_OVERRIDES)
    assert found == Rate(Decimal("10.5"), "JPY", Decimal(100), Decimal(1))


async def test_the_minor_unit_can_be_overridden(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(listed(RATE))
    found = await client.currency_rate("USD", DAY, {"SEK": 0})
    assert found is not None
    assert found.accounting_unit == Decimal(1)


async def test_no_rate_is_none(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(listed(), listed())
    assert await client.currency_rate("XXX", DAY, NO_OVERRIDES) is None


async def test_the_currency_that_other_rates_lead_to_is_the_accounting_currency(
    client: IfsClient, fake: "FakeIfs"
) -> None:
    fake.script(listed(), listed(RATE))
    assert await client.currency_rate("SEK", DAY, NO_OVERRIDES) == Rate(Decimal(1), "SEK")
    assert fake.requests[1].url.params["$filter"] == (
        "Company eq '10' and RefCurrencyCode eq 'SEK' and ValidFrom le 2026-11-30"
    )


async def test_a_currency_without_a_rate_is_not_taken_for_the_named_accounting_currency(
    make_client: "MakeClient", profile: Profile, fake: "FakeIfs"
) -> None:
    fake.script(listed())
    assert (
        await make_client(profile=with_rate(profile, accounting_currency="SEK")).currency_rate("XXX", DAY, NO_OVERRIDES)
        is None
    )


async def test_the_accounting_currency_that_the_profile_names_needs_no_call(
    make_client: "MakeClient", profile: Profile
) -> None:
    named = make_client(profile=with_rate(profile, accounting_currency="JPY"))
    assert await named.currency_rate("JPY", DAY, NO_OVERRIDES) == Rate(Decimal(1), "JPY", accounting_unit=Decimal(1))


async def test_the_accounting_currency_that_the_profile_names_wins(
    make_client: "MakeClient", profile: Profile, fake: "FakeIfs"
) -> None:
    fake.script(listed({**RATE, "RefCurrencyCode": None}))
    named = make_client(profile=with_rate(profile, accounting_currency="SEK", accounting_currency_property=""))
    assert await named.currency_rate("USD", DAY, NO_OVERRIDES) == Rate(Decimal("10.5"), "SEK")


async def test_without_a_set_of_rates_there_are_none(make_client: "MakeClient", profile: Profile) -> None:
    assert await make_client(profile=with_rate(profile, path="")).currency_rate("USD", DAY, NO_OVERRIDES) is None


async def test_several_rate_types_are_never_chosen_between(
    make_client: "MakeClient", profile: Profile, fake: "FakeIfs"
) -> None:
    fake.script(listed(RATE, {**RATE, "CurrencyType": "BUY"}), listed(RATE))
    with pytest.raises(ConfigurationProblem, match="several types: 1, BUY") as caught:
        await make_client().currency_rate("USD", DAY, NO_OVERRIDES)
    assert "voucher.rate.type_value" in caught.value.remedy
    chosen = make_client(profile=with_rate(profile, type_value="1"))
    assert await chosen.currency_rate("USD", DAY, NO_OVERRIDES) == Rate(Decimal("10.5"), "SEK")
    assert fake.requests[1].url.params["$filter"].startswith("Company eq '10' and CurrencyType eq '1' and ")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({**RATE, "CurrencyRate": None}, "no rate above zero"),
        ({**RATE, "CurrencyRate": 0}, "no rate above zero"),
        ({**RATE, "RefCurrencyCode": None}, "no accounting currency"),
    ],
)
async def test_half_a_rate_is_no_rate(client: IfsClient, fake: "FakeIfs", row: dict[str, Any], said: str) -> None:
    fake.script(listed(row))
    with pytest.raises(ConfigurationProblem, match=said):
        await client.currency_rate("USD", DAY, NO_OVERRIDES)


# periods


def month(number: int, status: str, *, year: int = 2026, first: str = "01", last: str = "30") -> dict[str, Any]:
    return {
        "AccountingYear": year,
        "AccountingPeriod": number,
        "PeriodStatus": status,
        "ValidFrom": f"{year}-{number:02}-{first}",
        "ValidUntil": f"{year}-{number:02}-{last}",
    }


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        ([month(11, "Open")], PeriodStatus.OPEN),
        ([month(11, "Closed")], PeriodStatus.CLOSED),
        ([month(11, "FinallyClosed")], PeriodStatus.CLOSED),
        ([month(11, "Closed"), month(11, "Open", first="30")], PeriodStatus.OPEN),
        ([month(10, "Closed")], PeriodStatus.UNKNOWN),
        ([month(11, "Closed") | {"ValidFrom": None}], PeriodStatus.UNKNOWN),
        ([], PeriodStatus.UNKNOWN),
    ],
)
async def test_the_period_of_a_day_is_open_closed_or_not_known(
    client: IfsClient, fake: "FakeIfs", rows: list[dict[str, Any]], status: PeriodStatus
) -> None:
    fake.script(listed(*rows))
    assert await client.period_status(DAY) is status
    url = fake.requests[0].url
    assert url.path.endswith("VoucherHandling.svc/Reference_AccountingPeriod")
    assert url.params["$filter"] == "Company eq '10' and ValidFrom le 2026-11-30 and ValidUntil ge 2026-11-30"


async def test_periods_can_be_the_months_of_the_calendar(
    make_client: "MakeClient", profile: Profile, fake: "FakeIfs"
) -> None:
    client = make_client(profile=with_period(profile, first_day="", last_day=""))
    bare = {"AccountingYear": 2026, "AccountingPeriod": 11, "PeriodStatus": "Closed"}
    closing = {**bare, "AccountingPeriod": 13, "PeriodStatus": "Open"}
    following = {**bare, "AccountingYear": 2027, "AccountingPeriod": 1, "PeriodStatus": "Open"}
    fake.script(listed(bare, closing), listed(bare, closing, following))
    assert await client.period_status(DAY) is PeriodStatus.CLOSED
    assert fake.requests[0].url.params["$filter"].endswith("AccountingYear eq 2026 and AccountingPeriod eq 11")
    assert await client.next_open_day(DAY) == date(2027, 1, 1)


async def test_periods_can_be_asked_for_the_user_group(
    make_client: "MakeClient", profile: Profile, fake: "FakeIfs"
) -> None:
    fake.script(listed(month(11, "Open")))
    await make_client(profile=with_period(profile, user_group="UserGroup")).period_status(DAY)
    assert "UserGroup eq 'AC'" in fake.requests[0].url.params["$filter"]


async def test_without_a_set_of_periods_nothing_is_known(make_client: "MakeClient", profile: Profile) -> None:
    client = make_client(profile=with_period(profile, path=""))
    assert await client.period_status(DAY) is PeriodStatus.UNKNOWN
    assert await client.next_open_day(DAY) is None


@pytest.mark.parametrize(
    ("rows", "day"),
    [
        ([month(11, "Closed"), month(12, "Closed"), month(1, "Open", year=2027)], date(2027, 1, 1)),
        ([month(2, "Open", year=2027), month(12, "Open")], date(2026, 12, 1)),
        ([month(11, "Open")], DAY),
        ([month(10, "Open")], None),
        ([], None),
    ],
)
async def test_the_next_open_day_is_the_first_from_the_day_on(
    client: IfsClient, fake: "FakeIfs", rows: list[dict[str, Any]], day: date | None
) -> None:
    fake.script(listed(*rows))
    assert await client.next_open_day(DAY) == day
    assert fake.requests[0].url.params["$filter"] == "Company eq '10' and ValidUntil ge 2026-11-30"


async def test_periods_that_cannot_be_read_are_an_error_not_open(client: IfsClient, fake: "FakeIfs") -> None:
    fake.script(httpx.Response(403, text="Insufficient privileges."))
    with pytest.raises(errors.PermissionDenied):
        await client.period_status(DAY)
