"""`bcifs status` and `bcifs problems …`"""

import typer

from bcifs_console.cli.output import print_json, safe_text, state_text, table
from bcifs_console.cli.shared import Json, installation
from bcifs_console.operations import status as operation

problems_app = typer.Typer(help="What waits or failed, by cause.", no_args_is_help=True, add_completion=False)


def status(ctx: typer.Context, as_json: Json = False) -> None:
    """How the installation is: orders by state, open questions, who lives, what is paused."""
    with installation(ctx) as context:
        found = operation.status(context)
    if as_json:
        print_json(found)
        return
    typer.echo(f"home {found['home']}")
    table(("state", "orders>"), [(state_text(s), n) for s, n in found["orders"].items()], empty="")
    typer.echo(f"decisions {found['decisions']}   orders waiting or failed {found['problems']}")
    refused = ", ".join(f"{kind} {number}" for kind, number in found["refused"].items())
    if refused:
        typer.echo(f"deliveries refused so far: {safe_text(refused)}; many wrong signatures mean a wrong client secret")
    for part in ("listener", "worker"):
        process = found[part]
        where = f" on port {process['port']}" if process.get("port") else ""
        typer.echo(f"{part}: {process['state']}{where if part == 'listener' else ''}")
    for connection in found["connections"]:
        sides = (connection[side] for side in ("bigcommerce", "ifs"))
        store, erp = (side if side == "ok" else f"PAUSED: {safe_text(side)}" for side in sides)
        typer.echo(f"{connection['name']}: BigCommerce {store}, IFS {erp}")


@problems_app.callback()
def _problems() -> None:
    """Keeps `list` a word of its own: Typer folds an only command into its noun."""


@problems_app.command("list")
def list_problems(ctx: typer.Context, as_json: Json = False) -> None:
    """What waits or failed, grouped by cause."""
    with installation(ctx) as context:
        rows = operation.problems(context)
    if as_json:
        print_json(rows)
        return
    table(
        ("orders>", "class", "cause", "what to do"),
        [(r["orders"], r["class"], r["cause"], r["remedy"]) for r in rows],
        empty="No problems.",
    )
