"""Finding customers in the simulated IFS over real HTTP: each kind of look-up, the directory, the search by name."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from bcifs_console.ifs import errors
from bcifs_console.ifs.checks import Verdict, check
from bcifs_console.ifs.profile import LookupKind, Profile, load_profile
from bcifs_console.ifs.records import CustomerMatch
from bcifs_console.simulator import Simulator, SimulatorOptions
from tests.ifs.test_ifs_against_simulator import Ifs

GRACE = CustomerMatch("C1002", "Grace Hopper")
#: Each kind as a site would set it up.
KINDS: dict[str, dict[str, Any]] = {
    "custom_field": {},
    "entity_set": {"kind": LookupKind.ENTITY_SET, "fold_case": True},
    "entity_set_exact": {"kind": LookupKind.ENTITY_SET, "fold_case": False},
    "quick_report": {
        "kind": LookupKind.QUICK_REPORT,
        "path": "QuickReports.svc/QuickReport_604444",
        "email_property": "E_MAIL",
        "customer_property": "CUSTOMER_ID",
        "name_property": "NAME",
        "parameters": {"CompanyId": "10"},
    },
}


def profile_with(**lookup: Any) -> Profile:
    profile = load_profile("default")
    return replace(profile, customer=replace(profile.customer, lookup=replace(profile.customer.lookup, **lookup)))


@pytest.fixture
async def ifs() -> AsyncIterator[Ifs]:
    async with Simulator(SimulatorOptions()) as simulator:
        yield Ifs(simulator.announcement()["ifs"])


@pytest.mark.parametrize("kind", KINDS)
async def test_each_kind_finds_one_several_or_none(ifs: Ifs, kind: str) -> None:
    async with ifs.client(profile_with(**KINDS[kind])) as client:
        assert await client.customers_by_email("grace.hopper@example.com") == [GRACE]
        several = await client.customers_by_email("purchasing@example.org")
        assert [match.customer_id for match in several] == ["C1101", "C1102"]
        assert all(match.name for match in several)
        assert await client.customers_by_email("nobody@example.com") == []
        assert await client.customers_by_email("o'brien@example.com") == []
        await client.probe()


@pytest.mark.parametrize("kind", ["custom_field", "entity_set", "quick_report"])
async def test_an_email_that_ifs_has_in_capitals_is_found(ifs: Ifs, kind: str) -> None:
    async with ifs.client() as client:
        row = await client.odata.get(
            "read", client.odata.url("CustomerHandling", "CustomerInfoSet(CustomerId='C1005')")
        )
        url = client.odata.url("CustomerHandling", "CustomerInfoSet(CustomerId='C1005')")
        await client.odata.write("change", "PATCH", url, {"Cf_Email": "SOFIA@Example.COM"}, etag=row["@odata.etag"])
        method = {"MethodId": "EMail", "Value": "SOFIA@Example.COM", "Name": "Sofia"}
        await client.odata.write("add", "POST", url + "/CommunicationMethods", method)
    async with ifs.client(profile_with(**KINDS[kind])) as client:
        assert [m.customer_id for m in await client.customers_by_email("sofia@example.com")] == ["C1005"]


async def test_none_finds_nobody_and_the_directory_kind_asks_its_own_index(ifs: Ifs) -> None:
    for kind in (LookupKind.NONE, LookupKind.DIRECTORY):
        async with ifs.client(profile_with(kind=kind)) as client:
            assert await client.customers_by_email("grace.hopper@example.com") == []
            await client.probe()


@pytest.mark.parametrize("kind", [*KINDS, "directory"])
async def test_the_connection_test_knows_what_each_kind_needs(ifs: Ifs, kind: str) -> None:
    lookup = KINDS.get(kind, {"kind": LookupKind.DIRECTORY})
    async with ifs.client(profile_with(**lookup)) as client:
        found = await check(client)
    about = [each for each in found if "ustomer" in each.check or "QuickReport" in each.check]
    assert about
    assert {each.verdict for each in about} == {Verdict.OK}


async def test_the_wrong_name_of_a_report_is_an_error_not_an_empty_answer(ifs: Ifs) -> None:
    async with ifs.client(
        profile_with(**{**KINDS["quick_report"], "path": "QuickReports.svc/QuickReport_1"})
    ) as client:
        with pytest.raises(errors.IfsError):
            await client.customers_by_email("grace.hopper@example.com")


async def test_the_directory_is_read_by_stretches_to_its_end(ifs: Ifs) -> None:
    held = {row["CustomerId"]: row["Name"] for row in (await ifs.state())["customers"]}
    seen: list[CustomerMatch] = []
    async with ifs.client() as client:
        while stretch := await client.directory.stretch(seen[-1].customer_id if seen else "", 7):
            assert len(stretch) <= 7
            seen += stretch
    assert [(match.customer_id, match.name) for match in seen] == sorted(held.items())


async def test_what_a_customer_is_reached_by(ifs: Ifs) -> None:
    async with ifs.client() as client:
        contacts = await client.directory.contacts("C1002")
        assert contacts.emails == ("grace.hopper@example.com",)
        assert await client.directory.postcodes("C1002") != ()
        gone = await client.directory.contacts("C9999")
        assert (gone.emails, gone.phones) == ((), ())
        assert await client.directory.postcodes("C9999") == ()


async def test_customers_are_searched_by_words_and_by_domain(ifs: Ifs) -> None:
    async with ifs.client() as client:
        assert GRACE in await client.directory.search(["hopper"], "")
        assert {m.customer_id for m in await client.directory.search(["hopper", "gauss"], "")} == {"C1002", "C1019"}
        assert {m.customer_id for m in await client.directory.search([], "example.org")} == {"C1101", "C1102"}
        assert await client.directory.search(["o'hara"], "") == []
        assert await client.directory.search([], "") == []


@pytest.fixture
def silent() -> Profile:
    profile = load_profile("default")
    without = replace(profile.customer.directory, search=False)
    return replace(profile, customer=replace(profile.customer, directory=without))


async def test_a_site_may_forbid_the_search(ifs: Ifs, silent: Profile) -> None:
    async with ifs.client(silent) as client:
        assert await client.directory.search(["hopper"], "example.com") == []


async def test_what_is_planned_is_what_is_sent(ifs: Ifs, customer_draft: Any) -> None:
    async with ifs.client() as client:
        planned = client.customer_calls(customer_draft)
        assert [call.step for call in planned] == list(client.customer_steps(customer_draft))
        before = (await ifs.state())["customers"]
        assert not [row for row in before if row["CustomerId"] == "BC1"]
        for step in client.customer_steps(customer_draft):
            await client.customer_step(step, customer_draft)
    (made,) = [row for row in (await ifs.state())["customers"] if row["CustomerId"] == "BC1"]
    bodies = {call.step: call.body for call in planned}
    assert bodies["info"].items() <= made.items()
    assert bodies["address"].items() <= made["addresses"][0].items()
    assert bodies["communication"].items() <= made["communication_methods"][0].items()
    assert {row["AddressTypeCode"] for row in made["address_types"]} == {
        body["AddressTypeCode"] for step, body in bodies.items() if step.startswith("address_type")
    }
    assert all(call.path.startswith("/main/ifsapplications/projection/v1/CustomerHandling.svc") for call in planned)
