"""The worker: claims due orders and looks at several of them at once. It decides nothing about an order itself."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog

from bcifs_console.base.problems import Problem, ProblemKind
from bcifs_console.domain.plan import Reason
from bcifs_console.domain.states import Claim, OrderState, Outcome
from bcifs_console.store import queue
from bcifs_console.store.database import Database
from bcifs_console.store.errors import LeaseLost, StoreBusy, StoreClosed, StoreProblem, StoreUnavailable
from bcifs_console.sync.breakers import Blame, Breakers
from bcifs_console.sync.dispatch.interface import Dispatcher
from bcifs_console.sync.looking import Look, Progress
from bcifs_console.sync.retry import RetryPolicy, side_of
from bcifs_console.sync.runtime import Runtime, Timing

_log = structlog.get_logger(__name__)
_ACTOR: Final = "service"
_STORE_AWAY_S: Final = 1.0
_NOT_LOADED: Final = timedelta(seconds=2)
#: What a side that is paused is to blame for.
_OF_THE_SIDE: Final = frozenset({ProblemKind.CONNECTION, ProblemKind.TRANSIENT})


class Worker:
    """Works on due orders until it is stopped."""

    def __init__(
        self,
        database: Database,
        dispatcher: Dispatcher,
        runtimes: Mapping[int, Runtime],
        breakers: Breakers,
        timing: Timing,
        *,
        concurrency: int,
        most_in_background: int | None = None,
        on_outcome: Callable[[Claim, OrderState], None] | None = None,
    ) -> None:
        """`most_in_background`: so many places may be taken by orders without hurry; by itself three of four, so that
        one that has just been placed need not wait for them."""
        self._database = database
        self._dispatcher = dispatcher
        self._runtimes = runtimes
        self._breakers = breakers
        self._retry = RetryPolicy(timing)
        self._concurrency = concurrency
        self._most_in_background = most_in_background or max(1, concurrency * 3 // 4)
        self._on_outcome = on_outcome
        self._tasks: dict[asyncio.Task[None], Claim] = {}
        self._stop = asyncio.Event()
        self._idle = asyncio.Event()  #: set while `run` is not running
        self._idle.set()

    @property
    def busy(self) -> int:
        """How many orders are being looked at."""
        return len(self._tasks)

    async def run(self) -> None:
        """Claim and look until `stop`; a store that does not answer is waited for, without asking it anything."""
        self._idle.clear()
        try:
            while not self._stop.is_set():
                try:
                    if not await self._claim():
                        await self._dispatcher.wait(self._closed(), background=self._room_in_background() > 0)
                except StoreClosed:
                    return
                except StoreProblem as problem:
                    _log.warning("store", error=problem.message)
                    await self._pause()
        finally:
            self._idle.set()

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STORE_AWAY_S):
                await self._stop.wait()

    async def _claim(self) -> bool:
        """Take on as many due orders as there is room for; with no room, wait for some."""
        free = self._concurrency - len(self._tasks)
        if free <= 0:
            stopped = asyncio.create_task(self._stop.wait())
            try:
                await asyncio.wait((*self._tasks, stopped), return_when=asyncio.FIRST_COMPLETED)
            finally:
                stopped.cancel()
            return True
        closed = self._closed()
        left = [limit - self._under_way(c) for c, limit in self._breakers.starting().items() if c not in closed]
        claims = await self._dispatcher.claim(
            min(free, *left) if left else free,
            closed,
            background=self._room_in_background(),
        )
        for claim in claims:
            task = asyncio.create_task(self.look(claim), name=f"order-{claim.order_id}")
            self._tasks[task] = claim
            task.add_done_callback(self._done)
        return bool(claims)

    def _closed(self) -> set[int]:
        """Connections that nothing is claimed of now: paused, or starting again with as many looks as they may."""
        full = {c for c, limit in self._breakers.starting().items() if self._under_way(c) >= limit}
        return self._breakers.paused() | full

    def _room_in_background(self) -> int:
        return max(0, self._most_in_background - sum(claim.background for claim in self._tasks.values()))

    def _under_way(self, connection_id: int) -> int:
        return sum(claim.connection_id == connection_id for claim in self._tasks.values())

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        self._dispatcher.wake()
        if not task.cancelled() and (error := task.exception()) is not None:
            # Only what `look` lets through on purpose: the process is ending, or its store is gone.
            _log.error("look_ended", task=task.get_name(), error=repr(error))

    async def look(self, claim: Claim) -> None:
        """One look at one claimed order, to its outcome in the store. Raises only when the store is gone."""
        runtime = self._runtimes.get(claim.connection_id)
        if runtime is None:
            await self._finish(claim, self._not_loaded())
            return
        look = Look(runtime, claim)
        try:
            with runtime.in_use():
                outcome = await look.run()
            self._breakers.succeeded(claim.connection_id)
        except LeaseLost:
            _log.info("lease_lost", order=claim.order_id)
            return
        except (StoreUnavailable, StoreBusy, StoreClosed) as problem:
            # Nothing can be written now; the lease runs out and the order is claimed again.
            _log.warning("store", order=claim.order_id, error=problem.message)
            return
        except Problem as problem:
            outcome = await self._outcome_of(claim, problem, look.progress)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not stop the others; it is shown on the order
            _log.exception("fault", order=claim.order_id)
            outcome = self._failed(claim, Problem(f"A fault in this program: {error!r}."), look.progress)
        await self._finish(claim, outcome)

    def _not_loaded(self) -> Outcome:
        """A connection added a moment ago, or one that cannot be used: the log and `connection test` say why."""
        return Outcome(
            OrderState.DUE,
            reason=Reason.CONNECTION,
            error="Its connection is not loaded.",
            remedy="It is taken over within a second; if it stays, run: bcifs connection test",
            due_at=self._database.clock.now() + _NOT_LOADED,
        )

    async def _outcome_of(self, claim: Claim, problem: Problem, progress: Progress) -> Outcome:
        """What a problem means for the order, after telling the breakers of it."""
        blame = await self._breakers.failed(claim.connection_id, problem, claim.order_id)
        outcome = self._failed(claim, problem, progress)
        side = side_of(problem)
        if side is not None and problem.kind in _OF_THE_SIDE and self._breakers.is_paused(claim.connection_id, side):
            # No fault of the order's: it keeps its attempts, and goes on when the side works again.
            now = self._database.clock.now()
            return replace(outcome, state=OrderState.DUE, due_at=outcome.due_at or now, burn_attempt=False, events=())
        if blame is not Blame.ORDER:
            return outcome
        # The side works for everything else: what it denies is this order.
        return replace(outcome, state=OrderState.FAILED, reason=None, due_at=None, burn_attempt=True)

    def _failed(self, claim: Claim, problem: Problem, progress: Progress) -> Outcome:
        outcome = self._retry.outcome(
            problem, attempts=claim.attempts, now=self._database.clock.now(), is_in_ifs=progress.is_in_ifs
        )
        if outcome.reason is not Reason.CONNECTION:
            _log.info("look_failed", order=claim.order_id, outcome=outcome.state.value, error=problem.message)
        return replace(
            outcome,
            facts=progress.facts,
            ifs_customer=progress.ifs_customer,
            ifs_order_no=progress.ifs_order_no,
        )

    async def _finish(self, claim: Claim, outcome: Outcome) -> None:
        try:
            state = await self._database.write(lambda tx: queue.finish(tx, claim, outcome, actor=_ACTOR))
        except LeaseLost:
            _log.info("lease_lost", order=claim.order_id)
            return
        except (StoreUnavailable, StoreBusy, StoreClosed) as problem:
            _log.warning("store", order=claim.order_id, error=problem.message)
            return
        except StoreProblem as problem:
            # The store refuses what this outcome says (a fault of ours): say that much, so that it shows.
            _log.error("outcome_refused", order=claim.order_id, error=problem.message)
            bare = Outcome(OrderState.FAILED, error=problem.message, remedy=problem.remedy, burn_attempt=True)
            state = await self._database.write(lambda tx: queue.finish(tx, claim, bare, actor=_ACTOR))
        if self._on_outcome is not None:
            self._on_outcome(claim, state)

    async def stop(self, grace_s: float) -> None:
        """Claim nothing more; let the looks under way finish for `grace_s` seconds, then cancel them."""
        self._stop.set()
        self._dispatcher.wake()
        await self._idle.wait()  # a claim on its way may still begin looks
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=grace_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
