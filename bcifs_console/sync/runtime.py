"""`Runtime`: one connection at work: its settings, clients and rules, and the timings everything shares."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Protocol

import httpx

from bcifs_console.base.clock import Clock
from bcifs_console.base.settings import Settings
from bcifs_console.bigcommerce.budget import HeaderBudget, RateBudget
from bcifs_console.bigcommerce.client import BigCommerceClient
from bcifs_console.domain.connections import Connection
from bcifs_console.domain.rules import Policy, Rules
from bcifs_console.domain.states import Claim, Side
from bcifs_console.ifs.client import IfsClient
from bcifs_console.ifs.profile import load_profile
from bcifs_console.store.database import Database
from bcifs_console.sync.parts import KnownParts
from bcifs_console.sync.rates import KnownRates
from bcifs_console.sync.witness import Facts

_FIRST_SUCCESS: Final = 200  #: of the HTTP statuses
_FIRST_FAILURE: Final = 400


@dataclass(frozen=True, slots=True)
class Timing:
    """How long calls may take and how failed looks are spaced."""

    request_deadline: timedelta = timedelta(seconds=30)
    resend_after: timedelta = timedelta(seconds=30)
    lease: timedelta = timedelta(seconds=90)
    retry_base: timedelta = timedelta(seconds=1)
    retry_cap: timedelta = timedelta(seconds=300)
    probe_interval: timedelta = timedelta(seconds=60)
    max_attempts: int = 12


@dataclass(slots=True)
class Runtime:
    """What work on one connection needs. `rules` are replaced as a whole when they change."""

    connection: Connection
    store: BigCommerceClient
    ifs: IfsClient
    rules: Rules
    database: Database
    clock: Clock
    timing: Timing
    owner: str
    parts: KnownParts
    budget: RateBudget
    rates: KnownRates = field(default_factory=KnownRates)
    facts: Facts = field(default_factory=Facts)  #: what webhooks should have told of, not judged yet
    calls: dict[Side, int] = field(default_factory=dict)  #: requests made so far, by side
    answered: dict[Side, datetime] = field(default_factory=dict)  #: when a request to the side succeeded last
    on_document: "OnDocument | None" = None
    users: int = 0  #: how many looks and polls use the clients now

    @property
    def id(self) -> int:
        return self.connection.id

    @property
    def policy(self) -> Policy:
        return self.connection.policy

    def policy_for(self, claim: Claim) -> Policy:
        """The policy as it applies to one order: one that a backfill named counts whenever it was placed."""
        return self.policy.for_named() if claim.named else self.policy

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep the clients open for the length of the block, even where this runtime is replaced meanwhile."""
        self.users += 1
        try:
            yield
        finally:
            self.users -= 1

    async def aclose(self) -> None:
        """Close both clients."""
        await self.store.aclose()
        await self.ifs.aclose()


REAL_NETWORK: Final[Mapping[Side, httpx.AsyncBaseTransport]] = MappingProxyType({})


class OnCall(Protocol):
    """Told of every upstream request: which side, the HTTP status (0 without an answer), the seconds it took."""

    def __call__(self, side: Side, status: int, seconds: float) -> None: ...


class OnDocument(Protocol):
    """Told of every IFS document that is confirmed, refused or of unknown outcome."""

    def __call__(self, kind: str, outcome: str) -> None: ...


def timing_of(settings: Settings) -> Timing:
    """The timings of an installation."""
    return Timing(
        request_deadline=timedelta(seconds=settings.request_deadline_s),
        resend_after=timedelta(seconds=settings.resend_after_s),
        lease=timedelta(seconds=settings.lease_s),
        retry_base=timedelta(seconds=settings.retry_base_s),
        retry_cap=timedelta(seconds=settings.retry_cap_s),
        probe_interval=timedelta(seconds=settings.probe_interval_s),
        max_attempts=settings.max_attempts,
    )


def build_runtime(
    connection: Connection,
    rules: Rules,
    *,
    database: Database,
    timing: Timing,
    owner: str,
    on_call: OnCall | None = None,
    on_document: OnDocument | None = None,
    transports: Mapping[Side, httpx.AsyncBaseTransport] = REAL_NETWORK,
) -> Runtime:
    """A connection ready to work. Raises ConfigurationProblem where its profile or access data cannot be used.

    `transports` replace the network of a side in tests.
    """
    clock = database.clock
    deadline_s = timing.request_deadline.total_seconds()
    calls: dict[Side, int] = {}
    answered: dict[Side, datetime] = {}
    budget = HeaderBudget(clock)

    def counted(side: Side) -> Callable[[str, int, float], None]:
        def count(_route: str, status: int, seconds: float) -> None:
            calls[side] = calls.get(side, 0) + 1
            if _FIRST_SUCCESS <= status < _FIRST_FAILURE:
                answered[side] = clock.now()
            if on_call is not None:
                on_call(side, status, seconds)

        return count

    return Runtime(
        connection=connection,
        store=BigCommerceClient(
            connection.bigcommerce,
            budget=budget,
            clock=clock,
            deadline_s=deadline_s,
            transport=transports.get(Side.BIGCOMMERCE),
            on_call=counted(Side.BIGCOMMERCE),
        ),
        ifs=IfsClient(
            connection.ifs,
            load_profile(connection.ifs.profile),
            clock=clock,
            deadline_s=deadline_s,
            time_zone=connection.policy.time_zone,
            transport=transports.get(Side.IFS),
            on_call=counted(Side.IFS),
        ),
        rules=rules,
        database=database,
        clock=clock,
        timing=timing,
        owner=owner,
        parts=KnownParts(clock),
        budget=budget,
        calls=calls,
        answered=answered,
        on_document=on_document,
    )
