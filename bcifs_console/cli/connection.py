"""`bcifs connection …`"""

import asyncio
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bcifs_console.base.text import safe_text
from bcifs_console.cli.output import print_json, state_text, table
from bcifs_console.cli.problems import EXIT_PROBLEM
from bcifs_console.cli.shared import Json, installation
from bcifs_console.operations import connect, connection_settings, pausing

app = typer.Typer(
    help="Connections: one BigCommerce store tied to one IFS company.", no_args_is_help=True, add_completion=False
)
_SECRETS = connect.SECRET_FIELDS
_CHOICES = tuple(connection_settings.SETTABLE)
Name = Annotated[str | None, typer.Argument(help="The connection; needed only when there are several.")]


@app.command("add")
def add(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A connection file, as config/connection.example.toml.")],
    as_json: Json = False,
) -> None:
    """Store a connection; its secrets are sealed and the file is not needed again."""
    with installation(ctx) as context:
        added = connect.add(context, file)
    if as_json:
        print_json(asdict(added))
        return
    typer.echo(f"✓ {added.name} added: orders placed from {added.start_at} on, days in {added.time_zone}.")
    for note in added.notes:
        typer.echo(f"! {safe_text(note)}")
    typer.echo(f"  next: bcifs connection test {added.name}, then bcifs serve, then bcifs webhooks register")


@app.command("list")
def list_connections(ctx: typer.Context, as_json: Json = False) -> None:
    """Every connection in short."""
    with installation(ctx) as context:
        rows = connect.listing(context)
    if as_json:
        print_json(rows)
        return
    table(
        ("name", "store", "IFS", "company", "site", "unmatched", "from"),
        [tuple(row.values()) for row in rows],
        empty="No connection yet. Add one: bcifs connection add config/connection.example.toml",
    )


@app.command("show")
def show(ctx: typer.Context, name: Name = None, as_json: Json = False) -> None:
    """One connection whole, without its secrets."""
    with installation(ctx) as context:
        found = connect.show(context, name)
    if as_json:
        print_json(found)
        return
    typer.echo(f"{found['name']}   webhooks go to {found['webhook_url']}")
    for part in ("bigcommerce", "ifs", "policy"):
        table(("setting", "value"), [(f"{part}.{k}", v) for k, v in found[part].items()], empty="")
    table(
        ("purpose", "#>", "when", "result", "by"),
        [
            (
                r["purpose"],
                r["position"],
                ", ".join(f"{k}={'|'.join(v)}" for k, v in r["when"].items()),
                r["result"],
                r["author"],
            )
            for r in found["mapping"]
        ],
        empty="No mapping rules.",
    )


@app.command("test")
def try_out(ctx: typer.Context, name: Name = None, as_json: Json = False) -> None:
    """Try everything the connection needs; exit 1 where something is not as it must be."""
    with installation(ctx) as context:
        rows = asyncio.run(connect.test(context, name))
    if as_json:
        print_json(rows)
    else:
        table(
            ("", "check", "detail", "what to do"),
            [(state_text(r["verdict"]), r["check"], r["detail"], r["remedy"]) for r in rows],
            empty="Nothing was checked.",
        )
    if any(row["verdict"] != "ok" for row in rows):
        raise typer.Exit(EXIT_PROBLEM)


@app.command("set")
def set_value(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The connection.")],
    key: Annotated[str, typer.Argument(help=f"A secret: {', '.join(_SECRETS)}; or a choice: {', '.join(_CHOICES)}.")],
    value: Annotated[
        str, typer.Argument(help="Of a secret: env:NAME, file:PATH, or - to be asked for it. Of a choice: its value.")
    ] = "-",
    post_from: Annotated[
        str | None,
        typer.Option("--post-from", help="With ifs.voucher_transport: from when on facts are posted (a date)."),
    ] = None,
) -> None:
    """Replace a secret or change a choice; a running service takes it over within a second."""
    if key not in _SECRETS:
        with installation(ctx) as context:
            notes = connection_settings.set_value(context, name, key, value, post_from=post_from)
        typer.echo(f"✓ {key} of {name} is {safe_text(value)} now.")
        for note in notes:
            typer.echo(f"! {safe_text(note)}")
        return
    if value == "-":
        value = typer.prompt(key, hide_input=True)
    elif not value.startswith(("env:", "file:")):
        raise typer.BadParameter("a secret never stands on the command line: give env:NAME, file:PATH or -")
    with installation(ctx) as context:
        connect.set_secret(context, name, key, value, os.environ)
    typer.echo(f"✓ {key} of {name} set.")


@app.command("remove")
def remove(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The connection.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take a connection out of use: its secrets are erased, its orders and ledger stay."""
    if not yes:
        typer.confirm(f"Erase the secrets of {name} and stop working on it?", default=False, abort=True)
    with installation(ctx) as context:
        connect.remove(context, name)
    typer.echo(f"✓ {name} removed. Its webhooks at the store stay until you remove them there.")


@app.command("pause")
def pause(
    ctx: typer.Context,
    name: Name = None,
    note: Annotated[str, typer.Option("--note", help="Why; shown until it is resumed.")] = "",
) -> None:
    """Take up no more orders of a connection until it is resumed; deliveries are accepted all the same."""
    with installation(ctx) as context:
        changed = pausing.pause(context, [context.connection_id(name)], note=note)
    typer.echo("✓ Paused. Looks under way are finished." if changed else "It is paused already.")


@app.command("resume")
def resume(ctx: typer.Context, name: Name = None) -> None:
    """Take up the orders of a connection that was paused."""
    with installation(ctx) as context:
        changed = pausing.resume(context, [context.connection_id(name)])
    typer.echo("✓ Resumed." if changed else "It is not paused.")
