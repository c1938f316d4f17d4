"""`bcifs status` and `bcifs problems …`"""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.text import Text

from bcifs_console.base.text import safe_text
from bcifs_console.cli.output import console, print_json, state_text, table
from bcifs_console.cli.problems import EXIT_PROBLEM
from bcifs_console.cli.shared import ConnectionName, Json, Wait, installation
from bcifs_console.operations import problems
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
        if (pause := connection["paused"]) is not None:
            since = f"{pause['since']:%Y-%m-%d %H:%M}"
            note = f" ({safe_text(pause['note'])})" if pause["note"] else ""
            typer.echo(f"  PAUSED by {safe_text(pause['by'])} since {since}{note}; run: bcifs connection resume")
        _show_webhooks(connection["webhooks"])


def _show_webhooks(found: Mapping[str, Any]) -> None:
    missed, compared = found["missed"], found["missed"] + found["heard"]
    told = f"   told of {compared - missed} of {compared} changes ({found['miss_rate']:.1%} missed)" if compared else ""
    console().print(Text("  webhooks ") + state_text(found["state"]) + Text(told))
    for name in ("cause", "action", "remedy"):
        if found[name]:
            typer.echo(f"    {safe_text(found[name])}")


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


@problems_app.command("retry")
def retry_problems(
    ctx: typer.Context,
    cause: Annotated[
        str | None,
        typer.Argument(help="A `key` of `problems list --json`, or a class such as failed; all problems without it."),
    ] = None,
    connection: ConnectionName = None,
    wait: Wait = None,
    as_json: Json = False,
) -> None:
    """Try what waits or failed again: one order of each cause first, the rest once that one got through."""
    with installation(ctx) as context:
        asked = problems.retry(context, cause, connection=connection)
        waited = asyncio.run(problems.wait_for_groups(context, asked, wait)) if wait is not None else None
    if as_json:
        print_json([_asked_json(each) for each in asked])
    else:
        table(
            ("orders>", "first>", "class", "cause", "connection"),
            [(len(each.orders), each.canary, each.group.kind, each.group.cause, each.connection) for each in asked],
            empty="",
        )
        if waited is None:
            typer.echo("The first of each is due; the rest follows once it is in IFS. See: bcifs problems list")
        else:
            typer.echo(f"{sum(order.state == 'synced' for order in waited.orders)} of {len(waited.orders)} are in IFS.")
    if waited is not None and not waited.is_good:
        raise typer.Exit(EXIT_PROBLEM)


def _asked_json(each: problems.Asked) -> dict[str, Any]:
    return {
        "connection": each.connection,
        "key": each.group.cause,
        "class": each.group.kind,
        "first": each.canary,
        "orders": list(each.orders),
    }
