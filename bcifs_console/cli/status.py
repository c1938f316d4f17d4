"""`bcifs status`."""

from collections.abc import Mapping
from typing import Any

import typer
from rich.text import Text

from bcifs_console.base.text import safe_text
from bcifs_console.cli.output import console, print_json, state_text, table
from bcifs_console.cli.shared import Json, installation
from bcifs_console.operations import status as operation


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
