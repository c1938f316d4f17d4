"""`bcifs serve`"""

import asyncio
import sys
from typing import Annotated, Literal

import typer

from bcifs_console import service
from bcifs_console.base.clock import SystemClock
from bcifs_console.cli.output import print_json
from bcifs_console.cli.shared import Json, log_to_stderr, settings_from


def serve(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port for webhooks; 0 takes any free one.")] = None,
    admin_port: Annotated[
        int | None, typer.Option("--admin-port", help="Port for health and metrics, loopback only; 0 takes any.")
    ] = None,
    role: Annotated[
        Literal["all", "listener", "worker"], typer.Option("--role", help="What this process does.")
    ] = "all",
    as_json: Json = False,
) -> None:
    """Run the listener, the worker and the poller until SIGTERM or Ctrl-C."""
    settings = settings_from(ctx, host=host, port=port, admin_port=admin_port)
    log_to_stderr(settings)

    def ready(address: service.Address) -> None:
        if as_json:
            print_json({"host": address.host, "port": address.port, "admin_port": address.admin_port, "role": role})
        elif address.port is not None:
            typer.echo(
                f"✓ listening for webhooks on {address.host}:{address.port}; "
                f"health and metrics on 127.0.0.1:{address.admin_port}"
            )
        else:
            typer.echo("✓ working")
        sys.stdout.flush()

    main = service.serve(settings, SystemClock(), role=role, on_ready=ready)
    if sys.platform == "win32":
        asyncio.run(main)
        return
    import uvloop

    uvloop.run(main)
