"""What a failed look at an order ends in: a decision as data, never a sleep and never a loop around the call."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bcifs_console.base.problems import Problem, ProblemKind
from bcifs_console.bigcommerce.errors import BigCommerceError, OrderNotFound, RateLimited
from bcifs_console.domain.plan import Blocker, Reason
from bcifs_console.domain.states import OrderState, Outcome, Side
from bcifs_console.ifs.errors import IfsError
from bcifs_console.sync.runtime import Timing

#: Each look reads the order from the store: waiting for another worker's customer must not use up the quota.
_BUYER_BUSY: Final = timedelta(seconds=2)
#: A first crawl takes minutes to hours.
_DIRECTORY_UNREAD: Final = timedelta(seconds=60)
#: Right after a webhook the store may not show the order yet (facts §7.4).
_NOT_YET_VISIBLE: Final = 5


class OutcomeStillUnknown(Problem):
    """A write went out, look-ups find nothing, and it is too early to send again. `look_at` is the next look."""

    kind = ProblemKind.UNKNOWN_OUTCOME

    def __init__(self, what: str, look_at: datetime) -> None:
        super().__init__(
            f"It is not known yet whether {what} reached IFS.",
            remedy="Nothing to do: IFS is looked up again, and it is sent again only when it surely did not arrive.",
        )
        self.look_at = look_at


class BuyerBusy(Problem):
    """Another worker is creating the customer of this buyer."""

    kind = ProblemKind.TRANSIENT

    def __init__(self, name: str) -> None:
        super().__init__(f"The customer of {name} is being created for another order.", remedy="Nothing to do.")


class DirectoryUnread(Problem):
    """The index of IFS's customers was never read to its end: what is not in it may still be in IFS."""

    kind = ProblemKind.TRANSIENT

    def __init__(self, seen: int) -> None:
        super().__init__(
            f"The customers of IFS are being read for the first time ({seen} so far); nobody can be looked up before.",
            remedy="Nothing to do while the service runs. See how far it is: bcifs decisions directory",
        )


class CustomerIdTaken(Problem):
    """The id we had chosen for a new customer is another one's; the next look takes a new id."""

    kind = ProblemKind.TRANSIENT

    def __init__(self, customer_id: str) -> None:
        super().__init__(
            f"IFS has another customer {customer_id} by now.",
            remedy="Nothing to do, the next free id is taken. If it stays: set another [policy] customer_id_pattern.",
        )


class Waiting(Problem):
    """The order must wait for a person: `blockers` say for what."""

    kind = ProblemKind.BUSINESS

    def __init__(self, reason: Reason, blockers: tuple[Blocker, ...], *, cause: str = "") -> None:
        super().__init__(blockers[0].message, remedy=blockers[0].remedy)
        self.reason = reason
        self.blockers = blockers
        self.cause = cause or f"{reason.value}:{blockers[0].subject}"


def side_of(problem: Problem) -> Side | None:
    """Which system a problem comes from, None for our own."""
    if isinstance(problem, BigCommerceError):
        return Side.BIGCOMMERCE
    return Side.IFS if isinstance(problem, IfsError) else None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Decides what becomes of an order whose look failed."""

    timing: Timing

    def outcome(self, problem: Problem, *, attempts: int, now: datetime, is_in_ifs: bool) -> Outcome:
        """The outcome of a look that ended in `problem` after `attempts` burnt ones."""
        if isinstance(problem, Waiting):
            return _waiting(problem)
        if isinstance(problem, OutcomeStillUnknown):
            return _due(problem, problem.look_at, reason=Reason.UNKNOWN_OUTCOME)
        if isinstance(problem, BuyerBusy):
            return _due(problem, now + _BUYER_BUSY * (1 + random.random()))  # noqa: S311 - spreads, guards nothing
        if isinstance(problem, DirectoryUnread):
            return _due(problem, now + _DIRECTORY_UNREAD)
        if isinstance(problem, OrderNotFound):
            return self._not_found(problem, attempts, now, is_in_ifs)
        if isinstance(problem, RateLimited):
            return _due(problem, now + timedelta(seconds=problem.retry_after_s))
        if problem.kind is ProblemKind.CONNECTION:
            return _due(problem, now, reason=Reason.CONNECTION)
        if problem.kind in (ProblemKind.TRANSIENT, ProblemKind.CONFLICT, ProblemKind.UNKNOWN_OUTCOME):
            return self._again(problem, attempts, now)
        if problem.kind is ProblemKind.MISSING:
            blocker = Blocker(Reason.MAPPING, problem.message, problem.remedy, subject=_token(problem))
            return _waiting(Waiting(Reason.MAPPING, (blocker,)))
        return _failed(problem)

    def _again(self, problem: Problem, attempts: int, now: datetime) -> Outcome:
        if attempts + 1 >= self.timing.max_attempts:
            return _failed(problem)
        retry_after = getattr(problem, "retry_after_s", None)
        wait = timedelta(seconds=retry_after) if retry_after else self.delay(attempts)
        return _due(problem, now + wait, burn=retry_after is None)

    def _not_found(self, problem: Problem, attempts: int, now: datetime, is_in_ifs: bool) -> Outcome:
        if attempts + 1 < _NOT_YET_VISIBLE:
            return _due(problem, now + self.delay(attempts), burn=True)
        if is_in_ifs:
            blocker = Blocker(
                Reason.CONFLICT,
                "The store no longer has this order, IFS does.",
                "Find out who deleted it; cancel it in IFS by hand if it was a mistake.",
            )
            return _waiting(Waiting(Reason.CONFLICT, (blocker,)))
        return Outcome(OrderState.IGNORED, error=problem.message, cause="gone")

    def delay(self, attempts: int) -> timedelta:
        """Exponential, with up to a quarter of jitter, capped."""
        doubled: timedelta = self.timing.retry_base * (1 << min(attempts, 20))
        base = min(doubled, self.timing.retry_cap)
        return base * (1 + random.random() / 4)  # noqa: S311 - spreads retries, guards nothing


def _token(problem: Problem) -> str:
    return str(getattr(problem, "token", None) or "")


def _due(problem: Problem, at: datetime, *, reason: Reason | None = None, burn: bool = False) -> Outcome:
    return Outcome(
        OrderState.DUE,
        reason=reason,
        error=problem.message,
        remedy=problem.remedy,
        cause=_cause(problem),
        due_at=at,
        burn_attempt=burn,
    )


def _waiting(problem: Waiting) -> Outcome:
    return Outcome(
        OrderState.WAITING,
        reason=problem.reason,
        error=problem.message,
        remedy=problem.remedy,
        cause=problem.cause,
        blockers=problem.blockers,
    )


def _failed(problem: Problem) -> Outcome:
    return Outcome(
        OrderState.FAILED,
        error=problem.message,
        remedy=problem.remedy,
        cause=_cause(problem),
        burn_attempt=True,
        events=(("order.failed", {"error": problem.message}),),
    )


def _cause(problem: Problem) -> str:
    side = side_of(problem)
    token = _token(problem)
    return ":".join(part for part in (side.value if side else "", problem.kind.value, token) if part)
