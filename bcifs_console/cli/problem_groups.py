"""`bcifs problems …`"""

import asyncio
from typing import Annotated, Any

import typer

from bcifs_console.cli.output import print_json, table
from bcifs_console.cli.shared import ConnectionName, Json, Wait, end_of_wait, installation
from bcifs_console.operations import problems
from bcifs_console.operations import status as operation

app = typer.Typer(help="What waits or failed, by cause.", no_args_is_help=True, add_completion=False)


@app.command("list")
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


@app.command("retry")
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
    if waited is not None:
        end_of_wait(waited)


def _asked_json(each: problems.Asked) -> dict[str, Any]:
    return {
        "connection": each.connection,
        "key": each.group.cause,
        "class": each.group.kind,
        "first": each.canary,
        "orders": list(each.orders),
    }
