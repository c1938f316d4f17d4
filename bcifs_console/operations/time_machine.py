"""`mapping try`: past orders under proposed rules, beside those in force. Offline: nothing called, posted or changed.

Orders are read by pages and shared out to processes: planning is arithmetic, and one process does one thing at a time.
"""

import contextlib
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import islice
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection

from bcifs_console.accounting.replay import Compared, Effect, Replayed, compare, replay
from bcifs_console.domain.money import ZERO
from bcifs_console.domain.rules import Policy, Rules
from bcifs_console.operations import mapping
from bcifs_console.operations.context import Context
from bcifs_console.store import connections, past, rules
from bcifs_console.store.past import KeptOrder
from bcifs_console.sync.releasing import past_of

T = TypeVar("T")

#: Orders handed to a process at once: large enough that handing over costs nothing, small enough to spread.
_PAGE: Final = 250
#: Up to so many pages one process is faster than starting more.
_ALONE_PAGES: Final = 3
_MOST_PROCESSES: Final = 8


@dataclass(frozen=True, slots=True)
class AccountSum:
    """What an account would have been debited more in all (credited more: negative)."""

    account: str
    currency: str
    amount: Decimal
    orders: int


@dataclass(slots=True)
class Tried:
    """How past orders fare under proposed rules."""

    connection: str
    since: datetime
    effects: Counter[Effect] = field(default_factory=Counter)
    changed: list[Compared] = field(default_factory=list)  #: all that are not the same, oldest first
    unreadable: list[int] = field(default_factory=list)  #: orders whose snapshot can no longer be read

    @property
    def orders(self) -> int:
        """How many were replayed."""
        return sum(self.effects.values())

    @property
    def accounts(self) -> tuple[AccountSum, ...]:
        """By account, over all orders."""
        sums: dict[tuple[str, str], Decimal] = {}
        counts: Counter[tuple[str, str]] = Counter()
        for order in self.changed:
            for change in order.accounts:
                key = (change.account, change.currency)
                sums[key] = sums.get(key, ZERO) + change.amount
                counts[key] += 1
        return tuple(AccountSum(*key, amount, counts[key]) for key, amount in sorted(sums.items()))


def try_file(context: Context, connection: str | None, path: Path, *, since: datetime) -> Tried:
    """Replay every order that was read and was placed from `since` on with the rules of a file.

    Raises UsageProblem where the file cannot be used.
    """
    return try_rules(context, connection, mapping.proposed(path), since=since)


def try_rules(context: Context, connection: str | None, wanted: Rules, *, since: datetime) -> Tried:
    """Replay every order that was read and was placed from `since` on under `wanted` and under the rules in force."""
    connection_id = context.connection_id(connection)
    database = context.store.database

    def run(conn: Connection) -> Tried:
        before, policy = rules.in_force(conn, connection_id), connections.settings_of(conn, connection_id).policy
        tried = Tried(connections.all_names(conn)[connection_id], since)
        work = _Comparing(before, wanted, policy)
        for answer in _spread(work, past.since(conn, connection_id, since, page=_PAGE)):
            tried.effects[Effect.SAME] += answer.same
            tried.unreadable += answer.unreadable
            for found in answer.changed:
                tried.effects[found.effect] += 1
                tried.changed.append(found)
        return tried

    return database.read_sync(run)


def replay_all(conn: Connection, connection_id: int, since: datetime) -> Iterator[tuple[Replayed, ...]]:
    """Every order that was read and was placed from `since` on, under the rules in force; by pages."""
    found, policy = rules.in_force(conn, connection_id), connections.settings_of(conn, connection_id).policy
    yield from _spread(_Replaying(found, policy), past.since(conn, connection_id, since, page=_PAGE))


# -- the work of one process -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Page:
    """What became of a page of orders."""

    same: int
    changed: tuple[Compared, ...]
    unreadable: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Comparing:
    """Compares orders under two sets of rules. Pure, and can be sent to another process."""

    before: Rules
    after: Rules
    policy: Policy

    def __call__(self, page: list[KeptOrder]) -> _Page:
        changed, unreadable = [], []
        for kept in page:
            order = past_of(kept)
            if order is None:
                unreadable.append(kept.order_id)
                continue
            was, becomes = replay(order, self.before, self.policy), replay(order, self.after, self.policy)
            found = compare(was, becomes, self.policy)
            if found.effect is not Effect.SAME:
                changed.append(found)
        return _Page(len(page) - len(changed) - len(unreadable), tuple(changed), tuple(unreadable))


@dataclass(frozen=True, slots=True)
class _Replaying:
    """Replays orders under one set of rules."""

    rules: Rules
    policy: Policy

    def __call__(self, page: list[KeptOrder]) -> tuple[Replayed, ...]:
        found = (past_of(kept) for kept in page)
        return tuple(replay(order, self.rules, self.policy) for order in found if order is not None)


def _spread(work: Callable[[list[KeptOrder]], T], pages: Iterable[list[KeptOrder]]) -> Iterator[T]:
    """The answers to all pages, in their order; by several processes where there is enough to do."""
    source = iter(pages)
    first = list(islice(source, _ALONE_PAGES))
    processes = min(_MOST_PROCESSES, os.cpu_count() or 1)
    if len(first) < _ALONE_PAGES or processes == 1:
        yield from map(work, first)
        yield from map(work, source)
        return
    _begin_tracking()
    # Spawned, not forked: this process has threads, which a fork would leave in pieces.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        ahead: list[Future[T]] = [pool.submit(work, page) for page in first]
        while ahead:
            # A few pages ahead and no more: they need not all be in memory at once.
            ahead += [pool.submit(work, page) for page in islice(source, 2 * processes - len(ahead))]
            yield ahead.pop(0).result()


def _begin_tracking() -> None:
    """Start what multiprocessing cleans up with while stderr is the real one: it is handed on to the processes by its
    number, and what stands in its place under the console has none."""
    with contextlib.redirect_stderr(sys.__stderr__ or sys.stderr):
        resource_tracker.ensure_running()
