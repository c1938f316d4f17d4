"""`bcifs demo`: a day on simulated systems in a home of its own: live behind the console, or ended with a summary."""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from bcifs_console.base.problems import Problem
from bcifs_console.base.settings import Settings, load_settings
from bcifs_console.cli.demo_day import Summary, run_day
from bcifs_console.cli.demo_world import WATCH_S
from bcifs_console.cli.output import print_json
from bcifs_console.cli.problems import EXIT_PROBLEM, Globals
from bcifs_console.cli.shared import Json, log_to_stderr

_PREFIX: Final = "bcifs-demo-"
#: Orders a second where somebody watches.
_CALM: Final = 0.25


def demo(
    ctx: typer.Context,
    headless: Annotated[bool, typer.Option("--headless", help="No console; end when all work is done.")] = False,
    orders: Annotated[
        int, typer.Option("--orders", min=1, help="How many orders are placed; behind the console, before it opens.")
    ] = 60,
    rate: Annotated[
        float, typer.Option("--rate", min=0, help="Orders per second; headless, 0 places them all at once.")
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same orders.")] = 1,
    faults: Annotated[
        Literal["none", "light", "storm"], typer.Option("--faults", help="How badly both sides behave.")
    ] = "none",
    as_json: Json = False,
) -> None:
    """Show the main job on simulated systems: orders placed in the store appear in IFS, each exactly once."""
    shared: Globals = ctx.obj
    is_live = not headless and not as_json and sys.stdout.isatty()
    with _home(shared.home) as home:
        settings = load_settings(
            home=home,
            port=0,
            admin_port=0,
            request_deadline_s=3.0,
            resend_after_s=1.0,
            probe_interval_s=1.0,
            watch_interval_s=WATCH_S if is_live else 20.0,
            retry_base_s=0.2,
            retry_cap_s=5.0,
            max_attempts=40,
        )
        if is_live:
            _live(settings, orders, rate or _CALM, seed, faults)
            return
        log_to_stderr(settings)
        try:
            summary = asyncio.run(run_day(settings, orders, rate, seed, faults))
        except TimeoutError:
            raise Problem(
                "The demo did not come to an end.",
                remedy="Keep its home (--home DIR) and look at: bcifs --home DIR orders list",
            ) from None
    _print(summary, as_json=as_json)
    if summary.failed or summary.duplicates or summary.books == "red":
        raise typer.Exit(EXIT_PROBLEM)


def _live(settings: Settings, orders: int, rate: float, seed: int, faults: str) -> None:
    from bcifs_console.cli.demo_live import live  # with it comes Textual, which no other command is to pay for

    log_to_stderr(settings, quiet=True)
    typer.echo("Starting a shop, an IFS and the service between them …")
    asyncio.run(live(settings, morning=orders, rate=rate, seed=seed, faults=faults))
    typer.echo("✓ Everything of the demo has ended.")
    if settings.home.name.startswith(_PREFIX):
        return
    typer.echo(f"  What it did is kept: bcifs --home {settings.home} orders list")


@contextlib.contextmanager
def _home(given: Path | None) -> Iterator[Path]:
    if given is not None:
        given.mkdir(parents=True, exist_ok=True, mode=0o700)
        yield given
        return
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder:
        yield Path(folder)


def _print(summary: Summary, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(summary))
        return
    typer.echo(f"{summary.orders} orders in {summary.elapsed_s} s.")
    typer.echo(f"  {summary.in_ifs:>5} in IFS, {summary.duplicates} of them twice")
    typer.echo(f"  {summary.waiting:>5} waiting for a person")
    typer.echo(f"  {summary.skipped:>5} skipped")
    typer.echo(f"  {summary.failed:>5} failed")
    typer.echo(f"  {summary.vouchers:>5} vouchers in the general ledger; the books are {summary.books or 'empty'}")
    typer.echo(f"  {summary.ignored:>5} more did not pass the status gate (unpaid, incomplete, declined …)")
    if summary.waiting:
        typer.echo("To see why orders wait: bcifs --home DIR demo keeps the home; then bcifs --home DIR problems list.")
