"""The light part of what commands share: global options, exit codes, how a problem is shown."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.text import Text

from bcifs_console.base.problems import Problem, ProblemKind
from bcifs_console.base.text import safe_text
from bcifs_console.cli.output import errors

EXIT_PROBLEM: Final = 1
EXIT_USAGE: Final = 2
#: How long `--wait` waits where it is given no number.
DEFAULT_WAIT_S: Final = 60


@dataclass
class Globals:
    """The options that stand before the command."""

    home: Path | None = None


def show_problem(problem: Problem) -> None:
    """A problem and its remedy, on stderr."""
    out = errors()
    # Not wrapped: a path or an address must stay whole to be copied; a terminal wraps by itself.
    out.print(Text("✗ ", style="red") + Text(safe_text(problem.message)), soft_wrap=True)
    if problem.remedy:
        out.print(Text("  → " + safe_text(problem.remedy), style="bold"), soft_wrap=True)


def exit_code_of(problem: Problem) -> int:
    """2 where the input was wrong, else 1."""
    return EXIT_USAGE if problem.kind is ProblemKind.USAGE else EXIT_PROBLEM
