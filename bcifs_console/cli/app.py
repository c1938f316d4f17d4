"""The root of the command line: global options and the nouns."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bcifs_console import __version__
from bcifs_console.base.problems import Problem
from bcifs_console.cli import connection, db, decisions, demo, orders, serve, simulator, status, webhooks
from bcifs_console.cli.shared import Globals, exit_code_of, show_problem
from bcifs_console.operations.working import DEFAULT_WAIT_S

app = typer.Typer(
    name="bcifs",
    help="Keeps a BigCommerce store and IFS Cloud in step: every order becomes exactly one customer order.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def _globals(
    ctx: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option("--home", envvar="BCIFS_HOME", help="The installation's folder.", show_default="the data folder"),
    ] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    if version:
        typer.echo(f"bcifs {__version__}")
        raise typer.Exit
    ctx.obj = Globals(home=home)


app.command("demo")(demo.demo)
app.command("simulator")(simulator.simulator)
app.command("serve")(serve.serve)
app.command("status")(status.status)
app.command("poll")(webhooks.poll)
app.add_typer(connection.app, name="connection")
app.add_typer(db.app, name="db")
app.add_typer(orders.app, name="orders")
app.add_typer(decisions.app, name="decisions")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(status.problems_app, name="problems")


def with_wait_filled_in(arguments: Sequence[str]) -> list[str]:
    """`--wait` without a number waits for the default; Typer has no options whose value may be left out."""
    filled: list[str] = []
    for index, argument in enumerate(arguments):
        filled.append(argument)
        if argument == "--wait":
            following = arguments[index + 1] if index + 1 < len(arguments) else ""
            if not following.replace(".", "", 1).isdigit():
                filled.append(str(DEFAULT_WAIT_S))
    return filled


def run() -> None:
    """Run the command line; a Problem becomes its message, its remedy and an exit code."""
    try:
        app(with_wait_filled_in(sys.argv[1:]))
    except Problem as problem:
        show_problem(problem)
        sys.exit(exit_code_of(problem))
