"""Jobs on the scene: fix once, clear many with one order first; queue, backfills, pauses; what the store then holds."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bcifs_console.console.screens.jobs import JobsScreen
from bcifs_console.console.widgets.filter_bar import FilterBar
from bcifs_console.console.widgets.page_tabs import PageTabs
from bcifs_console.console.widgets.sheet import Sheet
from bcifs_console.console.widgets.status_bar import StatusBar
from bcifs_console.console.widgets.virtual_table import VirtualTable
from bcifs_console.domain.buyers import Skipped
from bcifs_console.domain.plan import Reason
from bcifs_console.domain.states import OrderState, Outcome, left_out_key
from bcifs_console.operations.context import Context
from bcifs_console.store import customers, group_retries, pauses, queue
from bcifs_console.store.group_retries import Group, RetryState
from bcifs_console.store.tables import journal, store_order
from bcifs_console.sync.group_retrying import group_retry_step
from tests.console.conftest import Snapshot
from tests.console.piloting import NARROW, Console, settle

#: The group of three that waits for a revenue account, the first on the list.
GIFT_BOXES = (112449, 112450, 112451)


def jobs(pilot: Any) -> JobsScreen:
    screen = pilot.app.screen
    assert isinstance(screen, JobsScreen)
    return screen


def rows(pilot: Any, page: str) -> list[list[str]]:
    table = jobs(pilot).query_one(f"#jobs-{page}", VirtualTable)
    cells = table.hydrate(list(table.order.ids))
    return [[cell.plain for cell in cells[number]] for number in table.order.ids]


def counts(pilot: Any) -> dict[str, int]:
    return {page.key: page.count for page in jobs(pilot).query_one(PageTabs).pages}


def states(context: Context, *order_ids: int) -> list[str]:
    query = select(store_order.c.order_id, store_order.c.state).where(store_order.c.order_id.in_(order_ids))
    found = dict(context.store.database.read_sync(lambda conn: [tuple(row) for row in conn.execute(query)]))
    return [found[order_id] for order_id in order_ids]


def events(context: Context) -> list[tuple[str, str]]:
    query = select(journal.c.event, journal.c.actor).where(journal.c.event.startswith("problems."))
    return [(row.event, row.actor) for row in context.store.database.read_sync(lambda c: c.execute(query).all())]


def look(context: Context, order_id: int, outcome: Outcome) -> None:
    """What a worker does with a due order."""

    def write(tx: Any) -> None:
        (held,) = queue.claim(tx, "worker", limit=1, lease=timedelta(minutes=1), only=[(1, order_id)])
        queue.finish(tx, held, outcome, actor="service")

    context.store.database.write_sync(write)


async def test_what_there_is_to_do(scene: Context, console: Console, snapshot: Snapshot) -> None:
    async with console(scene) as pilot:
        await pilot.press("7")
        await settle(pilot)
        assert counts(pilot) == {"problems": 14, "releases": 0, "queue": 13, "planned": 2, "backfills": 1}
        first = rows(pilot, "problems")[0]
        assert (first[0], first[1], first[3]) == ("! mapping", "3", "40 min")
        strip = jobs(pilot).query_one("#job-connections", Sheet).text
        assert "402/450" in strip
        assert "IFS since 17 min: IFS refused the client's secret" in strip
        snapshot(pilot.app, "jobs-120x36")


async def test_in_a_narrow_terminal_the_row_stands_below_its_list(
    scene: Context, console: Console, snapshot: Snapshot
) -> None:
    async with console(scene, size=NARROW) as pilot:
        await pilot.press("7", "j")
        await settle(pilot)
        side = jobs(pilot).query_one("#job-side")
        assert side.region.y > jobs(pilot).query_one("#jobs-problems").region.y
        snapshot(pilot.app, "jobs-80x24")


async def test_a_group_is_retried_one_order_first_then_the_rest(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        await pilot.press("7", "r")
        await settle(pilot)
        assert states(scene, *GIFT_BOXES) == ["due", "waiting", "waiting"]
        assert events(scene) == [("problems.retried", "dana")]
        assert counts(pilot)["releases"] == 1
        look(scene, GIFT_BOXES[0], Outcome(OrderState.SYNCED))
        await group_retry_step(scene.store.database, 1)
        assert states(scene, *GIFT_BOXES) == ["synced", "due", "due"]
        jobs(pilot).reload()
        await settle(pilot)
        assert counts(pilot)["releases"] == 0
        assert "3" not in {row[1] for row in rows(pilot, "problems")}


async def test_where_the_first_does_not_get_through_the_screen_says_so_and_the_rest_stays(
    scene: Context, console: Console, snapshot: Snapshot
) -> None:
    async with console(scene) as pilot:
        await pilot.press("7", "r")
        await settle(pilot)
        cause = group_retries.every
        (retry,) = scene.store.database.read_sync(cause)
        again = Outcome(OrderState.WAITING, reason=Reason.MAPPING, cause=retry.group.cause, error="Still no account.")
        look(scene, GIFT_BOXES[0], again)
        await group_retry_step(scene.store.database, 1)
        assert states(scene, *GIFT_BOXES) == ["waiting", "waiting", "waiting"]
        jobs(pilot).reload()
        await pilot.press("right_square_bracket")
        await settle(pilot)
        assert rows(pilot, "releases")[0][0] == "✗ stopped"
        assert "Still no account." in jobs(pilot).query_one("#job-detail", Sheet).text
        async with asyncio.timeout(20):  # the status bar counts anew by itself
            while "17 need you" not in str(jobs(pilot).query_one(StatusBar).render()):
                await pilot.pause(0.01)
        snapshot(pilot.app, "jobs-stopped-120x36")


async def test_taken_back_the_rest_does_not_go(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        await pilot.press("7", "r")
        await settle(pilot)
        await pilot.press("u")
        await settle(pilot)
        assert scene.store.database.read_sync(group_retries.every) == []
        look(scene, GIFT_BOXES[0], Outcome(OrderState.SYNCED))
        await group_retry_step(scene.store.database, 1)
        assert states(scene, *GIFT_BOXES) == ["synced", "waiting", "waiting"]


async def test_x_gives_up_a_retry_from_either_list(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        await pilot.press("7", "r")
        await settle(pilot)
        await pilot.press("x")
        await settle(pilot)
        assert scene.store.database.read_sync(group_retries.every) == []
        assert ("problems.retry_ended", "dana") in events(scene)


@pytest.mark.parametrize(("page", "order_id"), [("problems", 112453), ("queue", 112460)])
async def test_x_on_one_order_leaves_it_out_with_a_note_after_asking_and_u_takes_it_in(
    scene: Context, console: Console, page: str, order_id: int
) -> None:
    def note() -> str | None:
        found = scene.store.database.read_sync(lambda conn: customers.link_of(conn, 1, left_out_key(order_id)))
        return found.note if isinstance(found, Skipped) else None

    async with console(scene) as pilot:
        await pilot.press("7")
        await settle(pilot)
        screen = jobs(pilot)
        screen.turn_to(page)
        for number in screen.table_of(page).order.ids:
            screen.table_of(page).move_to(number)
            if screen.order_here == (1, order_id):
                break
        assert screen.order_here == (1, order_id)
        await pilot.press("x")
        await settle(pilot)
        await pilot.press(*"a test", "enter")
        await settle(pilot)
        assert note() is None, "it asks before"
        await pilot.press("y")
        await settle(pilot)
        assert note() == "a test"
        await pilot.press("u")
        await settle(pilot)
        assert note() is None


async def test_everything_is_retried_after_asking(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        await pilot.press("7", "A")
        await settle(pilot)
        assert events(scene) == [], "nothing happens before the answer"
        await pilot.press("y")
        await settle(pilot)
        assert len(events(scene)) == 14
        found = scene.store.database.read_sync(group_retries.every)
        assert {(retry.group.kind, len(retry.orders), retry.state) for retry in found} == {
            ("mapping", 2, RetryState.CANARY),
            ("customer", 1, RetryState.CANARY),
        }


async def test_a_planned_attempt_is_made_now(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        await pilot.press("7", "left_square_bracket", "left_square_bracket")
        await settle(pilot)
        assert [row[1] for row in rows(pilot, "planned")] == ["112456", "112457"]
        await pilot.press("j", "r")
        await settle(pilot)
        due_at = select(store_order.c.due_at).where(store_order.c.order_id == 112457)
        assert scene.store.database.read_sync(lambda conn: conn.execute(due_at).scalar()) == scene.clock.now()


async def test_p_pauses_the_connection_under_the_cursor_alone(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        await pilot.press("7", "P")
        await settle(pilot)
        assert scene.store.database.read_sync(pauses.paused) == {1}
        assert "paused by dana" in jobs(pilot).query_one("#job-connections", Sheet).text
        await pilot.press("P")
        await settle(pilot)
        assert scene.store.database.read_sync(pauses.paused) == set()


async def test_a_read_only_console_changes_nothing(scene: Context, console: Console) -> None:
    async with console(scene, readonly=True) as pilot:
        await pilot.press("7", "r", "P", "x")
        await settle(pilot)
        assert events(scene) == []
        assert scene.store.database.read_sync(pauses.paused) == set()


async def test_enter_opens_an_order_of_the_queue(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        await pilot.press("7", "right_square_bracket", "right_square_bracket", "enter")
        await settle(pilot)
        order: Any = pilot.app.screen
        assert order.order_id == 112458


async def test_enter_on_a_group_lists_its_orders(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        await pilot.press("7", "enter")
        await settle(pilot)
        assert pilot.app.current_mode == "orders"
        orders: Any = pilot.app.screen
        listed = orders.query_one(VirtualTable)
        for _ in range(100):
            await settle(pilot)
            if listed.row_count == len(GIFT_BOXES):
                break
        assert listed.row_count == len(GIFT_BOXES)
        assert orders.query_one(FilterBar).text == 'state:waiting cause:"mapping:SKU GIFTBOX-XMAS26"'


async def test_the_overview_leads_to_the_group(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        pilot.app.open_section("jobs", page="problems", group=Group(1, "failed", "ifs:transient"))  # type: ignore[attr-defined] # ConsoleApp
        await settle(pilot)
        row: Any = jobs(pilot).row
        assert (row.kind, row.group.cause) == ("failed", "ifs:transient")


@pytest.mark.parametrize(("page", "word"), [("backfills", "◑ reading"), ("queue", "◑ working")])
async def test_the_other_lists(scene: Context, console: Console, page: str, word: str) -> None:
    async with console(scene) as pilot:
        pilot.app.open_section("jobs", page=page)  # type: ignore[attr-defined] # ConsoleApp
        await settle(pilot)
        assert rows(pilot, page)[0][0] == word


async def test_an_installation_without_orders_says_what_would_stand_here(
    empty_scene: Context, console: Console
) -> None:
    async with console(empty_scene, readonly=True) as pilot:
        await pilot.press("7")
        await settle(pilot)
        assert jobs(pilot).query_one("#jobs-problems", VirtualTable).message.plain == "✓ No order waits or failed."
        assert jobs(pilot).why_not("jobs.pause") == "there is no connection yet"
