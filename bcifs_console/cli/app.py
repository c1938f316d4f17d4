"""The root of the command line: global options and the nouns."""

import importlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import typer.main
from typer.core import TyperGroup

from bcifs_console import __version__
from bcifs_console.base.problems import Problem
from bcifs_console.cli.problems import DEFAULT_WAIT_S, Globals, exit_code_of, show_problem

#: Where each command lives: a Typer of its own, or one function. Imported only when it is asked for.
_COMMANDS: Final[Mapping[str, str]] = {
    "demo": "demo:demo",
    "simulator": "simulator:simulator",
    "run": "console:run",
    "console": "console:console",
    "serve": "serve:serve",
    "status": "status:status",
    "connection": "connection:app",
    "orders": "orders:app",
    "mapping": "mapping:app",
    "ledger": "ledger:app",
    "reconcile": "reconcile:reconcile",
    "decisions": "decisions:app",
    "problems": "problem_groups:app",
    "webhooks": "webhooks:app",
    "poll": "backfill:poll",
    "backfill": "backfill:backfill",
    "db": "db:app",
}


class _LazyGroup(TyperGroup):
    """Imports a command's module when it is run or its help is shown: most need a fraction of the program."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in _COMMANDS:
            return None
        module_name, _, attribute = _COMMANDS[cmd_name].partition(":")
        found = getattr(importlib.import_module(f"bcifs_console.cli.{module_name}"), attribute)
        if not isinstance(found, typer.Typer):
            single = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
            single.command(cmd_name)(found)
            found = single
        command = typer.main.get_command(found)
        command.name = cmd_name
        return command


app = typer.Typer(
    name="bcifs",
    cls=_LazyGroup,
    help="Keeps a BigCommerce store and IFS Cloud in step: every order becomes exactly one customer order.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"bcifs {__version__}")
        raise typer.Exit


@app.callback()
def _globals(
    ctx: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option("--home", envvar="BCIFS_HOME", help="The installation's folder.", show_default="the data folder"),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    ctx.obj = Globals(home=home)


def with_wait_filled_in(arguments: Sequence[str]) -> list[str]:
    """`--wait` without a number waits for the default; Typer has no options whose value may be left out.

    A number behind it is its seconds only where what the command acts on was named before: in `orders sync --wait 5001
    5002` both are orders. Commands that take no numbers by place always take it. `--wait=5` always means seconds.
    """
    filled: list[str] = []
    has_number = bool(_NAMELESS.intersection(arguments))
    for index, argument in enumerate(arguments):
        if argument == "--":
            return [*filled, *arguments[index:]]
        filled.append(argument)
        before = arguments[index - 1] if index else ""
        following = arguments[index + 1] if index + 1 < len(arguments) else ""
        if argument == "--wait" and not (has_number and _is_number(following)):
            filled.append(str(DEFAULT_WAIT_S))
        has_number = has_number or (_is_number(argument) and before not in _TAKES_A_VALUE)
    return filled


#: Commands that act on what options, or a text, say.
_NAMELESS: Final = frozenset({"poll", "backfill", "problems"})
#: Options whose value may be a number, which then names nothing to act on.
_TAKES_A_VALUE: Final = frozenset({"--home", "--connection", "--note", "--limit", "--order"})


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


def with_run_filled_in(arguments: Sequence[str], *, has_terminal: bool) -> list[str]:
    """No command at all means `run` on a terminal; elsewhere it means the help."""
    rest = list(arguments)
    if rest[:1] == ["--home"]:
        del rest[:2]
    elif rest and rest[0].startswith("--home="):
        del rest[0]
    return [*arguments, "run"] if has_terminal and not rest else list(arguments)


def run() -> None:
    """Run the command line; a Problem becomes its message, its remedy and an exit code."""
    has_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    try:
        app(with_wait_filled_in(with_run_filled_in(sys.argv[1:], has_terminal=has_terminal)))
    except Problem as problem:
        show_problem(problem)
        sys.exit(exit_code_of(problem))
