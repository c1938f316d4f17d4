"""`bcifs demo`: a day on simulated systems in a home of its own, shown live or ended with a summary."""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final, Literal

import typer
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bcifs_console.base.problems import Problem
from bcifs_console.base.settings import load_settings
from bcifs_console.cli.demo_day import Show, Summary, run_day
from bcifs_console.cli.output import cell, console, money, print_json, state_text
from bcifs_console.cli.problems import EXIT_PROBLEM, Globals
from bcifs_console.cli.shared import Json, log_to_stderr
from bcifs_console.domain.states import OrderState
from bcifs_console.operations.context import Context
from bcifs_console.store import queue, views

_SHOWN: Final = 12


def demo(
    ctx: typer.Context,
    headless: Annotated[bool, typer.Option("--headless", help="No live view; end when all work is done.")] = False,
    orders: Annotated[int, typer.Option("--orders", min=1, help="How many orders are placed.")] = 60,
    rate: Annotated[float, typer.Option("--rate", min=0, help="Orders per second; 0 places them all at once.")] = 0,
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
            retry_base_s=0.2,
            retry_cap_s=5.0,
            max_attempts=40,
        )
        log_to_stderr(settings, quiet=is_live)
        try:
            with _view(is_live) as show:
                pace = rate or (10.0 if is_live else 0.0)
                summary = asyncio.run(run_day(settings, orders, pace, seed, faults, show))
        except TimeoutError:
            raise Problem(
                "The demo did not come to an end.",
                remedy="Keep its home (--home DIR) and look at: bcifs --home DIR orders list",
            ) from None
    _print(summary, as_json=as_json)
    if summary.failed or summary.duplicates or summary.books == "red":
        raise typer.Exit(EXIT_PROBLEM)


@contextlib.contextmanager
def _home(given: Path | None) -> Iterator[Path]:
    if given is not None:
        given.mkdir(parents=True, exist_ok=True, mode=0o700)
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="bcifs-demo-") as folder:
        yield Path(folder)


@contextlib.contextmanager
def _view(is_live: bool) -> Iterator[Show]:
    """A live picture of the orders on a terminal, else nothing."""
    if not is_live:
        yield lambda _context: None
        return
    with Live(Text("starting …"), console=console(), refresh_per_second=10) as live:
        yield lambda context: live.update(_picture(context))


def _picture(context: Context) -> RenderableType:
    states, newest = context.store.database.read_sync(
        lambda conn: (queue.states(conn), views.orders(conn, limit=_SHOWN))
    )
    counted = Table(box=None, pad_edge=False)
    counted.add_column("state")
    counted.add_column("orders", justify="right")
    for state in OrderState:
        counted.add_row(state_text(state.value), str(sum(n for (_, s), n in states.items() if s == state.value)))
    recent = Table(box=None, pad_edge=False)
    for heading in ("order", "buyer", "total", "state", "IFS order"):
        recent.add_column(heading, no_wrap=True, justify="right" if heading == "total" else "left")
    for order in newest:
        total = money(order.total, order.currency)
        recent.add_row(
            cell(order.order_id),
            cell(order.email or order.buyer_name),
            cell(total),
            state_text(order.state),
            cell(order.ifs_order_no or order.reason),
        )
    title = Text("BCIFS demo · orders on their way from BigCommerce to IFS Cloud", style="bold")
    return Group(title, Text(), Columns([Padding(counted, (0, 3, 0, 0)), recent]))


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
