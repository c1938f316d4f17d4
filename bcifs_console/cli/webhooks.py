"""`bcifs webhooks …`"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict

import typer

from bcifs_console.cli.output import print_json, state_text, table
from bcifs_console.cli.problems import EXIT_PROBLEM
from bcifs_console.cli.shared import ConnectionName, Json, installation
from bcifs_console.operations import hooks
from bcifs_console.sync.hooks import HookAction

app = typer.Typer(help="Our webhook registrations at the store.", no_args_is_help=True, add_completion=False)


@app.command("register")
def register(ctx: typer.Context, connection: ConnectionName = None, as_json: Json = False) -> None:
    """Register every wanted scope; what is there already is kept or adopted, never doubled."""
    with installation(ctx) as context:
        actions = asyncio.run(hooks.register(context, connection))
    _print(actions, as_json=as_json)


@app.command("remove")
def remove(ctx: typer.Context, connection: ConnectionName = None, as_json: Json = False) -> None:
    """Delete our registrations at the store; nothing of anyone else's is touched."""
    with installation(ctx) as context:
        actions = asyncio.run(hooks.remove(context, connection))
    _print(actions, as_json=as_json)


def _print(actions: Sequence[HookAction], *, as_json: bool) -> None:
    if as_json:
        print_json([asdict(action) for action in actions])
        return
    table(("scope", "hook>", "action"), [(a.scope, a.hook_id, a.action) for a in actions], empty="Nothing to do.")


@app.command("status")
def status(ctx: typer.Context, connection: ConnectionName = None, as_json: Json = False) -> None:
    """How each registration is at the store now. Exit 1 where one is not healthy."""
    with installation(ctx) as context:
        rows = asyncio.run(hooks.status(context, connection))
    if as_json:
        print_json(rows)
    else:
        table(
            ("scope", "state", "hook>", "last delivery", "cause"),
            [(r["scope"], state_text(r["state"]), r["hook_id"], r["last_delivery_at"], r["cause"]) for r in rows],
            empty="No connection yet.",
        )
    if any(row["state"] != "healthy" for row in rows):
        raise typer.Exit(EXIT_PROBLEM)
