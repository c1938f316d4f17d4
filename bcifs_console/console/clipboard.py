"""How a copied value reaches the clipboard of the person in front, who may sit behind SSH and tmux.

Over SSH a tool of this machine would fill the wrong clipboard, so the terminal is asked (OSC 52); here a native tool
goes first, because not every terminal listens to OSC 52 and none says whether it did (research/tui.md B.3).
"""

import base64
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from bcifs_console.base.problems import Problem, ProblemKind

#: Terminals drop longer sequences, some without a word.
OSC52_LIMIT: Final = 74_994
_TIMEOUT_S: Final = 2

#: A native tool, and the variable that says it can work here.
_TOOLS: Final = (
    (("wl-copy",), "WAYLAND_DISPLAY"),
    (("xclip", "-selection", "clipboard"), "DISPLAY"),
    (("xsel", "--clipboard", "--input"), "DISPLAY"),
    (("clip.exe",), "WSL_DISTRO_NAME"),
)


class ClipboardProblem(Problem):
    """The value could not be handed over."""

    kind = ProblemKind.CONFIGURATION


@dataclass(frozen=True, slots=True)
class Way:
    """How to copy: a native `command`, or OSC 52 to the terminal (no command), `in_tmux` wrapped for it."""

    name: str
    command: tuple[str, ...] = ()
    in_tmux: bool = False


def choose(
    setting: str, environment: Mapping[str, str], *, which: Callable[[str], str | None] = shutil.which
) -> Way | None:
    """The way for this terminal, None where the setting is "off"."""
    osc52 = Way("OSC 52", in_tmux="TMUX" in environment)
    if setting == "off":
        return None
    is_remote = "SSH_TTY" in environment or "SSH_CONNECTION" in environment
    if setting == "osc52" or (setting == "auto" and is_remote):
        return osc52
    return _native(environment, which) or osc52


def _native(environment: Mapping[str, str], which: Callable[[str], str | None]) -> Way | None:
    if sys.platform == "darwin" and which("pbcopy"):
        return Way("pbcopy", ("pbcopy",))
    for command, variable in _TOOLS:
        if variable in environment and which(command[0]):
            return Way(command[0], command)
    return None


def osc52(text: str, *, in_tmux: bool) -> str:
    """The sequence that asks the terminal to take the text. Raises ClipboardProblem where it is too long for one."""
    encoded = base64.b64encode(text.encode()).decode()
    if len(encoded) > OSC52_LIMIT:
        raise ClipboardProblem(
            f"{len(text):,} characters are too many for the terminal's clipboard.",
            remedy="They are shown in full to be selected by hand.",
        )
    sequence = f"\x1b]52;c;{encoded}\x07"
    return f"\x1bPtmux;{sequence.replace(chr(27), chr(27) * 2)}\x1b\\" if in_tmux else sequence


def run_native(way: Way, text: str) -> None:
    """Give the text to the native tool. Raises ClipboardProblem where it fails."""
    try:
        subprocess.run(  # noqa: S603 - one of the fixed commands above, found on the path
            way.command,
            input=text.encode(),
            check=True,
            timeout=_TIMEOUT_S,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ClipboardProblem(
            f"{way.name} did not take the value: {error.__class__.__name__}.",
            remedy='Set clipboard = "osc52" in console.toml to ask the terminal instead.',
        ) from None


def environment() -> Mapping[str, str]:
    """The environment the choice is made by."""
    return os.environ
