"""The Overview on the scene: what needs a person is on top and Enter opens it; pausing; several connections."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from bcifs_console.console.screens.overview import OverviewScreen
from bcifs_console.console.widgets.sheet import Sheet
from bcifs_console.console.widgets.tile import Tile
from bcifs_console.console.widgets.virtual_table import VirtualTable
from bcifs_console.domain.states import OrderState, Outcome
from bcifs_console.operations import pausing
from bcifs_console.operations.context import Context
from bcifs_console.store import health, intake, pauses, queue
from bcifs_console.store.tables import heartbeat, store_order
from tests.console.conftest import Snapshot
from tests.console.piloting import NARROW, Console, settle


def overview(pilot: Any) -> OverviewScreen:
    screen = pilot.app.screen
    assert isinstance(screen, OverviewScreen)
    return screen


def rows(table: VirtualTable) -> list[list[str]]:
    """What the table says, row by row."""
    cells = table.hydrate(list(table.order.ids))
    return [[cell.plain for cell in cells[number]] for number in table.order.ids]


def needs(pilot: Any) -> list[list[str]]:
    return rows(overview(pilot).query_one("#needs", VirtualTable))


def tile(pilot: Any, name: str) -> str:
    return str(overview(pilot).query_one(f"#tile-{name}", Tile).figure.value)


def finish(context: Context, order_id: int, outcome: Outcome) -> None:
    """What a worker does with a due order."""
    database = context.store.database

    def write(tx: Any) -> None:
        (held,) = queue.claim(tx, "worker", limit=1, lease=timedelta(minutes=1), only=[(1, order_id)])
        queue.finish(tx, held, outcome, actor="service")

    database.write_sync(write)


async def test_the_tiles_and_the_line_of_the_last_hour(scene: Context, console: Console, snapshot: Snapshot) -> None:
    async with console(scene) as pilot:
        assert [tile(pilot, name) for name in ("received", "synced", "waiting", "failed", "oldest")] == [
            "51",
            "18",
            "15",
            "2",
            "3 d",
        ]
        snapshot(pilot.app, "overview-120x36")


async def test_in_a_narrow_terminal_the_same_is_told_in_lines(
    scene: Context, console: Console, snapshot: Snapshot
) -> None:
    async with console(scene, size=NARROW) as pilot:
        line = overview(pilot).query_one("#tile-line", Sheet).text
        assert line == "51 received  ·  18 in IFS  ·  15 ! waiting  ·  2 ✗ failed  ·  3 d oldest"
        assert not overview(pilot).query_one("#tiles").display
        snapshot(pilot.app, "overview-80x24")


async def test_what_needs_a_person_is_listed_with_what_it_holds_back(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        found = needs(pilot)
        assert [row[0] for row in found[:4]] == ["✗ paused", "! decide", "! decide", "! map"]
        assert found[1][1].startswith("Who are these 4 buyers in IFS?")
        assert [row[2] for row in found[1:4]] == ["5", "1", "3"]
        assert {row[4] for row in found[:2]} == {"acme-us", "acme-eu"}


async def test_enter_opens_the_thing_whatever_it_is(scene: Context, console: Console) -> None:
    leads = {
        "paused": "jobs",
        "decide": "decisions",
        "map": "mappings",
        "failed": "jobs",
        "webhooks": "webhooks",
        "books": "ledger",
    }
    async with console(scene) as pilot:
        words = [row[0].split()[-1] for row in needs(pilot)]
        for word, section in leads.items():
            overview(pilot).query_one("#needs", VirtualTable).move_to_index(words.index(word))
            await pilot.press("enter")
            await settle(pilot)
            assert pilot.app.current_mode == section
            await pilot.press("1")
            await settle(pilot)


async def test_the_newest_problems_open_the_order(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        troubles = overview(pilot).query_one("#troubles", VirtualTable)
        assert rows(troubles)[0][1] == "112455"
        await pilot.press("tab", "enter")
        await settle(pilot)
        order: Any = pilot.app.screen
        assert (order.connection_id, order.order_id) == (1, 112455)


async def test_a_decided_order_leaves_the_tile_at_once(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        assert tile(pilot, "waiting") == "15"
        scene.store.database.write_sync(lambda tx: intake.mark_due(tx, 1, [112453], found_by="test"))
        finish(scene, 112453, Outcome(OrderState.SYNCED))
        overview(pilot).reload()
        await settle(pilot)
        assert (tile(pilot, "waiting"), tile(pilot, "synced")) == ("14", "19")
        assert "totals" not in {row[0].split()[-1] for row in needs(pilot)}


async def test_the_cursor_stays_on_its_need_when_others_come_before_it(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        table = overview(pilot).query_one("#needs", VirtualTable)
        await pilot.press("j", "j", "j")
        before = table.cursor_id
        assert before is not None
        said = [cell.plain for cell in table.hydrate([before])[before]]
        scene.store.database.write_sync(lambda tx: tx.conn.execute(delete(heartbeat)))
        overview(pilot).reload()
        await settle(pilot)
        assert [row[0] for row in needs(pilot)[:2]] == ["✗ down", "✗ down"]
        after = table.cursor_id
        assert after is not None
        assert [cell.plain for cell in table.hydrate([after])[after]] == said
        assert "Press s to start it." not in overview(pilot).query_one("#need-detail", Sheet).text


async def test_p_pauses_all_connections_and_u_takes_it_back(scene: Context, console: Console) -> None:
    database = scene.store.database
    async with console(scene) as pilot:
        await pilot.press("P")
        await settle(pilot)
        assert database.read_sync(pauses.paused) == {1, 2}
        due = database.write_sync(lambda tx: queue.claim(tx, "worker", limit=9, lease=timedelta(minutes=1)))
        assert due == [], "no order is taken up"
        await settle(pilot)
        assert sum(row[0] == "! paused" for row in needs(pilot)) == 2
        await pilot.press("u")
        await settle(pilot)
        assert database.read_sync(pauses.paused) == set()


async def test_p_takes_a_paused_connection_up_again(scene: Context, console: Console) -> None:
    pausing.pause(scene, [2], note="stock-taking")
    async with console(scene) as pilot:
        assert "stock-taking" in next(row[1] for row in needs(pilot) if row[0] == "! paused")
        await pilot.press("P")
        await settle(pilot)
        assert scene.store.database.read_sync(pauses.paused) == set()


async def test_a_read_only_console_pauses_nothing(scene: Context, console: Console) -> None:
    async with console(scene, readonly=True) as pilot:
        await pilot.press("P")
        await settle(pilot)
        assert scene.store.database.read_sync(pauses.paused) == set()


async def test_health_tells_why_a_side_is_paused_and_since_when(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        told = overview(pilot).query_one("#vital-signs", Sheet).text
        (line,) = [line.split() for line in told.splitlines() if line.startswith("IFS ") and "paused" in line]
        assert line == ["IFS", "✗", "paused", "17", "min"]
        assert "(401 invalid_client)" in " ".join(told.split())


async def test_all_is_calm_where_nothing_is_wrong(scene: Context, console: Console, snapshot: Snapshot) -> None:
    """An installation that works: everything is in IFS, webhooks are well, both sides answer."""

    def heal(tx: Any) -> None:
        from bcifs_console.domain.states import Side
        from bcifs_console.store.tables import decision, reconciliation, webhook_health

        tx.conn.execute(store_order.update().values(state="synced", problems="[]", error="", cause="", reason=""))
        tx.conn.execute(delete(decision))
        tx.conn.execute(reconciliation.update().values(verdict="green"))
        tx.conn.execute(webhook_health.update().values(state="healthy", findings="[]"))
        health.set_breaker(tx, 2, Side.IFS, is_open=False)

    scene.store.database.write_sync(heal)
    async with console(scene) as pilot:
        painted: list[Any] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pilot.app, "_display", lambda _screen, drawn: painted.append(drawn))
            for _ in range(2):
                await overview(pilot).load()
                await settle(pilot)
        assert [each.spans for each in painted] == [], "a second in which nothing changed paints nothing"
        assert needs(pilot) == []
        assert overview(pilot).query_one("#needs", VirtualTable).message.plain == "✓ Nothing needs you."
        assert tile(pilot, "waiting") == "0"
        snapshot(pilot.app, "overview-calm-120x36")
    states = scene.store.database.read_sync(lambda conn: conn.execute(select(store_order.c.state).distinct()).all())
    assert [row.state for row in states] == ["synced"]
