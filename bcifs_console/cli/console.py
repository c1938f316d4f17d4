"""`bcifs console` and `bcifs run`: the console on the store, and the service with the console in front of it."""

import contextlib
import logging
import sys
from collections.abc import Iterator
from typing import Annotated, Final

import typer

from bcifs_console.base.clock import SystemClock
from bcifs_console.base.logging import set_up
from bcifs_console.base.problems import UsageProblem
from bcifs_console.base.settings import Settings
from bcifs_console.cli.shared import settings_from
from bcifs_console.operations import serving
from bcifs_console.operations.context import opened

_LOG: Final = "console.log"


def console(
    ctx: typer.Context,
    readonly: Annotated[bool, typer.Option("--readonly", help="Look only: nothing can be changed.")] = False,
) -> None:
    """Open the console on this installation; any number of them can be open at once."""
    _show(settings_from(ctx), readonly=readonly)


def run(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port for webhooks; 0 takes any free one.")] = None,
    admin_port: Annotated[
        int | None, typer.Option("--admin-port", help="Port for health and metrics, loopback only; 0 takes any.")
    ] = None,
) -> None:
    """Start the service, where it does not run yet, and the console in front of it. The same as bcifs alone."""
    _show(settings_from(ctx, host=host, port=port, admin_port=admin_port), serve=True)


def _show(settings: Settings, *, readonly: bool = False, serve: bool = False) -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageProblem("The console needs a terminal.", remedy="Without one: bcifs status, or bcifs serve.")
    # Textual takes a while to import: only who opens the console pays for it.
    from bcifs_console.console.app import ConsoleApp
    from bcifs_console.console.config import load

    config = load(settings.home)
    with opened(settings, clock=SystemClock()) as context, _logging_to_file(settings):
        service = serving.start_service(settings) if serve and not serving.is_served(context) else None
        app = ConsoleApp(context, readonly=readonly, config=config, service=service)
        app.run()
        _end_service(app.service, is_kept=app.leaving == "keep")
    sys.exit(app.return_code or 0)


def _end_service(service: serving.ServiceProcess | None, *, is_kept: bool) -> None:
    """Do with the service we started what was answered on leaving; the terminal may be gone by now."""
    if service is None or not service.is_running:
        return
    with contextlib.suppress(OSError):
        typer.echo("The service goes on. Look at it: bcifs console" if is_kept else "Stopping the service …")
    if is_kept:
        return
    service.stop()
    with contextlib.suppress(OSError):
        typer.echo("✓ The service has stopped.")


@contextlib.contextmanager
def _logging_to_file(settings: Settings) -> Iterator[None]:
    """Log lines into HOME/logs/console.log while the console has the terminal: on it they would spoil the picture."""
    folder = settings.home / "logs"
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / _LOG).open("a", encoding="utf-8") as file:
        set_up(as_json=settings.log_format == "json", level=logging.WARNING, stream=file)
        yield
        set_up(as_json=False, level=logging.ERROR)
