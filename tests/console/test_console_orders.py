"""The Orders screen on a real store: what it shows is what the store holds, what it does is in the store after."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from bcifs_console.base.clock import ManualClock
from bcifs_console.console.filters import write
from bcifs_console.console.screens.orders import OrdersScreen
from bcifs_console.console.widgets.filter_bar import FilterBar
from bcifs_console.console.widgets.order_rows import ORDER_COLUMNS
from bcifs_console.domain.states import OrderState
from bcifs_console.operations.context import Context
from bcifs_console.store import intake
from bcifs_console.store.database import Tx
from bcifs_console.store.tables import journal, store_order
from bcifs_console.store.views import order_list
from bcifs_console.store.views.order_filter import PROBLEMS, OrderFilter
from bcifs_console.store.views.order_list import NEWEST_FIRST, Sorting, SortKey, packed, unpacked
from tests.console.conftest import Snapshot
from tests.console.piloting import NARROW, WIDE, Console, settle

_ROUNDS = 500


async def until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    """Wait until it holds."""
    for _ in range(_ROUNDS):
        if holds():
            return
        await pilot.pause(0.01)
    raise AssertionError("it never came to hold")


async def orders(pilot: Pilot[None]) -> OrdersScreen:
    """The screen, in front and loaded whole."""
    await pilot.press("2")
    await settle(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, OrdersScreen)
    return screen


def ids_in(context: Context, wanted: OrderFilter = OrderFilter(), sorting: Sorting = NEWEST_FIRST) -> list[int]:  # noqa: B008
    """What the list has to show."""
    read = partial(order_list.ids, wanted=wanted, sorting=sorting, now=context.clock.now())
    return list(context.store.database.read_sync(read))


def states_in(context: Context, row_ids: list[int]) -> dict[int, str]:
    """The states the store holds for these orders."""
    rows = context.store.database.read_sync(partial(order_list.rows, row_ids=row_ids))
    return {row_id: row.state for row_id, row in rows.items()}


def shown(screen: OrdersScreen) -> list[int]:
    return list(screen.table.order.ids)


def drawn(screen: OrdersScreen) -> str:
    return "\n".join("".join(part.text for part in strip) for strip in screen._compositor.render_strips())


async def test_all_orders_stand_in_the_list_sorted_by_key_and_by_header(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        screen = await orders(pilot)
        assert shown(screen) == ids_in(scene)
        assert len(shown(screen)) > 50
        assert f"{len(shown(screen))} orders" in drawn(screen)
        await pilot.press("s")
        await until(pilot, lambda: shown(screen) == ids_in(scene, sorting=Sorting(SortKey.ORDER)))
        await pilot.press("less_than_sign")
        await until(pilot, lambda: shown(screen) == ids_in(scene, sorting=Sorting(SortKey.ORDER, descending=False)))
        total = next(placed for placed in screen.table.placed if placed.column.key == "total")
        await pilot.click("#order-table", offset=(total.x + 2, 0))
        await until(pilot, lambda: shown(screen) == ids_in(scene, sorting=Sorting(SortKey.TOTAL)))
        assert "▼ Total" in drawn(screen)


async def test_e_leaves_what_needs_a_person_and_again_brings_all_back(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        screen = await orders(pilot)
        await pilot.press("e")
        wanted = ids_in(scene, OrderFilter((PROBLEMS,)))
        await until(pilot, lambda: shown(screen) == wanted)
        assert screen.bar.text == write(OrderFilter((PROBLEMS,)))
        assert set(states_in(scene, wanted).values()) == {"failed", "waiting"}
        await pilot.press("e")
        await until(pilot, lambda: shown(screen) == ids_in(scene))


async def test_a_filter_is_typed_and_a_mistake_leaves_the_list_as_it_is(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        screen = await orders(pilot)
        await pilot.press("slash", *"state:wai reason:map")
        await until(pilot, lambda: 0 < len(shown(screen)) < 10)
        found = shown(screen)
        assert set(states_in(scene, found).values()) == {"waiting"}
        assert f"{len(found)} of" in drawn(screen)
        await pilot.press(*" sku:x")
        await settle(pilot)
        assert "no field sku" in drawn(screen)
        assert "problem:" in drawn(screen)
        await pilot.press("enter")
        assert pilot.app.focused is screen.table, "Enter goes to the list"
        await pilot.press("ctrl+x")
        await until(pilot, lambda: shown(screen) == ids_in(scene))
        assert "no field" not in drawn(screen)
        await pilot.press("slash", *"nobodyatall")
        await until(pilot, lambda: not shown(screen))
        await settle(pilot)
        assert "No order passes this filter" in drawn(screen)
        await pilot.press("escape")
        await until(pilot, lambda: len(shown(screen)) == len(ids_in(scene)))


def _arrive(tx: Tx, *, order_ids: list[int]) -> None:
    intake.mark_due(tx, 1, order_ids, found_by="webhook")


async def test_new_orders_come_on_top_and_do_not_move_what_is_read(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        screen = await orders(pilot)
        table = screen.table
        assert table.following
        await scene.store.database.write(partial(_arrive, order_ids=[900_001]))
        await until(pilot, lambda: table.cursor_id == packed(1, 900_001))
        await pilot.press("j", "j")
        at = table.cursor_id
        await scene.store.database.write(partial(_arrive, order_ids=[900_002, 900_003]))
        await until(pilot, lambda: table.new_rows == 2)
        assert table.cursor_id == at
        await settle(pilot)
        assert "↑ 2 new (f)" in drawn(screen)
        await pilot.press("f")
        assert table.cursor_id == packed(1, 900_003)
        assert table.new_rows == 0


def _read_as_old(tx: Tx) -> None:
    of_order = store_order.c.connection_id == 1, store_order.c.order_id == 900_001
    oldest = (
        tx.conn.execute(
            store_order.select().where(store_order.c.placed_at.is_not(None)).order_by(store_order.c.placed_at).limit(1)
        )
        .one()
        .placed_at
    )
    tx.conn.execute(store_order.update().where(*of_order).values(placed_at=oldest))
    _arrive(tx, order_ids=[900_001])


async def test_an_old_order_found_late_goes_to_its_place(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        screen = await orders(pilot)
        await scene.store.database.write(partial(_arrive, order_ids=[900_001]))
        await until(pilot, lambda: shown(screen)[0] == packed(1, 900_001))
        await scene.store.database.write(_read_as_old)
        await until(pilot, lambda: shown(screen) == ids_in(scene))
        assert packed(1, 900_001) in shown(screen)[-3:]


async def test_a_change_is_seen_in_its_line(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        screen = await orders(pilot)
        row_id = next(
            row_id for row_id, state in states_in(scene, list(screen.table.visible_ids)).items() if state == "waiting"
        )
        connection_id, order_id = unpacked(row_id)

        def rename(tx: Tx) -> None:
            of_order = store_order.c.connection_id == connection_id, store_order.c.order_id == order_id
            tx.conn.execute(store_order.update().where(*of_order).values(buyer_name="Zora"))
            intake.mark_due(tx, connection_id, [order_id], found_by="webhook")

        assert "Zora" not in drawn(screen)
        await scene.store.database.write(rename)
        await until(pilot, lambda: "Zora" in drawn(screen))
        line = next(line for line in drawn(screen).splitlines() if "Zora" in line)
        assert str(order_id) in line
        assert "due" in line


async def test_marked_orders_are_looked_at_again_after_a_question(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        screen = await orders(pilot)
        await pilot.press("e")
        await until(pilot, lambda: shown(screen) == ids_in(scene, OrderFilter((PROBLEMS,))))
        await settle(pilot)
        await pilot.press("g", "space", "space", "space")
        await settle(pilot)
        chosen = sorted(screen.table.marks)
        assert len(chosen) == 3
        assert "3 marked" in drawn(screen)
        await pilot.press("r")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert set(states_in(scene, chosen).values()) <= {"waiting", "failed"}, "Enter is on Cancel"
        await pilot.press("r")
        await settle(pilot)
        await pilot.press("y")
        await until(pilot, lambda: set(states_in(scene, chosen).values()) == {OrderState.DUE.value})
        asked = scene.store.database.read_sync(
            lambda conn: conn.execute(journal.select().where(journal.c.event == "order.sync_asked")).all()
        )
        assert {(row.connection_id, row.subject) for row in asked} == {
            (connection_id, f"order:{order_id}") for connection_id, order_id in map(unpacked, chosen)
        }
        await until(pilot, lambda: not screen.table.marks)
        await until(pilot, lambda: not set(chosen) & set(shown(screen)))
        one = screen.table.cursor_id
        assert one is not None
        await pilot.press("r")  # one alone is not asked about
        await until(pilot, lambda: states_in(scene, [one])[one] == OrderState.DUE.value)


async def test_nothing_is_done_when_read_only(scene: Context, console: Console) -> None:
    async with console(scene, readonly=True) as pilot:
        screen = await orders(pilot)
        before = states_in(scene, shown(screen)[:50])
        await pilot.press("r")
        await settle(pilot)
        assert "read-only" in (screen.reason_against("orders.retry") or "")
        assert states_in(scene, shown(screen)[:50]) == before


async def test_marks_and_following_say_why_they_cannot(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        screen = await orders(pilot)
        await pilot.press("s")
        await settle(pilot)
        assert "newest first" in (screen.why_not("orders.follow") or "")
        await pilot.press("slash", *"nobodyatall")
        await until(pilot, lambda: not shown(screen))
        assert screen.why_not("orders.retry") is not None


async def test_the_pane_tells_the_problem_and_what_to_do(
    scene: Context, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console(scene) as pilot:
        screen = await orders(pilot)
        screen.go_to(filter="state:failed")
        await until(pilot, lambda: set(states_in(scene, shown(screen)).values()) == {"failed"})
        await settle(pilot)
        row_id = screen.table.cursor_id
        assert row_id is not None
        row = scene.store.database.read_sync(partial(order_list.rows, row_ids=[row_id]))[row_id]
        brief = str(screen.query_one("#order-brief", Static).content)
        assert row.error.split()[0] in brief
        assert row.remedy.split()[0] in brief
        reads: list[Sequence[int]] = []
        read = screen.rows

        def counted(row_ids: Sequence[int]) -> Any:
            reads.append(row_ids)
            return read(row_ids)

        monkeypatch.setattr(OrdersScreen, "REST_S", 0.3)
        monkeypatch.setattr(screen, "rows", counted)
        await pilot.press("j", "k", "j")
        await settle(pilot)
        assert str(screen.query_one("#order-brief", Static).content) != brief
        assert reads == [[screen.table.cursor_id]], "what one passes by is not read"


async def test_a_minute_later_times_read_as_they_are_then(scene: Context, console: Console) -> None:
    async with console(scene, size=(140, 36)) as pilot:
        screen = await orders(pilot)
        today = {row_id: cells[2].plain for row_id, cells in screen.table.hydrate(screen.table.visible_ids).items()}
        placed = next(row_id for row_id, told in today.items() if ":" in told)
        assert isinstance(scene.clock, ManualClock)
        scene.clock.advance(86_400)
        screen.tick_in_front()
        await settle(pilot)
        (line,) = [line for line in drawn(screen).splitlines() if f" {unpacked(placed)[1]} " in line]
        assert today[placed] not in line, "yesterday's order is told by its day"


async def test_what_marks_come_to_is_not_told_late(
    scene: Context, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console(scene) as pilot:
        screen = await orders(pilot)
        read, goes_on = screen.gateway.read, asyncio.Event()

        async def slow(run: Callable[[Any], Any]) -> Any:
            found = await read(run)
            await goes_on.wait()
            return found

        monkeypatch.setattr(screen.gateway, "read", slow)
        screen.table.set_marks(shown(screen)[:2])
        await until(pilot, lambda: any(worker.group == "sum of marks" for worker in pilot.app.workers))
        screen.table.set_marks(())
        await pilot.pause()
        await until(pilot, lambda: screen.is_at_rest)
        goes_on.set()
        await settle(pilot)
        assert "Order " in str(screen.query_one("#order-brief", Static).content)


async def test_a_slow_read_is_not_broken_off_by_the_next_change(
    scene: Context, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console(scene) as pilot:
        screen = await orders(pilot)
        began, goes_on, loads = asyncio.Event(), asyncio.Event(), []
        load = screen.load

        async def slow() -> None:
            loads.append("began")
            began.set()
            await goes_on.wait()
            await load()
            loads.append("ended")

        monkeypatch.setattr(screen, "load", slow)
        screen.reload()
        await began.wait()
        screen.requery()
        screen.requery()
        goes_on.set()
        await until(pilot, lambda: len(loads) == 4)
        assert loads == ["began", "ended"] * 2


async def test_narrow_the_list_has_it_all(scene: Context, console: Console) -> None:
    async with console(scene, size=NARROW) as pilot:
        screen = await orders(pilot)
        assert not screen.query_one("#order-brief").display
        assert "USD" in drawn(screen)
        assert "waiting customer" in drawn(screen)
        assert "###" not in drawn(screen)
        await pilot.press("ctrl+w")
        await settle(pilot)
        await pilot.press(*["l"] * 6)
        await settle(pilot)
        assert "IFS order" in drawn(screen)


async def test_in_a_wide_terminal_the_age_stands_beside_each_order(scene: Context, console: Console) -> None:
    async with console(scene, size=(140, 36)) as pilot:
        table = (await orders(pilot)).table
        titles = [placed.column.title for placed in table.placed]
        assert "Age" in titles
        at = [column.title for column in ORDER_COLUMNS].index("Age")
        cells = table.hydrate(table.visible_ids)
        shown = [cells[row_id][at].plain for row_id in table.visible_ids]
        assert {told.split()[-1] for told in shown} == {"now", "min", "h"}, "no seconds: it is drawn once a minute"


async def test_numbers_are_copied(scene: Context, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    async with console(scene) as pilot:
        screen = await orders(pilot)
        monkeypatch.setattr(screen.desk, "copy", lambda value, what: copied.append(value))
        await pilot.press("y", "space", "space", "y", "Y")
    first, second = (str(unpacked(row_id)[1]) for row_id in ids_in(scene)[:2])
    assert copied[0] == first
    assert sorted(copied[1].split()) == sorted([first, second])
    assert '"order_id"' in copied[2]


async def test_hostile_names_reach_the_screen_harmless(hostile_scene: Context, console: Console) -> None:
    async with console(hostile_scene) as pilot:
        screen = await orders(pilot)
        text = drawn(screen)
        assert "\x1b" not in text
        assert "[/b]" in text or "\\x1b" in text


async def test_a_store_without_orders_says_what_will_come(empty_scene: Context, console: Console) -> None:
    async with console(empty_scene, readonly=True) as pilot:
        screen = await orders(pilot)
        assert "No orders yet." in drawn(screen)
        assert screen.query_one(FilterBar).text == ""


def _many(tx: Tx) -> None:
    """So many orders that reading them all would be seen."""
    rows: list[dict[str, Any]] = [
        {"connection_id": 1, "order_id": 1_000_000 + n, "state": "synced", "first_seen_at": tx.now, "placed_at": tx.now}
        for n in range(20_000)
    ]
    tx.conn.execute(store_order.insert(), rows)


async def test_a_long_list_is_read_by_the_screenful(
    scene: Context, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.store.database.write_sync(_many)
    asked: list[int] = []
    rows = order_list.rows

    def counted(conn: Any, row_ids: Any) -> Any:
        asked.extend(row_ids)
        return rows(conn, row_ids)

    monkeypatch.setattr(order_list, "rows", counted)
    async with console(scene) as pilot:
        screen = await orders(pilot)
        await until(pilot, lambda: len(shown(screen)) > 20_000)
        await pilot.press("G", "g", "pagedown")
        await settle(pilot)
        assert len(asked) < 700, "a few screens of forty and what is near them"
        before = len(asked)
        await scene.store.database.write(partial(_arrive, order_ids=[1_000_500, 900_001]))
        await until(pilot, lambda: packed(1, 900_001) in screen.table.order)
        await settle(pilot)
        assert len(asked) - before < 100


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_it_looks_as_it_is_meant_to(
    scene: Context, console: Console, snapshot: Snapshot, size: tuple[int, int]
) -> None:
    async with console(scene, size=size) as pilot:
        screen = await orders(pilot)
        await pilot.press("e")
        await until(pilot, lambda: shown(screen) == ids_in(scene, OrderFilter((PROBLEMS,))))
        await pilot.press("g", "space", "j")
        await settle(pilot)
        snapshot(pilot.app, f"orders-{size[0]}x{size[1]}")


async def test_what_is_typed_into_a_filter_stands_apart_from_what_is_there(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        screen = await orders(pilot)
        await pilot.press("e")
        await settle(pilot)
        problems = screen.bar.text
        await pilot.press("slash", *"5038")
        await settle(pilot)
        assert screen.bar.text == f"{problems} 5038"
