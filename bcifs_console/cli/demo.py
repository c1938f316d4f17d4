"""`bcifs demo`: simulator, service and a summary, in a home of its own. The simulator is a process of its own."""

import asyncio
import contextlib
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import httpx
import typer
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bcifs_console.base.clock import SystemClock
from bcifs_console.base.problems import Problem
from bcifs_console.base.settings import Settings, load_settings
from bcifs_console.cli.output import cell, console, money, print_json, state_text
from bcifs_console.cli.problems import EXIT_PROBLEM, Globals
from bcifs_console.cli.shared import Json, log_to_stderr
from bcifs_console.domain.states import OrderState
from bcifs_console.operations import connect, hooks
from bcifs_console.operations.context import Context, acting_user
from bcifs_console.service import Service, running
from bcifs_console.store import connections, queue, views

_START_S: Final = 30.0
_LONGEST_S: Final = 900.0
_LOOK_S: Final = 0.1
_GATED_EVERY: Final = 20
_SHOWN: Final = 12
Show = Callable[[Context], None]

#: What the demo's connection file says; the same as config/connection.example.toml, with the simulator's access data.
_CONNECTION: Final = """
name = "demo"
[bigcommerce]
store_hash = "{store_hash}"
client_id = "{client_id}"
client_secret = "{client_secret}"
access_token = "{access_token}"
api_url = "{api_url}"
public_url = "{public_url}"
[ifs]
base_url = "{ifs_base_url}"
realm = "{realm}"
client_id = "{ifs_client_id}"
client_secret = "{ifs_client_secret}"
company = "{company}"
site = "{site}"
[policy]
unmatched_customer = "ask"
revenue_posting = "voucher"
order_type_never_invoices = true
start_at = {start_at}
[mapping]
revenue_account = "4000"
"""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a headless demo ends with (DESIGN §12)."""

    orders: int
    in_ifs: int
    waiting: int
    failed: int
    skipped: int
    ignored: int
    vouchers: int
    duplicates: int
    books: str | None
    elapsed_s: float


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
            summary = asyncio.run(
                _run(settings, orders, rate or (10.0 if is_live else 0.0), seed, faults, is_live=is_live)
            )
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


async def _run(settings: Settings, orders: int, rate: float, seed: int, faults: str, *, is_live: bool) -> Summary:
    clock = SystemClock()
    started = clock.monotonic()
    async with _simulator(seed) as access, running(settings, clock) as service:
        context = Context(settings, service.store, clock, acting_user())
        await asyncio.to_thread(_connect, context, service, access)
        await service.reload()
        await hooks.register(context, None)
        async with httpx.AsyncClient(timeout=60) as control, asyncio.timeout(_LONGEST_S):
            url = access["bigcommerce"]["api_url"]
            # A new hook needs up to a minute before it fires; the simulator's clock is moved past it.
            await control.post(f"{url}/_sim/advance", json={"seconds": 60})
            await control.post(f"{url}/_sim/faults", json={"profile": faults})
            placing = asyncio.create_task(_place(control, url, orders, rate))
            with _view(is_live) as show:
                expected = await _until_done(context, service, placing, show)
            await control.post(f"{url}/_sim/faults", json={"profile": "none"})
            duplicates = await _duplicates(control, access["ifs"]["base_url"])
        return _summary(context, expected, duplicates, clock.monotonic() - started)


@contextlib.asynccontextmanager
async def _simulator(seed: int) -> AsyncIterator[dict[str, Any]]:
    """The simulator as a process; ends with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bcifs_console.simulator",
        "--seed",
        str(seed),
        "--quota",
        "off",
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None, "it was asked for"
    try:
        async with asyncio.timeout(_START_S):
            line = await process.stdout.readline()
        if not line:
            raise Problem("The simulator did not start.", remedy="Run: bcifs simulator")
        yield json.loads(line)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def _connect(context: Context, service: Service, access: dict[str, Any]) -> None:
    """Store the connection unless this home has it from an earlier demo: then only its addresses are new."""
    if context.store.database.read_sync(connections.names):
        raise Problem(
            f"{context.settings.home} is in use by another installation or an earlier demo.",
            remedy="Choose an empty folder with --home, or none for a temporary one.",
        )
    store, erp = access["bigcommerce"], access["ifs"]
    text = _CONNECTION.format(
        **store,
        public_url=f"http://{service.address.host}:{service.address.port}",
        ifs_base_url=erp["base_url"],
        realm=erp["realm"],
        ifs_client_id=erp["client_id"],
        ifs_client_secret=erp["client_secret"],
        company=erp["company"],
        site=erp["site"],
        start_at=context.clock.now().strftime("%Y-%m-%dT00:00:00Z"),
    )
    path = context.settings.home / "connection.toml"
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    connect.add(context, path)
    path.unlink()


async def _place(control: httpx.AsyncClient, url: str, orders: int, rate: float) -> set[int]:
    """Place the orders, and beside them some that do not pass the status gate. Returns every number."""
    placed: set[int] = set()
    step = orders if not rate else max(1, round(rate / 2))
    for start in range(0, orders, step):
        count = min(step, orders - start)
        gated = (start + count) // _GATED_EVERY - start // _GATED_EVERY
        answer = await control.post(f"{url}/_sim/orders", json={"count": count, "gated": gated})
        answer.raise_for_status()
        made = answer.json()
        placed |= {*made["orders"], *made["gated"]}
        if rate:
            await asyncio.sleep(count / rate)
    return placed


async def _until_done(context: Context, service: Service, placing: asyncio.Task[set[int]], show: Show) -> set[int]:
    """Wait until every order placed is known and none is due or being worked on."""
    polled = False
    while True:
        states = await context.store.database.read(queue.states)
        show(context)
        moving = sum(n for (_, state), n in states.items() if state in (OrderState.DUE, OrderState.WORKING))
        if placing.done() and not moving:
            if sum(states.values()) >= len(placing.result()):
                return placing.result()
            if not polled:
                # Deliveries were lost on the way: the fallback poll finds what they were about.
                service.poll_soon()
                polled = True
        elif moving:
            polled = False
        await asyncio.sleep(_LOOK_S)


async def _duplicates(control: httpx.AsyncClient, ifs_url: str) -> int:
    """How many orders stand in IFS more often than once, from the simulator's own truth."""
    truth = (await control.get(f"{ifs_url}/_sim/state")).json()
    references = [o["CustomerPoNo"] for o in truth["customer_orders"] if o["Objstate"] != "Cancelled"]
    return len(references) - len(set(references))


def _summary(context: Context, expected: set[int], duplicates: int, elapsed_s: float) -> Summary:
    counted = {state.value: 0 for state in OrderState}
    for (_, state), number in context.store.database.read_sync(queue.states).items():
        counted[state] += number
    return Summary(
        orders=len(expected) - counted["ignored"],
        in_ifs=counted["synced"],
        waiting=counted["waiting"],
        failed=counted["failed"],
        skipped=counted["skipped"],
        ignored=counted["ignored"],
        vouchers=0,
        duplicates=duplicates,
        books=None,
        elapsed_s=round(elapsed_s, 2),
    )


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
    typer.echo(f"  {summary.ignored:>5} more did not pass the status gate (unpaid, incomplete, declined …)")
    if summary.waiting:
        typer.echo("To see why orders wait: bcifs --home DIR demo keeps the home; then bcifs --home DIR problems list.")
