"""`bcifs db …`: the database's schema, copies and soundness."""

from pathlib import Path
from typing import Annotated

import typer

from bcifs_console.base.clock import SystemClock
from bcifs_console.cli.output import print_json
from bcifs_console.cli.problems import EXIT_PROBLEM
from bcifs_console.cli.shared import Json, installation, settings_from
from bcifs_console.operations import upkeep

app = typer.Typer(help="The database: schema, copies, soundness.", no_args_is_help=True, add_completion=False)


@app.command("upgrade")
def upgrade(ctx: typer.Context, as_json: Json = False) -> None:
    """Bring the schema to what this release needs; every other bcifs process must be stopped."""
    before, after = upkeep.upgrade(settings_from(ctx), SystemClock())
    if as_json:
        print_json({"from": before or None, "to": after})
    else:
        typer.echo(f"✓ schema {before or 'empty'} → {after}")


@app.command("backup")
def backup(
    ctx: typer.Context,
    folder: Annotated[Path | None, typer.Argument(help="Where to; default HOME/backups.")] = None,
    as_json: Json = False,
) -> None:
    """A consistent copy of the SQLite database, while everything runs. The master key is not in it."""
    path = upkeep.back_up(settings_from(ctx), SystemClock(), folder)
    if as_json:
        print_json({"file": str(path)})
    else:
        typer.echo(f"✓ {path}")


@app.command("check")
def check(ctx: typer.Context, as_json: Json = False) -> None:
    """Prove that the secrets open and that the journal's chain is whole; exit 1 where it is not."""
    with installation(ctx) as context:
        rows = upkeep.check(context)
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            typer.echo(f"{'✓' if row['verdict'] == 'ok' else '✗'} {row['check']}: {row['detail']}")
    if any(row["verdict"] != "ok" for row in rows):
        raise typer.Exit(EXIT_PROBLEM)
