"""console.toml, the keymap and the choice of a clipboard."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from bcifs_console.base.problems import Problem
from bcifs_console.console import clipboard, config
from bcifs_console.console.actions import REGISTRY
from bcifs_console.console.clipboard import ClipboardProblem, Way
from bcifs_console.console.keymap import Keymap

TOML = """\
# my console
clipboard = "osc52"

[keymap]
"everywhere.quit" = "q, ctrl+q"
everywhere.undo = ""
everywhere.jump_to = "!"
"""


def _written(home: Path, text: str) -> Path:
    path = home / "console.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    found = config.load(tmp_path)
    assert (found.theme, found.clipboard, dict(found.keymap)) == ("bcifs-dark", "auto", {})


def test_keys_are_read_in_both_ways_of_writing_the_action(tmp_path: Path) -> None:
    _written(tmp_path, TOML)
    keymap = Keymap(config.load(tmp_path).keymap)
    assert keymap.keys(REGISTRY["everywhere.quit"]) == ("q", "ctrl+q")
    assert keymap.keys(REGISTRY["everywhere.undo"]) == ()
    assert keymap.shown(REGISTRY["everywhere.jump_to"]) == "!"
    assert keymap.shown(REGISTRY["everywhere.help"]) == "?"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('theme = "pink"', "line 1: theme: is none of bcifs-dark"),
        ('\ncolour = "red"', "line 2: colour: is not known"),
        ('[keymap]\n"orders.retri" = "r"', "no action is called orders.retri; is it orders.retry?"),
        ('[keymap]\n"everywhere.quit" = "ctrl+quit"', "everywhere.quit: no key is called 'ctrl+quit'"),
        ('[keymap]\n"everywhere.quit" = "T"', "'T' would do both"),
        ("theme = ", "is not TOML"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    _written(tmp_path, text)
    with pytest.raises(Problem) as caught:
        config.load(tmp_path)
    assert told in caught.value.message
    assert "console.toml" in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize("before", ["", TOML, 'theme = "bcifs-light" # mine\n' + TOML])
def test_the_theme_is_kept_and_nothing_else_touched(tmp_path: Path, before: str) -> None:
    path = _written(tmp_path, before)
    config.save_theme(tmp_path, "bcifs-contrast")
    config.save_theme(tmp_path, "ansi-dark")
    assert config.load(tmp_path).theme == "ansi-dark"
    others = [line for line in before.splitlines() if not line.startswith("theme")]
    assert [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("theme")] == others


def test_a_section_may_use_a_key_of_the_whole_console_that_has_another() -> None:
    start = REGISTRY["everywhere.start_service"]
    assert Keymap({}).shown_in(start, "overview") == "s"
    assert Keymap({}).shown_in(start, "orders") == "S", "s sorts there"


@pytest.mark.parametrize(
    ("setting", "environment", "tools", "way"),
    [
        ("auto", {"SSH_TTY": "/dev/pts/1", "DISPLAY": ":0"}, {"xclip"}, Way("OSC 52")),
        ("auto", {"SSH_CONNECTION": "1", "TMUX": "x"}, {"pbcopy"}, Way("OSC 52", in_tmux=True)),
        ("auto", {"DISPLAY": ":0"}, {"xclip"}, Way("xclip", ("xclip", "-selection", "clipboard"))),
        ("auto", {"WAYLAND_DISPLAY": "w", "DISPLAY": ":0"}, {"wl-copy", "xclip"}, Way("wl-copy", ("wl-copy",))),
        ("auto", {}, {"xclip"}, Way("OSC 52")),
        ("native", {"SSH_TTY": "x", "DISPLAY": ":0"}, {"xsel"}, Way("xsel", ("xsel", "--clipboard", "--input"))),
        ("osc52", {"DISPLAY": ":0", "TMUX": "x"}, {"xclip"}, Way("OSC 52", in_tmux=True)),
        ("off", {"DISPLAY": ":0"}, {"xclip"}, None),
    ],
)
def test_the_clipboard_is_the_one_of_whoever_sits_in_front(
    setting: str, environment: Mapping[str, str], tools: set[str], way: Way | None
) -> None:
    found = clipboard.choose(setting, environment, which=lambda name: name if name in tools else None)
    assert found == way


def test_osc52_is_wrapped_for_tmux_and_never_too_long() -> None:
    assert clipboard.osc52("5001", in_tmux=False) == "\x1b]52;c;NTAwMQ==\x07"
    assert clipboard.osc52("5001", in_tmux=True) == "\x1bPtmux;\x1b\x1b]52;c;NTAwMQ==\x07\x1b\\"
    with pytest.raises(ClipboardProblem, match="too many"):
        clipboard.osc52("x" * 60_000, in_tmux=False)


def test_a_tool_that_fails_is_told() -> None:
    with pytest.raises(ClipboardProblem, match="false did not take the value"):
        clipboard.run_native(Way("false", ("false",)), "5001")
