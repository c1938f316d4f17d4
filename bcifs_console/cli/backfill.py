"""`bcifs poll` and `bcifs backfill`"""

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bcifs_console.base.text import safe_text
from bcifs_console.cli.output import errors, money, print_json, table
from bcifs_console.cli.shared import ConnectionName, Json, Wait, end_of_wait, installation
from bcifs_console.domain.states import OrderState
from bcifs_console.operations import backfill as operation
from bcifs_console.operations import hooks
from bcifs_console.operations.backfill import Awaited, Marked, Request
from bcifs_console.operations.backfill_forecast import Forecast
from bcifs_console.operations.backfill_forecast import forecast as forecast_of
from bcifs_console.operations.context import Context
from bcifs_console.operations.working import SETTLED, Waited, wait_for
from bcifs_console.sync.backfill import Step
from bcifs_console.sync.poller import Polled

_MOMENT: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
#: How often progress is told where there is no terminal to draw on.
_TELL_S: Final = 5.0


def poll(ctx: typer.Context, connection: ConnectionName = None, wait: Wait = None, as_json: Json = False) -> None:
    """Ask the stores which orders changed, now; those become due. With --wait: exit 1 where one waits or failed."""
    with installation(ctx) as context:
        polled = asyncio.run(hooks.poll_now(context, connection))
        waited = [] if wait is None else [asyncio.run(_settled(context, *found, wait)) for found in polled]
    if as_json:
        print_json([_polled_json(name, found) for name, found in polled])
    else:
        table(
            ("connection", "seen>", "marked>", "calls>", "seconds>"),
            [(name, p.seen, p.marked, p.calls, p.elapsed_s) for name, p in polled],
            empty="No connection yet.",
        )
    end_of_wait(*waited)


async def _settled(context: Context, name: str, found: Polled, wait: float) -> Waited:
    return await wait_for(context, context.connection_id(name), found.orders, wait)


def _polled_json(name: str, found: Polled) -> dict[str, Any]:
    return {
        "connection": name,
        "seen": found.seen,
        "marked": found.marked,
        "calls": found.calls,
        "elapsed_s": found.elapsed_s,
    }


def backfill(
    ctx: typer.Context,
    since: Annotated[
        datetime | None, typer.Option("--since", formats=_MOMENT, help="Orders placed from then on, in its zone.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--until", formats=_MOMENT, help="… and until then; a day is included.")
    ] = None,
    orders: Annotated[list[int] | None, typer.Option("--order", help="This order; may be given several times.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done; posts nothing.")] = False,
    connection: ConnectionName = None,
    wait: Wait = None,
    as_json: Json = False,
) -> None:
    """Bring the orders of a period, or single ones, into IFS, also from before the connection's start.

    Orders that are placed meanwhile go first. Killed, it goes on where it was when it is run again. With --wait: exit 1
    where an order then waits, failed or is still under way.
    """
    request = Request(since, until, tuple(orders or ()))
    with installation(ctx) as context:
        if dry_run:
            with _reading(request, context) as on_step:
                found = asyncio.run(forecast_of(context, connection, request, on_step=on_step))
            _print_forecast(found, as_json=as_json)
            return
        with _reading(request, context) as on_step:
            marked = asyncio.run(operation.mark(context, connection, request, on_step=on_step))
        awaited = None
        if wait is not None:
            with _working() as on_progress:
                connection_id = context.connection_id(marked.connection)
                working = operation.wait_for(context, connection_id, marked.id, wait, on_progress=on_progress)
                awaited = asyncio.run(working)
    _print_marked(marked, awaited, as_json=as_json)
    if awaited is not None:
        end_of_wait(awaited)


def _print_marked(marked: Marked, awaited: Awaited | None, *, as_json: bool) -> None:
    states = None if awaited is None else {state.value: n for state, n in sorted(awaited.states.items())}
    if as_json:
        row = {
            "connection": marked.connection,
            "seen": marked.seen,
            "marked": marked.marked,
            "calls": marked.calls,
            "elapsed_s": marked.elapsed_s,
        }
        print_json([row if states is None else row | {"orders": states}])
        return
    table(
        ("connection", "seen>", "marked>", "calls>", "seconds>", *(f"{state}>" for state in states or ())),
        [(marked.connection, marked.seen, marked.marked, marked.calls, marked.elapsed_s, *(states or {}).values())],
        empty="",
    )


def _print_forecast(found: Forecast, *, as_json: bool) -> None:
    waiting = found.waiting.most_common()
    if as_json:
        row = {
            "connection": found.connection,
            "seen": found.seen,
            "marked": 0,
            "calls": found.calls,
            "elapsed_s": found.elapsed_s,
            "orders": dict(sorted(found.outcomes.items())),
            "sums": [{"currency": currency, "total": total} for currency, total in sorted(found.sums.items())],
            "waiting": [
                {"reason": reason, "message": message, "remedy": remedy, "orders": number}
                for (reason, message, remedy), number in waiting
            ],
        }
        print_json([row])
        return
    table(
        ("orders", "number>"),
        [(name.replace("_", " "), number) for name, number in sorted(found.outcomes.items())],
        empty="No orders there.",
        title=f"{found.connection}: {found.seen} orders, nothing posted",
    )
    for currency, total in sorted(found.sums.items()):
        typer.echo(f"new: {money(total, currency)}")
    for (reason, message, remedy), number in waiting:
        typer.echo(f"! {number} {reason}: {safe_text(message)}\n  → {safe_text(remedy)}")


# -- progress, on stderr -----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Bar:
    """A bar where stderr is a terminal, a line every few seconds elsewhere; both with rate and remaining time."""

    drawn: Progress
    what: str
    started: float
    told: float
    is_drawn: bool

    def show(self, done: int, of: float, at: float) -> None:
        """`done` orders so far; `at` of `of` is how far that is."""
        now = time.monotonic()
        rate = done / max(now - self.started, 0.001)
        if self.is_drawn:
            self.drawn.update(self.drawn.task_ids[0], total=of, completed=at, note=f"{done} orders, {rate:.1f}/s")
        elif now - self.told >= _TELL_S:
            self.told = now
            left = (now - self.started) * (of - at) / at if at else None
            remaining = "" if left is None else f", about {left:.0f} s left"
            errors().print(f"{self.what}: {done} orders, {rate:.1f}/s{remaining}", markup=False, soft_wrap=True)


@contextlib.contextmanager
def _bar(what: str, *columns: Any) -> Iterator[_Bar]:
    is_drawn = sys.stderr.isatty()
    drawn = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
        console=errors(),
        disable=not is_drawn,
    )
    with drawn:
        drawn.add_task(what, total=None, note="")
        now = time.monotonic()
        yield _Bar(drawn, what, now, now, is_drawn)


@contextlib.contextmanager
def _reading(request: Request, context: Context) -> Iterator[Callable[[Step], None]]:
    """Progress of reading: how many orders there are nobody says, but how much of the period is behind us shows."""
    with _bar("reading") as bar:

        def on_step(step: Step) -> None:
            if request.since is None or step.placed_at is None:
                return
            now = context.clock.now()
            start = request.since.replace(tzinfo=now.tzinfo)
            end = now if request.until is None else min(now, request.until.replace(tzinfo=now.tzinfo))
            whole = max((end - start).total_seconds(), 1.0)
            bar.show(step.seen, whole, min(whole, max(0.0, (step.placed_at - start).total_seconds())))

        yield on_step


@contextlib.contextmanager
def _working() -> Iterator[Callable[[dict[OrderState, int]], None]]:
    """Progress of the orders: those at rest of all."""
    with _bar("into IFS", MofNCompleteColumn()) as bar:

        def on_progress(states: dict[OrderState, int]) -> None:
            done = sum(number for state, number in states.items() if state in SETTLED)
            bar.show(done, float(sum(states.values())), float(done))

        yield on_progress
