"""The frame in use: moving, help, palette, asking, undo, read-only, stale screens, the service's states."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
from textual.app import ComposeResult
from textual.content import Content
from textual.pilot import Pilot
from textual.widgets import OptionList, Static
from textual.widgets._toast import Toast
from textual.worker import WorkerFailed

from bcifs_console.base.clock import ManualClock
from bcifs_console.base.problems import Problem
from bcifs_console.base.settings import Settings
from bcifs_console.console.actions import EVERYWHERE, REGISTRY, of_section
from bcifs_console.console.app import ConsoleApp
from bcifs_console.console.config import ConsoleConfig
from bcifs_console.console.gateway import DeedKind, ReadOnly
from bcifs_console.console.messages import StoreChanged
from bcifs_console.console.screens.base import READ_ONLY, ConsoleScreen
from bcifs_console.console.screens.confirm import ConfirmScreen
from bcifs_console.console.screens.help import HelpScreen
from bcifs_console.console.screens.leave import LeaveScreen, Leaving
from bcifs_console.console.screens.order import OrderScreen
from bcifs_console.console.screens.value import ValueScreen
from bcifs_console.console.sections import SECTIONS, screen_of
from bcifs_console.console.widgets.footer import Footer
from bcifs_console.console.widgets.status_bar import StatusBar
from bcifs_console.operations import order_due, serving
from bcifs_console.operations.context import Context, opened
from bcifs_console.operations.serving import ServiceProcess
from bcifs_console.store import health, journal
from bcifs_console.store.database import Tx
from bcifs_console.store.errors import BuyerSent
from bcifs_console.store.feed import ChangeSet
from tests.console.piloting import NARROW, WIDE, Console, settle

_ORDER = 112455


@contextlib.asynccontextmanager
async def shown(context: Context, *, size: tuple[int, int] = WIDE, **options: Any) -> AsyncIterator[Pilot[None]]:
    """The console with settings or a service of the test's own."""
    app = ConsoleApp(context, **options)
    app.animation_level = "none"
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        yield pilot


def desk(pilot: Pilot[None]) -> ConsoleApp:
    return cast("ConsoleApp", pilot.app)


def front(pilot: Pilot[None]) -> ConsoleScreen:
    found = desk(pilot).front
    assert found is not None
    return found


async def press(pilot: Pilot[None], *keys: str) -> None:
    await pilot.press(*keys)
    await settle(pilot)


async def until(pilot: Pilot[None], is_so: Callable[[], bool]) -> None:
    """Wait until it is so; the feed and the vitals come by themselves."""
    async with asyncio.timeout(20):
        while not is_so():
            await pilot.pause(0.01)


def journalled(pilot: Pilot[None]) -> list[tuple[DeedKind, str]]:
    return [(deed.kind, deed.text) for deed in desk(pilot).gateway.deeds]


def bar(pilot: Pilot[None]) -> str:
    return str(front(pilot).query_one(StatusBar).render())


# -- moving ----------------------------------------------------------------------------------------------------------


async def test_number_keys_crumbs_back_and_the_last_screen(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        for key, section in zip("12345678", SECTIONS, strict=False):
            await press(pilot, key)
            assert section == front(pilot).SECTION
            assert bar(pilot).startswith(SECTIONS[section][0])
        await press(pilot, "2")
        desk(pilot).open_order(1, _ORDER)
        await settle(pilot)
        assert bar(pilot).startswith(f"Orders › Order {_ORDER}")
        await press(pilot, "7")
        await press(pilot, "minus")
        assert bar(pilot).startswith(f"Orders › Order {_ORDER}"), "the section is as it was left"
        await press(pilot, "2")
        assert front(pilot).SECTION == "orders", "its key again shows its first screen"
        desk(pilot).open_order(1, _ORDER)
        await settle(pilot)
        await press(pilot, "escape")
        assert front(pilot).SECTION == "orders"


async def test_an_order_in_front_is_replaced_by_another(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        desk(pilot).open_order(1, _ORDER)
        await settle(pilot)
        desk(pilot).open_order(1, _ORDER - 1)
        await settle(pilot)
        assert desk(pilot).crumbs() == ("Overview", f"Order {_ORDER - 1}")


@pytest.mark.parametrize("size", [NARROW, (40, 24)])
async def test_the_footer_begins_with_help_and_is_never_too_long(
    scene: Context, console: Console, size: tuple[int, int]
) -> None:
    async with console(scene, size=size) as pilot:
        for key in "23":
            await press(pilot, key)
            footer = front(pilot).query_one(Footer)
            drawn = footer.render()
            assert drawn.plain.startswith("? help  1-8 screens")
            assert drawn.cell_length <= footer.size.width


async def test_jump_by_name_by_number_and_by_letter(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        await press(pilot, "colon", *"led", "enter")
        assert front(pilot).SECTION == "ledger"
        await press(pilot, "colon", *str(_ORDER), "enter")
        assert desk(pilot).crumbs()[-1] == f"Order {_ORDER}"
        await press(pilot, "1")
        await press(pilot, "semicolon")
        await press(pilot, "s")
        focused = front(pilot).focused
        assert focused is front(pilot).focus_chain[1]


# -- finding out what can be done -------------------------------------------------------------------------------------


async def test_help_has_every_action(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        for section in SECTIONS:
            pilot.app.push_screen(HelpScreen(cast("ConsoleScreen", screen_of(section)), desk(pilot).keymap_in_force))
            await settle(pilot)
            listed = {option.id for option in pilot.app.screen.query_one(OptionList).options}
            assert {action.id for action in (*of_section(section), *of_section(EVERYWHERE))} <= listed
            await press(pilot, "escape")


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_help_never_breaks_into_the_column_of_keys(
    scene: Context, console: Console, size: tuple[int, int]
) -> None:
    async with console(scene, size=size) as pilot:
        await press(pilot, "2", "question_mark")
        choices = pilot.app.screen.query_one(OptionList)
        room = choices.scrollable_content_region.width
        lines = [line for option in choices.options for line in str(option.prompt).split("\n")]
        assert max(map(len, lines)) < room
        assert choices.virtual_size.height == len(lines), "no line is broken by the list itself"
        assert all(line[:30].isspace() for option in choices.options for line in str(option.prompt).split("\n")[1:])


async def test_help_filters_as_one_types_and_does_what_is_chosen(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        await press(pilot, "question_mark", *"action jour")
        choices = pilot.app.screen.query_one(OptionList)
        assert [option.id for option in choices.options if not option.disabled] == ["everywhere.deeds"]
        await press(pilot, "enter")
        assert type(pilot.app.screen).__name__ == "DeedsScreen"


async def test_the_palette_finds_actions_and_orders(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        await press(pilot, "ctrl+p", *"webhooks")
        await until(pilot, lambda: pilot.app.screen.query_one(OptionList).option_count > 0)
        await press(pilot, "enter")
        await until(pilot, lambda: front(pilot).SECTION == "webhooks")
        await press(pilot, "ctrl+p", *str(_ORDER))
        await until(pilot, lambda: pilot.app.screen.query_one(OptionList).option_count > 0)
        await press(pilot, "enter")
        await until(pilot, lambda: desk(pilot).crumbs()[-1] == f"Order {_ORDER}")
        assert desk(pilot).crumbs()[0] == "Webhooks"


# -- acting ----------------------------------------------------------------------------------------------------------


async def _asked(pilot: Pilot[None], count: int = 1) -> "asyncio.Future[bool]":
    answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    screen = ConfirmScreen("Do [b]it[/b]?", ["All of it."], danger=True, count=count)
    pilot.app.push_screen(screen, lambda found: answer.set_result(bool(found)))
    await settle(pilot)
    return answer


async def test_a_question_is_answered_no_by_enter_and_yes_by_y(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        answer = await _asked(pilot)
        assert pilot.app.focused is not None
        assert pilot.app.focused.id == "no"
        await press(pilot, "enter")
        assert answer.result() is False
        for key, expected in (("escape", False), ("n", False), ("y", True)):
            answer = await _asked(pilot)
            await press(pilot, key)
            assert answer.result() is expected


async def test_for_many_things_their_number_is_typed(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        answer = await _asked(pilot, count=132)
        await press(pilot, "y", "1", "3", "y")
        assert not answer.done()
        await press(pilot, "2", "y")
        assert answer.result() is True


async def test_undo_takes_back_the_newest_and_says_what(scene: Context, console: Console) -> None:
    taken: list[str] = []
    async with console(scene) as pilot:
        app = desk(pilot)
        app.notify_done("First done", lambda _context: taken.append("first"))
        app.notify_done("Second done", lambda _context: taken.append("second"))
        app.notify_done("Posted", None)
        await press(pilot, "u")
        assert taken == ["second"]
        assert journalled(pilot)[-1] == (DeedKind.NOTE, "Undone: Second done")
        await press(pilot, "L", "down", "down", "down", "u")
        assert taken == ["second", "first"]
        assert [kind for kind, text in journalled(pilot) if text.endswith("done")][:2] == [DeedKind.UNDONE] * 2
        await press(pilot, "escape", "u")
        assert journalled(pilot)[-1] == (DeedKind.NOTE, "Undo: nothing that can be undone was done.")


@pytest.mark.parametrize("keys", [("u", "u"), ("L", "u", "u", "escape")], ids=["u", "journal"])
async def test_what_is_being_undone_is_undone_once_and_told_whatever_is_pressed_meanwhile(
    scene: Context, console: Console, keys: tuple[str, ...]
) -> None:
    taken, may_end = [], threading.Event()

    def slow(_context: Context) -> None:
        taken.append("once")
        may_end.wait(20)

    async with console(scene) as pilot:
        desk(pilot).notify_done("Done", slow)
        await pilot.press(*keys)
        await until(pilot, lambda: bool(taken))
        may_end.set()
        await settle(pilot)
        assert taken == ["once"]
        assert (DeedKind.NOTE, "Undone: Done") in journalled(pilot)


async def test_an_act_is_done_once_and_told_though_its_key_is_pressed_again_or_its_screen_closed(
    scene: Context, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, may_end = [], threading.Event()

    def slow(_context: Context, **_wanted: object) -> None:
        done.append("done")
        may_end.wait(20)

    monkeypatch.setattr(order_due, "look_now", slow)
    async with console(scene) as pilot:
        desk(pilot).open_order(1, _ORDER)
        await settle(pilot)
        await pilot.press("r")
        await until(pilot, lambda: bool(done))
        await pilot.press("r", "escape")
        may_end.set()
        await settle(pilot)
        assert not isinstance(front(pilot), OrderScreen)
        assert [text for kind, text in journalled(pilot) if kind is DeedKind.DONE] == [
            f"Order {_ORDER} is looked at now" for _ in done
        ]


async def test_an_undo_that_fails_is_told_and_can_be_tried_again(scene: Context, console: Console) -> None:
    def fail(_context: Context) -> None:
        raise Problem("It has been sent.", remedy="Cancel it in IFS.")

    async with console(scene) as pilot:
        desk(pilot).notify_done("Answered", fail)
        await press(pilot, "u")
        assert journalled(pilot)[-1] == (DeedKind.PROBLEM, "Not undone: Answered: It has been sent. Cancel it in IFS.")
        assert desk(pilot).gateway.newest_undo() is not None


async def test_an_undo_that_can_never_work_is_not_offered_again(scene: Context, console: Console) -> None:
    def fail(_context: Context) -> None:
        raise BuyerSent("Jane Doe", ["BC-1"])

    async with console(scene) as pilot:
        desk(pilot).notify_done("Answered.", fail, until="it is sent")
        await settle(pilot)
        assert notes(pilot) == ["✓ Answered.\nu takes it back until it is sent"]
        await press(pilot, "u")
        assert journalled(pilot)[-1][1].startswith("Not undone: Answered: The decision about Jane Doe cannot be undone")
        assert desk(pilot).gateway.newest_undo() is None
        assert desk(pilot).gateway.deeds[0].offer == ""


@pytest.mark.parametrize(("size", "stays"), [(WIDE, 10.0), (NARROW, 4.0)])
async def test_notes_go_when_a_question_comes_and_never_lie_over_its_buttons(
    scene: Context, size: tuple[int, int], stays: float
) -> None:
    app = ConsoleApp(scene)
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        desk(pilot).say("Asking IFS …")
        desk(pilot).show_problem(Problem("It failed."))
        await settle(pilot)
        assert [note.timeout for note in pilot.app._notifications] == [4.0, stays]
        await _asked(pilot)
        assert notes(pilot) == ["It failed."], "problems stay to be read"
        (toast,) = pilot.app.screen.query(Toast)
        assert not toast.region.overlaps(pilot.app.screen.query_one("#yes").region)
        assert toast.region.y < pilot.app.screen.query_one(".dialog").region.bottom // 2
        await press(pilot, "n")


def notes(pilot: Pilot[None]) -> list[str]:
    """The notes that are shown now."""
    return [note.message for note in pilot.app._notifications]


async def test_read_only_greys_every_write_and_says_why(scene: Context, console: Console) -> None:
    async with console(scene, readonly=True) as pilot:
        assert "read-only" in bar(pilot)
        for action in REGISTRY.values():
            if action.writes:
                assert front(pilot).reason_against(action.id) == READ_ONLY
        await press(pilot, "2")
        await press(pilot, "r")
        kind, told = journalled(pilot)[-1]
        assert kind is DeedKind.NOTE
        assert told == f"Retry: {READ_ONLY}."
        with pytest.raises(ReadOnly):
            await desk(pilot).gateway.act(lambda context: context.actor)


# -- what changes underneath ------------------------------------------------------------------------------------------


class Probe(ConsoleScreen):
    """Counts how often it is read."""

    SECTION = "log"
    TITLE_TEXT = "Probe"
    KINDS = frozenset({"probe"})
    loads: ClassVar[int] = 0
    problem: ClassVar[Problem | None] = None
    gate: ClassVar[asyncio.Event | None] = None

    def compose_body(self) -> ComposeResult:
        yield Static(Content("nothing yet"), id="told")

    async def load(self) -> None:
        Probe.loads += 1
        if Probe.gate is not None:
            await Probe.gate.wait()
        if Probe.problem is not None:
            raise Probe.problem


@pytest.fixture
def probe() -> type[Probe]:
    Probe.loads, Probe.problem, Probe.gate = 0, None, None
    return Probe


def touch(context: Context, kind: str) -> None:
    def write(tx: Tx) -> None:
        journal.touch(tx, kind, [(1, "it")])

    context.store.database.write_sync(write)


async def test_changes_reach_the_screen_in_front_and_mark_the_others(
    scene: Context, console: Console, probe: type[Probe]
) -> None:
    async with console(scene) as pilot:
        pilot.app.push_screen(probe())
        await settle(pilot)
        assert probe.loads == 1
        touch(scene, "probe")
        await until(pilot, lambda: probe.loads == 2)
        seen: list[str] = []
        tell = desk(pilot).feeding._on_changes
        desk(pilot).feeding._on_changes = lambda changes: (seen.extend(changes.subjects), tell(changes))  # type: ignore[misc,assignment,func-returns-value]
        await press(pilot, "7")
        touch(scene, "probe")
        await until(pilot, lambda: seen == ["probe"])
        assert probe.loads == 2, "hidden: nothing is read"
        await press(pilot, "1")
        await until(pilot, lambda: probe.loads == 3)
        touch(scene, "else")
        await until(pilot, lambda: seen == ["probe", "else"])
        await settle(pilot)
        assert probe.loads == 3, "no concern of this screen"


async def test_changes_reach_the_screen_on_postgresql(
    postgresql_url: str, tmp_path: Path, clock: ManualClock, probe: type[Probe]
) -> None:
    with opened(Settings(home=tmp_path / "home", database_url=postgresql_url), clock=clock, actor="dana") as context:
        async with shown(context) as pilot:
            pilot.app.push_screen(probe())
            await settle(pilot)
            for number in range(2, 4):
                touch(context, "probe")
                await until(pilot, lambda number=number: probe.loads == number)  # type: ignore[misc]
            assert "service down" in bar(pilot)


async def test_what_comes_while_a_screen_is_read_is_read_after_it(
    scene: Context, console: Console, probe: type[Probe]
) -> None:
    async with console(scene) as pilot:
        probe.gate = asyncio.Event()
        screen = probe()
        pilot.app.push_screen(screen)
        await until(pilot, lambda: probe.loads == 1)
        for _ in range(5):
            screen.reload_soon()
        await pilot.pause()
        assert probe.loads == 1, "reading is not begun anew again and again"
        probe.gate.set()
        await until(pilot, lambda: probe.loads == 2)


async def test_trouble_is_a_panel_with_what_to_do_and_r_tries_again(
    scene: Context, console: Console, probe: type[Probe]
) -> None:
    async with console(scene) as pilot:
        probe.problem = Problem("The [store] does not answer.", remedy="Check the disk.")
        pilot.app.push_screen(probe())
        await settle(pilot)
        panel = front(pilot).query_one("#problem", Static)
        assert panel.display
        assert str(panel.content).startswith("✗ The [store] does not answer.\n→ Check the disk.")
        probe.problem = None
        await press(pilot, "R")
        assert not panel.display
        assert probe.loads == 2


async def test_it_looks_less_often_while_changes_cost_too_much(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        feeding = desk(pilot).feeding
        pauses = []
        for _ in range(5):
            feeding.took(0.2)
            feeding._adapt()
            pauses.append(feeding.pause_s)
        assert pauses == [0.2, 0.4, 0.8, 0.8, 0.8]
        for _ in range(3):
            feeding._adapt()
        assert feeding.pause_s == 0.1
        done: list[str] = []
        display = pilot.app._display

        def painted(*drawn: Any) -> None:
            done.append("painted")
            display(*drawn)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pilot.app, "_display", painted)
            patch.setattr(feeding, "took", lambda _seconds: done.append("counted"))
            pilot.app.screen.post_message(StoreChanged(ChangeSet(1, {"nothing": frozenset()})))
            pilot.app.screen.refresh()
            await settle(pilot)
        assert done[:2] == ["painted", "counted"], "painting is the most of it"


async def test_a_hint_stands_above_the_keys_on_every_screen(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        line = front(pilot).query_one("#hint", Static)
        assert not line.display
        desk(pilot).hint = "Press 3 and decide [who] it is"
        await settle(pilot)
        assert line.display
        assert str(line.content) == "→ Press 3 and decide [who] it is"
        await press(pilot, "3")
        assert front(pilot).query_one("#hint", Static).display


# -- settings --------------------------------------------------------------------------------------------------------


async def test_keys_of_the_keymap_file_work_and_are_shown(scene: Context) -> None:
    config = ConsoleConfig(keymap={"everywhere.deeds": ("ctrl+l",), "everywhere.help": ("f1",)})
    async with shown(scene, config=config) as pilot:
        assert front(pilot).query_one(Footer).render().plain.startswith("f1 help")
        await press(pilot, "L", "question_mark")
        assert pilot.app.screen is front(pilot)
        await press(pilot, "ctrl+l")
        assert pilot.app.screen is not front(pilot)


async def test_colours_are_seen_while_choosing_and_kept(scene: Context, console: Console) -> None:
    kept = scene.settings.home / "console.toml"
    async with console(scene) as pilot:
        await press(pilot, "T", "down")
        assert pilot.app.theme == "bcifs-light"
        await press(pilot, "escape")
        assert pilot.app.theme == "bcifs-dark"
        assert not kept.exists()
        await press(pilot, "T", "down", "down", "enter")
        await until(pilot, kept.exists)
        assert kept.read_text() == 'theme = "bcifs-contrast"\n'


async def test_a_copy_says_what_was_sent_and_how(
    scene: Context, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_TTY", "/dev/pts/1")
    async with console(scene) as pilot:
        written: list[str] = []
        monkeypatch.setattr(pilot.app._driver, "write", written.append)
        desk(pilot).copy("BC-5001", "order BC-5001")
        await settle(pilot)
        assert "\x1b]52;c;QkMtNTAwMQ==\x07" in written
        assert journalled(pilot) == [(DeedKind.NOTE, "Sent order BC-5001 to the clipboard (OSC 52)")]


async def test_without_a_clipboard_the_value_is_shown_in_full(scene: Context) -> None:
    async with shown(scene, config=ConsoleConfig(clipboard="off")) as pilot:
        desk(pilot).copy("BC-[5001]\x1b", "order")
        await settle(pilot)
        assert isinstance(pilot.app.screen, ValueScreen)
        assert "BC-[5001]\\x1b" in str(pilot.app.screen.query_one("#value Static", Static).content)


# -- the service -----------------------------------------------------------------------------------------------------


class FakeService:
    """A service process as the console sees one."""

    def __init__(self) -> None:
        self.ended = ""

    @property
    def is_running(self) -> bool:
        return not self.ended

    def reason(self) -> str:
        return self.ended


def bury(context: Context) -> None:
    """Take back every heartbeat."""

    def write(tx: Tx) -> None:
        for beat in health.living(tx.conn, context.clock.now()):
            health.leave(tx, beat.owner)

    context.store.database.write_sync(write)


async def test_a_service_that_is_down_is_started_by_its_key_and_its_end_is_told(
    scene: Context, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = FakeService()
    monkeypatch.setattr(serving, "start_service", lambda _settings: service)
    async with console(scene) as pilot:
        await press(pilot, "s")
        assert journalled(pilot)[-1] == (DeedKind.NOTE, "Start the service: it runs.")
        with monkeypatch.context() as patched:
            refreshed: list[str | None] = []
            patched.setattr(
                pilot.app, "refresh_bindings", lambda: refreshed.append(desk(pilot).why_not("everywhere.start_service"))
            )
            bury(scene)
            await until(pilot, lambda: "service down · s starts it" in bar(pilot))
            assert refreshed == [None], "the key is offered from now on"
        await press(pilot, "2")
        await until(pilot, lambda: "service down · S starts it" in bar(pilot))
        await press(pilot, "S")
        await until(pilot, lambda: "service starting" in bar(pilot))
        service.ended = "Port 8080 on 127.0.0.1 is in use."
        await until(pilot, lambda: "service ended: Port 8080 on 127.0.0.1 is in use. · S starts it" in bar(pilot))
        assert journalled(pilot)[-1][1] == "The service ended: Port 8080 on 127.0.0.1 is in use."


async def test_leaving_asks_what_becomes_of_the_service_it_started(scene: Context) -> None:
    service = cast("ServiceProcess", FakeService())
    async with shown(scene, service=service) as pilot:
        await press(pilot, "q")
        assert isinstance(pilot.app.screen, LeaveScreen)
        assert pilot.app.focused is not None
        assert pilot.app.focused.id == "keep"
        await press(pilot, "escape")
        assert pilot.app.is_running
        await press(pilot, "q")
        await pilot.press("s")
        await until(pilot, lambda: pilot.app._exit)
        assert desk(pilot).leaving is Leaving.STOP


async def test_leaving_asks_nothing_where_the_service_is_anothers(scene: Context, console: Console) -> None:
    async with console(scene) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: pilot.app._exit)
        assert desk(pilot).leaving is Leaving.KEEP


async def test_a_fault_of_ours_shows_nothing_of_what_was_typed(
    scene: Context, probe: type[Probe], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_self: Probe) -> None:
        secret = "hun" + "ter2"
        raise ValueError(len(secret))

    monkeypatch.setattr(probe, "load", fail)

    async def run() -> None:
        async with shown(scene) as pilot:
            pilot.app.push_screen(probe())
            await settle(pilot)

    with pytest.raises(WorkerFailed, match=r"ValueError\(7\)"):
        await run()
    said = capsys.readouterr()
    assert "a fault of its own" in said.err
    assert "hunter2" not in said.err + said.out
