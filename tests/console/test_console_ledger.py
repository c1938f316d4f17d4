"""The Ledger screen: from a red day to the missing document and back to green, on a real store and on the scene.

The user's task is played on `reconciled_world`: a real SQLite store with documents the planner planned, beside a store
and an IFS in memory, so that the comparison that the screen runs is the real one.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from textual.widgets import Input, Static

from bcifs_console.base.problems import Problem, ProblemKind
from bcifs_console.base.settings import Settings
from bcifs_console.bigcommerce.errors import BadAnswer
from bcifs_console.console.gateway import DeedKind
from bcifs_console.console.screens.ledger import LedgerScreen
from bcifs_console.console.screens.ledger_pages import KINDS, GridDay, day_lines
from bcifs_console.console.screens.note import AskScreen
from bcifs_console.console.screens.order import OrderScreen
from bcifs_console.console.widgets.sheet import Sheet, SheetScroll
from bcifs_console.console.widgets.virtual_table import VirtualTable
from bcifs_console.domain.documents import DocumentKind, DocumentState
from bcifs_console.domain.orders import Order
from bcifs_console.operations.context import Context
from bcifs_console.store import books as stored_books
from bcifs_console.store import ledger, reconciliation, rules
from bcifs_console.store.feed import ChangeSet
from bcifs_console.store.opening import Store
from bcifs_console.store.views.ledger_pages import ReconciledDay
from tests.console.conftest import Snapshot
from tests.console.piloting import NARROW, WIDE, Console, settle
from tests.operations.reconciled_world import BOOKING, DAY, POLICY, Books, FakeStore, at

if TYPE_CHECKING:
    from bcifs_console.base.clock import ManualClock
    from bcifs_console.store.database import Database
    from bcifs_console.store.vault import Vault
    from tests.conftest import AddConnection

MISSING = "BC-5001/PAY/44"


@dataclass(frozen=True, slots=True)
class BooksContext(Context):
    """An installation whose store and IFS are those of `Books`."""

    world: Books

    def runtime(self, connection_id: int, on_call: Any = None) -> Any:
        world = self.world
        profile = SimpleNamespace(order=SimpleNamespace(cancelled_states=("Cancelled",)))
        ifs = SimpleNamespace(
            vouchers_between=world.ifs.vouchers_between, orders_between=world.ifs.orders_between, profile=profile
        )

        async def aclose() -> None:
            return None

        return SimpleNamespace(
            id=connection_id, connection=SimpleNamespace(name="acme-us"), policy=world.policy, rules=BOOKING,
            store=world.store, ifs=ifs, aclose=aclose,
        )  # fmt: skip


@pytest.fixture
def world(sqlite_database: "Database", clock: "ManualClock", add_connection: "AddConnection") -> Books:
    """One order, paid and half sent; all of it in IFS."""
    made = Books(sqlite_database, clock, add_connection(sqlite_database, policy=POLICY))
    made.place()
    made.pay(5001, 44, "27", at(10))
    made.ship(5001, 61, 1, at(11))
    made.sync(5001)

    def save(tx: Any) -> None:
        for purpose in {rule.purpose for rule in BOOKING.rules}:
            rules.replace(tx, made.connection_id, purpose, BOOKING.of(purpose), actor="test", reason="")

    sqlite_database.write_sync(save)
    return made


@pytest.fixture
def installation(world: Books, vault: "Vault", tmp_path: Path) -> BooksContext:
    return BooksContext(Settings(home=tmp_path), Store(tmp_path, world.database, vault), world.clock, "dana", world)


async def opened(pilot: Any, **focus: Any) -> LedgerScreen:
    pilot.app.open_section("ledger", **focus)
    await settle(pilot)
    return screen(pilot)


def screen(pilot: Any) -> LedgerScreen:
    found = pilot.app.screen
    assert isinstance(found, LedgerScreen)
    return found


def pane(shown: LedgerScreen, name: str) -> str:
    lines = shown.query_one(f"#{name}", SheetScroll).sheet.lines_at(100)
    return " ".join(" ".join(line.plain for line in lines).split())


def rows(table: VirtualTable) -> list[str]:
    cells = table.hydrate(list(table.order.ids))
    return [" ".join(" ".join(cell.plain for cell in cells[number]).split()) for number in table.order.ids]


def verdicts(world: Books) -> dict[str, str]:
    found = world.database.read_sync(lambda conn: reconciliation.between(conn, world.connection_id, DAY, DAY))
    return {row.kind: row.verdict for row in found}


async def eventually(pilot: Any, condition: Callable[[], bool]) -> None:
    for _ in range(400):
        if condition():
            return
        await pilot.pause(0.01)
    raise AssertionError("it never came")


# -- the user's task ---------------------------------------------------------------------------------------------------


async def test_from_a_red_day_to_the_missing_document_and_back_to_green(
    installation: BooksContext, world: Books, console: Console
) -> None:
    lost = world.ifs.vouchers.pop(MISSING)
    async with console(installation) as pilot:
        shown = await opened(pilot)
        assert rows(shown.grid) == ["Tue 1 Dec · not compared"]
        assert "2 vouchers of ours, never compared with IFS." in pane(shown, "day")

        await pilot.press("n")
        await settle(pilot)
        assert verdicts(world) == {"orders": "green", "payments": "red", "shipments": "green"}
        assert rows(shown.grid) == ["Tue 1 Dec USD ✗ red ✓ 1 ✗ 0 ✓ 1"]
        assert "payments ×1/0 27.00 0.00 -27.00" in pane(shown, "day")

        await pilot.press("enter")
        await settle(pilot)
        assert pilot.app.focused is shown.differences
        assert rows(shown.differences) == [f"✗ red {MISSING} -27.00 27.00 –"]
        told = pane(shown, "difference")
        assert f"It was posted as ref {MISSING}, and IFS does not show it." in told
        assert "1580 clearing 27.00 │ 2420 customer balance 27.00" in told

        await pilot.press("enter")
        await settle(pilot)
        order = pilot.app.screen
        assert isinstance(order, OrderScreen)
        assert (order.connection_id, order.order_id) == (world.connection_id, 5001)
        assert order.case is not None
        stored = world.database.read_sync(
            lambda conn: ledger.find(conn, world.connection_id, DocumentKind.VOUCHER, MISSING)
        )
        assert stored is not None
        assert stored.state is DocumentState.CONFIRMED
        assert MISSING in [document.key for document in order.case.documents]

        world.ifs.put(lost)  # entered in IFS again
        await pilot.press("escape", "n")
        await settle(pilot)
        assert verdicts(world) == {"orders": "green", "payments": "green", "shipments": "green"}
        assert "Both sides agree to the cent." in pane(screen(pilot), "day")
        assert [deed.text for deed in screen(pilot).gateway.deeds][-1] == "Compared 2026-12-01 of acme-us: all green"


async def test_a_voucher_that_comes_late_makes_its_day_outdated(
    installation: BooksContext, world: Books, console: Console
) -> None:
    async with console(installation) as pilot:
        shown = await opened(pilot)
        await pilot.press("n")
        await settle(pilot)
        world.clock.advance(60)
        world.ship(5001, 62, 1, at(12))
        world.sync(5001)
        await eventually(pilot, lambda: "◔" in rows(shown.grid)[0])
        assert "✓ green ◔ 2 " in rows(shown.grid)[0]
        assert "✓ green ◔ 2 since 12:00 compared 1 min ago" in pane(shown, "day")
        assert "n compares it anew" in pane(shown, "day")
        assert "✓ 1 green ◔ 1 outdated" in " ".join(shown.query_one("#books-head", Sheet).text.split())
        await pilot.press("n")
        await settle(pilot)
        assert "green" in rows(shown.grid)[0]
        assert "compared just now" in pane(shown, "day")
        assert "◔" not in rows(shown.grid)[0]


async def test_days_of_choice_are_compared_and_wrong_ones_are_refused(
    installation: BooksContext, world: Books, console: Console
) -> None:
    async with console(installation) as pilot:
        await opened(pilot)
        await pilot.press("N")
        await settle(pilot)
        asking = pilot.app.screen
        assert isinstance(asking, AskScreen)
        assert asking.query_one(Input).value == "2026-12"
        asking.query_one(Input).value = "december"
        await pilot.press("enter")
        await settle(pilot)
        assert pilot.app.screen is asking
        asking.query_one(Input).value = "2026-11-30..2026-12-01"
        await pilot.press("enter")
        await settle(pilot)
        assert set(verdicts(world).values()) == {"green"}


class SlowStore(FakeStore):
    """Begins to list its orders and never ends."""

    async def orders_modified_since(
        self, since: Any, *, live: bool = False, on_unreadable: Callable[[BadAnswer], None] | None = None
    ) -> AsyncIterator[Order]:
        async for order in super().orders_modified_since(since, live=live, on_unreadable=on_unreadable):
            yield order
        await asyncio.Event().wait()


async def test_a_comparison_says_how_far_it_is_and_can_be_stopped(
    installation: BooksContext, world: Books, console: Console
) -> None:
    async with console(installation) as pilot:
        shown = await opened(pilot)
        await pilot.press("n")
        await settle(pilot)
        before = verdicts(world)
        world.ifs.vouchers.pop(MISSING)
        world.store = SlowStore(world.store.orders, world.store.refunds)
        await pilot.press("n")
        await eventually(pilot, lambda: "reading the store's orders 1" in " ".join(running(shown).split()))
        assert shown.why_not("ledger.compare") == "a comparison is running; x stops it"
        await pilot.press("x")
        await eventually(pilot, lambda: shown.running is None)
        await settle(pilot)
        assert verdicts(world) == before
        assert not shown.has_class("-running")


def running(shown: LedgerScreen) -> str:
    return shown.query_one("#running", Sheet).text


async def test_a_side_that_does_not_answer_is_told_with_what_helps(
    installation: BooksContext, world: Books, console: Console
) -> None:
    def refuse(_name: str) -> None:
        raise Problem("The store refused the token.", remedy="Set a new one.", kind=ProblemKind.CONNECTION)

    world.store.before_each = refuse
    async with console(installation) as pilot:
        shown = await opened(pilot)
        await pilot.press("n")
        await settle(pilot)
        assert shown.gateway.deeds[-1].kind is DeedKind.PROBLEM
        assert "The store refused the token. Set a new one." in shown.gateway.deeds[-1].text
        assert verdicts(world) == {}
        assert shown.running is None


# -- exports -----------------------------------------------------------------------------------------------------------


async def test_exports_write_what_the_command_line_writes(
    installation: BooksContext, console: Console, tmp_path: Path
) -> None:
    async with console(installation) as pilot:
        await opened(pilot)
        await pilot.press("n")
        await settle(pilot)
        await export(pilot, ("e",), "acme-us-2026-12-books.csv", tmp_path / "books.csv")
        await export(pilot, ("d", "e"), "acme-us-2026-12-vouchers.csv", tmp_path / "vouchers.csv")
        await export(pilot, ("E",), "acme-us-2026-12-vouchers.beancount", tmp_path / "v.beancount")
        deeds = [deed.text for deed in screen(pilot).gateway.deeds][-3:]
    assert deeds == [
        "Wrote 1 days and 0 differences to books.csv",
        "Wrote 2 vouchers to vouchers.csv",
        "Wrote 2 vouchers to v.beancount",
    ]
    assert "acme-us,2026-12-01,USD,payments,1,27.00,1,27.00,green" in (tmp_path / "books.csv").read_text()
    assert f"acme-us,2026-12-01,5001,{MISSING},PAY" in (tmp_path / "vouchers.csv").read_text()
    assert f'2026-12-01 * "{MISSING}"' in (tmp_path / "v.beancount").read_text()


async def export(pilot: Any, keys: tuple[str, ...], offered: str, path: Path) -> None:
    await pilot.press(*keys)
    await settle(pilot)
    field = pilot.app.screen.query_one(Input)
    assert field.value == offered
    field.value = str(path)
    await pilot.press("enter")
    await settle(pilot)


async def test_a_file_that_is_there_is_replaced_only_after_asking_and_by_a_read_only_console_never(
    installation: BooksContext, console: Console, tmp_path: Path
) -> None:
    path, offered = tmp_path / "mine.csv", "acme-us-2026-12-books.csv"
    path.write_text("mine")
    async with console(installation, readonly=True) as pilot:
        await opened(pilot)
        await export(pilot, ("e",), offered, path)
        assert "mine.csv is there already" in screen(pilot).gateway.deeds[-1].text
        await export(pilot, ("e",), offered, tmp_path / "new.csv")
        assert (tmp_path / "new.csv").exists()
    async with console(installation) as pilot:
        await opened(pilot)
        await export(pilot, ("e",), offered, path)
        await pilot.press("n")
        await settle(pilot)
        assert path.read_text() == "mine"
        await export(pilot, ("e",), offered, path)
        await pilot.press("y")
        await settle(pilot)
        assert path.read_text().startswith("connection,")


async def test_an_export_that_cannot_be_written_says_why(
    installation: BooksContext, console: Console, tmp_path: Path
) -> None:
    async with console(installation) as pilot:
        await opened(pilot)
        await export(pilot, ("e",), "acme-us-2026-12-books.csv", tmp_path / "no" / "such.csv")
        assert "cannot be written" in screen(pilot).gateway.deeds[-1].text


# -- on the scene ------------------------------------------------------------------------------------------------------


async def test_the_month_opens_on_its_newest_red_day(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        shown = await opened(pilot)
        assert shown.day is not None
        assert shown.day.state == "red"
        assert [line.split("USD")[-1].split()[1] for line in rows(shown.grid)[1:]] == [
            "green", "green", "explained", "red", "green",
        ]  # fmt: skip
        assert "◔" in rows(shown.grid)[2]
        await pilot.press("left_square_bracket")
        await settle(pilot)
        assert "Nothing was booked in October 2026" in shown.grid.message.plain
        await pilot.press("right_square_bracket", "c")
        await settle(pilot)
        assert all("EUR" in line for line in rows(shown.grid) if "green" in line)


async def test_at_80_columns_the_differences_take_the_days_place_and_esc_goes_back(
    scene: Context, console: Console
) -> None:
    async with console(scene, size=NARROW) as pilot:
        shown = await opened(pilot)
        assert not shown.query_one("#right").display
        await pilot.press("enter")
        await settle(pilot)
        assert shown.query_one("#right").display
        assert pilot.app.focused is shown.differences
        await pilot.press("escape")
        await settle(pilot)
        assert screen(pilot) is shown
        assert pilot.app.focused is shown.grid


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_how_it_looks(scene: Context, console: Console, snapshot: Snapshot, size: tuple[int, int]) -> None:
    async with console(scene, size=size) as pilot:
        await opened(pilot)
        snapshot(pilot.app, f"ledger-{size[0]}x{size[1]}")


async def test_documents_are_filtered_as_typed(scene: Context, console: Console) -> None:
    def keys(**wanted: Any) -> list[str]:
        found = scene.store.database.read_sync(lambda conn: stored_books.documents(conn, [1, 2], **wanted))
        return [document.key for document in found]

    async with console(scene, size=WIDE) as pilot:
        shown = await opened(pilot)
        await pilot.press("d")
        await settle(pilot)
        assert [line.split()[0] for line in rows(shown.documents)] == keys()
        await pilot.press("slash")
        sent = keys(kinds=[DocumentKind.CUSTOMER_ORDER], state=DocumentState.SENT)
        shown.bar.put("state:sent kind:order")
        await eventually(pilot, lambda: [line.split()[0] for line in rows(shown.documents)] == sent)
        assert "state:sent kind:order" in shown.query_one("#books-head", Sheet).text
        shown.bar.put("state:sent kind:order one two")
        await settle(pilot)
        mistake = shown.query_one("#filter-mistake", Static)
        assert "One key or reference at a time" in str(mistake.content)
        shown.reload()
        await settle(pilot)
        assert mistake.display, "it is wrong still"
        assert [line.split()[0] for line in rows(shown.documents)] == sent
        await pilot.press("escape")
        await eventually(pilot, lambda: shown.documents.row_count == len(keys()))
        assert not mistake.display
        await pilot.press("escape")
        assert pilot.app.focused is shown.documents


async def test_reading_anew_leaves_marks_and_view_and_emptiness_says_why(scene: Context, console: Console) -> None:
    async with console(scene, size=NARROW) as pilot:
        shown = await opened(pilot)
        await pilot.press("d", "G", "space")
        await settle(pilot)
        before = shown.documents.marks, shown.documents.top, shown.documents.cursor_id
        assert before[0]
        assert before[1] > 0
        await pilot.press("R")
        await settle(pilot)
        assert (shown.documents.marks, shown.documents.top, shown.documents.cursor_id) == before
        shown.bar.put("no-such-key")
        await eventually(pilot, lambda: not shown.documents.row_count)
        assert shown.documents.message.plain == "No document is like that; Esc in the filter shows all."


async def test_a_document_is_found_by_key_and_leads_to_its_order(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        shown = await opened(pilot, document="BC-112404/SHIP/337212", connection_id=1)
        assert rows(shown.documents) == ["BC-112404/SHIP/337212 ✓ confirmed 71.44 USD 2026-11-19 M-2026-1024"]
        assert "2420 customer balance 71.44 │ 4020 revenue 57.00" in pane(shown, "document")
        await pilot.press("enter")
        await settle(pilot)
        order = pilot.app.screen
        assert isinstance(order, OrderScreen)
        assert order.order_id == 112404


async def test_new_documents_come_on_top_without_reading_all_anew(
    installation: BooksContext, world: Books, console: Console
) -> None:
    async with console(installation) as pilot:
        shown = await opened(pilot)
        await pilot.press("d")
        await settle(pilot)
        first = rows(shown.documents)
        world.ship(5001, 62, 1, at(12))
        world.sync(5001)
        shown.apply_changes(ChangeSet(1, {"order": frozenset({(world.connection_id, "order:5001")})}))
        await eventually(pilot, lambda: "BC-5001/SHIP/62" in " ".join(rows(shown.documents)))
        assert rows(shown.documents)[-len(first) :] == first


async def test_an_installation_without_a_connection_says_what_helps(empty_scene: Context, console: Console) -> None:
    async with console(empty_scene, readonly=True) as pilot:
        shown = await opened(pilot)
        assert "No connection" in pane(shown, "day")
        await shown._load_documents()
        assert shown.documents.message.plain == "Nothing is in IFS yet."
        assert shown.reason_against("ledger.compare") is not None


async def test_hostile_words_of_a_difference_are_harmless(scene: Context, console: Console) -> None:
    def write(tx: Any) -> None:
        found = reconciliation.between(tx.conn, 1, DAY.replace(month=11, day=19), DAY.replace(month=11, day=19))
        evil = {
            "what": "stray",
            "key": "\x1b]52;c;eA==\x07[/b]",
            "explanation": "\x9b31m[link=x]\u202e",
            "verdict": "red",
        }
        rows = [reconciliation.ReconciledDay(**{**as_dict(each), "differences": (evil,)}) for each in found]
        reconciliation.replace(tx, 1, rows[0].day, rows[0].day, rows)

    def as_dict(each: Any) -> dict[str, Any]:
        return {name: getattr(each, name) for name in type(each).__slots__}

    scene.store.database.write_sync(write)
    async with console(scene) as pilot:
        shown = await opened(pilot)
        await pilot.press("enter")
        await settle(pilot)
        drawn = "".join(part.text for strip in shown._compositor.render_strips() for part in strip)
        assert "\\x1b]52;c;eA==\\x07" in drawn
        assert not set(drawn) & {chr(code) for code in (*range(32), *range(0x7F, 0xA0), 0x202E)}


@pytest.mark.parametrize(("width", "counts"), [(48, True), (40, False)])
def test_kinds_are_named_whole_where_there_is_no_room_for_their_counts(width: int, counts: bool) -> None:
    sums = {"store_count": 12, "store_sum": Decimal("2345.67"), "ifs_count": 11, "ifs_sum": Decimal("2300.00")}
    made: dict[str, Any] = {**sums, "verdict": "red", "differences": (), "made_at": at(12), "outdated": False}
    found = {kind: ReconciledDay(day=DAY, currency="USD", kind=kind, **made) for kind in KINDS}
    lines = day_lines(GridDay(DAY, "USD", found), width, at(12))
    told = [line.plain for line in lines if "2,345.67" in line.plain]
    assert [line.split()[0] for line in told] == list(KINDS)
    assert all(("×12/11" in line) == counts and len(line) <= width for line in told)
