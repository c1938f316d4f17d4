"""The action registry: one table behind keys, help, palette, footer and docs/keys.md."""

import importlib
from pathlib import Path

import pytest

from bcifs_console.console.actions import EVERYWHERE, REGISTRY, of_section
from bcifs_console.console.actions.page import page
from bcifs_console.console.app import ConsoleApp
from bcifs_console.console.keymap import Keymap, clashes, is_key, key_name
from bcifs_console.console.sections import SECTIONS

_ROOT = Path(__file__).parents[2]
_SCREENS = {**{name: (module, cls) for name, (_, module, cls) in SECTIONS.items()}, "order": ("order", "OrderScreen")}


def test_an_actions_id_names_its_section_once() -> None:
    modules = {action.section for action in REGISTRY.values()}
    assert modules <= {EVERYWHERE, *_SCREENS}
    assert [action.id for action in REGISTRY.values() if action.id != f"{action.section}.{action.method}"] == []
    every = sum(len(of_section(section)) for section in modules)
    assert every == len(REGISTRY)


def test_no_module_hides_an_action_of_another() -> None:
    """`REGISTRY` is a dict: two actions of one id would silently be one."""
    names = [EVERYWHERE, *_SCREENS]
    modules = [importlib.import_module(f"bcifs_console.console.actions.{name}") for name in names]
    assert sum(len(module.ACTIONS) for module in modules) == len(REGISTRY)


def test_no_key_does_two_things() -> None:
    assert [(key, one.id, other.id) for key, one, other in clashes(Keymap({}))] == []


def test_every_key_is_one_a_terminal_can_send() -> None:
    keys = [(action.id, key) for action in REGISTRY.values() for key in action.keys]
    assert [found for found in keys if not is_key(found[1])] == []
    # research/tui.md B.2: terminals do not send these, or not apart from others
    unsendable = ("ctrl+enter", "ctrl+shift+", "alt+", "ctrl+i", "ctrl+m", "ctrl+j")
    assert [found for found in keys if found[1].startswith(unsendable)] == []


@pytest.mark.parametrize("section", sorted(_SCREENS))
def test_every_action_of_a_section_has_its_method(section: str) -> None:
    module, name = _SCREENS[section]
    screen = getattr(importlib.import_module(f"bcifs_console.console.screens.{module}"), name)
    assert [action.id for action in of_section(section) if not hasattr(screen, f"action_{action.method}")] == []


def test_every_action_of_the_whole_console_has_its_method() -> None:
    assert [a.id for a in of_section(EVERYWHERE) if not hasattr(ConsoleApp, f"action_{a.method}")] == []


def test_help_is_a_sentence_and_a_label_a_word_or_two() -> None:
    assert [a.id for a in REGISTRY.values() if not a.help.endswith((".", "…"))] == []
    assert [a.id for a in REGISTRY.values() if not a.label or len(a.label) > 24] == []
    names = {title for title, _, _ in SECTIONS.values()}
    shouted = [a.id for a in REGISTRY.values() if a.label[0].isupper() and not a.label.split()[0].isupper()]
    assert [found for found in shouted if not REGISTRY[found].label.startswith(tuple(names))] == []


@pytest.mark.parametrize(
    ("key", "shown"),
    [("question_mark", "?"), ("slash", "/"), ("tab", "tab"), ("ctrl+p", "ctrl+p"), ("G", "G"), ("up", "↑")],
)
def test_keys_are_written_as_people_know_them(key: str, shown: str) -> None:
    assert key_name(key) == shown


def test_the_page_of_keys_is_fresh() -> None:
    kept = (_ROOT / "docs" / "keys.md").read_text(encoding="utf-8")
    assert kept == page(), "python -m bcifs_console.console.actions.page > docs/keys.md"
