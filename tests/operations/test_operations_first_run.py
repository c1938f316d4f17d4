"""Setting up by answers: wrong ones are blamed on the right question, nothing is stored before it is asked for."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bcifs_console.base.clock import SystemClock
from bcifs_console.base.problems import UsageProblem
from bcifs_console.base.settings import Settings
from bcifs_console.domain.rules import Purpose, RevenuePosting, Unmatched, VoucherTransport
from bcifs_console.operations import connect, first_run
from bcifs_console.operations.context import Context
from bcifs_console.operations.first_run_questions import QUESTIONS, Answers, faults, missing
from bcifs_console.simulator import Simulator, SimulatorOptions
from bcifs_console.store import connections, rules
from bcifs_console.store.opening import open_store
from bcifs_console.store.tables import journal


@pytest.fixture
async def given() -> AsyncIterator[dict[str, str]]:
    """Right answers for a simulator that runs."""
    async with Simulator(SimulatorOptions(quota=None)) as simulator:
        about = simulator.announcement()
        yield answers_for(about)


def answers_for(about: dict[str, dict[str, str]]) -> dict[str, str]:
    store = {f"bigcommerce.{key}": value for key, value in about["bigcommerce"].items()}
    erp = {f"ifs.{key}": value for key, value in about["ifs"].items()}
    chosen = {
        "bigcommerce.public_url": "http://127.0.0.1:8080",
        "policy.revenue_posting": "voucher",
        "mapping.revenue_account": "4000",
    }
    return {key: value for key, value in (store | erp | chosen).items() if key in QUESTIONS}


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    clock = SystemClock()
    store = open_store(Settings(home=tmp_path / "home"), clock)
    yield Context(Settings(home=tmp_path / "home"), store, clock, "tester")
    store.close()


async def said(context: Context, given: dict[str, str]) -> list[first_run.Said]:
    answers = Answers.of(given)
    return [one for probe in first_run.PROBES for one in await first_run.probe(context, probe, answers)]


async def test_right_answers_are_right(context: Context, given: dict[str, str]) -> None:
    answers = Answers.of(given)
    assert (faults(answers), missing(answers)) == ({}, ())
    found = await said(context, given)
    assert [one for one in found if not one.is_good] == []
    asked_of_both = {"bigcommerce.store_hash", "bigcommerce.access_token", "ifs.client_secret", "ifs.site"}
    assert asked_of_both <= {key for one in found for key in one.keys}


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("bigcommerce.access_token", "not-the-token"),
        ("bigcommerce.api_url", "http://127.0.0.1:9"),
        ("ifs.base_url", "http://127.0.0.1:9"),
        ("ifs.realm", "elsewhere"),
        ("ifs.client_secret", "not-the-secret"),
        ("ifs.company", "99"),
        ("ifs.site", "999"),
        ("mapping.revenue_account", "0000"),
    ],
)
async def test_a_wrong_answer_is_blamed_on_its_question(
    context: Context, given: dict[str, str], question: str, answer: str
) -> None:
    found = await said(context, given | {question: answer})
    blamed = [one for one in found if not one.is_good]
    assert question in {key for one in blamed for key in one.keys}
    assert all(answer not in f"{one.detail} {one.remedy}" for one in blamed if QUESTIONS[question].is_secret)


async def test_trying_out_stores_nothing(context: Context, given: dict[str, str]) -> None:
    await said(context, given)
    database = context.store.database
    assert database.read_sync(connections.names) == {}
    assert database.read_sync(lambda conn: conn.execute(journal.select()).all()) == []
    assert database.read_sync(lambda conn: conn.exec_driver_sql("SELECT count(*) FROM secret").scalar()) == 0


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("ifs.base_url", "http://acme.ifs.example"),
        ("bigcommerce.public_url", "hooks.example.com"),
        ("name", "two words"),
        ("policy.start_at", "tomorrow"),
    ],
)
def test_what_is_wrong_by_itself_is_said_without_asking_anybody(question: str, answer: str) -> None:
    found = faults(Answers.of({question: answer}))
    assert list(found) == [question]
    assert answer not in found[question]


def test_what_lacks_is_no_fault_and_vouchers_ask_for_more() -> None:
    without = Answers.of({})
    assert faults(without) == {}
    assert "mapping.accounts.customer_balance" not in missing(without)
    with_vouchers = Answers.of({"ifs.voucher_transport": "rest"})
    assert set(missing(with_vouchers)) - set(missing(without)) == {"mapping.accounts.customer_balance"}


async def test_what_is_kept_is_what_was_answered(context: Context, given: dict[str, str]) -> None:
    more = {"name": "acme-us", "ifs.voucher_transport": "rest", "mapping.accounts.customer_balance": "2420"}
    added = await asyncio.to_thread(first_run.keep, context, Answers.of(given | more))
    database, vault = context.store.database, context.store.vault
    kept = database.read_sync(lambda conn: connections.load(conn, vault, added.id))
    assert (kept.name, kept.ifs.site, kept.policy.time_zone) == ("acme-us", "100", "America/Chicago")
    assert kept.bigcommerce.access_token.reveal() == given["bigcommerce.access_token"]
    assert kept.policy.revenue_posting is RevenuePosting.VOUCHER
    assert kept.policy.order_type_never_invoices
    assert kept.policy.voucher_transport is VoucherTransport.REST
    assert kept.policy.unmatched is Unmatched.ASK
    in_force = database.read_sync(lambda conn: rules.in_force(conn, added.id))
    assert [rule.result for rule in in_force.of(Purpose.REVENUE)] == ["4000"]
    assert [rule.result for rule in in_force.of(Purpose.CUSTOMER_BALANCE)] == ["2420"]
    assert all(row["verdict"] == "ok" for row in await connect.test(context, "acme-us"))


async def test_secrets_show_in_no_text_and_in_no_file(context: Context, given: dict[str, str]) -> None:
    answers = Answers.of(given)
    planted = [text for key, text in given.items() if QUESTIONS[key].is_secret]
    assert len(planted) == 3
    assert not any(text in repr(answers) for text in planted)
    await asyncio.to_thread(first_run.keep, context, answers)
    context.store.database.write_sync(lambda tx: None)
    stored = b"".join(path.read_bytes() for path in context.settings.home.rglob("*") if path.is_file())
    assert not any(text.encode() in stored for text in planted)


def test_an_answer_that_lacks_keeps_everything_from_being_stored(context: Context) -> None:
    with pytest.raises(UsageProblem, match=r"ifs\.base_url: is missing"):
        first_run.keep(context, Answers.of({"name": "acme-us"}))
    assert context.store.database.read_sync(connections.names) == {}
