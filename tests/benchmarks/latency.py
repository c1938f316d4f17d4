"""From the accepted delivery to the released order in IFS, on an idle installation; and a bare script's same calls.

One order's calls are recorded once over the wire. The script then makes exactly those for an order of its own, one
after the other on one httpx client, and reads every answer: what a person would write who had no journal, no look-ups
and no second order to think of. Service and script take turns, each with its own simulator process.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx

from tests.benchmarks.processes import Failed
from tests.benchmarks.recording import Call, gate
from tests.benchmarks.results import Benchmark, Effort, Goal, Measured, Row, Workplace
from tests.benchmarks.stage import (
    Installation,
    SimulatorProcess,
    Stage,
    installation,
    profiled_during,
    register,
    simulator,
    stage,
)

GOAL: Final = Goal(1.5)
_ORDERS: Final = {Effort.FULL: 100, Effort.QUICK: 30, Effort.TINY: 2}
_WARM_UP: Final = 3
#: What IFS and the store make up for each object, and later calls must name.
_IDENTITIES: Final = frozenset({"id", "OrderNo", "PreAccountingId", "Objkey", "@odata.etag"})

#: Two lines, shipping and tax: an ordinary order of a customer whom IFS knows.
ORDER: Final[Mapping[str, Any]] = {
    "status_id": 11,
    "customer_id": 1,
    "billing_address": {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "street_1": "1 Analytical Way",
        "city": "Austin",
        "state": "Texas",
        "zip": "78701",
        "country": "United States",
        "country_iso2": "US",
        "email": "ada.lovelace@example.com",
    },
    "products": [{"product_id": 113, "quantity": 2}, {"product_id": 101, "quantity": 1}],
    "shipping_cost_ex_tax": "10.00",
    "shipping_cost_inc_tax": "10.83",
}


@dataclass(frozen=True, slots=True)
class Recording:
    """One order's calls from the first read to the release, and how to get a token."""

    order_id: int
    calls: tuple[Call, ...]
    token: Call


#: The recording of each run, by where the run works: every benchmark that needs one takes the same.
_RECORDINGS: Final[dict[Path, Recording]] = {}


async def recorded(workplace: Workplace) -> Recording:
    """The recording of this run, made when it is first asked for."""
    if workplace.folder not in _RECORDINGS:
        _RECORDINGS[workplace.folder] = await _record(workplace.folder_for("recording"))
    return _RECORDINGS[workplace.folder]


async def _record(folder: Path) -> Recording:
    """Let the service bring a few orders into IFS through recording gates; the last one's calls are the recording."""
    calls: list[Call] = []
    async with (
        simulator(folder) as fakes,
        gate("store", fakes.store_url, calls) as store,
        gate("ifs", fakes.ifs_url, calls) as ifs,
    ):
        made = await installation(folder, fakes.access, store_url=store.url, ifs_url=ifs.url, name="recorded")
        async with made.serve():
            await register(made, fakes)
            token: Call | None = None
            for _ in range(_WARM_UP):
                calls.clear()
                order_id = await _bring(made, fakes)
                token = next((call for call in calls if call.path.endswith("/token")), token)
    released = next((n for n, call in enumerate(calls, 1) if call.path.endswith("_SetReleased")), 0)
    if not released or token is None:
        raise Failed(f"no order was released while recording; see {made.log}")
    return Recording(order_id, tuple(call for call in calls[:released] if call is not token), token)


async def _bring(made: Installation, fakes: SimulatorProcess) -> int:
    """Place one order and wait until it stands in IFS and nothing moves any more."""
    order_id = await fakes.place(ORDER)
    done = "SELECT 1 FROM store_order WHERE order_id = ? AND state = 'synced' AND generation = done_generation"
    await made.until(lambda: bool(made.rows(done, order_id)), f"order {order_id} is in IFS")
    await fakes.control("settle", {})
    await made.until(lambda: bool(made.rows(done, order_id)), f"order {order_id} is at rest")
    return order_id


def _took(made: Installation, order_id: int) -> float:
    """Seconds from the first delivery's acceptance to the commit that says released, both by the service's clock."""
    received = made.rows("SELECT min(received_at) FROM webhook_delivery WHERE order_id = ?", order_id)[0][0]
    query = "SELECT confirmed_at FROM document WHERE subject = ? AND kind = 'customer_order'"
    confirmed = made.rows(query, f"order:{order_id}")[0][0]
    return (datetime.fromisoformat(confirmed) - datetime.fromisoformat(received)).total_seconds()


class Script:
    """The bare script: the recorded calls again, for other orders."""

    def __init__(self, recording: Recording, fakes: SimulatorProcess, http: httpx.AsyncClient) -> None:
        self._recording = recording
        self._http = http
        self._urls = {"store": fakes.store_url, "ifs": fakes.ifs_url}
        self._authorization = ""
        self.made: Counter[str] = Counter()

    async def log_in(self) -> None:
        """Ask for the token, as the service did before the order that was recorded."""
        call = self._recording.token
        answer = await self._http.request(
            call.method, self._urls["ifs"] + call.path, content=call.body, headers=call.headers
        )
        answer.raise_for_status()
        self._authorization = f"Bearer {answer.json()['access_token']}"

    async def bring(self, order_id: int) -> None:
        """Make every call for the order. Raises Failed where one is not answered as it was when recorded."""
        names = {str(self._recording.order_id): str(order_id)}
        for call in self._recording.calls:
            path, body = _renamed(call.path, names), _renamed(call.body.decode(), names)
            headers = dict(call.headers)
            if call.side == "ifs":
                headers["authorization"] = self._authorization
            if "if-match" in headers:
                headers["if-match"] = names[headers["if-match"]]
            url = self._urls[call.side] + path
            answer = await self._http.request(call.method, url, content=body.encode() or None, headers=headers)
            if answer.status_code != call.status:
                raise Failed(
                    f"{call.method} {path}: {answer.status_code}, recorded was {call.status}: {answer.text[:500]}"
                )
            if answer.content:
                names |= dict(_identities(json.loads(call.answer), answer.json()))
            self.made[call.side] += 1


def _renamed(text: str, names: Mapping[str, str]) -> str:
    """`text` with the recorded identities exchanged for those of the order at hand."""
    known = "|".join(re.escape(name) for name in names)
    return re.sub(rf"(?<!\w)(?:{known})(?!\w)", lambda found: names[found[0]], text)


def _identities(recorded: Any, found: Any) -> Iterator[tuple[str, str]]:
    """Which identity of the recording became which."""
    if isinstance(recorded, dict) and isinstance(found, dict):
        for name, value in recorded.items():
            other = found.get(name)
            if name in _IDENTITIES and isinstance(value, str | int) and other is not None:
                yield str(value), str(other)
            else:
                yield from _identities(value, other)
    elif isinstance(recorded, list) and isinstance(found, list):
        for one, other in zip(recorded, found, strict=False):
            yield from _identities(one, other)


@contextlib.asynccontextmanager
async def script(recording: Recording, folder: Path) -> AsyncIterator[tuple[Script, SimulatorProcess]]:
    async with simulator(folder) as fakes, httpx.AsyncClient(timeout=60) as http:
        bare = Script(recording, fakes, http)
        await bare.log_in()
        yield bare, fakes


async def _timed(script: Script, fakes: SimulatorProcess) -> float:
    order_id = await fakes.place(ORDER)
    began = time.perf_counter()
    await script.bring(order_id)
    return time.perf_counter() - began


async def run(workplace: Workplace) -> Measured:
    orders = _ORDERS[workplace.effort]
    recording = await recorded(workplace)
    folder, bare_folder = workplace.folder_for("latency"), workplace.folder_for("latency-bare")
    ours: list[float] = []
    bare: list[float] = []
    async with stage(folder) as on, script(recording, bare_folder) as (bare_script, bare_fakes):
        for number in range(-_WARM_UP, orders):
            brought = await _bring(on.made, on.fakes)
            scripted = await _timed(bare_script, bare_fakes)
            if number >= 0:
                ours.append(_took(on.made, brought))
                bare.append(scripted)
        await _check_same_truth(on.fakes, bare_fakes, orders + _WARM_UP)
    row = Row(
        "delivery accepted → order released in IFS, idle",
        median(ours) * 1000,
        "ms",
        median(bare) * 1000,
        "bare httpx script, same calls",
        GOAL,
    )
    return Measured((row,), (_about(recording, ours, bare),))


async def _check_same_truth(fakes: SimulatorProcess, bare_fakes: SimulatorProcess, orders: int) -> None:
    """Both must have left the same orders behind, all released, or they did not do the same."""
    shapes = []
    for each in (fakes, bare_fakes):
        held = (await each.control("state", url=each.ifs_url))["customer_orders"]
        shapes.append([(o["Objstate"], o["CustomerNo"], len(o["lines"]), len(o["charges"])) for o in held])
    if shapes[0] != shapes[1] or len(shapes[0]) != orders or {shape[0] for shape in shapes[0]} != {"Released"}:
        raise Failed(f"service and script did not leave the same behind: {shapes[0][:3]} and {shapes[1][:3]}")


def _about(recording: Recording, ours: list[float], bare: list[float]) -> str:
    sides = Counter(call.side for call in recording.calls)
    return (
        f"{len(ours)} orders each, one after the other, of a known customer (two lines, shipping, tax): "
        f"{sides['store']} BigCommerce call and {sides['ifs']} IFS calls, recorded from the service and made again by "
        f"the script. Slowest twentieth: service {_late(ours) * 1000:.0f} ms, script {_late(bare) * 1000:.0f} ms. "
        "Both have their token already. The service commits to disk before and after every write to IFS."
    )


def _late(times: list[float]) -> float:
    return sorted(times)[min(len(times) - 1, round(0.95 * len(times)))]


async def profile(workplace: Workplace) -> str:
    """Where the service's time goes while it brings orders into IFS one by one."""

    async def one_by_one(on: Stage) -> None:
        for _ in range(_ORDERS[workplace.effort]):
            await _bring(on.made, on.fakes)

    return await profiled_during(workplace, "latency", one_by_one)


BENCHMARK: Final = Benchmark("latency", run, profile)
