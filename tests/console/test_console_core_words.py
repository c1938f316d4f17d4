"""What the frame says: the status bar's parts, the jump's grammar, ages and amounts."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from textual.content import Content

from bcifs_console.base.problems import Problem
from bcifs_console.console import jumps, text
from bcifs_console.console.jumps import Jump
from bcifs_console.console.vitals import Part, ServiceState, parts
from bcifs_console.console.widgets.status_bar import StatusBar
from bcifs_console.domain.states import Side
from bcifs_console.store.views.overview import Process
from bcifs_console.store.views.vitals import PausedSide, Vitals

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def _vitals(*, up: bool = True, seen_s: float = 0.5, needs_you: int = 0, paused: tuple[PausedSide, ...] = ()) -> Vitals:
    seen = NOW - timedelta(seconds=seen_s)
    listener = Process("listener", up, NOW, seen, 8080) if up else Process("listener", is_up=False)
    worker = Process("worker", up, NOW, seen) if up else Process("worker", is_up=False)
    return Vitals(NOW, needs_you, 0, listener, worker, 1, paused)


def _said(found: list[Part]) -> list[str]:
    return [part.shown.plain for part in found]


def test_all_well() -> None:
    assert _said(parts(_vitals())) == [
        "✓ nothing waits for you",
        "✓ BigCommerce",
        "✓ IFS",
        "✓ listener :8080",
        "✓ worker",
    ]


def test_what_needs_somebody_and_what_is_paused() -> None:
    paused = (PausedSide("acme-us", Side.IFS, NOW - timedelta(minutes=3), "401"),)
    assert _said(parts(_vitals(needs_you=1204, paused=paused)))[:3] == [
        "! 1,204 need you",
        "✓ BigCommerce",
        "✗ IFS paused 3 min",
    ]


def test_a_service_that_is_down_names_the_key_that_starts_it() -> None:
    assert _said(parts(_vitals(up=False), start_key="s"))[-1] == "✗ service down · s starts it"


def test_read_only_says_so_and_names_no_key() -> None:
    said = _said(parts(_vitals(up=False), start_key="s", readonly=True))
    assert said[0] == "read-only"
    assert said[-1] == "✗ service down"


def test_the_reason_why_the_service_ended_is_told_even_before_its_heartbeat_is_old() -> None:
    state = ServiceState(ended="Port 8080 is in use")
    told = "✗ service ended: Port 8080 is in use · S starts it"
    assert _said(parts(_vitals(up=False), service=state, start_key="S"))[-1] == told
    assert _said(parts(_vitals(seen_s=4), service=state, start_key="S"))[-1] == told
    # another service has the home, and lives
    assert _said(parts(_vitals(seen_s=1), service=state))[-1] == "✓ worker"


def test_a_service_on_its_way_and_one_that_is_late() -> None:
    assert _said(parts(_vitals(up=False), service=ServiceState(is_starting=True)))[-1] == "◔ service starting"
    assert _said(parts(_vitals(seen_s=7.9)))[-1] == "! last sign of life 7 s ago"


def test_a_store_that_cannot_be_read_comes_first() -> None:
    assert _said(parts(None, trouble="The database does not answer.")) == ["✗ The database does not answer."]


def test_parts_that_do_not_fit_are_counted_with_their_gaps() -> None:
    assert StatusBar.length([Part(1, Content("abc")), Part(2, Content("de"))]) == 3 + 3 + 2
    assert StatusBar.length([]) == 0


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("orders failed", Jump("orders", "failed")),
        ("ord", Jump("orders")),
        (":led", Jump("ledger")),
        ("order 1042", Jump(digits="1042")),
        ("#1042", Jump(digits="1042")),
        ("1042", Jump(digits="1042")),
        ("", Jump("overview")),
    ],
)
def test_where_a_jump_leads(typed: str, first: Jump) -> None:
    assert jumps.parse(typed)[0] == first


def test_a_jump_to_nowhere() -> None:
    assert jumps.parse("xyz") == []


def test_a_state_behind_orders_is_a_filter_and_other_words_stay_as_they_are() -> None:
    assert Jump("orders", "failed acme").focus == {"filter": "state:failed acme"}
    assert Jump("log", "refused").focus == {"text": "refused"}
    assert Jump("jobs", "x").focus == {}


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "now"), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (200_000, "2 d"), (-40, "in 40 s")],
)
def test_ages(seconds: int, told: str) -> None:
    assert text.age(NOW, NOW - timedelta(seconds=seconds)) == told


def test_amounts_are_never_rounded() -> None:
    assert text.money(Decimal("1204.005"), "USD") == "1,204.005 USD"
    assert text.money(None, "USD") == "-"


def test_outside_text_is_neither_markup_nor_control() -> None:
    assert text.plain("Acme [/b] \x1b]52;c;x\x07").plain == "Acme [/b] \\x1b]52;c;x\\x07"
    assert text.state("waiting", "reason [red]").plain == "! reason [red]"
    assert text.problem(Problem("a\x1b[2J", remedy="b")).plain == "✗ a\\x1b[2J\n→ b"
