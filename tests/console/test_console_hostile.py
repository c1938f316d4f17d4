"""Words of strangers on every screen: what the console draws holds nothing that a terminal would obey."""

import re
from pathlib import Path
from typing import Final

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widgets import Input

import bcifs_console.console as package
from bcifs_console.console.app import ConsoleApp
from bcifs_console.console.sections import SECTIONS
from bcifs_console.console.widgets.safe_input import SafeInput
from bcifs_console.operations.context import Context
from tests.console.piloting import Console, settle

#: C0, DEL, C1 and bidi controls; nothing of ours draws a tab or an end of line either.
OBEYED: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
#: An order of a hostile buyer, of a product with a hostile SKU that nothing maps.
ORDER: Final = 112470
WORDS: Final = "BREWER-\x1b]52;c;ZXZpbA==\x07\u202e\x9b[/b]"
#: Through lists, details and whatever Enter opens there.
KEYS: Final = ("down", "enter", "tab", "G")


def drawn(pilot: Pilot[None]) -> str:
    """The characters that go to the terminal for what is in front, without its styles."""
    return "".join(part.text for strip in pilot.app.screen._compositor.render_strips() for part in strip)


async def close_questions(pilot: Pilot[None]) -> None:
    for _ in range(3):
        if isinstance(pilot.app.screen, ModalScreen):
            await pilot.press("escape")
            await settle(pilot)


async def test_no_screen_draws_what_a_terminal_obeys(hostile_scene: Context, console: Console) -> None:
    asked: set[str] = set()
    async with console(hostile_scene) as pilot:
        desk = pilot.app
        assert isinstance(desk, ConsoleApp)
        for section in (*SECTIONS, "order"):
            if section == "order":
                desk.open_order(1, ORDER)
            else:
                desk.open_section(section)
            await settle(pilot)
            for key in ("", *KEYS):
                if key:
                    await pilot.press(key)
                asked.add(type(desk.screen).__name__)
                assert OBEYED.findall(drawn(pilot)) == [], (section, key, desk.screen)
            await close_questions(pilot)
    assert "RuleFormScreen" in asked  # an input that begins with a stranger's SKU


class Form(App[None]):
    """One input and nothing else."""

    def compose(self) -> ComposeResult:
        yield SafeInput(WORDS)


async def test_an_input_draws_a_strangers_words_harmless_and_keeps_them() -> None:
    async with Form().run_test() as pilot:
        field = pilot.app.query_one(SafeInput)
        shown = drawn(pilot)
        assert "BREWER-�]52;c;ZXZpbA==��[/b]" in shown
        assert OBEYED.findall(shown) == []
        assert field.value == WORDS


def test_every_input_of_the_console_is_a_safe_one() -> None:
    built = re.compile(r"(?<![\w.])Input\(|class \w+\(Input\)")
    folder = Path(package.__file__).parent
    found = [path.name for path in folder.rglob("*.py") if built.search(path.read_text(encoding="utf-8"))]
    assert found == ["safe_input.py"]
    assert issubclass(SafeInput, Input)
