"""The Webhooks screen: from a deactivated hook to healthy over a real simulator; what it shows, and what it refuses."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from textual.pilot import Pilot
from textual.widgets import Static

from bcifs_console.bigcommerce.scopes import WANTED_SCOPES
from bcifs_console.cli.demo_live import accidents
from bcifs_console.cli.demo_traffic import Traffic
from bcifs_console.console.app import ConsoleApp
from bcifs_console.console.screens.confirm import ConfirmScreen
from bcifs_console.console.screens.webhooks import WebhooksScreen
from bcifs_console.console.widgets.virtual_table import VirtualTable
from bcifs_console.domain.webhooks import WebhookState
from bcifs_console.operations import hooks
from bcifs_console.operations.context import Context
from bcifs_console.operations.webhook_overview import HookLine
from bcifs_console.store import health, webhooks
from bcifs_console.store.health import HookRecord
from bcifs_console.store.tables import journal
from tests.console.conftest import Snapshot
from tests.console.piloting import NARROW, Console, settle
from tests.integration.storefront import order
from tests.integration.waiting import until
from tests.integration.world import World, open_world

CREATED, UPDATED, SHIPPED = "store/order/created", "store/order/updated", "store/shipment/created"


def screen_of(pilot: Pilot[None]) -> WebhooksScreen:
    found = next(screen for screen in pilot.app.screen_stack if isinstance(screen, WebhooksScreen))
    assert isinstance(found, WebhooksScreen)
    return found


def panel(pilot: Pilot[None]) -> str:
    """What the panel says."""
    return str(screen_of(pilot).query_one("#webhook-health", Static).visual)


def told(pilot: Pilot[None]) -> list[str]:
    """The lines of the action journal."""
    return [deed.text for deed in screen_of(pilot).gateway.deeds]


async def comes(pilot: Pilot[None], look: Callable[[], Any], what: str) -> None:
    """Wait until this is so, the console running meanwhile."""

    async def looked() -> bool:
        await pilot.pause()
        return bool(look())

    await until(looked, what)


async def asked(pilot: Pilot[None]) -> ConfirmScreen:
    """Wait for the question."""
    await comes(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen), "it asks")
    assert isinstance(pilot.app.screen, ConfirmScreen)
    return pilot.app.screen


@pytest.fixture
async def world(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[World]:
    """A shop with a service whose watcher looked once and will not look again: what is wrong stays for a person."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copyfile(sqlite_template, home / "bcifs.db")
    async with open_world(home, watch_interval_s=3_600.0) as opened:
        await opened.add_connection()
        yield opened


async def registered(world: World) -> dict[str, dict[str, Any]]:
    """What the simulated store has registered, by scope."""
    rows: list[dict[str, Any]] = (await world.store.control("state?only=hooks"))["hooks"]
    return {row["scope"]: row for row in rows}


async def known(world: World) -> dict[str, HookRecord]:
    """What our store knows of the registrations, by scope."""
    rows = await world.opened.database.read(lambda conn: health.hooks(conn, world.connection_id))
    return {row.scope: row for row in rows}


async def harm(world: World) -> None:
    """BigCommerce gives one hook up, somebody deletes one and points another elsewhere; then an order is placed."""
    rows = await registered(world)
    gone = world.simulator._store.hooks.rows[rows[CREATED]["id"]]
    gone.deactivate(world.simulator._store.deliverer._clock.seconds())
    assert (await world.store.http.delete(f"{world.store.path}/v3/hooks/{rows[UPDATED]['id']}")).status_code == 200
    elsewhere = {"destination": "https://other.example.com/in"}
    assert (await world.store.put(f"/v3/hooks/{rows[SHIPPED]['id']}", elsewhere)).status_code == 200


async def test_from_a_deactivated_hook_to_healthy(world: World, console: Console) -> None:
    await world.register_hooks()
    await harm(world)
    unheard = await world.place(order())
    await hooks.status(world.context, None)  # somebody looked
    async with console(world.context) as pilot:
        await pilot.press("4")
        await settle(pilot)
        table = screen_of(pilot).query_one("#webhook-hook-table", VirtualTable)
        worst = [screen_of(pilot).chosen.hooks[number].scope for number in table.visible_ids[:3]]  # type: ignore[union-attr]
        assert sorted(worst) == [CREATED, UPDATED, SHIPPED]
        await pilot.press("r")
        question = await asked(pilot)
        assert question.lines[:3] == [
            "switch on order/created: was deactivated by BigCommerce",
            "register order/updated: is not registered at the store",
            "move back shipment/created: delivers to another address (https://other.example.com/in)",
        ]
        before = await registered(world)
        for refusal in ("enter", "escape"):  # Cancel is in front
            await pilot.press(refusal)
            await settle(pilot)
            assert (await registered(world), told(pilot)) == (before, [])
            await pilot.press("r")
            await asked(pilot)
        assert await world.view(unheard) is None
        await pilot.press("y")
        await comes(pilot, lambda: told(pilot), "the repair is told")
        assert told(pilot) == ["acme-us: reactivated 1 webhook, created 1, moved 1."]
        await settle(pilot)
        assert "healthy" in panel(pilot)

    rows = await registered(world)
    assert set(rows) == set(WANTED_SCOPES)
    assert {row["is_active"] for row in rows.values()} == {True}
    assert {row["destination"] for row in rows.values()} == {world.webhook_url}
    records = await known(world)
    assert {record.state for record in records.values()} == {"healthy"}
    assert (records[CREATED].action, records[UPDATED].action, records[SHIPPED].action) == (
        "reactivated",
        "created",
        "moved",
    )
    found = await world.opened.database.read(lambda conn: webhooks.health_of(conn, world.connection_id))
    assert (found.state, found.action) == ("healthy", "reactivated 1 webhook, created 1, moved 1")
    assert (await world.reaches(unheard, "synced")).found_by == "poll"


async def test_what_the_demo_switches_off_is_seen_at_once_and_stays_off_for_a_person(world: World) -> None:
    await world.register_hooks()
    async with httpx.AsyncClient() as control:
        traffic = Traffic(control, world.about, seed=1, pause_s=1.0)
        accident = asyncio.create_task(accidents(traffic, world.context, pause_s=3_600.0))
        try:
            assert {row["is_active"] for row in (await registered(world)).values()} == {True}
            await hooks.register(world.context, None)  # as the service looks

            async def is_off() -> bool:
                return [record.state for record in (await known(world)).values()].count("deactivated") == 1

            await until(is_off, "one is off, and known to be")
            assert [row["is_active"] for row in (await registered(world)).values()].count(False) == 1
            await hooks.repair(world.context, None)
            assert not await is_off()
        finally:
            accident.cancel()
            await asyncio.gather(accident, return_exceptions=True)


async def test_register_test_and_poll(world: World, console: Console) -> None:
    async with console(world.context) as pilot:
        await pilot.press("4")
        await settle(pilot)
        assert "Not registered" in panel(pilot)
        assert "press n to register" in panel(pilot)
        await pilot.press("n")
        assert len((await asked(pilot)).lines) == len(WANTED_SCOPES) + 1
        await pilot.press("y")
        await comes(pilot, lambda: len(told(pilot)) == 1, "they are registered")
        assert set(await registered(world)) == set(WANTED_SCOPES)

        await pilot.press("r")
        await comes(pilot, lambda: len(told(pilot)) == 2, "there is nothing to repair")
        assert "every registration is in order" in told(pilot)[1]

        await pilot.press("t")
        await comes(pilot, lambda: len(told(pilot)) == 3, "the test delivery is told")
        assert "the test delivery was answered 200" in told(pilot)[2]
        assert await world.count("SELECT count(*) FROM webhook_delivery WHERE order_id IS NULL") == 1
        await settle(pilot)
        table = screen_of(pilot).query_one("#webhook-delivery-table", VirtualTable)
        assert table.row_count == 1

        await pilot.press("N")
        await asked(pilot)
        secrets = {row["headers"]["X-BCIFS-Key"] for row in (await registered(world)).values()}
        await pilot.press("y")
        await comes(pilot, lambda: len(told(pilot)) == 4, "the secret is renewed")
        renewed = {row["headers"]["X-BCIFS-Key"] for row in (await registered(world)).values()}
        assert len(renewed) == 1
        assert not renewed & secrets

        placed = await world.place_kind("plain", deliver=False)
        await pilot.press("p")
        await comes(pilot, lambda: len(told(pilot)) == 5, "the poll is told")
        assert "1 changed order seen" in told(pilot)[4]
    assert (await world.reaches(placed, "synced")).found_by == "poll"


async def test_trouble_is_shown_with_its_remedy(world: World, console: Console) -> None:
    await world.register_hooks()
    await world.stop()
    async with console(world.context) as pilot:
        await pilot.press("4")
        await settle(pilot)
        await pilot.press("t")
        await comes(pilot, lambda: told(pilot), "the failure is told")
        assert "the test delivery failed. It cannot be reached" in told(pilot)[0]
        assert "public_url" in told(pilot)[0]


# -- on the scene ------------------------------------------------------------------------------------------------------


async def opened(pilot: Pilot[None], *keys: str) -> WebhooksScreen:
    """The screen, after these keys."""
    for key in ("4", *keys):
        await pilot.press(key)
        await settle(pilot)
    return screen_of(pilot)


async def test_it_begins_with_the_connection_that_is_worst(
    scene: Context, console: Console, snapshot: Snapshot
) -> None:
    async with console(scene) as pilot:
        screen = await opened(pilot)
        assert screen.chosen is not None
        assert (screen.chosen.name, screen.chosen.state) == ("acme-eu", "deactivated")
        snapshot(pilot.app, "webhooks-120x36")
        await pilot.press("right_square_bracket")
        await settle(pilot)
        assert screen.chosen.name == "acme-us"
        snapshot(pilot.app, "webhooks-120x36-other")


async def test_a_low_terminal_shows_one_part_at_a_time(scene: Context, console: Console, snapshot: Snapshot) -> None:
    async with console(scene, size=NARROW) as pilot:
        await opened(pilot)
        snapshot(pilot.app, "webhooks-80x24")
        await opened(pilot, "right_square_bracket", "tab")
        snapshot(pilot.app, "webhooks-80x24-deliveries")
        await opened(pilot, "enter")
        snapshot(pilot.app, "webhooks-80x24-delivery")
        screen = await opened(pilot, "escape")
        assert screen.focused is screen.query_one("#webhook-delivery-table")


async def test_the_deliveries_of_one_hook(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        screen = await opened(pilot, "right_square_bracket")
        table = screen.query_one("#webhook-delivery-table", VirtualTable)
        every = table.row_count
        hooks_table = screen.query_one("#webhook-hook-table", VirtualTable)
        assert screen.chosen is not None
        hooks_table.move_to(next(number for number, hook in screen.hooks.items() if hook.scope == SHIPPED))
        await opened(pilot, "f")
        shown = {ref.scope for ref in screen.refs if ref.id in set(table.order.ids)}
        assert shown == {SHIPPED}
        assert 0 < table.row_count < every
        await opened(pilot, "f")
        assert table.row_count == every


async def test_columns_that_a_narrow_terminal_hides_are_shown_and_named_on_every_screen(
    scene: Context, console: Console
) -> None:
    async with console(scene, size=NARROW) as pilot:
        table = (await opened(pilot)).hook_table
        hidden = [column.title for column in table.hidden_columns]
        assert "Idle off" in hidden
        await pilot.press("ctrl+w")
        assert table.hidden_columns == []
        assert told(pilot)[-1] == f"Shown as well: {', '.join(hidden)}. h and l scroll sideways."
        await pilot.press("ctrl+w")
        assert [column.title for column in table.hidden_columns] == hidden


def silent(hook: HookLine) -> HookLine:
    return replace(hook, state=WebhookState.SILENT, cause="3 events are missing and none ever came.")


async def test_the_cursor_stays_on_its_hook_when_the_store_lists_them_otherwise(
    scene: Context, console: Console
) -> None:
    async with console(scene) as pilot:
        screen = await opened(pilot, "right_square_bracket")
        screen.hook_table.move_to_index(1)
        scope = screen.hook_scope()
        screen.found = [replace(each, hooks=tuple(reversed(each.hooks))) for each in screen.found]
        screen.show_all()
        assert screen.hook_table.order.cursor_index != 1
        assert screen.hook_scope() == scope
        assert screen.helping_key() == "press r to repair"
        screen.found = [replace(each, hooks=(silent(each.hooks[0]),)) for each in screen.found]
        assert screen.helping_key() == "", "it is in order at the store"


async def test_the_order_of_a_delivery(scene: Context, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    async with console(scene) as pilot:
        screen = await opened(pilot, "right_square_bracket", "tab", "down")
        shown: list[tuple[int, int]] = []
        monkeypatch.setattr(screen.desk, "open_order", lambda *of: shown.append(of))
        await pilot.press("o")
        assert shown == [(1, 112460)]
        monkeypatch.setattr(WebhooksScreen, "REST_S", 60.0)
        screen.delivery_table.action_cursor_by(1)
        seen = screen.delivery
        assert seen is not None
        assert seen.id == screen.delivery_table.cursor_id, "keys mean the row under the cursor, shown or not"
        screen.delivery_table.action_cursor_by(-1)

        def asked() -> list[str]:
            query = select(journal.c.event).where(journal.c.subject == "order:112460", journal.c.actor != "service")
            return scene.store.database.read_sync(lambda conn: list(conn.execute(query).scalars()))

        assert asked() == []
        await pilot.press("a")
        await comes(pilot, lambda: told(pilot), "what was done is told")
        assert told(pilot)[-1] == "Order 112460 is looked at again"
        assert asked() == ["order.sync_asked"]


async def test_read_only_greys_what_writes_and_says_why(scene: Context, console: Console) -> None:
    async with console(scene, readonly=True) as pilot:
        screen = await opened(pilot)
        for action in ("repair", "register", "test", "poll", "look_again", "renew_secret"):
            assert screen.check_action(action, ()) is None
        assert screen.check_action("only_this", ()) is True
        assert "press r" not in panel(pilot)
        await pilot.press("r")
        await settle(pilot)
        assert pilot.app.screen is screen


async def test_no_connection_yet(empty_scene: Context, console: Console, snapshot: Snapshot) -> None:
    async with console(empty_scene) as pilot:
        assert isinstance(pilot.app, ConsoleApp)
        pilot.app.open_section("webhooks")  # the set-up is in front, and takes the keys
        await settle(pilot)
        screen = screen_of(pilot)
        assert screen.chosen is None
        assert screen.why_not("webhooks.repair") == "there is no connection yet"
        snapshot(pilot.app, "webhooks-empty")


async def test_an_answer_that_comes_late_asks_nothing_over_another_screen(
    scene: Context, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = asyncio.Event()

    async def slow(_context: Context, *, connection: str) -> list[hooks.PlannedRepair]:
        await answered.wait()
        return [hooks.PlannedRepair("store/order/created", 17, "reactivated", f"is off at {connection}")]

    monkeypatch.setattr(hooks, "preview", slow)
    async with console(scene) as pilot:
        await pilot.press("4")
        await settle(pilot)
        await pilot.press("r", "2")
        answered.set()
        await settle(pilot)
        assert not isinstance(pilot.app.screen, ConfirmScreen)
        assert isinstance(pilot.app, ConsoleApp)
        assert any("press r again on Webhooks" in deed.text for deed in pilot.app.gateway.deeds)
