"""What evidence about webhooks comes to: the state, what is called its cause, and when the clocks run out."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bcifs_console.bigcommerce.delivery_terms import ATTEMPTS_AFTER, GIVES_UP_AFTER
from bcifs_console.bigcommerce.hooks import BlockedDomain
from bcifs_console.bigcommerce.scopes import DELIVERY_EXCEPTION_SCOPE
from bcifs_console.store.webhooks import Unheard, WebhookHealth
from bcifs_console.sync.diagnosis import (
    Acks,
    Evidence,
    Failing,
    Gap,
    clock_of,
    diagnose,
    notice_codes,
    silence_of,
    state_of,
)
from bcifs_console.sync.hook_plan import Step

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
SHIPPED = "store/shipment/created"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def found(**evidence: Any) -> tuple[str, list[str]]:
    """The state, and the kinds of what is wrong."""
    findings = diagnose(Evidence(NOW, **evidence))
    return state_of(findings).value, [finding.kind for finding in findings]


def step(flaw: str = "", *, scope: str = "store/order/created", action: str = "kept") -> Step:
    return Step(scope, None, action, (flaw,) if flaw else ())


def test_nothing_wrong_is_healthy() -> None:
    quiet = {"steps": [step()], "window": Acks(100, 0), "recent": {"accepted": 9, "late": 2, "wrong_signature": 2}}
    assert found(**quiet, compared={"missed": 2, "heard": 40}) == ("healthy", [])


@pytest.mark.parametrize(
    ("flaw", "state"),
    [
        ("missing", "deactivated"),
        ("deactivated", "deactivated"),
        ("inactive", "deactivated"),
        ("elsewhere", "deactivated"),
        ("wrong_secret", "degraded"),
        ("duplicate", "degraded"),
        ("stray", "degraded"),
        ("old_secret", "healthy"),
    ],
)
def test_what_is_wrong_with_a_registration(flaw: str, state: str) -> None:
    assert found(steps=[step(), step(flaw)]) == (state, [flaw] if state != "healthy" else [])


def test_registrations_are_counted_and_named() -> None:
    steps = [step("deactivated"), step("deactivated", scope="store/order/updated"), step()]
    (finding,) = diagnose(Evidence(NOW, steps=steps))
    assert finding.text.startswith("Was deactivated by BigCommerce: 2 of 3 webhooks (")
    assert "store/order/updated" in finding.text


@pytest.mark.parametrize(
    ("evidence", "why"),
    [
        ({"failing": Failing(NOW - GIVES_UP_AFTER, NOW - HOUR)}, " after the last attempt of a delivery failed"),
        ({"failing": Failing(NOW - HOUR, NOW)}, ""),
        ({"idle": frozenset({"store/order/created"})}, " after 90 days without an event"),
        ({"idle": frozenset({"store/order/archived"})}, ""),
    ],
)
def test_why_bigcommerce_deactivated_a_hook(evidence: dict[str, Any], why: str) -> None:
    (finding,) = diagnose(Evidence(NOW, steps=[step("deactivated")], **evidence))
    assert finding.text == f"Was deactivated by BigCommerce{why}: 1 of 1 webhooks (store/order/created)."


def test_without_the_exceptions_hook_nothing_is_lost() -> None:
    assert found(steps=[step("missing", scope=DELIVERY_EXCEPTION_SCOPE)]) == ("healthy", [])


def test_the_worst_comes_first() -> None:
    evidence: dict[str, Any] = {"steps": [step("duplicate"), step("missing")]}
    evidence |= {"blocked": BlockedDomain("hooks.example.com", 90, ("500 (12 times)",))}
    assert found(**evidence) == ("deactivated", ["missing", "blocked", "duplicate"])


def test_a_blocked_domain_says_how_long_and_why() -> None:
    (finding,) = diagnose(Evidence(NOW, blocked=BlockedDomain("hooks.example.com", 90, ("500 (12 times)",))))
    assert finding.state == "blocked"
    assert "90 s" in finding.text
    assert "500 (12 times)" in finding.text


# -- our own ratio -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("good", "bad", "is_bad"), [(89, 11, True), (90, 10, False), (0, 99, False), (890, 111, True)])
def test_bigcommerces_line_counts_from_a_hundred_requests_on(good: int, bad: int, is_bad: bool) -> None:
    assert found(window=Acks(good, bad)) == (("degraded", ["ratio"]) if is_bad else ("healthy", []))


def test_a_whole_domain_counts_together() -> None:
    (finding,) = diagnose(Evidence(NOW, window=Acks(50, 0), domain=Acks(60, 40)))
    assert "all connections on this host" in finding.text


def test_acknowledgements_as_bigcommerce_sees_them() -> None:
    acks = Acks.of({"accepted": 6, "late": 1, "wrong_signature": 2, "disconnected": 1, "method": 50, "missed": 9})
    assert (acks.good, acks.bad, acks.ratio) == (6, 4, 0.6)
    assert Acks().ratio is None


# -- bursts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "said", "remedy"),
    [
        ("wrong_signature", "client secret", "bcifs connection set NAME bigcommerce.client_secret"),
        ("expired", "clock", "Synchronise the clock"),
        ("missing_secret_header", "without our secret header", "bcifs webhooks repair"),
        ("wrong_secret_header", "another secret header", "bcifs webhooks repair"),
        ("unavailable", "could not be stored", "disk"),
        ("late", "tries them again", "commit"),
    ],
)
def test_a_burst_says_what_it_means(kind: str, said: str, remedy: str) -> None:
    (finding,) = diagnose(Evidence(NOW, recent={kind: 3}))
    assert (finding.kind, finding.state) == (f"refused:{kind}", "degraded")
    assert said in finding.text
    assert remedy in finding.remedy
    assert diagnose(Evidence(NOW, recent={kind: 2})) == ()


def test_a_burst_names_the_time_it_must_be_mended_by() -> None:
    failing = Failing(NOW - HOUR, NOW)
    (finding,) = diagnose(Evidence(NOW, recent={"wrong_signature": 3}, failing=failing))
    assert "gives up at 2026-12-03 11:04 UTC" in finding.text


# -- what the poll saw -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("missed", "heard", "state"),
    [(3, 0, "silent"), (2, 0, "healthy"), (2, 18, "degraded"), (1, 19, "healthy"), (3, 10, "healthy")],
)
def test_what_the_poll_saw_and_no_webhook_told(missed: int, heard: int, state: str) -> None:
    assert found(compared={"missed": missed, "heard": heard})[0] == state


def test_one_silent_hook_beside_others_that_are_heard() -> None:
    shipped, quiet = Unheard(SHIPPED, 3, NOW - HOUR), Unheard("store/order/archived", 2, None)
    evidence: dict[str, Any] = {"unheard": [shipped, quiet], "steps": [step(), step(scope=SHIPPED)]}
    (finding,) = diagnose(Evidence(NOW, **evidence, compared={"missed": 0, "heard": 9}))
    assert (finding.kind, finding.state) == (f"silent:{SHIPPED}", "degraded")
    assert finding.text == (
        f"{SHIPPED} is registered and silent: 3 events are missing since its last one came (2026-12-01 11:00 UTC)."
    )
    assert "bcifs webhooks remove" in finding.remedy
    (never,) = diagnose(Evidence(NOW, unheard=[Unheard(SHIPPED, 9, None)]))
    assert never.text.endswith("9 events are missing and none ever came.")
    health = WebhookHealth(1, findings=(finding,))
    assert silence_of(health, "store/order/created") is None
    missing, remedy = silence_of(health, SHIPPED) or ("", "")
    assert (missing[:20], remedy) == ("3 events are missing", finding.remedy)


def test_a_silent_hook_is_not_told_of_where_its_silence_is_explained() -> None:
    silent = [Unheard(SHIPPED, 5, NOW - HOUR)]
    assert found(unheard=silent, steps=[step("inactive", scope=SHIPPED)])[1] == ["inactive"]
    assert found(unheard=silent, compared={"missed": 5, "heard": 0})[1] == ["silent"]
    assert found(unheard=silent, has_listener=False)[1] == ["no_listener"]


# -- the listener ------------------------------------------------------------------------------------------------------


def test_without_a_listener_nothing_arrives() -> None:
    (finding,) = diagnose(Evidence(NOW, has_listener=False, failing=Failing(NOW - HOUR, NOW)))
    assert (finding.kind, finding.state) == ("no_listener", "silent")
    assert "gives up at 2026-12-03 11:04 UTC" in finding.text


def test_a_gap_is_told_with_its_length() -> None:
    (finding,) = diagnose(Evidence(NOW, gap=Gap(NOW - 3 * HOUR, NOW)))
    assert (finding.kind, finding.state) == ("gap", "degraded")
    assert "from 2026-12-01 09:00 UTC to 2026-12-01 12:00 UTC" in finding.text


def test_a_time_that_is_over_is_told_as_past() -> None:
    (finding,) = diagnose(Evidence(NOW, gap=Gap(NOW - 72 * HOUR, NOW), failing=Failing(NOW - 72 * HOUR, NOW)))
    assert finding.text.endswith("BigCommerce began to give up at 2026-11-30 12:04 UTC.")


def test_the_stores_own_notices() -> None:
    bodies = [json.dumps({"data": {"error_code": code}}) for code in (90001, 90003, 90001, "x", 1)] + ['{"data": 5}']
    assert notice_codes(bodies) == (90001, 90003, 90001, 1)
    (finding,) = diagnose(Evidence(NOW, notices=notice_codes(bodies)))
    assert finding.text == (
        "BigCommerce reports: a delivery failed and will be tried again; our domain is blocked for a while."
    )


# -- the 48-hour clock -------------------------------------------------------------------------------------------------


def test_it_runs_out_48_hours_and_4_minutes_after_the_first_failure() -> None:
    assert timedelta(hours=48, minutes=4) == GIVES_UP_AFTER
    clock = clock_of(None, failed_from=NOW, now=NOW)
    assert clock is not None
    later = clock_of(clock, failed_from=NOW + 5 * HOUR, now=NOW + 6 * HOUR)
    assert later == Failing(NOW, NOW + 6 * HOUR)
    assert later.gives_up_at == NOW + GIVES_UP_AFTER


@pytest.mark.parametrize(("outage", "attempt"), [(0, 0), (30, 0), (90, 1), (1_000, 3), (100_000, 10)])
def test_it_stops_when_the_next_attempt_after_the_outage_has_been_made(outage: int, attempt: int) -> None:
    clock = Failing(NOW, NOW + timedelta(seconds=outage))
    by = NOW + ATTEMPTS_AFTER[attempt]
    assert clock_of(clock, failed_from=None, now=by) == clock
    assert clock_of(clock, failed_from=None, now=by + 3 * MINUTE) is None


def test_past_the_last_attempt_there_is_nothing_to_wait_for() -> None:
    clock = Failing(NOW, NOW + 72 * HOUR)
    assert clock_of(clock, failed_from=None, now=NOW + 72 * HOUR + 3 * MINUTE) is None
