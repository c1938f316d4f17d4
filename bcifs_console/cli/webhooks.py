"""`bcifs webhooks …`"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from bcifs_console.base.text import safe_text
from bcifs_console.cli.output import print_json, state_text, table
from bcifs_console.cli.problems import EXIT_PROBLEM
from bcifs_console.cli.shared import ConnectionName, Json, installation
from bcifs_console.operations import hook_trial, hooks
from bcifs_console.sync.hook_repair import HookAction

app = typer.Typer(help="Our webhook registrations at the store.", no_args_is_help=True, add_completion=False)


@app.command("register")
def register(
    ctx: typer.Context,
    connection: ConnectionName = None,
    new_secret: Annotated[
        bool, typer.Option("--new-secret", help="Give them a new secret header; no delivery is refused meanwhile.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Register every wanted scope; what is there already is kept or adopted, never doubled.

    From then on the service repairs them by itself.
    """
    with installation(ctx) as context:
        actions = asyncio.run(hooks.register(context, connection, new_secret=new_secret))
    _print(actions, as_json=as_json)


@app.command("repair")
def repair(ctx: typer.Context, connection: ConnectionName = None, as_json: Json = False) -> None:
    """Do now what the service does every minute: recreate, reactivate, move back, remove strays of ours; then poll."""
    with installation(ctx) as context:
        actions = asyncio.run(hooks.repair(context, connection))
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
    table(
        ("scope", "hook>", "action"), [(a.scope, a.hook_id, _words(a.action)) for a in actions], empty="Nothing to do."
    )


def _words(action: str | None) -> str | None:
    return action and action.replace("_", " ")


@app.command("status")
def status(ctx: typer.Context, connection: ConnectionName = None, as_json: Json = False) -> None:
    """How each registration is at the store now. Exit 1 where one is not healthy."""
    with installation(ctx) as context:
        rows = asyncio.run(hooks.status(context, connection))
    whose = ("connection",) if len({row["connection"] for row in rows}) > 1 else ()
    if as_json:
        print_json(rows)
    else:
        table(
            (*whose, "scope", "state", "hook>", "last delivery", "last hour>", "missed>", "cause", "last done"),
            [
                (
                    *(r[name] for name in whose),
                    r["scope"],
                    state_text(r["state"]),
                    r["hook_id"],
                    r["last_delivery_at"],
                    r["last_hour"],
                    f"{r['missed']} of {compared}" if (compared := r["missed"] + r["heard"]) else None,
                    r["cause"],
                    _words(r["action"]),
                )
                for r in rows
            ],
            empty="No connection yet.",
        )
        if rows and rows[0]["ack_p99_ms"] is not None:
            typer.echo(f"acknowledged lately: p50 {rows[0]['ack_p50_ms']} ms, p99 {rows[0]['ack_p99_ms']} ms")
        for remedy in dict.fromkeys(row["remedy"] for row in rows if row["remedy"]):
            typer.echo(safe_text(remedy))
    if any(row["state"] != "healthy" for row in rows):
        raise typer.Exit(EXIT_PROBLEM)


@app.command("test")
def try_out(
    ctx: typer.Context,
    connection: ConnectionName = None,
    alert: Annotated[bool, typer.Option("--alert", help="Send a test alert to every channel instead.")] = False,
    as_json: Json = False,
) -> None:
    """Deliver a harmless event to our own public address, as BigCommerce would. Exit 1 where it does not arrive."""
    with installation(ctx) as context:
        rows: list[dict[str, Any]] = asyncio.run(
            hook_trial.try_alerts(context) if alert else hook_trial.trial(context, connection)
        )
    if as_json:
        print_json(rows)
    else:
        what = "check" if alert else "destination"
        table(
            (what, "verdict", "detail", "what to do"),
            [(r[what], state_text(r["verdict"]), r["detail"], r["remedy"]) for r in rows],
            empty="",
        )
    if any(row["verdict"] != "ok" for row in rows):
        raise typer.Exit(EXIT_PROBLEM)
