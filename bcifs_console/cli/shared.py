"""What every command shares: the options, opening the installation, and turning problems into exit codes."""

import contextlib
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from bcifs_console.base.clock import SystemClock
from bcifs_console.base.logging import set_up
from bcifs_console.base.problems import Problem, ProblemKind
from bcifs_console.base.settings import Settings, load_settings
from bcifs_console.cli.output import errors, safe_text
from bcifs_console.operations.context import Context, opened

EXIT_PROBLEM = 1
EXIT_USAGE = 2

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
ConnectionName = Annotated[
    str | None, typer.Option("--connection", help="Which connection; needed only when there are several.")
]
Note = Annotated[str, typer.Option("--note", help="Why; kept with the decision.")]
Wait = Annotated[
    float | None,
    typer.Option(
        "--wait", metavar="[SECONDS]", help="Wait this long (60) for the outcome; does the work where no service runs."
    ),
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="At most this many rows.")]


@dataclass
class Globals:
    """The options that stand before the command."""

    home: Path | None = None


def settings_from(ctx: typer.Context, **given: Any) -> Settings:
    """The settings of this call."""
    shared: Globals = ctx.obj
    return load_settings(home=shared.home, **given)


@contextlib.contextmanager
def installation(ctx: typer.Context, **given: Any) -> Iterator[Context]:
    """Open the installation for one command."""
    settings = settings_from(ctx, **given)
    log_to_stderr(settings)
    with opened(settings, clock=SystemClock()) as context:
        yield context


def log_to_stderr(settings: Settings, *, quiet: bool = False) -> None:
    """Log lines in the format the settings ask for; by itself: for people on a terminal, else JSON.

    `quiet` leaves only what is wrong, for a command that draws on the terminal itself.
    """
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())
    set_up(as_json=as_json, level=logging.ERROR if quiet else logging.INFO)


def show_problem(problem: Problem) -> None:
    """A problem and its remedy, on stderr."""
    out = errors()
    out.print(Text("✗ ", style="red") + Text(safe_text(problem.message)))
    if problem.remedy:
        out.print(Text("  → " + safe_text(problem.remedy), style="bold"))


def exit_code_of(problem: Problem) -> int:
    """2 where the input was wrong, else 1."""
    return EXIT_USAGE if problem.kind is ProblemKind.USAGE else EXIT_PROBLEM
