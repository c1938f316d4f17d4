"""Durable acknowledgements a second, and their p99: the real listener on SQLite at synchronous=FULL, and a bare one.

Generator and server have a processor each. Yardstick and listener take turns, so that a machine whose speed drifts
treats both alike; the figures are medians over the turns.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from tests.benchmarks.credentials import Secrets, secrets_of
from tests.benchmarks.processes import Child, Failed, child
from tests.benchmarks.profiling import profiled, top
from tests.benchmarks.results import Benchmark, Effort, Goal, Measured, Row, Workplace
from tests.benchmarks.stage import Installation, lone_home

GOAL: Final = Goal(0.70, at_least=True)
_PATH: Final = "/webhooks/bigcommerce/"
#: Deliveries that a store sends for a new order at once: created, updated, statusUpdated.
_EVENTS: Final = 3


@dataclass(frozen=True, slots=True)
class Size:
    """Turns, deliveries in each, connections; and of the quiet run at a fixed rate."""

    turns: int
    deliveries: int
    connections: tuple[int, ...]
    rate: float
    rate_seconds: float

    @property
    def loads(self) -> list[Load]:
        usual = [Load(connections) for connections in self.connections]
        return [*usual, Load(max(self.connections), events=1)]


_SIZES: Final = {
    Effort.FULL: Size(7, 15_000, (32, 64), 300.0, 20.0),
    Effort.QUICK: Size(3, 6_000, (64,), 300.0, 5.0),
    Effort.TINY: Size(1, 210, (8,), 300.0, 0.5),
}


@dataclass(frozen=True, slots=True)
class Load:
    """One way to load a server: connections at once, and deliveries for each order."""

    connections: int
    events: int = _EVENTS

    def __str__(self) -> str:
        order = "" if self.events == _EVENTS else ", each of another order"
        return f"{self.connections} connections{order}"


@dataclass(slots=True)
class Target:
    """A server under load, what each turn against it brought, and what it said it has taken."""

    server: Child
    port: int
    path: str
    outcomes: dict[Load, list[dict[str, Any]]] = field(default_factory=dict)
    busy: list[float] = field(default_factory=list)
    answered: int = 0
    orders: int = 0

    def figure(self, load: Load, name: str) -> float:
        return float(median(outcome[name] for outcome in self.outcomes[load]))


class Range:
    """Loads targets with deliveries that never repeat."""

    def __init__(self, generator: Child, secrets: Secrets, first: int = 1) -> None:
        self._generator = generator
        self._secrets = secrets
        self._next = first  #: the next order's number

    async def shoot(
        self, target: Target, count: int, load: Load, *, rate: float | None = None, keep: bool = True
    ) -> dict[str, Any]:
        first, self._next = self._next, self._next + count
        before = target.server.cpu_s()
        outcome = await self._generator.ask(
            {
                "port": target.port,
                "path": target.path,
                "store_hash": self._secrets.store_hash,
                "client_secret": self._secrets.client_secret,
                "hook_secret": self._secrets.hook_secret,
                "first": first,
                "count": count,
                "connections": load.connections,
                "events": load.events,
                "rate": rate,
            }
        )
        if outcome["refused"] or outcome["lost"]:
            raise Failed(f"the server at {target.path} did not take everything: {outcome}; see {target.server.log}")
        target.answered += outcome["answered"]
        target.orders += -(-count // load.events)
        if keep:
            target.outcomes.setdefault(load, []).append(outcome)
            target.busy.append((target.server.cpu_s() - before) / outcome["seconds"])
        return outcome


@contextlib.asynccontextmanager
async def load_generator(workplace: Workplace) -> AsyncIterator[Child]:
    log = workplace.folder / "load.log"
    async with child(sys.executable, "-m", "tests.benchmarks.load", log=log) as process:
        yield process


async def _home(workplace: Workplace) -> tuple[Installation, Secrets]:
    made = await lone_home(workplace.folder_for("acks"))
    return made, secrets_of(made.home)


def _processors() -> Iterator[int]:
    """Which processors to pin to: a different one each, as far as they go."""
    return itertools.cycle(sorted(os.sched_getaffinity(0)))


async def run(workplace: Workplace) -> Measured:
    size = _SIZES[workplace.effort]
    made, secrets = await _home(workplace)
    bare_command = (sys.executable, "-m", "tests.benchmarks.bare_endpoint")
    async with (
        load_generator(workplace) as generator,
        child(*bare_command, log=workplace.folder / "bare.log", first=secrets.as_json()) as bare_process,
        made.serve(role="listener") as listener,
    ):
        bare = Target(bare_process, bare_process.said["port"], _PATH + "x")
        ours = Target(listener, made.port, _PATH + secrets.token)
        processors = _processors()
        server_cpu, generator_cpu = next(processors), next(processors)
        for process, processor in ((listener, server_cpu), (bare_process, server_cpu), (generator, generator_cpu)):
            process.pin(processor)
        loads = Range(generator, secrets)
        for target in (bare, ours):
            await loads.shoot(target, size.deliveries // 10, Load(max(size.connections)), keep=False)
        for _ in range(size.turns):
            for load in size.loads:
                for target in (bare, ours):
                    await loads.shoot(target, size.deliveries, load)
        quiet = int(size.rate * size.rate_seconds)
        calm = [await loads.shoot(target, quiet, Load(32), rate=size.rate, keep=False) for target in (bare, ours)]
        _check_durable(made, ours)
    rows = [row for load in size.loads for row in _rows(load, bare, ours)]
    return Measured((*rows, _calm_row(size, *calm)), (_headroom(bare, ours), _about(size, bare, ours)))


def _check_durable(made: Installation, ours: Target) -> None:
    """What was acknowledged must be on disk, or the figures mean nothing."""
    stored = made.rows("SELECT count(*) FROM webhook_delivery")[0][0]
    due = made.rows("SELECT count(*) FROM store_order WHERE state = 'due'")[0][0]
    if (stored, due) != (ours.answered, ours.orders):
        raise Failed(
            f"{ours.answered} deliveries of {ours.orders} orders were acknowledged, {stored} are stored and {due} due"
        )


def _rows(load: Load, bare: Target, ours: Target) -> list[Row]:
    """Acknowledgements a second; and how late they come, where the load is the usual one."""
    is_usual = load.events == _EVENTS
    acks = Row(
        f"durable acks/s of the listener, {load}",
        ours.figure(load, "rate"),
        "/s",
        bare.figure(load, "rate"),
        "bare Starlette endpoint, same signature check",
        GOAL if is_usual else None,
    )
    late = Row(
        f"ack p99 under that load, {load}",
        ours.figure(load, "p99") * 1000,
        "ms",
        bare.figure(load, "p99") * 1000,
        "the same endpoint",
    )
    return [acks, late] if is_usual else [acks]


def _calm_row(size: Size, bare: dict[str, Any], ours: dict[str, Any]) -> Row:
    return Row(
        f"ack p99 at {size.rate:g}/s, nothing else running",
        ours["p99"] * 1000,
        "ms",
        bare["p99"] * 1000,
        "the same endpoint, which writes nothing",
    )


def _headroom(bare: Target, ours: Target) -> str:
    """Whether the generator could have asked for more."""

    def busiest(target: Target) -> float:
        return float(max(outcome["busy"] for outcomes in target.outcomes.values() for outcome in outcomes))

    return (
        f"The load generator used at most {busiest(bare):.0%} of its processor against the bare endpoint and "
        f"{busiest(ours):.0%} against the listener, while those used {median(bare.busy):.0%} and "
        f"{median(ours.busy):.0%} of theirs (medians): the servers are the limit, not the generator."
    )


def _about(size: Size, bare: Target, ours: Target) -> str:
    spread = [
        f"{name} {min(rates):,.0f}–{max(rates):,.0f}/s at {load}"
        for load in size.loads
        for name, target in (("bare", bare), ("listener", ours))
        if (rates := [outcome["rate"] for outcome in target.outcomes[load]])
    ]
    return (
        f"{size.turns} turns each of {size.deliveries:,} deliveries, the {_EVENTS} first events of each order unless "
        f"said otherwise, no two alike; generator and server on a processor each. All {ours.answered:,} that the "
        f"listener acknowledged were found in the database afterwards. Lowest and highest turn: {', '.join(spread)}."
    )


async def profile(workplace: Workplace) -> str:
    """Where the listener's time goes under full load."""
    size = _SIZES[workplace.effort]
    made, secrets = await _home(workplace)
    output = workplace.folder / "acks.prof"
    async with (
        load_generator(workplace) as generator,
        made.serve(role="listener", profiler=profiled(output)) as listener,
    ):
        target = Target(listener, made.port, _PATH + secrets.token)
        await Range(generator, secrets).shoot(target, size.deliveries, Load(max(size.connections)))
    return top(output)


BENCHMARK: Final = Benchmark("acks", run, profile)
