"""The first run: both systems answer while the form is filled in; what the store then holds is what was typed."""

from collections.abc import AsyncIterator, Mapping

import httpx
import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Select, Static

from bcifs_console.base.secret import Secret
from bcifs_console.console.screens import setup
from bcifs_console.console.screens.confirm import ConfirmScreen
from bcifs_console.console.screens.setup import SetupScreen
from bcifs_console.console.set_up import SetUp
from bcifs_console.console.widgets.answer_row import AnswerRow, row_id
from bcifs_console.domain.rules import Purpose
from bcifs_console.operations.context import Context
from bcifs_console.operations.first_run import STORE_PROBE
from bcifs_console.operations.first_run_questions import QUESTIONS
from bcifs_console.simulator import Simulator, SimulatorOptions
from bcifs_console.store import connections, health, journal, rules, webhooks
from bcifs_console.store.tables import journal as journal_table
from tests.console.conftest import Snapshot
from tests.console.piloting import NARROW, Console, picture, settle
from tests.integration.waiting import until
from tests.operations.test_operations_first_run import answers_for


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(SimulatorOptions(quota=None)) as running:
        yield running


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody types in these tests: the systems are asked as good as at once."""
    monkeypatch.setattr(setup, "PATIENCE_S", 0.02)


def form(pilot: Pilot[None]) -> SetupScreen:
    assert isinstance(pilot.app.screen, SetupScreen)
    return pilot.app.screen


def row(pilot: Pilot[None], key: str) -> AnswerRow:
    return form(pilot).query_one(f"#{row_id(key)}", AnswerRow)


def fill(pilot: Pilot[None], given: Mapping[str, str]) -> None:
    for key, answer in given.items():
        field = row(pilot, key).query_one("Input, Select")
        assert isinstance(field, Input | Select)
        field.value = answer


def verdict(pilot: Pilot[None], key: str) -> str:
    return str(row(pilot, key).query_one(".verdict", Static).render())


async def stands(pilot: Pilot[None], key: str, word: str) -> None:
    """Wait until the answer to `key` is called `word`."""

    async def look() -> bool:
        await pilot.pause()
        return word in verdict(pilot, key)

    await until(look, f"{key} is {word}", show=lambda: verdict(pilot, key))
    await settle(pilot)


async def opened(pilot: Pilot[None]) -> None:
    pilot.app.open_section("setup")  # type: ignore[attr-defined]  # it is a ConsoleApp
    await settle(pilot)


async def test_a_first_run_from_the_empty_form_to_registered_webhooks(
    empty_scene: Context, console: Console, simulator: Simulator
) -> None:
    given = answers_for(simulator.announcement())
    async with console(empty_scene) as pilot:
        await opened(pilot)
        await pilot.press("ctrl+s")
        assert form(pilot).why_not("setup.save") == "Store hash is still open"
        fill(pilot, given | {"ifs.client_secret": "mistyped"})
        await stands(pilot, "bigcommerce.access_token", "right")
        await stands(pilot, "ifs.client_secret", "refused")
        fill(pilot, {"ifs.client_secret": given["ifs.client_secret"]})
        await stands(pilot, "mapping.revenue_account", "right")
        await pilot.press("ctrl+s")
        await settle(pilot)
    database, vault = empty_scene.store.database, empty_scene.store.vault
    (connection,) = database.read_sync(lambda conn: connections.load_all(conn, vault))
    assert (connection.name, connection.ifs.company) == ("main", "10")
    assert connection.ifs.client_secret.reveal() == given["ifs.client_secret"]
    in_force = database.read_sync(lambda conn: rules.in_force(conn, connection.id))
    assert [rule.result for rule in in_force.of(Purpose.REVENUE)] == ["4000"]
    assert database.read_sync(lambda conn: webhooks.health_of(conn, connection.id)).registered
    assert len(database.read_sync(health.hooks)) == 10
    async with httpx.AsyncClient(trust_env=False) as http:
        state = (await http.get(f"{given['bigcommerce.api_url']}/_sim/state", params={"only": "hooks"})).json()
    assert {hook["destination"] for hook in state["hooks"]} == {
        f"http://127.0.0.1:8080/webhooks/bigcommerce/{connection.token}"
    }


async def test_nothing_is_stored_until_it_is_asked_for_and_doubts_are_asked_about(
    empty_scene: Context, console: Console, simulator: Simulator
) -> None:
    given = answers_for(simulator.announcement()) | {"ifs.site": "999"}
    database = empty_scene.store.database
    async with console(empty_scene) as pilot:
        await opened(pilot)
        fill(pilot, given)
        await stands(pilot, "ifs.site", "not there")
        await pilot.press("ctrl+s")
        await until(lambda: _shown(pilot, ConfirmScreen), "the question is asked")
        await pilot.press("enter")  # on Cancel
        await settle(pilot)
        assert database.read_sync(connections.names) == {}
        assert database.read_sync(lambda conn: conn.execute(journal_table.select()).all()) == []
        await pilot.press("ctrl+s")
        await until(lambda: _shown(pilot, ConfirmScreen), "the question is asked again")
        await pilot.press("y")
        await settle(pilot)
    assert list(database.read_sync(connections.names)) == ["main"]


async def _shown(pilot: Pilot[None], kind: type) -> bool:
    await pilot.pause()
    return isinstance(pilot.app.screen, kind)


async def test_nothing_is_sent_while_somebody_types(
    empty_scene: Context, console: Console, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = answers_for(simulator.announcement())
    monkeypatch.setattr(setup, "PATIENCE_S", 600.0)
    async with console(empty_scene) as pilot:
        await opened(pilot)
        fill(pilot, {key: given[key] for key in ("bigcommerce.api_url", "bigcommerce.access_token")})
        row(pilot, "bigcommerce.store_hash").query_one(Input).focus()
        await pilot.press(*given["bigcommerce.store_hash"])
        await settle(pilot)
        assert await calls(given) == {}
        await pilot.press("ctrl+t")
        await stands(pilot, "bigcommerce.store_hash", "right")
    assert [route for route in await calls(given) if route.endswith("/store")]


async def calls(given: Mapping[str, str]) -> dict[str, int]:
    """What the simulated store was asked so far, by route."""
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(f"{given['bigcommerce.api_url']}/_sim/state", params={"only": "calls"})
    found: dict[str, int] = answer.json()["calls"]
    return {route: number for route, number in found.items() if "_sim" not in route}


async def test_secrets_are_masked_and_gone_from_the_form_once_they_are_sealed(
    empty_scene: Context, console: Console, simulator: Simulator
) -> None:
    given = answers_for(simulator.announcement())
    planted = [answer for key, answer in given.items() if QUESTIONS[key].is_secret]
    async with console(empty_scene) as pilot:
        await opened(pilot)
        screen = form(pilot)
        fill(pilot, given)
        await stands(pilot, "mapping.revenue_account", "right")
        assert not any(secret in picture(pilot.app) + repr(screen.set_up) for secret in planted)
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert not any(field.value in planted for field in screen.query(Input))
        assert not any(secret in deed.text for deed in screen.gateway.deeds for secret in planted)
    stored = empty_scene.store.database.read_sync(lambda conn: conn.execute(journal_table.select()).all())
    assert stored
    assert not any(secret in repr(stored) for secret in planted)
    assert empty_scene.store.database.read_sync(journal.verify) is None


def test_a_question_under_way_whose_answers_were_taken_away_is_asked_no_more() -> None:
    held = SetUp()
    for key in STORE_PROBE.needs:
        held.answer(key, Secret("x") if QUESTIONS[key].is_secret else "abc")
    asked_with = held.begin(STORE_PROBE)
    held.answer("bigcommerce.store_hash", "")
    held.end(STORE_PROBE, asked_with, ())
    assert (held.asking, held.said) == (set(), {})
    assert held.waits_for(STORE_PROBE) == "asked as soon as its answers are there"


async def test_save_is_offered_again_after_a_problem(
    empty_scene: Context, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console(empty_scene) as pilot:
        await opened(pilot)
        told: list[bool] = []
        monkeypatch.setattr(SetUp, "doubts", lambda _held: [])
        monkeypatch.setattr(form(pilot), "refresh_bindings", lambda: told.append(form(pilot).is_saving))
        form(pilot).action_save()  # nothing is answered: it is refused
        await settle(pilot)
        assert told == [True, False]


async def test_vouchers_ask_for_their_account(empty_scene: Context, console: Console) -> None:
    async with console(empty_scene) as pilot:
        await opened(pilot)
        assert not row(pilot, "mapping.accounts.customer_balance").display
        fill(pilot, {"ifs.voucher_transport": "rest"})
        await settle(pilot)
        assert row(pilot, "mapping.accounts.customer_balance").display


async def test_a_name_that_is_taken_is_refused(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        await opened(pilot)
        fill(pilot, {"name": "acme-us"})
        await settle(pilot)
        assert "wrong" in verdict(pilot, "name")


async def test_a_console_to_look_at_stores_nothing(empty_scene: Context, console: Console) -> None:
    async with console(empty_scene, readonly=True) as pilot:
        await opened(pilot)
        assert form(pilot).reason_against("setup.save") is not None


@pytest.mark.parametrize("size", [(120, 36), NARROW])
async def test_how_the_empty_form_looks(
    empty_scene: Context, console: Console, snapshot: Snapshot, size: tuple[int, int]
) -> None:
    async with console(empty_scene, size=size) as pilot:
        await opened(pilot)
        snapshot(pilot.app, f"setup-empty-{size[0]}x{size[1]}")
