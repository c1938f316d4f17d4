"""What a failed look ends in: each class of trouble has one outcome, and none is forgotten."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bcifs_console.base.problems import ConfigurationProblem, Problem, ProblemKind
from bcifs_console.bigcommerce import errors as bigcommerce
from bcifs_console.domain.plan import Blocker, Reason
from bcifs_console.domain.states import OrderState, Outcome, Side
from bcifs_console.ifs import errors as ifs
from bcifs_console.sync.retry import BuyerBusy, OutcomeStillUnknown, RetryPolicy, Waiting, side_of
from bcifs_console.sync.runtime import Timing
from tests.conftest import NOON

TIMING = Timing(retry_base=timedelta(seconds=1), retry_cap=timedelta(seconds=60), max_attempts=12)
POLICY = RetryPolicy(TIMING)


def outcome(problem: Problem, *, attempts: int = 0, is_in_ifs: bool = False) -> Outcome:
    return POLICY.outcome(problem, attempts=attempts, now=NOON, is_in_ifs=is_in_ifs)


#: Trouble that may pass by itself: due again later, an attempt burnt, given up in the end.
PASSING = {
    "ifs transient": ifs.Transient("x", remedy="r"),
    "ifs not sent": ifs.NotSent("x", remedy="r"),
    "ifs outcome unknown": ifs.OutcomeUnknown("x", remedy="r"),
    "ifs conflict": ifs.Conflict("x", remedy="r"),
    "store unavailable": bigcommerce.Unavailable("x", remedy="r"),
    "store answers nonsense": bigcommerce.BadAnswer("x"),
}

#: Nobody can do anything about it but a person: given up at once, with the cause.
FINAL = {
    "business rule": ifs.BusinessRule("x", remedy="r"),
    "request not understood": ifs.BadRequest("x", remedy="r"),
    "exists already": ifs.Duplicate("x", remedy="r"),
    "record not there": ifs.NotFound("x", remedy="r"),
    "our own set-up": ConfigurationProblem("x", remedy="r"),
    "a fault of ours": Problem("x", remedy="r"),
}

#: Credentials and permissions: no fault of the order.
OF_THE_CONNECTION = {
    "ifs secret": ifs.AuthenticationFailed("x"),
    "ifs permission": ifs.PermissionDenied("x"),
    "store token": bigcommerce.AuthenticationFailed(),
    "store scope": bigcommerce.PermissionMissing("GET /v2/orders", "store_v2_orders"),
}


@pytest.mark.parametrize("name", PASSING)
def test_trouble_that_may_pass(name: str) -> None:
    problem = PASSING[name]
    found = outcome(problem, attempts=3)
    assert (found.state, found.reason, found.burn_attempt) == (OrderState.DUE, None, True)
    assert found.due_at is not None
    assert timedelta(seconds=8) <= found.due_at - NOON <= timedelta(seconds=10)
    assert (found.error, found.remedy) == (problem.message, problem.remedy)
    last = outcome(problem, attempts=TIMING.max_attempts - 1)
    assert (last.state, last.burn_attempt, last.error) == (OrderState.FAILED, True, problem.message)
    assert last.events == (("order.failed", {"error": problem.message}),)
    assert outcome(problem, attempts=TIMING.max_attempts - 2).state is OrderState.DUE


@pytest.mark.parametrize("name", FINAL)
def test_trouble_that_stays_fails_at_once(name: str) -> None:
    problem = FINAL[name]
    found = outcome(problem)
    assert (found.state, found.reason, found.due_at) == (OrderState.FAILED, None, None)
    assert (found.error, found.remedy) == ("x", "r")
    assert found.cause
    assert found.events == (("order.failed", {"error": "x"}),)


@pytest.mark.parametrize("attempts", [0, 11, 500])
@pytest.mark.parametrize("name", OF_THE_CONNECTION)
def test_trouble_of_the_connection_never_burns_an_attempt(name: str, attempts: int) -> None:
    problem = OF_THE_CONNECTION[name]
    found = outcome(problem, attempts=attempts)
    assert (found.state, found.reason, found.burn_attempt) == (OrderState.DUE, Reason.CONNECTION, False)
    assert found.due_at == NOON
    assert found.error
    assert found.remedy


@pytest.mark.parametrize("attempts", [0, 500])
def test_a_used_up_quota_is_waited_for(attempts: int) -> None:
    found = outcome(bigcommerce.RateLimited(17.5), attempts=attempts)
    assert (found.state, found.burn_attempt) == (OrderState.DUE, False)
    assert found.due_at == NOON + timedelta(seconds=17.5)


def test_ifs_says_how_long_to_wait() -> None:
    found = outcome(ifs.Transient("x", retry_after_s=42.0), attempts=3)
    assert (found.state, found.burn_attempt) == (OrderState.DUE, False)
    assert found.due_at == NOON + timedelta(seconds=42)


def test_missing_master_data_waits_for_a_mapping_or_for_the_record() -> None:
    answer = ifs.Answer(400, "20111", "SalesPart.NOTEXIST")
    found = outcome(ifs.MissingMasterData("IFS has no part", remedy="create it", answer=answer))
    assert (found.state, found.reason) == (OrderState.WAITING, Reason.MAPPING)
    (blocker,) = found.blockers
    assert blocker == Blocker(Reason.MAPPING, "IFS has no part", "create it", "SalesPart.NOTEXIST")
    assert found.cause == "mapping:SalesPart.NOTEXIST"


def test_waiting_says_for_what() -> None:
    blockers = (Blocker(Reason.TOTALS, "off", "correct it", "total"), Blocker(Reason.MAPPING, "also", "map it"))
    found = outcome(Waiting(Reason.TOTALS, blockers))
    assert (found.state, found.reason, found.blockers) == (OrderState.WAITING, Reason.TOTALS, blockers)
    assert (found.error, found.remedy, found.cause) == ("off", "correct it", "totals:total")
    assert not found.burn_attempt
    assert outcome(Waiting(Reason.TOTALS, blockers, cause="totals:read_back")).cause == "totals:read_back"


def test_an_outcome_still_unknown_is_looked_up_when_it_says() -> None:
    at = NOON + timedelta(seconds=4)
    found = outcome(OutcomeStillUnknown("header of BC-1", at), attempts=11)
    assert (found.state, found.reason, found.due_at) == (OrderState.DUE, Reason.UNKNOWN_OUTCOME, at)
    assert not found.burn_attempt


def test_a_buyer_who_is_being_created_is_waited_for_shortly() -> None:
    found = outcome(BuyerBusy("Ann"), attempts=11)
    assert (found.state, found.burn_attempt) == (OrderState.DUE, False)
    assert found.due_at is not None
    assert timedelta(0) < found.due_at - NOON <= timedelta(seconds=10)


def test_an_order_not_found_may_be_too_new_and_is_then_gone() -> None:
    """Right after a webhook the store may not show it yet (facts §7.4)."""
    problem = bigcommerce.OrderNotFound(5001)
    for attempts in range(4):
        early = outcome(problem, attempts=attempts)
        assert (early.state, early.burn_attempt) == (OrderState.DUE, True), attempts
    gone = outcome(problem, attempts=4)
    assert (gone.state, gone.cause) == (OrderState.IGNORED, "gone")
    in_ifs = outcome(problem, attempts=4, is_in_ifs=True)
    assert (in_ifs.state, in_ifs.reason) == (OrderState.WAITING, Reason.CONFLICT)
    assert in_ifs.remedy


def test_no_kind_of_problem_is_without_an_outcome() -> None:
    ended = {kind: outcome(Problem("x", remedy="r", kind=kind)).state for kind in ProblemKind}
    passing = {ProblemKind.TRANSIENT, ProblemKind.CONNECTION, ProblemKind.CONFLICT, ProblemKind.UNKNOWN_OUTCOME}
    assert ended == {
        kind: OrderState.DUE
        if kind in passing
        else OrderState.WAITING
        if kind is ProblemKind.MISSING
        else OrderState.FAILED
        for kind in ProblemKind
    }


def test_the_delay_doubles_up_to_the_cap_and_is_spread() -> None:
    for attempts, base in ((0, 1), (1, 2), (4, 16), (6, 60), (40, 60), (100_000, 60)):
        drawn = [POLICY.delay(attempts).total_seconds() for _ in range(50)]
        assert min(drawn) >= base, attempts
        assert max(drawn) <= base * 1.25, attempts
        assert len(set(drawn)) > 1, "all orders would come back at one moment"


def test_equal_troubles_have_equal_causes_and_different_ones_different() -> None:
    causes = {name: outcome(problem).cause for name, problem in {**FINAL, **OF_THE_CONNECTION}.items()}
    assert causes["ifs secret"] == causes["ifs permission"] == "ifs:connection"
    assert causes["store token"] == "bigcommerce:connection"
    assert causes["business rule"] == "ifs:business"
    with_token = ifs.BusinessRule("x", answer=replace(ifs.NO_ANSWER, token="CustomerOrder.NOLINES"))
    assert outcome(with_token).cause == "ifs:business:CustomerOrder.NOLINES"


def test_the_side_of_a_problem() -> None:
    assert side_of(ifs.Transient("x")) is Side.IFS
    assert side_of(bigcommerce.Unavailable("x")) is Side.BIGCOMMERCE
    assert side_of(Problem("x")) is None
    assert side_of(BuyerBusy("Ann")) is None
