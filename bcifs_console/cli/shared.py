"""What every command shares: the options, opening the installation, and turning problems into exit codes."""

import contextlib
import logging
import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Protocol

import typer

from bcifs_console.base.clock import SystemClock
from bcifs_console.base.logging import set_up
from bcifs_console.base.problems import Problem
from bcifs_console.base.settings import Settings, load_settings
from bcifs_console.cli.problems import EXIT_PROBLEM, Globals, show_problem
from bcifs_console.operations.context import Context, opened

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


class Outcome(Protocol):
    """What `--wait` waited for."""

    @property
    def is_good(self) -> bool: ...
    @property
    def paused(self) -> Sequence[Problem]: ...


def end_of_wait(*outcomes: Outcome) -> None:
    """Exit 1 where an outcome is not good; what is paused is said, on stderr."""
    for outcome in outcomes:
        for problem in outcome.paused:
            show_problem(problem)
    if not all(outcome.is_good for outcome in outcomes):
        raise typer.Exit(EXIT_PROBLEM)


def log_to_stderr(settings: Settings, *, quiet: bool = False) -> None:
    """Log lines in the format the settings ask for; by itself: for people on a terminal, else JSON.

    `quiet` leaves only what is wrong, for a command that draws on the terminal itself.
    """
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())
    set_up(as_json=as_json, level=logging.ERROR if quiet else logging.INFO)
